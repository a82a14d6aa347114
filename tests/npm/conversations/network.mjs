// The network between a page and a server: it passes bytes on, counts handshakes, and breaks in the ways that a network and a server have.

import { connect, createServer } from 'node:net';

/** An unmasked close frame (RFC 6455, section 5.5.1) with the code 1001. */
const GOING_AWAY = Buffer.from([0x88, 2, 0x03, 0xe9]);

/** What ends all connections: a server that closes them, a process that ends, a machine that is gone. */
const ENDS = {
  1001: (page, server) => {
    server.destroy();
    page.unpipe();
    // The browser's answer ends the closing handshake; then the server ends the connection.
    page.once('data', () => page.end());
    page.resume();
    page.write(GOING_AWAY);
  },
  FIN: (page, server) => {
    server.destroy();
    page.end();
  },
  RST: (page, server) => {
    server.destroy();
    page.resetAndDestroy();
  },
};
export const HOW = Object.keys(ENDS);

/** Stands before the server at a port. */
export async function network(port) {
  const pairs = new Map();
  let handshakes = 0;
  let refusals = 0;
  const front = createServer((page) => {
    page.on('error', () => {});
    page.once('data', (first) => {
      handshakes++;
      if (refusals > 0) {
        refusals--;
        page.resetAndDestroy();
        return;
      }
      const server = connect(port, '127.0.0.1');
      pairs.set(page, server);
      server.on('error', () => page.destroy());
      page.on('close', () => {
        pairs.delete(page);
        server.destroy();
      });
      server.write(first);
      page.pipe(server);
      server.on('data', (data) => page.writable && page.write(data));
      server.on('end', () => page.end());
    });
  });
  await new Promise((resolve) => front.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${front.address().port}`,
    handshakes: () => handshakes,
    /** Ends all connections. */
    end(how) {
      for (const [page, server] of pairs) ENDS[how](page, server);
    },
    /** Refuses the next handshakes, by a reset. */
    refuse(times) {
      refusals = times;
    },
    close() {
      front.close();
      for (const page of pairs.keys()) page.destroy();
    },
  };
}

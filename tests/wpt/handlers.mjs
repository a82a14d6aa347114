// What the paths of the suite's WebSocket server do. A handler is the conversation of one connection; `enter` answers the handshake.

import { setTimeout as pause } from 'node:timers/promises';
import { closing, frame } from './wire.mjs';

/** A handler that accepts, and converses. When the conversation has ended, the server closes, or answers the client's close with its code. */
const accepting =
  (converse, answer = () => ({})) =>
  async (peer) => {
    peer.write(peer.head(answer(peer)));
    await converse(peer);
    if (peer.heard) peer.close(peer.heard.code, peer.heard.reason);
    else if (!peer.isOver) peer.close(1000);
  };

const silent = () => {};
const untilClosed = async (peer) => {
  while ((await peer.receive()) !== undefined);
};

async function echo(peer) {
  for (;;) {
    const message = await peer.receive();
    if (message === undefined) return;
    peer.send(message);
    if (message === 'Goodbye') return;
  }
}

const saying = (text) => (peer) => peer.send(text(peer));
const cookie = (attributes) => (peer) => ({ headers: [`Set-Cookie: ws_test_${peer.query}=test; ${attributes}`] });
const query = (peer) => new URLSearchParams(peer.query);

/** Values that pages leave for one another. */
const stash = new Map();
const takers = new Map();

export const HANDLERS = {
  echo: accepting(echo, ({ offered }) => (offered.includes('echo') ? { protocol: 'echo' } : {})),
  echo_close_data: accepting(async (peer) => {
    for (let message = await peer.receive(); message !== undefined && message !== 'Goodbye'; )
      message = await peer.receive();
  }),
  echo_exit: accepting(async (peer) => {
    for (let message = await peer.receive(); message !== undefined && message !== 'Goodbye'; )
      message = await peer.receive();
  }),
  // Writes what it hears as it is, also what is no frame.
  echo_raw: accepting(async (peer) => {
    for (;;) {
      const message = await peer.receive();
      if (message === undefined || String(message) === 'exit') return;
      peer.write(message);
    }
  }),
  'echo-query': accepting(saying(({ query }) => query)),
  'echo-query_v13': accepting(saying(({ query }) => query)),
  'echo-cookie': accepting(saying(({ request }) => request.headers.cookie ?? '(none)')),
  origin: accepting(saying(({ origin }) => origin)),
  referrer: accepting(saying(({ request }) => request.headers.referer ?? 'MISSING AS PER FETCH')),
  'empty-message': accepting(async (peer) => peer.send((await peer.receive()) === '' ? 'pass' : 'fail')),
  protocol: accepting(
    saying(({ request }) => request.headers['sec-websocket-protocol']),
    ({ request }) => ({ protocol: request.headers['sec-websocket-protocol'] }),
  ),
  protocol_array: accepting(
    saying(({ offered }) => offered[0]),
    ({ offered }) => ({ protocol: offered[0] }),
  ),
  handshake_no_extensions: accepting(silent),
  handshake_no_protocol: accepting(silent),
  handshake_protocol: accepting(silent, () => ({ protocol: 'foobar' })),
  handshake_sleep_2: async (peer) => {
    await pause(2_000);
    await accepting(silent)(peer);
  },
  sleep_10_v13: async (peer) => {
    await pause(10_000);
    await accepting(echo)(peer);
  },
  invalid: (peer) => {
    peer.write('FOO BAR BAZ\r\n\r\n');
    peer.socket.end();
  },
  wrong_accept_key: (peer) => {
    peer.write(peer.head({ accept: 'thisisawrongacceptkey' }));
    peer.send('test');
  },
  // Head and close frame in one packet.
  simple_handshake: (peer) => {
    const head = peer.head({ headers: ['Set-Cookie: ws_test=test'] });
    peer.write(Buffer.concat([Buffer.from(head), frame(8, closing(1001, 'PASS'))]));
    peer.hasSentClose = true;
  },
  basic_auth: (peer) => {
    if (peer.request.headers.authorization === `Basic ${btoa('foo:bar')}`) return accepting(silent)(peer);
    peer.write(
      'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nWWW-Authenticate: Basic realm="camelot"\r\nConnection: close\r\n\r\n',
    );
    peer.socket.end();
  },
  'delayed-passive-close': accepting(async (peer) => {
    await untilClosed(peer);
    await pause(1_000);
  }),
  'passive-close-abort': async (peer) => {
    peer.write(peer.head());
    await untilClosed(peer);
    peer.abort();
  },
  'remote-close': async (peer) => {
    peer.write(peer.head());
    const asked = query(peer);
    if (asked.has('abrupt')) {
      peer.ping();
      peer.socket.end();
    } else peer.close(asked.has('code') ? Number(asked.get('code')) : undefined, asked.get('reason') ?? '');
  },
  'receive-many-with-backpressure': accepting(async (peer) => {
    for (;;) {
      await pause(100);
      const message = await peer.receive();
      if (message === undefined) return;
      peer.send(String(message.length));
    }
  }),
  'set-cookie': accepting(untilClosed, cookie('Path=/')),
  'set-cookie_http': accepting(untilClosed, cookie('Path=/; HttpOnly')),
  'set-cookie-secure': accepting(untilClosed, cookie('Secure; Path=/')),
  stash_responder_blocking: accepting(async (peer) => {
    const { action, key, value } = JSON.parse(await peer.receive());
    if (action === 'set') {
      stash.set(key, value);
      takers.get(key)?.();
      return peer.send('{}');
    }
    if (!stash.has(key)) await new Promise((resolve) => takers.set(key, resolve));
    peer.send(JSON.stringify({ value: stash.get(key) }));
    stash.delete(key);
  }),
  stash_responder: accepting(async (peer) => {
    await peer.receive();
    const asked = query(peer);
    const key = asked.get('key');
    const kept = stash.get(key);
    if (asked.get('action') === 'put') stash.set(key, asked.get('value'));
    else stash.delete(key);
    const result = asked.get('action') === 'put' ? key : (kept ?? null);
    const status = asked.get('action') === 'take' ? (kept === undefined ? 'allowed' : 'blocked') : 'success';
    peer.send(JSON.stringify({ status, result }));
  }),
};

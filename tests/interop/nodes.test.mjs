// Two nodes behind nginx: one dies, a hundred clients use one ticket, and a rolling restart.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browser, origin } from '../npm/page.mjs';
import { inContext } from '../npm/recorder.mjs';
import { handshake, login, post, two } from './django.mjs';

/** Runs with a page that has so many sockets of maggie's, by ticket, that note what they hear. */
const withSockets = (count, run) =>
  inContext(browser, {}, async (context) => run(await pageWithSockets(context, count)));

async function pageWithSockets(context, count) {
  const page = await context.newPage();
  await page.goto(origin);
  await page.evaluate(
    async ({ server, count }) => {
      const { AuthSocket, presets, Session } = await import('gatepass');
      const session = new Session(presets.ticketServer(server));
      await session.login({ username: 'maggie', password: 'secret' });
      window.sockets = Array.from({ length: count }, () => {
        const socket = new AuthSocket(`${server}/channel/`, {
          session,
          ...presets.ticketServerSocket(server),
          backoff: { base: 50, cap: 500, spread: 200 },
        });
        const noted = { socket, opened: 0, closed: 0, queued: [], echoed: [], pid: 0 };
        socket.addEventListener('open', () => {
          noted.opened++;
          socket.send('{"type":"node"}');
        });
        socket.addEventListener('close', () => {
          noted.closed++;
          noted.pid = 0;
          // Sent while there is no connection: kept until there is one.
          const message = `queued ${noted.queued.length}`;
          noted.queued.push(message);
          socket.send(message);
        });
        socket.addEventListener('message', ({ data }) => {
          if (data.startsWith('queued')) noted.echoed.push(data);
          else noted.pid = JSON.parse(data).pid;
        });
        return noted;
      });
    },
    { server: two.url, count },
  );
  const pids = () => page.evaluate(() => window.sockets.map(({ pid }) => pid));
  /** Waits until every socket is served by a process that is not one of these. */
  const served = (gone = []) =>
    page.waitForFunction((gone) => window.sockets.every(({ pid }) => pid > 0 && !gone.includes(pid)), gone, {
      timeout: 90_000,
    });
  /** Waits until every queued message has come back, and returns what was queued and what came back. */
  const messages = async () => {
    await page.waitForFunction(
      () => window.sockets.every(({ queued, echoed }) => echoed.length >= queued.length),
      null,
      { timeout: 60_000 },
    );
    return page.evaluate(() => window.sockets.map(({ queued, echoed }) => ({ queued, echoed })));
  };
  return { page, pids, served, messages };
}

test('the node that serves a socket is killed: connected again through the other, with a new ticket, and what was queued arrives once', () =>
  withSockets(1, async (one) => {
    await one.served();
    const [pid] = await one.pids();
    process.kill(pid, 'SIGKILL');
    await one.served([pid]);
    const [{ queued, echoed }] = await one.messages();
    assert.ok(queued.length >= 1, 'the loss was seen');
    assert.deepEqual(echoed, queued);
    const { attempts, connections } = await one.page.evaluate(() => window.sockets[0].socket.stats());
    assert.ok(
      connections === 2 && attempts >= 2,
      'each attempt has had a ticket of its own, or it would have been refused',
    );
  }));

test('a hundred sockets race with one ticket over two nodes: exactly one gets in', async () => {
  const authorization = `Bearer ${(await login(two)).access}`;
  for (let round = 0; round < 3; round++) {
    const { body } = await post(two, '/ws_ticket', {}, { authorization });
    const statuses = await Promise.all(
      Array.from({ length: 100 }, () => handshake(two, `/channel/?ticket=${body.ticket}`)),
    );
    assert.deepEqual(
      [101, 403].map((status) => statuses.filter((found) => found === status).length),
      [1, 99],
    );
  }
});

test('a broadcast reaches the group on both nodes', () =>
  withSockets(8, async (many) => {
    await many.served();
    assert.equal(new Set(await many.pids()).size, 2, 'nginx has spread them');
    const froms = await many.page.evaluate(() => {
      const heard = window.sockets.map(
        ({ socket }) =>
          new Promise((resolve) => {
            socket.addEventListener(
              'message',
              ({ data }) => data.includes('broadcast') && resolve(JSON.parse(data).from),
            );
          }),
      );
      window.sockets[0].socket.send('{"type":"broadcast"}');
      return Promise.all(heard);
    });
    assert.deepEqual(froms, Array(8).fill('maggie'));
  }));

test('both nodes are restarted, one after the other, under fifty sockets: no queued message is lost, none comes twice', () =>
  withSockets(50, async (fifty) => {
    await fifty.served();
    const nodes = [...new Set(await fifty.pids())];
    assert.equal(nodes.length, 2);
    for (const [index, pid] of nodes.entries()) {
      process.kill(pid, 'SIGTERM');
      await fifty.served(nodes.slice(0, index + 1));
    }
    const messages = await fifty.messages();
    for (const { queued, echoed } of messages) assert.deepEqual(echoed, queued);
    assert.ok(
      messages.every(({ queued }) => queued.length >= 1),
      'every socket was on a node that has ended',
    );
  }));

// Going on after a loss and over a reload in Chromium, against the rooms of the mock server.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { control, server } from './browser.mjs';
import { inProfile, open } from './profile.mjs';
import { ground, run } from './rooms/ground.mjs';

test('nothing is missed: a subscription goes on at its cursor, drops what comes twice, and tells a gap', async () => {
  const result = await run(
    async (server) => {
      const socket = await roomSocket(server);
      const resume = { cursor: 'seq', tooOld: { type: 'gap', room: 'a' } };
      const [message, options] = roomOf('a', { resume });
      const { heard, note, reaches } = ear();
      const room = socket.subscribe(
        { ...message, since: '$cursor' },
        { ...options, onMessage: ({ seq }) => note(seq) },
      );
      const gaps = [];
      socket.addEventListener('gap', ({ key, data }) => gaps.push([key, data]));
      await room.ready;
      const publish = async (count) => {
        for (let at = 0; at < count; at++) await control({ do: 'publish', room: 'a', text: 'x' });
      };
      const cut = async (meanwhile) => {
        const lost = next(socket, 'statechange', ({ state }) => state === 'waiting');
        await control({ do: 'stop' });
        await lost;
        await meanwhile();
        await control({ do: 'start' });
        await socket.ready();
      };
      await control({ do: 'repeat', times: 2 });
      await publish(3);
      await reaches(3);
      await cut(() => publish(2));
      await reaches(5);
      await cut(() => publish(7));
      await reaches(12);
      const before = gaps.length;
      await cut(async () => {
        await publish(1);
        await control({ do: 'forgetLogs' });
        await publish(1);
      });
      await reaches(14);
      socket.close();
      return { heard, before, gaps, joins: (await said()).map(({ since }) => since ?? null) };
    },
    { logLength: 4 },
  );
  // The log had only four of seven.
  assert.deepEqual(result.heard, [1, 2, 3, 4, 5, 9, 10, 11, 12, 14]);
  assert.equal(result.before, 1);
  const key = '{"type":"join","room":"a","since":"$cursor"}';
  assert.deepEqual(result.gaps, [
    [key, { type: 'gap', room: 'a' }],
    [key, { type: 'gap', room: 'a' }],
  ]);
  assert.deepEqual(result.joins, [null, 3, 5, 12]);
});

test('with a store it goes on over a reload; a logout forgets where', async () => {
  await control({ do: 'reset' });
  await inProfile(async (context) => {
    const tab = await open(context);
    const hear = () =>
      tab.evaluate(
        async ([ground, server]) => {
          (0, eval)(ground);
          const { AuthSocket, presets, Session } = await import('gatepass');
          const { json } = await import('gatepass/conversation');
          const session = new Session({ ...presets.simpleJwt(`${server}/api`), store: 'sessionStorage' });
          if (!(await session.accessToken().catch(() => undefined)))
            await session.login({ username: 'maggie', password: 'secret' });
          const socket = new AuthSocket(`${server}/ws/rooms/`, {
            session,
            ...presets.ticketServerSocket(server),
            codec: json(),
            resume: { cursor: 'seq', tooOld: { type: 'gap' }, store: 'sessionStorage' },
          });
          const [message, options] = roomOf('a');
          Object.assign(globalThis, { socket, session, heard: [] });
          const onMessage = ({ seq }) => heard.push(seq);
          await socket.subscribe({ ...message, since: '$cursor' }, { ...options, onMessage }).ready;
          await control({ do: 'publish', room: 'a', text: 'x' });
        },
        [ground, server],
      );
    const heard = (last) =>
      tab.waitForFunction((last) => heard.at(-1) === last && heard, last).then((all) => all.jsonValue());
    await hear();
    await heard(1);
    await tab.reload();
    await control({ do: 'publish', room: 'a', text: 'while it was away' });
    await hear();
    assert.deepEqual(await heard(3), [2, 3]);
    // Two sockets of other URLs do not share it.
    assert.deepEqual(await tab.evaluate(() => Object.keys(sessionStorage).filter((key) => key.includes('cursors'))), [
      `gatepass.cursors ${server}/ws/rooms/`,
    ]);
    const stored = () =>
      tab.evaluate((server) => sessionStorage.getItem(`gatepass.cursors ${server}/ws/rooms/`), server);
    assert.equal(await stored(), '[["",3]]');
    // Somebody else, who signs in after a logout that this page has not seen.
    await tab.evaluate(() => {
      for (const key of Object.keys(sessionStorage)) if (!key.includes('cursors')) sessionStorage.removeItem(key);
    });
    await tab.reload();
    await tab.evaluate(async (server) => {
      const { AuthSocket, presets, Session } = await import('gatepass');
      const { json } = await import('gatepass/conversation');
      const session = new Session(presets.simpleJwt(`${server}/api`));
      const options = { session, ...presets.ticketServerSocket(server), codec: json() };
      globalThis.cursors = [];
      const socket = new AuthSocket(`${server}/ws/rooms/`, {
        ...options,
        resume: { cursor: 'seq', store: 'sessionStorage' },
        onConnected: (_, { cursor }) => cursors.push(cursor ?? null),
      });
      await new Promise((resolve) =>
        socket.addEventListener('statechange', ({ suspendedFor }) => suspendedFor && resolve()),
      );
      await session.login({ username: 'bob', password: 'hunter2' });
      await socket.ready();
      socket.close();
    }, server);
    assert.deepEqual(await tab.evaluate(() => cursors), [null]);
    assert.equal(await stored(), '[]');
  });
});

// Whose connection it is: nobody's, a user's, or the next user's; and what becomes of messages that wait.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { control } from './browser.mjs';
import { run } from './noting.mjs';

test('a visitor is connected as nobody, becomes somebody at login, and nobody at logout', async () => {
  await control({ do: 'reset' });
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { AuthSocket, presets, query, Session } = await import('gatepass');
    const session = new Session(presets.simpleJwt(`${server}/api`));
    const errors = [];
    const socket = new AuthSocket(`${server}/ws/public/`, { session, scheme: query(), whenSignedOut: 'connect' });
    socket.addEventListener('error', ({ error }) => errors.push(error.code));
    const user = () =>
      new Promise((resolve) => {
        socket.addEventListener('message', ({ data }) => resolve(JSON.parse(data).user), { once: true });
        socket.send('{"type":"whoami"}');
      });
    await socket.ready();
    const users = [await user()];
    await session.login({ username: 'maggie', password: 'secret' });
    await socket.ready();
    users.push(await user());
    session.logout();
    await socket.ready();
    users.push(await user());
    socket.close();
    return { users, errors, tokens: dialled.map(({ url }) => new URL(url).searchParams.has('token')) };
  });
  assert.deepEqual(result, { users: [null, 'maggie', null], errors: [], tokens: [false, true, false] });
});

test('what waits of a user whose session has ended does not go out as nobody, and the app is told', async () => {
  await control({ do: 'reset' });
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { AuthSocket, query, Session } = await import('gatepass');
    const session = await signedIn(Session, server);
    const socket = new AuthSocket(`${server}/ws/public/`, {
      session,
      scheme: query(),
      whenSignedOut: 'connect',
      backoff: { base: 1, cap: 1 },
    });
    const told = [];
    socket.addEventListener('statechange', ({ state, userChanged, dropped }) => {
      if (userChanged) told.push([state, dropped]);
    });
    socket.addEventListener('error', ({ error }) => told.push(error.disposition));
    await socket.ready();
    const control = await (await fetch(`${server}/control`)).text();
    const lost = new Promise((resolve) => socket.addEventListener('close', resolve, { once: true }));
    // It also closes the socket, with 4401.
    await fetch(control, { method: 'POST', body: '{"do":"revoke","user":"maggie"}' });
    await lost;
    const status = await socket.sent(socket.send("maggie's own"));
    await socket.ready();
    const { state } = socket;
    socket.close();
    return { told, status, state, sent: dialled.flatMap(({ sent }) => sent) };
  });
  assert.deepEqual(result, { told: [['waiting', 1], 'signIn'], status: 'dropped', state: 'connected', sent: [] });
});

test('ready() goes on waiting when another user signs in', async () => {
  await control({ do: 'reset' });
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { AuthSocket, query, Session } = await import('gatepass');
    const session = await signedIn(Session, server);
    const states = [];
    let asked = 0;
    const first = Promise.withResolvers();
    // The first attempt waits here, until it is not needed any more.
    const url = () => {
      first.resolve();
      return ++asked === 1 ? new Promise(() => {}) : `${server}/ws/jwt/`;
    };
    const socket = new AuthSocket(url, { session, scheme: query() });
    socket.addEventListener('statechange', ({ state, suspendedFor }) => states.push(suspendedFor ?? state));
    const ready = socket.ready();
    await first.promise;
    await session.login({ username: 'bob', password: 'hunter2' });
    await ready;
    const { state } = socket;
    socket.close();
    return { state, states };
  });
  assert.equal(result.state, 'connected');
  assert.ok(!result.states.includes('sign-in'), result.states.join());
});

test('sent() says what has closed the socket while the message waits', async () => {
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { anonymous, AuthSocket } = await import('gatepass');
    let isBroken = true;
    const socket = new AuthSocket(`${server}/ws/anonymous/`, {
      scheme: anonymous(),
      reconnect: false,
      onConnected: () => {
        if (isBroken) throw new Error('no room');
      },
    });
    const message = socket.send('kept');
    const sent = socket.sent(message);
    const codes = [await sent.catch(({ code }) => code), await socket.sent(message).catch(({ code }) => code)];
    isBroken = false;
    socket.reconnect();
    const after = await socket.sent(message);
    socket.close();
    return { codes, after };
  });
  assert.deepEqual(result, { codes: ['CALLBACK_FAILED', 'CALLBACK_FAILED'], after: 'sent' });
});

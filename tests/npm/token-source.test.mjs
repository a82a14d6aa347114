// The app's own source of tokens, `getToken`: when it is called, and the errors it throws.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { control, server } from './browser.mjs';
import { inPage } from './page.mjs';

test('getToken is asked for what is missing, ended or refused, once for all, until it says that the person has to sign in', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(
    async ([server, controlUrl]) => {
      const { AuthSocket, firstMessage, Session, SignInRequired } = await import('gatepass');
      const control = (command) => fetch(controlUrl, { method: 'POST', body: JSON.stringify(command) });
      const login = async () =>
        (
          await (
            await fetch(`${server}/api/token/`, {
              method: 'POST',
              headers: { 'content-type': 'application/json' },
              body: '{"username":"maggie","password":"secret"}',
            })
          ).json()
        ).access;
      const asked = [];
      let next = login;
      const session = new Session({
        getToken: async ({ reason, signal }) => {
          asked.push(reason, signal instanceof AbortSignal);
          return next();
        },
      });
      const scheme = firstMessage({ message: { token: '$token' } });
      const sockets = [1, 2, 3].map(
        () =>
          new AuthSocket(`${server}/ws/4401/`, { session, scheme, minUptime: 1, backoff: { base: 20, spread: 20 } }),
      );
      const states = [];
      sockets[0].addEventListener('statechange', ({ state, error }) =>
        states.push(error ? `${state} ${error.code}` : state),
      );
      await Promise.all(sockets.map((socket) => socket.ready()));
      const first = [...asked.splice(0), session.state];
      // After a refusal another token is sent; after a temporary failure the same call is repeated.
      let fails = 1;
      next = async () => {
        if (fails-- > 0) throw new Error('the identity provider is away');
        return { access: await login(), expiresIn: 300 };
      };
      await control({ do: 'expireTokens' });
      await control({ do: 'dropSockets', how: { close: { code: 4401 } } });
      const again = async (count) => {
        while (states.filter((state) => state === 'connected').length < count)
          await new Promise((resolve) => sockets[0].addEventListener('statechange', resolve, { once: true }));
      };
      await again(2);
      const second = [...new Set(asked.splice(0))];
      // The same token again does not count.
      const old = await session.accessToken();
      next = async () => old;
      await control({ do: 'expireTokens' });
      await control({ do: 'dropSockets', how: { close: { code: 4401 } } });
      await new Promise((resolve) => session.addEventListener('change', ({ error }) => error && resolve()));
      const third = [session.state, await sockets[0].ready().catch((error) => error.code)];
      next = async () => {
        throw new SignInRequired();
      };
      const fourth = await session.accessToken().catch((error) => [error.code, error.disposition]);
      next = async () => ({ access: 'tok\nen' });
      const fifth = await session.accessToken().catch((error) => error.code);
      next = login;
      sockets.forEach((socket) => socket.reconnect());
      await Promise.all(sockets.map((socket) => socket.ready()));
      sockets.forEach((socket) => socket.close());
      return { first, second, third, fourth, fifth, state: session.state };
    },
    [server, process.env.GATEPASS_TEST_CONTROL],
  );
  assert.deepEqual(result, {
    first: ['missing', true, 'signed-in'],
    second: ['rejected', true],
    third: ['expired', 'CLOSED_BY_SERVER'],
    fourth: ['REFRESH_REJECTED', 'signIn'],
    fifth: 'REFRESH_FAILED',
    state: 'signed-in',
  });
});

test('what getToken throws, or that it returns nothing of use, is the cause of what the app is told', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { AuthSocket, GatepassError, query, Session, SignInRequired } = await import('gatepass');
    const seen = [];
    const thrown = [new TypeError('provider is undefined'), undefined, new SignInRequired('the person has left')];
    for (const cause of thrown) {
      const session = new Session({ getToken: () => Promise.reject(cause) });
      const asked = await session.accessToken().catch((error) => error);
      const socket = new AuthSocket(`${server}/ws/jwt/`, { session, scheme: query() });
      const told = await new Promise((resolve) => socket.addEventListener('error', ({ error }) => resolve(error)));
      socket.close();
      seen.push(
        ...[asked, told].map((error) => [
          error.code,
          error.message,
          error.status,
          'cause' in error && error.cause === cause,
        ]),
      );
    }
    const leaving = new SignInRequired();
    const session = new Session({ getToken: () => Promise.reject(leaving), fetchOrigins: [server] });
    const ended = new Promise((resolve) => session.addEventListener('change', ({ error }) => error && resolve(error)));
    session.setTokens({ access: 'refused' });
    await session.fetch(`${server}/protected`);
    seen.push([session.state, (await ended).code, (await ended).cause === leaving]);
    for (const given of [undefined, 7, {}, { access: 'token', expiresIn: -5 }, { access: 'token', expires_in: 5 }]) {
      const session = new Session({ getToken: () => given });
      const { cause } = await session.accessToken().catch((error) => error);
      seen.push(cause instanceof GatepassError && `${cause.code} ${cause.message}`);
    }
    // Failures that are not of the source have no `cause`.
    const slow = new Session({ getToken: () => new Promise(() => {}), httpTimeout: 50 });
    const late = await slow.accessToken().catch((error) => error);
    return [...seen, [late.code, late.message, 'cause' in late]];
  }, server);
  const failed = (code) => [code, 'getToken gave no token', undefined, true];
  assert.deepEqual(result.splice(0, 7), [
    ...Array(4).fill(failed('REFRESH_FAILED')),
    ...Array(2).fill(failed('REFRESH_REJECTED')),
    ['expired', 'REFRESH_REJECTED', true],
  ]);
  assert.deepEqual(result.pop(), ['REFRESH_FAILED', 'no answer in time', false]);
  const mistakes = [
    /^INVALID_OPTION getToken:/,
    /^INVALID_OPTION getToken:/,
    /^INVALID_OPTION getToken\.access:/,
    /^INVALID_OPTION getToken\.expiresIn:/,
    /^INVALID_OPTION getToken\.expires_in:.*expiresIn/,
  ];
  mistakes.forEach((words, index) => assert.match(result[index], words));
});

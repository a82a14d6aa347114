// A session that is a cookie: no script sees a token.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { control, server } from './browser.mjs';
import { inPage } from './page.mjs';

test('a session that is a cookie signs in by a login without a token, has sockets by cookie and by ticket, and ends at logout', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { AuthSocket, cookie, query, Session, ticket } = await import('gatepass');
    // Of the page's own site, so that the cookie comes along.
    const api = server.replace(/\/\/[^:]+/, `//${location.hostname}`);
    const options = {
      login: { url: `${api}/session/login/` },
      logout: { url: `${api}/session/logout/` },
      fields: { access: null },
      credentials: 'include',
    };
    const refused = [];
    for (const make of [
      () => new Session({ ...options, credentials: undefined }),
      () => new AuthSocket(`${api}/ws/jwt/`, { session: new Session(options), scheme: query() }),
    ]) {
      try {
        make();
      } catch ({ message }) {
        refused.push(message.split(':')[0]);
      }
    }
    const session = new Session(options);
    const wrong = await session.login({ username: 'maggie', password: 'wrong' }).catch(({ code }) => code);
    const user = (socket) =>
      new Promise((resolve) => {
        socket.addEventListener('message', ({ data }) => resolve(JSON.parse(data).user), { once: true });
        socket.send('{"type":"whoami"}');
      });
    const sockets = [
      new AuthSocket(`${api}/ws/cookie/`, { session, scheme: cookie() }),
      new AuthSocket(`${api}/channel/`, { session, scheme: ticket({ url: `${api}/session/ws_ticket` }) }),
    ];
    const users = Promise.all(sockets.map(user));
    await session.login({ username: 'maggie', password: 'secret' });
    const signedIn = [session.state, ...(await users)];
    const me = async () => {
      const response = await session.fetch(`${api}/session/me/`);
      return [response.status, (await response.json()).user];
    };
    const asked = [await me(), await session.accessToken().catch(({ code }) => code)];
    session.logout();
    const ended = sockets.map(({ state }) => state);
    await session.login({ username: 'bob', password: 'hunter2' });
    await Promise.all(sockets.map((socket) => socket.ready()));
    const next = await Promise.all(sockets.map(user));
    // The server has ended the session: somebody has to sign in.
    await fetch(`${api}/session/logout/`, { method: 'POST', credentials: 'include' });
    const [status] = await me();
    return [refused, wrong, signedIn, asked, ended, next, status, session.state];
  }, server);
  assert.deepEqual(result, [
    ['credentials', 'scheme'],
    'INVALID_CREDENTIALS',
    ['signed-in', 'maggie', 'maggie'],
    [[200, 'maggie'], 'INVALID_OPTION'],
    ['suspended', 'suspended'],
    ['bob', 'bob'],
    401,
    'expired',
  ]);
});

test('a session that is a cookie lasts in a store, and an answer that is neither JSON nor empty is no login', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { Session } = await import('gatepass');
    const api = server.replace(/\/\/[^:]+/, `//${location.hostname}`);
    const make = (url) =>
      new Session({
        login: { url },
        fields: { access: null },
        credentials: 'include',
        store: 'localStorage',
        storeKey: url,
      });
    const first = make(`${api}/session/login/`);
    await first.login({ username: 'maggie', password: 'secret' });
    while (localStorage.length === 0) await new Promise((resolve) => setTimeout(resolve));
    const again = make(`${api}/session/login/`);
    const state = await again.ready();
    again.logout();
    const html = new Session({
      login: { url: `${api}/session/login/` },
      fields: { access: null },
      credentials: 'include',
      fetch: async () => new Response('<html>a public network</html>'),
    });
    return [state, await html.login({ username: 'maggie', password: 'secret' }).catch(({ code }) => code), html.state];
  }, server);
  assert.deepEqual(result, ['signed-in', 'LOGIN_FAILED', 'signed-out']);
});

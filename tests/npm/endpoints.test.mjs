// Endpoints that differ from the usual: method, body, statuses, answers, cookies; tickets of the app; and a session that the browser holds already.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { ask, control, server } from './browser.mjs';
import { inPage } from './page.mjs';

/** An API that records its calls, and answers each as its path asks: status, headers, body. */
let api;
let backend;
const calls = [];
const ANSWERS = {
  '/login': () => [200, {}, '{"access":"one","refresh":"two","expires_in":300}'],
  '/login/header': () => [200, { 'x-auth': 'Bearer from-header' }, ''],
  '/login/text': () => [200, {}, ' from-text\n'],
  '/login/page': () => [200, { 'content-type': 'text/html' }, '<html>Welcome</html>'],
  '/login/words': () => [200, {}, 'no token here'],
  '/login/xml': () => [200, {}, '<token>from-xml</token>'],
  '/login/419': () => [419, {}, '{"detail":"no"}'],
  '/login/450': () => [450, {}, '{"detail":"locked"}'],
  '/refresh': () => [200, {}, '{"access":"three","expires_in":300}'],
  '/ticket': () => [200, {}, '{"ticket":"five"}'],
  '/ticket/text': () => [200, {}, 'from-text'],
};

before(async () => {
  backend = createServer((request, response) => {
    const { origin = '*' } = request.headers;
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-allow-credentials', 'true');
    response.setHeader('access-control-allow-headers', 'authorization, content-type');
    response.setHeader('access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE');
    response.setHeader('access-control-expose-headers', 'x-auth');
    if (request.method === 'OPTIONS') return response.writeHead(204).end();
    const call = { path: request.url, method: request.method, headers: request.headers, body: '' };
    request.on('data', (data) => (call.body += data));
    request.on('end', () => {
      calls.push(call);
      const [status, headers, body] = ANSWERS[request.url]?.() ?? [200, {}, '{}'];
      response.writeHead(status, headers).end(body);
    });
  });
  await new Promise((resolve) => backend.listen(0, '127.0.0.1', resolve));
  api = `http://127.0.0.1:${backend.address().port}`;
});
after(() => backend.close());

test('each endpoint has its own method, body and cookies; a function makes the body from what can be sent', async () => {
  calls.length = 0;
  await inPage(async (api) => {
    const { AuthSocket, Session, ticket } = await import('gatepass');
    document.cookie = 'seen=1';
    const told = [];
    const session = new Session({
      login: {
        url: `${api}/login`,
        method: 'PUT',
        credentials: 'include',
        body: async ({ values, call, method }) => {
          told.push([call, method]);
          return { user: values.username, nested: { secret: values.password } };
        },
      },
      refresh: { url: `${api}/refresh`, encoding: 'form', body: ({ values }) => ({ grant: 'refresh', ...values }) },
      logout: { url: `${api}/logout`, method: 'DELETE', body: null },
      fetchOrigins: [],
    });
    await session.login({ username: 'maggie', password: 'secret' });
    await session.accessToken({ minTtl: 86_400_000 });
    const scheme = ticket({
      url: `${api}/ticket`,
      method: 'PATCH',
      authorization: 'none',
      body: ({ values }) => ({ room: 'lobby', with: values.access }),
    });
    const socket = new AuthSocket(`${api.replace('http', 'ws')}/socket`, {
      session,
      scheme,
      probe: { url: `${api}/probe`, method: 'POST', credentials: 'include' },
      backoff: { base: 60_000 },
    });
    await new Promise((resolve) => socket.addEventListener('error', resolve, { once: true }));
    socket.close();
    session.logout();
    await fetch(`${api}/after`);
  }, api);
  const seen = calls
    .filter(({ path }) => path !== '/after' && !path.startsWith('/socket'))
    .map(({ path, method, headers, body }) => [
      path,
      method,
      headers['content-type']?.replace(/;.*/, ''),
      body,
      headers.authorization,
      headers.cookie,
    ]);
  const json = 'application/json';
  const [login, refresh, ...others] = seen;
  assert.deepEqual(login, [
    '/login',
    'PUT',
    json,
    '{"user":"maggie","nested":{"secret":"secret"}}',
    undefined,
    'seen=1',
  ]);
  assert.deepEqual(refresh.slice(0, 3), ['/refresh', 'POST', 'application/x-www-form-urlencoded']);
  assert.deepEqual(Object.fromEntries(new URLSearchParams(refresh[3])), {
    grant: 'refresh',
    access: 'one',
    refresh: 'two',
  });
  assert.deepEqual(others.sort(), [
    ['/logout', 'DELETE', undefined, '', 'Bearer three', undefined],
    ['/probe', 'POST', undefined, '', 'Bearer three', 'seen=1'],
    ['/ticket', 'PATCH', json, '{"room":"lobby","with":"three"}', undefined, undefined],
  ]);
});

test('a token is read from a header, from text, or by a function of the response; a ticket, too', async () => {
  calls.length = 0;
  const { result } = await inPage(async (api) => {
    const { AuthSocket, Session, ticket } = await import('gatepass');
    const found = [];
    for (const [path, answer] of [
      ['header', { header: 'X-Auth' }],
      ['text', 'text'],
      ['xml', async (response) => ({ data: { token: /<token>(.*)<\/token>/.exec(await response.text())[1] } })],
    ]) {
      const session = new Session({ login: { url: `${api}/login/${path}`, answer }, fields: { access: 'data.token' } });
      await session.login({ username: 'maggie', password: 'secret' });
      found.push(await session.accessToken());
    }
    const session = new Session();
    session.setTokens({ access: 'abc' });
    const socket = new AuthSocket(`${api.replace('http', 'ws')}/socket`, {
      session,
      scheme: ticket({ url: `${api}/ticket/text`, answer: 'text' }),
      backoff: { base: 60_000 },
    });
    await new Promise((resolve) => socket.addEventListener('error', resolve, { once: true }));
    socket.close();
    for (const path of ['page', 'words']) {
      const none = new Session({ login: { url: `${api}/login/${path}`, answer: 'text' } });
      found.push(await none.login({ username: 'maggie', password: 'secret' }).catch(({ code }) => code));
    }
    const wrong = [];
    for (const answer of ['xml', { head: 'a' }, { header: 'a b' }, 5])
      try {
        new Session({ login: { url: `${api}/login`, answer } });
      } catch ({ message }) {
        wrong.push(message.split(':')[0]);
      }
    return [found, wrong];
  }, api);
  assert.deepEqual(result, [
    ['from-header', 'from-text', 'from-xml', 'LOGIN_INCOMPLETE', 'LOGIN_INCOMPLETE'],
    ['login.answer', 'login.answer.head', 'login.answer.header', 'login.answer'],
  ]);
});

test('a function of the app that fails in a call is the cause of the error, and a header that is not there is named', async () => {
  const { result } = await inPage(async (api) => {
    const { AuthSocket, Session, ticket } = await import('gatepass');
    const uncaught = [];
    addEventListener('error', (event) => {
      event.preventDefault();
      uncaught.push(event.error.message);
    });
    const causes = [];
    const busy = () => {
      throw new Error('busy');
    };
    const login = { url: `${api}/login` };
    const credentials = { username: 'maggie', password: 'secret' };
    for (const shape of [
      { headers: busy },
      { body: busy },
      { body: () => undefined },
      { answer: busy },
      { answer: { header: 'x-auth' } },
    ]) {
      const session = new Session({ login: { ...login, ...shape } });
      const error = await session.login(credentials).catch((error) => error);
      causes.push([error.code, error.message, error.cause.message]);
    }
    const session = new Session({ login, refresh: { url: `${api}/refresh`, headers: busy } });
    await session.login(credentials);
    const refused = await session.accessToken();
    const error = await session.accessToken({ refused }).catch((error) => error);
    causes.push([error.code, error.cause.message]);
    for (const get of [busy, () => ({ ticket: 'a', expiresIn: -5 })]) {
      const socket = new AuthSocket(`${api}/socket`, { session, scheme: ticket({ get }) });
      const { error } = await new Promise((resolve) => socket.addEventListener('error', resolve));
      causes.push([error.code, error.cause.message]);
      socket.close();
    }
    // What fails by itself has no cause of the app's.
    const gone = new Session({ login: { url: 'http://127.0.0.1:1/', headers: { 'x-a': 'b' } } });
    const { code, cause } = await gone.login(credentials).catch((error) => error);
    causes.push([code, cause]);
    return { causes, isReported: uncaught.length === 8 };
  }, api);
  const message = 'a function of the app failed; see cause';
  const hint = 'Does the server list it in Access-Control-Expose-Headers?';
  assert.deepEqual(result, {
    causes: [
      ['LOGIN_FAILED', message, 'busy'],
      ['LOGIN_FAILED', message, 'busy'],
      ['LOGIN_FAILED', message, 'body of login: a JSON value, or null for none, is needed'],
      ['LOGIN_FAILED', message, 'busy'],
      ['LOGIN_FAILED', message, `answer: there is no header x-auth. ${hint}`],
      ['REFRESH_FAILED', 'busy'],
      ['TICKET_NETWORK', 'busy'],
      ['TICKET_NETWORK', 'get: expiresIn has to be seconds above 0'],
      ['LOGIN_FAILED', undefined],
    ],
    isReported: true,
  });
});

test('an endpoint says which statuses are a refusal and which are forbidden', async () => {
  const { result } = await inPage(async (api) => {
    const { Session } = await import('gatepass');
    const codes = [];
    for (const status of [419, 450]) {
      const login = { url: `${api}/login/${status}`, unauthorizedStatus: [419, 440], forbiddenStatus: 450 };
      const error = await new Session({ login }).login({ username: 'a', password: 'b' }).catch((error) => error);
      codes.push(error.code, error.status, error.details.detail);
    }
    const wrong = [];
    for (const unauthorizedStatus of [99, 600, [401, 'x'], '401'])
      try {
        new Session({ login: { url: `${api}/login`, unauthorizedStatus } });
      } catch ({ message }) {
        wrong.push(message.split(':')[0]);
      }
    for (const login of [
      { url: `${api}/login`, method: 'GET' },
      { url: `${api}/login`, method: 'HEAD' },
    ])
      try {
        new Session({ login });
      } catch ({ message }) {
        wrong.push(message.split(':')[0]);
      }
    return [codes, wrong];
  }, api);
  assert.deepEqual(result, [
    ['INVALID_CREDENTIALS', 419, 'no', 'LOGIN_FORBIDDEN', 450, 'locked'],
    [...Array(4).fill('login.unauthorizedStatus'), 'login.method', 'login.method'],
  ]);
});

test("tickets come from the app's own function: a ticket, one with its life, a whole URL, or a refusal", async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { AuthSocket, presets, Session, SignInRequired, ticket } = await import('gatepass');
    const session = new Session(presets.simpleJwt(`${server}/api`));
    await session.login({ username: 'maggie', password: 'secret' });
    const issue = async (token) => {
      const response = await fetch(`${server}/ws_ticket`, { headers: { authorization: `Bearer ${token}` } });
      return (await response.json()).ticket;
    };
    const sources = [
      ({ token }) => issue(token),
      async ({ token }) => ({ ticket: await issue(token), expiresIn: 60 }),
      async ({ token }) => `${server.replace('http', 'ws')}/channel/?ticket=${await issue(token)}`,
    ];
    const users = [];
    for (const get of sources) {
      const socket = new AuthSocket(`${server}/channel/`, { session, scheme: ticket({ get }) });
      const user = new Promise((resolve) =>
        socket.addEventListener('message', ({ data }) => resolve(JSON.parse(data).user)),
      );
      socket.send('{"type":"whoami"}');
      users.push(await user);
      socket.close();
    }
    const codes = [];
    for (const get of [
      () => Promise.reject(new Error('busy')),
      () => ({ tickt: 'a' }),
      () => {
        throw new SignInRequired();
      },
    ]) {
      const socket = new AuthSocket(`${server}/channel/`, { session, scheme: ticket({ get }) });
      const { error } = await new Promise((resolve) => socket.addEventListener('error', resolve));
      codes.push([error.code, error.disposition, error.status, error.cause?.constructor.name]);
      socket.close();
    }
    const wrong = [];
    for (const options of [
      {},
      { url: '/t', get: () => 'a' },
      { get: 'a' },
      { get: () => 'a', method: 'GET' },
      { url: '/t', authorization: 'refresh' },
    ])
      try {
        new AuthSocket(`${server}/channel/`, { session, scheme: ticket(options) });
      } catch ({ message }) {
        wrong.push(message.split(':')[0]);
      }
    return { users, codes, wrong };
  }, server);
  assert.deepEqual(result.users, ['maggie', 'maggie', 'maggie']);
  assert.deepEqual(result.codes, [
    ['TICKET_NETWORK', 'retry', undefined, 'Error'],
    ['TICKET_NETWORK', 'retry', undefined, 'TypeError'],
    ['TICKET_UNAUTHORIZED', 'refreshToken', undefined, 'SignInRequired'],
  ]);
  assert.deepEqual(result.wrong, ['scheme.url', 'scheme.url', 'scheme.get', 'scheme.method', 'scheme.authorization']);
});

test('a reload keeps a session whose refresh token no script sees: one call before ready() settles', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { AuthSocket, query, Session } = await import('gatepass');
    const api = server.replace(/\/\/[^:]+/, `//${location.hostname}`);
    const options = {
      login: { url: `${api}/hidden/login/` },
      refresh: { url: `${api}/hidden/token/refresh/` },
      logout: { url: `${api}/hidden/logout/` },
      credentials: 'include',
      restore: true,
    };
    const visitor = new Session(options);
    const errors = [];
    visitor.addEventListener('error', ({ error }) => errors.push(error.code));
    const states = [visitor.state, await visitor.ready(), visitor.error?.code];
    const missing = await visitor.accessToken().catch(({ code }) => code);
    await visitor.login({ username: 'maggie', password: 'secret' });
    // As after a reload: another session, and nothing in a store.
    const again = new Session(options);
    const socket = new AuthSocket(`${api}/ws/jwt/`, { session: again, scheme: query() });
    states.push(again.state, await again.ready());
    await socket.ready();
    socket.close();
    again.logout();
    await fetch(`${api}/hidden/logout/`, { method: 'POST', credentials: 'include' });
    const out = new Session(options);
    states.push(await out.ready());
    return { states, missing, errors };
  }, server);
  assert.deepEqual(result, {
    states: ['loading', 'signed-out', undefined, 'loading', 'signed-in', 'signed-out'],
    missing: 'TOKEN_MISSING',
    errors: [],
  });
});

test('a logout ends the session in all tabs that have restored it, also one after the other', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { Session } = await import('gatepass');
    const api = server.replace(/\/\/[^:]+/, `//${location.hostname}`);
    const told = [];
    for (const store of ['memory', 'sessionStorage', 'localStorage']) {
      let left = () => {};
      // The next login would lose its cookie to the answer.
      const hasLeft = new Promise((resolve) => (left = resolve));
      const own = async (request) => {
        const response = await fetch(request);
        if (request.url.endsWith('/logout/')) left();
        return response;
      };
      const options = {
        login: { url: `${api}/hidden/login/` },
        refresh: { url: `${api}/hidden/token/refresh/` },
        logout: { url: `${api}/hidden/logout/` },
        credentials: 'include',
        restore: true,
        store,
        storeKey: store,
        fetch: own,
      };
      await new Session({ ...options, restore: undefined, store: 'memory' }).login({
        username: 'maggie',
        password: 'secret',
      });
      const first = new Session(options);
      told.push(await first.ready());
      const second = new Session(options);
      told.push(await second.ready());
      const ended = new Promise((resolve) => second.addEventListener('change', () => resolve(second.state)));
      first.logout();
      told.push(first.state, await ended);
      await hasLeft;
    }
    return told;
  }, server);
  assert.deepEqual(result, Array(3).fill(['signed-in', 'signed-in', 'signed-out', 'signed-out']).flat());
});

test('a session that is a cookie is restored by a question who is signed in', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { AuthSocket, cookie, Session } = await import('gatepass');
    const api = server.replace(/\/\/[^:]+/, `//${location.hostname}`);
    const options = {
      login: { url: `${api}/session/login/` },
      logout: { url: `${api}/session/logout/` },
      restore: { url: `${api}/session/me/`, method: 'GET' },
      fields: { access: null },
      credentials: 'include',
    };
    const first = new Session(options);
    const states = [await first.ready()];
    await first.login({ username: 'maggie', password: 'secret' });
    const second = new Session(options);
    const socket = new AuthSocket(`${api}/ws/cookie/`, { session: second, scheme: cookie() });
    await socket.ready();
    states.push(second.state);
    second.logout();
    states.push(socket.state);
    const wrong = [];
    for (const more of [
      { restore: true },
      { restore: { url: `${api}/me`, body: { a: '$refresh' } } },
      { restore: false },
      { restore: { url: `${api}/me`, credentials: 'omit' } },
      { restore: { url: `${api}/me`, authorization: 'access' } },
      { login: { url: `${api}/login`, authorization: 'refresh' } },
      { getToken: () => 'a', login: undefined, fields: {}, restore: { url: `${api}/me` } },
    ])
      try {
        new Session({ ...options, restore: undefined, ...more });
      } catch ({ message }) {
        wrong.push(message.split(':')[0]);
      }
    return { states, wrong };
  }, server);
  assert.deepEqual(result.states, ['signed-out', 'signed-in', 'suspended']);
  assert.deepEqual(result.wrong, [
    'restore',
    'restore.body',
    'restore',
    'restore',
    'restore.authorization',
    'login.authorization',
    'restore',
  ]);
});

test('tabs with one store make one call to restore, and a call without an answer is told and made again when it is needed', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { Session } = await import('gatepass');
    const api = server.replace(/\/\/[^:]+/, `//${location.hostname}`);
    const options = {
      login: { url: `${api}/hidden/login/` },
      refresh: { url: `${api}/hidden/token/refresh/` },
      credentials: 'include',
      restore: true,
    };
    await new Session(options).login({ username: 'maggie', password: 'secret' });
    const tabs = [1, 2, 3].map(() => new Session({ ...options, store: 'localStorage' }));
    const states = await Promise.all(tabs.map((tab) => tab.ready()));
    localStorage.clear();
    const control = await (await fetch(`${server}/control`)).text();
    const busy = { do: 'answer', endpoint: 'refresh', status: 503, body: '' };
    await fetch(control, { method: 'POST', body: JSON.stringify(busy) });
    const offline = new Session(options);
    const told = new Promise((resolve) => offline.addEventListener('error', ({ error }) => resolve(error.code)));
    states.push(await offline.ready(), await told);
    const token = await offline.accessToken().catch(({ code }) => code);
    states.push(offline.state, token.length > 20);
    return states;
  }, server);
  assert.deepEqual(result, [
    ...['signed-in', 'signed-in', 'signed-in'],
    ...['signed-out', 'REFRESH_FAILED', 'signed-in', true],
  ]);
  // One for the three tabs, and one that was answered in the end.
  assert.equal((await ask('counts')).refreshes, 2);
});

// The calls to endpoints as an app shapes them: headers, CSRF, and a `fetch` of its own.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { ask, control, server } from './browser.mjs';
import { inPage } from './page.mjs';

/** An API that records its calls, and answers each as its path asks. */
let api;
let backend;
const calls = [];
const ANSWERS = {
  '/login': { access: 'one', refresh: 'two', expires_in: 300 },
  '/refresh': { access: 'three', refresh: 'four', expires_in: 300 },
  '/ticket': { ticket: 'five' },
};

before(async () => {
  backend = createServer((request, response) => {
    const { origin = '*' } = request.headers;
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-allow-credentials', 'true');
    response.setHeader('access-control-allow-headers', 'authorization, content-type, x-tenant, x-csrftoken, x-own');
    if (request.method === 'OPTIONS') return response.writeHead(204).end();
    const call = { path: request.url, method: request.method, headers: request.headers, body: '' };
    request.on('data', (data) => (call.body += data));
    request.on('end', () => {
      calls.push(call);
      response.end(JSON.stringify(ANSWERS[request.url] ?? {}));
    });
  });
  await new Promise((resolve) => backend.listen(0, '127.0.0.1', resolve));
  api = `http://127.0.0.1:${backend.address().port}`;
});
after(() => backend.close());

/** The calls since the last time: path, and one header. */
const taken = (header) => calls.splice(0).map(({ path, headers }) => [path, headers[header]]);

test('headers come from a record, from Headers or from a function of the call, and replace those of gatepass', async () => {
  const { result } = await inPage(async (api) => {
    const { AuthSocket, Session, ticket } = await import('gatepass');
    const asked = [];
    const headers = async (call) => {
      asked.push([call.call, new URL(call.url).pathname, call.method]);
      return { 'X-Tenant': call.call };
    };
    const session = new Session({
      login: { url: `${api}/login`, headers: { 'X-Tenant': 'a record', Authorization: 'Basic abc' } },
      refresh: { url: `${api}/refresh`, headers },
      logout: { url: `${api}/logout`, headers: new Headers({ 'X-Tenant': 'Headers' }) },
    });
    await session.login({ username: 'maggie', password: 'secret' });
    await session.accessToken({ minTtl: 86_400_000 });
    const scheme = ticket({ url: `${api}/ticket`, headers });
    const socket = new AuthSocket(`${api.replace('http', 'ws')}/socket`, { session, scheme });
    await new Promise((resolve) => socket.addEventListener('error', resolve, { once: true }));
    socket.close();
    session.logout();
    await fetch(`${api}/after`);
    return asked;
  }, api);
  assert.deepEqual(result, [
    ['refresh', '/refresh', 'POST'],
    ['ticket', '/ticket', 'POST'],
  ]);
  const [login, ...others] = calls
    .splice(0)
    .map(({ path, headers }) => [path, headers['x-tenant'], headers.authorization]);
  assert.deepEqual(login, ['/login', 'a record', 'Basic abc']);
  assert.deepEqual(others.filter(([path]) => !path.startsWith('/socket') && path !== '/after').sort(), [
    ['/logout', 'Headers', 'Bearer three'],
    ['/refresh', 'refresh', undefined],
    ['/ticket', 'ticket', 'Bearer three'],
  ]);
});

test("the app's own fetch makes the calls of a session, of its sockets, and session.fetch", async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(
    async ([server]) => {
      const { AuthSocket, anonymous, presets, Session } = await import('gatepass');
      const made = [];
      const own = async (request) => {
        made.push([request instanceof Request, request.method, new URL(request.url).pathname]);
        return fetch(request);
      };
      const session = new Session({ ...presets.simpleJwt(`${server}/api`), fetch: own });
      await session.login({ username: 'maggie', password: 'secret' });
      await session.accessToken({ minTtl: 86_400_000 });
      const socket = new AuthSocket(`${server}/channel/`, { session, ...presets.ticketServerSocket(server) });
      await socket.ready();
      socket.close();
      const { user } = await (await session.fetch(`${server}/protected`)).json();
      // The browser's own, as it is: it must not be called on an object of ours.
      await (await new Session({ fetchOrigins: [server], fetch: window.fetch }).fetch('/')).text();
      const probed = new AuthSocket(`${server}/nowhere/`, {
        scheme: anonymous(),
        probe: `${server}/protected`,
        fetch: own,
        backoff: { base: 1, cap: 1, spread: 0 },
      });
      await new Promise((resolve) => {
        probed.addEventListener('error', ({ error }) => error.code === 'HANDSHAKE_UNAUTHORIZED' && resolve());
      });
      probed.close();
      return [user, made.slice(0, 5)];
    },
    [server],
  );
  assert.deepEqual(result, [
    'maggie',
    [
      [true, 'POST', '/api/token/'],
      [true, 'POST', '/api/token/refresh/'],
      [true, 'GET', '/ws_ticket'],
      [true, 'GET', '/protected'],
      [true, 'GET', '/protected'],
    ],
  ]);
});

test('a CSRF token goes from the cookie into the header of calls that send cookies and change something', async () => {
  await inPage(async (api) => {
    const { AuthSocket, Session, ticket } = await import('gatepass');
    document.cookie = 'xcsrftoken=other';
    document.cookie = 'csrftoken=a%20token';
    const endpoints = { login: { url: `${api}/login` }, refresh: { url: `${api}/refresh` } };
    const maggie = { username: 'maggie', password: 'secret' };
    const session = new Session({ ...endpoints, credentials: 'include', csrf: 'django' });
    await session.login(maggie);
    document.cookie = 'csrftoken=rotated';
    await session.accessToken({ minTtl: 86_400_000 });
    const tried = async (method) => {
      const socket = new AuthSocket(`${api.replace('http', 'ws')}/socket`, {
        session,
        scheme: ticket({ url: `${api}/ticket`, method }),
        credentials: 'include',
      });
      await new Promise((resolve) => socket.addEventListener('error', resolve, { once: true }));
      socket.close();
    };
    await tried('POST');
    await tried('GET');
    await new Session({ ...endpoints, csrf: 'django' }).login(maggie);
    const csrf = { cookie: 'xcsrftoken', header: 'X-Own' };
    await new Session({ ...endpoints, credentials: 'include', csrf }).login(maggie);
    await session.fetch(`${api}/changed`, { method: 'POST', credentials: 'include' });
    await session.fetch(`${api}/changed`, { method: 'POST' });
    for (const odd of ['50%off', 'a%0Ab']) {
      document.cookie = `csrftoken=${odd}`;
      await new Session({ ...endpoints, credentials: 'include', csrf: 'django' }).login(maggie);
    }
    document.cookie = 'csrftoken=; max-age=0';
    await new Session({ ...endpoints, credentials: 'include', csrf: 'django' }).login(maggie);
  }, api);
  const seen = calls.splice(0).filter(({ path }) => !path.startsWith('/socket'));
  assert.deepEqual(
    seen.map(({ path, headers }) => [path, headers['x-csrftoken'], headers['x-own']]),
    [
      ['/login', 'a token', undefined],
      ['/refresh', 'rotated', undefined],
      ['/ticket', 'rotated', undefined],
      ['/ticket', undefined, undefined],
      ['/login', undefined, undefined],
      ['/login', undefined, 'other'],
      ['/changed', 'rotated', undefined],
      ['/changed', undefined, undefined],
      ['/login', '50%off', undefined],
      ['/login', undefined, undefined],
      ['/login', undefined, undefined],
    ],
  );
});

test('what an app shapes wrongly is refused by name, and nothing is sent without it', async () => {
  const { result, said } = await inPage(async (api) => {
    const { AuthSocket, Session, ticket } = await import('gatepass');
    const login = { url: `${api}/login` };
    const scheme = (headers) => ticket({ url: `${api}/ticket`, headers });
    const wrong = [
      () => new Session({ login, fetch: 5 }),
      () => new Session({ login, csrf: 'rails' }),
      () => new Session({ login, csrf: { cookie: 'a' } }),
      () => new Session({ login, csrf: { cookie: 'a', header: 'not valid' } }),
      () => new Session({ login, csrf: { cookie: 'a', header: 'b', other: 'c' } }),
      () => new Session({ login: { ...login, headers: 5 } }),
      () => new Session({ login: { ...login, headers: { 'not valid': 'a' } } }),
      () => new Session({ login: { ...login, headers: { a: 'SECRET\n-line' } } }),
      () => new AuthSocket('wss://api.test/', { session: new Session(), scheme: scheme('a') }),
      () => new AuthSocket('wss://api.test/', { session: new Session(), scheme: scheme(), fetch: {} }),
    ];
    const messages = wrong.map((make) => {
      try {
        make();
        return 'taken';
      } catch ({ code, message }) {
        return `${code} ${message.split(':')[0]}`;
      }
    });
    const fails = (options) =>
      new Session(options).login({ username: 'maggie', password: 'secret' }).catch(({ code }) => code);
    const thrown = () => {
      throw new RangeError('of the app');
    };
    return [
      messages,
      await fails({ login: { ...login, headers: thrown } }),
      await fails({ login: { ...login, headers: async () => thrown() } }),
      await fails({ login: { ...login, headers: () => ({ a: 'SECRET\n-line' }) } }),
      await fails({ login: { ...login, headers: () => 5 } }),
      await fails({ login, fetch: thrown }),
      await fails({ login, fetch: async () => undefined }),
      await fails({ login, fetch: async () => ({ status: 200 }) }),
      await fails({ login, fetch: async () => Response.error() }),
    ];
  }, api);
  const [messages, ...codes] = result;
  assert.deepEqual(messages, [
    'INVALID_OPTION fetch',
    'INVALID_OPTION csrf',
    'INVALID_OPTION csrf.header',
    'INVALID_OPTION csrf.header',
    'INVALID_OPTION csrf.other',
    'INVALID_OPTION login.headers',
    'INVALID_OPTION login.headers',
    'INVALID_OPTION login.headers',
    'INVALID_OPTION scheme.headers',
    'INVALID_OPTION fetch',
  ]);
  assert.deepEqual(codes, Array(8).fill('LOGIN_FAILED'));
  assert.deepEqual(taken(), [], 'nothing was sent');
  const reported = said.filter((text) => text.startsWith('error:'));
  assert.equal(reported.filter((text) => text.includes('of the app')).length, 3, reported.join('\n'));
  assert.equal(reported.filter((text) => text.includes('headers of login')).length, 2, reported.join('\n'));
  assert.ok(!reported.some((text) => text.includes('SECRET')));
  assert.equal(reported.filter((text) => text.includes('a Response is needed')).length, 2, reported.join('\n'));
});

test("an answer that is no Response of the browser's own is read all the same", async () => {
  const { result } = await inPage(async (api) => {
    const { Session } = await import('gatepass');
    const answer = (status, text) => ({ status, headers: new Map(), text: async () => text });
    const session = new Session({
      login: { url: `${api}/login` },
      fetch: async () => answer(200, '{"access":"one"}'),
    });
    await session.login({ username: 'maggie', password: 'secret' });
    const refused = new Session({ login: { url: `${api}/login` }, fetch: async () => answer(401, '{"detail":"no"}') });
    const error = await refused.login({ username: 'maggie', password: 'secret' }).catch((error) => error);
    return [await session.accessToken(), error.code, error.status, error.details];
  }, api);
  assert.deepEqual(result, ['one', 'INVALID_CREDENTIALS', 401, { detail: 'no' }]);
});

test('a login of two steps: the first answer is an error with its details, and the second step is another endpoint', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { Session } = await import('gatepass');
    const session = new Session({ login: { url: `${server}/mfa/login/`, headers: () => ({}) } });
    const told = ({ code, disposition, retryable, status, details }) => [code, disposition, retryable, status, details];
    const first = () => session.login({ username: 'maggie', password: 'secret' }).catch((error) => error);
    const second = (given) =>
      session.login(given, { url: `${server}/mfa/login/code/`, body: { ephemeral_token: '$step', code: '$code' } });
    const wrong = await first();
    const { ephemeral_token: step } = wrong.details;
    const refused = await second({ step, code: '000000' }).catch((error) => error);
    const { details } = await first();
    await second({ step: details.ephemeral_token, code: '123456' });
    const bad = await Promise.all(
      [{ url: 5 }, { url: `${server}/x`, other: 1 }, { url: 'http://api.test/' }, null, { headers: {} }].map(
        (endpoint) =>
          session
            .login({ username: 'a' }, endpoint)
            .catch(({ code, message }) => `${code} ${message.split(/[:;]/)[0]}`),
      ),
    );
    return [told(wrong), typeof step, told(refused), session.state, bad];
  }, server);
  const [wrong, step, refused, state, bad] = result;
  assert.deepEqual(wrong.slice(0, 4), ['LOGIN_INCOMPLETE', 'giveUp', false, undefined]);
  assert.equal(wrong[4].method, 'app');
  assert.equal(step, 'string');
  assert.deepEqual(refused.slice(0, 4), ['INVALID_CREDENTIALS', 'signIn', false, 401]);
  assert.equal(state, 'signed-in');
  assert.deepEqual(bad, [
    'INVALID_OPTION endpoint.url',
    'INVALID_OPTION endpoint.other',
    'INSECURE_URL endpoint.url',
    'INVALID_OPTION endpoint',
    'INVALID_OPTION endpoint.headers',
  ]);
});

test('a login that is forbidden is no wrong password, and codes of the server stay readable beside what was sent', async () => {
  await control({ do: 'reset' });
  const body = { code: 'invalid_secret', field: { secret: ['secret'] }, detail: 'secret is no secret: try "secret"' };
  await control({ do: 'answer', endpoint: 'login', status: 403, body: JSON.stringify(body) });
  const { result } = await inPage(async (server) => {
    const { presets, Session } = await import('gatepass');
    const session = new Session(presets.simpleJwt(`${server}/api`));
    const error = await session.login({ username: 'maggie', password: 'secret' }).catch((error) => error);
    return [error.code, error.disposition, error.status, error.details, JSON.stringify(error).includes('invalid')];
  }, server);
  assert.deepEqual(result, [
    'LOGIN_FORBIDDEN',
    'giveUp',
    403,
    { code: 'invalid_secret', field: { secret: ['…'] }, detail: '… is no …: try "…"' },
    false,
  ]);
});

test('a token that a server has refused is renewed once for all who say so, and a token of before is not renewed again', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { presets, Session } = await import('gatepass');
    const session = new Session(presets.simpleJwt(`${server}/api`));
    await session.login({ username: 'maggie', password: 'secret' });
    const refused = await session.accessToken();
    const [first, second] = await Promise.all([session.accessToken({ refused }), session.accessToken({ refused })]);
    const third = await session.accessToken({ refused });
    const others = [];
    for (const sign of [() => session.logout(), () => {}]) {
      const old = await session.accessToken();
      sign();
      await session.login({ username: 'bob', password: 'hunter2' });
      others.push(await session.accessToken({ refused: old }).catch(({ code }) => code));
      await session.login({ username: 'maggie', password: 'secret' });
    }
    return [first !== refused, first === second, first === third, others];
  }, server);
  assert.deepEqual(result, [true, true, true, ['SUPERSEDED', 'SUPERSEDED']]);
  assert.equal((await ask('counts')).refreshes, 1);
});

test('a whole URL is no ticket unless its hosts are named, and a path leads into arrays', async () => {
  ANSWERS['/negotiate'] = { urls: [{ url: `ws://elsewhere.test/?access_token=SECRET` }] };
  const { result } = await inPage(async (api) => {
    const { AuthSocket, Session, ticket } = await import('gatepass');
    const session = new Session();
    session.setTokens({ access: 'one' });
    const scheme = ticket({ url: `${api}/negotiate`, field: 'urls.0.url' });
    const socket = new AuthSocket(`${api.replace('http', 'ws')}/socket`, { session, scheme });
    const { error } = await new Promise((resolve) => socket.addEventListener('error', resolve, { once: true }));
    socket.close();
    return [error.code, error.message];
  }, api);
  assert.equal(result[0], 'TICKET_MALFORMED');
  assert.match(result[1], /urlHosts/);
  assert.deepEqual(taken('authorization'), [['/negotiate', 'Bearer one']], 'the URL was not sent to another server');
});

test('the refresh token may be in the header, bodies are templates or none, and tickets have bodies, too', async () => {
  const { result } = await inPage(async (api) => {
    const { AuthSocket, Session, ticket } = await import('gatepass');
    const session = new Session({
      login: { url: `${api}/login` },
      refresh: { url: `${api}/refresh`, authorization: 'refresh', body: null },
      logout: { url: `${api}/logout`, authorization: 'none', body: { old: '$access', also: '$refresh' } },
      tokenPrefix: 'JWT',
    });
    await session.login({ username: 'maggie', password: 'secret' });
    await session.accessToken({ minTtl: 86_400_000 });
    const tried = async (options) => {
      const scheme = ticket({ url: `${api}/ticket`, ...options });
      const socket = new AuthSocket(`${api.replace('http', 'ws')}/socket`, { session, scheme });
      await new Promise((resolve) => socket.addEventListener('error', resolve, { once: true }));
      socket.close();
    };
    await tried({ body: { room: 'lobby', with: '$access' } });
    await tried({ body: { room: 'a b' }, encoding: 'form' });
    session.logout();
    await fetch(`${api}/after`);
    const wrong = [
      () => ticket({ url: api, method: 'GET', body: {} }),
      () => ticket({ url: api, body: { a: '$refresh' } }),
      () => ticket({ url: api, authorization: 'refresh' }),
    ];
    const refused = wrong.map((scheme) => {
      try {
        new AuthSocket('ws://127.0.0.1/', { session, scheme: scheme() });
      } catch ({ message }) {
        return message.split(/[:;]/)[0];
      }
    });
    for (const options of [
      { refresh: { url: api, authorization: 'token' } },
      { refresh: { url: api, body: { a: '$token' } } },
    ]) {
      try {
        new Session(options);
      } catch ({ message }) {
        refused.push(message.split(/[:;]/)[0]);
      }
    }
    return refused;
  }, api);
  assert.deepEqual(result, [
    'scheme.body',
    'scheme.body',
    'scheme.authorization',
    'refresh.authorization',
    'refresh.body',
  ]);
  const seen = calls
    .splice(0)
    .filter(({ path }) => !/^.(socket|after)/.test(path))
    .map(({ path, headers, body }) => [path, headers.authorization, headers['content-type'], body]);
  assert.deepEqual(seen.sort(), [
    ['/login', undefined, 'application/json', '{"username":"maggie","password":"secret"}'],
    ['/logout', undefined, 'application/json', '{"old":"three","also":"four"}'],
    ['/refresh', 'JWT two', undefined, ''],
    ['/ticket', 'JWT three', 'application/json', '{"room":"lobby","with":"three"}'],
    ['/ticket', 'JWT three', 'application/x-www-form-urlencoded', 'room=a%20b'],
  ]);
});

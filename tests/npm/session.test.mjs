// The session of the packed package: stores, tokens, the app's own source, and live sockets.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, control, server } from './browser.mjs';
import { browser, inPage, origin } from './page.mjs';
import { inContext } from './recorder.mjs';

/** Puts a store of the app's own into the page, as `places`. */
function withPlaces() {
  const asynchronous =
    (call) =>
    (...words) =>
      new Promise((resolve) => setTimeout(() => resolve(call(...words)), 5));
  const own = {
    load: () => localStorage.getItem('own'),
    save: (text) => localStorage.setItem('own', text),
    clear: () => localStorage.removeItem('own'),
  };
  const late = { load: asynchronous(own.load), save: asynchronous(own.save), clear: asynchronous(own.clear) };
  globalThis.places = { memory: 'memory', sessionStorage: 'sessionStorage', localStorage: 'localStorage', own, late };
  globalThis.stored = () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]);
}

for (const place of ['memory', 'sessionStorage', 'localStorage', 'own', 'late']) {
  test(`case_119: a session rests in its store and nowhere else: ${place}`, async () => {
    await control({ do: 'reset' });
    await inContext(browser, {}, async (context) => {
      const tab = await context.newPage();
      await tab.addInitScript(withPlaces);
      const start = async () => {
        await tab.goto(origin);
        return tab.evaluate(
          async ([server, place]) => {
            const { presets, Session } = await import('gatepass');
            globalThis.session = new Session({ ...presets.simpleJwt(`${server}/api`), store: places[place] });
            return [session.state, await session.ready()];
          },
          [server, place],
        );
      };
      // The app's own store is asked later.
      assert.deepEqual(await start(), [['own', 'late'].includes(place) ? 'loading' : 'signed-out', 'signed-out']);
      assert.equal(await tab.evaluate(() => stored()), '[{},{},""]');
      const access = await tab.evaluate(async () => {
        await session.login({ username: 'maggie', password: 'secret' });
        return session.accessToken();
      });
      if (place === 'memory') {
        assert.equal(await tab.evaluate(() => stored()), '[{},{},""]');
        assert.deepEqual(await start(), ['signed-out', 'signed-out']);
        return;
      }
      await tab.waitForFunction(() => stored().includes('access'));
      const [local, session] = JSON.parse(await tab.evaluate(() => stored()));
      const where = place === 'sessionStorage' ? session : local;
      const [entry] = Object.values(where);
      assert.equal(Object.keys(local).length + Object.keys(session).length, 1, 'one entry');
      assert.deepEqual(
        Object.keys(JSON.parse(entry)).filter((name) => name !== 'skew'),
        ['v', 'id', 'renewals', 'access', 'refresh', 'expiresAt'],
      );
      assert.equal((await start())[1], 'signed-in');
      assert.equal(await tab.evaluate(() => session.accessToken()), access, 'it outlives a reload');
      // A renewal is stored, too.
      await tab.evaluate(() => session.accessToken({ minTtl: 86_400_000 }));
      await tab.waitForFunction((access) => !stored().includes(access), access);
      assert.equal((await start())[1], 'signed-in');
      assert.notEqual(await tab.evaluate(() => session.accessToken()), access);
      await tab.evaluate(() => session.logout());
      await tab.waitForFunction(() => stored() === '[{},{},""]');
      assert.deepEqual((await start())[1], 'signed-out');
    });
  });
}

for (const [how, prepare, isTold] of [
  [
    'denied',
    () =>
      Object.defineProperty(globalThis, 'localStorage', {
        get() {
          throw new DOMException('denied', 'SecurityError');
        },
      }),
    true,
  ],
  ['missing', () => Object.defineProperty(globalThis, 'localStorage', { value: null }), true],
  [
    'full',
    () => {
      Storage.prototype.setItem = () => {
        throw new DOMException('full', 'QuotaExceededError');
      };
    },
    true,
  ],
  ['corrupt', () => localStorage.setItem('tokens', 'eyJhbGciOiJIUzI1NiJ9.no-json'), true],
  ['of another shape', () => localStorage.setItem('tokens', '{"v":1,"access":5}'), true],
  ['of a later version', () => localStorage.setItem('tokens', '{"v":2,"tokens":[]}'), false],
]) {
  test(`case_95: where the store is ${how} the session goes on in memory`, async () => {
    await control({ do: 'reset' });
    await inContext(browser, {}, async (context) => {
      const tab = await context.newPage();
      await tab.addInitScript(prepare);
      await tab.goto(origin);
      const result = await tab.evaluate(async (server) => {
        const { AuthSocket, presets, Session } = await import('gatepass');
        const session = new Session({
          ...presets.simpleJwt(`${server}/api`),
          store: 'localStorage',
          storeKey: 'tokens',
        });
        const told = [];
        session.addEventListener('error', ({ error }) =>
          told.push([error.code, JSON.stringify(error) + error + error.cause]),
        );
        const first = await session.ready();
        await session.login({ username: 'maggie', password: 'secret' });
        const socket = new AuthSocket(`${server}/channel/`, { session, ...presets.ticketServerSocket(server) });
        await socket.ready();
        const renewed = await session.accessToken({ minTtl: 86_400_000 });
        socket.close();
        return { first, told, renewed: typeof renewed, state: session.state };
      }, server);
      const { told, ...rest } = result;
      assert.deepEqual(rest, { first: 'signed-out', renewed: 'string', state: 'signed-in' });
      assert.equal(told.length > 0, isTold, JSON.stringify(told));
      for (const [code, text] of told) {
        assert.equal(code, 'STORE_FAILED');
        assert.doesNotMatch(text, /eyJ/, 'an error quotes the store');
      }
    });
  });
}

test('a session with a store says so when the wasm does not come, and goes on when it does', async () => {
  const { result } = await inPage(async () => {
    const { load, Session } = await import('gatepass');
    load({ wasm: '/nothing.wasm' }).catch(() => {});
    const session = new Session({ store: { load: () => null, save() {}, clear() {} } });
    const first = await session.ready().catch((error) => error.code);
    return [first, session.state, await session.ready()];
  });
  assert.deepEqual(result, ['LOAD_FAILED', 'loading', 'signed-out']);
});

test('a store of the app that throws, or hangs for five seconds, holds nobody up', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { presets, Session } = await import('gatepass');
    const seen = [];
    // Timers of five seconds fire at once, longer ones never.
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (call, delay = 0, ...given) =>
      setTimeout(call, delay < 5_000 ? delay : delay === 5_000 ? 0 : 2 ** 31 - 1, ...given);
    for (const load of [
      () => new Promise(() => {}),
      () => {
        throw new Error('no disk');
      },
      async () => 7,
    ]) {
      const session = new Session({ ...presets.simpleJwt(`${server}/api`), store: { load, save() {}, clear() {} } });
      const told = new Promise((resolve) =>
        session.addEventListener('error', ({ error }) => resolve(error.cause.message)),
      );
      seen.push(await session.ready(), await told);
      await session.login({ username: 'maggie', password: 'secret' });
      seen.push(session.state);
    }
    return seen;
  }, server);
  const rows = ['the store does not answer', 'no disk', 'the store holds something else than tokens'];
  assert.deepEqual(
    result,
    rows.flatMap((cause) => ['signed-out', cause, 'signed-in']),
  );
});

test('accessToken renews for those who ask, and says why it cannot', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(
    async ([server, controlUrl]) => {
      const { presets, Session } = await import('gatepass');
      const session = new Session(presets.simpleJwt(`${server}/api`));
      const control = (command) => fetch(controlUrl, { method: 'POST', body: JSON.stringify(command) });
      const code = (options) =>
        session.accessToken(options).then(
          () => 'token',
          (error) => `${error.code} ${error.status} ${error.retryAfter}`,
        );
      const seen = [await code(), await code({ minTtl: -1 })];
      await session.login({ username: 'maggie', password: 'secret' });
      const first = await session.accessToken();
      seen.push((await session.accessToken()) === first, (await session.accessToken({ minTtl: 86_400_000 })) === first);
      // The server asks for a pause. Valid tokens are still handed out.
      await control({ do: 'answer', endpoint: 'refresh', status: 429, retryAfter: '7' });
      seen.push(await code({ minTtl: 86_400_000 }), await code({ minTtl: 86_400_000 }));
      await session.login({ username: 'maggie', password: 'secret' });
      const ended = new Promise((resolve) =>
        session.addEventListener('change', ({ error }) => error && resolve([error.code, session.state])),
      );
      await control({ do: 'revoke', user: 'maggie' });
      await session.fetch(`${server}/protected`);
      return [...seen, ...(await ended), await code()];
    },
    [server, process.env.GATEPASS_TEST_CONTROL],
  );
  assert.deepEqual(result, [
    'TOKEN_MISSING undefined undefined',
    'INVALID_OPTION undefined undefined',
    true,
    false,
    'token',
    'token',
    'REFRESH_REJECTED',
    'expired',
    'REFRESH_REJECTED 401 undefined',
  ]);
  assert.equal((await ask('counts')).calls.refresh, 3);
});

test('case_97: a renewal whose answer was lost and that is then refused ends the session by that name', async () => {
  await control({ do: 'reset' });
  await control({ do: 'setSettings', settings: { rotateRefreshTokens: true } });
  await control({ do: 'loseAnswers', endpoint: 'refresh' });
  const { result } = await inPage(
    async ([server, controlUrl]) => {
      const { presets, Session } = await import('gatepass');
      const session = new Session({ ...presets.simpleJwt(`${server}/api`), httpTimeout: 500 });
      await session.login({ username: 'maggie', password: 'secret' });
      await fetch(controlUrl, { method: 'POST', body: JSON.stringify({ do: 'expireTokens' }) });
      const ended = new Promise((resolve) =>
        session.addEventListener('change', ({ error }) => error && resolve(error)),
      );
      const first = await session.fetch(`${server}/protected`);
      const second = await session.fetch(`${server}/protected`);
      const { code, disposition, status, message } = await ended;
      return { statuses: [first.status, second.status], code, disposition, status, message };
    },
    [server, process.env.GATEPASS_TEST_CONTROL],
  );
  assert.deepEqual(result, {
    statuses: [401, 401],
    code: 'REFRESH_LOST',
    disposition: 'signIn',
    status: 401,
    message: 'the answer to a renewal was lost, and the next was refused; sign in again (HTTP 401)',
  });
});

test('cases_19_and_30: what an answer says of a refusal or of the end is found where the options say', async () => {
  await control({ do: 'reset' });
  const inHalfAMinute = new Date(Date.now() + 30_000).toISOString();
  const rows = [
    [{ expiresIn: 'end', expiresInUnit: 'ms' }, 30_000],
    [{ expiresAt: 'end' }, inHalfAMinute],
    [{ expiresIn: 'end' }, 30_000],
  ];
  for (const [, end] of rows)
    await control({
      do: 'answer',
      endpoint: 'login',
      status: 200,
      body: JSON.stringify({ access: 'first', refresh: 'r', end }),
    });
  await control({ do: 'answer', endpoint: 'refresh', status: 200, times: 2, body: '{"access":"second"}' });
  await control({ do: 'answer', endpoint: 'login', status: 200, body: '{"ok":false,"error":"invalid_auth"}' });
  await control({ do: 'answer', endpoint: 'ticket', status: 200, body: '{"ok":false,"error":"invalid_auth"}' });
  const { result } = await inPage(
    async ([server, fields]) => {
      const { AuthSocket, presets, Session, ticket } = await import('gatepass');
      const { login, refresh } = presets.simpleJwt(`${server}/api`);
      const credentials = { username: 'maggie', password: 'secret' };
      const tokens = [];
      for (const row of fields) {
        const session = new Session({ login, refresh, fields: row });
        await session.login(credentials);
        tokens.push(await session.accessToken({ minTtl: 60_000 }));
      }
      const reject = { ok: false };
      const session = new Session({ login: { ...login, reject }, refresh });
      const refused = await session.login(credentials).catch((error) => error);
      await session.login(credentials);
      const socket = new AuthSocket(`${server}/channel/`, {
        session,
        scheme: ticket({ url: `${server}/ws_ticket`, reject }),
        backoff: { base: 10, spread: 10 },
      });
      const codes = [];
      socket.addEventListener('error', ({ error }) => codes.push(error.code));
      await socket.ready();
      return { tokens, refused: [refused.code, refused.status], codes };
    },
    [server, rows.map(([fields]) => fields)],
  );
  assert.deepEqual(result, {
    tokens: ['second', 'second', 'first'],
    refused: ['INVALID_CREDENTIALS', 200],
    codes: ['TICKET_UNAUTHORIZED'],
  });
});

test('what a user has not read when they go is delivered to nobody', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { AuthSocket, presets, Session } = await import('gatepass');
    const session = new Session(presets.simpleJwt(`${server}/api`));
    await session.login({ username: 'maggie', password: 'secret' });
    const socket = new AuthSocket(`${server}/channel/`, { session, ...presets.ticketServerSocket(server) });
    await socket.ready();
    const messages = socket[Symbol.asyncIterator]();
    const reader = socket.readable.getReader();
    const heard = (text) =>
      new Promise((resolve) => socket.addEventListener('message', ({ data }) => data === text && resolve()));
    const said = async (text) => {
      const echo = heard(text);
      socket.send(text);
      await echo;
    };
    await said('maggie 1');
    await said('maggie 2');
    session.logout();
    await session.login({ username: 'bob', password: 'hunter2' });
    await said('bob');
    const one = [(await messages.next()).value, (await reader.read()).value];
    // Also without a logout in between. The same user's messages survive a loss.
    await session.login({ username: 'maggie', password: 'secret' });
    await said('maggie 3');
    socket.reconnect();
    await said('maggie 4');
    return [...one, (await messages.next()).value, (await messages.next()).value];
  }, server);
  assert.deepEqual(result, ['bob', 'bob', 'maggie 3', 'maggie 4']);
});

test('case_86: a token is renewed before it ends while a socket needs it, and the socket stays or authenticates again as it is told', async () => {
  await control({ do: 'reset' });
  await control({ do: 'setSettings', settings: { accessLifeMs: 3_000 } });
  const { result } = await inPage(async (server) => {
    const { AuthSocket, firstMessage, presets, Session } = await import('gatepass');
    const session = new Session(presets.simpleJwt(`${server}/api`));
    await session.login({ username: 'maggie', password: 'secret' });
    const auth = {
      message: { type: 'auth', access_token: '$token' },
      ack: { type: 'auth', status: 'ok' },
      reject: { type: 'auth', status: 'error' },
    };
    const keeps = new AuthSocket(`${server}/websocket`, { session, scheme: firstMessage(auth) });
    const renews = new AuthSocket(`${server}/websocket`, { session, scheme: firstMessage({ ...auth, reauth: true }) });
    const told = [];
    for (const socket of [keeps, renews]) {
      socket.addEventListener('close', () => told.push('close'));
      socket.addEventListener('error', () => told.push('error'));
    }
    const acks = new Promise((resolve) =>
      renews.addEventListener('message', ({ data }) => resolve(JSON.parse(data).status)),
    );
    await Promise.all([keeps.ready(), renews.ready()]);
    const first = await session.accessToken();
    const ack = await acks;
    const same = (await session.accessToken()) === first;
    const connections = [keeps.stats().connections, renews.stats().connections];
    keeps.close();
    renews.close();
    return { ack, same, told: told.filter((type) => type === 'error'), connections };
  }, server);
  assert.deepEqual(result, { ack: 'ok', same: false, told: [], connections: [1, 1] });
  assert.equal((await ask('counts')).refreshes, 1);
});

for (const way of ['ticket', 'first message', 'query']) {
  test(`with handover a socket goes along with its token, each message arrives once and nobody notices: ${way}`, async () => {
    await control({ do: 'reset' });
    const { result } = await inPage(
      async ([server, way]) => {
        const { AuthSocket, firstMessage, presets, query, Session } = await import('gatepass');
        const session = new Session(presets.simpleJwt(`${server}/api`));
        await session.login({ username: 'maggie', password: 'secret' });
        const ways = {
          ticket: () => [`${server}/channel/`, presets.ticketServerSocket(server)],
          'first message': () => [`${server}/ws/first/`, { scheme: firstMessage({ message: { token: '$token' } }) }],
          query: () => [`${server}/ws/jwt/`, { scheme: query() }],
        };
        const [url, options] = ways[way]();
        const socket = new AuthSocket(url, { session, ...options, handover: true });
        const told = [];
        for (const type of ['open', 'close', 'error']) socket.addEventListener(type, () => told.push(type));
        socket.addEventListener('statechange', ({ state, previous }) => state !== previous && told.push(state));
        await socket.ready();
        let [sent, heard] = [0, 0];
        while (socket.stats().connections < 4) {
          // More than any token has left, so it is renewed.
          if (socket.stats().attempts === socket.stats().connections) await session.accessToken({ minTtl: 86_400_000 });
          socket.send(`message ${++sent}`);
          const { data } = await new Promise((resolve) => socket.addEventListener('message', resolve, { once: true }));
          if (data === `message ${sent}`) heard++;
        }
        const { readyState } = socket;
        const closed = new Promise((resolve) => socket.addEventListener('close', resolve));
        socket.close();
        await closed;
        return { told, unheard: sent - heard, readyState };
      },
      [server, way],
    );
    assert.deepEqual(result, {
      told: ['connecting', 'connected', 'open', 'closed', 'close'],
      unheard: 0,
      readyState: 1,
    });
    const { handshakes, accepted } = await ask('counts');
    assert.deepEqual({ handshakes, accepted }, { handshakes: 4, accepted: 4 });
  });
}

for (const skew of [0, 7_200_000, -7_200_000]) {
  test(`a socket that its server ends with the token is back at once and nobody notices, with a clock wrong by ${skew / 3_600_000} h`, async () => {
    await control({ do: 'reset' });
    await control({ do: 'setSettings', settings: { accessLifeMs: 3_000, closeAtExpiry: true, clockSkewMs: skew } });
    const { result } = await inPage(async (server) => {
      const { AuthSocket, firstMessage, presets, Session } = await import('gatepass');
      const session = new Session(presets.simpleJwt(`${server}/api`));
      await session.login({ username: 'maggie', password: 'secret' });
      const socket = new AuthSocket(`${server}/ws/first/`, {
        session,
        scheme: firstMessage({ message: { token: '$token' } }),
        minUptime: 100,
      });
      const states = [];
      let errors = 0;
      socket.addEventListener('error', () => errors++);
      socket.addEventListener('statechange', ({ state, code }) => states.push(code ? `${state} ${code}` : state));
      await new Promise((resolve) =>
        socket.addEventListener(
          'statechange',
          () => states.filter((state) => state === 'connected').length === 3 && resolve(),
        ),
      );
      socket.send('{"type":"whoami"}');
      for await (const message of socket) {
        socket.close();
        return { message, errors, states: [...new Set(states)], session: session.state };
      }
    }, server);
    assert.deepEqual(result, {
      message: '{"type":"whoami","user":"maggie"}',
      errors: 0,
      states: ['connecting', 'connected', 'waiting 4401', 'closed 1000'],
      session: 'signed-in',
    });
    const { calls } = await ask('counts');
    assert.ok(calls.refresh <= 4, `${calls.refresh} refreshes`);
  });
}

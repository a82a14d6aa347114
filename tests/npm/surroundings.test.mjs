// The effects of browsers, pages and networks on the package, and the traces that it leaves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, control, server } from './browser.mjs';
import { browser, inPage, origin } from './page.mjs';
import { inContext } from './recorder.mjs';

test('case_118: a token in the query is warned of once and shown nowhere', async () => {
  await control({ do: 'reset' });
  const { result, said } = await inPage(async (server) => {
    const { AuthSocket, presets, query, Session } = await import('gatepass');
    const session = new Session(presets.simpleJwt(`${server}/api`));
    await session.login({ username: 'maggie', password: 'secret' });
    const shown = [];
    for (let round = 0; round < 2; round++) {
      const socket = new AuthSocket(`${server}/ws/jwt/?v=1`, { session, scheme: query() });
      await socket.ready();
      shown.push(socket.url, JSON.stringify(socket), String(socket));
      socket.close();
    }
    return shown.join();
  }, server);
  assert.equal(said.filter((text) => text.startsWith('gatepass: query()')).length, 1);
  assert.doesNotMatch(`${result} ${said.join()}`, /eyJ/);
});

test('case_118: a token in the query is in no Referer and leaves the page where it is', async () => {
  await control({ do: 'reset' });
  const seen = await inContext(browser, {}, async (context) => {
    const tab = await context.newPage();
    const requests = [];
    tab.on('request', (request) => requests.push(request));
    const devtools = await context.newCDPSession(tab);
    const handshakes = [];
    devtools.on('Network.webSocketWillSendHandshakeRequest', ({ request }) => handshakes.push(request.headers));
    await devtools.send('Network.enable');
    await tab.goto(origin);
    const address = await tab.evaluate(async (server) => {
      const { AuthSocket, presets, query, Session } = await import('gatepass');
      const session = new Session(presets.simpleJwt(`${server}/api`));
      await session.login({ username: 'maggie', password: 'secret' });
      await new AuthSocket(`${server}/ws/jwt/`, { session, scheme: query() }).ready();
      await fetch(`${server}/api/token/`, { method: 'POST', body: '{}' });
      return [location.href, document.referrer, ...performance.getEntries().map((entry) => entry.name)];
    }, server);
    const referers = (await Promise.all(requests.map((request) => request.allHeaders()))).map(({ referer }) => referer);
    assert.ok(handshakes.length === 1 && referers.some(Boolean), 'the test has seen handshake and Referer');
    return JSON.stringify([handshakes, referers, address]);
  });
  assert.doesNotMatch(seen.result, /eyJ/);
});

test('case_119: with the default store nothing is left in the browser', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { AuthSocket, presets, Session } = await import('gatepass');
    const session = new Session(presets.ticketServer(server));
    await session.login({ username: 'maggie', password: 'secret' });
    await new AuthSocket(`${server}/channel/`, { session, ...presets.ticketServerSocket(server) }).ready();
    const databases = await indexedDB.databases();
    return [
      localStorage.length,
      sessionStorage.length,
      document.cookie,
      databases.length,
      ((await caches?.keys?.()) ?? []).length,
    ];
  }, server);
  assert.deepEqual(result, [0, 0, '', 0, 0]);
});

test('case_55_and_56: a socket that the page may not open ends with BLOCKED', async () => {
  const { result } = await inPage(async () => {
    const meta = document.createElement('meta');
    meta.httpEquiv = 'Content-Security-Policy';
    meta.content = "connect-src 'self'";
    const { anonymous, AuthSocket, load } = await import('gatepass');
    await load();
    document.head.append(meta);
    const socket = new AuthSocket('ws://127.0.0.1:9/', { scheme: anonymous() });
    const error = await socket.ready().catch((error) => error);
    return [error.code, error.disposition, socket.state];
  });
  assert.deepEqual(result, ['BLOCKED', 'giveUp', 'closed']);
});

test('the recorder sees a credential wherever it shows', async () => {
  await control({ do: 'reset' });
  const ways = {
    console: (token) => console.info({ deep: [new Map(), { token }] }),
    event: (token) => new EventTarget().dispatchEvent(new MessageEvent('message', { data: token })),
    error: (token) => void Promise.reject(new Error('outer', { cause: { token } })),
    base64: (token) => console.warn(btoa(token)),
    request: (token) => void fetch(`/?${token}`),
    address: (token) => history.pushState(null, '', `#${token}`),
    websocket: (token) => void new WebSocket(`ws://127.0.0.1:9/?token=${token}`),
  };
  for (const [where, leak] of Object.entries(ways)) {
    for (const field of ['access', 'ticket']) {
      const leaks = inPage(
        async ([server, leak, field]) => {
          const { access } = await (
            await fetch(`${server}/api/token/`, { method: 'POST', body: '{"username":"maggie","password":"secret"}' })
          ).json();
          const response = await fetch(`${server}/ws_ticket`, {
            method: 'POST',
            headers: { authorization: `Bearer ${access}` },
          });
          const { ticket } = await response.json();
          (0, eval)(`(${leak})`)({ access, ticket }[field]);
        },
        [server, String(leak), field],
      );
      await assert.rejects(leaks, /is seen/, `${field} by ${where}`);
    }
  }
});

for (const store of ['memory', 'localStorage']) {
  test(`case_115: the whole life of a session shows no credential on the console, in events, in errors, in addresses: ${store}`, async () => {
    await control({ do: 'reset' });
    await control({ do: 'setSettings', settings: { rotateRefreshTokens: true } });
    const { said, credentials } = await inContext(browser, {}, async (context) => {
      const tab = await context.newPage();
      await tab.goto(origin);
      await tab.evaluate(live, { server, controlUrl: process.env.GATEPASS_TEST_CONTROL, store });
    });
    const count = (kind) => said.filter(([name]) => name.startsWith(kind)).length;
    assert.ok(
      ['event error', 'event change', 'event statechange', 'shown', 'websocket'].every((kind) => count(kind) >= 4),
      JSON.stringify(said.map(([kind]) => kind)),
    );
    const kinds = [...credentials.values()];
    assert.deepEqual([...new Set(kinds)].sort(), ['access', 'password', 'refresh', 'ticket']);
  });
}

/** Everything that a session can go through, in a page; shows whatever the app gets. */
async function live({ server, controlUrl, store }) {
  const { AuthSocket, firstMessage, presets, query, Session, SignInRequired } = await import('gatepass');
  const control = (command) => fetch(controlUrl, { method: 'POST', body: JSON.stringify(command) });
  const event = (target, type, is = () => true) =>
    new Promise((resolve) => target.addEventListener(type, (event) => is(event) && resolve(event)));
  const maggie = { username: 'maggie', password: 'secret' };
  const auth = {
    message: { type: 'auth', access_token: '$token' },
    ack: { type: 'auth', status: 'ok' },
    reject: { type: 'auth', status: 'error' },
  };
  const backoff = { base: 1, cap: 1, spread: 1 };
  const options = { ...presets.simpleJwt(`${server}/api`), store, storeKey: 'tokens' };
  const session = new Session(options);
  const caught = (promise) => promise.then(() => show('done'), show);

  await caught(session.accessToken());
  await caught(session.login({ ...maggie, password: 'wrong-pass-word' }));
  await caught(session.login(maggie));
  for (const [path, scheme, more] of [
    ['/channel/', presets.ticketServerSocket(server).scheme, { handover: true }],
    ['/ws/jwt/', query(), { handover: true, probe: `${server}/protected` }],
    ['/ws/4401/', firstMessage({ message: { token: '$token' } }), { handover: true }],
    ['/websocket', firstMessage({ ...auth, reauth: true })],
    // A server that expects something else.
    ['/ws/4401/', firstMessage({ message: { nottoken: '$token' } })],
    ['/nowhere', query()],
  ]) {
    await session.ready();
    if (session.state !== 'signed-in') await session.login(maggie);
    const socket = new AuthSocket(server + path, { session, scheme, backoff, ...more });
    // Queued or in flight: it is not shown either.
    socket.send('{"type":"whoami"}');
    await Promise.race([caught(socket.ready()), event(socket, 'error')]);
    show(session, socket, socket.stats());
    if (socket.state === 'connected') {
      await session.accessToken({ minTtl: 86_400_000 });
      while (more?.handover && socket.stats().connections < 2) {
        socket.send('on its way');
        await event(socket, 'message');
      }
      const back = event(
        socket,
        'statechange',
        ({ state, previous }) => state === 'connected' && previous !== 'connected',
      );
      await control({ do: 'expireTokens' });
      await control({ do: 'dropSockets', how: { close: { code: 4401 } } });
      await back;
    }
    socket.close();
    show(socket);
  }
  await session.login(maggie);
  show((await session.fetch(`${server}/protected`)).status);
  await control({ do: 'expireTokens' });
  show((await session.fetch(`${server}/protected`)).status);
  await caught(session.fetch('http://127.0.0.1:9/'));
  await control({ do: 'revoke', user: 'maggie' });
  const ended = event(session, 'change', ({ error }) => error);
  await session.fetch(`${server}/protected`);
  show(await ended);
  await caught(session.accessToken());
  // Another user, and no user.
  await session.login({ username: 'bob', password: 'hunter2' });
  await control({ do: 'answer', endpoint: 'refresh', status: 503, retryAfter: '0' });
  await caught(session.accessToken({ minTtl: 86_400_000 }));
  session.logout();
  show(session);

  const access = (
    await (
      await fetch(`${server}/api/token/`, {
        method: 'POST',
        body: JSON.stringify({ username: 'bob', password: 'hunter2' }),
      })
    ).json()
  ).access;
  const answers = [
    () => access,
    () => access,
    () => Promise.reject(new Error('away')),
    () => ({ access: `${access}\n` }),
    () => Promise.reject(new SignInRequired()),
  ];
  const provided = new Session({ getToken: async () => answers.shift()() });
  for (const type of ['change', 'error']) provided.addEventListener(type, show);
  while (answers.length > 0) {
    const left = answers.length;
    await caught(provided.accessToken({ minTtl: 86_400_000 }).then(() => 'a token'));
    if (answers.length === left) break;
  }
  const broken = new Session({
    ...options,
    store: {
      load: () => `{"v":1,"access":"${access}"`,
      save() {
        throw new Error('full');
      },
      clear() {},
    },
  });
  const failed = event(broken, 'error');
  await broken.ready();
  show(await failed, broken);
  await broken.login({ username: 'bob', password: 'hunter2' });
  broken.logout();
}

test('case_58: in a worker an address is taken against that of the worker', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async () => {
    const script = `
      import { anonymous, AuthSocket } from '/node_modules/gatepass/pkg/index.js';
      const addresses = ['/ws/anonymous/', new URL('/ws/anonymous/', location.origin), 'WS://' + location.host + '/ws/anonymous/'];
      for (const address of addresses) {
        const socket = new AuthSocket(address, { scheme: anonymous() });
        await socket.ready();
        socket.send(String(address).slice(0, 4));
        for await (const message of socket) { postMessage(message); break; }
        socket.close();
      }`;
    // Fetched from the server: the URL of a blob worker is no base URL.
    const url = `/worker.js?${encodeURIComponent(script)}`;
    const worker = new Worker(url, { type: 'module' });
    const heard = [];
    return new Promise((resolve, reject) => {
      worker.onerror = (event) => reject(new Error(event.message));
      worker.onmessage = ({ data }) => heard.push(data) === 3 && resolve(heard);
    });
  });
  assert.deepEqual(result, ['/ws/', 'http', 'WS:/']);
});

test('a page of a foreign origin is refused by name, and nothing is lost', async () => {
  await control({ do: 'reset' });
  const body = JSON.stringify({ username: 'maggie', password: 'secret' });
  const { access } = await (await fetch(`${server}/api/token/`, { method: 'POST', body })).json();
  const { result } = await inPage(
    async ([server, access]) => {
      const { AuthSocket, presets, query, Session } = await import('gatepass');
      const session = new Session(presets.simpleJwt(`${server}/api`));
      const signIn = await session.login({ username: 'maggie', password: 'secret' }).catch((error) => error.code);
      session.setTokens({ access });
      const failures = async (scheme, path, count) => {
        const socket = new AuthSocket(server + path, { session, scheme, backoff: { base: 1, cap: 1, spread: 1 } });
        socket.send('kept');
        const codes = [];
        await new Promise((resolve) =>
          socket.addEventListener(
            'error',
            ({ error }) => codes.push(`${error.code} ${error.disposition}`) === count && resolve(),
          ),
        );
        const { queued } = socket.stats();
        socket.close();
        return [...codes, queued];
      };
      return {
        page: location.hostname,
        signIn,
        byQuery: await failures(query(), '/ws/jwt/', 3),
        byTicket: await failures(presets.ticketServerSocket(server).scheme, '/channel/', 1),
      };
    },
    [server, access],
    'foreign.localhost',
  );
  assert.deepEqual(result, {
    page: 'foreign.localhost',
    signIn: 'LOGIN_FAILED',
    byQuery: ['CONNECT_FAILED retry', 'CONNECT_FAILED retry', 'HANDSHAKE_REFUSED retry', 1],
    byTicket: ['TICKET_NETWORK retry', 1],
  });
  const handshakes = (await ask('received')).filter(({ type }) => type === 'handshake');
  assert.ok(
    handshakes.length >= 3 &&
      handshakes.every(({ origin, status }) => origin.includes('foreign.localhost') && status === 403),
  );
});

test('case_44: a page that is offline comes back with one ticket', async () => {
  await control({ do: 'reset' });
  const { result: heard } = await inContext(browser, {}, async (context) => {
    const tab = await context.newPage();
    await tab.goto(origin);
    await tab.evaluate(async (server) => {
      const { AuthSocket, load, presets, Session } = await import('gatepass');
      await load();
      globalThis.session = new Session(presets.ticketServer(server));
      await globalThis.session.login({ username: 'maggie', password: 'secret' });
      globalThis.connect = () => {
        const scheme = presets.ticketServerSocket(server).scheme;
        globalThis.socket = new AuthSocket(`${server}/channel/`, { session, scheme, backoff: { base: 50, cap: 50 } });
        socket.send('kept');
        // Read from the start: it may be connected again before the test looks.
        globalThis.heard = socket[Symbol.asyncIterator]().next();
        return new Promise((resolve) =>
          socket.addEventListener('error', ({ error }) => socket.stats().attempts === 3 && resolve(error.code)),
        );
      };
    }, server);
    await context.setOffline(true);
    assert.equal(await tab.evaluate(() => connect()), 'TICKET_NETWORK');
    await context.setOffline(false);
    return tab.evaluate(async () => (await heard).value);
  });
  assert.equal(heard, 'kept');
  assert.equal((await ask('counts')).tickets, 1);
});

test('a logout reaches the server although the app goes to another page at once', async () => {
  await control({ do: 'reset' });
  await inContext(browser, {}, async (context) => {
    const page = await context.newPage();
    await page.goto(origin);
    await page
      .evaluate(async (server) => {
        const { presets, Session } = await import('gatepass');
        const session = new Session(presets.djoser(`${server}/auth`));
        await session.login({ username: 'maggie', password: 'secret' });
        session.logout();
        location.href = 'about:blank';
      }, server)
      .catch(() => 'the page is gone by now');
    await page.waitForURL('about:blank');
    while ((await ask('counts')).logouts === 0);
  });
});

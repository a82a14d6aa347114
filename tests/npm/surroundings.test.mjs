// What browsers, pages and networks do to the package, and what it leaves behind in them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, control, server } from './browser.mjs';
import { browser, inPage, origin } from './page.mjs';

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
  const context = await browser.newContext();
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
  const headers = await Promise.all(requests.map((request) => request.allHeaders()));
  await context.close();
  assert.ok(handshakes.length === 1 && headers.some(({ referer }) => referer), 'the test has seen handshake and Referer');
  assert.doesNotMatch(JSON.stringify([handshakes, headers.map(({ referer }) => referer), address]), /eyJ/);
});

test('case_119: with the default store nothing is left in the browser', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { AuthSocket, presets, Session } = await import('gatepass');
    const session = new Session(presets.ticketServer(server));
    await session.login({ username: 'maggie', password: 'secret' });
    await new AuthSocket(`${server}/channel/`, { session, ...presets.ticketServerSocket(server) }).ready();
    const databases = await indexedDB.databases();
    return [localStorage.length, sessionStorage.length, document.cookie, databases.length, (await caches?.keys?.() ?? []).length];
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

test('case_115: a whole session shows no credential on the console, in events or in errors', async () => {
  await control({ do: 'reset' });
  const { result, said } = await inPage(async (server) => {
    const { AuthSocket, firstMessage, load, presets, query, Session } = await import('gatepass');
    await load();
    const secrets = [];
    const shown = [];
    const show = (value) => {
      console.log(value);
      shown.push(String(value), JSON.stringify(value), ...Object.entries(value).map(String));
    };
    const realFetch = globalThis.fetch;
    globalThis.fetch = async (...request) => {
      const response = await realFetch(...request);
      // What a refused login says is no secret: the app shows it.
      const body = response.ok ? await response.clone().json().catch(() => ({})) : {};
      secrets.push(...Object.values(body).filter((value) => typeof value === 'string' && value.length > 20));
      return response;
    };
    const session = new Session(presets.simpleJwt(`${server}/api`));
    show(await session.login({ username: 'maggie', password: 'wrong-pass-word' }).catch((error) => error));
    await session.login({ username: 'maggie', password: 'secret' });
    show(session);
    const schemes = [
      ['/channel/', presets.ticketServerSocket(server).scheme],
      ['/ws/jwt/', query()],
      ['/ws/ack/', firstMessage({ message: { token: '$token' }, ack: { type: 'auth_ok' }, reject: { type: 'auth_invalid' } })],
      ['/ws/4401/', firstMessage({ message: { nottoken: '$token' } })],
    ];
    for (const [path, scheme] of schemes) {
      const socket = new AuthSocket(server + path, { session, scheme, backoff: { base: 1, cap: 1, spread: 1 } });
      for (const type of ['statechange', 'error', 'close', 'open']) socket.addEventListener(type, show);
      show(await socket.ready().then(() => socket, (error) => error));
      await new Promise((resolve) => setTimeout(resolve, 50));
      socket.close();
      show(socket);
    }
    session.logout();
    return { secrets: [...secrets, 'wrong-pass-word'], shown: shown.join('\n') };
  }, server);
  assert.ok(result.secrets.length >= 4, 'the test has seen tokens and a ticket');
  const everything = `${result.shown}\n${said.join('\n')}`;
  assert.ok(everything.length > 1_000, 'the test has seen events');
  for (const secret of result.secrets) {
    for (const form of [secret, encodeURIComponent(secret), btoa(secret)]) assert.ok(!everything.includes(form));
  }
});

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
    // Fetched from the server: a worker from a blob has an address that is no base.
    const url = '/worker.js?' + encodeURIComponent(script);
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
  const { result } = await inPage(async ([server, access]) => {
    const { AuthSocket, presets, query, Session } = await import('gatepass');
    const session = new Session(presets.simpleJwt(`${server}/api`));
    const signIn = await session.login({ username: 'maggie', password: 'secret' }).catch((error) => error.code);
    session.setTokens({ access });
    const failures = async (scheme, path, count) => {
      const socket = new AuthSocket(server + path, { session, scheme, backoff: { base: 1, cap: 1, spread: 1 } });
      socket.send('kept');
      const codes = [];
      await new Promise((resolve) => socket.addEventListener('error', ({ error }) => codes.push(`${error.code} ${error.disposition}`) === count && resolve()));
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
  }, [server, access], 'foreign.localhost');
  assert.deepEqual(result, {
    page: 'foreign.localhost',
    signIn: 'LOGIN_FAILED',
    byQuery: ['CONNECT_FAILED retry', 'CONNECT_FAILED retry', 'HANDSHAKE_REFUSED retry', 1],
    byTicket: ['TICKET_NETWORK retry', 1],
  });
  const handshakes = (await ask('received')).filter(({ type }) => type === 'handshake');
  assert.ok(handshakes.length >= 3 && handshakes.every(({ origin, status }) => origin.includes('foreign.localhost') && status === 403));
});

test('case_44: a page that is offline comes back with one ticket', async () => {
  await control({ do: 'reset' });
  const context = await browser.newContext();
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
      return new Promise((resolve) => socket.addEventListener('error', ({ error }) => socket.stats().attempts === 3 && resolve(error.code)));
    };
  }, server);
  await context.setOffline(true);
  assert.equal(await tab.evaluate(() => connect()), 'TICKET_NETWORK');
  await context.setOffline(false);
  const heard = await tab.evaluate(async () => {
    for await (const message of socket) return message;
  });
  await context.close();
  assert.equal(heard, 'kept');
  assert.equal((await ask('counts')).tickets, 1);
});

test('a logout reaches the server although the app goes to another page at once', async () => {
  await control({ do: 'reset' });
  const page = await browser.newPage();
  await page.goto(origin);
  await page.evaluate(async (server) => {
    const { presets, Session } = await import('gatepass');
    const session = new Session(presets.djoser(`${server}/auth`));
    await session.login({ username: 'maggie', password: 'secret' });
    session.logout();
    location.href = 'about:blank';
  }, server).catch(() => 'the page is gone by now');
  await page.waitForURL('about:blank');
  while ((await ask('counts')).logouts === 0);
  await page.close();
});

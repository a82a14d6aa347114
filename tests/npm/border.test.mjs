// The border between page, face, wasm, browser and store: whatever throws, is detached, lies or traps there harms nobody.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import { ask, control, server } from './browser.mjs';
import { browser, inPage, origin } from './page.mjs';
import { each, inProfile, open, until } from './profile.mjs';
import { inContext } from './recorder.mjs';

/** Runs with a WebSocket server that says what it heard, and closes as it is told; in pages it is `address`. */
async function withServer(onConnection, run) {
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  sockets.on('connection', onConnection);
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  try {
    return await run(`ws://127.0.0.1:${http.address().port}/`);
  } finally {
    sockets.clients.forEach((client) => client.terminate());
    http.close();
  }
}

/** A page that has not heard of gatepass yet; what prepares it runs first. */
async function inFreshPage(script, argument, ...prepare) {
  const { result } = await inContext(browser, {}, async (context) => {
    const tab = await context.newPage();
    for (const first of prepare) await tab.addInitScript(first);
    await tab.goto(origin);
    return tab.evaluate(script, argument);
  });
  return result;
}

for (const fault of ['the next write', 'the next write and the erasing after it', 'nothing, but both come at once']) {
  test(`a logout never brings back the user before, whatever the store refuses: ${fault}`, async () => {
    await control({ do: 'reset' });
    await inProfile(async (context) => {
      const tab = await open(context);
      const state = await tab.evaluate(async ([server, fault]) => {
        const { presets, Session } = await import('gatepass');
        const make = () => new Session({ ...presets.simpleJwt(`${server}/api`), store: 'localStorage', storeKey: 'tokens' });
        const session = (globalThis.session = make());
        await session.ready();
        await session.login({ username: 'bob', password: 'hunter2' });
        const stored = (condition) => new Promise((resolve) => {
          const look = setInterval(() => condition(localStorage.getItem('tokens')) && resolve(clearInterval(look)), 5);
        });
        await stored(Boolean);
        const of = async (username, password) => {
          const response = await fetch(`${server}/api/token/`, { method: 'POST', body: JSON.stringify({ username, password }) });
          const { access, refresh } = await response.json();
          return { access, refresh };
        };
        const maggie = await of('maggie', 'secret');
        const { setItem, removeItem } = Storage.prototype;
        const refuse = () => { throw new DOMException('full', 'QuotaExceededError'); };
        const isAtOnce = fault.startsWith('nothing');
        if (!isAtOnce) {
          const failed = new Promise((resolve) => session.addEventListener('error', resolve, { once: true }));
          Storage.prototype.setItem = refuse;
          if (fault.includes('erasing')) Storage.prototype.removeItem = refuse;
          session.setTokens(maggie);
          await failed;
          await new Promise((resolve) => setTimeout(resolve, 20));
          Storage.prototype.setItem = setItem;
          Storage.prototype.removeItem = removeItem;
        } else session.setTokens(maggie);
        session.logout();
        await stored((text) => text === null);
        new BroadcastChannel('tokens').postMessage(null);
        dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
        await new Promise((resolve) => setTimeout(resolve, 50));
        const again = make();
        return [session.state, await again.ready(), localStorage.getItem('tokens')];
      }, [server, fault]);
      assert.deepEqual(state, ['signed-out', 'signed-out', null]);
    });
  });
}

for (const scheme of ['anonymous', 'ticket', 'firstMessage']) {
  test(`a socket that the browser refuses in its constructor ends with BLOCKED, and may be tried again: ${scheme}`, async () => {
    await control({ do: 'reset' });
    const { result, said } = await inPage(async ([server, scheme]) => {
      const gatepass = await import('gatepass');
      const session = new gatepass.Session(gatepass.presets.simpleJwt(`${server}/api`));
      await session.login({ username: 'maggie', password: 'secret' });
      const schemes = {
        anonymous: ['/ws/anonymous/', gatepass.anonymous()],
        ticket: ['/channel/', gatepass.ticket({ url: `${server}/ws_ticket`, method: 'GET' })],
        firstMessage: ['/ws/ack/', gatepass.firstMessage({ message: { token: '$token' }, ack: { type: 'auth_ok' } })],
      };
      const [path, how] = schemes[scheme];
      const Real = WebSocket;
      // As Firefox does for a Content-Security-Policy, and Chromium for mixed content.
      const forbid = () => (globalThis.WebSocket = class { constructor() { throw new DOMException('insecure', 'SecurityError'); } });
      forbid();
      const socket = new gatepass.AuthSocket(server + path, { session, scheme: how, backoff: { base: 1, cap: 1, spread: 1 } });
      const events = [];
      for (const type of ['error', 'close']) socket.addEventListener(type, ({ error }) => events.push(error?.code ?? type));
      const seen = [await socket.ready().catch(({ code }) => code), socket.state];
      globalThis.WebSocket = Real;
      socket.reconnect();
      await socket.ready();
      // A try that a timer begins.
      forbid();
      await fetch(`${server}/`).catch(() => {});
      socket.reconnect();
      seen.push(await new Promise((resolve) => socket.addEventListener('statechange', ({ state, error }) => state === 'closed' && resolve(error.code))));
      socket.close();
      return [...seen, socket.state, events];
    }, [server, scheme]);
    assert.deepEqual(result.slice(0, 4), ['BLOCKED', 'closed', 'BLOCKED', 'closed']);
    assert.deepEqual(said.filter((text) => text.startsWith('error:')), []);
  });
}

test('half a surrogate pair in a credential is sent as a form sends it, and the session lives', async () => {
  const bodies = [];
  const http = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (request.method === 'POST') bodies.push(body);
    response.setHeader('access-control-allow-origin', '*').setHeader('access-control-allow-headers', '*').setHeader('content-type', 'application/json');
    response.end('{"access":"a","refresh":"r"}');
  });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  try {
    const result = await inFreshPage(async (url) => {
      const { Session } = await import('gatepass');
      const seen = [];
      for (const encoding of ['form', 'json']) {
        const session = new Session({ login: { url, encoding } });
        for (const password of ['pw\ud83d', '\udc00', 'a\ud83d\ude00b']) {
          await session.login({ username: 'a', password }).catch((error) => seen.push(String(error)));
        }
        seen.push(session.state);
        session.logout();
        seen.push(session.state);
      }
      return seen;
    }, `http://127.0.0.1:${http.address().port}/`);
    assert.deepEqual(result, ['signed-in', 'signed-out', 'signed-in', 'signed-out']);
    assert.deepEqual(bodies.slice(0, 3), ['username=a&password=pw%EF%BF%BD', 'username=a&password=%EF%BF%BD', 'username=a&password=a%F0%9F%98%80b']);
  } finally {
    http.close();
  }
});

test('what is sent is copied at the call: a buffer may be given away, written over, or have been given away before', async () => {
  const heard = [];
  let connections = 0;
  await withServer((socket) => {
    const number = ++connections;
    socket.on('message', (data, isBinary) => {
      if (isBinary) heard.push([number, [...data]]);
      // The first is refused after it has heard everything: what followed is sent again.
      if (isBinary && data.length === 1 && number === 1) socket.close(4401);
      if (isBinary && data.length === 1 && number === 2) socket.send('done');
    });
  }, async (address) => {
    const { result, said } = await inPage(async (address) => {
      const { AuthSocket, firstMessage, Session } = await import('gatepass');
      let count = 0;
      const session = new Session({ getToken: () => `token ${count++}` });
      const socket = new AuthSocket(address, { session, scheme: firstMessage({ message: { token: '$token' } }), backoff: { base: 1, cap: 10, spread: 1 } });
      // Before the wasm is there, and after it.
      const early = new Uint8Array([1, 2]);
      socket.send(early);
      early.fill(0);
      const done = new Promise((resolve) => socket.addEventListener('message', resolve));
      await socket.ready();
      const given = new Uint8Array([3, 4]).buffer;
      socket.send(given);
      structuredClone(given, { transfer: [given] });
      const reused = new Uint8Array([5, 5]);
      socket.send(reused);
      reused.fill(6);
      socket.send(reused.buffer);
      reused.fill(0);
      const gone = new ArrayBuffer(8);
      const [view, bytes] = [new DataView(gone), new Uint8Array(gone)];
      structuredClone(gone, { transfer: [gone] });
      for (const nothing of [gone, view, bytes]) socket.send(nothing);
      socket.send(new DataView(new Uint8Array([0, 7, 8, 0]).buffer, 1, 2));
      socket.send(new Uint8Array([9]));
      await done;
      const { sent } = socket.stats();
      socket.close();
      return [socket.state, sent];
    }, address);
    assert.equal(result[0], 'closed');
    assert.deepEqual(said.filter((text) => text.startsWith('error:')), []);
    const messages = [[1, 2], [3, 4], [5, 5], [6, 6], [], [], [], [7, 8], [9]];
    assert.deepEqual(heard.filter(([number]) => number === 1).map(([, data]) => data), messages);
    assert.deepEqual(heard.filter(([number]) => number === 2).map(([, data]) => data), messages, 'the same, in their order');
  });
});

test('what only looks like a message is refused by name, before the wasm is there and after it', async () => {
  const { result, said } = await inPage(async (server) => {
    const { anonymous, AuthSocket } = await import('gatepass');
    const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    const odd = [Object.create(Blob.prototype), Object.create(ArrayBuffer.prototype), {}, null, undefined, 7, new Proxy({}, { getPrototypeOf() { throw new Error('no'); } })];
    const attempt = () => odd.map((value) => {
      try {
        return socket.send(value).status;
      } catch (error) {
        return error.code ?? String(error);
      }
    });
    const before = attempt();
    await socket.ready();
    const seen = [before, attempt(), socket.state];
    socket.close();
    return seen;
  }, server);
  assert.deepEqual(result, [Array(7).fill('INVALID_OPTION'), Array(7).fill('INVALID_OPTION'), 'connected']);
  assert.deepEqual(said, []);
});

test('two users whose numeric ids are one double are two users', async () => {
  const { result } = await inPage(async () => {
    const { AuthSocket, firstMessage, Session } = await import('gatepass');
    const jwt = (payload) => `e30.${btoa(payload).replace(/=/g, '')}.c2ln`;
    const session = new Session({});
    const socket = new AuthSocket('ws://127.0.0.1:9/', { session, scheme: firstMessage({ message: '$token' }) });
    const changes = [];
    socket.addEventListener('statechange', ({ userChanged }) => userChanged && changes.push(socket.stats().discarded));
    const first = new Promise((resolve) => socket.addEventListener('statechange', resolve, { once: true }));
    session.setTokens({ access: jwt('{"user_id":1234567890123456789}') });
    socket.send('of the first');
    await first;
    session.setTokens({ access: jwt('{"user_id":1234567890123456789,"jti":1}') });
    const same = changes.length;
    session.setTokens({ access: jwt('{"user_id":1234567890123456790}') });
    socket.close();
    return [same, changes];
  });
  assert.deepEqual(result, [0, [1]]);
});

test('an answer of the server is read up to a mebibyte', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async ([server, controlUrl]) => {
    const { AuthSocket, presets, Session } = await import('gatepass');
    const answer = (endpoint, length) => fetch(controlUrl, { method: 'POST', body: JSON.stringify({ do: 'answer', endpoint, status: 200, body: ' '.repeat(length) }) });
    const session = new Session(presets.ticketServer(server));
    const seen = [];
    for (const length of [1 << 20, (1 << 20) + 1]) {
      await answer('login', length);
      await session.login({ username: 'maggie', password: 'secret' }).catch(({ code, message }) => seen.push(code, message));
    }
    await session.login({ username: 'maggie', password: 'secret' });
    await answer('ticket', (1 << 20) + 1);
    const socket = new AuthSocket(`${server}/channel/`, { session, ...presets.ticketServerSocket(server), backoff: { base: 1, cap: 1, spread: 1 } });
    socket.addEventListener('error', ({ error }) => seen.push(error.code, error.message));
    await socket.ready();
    socket.close();
    return seen;
  }, [server, process.env.GATEPASS_TEST_CONTROL]);
  assert.deepEqual(result, ['LOGIN_FAILED', 'the answer is not JSON', 'LOGIN_FAILED', 'the answer is longer than 1 MiB', 'TICKET_MALFORMED', 'the answer is longer than 1 MiB']);
});

test('a frame full of line ends or blanks reaches the app, and the next one is understood', async () => {
  await withServer((socket) => {
    socket.on('message', (data) => {
      if (!String(data).includes('token')) return;
      for (const junk of ['\n'.repeat(1 << 20), `${' '.repeat(1 << 20)}x`, '1,\n'.repeat(300_000), '['.repeat(100_000)]) socket.send(junk);
      socket.send('{"type":"ok"}\n');
      for (const junk of ['\n'.repeat(1 << 20), `${' '.repeat(1 << 20)}x`, '{"type":'.repeat(100_000)]) socket.send(junk);
      socket.send('{"type":"expired"}\n');
      socket.send('end');
    });
  }, async (address) => {
    const { result } = await inPage(async (address) => {
      const { AuthSocket, firstMessage, Session } = await import('gatepass');
      let asked = 0;
      const session = new Session({ getToken: () => `token ${asked++}` });
      const scheme = firstMessage({ message: { token: '$token' }, frames: 'text', ack: { type: 'ok' }, expired: { type: 'expired' } });
      const socket = new AuthSocket(address, { session, scheme });
      const lengths = [];
      await new Promise((resolve) => socket.addEventListener('message', ({ data }) => (data === 'end' ? resolve() : lengths.push(data.length))));
      while (asked < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      socket.close();
      return lengths;
    }, address);
    assert.deepEqual(result, [14, 1 << 20, (1 << 20) + 1, 800_000, 19]);
  });
});

test('without Web Locks the tabs of a browser renew one after the other, round after round', async () => {
  await control({ do: 'reset' });
  await control({ do: 'setSettings', settings: { rotateRefreshTokens: true } });
  await inProfile(async (context) => {
    const tabs = [];
    for (let index = 0; index < 12; index++) tabs.push(await open(context, () => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })));
    await each(tabs, (tab) => tab.evaluate(async (server) => {
      const { presets, Session } = await import('gatepass');
      globalThis.session = new Session({ ...presets.simpleJwt(`${server}/api`), store: 'localStorage', httpTimeout: 5_000 });
      await session.ready();
    }, server));
    await tabs[0].evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
    await each(tabs, (tab) => until(tab, () => session.state === 'signed-in'));
    for (let round = 1; round <= 5; round++) {
      await control({ do: 'expireTokens' });
      const refused = await tabs[0].evaluate(() => session.accessToken());
      const tokens = await each(tabs, (tab) => tab.evaluate(async (server) => {
        // As a call that is refused with 401.
        await session.fetch(`${server}/api/echo/`).catch(() => {});
        return session.accessToken();
      }, server));
      assert.ok(tokens.every((token) => typeof token === 'string' && token !== ''), refused);
    }
    await each(tabs, (tab) => tab.evaluate(() => session.accessToken({ minTtl: 86_400_000 })));
    const { reusedRefreshTokens } = await ask('counts');
    assert.equal(reusedRefreshTokens, 0, 'no refresh token was used twice');
    assert.deepEqual(new Set(await each(tabs, (tab) => tab.evaluate(() => session.state))), new Set(['signed-in']));
  });
});

test('a record that other code has damaged is no sign-in', async () => {
  const good = { v: 1, id: 7, renewals: 0, access: 'token', refresh: 'refresh', expiresAt: 4e12, skew: 0 };
  const result = await inFreshPage(async (rows) => {
    const { Session } = await import('gatepass');
    const seen = [];
    for (const [index, row] of rows.entries()) {
      localStorage.setItem(`row ${index}`, JSON.stringify(row));
      seen.push(await new Session({ store: 'localStorage', storeKey: `row ${index}` }).ready());
    }
    return seen;
  }, [good, { ...good, id: -5 }, { ...good, id: 2 ** 53 }, { ...good, id: '7' }, { ...good, renewals: '7' }, { ...good, renewals: 2 ** 32 }, { ...good, renewals: 0.5 }, { ...good, access: '' },
    { ...good, access: 'é' }, { ...good, refresh: '' }, { ...good, refresh: 7 }, { ...good, expiresAt: '4e12' }, { ...good, expiresAt: 1e300 }, { ...good, skew: null }, [good], 7]);
  assert.deepEqual(result, ['signed-in', ...Array(15).fill('signed-out')]);
});

test('a store whose name begins with a minus, or whose locks cannot be counted, keeps tabs apart all the same', async () => {
  await control({ do: 'reset' });
  await control({ do: 'setSettings', settings: { rotateRefreshTokens: true } });
  await control({ do: 'delay', endpoint: 'refresh', ms: 200 });
  await inProfile(async (context) => {
    const tabs = [await open(context), await open(context, () => (LockManager.prototype.query = async () => { throw new DOMException('no', 'SecurityError'); }))];
    await each(tabs, (tab) => tab.evaluate(async (server) => {
      const { presets, Session } = await import('gatepass');
      globalThis.session = new Session({ ...presets.simpleJwt(`${server}/api`), store: 'localStorage', storeKey: '-tokens', httpTimeout: 2_000 });
      await session.ready();
    }, server));
    await tabs[0].evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
    await until(tabs[1], () => session.state === 'signed-in');
    await each(tabs, (tab) => tab.evaluate(() => session.accessToken({ minTtl: 86_400_000 })));
    assert.equal((await ask('counts')).reusedRefreshTokens, 0);
  });
});

/** Puts a switch before the wasm: `trap.next = true` makes the next call into it end in a trap, in its middle if it can. */
function withTrap() {
  const Real = WebAssembly.Instance;
  const trap = (globalThis.trap = { next: false, isInside: false, count: 0 });
  const now = () => {
    trap.next = trap.isInside = false;
    trap.count++;
    throw new WebAssembly.RuntimeError('unreachable');
  };
  WebAssembly.Instance = function (module, imports) {
    for (const group of Object.values(imports)) {
      for (const [name, call] of Object.entries(group)) {
        if (typeof call === 'function') group[name] = (...given) => (trap.isInside ? now() : call(...given));
      }
    }
    const real = new Real(module, imports);
    const exports = {};
    for (const [name, value] of Object.entries(real.exports)) {
      exports[name] = typeof value !== 'function' ? value : (...given) => {
        const isIt = trap.next;
        trap.isInside ||= isIt;
        const result = value(...given);
        if (isIt && trap.next) now();
        return result;
      };
    }
    return { exports };
  };
}

const ENTRIES = {
  'socket.send()': ({ socket }) => socket.send('of maggie'),
  'socket.close()': ({ socket }) => socket.close(),
  'socket.reconnect()': ({ socket }) => socket.reconnect(),
  'socket.stats()': ({ socket }) => socket.stats(),
  'socket.bufferedAmount': ({ socket }) => socket.bufferedAmount,
  'socket.binaryType': ({ socket }) => (socket.binaryType = 'arraybuffer'),
  'a message of the server': ({ raw }) => raw.onmessage(new MessageEvent('message', { data: 'news' })),
  'an error of the socket': ({ raw }) => raw.onerror(new Event('error')),
  'the end of the socket': ({ raw }) => raw.onclose(new CloseEvent('close', { code: 1006 })),
  'an event of the page': () => dispatchEvent(new Event('online')),
};

for (const [name, entry] of Object.entries(ENTRIES)) {
  test(`what traps in the wasm ends its own socket and no other: ${name}`, async () => {
    await control({ do: 'reset' });
    const result = await inFreshPage(async ([server, entry, isForAll]) => {
      const { AuthSocket, load, presets, Session } = await import('gatepass');
      await load();
      const session = new Session(presets.ticketServer(server));
      await session.login({ username: 'maggie', password: 'secret' });
      const raws = [];
      const Real = WebSocket;
      globalThis.WebSocket = function (...given) {
        const socket = new Real(...given);
        raws.push(socket);
        return socket;
      };
      const other = new AuthSocket(`${server}/channel/`, { session, ...presets.ticketServerSocket(server) });
      await other.ready();
      const socket = new AuthSocket(`${server}/channel/`, { session, ...presets.ticketServerSocket(server) });
      await socket.ready();
      const raw = raws.at(-1);
      const told = [];
      for (const type of ['error', 'close']) socket.addEventListener(type, ({ error }) => told.push(error?.code ?? type));
      trap.next = true;
      let thrown;
      try {
        (0, eval)(`(${entry})`)({ socket, raw });
      } catch (error) {
        thrown = error.code;
      }
      // An event of the page reaches all sockets, the first of them first.
      const [gone, alive] = isForAll ? [other, socket] : [socket, other];
      const after = [trap.count, gone.state, told.includes('INTERNAL') || isForAll, raw.readyState >= 2 || isForAll || entry.includes('onclose')];
      for (const call of [() => gone.send('more'), () => gone.close(), () => gone.reconnect(), () => gone.stats(), () => gone.binaryType, () => gone.bufferedAmount]) {
        try {
          call();
        } catch (error) {
          after.push(error.code);
        }
      }
      const answer = new Promise((resolve) => alive.addEventListener('message', ({ data }) => resolve(data), { once: true }));
      alive.send('{"type":"whoami"}');
      return { after, thrown, answer: await answer, state: session.state };
    }, [server, String(entry), name.startsWith('an event')], withTrap);
    assert.deepEqual(result.after.slice(0, 5), [1, 'closed', true, true, 'CLOSED'], JSON.stringify(result));
    assert.ok([undefined, 'INTERNAL'].includes(result.thrown), result.thrown);
    assert.equal(result.answer, '{"type":"whoami","user":"maggie"}');
    assert.equal(result.state, 'signed-in');
    assert.equal((await ask('received')).some(({ text }) => text === 'more'), false);
  });
}

const SESSION_ENTRIES = {
  'session.state': ({ session }) => session.state,
  'session.login()': ({ session }) => session.login({ username: 'bob', password: 'hunter2' }),
  'session.accessToken()': ({ session }) => session.accessToken(),
  'session.setTokens()': ({ session }) => session.setTokens({ access: 'other' }),
  'session.logout()': ({ session }) => session.logout(),
  'a change of the store': () => new BroadcastChannel('tokens').postMessage(null),
};

for (const [name, entry] of Object.entries(SESSION_ENTRIES)) {
  test(`what traps in a session ends it and its sockets, and it can be signed out all the same: ${name}`, async () => {
    await control({ do: 'reset' });
    const result = await inFreshPage(async ([server, entry]) => {
      const { AuthSocket, load, presets, Session } = await import('gatepass');
      await load();
      const make = (options) => new Session({ ...presets.simpleJwt(`${server}/api`), ...options });
      const session = make({ store: 'localStorage', storeKey: 'tokens' });
      const other = make();
      await session.ready();
      for (const each of [session, other]) await each.login({ username: 'maggie', password: 'secret' });
      while (localStorage.getItem('tokens') === null) await new Promise((resolve) => setTimeout(resolve, 5));
      const [socket, alive] = [session, other].map((session) => new AuthSocket(`${server}/channel/`, { session, ...presets.ticketServerSocket(server) }));
      await Promise.all([socket.ready(), alive.ready()]);
      const told = [];
      session.addEventListener('error', ({ error }) => told.push(error.code));
      const ended = new Promise((resolve) => session.addEventListener('change', resolve, { once: true }));
      trap.next = true;
      let thrown;
      try {
        await (0, eval)(`(${entry})`)({ session });
      } catch (error) {
        thrown = error.code;
      }
      await ended;
      const isOut = entry.includes('logout');
      const states = [session.state, isOut || session.error?.code === 'INTERNAL', socket.state, told.includes('INTERNAL')];
      const codes = [];
      for (const call of [() => session.login({ username: 'bob', password: 'hunter2' }), () => session.accessToken(), () => session.fetch(`${server}/api/token/`)]) {
        await Promise.resolve().then(call).catch((error) => codes.push(error.code));
      }
      session.setTokens({ access: 'more' });
      try {
        socket.send('more');
      } catch (error) {
        codes.push(error.code);
      }
      session.logout();
      while (localStorage.getItem('tokens') !== null) await new Promise((resolve) => setTimeout(resolve, 5));
      const answer = new Promise((resolve) => alive.addEventListener('message', ({ data }) => resolve(data), { once: true }));
      alive.send('{"type":"whoami"}');
      return { states, codes, thrown, state: session.state, answer: await answer, isOut };
    }, [server, String(entry)], withTrap);
    assert.deepEqual(result.states, [result.isOut ? 'signed-out' : 'expired', true, 'closed', true], JSON.stringify(result));
    assert.deepEqual(result.codes, ['INTERNAL', 'INTERNAL', 'INTERNAL', 'CLOSED'].filter((code, index) => index !== 2 || result.codes.length === 4), JSON.stringify(result));
    assert.ok([undefined, 'INTERNAL'].includes(result.thrown), result.thrown);
    assert.equal(result.state, 'signed-out');
    assert.equal(result.answer, '{"type":"whoami","user":"maggie"}');
  });
}

for (const store of ['localStorage', 'sessionStorage', 'own']) {
  test(`a logout right after a renewal holds: ${store}`, async () => {
    await control({ do: 'reset' });
    const { result } = await inPage(async ([server, kind]) => {
      const { presets, Session } = await import('gatepass');
      let kept = null;
      const store = kind === 'own' ? { load: () => kept, save: (text) => void (kept = text), clear: () => void (kept = null) } : kind;
      const ends = [];
      for (let round = 0; round < 5; round++) {
        const session = new Session({ ...presets.simpleJwt(`${server}/api`), store, storeKey: 'renewed' });
        await session.ready();
        await session.login({ username: 'maggie', password: 'secret' });
        await session.accessToken({ minTtl: 86_400_000 });
        const states = [];
        session.addEventListener('change', ({ state }) => states.push(state));
        session.logout();
        const isThere = () => (kind === 'own' ? kept : globalThis[kind].getItem('renewed')) !== null;
        const tasks = async (count) => { for (; count > 0; count--) await new Promise((resolve) => setTimeout(resolve)); };
        while (isThere()) await tasks(1);
        // What was on its way has arrived by then.
        await tasks(20);
        ends.push(session.state, states.join(), isThere());
      }
      return ends;
    }, [server, store]);
    assert.deepEqual(result, Array(5).fill(['signed-out', 'signed-out', false]).flat());
  });
}

test('what a store saves late, after it was given up, is not left there for whoever comes next', async () => {
  const { result } = await inPage(async () => {
    const { Session } = await import('gatepass');
    let kept = null;
    let save;
    let erased;
    const wasErased = new Promise((resolve) => (erased = resolve));
    const store = {
      load: async () => kept,
      save: (text) => new Promise((resolve) => (save = () => (kept = text, resolve()))),
      clear: async () => (kept = null, erased()),
    };
    const session = new Session({ store, storeKey: 'late' });
    await session.ready();
    const failed = new Promise((resolve) => session.addEventListener('error', ({ error }) => resolve(error.code)));
    session.setTokens({ access: 'access', refresh: 'refresh' });
    const code = await failed;
    session.logout();
    save();
    await wasErased;
    return [code, session.state, kept, await new Session({ store, storeKey: 'late' }).ready()];
  });
  assert.deepEqual(result, ['STORE_FAILED', 'signed-out', null, 'signed-out']);
});

test('locks that the browser breaks in any way keep nobody from a token, and a logout holds', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { presets, Session } = await import('gatepass');
    const { request, query } = LockManager.prototype;
    const breaks = {
      marksNever: () => (LockManager.prototype.request = function (name, ...rest) { return name.startsWith('gatepass wrote') ? new Promise(() => {}) : request.call(this, name, ...rest); }),
      throws: () => (LockManager.prototype.request = () => { throw new Error('no'); }),
      undefined: () => (LockManager.prototype.request = () => undefined),
      null: () => (LockManager.prototype.request = () => Promise.reject(null)),
      queryNever: () => (LockManager.prototype.query = () => new Promise(() => {})),
      queryOdd: () => (LockManager.prototype.query = async () => ({ held: [null, {}] })),
    };
    const ends = {};
    for (const [name, broken] of Object.entries(breaks)) {
      broken();
      const make = () => new Session({ ...presets.simpleJwt(`${server}/api`), store: 'localStorage', storeKey: `locks ${name}` });
      const session = make();
      await session.ready();
      await session.login({ username: 'maggie', password: 'secret' });
      const token = await session.accessToken({ minTtl: 86_400_000 });
      session.logout();
      while (localStorage.getItem(`locks ${name}`) !== null) await new Promise((resolve) => setTimeout(resolve));
      ends[name] = [typeof token, session.state, await make().ready()];
      Object.assign(LockManager.prototype, { request, query });
    }
    return ends;
  }, server);
  for (const [name, end] of Object.entries(result)) assert.deepEqual(end, ['string', 'signed-out', 'signed-out'], name);
});

test('without Web Locks a database of the page with our name keeps nobody from a token', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { presets, Session } = await import('gatepass');
    Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });
    for (const name of ['gatepass', 'gatepass locks']) {
      await new Promise((resolve) => (indexedDB.open(name).onsuccess = ({ target }) => resolve(target.result.close())));
    }
    const session = new Session({ ...presets.simpleJwt(`${server}/api`), store: 'localStorage', storeKey: 'database' });
    await session.ready();
    await session.login({ username: 'maggie', password: 'secret' });
    const token = await session.accessToken({ minTtl: 86_400_000 });
    session.logout();
    return [typeof token, session.state];
  }, server);
  assert.deepEqual(result, ['string', 'signed-out']);
});

test('a refresh token of any text is there again after a reload', async () => {
  const { result } = await inPage(async () => {
    const { Session } = await import('gatepass');
    const states = [];
    for (const refresh of ['réf', 'a b', '"', '\u{1f511}']) {
      const make = () => new Session({ store: 'localStorage', storeKey: 'any text' });
      const session = make();
      await session.ready();
      session.setTokens({ access: 'access', refresh });
      while (!localStorage.getItem('any text')) await new Promise((resolve) => setTimeout(resolve));
      states.push(await make().ready());
      session.logout();
      while (localStorage.getItem('any text')) await new Promise((resolve) => setTimeout(resolve));
    }
    return states;
  });
  assert.deepEqual(result, Array(4).fill('signed-in'));
});

test('a text of the options that may be a secret is in no message', async () => {
  const { result } = await inPage(async () => {
    const { AuthSocket, firstMessage, Session, ticket } = await import('gatepass');
    const session = new Session();
    const said = (make) => {
      try {
        make();
      } catch ({ code, message }) {
        return `${code} ${message}`;
      }
    };
    return [
      said(() => new Session({ refresh: { url: '/r', body: { client_secret: '$3cr3t', refresh: '$refresh' } } })),
      said(() => new AuthSocket('/x', { session, scheme: firstMessage({ message: { key: '$3cr3t', token: '$token' } }) })),
      said(() => new AuthSocket('/x', { session, scheme: ticket({ url: '/t', urlHosts: ['user:3cr3t@host'] }) })),
    ];
  });
  for (const message of result) assert.match(message, /^INVALID_OPTION/);
  assert.ok(!result.join().includes('3cr3t'), result.join('\n'));
});

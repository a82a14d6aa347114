// The packed package, installed into an empty project, in Chromium and on a server.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, control, launch, server } from './browser.mjs';
import { inPage, origin, project } from './page.mjs';

const installed = join(project, 'node_modules/gatepass');

test('the package holds what package.json lists, and nothing else', () => {
  const listed = JSON.parse(readFileSync(join(installed, 'package.json'))).files;
  const built = readdirSync('pkg').filter((name) => name !== '.gitignore').map((name) => `pkg/${name}`);
  assert.deepEqual(listed.filter((name) => name.startsWith('pkg/')).sort(), built.sort(), 'package.json lists every built file');
  const found = readdirSync(installed, { recursive: true }).filter((name) => statSync(join(installed, name)).isFile());
  assert.deepEqual(found.sort(), [...listed, 'package.json', 'README.md'].sort());
});

test('it loads in Chromium and connects by ticket', async () => {
  await control({ do: 'reset' });
  const { result, said } = await inPage(async (server) => {
    const { AuthSocket, presets, Session } = await import('gatepass');
    const session = new Session(presets.ticketServer(server));
    await session.login({ username: 'maggie', password: 'secret' });
    const socket = new AuthSocket(`${server}/channel/`, { session, ...presets.ticketServerSocket(server) });
    socket.send('{"type":"whoami"}');
    for await (const message of socket) {
      socket.close();
      return { message, state: socket.state, shown: JSON.stringify([socket, session]) };
    }
  }, server);
  assert.deepEqual(result, {
    message: '{"type":"whoami","user":"maggie"}',
    state: 'closed',
    shown: JSON.stringify([{ url: `${server}/channel/`, state: 'closed' }, { state: 'signed-in' }]),
  });
  assert.deepEqual(said, []);
});

test("the README's example runs as it is written", async () => {
  await control({ do: 'reset' });
  const [, example] = readFileSync('README.md', 'utf8').match(/```ts\n([\s\S]*?)```/);
  const script = example.replaceAll('https://api.example.com', server).replaceAll('wss://api.example.com', server.replace('http', 'ws'));
  const { said } = await inPage(async (script) => {
    const log = console.log;
    const heard = new Promise((resolve) => {
      console.log = (...words) => {
        log(...words);
        if (words[0] === 'hello') resolve();
      };
    });
    await import(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })));
    await heard;
  }, script);
  assert.deepEqual(said, ['connecting token undefined', 'connecting ticket undefined', 'connecting opening undefined', 'connected undefined undefined', 'hello']);
});

test('messages of every kind pass, before and after the connection', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { anonymous, AuthSocket } = await import('gatepass');
    const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    socket.binaryType = 'arraybuffer';
    const bytes = new Uint8Array([1, 2, 3, 4]);
    socket.send(bytes.subarray(1, 3));
    bytes.fill(9);
    await socket.ready();
    socket.send('text');
    socket.send(new Uint8Array([5]).buffer);
    socket.send(new Blob(['blob']));
    const heard = [];
    for await (const message of socket) {
      heard.push(typeof message === 'string' ? message : [...new Uint8Array(message)]);
      if (heard.length === 4) break;
    }
    return heard;
  }, server);
  assert.deepEqual(result, [[2, 3], 'text', [5], [98, 108, 111, 98]]);
});

test('case_29: a wrong option throws at construction and names itself', async () => {
  const { result } = await inPage(async () => {
    // Before the wasm is there as after it.
    const { anonymous, AuthSocket, cookie, firstMessage, query, Session, subprotocol, ticket } = await import('gatepass');
    const session = new Session();
    const thrown = (make) => {
      try {
        make();
        return 'nothing';
      } catch (error) {
        return `${error.name} ${error.code} ${error.message}`;
      }
    };
    const socket = (url, options) => thrown(() => new AuthSocket(url, options));
    return [
      socket('ftp://h/', { scheme: anonymous() }),
      socket('wss://h/#x', { scheme: anonymous() }),
      socket('wss://maggie:secret@h/', { scheme: anonymous() }),
      socket(undefined, { scheme: anonymous() }),
      socket('', { scheme: anonymous() }),
      socket('ws://example.com/', { session, scheme: query() }),
      socket('ws://example.com/', { scheme: cookie() }),
      socket('wss://h/', { session, scheme: ticket({ url: 'http://example.com/t' }) }),
      socket('wss://h/', { scheme: query() }),
      socket('wss://h/', { session }),
      socket('wss://h/', { scheme: anonymous(), conectTimeout: 5 }),
      socket('wss://h/', { scheme: anonymous(), toString: () => '' }),
      socket('wss://h/', { scheme: anonymous(), connectTimeout: -1 }),
      socket('wss://h/', { scheme: anonymous(), backoff: { cap: '5' } }),
      socket('wss://h/', { scheme: anonymous(), protocols: ['a b'] }),
      socket('wss://h/', { scheme: anonymous(), protocols: ['a', 'a'] }),
      socket('wss://h/', { scheme: anonymous(), protocols: 'a'.repeat(9_000) }),
      socket('wss://h/ x', { scheme: anonymous() }),
      socket('https:', { scheme: anonymous() }),
      socket('wss://h/', { session, scheme: firstMessage({ ack: 'ok', reauth: true }) }),
      socket('wss://h/', { session, scheme: firstMessage({ message: 'a', reauth: true }), handover: true }),
      socket('wss://h/', { scheme: anonymous(), closeCodes: { 4403: 'panic' } }),
      socket('wss://h/', { scheme: anonymous(), closeCodes: { 999: 'retry' } }),
      socket('wss://h/', { session, scheme: firstMessage({ message: { token: '$tokn' } }) }),
      socket('wss://h/', { session, scheme: ticket({ url: '/t', method: 'PUT' }) }),
      socket('wss://h/', { session, scheme: query({ url: '/t' }) }),
      socket('wss://h/', { session, scheme: { type: 'toString' } }),
      socket('wss://h/', { scheme: anonymous(), closeCodes: 4403 }),
      socket('wss://h/', { session, scheme: { type: 'header' } }),
      socket('wss://h/', { session, scheme: subprotocol({ prefix: 'bearer.' }) }),
      socket('wss://h/', { session, protocols: 'app', scheme: subprotocol({ prefix: 'bearer ' }) }),
      socket('wss://h/', { session, protocols: 'app', scheme: subprotocol({ encoding: 'hex' }) }),
      socket('wss://h/', { session, scheme: query(), probe: 'http://example.com/me' }),
      socket('wss://h/', { session, scheme: query(), credentials: 'same-origin' }),
      socket('wss://h/', { session, scheme: firstMessage({ message: 'a', frames: 'lines' }) }),
      socket('wss://h/', { session, scheme: firstMessage({}) }),
      socket('wss://h/', { session, scheme: firstMessage({ message: { a: ['Bearer $token'] } }) }),
      socket('wss://h/', { session, scheme: ticket({ url: '/t', urlHosts: 5 }) }),
      socket('wss://h/', { session, scheme: ticket({ url: '/t', unauthorizedStatus: 99 }) }),
      socket('wss://h/', { session, scheme: ticket({ url: '/t', unauthorizedStatus: 401.5 }) }),
      socket('wss://h/', { session, protocols: 'app', scheme: subprotocol({ prefix: 5 }) }),
      socket('wss://h/', { scheme: anonymous(), heartbeat: { interval: 5 } }),
      socket('wss://h/', { scheme: anonymous(), heartbeat: 5_000 }),
      socket('wss://h/', { scheme: anonymous(), whenHidden: 'close' }),
      socket('wss://h/', { scheme: anonymous(), outbox: { policy: 'drop' } }),
      socket('wss://h/', { scheme: anonymous(), confirm: { id: 'id', ack: { id: 'id' } } }),
      socket('wss://h/', { scheme: anonymous(), confirm: { ack: '$id' } }),
      thrown(() => new AuthSocket('wss://127.0.0.1:9/', { scheme: anonymous() }).send('', { ttl: -1 })),
      thrown(() => new AuthSocket('wss://127.0.0.1:9/', { scheme: anonymous() }).send('', { time: 1 })),
      thrown(() => new Session({ login: { url: '/login', method: 'GET' } })),
      thrown(() => new Session({ refresh: { url: '/refresh', encoding: 'xml' } })),
      thrown(() => new Session({ login: { url: 'http://example.com/login' } })),
      socket('wss://h/', { scheme: anonymous(), connectTimeout: 0 }),
      thrown(() => new Session({ httpTimeout: 0 })),
      thrown(() => new Session({ store: 'cookie' })),
      thrown(() => new Session({ storeKey: '' })),
      thrown(() => new Session({ store: { load() {}, save() {} } })),
      thrown(() => new Session({ getToken: 'token' })),
      thrown(() => new Session({ getToken: () => 'token', refresh: { url: '/refresh' } })),
      thrown(() => new Session({ fetchOrigins: ['http://example.com'] })),
      thrown(() => new Session({ fetchOrigins: 'https://example.com' })),
      thrown(() => new Session({ fetchOrigins: ['https://*.example.com'] })),
      thrown(() => session.setTokens({})),
      thrown(() => session.setTokens({ access: 'a', expiresIn: 0 })),
      thrown(() => new AuthSocket('wss://127.0.0.1:9/', { scheme: anonymous() }).close(1001)),
      thrown(() => new AuthSocket('wss://127.0.0.1:9/', { scheme: anonymous() }).close(1000, 'é'.repeat(62))),
      thrown(() => new AuthSocket('wss://127.0.0.1:9/', { scheme: anonymous() }).send({})),
    ];
  });
  const expected = [
    [/INVALID_URL url:/], [/INVALID_URL url:.*fragment/], [/INVALID_URL url:.*host/], [/INVALID_OPTION url:/], [/INVALID_URL url:.*empty/], [/INSECURE_URL url:.*example\.com/], [/INSECURE_URL url:/],
    [/INSECURE_URL scheme\.url:/], [/INVALID_OPTION session:/], [/INVALID_OPTION scheme:/], [/INVALID_OPTION conectTimeout:.*connectTimeout/], [/INVALID_OPTION toString:/],
    [/INVALID_OPTION connectTimeout:/], [/INVALID_OPTION backoff\.cap:/], [/INVALID_OPTION protocols:.*only/], [/INVALID_OPTION protocols:.*twice/], [/INVALID_OPTION protocols:.*8192/],
    [/INVALID_URL url:.*space/], [/INVALID_URL url:.*not a URL/], [/INVALID_OPTION scheme\.reauth:/], [/INVALID_OPTION handover:.*reauth/], [/INVALID_OPTION closeCodes\.4403:/], [/INVALID_OPTION closeCodes\.999:.*1000 to 4999/],
    [/INVALID_OPTION scheme\.message:.*look at "token"/], [/INVALID_OPTION scheme\.method:/],
    [/INVALID_OPTION scheme\.url:.*known are param type$/], [/INVALID_OPTION scheme:/], [/INVALID_OPTION closeCodes:/],
    [/INVALID_OPTION scheme:.*header/], [/INVALID_OPTION protocols:.*plain/], [/INVALID_OPTION scheme\.prefix:/], [/INVALID_OPTION scheme\.encoding:/],
    [/INSECURE_URL probe:/], [/INVALID_OPTION credentials:/], [/INVALID_OPTION scheme\.frames:/], [/INVALID_OPTION scheme\.message:/],
    [/INVALID_OPTION scheme\.message:.*whole value/], [/INVALID_OPTION scheme\.urlHosts:/], [/INVALID_OPTION scheme\.unauthorizedStatus:.*100 to 599/], [/INVALID_OPTION scheme\.unauthorizedStatus:/], [/INVALID_OPTION scheme\.prefix:/],
    [/INVALID_OPTION heartbeat\.message:/], [/INVALID_OPTION heartbeat:/], [/INVALID_OPTION whenHidden:.*close-after/],
    [/INVALID_OPTION outbox\.policy:.*drop-oldest/], [/INVALID_OPTION confirm\.ack:.*\$id/], [/INVALID_OPTION confirm\.id:/], [/INVALID_OPTION send: ttl:/], [/INVALID_OPTION send: time:/],
    [/INVALID_OPTION login\.method:/], [/INVALID_OPTION refresh\.encoding:/],
    [/INSECURE_URL login\.url:/], [/INVALID_OPTION connectTimeout:.*from 1/], [/INVALID_OPTION httpTimeout:.*from 1/], [/INVALID_OPTION store:/], [/INVALID_OPTION storeKey:/], [/INVALID_OPTION store:/], [/INVALID_OPTION getToken:/], [/INVALID_OPTION getToken:.*refresh/], [/INSECURE_URL fetchOrigins:/], [/INVALID_OPTION fetchOrigins:.*array/], [/INVALID_OPTION fetchOrigins:.*each origin/],
    [/INVALID_OPTION tokens\.access:/], [/INVALID_OPTION tokens\.expiresIn:/], [/INVALID_OPTION code:.*1001/], [/INVALID_OPTION reason:.*123/], [/INVALID_OPTION data:/],
  ];
  result.forEach((text, index) => {
    assert.match(text, /^GatepassError /, String(index));
    assert.match(text, expected[index][0]);
    assert.doesNotMatch(text, /secret/);
  });
});

test('closed before the wasm is there is closed', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { anonymous, AuthSocket, load } = await import('gatepass');
    const changes = [];
    const closed = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    closed.addEventListener('statechange', ({ state }) => changes.push(state));
    closed.close();
    // Whoever closed may connect again, as a component that is mounted twice.
    const again = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    again.close();
    again.reconnect();
    await load();
    await again.ready();
    again.close();
    return changes;
  }, server);
  assert.deepEqual(result, ['closed']);
  const { accepted } = await ask('counts');
  assert.equal(accepted, 1);
});

test('calls before the wasm is there keep their order over session and socket, and a refused one fails alone', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { AuthSocket, presets, Session } = await import('gatepass');
    const session = new Session(presets.simpleJwt(`${server}/api`));
    const refused = [];
    const first = session.login({ username: 'maggie', password: 'secret' }).catch((error) => refused.push(error.code));
    const socket = new AuthSocket(`${server}/channel/`, { session, ...presets.ticketServerSocket(server), outbox: { maxMessages: 2 } });
    socket.addEventListener('error', ({ error }) => refused.push(error.code));
    socket.send("maggie's");
    session.logout();
    const second = session.login({ username: 'bob', password: 'hunter2' });
    socket.send('{"type":"whoami"}');
    try {
      socket.send('one too many');
    } catch (error) {
      refused.push(error.code);
    }
    await Promise.all([first, second]);
    for await (const message of socket) return { message, refused, discarded: socket.stats().discarded };
  }, server);
  assert.equal(result.message, '{"type":"whoami","user":"bob"}');
  assert.deepEqual(result.refused.sort(), ['QUEUE_FULL', 'SUPERSEDED']);
  assert.equal(result.discarded, 1);
});

test('after a failed load everything can begin again', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { anonymous, AuthSocket, load } = await import('gatepass');
    const failing = load({ wasm: '/nothing.wasm' }).catch((error) => error.code);
    const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    const told = [];
    for (const type of ['statechange', 'error', 'close']) socket.addEventListener(type, (event) => told.push(event.type, event.discarded));
    socket.send('early');
    const seen = [await failing, await socket.ready().catch((error) => error.code), socket.state, told.join(), socket.stats().discarded];
    await load();
    socket.reconnect();
    await socket.ready();
    return [...seen, socket.state];
  }, server);
  assert.deepEqual(result, ['LOAD_FAILED', 'LOAD_FAILED', 'closed', 'statechange,1,error,,close,', 1, 'connected']);
});

test('odd values are refused by name and harm nobody else', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { anonymous, AuthSocket, firstMessage, load, presets, Session } = await import('gatepass');
    await load();
    const session = new Session(presets.simpleJwt(`${server}/api`));
    const other = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    other.binaryType = 'arraybuffer';
    await other.ready();
    const cyclic = { username: 'maggie' };
    cyclic.self = cyclic;
    let deep = {};
    for (let depth = 0; depth < 5_000; depth++) deep = { deep };
    const code = async (call) => {
      try {
        await call();
        return 'nothing';
      } catch (error) {
        return error.code ?? String(error);
      }
    };
    const codes = [
      await code(() => session.login(cyclic)),
      await code(() => session.login(deep)),
      await code(() => session.login(null)),
      await code(() => session.setTokens({ access: 'tok\u20acn' })),
      await code(() => session.setTokens({ access: 'a\nb' })),
      await code(() => new Session({ tokenPrefix: '\u20ac' })),
      await code(() => new AuthSocket(server, { session: {}, scheme: anonymous() })),
      await code(() => new AuthSocket(server, { session, scheme: firstMessage({ message: cyclic }) })),
      await code(() => new AuthSocket(server, { scheme: anonymous(), closeCodes: { '-1': 'retry' } })),
      await code(() => other.close(66536)),
      await code(() => other.close(1000.5)),
      await code(() => presets.simpleJwt()),
    ];
    session.setTokens({ access: `e30.${btoa(`${'['.repeat(20_000)}${']'.repeat(20_000)}`)}.c2ln` });
    await session.login(Object.assign(Object.create(null), { username: 'maggie', password: 'secret' }));
    const shared = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer;
    new Uint8Array(shared).set([1, 2]);
    other.send(new Uint8Array(shared, 0, 2));
    other.send(new ArrayBuffer(3, { maxByteLength: 9 }));
    const heard = [];
    for await (const message of other) if (heard.push(message.byteLength) === 2) break;
    other.close(1000, 5);
    return { codes, heard, state: other.state, session: session.state };
  }, server);
  assert.deepEqual(result.codes, ['INVALID_OPTION', 'INVALID_CREDENTIALS', ...Array(10).fill('INVALID_OPTION')]);
  assert.deepEqual(result, { codes: result.codes, heard: [2, 3], state: 'closed', session: 'signed-in' });
});

test('the frames of the handshake may be text before JSON, and bytes', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { AuthSocket, firstMessage, Session } = await import('gatepass');
    const session = new Session();
    session.setTokens({ access: 'a"b' });
    const heard = [];
    for (const frames of ['text', 'binary']) {
      // The server echoes, so what is sent is its own ack.
      const scheme = firstMessage({ frames, message: ['40', { token: '$token' }, '\n'], ack: ['40', { token: 'a"b' }] });
      const socket = new AuthSocket(`${server}/ws/anonymous/`, { session, scheme });
      for await (const message of socket) {
        heard.push([typeof message, typeof message === 'string' ? message : new TextDecoder().decode(message), socket.stats().received]);
        break;
      }
      socket.close();
    }
    return heard;
  }, server);
  const frame = '40{"token":"a\\"b"}\n';
  assert.deepEqual(result, [['string', frame, 1], ['object', frame, 1]]);
});

test('case_3: what a server says of a login that it refuses is told, without what it quotes of it', async () => {
  await control({ do: 'reset' });
  const quoting = JSON.stringify({ password: ['"annabel" is too weak', 12345], list: [{ annabel: 'for ann' }], detail: null, code: 'é"\\', count: 123456, echo: JSON.stringify({ a: 'é"\\' }), form: 'p=p%40ss%20word' });
  await control({ do: 'answer', endpoint: 'login', status: 422, body: quoting });
  await control({ do: 'answer', endpoint: 'login', status: 400, body: '<html>annabel</html>' });
  await control({ do: 'answer', endpoint: 'login', status: 200, body: '{"acces":"a token by another name"}' });
  const { result } = await inPage(async (server) => {
    const { presets, Session } = await import('gatepass');
    const session = new Session(presets.simpleJwt(`${server}/api`));
    const refused = async (credentials) => {
      const { code, status, details } = await session.login(credentials).catch((error) => error);
      return [code, status, details];
    };
    const given = { username: 'ann', password: 'annabel', pin: 12345, more: ['é"\\', 'p@ss word', '', null, true] };
    const results = [];
    for (const credentials of [given, given, given, { username: 'maggie' }]) results.push(await refused(credentials));
    return results;
  }, server);
  assert.deepEqual(result, [
    ['LOGIN_FAILED', 422, { password: ['"…" is too weak', '…'], list: [{ '…': 'for …' }], detail: null, code: '…', count: 123456, echo: '{"a":"…"}', form: 'p=…' }],
    ['INVALID_CREDENTIALS', 400, undefined],
    ['LOGIN_FAILED', undefined, undefined],
    ['INVALID_CREDENTIALS', 400, { username: ['This field is required.'], password: ['This field is required.'] }],
  ]);
});

test('handlers and events follow the WebSocket standard where they claim to', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { anonymous, AuthSocket, load } = await import('gatepass');
    await load();
    const seen = [];
    const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    const listener = () => seen.push('listener');
    socket.onopen = () => seen.push('never');
    socket.addEventListener('open', listener);
    socket.onopen = listener;
    socket.onopen = () => seen.push('handler');
    socket.onclose = (event) => seen.push(`close ${event.code} ${event.wasClean} ${socket.readyState}`);
    seen.push(socket.readyState);
    await socket.ready();
    seen.push(socket.readyState);
    const closed = new Promise((resolve) => socket.addEventListener('close', resolve));
    socket.close(4000, 'bye');
    seen.push(socket.readyState);
    await closed;
    const early = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    early.addEventListener('open', () => seen.push('opened after close'));
    early.addEventListener('statechange', ({ state }) => state === 'connected' && early.close());
    await early.ready().catch(() => {});
    return seen;
  }, server);
  assert.deepEqual(result, [0, 'handler', 'listener', 1, 2, 'close 4000 true 3']);
});

test('what the app has let go of is collected', async () => {
  await control({ do: 'reset' });
  const chromium = await launch(['--js-flags=--expose-gc']);
  try {
    const tab = await chromium.newPage();
    await tab.goto(origin);
    const collected = await tab.evaluate(async (server) => {
      const { anonymous, AuthSocket, load, Session } = await import('gatepass');
      await load();
      let collected = 0;
      const registry = new FinalizationRegistry(() => collected++);
      for (let round = 0; round < 50; round++) {
        const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
        socket.close();
        registry.register(socket);
        registry.register(new Session());
      }
      for (let round = 0; round < 50 && collected < 90; round++) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        globalThis.gc();
      }
      return collected;
    }, server);
    assert.ok(collected >= 90, `${collected} of 100 were collected`);
  } finally {
    await chromium.close();
  }
});

test('it can be imported and constructed on a server, where nothing connects and nobody waits for ever', () => {
  const script = `
    import { anonymous, AuthSocket, Session, presets } from 'gatepass';
    const session = new Session(presets.simpleJwt('https://api.example.com/api'));
    const socket = new AuthSocket('wss://api.example.com/', { scheme: anonymous() });
    socket.send('kept');
    session.logout();
    const stored = new Session({ ...presets.simpleJwt('https://api.example.com/api'), store: 'localStorage' });
    const waiting = [session.login({}), session.accessToken(), session.fetch('https://api.example.com/'), stored.ready(), socket.ready()];
    const codes = (await Promise.allSettled(waiting)).map(({ reason }) => reason.code);
    console.log(socket.state, session.state, ...codes);`;
  const printed = execFileSync('node', ['--input-type=module', '-e', script], { cwd: project, encoding: 'utf8' });
  assert.equal(printed.trim(), `idle signed-out${' LOAD_FAILED'.repeat(5)}`);
});

test('every preset makes options that are taken, and sends what its row says', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { AuthSocket, load, presets, Session } = await import('gatepass');
    await load();
    const sockets = ['channelsFirstMessage', 'directus', 'graphqlTransportWs', 'homeAssistant', 'jupyter', 'kubernetes', 'phoenix', 'ticketServerSocket', 'trpc'];
    const sessions = ['directusSession', 'djRestAuth', 'djoser', 'djoserJwt', 'drfJwt', 'drfToken', 'knox', 'oauth2', 'simpleJwt', 'ticketServer'];
    for (const name of sessions) new Session(presets[name](server));
    for (const name of sockets) new AuthSocket(server, { session: new Session(), ...presets[name](server) }).close();
    // What the caller gives goes in the place of the row's own.
    const session = new Session(presets.oauth2(`${server}/o/token/`, { client_id: 'app' }));
    const { refresh } = await (await fetch(`${server}/api/token/`, { method: 'POST', body: '{"username":"maggie","password":"secret"}' })).json();
    session.setTokens({ access: 'ended', refresh });
    const socket = new AuthSocket(`${server}/trpc?v=1`, { session, ...presets.trpc({ token: '$token', lang: 'en' }), minUptime: 0 });
    await new Promise((resolve) => {
      socket.addEventListener('open', () => socket.send('{"type":"whoami"}'));
      socket.addEventListener('message', ({ data }) => data.includes('maggie') && resolve());
    });
    return [sockets, sessions].flat().sort().join() === Object.keys(presets).sort().join();
  }, server);
  assert.ok(result, 'the list is the package\'s');
  const { refreshes } = await ask('counts');
  assert.equal(refreshes, 1, 'the token that tRPC refused was renewed by the form of OAuth 2');
});

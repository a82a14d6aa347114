// The packed package, installed into an empty project, in Chromium and on a server.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, control, launch, server } from './browser.mjs';
import { inPage, origin, project } from './page.mjs';

const installed = join(project, 'node_modules/gatepass');

/** The declarations that an app's compiler reads. */
function publicTypes() {
  const found = new Set();
  const read = (file) => {
    if (found.has(file)) return;
    found.add(file);
    for (const [, name] of readFileSync(join('pkg', file), 'utf8').matchAll(/(?:from|import\()\s*'\.\/([\w-]+)\.js'/g))
      read(`${name}.d.ts`);
  };
  for (const entry of [
    'index',
    'inline',
    'node',
    'testing',
    'vite',
    'vue',
    'angular',
    'react',
    'user-messages',
    'conversation',
  ])
    read(`${entry}.d.ts`);
  return found;
}

test('the package holds what package.json lists, all that was built but the types of internal modules, and nothing else', () => {
  const listed = JSON.parse(readFileSync(join(installed, 'package.json'))).files;
  const types = publicTypes();
  const built = readdirSync('pkg')
    .filter((name) => name !== '.gitignore' && (!name.endsWith('.d.ts') || types.has(name)))
    .map((name) => `pkg/${name}`);
  assert.deepEqual(listed.filter((name) => name.startsWith('pkg/')).sort(), built.sort());
  // The same types for CommonJS, but for what is of modules only, and a script for each entry.
  const modules = ['angular.d.ts', 'node.d.ts', 'on-node.d.ts', 'vite.d.ts'];
  const common = [
    'all.js',
    'conversation.js',
    'index.js',
    'inline.js',
    'package.json',
    'react.js',
    'testing.js',
    'user-messages.js',
    'vue.js',
  ];
  common.push(...[...types].filter((name) => !modules.includes(name)));
  const found = readdirSync(installed, { recursive: true }).filter((name) => statSync(join(installed, name)).isFile());
  const files = listed.flatMap((name) => (name === 'pkg/cjs' ? common.map((file) => `${name}/${file}`) : [name]));
  assert.deepEqual(found.sort(), [...files, 'package.json', 'README.md'].sort());
});

test('the public types name nothing internal', () => {
  const session = readFileSync(join(installed, 'pkg/session.d.ts'), 'utf8');
  for (const name of ['core', 'source', 'authorization', 'mayGet'])
    assert.doesNotMatch(session, new RegExp(`\\b${name}\\b[(:]`), name);
  assert.match(session, /accessToken\(/, 'it was read');
});

test('the package says which compiler built it, and carries the licences of what is in the wasm', () => {
  const build = JSON.parse(readFileSync(join(installed, 'pkg/build.json'), 'utf8'));
  assert.match(build.rustc, /^rustc 1\.\d+/);
  assert.equal(typeof build.flags, 'string');
  const notices = readFileSync(join(installed, 'pkg/THIRD-PARTY-NOTICES.txt'), 'utf8');
  for (const name of ['talc', 'wasm-bindgen', 'zeroize']) assert.match(notices, new RegExp(`^${name} \\d`, 'm'));
  assert.match(notices, /Permission is hereby granted/);
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
  const script = example
    .replaceAll('https://api.example.com', server)
    .replaceAll('wss://api.example.com', server.replace('http', 'ws'));
  const { said } = await inPage(async (script) => {
    const log = console.log;
    const heard = new Promise((resolve) => {
      console.log = (...words) => {
        log(...words);
        resolve();
      };
    });
    await import(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })));
    await heard;
  }, script);
  assert.deepEqual(said, ['hello']);
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

test('closed before the wasm is there is closed', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { anonymous, AuthSocket, load } = await import('gatepass');
    const changes = [];
    const closed = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    closed.addEventListener('statechange', ({ state }) => changes.push(state));
    closed.close();
    // A closed socket may connect again, like a component that is mounted twice.
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
    const socket = new AuthSocket(`${server}/channel/`, {
      session,
      ...presets.ticketServerSocket(server),
      outbox: { maxMessages: 2 },
    });
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
    for await (const message of socket) return { message, refused, dropped: socket.stats().dropped };
  }, server);
  assert.equal(result.message, '{"type":"whoami","user":"bob"}');
  assert.deepEqual(result.refused.sort(), ['QUEUE_FULL', 'SUPERSEDED']);
  assert.equal(result.dropped, 1);
});

test('after a failed load everything can begin again', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { anonymous, AuthSocket, load } = await import('gatepass');
    const failing = load({ wasm: '/nothing.wasm' }).catch((error) => error.code);
    const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    const told = [];
    for (const type of ['statechange', 'error', 'close'])
      socket.addEventListener(type, (event) => told.push(event.type, event.dropped));
    socket.send('early');
    const seen = [
      await failing,
      await socket.ready().catch((error) => error.code),
      socket.state,
      told.join(),
      socket.stats().dropped,
    ];
    await load();
    socket.reconnect();
    await socket.ready();
    return [...seen, socket.state];
  }, server);
  assert.deepEqual(result, ['LOAD_FAILED', 'LOAD_FAILED', 'closed', 'statechange,1,error,,close,', 1, 'connected']);
});

test('the frames of the handshake may be text before JSON, and bytes', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { AuthSocket, firstMessage, Session } = await import('gatepass');
    const session = new Session();
    session.setTokens({ access: 'a"b' });
    const heard = [];
    for (const frames of ['text', 'binary']) {
      // The server echoes, so each message is its own ack.
      const scheme = firstMessage({
        frames,
        message: ['40', { token: '$token' }, '\n'],
        ack: ['40', { token: 'a"b' }],
      });
      const socket = new AuthSocket(`${server}/ws/anonymous/`, { session, scheme });
      for await (const message of socket) {
        heard.push([
          typeof message,
          typeof message === 'string' ? message : new TextDecoder().decode(message),
          socket.stats().received,
        ]);
        break;
      }
      socket.close();
    }
    return heard;
  }, server);
  const frame = '40{"token":"a\\"b"}\n';
  assert.deepEqual(result, [
    ['string', frame, 1],
    ['object', frame, 1],
  ]);
});

test('case_3: what a server says of a login that it refuses is told, without what it quotes of it', async () => {
  await control({ do: 'reset' });
  const quoting = JSON.stringify({
    password: ['"annabel" is too weak', 12345],
    list: [{ annabel: 'for ann' }],
    detail: null,
    code: 'é"\\',
    count: 123456,
    echo: JSON.stringify({ a: 'é"\\' }),
    form: 'p=p%40ss%20word',
  });
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
    [
      'LOGIN_FAILED',
      422,
      {
        password: ['"…" is too weak', '…'],
        list: [{ annabel: 'for …' }],
        detail: null,
        code: '…',
        count: 123456,
        echo: '{"a":"…"}',
        form: 'p=…',
      },
    ],
    ['INVALID_CREDENTIALS', 400, undefined],
    ['LOGIN_INCOMPLETE', undefined, { acces: 'a token by another name' }],
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
  const rows = JSON.parse(readFileSync('src/proto/presets.json', 'utf8'));
  const names = [rows.sessions, rows.sockets].map(Object.keys);
  const { result } = await inPage(
    async ([server, sessions, sockets]) => {
      const { AuthSocket, load, presets, Session } = await import('gatepass');
      await load();
      for (const name of sessions) new Session(presets[name](server));
      for (const name of sockets) new AuthSocket(server, { session: new Session(), ...presets[name](server) }).close();
      // Options of the caller replace those of the row.
      const session = new Session(presets.oauth2(`${server}/o/token/`, { client_id: 'app' }));
      const { refresh } = await (
        await fetch(`${server}/api/token/`, { method: 'POST', body: '{"username":"maggie","password":"secret"}' })
      ).json();
      session.setTokens({ access: 'ended', refresh });
      const socket = new AuthSocket(`${server}/trpc?v=1`, {
        session,
        ...presets.trpc({ token: '$token', lang: 'en' }),
        minUptime: 0,
      });
      await new Promise((resolve) => {
        socket.addEventListener('open', () => socket.send('{"type":"whoami"}'));
        socket.addEventListener('message', ({ data }) => data.includes('maggie') && resolve());
      });
      return [sockets, sessions].flat().sort().join() === Object.keys(presets).sort().join();
    },
    [server, ...names],
  );
  assert.ok(result, "the list is the package's");
  const { refreshes } = await ask('counts');
  assert.equal(refreshes, 1, 'the token that tRPC refused was renewed by the form of OAuth 2');
});

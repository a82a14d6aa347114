// Outside of browsers: clients in Node, Bun and Deno, and servers that only render.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { project } from './page.mjs';

const require = createRequire(import.meta.url);
const binary = (name, file) => join(dirname(require.resolve(`${name}/package.json`)), file);
/** The runtimes, with what starts a script. */
const RUNTIMES = {
  'Node 20': [binary('node-20', 'bin/node')],
  'Node 22': [binary('node-22', 'bin/node')],
  'Node 24': [binary('node-24', 'bin/node')],
  Bun: [binary('@oven/bun-linux-x64', 'bin/bun')],
  Deno: [binary('@deno/linux-x64-glibc', 'deno'), 'run', '--allow-all', '--no-lock', '--node-modules-dir=manual'],
};

let sockets;
before(async () => {
  sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => sockets.on('listening', resolve));
  sockets.on('connection', (socket) =>
    socket.on('message', (data, isBinary) => {
      if (String(data) === 'lose me') socket.terminate();
      else socket.send(data, { binary: isBinary });
    }),
  );
  for (const [program] of Object.values(RUNTIMES)) chmodSync(program, 0o755);
});
after(() => sockets.close());

/** Runs a module in a runtime, beside the installed package; returns what it prints as JSON, and how it ended. */
function run(runtime, name, script) {
  const file = join(project, name);
  writeFileSync(file, script);
  const [program, ...given] = RUNTIMES[runtime];
  const env = { ...process.env, URL: `ws://127.0.0.1:${sockets.address().port}/`, DENO_NO_UPDATE_CHECK: '1' };
  return new Promise((resolve) =>
    execFile(program, [...given, file], { cwd: project, env, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? error.signal) : 0, said: stdout.trim(), stderr });
    }),
  );
}

const CLIENT = (entry) => `
import { anonymous, AuthSocket, load } from '${entry}';
const { WebSocket: own } = globalThis.WebSocket ? {} : await import('ws');
const url = process.env.URL;
await load();
const told = [];
const socket = new AuthSocket(url, { scheme: anonymous(), webSocket: own, backoff: { base: 20, spread: 10 } });
socket.binaryType = 'arraybuffer';
const until = (type) => new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));
const answer = async (message) => {
  const heard = until('message');
  socket.send(message);
  return (await heard).data;
};
await socket.ready();
told.push(await answer('hello'), [...new Uint8Array(await answer(Uint8Array.of(1, 2, 3)))].join());
const lost = until('close');
socket.send('lose me');
const { wasClean } = await lost;
told.push(wasClean, await answer('again'));
const end = until('close');
socket.close();
await end;
told.push(socket.state, socket.readyState);
console.log(JSON.stringify(told));
`;

for (const runtime of Object.keys(RUNTIMES)) {
  for (const entry of ['gatepass', 'gatepass/node'])
    test(`a client in ${runtime} connects, comes back after a loss, and closes: ${entry}`, async () => {
      const { code, said, stderr } = await run(runtime, 'client.mjs', CLIENT(entry));
      assert.equal(said, '["hello","1,2,3",false,"again","closed",3]', stderr);
      assert.equal(code, 0, stderr);
    });

  test(`on a server in ${runtime} nothing connects, whatever is called, and what is closed is closed`, async () => {
    let dials = 0;
    const count = () => dials++;
    sockets.on('connection', count);
    const { code, said, stderr } = await run(
      runtime,
      'server.mjs',
      `
import { anonymous, AuthSocket, presets, Session, webSocketClass } from 'gatepass';
const url = process.env.URL;
const scheme = anonymous();
const told = [];
const code = (promise) => promise.then(() => 'resolved', ({ code }) => code);
const socket = new AuthSocket(url, { scheme });
socket.addEventListener('close', ({ code, wasClean }) => told.push('close', code, wasClean, socket.readyState));
const sent = socket.send('hello');
socket.reconnect();
told.push(socket.state, await code(socket.ready()), await code(socket.sent(sent)), await code(socket.drained()));
const session = new Session(presets.simpleJwt(url.replace('ws', 'http')));
told.push(session.state, await code(session.login({ username: 'a', password: 'b' })), await code(session.accessToken()));
session.logout();
const Socket = webSocketClass({ scheme });
const dropIn = new Socket(url);
const ended = new Promise((resolve) => dropIn.addEventListener('close', () => resolve(dropIn.readyState)));
dropIn.close();
told.push(await ended);
socket.close();
await new Promise((resolve) => socket.addEventListener('close', resolve));
told.push(socket.state, await code(socket.ready()));
console.log(JSON.stringify(told));
`,
    );
    sockets.off('connection', count);
    assert.equal(
      said,
      JSON.stringify([
        ...['idle', 'LOAD_FAILED', 'LOAD_FAILED', 'LOAD_FAILED'],
        ...['signed-out', 'LOAD_FAILED', 'LOAD_FAILED', 3],
        ...['close', 1000, false, 3, 'closed', 'LOAD_FAILED'],
      ]),
      stderr,
    );
    assert.deepEqual([code, dials], [0, 0], stderr);
  });
}

test('a socket of a library keeps no process once it is closed', async () => {
  const { code, said, stderr } = await run(
    'Node 24',
    'drop-in.mjs',
    `
import { anonymous, webSocketClass } from 'gatepass/node';
const Socket = webSocketClass({ scheme: anonymous() });
const socket = new Socket(process.env.URL);
socket.onopen = () => socket.send('hello');
socket.onmessage = () => socket.close();
socket.onclose = ({ code, wasClean }) =>
  setImmediate(() => console.log(JSON.stringify([code, wasClean, process.getActiveResourcesInfo().includes('Timeout')])));
`,
  );
  assert.equal(said, '[1005,true,false]', stderr);
  assert.equal(code, 0);
});

test('a socket that is closed while it dials, and a session that is restored, end no process and keep none', async () => {
  const { code, said, stderr } = await run(
    'Node 20',
    'dialling.mjs',
    `
import { createServer } from 'node:net';
import { anonymous, AuthSocket, Session } from 'gatepass/node';
import { WebSocket } from 'ws';
const silent = createServer().listen(0, '127.0.0.1');
silent.unref();
await new Promise((resolve) => silent.on('listening', resolve));
const socket = new AuthSocket('ws://127.0.0.1:' + silent.address().port, { scheme: anonymous(), webSocket: WebSocket });
await new Promise((resolve) => silent.on('connection', (peer) => (peer.unref(), resolve())));
socket.close();
const fetch = async () => Response.json({ access: 'aa' });
const session = new Session({ refresh: { url: 'http://127.0.0.1:9/' }, credentials: 'include', restore: true, fetch });
const nobody = new Session({
  refresh: { url: 'http://127.0.0.1:9/' },
  credentials: 'include',
  restore: true,
  storeKey: 'other',
  fetch: async () => new Response(null, { status: 401 }),
});
console.log(JSON.stringify([await session.ready(), await nobody.ready()]));
`,
  );
  assert.equal(said, '["signed-in","signed-out"]', stderr);
  assert.deepEqual([code, stderr], [0, '']);
});

test('where there is no WebSocket, that is what is said, and an option brings one', async () => {
  const { said, stderr } = await run(
    'Node 20',
    'none.mjs',
    `
import { anonymous, AuthSocket } from 'gatepass/node';
const socket = new AuthSocket(process.env.URL, { scheme: anonymous() });
const { error } = await new Promise((resolve) => socket.addEventListener('error', resolve));
const wrong = [5, {}, 'ws'].map((webSocket) => {
  try {
    new AuthSocket(process.env.URL, { scheme: anonymous(), webSocket });
  } catch ({ code, message }) {
    return code + ' ' + message.split(':')[0];
  }
});
console.log(JSON.stringify([error.code, socket.state, ...wrong]));
`,
  );
  const wrong = 'INVALID_OPTION webSocket';
  assert.equal(said, JSON.stringify(['UNSUPPORTED', 'closed', wrong, wrong, wrong]), stderr);
});

test('the package can be required: all entries share their classes, and the wasm is within', async () => {
  const { code, said, stderr } = await run(
    'Node 20',
    'required.cjs',
    `
const { anonymous, AuthSocket, isGatepassError, load } = require('gatepass');
const { english, userMessage } = require('gatepass/user-messages');
const { WebSocket } = require('ws');
const told = [require('gatepass/inline').AuthSocket === AuthSocket, typeof require('gatepass/vue').useAuthSocket];
try {
  new AuthSocket('nowhere', {});
} catch (error) {
  told.push(isGatepassError(error), userMessage(error) === english.giveUp);
}
load().then(async () => {
  const socket = new AuthSocket(process.env.URL, { scheme: anonymous(), webSocket: WebSocket });
  socket.addEventListener('message', ({ data }) => {
    console.log(JSON.stringify([...told, data]));
    socket.close();
  });
  socket.send('hello');
});
`,
  );
  assert.equal(said, JSON.stringify([true, 'function', true, true, 'hello']), stderr);
  assert.equal(code, 0, stderr);
});

// Loading the wasm: beside the script or inside it, under a strict CSP, in workers, and the errors when it fails.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { control, server } from './browser.mjs';
import { browser, project } from './page.mjs';
import { inContext } from './recorder.mjs';

const ENTRY = '/node_modules/gatepass/pkg/index.js',
  INLINE = '/node_modules/gatepass/pkg/inline.js';
const TYPES = { '.js': 'text/javascript', '.wasm': 'application/wasm' };

/** A server of files that answers as a test wants it. */
let files;
let origin;
let wasm;
before(async () => {
  const { host } = new URL(server);
  const policy = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' ws://${host}`;
  files = createServer((request, response) => {
    const { pathname, search, searchParams } = new URL(request.url, 'http://localhost');
    response.setHeader('content-security-policy', policy);
    if (pathname === '/')
      return response.setHeader('content-type', 'text/html').end('<!doctype html><link rel="icon" href="data:,">');
    if (pathname === '/worker.js')
      return response.setHeader('content-type', TYPES['.js']).end(searchParams.get('script'));
    if (pathname.endsWith('.wasm') && wasm)
      return wasm(
        response,
        pathname === '/there.wasm' ? undefined : readFileSync(join(project, pathname)),
        search,
        pathname,
      );
    try {
      response
        .setHeader('content-type', TYPES[extname(pathname)] ?? 'text/plain')
        .end(readFileSync(join(project, pathname)));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => files.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${files.address().port}`;
});
after(() => files?.close());

async function inPage(script, argument, answer) {
  await control({ do: 'reset' });
  wasm = answer;
  const { result } = await inContext(browser, {}, async (context) => {
    const tab = await context.newPage();
    await tab.goto(origin);
    return tab.evaluate(script, argument);
  });
  return result;
}

/** Connects and hears one message; in a page or in a worker. */
const talk = async ([entry, server]) => {
  const { anonymous, AuthSocket } = await import(entry);
  const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
  socket.send('hello');
  for await (const message of socket) return message;
};

/** What loading says. */
const failing = async ([entry]) => {
  const { load } = await import(entry);
  return load().then(
    () => 'loaded',
    (error) => `${error.code} ${error.message}`,
  );
};

test('under a strict policy it loads from beside the script, and from within it', async () => {
  assert.equal(await inPage(talk, [ENTRY, server]), 'hello');
  const asked = [];
  assert.equal(
    await inPage(talk, [INLINE, server], (response) => void asked.push(response.writeHead(404).end())),
    'hello',
  );
  assert.deepEqual(asked, [], 'no second file');
});

test('a server that does not know what wasm is does no harm', async () => {
  const answer = (response, bytes) => void response.setHeader('content-type', 'application/octet-stream').end(bytes);
  assert.equal(await inPage(talk, [ENTRY, server], answer), 'hello');
});

test('what was forgotten is said', async () => {
  const missing = await inPage(failing, [ENTRY], (response) => void response.writeHead(404).end());
  assert.match(missing, /^LOAD_FAILED core_bg\.wasm .*beside the script.*gatepass\/inline.*core_bg\.wasm answers 404/);
  // As servers of single-page apps answer unknown paths.
  const page = await inPage(
    failing,
    [ENTRY],
    (response) => void response.setHeader('content-type', 'text/html').end('<!doctype html>'),
  );
  assert.match(page, /^LOAD_FAILED .*core_bg\.wasm is no WebAssembly but text\/html/);
  const empty = await inPage(
    failing,
    [ENTRY],
    (response) => void response.setHeader('content-type', 'text/plain').end(),
  );
  assert.match(empty, /^LOAD_FAILED .*is no WebAssembly/);
});

test('it may be named, given as bytes, as an answer and as a module', async () => {
  const codes = await inPage(
    async ([entry]) => {
      const wasm = new URL('core_bg.wasm', new URL(entry, location.href));
      const answer = () => fetch(wasm);
      const ways = [
        wasm,
        String(wasm),
        new Request(wasm),
        answer(),
        await answer(),
        await (await answer()).arrayBuffer(),
        await WebAssembly.compile(await (await answer()).arrayBuffer()),
      ];
      const heard = [];
      for (const [index, way] of ways.entries()) {
        // A module with another URL is a new instance, which has loaded nothing yet.
        const { load } = await import(`${entry.replace('index.js', 'load.js')}?${index}`);
        heard.push(
          await load({ wasm: way }).then(
            () => 'loaded',
            (error) => error.message,
          ),
        );
      }
      return heard;
    },
    [ENTRY],
  );
  assert.deepEqual(codes, Array(7).fill('loaded'));
});

test('it works in a worker and in a shared worker, from beside the script and from within it', async () => {
  for (const [kind, entry] of [
    ['Worker', ENTRY],
    ['SharedWorker', ENTRY],
    ['Worker', INLINE],
    ['SharedWorker', INLINE],
  ]) {
    const script = `(${talk})(${JSON.stringify([entry, server])}).then(
      (message) => (globalThis.tell ?? postMessage)(message), (error) => (globalThis.tell ?? postMessage)(String(error)));`;
    const shared = `let said, port; globalThis.tell = (message) => { said = message; port?.postMessage(said); };
      onconnect = ({ ports }) => { port = ports[0]; if (said) port.postMessage(said); };`;
    const url = `/worker.js?script=${encodeURIComponent((kind === 'Worker' ? '' : shared) + script)}`;
    const heard = await inPage(
      ([kind, url]) =>
        new Promise((resolve, reject) => {
          const worker = new globalThis[kind](url, { type: 'module' });
          worker.onerror = (event) => reject(new Error(event.message));
          const port = worker.port ?? worker;
          port.onmessage = ({ data }) => resolve(data);
        }),
      [kind, url],
    );
    assert.equal(heard, 'hello', `${kind} ${entry}`);
  }
});

/** The wasm of another version: it compiles, and does not fit these scripts. */
const stale = (response, bytes) => {
  const { module } = WebAssembly.Module.imports(new WebAssembly.Module(bytes))[0];
  const other = Buffer.from(bytes);
  other[bytes.indexOf(Buffer.from(`${String.fromCharCode(module.length)}${module}`)) + 1] = 'X'.charCodeAt(0);
  response.setHeader('content-type', 'application/wasm').end(other);
};

test('a wasm of another version is told to whoever waits, and the right one may be loaded after it', async () => {
  const said = await inPage(
    async ([entry, server]) => {
      const { anonymous, AuthSocket, load, Session } = await import(entry);
      const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
      const kept = socket.send('hello');
      const session = new Session({ login: { url: `${server}/api/token/` } });
      const codes = await Promise.all(
        [socket.ready(), session.login({}), session.accessToken(), load()].map((promise) =>
          promise.then(
            () => 'done',
            ({ code }) => code,
          ),
        ),
      );
      const before = [socket.state, kept.status];
      await load({ wasm: '/node_modules/gatepass/pkg/core_bg.wasm?right' });
      socket.reconnect();
      await socket.ready();
      socket.close();
      return [...codes, ...before];
    },
    [ENTRY, server],
    (response, bytes, search) =>
      search === '?right' ? response.setHeader('content-type', 'application/wasm').end(bytes) : stale(response, bytes),
  );
  assert.deepEqual(said, ['LOAD_FAILED', 'LOAD_FAILED', 'LOAD_FAILED', 'LOAD_FAILED', 'closed', 'dropped']);
});

test('what is sent before the wasm is there and from the first events arrives in the order in which it was sent', async () => {
  const heard = await inPage(
    async ([entry, server]) => {
      const { anonymous, AuthSocket, Session } = await import(entry);
      const session = new Session();
      const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
      const send = (text) => socket.send(text);
      send('first');
      session.addEventListener('change', () => send('second'), { once: true });
      session.setTokens({ access: 'abc' });
      send('third');
      socket.addEventListener('statechange', () => send('fourth'), { once: true });
      const heard = [];
      for await (const message of socket) if (heard.push(message) === 4) return heard;
    },
    [ENTRY, server],
  );
  assert.deepEqual(heard, ['first', 'second', 'third', 'fourth']);
});

test('a socket that was closed before the wasm is there takes nothing more, until it is to connect again', async () => {
  const said = await inPage(
    async ([entry, server]) => {
      const { anonymous, AuthSocket } = await import(entry);
      const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
      const first = socket.send('a');
      socket.close();
      const refused = [() => socket.send('b')].map((call) => {
        try {
          return call().status;
        } catch ({ code }) {
          return code;
        }
      });
      const states = [
        socket.state,
        await socket.ready().catch(({ code }) => code),
        await socket.sent(first),
        socket.stats().dropped,
      ];
      socket.reconnect();
      await socket.ready();
      socket.send('c');
      for await (const message of socket) return [refused, states, message];
    },
    [ENTRY, server],
  );
  assert.deepEqual(said, [['CLOSED'], ['closed', 'CLOSED', 'dropped', 1], 'c']);
});

test('a socket whose wasm could not be loaded waits and takes messages again when it is told to connect', async () => {
  let isThere = false;
  const said = await inPage(
    async ([entry, server]) => {
      const { anonymous, AuthSocket } = await import(entry);
      const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
      const states = [];
      socket.addEventListener('statechange', ({ state }) => states.push(state));
      const first = await socket.ready().catch(({ code }) => code);
      await fetch('/there.wasm').catch(() => {});
      socket.reconnect();
      const kept = socket.send('after all');
      await socket.ready();
      for await (const message of socket) return [first, message, await socket.sent(kept), states];
    },
    [ENTRY, server],
    (response, bytes, _search, path) => {
      if (path === '/there.wasm') isThere = true;
      if (isThere && path !== '/there.wasm') return response.setHeader('content-type', 'application/wasm').end(bytes);
      response.writeHead(404).end();
    },
  );
  assert.deepEqual(said, ['LOAD_FAILED', 'after all', 'sent', ['closed', 'idle', 'connecting', 'connected']]);
});

test('on a server whoever waits for what was sent is told that it is in vain, and nothing keeps the process', async () => {
  const script = `
    import { anonymous, AuthSocket, Session } from 'gatepass';
    const socket = new AuthSocket('wss://api.test/', { scheme: anonymous() });
    const kept = socket.send('hello');
    const waits = { ready: socket.ready(), sent: socket.sent(kept), drained: socket.drained(), next: socket[Symbol.asyncIterator]().next(), read: socket.readable.getReader().read() };
    const codes = await Promise.all(Object.values(waits).map((promise) => promise.then(() => 'done', ({ code }) => code)));
    console.log(codes.join());
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: project,
    timeout: 30_000,
  });
  assert.equal(stdout.trim(), Array(5).fill('LOAD_FAILED').join());
});

test('in a service worker, where nothing can be loaded later, what needs that says so, and all else works', async () => {
  const script = `
import { anonymous, AuthSocket, Session } from '${ENTRY}';
onmessage = async ({ data: server, ports: [port] }) => {
  const failed = (promise) => promise.then(() => 'none', ({ code, message }) => code + ' ' + message);
  const socket = new AuthSocket(server + '/ws/anonymous/', { scheme: anonymous() });
  socket.send('hello');
  const { data } = await new Promise((resolve) => socket.addEventListener('message', resolve));
  const drained = await failed(socket.drained());
  socket.close();
  const login = { url: '/login/', headers: { 'x-own': '1' } };
  const shaped = await failed(new Session({ login }).login({ username: 'a', password: 'b' }));
  const stored = new Session({ login: { url: '/login/' }, store: 'localStorage' });
  const { error } = await new Promise((resolve) => stored.addEventListener('error', resolve));
  port.postMessage([data, drained, shaped, error.code + ' ' + error.cause.message, await stored.ready()]);
};`;
  const told = await inPage(
    async ([script, server]) => {
      const url = `/worker.js?script=${encodeURIComponent(script)}`;
      const registration = await navigator.serviceWorker.register(url, { type: 'module' });
      const worker = registration.installing ?? registration.active;
      const { port1, port2 } = new MessageChannel();
      const answer = new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
      worker.postMessage(server, [port2]);
      const told = await answer;
      await registration.unregister();
      return told;
    },
    [script, server],
  );
  const mend = /a part of gatepass could not be loaded; .*bundle the app into one script/;
  assert.deepEqual([told[0], told[4]], ['hello', 'signed-out']);
  for (const [place, code] of [
    [1, /^LOAD_FAILED /],
    [2, /^LOGIN_FAILED /],
    [3, /^STORE_FAILED /],
  ]) {
    assert.match(told[place], code);
    assert.match(told[place], mend);
  }
});

test('a classic script without import.meta says at once what is missing, and with the wasm inside it works', async () => {
  const { build } = await import('esbuild');
  const script = async (entry) => {
    const contents = `import * as gatepass from '${entry}'; globalThis.gatepass = gatepass;`;
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: project },
      bundle: true,
      format: 'iife',
      platform: 'browser',
      write: false,
      logLevel: 'error',
      logOverride: { 'empty-import-meta': 'silent' },
    });
    writeFileSync(join(project, 'classic.js'), outputFiles[0].contents);
  };
  const heard = async ([server]) => {
    const tag = document.createElement('script');
    tag.src = '/classic.js';
    await new Promise((resolve) => {
      tag.onload = resolve;
      document.head.append(tag);
    });
    const { anonymous, AuthSocket } = globalThis.gatepass;
    const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    socket.send('hello');
    return new Promise((resolve) => {
      socket.addEventListener('message', ({ data }) => resolve(data));
      socket.addEventListener('error', ({ error }) => resolve(`${error.code} ${error.message}`));
    });
  };
  await script('gatepass');
  assert.match(await inPage(heard, [server]), /^LOAD_FAILED .*load\(\{ wasm \}\) or gatepass\/inline/);
  await script('gatepass/inline');
  assert.equal(await inPage(heard, [server]), 'hello');
});

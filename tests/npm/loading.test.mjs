// How the wasm comes: beside the script or within it, under a strict policy, in workers, and what is said when it does not come.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { control, server } from './browser.mjs';
import { browser, project } from './page.mjs';
import { inContext } from './recorder.mjs';

const ENTRY = '/node_modules/gatepass/pkg/index.js', INLINE = '/node_modules/gatepass/pkg/inline.js';
const TYPES = { '.js': 'text/javascript', '.wasm': 'application/wasm' };

/** A server of files that answers as a test wants it. */
let files;
let origin;
let wasm;
before(async () => {
  const { host } = new URL(server);
  const policy = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' ws://${host}`;
  files = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    response.setHeader('content-security-policy', policy);
    if (pathname === '/') return response.setHeader('content-type', 'text/html').end('<!doctype html><link rel="icon" href="data:,">');
    if (pathname === '/worker.js') return response.setHeader('content-type', TYPES['.js']).end(searchParams.get('script'));
    if (pathname.endsWith('.wasm') && wasm) return wasm(response, readFileSync(join(project, pathname)));
    try {
      response.setHeader('content-type', TYPES[extname(pathname)] ?? 'text/plain').end(readFileSync(join(project, pathname)));
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
  return load().then(() => 'loaded', (error) => `${error.code} ${error.message}`);
};

test('under a strict policy it loads from beside the script, and from within it', async () => {
  assert.equal(await inPage(talk, [ENTRY, server]), 'hello');
  const asked = [];
  assert.equal(await inPage(talk, [INLINE, server], (response) => void asked.push(response.writeHead(404).end())), 'hello');
  assert.deepEqual(asked, [], 'no second file');
});

test('a server that does not know what wasm is does no harm', async () => {
  const answer = (response, bytes) => void response.setHeader('content-type', 'application/octet-stream').end(bytes);
  assert.equal(await inPage(talk, [ENTRY, server], answer), 'hello');
});

test('what was forgotten is said', async () => {
  const missing = await inPage(failing, [ENTRY], (response) => void response.writeHead(404).end());
  assert.match(missing, /^LOAD_FAILED .*core_bg\.wasm beside the script.*gatepass\/inline.*core_bg\.wasm answers 404/);
  // As servers of apps answer what they do not know.
  const page = await inPage(failing, [ENTRY], (response) => void response.setHeader('content-type', 'text/html').end('<!doctype html>'));
  assert.match(page, /^LOAD_FAILED .*core_bg\.wasm is no WebAssembly but text\/html/);
  const empty = await inPage(failing, [ENTRY], (response) => void response.setHeader('content-type', 'text/plain').end());
  assert.match(empty, /^LOAD_FAILED .*is no WebAssembly/);
});

test('it may be named, given as bytes, as an answer and as a module', async () => {
  const codes = await inPage(async ([entry]) => {
    const wasm = new URL('core_bg.wasm', new URL(entry, location.href));
    const answer = () => fetch(wasm);
    const ways = [wasm, String(wasm), new Request(wasm), answer(), await answer(), await (await answer()).arrayBuffer(), await WebAssembly.compile(await (await answer()).arrayBuffer())];
    const heard = [];
    for (const [index, way] of ways.entries()) {
      // With another address it is another module, which has loaded nothing yet.
      const { load } = await import(`${entry.replace('index.js', 'load.js')}?${index}`);
      heard.push(await load({ wasm: way }).then(() => 'loaded', (error) => error.message));
    }
    return heard;
  }, [ENTRY]);
  assert.deepEqual(codes, Array(7).fill('loaded'));
});

test('it works in a worker and in a shared worker, from beside the script and from within it', async () => {
  for (const [kind, entry] of [['Worker', ENTRY], ['SharedWorker', ENTRY], ['Worker', INLINE], ['SharedWorker', INLINE]]) {
    const script = `(${talk})(${JSON.stringify([entry, server])}).then(
      (message) => (globalThis.tell ?? postMessage)(message), (error) => (globalThis.tell ?? postMessage)(String(error)));`;
    const shared = `let said, port; globalThis.tell = (message) => { said = message; port?.postMessage(said); };
      onconnect = ({ ports }) => { port = ports[0]; if (said) port.postMessage(said); };`;
    const url = '/worker.js?script=' + encodeURIComponent((kind === 'Worker' ? '' : shared) + script);
    const heard = await inPage(([kind, url]) => new Promise((resolve, reject) => {
      const worker = new globalThis[kind](url, { type: 'module' });
      worker.onerror = (event) => reject(new Error(event.message));
      const port = worker.port ?? worker;
      port.onmessage = ({ data }) => resolve(data);
    }), [kind, url]);
    assert.equal(heard, 'hello', `${kind} ${entry}`);
  }
});

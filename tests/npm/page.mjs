// A page that has the installed package, in Chromium: for every file of tests that imports this, from its first to its last.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { after, before } from 'node:test';
import { launch, server } from './browser.mjs';
import { passHandshake } from './proxy.mjs';
import { inContext } from './recorder.mjs';

/** The project that the package was installed into. */
export const project = process.env.GATEPASS_TEST_PROJECT;
/** Vue as its own builds have it for pages without a bundler. */
const VUE = new URL('../../node_modules/vue/dist/vue.esm-browser.prod.js', import.meta.url);
const TYPES = { '.js': 'text/javascript', '.wasm': 'application/wasm', '.html': 'text/html' };

export let browser;
/** Where the page is. */
export let origin;
let files;

before(async () => {
  // Some tests collect garbage.
  browser = await launch(['--js-flags=--expose-gc']);
  files = createServer((request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname;
    if (path === '/') return response.setHeader('content-type', 'text/html').end(page());
    const script = path === '/worker.js' && decodeURIComponent(request.url.split('?')[1]);
    if (path === '/vue.js') return response.setHeader('content-type', TYPES['.js']).end(readFileSync(VUE));
    if (script) return response.setHeader('content-type', TYPES['.js']).end(script);
    try {
      response.setHeader('content-type', TYPES[extname(path)] ?? 'text/plain').end(readFileSync(join(project, path)));
    } catch {
      response.writeHead(404).end();
    }
  });
  // An address relative to the page leads to the mock server.
  files.on('upgrade', (request, socket) => passHandshake(request, socket, server));
  await new Promise((resolve) => files.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${files.address().port}`;
});

after(async () => {
  await browser?.close();
  files?.close();
});

function page() {
  const imports = {
    gatepass: '/node_modules/gatepass/pkg/index.js',
    'gatepass/conversation': '/node_modules/gatepass/pkg/conversation.js',
    'gatepass/user-messages': '/node_modules/gatepass/pkg/user-messages.js',
    'gatepass/vue': '/node_modules/gatepass/pkg/vue.js',
    vue: '/vue.js',
  };
  return `<!doctype html><link rel="icon" href="data:,"><script type="importmap">${JSON.stringify({ imports })}</script>`;
}

/** Runs a function in a page of its own and returns its result, and what the page said. */
export async function inPage(script, argument, host = '127.0.0.1') {
  const said = [];
  const { result } = await inContext(browser, {}, async (context) => {
    context.on('console', (message) => said.push(message.text()));
    context.on('weberror', (error) => said.push(`error: ${error.error()}`));
    const tab = await context.newPage();
    await tab.goto(origin.replace('127.0.0.1', host));
    return tab.evaluate(script, argument);
  });
  return { result, said };
}

/** A page that has not heard of gatepass yet; what prepares it runs first. */
export async function inFreshPage(script, argument, ...prepare) {
  const { result } = await inContext(browser, {}, async (context) => {
    const tab = await context.newPage();
    for (const first of prepare) await tab.addInitScript(first);
    await tab.goto(origin);
    return tab.evaluate(script, argument);
  });
  return result;
}

// Runs `websockets/` of web-platform-tests against the browser's WebSocket and against the class of `webSocketClass()`, and says where they differ.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { metaOf, serve } from './server.mjs';
import { open } from './webdriver.mjs';

const {
  WPT_FROM: from,
  WPT_PROJECT: project,
  WPT_DRIVER: program,
  WPT_BROWSER: browser,
  WPT_ONLY: only = '',
} = process.env;
const KINDS = { chromium: 'goog:chromeOptions', firefox: 'moz:firefoxOptions' };
/** How long a page may take, in milliseconds; the longest of the suite has 60 s for itself. */
const PATIENCE = 70_000;
/** Names of `status` in testharness.js. */
const STATUSES = ['PASS', 'FAIL', 'TIMEOUT', 'NOTRUN', 'PRECONDITION_FAILED'];

/** Streams, HTTPS and what needs other servers of the suite are not run. */
const LEFT_OUT = /^(stream|handlers)\/|back-forward-cache|https|third-party|cross-origin-cookie|WebSocketStream/;

/** The pages of the suite. */
function pages() {
  const root = join(from, 'websockets');
  const files = readdirSync(root, { recursive: true }).map((path) => path.replaceAll('\\', '/'));
  return files
    .filter((path) => !LEFT_OUT.test(path) && path.includes(only))
    .flatMap((path) => {
      if (path.endsWith('.any.js')) {
        const { globals } = metaOf(readFileSync(join(root, path), 'utf8'));
        const base = path.slice(0, -'.js'.length);
        return [
          ...(globals.includes('window') ? [`${base}.html`] : []),
          ...(globals.some((name) => /^(dedicated)?worker$/.test(name)) ? [`${base}.worker.html`] : []),
        ];
      }
      if (/\.(window|worker)\.js$/.test(path)) return [path.replace(/\.js$/, '.html')];
      const isTest = path.endsWith('.html') && readFileSync(join(root, path)).includes('testharness.js');
      return isTest ? [path] : [];
    })
    .map((path) => `/websockets/${path}`)
    .sort();
}

/** A classic script with our class in the place of the browser's. */
async function ours() {
  const { outputFiles } = await build({
    stdin: {
      contents: `
import { anonymous, webSocketClass } from 'gatepass/inline';
const value = webSocketClass({ scheme: anonymous(), allowInsecure: true });
Object.defineProperty(globalThis, 'WebSocket', { value, configurable: true, writable: true });`,
      resolveDir: project,
    },
    bundle: true,
    format: 'iife',
    platform: 'browser',
    write: false,
    logLevel: 'error',
    logOverride: { 'empty-import-meta': 'silent' },
  });
  return outputFiles[0].text;
}

async function run(capabilities, script, name) {
  const waiting = new Map();
  const server = await serve(from, script, (told) => waiting.get(told.page)?.(told));
  const results = new Map();
  const left = pages();
  const { length } = left;
  const worker = async () => {
    const window = await open(program, capabilities);
    for (let page = left.shift(); page; page = left.shift()) {
      let timer;
      const told = await new Promise((resolve) => {
        waiting.set(page, resolve);
        timer = setTimeout(() => resolve({ status: 2, rows: [] }), PATIENCE);
        window
          .go(`${server.url}${page}?default`)
          .catch((error) => resolve({ status: 1, message: String(error), rows: [] }));
      });
      clearTimeout(timer);
      results.set(page, told);
      process.stderr.write(`\r${name}: ${results.size} of ${length} pages`);
    }
    await window.close();
  };
  await Promise.all([worker(), worker(), worker()]);
  process.stderr.write('\n');
  server.close();
  return results;
}

/** Each subtest with its status. A page that does not come to its end is one, too. */
function subtests(results) {
  const all = new Map();
  // Names quote the port, which is another in each run.
  const named = (name) => name.replace(/\blocalhost:\d+/g, 'localhost');
  for (const [page, { status, message, rows }] of results) {
    if (status !== 0) all.set(`${page}: the page`, ['TIMEOUT', message]);
    for (const [name, number, message] of rows) all.set(`${page}: ${named(name)}`, [STATUSES[number], message]);
  }
  return all;
}

const capabilities = { [KINDS[browser]]: JSON.parse(readFileSync('webdriver.json', 'utf8'))[KINDS[browser]] };
const native = subtests(await run(capabilities, undefined, 'native'));
const made = subtests(await run(capabilities, await ours(), 'gatepass'));
const passed = (all) => [...all.values()].filter(([status]) => status === 'PASS').length;
console.log(
  `${browser}: native passes ${passed(native)} of ${native.size} subtests, gatepass ${passed(made)} of ${made.size}`,
);
const worse = [...native].filter(([name, [status]]) => status === 'PASS' && made.get(name)?.[0] !== 'PASS');
for (const [name] of worse) console.log(`  ${name}\n    ${(made.get(name) ?? ['not run']).join(': ')}`);
for (const [name, [status]] of native) if (status !== 'PASS') console.log(`  natively ${status}: ${name}`);

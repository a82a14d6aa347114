// How long a signed-in user waits for `connected` at a cold load: `cargo xtask first-load` runs it, and says how to use it.

import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'vite';
import { launch, server } from './browser.mjs';
import { passCall, passHandshake } from './proxy.mjs';

const project = process.env.GATEPASS_TEST_PROJECT;
const rounds = Number(process.env.GATEPASS_ROUNDS);
const { gatepass } = await import(join(project, 'node_modules/gatepass/pkg/vite.js'));
/** Chromium's "Fast 3G", in ms and bytes per second. */
const LINK = { offline: false, latency: 562.5, downloadThroughput: 180_000, uploadThroughput: 84_375 };
const CPU = 4;
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

/** The ways: the script, and the plugins of its build. */
const WAYS = {
  'by hand': ['by-hand', []],
  partysocket: ['partysocket', []],
  gatepass: ['gatepass', []],
  'gatepass with gatepass/vite': ['gatepass', [gatepass()]],
  'gatepass/inline': ['inline', []],
};

/** Builds a way; returns its files by path, packed as a server of files does. */
async function built([script, plugins], number) {
  const root = join(project, 'first-load', String(number));
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  cpSync(join(import.meta.dirname, 'first-load'), root, { recursive: true });
  writeFileSync(
    join(root, 'index.html'),
    `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>App</title><div id="app"></div><script type="module" src="./${script}.js"></script>`,
  );
  const define = { 'process.env.NODE_ENV': '"production"', __VUE_OPTIONS_API__: 'false' };
  await build({ root, configFile: false, logLevel: 'warn', plugins, define, build: { outDir: 'out' } });
  const files = {};
  for (const name of readdirSync(join(root, 'out'), { recursive: true })) {
    const path = join(root, 'out', name);
    if (statSync(path).isFile()) files[`/${name}`] = brotliCompressSync(readFileSync(path));
  }
  return files;
}

/** Serves the files of a way, and passes everything else on to the mock server: one origin, as behind a proxy. */
let files = {};
const site = createServer((request, response) => {
  const path = request.url === '/' ? '/index.html' : request.url;
  if (files[path]) {
    const headers = { 'content-type': TYPES[extname(path)], 'content-encoding': 'br', 'cache-control': 'no-store' };
    return response.writeHead(200, headers).end(files[path]);
  }
  passCall(request, response, server);
});
site.on('upgrade', (request, socket) => passHandshake(request, socket, server));
await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${site.address().port}`;

const browser = await launch();
const login = await fetch(`${server}/api/token/`, {
  method: 'POST',
  body: JSON.stringify({ username: 'maggie', password: 'secret' }),
});
const { access, refresh } = await login.json();
const record = JSON.stringify({ v: 1, id: 1, renewals: 0, access, refresh });

/** One cold load. */
async function load() {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.addInitScript((record) => {
      localStorage.setItem('gatepass tokens', record);
      globalThis.seen = [];
      new MutationObserver(() => {
        const shown = document.querySelector('form') ? 'login' : document.querySelector('main')?.textContent;
        if (shown !== undefined && shown !== seen.at(-1)?.[1]) seen.push([performance.now(), shown]);
      }).observe(document, { childList: true, subtree: true, characterData: true });
    }, record);
    const protocol = await context.newCDPSession(page);
    let requests = 0;
    let bytes = 0;
    await protocol.send('Network.enable');
    protocol.on(
      'Network.requestWillBeSent',
      ({ request }) => void (requests += request.url.startsWith('http') ? 1 : 0),
    );
    protocol.on('Network.webSocketCreated', () => void requests++);
    protocol.on('Network.loadingFinished', ({ encodedDataLength }) => void (bytes += encodedDataLength));
    await protocol.send('Network.emulateNetworkConditions', LINK);
    await protocol.send('Emulation.setCPUThrottlingRate', { rate: CPU });
    await page.goto(origin, { waitUntil: 'commit' });
    await page.waitForFunction(() => seen.some(([, shown]) => shown === 'connected'), undefined, { timeout: 60_000 });
    const seen = await page.evaluate(() => seen);
    return {
      time: seen.find(([, shown]) => shown === 'connected')[0],
      login: seen.some(([, shown]) => shown === 'login'),
      requests,
      bytes,
    };
  } finally {
    await context.close();
  }
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const ways = await Promise.all(
  Object.entries(WAYS).map(async ([name, way], number) => ({ name, files: await built(way, number), loads: [] })),
);
for (let round = 0; round <= rounds; round++) {
  for (const way of round % 2 ? ways : ways.toReversed()) {
    files = way.files;
    const found = await load();
    // The first is a warm-up.
    if (round > 0) way.loads.push(found);
  }
  process.stderr.write(`round ${round} of ${rounds}\n`);
}
console.log(`cold load until connected, Fast 3G, CPU ÷ ${CPU}, brotli, medians of ${rounds}\n`);
console.log(
  `${''.padEnd(30)}${['ms', '25 %', '75 %', 'ratio', 'requests', 'bytes', 'login form'].map((name) => name.padStart(11)).join('')}`,
);
const times = ({ loads }) => loads.map(({ time }) => time).sort((a, b) => a - b);
const byHand = median(times(ways[0]));
for (const way of ways) {
  const all = times(way);
  const row = [
    median(all).toFixed(0),
    all[Math.floor(all.length / 4)].toFixed(0),
    all[Math.floor((all.length * 3) / 4)].toFixed(0),
    (median(all) / byHand).toFixed(2),
    median(way.loads.map(({ requests }) => requests)),
    median(way.loads.map(({ bytes }) => bytes)),
    way.loads.some(({ login }) => login) ? 'shown' : 'never',
  ];
  console.log(`${way.name.padEnd(30)}${row.map((cell) => String(cell).padStart(11)).join('')}`);
}
await browser.close();
site.close();
site.closeAllConnections();

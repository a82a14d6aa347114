// An app of two lines, built by each bundler from the installed package with nothing configured for the wasm, and run in Chromium;
// and the same by Nuxt, which renders it on a server first, and on a page without a bundler.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { build as esbuild } from 'esbuild';
import { rollup } from 'rollup';
import { build as vite } from 'vite';
import webpack from 'webpack';
import { angularApp, ngBuild } from './angular-cli.mjs';
import { ask, control, server } from './browser.mjs';
import { filesOf, folder } from './docs-apps.mjs';
import { browser, project } from './page.mjs';
import { inContext } from './recorder.mjs';
import { opened, served } from './served.mjs';

const HTML = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="./main.js"></script>';
const app = (entry) => `
import { anonymous, AuthSocket } from '${entry}';
const socket = new AuthSocket(${JSON.stringify(server)} + '/ws/anonymous/', { scheme: anonymous() });
socket.addEventListener('message', ({ data }) => document.body.append(data));
socket.send('hello from ${entry}');
`;

/** What builds `main.js` of a folder into another. */
const BUNDLERS = {
  vite: (root, outDir) =>
    vite({ root, base: './', configFile: false, logLevel: 'warn', build: { outDir, assetsInlineLimit: 0 } }),
  webpack: (root, outDir) =>
    new Promise((resolve, reject) => {
      const options = {
        context: root,
        entry: './main.js',
        mode: 'production',
        output: { path: outDir, filename: 'main.js' },
      };
      webpack(options, (error, stats) =>
        error || stats.hasErrors() ? reject(error ?? new Error(stats.toString())) : resolve(),
      );
    }),
  rollup: async (root, dir) =>
    (await rollup({ input: join(root, 'main.js'), plugins: [nodeResolve()] })).write({ dir }),
  esbuild: (root, outdir) =>
    esbuild({
      entryPoints: [join(root, 'main.js')],
      bundle: true,
      minify: true,
      format: 'esm',
      outdir,
      logLevel: 'warning',
    }),
};

/** Serves a folder, runs its page, and waits for what it says. */
const run = (folder, expected) =>
  served(folder, (url) => opened(url, (tab) => tab.locator('body', { hasText: expected }).waitFor()));

for (const [name, bundle] of Object.entries(BUNDLERS)) {
  // Rollup and esbuild leave `new URL(…, import.meta.url)` as it is: there the wasm is copied, or inside.
  const finds = ['vite', 'webpack'].includes(name);
  for (const entry of ['gatepass', 'gatepass/inline']) {
    test(`${name} builds ${entry}`, async () => {
      const root = join(project, 'bundled', `${name}-${entry.replace('/', '-')}`);
      rmSync(root, { recursive: true, force: true });
      const out = join(root, 'out');
      mkdirSync(out, { recursive: true });
      writeFileSync(join(root, 'main.js'), app(entry));
      writeFileSync(join(root, 'index.html'), HTML);
      await bundle(root, out);
      if (name !== 'vite') writeFileSync(join(out, 'index.html'), HTML);
      if (entry === 'gatepass' && !finds)
        writeFileSync(join(out, 'core_bg.wasm'), readFileSync(join(project, 'node_modules/gatepass/pkg/core_bg.wasm')));
      const asked = await run(out, `hello from ${entry}`);
      assert.equal(
        asked.some((path) => path.endsWith('.wasm')),
        entry === 'gatepass',
        asked.join(),
      );
    });
  }
}

/** A page of an app with a session, as Vite builds it with the plugin; returns its folder and the files of its links. */
async function withPlugin(name, entry, base, options) {
  const { gatepass } = await import(join(project, 'node_modules/gatepass/pkg/vite.js'));
  const root = join(project, 'bundled', `plugin-${name}`);
  rmSync(root, { recursive: true, force: true });
  mkdirSync(join(root, 'deep'), { recursive: true });
  const session = `import { Session } from 'gatepass';\nnew Session({ store: 'localStorage' });\n`;
  writeFileSync(join(root, 'main.js'), app(entry) + session);
  for (const [page, script] of [
    ['index.html', './main.js'],
    ['deep/index.html', '../main.js'],
  ])
    writeFileSync(join(root, page), HTML.replace('./main.js', script));
  const outDir = join(root, 'out');
  const input = ['index.html', 'deep/index.html'].map((page) => join(root, page));
  const build = { outDir, assetsInlineLimit: 0, rollupOptions: { input } };
  await vite({ root, base, configFile: false, logLevel: 'warn', plugins: [gatepass(options)], build });
  const links = (page) =>
    [...readFileSync(join(outDir, page), 'utf8').matchAll(/<link ([^>]*)>/g)]
      .map(([, attributes]) => [
        attributes.match(/rel="(\w+)"/)[1],
        attributes.match(/href="([^"]*)"/)[1].replace(/-[\w-]{8}\./, '.'),
      ])
      .filter(([rel, href]) => rel !== 'icon' && !/modulepreload-polyfill/.test(href));
  return { outDir, links };
}

test('the plugin for Vite lets a page preload the wasm and the script of stores, under the addresses that are used', async () => {
  await control({ do: 'reset' });
  const { outDir, links } = await withPlugin('relative', 'gatepass', './');
  const expected = (root) => [
    ['preload', `${root}assets/core_bg.wasm`],
    ['modulepreload', `${root}assets/tabs.js`],
  ];
  assert.deepEqual(links('index.html').slice(0, 2), expected('./'));
  assert.deepEqual(links('deep/index.html').slice(0, 2), expected('../'));
  const asked = await run(outDir, 'hello from gatepass');
  for (const file of [/core_bg.*\.wasm$/, /tabs.*\.js$/])
    assert.equal(asked.filter((path) => file.test(path)).length, 1, `${file}: ${asked}`);
});

test('the plugin for Vite takes no file of another package for one of gatepass, and leaves pages without it alone', async () => {
  const { gatepass } = await import(join(project, 'node_modules/gatepass/pkg/vite.js'));
  const root = join(project, 'bundled', 'plugin-others');
  rmSync(root, { recursive: true, force: true });
  mkdirSync(join(root, 'a/pkg'), { recursive: true });
  writeFileSync(join(root, 'a/pkg/tabs.js'), 'export const tabs = 1;');
  writeFileSync(join(root, 'a/pkg/core_bg.wasm'), 'x'.repeat(10_000));
  const others = `import('./a/pkg/tabs.js'); console.debug(new URL('./a/pkg/core_bg.wasm', import.meta.url).href);\n`;
  writeFileSync(join(root, 'main.js'), `${others}${app('gatepass')}`);
  writeFileSync(join(root, 'plain.js'), others);
  writeFileSync(join(root, 'index.html'), HTML);
  writeFileSync(join(root, 'plain.html'), HTML.replace('main.js', 'plain.js'));
  const input = ['index.html', 'plain.html'].map((page) => join(root, page));
  const build = { outDir: 'out', assetsInlineLimit: 0, rollupOptions: { input } };
  await vite({ root, configFile: false, logLevel: 'warn', plugins: [gatepass()], build });
  const hrefs = (page) =>
    [
      ...readFileSync(join(root, 'out', page), 'utf8').matchAll(/<link rel="(?:module)?preload"[^>]*href="([^"]*)"/g),
    ].map(([, href]) => readFileSync(join(root, 'out', href), 'utf8'));
  const [wasm, tabs] = hrefs('index.html').filter((text) => text.startsWith('\0asm') || text.includes('gatepass'));
  assert.ok(wasm && tabs);
  assert.ok(!hrefs('index.html').some((text) => text.startsWith('xxx')));
  assert.ok(!hrefs('plain.html').some((text) => text.startsWith('\0asm') || text.includes('gatepass lock')));
});

test('the plugin for Vite follows the base, and preloads only what comes by itself', async () => {
  const absolute = await withPlugin('absolute', 'gatepass', '/app/');
  assert.deepEqual(absolute.links('deep/index.html')[0], ['preload', '/app/assets/core_bg.wasm']);
  const withoutStore = await withPlugin('without-store', 'gatepass', './', { store: false });
  assert.ok(!withoutStore.links('index.html').some(([, href]) => href.includes('tabs')));
  const inline = await withPlugin('inline', 'gatepass/inline', './');
  assert.ok(!inline.links('index.html').some(([, href]) => href.includes('wasm')));
});

test('the page of the docs on the first load: its configuration of Vite, and its tags without a bundler', async () => {
  await control({ do: 'reset' });
  const files = filesOf('docs/guides/first-load.md');
  const main = `${app('gatepass')}import { Session } from 'gatepass';\nnew Session({ store: 'localStorage' });\n`;
  const root = folder('first-load-vite', {
    'index.html': HTML,
    'main.js': main,
    'vite.config.js': files['vite.config.js'],
    'package.json': '{"type": "module"}',
  });
  await vite({ root, logLevel: 'warn' });
  assert.match(readFileSync(join(root, 'dist/index.html'), 'utf8'), /rel="preload" as="fetch"/);
  const plain = folder('first-load-tags', {
    'index.html': files['index.html'],
    'main.js': main.replaceAll("'gatepass'", "'/gatepass/index.js'"),
    'package.json': '{"type": "module"}',
  });
  cpSync(join(project, 'node_modules/gatepass/pkg'), join(plain, 'gatepass'), { recursive: true });
  const asked = await run(plain, 'hello from gatepass');
  for (const file of ['core_bg.wasm', 'tabs.js'])
    assert.equal(asked.filter((path) => path === `/gatepass/${file}`).length, 1, `${file}: ${asked}`);
});

test('the Angular CLI builds gatepass/angular with nothing configured', async () => {
  const root = join(project, 'bundled', 'angular-cli');
  rmSync(root, { recursive: true, force: true });
  mkdirSync(join(root, 'src'), { recursive: true });
  const files = angularApp(`
import { Component, inject, provideZonelessChangeDetection } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import { anonymous } from 'gatepass';
import { GatepassSocket, provideGatepass } from 'gatepass/angular';

@Component({ selector: 'app-root', template: '<p>{{ socket.state() }} {{ socket.data() }}</p>' })
class App {
  readonly socket = inject(GatepassSocket);
  constructor() { this.socket.send('hello from Angular'); }
}
bootstrapApplication(App, { providers: [
  provideZonelessChangeDetection(),
  provideGatepass({ session: {}, socket: { url: ${JSON.stringify(server)} + '/ws/anonymous/', scheme: anonymous() } }),
] });
`);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(root, file), text);
  const asked = await run(ngBuild(root), 'connected hello from Angular');
  assert.ok(!asked.some((path) => path.endsWith('.wasm')), asked.join());
});

test('a page without a bundler takes the files as they are', async () => {
  const root = join(project, 'bundled', 'none');
  rmSync(root, { recursive: true, force: true });
  cpSync(join(project, 'node_modules/gatepass/pkg'), join(root, 'gatepass'), { recursive: true });
  writeFileSync(join(root, 'main.js'), app('./gatepass/index.js'));
  writeFileSync(join(root, 'index.html'), HTML);
  const asked = await run(root, 'hello from ./gatepass/index.js');
  assert.ok(asked.includes('/gatepass/core_bg.wasm'), asked.join());
});

test('Nuxt renders it on the server, where nothing connects, and the page goes on from there', async () => {
  await control({ do: 'reset' });
  const root = join(project, 'bundled', 'nuxt');
  rmSync(root, { recursive: true, force: true });
  mkdirSync(join(root, 'app'), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{"name": "app", "private": true, "type": "module"}');
  writeFileSync(
    join(root, 'nuxt.config.ts'),
    "export default defineNuxtConfig({ compatibilityDate: '2026-11-01', telemetry: false });",
  );
  writeFileSync(
    join(root, 'app/app.vue'),
    `
<script setup lang="ts">
import { anonymous } from 'gatepass';
import { useAuthSocket } from 'gatepass/vue';
import wasm from 'gatepass/core_bg.wasm?url';
useHead({ link: [{ rel: 'preload', as: 'fetch', type: 'application/wasm', crossorigin: '', href: wasm }] });
const { state, data, send } = useAuthSocket(${JSON.stringify(server)} + '/ws/anonymous/', { scheme: anonymous() });
onMounted(() => send('hello from Nuxt'));
</script>
<template><p>{{ state }} {{ data }}</p></template>`,
  );
  const env = { ...process.env, NUXT_TELEMETRY_DISABLED: '1', HOST: '127.0.0.1', PORT: '0' };
  const built = spawnSync('node', [join(import.meta.dirname, '../../node_modules/nuxt/bin/nuxt.mjs'), 'build'], {
    cwd: root,
    encoding: 'utf8',
    env,
  });
  assert.equal(built.status, 0, built.stdout + built.stderr);
  const app = spawn('node', [join(root, '.output/server/index.mjs')], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [said] = await once(app.stdout, 'data');
    const [url] = String(said).match(/http:[^\s]+/);
    const html = await (await fetch(url)).text();
    assert.match(html, /<p>idle <\/p>/);
    // As docs/guides/first-load.md has it: the file that is used.
    const [, preloaded] = html.match(/rel="preload" as="fetch"[^>]*href="([^"]*\.wasm)"/);
    assert.equal((await ask('counts')).accepted, 0);
    await inContext(browser, {}, async (context) => {
      const complaints = [];
      context.on(
        'console',
        (message) => ['warning', 'error'].includes(message.type()) && complaints.push(message.text()),
      );
      context.on('weberror', (error) => complaints.push(String(error.error())));
      const tab = await context.newPage();
      const asked = [];
      tab.on('request', (request) => request.url().endsWith('.wasm') && asked.push(new URL(request.url()).pathname));
      await tab.goto(url);
      await tab.locator('p', { hasText: 'connected hello from Nuxt' }).waitFor();
      assert.deepEqual(complaints, []);
      // Nuxt prefetches it, too.
      assert.deepEqual([...new Set(asked)], [preloaded]);
    });
  } finally {
    app.kill();
  }
});

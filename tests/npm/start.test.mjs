// "Start in five minutes" as it is written, in an empty folder with only the tarball.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { build } from 'vite';
import { angularApp, ngBuild } from './angular-cli.mjs';
import { ask, control } from './browser.mjs';
import { filesOf, folder } from './docs-apps.mjs';
import { opened, served } from './served.mjs';

const FILES = filesOf('docs/start.md');

/** A button that shows the state and sends: by ticket, for whoever signed in. */
async function talks(tab) {
  await tab.getByRole('button', { name: 'connected' }).click();
  await tab.getByRole('button', { name: 'connected hello' }).waitFor();
  assert.equal((await ask('counts')).tickets, 1);
}

const vue = (more = {}) =>
  folder('vue', {
    'package.json': '{"name": "app", "private": true, "type": "module"}',
    ...Object.fromEntries(
      ['src/App.vue', 'src/main.js', 'vite.config.js', 'index.html'].map((name) => [name, FILES[name]]),
    ),
    ...more,
  });

/** Vite 7, which copies scripts of packages elsewhere, and not what lies beside them. */
const before8 = createRequire(createRequire(import.meta.url).resolve('@angular/build/package.json')).resolve('vite');

for (const [name, { createServer, version }] of Object.entries({
  'its development server': await import('vite'),
  'that of Vite 7': await import(pathToFileURL(before8)),
})) {
  test(`Vue and Vite in ten lines: ${name}`, async () => {
    assert.equal(/^[567]\./.test(version), name.endsWith('7'), version);
    const lines = FILES['src/App.vue'].split('\n').filter((line) => line.trim());
    assert.ok(lines.length <= 10, `${lines.length} lines`);
    const vite = await createServer({ root: vue(), logLevel: 'warn', server: { port: 0, host: '127.0.0.1' } });
    await vite.listen();
    try {
      await opened(`http://127.0.0.1:${vite.httpServer.address().port}/`, talks);
    } finally {
      await vite.close();
    }
  });
}

test('Vue and Vite in ten lines: the build', async () => {
  const root = vue();
  await build({ root, logLevel: 'warn' });
  await served(join(root, 'dist'), (url) => opened(url, talks));
});

test('the app of the page on Vue', async () => {
  const root = vue(filesOf('docs/vue.md'));
  await build({ root, logLevel: 'warn' });
  await served(join(root, 'dist'), (url) =>
    opened(url, async (tab) => {
      await tab.getByText('suspended').waitFor();
      await tab.getByRole('button', { name: 'Sign in' }).click();
      await tab.getByText('connected').waitFor();
      await control({ do: 'push', text: 'a quote' });
      await tab.getByText('a quote').waitFor();
      // The server refuses the session's token: the user has to sign in, although the session looks valid.
      await control({ do: 'answer', endpoint: 'ticket', status: 401, times: 2 });
      await control({ do: 'dropSockets', how: 'reset' });
      await tab.getByRole('button', { name: 'Sign in' }).click();
      await tab.getByText('connected').waitFor();
    }),
  );
});

test('Angular in fifteen lines', async () => {
  const lines = FILES['src/main.ts'].split('\n').filter((line) => line.trim());
  assert.ok(lines.length <= 15, `${lines.length} lines`);
  const root = folder(
    'angular',
    angularApp(FILES['src/main.ts'], { polyfills: ['zone.js'], compilerOptions: { skipLibCheck: true } }),
  );
  await served(ngBuild(root), (url) => opened(url, talks));
});

test('no bundler at all', async () => {
  const root = folder('page', { 'package.json': '{"private": true}', 'page.html': FILES['page.html'] });
  await served(root, (url) =>
    opened(`${url}page.html`, async (tab) => {
      await tab.getByText('hello').waitFor();
      assert.equal(await tab.title(), 'connected');
    }),
  );
});

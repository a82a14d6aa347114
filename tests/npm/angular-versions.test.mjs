// gatepass/angular with later majors of Angular, each with its own compiler: a login, guards and a banner, as the docs have them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { angularApp } from './angular-cli.mjs';
import { server } from './browser.mjs';
import { filesOf } from './docs-apps.mjs';
import { project } from './page.mjs';
import { opened, served } from './served.mjs';

/** Angular 22 wants a later Node than the tests. */
const node = join(import.meta.dirname, '../../node_modules/node-24/bin/node');

for (const major of ['21', '22'])
  test(`Angular ${major} builds the guards of the docs, signs in and connects`, async () => {
    const root = join(import.meta.dirname, `../../target/angular-${major}`);
    const tarball = join(
      project,
      readdirSync(project).find((name) => name.endsWith('.tgz')),
    );
    const run = (program, ...given) => {
      const { status, stdout, stderr } = spawnSync(program, given, { cwd: root, encoding: 'utf8' });
      assert.equal(status, 0, stdout + stderr);
    };
    run('npm', 'install', '--no-save', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', tarball);
    const { version } = JSON.parse(readFileSync(join(root, 'node_modules/@angular/core/package.json'), 'utf8'));
    assert.ok(version.startsWith(`${major}.`), version);
    const guards = filesOf('docs/guides/route-guards.md', 'Angular Router');
    const main = guards['src/main.ts']
      .replace(
        'provideGatepass({ session:',
        `provideGatepass({ socket: { url: '${server}/channel/', ...presets.ticketServerSocket('${server}') }, session:`,
      )
      .replace('import { Component,', "import { GatepassSocket } from 'gatepass/angular';\nimport { inject, Component,")
      .replace('template: `<router-outlet />`', 'template: `<router-outlet /><p>It is {{ socket.state() }}</p>`')
      .replace('class App {}', 'class App { readonly socket = inject(GatepassSocket); }');
    const files = { ...angularApp(main, { compilerOptions: { skipLibCheck: true } }), ...guards, 'src/main.ts': main };
    // Its own has what is installed.
    delete files['package.json'];
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
    run(node, 'node_modules/@angular/cli/bin/ng.js', 'build');
    await served(join(root, 'dist/browser'), (url) =>
      opened(url, async (tab) => {
        await tab.getByRole('button', { name: 'Sign in' }).click();
        await tab.getByRole('heading', { name: 'Orders' }).waitFor();
        await tab.getByText('It is connected').waitFor();
        await tab.waitForFunction(() => localStorage.length > 0);
        await tab.reload();
        await tab.getByText('It is connected').waitFor();
        await tab.getByRole('button', { name: 'Sign out' }).click();
        await tab.getByRole('button', { name: 'Sign in' }).waitFor();
      }),
    );
  });

// gatepass in the unit tests of an app: Jest and Vitest, in their environments, with the real tools.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { transformSync } from 'esbuild';
import { WebSocketServer } from 'ws';
import { angularApp } from './angular-cli.mjs';
import { project } from './page.mjs';

const require = createRequire(import.meta.url);
const tool = (name, file) => join(dirname(require.resolve(`${name}/package.json`)), file);

let sockets;
before(async () => {
  sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => sockets.on('listening', resolve));
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))));
});
after(() => sockets.close());

/** Runs a tool in a folder of the project, with these files, by this Node. */
const run = (...given) => runBy(process.execPath, ...given);

function runBy(node, name, files, program, ...given) {
  const folder = join(project, 'unit-tests', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const { NODE_TEST_CONTEXT: _, ...own } = process.env;
  const env = { ...own, CI: '1', TEST_URL: `ws://127.0.0.1:${sockets.address().port}/` };
  return new Promise((resolve) =>
    execFile(
      node,
      [...given.slice(0, -1), program, ...given.slice(-1)[0]],
      { cwd: folder, env, timeout: 120_000 },
      (error, stdout, stderr) => resolve({ code: error ? (error.code ?? error.signal) : 0, said: stdout + stderr }),
    ),
  );
}

/** So many tests passed, and none failed. */
async function passes(count, running) {
  const { code, said } = await running;
  assert.equal(code, 0, said);
  assert.match(said, new RegExp(`${count} passed`));
}

/** What an app tests: a socket that speaks to a server, in an environment that looks like a page; and that nothing connects in one that does not. */
const TESTS = (load, isPage) => `
${load}
test('a socket', async () => {
  const { anonymous, AuthSocket } = gatepass;
  const options = { scheme: anonymous() };
  const socket = new AuthSocket(process.env.TEST_URL, options);
  if (${isPage}) {
    socket.send('hello');
    const { data } = await new Promise((resolve) => socket.addEventListener('message', resolve));
    expect(data).toBe('hello');
  } else {
    await expect(socket.ready()).rejects.toMatchObject({ code: 'LOAD_FAILED' });
    expect(socket.state).toBe('idle');
  }
  const ended = new Promise((resolve) => socket.addEventListener('close', resolve));
  socket.close();
  await ended;
  expect(socket.readyState).toBe(3);
});
`;

const PACKAGE = JSON.stringify({ name: 'app', private: true });
const MODULES = JSON.stringify({ name: 'app', private: true, type: 'module' });
const PAGES = { jsdom: true, 'happy-dom': true, node: false };

for (const environment of ['jsdom', 'node'])
  test(`Jest, ${environment}, CommonJS`, async () => {
    await passes(
      1,
      run(
        `jest-${environment}`,
        {
          'package.json': PACKAGE,
          'jest.config.json': JSON.stringify({ testEnvironment: environment, rootDir: '.' }),
          'a.test.js': TESTS("const gatepass = require('gatepass');", PAGES[environment]),
        },
        tool('jest', 'bin/jest.js'),
        ['--config', 'jest.config.json', '--colors=false'],
      ),
    );
  });

test('Jest, jsdom, modules', async () => {
  await passes(
    1,
    run(
      'jest-modules',
      {
        'package.json': PACKAGE,
        'jest.config.json': JSON.stringify({
          testEnvironment: 'jsdom',
          rootDir: '.',
          testMatch: ['**/*.test.mjs'],
          moduleFileExtensions: ['js', 'mjs'],
        }),
        'a.test.mjs': TESTS("import * as gatepass from 'gatepass/inline';", true),
      },
      tool('jest', 'bin/jest.js'),
      '--experimental-vm-modules',
      '--no-warnings',
      ['--config', 'jest.config.json', '--colors=false'],
    ),
  );
});

for (const environment of ['jsdom', 'happy-dom', 'node'])
  test(`Vitest, ${environment}`, async () => {
    await passes(
      1,
      run(
        `vitest-${environment}`,
        {
          'package.json': MODULES,
          'vitest.config.js': `export default { test: { environment: '${environment}', globals: true } };`,
          'a.test.js': TESTS("import * as gatepass from 'gatepass';", PAGES[environment]),
        },
        tool('vitest', 'vitest.mjs'),
        ['run'],
      ),
    );
  });

/** The files of the page about testing, by their names: its samples run as they are written. */
const SAMPLES = Object.fromEntries(
  [
    ...readFileSync(join(import.meta.dirname, '../../docs/testing.md'), 'utf8').matchAll(
      /^```\w+ \[(.*?)\]\n([\s\S]*?)^```$/gm,
    ),
  ].map(([, file, text]) => [file, text]),
);
const samples = (...names) => Object.fromEntries(names.map((name) => [name, SAMPLES[name]]));

for (const environment of ['jsdom', 'happy-dom', 'node'])
  test(`the sample of the docs with doubles, in Vitest, ${environment}`, async () => {
    await passes(
      2,
      run(
        `doubles-${environment}`,
        {
          'package.json': MODULES,
          'vitest.config.js': `export default { test: { environment: '${environment}' } };`,
          ...samples('orders.ts', 'orders.test.ts'),
        },
        tool('vitest', 'vitest.mjs'),
        ['run'],
      ),
    );
  });

test('the sample of the docs with the mock server, in Vitest', async () => {
  const node = tool('node-24', 'bin/node');
  chmodSync(node, 0o755);
  await passes(
    1,
    runBy(
      node,
      'mock-server',
      {
        'package.json': MODULES,
        'vitest.config.js': "export default { test: { environment: 'node' } };",
        ...samples('ticker.test.ts'),
      },
      tool('vitest', 'vitest.mjs'),
      ['run'],
    ),
  );
});

test('the sample of the docs with doubles, in Jest, CommonJS', async () => {
  const common = (text) =>
    transformSync(text, { loader: 'ts', format: 'cjs' }).code.replace(
      'require("vitest")',
      "{ ...require('@jest/globals'), vi: require('@jest/globals').jest }",
    );
  await passes(
    2,
    run(
      'doubles-jest',
      {
        'package.json': PACKAGE,
        'jest.config.json': JSON.stringify({ testEnvironment: 'jsdom', rootDir: '.' }),
        'orders.js': common(SAMPLES['orders.ts']),
        'orders.test.js': common(SAMPLES['orders.test.ts']),
      },
      tool('jest', 'bin/jest.js'),
      ['--config', 'jest.config.json', '--colors=false'],
    ),
  );
});

test('the sample of the docs for Vue components, in Vitest', async () => {
  await passes(
    1,
    run(
      'doubles-vue',
      {
        'package.json': MODULES,
        'vitest.config.js':
          "import vue from '@vitejs/plugin-vue';\nexport default { plugins: [vue()], test: { environment: 'jsdom' } };",
        ...samples('OrderList.vue', 'OrderList.test.ts'),
      },
      tool('vitest', 'vitest.mjs'),
      ['run'],
    ),
  );
});

test('a React component with doubles, in Vitest: StrictMode leaves one socket, and fake timers count down', async () => {
  await passes(
    1,
    run(
      'doubles-react',
      {
        'package.json': MODULES,
        'vitest.config.js': "export default { test: { environment: 'jsdom', globals: true } };",
        'orders.test.js': `
import { render, screen } from '@testing-library/react';
import { act, createElement, StrictMode, useEffect, useState } from 'react';
import { anonymous, AuthSocket } from 'gatepass';
import { doubles } from 'gatepass/testing';

function Orders() {
  const [state, setState] = useState('idle');
  const [order, setOrder] = useState('');
  useEffect(() => {
    const socket = new AuthSocket('wss://api.example.com/ws/', { scheme: anonymous() });
    socket.addEventListener('statechange', (change) => setState(change.state));
    socket.addEventListener('message', ({ data }) => setOrder(data));
    return () => socket.close();
  }, []);
  return createElement('p', { role: 'status' }, state, ' ', order);
}

test('an order arrives, and a loss is shown', async () => {
  vi.useFakeTimers();
  render(createElement(StrictMode, null, createElement(Orders)));
  const shown = () => screen.getByRole('status').textContent;
  const server = doubles.socket();
  await act(() => server.accept());
  act(() => server.receive('order 7'));
  expect(shown()).toBe('connected order 7');
  act(() => server.lose());
  expect(shown()).toBe('waiting order 7');
  act(() => vi.advanceTimersByTime(1_000));
  expect(shown()).toBe('connecting order 7');
  await act(() => server.accept());
  expect(doubles.sockets.filter(({ url }) => url).map((double) => double === server)).toEqual([false, true]);
  doubles.reset();
});
`,
      },
      tool('vitest', 'vitest.mjs'),
      ['run'],
    ),
  );
});

test('the sample of the docs for Angular components, by `ng test`', async () => {
  const app = angularApp('export {};');
  const workspace = JSON.parse(app['angular.json']);
  workspace.projects.app.architect.test = {
    builder: '@angular/build:unit-test',
    options: { tsConfig: 'tsconfig.json', buildTarget: '::development', runner: 'vitest' },
  };
  workspace.projects.app.architect.build.configurations = { development: {} };
  const tsconfig = JSON.parse(app['tsconfig.json']);
  const names = ['orders.component.ts', 'orders.component.spec.ts'];
  tsconfig.files.push(...names.map((name) => `src/${name}`));
  await passes(
    1,
    run(
      'doubles-angular',
      {
        ...app,
        'angular.json': JSON.stringify(workspace),
        'tsconfig.json': JSON.stringify(tsconfig),
        ...Object.fromEntries(names.map((name) => [`src/${name}`, SAMPLES[name]])),
      },
      tool('@angular/cli', 'bin/ng.js'),
      ['test', '--watch=false'],
    ),
  );
});

// gatepass in the unit tests of an app: Jest and Vitest, in their environments, with the real tools.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { WebSocketServer } from 'ws';
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

/** Runs a tool in a folder of the project, with these files. */
function run(name, files, program, ...given) {
  const folder = join(project, 'unit-tests', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  const { NODE_TEST_CONTEXT: _, ...own } = process.env;
  const env = { ...own, CI: '1', TEST_URL: `ws://127.0.0.1:${sockets.address().port}/` };
  return new Promise((resolve) =>
    execFile(
      process.execPath,
      [...given.slice(0, -1), program, ...given.slice(-1)[0]],
      { cwd: folder, env, timeout: 120_000 },
      (error, stdout, stderr) => resolve({ code: error ? (error.code ?? error.signal) : 0, said: stdout + stderr }),
    ),
  );
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
const PAGES = { jsdom: true, 'happy-dom': true, node: false };

for (const environment of ['jsdom', 'node'])
  test(`Jest, ${environment}, CommonJS`, async () => {
    const { code, said } = await run(
      `jest-${environment}`,
      {
        'package.json': PACKAGE,
        'jest.config.json': JSON.stringify({ testEnvironment: environment, rootDir: '.' }),
        'a.test.js': TESTS("const gatepass = require('gatepass');", PAGES[environment]),
      },
      tool('jest', 'bin/jest.js'),
      ['--config', 'jest.config.json', '--colors=false'],
    );
    assert.equal(code, 0, said);
    assert.match(said, /1 passed/);
  });

test('Jest, jsdom, modules', async () => {
  const { code, said } = await run(
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
  );
  assert.equal(code, 0, said);
  assert.match(said, /1 passed/);
});

for (const environment of ['jsdom', 'happy-dom', 'node'])
  test(`Vitest, ${environment}`, async () => {
    const { code, said } = await run(
      `vitest-${environment}`,
      {
        'package.json': JSON.stringify({ name: 'app', private: true, type: 'module' }),
        'vitest.config.js': `export default { test: { environment: '${environment}', globals: true } };`,
        'a.test.js': TESTS("import * as gatepass from 'gatepass';", PAGES[environment]),
      },
      tool('vitest', 'vitest.mjs'),
      ['run'],
    );
    assert.equal(code, 0, said);
    assert.match(said, /1 passed/);
  });

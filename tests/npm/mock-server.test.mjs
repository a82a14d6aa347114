// The mock server as npm packages: installed from their tarballs into an empty folder.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

const packages = process.env.GATEPASS_TEST_MOCK_SERVER;
// Outside of this repository, where nothing else is found.
const folder = join(tmpdir(), `gatepass-mock-server-${process.pid}`);
const { GATEPASS_MOCK_SERVER: _, ...env } = process.env;

/** Runs a program in the folder; returns how it ended and what it said. */
const run = (program, args, more = {}) =>
  promisify(execFile)(program, args, { cwd: folder, env: { ...env, ...more }, timeout: 60_000 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
const script = (name, text) => {
  writeFileSync(join(folder, name), text);
  return name;
};

before(async () => {
  mkdirSync(folder, { recursive: true });
  script('package.json', '{"name": "empty", "private": true, "type": "module"}');
  const tarballs = readdirSync(packages).filter((name) => name.endsWith('.tgz'));
  assert.equal(tarballs.length, 2);
  const given = ['install', '--no-audit', '--no-fund', '--offline', ...tarballs.map((name) => join(packages, name))];
  const { code, stderr } = await run('npm', given);
  assert.equal(code, 0, stderr);
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('npx starts it, and passes options, output and exit code on', async () => {
  const { stdout } = await run('npx', ['gatepass-mock-server', '--help']);
  assert.match(stdout, /--allow-origin <ORIGIN>/);
  const wrong = await run('npx', ['gatepass-mock-server', '--nothing']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /unexpected argument '--nothing'/);
});

test('a signal to the command ends the program', async () => {
  const command = spawn(process.execPath, ['node_modules/gatepass-mock-server/command.js'], { cwd: folder, env });
  const [url] = await once(createInterface({ input: command.stdout }), 'line');
  const connection = connect(new URL(url).port, '127.0.0.1');
  await once(connection, 'connect');
  const closed = once(connection, 'close');
  command.kill('SIGTERM');
  assert.equal((await once(command, 'exit'))[0], 143);
  connection.on('error', () => {});
  await closed;
});

test('a script starts a server, steers it, and ends it', async () => {
  const name = script(
    'steers.js',
    `
import { startMockServer } from 'gatepass-mock-server';
const told = [];
{
  const server = await startMockServer();
  await server.control({ do: 'setUserActive', user: 'bob', active: false });
  told.push(new URL(server.url).hostname, (await server.counts()).logins, new URL(server.wsUrl).protocol);
  told.push(await server.control({ do: 'nothing' }).catch(({ message }) => message));
  await server.stop();
  await server.stop();
  globalThis.stopped = server;
  globalThis.gone = server.url;
}
told.push(await fetch(globalThis.gone).then(() => 'there', () => 'gone'));
told.push(await startMockServer(['--port', 'x']).catch(({ message }) => message));
told.push(await startMockServer('--spa').catch(({ message }) => message));
told.push(await startMockServer(['--version']).catch(({ message }) => message));
told.push(await stopped.control({ do: 'reset' }).catch(({ message }) => message));
// One that is not stopped does not keep the process.
await startMockServer();
console.log(JSON.stringify(told));
`,
  );
  const { code, stdout, stderr } = await run(process.execPath, [name]);
  assert.equal(code, 0, stderr);
  const [host, logins, protocol, unknown, gone, option, array, prints, late] = JSON.parse(stdout);
  assert.deepEqual([host, logins, protocol, gone], ['127.0.0.1', 0, 'ws:', 'gone']);
  assert.match(unknown, /"nothing".*400 .*unknown variant `nothing`, expected one of/);
  assert.match(option, /has ended \(2\): error: invalid value 'x' for '--port <PORT>'/);
  assert.match(array, /^options: an array is needed/);
  assert.match(prints, /says `gatepass-mock-server \d.*` and no addresses/);
  assert.match(late, /^the mock server does not answer: it was stopped/);
  assert.equal(stderr, '');
});

test('a script that is killed leaves no server behind', async () => {
  const name = script(
    'killed.js',
    `
import { startMockServer } from 'gatepass-mock-server';
const { url } = await startMockServer();
console.log(url);
setInterval(() => {}, 1_000);
`,
  );
  const child = spawn(process.execPath, [name], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [url] = await once(createInterface({ input: child.stdout }), 'line');
  const connection = connect(new URL(url).port, '127.0.0.1');
  connection.on('error', () => {});
  await once(connection, 'connect');
  const closed = once(connection, 'close');
  child.kill('SIGKILL');
  await closed;
});

test('where no program fits, it says what mends it', async () => {
  const on = (platform, arch) =>
    script(
      `on-${arch}.cjs`,
      `for (const [name, value] of [['platform', '${platform}'], ['arch', '${arch}']]) Object.defineProperty(process, name, { value });`,
    );
  const command = 'node_modules/gatepass-mock-server/command.js';
  const none = await run(process.execPath, ['--require', `./${on('linux', 'riscv64')}`, command]);
  assert.equal(none.code, 1);
  assert.match(
    none.stderr,
    /^error: .*none for linux on riscv64: .*cargo install gatepass-mock-server.*GATEPASS_MOCK_SERVER/,
  );
  const missing = await run(process.execPath, ['--require', `./${on('darwin', 'arm64')}`, command]);
  assert.match(missing.stderr, /the package gatepass-mock-server-darwin-arm64 is missing: .*--include=optional/);
  const own = await run(process.execPath, [command], { GATEPASS_MOCK_SERVER: join(folder, 'not there') });
  assert.equal(own.code, 1);
  assert.match(own.stderr, /^error: .*not there ENOENT/);
});

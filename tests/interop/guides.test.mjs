// The page of the docs on nginx, with the real nginx in front of the real Django.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { project } from '../npm/page.mjs';
import { login, one } from './django.mjs';

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

const [, CONFIG] = /```nginx \[site\.conf\]\n([\s\S]*?)```/.exec(readFileSync('docs/guides/nginx.md', 'utf8'));

/** Runs nginx with the configuration of the page, its addresses and folders replaced, in front of Django. */
async function withNginx(work) {
  const folder = mkdtempSync(join(tmpdir(), 'gatepass-nginx-'));
  // The workers of nginx run as nobody.
  chmodSync(folder, 0o755);
  const port = await freePort();
  mkdirSync(join(folder, 'app/assets'), { recursive: true });
  cpSync(join(project, 'node_modules/gatepass/pkg/core_bg.wasm'), join(folder, 'app/assets/core_bg.wasm'));
  writeFileSync(join(folder, 'app/index.html'), '<!doctype html><title>App</title>');
  const replaced = CONFIG.replace('listen 8080', `listen 127.0.0.1:${port}`)
    .replace('http://127.0.0.1:8000', one.url)
    .replace('/srv/app', join(folder, 'app'))
    .replaceAll('/var/log/nginx', folder)
    .replace('mime.types', '/etc/nginx/mime.types');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join('\n');
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr crit; events {} http { ${temporary}\n${replaced} }`,
  );
  const nginx = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'inherit' });
  try {
    const url = `http://127.0.0.1:${port}`;
    // It listens once it answers.
    while (!(await fetch(url).catch(() => false))) if (nginx.exitCode !== null) throw new Error('nginx has ended');
    await work(url, () => readFileSync(join(folder, 'access.log'), 'utf8'));
  } finally {
    nginx.kill();
    await once(nginx, 'exit');
    rmSync(folder, { recursive: true, force: true });
  }
}

test('behind the nginx of the docs: the wasm is compressed, a route is the app, a socket passes, and no ticket is logged', async () => {
  await withNginx(async (url, log) => {
    const wasm = await new Promise((resolve) =>
      get(`${url}/assets/core_bg.wasm`, { headers: { 'accept-encoding': 'gzip' } }, resolve),
    );
    const { 'content-type': type, 'content-encoding': encoding, 'cache-control': cached } = wasm.headers;
    assert.deepEqual([type, encoding], ['application/wasm', 'gzip']);
    assert.match(cached, /immutable/);
    wasm.destroy();
    assert.match(await (await fetch(`${url}/orders/7`)).text(), /<title>App/);

    const { access } = await login({ url });
    const response = await fetch(`${url}/ws_ticket`, {
      method: 'POST',
      headers: { authorization: `Bearer ${access}`, origin: url },
    });
    const { ticket } = await response.json();
    const { WebSocket } = await import('ws');
    const socket = new WebSocket(`${url.replace('http', 'ws')}/channel/?ticket=${ticket}`, { origin: url });
    await once(socket, 'open');
    socket.close();
    await once(socket, 'close');
    while (!log().includes('/channel/')) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(!log().includes(ticket));
  });
});

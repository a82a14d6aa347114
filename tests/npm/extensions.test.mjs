// An extension of a browser: gatepass in one of its pages and in its service worker, without a bundler.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { chromium } from 'playwright-core';

const project = process.env.GATEPASS_TEST_PROJECT;
const { startMockServer } = await import(join(project, 'node_modules/gatepass-mock-server/index.js'));

const WITH_WASM = "script-src 'self' 'wasm-unsafe-eval'";

/** What both places run: a user signs in, a socket with tickets talks, is lost, and talks again. */
const CONVERSATION = `
import { AuthSocket, presets, Session } from './gatepass/index.js';
export async function conversation({ url, wsUrl, controlUrl }) {
  const session = new Session(presets.simpleJwt(url + '/api'));
  const socket = new AuthSocket(wsUrl + '/channel/', { session, ...presets.ticketServerSocket(url), backoff: { base: 20, spread: 0 } });
  try {
    await session.login({ username: 'maggie', password: 'secret' });
    const heard = (text) => {
      socket.send(text);
      return new Promise((resolve) => socket.addEventListener('message', ({ data }) => resolve(data), { once: true }));
    };
    const told = [await heard('hello')];
    const lost = new Promise((resolve) => socket.addEventListener('close', resolve, { once: true }));
    await fetch(controlUrl, { method: 'POST', body: JSON.stringify({ do: 'dropSockets', how: 'reset' }) });
    const { code } = await lost;
    told.push(code, await heard('again'), session.state);
    return told;
  } catch ({ code, message }) {
    return [code, message];
  } finally {
    socket.close();
  }
}
globalThis.conversation = conversation;
`;

/** Runs something with an extension that has the installed package in it. */
async function withExtension(policy, work) {
  const folder = mkdtempSync(join(tmpdir(), 'gatepass-extension-'));
  try {
    cpSync(join(project, 'node_modules/gatepass/pkg'), join(folder, 'gatepass'), { recursive: true });
    const write = (name, text) => writeFileSync(join(folder, name), text);
    write(
      'manifest.json',
      JSON.stringify({
        manifest_version: 3,
        name: 'gatepass in an extension',
        version: '1.0',
        background: { service_worker: 'conversation.js', type: 'module' },
        host_permissions: ['http://127.0.0.1/*'],
        ...(policy && { content_security_policy: { extension_pages: policy } }),
      }),
    );
    write('conversation.js', CONVERSATION);
    write('page.html', '<!doctype html><script type="module" src="conversation.js"></script>');
    const context = await chromium.launchPersistentContext('', {
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', `--disable-extensions-except=${folder}`, `--load-extension=${folder}`],
    });
    try {
      const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
      const page = await context.newPage();
      await page.goto(new URL('page.html', worker.url()).href);
      const server = await startMockServer(['--allow-origin', new URL('.', worker.url()).href.slice(0, -1)]);
      try {
        await work({ worker, page }, server);
      } finally {
        await server.stop();
      }
    } finally {
      await context.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const talk = (place, { url, wsUrl, controlUrl }) =>
  place.evaluate((server) => globalThis.conversation(server), { url, wsUrl, controlUrl });

test('in an extension a page and a service worker sign in, talk, and come back after a loss', async () => {
  await withExtension(WITH_WASM, async ({ worker, page }, server) => {
    for (const place of [page, worker])
      assert.deepEqual(await talk(place, server), ['hello', 1006, 'again', 'signed-in'], place.url());
  });
});

test('an extension whose policy has no wasm-unsafe-eval is told so', async () => {
  await withExtension(undefined, async ({ worker, page }, server) => {
    for (const place of [page, worker]) {
      const [code, message] = await talk(place, server);
      assert.equal(code, 'LOAD_FAILED', place.url());
      assert.match(
        message,
        /^core_bg\.wasm could not be loaded; add 'wasm-unsafe-eval' to script-src of the Content-Security-Policy: /,
      );
    }
  });
});

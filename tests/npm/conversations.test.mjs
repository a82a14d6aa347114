// Libraries in Chromium that make their own WebSockets and reconnect: a conversation goes on over every loss, with ours as with the browser's.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { build } from 'esbuild';
import { HOW, network } from './conversations/network.mjs';
import { LIBRARIES, serve } from './conversations/servers.mjs';
import { browser, origin, project } from './page.mjs';

before(() =>
  build({
    entryPoints: [join(import.meta.dirname, 'conversations/page.js')],
    outdir: join(project, 'conversations'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    define: { global: 'globalThis' },
    logLevel: 'warning',
  }),
);

/** Puts our class, or a subclass of the browser's, in the place of the browser's, and begins a conversation in the page. */
async function begin([which, library, url]) {
  const { anonymous, webSocketClass } = await import('gatepass');
  globalThis.WebSocket = which === 'native' ? class extends WebSocket {} : webSocketClass({ scheme: anonymous() });
  const { conversations } = await import('/conversations/page.js');
  const said = [];
  let ups = 0;
  const waits = [];
  const up = () => {
    ups++;
    said.push('up');
    for (const wait of waits.splice(0)) wait();
  };
  /** Resolves once the conversation was up so many times. */
  const upTimes = async (times) => {
    while (ups < times) await new Promise((resolve) => waits.push(resolve));
  };
  const note = (...words) => void said.push(words.join(' '));
  const { ask, stop } = await conversations[library]({ url, up, note });
  globalThis.conversation = { ask, stop, upTimes, said: () => [...said] };
}

/** Has one conversation; returns what the app has seen of it, and the number of handshakes. */
async function converse(which, library) {
  const server = await serve(library);
  const between = await network(server.port);
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(origin);
    await page.evaluate(begin, [which, library, `ws://${between.address}/`]);
    const answers = [];
    const ask = (text) =>
      page.evaluate(
        async ([times, text]) => {
          await conversation.upTimes(times);
          return conversation.ask(text);
        },
        [answers.length + 1, text],
      );
    answers.push(await ask('hello'));
    for (const how of HOW) {
      between.end(how);
      answers.push(await ask(`after ${how}`));
    }
    between.refuse(2);
    between.end('RST');
    answers.push(await ask('after refusals'));
    const said = await page.evaluate(() => conversation.said());
    await page.evaluate(() => conversation.stop());
    return { answers, said, handshakes: between.handshakes() };
  } finally {
    await context.close();
    between.close();
    await server.close();
  }
}

for (const library of LIBRARIES)
  test(`a conversation of ${library} goes on over a close, a lost server and refusals, as with the browser's class`, async () => {
    const [native, ours] = await Promise.all([converse('native', library), converse('gatepass', library)]);
    assert.deepEqual(native.answers, ['hello', ...HOW.map((how) => `after ${how}`), 'after refusals']);
    assert.equal(native.handshakes, 1 + HOW.length + 3);
    assert.deepEqual(ours, native);
  });

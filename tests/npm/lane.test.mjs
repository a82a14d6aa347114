// The lane: while a connection has nothing to read, to queue or to have confirmed, no message enters the wasm.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { control, server } from './browser.mjs';
import { inFreshPage } from './page.mjs';

/** Counts the calls of the wasm: `calls`. Those of the recorder do not count: it reads every getter of whatever fires an event. */
function withCalls() {
  const Real = WebAssembly.Instance;
  globalThis.calls = 0;
  Error.stackTraceLimit = 100;
  const isRecorder = () => new Error().stack.includes('at texts ');
  WebAssembly.Instance = function (module, imports) {
    const real = new Real(module, imports);
    const exports = Object.entries(real.exports).map(([name, value]) => [
      name,
      typeof value === 'function' ? (...given) => ((calls += isRecorder() ? 0 : 1), value(...given)) : value,
    ]);
    return { exports: Object.fromEntries(exports) };
  };
}

/** Ends the present connection of a socket: `unconfirmedBy(socket)` resolves with what may not have arrived. */
function withLoss() {
  globalThis.unconfirmedBy = (socket) =>
    new Promise((resolve) => {
      socket.addEventListener('statechange', ({ unconfirmed }) => resolve(unconfirmed), { once: true });
      socket.reconnect();
    });
}

/** In a page: a connected socket with these options says and hears three messages. Then it is asked, and the connection is lost. */
const talk = (options) =>
  inFreshPage(
    async ([server, options]) => {
      const { anonymous, AuthSocket } = await import('gatepass');
      const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous(), ...options });
      await socket.ready();
      const heard = [];
      const all = new Promise((resolve) => {
        socket.onmessage = ({ data }) => heard.push(data) === 3 && resolve();
      });
      // The lane is offered when all events of the connection were told.
      await new Promise((resolve) => setTimeout(resolve));
      calls = 0;
      const statuses = ['a', 'b', 'c'].map((text) => socket.send(text).status);
      await all;
      const entered = calls;
      const { sent, received } = socket.stats();
      socket.send('d');
      return { entered, statuses, heard, sent, received, unconfirmed: await unconfirmedBy(socket) };
    },
    [server, options],
    withCalls,
    withLoss,
  );

const SAID = { statuses: ['sent', 'sent', 'sent'], heard: ['a', 'b', 'c'], sent: 3, received: 3 };

test('no message of a connected socket enters the wasm, and what has passed is counted and in doubt as ever', async () => {
  await control({ do: 'reset' });
  const { entered, unconfirmed, ...said } = await talk({});
  assert.deepEqual(said, SAID);
  assert.equal(entered, 0);
  assert.deepEqual(unconfirmed, ['a', 'b', 'c', 'd']);
});

test('where messages are to be confirmed, each enters the wasm', async () => {
  await control({ do: 'reset' });
  const { entered, unconfirmed, ...said } = await talk({ confirm: { id: 'id', ack: { type: 'ack', id: '$id' } } });
  assert.deepEqual(said, SAID);
  assert.ok(entered >= 6, String(entered));
  assert.deepEqual(unconfirmed, ['a', 'b', 'c', 'd']);
});

test('a message that is too long does not pass, although others do', async () => {
  await control({ do: 'reset' });
  const result = await inFreshPage(async (server) => {
    const { anonymous, AuthSocket } = await import('gatepass');
    const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous(), maxMessageSize: 4 });
    await socket.ready();
    const heard = [];
    socket.onmessage = ({ data }) => heard.push(data);
    const failed = new Promise((resolve) => (socket.onerror = ({ error }) => resolve(error.code)));
    socket.send('four');
    socket.send('fives');
    return { code: await failed, heard, state: socket.state };
  }, server);
  assert.deepEqual(result, { code: 'MESSAGE_TOO_BIG', heard: ['four'], state: 'closed' });
});

test('many messages on one connection leave the last of them in doubt, and no more', async () => {
  await control({ do: 'reset' });
  const unconfirmed = await inFreshPage(
    async (server) => {
      const { anonymous, AuthSocket } = await import('gatepass');
      const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
      await socket.ready();
      for (let index = 1; index <= 2_500; index++) socket.send(`${index}`);
      const all = await unconfirmedBy(socket);
      return [all.length, all[0], all.at(-1)];
    },
    server,
    withLoss,
  );
  assert.deepEqual(unconfirmed, [1_000, '1501', '2500']);
});

test('a message longer than all that may be in doubt leaves nothing in doubt before it', async () => {
  await control({ do: 'reset' });
  const unconfirmed = await inFreshPage(
    async (server) => {
      const { anonymous, AuthSocket } = await import('gatepass');
      const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
      await socket.ready();
      socket.send('before');
      // So that the machine knows of it already.
      socket.stats();
      socket.send('x'.repeat(2 ** 20 + 1));
      socket.send('after');
      return unconfirmedBy(socket);
    },
    server,
    withLoss,
  );
  assert.deepEqual(unconfirmed, ['after']);
});

test('what dispatchEvent throws is reported as ever, and ends nothing', async () => {
  await control({ do: 'reset' });
  const result = await inFreshPage(async (server) => {
    const { anonymous, AuthSocket } = await import('gatepass');
    // As of happy-dom, in unit tests that have errors pass.
    class Throwing extends AuthSocket {
      dispatchEvent(event) {
        if (event.type === 'message') throw new Error('of a listener');
        return super.dispatchEvent(event);
      }
    }
    const socket = new Throwing(`${server}/ws/anonymous/`, { scheme: anonymous() });
    await socket.ready();
    const told = new Promise((resolve) =>
      addEventListener('error', (event) => {
        event.preventDefault();
        resolve(event.message);
      }),
    );
    socket.send('a');
    return { told: await told, state: socket.state };
  }, server);
  assert.deepEqual(result, { told: 'Uncaught Error: of a listener', state: 'connected' });
});

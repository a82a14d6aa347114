// What becomes of messages: those that wait, those that were under way when the connection was lost, those that the server confirms.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, control, server } from './browser.mjs';
import { origin } from './page.mjs';
import { inProfile, open, until } from './profile.mjs';

/** Runs with a tab that has an anonymous socket, as `socket`, which waits a moment between tries; connected or not yet started. */
const withSocket = (options, run) =>
  inProfile(async (context) => {
    await control({ do: 'reset' });
    const tab = await open(context);
    await tab.evaluate(
      async ([server, options]) => {
        const { anonymous, AuthSocket, load } = await import('gatepass');
        await load();
        globalThis.make = () => {
          globalThis.changes = [];
          globalThis.heard = [];
          globalThis.socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous(), backoff: { base: 20, spread: 20 }, ...options });
          socket.addEventListener('statechange', (change) => changes.push(change));
          socket.addEventListener('message', ({ data }) => heard.push(data));
          return socket;
        };
        make();
        await socket.ready();
        changes.length = 0;
      },
      [server, options],
    );
    await run(tab);
  });

const lose = () => control({ do: 'dropSockets', how: 'reset' });
const texts = async () => (await ask('received')).filter(({ text }) => text !== undefined).map(({ text }) => text);

test('a message that waits says so, is sent in order, and can be waited for', async () => {
  await withSocket({}, async (tab) => {
    const result = await tab.evaluate(async () => {
      const now = socket.send('now').status;
      const later = make();
      const messages = ['a', 'b'].map((text) => later.send(text));
      const before = messages.map(({ status }) => status);
      const told = await Promise.all(messages.map((message) => later.sent(message)));
      await later.drained();
      return { now, before, told, after: messages.map(({ status }) => status), queued: later.stats().queued, buffered: later.bufferedAmount };
    });
    assert.deepEqual(result, { now: 'sent', before: ['queued', 'queued'], told: ['sent', 'sent'], after: ['sent', 'sent'], queued: 0, buffered: 0 });
  });
});

test('a message is dropped when its time is over, or there is no room, and says so', async () => {
  await control({ do: 'reset' });
  const options = { outbox: { maxMessages: 2, policy: 'drop-oldest' } };
  await withSocket(options, async (tab) => {
    await control({ do: 'stop' });
    await until(tab, () => socket.state === 'waiting');
    const first = await tab.evaluate(async () => {
      globalThis.messages = ['1', '2', '3'].map((text) => socket.send(text));
      const brief = socket.send('brief', { ttl: 10 });
      return [await socket.sent(messages[0]), await socket.sent(messages[1]), await socket.sent(brief), socket.stats().discarded];
    });
    assert.deepEqual(first, ['dropped', 'dropped', 'dropped', 3]);
    await control({ do: 'start' });
    assert.equal(await tab.evaluate(() => socket.sent(messages[2])), 'sent');
    await until(tab, () => heard.length === 1);
    assert.deepEqual(await tab.evaluate(() => heard), ['3']);
  });
});

test('what was under way when the connection was lost is told, and not sent again', async () => {
  await withSocket({}, async (tab) => {
    await tab.evaluate(() => socket.send('heard'));
    await until(tab, () => heard.length === 1);
    await control({ do: 'silence', on: true });
    await tab.evaluate(() => ['a', 'b'].map((text) => socket.send(text).status));
    await lose();
    await until(tab, () => changes.length > 0);
    await control({ do: 'silence', on: false });
    await until(tab, () => socket.state === 'connected');
    await tab.evaluate(() => socket.send('next'));
    await until(tab, () => heard.length === 2);
    const { unconfirmed, others } = await tab.evaluate(() => ({ unconfirmed: changes[0].unconfirmed, others: changes.slice(1).flatMap(({ unconfirmed }) => unconfirmed) }));
    assert.deepEqual([unconfirmed, others, await tab.evaluate(() => heard)], [['a', 'b'], [], ['heard', 'next']]);
  });
});

test('what the server has not confirmed is sent again until it has', async () => {
  // This server sends back what it gets: that is its way to confirm.
  await withSocket({ confirm: { id: 'id', ack: { id: '$id' } } }, async (tab) => {
    const first = await tab.evaluate(async () => {
      const message = socket.send('{"id":1}');
      return [message.status, await socket.sent(message)];
    });
    assert.deepEqual(first, ['sent', 'confirmed']);
    await control({ do: 'silence', on: true });
    await tab.evaluate(() => {
      globalThis.messages = ['{"id":"two"}', 'no id', '{"id":3}'].map((text) => socket.send(text));
    });
    await lose();
    await until(tab, () => changes.length > 0);
    await control({ do: 'silence', on: false });
    assert.deepEqual(await tab.evaluate(async () => [await Promise.all(messages.map((message) => socket.sent(message))), changes[0].unconfirmed]), [
      ['confirmed', 'sent', 'confirmed'],
      ['no id'],
    ]);
    assert.deepEqual(await tab.evaluate(() => heard), ['{"id":1}', '{"id":"two"}', '{"id":3}']);
    assert.deepEqual(await texts(), ['{"id":1}', '{"id":"two"}', '{"id":3}']);
  });
});

test('streams: a writer waits while the network does, a reader gets all messages over a reconnect', async () => {
  await withSocket({ highWaterMark: 1_000 }, async (tab) => {
    await tab.evaluate(() => {
      globalThis.reader = socket.readable.getReader();
      globalThis.writer = socket.writable.getWriter();
    });
    const first = await tab.evaluate(async () => {
      await writer.write('one');
      return (await reader.read()).value;
    });
    assert.equal(first, 'one');
    await control({ do: 'silence', on: true });
    // More than what the kernels of both sides take.
    const waits = await tab.evaluate(async () => {
      const big = new Uint8Array(16 << 20);
      globalThis.written = writer.write(big).then(() => 'written');
      const soon = new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve('waits'))));
      return Promise.race([written, soon]);
    });
    assert.equal(waits, 'waits');
    await control({ do: 'silence', on: false });
    assert.equal(await tab.evaluate(() => written), 'written');
    await lose();
    await until(tab, () => socket.stats().connections === 2 && socket.state === 'connected');
    const [next, end] = await tab.evaluate(async () => {
      await writer.write('two');
      let next;
      do next = (await reader.read()).value;
      while (typeof next !== 'string');
      socket.close();
      return [next, (await reader.read()).done];
    });
    assert.deepEqual([next, end], ['two', true]);
    const refused = await tab.evaluate(() => writer.write('late').catch((error) => error.code));
    assert.equal(refused, 'CLOSED');
  });
});

test('waiting for an end that does not come ends with the signal, and with the socket', async () => {
  await withSocket({}, async (tab) => {
    await control({ do: 'stop' });
    await until(tab, () => socket.state === 'waiting');
    const codes = await tab.evaluate(async () => {
      const message = socket.send('never');
      const abort = new AbortController();
      const code = (promise) => promise.then((value) => value ?? 'done', (error) => error.code);
      const waits = [code(socket.drained({ signal: abort.signal })), code(socket.drained()), code(socket.sent(message))];
      abort.abort();
      const first = await waits[0];
      socket.close();
      return [first, ...(await Promise.all(waits.slice(1)))];
    });
    await control({ do: 'start' });
    assert.deepEqual(codes, ['ABORTED', 'CLOSED', 'dropped']);
  });
});

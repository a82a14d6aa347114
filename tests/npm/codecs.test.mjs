// Messages as values in Chromium: JSON with schemas of three libraries, MessagePack by a library, and the holes of the cursor.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { build } from 'esbuild';
import { control } from './browser.mjs';
import { run } from './noting.mjs';
import { project } from './page.mjs';

before(async () => {
  const entry = join(project, 'codec-libraries.js');
  writeFileSync(
    entry,
    `import { type } from 'arktype';
     import * as v from 'valibot';
     import { z } from 'zod';
     export { decode, encode } from '@msgpack/msgpack';
     /** The same, three times: quotes with a symbol and a price. */
     export const schemas = {
       arktype: type({ type: "'quotes'", quotes: type({ symbol: 'string', price: 'number' }).array() }),
       valibot: v.object({ type: v.literal('quotes'), quotes: v.array(v.object({ symbol: v.string(), price: v.number() })) }),
       zod: z.object({ type: z.literal('quotes'), quotes: z.array(z.object({ symbol: z.string(), price: z.number() })) }),
     };
     export const dates = z.object({ at: z.coerce.date() });
     export const slow = z.object({}).refine(async () => true);`,
  );
  await build({
    entryPoints: [entry],
    outfile: join(project, 'codecs/libraries.js'),
    bundle: true,
    format: 'esm',
    nodePaths: [
      join(import.meta.dirname, '../../node_modules'),
      join(import.meta.dirname, '../frameworks/node_modules'),
    ],
    logLevel: 'warning',
  });
});

for (const library of ['arktype', 'valibot', 'zod']) {
  test(`what does not fit the schema is an event with its place, and never delivered: ${library}`, async () => {
    await control({ do: 'reset' });
    const result = await run(
      async ({ server, library }) => {
        const { anonymous, AuthSocket } = await import('gatepass');
        const { json, MessageErrorEvent } = await import('gatepass/conversation');
        const { schemas } = await import('/codecs/libraries.js');
        const schema = schemas[library];
        const socket = new AuthSocket(`${server}/ws/anonymous/`, {
          scheme: anonymous(),
          codec: json({ receive: schema, send: schema }),
        });
        await socket.ready();
        const [heard, misfits] = [[], []];
        const all = new Promise((resolve) => {
          const done = () => heard.length + misfits.length === 4 && resolve();
          socket.addEventListener('message', ({ data }) => done(heard.push(data)));
          socket.addEventListener('messageerror', (event) => {
            const { error, data, issues } = event;
            misfits.push([
              event instanceof MessageErrorEvent,
              error.code,
              error.message,
              issues.map(({ path }) => path),
              data,
            ]);
            done();
          });
        });
        const quotes = (price) => ({ type: 'quotes', quotes: [{ symbol: 'ACME', price }] });
        const control = await (await fetch(`${server}/control`)).text();
        for (const text of [quotes('high'), { type: 'trades' }, 'no JSON', quotes(2)])
          await fetch(control, {
            method: 'POST',
            body: JSON.stringify({ do: 'push', text: typeof text === 'string' ? text : JSON.stringify(text) }),
          });
        await all;
        let refused;
        try {
          socket.send(quotes('low'));
        } catch ({ code, message, details }) {
          refused = [code, message, details.map(({ path }) => path)];
        }
        const { sent } = socket.stats();
        socket.close();
        return { heard, misfits, refused, sent };
      },
      { library },
    );
    assert.deepEqual(result.heard, [{ type: 'quotes', quotes: [{ symbol: 'ACME', price: 2 }] }]);
    const [price, kind, text] = result.misfits;
    assert.deepEqual(price.slice(0, 2), [true, 'MESSAGE_INVALID']);
    assert.equal(price[2], 'this does not fit the schema: quotes.0.price');
    assert.deepEqual(price[3], [['quotes', 0, 'price']]);
    assert.match(kind[2], /^this does not fit the schema: .*\btype\b/);
    assert.deepEqual([text[2], text[3], text[4]], ['the message cannot be read', [], 'no JSON']);
    assert.equal(result.refused[0], 'MESSAGE_INVALID');
    assert.deepEqual(result.refused[2], [['quotes', 0, 'price']]);
    assert.equal(result.sent, 0);
  });
}

test('a schema may change what it checks, and one that is asynchronous says that it cannot be used', async () => {
  await control({ do: 'reset' });
  const result = await run(async ({ server }) => {
    const { anonymous, AuthSocket } = await import('gatepass');
    const { json } = await import('gatepass/conversation');
    const { dates, slow } = await import('/codecs/libraries.js');
    const first = async (codec, value) => {
      const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous(), codec });
      socket.send(value);
      const [event] = await Promise.race(
        ['message', 'messageerror'].map(
          (type) => new Promise((resolve) => socket.addEventListener(type, (event) => resolve([event]))),
        ),
      );
      socket.close();
      return event;
    };
    const { data } = await first(json({ receive: dates }), { at: '2026-11-30T12:00:00Z' });
    const { error } = await first(json({ receive: slow }), {});
    return [data.at instanceof Date && data.at.getTime(), error.message];
  });
  assert.equal(result[0], Date.parse('2026-11-30T12:00:00Z'));
  assert.match(result[1], /asynchronous/);
});

test('a binary codec of a library has subscriptions and requests, too', async () => {
  await control({ do: 'reset' });
  const result = await run(async ({ server }) => {
    const { anonymous, AuthSocket } = await import('gatepass');
    const { codec } = await import('gatepass/conversation');
    const { decode, encode } = await import('/codecs/libraries.js');
    const socket = new AuthSocket(`${server}/ws/anonymous/`, {
      scheme: anonymous(),
      codec: codec({ receive: (data) => (typeof data === 'string' ? undefined : decode(data)), send: encode }),
    });
    // The server gives back what it gets, as bytes.
    const ticks = socket.subscribe({ type: 'tick' }, { match: { type: 'tick' } });
    const answer = await socket.request({ type: 'ask', bytes: new Uint8Array([1, 2]) });
    const { value } = await ticks[Symbol.asyncIterator]().next();
    const heard = new Promise((resolve) => socket.addEventListener('message', ({ data }) => resolve(data)));
    socket.send(['a', 1]);
    const plain = await heard;
    const told = new Promise((resolve) => socket.addEventListener('messageerror', resolve));
    const control = await (await fetch(`${server}/control`)).text();
    await fetch(control, { method: 'POST', body: '{"do":"sendRaw","hex":"8201c1"}' });
    const unreadable = await told;
    socket.close();
    return {
      value,
      bytes: [...answer.bytes],
      id: answer.id,
      plain,
      unreadable: [unreadable.error.message, unreadable.error.cause instanceof Error],
    };
  });
  assert.deepEqual(result, {
    value: { type: 'tick' },
    bytes: [1, 2],
    id: 1,
    plain: ['a', 1],
    unreadable: ['the message cannot be read', true],
  });
});

test('"$cursor" stands for the last cursor in parameters and the first message, and onConnected is told', async () => {
  await control({ do: 'reset' });
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { AuthSocket, firstMessage, Session } = await import('gatepass');
    const { json } = await import('gatepass/conversation');
    const session = await signedIn(Session, server);
    const cursors = [];
    const socket = new AuthSocket(`${server}/ws/ack/`, {
      session,
      scheme: firstMessage({ message: { token: '$token', since: '$cursor' }, ack: { type: 'auth_ok' } }),
      // What is no placeholder stays as it is.
      params: { room: '$a', since: '$cursor' },
      codec: json(),
      resume: { cursor: 'seq' },
      backoff: { base: 1, cap: 1 },
      onConnected: (send, { cursor }) => {
        cursors.push(cursor);
        send({ type: 'resume', cursor });
      },
    });
    await socket.ready();
    const heard = new Promise((resolve) =>
      socket.addEventListener('message', ({ data }) => data.seq === 7 && resolve()),
    );
    socket.send({ seq: 7 });
    await heard;
    const control = await (await fetch(`${server}/control`)).text();
    const closed = new Promise((resolve) => socket.addEventListener('close', resolve, { once: true }));
    await fetch(control, { method: 'POST', body: '{"do":"dropSockets","how":"reset"}' });
    await closed;
    await socket.ready();
    socket.close();
    return {
      cursors,
      urls: dialled.map(({ url }) => url.split('?')[1]),
      sent: dialled.map(({ sent }) => sent.map((text) => ({ ...JSON.parse(text), token: undefined }))),
    };
  });
  assert.deepEqual(result.cursors, [undefined, 7]);
  assert.deepEqual(result.urls, ['room=%24a', 'room=%24a&since=7']);
  assert.deepEqual(JSON.parse(JSON.stringify(result.sent)), [
    [{}, { type: 'resume' }, { seq: 7 }],
    [{ since: 7 }, { type: 'resume', cursor: 7 }],
  ]);
});

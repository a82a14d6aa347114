// Conversations in Chromium with the real servers of graphql-ws and tRPC, and with one that is as strict about ids as Home Assistant: a subscription survives
// a loss and is left, requests are answered and refused.

import assert from 'node:assert/strict';
import { EventEmitter, on } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { initTRPC, TRPCError } from '@trpc/server';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import { GraphQLNonNull, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { network } from './conversations/network.mjs';
import { inProfile, open } from './profile.mjs';

/** Ticks that a test makes, and how many listen. */
function clock() {
  const ticks = new EventEmitter();
  const changes = new EventTarget();
  // It is told of a listener just before that is there.
  for (const type of ['newListener', 'removeListener'])
    ticks.on(type, (name) => name === 'tick' && queueMicrotask(() => changes.dispatchEvent(new Event('change'))));
  return {
    tick: (text) => ticks.emit('tick', text),
    /** Until so many listen. */
    has: async (count) => {
      while (ticks.listenerCount('tick') !== count)
        await new Promise((resolve) => changes.addEventListener('change', resolve, { once: true }));
    },
    /** The ticks, until its end is asked for, at once. */
    heard: () => {
      const events = on(ticks, 'tick');
      return {
        next: async () => {
          const { value, done } = await events.next();
          return { done, value: value?.[0] };
        },
        return: () => events.return(),
        [Symbol.asyncIterator]() {
          return this;
        },
      };
    },
    ticks,
  };
}

const text = new GraphQLNonNull(GraphQLString);

const SERVERS = {
  'graphql-ws': {
    serve: (server, { heard }) => {
      const schema = new GraphQLSchema({
        query: new GraphQLObjectType({
          name: 'Query',
          fields: { echo: { type: text, args: { text: { type: text } }, resolve: (_, { text }) => text } },
        }),
        subscription: new GraphQLObjectType({
          name: 'Subscription',
          fields: { ticks: { type: text, subscribe: () => heard(), resolve: (text) => text } },
        }),
      });
      useServer({ schema }, new WebSocketServer({ server }));
    },
    options: {
      protocols: 'graphql-transport-ws',
      scheme: { type: 'firstMessage', message: { type: 'connection_init' }, ack: { type: 'connection_ack' } },
    },
    // An operation's answer is its first and only result.
    requests: { idType: 'string', reply: { type: 'next', id: '$id' }, error: { type: 'error', id: '$id' } },
    ask: { type: 'subscribe', payload: { query: '{ echo(text: "hello") }' } },
    answer: { data: { echo: 'hello' } },
    wrong: { type: 'subscribe', payload: { query: '{ nothing }' } },
    subscribe: [
      { type: 'subscribe', payload: { query: 'subscription { ticks }' } },
      {
        id: 'id',
        idType: 'string',
        match: { type: 'next', id: '$id' },
        error: { type: 'error', id: '$id' },
        end: { type: 'complete', id: '$id' },
        leave: { type: 'complete', id: '$id' },
      },
    ],
    read: ({ payload }) => payload,
    text: ({ payload }) => payload.data.ticks,
  },
  tRPC: {
    serve: (server, { heard }) => {
      const { procedure, router } = initTRPC.create();
      applyWSSHandler({
        wss: new WebSocketServer({ server }),
        router: router({
          echo: procedure.input((text) => text).query(({ input }) => input),
          wrong: procedure.query(() => {
            throw new TRPCError({ code: 'FORBIDDEN' });
          }),
          ticks: procedure.subscription(async function* ({ signal }) {
            const ticks = heard();
            signal.addEventListener('abort', () => ticks.return());
            yield* ticks;
          }),
        }),
      });
    },
    options: { scheme: { type: 'anonymous' } },
    requests: { reply: { id: '$id', result: {} }, error: { id: '$id', error: {} } },
    ask: { method: 'query', params: { path: 'echo', input: 'hello' } },
    answer: { type: 'data', data: 'hello' },
    wrong: { method: 'query', params: { path: 'wrong' } },
    subscribe: [
      { method: 'subscription', params: { path: 'ticks' } },
      {
        id: 'id',
        match: { id: '$id', result: { type: 'data' } },
        reply: { id: '$id', result: { type: 'started' } },
        error: { id: '$id', error: {} },
        end: { id: '$id', result: { type: 'stopped' } },
        leave: { id: '$id', method: 'subscription.stop' },
      },
    ],
    read: ({ result }) => result,
    text: ({ result }) => result.data,
  },
  'ids as Home Assistant has them': {
    serve: (server, { ticks }) => {
      new WebSocketServer({ server }).on('connection', (socket) => {
        const say = (value) => socket.send(JSON.stringify(value));
        const subscriptions = new Map();
        let last = 0;
        socket.on('error', () => {});
        socket.on('close', () => {
          for (const listen of subscriptions.values()) ticks.off('tick', listen);
        });
        say({ type: 'auth_required', ha_version: '2026.11.0' });
        socket.on('message', (data) => {
          const { id, type, text, subscription } = JSON.parse(data);
          if (type === 'auth') return say({ type: 'auth_ok', ha_version: '2026.11.0' });
          const result = (success, more) => say({ id, type: 'result', success, ...more });
          // "Identifier values have to increase."
          if (!(id > last)) return result(false, { error: { code: 'id_reuse' } });
          last = id;
          if (type === 'echo') return result(true, { result: text });
          if (type === 'subscribe_events') {
            const listen = (text) => say({ id, type: 'event', event: { text } });
            subscriptions.set(id, listen);
            ticks.on('tick', listen);
            return result(true, { result: null });
          }
          if (type === 'unsubscribe_events') {
            ticks.off('tick', subscriptions.get(subscription));
            return result(true, { result: null });
          }
          return result(false, { error: { code: 'unknown_command' } });
        });
      });
    },
    options: {
      scheme: {
        type: 'firstMessage',
        hello: { type: 'auth_required' },
        message: { type: 'auth' },
        ack: { type: 'auth_ok' },
      },
    },
    requests: {
      reply: { type: 'result', id: '$id', success: true },
      error: { type: 'result', id: '$id', success: false },
    },
    ask: { type: 'echo', text: 'hello' },
    answer: 'hello',
    wrong: { type: 'nothing' },
    subscribe: [
      { type: 'subscribe_events' },
      {
        id: 'id',
        match: { type: 'event', id: '$id' },
        reply: { type: 'result', id: '$id', success: true },
        error: { type: 'result', id: '$id', success: false },
        // A message of its own there, with an id of its own.
        leave: { type: 'unsubscribe_events', subscription: '$id' },
      },
    ],
    read: ({ result }) => result,
    text: ({ event }) => event.text,
  },
};

/** Begins in the page. Functions cross as text. */
async function begin({ url, options, requests, subscribe, read, text }) {
  const { AuthSocket } = await import('gatepass');
  const { json } = await import('gatepass/conversation');
  const [of, textOf] = [(0, eval)(read), (0, eval)(text)];
  const backoff = { base: 20, cap: 20, spread: 0 };
  const socket = new AuthSocket(url, { ...options, codec: json(), requests, backoff });
  const heard = [];
  const onMessage = (message) => heard.push(textOf(message));
  const subscription = socket.subscribe(subscribe[0], { ...subscribe[1], onMessage });
  await subscription.ready;
  const ask = (message) => socket.request(message).then(of, ({ code }) => code);
  Object.assign(globalThis, { socket, subscription, heard, ask });
}

for (const [name, { serve, read, text, ask, answer, wrong, ...given }] of Object.entries(SERVERS)) {
  test(`${name}: a subscription survives a loss and is left, requests are answered and refused`, async () => {
    const time = clock();
    const http = createServer();
    serve(http, time);
    await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
    const between = await network(http.address().port);
    try {
      await inProfile(async (context) => {
        const tab = await open(context);
        const url = `ws://${between.address}/`;
        await tab.evaluate(begin, { ...given, url, read: `(${read})`, text: `(${text})` });
        const asks = (message) => tab.evaluate((message) => globalThis.ask(message), message);
        const heard = (...texts) =>
          tab.waitForFunction((texts) => JSON.stringify(heard) === texts, JSON.stringify(texts), { polling: 20 });
        await time.has(1);
        time.tick('one');
        await heard('one');
        assert.deepEqual([await asks(ask), await asks(wrong)], [answer, 'REQUEST_REFUSED']);
        between.end('RST');
        await time.has(0);
        await time.has(1);
        time.tick('two');
        await heard('one', 'two');
        assert.deepEqual(await asks(ask), answer);
        await tab.evaluate(() => subscription.unsubscribe());
        await time.has(0);
        assert.deepEqual(await asks(ask), answer);
        await tab.evaluate(() => socket.close());
      });
    } finally {
      between.close();
      http.closeAllConnections();
      http.close();
    }
  });
}

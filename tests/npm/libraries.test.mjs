// Libraries that construct a WebSocket, or accept one: they use ours, in Chromium.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { build } from 'esbuild';
import { GraphQLNonNull, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { ask, control, server } from './browser.mjs';
import { inPage, project } from './page.mjs';

const LIBRARIES = `
export { webSocket } from 'rxjs/webSocket';
export { createClient } from 'graphql-ws';
export { WebSocket as PartySocket } from 'partysocket';
export { createConnection } from 'home-assistant-js-websocket';
`;

before(async () => {
  const { outputFiles } = await build({
    stdin: { contents: LIBRARIES, resolveDir: import.meta.dirname },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'warning',
  });
  writeFileSync(join(project, 'libraries.js'), outputFiles[0].contents);
});

test('rxjs webSocket gets an authenticated socket, and one per subscription', async () => {
  await control({ do: 'reset' });
  const { result, said } = await inPage(
    async ([server, control]) => {
      const { firstMessage, presets, Session, webSocketClass } = await import('gatepass');
      const { webSocket } = await import('/libraries.js');
      const session = new Session(presets.simpleJwt(`${server}/api`));
      await session.login({ username: 'maggie', password: 'secret' });
      const scheme = firstMessage({
        message: { token: '$token' },
        ack: { type: 'auth_ok' },
        reject: { type: 'auth_invalid' },
      });
      let opened = () => {};
      const subject = webSocket({
        url: `${server.replace('http', 'ws')}/ws/ack/`,
        WebSocketCtor: webSocketClass({ session, scheme }),
        openObserver: { next: () => opened() },
      });
      const heard = [];
      const closed = [];
      for (let round = 0; round < 2; round++) {
        await new Promise((resolve, reject) => {
          const subscription = subject.subscribe({
            next: (message) => {
              heard.push(message);
              subscription.unsubscribe();
              resolve();
            },
            error: reject,
          });
          subject.next({ type: 'whoami' });
        });
      }
      // As with a WebSocket: a clean close completes, a loss is an error.
      for (const how of [{ close: { code: 4000, reason: 'enough' } }, 'reset']) {
        await new Promise((resolve) => {
          opened = () => fetch(control, { method: 'POST', body: JSON.stringify({ do: 'dropSockets', how }) });
          const end = (what) => () => resolve(closed.push(what));
          subject.subscribe({ error: end('error'), complete: end('complete') });
        });
      }
      return [heard, closed];
    },
    [server, process.env.GATEPASS_TEST_CONTROL],
  );
  assert.deepEqual(result, [
    [
      { type: 'whoami', user: 'maggie' },
      { type: 'whoami', user: 'maggie' },
    ],
    ['complete', 'error'],
  ]);
  // The browser's own message about the reset does not count.
  assert.deepEqual(
    said.filter((text) => !text.startsWith('WebSocket connection to')),
    [],
  );
});

test('graphql-ws talks to its own server over authenticated sockets, and over the next when one is lost', async () => {
  const type = new GraphQLNonNull(GraphQLString);
  const greetings = {
    type,
    subscribe: async function* () {
      for (const greeting of ['hi', 'hello', 'good morning']) yield { greetings: greeting };
    },
  };
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { hello: { type, resolve: () => 'world' } } }),
    subscription: new GraphQLObjectType({ name: 'Subscription', fields: { greetings } }),
  });
  const http = createServer();
  const sockets = new WebSocketServer({
    server: http,
    verifyClient: ({ req }) => new URL(req.url, 'http://localhost').searchParams.get('token') === 'good',
  });
  const graphql = useServer({ schema }, sockets);
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  const dropAll = () => sockets.clients.forEach((client) => client.terminate());
  let dials = 0;
  sockets.on('connection', () => dials++);
  http.on('request', (_request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    dropAll();
    response.end();
  });
  try {
    const { result } = await inPage(async (address) => {
      const { query, Session, webSocketClass } = await import('gatepass');
      const { createClient } = await import('/libraries.js');
      const session = new Session({});
      session.setTokens({ access: 'good' });
      const client = createClient({
        url: `ws://${address}/graphql`,
        webSocketImpl: webSocketClass({ session, scheme: query() }),
        lazy: false,
        retryWait: async () => {},
      });
      const all = async (query) => {
        const values = [];
        for await (const { data } of client.iterate({ query })) values.push(...Object.values(data));
        return values;
      };
      const first = [await all('{ hello }'), await all('subscription { greetings }')];
      const lost = new Promise((resolve) => client.on('closed', resolve));
      await fetch(`http://${address}/drop`);
      const { code } = await lost;
      const next = await all('{ hello }');
      await client.dispose();
      return [...first, code, next];
    }, `127.0.0.1:${http.address().port}`);
    assert.deepEqual(result, [['world'], ['hi', 'hello', 'good morning'], 1006, ['world']]);
    assert.equal(dials, 2);
  } finally {
    await graphql.dispose();
    http.close();
  }
});

test('a running subscription of graphql-ws goes on over whatever ends its connection, as over a WebSocket', async () => {
  const waiting = [];
  const ticks = async function* () {
    for (;;) {
      yield { tick: String(Date.now()) };
      await new Promise((resolve) => waiting.push(resolve));
    }
  };
  const type = new GraphQLNonNull(GraphQLString);
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { hello: { type } } }),
    subscription: new GraphQLObjectType({ name: 'Subscription', fields: { tick: { type, subscribe: ticks } } }),
  });
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  const graphql = useServer({ schema }, sockets);
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  const ends = {
    1001: (socket) => socket.close(1001, 'going away'),
    FIN: (socket) => socket._socket.end(),
    RST: (socket) => socket._socket.resetAndDestroy(),
  };
  http.on('request', (request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    for (const socket of sockets.clients) ends[request.url.slice(1)](socket);
    response.end();
  });
  try {
    const { result } = await inPage(
      async ([address, ends]) => {
        const { anonymous, webSocketClass } = await import('gatepass');
        const { createClient } = await import('/libraries.js');
        const told = {};
        for (const [name, webSocketImpl] of [
          ['native', WebSocket],
          ['gatepass', webSocketClass({ scheme: anonymous() })],
        ]) {
          const client = createClient({ url: `ws://${address}/graphql`, webSocketImpl, retryWait: async () => {} });
          const codes = [];
          client.on('closed', ({ code, wasClean }) => codes.push(code, wasClean));
          let next;
          const failed = new Promise((resolve) => {
            client.subscribe(
              { query: 'subscription { tick }' },
              { next: () => next(), error: (error) => resolve(`died: ${error}`), complete: () => resolve('complete') },
            );
          });
          const ticked = () => Promise.race([new Promise((resolve) => (next = () => resolve('ticked'))), failed]);
          const heard = [await ticked()];
          for (const end of ends) {
            const again = ticked();
            await fetch(`http://${address}/${end}`);
            heard.push(await again);
          }
          told[name] = [heard, [...codes]];
          await client.dispose();
        }
        return told;
      },
      [`127.0.0.1:${http.address().port}`, Object.keys(ends)],
    );
    assert.deepEqual(result.native, [Array(4).fill('ticked'), [1001, true, 1006, false, 1006, false]]);
    assert.deepEqual(result.gatepass, result.native);
  } finally {
    for (const resolve of waiting) resolve();
    await graphql.dispose();
    http.close();
  }
});

test('partysocket keeps its own pace with our sockets in it', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(
    async ([server, control]) => {
      const { presets, Session, webSocketClass } = await import('gatepass');
      const { PartySocket } = await import('/libraries.js');
      const session = new Session(presets.simpleJwt(`${server}/api`));
      await session.login({ username: 'maggie', password: 'secret' });
      const socket = new PartySocket(`${server.replace('http', 'ws')}/channel/`, [], {
        WebSocket: webSocketClass({ session, ...presets.ticketServerSocket(server) }),
        minReconnectionDelay: 10,
        maxReconnectionDelay: 20,
      });
      const heard = [];
      const answer = () =>
        new Promise((resolve) =>
          socket.addEventListener('message', ({ data }) => resolve(heard.push(data)), { once: true }),
        );
      socket.send('{"type":"whoami"}');
      await answer();
      const closed = new Promise((resolve) => socket.addEventListener('close', resolve, { once: true }));
      await fetch(control, { method: 'POST', body: JSON.stringify({ do: 'dropSockets', how: 'reset' }) });
      await closed;
      socket.send('again');
      await answer();
      socket.close();
      return heard;
    },
    [server, process.env.GATEPASS_TEST_CONTROL],
  );
  assert.deepEqual(result, ['{"type":"whoami","user":"maggie"}', 'again']);
  assert.equal((await ask('counts')).tickets, 2, 'a ticket for each');
});

test('home-assistant-js-websocket takes a socket that is authenticated already', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(
    async ([server, control]) => {
      const { AuthSocket, presets, Session } = await import('gatepass');
      const { createConnection } = await import('/libraries.js');
      const session = new Session(presets.simpleJwt(`${server}/api`));
      await session.login({ username: 'maggie', password: 'secret' });
      const createSocket = async () => {
        const socket = new AuthSocket(`${server}/api/websocket`, {
          session,
          ...presets.homeAssistant(),
          reconnect: false,
        });
        await socket.ready();
        return Object.assign(socket, { haVersion: '2026.11.0' });
      };
      const connection = await createConnection({ createSocket });
      // The server echoes, so this is its answer.
      const answer = (result) => connection.sendMessagePromise({ type: 'result', success: true, result });
      const first = await answer(1);
      const ready = new Promise((resolve) => connection.addEventListener('ready', resolve));
      await fetch(control, { method: 'POST', body: JSON.stringify({ do: 'dropSockets', how: 'reset' }) });
      await ready;
      const second = await answer(2);
      connection.close();
      return [first, second, connection.haVersion];
    },
    [server, process.env.GATEPASS_TEST_CONTROL],
  );
  assert.deepEqual(result, [1, 2, '2026.11.0']);
});

test('a socket of such a class waits for somebody in silence, and ends with an error and a close', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(
    async ([server, control]) => {
      const { authSocketOf, presets, Session, webSocketClass } = await import('gatepass');
      const session = new Session(presets.simpleJwt(`${server}/api`));
      const Socket = webSocketClass({ session, ...presets.ticketServerSocket(server), protocols: [] });
      const events = [];
      const made = (name) => {
        const socket = new Socket(`${server.replace('http', 'ws')}/channel/`, []);
        for (const type of ['open', 'error', 'close'])
          socket.addEventListener(type, ({ code }) =>
            events.push(`${name} ${type} ${socket.readyState} ${code ?? ''}`),
          );
        return socket;
      };
      const until = (socket, type) => new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));
      const first = made('first');
      await new Promise((resolve) =>
        authSocketOf(first).addEventListener('statechange', ({ state }) => state === 'suspended' && resolve()),
      );
      session.login({ username: 'maggie', password: 'secret' });
      await until(first, 'open');
      first.close();
      events.push(`first ${first.readyState}`);
      await until(first, 'close');
      await fetch(control, {
        method: 'POST',
        body: JSON.stringify({ do: 'answer', endpoint: 'ticket', status: 401, times: 9 }),
      });
      await until(made('second'), 'close');
      const third = made('third');
      third.close();
      third.close();
      events.push(`third ${third.readyState}`);
      await until(third, 'close');
      return events;
    },
    [server, process.env.GATEPASS_TEST_CONTROL],
  );
  assert.deepEqual(result, [
    'first open 1 ',
    'first 2',
    'first close 3 1005',
    'second error 3 ',
    'second close 3 1006',
    'third 2',
    'third error 3 ',
    'third close 3 1006',
  ]);
});

test("ours in the place of the browser's class dials with that, and so does an AuthSocket", async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { anonymous, AuthSocket, authSocketOf, webSocketClass } = await import('gatepass');
    const native = WebSocket;
    globalThis.WebSocket = webSocketClass({ scheme: anonymous() });
    const url = `${server.replace('http', 'ws')}/ws/anonymous/`;
    const socket = new WebSocket(url);
    const until = (type) => new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));
    await until('open');
    socket.send('hello');
    const { data } = await until('message');
    // As a component that unmounts: its timers still send.
    socket.close();
    socket.send('late');
    await until('close');
    socket.send('later');
    const own = new AuthSocket(url, { scheme: anonymous() });
    await own.ready();
    own.close();
    const wrong = [];
    for (const reconnect of [true, 'yes'])
      try {
        webSocketClass({ scheme: anonymous(), reconnect });
      } catch ({ code, message }) {
        wrong.push(`${code} ${message.split(':')[0]}`);
      }
    const { dropped } = authSocketOf(socket).stats();
    return [data, dropped, socket.bufferedAmount, authSocketOf(new native(url)), WebSocket.name, wrong];
  }, server);
  assert.deepEqual(result, [
    'hello',
    2,
    9,
    undefined,
    'WebSocket',
    ['INVALID_OPTION reconnect', 'INVALID_OPTION reconnect'],
  ]);
});

test('the next socket of a library has another token than one that the server has refused after it was open', async () => {
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  const tokens = [];
  sockets.on('connection', (socket, request) => {
    const token = new URL(request.url, 'http://localhost').searchParams.get('token');
    tokens.push(token);
    if (token === 'new') socket.send('welcome');
    else socket.close(4401);
  });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  try {
    const { result } = await inPage(async (url) => {
      const { query, Session, webSocketClass } = await import('gatepass');
      const { PartySocket } = await import('/libraries.js');
      const fetch = async () => Response.json({ access: 'new' });
      const session = new Session({ refresh: { url: '/refresh' }, fetch });
      session.setTokens({ access: 'old', refresh: 'r' });
      const WebSocket = webSocketClass({ session, scheme: query() });
      const socket = new PartySocket(url, [], { WebSocket, minReconnectionDelay: 50, maxReconnectionDelay: 50 });
      const { data } = await new Promise((resolve) => socket.addEventListener('message', resolve));
      socket.close();
      return data;
    }, `ws://127.0.0.1:${http.address().port}/`);
    assert.deepEqual([result, tokens], ['welcome', ['old', 'new']]);
  } finally {
    http.close();
    sockets.close();
  }
});

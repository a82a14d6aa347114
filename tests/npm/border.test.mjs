// Values that cross between page, face and wasm: throwing getters, detached buffers and patched globals do no harm.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import { control, server } from './browser.mjs';
import { inFreshPage, inPage } from './page.mjs';

/** Runs with a WebSocket server that says what it heard, and closes as it is told; in pages it is `address`. */
async function withServer(onConnection, run) {
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  sockets.on('connection', onConnection);
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  try {
    return await run(`ws://127.0.0.1:${http.address().port}/`);
  } finally {
    sockets.clients.forEach((client) => client.terminate());
    http.close();
  }
}

for (const scheme of ['anonymous', 'ticket', 'firstMessage']) {
  test(`a socket that the browser refuses in its constructor ends with BLOCKED, and may be tried again: ${scheme}`, async () => {
    await control({ do: 'reset' });
    const { result, said } = await inPage(
      async ([server, scheme]) => {
        const gatepass = await import('gatepass');
        const session = new gatepass.Session(gatepass.presets.simpleJwt(`${server}/api`));
        await session.login({ username: 'maggie', password: 'secret' });
        const schemes = {
          anonymous: ['/ws/anonymous/', gatepass.anonymous()],
          ticket: ['/channel/', gatepass.ticket({ url: `${server}/ws_ticket`, method: 'GET' })],
          firstMessage: ['/ws/ack/', gatepass.firstMessage({ message: { token: '$token' }, ack: { type: 'auth_ok' } })],
        };
        const [path, how] = schemes[scheme];
        const Real = WebSocket;
        // As Firefox does for a Content-Security-Policy, and Chromium for mixed content.
        const forbid = () =>
          (globalThis.WebSocket = class {
            constructor() {
              throw new DOMException('insecure', 'SecurityError');
            }
          });
        forbid();
        const socket = new gatepass.AuthSocket(server + path, {
          session,
          scheme: how,
          backoff: { base: 1, cap: 1, spread: 1 },
        });
        const events = [];
        for (const type of ['error', 'close'])
          socket.addEventListener(type, ({ error }) => events.push(error?.code ?? type));
        const seen = [await socket.ready().catch(({ code }) => code), socket.state];
        globalThis.WebSocket = Real;
        socket.reconnect();
        await socket.ready();
        // An attempt that a timer starts.
        forbid();
        await fetch(`${server}/`).catch(() => {});
        socket.reconnect();
        seen.push(
          await new Promise((resolve) =>
            socket.addEventListener('statechange', ({ state, error }) => state === 'closed' && resolve(error.code)),
          ),
        );
        socket.close();
        return [...seen, socket.state, events];
      },
      [server, scheme],
    );
    assert.deepEqual(result.slice(0, 4), ['BLOCKED', 'closed', 'BLOCKED', 'closed']);
    assert.deepEqual(
      said.filter((text) => text.startsWith('error:')),
      [],
    );
  });
}

test('half a surrogate pair in a credential is sent as a form sends it, and the session lives', async () => {
  const bodies = [];
  const http = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (request.method === 'POST') bodies.push(body);
    response
      .setHeader('access-control-allow-origin', '*')
      .setHeader('access-control-allow-headers', '*')
      .setHeader('content-type', 'application/json');
    response.end('{"access":"a","refresh":"r"}');
  });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  try {
    const result = await inFreshPage(async (url) => {
      const { Session } = await import('gatepass');
      const seen = [];
      for (const encoding of ['form', 'json']) {
        const session = new Session({ login: { url, encoding } });
        for (const password of ['pw\ud83d', '\udc00', 'a\ud83d\ude00b']) {
          await session.login({ username: 'a', password }).catch((error) => seen.push(String(error)));
        }
        seen.push(session.state);
        session.logout();
        seen.push(session.state);
      }
      return seen;
    }, `http://127.0.0.1:${http.address().port}/`);
    assert.deepEqual(result, ['signed-in', 'signed-out', 'signed-in', 'signed-out']);
    assert.deepEqual(bodies.slice(0, 3), [
      'username=a&password=pw%EF%BF%BD',
      'username=a&password=%EF%BF%BD',
      'username=a&password=a%F0%9F%98%80b',
    ]);
  } finally {
    http.close();
  }
});

test('what is sent is copied at the call: a buffer may be given away, written over, or have been given away before', async () => {
  const heard = [];
  let connections = 0;
  await withServer(
    (socket) => {
      const number = ++connections;
      socket.on('message', (data, isBinary) => {
        if (isBinary) heard.push([number, [...data]]);
        // The first is refused after it has received everything: the messages are sent again.
        if (isBinary && data.length === 1 && number === 1) socket.close(4401);
        if (isBinary && data.length === 1 && number === 2) socket.send('done');
      });
    },
    async (address) => {
      const { result, said } = await inPage(async (address) => {
        const { AuthSocket, firstMessage, Session } = await import('gatepass');
        let count = 0;
        const session = new Session({ getToken: () => `token ${count++}` });
        const socket = new AuthSocket(address, {
          session,
          scheme: firstMessage({ message: { token: '$token' } }),
          backoff: { base: 1, cap: 10, spread: 1 },
        });
        // Before the wasm is loaded, and after it.
        const early = new Uint8Array([1, 2]);
        socket.send(early);
        early.fill(0);
        const done = new Promise((resolve) => socket.addEventListener('message', resolve));
        await socket.ready();
        const given = new Uint8Array([3, 4]).buffer;
        socket.send(given);
        structuredClone(given, { transfer: [given] });
        const reused = new Uint8Array([5, 5]);
        socket.send(reused);
        reused.fill(6);
        socket.send(reused.buffer);
        reused.fill(0);
        const gone = new ArrayBuffer(8);
        const [view, bytes] = [new DataView(gone), new Uint8Array(gone)];
        structuredClone(gone, { transfer: [gone] });
        for (const nothing of [gone, view, bytes]) socket.send(nothing);
        socket.send(new DataView(new Uint8Array([0, 7, 8, 0]).buffer, 1, 2));
        socket.send(new Uint8Array([9]));
        await done;
        const { sent } = socket.stats();
        socket.close();
        return [socket.state, sent];
      }, address);
      assert.equal(result[0], 'closed');
      assert.deepEqual(
        said.filter((text) => text.startsWith('error:')),
        [],
      );
      const messages = [[1, 2], [3, 4], [5, 5], [6, 6], [], [], [], [7, 8], [9]];
      assert.deepEqual(
        heard.filter(([number]) => number === 1).map(([, data]) => data),
        messages,
      );
      assert.deepEqual(
        heard.filter(([number]) => number === 2).map(([, data]) => data),
        messages,
        'the same, in their order',
      );
    },
  );
});

test('what only looks like a message is refused by name, before the wasm is there and after it', async () => {
  const { result, said } = await inPage(async (server) => {
    const { anonymous, AuthSocket } = await import('gatepass');
    const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    const odd = [
      Object.create(Blob.prototype),
      Object.create(ArrayBuffer.prototype),
      {},
      null,
      undefined,
      7,
      new Proxy(
        {},
        {
          getPrototypeOf() {
            throw new Error('no');
          },
        },
      ),
    ];
    const attempt = () =>
      odd.map((value) => {
        try {
          return socket.send(value).status;
        } catch (error) {
          return error.code ?? String(error);
        }
      });
    const before = attempt();
    await socket.ready();
    const seen = [before, attempt(), socket.state];
    socket.close();
    return seen;
  }, server);
  assert.deepEqual(result, [Array(7).fill('INVALID_OPTION'), Array(7).fill('INVALID_OPTION'), 'connected']);
  assert.deepEqual(said, []);
});

test('two users whose numeric ids are one double are two users', async () => {
  const { result } = await inPage(async () => {
    const { AuthSocket, firstMessage, Session } = await import('gatepass');
    const jwt = (payload) => `e30.${btoa(payload).replace(/=/g, '')}.c2ln`;
    const session = new Session({});
    const socket = new AuthSocket('ws://127.0.0.1:9/', { session, scheme: firstMessage({ message: '$token' }) });
    const changes = [];
    socket.addEventListener('statechange', ({ userChanged }) => userChanged && changes.push(socket.stats().dropped));
    const first = new Promise((resolve) => socket.addEventListener('statechange', resolve, { once: true }));
    session.setTokens({ access: jwt('{"user_id":1234567890123456789}') });
    socket.send('of the first');
    await first;
    session.setTokens({ access: jwt('{"user_id":1234567890123456789,"jti":1}') });
    const same = changes.length;
    session.setTokens({ access: jwt('{"user_id":1234567890123456790}') });
    socket.close();
    return [same, changes];
  });
  assert.deepEqual(result, [0, [1]]);
});

test('an answer of the server is read up to a mebibyte', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(
    async ([server, controlUrl]) => {
      const { AuthSocket, presets, Session } = await import('gatepass');
      const answer = (endpoint, length) =>
        fetch(controlUrl, {
          method: 'POST',
          body: JSON.stringify({ do: 'answer', endpoint, status: 200, body: ' '.repeat(length) }),
        });
      const session = new Session(presets.ticketServer(server));
      const seen = [];
      for (const length of [1 << 20, (1 << 20) + 1]) {
        await answer('login', length);
        await session
          .login({ username: 'maggie', password: 'secret' })
          .catch(({ code, message }) => seen.push(code, message));
      }
      await session.login({ username: 'maggie', password: 'secret' });
      await answer('ticket', (1 << 20) + 1);
      const socket = new AuthSocket(`${server}/channel/`, {
        session,
        ...presets.ticketServerSocket(server),
        backoff: { base: 1, cap: 1, spread: 1 },
      });
      socket.addEventListener('error', ({ error }) => seen.push(error.code, error.message));
      await socket.ready();
      socket.close();
      return seen;
    },
    [server, process.env.GATEPASS_TEST_CONTROL],
  );
  assert.deepEqual(result, [
    'LOGIN_FAILED',
    'the answer is not JSON',
    'LOGIN_FAILED',
    'the answer is longer than 1 MiB',
    'TICKET_MALFORMED',
    'the answer is longer than 1 MiB',
  ]);
});

test('a frame full of line ends or blanks reaches the app, and the next one is understood', async () => {
  await withServer(
    (socket) => {
      socket.on('message', (data) => {
        if (!String(data).includes('token')) return;
        for (const junk of [
          '\n'.repeat(1 << 20),
          `${' '.repeat(1 << 20)}x`,
          '1,\n'.repeat(300_000),
          '['.repeat(100_000),
        ])
          socket.send(junk);
        socket.send('{"type":"ok"}\n');
        for (const junk of ['\n'.repeat(1 << 20), `${' '.repeat(1 << 20)}x`, '{"type":'.repeat(100_000)])
          socket.send(junk);
        socket.send('{"type":"expired"}\n');
        socket.send('end');
      });
    },
    async (address) => {
      const { result } = await inPage(async (address) => {
        const { AuthSocket, firstMessage, Session } = await import('gatepass');
        let asked = 0;
        const session = new Session({ getToken: () => `token ${asked++}` });
        const scheme = firstMessage({
          message: { token: '$token' },
          frames: 'text',
          ack: { type: 'ok' },
          expired: { type: 'expired' },
        });
        const socket = new AuthSocket(address, { session, scheme });
        const lengths = [];
        await new Promise((resolve) =>
          socket.addEventListener('message', ({ data }) => (data === 'end' ? resolve() : lengths.push(data.length))),
        );
        while (asked < 2) await new Promise((resolve) => setTimeout(resolve, 5));
        socket.close();
        return lengths;
      }, address);
      assert.deepEqual(result, [14, 1 << 20, (1 << 20) + 1, 800_000, 19]);
    },
  );
});

test('a text of the options that may be a secret is in no message', async () => {
  const { result } = await inPage(async () => {
    const { AuthSocket, firstMessage, Session, ticket } = await import('gatepass');
    const session = new Session();
    const said = (make) => {
      try {
        make();
      } catch ({ code, message }) {
        return `${code} ${message}`;
      }
    };
    return [
      said(() => new Session({ refresh: { url: '/r', body: { client_secret: '$3cr3t', refresh: '$refresh' } } })),
      said(
        () => new AuthSocket('/x', { session, scheme: firstMessage({ message: { key: '$3cr3t', token: '$token' } }) }),
      ),
      said(() => new AuthSocket('/x', { session, scheme: ticket({ url: '/t', urlHosts: ['user:3cr3t@host'] }) })),
    ];
  });
  for (const message of result) assert.match(message, /^INVALID_OPTION/);
  assert.ok(!result.join().includes('3cr3t'), result.join('\n'));
});

test('a double of a WebSocket may answer within the call: nothing is lost, and all stays in order', async () => {
  const result = await inFreshPage(async () => {
    const { AuthSocket, firstMessage, Session } = await import('gatepass');
    globalThis.WebSocket = class extends EventTarget {
      protocol = '';
      extensions = '';
      bufferedAmount = 0;
      constructor() {
        super();
        queueMicrotask(() => this.onopen(new Event('open')));
      }
      send(text) {
        const { token, id } = JSON.parse(text);
        for (const data of token ? ['{"type":"ok"}\n{"type":"news"}', '{"type":"more"}'] : [`{"ack":"${id}"}`, text])
          this.onmessage(new MessageEvent('message', { data }));
      }
      close() {}
    };
    const session = new Session();
    session.setTokens({ access: 'abc' });
    const scheme = firstMessage({ message: { token: '$token' }, ack: { type: 'ok' }, frames: 'text' });
    const socket = new AuthSocket('wss://api.test/', { session, scheme, confirm: { id: 'id', ack: { ack: '$id' } } });
    const heard = [];
    socket.addEventListener('message', ({ data }) => heard.push(data));
    const first = socket.send('{"id":"1"}');
    await socket.ready();
    const second = socket.send('{"id":"2"}');
    const fates = await Promise.all([socket.sent(first), socket.sent(second)]);
    socket.close();
    return { heard, fates };
  });
  assert.deepEqual(
    result.heard.map((data) => String(data).trim()),
    ['{"type":"ok"}\n{"type":"news"}', '{"type":"more"}', '{"ack":"1"}', '{"id":"1"}', '{"ack":"2"}', '{"id":"2"}'],
  );
  assert.deepEqual(result.fates, ['confirmed', 'confirmed']);
});

// Calls at odd moments: inside events, twice in a row, while the page throws, and when nothing references a pending promise.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { control, server } from './browser.mjs';
import { inFreshPage } from './page.mjs';

test('a socket that is closed from within its events is closed at once for whoever asks, and one that connects anew is not connected', async () => {
  await control({ do: 'reset' });
  const said = await inFreshPage(async (server) => {
    const { anonymous, AuthSocket } = await import('gatepass');
    const seen = {};
    const code = (promise) =>
      promise.then(
        () => 'resolved',
        ({ code }) => code,
      );
    for (const type of ['open', 'statechange', 'message']) {
      for (const call of ['close', 'reconnect']) {
        const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
        socket.send('hello');
        await new Promise((resolve) => {
          const listener = () => {
            if (socket.state !== 'connected') return;
            socket.removeEventListener(type, listener);
            const isClose = call === 'close';
            if (isClose) socket.send('queued?');
            socket[call]();
            const [state, readyState, phase] = [socket.state, socket.readyState, socket.phase];
            const waits = isClose
              ? [code(socket.ready()), code(socket.drained())]
              : [socket.ready().then(() => socket.state)];
            resolve(
              Promise.all(waits).then(
                (ends) =>
                  (seen[`${call} in ${type}`] = [
                    isClose ? state : state === 'connected',
                    readyState,
                    isClose && phase,
                    ...ends,
                    socket.state,
                  ]),
              ),
            );
          };
          socket.addEventListener(type, listener);
        });
        socket.close();
      }
    }
    return seen;
  }, server);
  for (const [moment, ends] of Object.entries(said)) {
    const wanted = moment.startsWith('close')
      ? ['closed', 2, null, 'CLOSED', 'CLOSED', 'closed']
      : [false, 0, false, 'connected', 'connected'];
    assert.deepEqual(
      ends.map((end) => end ?? null),
      wanted,
      moment,
    );
  }
  assert.equal(Object.keys(said).length, 6);
});

test('each connection that was open is told to be closed, also when it is closed twice in a row', async () => {
  await control({ do: 'reset' });
  const closed = await inFreshPage(async (server) => {
    const { anonymous, AuthSocket } = await import('gatepass');
    const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    await socket.ready();
    const closed = [];
    const told = new Promise((resolve) =>
      socket.addEventListener('close', ({ code }) => closed.push(code) && code === 3002 && resolve()),
    );
    socket.close(3001, 'one');
    socket.reconnect();
    socket.close(3002, 'two');
    await told;
    return closed;
  }, server);
  assert.deepEqual(closed, [3001, 3002]);
});

test('what the page throws when the browser is asked after a socket is nothing, and the socket goes on', async () => {
  await control({ do: 'reset' });
  const said = await inFreshPage(async (server) => {
    const { anonymous, AuthSocket } = await import('gatepass');
    const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    await socket.ready();
    const told = [];
    for (const type of ['error', 'statechange'])
      socket.addEventListener(type, ({ error, state }) => told.push(error?.code ?? state));
    for (const name of ['protocol', 'extensions', 'bufferedAmount', 'binaryType']) {
      const own = Object.getOwnPropertyDescriptor(WebSocket.prototype, name);
      const broken = () => {
        throw new Error('broken');
      };
      Object.defineProperty(WebSocket.prototype, name, { configurable: true, get: broken, set: broken });
      told.push(name === 'binaryType' ? (socket.binaryType = 'arraybuffer') : socket[name]);
      Object.defineProperty(WebSocket.prototype, name, own);
    }
    socket.send('still here');
    for await (const message of socket) return [told, message];
  }, server);
  assert.deepEqual(said, [['', '', 0, 'arraybuffer'], 'still here']);
});

test('a driver that has trapped is told of by nobody any more, wherever it trapped', async () => {
  await control({ do: 'reset' });
  const said = await inFreshPage(async (server) => {
    const { anonymous, AuthSocket, load } = await import('gatepass');
    const { ConnectionDriver } = await import('/node_modules/gatepass/pkg/connection-driver.js');
    await load();
    const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    await socket.ready();
    const told = [];
    for (const type of ['message', 'error', 'statechange'])
      socket.addEventListener(type, ({ error, state, data }) => told.push(error?.code ?? state ?? data));
    socket.send('an answer is on its way');
    const { stats } = ConnectionDriver.prototype;
    ConnectionDriver.prototype.stats = () => {
      throw new Error('a fault of the driver');
    };
    socket.stats();
    ConnectionDriver.prototype.stats = stats;
    const other = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    other.send('later');
    for await (const message of other) return [told, message, socket.state];
  }, server);
  assert.deepEqual(said, [['INTERNAL', 'INTERNAL'], 'later', 'closed']);
});

test('a trap at the very beginning is told, and thrown at nobody', async () => {
  const said = await inFreshPage(async () => {
    const { anonymous, AuthSocket, load } = await import('gatepass');
    const { ConnectionDriver } = await import('/node_modules/gatepass/pkg/connection-driver.js');
    await load();
    const uncaught = [];
    addEventListener('error', ({ error }) => uncaught.push(String(error)));
    ConnectionDriver.prototype.connect = function () {
      this.guarded(() => {
        throw new WebAssembly.RuntimeError('unreachable');
      });
    };
    const socket = new AuthSocket('wss://api.test/', { scheme: anonymous() });
    const code = await socket.ready().catch(({ code }) => code);
    await new Promise((resolve) => setTimeout(resolve));
    return [code, uncaught];
  });
  assert.deepEqual(said, ['INTERNAL', []]);
});

test('a socket of a session that has trapped is closed, and says why, however often it is told to connect', async () => {
  const said = await inFreshPage(async () => {
    const { anonymous, AuthSocket, load, Session } = await import('gatepass');
    const { SessionDriver } = await import('/node_modules/gatepass/pkg/session-driver.js');
    await load();
    SessionDriver.prototype.setTokens = function () {
      this.guarded(() => {
        throw new WebAssembly.RuntimeError('unreachable');
      });
    };
    const session = new Session();
    try {
      session.setTokens({ access: 'abc' });
    } catch {}
    const socket = new AuthSocket('wss://api.test/', { session, scheme: anonymous() });
    const said = [session.state, socket.state, await socket.ready().catch(({ code }) => code)];
    socket.reconnect();
    return [...said, await socket.ready().catch(({ code }) => code), socket.state];
  });
  assert.deepEqual(said, ['expired', 'closed', 'INTERNAL', 'INTERNAL', 'closed']);
});

test('whoever waits for the store is answered, also when nobody holds the session', async () => {
  const state = await inFreshPage(async () => {
    const { Session } = await import('gatepass');
    let answer;
    const store = { load: () => new Promise((resolve) => (answer = resolve)), save() {}, clear() {} };
    const ready = new Session({ store }).ready();
    while (!answer) await new Promise((resolve) => setTimeout(resolve));
    for (let round = 0; round < 20; round++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve));
    }
    answer(null);
    return ready;
  });
  assert.equal(state, 'signed-out');
});

test('a clock of the page that is broken stops nothing', async () => {
  await control({ do: 'reset' });
  for (const now of ['Infinity', '1e300', 'NaN', '-1']) {
    const message = await inFreshPage(
      async ([server, now]) => {
        const { anonymous, AuthSocket } = await import('gatepass');
        performance.now = () => Number(now);
        const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
        socket.send('hello');
        for await (const message of socket) return message;
      },
      [server, now],
    );
    assert.equal(message, 'hello', now);
  }
});

test('what only looks like memory is refused by name', async () => {
  const codes = await inFreshPage(async () => {
    const { anonymous, AuthSocket } = await import('gatepass');
    const socket = new AuthSocket('wss://api.test/', { scheme: anonymous() });
    const lookalikes = [
      { byteLength: 3, [Symbol.toStringTag]: 'ArrayBuffer' },
      Object.create(ArrayBuffer.prototype),
      { __proto__: new ArrayBuffer(3) },
      Object.create(Uint8Array.prototype),
    ];
    const codes = lookalikes.map((data) => {
      try {
        return socket.send(data).status;
      } catch ({ code }) {
        return code;
      }
    });
    return [...codes, socket.send(new ArrayBuffer(1)).status, socket.send(new DataView(new ArrayBuffer(1))).status];
  });
  assert.deepEqual(codes, [...Array(4).fill('INVALID_OPTION'), 'queued', 'queued']);
});

// A trap of the wasm ends the object that it happened in, and no other.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, control, server } from './browser.mjs';
import { inFreshPage } from './page.mjs';

/** Puts a switch before the wasm: `trap.next = true` makes the next call into it end in a trap, in its middle if it can. */
function withTrap() {
  const Real = WebAssembly.Instance;
  const trap = (globalThis.trap = { next: false, isInside: false, count: 0 });
  const now = () => {
    trap.next = trap.isInside = false;
    trap.count++;
    throw new WebAssembly.RuntimeError('unreachable');
  };
  WebAssembly.Instance = function (module, imports) {
    for (const group of Object.values(imports)) {
      for (const [name, call] of Object.entries(group)) {
        if (typeof call === 'function') group[name] = (...given) => (trap.isInside ? now() : call(...given));
      }
    }
    const real = new Real(module, imports);
    const exports = {};
    for (const [name, value] of Object.entries(real.exports)) {
      exports[name] =
        typeof value !== 'function'
          ? value
          : (...given) => {
              const isIt = trap.next;
              trap.isInside ||= isIt;
              const result = value(...given);
              if (isIt && trap.next) now();
              return result;
            };
    }
    return { exports };
  };
}

const ENTRIES = {
  'socket.send()': ({ socket }) => socket.send('of maggie'),
  'socket.close()': ({ socket }) => socket.close(),
  'socket.reconnect()': ({ socket }) => socket.reconnect(),
  'socket.stats()': ({ socket }) => socket.stats(),
  'socket.bufferedAmount': ({ socket }) => socket.bufferedAmount,
  'a message of the server': ({ raw }) => raw.onmessage(new MessageEvent('message', { data: 'news' })),
  'an error of the socket': ({ raw }) => raw.onerror(new Event('error')),
  'the end of the socket': ({ raw }) => raw.onclose(new CloseEvent('close', { code: 1006 })),
  'an event of the page': () => dispatchEvent(new Event('online')),
};

for (const [name, entry] of Object.entries(ENTRIES)) {
  test(`what traps in the wasm ends its own socket and no other: ${name}`, async () => {
    await control({ do: 'reset' });
    const result = await inFreshPage(
      async ([server, entry, isForAll]) => {
        const { AuthSocket, load, presets, Session } = await import('gatepass');
        await load();
        const session = new Session(presets.ticketServer(server));
        await session.login({ username: 'maggie', password: 'secret' });
        const raws = [];
        const Real = WebSocket;
        globalThis.WebSocket = function (...given) {
          const socket = new Real(...given);
          raws.push(socket);
          return socket;
        };
        const other = new AuthSocket(`${server}/channel/`, { session, ...presets.ticketServerSocket(server) });
        await other.ready();
        // So that each message enters the wasm.
        const confirm = { id: 'id', ack: { type: 'ack', id: '$id' } };
        const socket = new AuthSocket(`${server}/channel/`, {
          session,
          ...presets.ticketServerSocket(server),
          confirm,
        });
        await socket.ready();
        const raw = raws.at(-1);
        const told = [];
        for (const type of ['error', 'close'])
          socket.addEventListener(type, ({ error }) => told.push(error?.code ?? type));
        trap.next = true;
        let thrown;
        try {
          (0, eval)(`(${entry})`)({ socket, raw });
        } catch (error) {
          thrown = error.code;
        }
        // An event of the page reaches all sockets in order.
        const [gone, alive] = isForAll ? [other, socket] : [socket, other];
        const after = [
          trap.count,
          gone.state,
          told.includes('INTERNAL') || isForAll,
          raw.readyState >= 2 || isForAll || entry.includes('onclose'),
        ];
        for (const call of [
          () => gone.send('more'),
          () => gone.close(),
          () => gone.reconnect(),
          () => gone.stats(),
          () => gone.binaryType,
          () => gone.bufferedAmount,
        ]) {
          try {
            call();
          } catch (error) {
            after.push(error.code);
          }
        }
        const answer = new Promise((resolve) =>
          alive.addEventListener('message', ({ data }) => resolve(data), { once: true }),
        );
        alive.send('{"type":"whoami"}');
        return { after, thrown, answer: await answer, state: session.state };
      },
      [server, String(entry), name.startsWith('an event')],
      withTrap,
    );
    assert.deepEqual(result.after.slice(0, 5), [1, 'closed', true, true, 'CLOSED'], JSON.stringify(result));
    assert.ok([undefined, 'INTERNAL'].includes(result.thrown), result.thrown);
    assert.equal(result.answer, '{"type":"whoami","user":"maggie"}');
    assert.equal(result.state, 'signed-in');
    assert.equal(
      (await ask('received')).some(({ text }) => text === 'more'),
      false,
    );
  });
}

const SESSION_ENTRIES = {
  'session.state': ({ session }) => session.state,
  'session.login()': ({ session }) => session.login({ username: 'bob', password: 'hunter2' }),
  'session.accessToken()': ({ session }) => session.accessToken(),
  'session.setTokens()': ({ session }) => session.setTokens({ access: 'other' }),
  'session.logout()': ({ session }) => session.logout(),
  'a change of the store': () => new BroadcastChannel('tokens').postMessage(null),
};

for (const [name, entry] of Object.entries(SESSION_ENTRIES)) {
  test(`what traps in a session ends it and its sockets, and it can be signed out all the same: ${name}`, async () => {
    await control({ do: 'reset' });
    const result = await inFreshPage(
      async ([server, entry]) => {
        const { AuthSocket, load, presets, Session } = await import('gatepass');
        await load();
        const make = (options) => new Session({ ...presets.simpleJwt(`${server}/api`), ...options });
        const session = make({ store: 'localStorage', storeKey: 'tokens' });
        const other = make();
        await session.ready();
        for (const each of [session, other]) await each.login({ username: 'maggie', password: 'secret' });
        while (localStorage.getItem('tokens') === null) await new Promise((resolve) => setTimeout(resolve, 5));
        const [socket, alive] = [session, other].map(
          (session) => new AuthSocket(`${server}/channel/`, { session, ...presets.ticketServerSocket(server) }),
        );
        await Promise.all([socket.ready(), alive.ready()]);
        const told = [];
        session.addEventListener('error', ({ error }) => told.push(error.code));
        const ended = new Promise((resolve) => session.addEventListener('change', resolve, { once: true }));
        trap.next = true;
        let thrown;
        try {
          await (0, eval)(`(${entry})`)({ session });
        } catch (error) {
          thrown = error.code;
        }
        await ended;
        const isOut = entry.includes('logout');
        const states = [
          session.state,
          isOut || session.error?.code === 'INTERNAL',
          socket.state,
          told.includes('INTERNAL'),
        ];
        const codes = [];
        for (const call of [
          () => session.login({ username: 'bob', password: 'hunter2' }),
          () => session.accessToken(),
          () => session.fetch(`${server}/api/token/`),
        ]) {
          await Promise.resolve()
            .then(call)
            .catch((error) => codes.push(error.code));
        }
        session.setTokens({ access: 'more' });
        try {
          socket.send('more');
        } catch (error) {
          codes.push(error.code);
        }
        session.logout();
        while (localStorage.getItem('tokens') !== null) await new Promise((resolve) => setTimeout(resolve, 5));
        const answer = new Promise((resolve) =>
          alive.addEventListener('message', ({ data }) => resolve(data), { once: true }),
        );
        alive.send('{"type":"whoami"}');
        return { states, codes, thrown, state: session.state, answer: await answer, isOut };
      },
      [server, String(entry)],
      withTrap,
    );
    assert.deepEqual(
      result.states,
      [result.isOut ? 'signed-out' : 'expired', true, 'closed', true],
      JSON.stringify(result),
    );
    assert.deepEqual(
      result.codes,
      ['INTERNAL', 'INTERNAL', 'INTERNAL', 'CLOSED'].filter((_code, index) => index !== 2 || result.codes.length === 4),
      JSON.stringify(result),
    );
    assert.ok([undefined, 'INTERNAL'].includes(result.thrown), result.thrown);
    assert.equal(result.state, 'signed-out');
    assert.equal(result.answer, '{"type":"whoami","user":"maggie"}');
  });
}

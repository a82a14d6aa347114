// How a connection ends: by close(), and by the server.

import { life, opened, until } from './seen.js';

export function* closeChecks(Class, base) {
  const calls = [
    [],
    [undefined],
    [null],
    [1000],
    [1000, 'bye'],
    [3000, ''],
    [4999, 'a'],
    [1001],
    [2999],
    [5000],
    [65_536 + 1000],
    [1000.4],
    [1000.5],
    ['1000'],
    ['a'],
    [NaN],
    [true],
    [1000, 5],
    [1000, null],
    [1000, 'a'.repeat(123)],
    [1000, 'a'.repeat(124)],
    [1000, '\u00e4'.repeat(62)],
    [1000, 'a\ud800'],
    [1000, undefined],
    [4000, {}],
  ];
  for (const given of calls) {
    const name = `close(${given.map((value) => `${String(value).slice(0, 20)}${String(value).length > 20 ? ` of ${value.length}` : ''}`).join(', ')})`;
    yield [
      name,
      async () => {
        const socket = await opened(Class, `${base}/echo`);
        const events = life(socket);
        const returned = socket.close(...given);
        return [returned, socket.readyState, ...(await events)].join(' | ');
      },
    ];
    yield [
      `${name} before it is open`,
      async () => {
        const socket = new Class(`${base}/echo`);
        const events = life(socket);
        const returned = socket.close(...given);
        return [returned, socket.readyState, ...(await events)].join(' | ');
      },
    ];
  }
  yield [
    'close twice',
    async () => {
      const socket = await opened(Class, `${base}/echo`);
      const events = life(socket);
      socket.close(3000, 'first');
      socket.close(3001, 'second');
      return (await events).join(' | ');
    },
  ];
  yield [
    'close after the end',
    async () => {
      const socket = await opened(Class, `${base}/echo`);
      const events = life(socket);
      socket.close();
      await events;
      socket.close();
      return socket.readyState;
    },
  ];
  yield [
    'close waits for the server',
    async () => {
      const socket = await opened(Class, `${base}/delayed-passive-close`);
      const log = [];
      const events = life(socket, log);
      socket.close(3000, 'a');
      // Another conversation ends before the server answers here.
      const other = await opened(Class, `${base}/echo`);
      const answer = until(other, 'message');
      other.send('a');
      await answer;
      other.close();
      return [log.length, ...(await events)].join(' | ');
    },
  ];
  yield [
    'the server ends without a close frame',
    async () => {
      const socket = await opened(Class, `${base}/passive-close-abort`);
      const events = life(socket);
      socket.close();
      return (await events).join(' | ');
    },
  ];
  yield [
    'close within open',
    async () => {
      const socket = new Class(`${base}/echo`);
      const events = life(socket);
      socket.addEventListener('open', () => socket.close(3000));
      return (await events).join(' | ');
    },
  ];
  yield [
    'close within message',
    async () => {
      const socket = await opened(Class, `${base}/echo`);
      const events = life(socket);
      socket.addEventListener('message', () => socket.close(3000));
      socket.send('a');
      socket.send('b');
      return (await events).join(' | ');
    },
  ];
}

export function* serverChecks(Class, base) {
  for (const path of [
    'remote-close',
    'remote-close?code=1000&reason=done',
    'remote-close?code=1001',
    'remote-close?code=1011&reason=%C3%A4',
    'remote-close?code=3000',
    'remote-close?code=4999&reason=x',
    'remote-close?abrupt=1',
    'simple_handshake',
    'nowhere',
    'invalid',
    'wrong_accept_key',
    'handshake_protocol',
  ])
    yield [`server: ${path}`, async () => (await life(new Class(`${base}/${path}`))).join(' | ')];
  yield ['server: nobody listens', async () => (await life(new Class('ws://localhost:1/'))).join(' | ')];
  yield [
    'server: a broken frame',
    async () => {
      const socket = await opened(Class, `${base}/echo_raw`);
      const events = life(socket);
      socket.send(Uint8Array.of(0xff, 0x00));
      return (await events).join(' | ');
    },
  ];
  yield [
    'server: a subprotocol that was not offered',
    async () => (await life(new Class(`${base}/handshake_protocol`, 'other'))).join(' | '),
  ];
  yield [
    'server: no subprotocol of those offered',
    async () => (await life(new Class(`${base}/handshake_no_protocol`, ['a', 'b']))).join(' | '),
  ];
}

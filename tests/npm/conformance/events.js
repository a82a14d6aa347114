// Events, handlers and listeners (HTML, event handlers).

import { life, opened, until } from './seen.js';

export function* eventChecks(Class, base) {
  yield [
    'a message event',
    async () => {
      const socket = await opened(Class, `${base}/echo`);
      const heard = until(socket, 'message');
      socket.send('a');
      const { origin, lastEventId, source, ports, bubbles, cancelable, target } = await heard;
      socket.close();
      return [
        origin === new URL(base).origin,
        lastEventId,
        source,
        ports.length,
        bubbles,
        cancelable,
        target === socket,
      ].join();
    },
  ];
  yield [
    'binaryType',
    () => {
      const socket = new Class(`${base}/echo`);
      const seen = [socket.binaryType];
      for (const type of ['arraybuffer', 'notype', 'Blob', '', null, 'blob']) {
        socket.binaryType = type;
        seen.push(socket.binaryType);
      }
      socket.close();
      return seen.join();
    },
  ];
  for (const [name, handler] of Object.entries({
    null: null,
    'a function': () => {},
    'a number': 5,
    'a text': 'a',
    'an object': { handleEvent() {} },
    undefined: undefined,
  }))
    yield [
      `onopen = ${name}`,
      () => {
        const socket = new Class(`${base}/echo`);
        socket.onopen = handler;
        const seen = socket.onopen === handler ? 'kept' : String(socket.onopen);
        socket.close();
        return seen;
      },
    ];
  yield [
    'the order of handlers and listeners',
    async () => {
      const socket = new Class(`${base}/echo`);
      const order = [];
      socket.addEventListener('open', () => order.push(1));
      socket.onopen = () => order.push('replaced');
      socket.addEventListener('open', () => order.push(3));
      socket.onopen = function () {
        order.push(this === socket ? 2 : 'wrong this');
      };
      await until(socket, 'open');
      socket.close();
      return order.join();
    },
  ];
  yield [
    'a handler that throws stops nobody',
    async () => {
      const socket = new Class(`${base}/echo`);
      const ignore = (event) => event.preventDefault();
      globalThis.addEventListener('error', ignore);
      socket.onopen = () => {
        throw new Error('mine');
      };
      await until(socket, 'open');
      globalThis.removeEventListener('error', ignore);
      socket.send('a');
      const { data } = await until(socket, 'message');
      socket.close();
      return data;
    },
  ];
  yield [
    'a listener that is removed',
    async () => {
      const socket = new Class(`${base}/echo`);
      let count = 0;
      const listener = () => count++;
      socket.addEventListener('open', listener);
      socket.removeEventListener('open', listener);
      await until(socket, 'open');
      socket.close();
      return count;
    },
  ];
  yield [
    'an object as a listener',
    async () => {
      const socket = new Class(`${base}/echo`);
      const heard = new Promise((resolve) =>
        socket.addEventListener('open', { handleEvent: ({ type }) => resolve(type) }),
      );
      const type = await heard;
      socket.close();
      return type;
    },
  ];
  yield [
    'nothing fires within the constructor',
    async () => {
      const log = [];
      const socket = new Class(`${base}/remote-close`);
      const events = life(socket, log);
      const early = log.length;
      await events;
      return early;
    },
  ];
  yield [
    'a life',
    async () => {
      const socket = new Class(`${base}/echo`);
      const events = life(socket);
      socket.addEventListener('open', () => socket.send('a'));
      socket.addEventListener('message', () => socket.close(1000, 'done'));
      return [socket.readyState, ...(await events)].join(' | ');
    },
  ];
}

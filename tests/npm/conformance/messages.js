// What is sent and how it arrives.

import { opened, shown, until } from './seen.js';

export function* sendChecks(Class, base) {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const messages = {
    'a text': 'hello',
    'an empty text': '',
    unicode: '\u00e4\u{1f600}',
    'a lone surrogate': 'a\ud800b',
    'a long text': 'a'.repeat(70_000),
    null: null,
    undefined: undefined,
    'a number': 5,
    'an object': {},
    'a list': [1, 2],
    true: true,
    'a text object': Object('text'),
    'with toString': { toString: () => 'own' },
    'an ArrayBuffer': bytes.buffer,
    'an empty ArrayBuffer': new ArrayBuffer(0),
    'a view': bytes,
    'a part': bytes.subarray(2, 5),
    'a DataView': new DataView(bytes.buffer, 1, 3),
    Float64: Float64Array.of(1),
    'long bytes': new Uint8Array(70_000),
    'a Blob': new Blob([bytes]),
    'an empty Blob': new Blob([]),
  };
  for (const type of ['blob', 'arraybuffer'])
    for (const [name, message] of Object.entries(messages))
      yield [
        `send ${name}, ${type}`,
        async () => {
          const socket = await opened(Class, `${base}/echo`);
          socket.binaryType = type;
          const answer = until(socket, 'message');
          const returned = socket.send(message);
          const waits = socket.bufferedAmount;
          const { data } = await answer;
          socket.close();
          return [returned, waits, await shown(data)].join();
        },
      ];
  yield [
    'send a symbol',
    async () => {
      const socket = await opened(Class, `${base}/echo`);
      try {
        return socket.send(Symbol('a'));
      } finally {
        socket.close();
      }
    },
  ];
  yield [
    'send nothing',
    async () => {
      const socket = await opened(Class, `${base}/echo`);
      try {
        return socket.send();
      } finally {
        socket.close();
      }
    },
  ];
  yield [
    'send what looks like a buffer',
    async () => {
      const socket = await opened(Class, `${base}/echo`);
      const answer = until(socket, 'message');
      socket.send({ byteLength: 4 });
      const { data } = await answer;
      socket.close();
      return shown(data);
    },
  ];
  yield [
    'send before it is open',
    () => {
      const socket = new Class(`${base}/echo`);
      try {
        return socket.send('a');
      } finally {
        socket.close();
      }
    },
  ];
  for (const [name, message] of Object.entries({
    text: '\u00e4b',
    buffer: bytes.buffer,
    blob: new Blob([bytes]),
    nothing: undefined,
  }))
    yield [
      `send ${name} while it closes and after`,
      async () => {
        const socket = await opened(Class, `${base}/echo`);
        socket.close();
        const seen = [socket.send(message), socket.bufferedAmount];
        await until(socket, 'close');
        return [...seen, socket.send(message), socket.bufferedAmount].join();
      },
    ];
  yield [
    'many at once arrive in order',
    async () => {
      const socket = await opened(Class, `${base}/echo`);
      const heard = [];
      const all = new Promise((resolve) =>
        socket.addEventListener('message', ({ data }) => heard.push(data) === 200 && resolve()),
      );
      for (let number = 0; number < 200; number++) socket.send(number);
      await all;
      socket.close();
      return heard.every((text, number) => text === String(number));
    },
  ];
  yield [
    'a message that is sent before close() arrives',
    async () => {
      const socket = await opened(Class, `${base}/stash_responder_blocking`);
      const key = String(Math.random());
      socket.send(JSON.stringify({ action: 'set', key, value: 'kept' }));
      socket.close();
      await until(socket, 'close');
      const other = await opened(Class, `${base}/stash_responder_blocking`);
      other.send(JSON.stringify({ action: 'get', key }));
      return (await until(other, 'message')).data;
    },
  ];
}

// What a WebSocket does, as rows of a table: the name of a check and what was seen. Written from the WHATWG WebSockets standard, Web IDL and
// HTML's event handlers. It runs in a page and in a worker, for the browser's class and for ours.

/** What a call returns or throws; of an exception its kind and name. */
async function outcome(call) {
  try {
    return await call();
  } catch (thrown) {
    return `throws ${thrown?.constructor?.name} ${thrown?.name}`;
  }
}

const until = (socket, type) => new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));

/** Every event of a socket with its state, until `close`. */
async function life(socket, log = []) {
  for (const type of ['open', 'message', 'error', 'close'])
    socket.addEventListener(type, (event) => {
      const { code, reason, wasClean } = event;
      const details = type === 'close' ? ` ${code} "${reason}" ${wasClean}` : '';
      log.push(`${type} ${event.constructor.name} ${socket.readyState}${details}`);
    });
  await until(socket, 'close');
  return log;
}

const opened = async (Class, url, ...more) => {
  const socket = new Class(url, ...more);
  await until(socket, 'open');
  return socket;
};

/** A value as text, also of bytes. */
async function shown(data) {
  if (typeof data === 'string') return `text ${data.length > 40 ? data.length : JSON.stringify(data)}`;
  const bytes = new Uint8Array(data instanceof Blob ? await data.arrayBuffer() : data);
  return `${data.constructor.name} ${bytes.length > 40 ? bytes.length : bytes.join()}`;
}

const descriptor = (object, name) => {
  const { value, get, set, writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(object, name) ?? {};
  const kind =
    get || set ? `${get?.name}/${set?.name}` : typeof value === 'function' ? `${value.name}(${value.length})` : value;
  return [kind, writable, enumerable, configurable].join(' ');
};

function* interfaceChecks(Class) {
  yield ['name', () => Class.name];
  yield ['length', () => Class.length];
  yield ['Object.keys', () => Object.keys(Class).join()];
  yield [
    'prototype chain',
    () =>
      [Object.getPrototypeOf(Class), Object.getPrototypeOf(Class.prototype)]
        .map((proto) => (proto.constructor === EventTarget || proto) === EventTarget || proto === EventTarget.prototype)
        .join(),
  ];
  yield [
    'prototype',
    () => {
      const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(Class, 'prototype');
      return [writable, enumerable, configurable].join();
    },
  ];
  yield ['toString', () => String(Object.prototype.toString.call(Class.prototype))];
  yield [
    'for in',
    () => {
      const names = [];
      for (const name in Class.prototype) names.push(name);
      return names.sort().join();
    },
  ];
  for (const name of [...Object.getOwnPropertyNames(Class.prototype)].sort().concat(Symbol.toStringTag))
    if (name !== 'constructor') yield [`prototype.${String(name)}`, () => descriptor(Class.prototype, name)];
  for (const name of ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED']) {
    yield [`static ${name}`, () => descriptor(Class, name)];
    yield [
      `${name} cannot be written`,
      () => {
        try {
          Class[name] = 9;
        } catch {
          /* In strict code it throws. */
        }
        return Class[name];
      },
    ];
  }
  yield ['called without new', () => Class('ws://localhost/')];
  yield ['without arguments', () => new Class()];
  for (const name of ['url', 'readyState', 'bufferedAmount', 'onopen', 'extensions', 'protocol', 'binaryType'])
    yield [`get ${name} of something else`, () => Object.getOwnPropertyDescriptor(Class.prototype, name).get.call({})];
  for (const name of ['send', 'close']) yield [`${name} of something else`, () => Class.prototype[name].call({}, 'a')];
}

function* constructorChecks(Class, base) {
  const { host } = new URL(base);
  for (const url of [
    `ws://${host}/echo`,
    `http://${host}/echo`,
    `WS://${host}/echo`,
    `ws://${host}`,
    `ws://${host}/a b?c d`,
    `ws://${host}/\u00e4?\u00e4`,
    `ws://${host}/a/../b`,
    '/echo',
    'echo',
    '?a',
    '',
    `//${host}/echo`,
    'ftp://localhost/',
    'mailto:a@b',
    'ws://',
    'ws:a',
    `ws://${host}/#`,
    `ws://${host}/#a`,
    'ws://localhost:99999/',
    null,
    undefined,
    5,
    { toString: () => `ws://${host}/object` },
    new URL(`ws://${host}/url`),
    ` ws://${host}/spaces `,
    `ws://user:secret@${host}/`,
  ])
    yield [
      `url: ${String(url).replaceAll(host, 'host')}`,
      () => {
        const socket = new Class(url);
        const seen = socket.url.replaceAll(host, 'host').replace(location.host, 'page').replace(location.pathname, '/');
        socket.close();
        return seen;
      },
    ];
  yield ['url: a symbol', () => new Class(Symbol('a'))];
  for (const [name, protocols] of [
    ['undefined', undefined],
    ['null', null],
    ['an empty text', ''],
    ['an empty list', []],
    ['a text', 'echo'],
    ['a list', ['chat', 'echo']],
    ['twice', ['a', 'a']],
    ['a space', 'a b'],
    ['a comma', 'a,b'],
    ['a separator', ['a/b']],
    ['no ASCII', '\u00e4'],
    ['DEL', '\x7f'],
    ['NUL', '\0'],
    ['a number', 5],
    ['a list of numbers', [1, 2]],
    ['a set', new Set(['echo'])],
    ['an object', {}],
    ['a list with an empty one', ['']],
    ['a symbol', Symbol('a')],
  ])
    yield [
      `protocols: ${name}`,
      () => {
        const socket = new Class(`${base}/echo`, protocols);
        const seen = [
          socket.readyState,
          socket.protocol,
          socket.extensions,
          socket.bufferedAmount,
          socket.binaryType,
        ].join();
        socket.close();
        return seen;
      },
    ];
  yield [
    'the chosen subprotocol',
    async () => {
      const socket = await opened(Class, `${base}/echo`, ['chat', 'echo']);
      const before = socket.protocol;
      socket.close();
      await until(socket, 'close');
      return `${before} ${socket.protocol}`;
    },
  ];
  yield [
    'an unknown property is kept',
    () => {
      const socket = new Class(`${base}/echo`);
      socket.mine = 5;
      socket.close();
      return socket.mine;
    },
  ];
  yield [
    'own properties',
    () => {
      const socket = new Class(`${base}/echo`);
      socket.close();
      return Object.getOwnPropertyNames(socket).join();
    },
  ];
}

function* sendChecks(Class, base) {
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

function* closeChecks(Class, base) {
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
      const events = life(socket);
      socket.close(3000, 'a');
      const early = await Promise.race([events, new Promise((resolve) => setTimeout(resolve, 300, 'waits'))]);
      return [early, ...(await events)].join(' | ');
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

function* serverChecks(Class, base) {
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

function* eventChecks(Class, base) {
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

/** Runs all checks for a class, some at a time. Returns rows of name and what was seen. */
export async function conformance(Class, base) {
  const checks = [interfaceChecks, constructorChecks, sendChecks, closeChecks, serverChecks, eventChecks].flatMap(
    (part) => [...part(Class, base)],
  );
  const rows = [];
  const worker = async () => {
    for (let check = checks.shift(); check; check = checks.shift())
      rows.push([check[0], String(await outcome(check[1]))]);
  };
  await Promise.all(Array.from({ length: 6 }, worker));
  return rows;
}

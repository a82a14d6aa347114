// The interface of the class (Web IDL), and its constructor.

import { descriptor, opened, until } from './seen.js';

export function* interfaceChecks(Class) {
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

export function* constructorChecks(Class, base) {
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

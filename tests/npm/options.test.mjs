// The values that cross from the face to the wasm, for every option. `tests/wire/options.rs` tests their meaning there.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { inFreshPage } from './page.mjs';

const fixture = JSON.parse(readFileSync(new URL('../fixtures/options.json', import.meta.url), 'utf8'));
const ADDRESS = 'wss://api.test/ws?a=b';

test('every option crosses at its place, with its value', async () => {
  const wires = await inFreshPage(
    async ([fixture, address]) => {
      const { Session } = await import('gatepass');
      const face = '/node_modules/gatepass/pkg';
      const [socket, session] = await Promise.all([
        import(`${face}/socket-options.js`),
        import(`${face}/session-options.js`),
      ]);
      const user = new Session();
      /** What a driver is made of. */
      const crossing = (make) => {
        const takes = (parts) => parts;
        return make({ connection: takes, session: takes });
      };
      return {
        session: fixture.session.map(({ options }) => crossing((makers) => session.read(options, {}).make(makers, {}))),
        socket: fixture.socket.map(({ options }) => {
          const given = options.scheme.type === 'anonymous' ? options : { ...options, session: user };
          return crossing((makers) => socket.read(address, given)(makers, undefined, {}));
        }),
      };
    },
    [fixture, ADDRESS],
  );
  for (const of of ['session', 'socket'])
    assert.deepEqual(
      wires[of],
      fixture[of].map(({ wire }) => wire),
    );
});

test('what was left out does not cross: the wasm has the defaults', async () => {
  const wire = await inFreshPage(async (address) => {
    const { read } = await import('/node_modules/gatepass/pkg/socket-options.js');
    const { AUTH_SOCKET_OPTIONS } = await import('/node_modules/gatepass/pkg/contract.js');
    const names = Object.keys(AUTH_SOCKET_OPTIONS);
    const wire = read(address, { scheme: { type: 'anonymous' } })({ connection: (parts) => parts }, undefined, {});
    return wire.flatMap((value, place) => (value === undefined ? [] : [names[place]]));
  }, ADDRESS);
  assert.deepEqual(wire, ['url', 'scheme', 'credentials']);
});

test('the wasm refuses by name a place that is missing or means nothing', async () => {
  const thrown = await inFreshPage(
    async ([session, socket]) => {
      const { load } = await import('gatepass');
      await load();
      const core = await import('/node_modules/gatepass/pkg/core.js');
      const refused = (make) => {
        try {
          make();
          return 'nothing';
        } catch (error) {
          return error.message;
        }
      };
      const ofSession = (wire) => refused(() => new core.SessionCore(wire, false, false, 0));
      const ofSocket = (wire) => refused(() => new core.ConnectionCore(wire, [], 0));
      const { AUTH_SOCKET_OPTIONS, SESSION_OPTIONS } = await import('/node_modules/gatepass/pkg/contract.js');
      const withPart = (name, value) => socket.with(Object.keys(AUTH_SOCKET_OPTIONS).indexOf(name), value);
      return [
        ofSession(session),
        ofSession([]),
        ofSession(session.with(Object.keys(SESSION_OPTIONS).indexOf('credentials'), 9)),
        ofSocket(socket),
        ...[
          withPart('scheme', [9, []]),
          withPart('connectTimeout', 'soon'),
          withPart('whenHidden', 9),
          withPart('backoff', []),
          withPart('closeCodes', [4403, 7]),
          socket.slice(1),
        ].map(ofSocket),
      ];
    },
    [fixture.session[0].wire, fixture.socket[5].wire],
  );
  assert.deepEqual(thrown, [
    'nothing',
    'SessionOptions',
    'credentials',
    'nothing',
    'scheme.type',
    'connectTimeout',
    'whenHidden',
    'BackoffOptions',
    'closeCodes',
    'AuthSocketOptions',
  ]);
});

test('a machine that is told something that has no number is not told anything else, and says what it was', async () => {
  const thrown = await inFreshPage(
    async ([session, socket]) => {
      const { load } = await import('gatepass');
      await load();
      const { ConnectionCore, SessionCore } = await import('/node_modules/gatepass/pkg/core.js');
      const cores = [() => new SessionCore(session, false, false, 0), () => new ConnectionCore(socket, [], 0)];
      const { ConnectionInput, SessionInput } = await import('/node_modules/gatepass/pkg/contract.js').then(
        ({ CONNECTION_INPUT_NAMES, SESSION_INPUT_NAMES }) => ({
          ConnectionInput: CONNECTION_INPUT_NAMES,
          SessionInput: SESSION_INPUT_NAMES,
        }),
      );
      const told = (core, ...input) => {
        try {
          core.input(0, 0, ...input);
          return 'nothing';
        } catch ({ message }) {
          return message;
        }
      };
      return [
        ...cores.flatMap((make) => [0x7f, 256, -1].map((what) => told(make(), what, 0, []))),
        told(cores[1](), ConnectionInput.indexOf('page'), 99),
        told(cores[1](), ConnectionInput.indexOf('http'), 0, [9]),
        told(cores[0](), SessionInput.indexOf('requestToken'), 0, [0, 9, 0]),
        told(cores[0](), SessionInput.indexOf('provided'), 0, [9]),
        told(cores[1](), ConnectionInput.indexOf('token'), 0, [[99]]),
      ];
    },
    [fixture.session[0].wire, fixture.socket[5].wire],
  );
  assert.deepEqual(thrown, [
    ...Array(3).fill('SessionInput'),
    ...Array(3).fill('ConnectionInput'),
    'PageEvent',
    'HttpEnd',
    'RequirementKind',
    'SourceAnswer',
    'TokenError',
  ]);
});

test('every failure arrives by its own name, with each part at its place, and a number without a meaning is no default', async () => {
  const { named, unknown } = await inFreshPage(async () => {
    const face = '/node_modules/gatepass/pkg';
    const [{ named, nameOf }, { SENTENCES }, { REMEDY_NAMES, FAILURE_PART_NAMES }] = await Promise.all(
      ['errors', 'sentences', 'contract'].map((name) => import(`${face}/${name}.js`)),
    );
    const parts = { status: 503, closeCode: 4400, retryAfter: 2.5 };
    const told = (sentence, remedy) => named(FAILURE_PART_NAMES.map((name) => ({ ...parts, sentence, remedy })[name]));
    const rows = SENTENCES.flatMap((text, sentence) =>
      REMEDY_NAMES.map((disposition, remedy) => {
        const { code, message, status, closeCode, retryAfter, disposition: seen, retryable } = told(sentence, remedy);
        return [text, `${code} ${message}`, disposition, seen, retryable, status, closeCode, retryAfter];
      }),
    );
    const refused = (make) => {
      try {
        return make();
      } catch ({ code }) {
        return code;
      }
    };
    return {
      named: rows,
      unknown: [
        refused(() => told(SENTENCES.length, 0)),
        refused(() => told(0, REMEDY_NAMES.length)),
        refused(() => nameOf(REMEDY_NAMES, undefined)),
      ],
    };
  });
  assert.ok(named.length > 100);
  for (const [text, told, disposition, seen, retryable, ...numbers] of named) {
    assert.equal(told, `${text} (HTTP 503)`);
    assert.deepEqual([seen, retryable], [disposition, ['retry', 'refreshToken'].includes(disposition)]);
    assert.deepEqual(numbers, [503, 4400, 2.5]);
  }
  assert.deepEqual(unknown, ['INTERNAL', 'INTERNAL', 'INTERNAL']);
});

test('an argument that cannot be meant is refused by name: of login, ready, drained, schemes and sockets', async () => {
  const result = await inFreshPage(async () => {
    const { anonymous, AuthSocket, firstMessage, query, Session, sessionKey, subprotocol, ticket } = await import(
      'gatepass'
    );
    const session = new Session({ login: { url: '/login' } });
    const socket = new AuthSocket('wss://api.test/', { scheme: anonymous(), reconnect: false });
    const form = new FormData();
    form.set('username', 'maggie');
    const signal = AbortSignal.abort();
    const calls = [
      ...[form, new Map([['a', 1]]), new URLSearchParams('a=1'), new Date(), [1], 'x', null, { toJSON: () => 'x' }].map(
        (credentials) => () => session.login(credentials),
      ),
      () => new Session({ login: null }).login({ a: 1 }),
      () => socket.ready(signal),
      () => socket.ready({ sginal: signal }),
      () => socket.ready({ signal: 5 }),
      () => socket.drained(signal),
      () => socket.drained(5),
      () => socket.drained([]),
      () => query(5),
      () => query(new Map()),
      () => subprotocol('x'),
      () => ticket([]),
      () => sessionKey(null),
      () => firstMessage(() => {}),
      () => new AuthSocket('wss://api.test/', { scheme: anonymous(), url: 'wss://other.test/' }),
    ];
    const seen = [];
    for (const call of calls) {
      try {
        seen.push(String(await call()));
      } catch (error) {
        seen.push(`${error.code} ${error.message.split(':')[0]}`);
      }
    }
    socket.close();
    return seen;
  });
  const names = [
    'credentials',
    'credentials',
    'credentials',
    'credentials',
    'credentials',
    'credentials',
    'credentials',
    'credentials',
    'login',
    '',
    'sginal',
    'signal',
    '',
    '',
    '',
    'query()',
    'query()',
    'subprotocol()',
    'ticket()',
    'sessionKey()',
    'firstMessage()',
    'url',
  ];
  assert.deepEqual(
    result.map((text) => text.split(' ')[0]),
    names.map(() => 'INVALID_OPTION'),
    result.join('\n'),
  );
  names.forEach((name, place) => assert.ok(result[place].includes(name), `${name}: ${result[place]}`));
});

// What crosses from the face to the wasm, for every option: `tests/wire/options.rs` says what it means there.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { inFreshPage } from './page.mjs';

const fixture = JSON.parse(readFileSync(new URL('../fixtures/options.json', import.meta.url), 'utf8'));
const ADDRESS = 'wss://api.test/ws?a=b';

test('every option crosses at its place, with its value', async () => {
  const wires = await inFreshPage(async ([fixture, address]) => {
    const { Session } = await import('gatepass');
    const face = '/node_modules/gatepass/pkg';
    const [socket, session] = await Promise.all([import(`${face}/socket-options.js`), import(`${face}/session.js`)]);
    const user = new Session();
    return {
      session: fixture.session.map(({ options }) => {
        let wire;
        class SessionCore {
          constructor(parts) {
            wire = parts;
          }
        }
        session.read(options, {})({ SessionCore }, () => {}, undefined);
        return wire;
      }),
      socket: fixture.socket.map(({ options }) => {
        // A cookie without a session is no credential.
        const given = options.scheme.type === 'cookie' ? { ...options, session: user } : options;
        return socket.read(address, given)({}, { socket: (wire) => wire }, {});
      }),
    };
  }, [fixture, ADDRESS]);
  for (const of of ['session', 'socket']) assert.deepEqual(wires[of], fixture[of].map(({ wire }) => wire));
});

test('what was left out does not cross: the wasm has the defaults', async () => {
  const wire = await inFreshPage(async (address) => {
    const { read } = await import('/node_modules/gatepass/pkg/socket-options.js');
    const { AUTH_SOCKET_OPTIONS } = await import('/node_modules/gatepass/pkg/contract.js');
    const names = Object.keys(AUTH_SOCKET_OPTIONS);
    return read(address, { scheme: { type: 'anonymous' } })({}, { socket: (wire) => wire.flatMap((value, place) => (value === undefined ? [] : [names[place]])) }, {});
  }, ADDRESS);
  assert.deepEqual(wire, ['url', 'scheme', 'credentials']);
});

test('the wasm refuses by name a place that is missing or means nothing', async () => {
  const thrown = await inFreshPage(async ([session, socket]) => {
    const { load } = await import('gatepass');
    await load();
    const core = await import('/node_modules/gatepass/pkg/core.js');
    const whole = () => new core.SessionCore(session, undefined, undefined, () => {}, {});
    const refused = (make) => {
      try {
        make();
        return 'nothing';
      } catch (error) {
        return error.message;
      }
    };
    const { AUTH_SOCKET_OPTIONS, SESSION_OPTIONS } = await import('/node_modules/gatepass/pkg/contract.js');
    const withPart = (name, value) => socket.with(Object.keys(AUTH_SOCKET_OPTIONS).indexOf(name), value);
    return [
      refused(whole),
      refused(() => new core.SessionCore([], undefined, undefined, () => {}, {})),
      refused(() => new core.SessionCore(session.with(Object.keys(SESSION_OPTIONS).indexOf('credentials'), 9), undefined, undefined, () => {}, {})),
      ...[withPart('scheme', [9, []]), withPart('connectTimeout', 'soon'), withPart('whenHidden', 9), withPart('backoff', []), withPart('closeCodes', [4403, 7]), socket.slice(1)].map((wire) => refused(() => whole().socket(wire, {}))),
    ];
  }, [fixture.session[0].wire, fixture.socket[5].wire]);
  assert.deepEqual(thrown, ['nothing', 'SessionOptions', 'credentials', 'scheme.type', 'connectTimeout', 'whenHidden', 'BackoffOptions', 'closeCodes', 'AuthSocketOptions']);
});

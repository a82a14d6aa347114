// Invalid options and arguments are refused by name, at the call.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { control, server } from './browser.mjs';
import { inPage } from './page.mjs';

test('case_29: a wrong option throws at construction and names itself', async () => {
  const { result } = await inPage(async () => {
    // Before the wasm is loaded, and after it.
    const { anonymous, AuthSocket, cookie, firstMessage, query, Session, subprotocol, ticket } = await import(
      'gatepass'
    );
    const session = new Session();
    const thrown = (make) => {
      try {
        make();
        return 'nothing';
      } catch (error) {
        return `${error.name} ${error.code} ${error.message}`;
      }
    };
    const socket = (url, options) => thrown(() => new AuthSocket(url, options));
    return [
      socket('ftp://h/', { scheme: anonymous() }),
      socket('wss://h/#x', { scheme: anonymous() }),
      socket('wss://maggie:secret@h/', { scheme: anonymous() }),
      socket(undefined, { scheme: anonymous() }),
      socket('', { scheme: anonymous() }),
      socket('ws://example.com/', { session, scheme: query() }),
      socket('ws://example.com/', { scheme: cookie() }),
      socket('wss://h/', { session, scheme: ticket({ url: 'http://example.com/t' }) }),
      socket('wss://h/', { scheme: query() }),
      socket('wss://h/', { session }),
      socket('wss://h/', { scheme: anonymous(), conectTimeout: 5 }),
      socket('wss://h/', { scheme: anonymous(), toString: () => '' }),
      socket('wss://h/', { scheme: anonymous(), connectTimeout: -1 }),
      socket('wss://h/', { scheme: anonymous(), backoff: { cap: '5' } }),
      socket('wss://h/', { scheme: anonymous(), protocols: ['a b'] }),
      socket('wss://h/', { scheme: anonymous(), protocols: ['a', 'a'] }),
      socket('wss://h/', { scheme: anonymous(), protocols: 'a'.repeat(9_000) }),
      socket('wss://h/ x', { scheme: anonymous() }),
      socket('https:', { scheme: anonymous() }),
      socket('wss://h/', { session, scheme: firstMessage({ ack: 'ok', reauth: true }) }),
      socket('wss://h/', { session, scheme: firstMessage({ message: 'a', reauth: true }), handover: true }),
      socket('wss://h/', { scheme: anonymous(), closeCodes: { 4403: 'panic' } }),
      socket('wss://h/', { scheme: anonymous(), closeCodes: { 999: 'retry' } }),
      socket('wss://h/', { session, scheme: firstMessage({ message: { token: '$tokn' } }) }),
      socket('wss://h/', { session, scheme: ticket({ url: '/t', method: 'TRACE' }) }),
      socket('wss://h/', { session, scheme: query({ url: '/t' }) }),
      socket('wss://h/', { session, scheme: { type: 'toString' } }),
      socket('wss://h/', { scheme: anonymous(), closeCodes: 4403 }),
      socket('wss://h/', { session, scheme: { type: 'header' } }),
      socket('wss://h/', { session, scheme: subprotocol({ prefix: 'bearer.' }) }),
      socket('wss://h/', { session, protocols: 'app', scheme: subprotocol({ prefix: 'bearer ' }) }),
      socket('wss://h/', { session, protocols: 'app', scheme: subprotocol({ encoding: 'hex' }) }),
      socket('wss://h/', { session, scheme: query(), probe: 'http://example.com/me' }),
      socket('wss://h/', { session, scheme: query(), credentials: 'same-origin' }),
      socket('wss://h/', { session, scheme: firstMessage({ message: 'a', frames: 'lines' }) }),
      socket('wss://h/', { session, scheme: firstMessage({}) }),
      socket('wss://h/', { session, scheme: firstMessage({ message: { a: ['Bearer $token'] } }) }),
      socket('wss://h/', { session, scheme: ticket({ url: '/t', urlHosts: 5 }) }),
      socket('wss://h/', { session, scheme: ticket({ url: '/t', unauthorizedStatus: 99 }) }),
      socket('wss://h/', { session, scheme: ticket({ url: '/t', unauthorizedStatus: 401.5 }) }),
      socket('wss://h/', { session, protocols: 'app', scheme: subprotocol({ prefix: 5 }) }),
      socket('wss://h/', { scheme: anonymous(), heartbeat: { interval: 5 } }),
      socket('wss://h/', { scheme: anonymous(), heartbeat: 5_000 }),
      socket('wss://h/', { scheme: anonymous(), whenHidden: 'close' }),
      socket('wss://h/', { scheme: anonymous(), outbox: { policy: 'drop' } }),
      socket('wss://h/', { scheme: anonymous(), confirm: { id: 'id', ack: { id: 'id' } } }),
      socket('wss://h/', { scheme: anonymous(), confirm: { ack: '$id' } }),
      thrown(() => new AuthSocket('wss://127.0.0.1:9/', { scheme: anonymous() }).send('', { ttl: -1 })),
      thrown(() => new AuthSocket('wss://127.0.0.1:9/', { scheme: anonymous() }).send('', { time: 1 })),
      thrown(() => new Session({ login: { url: '/login', method: 'GET' } })),
      thrown(() => new Session({ refresh: { url: '/refresh', encoding: 'xml' } })),
      thrown(() => new Session({ login: { url: 'http://example.com/login' } })),
      socket('wss://h/', { scheme: anonymous(), connectTimeout: 0 }),
      thrown(() => new Session({ httpTimeout: 0 })),
      thrown(() => new Session({ store: 'cookie' })),
      thrown(() => new Session({ storeKey: '' })),
      thrown(() => new Session({ store: { load() {}, save() {} } })),
      thrown(() => new Session({ getToken: 'token' })),
      thrown(() => new Session({ getToken: () => 'token', refresh: { url: '/refresh' } })),
      thrown(() => new Session({ fetchOrigins: ['http://example.com'] })),
      thrown(() => new Session({ fetchOrigins: 'https://example.com' })),
      thrown(() => new Session({ fetchOrigins: ['https://*.example.com'] })),
      thrown(() => session.setTokens({})),
      thrown(() => session.setTokens({ access: 'a', expiresIn: 0 })),
      thrown(() => new AuthSocket('wss://127.0.0.1:9/', { scheme: anonymous() }).close(1001)),
      thrown(() => new AuthSocket('wss://127.0.0.1:9/', { scheme: anonymous() }).close(1000, 'é'.repeat(62))),
      thrown(() => new AuthSocket('wss://127.0.0.1:9/', { scheme: anonymous() }).send({})),
    ];
  });
  const expected = [
    [/INVALID_URL url:/],
    [/INVALID_URL url:.*fragment/],
    [/INVALID_URL url:.*user:password@/],
    [/INVALID_OPTION url:/],
    [/INVALID_URL url:.*empty/],
    [/INSECURE_URL url:.*example\.com/],
    [/INSECURE_URL url:/],
    [/INSECURE_URL scheme\.url:/],
    [/INVALID_OPTION session:/],
    [/INVALID_OPTION scheme:/],
    [/INVALID_OPTION conectTimeout:.*connectTimeout/],
    [/INVALID_OPTION toString:/],
    [/INVALID_OPTION connectTimeout:/],
    [/INVALID_OPTION backoff\.cap:/],
    [/INVALID_OPTION protocols:.*only/],
    [/INVALID_OPTION protocols:.*twice/],
    [/INVALID_OPTION protocols:.*8192/],
    [/INVALID_URL url:.*space/],
    [/INVALID_URL url:.*not a URL/],
    [/INVALID_OPTION scheme\.reauth:/],
    [/INVALID_OPTION handover:.*reauth/],
    [/INVALID_OPTION closeCodes\.4403:/],
    [/INVALID_OPTION closeCodes\.999:.*1000 to 4999/],
    [/INVALID_OPTION scheme\.message:.*look at "token"/],
    [/INVALID_OPTION scheme\.method:/],
    [/INVALID_OPTION scheme\.url:.*known are param welcome type;/],
    [/INVALID_OPTION scheme:/],
    [/INVALID_OPTION closeCodes:/],
    [/INVALID_OPTION scheme:.*header/],
    [/INVALID_OPTION protocols:.*plain/],
    [/INVALID_OPTION scheme\.prefix:/],
    [/INVALID_OPTION scheme\.encoding:/],
    [/INSECURE_URL probe\.url:/],
    [/INVALID_OPTION credentials:/],
    [/INVALID_OPTION scheme\.frames:/],
    [/INVALID_OPTION scheme\.message:/],
    [/INVALID_OPTION scheme\.message:.*whole value/],
    [/INVALID_OPTION scheme\.urlHosts:/],
    [/INVALID_OPTION scheme\.unauthorizedStatus:.*100 to 599/],
    [/INVALID_OPTION scheme\.unauthorizedStatus:/],
    [/INVALID_OPTION scheme\.prefix:/],
    [/INVALID_OPTION heartbeat\.message:/],
    [/INVALID_OPTION heartbeat:/],
    [/INVALID_OPTION whenHidden:.*close-after/],
    [/INVALID_OPTION outbox\.policy:.*drop-oldest/],
    [/INVALID_OPTION confirm\.ack:.*\$id/],
    [/INVALID_OPTION confirm\.id:/],
    [/INVALID_OPTION options.ttl:/],
    [/INVALID_OPTION options.time:/],
    [/INVALID_OPTION login\.method:/],
    [/INVALID_OPTION refresh\.encoding:/],
    [/INSECURE_URL login\.url:/],
    [/INVALID_OPTION connectTimeout:.*from 1/],
    [/INVALID_OPTION httpTimeout:.*from 1/],
    [/INVALID_OPTION store:/],
    [/INVALID_OPTION storeKey:/],
    [/INVALID_OPTION store:/],
    [/INVALID_OPTION getToken:/],
    [/INVALID_OPTION getToken:.*refresh/],
    [/INSECURE_URL fetchOrigins:/],
    [/INVALID_OPTION fetchOrigins:.*array/],
    [/INVALID_OPTION fetchOrigins:.*each origin/],
    [/INVALID_OPTION tokens\.access:/],
    [/INVALID_OPTION tokens\.expiresIn:/],
    [/INVALID_OPTION code:.*1001/],
    [/INVALID_OPTION reason:.*123/],
    [/INVALID_OPTION data:/],
  ];
  result.forEach((text, index) => {
    assert.match(text, /^GatepassError /, String(index));
    assert.match(text, expected[index][0]);
    assert.doesNotMatch(text, /secret/);
  });
});

test('a preset gives a copy of its row, and refuses arguments that it cannot use', async () => {
  const { result } = await inPage(async () => {
    const { presets, Session } = await import('gatepass');
    const first = presets.phoenix();
    first.scheme.prefix = 'changed';
    const messages = [presets.phoenix().scheme.prefix === 'changed'];
    const calls = [
      () => presets.simpleJwt('https://api.test/?a=b'),
      () => presets.simpleJwt('http://'),
      () => presets.simpleJwt(),
      () => presets.oauth2('https://api.test/token', 'x'),
      () => presets.trpc(() => {}),
      () => presets.graphqlTransportWs(Symbol()),
      () => new Session(presets.ticketServer('https://api.test')).login({ user: 'maggie' }),
    ];
    for (const call of calls) {
      try {
        await call();
        messages.push('taken');
      } catch ({ message }) {
        messages.push(message);
      }
    }
    return messages;
  });
  assert.deepEqual(result, [
    false,
    'base: a URL without a query is needed; paths are put after it; got string',
    'base: this is not a URL',
    'base: a URL is needed',
    'client: an object is needed; got string',
    'data: a JSON value is needed, without cycles; got function',
    'payload: a JSON value is needed, without cycles; got symbol',
    'credentials: "password" is missing: login.body has the placeholder "$password"; got object',
  ]);
});

test('odd values are refused by name and harm nobody else', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { anonymous, AuthSocket, firstMessage, load, presets, Session } = await import('gatepass');
    await load();
    const session = new Session(presets.simpleJwt(`${server}/api`));
    const other = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous() });
    other.binaryType = 'arraybuffer';
    await other.ready();
    const cyclic = { username: 'maggie' };
    cyclic.self = cyclic;
    let deep = {};
    for (let depth = 0; depth < 5_000; depth++) deep = { deep };
    const code = async (call) => {
      try {
        await call();
        return 'nothing';
      } catch (error) {
        return error.code ?? String(error);
      }
    };
    const codes = [
      await code(() => session.login(cyclic)),
      await code(() => session.login(deep)),
      await code(() => session.login(null)),
      await code(() => session.setTokens({ access: 'tok\u20acn' })),
      await code(() => session.setTokens({ access: 'a\nb' })),
      await code(() => new Session({ tokenPrefix: '\u20ac' })),
      await code(() => new AuthSocket(server, { session: {}, scheme: anonymous() })),
      await code(() => new AuthSocket(server, { session, scheme: firstMessage({ message: cyclic }) })),
      await code(() => new AuthSocket(server, { scheme: anonymous(), closeCodes: { '-1': 'retry' } })),
      await code(() => other.close(66536)),
      await code(() => other.close(1000.5)),
      await code(() => presets.simpleJwt()),
    ];
    session.setTokens({ access: `e30.${btoa(`${'['.repeat(20_000)}${']'.repeat(20_000)}`)}.c2ln` });
    await session.login(Object.assign(Object.create(null), { username: 'maggie', password: 'secret' }));
    const shared = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer;
    new Uint8Array(shared).set([1, 2]);
    other.send(new Uint8Array(shared, 0, 2));
    other.send(new ArrayBuffer(3, { maxByteLength: 9 }));
    const heard = [];
    for await (const message of other) if (heard.push(message.byteLength) === 2) break;
    other.close(1000, 5);
    return { codes, heard, state: other.state, session: session.state };
  }, server);
  assert.deepEqual(result.codes, ['INVALID_OPTION', 'INVALID_CREDENTIALS', ...Array(10).fill('INVALID_OPTION')]);
  assert.deepEqual(result, { codes: result.codes, heard: [2, 3], state: 'closed', session: 'signed-in' });
});

test('an error names the option and the value that it got, and of a text that may be a secret its type alone', async () => {
  const { result } = await inPage(async () => {
    const { anonymous, AuthSocket, firstMessage, Session } = await import('gatepass');
    const session = new Session();
    const message = (call) => {
      try {
        call();
        return 'nothing';
      } catch (error) {
        return error.message;
      }
    };
    const url = 'wss://api.example.com/';
    return [
      message(() => new AuthSocket(url, { scheme: anonymous(), connectTimeout: -1 })),
      message(() => new AuthSocket(url, { scheme: anonymous(), reconnect: 'no' })),
      message(() => new AuthSocket(url, { scheme: anonymous(), whenHidden: 'close' })),
      message(() => new AuthSocket(url, { scheme: anonymous(), heartbeat: () => {} })),
      message(() => new AuthSocket(url, { scheme: anonymous(), params: 'token=secret' })),
      message(() => new AuthSocket(url, { scheme: anonymous(), outbox: { maxBytes: 1.5 } })),
      message(() => new AuthSocket(url, { session, scheme: firstMessage({ message: Symbol('secret') }) })),
      message(() => new Session({ httpTimeout: 0 })),
      message(() => session.setTokens({ access: 'secret\n' })),
    ];
  });
  assert.deepEqual(
    result.map((text) => text.replace(/(: ).*(, not|; got)/, '$1…$2')),
    [
      'connectTimeout: …; got -1',
      'reconnect: …; got string',
      'whenHidden: …; got close',
      'heartbeat: an object is needed',
      'params: …; got string',
      'outbox.maxBytes: …; got 1.5',
      'scheme.message: …; got symbol',
      'httpTimeout: …; got 0',
      'tokens.access: …; got string',
    ],
  );
});

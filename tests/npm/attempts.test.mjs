// Functions of the app that an attempt waits for, what it says first, and what it answers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, control, server } from './browser.mjs';
import { run } from './noting.mjs';

test('url, params and protocols may be functions, which are asked for each attempt with its context', async () => {
  await control({ do: 'reset' });
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { AuthSocket, query, Session } = await import('gatepass');
    const session = await signedIn(Session, server);
    const contexts = [];
    const note = (name, { attempt, reason, lastClose, signal }) =>
      contexts.push([name, attempt, reason, lastClose?.code, lastClose?.error?.code, signal.aborted]);
    let room = 0;
    const socket = new AuthSocket(
      async (context) => {
        note('url', context);
        return `${server}/ws/jwt/`;
      },
      {
        session,
        scheme: query(),
        params: (context) => {
          note('params', context);
          return { room: String(++room) };
        },
        protocols: async () => [],
        backoff: { base: 1, cap: 1 },
      },
    );
    const before = socket.url;
    await socket.ready();
    const states = [];
    socket.addEventListener('statechange', ({ phase }) => phase && states.push(phase));
    const closed = new Promise((resolve) => socket.addEventListener('close', resolve, { once: true }));
    const control = await (await fetch(`${server}/control`)).text();
    await fetch(control, { method: 'POST', body: '{"do":"dropSockets","how":{"close":{"code":1012}}}' });
    await closed;
    await socket.ready();
    socket.close();
    const dialledRooms = dialled.map(({ url }) => new URL(url).searchParams.get('room'));
    const tokens = dialled.filter(({ url }) => new URL(url).searchParams.get('token')).length;
    return { contexts, before, after: socket.url, dialledRooms, tokens, states };
  });
  assert.deepEqual(result.contexts, [
    ['url', 1, 'first', undefined, undefined, false],
    ['params', 1, 'first', undefined, undefined, false],
    ['url', 2, 'again', 1012, 'CLOSED_BY_SERVER', false],
    ['params', 2, 'again', 1012, 'CLOSED_BY_SERVER', false],
  ]);
  assert.deepEqual([result.before, result.after.replace(server, '')], ['', '/ws/jwt/?room=2']);
  assert.deepEqual([result.dialledRooms, result.tokens], [['1', '2'], 2]);
  assert.deepEqual(result.states, ['preparing', 'token', 'opening']);
});

test('a function that throws, or returns what cannot be dialled, is told with its cause and tried again', async () => {
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { anonymous, AuthSocket } = await import('gatepass');
    const wrong = [
      () => {
        throw new Error('no address yet');
      },
      () => 'ftp://example.com',
      () => undefined,
      () => `${server}/ws/anonymous/#part`,
    ];
    const told = [];
    const socket = new AuthSocket(() => (wrong.length > 0 ? wrong.shift()() : `${server}/ws/anonymous/`), {
      scheme: anonymous(),
      backoff: { base: 1, cap: 1 },
    });
    socket.addEventListener('error', ({ error }) => told.push([error.code, error.disposition, error.cause.message]));
    await socket.ready();
    socket.close();
    const params = new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous(), params: () => 5 });
    await new Promise((resolve) => params.addEventListener('error', resolve));
    params.close();
    const refused = [];
    for (const params of [5, 'a=b', [['a', 'b']], { a: undefined }])
      try {
        new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous(), params });
      } catch ({ code, message }) {
        refused.push([code, message.split(':')[0]]);
      }
    return { told, dials: dialled.length, refused };
  });
  assert.deepEqual(result.told, [
    ['CALLBACK_FAILED', 'retry', 'no address yet'],
    ['CALLBACK_FAILED', 'retry', 'url: a socket needs ws:, wss:, http: or https:, an endpoint http: or https:'],
    ['CALLBACK_FAILED', 'retry', 'url: a URL is needed'],
    ['CALLBACK_FAILED', 'retry', 'url: the URL cannot have a fragment (`#`)'],
  ]);
  assert.equal(result.dials, 1);
  assert.deepEqual(result.refused, [
    ['INVALID_OPTION', 'params'],
    ['INVALID_OPTION', 'params'],
    ['INVALID_OPTION', 'params'],
    ['INVALID_OPTION', 'params.a'],
  ]);
});

test('an address that a function returns has to be encrypted where a credential goes', async () => {
  const result = await run(async ({ noting }) => {
    (0, eval)(noting);
    const { AuthSocket, query, Session } = await import('gatepass');
    const session = new Session();
    session.setTokens({ access: 'abc' });
    const socket = new AuthSocket(() => 'ws://example.com/', { session, scheme: query() });
    const { error } = await new Promise((resolve) => socket.addEventListener('error', resolve));
    socket.close();
    return [error.code, error.cause.code, dialled.length];
  });
  assert.deepEqual(result, ['CALLBACK_FAILED', 'INSECURE_URL', 0]);
});

test('onConnected speaks after the first message and before what waits, on every connection', async () => {
  await control({ do: 'reset' });
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { AuthSocket, firstMessage, Session } = await import('gatepass');
    const session = await signedIn(Session, server);
    const infos = [];
    let say;
    const socket = new AuthSocket(`${server}/ws/ack/`, {
      session,
      scheme: firstMessage({ message: { token: '$token' }, ack: { type: 'auth_ok' } }),
      backoff: { base: 1, cap: 1 },
      onConnected: async (send, { reason, attempt, protocol, ack }) => {
        infos.push([reason, attempt, protocol, ack, socket.state]);
        send('{"type":"join"}');
        await new Promise((resolve) => socket.addEventListener('message', resolve, { once: true }));
        send('{"type":"history"}');
        say = send;
      },
    });
    const queued = socket.send('queued');
    await socket.ready();
    await socket.sent(queued);
    let late;
    try {
      say('late');
    } catch ({ code }) {
      late = code;
    }
    const control = await (await fetch(`${server}/control`)).text();
    const closed = new Promise((resolve) => socket.addEventListener('close', resolve, { once: true }));
    await fetch(control, { method: 'POST', body: '{"do":"dropSockets","how":"reset"}' });
    await closed;
    socket.send('meanwhile');
    await socket.ready();
    await until(() => dialled[1].sent.length === 4);
    socket.close();
    return { infos, late, sent: dialled.map(({ sent }) => sent.slice(1)) };
  });
  const words = ['{"type":"join"}', '{"type":"history"}'];
  assert.deepEqual(result.sent, [
    [...words, 'queued'],
    [...words, 'meanwhile'],
  ]);
  assert.deepEqual(result.infos, [
    ['first', 1, '', { type: 'auth_ok' }, 'connecting'],
    ['again', 2, '', { type: 'auth_ok' }, 'connecting'],
  ]);
  assert.equal(result.late, 'CLOSED');
});

test('an onConnected that throws ends the attempt, and the socket is not connected', async () => {
  await control({ do: 'reset' });
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { anonymous, AuthSocket } = await import('gatepass');
    let calls = 0;
    const told = [];
    const socket = new AuthSocket(`${server}/ws/anonymous/`, {
      scheme: anonymous(),
      backoff: { base: 1, cap: 1 },
      onConnected: () => {
        if (++calls === 1) throw new TypeError('no room');
      },
    });
    socket.addEventListener('error', ({ error }) => told.push([error.code, error.cause.message]));
    socket.addEventListener('open', () => told.push('open'));
    await socket.ready();
    socket.close();
    return { told, calls };
  });
  assert.deepEqual(result, { told: [['CALLBACK_FAILED', 'no room'], 'open'], calls: 2 });
});

test('with handover, an onConnected that throws is reported, and the present connection goes on', async () => {
  await control({ do: 'reset' });
  await control({ do: 'setSettings', settings: { accessLifeMs: 8000 } });
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { AuthSocket, query, Session } = await import('gatepass');
    const session = await signedIn(Session, server, { leeway: 2000 });
    const socket = new AuthSocket(`${server}/ws/jwt/`, {
      session,
      scheme: query(),
      handover: true,
      onConnected: (_, { reason }) => {
        if (reason === 'handover') throw new Error('no room');
      },
    });
    await socket.ready();
    const { message } = await new Promise((resolve) =>
      addEventListener('error', (event) => {
        event.preventDefault();
        resolve(event.error);
      }),
    );
    const { state } = socket;
    socket.close();
    return { message, state };
  });
  assert.deepEqual(result, { message: 'no room', state: 'connected' });
});

test('with handover, onConnected speaks on the new connection before it takes over, and handover tells', async () => {
  await control({ do: 'reset' });
  await control({ do: 'setSettings', settings: { accessLifeMs: 8000 } });
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { AuthSocket, query, Session } = await import('gatepass');
    const session = await signedIn(Session, server, { leeway: 2000 });
    const order = [];
    const socket = new AuthSocket(`${server}/ws/jwt/`, {
      session,
      scheme: query(),
      handover: true,
      onConnected: (send, { reason }) => {
        order.push(reason);
        send(`join ${reason}`);
      },
    });
    socket.addEventListener('statechange', ({ state }) => state === 'connected' && order.push('connected'));
    const handover = new Promise((resolve) => socket.addEventListener('handover', resolve));
    await handover;
    order.push('handover', socket.state);
    socket.close();
    return { order, sent: dialled.map(({ sent }) => sent[0]) };
  });
  assert.deepEqual(result.order, ['first', 'connected', 'handover', 'handover', 'connected']);
  assert.deepEqual(result.sent, ['join first', 'join handover']);
});

test('a first message may be a function of the hello and the token, and may be several', async () => {
  await control({ do: 'reset' });
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { AuthSocket, firstMessage, Session } = await import('gatepass');
    const session = await signedIn(Session, server);
    const shape = { hello: { type: 'auth_required' }, ack: { type: 'auth_ok' } };
    const heard = [];
    const asked = new AuthSocket(`${server}/ws/hello/`, {
      session,
      scheme: firstMessage({
        ...shape,
        message: async ({ token, authorization, hello, reason }) => {
          heard.push([authorization === `Bearer ${token}`, hello, reason]);
          return { type: 'auth', access_token: token };
        },
      }),
    });
    await asked.ready();
    const several = new AuthSocket(`${server}/ws/ack/`, {
      session,
      scheme: firstMessage({ message: { token: '$token' }, more: [{ subscribe: 'a' }, { as: '$token' }] }),
    });
    await several.ready();
    const token = await session.accessToken();
    await until(() => dialled[1].sent.length === 3);
    const refused = [];
    for (const options of [
      { message: () => 1, more: [1] },
      { message: () => 1, reauth: true },
      { message: 1, more: { a: 1 } },
      { message: 1, more: ['$tokn'] },
    ])
      try {
        new AuthSocket(`${server}/ws/ack/`, { session, scheme: firstMessage(options) });
      } catch ({ message }) {
        refused.push(message.split(':')[0]);
      }
    asked.close();
    several.close();
    return { heard, sent: dialled[1].sent.map((text) => text.replace(token, '…')), refused };
  });
  assert.deepEqual(result.heard, [[true, { type: 'auth_required' }, 'first']]);
  assert.deepEqual(result.sent, ['{"token":"…"}', '{"subscribe":"a"}', '{"as":"…"}']);
  assert.deepEqual(result.refused, ['scheme.more', 'scheme.message', 'scheme.more', 'scheme.message']);
});

test('a first message without a token needs no session', async () => {
  await control({ do: 'reset' });
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { AuthSocket, firstMessage } = await import('gatepass');
    const scheme = firstMessage({ message: { hi: 'there' }, more: [{ price: '$$token' }] });
    const socket = new AuthSocket(`${server}/ws/anonymous/`, { scheme });
    await socket.ready();
    socket.close();
    let refused;
    try {
      new AuthSocket(`${server}/ws/anonymous/`, { scheme: firstMessage({ message: { hi: '$token' } }) });
    } catch ({ message }) {
      refused = message.split(':')[0];
    }
    return [dialled[0].sent, refused];
  });
  assert.deepEqual(result, [['{"hi":"there"}', '{"price":"$token"}'], 'session']);
});

test('graphqlTransportWs goes without a session, with an empty payload', async () => {
  await control({ do: 'reset' });
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { AuthSocket, presets } = await import('gatepass');
    const socket = new AuthSocket(`${server}/graphql`, { ...presets.graphqlTransportWs(), whenSignedOut: 'connect' });
    const change = await new Promise((resolve) =>
      socket.addEventListener('statechange', (event) => event.error && resolve(event)),
    );
    socket.close();
    // This server has nothing for visitors.
    return [dialled[0].sent, change.error.code, change.state];
  });
  assert.deepEqual(result, [['{"payload":{},"type":"connection_init"}'], 'AUTH_REJECTED', 'closed']);
});

test('the pings of a server are answered by rule, over ten of its intervals without another word', async () => {
  await control({ do: 'reset' });
  await control({ do: 'setSettings', settings: { pingMs: 250 } });
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { AuthSocket, presets, Session } = await import('gatepass');
    const session = await signedIn(Session, server);
    const messages = [];
    const sockets = [
      new AuthSocket(`${server}/trpc`, { ...presets.trpc(), session }),
      new AuthSocket(`${server}/websocket`, { ...presets.directus(), session }),
    ];
    for (const socket of sockets) socket.addEventListener('message', ({ data }) => messages.push(data));
    await Promise.all(sockets.map((socket) => socket.ready()));
    await until(() => dialled.every(({ sent }) => sent.length > 11));
    const seen = [sockets.map(({ state }) => state), messages, dialled.map(({ sent }) => sent[5])];
    for (const socket of sockets) socket.close();
    const careless = new AuthSocket(`${server}/trpc`, { ...presets.trpc(), session, answers: [], reconnect: false });
    const { code } = await new Promise((resolve) => careless.addEventListener('close', resolve));
    return [...seen, code];
  });
  assert.deepEqual(result, [['connected', 'connected'], [], ['PONG', '{"type":"pong"}'], 1011]);
  assert.ok((await ask('counts')).pongs > 20);
});

test('a rule answers with what the server has asked, in every framing, and delivers the rest', async () => {
  await control({ do: 'reset' });
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { AuthSocket, anonymous, firstMessage } = await import('gatepass');
    const control = await (await fetch(`${server}/control`)).text();
    const push = (text) => fetch(control, { method: 'POST', body: JSON.stringify({ do: 'push', text }) });
    const json = new AuthSocket(`${server}/ws/anonymous/`, {
      scheme: anonymous(),
      answers: [{ when: { type: 'ping', id: '$id' }, send: { type: 'pong', id: '$id' } }],
    });
    const text = new AuthSocket(`${server}/ws/anonymous/`, {
      scheme: firstMessage({ message: ['CONNECT ', {}], frames: 'text' }),
      answers: [
        { when: 'PING', send: 'PONG\r\n' },
        { when: '2', send: '3' },
      ],
    });
    const delivered = { json: [], text: [] };
    json.addEventListener('message', ({ data }) => delivered.json.push(data));
    text.addEventListener('message', ({ data }) => delivered.text.push(data));
    await Promise.all([json.ready(), text.ready()]);
    for (const data of ['{"type":"ping","id":{"n":7}}', 'PING\r\n', '2', 'PING\r\nMSG a\r\n', 'end']) await push(data);
    await until(() => delivered.json.includes('end'), json, 'message');
    await until(() => delivered.text.includes('end'), text, 'message');
    const refused = [];
    for (const answers of [{}, [{ when: 'a' }], [{ when: 'a', send: '$b' }], [{ when: 'a', send: 'b', x: 1 }]])
      try {
        new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous(), answers });
      } catch ({ message }) {
        refused.push(message.split(':')[0]);
      }
    json.close();
    text.close();
    return { sent: dialled.map(({ sent }) => sent), delivered, refused };
  });
  assert.deepEqual(result.sent, [['{"type":"pong","id":{"n":7}}'], ['CONNECT {}', 'PONG\r\n', '3', 'PONG\r\n']]);
  // This server echoes what it hears.
  const heard = (of) => of.filter((data) => !result.sent.flat().includes(data));
  assert.deepEqual(heard(result.delivered.json), ['PING\r\n', '2', 'PING\r\nMSG a\r\n', 'end']);
  // A frame that holds more than the question is delivered.
  assert.deepEqual(heard(result.delivered.text), ['{"type":"ping","id":{"n":7}}', 'PING\r\nMSG a\r\n', 'end']);
  assert.deepEqual(result.refused, ['answers', 'answers.0.send', 'answers.0.send', 'answers.0.x']);
});

test('a server that speaks about the credential of the handshake is waited for, so that connected does not flicker', async () => {
  await control({ do: 'reset' });
  const result = await run(async ({ server, noting }) => {
    (0, eval)(noting);
    const { AuthSocket, query, Session } = await import('gatepass');
    const welcome = { ack: { type: 'welcome' }, reject: { type: 'denied' } };
    const good = new AuthSocket(`${server}/ws/welcome/`, {
      session: await signedIn(Session, server),
      scheme: query({ welcome }),
      onConnected: (send, { ack }) => send(JSON.stringify(ack)),
    });
    await good.ready();
    good.close();
    const session = new Session();
    session.setTokens({ access: 'wrong' });
    const bad = new AuthSocket(`${server}/ws/welcome/`, { session, scheme: query({ welcome }) });
    const states = [];
    bad.addEventListener('statechange', ({ state, error }) => states.push(error ? `${state} ${error.code}` : state));
    await until(() => bad.state === 'suspended', bad, 'statechange');
    bad.close();
    return [dialled[0].sent, states.filter((state) => state !== 'connecting')];
  });
  assert.deepEqual(result, [['{"type":"welcome"}'], ['waiting AUTH_REJECTED', 'suspended AUTH_REJECTED', 'closed']]);
});

// Subscriptions in Chromium, against the rooms of the mock server.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './rooms/ground.mjs';

test('a subscription is made again on every connection, before what waits, and is one for all who hold it', async () => {
  const result = await run(async (server) => {
    const socket = await roomSocket(server);
    const heard = [[], []];
    const first = socket.subscribe(...roomOf('a', { onMessage: ({ text }) => heard[0].push(text) }));
    const second = socket.subscribe(...roomOf('a', { onMessage: ({ text }) => heard[1].push(text) }));
    const other = socket.subscribe(...roomOf('b'));
    await Promise.all([first.ready, second.ready, other.ready]);
    socket.send({ type: 'say', room: 'a', text: 1 });
    await take(socket.subscribe(...roomOf('a')), 1);
    const lost = next(socket, 'statechange', ({ state }) => state === 'waiting');
    await control({ do: 'dropSockets', how: 'reset' });
    await lost;
    socket.send({ type: 'say', room: 'b', text: 2 });
    const [news] = await take(other, 1);
    first.unsubscribe();
    second.unsubscribe();
    // What nobody holds is left at the end of the task.
    await undefined;
    const answer = await socket.request({ type: 'ask', what: 'last' });
    socket.close();
    return { heard, news, answer, said: await said(), readies: await first.ready };
  });
  assert.deepEqual(result.heard, [[1], [1]]);
  assert.deepEqual(result.news, { type: 'news', room: 'b', seq: 1, text: 2, from: null });
  assert.deepEqual(
    result.said.map(({ type, room, text }) => [type, room ?? '', text ?? ''].join(' ').trim()),
    [
      'join a',
      'join b',
      'say a 1',
      // The next connection: first what was joined, in order, then what waited.
      'join a',
      'join b',
      'say b 2',
      'leave b',
      'leave a',
      'ask',
    ],
  );
});

test('a refused subscription ends alone, and what no subscription takes is a message', async () => {
  const result = await run(async (server) => {
    const socket = await roomSocket(server);
    const plain = [];
    socket.addEventListener('message', ({ data }) => plain.push(data));
    const [secret, open] = ['secret', 'a'].map((room) => socket.subscribe(...roomOf(room)));
    const ends = await Promise.allSettled([secret.ready, secret.closed, open.ready]);
    const read = await secret[Symbol.asyncIterator]()
      .next()
      .catch(({ code }) => code);
    socket.send({ type: 'hello' });
    await next(socket, 'message');
    const closed = Promise.allSettled([open.closed, take(open, 1)]);
    socket.close();
    const after = await closed;
    return {
      ends: ends.map(({ status, reason }) => [status, reason?.code, reason?.details]),
      read,
      plain,
      after: after.map(({ status, value }) => [status, value]),
      late: [
        (() => {
          try {
            socket.subscribe(...roomOf('b'));
          } catch ({ code }) {
            return code;
          }
        })(),
        await socket.request({}).catch(({ code }) => code),
      ],
    };
  });
  const refusal = ['rejected', 'SUBSCRIPTION_REFUSED', { type: 'refused', room: 'secret' }];
  assert.deepEqual(
    result.ends,
    [refusal, refusal, ['fulfilled', null, null].map((value) => value ?? undefined)].map((row) => row),
  );
  assert.equal(result.read, 'SUBSCRIPTION_REFUSED');
  assert.deepEqual(result.plain, [{ type: 'hello' }]);
  assert.deepEqual(result.after, [
    ['fulfilled', undefined],
    ['fulfilled', []],
  ]);
  assert.deepEqual(result.late, ['CLOSED', 'CLOSED']);
});

test('whoever subscribes at once instead of another takes over: nothing is left and joined again', async () => {
  const result = await run(async (server) => {
    const socket = await roomSocket(server);
    // As a component in the strict mode of React, and as one page after another.
    socket.subscribe(...roomOf('a')).unsubscribe();
    const before = socket.subscribe(...roomOf('a'));
    await before.ready;
    before.unsubscribe();
    const after = socket.subscribe(...roomOf('a'));
    await after.ready;
    await socket.request({ type: 'ask', what: 1 });
    socket.close();
    return (await said()).map(({ type }) => type);
  });
  assert.deepEqual(result, ['join', 'ask']);
});

test('at a handover it joins on the new connection first, and what both deliver arrives once and in order', async () => {
  const result = await run(async (server) => {
    const [session, socket] = await maggies(server, { handover: true, minUptime: 200 });
    const { heard, note, reaches } = ear();
    const room = socket.subscribe(...roomOf('a', { onMessage: ({ text }) => note(text) }));
    await room.ready;
    const told = [];
    for (const type of ['handover', 'statechange'])
      socket.addEventListener(type, ({ state }) => told.push(state ?? type));
    let sent = 0;
    const asked = socket.request({ type: 'ask', what: 'on the old one', after: 100 });
    await session.accessToken({ minTtl: 86_400_000 });
    await next(socket, 'handover');
    const answer = await asked;
    while (socket.stats().connections < 4) {
      if (socket.stats().attempts === socket.stats().connections) await session.accessToken({ minTtl: 86_400_000 });
      socket.send({ type: 'say', room: 'a', text: ++sent });
      await reaches(sent);
    }
    // The old one has been closed.
    await isOpen(1);
    socket.send({ type: 'say', room: 'a', text: ++sent });
    await reaches(sent);
    socket.close();
    return { heard, sent, told: told.slice(0, 3), answer: answer.what };
  });
  assert.deepEqual(
    result.heard,
    Array.from({ length: result.sent }, (_, at) => at + 1),
  );
  assert.deepEqual(result.told, ['handover', 'handover', 'handover']);
  assert.equal(result.answer, 'on the old one');
});

test('what belongs to a user ends with the user, and nothing of it reaches the next', async () => {
  const result = await run(async (server) => {
    const [session, socket] = await maggies(server);
    const room = socket.subscribe(...roomOf('a'));
    await room.ready;
    const asked = socket.request({ type: 'ask', what: 1, after: 10_000 }).catch(({ code, fate }) => [code, fate]);
    await control({ do: 'publish', room: 'a', text: 'for maggie' });
    await socket.request({ type: 'ask', what: 2 });
    session.logout();
    const ends = [await room.closed.catch(({ code }) => code), await asked];
    const unread = await room[Symbol.asyncIterator]()
      .next()
      .catch(({ code }) => code);
    await session.login({ username: 'bob', password: 'hunter2' });
    await socket.ready();
    await socket.request({ type: 'ask', what: 3 });
    socket.close();
    return { ends, unread, said: (await said()).map(({ type, what }) => what ?? type) };
  });
  assert.deepEqual(result.ends, ['USER_CHANGED', ['USER_CHANGED', 'maybe-arrived']]);
  assert.equal(result.unread, 'USER_CHANGED');
  assert.deepEqual(result.said, ['join', 1, 2, 3], 'bob joins nothing that he has not asked for');
});

test('what an app does wrong in a conversation is told where it does it, and harms nothing else', async () => {
  const result = await run(async (server) => {
    const { json } = await import('gatepass/conversation');
    const errors = [];
    addEventListener('error', ({ error, message }) => errors.push(error?.message ?? message));
    const strict = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => (value.bad ? { issues: [{ message: 'bad', path: ['bad'] }] } : { value }),
      },
    };
    const socket = await roomSocket(server, { codec: json({ send: strict }) });
    const code = (call) => {
      try {
        call();
      } catch (error) {
        return error.code ?? error.message;
      }
    };
    const cyclic = {};
    cyclic.self = cyclic;
    const thrown = [
      code(() => socket.subscribe({ bad: 1 }, { match: {} })),
      code(() => socket.subscribe({ type: 'join' }, { match: {}, leave: { bad: 1 } })),
      code(() => socket.subscribe({ type: 'join' }, { match: {}, leave: cyclic })),
      code(() => socket.subscribe(undefined, { match: {} })),
      code(() => socket.subscribe('text', { match: {}, id: 'id' })),
      code(() => socket.subscribe({}, { match: { symbol: '$ACME' } })),
      code(() => socket.subscribe({}, { match: { id: '$id' } })),
      code(() => socket.subscribe({}, { match: {}, id: 'a..b' })),
      code(() => socket.subscribe({}, { match: {}, resume: { cursor: 'seq', store: 'sessionStorage' } })),
    ];
    // A signal that outlives a request that was not taken.
    const abort = new AbortController();
    await socket.request(null, { signal: abort.signal }).catch(() => {});
    abort.abort();
    // One holder ends the other while both are told.
    const heard = [];
    const { ready } = socket.subscribe(...roomOf('a', { onMessage: () => (heard.push(1), second.unsubscribe()) }));
    const second = socket.subscribe(...roomOf('a', { onMessage: () => heard.push(2) }));
    await ready;
    await control({ do: 'publish', room: 'a', text: 'x' });
    await socket.request({ type: 'ask', what: 1 });
    // Callbacks that throw are reported, and the others go on.
    socket.subscribe(
      { type: 'x' },
      {
        match: () => {
          throw new Error('in match');
        },
      },
    );
    socket.subscribe(
      ...roomOf('b', {
        onMessage: () => {
          throw new Error('in onMessage');
        },
      }),
    );
    await control({ do: 'publish', room: 'b', text: 'x' });
    const answer = await socket.request({ type: 'ask', what: 2 });
    // What has no hole for it stays as it is, beside a cursor too.
    socket.subscribe(
      { type: 'echo', price: '$100', user: '$id', list: ['$cursor', 1], text: '$$x', since: '$cursor' },
      { match: { type: 'echo' }, resume: { cursor: 'seq' } },
    );
    await socket.request({ type: 'ask', what: 3 });
    const echoed = (await said()).find(({ type }) => type === 'echo');
    socket.close();
    return { thrown, heard, answer: answer.what, errors, echoed };
  }).catch((error) => error);
  assert.deepEqual(result.thrown, [
    'MESSAGE_INVALID',
    'MESSAGE_INVALID',
    'MESSAGE_INVALID',
    ...Array(6).fill('INVALID_OPTION'),
  ]);
  assert.deepEqual(result.heard, [1]);
  assert.equal(result.answer, 2);
  assert.ok(
    result.errors.every((text) => /in match|in onMessage/.test(text)),
    String(result.errors),
  );
  assert.deepEqual(result.echoed, { type: 'echo', price: '$100', user: '$id', list: [null, 1], text: '$$x' });
});

test('wrong options say what is wrong, and a socket without a codec what it needs', async () => {
  const result = await run(async (server) => {
    const { anonymous, AuthSocket } = await import('gatepass');
    const { codec, json } = await import('gatepass/conversation');
    const wrong = (make) => {
      try {
        make();
        return 'taken';
      } catch ({ code, message }) {
        return `${code} ${message}`;
      }
    };
    const make = (options) => () => new AuthSocket(`${server}/ws/rooms/`, { scheme: anonymous(), ...options }).close();
    const plain = new AuthSocket(`${server}/ws/rooms/`, { scheme: anonymous() });
    const socket = await roomSocket(server);
    const texts = [
      wrong(make({ codec: 'json' })),
      wrong(make({ resume: { cursor: 'seq' } })),
      wrong(make({ requests: {} })),
      wrong(make({ codec: json(), requests: { timeout: -1 } })),
      wrong(make({ codec: json(), requests: { max: 1.5 } })),
      wrong(make({ codec: json(), requests: { replay: 1 } })),
      wrong(make({ codec: json(), resume: {} })),
      wrong(make({ codec: json(), onConnected: 'join' })),
      wrong(() => json({ receive: {} })),
      wrong(() => codec({ receive: JSON.parse })),
      wrong(() => plain.subscribe({ type: 'join' }, { match: {} })),
      wrong(() => plain.request({})),
      wrong(() => socket.subscribe({ type: 'join' })),
      wrong(() => socket.subscribe({ type: 'join' }, { match: {}, key: '' })),
      wrong(() => socket.subscribe({ type: 'join' }, { match: {}, onMessage: 1 })),
      wrong(() => socket.subscribe({ type: 'join' }, { match: {}, laeve: {} })),
      wrong(() => socket.subscribe({ type: 'join', since: '$cursor' }, { match: {} })),
      wrong(() => socket.send(() => {})),
      await socket.request('text').catch(({ code, message }) => `${code} ${message}`),
      await socket.request({}, { timeout: 'soon' }).catch(({ code, message }) => `${code} ${message}`),
      await socket.request({}, { signal: 1 }).catch(({ code, message }) => `${code} ${message}`),
    ];
    plain.close();
    socket.close();
    return texts;
  });
  const codec = 'INVALID_OPTION codec: this needs json() or codec() of gatepass/conversation';
  const expected = [
    codec,
    codec,
    codec,
    /^INVALID_OPTION requests\.timeout: milliseconds/,
    /^INVALID_OPTION requests\.max: a whole number/,
    /^INVALID_OPTION requests\.replay: there is no such option; known are id idType reply error timeout resend/,
    /^INVALID_OPTION resume\.cursor: it is needed/,
    /^INVALID_OPTION onConnected: a function is needed/,
    /^INVALID_OPTION receive: a Standard Schema is needed/,
    /^INVALID_OPTION send: a function is needed/,
    codec,
    codec,
    /^INVALID_OPTION (options|match): /,
    /^INVALID_OPTION key: a string that is not empty/,
    /^INVALID_OPTION onMessage: a function is needed/,
    /^INVALID_OPTION laeve: there is no such option/,
    /^INVALID_OPTION resume: "\$cursor" in the message needs it/,
    /^INVALID_OPTION a JSON value is needed/,
    /^INVALID_OPTION message: an object is needed/,
    /^INVALID_OPTION timeout: milliseconds/,
    /^INVALID_OPTION signal: an AbortSignal is needed/,
  ];
  expected.forEach((text, at) =>
    typeof text === 'string' ? assert.equal(result[at], text) : assert.match(result[at], text),
  );
});

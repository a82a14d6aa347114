// Subscriptions, requests and resume in Chromium, against the rooms of the mock server.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { control, controlUrl, server } from './browser.mjs';
import { inPage } from './page.mjs';
import { inProfile, open } from './profile.mjs';

/** What every page of these tests has. Its functions are text for the page. */
const GROUND = `
  globalThis.roomOf = (room, more) => [
    { type: 'join', room },
    { match: { type: 'news', room }, leave: { type: 'leave', room }, reply: { type: 'joined', room }, error: { type: 'refused', room }, ...more },
  ];
  globalThis.ASK = { reply: { type: 'answer', id: '$id' }, error: { type: 'no', id: '$id' } };
  globalThis.roomSocket = async (server, options) => {
    const { anonymous, AuthSocket } = await import('gatepass');
    const { json } = await import('gatepass/conversation');
    return new AuthSocket(server + '/ws/rooms/', {
      scheme: anonymous(), codec: json(), requests: ASK, backoff: { base: 20, cap: 20, spread: 0 }, ...options,
    });
  };
  globalThis.next = (target, type, is = () => true) =>
    new Promise((resolve) => {
      const listen = (event) => {
        if (!is(event)) return;
        target.removeEventListener(type, listen);
        resolve(event);
      };
      target.addEventListener(type, listen);
    });
  globalThis.control = (command) => fetch(controlUrl, { method: 'POST', body: JSON.stringify(command) });
  /** The messages that the server has. */
  globalThis.said = async () =>
    (await (await fetch(controlUrl + '/received')).json()).flatMap(({ text }) => (text === undefined ? [] : JSON.parse(text)));
  globalThis.take = async (messages, count) => {
    const taken = [];
    for await (const message of messages) if (taken.push(message) === count) break;
    return taken;
  };
`;

/** The same, and where the server is controlled. */
const ground = `globalThis.controlUrl = ${JSON.stringify(controlUrl)};${GROUND}`;

/** Runs a script in a page with that. */
async function run(script, settings) {
  await control({ do: 'reset' });
  if (settings) await control({ do: 'setSettings', settings });
  const { result, said } = await inPage(
    async ([ground, script, server]) => {
      (0, eval)(ground);
      return (0, eval)(`(${script})`)(server);
    },
    [ground, String(script), server],
  );
  assert.deepEqual(
    said.filter((text) => !/^WebSocket connection to|in match|in onMessage/.test(text)),
    [],
  );
  return result;
}

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

test('requests find their answers, however these come, and end by themselves', async () => {
  const result = await run(async (server) => {
    const socket = await roomSocket(server);
    const plain = [];
    socket.addEventListener('message', ({ data }) => plain.push(data));
    const early = socket.request({ type: 'ask', what: 'early' });
    await socket.ready();
    const order = [];
    const ask = (what, more, options) =>
      socket.request({ type: 'ask', what, ...more }, options).then((answer) => {
        order.push(what);
        return answer.what;
      });
    const answers = await Promise.all([ask('slow', { after: 60 }), ask('own', { id: 'my-own' }), ask('fast')]);
    const refused = await ask('no', { refuse: true }).catch(({ code, fate, details }) => [code, fate, details.what]);
    await control({ do: 'loseReplies' });
    const late = await ask('late', {}, { timeout: 30 }).catch(({ code, fate, message }) => [code, fate, message]);
    // This one is answered, but not in time.
    const tooLate = await ask('too late', { after: 80 }, { timeout: 20 }).catch(({ code }) => code);
    await ask('after that', { after: 100 });
    const twice = ask('twice', { id: 'same', after: 20 });
    const same = await ask('again', { id: 'same' }).catch(({ code, message }) => [code, message]);
    await twice;
    const abort = new AbortController();
    const aborted = ask('aborted', { after: 10_000 }, { signal: abort.signal }).catch(({ code, fate, cause }) => [
      code,
      fate,
      cause,
    ]);
    abort.abort('enough');
    const ends = [await aborted, await ask('x', {}, { signal: AbortSignal.abort('before') }).catch(({ code }) => code)];
    socket.close();
    return { early: (await early).what, answers, order, refused, late, tooLate, same, ends, plain };
  });
  assert.equal(result.early, 'early');
  assert.deepEqual(result.answers, ['slow', 'own', 'fast']);
  assert.deepEqual(result.order.slice(0, 3), ['own', 'fast', 'slow']);
  assert.deepEqual(result.refused, ['REQUEST_REFUSED', 'maybe-arrived', 'no']);
  assert.deepEqual(result.late, [
    'REQUEST_TIMED_OUT',
    'maybe-arrived',
    'no answer within 30 ms of sending (maybe-arrived)',
  ]);
  assert.equal(result.tooLate, 'REQUEST_TIMED_OUT');
  assert.deepEqual(result.same, [
    'INVALID_OPTION',
    'message: the id "same" is that of another request, whose answer may still come',
  ]);
  assert.deepEqual(result.ends, [['ABORTED', 'maybe-arrived', 'enough'], 'ABORTED']);
  assert.deepEqual(result.plain, [], 'a late answer changes nothing');
});

test('a loss ends a request and says what is known of it, or sends it again if it may be sent twice', async () => {
  const result = await run(async (server) => {
    const socket = await roomSocket(server, { requests: { ...ASK, max: 3 } });
    await socket.ready();
    const end = ({ code, fate }) => [code, fate];
    const once = socket.request({ type: 'ask', what: 'once', after: 10_000 }).catch(end);
    const twice = socket.request({ type: 'ask', what: 'twice', after: 50 }, { resend: true });
    // It has arrived.
    await socket.request({ type: 'ask', what: 'there' });
    const lost = next(socket, 'statechange', ({ state }) => state === 'waiting');
    await control({ do: 'stop' });
    await lost;
    const abort = new AbortController();
    const waits = socket.request({ type: 'ask', what: 'never sent' }, { signal: abort.signal }).catch(end);
    const later = socket.request({ type: 'ask', what: 'later' });
    const full = await socket.request({ type: 'ask', what: 'full' }).catch(end);
    abort.abort();
    await control({ do: 'start' });
    const answers = [await once, (await twice).what, await waits, (await later).what, full];
    const closing = socket.request({ type: 'ask', what: 'closing', after: 10_000 }).catch(end);
    await socket.request({ type: 'ask', what: 'before' });
    socket.close();
    return { answers, closing: await closing, said: (await said()).map(({ what }) => what) };
  });
  assert.deepEqual(result.answers, [
    ['CONNECTION_LOST', 'maybe-arrived'],
    'twice',
    ['ABORTED', 'never-sent'],
    'later',
    ['QUEUE_FULL', undefined],
  ]);
  assert.deepEqual(result.closing, ['CLOSED', 'maybe-arrived']);
  assert.deepEqual(result.said, ['once', 'twice', 'there', 'twice', 'later', 'closing', 'before']);
});

test('nothing is missed: a subscription goes on at its cursor, drops what comes twice, and tells a gap', async () => {
  const result = await run(
    async (server) => {
      const socket = await roomSocket(server);
      const resume = { cursor: 'seq', tooOld: { type: 'gap', room: 'a' } };
      const [message, options] = roomOf('a', { resume });
      const heard = [];
      const room = socket.subscribe(
        { ...message, since: '$cursor' },
        { ...options, onMessage: ({ seq }) => heard.push(seq) },
      );
      const gaps = [];
      socket.addEventListener('gap', ({ key, data }) => gaps.push([key, data]));
      await room.ready;
      const publish = async (count) => {
        for (let at = 0; at < count; at++) await control({ do: 'publish', room: 'a', text: 'x' });
      };
      const reaches = async (seq) => {
        while (heard.at(-1) !== seq) await new Promise((resolve) => setTimeout(resolve, 5));
      };
      const cut = async (meanwhile) => {
        const lost = next(socket, 'statechange', ({ state }) => state === 'waiting');
        await control({ do: 'stop' });
        await lost;
        await meanwhile();
        await control({ do: 'start' });
        await socket.ready();
      };
      await control({ do: 'repeat', times: 2 });
      await publish(3);
      await reaches(3);
      await cut(() => publish(2));
      await reaches(5);
      await cut(() => publish(7));
      await reaches(12);
      const before = gaps.length;
      await cut(async () => {
        await publish(1);
        await control({ do: 'forgetLogs' });
        await publish(1);
      });
      await reaches(14);
      socket.close();
      return { heard, before, gaps, joins: (await said()).map(({ since }) => since ?? null) };
    },
    { logLength: 4 },
  );
  // The log had only four of seven.
  assert.deepEqual(result.heard, [1, 2, 3, 4, 5, 9, 10, 11, 12, 14]);
  assert.equal(result.before, 1);
  const key = '{"type":"join","room":"a","since":"$cursor"}';
  assert.deepEqual(result.gaps, [
    [key, { type: 'gap', room: 'a' }],
    [key, { type: 'gap', room: 'a' }],
  ]);
  assert.deepEqual(result.joins, [null, 3, 5, 12]);
});

test('with a store it goes on over a reload; a logout forgets where', async () => {
  await control({ do: 'reset' });
  await inProfile(async (context) => {
    const tab = await open(context);
    const hear = () =>
      tab.evaluate(
        async ([ground, server]) => {
          (0, eval)(ground);
          const { AuthSocket, presets, Session } = await import('gatepass');
          const { json } = await import('gatepass/conversation');
          const session = new Session({ ...presets.simpleJwt(`${server}/api`), store: 'sessionStorage' });
          if (!(await session.accessToken().catch(() => undefined)))
            await session.login({ username: 'maggie', password: 'secret' });
          const socket = new AuthSocket(`${server}/ws/rooms/`, {
            session,
            ...presets.ticketServerSocket(server),
            codec: json(),
            resume: { cursor: 'seq', tooOld: { type: 'gap' }, store: 'sessionStorage' },
          });
          const [message, options] = roomOf('a');
          Object.assign(globalThis, { socket, session, heard: [] });
          const onMessage = ({ seq }) => heard.push(seq);
          await socket.subscribe({ ...message, since: '$cursor' }, { ...options, onMessage }).ready;
          await control({ do: 'publish', room: 'a', text: 'x' });
        },
        [ground, server],
      );
    const heard = (last) =>
      tab.waitForFunction((last) => heard.at(-1) === last && heard, last).then((all) => all.jsonValue());
    await hear();
    await heard(1);
    await tab.reload();
    await control({ do: 'publish', room: 'a', text: 'while it was away' });
    await hear();
    assert.deepEqual(await heard(3), [2, 3]);
    // Two sockets of other URLs do not share it.
    assert.deepEqual(await tab.evaluate(() => Object.keys(sessionStorage).filter((key) => key.includes('cursors'))), [
      `gatepass.cursors ${server}/ws/rooms/`,
    ]);
    const stored = () =>
      tab.evaluate((server) => sessionStorage.getItem(`gatepass.cursors ${server}/ws/rooms/`), server);
    assert.equal(await stored(), '[["",3]]');
    // Somebody else, who signs in after a logout that this page has not seen.
    await tab.evaluate(() => {
      for (const key of Object.keys(sessionStorage)) if (!key.includes('cursors')) sessionStorage.removeItem(key);
    });
    await tab.reload();
    await tab.evaluate(async (server) => {
      const { AuthSocket, presets, Session } = await import('gatepass');
      const { json } = await import('gatepass/conversation');
      const session = new Session(presets.simpleJwt(`${server}/api`));
      const options = { session, ...presets.ticketServerSocket(server), codec: json() };
      globalThis.cursors = [];
      const socket = new AuthSocket(`${server}/ws/rooms/`, {
        ...options,
        resume: { cursor: 'seq', store: 'sessionStorage' },
        onConnected: (_, { cursor }) => cursors.push(cursor ?? null),
      });
      await new Promise((resolve) =>
        socket.addEventListener('statechange', ({ suspendedFor }) => suspendedFor && resolve()),
      );
      await session.login({ username: 'bob', password: 'hunter2' });
      await socket.ready();
      socket.close();
    }, server);
    assert.deepEqual(await tab.evaluate(() => cursors), [null]);
    assert.equal(await stored(), '[]');
  });
});

test('at a handover it joins on the new connection first, and what both deliver arrives once and in order', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(
    async ([ground, server]) => {
      (0, eval)(ground);
      const { AuthSocket, presets, Session } = await import('gatepass');
      const { json } = await import('gatepass/conversation');
      const session = new Session(presets.simpleJwt(`${server}/api`));
      await session.login({ username: 'maggie', password: 'secret' });
      const socket = new AuthSocket(`${server}/ws/rooms/`, {
        session,
        ...presets.ticketServerSocket(server),
        codec: json(),
        requests: ASK,
        handover: true,
        minUptime: 200,
      });
      const heard = [];
      const room = socket.subscribe(...roomOf('a', { onMessage: ({ text }) => heard.push(text) }));
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
        while (heard.at(-1) !== sent) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      while (heard.at(-1) !== sent) await new Promise((resolve) => setTimeout(resolve, 5));
      // The last old one has been closed by now.
      await new Promise((resolve) => setTimeout(resolve, 300));
      socket.send({ type: 'say', room: 'a', text: ++sent });
      while (heard.at(-1) !== sent) await new Promise((resolve) => setTimeout(resolve, 5));
      socket.close();
      return { heard, sent, told: told.slice(0, 3), answer: answer.what };
    },
    [ground, server],
  );
  assert.deepEqual(
    result.heard,
    Array.from({ length: result.sent }, (_, at) => at + 1),
  );
  assert.deepEqual(result.told, ['handover', 'handover', 'handover']);
  assert.equal(result.answer, 'on the old one');
});

test('what belongs to a user ends with the user, and nothing of it reaches the next', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(
    async ([ground, server]) => {
      (0, eval)(ground);
      const { AuthSocket, presets, Session } = await import('gatepass');
      const { json } = await import('gatepass/conversation');
      const session = new Session(presets.simpleJwt(`${server}/api`));
      await session.login({ username: 'maggie', password: 'secret' });
      const socket = new AuthSocket(`${server}/ws/rooms/`, {
        session,
        ...presets.ticketServerSocket(server),
        codec: json(),
        requests: ASK,
      });
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
      const whole = await socket.request({ type: 'ask', what: 3 });
      socket.close();
      return { ends, unread, whole: whole.what, said: (await said()).map(({ type, what }) => what ?? type) };
    },
    [ground, server],
  );
  assert.deepEqual(result.ends, ['USER_CHANGED', ['USER_CHANGED', 'maybe-arrived']]);
  assert.equal(result.unread, 'USER_CHANGED');
  assert.deepEqual(result.said, ['join', 1, 2, 3], 'bob joins nothing that he has not asked for');
});

test('ids of the app and of gatepass do not meet, and an id whose answer may still come is not taken twice', async () => {
  const result = await run(async (server) => {
    const socket = await roomSocket(server);
    await socket.ready();
    const ask = (what, more, options) =>
      socket.request({ type: 'ask', what, ...more }, options).then(
        (answer) => answer.what,
        ({ code }) => code,
      );
    const answers = await Promise.all([
      ask('own', { id: 2, after: 60 }),
      ask('one', { after: 20 }),
      ask('two', { after: 20 }),
      ask('as text', { id: '2' }),
      ask('an object', { id: { n: 1 } }),
      ask('no number', { id: NaN }),
    ]);
    const late = await ask('late', { id: 'x', after: 50 }, { timeout: 20 });
    const again = await ask('again', { id: 'x' });
    socket.close();
    return { answers, late, again };
  });
  assert.deepEqual(result, {
    answers: ['own', 'one', 'two', 'INVALID_OPTION', 'INVALID_OPTION', 'INVALID_OPTION'],
    late: 'REQUEST_TIMED_OUT',
    again: 'INVALID_OPTION',
  });
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
    /^INVALID_OPTION a JSON value is needed/,
    /^INVALID_OPTION message: an object is needed/,
    /^INVALID_OPTION timeout: milliseconds/,
    /^INVALID_OPTION signal: an AbortSignal is needed/,
  ];
  expected.forEach((text, at) =>
    typeof text === 'string' ? assert.equal(result[at], text) : assert.match(result[at], text),
  );
});

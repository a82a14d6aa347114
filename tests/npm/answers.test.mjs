// Requests on a socket and their answers in Chromium, against the mock server.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './rooms/ground.mjs';

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
    'message: the id "same" is taken, by a subscription or by a request whose answer may still come',
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

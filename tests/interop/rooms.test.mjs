// Rooms of Django Channels with a log in the database, over two nodes: nothing is missed, or it is told.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browser, origin } from '../npm/page.mjs';
import { inContext } from '../npm/recorder.mjs';
import { shell, two } from './django.mjs';

/** Sockets in a page, each in the room, that go on at their cursor; `heard` has what each heard. */
async function enter([server, room, count]) {
  const { AuthSocket, presets, Session } = await import('gatepass');
  const { json } = await import('gatepass/conversation');
  const session = new Session(presets.simpleJwt(`${server}/api`));
  await session.login({ username: 'maggie', password: 'secret' });
  globalThis.natives = [];
  class Dialled extends WebSocket {
    constructor(...given) {
      super(...given);
      natives.push(this);
    }
  }
  const members = Array.from({ length: count }, () => {
    const socket = new AuthSocket(`${server}/ws/rooms/`, {
      session,
      ...presets.ticketServerSocket(server),
      codec: json(),
      requests: { reply: { type: 'answer', id: '$id' } },
      // It is away until it is told to come back.
      backoff: { base: 60_000, cap: 60_000, spread: 0 },
      webSocket: Dialled,
    });
    const member = { socket, heard: [], gaps: 0 };
    socket.addEventListener('gap', () => member.gaps++);
    member.subscription = socket.subscribe(
      { type: 'join', room, since: '$cursor' },
      {
        match: { type: 'news', room },
        leave: { type: 'leave', room },
        reply: { type: 'joined', room },
        error: { type: 'refused', room },
        resume: { cursor: 'seq', tooOld: { type: 'gap', room } },
        onMessage: ({ text }) => member.heard.push(text),
      },
    );
    return member;
  });
  await Promise.all(members.map(({ subscription }) => subscription.ready));
  Object.assign(globalThis, { members });
}

/** Runs with a page that has so many sockets in a room. */
const inRoom = (room, count, run) =>
  inContext(browser, {}, async (context) => {
    const page = await context.newPage();
    await page.goto(origin);
    await page.evaluate(enter, [two.url, room, count]);
    await run(page);
  });

/** Says something while nobody listens. */
const say = (room, texts) =>
  shell(two, `from gate.models import Room; [Room.say('${room}', 'bob', text) for text in ${JSON.stringify(texts)}]`);

test('what members of two nodes say at the same time reaches each of them once, and in one order', () =>
  inRoom('together', 4, async (page) => {
    await page.evaluate(() => {
      members.forEach(({ socket }, who) => {
        for (let at = 0; at < 10; at++) socket.send({ type: 'say', room: 'together', text: `${who}.${at}` });
      });
    });
    await page.waitForFunction(() => members.every(({ heard }) => heard.length === 40));
    const result = await page.evaluate(async () => {
      const answer = await members[0].socket.request({ type: 'ask', what: 'the time' });
      for (const { socket } of members) socket.close();
      return { all: members.map(({ heard }) => heard), answer: answer.what };
    });
    const [first, ...others] = result.all;
    assert.equal(new Set(first).size, 40);
    for (const heard of others) assert.deepEqual(heard, first);
    assert.equal(result.answer, 'the time');
  }));

test('whoever comes back hears what was said meanwhile; what has left the log is told as a gap', () =>
  inRoom('away', 1, async (page) => {
    const heard = (count) =>
      page
        .waitForFunction((count) => members[0].heard.length >= count && members[0].heard, count)
        .then((all) => all.jsonValue());
    const goes = async () => {
      await page.evaluate(() => natives.at(-1).close(4000));
      await page.waitForFunction(() => members[0].socket.state === 'waiting');
    };
    await page.evaluate(() => members[0].socket.send({ type: 'say', room: 'away', text: 'one' }));
    await heard(1);
    await goes();
    say('away', ['two', 'three']);
    await page.evaluate(() => members[0].socket.reconnect());
    assert.deepEqual(await heard(3), ['one', 'two', 'three']);
    await goes();
    say(
      'away',
      Array.from({ length: 102 }, (_, at) => `m${at}`),
    );
    await page.evaluate(() => members[0].socket.reconnect());
    const all = await heard(103);
    assert.deepEqual(all.slice(3, 5), ['m2', 'm3'], 'the log has a hundred');
    assert.equal(await page.evaluate(() => members[0].gaps), 1);
    await page.evaluate(() => members[0].socket.close());
  }));

test('a room may be refused', () =>
  inContext(browser, {}, async (context) => {
    const page = await context.newPage();
    await page.goto(origin);
    const code = await page.evaluate(
      ([enter, given]) => (0, eval)(`(${enter})`)(given).catch(({ code }) => code),
      [String(enter), [two.url, 'secret', 1]],
    );
    assert.equal(code, 'SUBSCRIPTION_REFUSED');
  }));

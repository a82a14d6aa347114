// The rules of a conversation, in virtual time: 20,000 schedules with losses at every place, handovers, restarts, slow and lost answers, and other users.
// What they promise is judged in rules/world.mjs: in order and once, no hole that was not told, no answer to another request, no subscription forgotten, none
// of a former user kept. The machine of a Rust app is held against them (rules/traced.mjs, rules/replay.rs). For one seed alone: `node tests/npm/rules.test.mjs 4711` prints its story.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { traced } from './rules/traced.mjs';
import { World } from './rules/world.mjs';

const SEEDS = 20_000;
const project = process.env.GATEPASS_TEST_PROJECT;
const { Rules } = await import(project ? join(project, 'node_modules/gatepass/pkg/rules.js') : '../../pkg/rules.js');

const only = Number(process.argv[2]);

test('20,000 schedules keep what a conversation promises', { skip: Number.isInteger(only) }, () => {
  const all = {};
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = new World(Rules, seed);
    try {
      for (const [what, count] of Object.entries(world.run())) all[what] = (all[what] ?? 0) + count;
    } catch (cause) {
      throw new Error(`seed ${seed}: ${cause.message}`, { cause });
    }
  }
  // Each of these has happened, and often.
  for (const [what, count] of Object.entries(all)) assert(count > 1_000, `${what}: ${count}`);
});

test('the machine of a Rust app does the same at every step of those schedules, and of what follows', {
  skip: Number.isInteger(only) || !process.env.GATEPASS_TEST_REPLAY,
}, async () => {
  const replay = spawn(process.env.GATEPASS_TEST_REPLAY);
  let said = '';
  for (const out of [replay.stdout, replay.stderr]) out.on('data', (data) => (said += data));
  const ended = once(replay, 'close');
  // It may end before it has read all.
  replay.stdin.on('error', () => {});
  const schedules = Array.from({ length: SEEDS }, (_, seed) => (Traced) => new World(Traced, seed + 1).run());
  for (const run of [...Object.values(SCENARIOS), ...schedules]) {
    if (replay.exitCode !== null) break;
    const steps = [];
    run(traced(Rules, (...step) => steps.push(step)));
    if (!replay.stdin.write(`${JSON.stringify(steps)}\n`))
      await Promise.race([once(replay.stdin, 'drain').catch(() => {}), ended]);
  }
  replay.stdin.end();
  const [code] = await ended;
  assert.equal(code, 0, said);
  assert(Number(said) > 100 * SEEDS, `${said} steps`);
});

/** Rules with a port that keeps what is said, delivered and told. */
function listening(Rules, resume) {
  const [said, delivered, told] = [[], [], []];
  const time = { now: 0 };
  const port = {
    say: (connection, message) => said.push([connection, message]),
    send: () => ({ status: 'sent' }),
    deliver: (message) => delivered.push(message),
    resumed: (isWhole, _message, key) => told.push([isWhole, key]),
    now: () => time.now,
  };
  return { rules: new Rules(port, 10, resume), said, delivered, told, time };
}

const holder = () => ({ joined() {}, message() {}, end() {} });
const ROOM = { match: { type: 'news' }, reply: { type: 'joined' }, resume: { cursor: 'seq', tooOld: { type: 'gap' } } };

/** What the rules promise beyond the schedules. A Rust app's machine has to do the same. */
const SCENARIOS = {
  'what arrives while onConnected has not ended is delivered at once, also with a cursor'(Rules) {
    const { rules, delivered } = listening(Rules, { cursor: 'seq' });
    rules.received({ seq: 1 }, 1);
    assert.deepEqual(delivered, [{ seq: 1 }]);
    rules.joining(1);
    rules.connected();
    rules.received({ seq: 2 }, 1);
    // The next one takes over: what it has waits for the one that serves.
    rules.received({ seq: 4 }, 2);
    rules.joining(2);
    rules.received({ seq: 3 }, 1);
    rules.connected();
    rules.gone(1);
    assert.deepEqual(
      delivered.map(({ seq }) => seq),
      [1, 2, 3, 4],
    );
  },

  'what still arrives of a subscription that was left is dropped for ten seconds, and is a message again after that'(
    Rules,
  ) {
    const { rules, delivered, time } = listening(Rules);
    rules.joining(1);
    rules.connected();
    const one = holder();
    rules.subscribe({ join: 'a' }, { match: { room: 'a' } }, one);
    rules.leave(one);
    rules.sweep();
    rules.received({ room: 'a', at: 1 }, 1);
    time.now = 10_001;
    rules.received({ room: 'a', at: 2 }, 1);
    assert.deepEqual(delivered, [{ room: 'a', at: 2 }]);
  },

  'the cursors of a thousand subscriptions that have ended are kept, and the oldest are forgotten'(Rules) {
    const { rules, said } = listening(Rules);
    rules.joining(1);
    rules.connected();
    const subscribe = (room) => {
      const one = holder();
      rules.subscribe({ room, since: '$cursor' }, { match: { room }, resume: { cursor: 'seq' } }, one);
      rules.received({ room, seq: 1 }, 1);
      rules.leave(one);
      rules.sweep();
      return said.at(-1)[1];
    };
    for (let room = 0; room < 1_500; room++) subscribe(room);
    assert.deepEqual(subscribe(1_499), { room: 1_499, since: 1 });
    assert.deepEqual(subscribe(100), { room: 100 });
  },

  'the cursor of a subscription that is there is kept, however many there are: after a loss nothing is missed'(Rules) {
    const { rules, said, delivered, told } = listening(Rules);
    const rooms = Array.from({ length: 1_005 }, (_, room) => room);
    rules.joining(1);
    rules.connected();
    for (const room of rooms) {
      const own = Object.fromEntries(['match', 'reply'].map((name) => [name, { ...ROOM[name], room }]));
      rules.subscribe({ room, since: '$cursor' }, { ...own, resume: { cursor: 'seq' } }, holder());
      rules.received({ type: 'joined', room, seq: 0 }, 1);
      rules.received({ type: 'news', room, seq: 1 }, 1);
    }
    rules.lost();
    rules.gone(1);
    delivered.length = said.length = 0;
    rules.joining(2);
    rules.connected();
    assert.deepEqual(
      said.map(([, { since }]) => since),
      rooms.map(() => 1),
    );
    const some = [0, 1, 2, 1_004];
    for (const room of some) {
      rules.received({ type: 'joined', room, seq: 2 }, 2);
      rules.received({ type: 'news', room, seq: 2 }, 2);
    }
    assert.equal(delivered.length, some.length);
    assert.deepEqual(told, []);
  },

  'after a gap, the answer to a join that had a cursor takes nothing away'(Rules) {
    const { rules, delivered, told } = listening(Rules);
    rules.joining(1);
    rules.connected();
    rules.subscribe({ since: '$cursor' }, ROOM, holder());
    rules.received({ type: 'joined', seq: 4 }, 1);
    rules.received({ type: 'news', seq: 5 }, 1);
    rules.lost();
    rules.gone(1);
    rules.joining(2);
    rules.connected();
    for (const type of ['gap', 'joined']) rules.received({ type, ...(type === 'joined' && { seq: 9 }) }, 2);
    for (const seq of [8, 9, 10]) rules.received({ type: 'news', seq }, 2);
    assert.equal(told.length, 1);
    assert.deepEqual(
      delivered.map(({ seq }) => seq),
      [5, 8, 9, 10],
    );
  },

  'whoever takes over the key of the last holder has its own message and its own cursor'(Rules) {
    const { rules, said } = listening(Rules);
    rules.joining(1);
    rules.connected();
    const former = holder();
    rules.subscribe({ join: 'k' }, { match: { type: 'news' }, key: 'k' }, former);
    rules.leave(former);
    rules.subscribe({ join: 'k', since: '$cursor' }, { ...ROOM, reply: undefined, key: 'k' }, holder());
    rules.sweep();
    rules.received({ type: 'news', seq: 3 }, 1);
    rules.lost();
    rules.gone(1);
    rules.joining(2);
    assert.deepEqual(said, [
      [1, { join: 'k' }],
      [2, { join: 'k', since: 3 }],
    ]);
  },

  'ids of requests and of subscriptions do not meet'(Rules) {
    const { rules, said, delivered } = listening(Rules);
    rules.joining(1);
    rules.connected();
    const answers = [];
    const ask = (what, id) =>
      rules.requests.add({ what, id }, { timeout: 0, resend: false }, (_error, answer) => answers.push(answer));
    ask(1, 1);
    rules.subscribe({ join: 'a' }, { match: { type: 'news', id: '$id' }, id: 'id' }, holder());
    assert.deepEqual(said, [[1, { join: 'a', id: 2 }]]);
    assert.throws(() => ask(2, '2'), /the id "2" is taken/);
    rules.received({ type: 'news', id: 2 }, 1);
    rules.received({ type: 'answer', id: '1' }, 1);
    assert.deepEqual([delivered, answers], [[{ type: 'news', id: 2 }], [{ type: 'answer', id: '1' }]]);
  },
};

for (const [name, run] of Object.entries(SCENARIOS)) test(name, { skip: Number.isInteger(only) }, () => run(Rules));

test('an answer has its id where the request has it, also in an array', () => {
  const { rules } = listening(Rules);
  rules.joining(1);
  rules.connected();
  const answers = [];
  rules.requests.add([null, 'ask'], { id: '0' }, (_error, answer) => answers.push(answer));
  rules.received([1, 'answer'], 1);
  assert.deepEqual(answers, [[1, 'answer']]);
});

if (Number.isInteger(only)) {
  const world = new World(Rules, only);
  try {
    console.log(world.run());
  } finally {
    console.log(world.story.join('\n'));
  }
}

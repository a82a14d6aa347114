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

test('the machine of a Rust app does the same at every step of those schedules', {
  skip: Number.isInteger(only) || !process.env.GATEPASS_TEST_REPLAY,
}, async () => {
  const replay = spawn(process.env.GATEPASS_TEST_REPLAY);
  let said = '';
  for (const out of [replay.stdout, replay.stderr]) out.on('data', (data) => (said += data));
  const ended = once(replay, 'close');
  // It may end before it has read all.
  replay.stdin.on('error', () => {});
  for (let seed = 1; seed <= SEEDS && replay.exitCode === null; seed++) {
    const steps = [];
    new World(
      traced(Rules, (...step) => steps.push(step)),
      seed,
    ).run();
    if (!replay.stdin.write(`${JSON.stringify(steps)}\n`)) await Promise.race([once(replay.stdin, 'drain'), ended]);
  }
  replay.stdin.end();
  const [code] = await ended;
  assert.equal(code, 0, said);
  assert(Number(said) > 100 * SEEDS, `${said} steps`);
});

test('what arrives while onConnected has not ended is delivered at once, also with a cursor', () => {
  const plain = [];
  const port = { say() {}, send: () => ({ status: 'sent' }), deliver: (message) => plain.push(message), now: () => 0 };
  const rules = new Rules(port, 10, { cursor: 'seq' });
  rules.received({ seq: 1 }, 1);
  assert.deepEqual(plain, [{ seq: 1 }]);
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
    plain.map(({ seq }) => seq),
    [1, 2, 3, 4],
  );
});

test('what still arrives of a subscription that was left is dropped for ten seconds, and is a message again after that', () => {
  let now = 0;
  const plain = [];
  const port = {
    say() {},
    send: () => ({ status: 'sent' }),
    deliver: (message) => plain.push(message),
    now: () => now,
  };
  const rules = new Rules(port);
  rules.joining(1);
  rules.connected();
  const holder = { joined() {}, message: () => assert.fail('it was left'), end() {} };
  rules.subscribe({ join: 'a' }, { match: { room: 'a' } }, holder);
  rules.leave(holder);
  rules.sweep();
  rules.received({ room: 'a', at: 1 }, 1);
  now = 10_001;
  rules.received({ room: 'a', at: 2 }, 1);
  assert.deepEqual(plain, [{ room: 'a', at: 2 }]);
});

test('the cursors of a thousand subscriptions are kept, and the oldest are forgotten', () => {
  const rules = new Rules({ say() {}, deliver() {}, now: () => 0 });
  rules.joining(1);
  rules.connected();
  for (let room = 0; room < 1_500; room++) {
    const holder = { joined() {}, message() {}, end() {} };
    rules.subscribe({ room }, { match: { room }, resume: { cursor: 'seq' } }, holder);
    rules.received({ room, seq: 1 }, 1);
    rules.leave(holder);
    rules.sweep();
  }
  assert.equal(rules.cursors.size, 1_000);
  assert.ok(rules.cursors.has('{"room":1499}'));
});

if (Number.isInteger(only)) {
  const world = new World(Rules, only);
  try {
    console.log(world.run());
  } finally {
    console.log(world.story.join('\n'));
  }
}

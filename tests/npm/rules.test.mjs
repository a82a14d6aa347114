// The rules of a conversation, in virtual time: 20,000 schedules with losses at every place, handovers, restarts, slow and lost answers, and other users.
// What they promise is judged in rules/world.mjs: in order and once, no hole that was not told, no answer to another request, no subscription forgotten, none
// of a former user kept. For one seed alone: `node tests/npm/rules.test.mjs 4711` prints its story.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
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

if (Number.isInteger(only)) {
  const world = new World(Rules, only);
  try {
    console.log(world.run());
  } finally {
    console.log(world.story.join('\n'));
  }
}

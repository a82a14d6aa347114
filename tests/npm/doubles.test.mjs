// gatepass/testing: what a test steers looks to the app like the real thing.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { project } from './page.mjs';

/** Runs a script of the folder `doubles` beside the installed package. */
async function run(script) {
  const folder = join(project, 'doubles');
  cpSync(join(import.meta.dirname, 'doubles'), folder, { recursive: true });
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, script)], { timeout: 20_000 });
  return JSON.parse(stdout);
}

test('the listeners of an app see the same with doubles as with a server', async () => {
  const [real, double] = await Promise.all([run('real.js'), run('double.js')]);
  for (const name of Object.keys(real)) assert.deepEqual(double[name], real[name], name);
  assert.equal(Object.values(real).flat().length, Object.values(double).flat().length);
});

test('a conversation with a double is one: subscriptions, requests, and a loss', async () => {
  const join = { type: 'join', room: 'a' };
  assert.deepEqual(await run('rooms.js'), {
    heard: ['hello'],
    answer: { id: 1, is: 'an answer' },
    fate: ['CONNECTION_LOST', 'maybe-arrived'],
    sent: [join, { type: 'ask', id: 1 }, { type: 'ask', id: 2 }, join, { type: 'leave' }],
  });
});

test('a mistake of a test is an error that says what was wrong, and no login hangs', async () => {
  const wrong = await run('mistakes.js');
  const expected = {
    'no socket': /^Error the app has made no socket; its sockets since the last reset\(\): none$/,
    'no session': /^Error the app has made no session$/,
    'another URL': /no socket for \/nope; .*: wss:\/\/api\.example\.com\/ws\/$/,
    'a message too early': /^INVALID_OPTION the socket wss:\S+ is connecting: nothing can arrive$/,
    'accepted twice': /is connected: it cannot be accepted again$/,
    'an unknown code': /^INVALID_OPTION code: the server and the network cause no "NOPE"$/,
    'no close code': /^INVALID_OPTION lose: a close code is needed, 1000 to 4999$/,
    'no message': /^INVALID_OPTION receive: /,
    'not suspended': /it was not suspended by suspend\(\)$/,
    'accepted after the end': /^CLOSED /,
    'nobody signed in': /is suspended: it connects when somebody is signed in: doubles\.session\(\)\.signInAs/,
    'no login': /^INVALID_OPTION refuse: no login waits$/,
    'a later login': /^SUPERSEDED /,
    'a reset': /^SUPERSEDED /,
    'a failed try of a class': /^error close 1006 3$/,
  };
  assert.deepEqual(Object.keys(wrong), Object.keys(expected));
  for (const [name, text] of Object.entries(expected)) assert.match(wrong[name], text, name);
});

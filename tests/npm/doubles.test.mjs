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
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, script)], { timeout: 60_000 });
  return JSON.parse(stdout);
}

test('the listeners of an app see the same with doubles as with a server', async () => {
  const [real, double] = await Promise.all([run('real.js'), run('double.js')]);
  for (const name of Object.keys(real)) assert.deepEqual(double[name], real[name], name);
  assert.equal(Object.values(real).flat().length, Object.values(double).flat().length);
});

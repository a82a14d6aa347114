// Runs seeds, one after the other, in a page of their own.

import { Broken } from './ground.js';
import { Run } from './run.js';
import { begin, drain, reset } from './surroundings.js';
import { TabsRun } from './tabs.js';

let current;
Object.defineProperty(document, 'hidden', { configurable: true, get: () => current?.isHidden ?? false });

/** Runs a seed. Returns what went wrong, with what led to it, or undefined. */
export async function fuzz(seed, log = []) {
  reset();
  const Kind = seed % 4 === 0 ? TabsRun : Run;
  const run = (current = new Kind(seed, log));
  begin(run);
  try {
    await run.go();
    return undefined;
  } catch (error) {
    return `seed ${seed}: ${error instanceof Broken ? error.message : error?.stack}\n${log.join('\n')}`;
  } finally {
    run.isOver = true;
    run.end();
    await drain();
  }
}

// The packed package in a real page; a seed decides everything around it: see run.js and tabs.js. `cargo xtask fuzz` runs it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { browser, origin } from '../page.mjs';

const runs = Number(process.env.GATEPASS_FUZZ_RUNS);
const first = Number(process.env.GATEPASS_FUZZ_SEED);
/** How many runs one page has: a page that has had thousands is another than a fresh one. */
const BATCH = 250;
/** How many pages run beside each other. */
const PAGES = 2;
const modules = new Map(
  ['ground', 'package', 'run', 'server', 'surroundings', 'tabs', 'world'].map((name) => [
    name,
    readFileSync(new URL(`${name}.js`, import.meta.url), 'utf8'),
  ]),
);

test(`whatever the app, the server and the browser do, what is promised holds: ${runs} runs from seed ${first}`, async () => {
  const failures = [];
  let next = first;
  const work = async () => {
    while (next < first + runs && failures.length === 0) {
      const from = next;
      const to = (next = Math.min(from + BATCH, first + runs));
      failures.push(...(await batch(from, to)));
      console.log(`seeds ${from} to ${to - 1} are done`);
    }
  };
  await Promise.all(Array.from({ length: PAGES }, work));
  assert.deepEqual(
    failures,
    [],
    `${failures.join('\n\n')}\n\nagain: cargo xtask fuzz --seed ${failures[0]?.match(/^seed (\d+)/)?.[1]}`,
  );
});

/** Runs seeds in a page, and returns what the first few failures say. */
async function batch(from, to) {
  const page = await browser.newPage();
  await page.route('**/fuzz/*.js', (route) =>
    route.fulfill({
      contentType: 'text/javascript',
      body: modules.get(
        route
          .request()
          .url()
          .match(/(\w+)\.js$/)[1],
      ),
    }),
  );
  await page.goto(origin);
  const failures = await page.evaluate(
    async ([from, to]) => {
      const file = await fetch('/node_modules/gatepass/pkg/core_bg.wasm');
      globalThis.wasm = await WebAssembly.compile(await file.arrayBuffer());
      const { fuzz } = await import('/fuzz/world.js');
      const failures = [];
      for (let seed = from; seed < to && failures.length < 3; seed++) {
        const failure = await fuzz(seed);
        if (failure) failures.push(failure);
      }
      return failures;
    },
    [from, to],
  );
  await page.close();
  return failures;
}

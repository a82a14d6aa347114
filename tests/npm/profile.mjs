// Many tabs of one browser profile: they share its storage, locks and channels.

import assert from 'node:assert/strict';
import { browser, origin } from './page.mjs';
import { inContext } from './recorder.mjs';

/** Runs with a browser profile of its own, and says what its pages said. */
export async function inProfile(run) {
  const said = [];
  await inContext(browser, {}, async (context) => {
    // Messages of the browser about refused calls, and of frameworks about themselves, do not count.
    context.on(
      'console',
      (message) =>
        /^(Angular is running in development mode|Angular hydrated 1 |%cDownload the React DevTools|Failed to load resource|WebSocket connection to|Access to fetch at)/.test(
          message.text(),
        ) || said.push(message.text()),
    );
    context.on('weberror', (error) => said.push(`error: ${error.error()}`));
    await run(context);
  });
  assert.deepEqual(said, []);
}

/** Opens a tab; what prepares it runs in it before anything else does. */
export async function open(context, ...prepare) {
  const tab = await context.newPage();
  for (const script of prepare) await tab.addInitScript(script);
  await tab.goto(origin);
  return tab;
}

/** Until a tab is so. */
export const until = (tab, condition) => tab.waitForFunction(condition, undefined, { polling: 20 });
export const each = (tabs, act) => Promise.all(tabs.map(act));

// Chromium for the npm tests: one browser, one page per test, and the page's console.

import { chromium } from 'playwright-core';

/** The servers that `cargo xtask test npm` started. */
export const server = process.env.GATEPASS_TEST_SERVER;
export const controlUrl = process.env.GATEPASS_TEST_CONTROL;
if (!server || !controlUrl)
  throw new Error('run these tests by `cargo xtask test npm`: it starts the servers they need');

/** `without`: what playwright adds of its own accord. */
export function launch(more = [], without = []) {
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    ...more,
  ];
  return chromium.launch({ executablePath: '/usr/bin/chromium', args, ignoreDefaultArgs: without });
}

/** Makes something happen at the mock server. */
export async function control(command) {
  const response = await fetch(controlUrl, { method: 'POST', body: JSON.stringify(command) });
  if (response.status !== 204) throw new Error(`${JSON.stringify(command)}: ${await response.text()}`);
}

/** What the mock server has counted: `counts`, or seen: `received`. */
export async function ask(what) {
  return (await fetch(`${controlUrl}/${what}`)).json();
}

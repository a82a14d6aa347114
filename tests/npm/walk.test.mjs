// The demo page, used as a person would, with screenshots.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ask, control, launch, server } from './browser.mjs';
import { inContext } from './recorder.mjs';

const screenshots = process.env.GATEPASS_TEST_SCREENSHOTS;
let browser;

before(async () => {
  mkdirSync(screenshots, { recursive: true });
  browser = await launch();
});

after(() => browser?.close());

async function walk(options, script) {
  await control({ do: 'reset' });
  await inContext(browser, options, async (context) => {
    const page = await context.newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(server);
    await page.locator('html[data-ready]').waitFor();
    await script(page);
    assert.deepEqual(errors, []);
  });
}

const state = (page, name) => page.locator(`#badge[data-state="${name}"]`).waitFor();
const heard = (page, text) => page.locator('#messages .heard', { hasText: text }).last().waitFor();

async function signIn(page, password = 'secret') {
  await page.getByLabel('User', { exact: true }).fill('maggie');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function connect(page, label) {
  await page.getByLabel('Authentication scheme').selectOption({ label });
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
}

async function say(page, text) {
  await page.getByPlaceholder('A message').fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

const fault = (page, name) => page.getByRole('button', { name, exact: true }).click();

test('maggie connects by ticket, loses every socket, and is back with a new ticket', () =>
  walk({ viewport: { width: 1200, height: 1000 }, colorScheme: 'light' }, async (page) => {
    await signIn(page);
    await page.locator('#user', { hasText: 'maggie' }).waitFor();
    await connect(page, 'Ticket in the URL');
    await state(page, 'connected');
    await say(page, 'hello');
    await heard(page, 'hello');
    assert.equal((await ask('counts')).tickets, 1);

    await fault(page, 'Drop every socket');
    await page.locator('#timeline tr[data-state="waiting"]').first().waitFor();
    await state(page, 'connected');
    await page.waitForFunction(() => document.querySelectorAll('#timeline tr[data-state="connected"]').length === 2);
    assert.equal((await ask('counts')).tickets, 2, 'a new ticket for the new attempt');
    await say(page, '{"type":"whoami"}');
    await heard(page, '"user":"maggie"');
    await page.screenshot({ path: join(screenshots, 'ticket-desktop-light.png'), fullPage: true });
  }));

test('maggie connects by first message on a phone in the dark, and a message sent while the server is down arrives', () =>
  walk({ viewport: { width: 390, height: 844 }, colorScheme: 'dark', hasTouch: true, isMobile: true }, async (page) => {
    await signIn(page);
    await connect(page, 'First message');
    await state(page, 'connected');
    await say(page, 'hello');
    await heard(page, 'hello');

    await fault(page, 'Stop');
    await state(page, 'waiting');
    await say(page, 'sent while the server was down');
    await page.screenshot({ path: join(screenshots, 'waiting-phone-dark.png'), fullPage: true });
    await fault(page, 'Start');
    await page.getByRole('button', { name: 'Try now' }).click();
    // Checked at the server: an attempt of the socket's own may have delivered it, and the click cut off its echo.
    while (!JSON.stringify(await ask('received')).includes('sent while the server was down'));
    await state(page, 'connected');
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 390, `the page is ${width} px wide on a phone of 390`);
  }));

test('a wrong password is shown, and a socket without a user waits for one', () =>
  walk({ viewport: { width: 1200, height: 1000 }, colorScheme: 'dark' }, async (page) => {
    await signIn(page, 'wrong');
    await page.locator('#login-error', { hasText: 'INVALID_CREDENTIALS' }).waitFor();
    await connect(page, 'First message with an answer');
    await state(page, 'suspended');
    await page.locator('#reason', { hasText: 'until somebody signs in' }).waitFor();
    await signIn(page);
    await state(page, 'connected');
    await fault(page, 'Expire all tokens');
    await fault(page, 'Close 4401');
    await page.waitForFunction(() => document.querySelectorAll('#timeline tr[data-state="connected"]').length === 2);
    await page.screenshot({ path: join(screenshots, 'renewed-desktop-dark.png'), fullPage: true });
    await page.getByRole('button', { name: 'Sign out' }).click();
    await state(page, 'suspended');
  }));

test('the page can be used by keyboard alone', () =>
  walk({ viewport: { width: 1200, height: 1000 } }, async (page) => {
    const focused = () => page.evaluate(() => document.activeElement.textContent || document.activeElement.name);
    const expected = [
      'username',
      'password',
      'Sign in',
      'Sign out',
      'beats',
      'confirms',
      'Connect',
      'Try now',
      'Close',
    ];
    const order = [];
    for (let press = 0; press <= expected.length; press++) {
      await page.keyboard.press('Tab');
      order.push((await focused()).trim());
    }
    // Between them is the scheme. Its name is the name of its options.
    assert.deepEqual(
      order.filter((name) => expected.includes(name)),
      expected,
    );
    await page.getByLabel('Password').focus();
    await page.keyboard.press('Enter');
    await page.locator('#user', { hasText: 'maggie' }).waitFor();
  }));

test('what may be lost is shown, what is confirmed comes again, and a silent or absent server is noticed', () =>
  walk({ viewport: { width: 1200, height: 1000 }, colorScheme: 'light' }, async (page) => {
    await page.getByLabel('Resend messages until they are acknowledged').check();
    await connect(page, 'No credential');
    await state(page, 'connected');
    await say(page, 'before');
    await page.locator('#messages .confirmed', { hasText: 'before' }).waitFor();

    await fault(page, 'Go silent');
    await say(page, 'into the silence');
    await page.locator('#timeline', { hasText: 'CONNECTION_SILENT' }).waitFor();
    await fault(page, 'Speak again');
    await page.locator('#messages .confirmed', { hasText: 'into the silence' }).waitFor();

    await page.getByRole('button', { name: 'Offline', exact: true }).click();
    await fault(page, 'Drop every socket');
    await state(page, 'suspended');
    await say(page, 'while offline');
    await page.screenshot({ path: join(screenshots, 'offline-desktop-light.png'), fullPage: true });
    await page.getByRole('button', { name: 'Online', exact: true }).click();
    await page.locator('#messages .confirmed', { hasText: 'while offline' }).waitFor();

    await page.getByLabel('Resend messages until they are acknowledged').uncheck();
    await connect(page, 'No credential');
    await state(page, 'connected');
    await fault(page, 'Go silent');
    await say(page, 'said to nobody');
    await page.locator('#timeline', { hasText: 'may not have arrived: said to nobody' }).waitFor();
    await fault(page, 'Speak again');
    await state(page, 'connected');
    await fault(page, 'Never come back');
    await state(page, 'closed');
    await page.screenshot({ path: join(screenshots, 'closed-desktop-light.png'), fullPage: true });
  }));

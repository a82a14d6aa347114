// The market watches of examples/, built by the real tools, with faults during use.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, control, server } from './browser.mjs';
import { browser } from './page.mjs';

const screenshots = process.env.GATEPASS_TEST_SCREENSHOTS;
mkdirSync(screenshots, { recursive: true });

const quote = (symbol, price) => control({ do: 'publish', room: 'market', text: [{ symbol, price }] });
const badge = (tab, state) => tab.locator(`.badge[data-state="${state}"]`).waitFor();
const signIn = async (tab, username, password) => {
  await tab.getByLabel('User').fill(username);
  await tab.getByLabel('Password').fill(password);
  await tab.getByRole('button', { name: 'Sign in' }).click();
};

for (const name of ['vue', 'angular', 'react']) {
  test(`${name}: two users trade, lose the server, and lose nothing`, async () => {
    await control({ do: 'reset' });
    const look = async (tab, what, scheme) => {
      await tab.emulateMedia({ colorScheme: scheme });
      await tab.screenshot({ path: join(screenshots, `market-${name}-${what}.png`), fullPage: true });
    };
    const complaints = [];
    const open = async (options) => {
      const context = await browser.newContext(options);
      context.on('weberror', (error) => complaints.push(String(error.error())));
      const tab = await context.newPage();
      await tab.goto(`${server}/${name}/`);
      return tab;
    };
    const maggie = await open({ viewport: { width: 1000, height: 640 } });
    await signIn(maggie, 'maggie', 'wrong');
    await maggie.getByRole('alert').getByText('The name or the password is wrong.').waitFor();
    await look(maggie, 'sign-in', 'light');
    await signIn(maggie, 'maggie', 'secret');
    await badge(maggie, 'connected');
    const bob = await open({ viewport: { width: 390, height: 800 } });
    await signIn(bob, 'bob', 'hunter2');
    await badge(bob, 'connected');

    for (let tick = 0; tick < 40; tick++) {
      for (const [index, symbol] of ['ACME', 'CYBR', 'HOOL', 'INIT', 'WAYN'].entries())
        await quote(symbol, 100 + 10 * Math.sin(tick / 5 + index));
    }
    await quote('ACME', 123.45);
    for (const tab of [maggie, bob]) await tab.getByRole('cell', { name: '123.45' }).waitFor();
    await bob.getByRole('button', { name: 'Sell HOOL' }).click();
    for (const tab of [maggie, bob]) await tab.getByText('bob sells HOOL').waitFor();
    await look(maggie, 'connected', 'light');
    await look(bob, 'narrow', 'dark');
    assert.ok(
      await bob.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
      'nothing is cut off on a telephone',
    );

    // Unknown messages are ignored.
    for (const text of ['no JSON', '{"type":"news"}', 'null', '[]']) await control({ do: 'push', text });
    for (const text of ['text', null, {}, [null], [{}], { side: 'buy' }])
      await control({ do: 'publish', room: 'market', text });
    await control({ do: 'stop' });
    await badge(maggie, 'waiting');
    await maggie.getByText(/in \d+ s/).waitFor();
    await maggie.getByRole('button', { name: 'Buy INIT' }).click();
    await maggie.getByText('1 order waits for the connection.').waitFor();
    await look(maggie, 'waiting', 'dark');
    await control({ do: 'start' });
    // Unless it has just tried by itself.
    await maggie.evaluate(() => document.querySelector('.notice button')?.click());
    await badge(maggie, 'connected');
    await maggie.getByText('maggie buys INIT').waitFor();
    await maggie.getByText('1 order waits').waitFor({ state: 'detached' });

    // An expired token is renewed without a sign-in.
    await control({ do: 'expireTokens' });
    await control({ do: 'dropSockets', how: { close: { code: 4401 } } });
    await badge(maggie, 'connected');
    for (const tab of [maggie, bob]) {
      await tab.reload();
      await badge(tab, 'connected');
    }
    assert.ok((await ask('counts')).refreshes > 0);

    // Messages that may not have arrived are shown.
    await control({ do: 'silence', on: true });
    await maggie.getByRole('button', { name: 'Buy CYBR' }).click();
    await control({ do: 'dropSockets', how: 'reset' });
    await maggie.getByRole('alert').getByText('buy CYBR may not have arrived').waitFor();
    await control({ do: 'silence', on: false });
    await maggie.evaluate(() => document.querySelector('.notice button')?.click());
    await badge(maggie, 'connected');

    // Messages queued when a session ends wait for the same user.
    await bob.reload();
    await badge(bob, 'connected');
    await control({ do: 'stop' });
    for (const tab of [maggie, bob]) await badge(tab, 'waiting');
    await bob.getByRole('button', { name: 'Sell ACME' }).click();
    // Before the start, because bob may notice it at once.
    await control({ do: 'revoke', user: 'bob' });
    await control({ do: 'start' });
    await bob.evaluate(() => document.querySelector('.notice button')?.click());
    await bob.getByText('You were signed out').waitFor();
    // She gets no later notice.
    await maggie.evaluate(() => document.querySelector('.notice button')?.click());
    await badge(maggie, 'connected');
    await signIn(bob, 'bob', 'hunter2');
    await maggie.getByText('bob sells ACME').waitFor();

    // The server no longer accepts the token, although the session does not know.
    await control({ do: 'answer', endpoint: 'ticket', status: 401, times: 4 });
    await control({ do: 'dropSockets', how: 'reset' });
    await maggie.getByRole('button', { name: 'Sign in again' }).click();
    await control({ do: 'reset' });
    await signIn(maggie, 'maggie', 'secret');
    await badge(maggie, 'connected');
    await control({ do: 'dropSockets', how: { close: { code: 4403 } } });
    await badge(maggie, 'closed');
    await maggie.getByRole('button', { name: 'Buy WAYN' }).click();
    await maggie.getByRole('alert').getByText('buy WAYN was not taken').waitFor();
    await maggie.getByRole('button', { name: 'Sign out' }).click();
    await maggie.getByRole('button', { name: 'Sign in' }).waitFor();
    assert.equal(await maggie.evaluate(() => sessionStorage.length), 0);
    assert.deepEqual(complaints, []);
    for (const tab of [maggie, bob]) await tab.context().close();
  });
}

test('leptos: the crate signs in, and carries messages over a loss', async () => {
  await control({ do: 'reset' });
  const complaints = [];
  const context = await browser.newContext({ viewport: { width: 800, height: 500 } });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  const tab = await context.newPage();
  await tab.goto(`${server}/leptos/`);
  await signIn(tab, 'maggie', 'wrong');
  await tab.getByRole('alert').getByText(/\w/).waitFor();
  await signIn(tab, 'maggie', 'secret');
  await badge(tab, 'connected');
  const say = async (text) => {
    await tab.getByLabel('Message').fill(text);
    await tab.getByRole('button', { name: 'Send' }).click();
  };
  await say('one');
  await tab.getByText('one', { exact: true }).waitFor();
  await control({ do: 'stop' });
  await badge(tab, 'waiting');
  await say('two');
  await control({ do: 'start' });
  await badge(tab, 'connected');
  await tab.getByText('two', { exact: true }).waitFor();
  await tab.screenshot({ path: join(screenshots, 'leptos.png') });
  await tab.getByRole('button', { name: 'Sign out' }).click();
  await tab.getByRole('button', { name: 'Sign in' }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

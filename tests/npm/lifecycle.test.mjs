// The page's lifecycle in a real Chromium: frozen, in the back/forward cache, hidden with throttled timers, offline. And a silent server.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask, control, launch, server } from './browser.mjs';
import { origin } from './page.mjs';
import { inContext } from './recorder.mjs';
import { open, until } from './profile.mjs';

/** What playwright turns off and a person's browser has. */
const AS_A_PERSON_HAS = [
  '--disable-back-forward-cache',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];

let browser;
before(async () => {
  browser = await launch([], AS_A_PERSON_HAS);
});
after(() => browser?.close());

/** A tab with a socket, as `socket`, that is connected; and the tab's devtools. */
const withSocket = (options, run) =>
  inContext(browser, {}, async (context) => {
    await control({ do: 'reset' });
    const tab = await open(context);
    await tab.evaluate(
      async ([server, options]) => {
        const { AuthSocket, presets, Session } = await import('gatepass');
        globalThis.session = new Session(presets.ticketServer(server));
        await session.login({ username: 'maggie', password: 'secret' });
        globalThis.socket = new AuthSocket(`${server}/channel/`, {
          session,
          ...presets.ticketServerSocket(server),
          ...options,
        });
        globalThis.states = [];
        globalThis.heard = [];
        socket.addEventListener('statechange', ({ state, retryAt, error }) =>
          states.push([state, retryAt !== undefined, error?.code]),
        );
        socket.addEventListener('message', ({ data }) => heard.push(data));
        await socket.ready();
        states.length = 0;
      },
      [server, options],
    );
    await run(tab, await context.newCDPSession(tab), context);
  });

/** Puts another tab in front. Playwright says to its pages that they are in front for ever, and has no way to say otherwise. */
async function hide(tab, context) {
  await tab._connection
    .toImpl(tab)
    .delegate._mainFrameSession._client.send('Emulation.setFocusEmulationEnabled', { enabled: false });
  const other = await context.newPage();
  await other.bringToFront();
  await until(tab, () => document.hidden);
  return other;
}

/** Waits until the server has so many open sockets. */
async function sockets(count) {
  while ((await ask('counts')).open !== count) await new Promise((resolve) => setTimeout(resolve, 20));
}

test('case_108: a frozen page lets go of its socket and connects again when it goes on', async () => {
  await withSocket({}, async (tab, devtools, context) => {
    await hide(tab, context);
    await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
    await sockets(0);
    await devtools.send('Page.setWebLifecycleState', { state: 'active' });
    await until(tab, () => socket.state === 'connected');
    assert.deepEqual(await tab.evaluate(() => [states[0], states.at(-1)]), [
      ['suspended', false, undefined],
      ['connected', false, undefined],
    ]);
    await sockets(1);
  });
});

test('a page put aside for the way back (bfcache) comes back and connects again', async () => {
  await withSocket({}, async (tab) => {
    await tab.evaluate(() => {
      globalThis.shown = [];
      addEventListener('pageshow', ({ persisted }) => shown.push(persisted));
    });
    await tab.goto(`${origin}/?elsewhere`);
    await sockets(0);
    // Its `load` does not come again.
    await tab.goBack({ waitUntil: 'commit' });
    await until(tab, () => globalThis.socket?.state === 'connected');
    assert.deepEqual(await tab.evaluate(() => shown), [true]);
    await sockets(1);
  });
});

test('without a network it waits slowly, and connects at once when there is one again', async () => {
  await withSocket({}, async (tab, devtools) => {
    const offline = (offline) =>
      devtools.send('Network.emulateNetworkConditions', {
        offline,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput: -1,
      });
    await devtools.send('Network.enable');
    await offline(true);
    await until(tab, () => !navigator.onLine);
    await control({ do: 'dropSockets', how: 'reset' });
    await until(tab, () => socket.state === 'suspended');
    assert.deepEqual(await tab.evaluate(() => states), [['suspended', true, 'CONNECTION_LOST']]);
    await offline(false);
    await until(tab, () => socket.state === 'connected');
    assert.deepEqual(await tab.evaluate(() => socket.stats().connections), 2);
  });
});

test('a hidden page lets go of its socket if it is told to, and connects when somebody looks', async () => {
  await withSocket({ whenHidden: 'close-after', hiddenTimeout: 100 }, async (tab, _devtools, context) => {
    const other = await hide(tab, context);
    await until(tab, () => socket.state === 'suspended');
    await sockets(0);
    await other.close();
    await tab.bringToFront();
    await until(tab, () => socket.state === 'connected');
  });
});

test('case_114: in a hidden page whose timers ring a second late, a living socket is kept and a dead one is replaced', async () => {
  await withSocket(
    { heartbeat: { message: 'ping', pong: 'ping', interval: 200, timeout: 100 } },
    async (tab, _devtools, context) => {
      await hide(tab, context);
      const { messages } = await ask('counts');
      while ((await ask('counts')).messages < messages + 5) await new Promise((resolve) => setTimeout(resolve, 50));
      assert.deepEqual(await tab.evaluate(() => [states, heard]), [[], []]);
      await control({ do: 'silence', on: true });
      await until(tab, () => states.length > 0);
      await control({ do: 'silence', on: false });
      await until(tab, () => socket.state === 'connected');
      assert.deepEqual(await tab.evaluate(() => states[0]), ['waiting', true, 'CONNECTION_SILENT']);
    },
  );
});

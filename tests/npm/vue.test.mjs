// gatepass/vue with the real Vue, in Chromium and on a server.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ask, control, server } from './browser.mjs';
import { project } from './page.mjs';
import { inProfile, open, until } from './profile.mjs';

/** A page with an app in it: a login, and a component with a socket that can be taken away. */
const withApp = (run) =>
  inProfile(async (context) => {
    await control({ do: 'reset' });
    const tab = await open(context);
    await tab.evaluate(async (server) => {
      const { createApp, ref } = await import('vue');
      const { presets, Session } = await import('gatepass');
      const { gatepass, useAuthSocket, useSession } = await import('gatepass/vue');
      globalThis.path = ref('/channel/');
      globalThis.isShown = ref(true);
      globalThis.heard = [];
      globalThis.lost = [];
      const Quotes = {
        setup: () =>
          (globalThis.used = useAuthSocket(() => path.value && server + path.value, {
            ...presets.ticketServerSocket(server),
            backoff: { base: 60_000, cap: 60_000, spread: 60_000 },
            onMessage: (data) => heard.push(data),
            onStateChange: ({ unconfirmed }) => lost.push(...unconfirmed),
          })),
        template: `<p id="socket">{{ state }} {{ data }} {{ error?.code }} {{ retryIn === undefined ? '' : 'soon' }}</p>`,
      };
      const App = {
        components: { Quotes },
        setup: () => ({ ...useSession(), isShown }),
        template: `<p id="session">{{ state }} {{ isSignedIn }} {{ error?.code }}</p><Quotes v-if="isShown"/>`,
      };
      globalThis.session = new Session(presets.simpleJwt(`${server}/api`));
      const root = document.body.appendChild(document.createElement('main'));
      globalThis.app = createApp(App).use(gatepass(session));
      app.mount(root);
    }, server);
    await run(tab);
  });

const shows = (tab, id, text) => tab.locator(id, { hasText: text }).waitFor();

test('state, messages, errors and the wait are shown as they change, and the socket ends with its component', async () => {
  await withApp(async (tab) => {
    await shows(tab, '#session', 'signed-out false');
    await shows(tab, '#socket', 'suspended TOKEN_MISSING');
    await tab.evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
    await shows(tab, '#session', 'signed-in true');
    await shows(tab, '#socket', 'connected');
    await tab.evaluate(() => used.send('{"type":"whoami"}'));
    await shows(tab, '#socket', '"user":"maggie"');
    await control({ do: 'push', text: 'one' });
    await control({ do: 'push', text: 'two' });
    await shows(tab, '#socket', 'connected two');
    assert.deepEqual(await tab.evaluate(() => heard.slice(-2)), ['one', 'two']);
    await control({ do: 'dropSockets', how: 'reset' });
    await shows(tab, '#socket', 'waiting two CONNECTION_LOST soon');
    assert.deepEqual(
      await tab.evaluate(() => lost),
      ['{"type":"whoami"}'],
      'answered within 5 s, so it may not have arrived',
    );
    assert.ok((await tab.evaluate(() => used.retryIn.value)) <= 60);
    await tab.evaluate(() => used.reconnect());
    await until(
      tab,
      () => used.state.value === 'connected' && used.error.value === undefined && used.retryIn.value === undefined,
    );
    const socket = await tab.evaluateHandle(() => used.socket.value);
    await tab.evaluate(() => (isShown.value = false));
    await until(tab, () => used.socket.value === undefined);
    assert.equal(await socket.evaluate(({ state }) => state), 'closed');
    // Data of one user is not shown to the next.
    await tab.evaluate(() => (isShown.value = true));
    await until(tab, () => used.state.value === 'connected');
    await control({ do: 'push', text: 'for maggie' });
    await until(tab, () => used.data.value === 'for maggie');
    assert.ok(
      await tab.evaluate(() => {
        session.logout();
        return used.data.value === undefined;
      }),
    );
    await tab.evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
    // The error that ended a session is also shown to components that mount later.
    await control({ do: 'revoke', user: 'maggie' });
    const ended = await tab.evaluate(async (server) => {
      const { effectScope } = await import('vue');
      const { useSession } = await import('gatepass/vue');
      await session.fetch(`${server}/protected`).catch(() => {});
      const late = effectScope().run(() => useSession(session));
      const seen = [session.state, late.error.value.code === session.error.code, session.error.disposition];
      await session.login({ username: 'bob', password: 'hunter2' });
      return [...seen, late.error.value, session.error];
    }, server);
    assert.deepEqual(ended, ['expired', true, 'signIn', undefined, undefined]);
    await tab.evaluate(() => app.unmount());
  });
});

test('another URL is another socket, none is none, and one component has one connection', async () => {
  await withApp(async (tab) => {
    await tab.evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
    await shows(tab, '#socket', 'connected');
    assert.deepEqual(await ask('counts').then(({ accepted, tickets }) => [accepted, tickets]), [1, 1]);
    const first = await tab.evaluateHandle(() => used.socket.value);
    await tab.evaluate(() => (path.value = '/channel/?more'));
    await until(tab, () => used.state.value === 'connected');
    assert.equal(await first.evaluate(({ state }) => state), 'closed');
    assert.equal((await ask('counts')).accepted, 2);
    await tab.evaluate(() => (path.value = '#no'));
    assert.equal(await tab.evaluate(() => used.error.value.code), 'INVALID_URL');
    await tab.evaluate(() => (path.value = ''));
    const [state, code] = await tab.evaluate(() => {
      try {
        used.send('nothing');
      } catch (error) {
        return [used.state.value, error.code];
      }
    });
    assert.deepEqual([state, code], ['idle', 'CLOSED']);
    // Outside of a scope, the caller closes it.
    const loose = await tab.evaluate(async (server) => {
      const { ref, nextTick } = await import('vue');
      const { anonymous } = await import('gatepass');
      const { useAuthSocket } = await import('gatepass/vue');
      const url = ref(`${server}/ws/anonymous/`);
      const loose = useAuthSocket(url, { scheme: anonymous() });
      await loose.socket.value.ready();
      loose.stop();
      url.value = `${server}/ws/anonymous/?other`;
      await nextTick();
      return [loose.state.value, String(loose.socket.value)];
    }, server);
    assert.deepEqual(loose, ['closed', 'undefined']);
  });
});

test('without a session there is an error that says what to do, and a wrong option throws where it is written', async () => {
  await inProfile(async (context) => {
    const tab = await open(context);
    const said = await tab.evaluate(async () => {
      const { effectScope } = await import('vue');
      const { anonymous } = await import('gatepass');
      const { useAuthSocket, useSession } = await import('gatepass/vue');
      const said = (call) =>
        effectScope().run(() => {
          try {
            return String(call());
          } catch (error) {
            return `${error.code} ${error.message}`;
          }
        });
      return [
        said(() => useSession()),
        said(() => useSession({})),
        said(() => useAuthSocket('wss://h/')),
        said(() => useAuthSocket('wss://h/', { scheme: { type: 'query' } })),
        said(() => useAuthSocket('wss://h/', { scheme: anonymous(), onMessage: 5 })),
        said(() => useAuthSocket('wss://h/', { scheme: anonymous(), outbox: 5 })),
        said(() => useAuthSocket('wss://h/', {})),
      ];
    });
    assert.match(said[0], /^INVALID_OPTION session:.*app\.use\(gatepass\(session\)\)/);
    assert.match(said[1], /^INVALID_OPTION session:/);
    assert.match(said[2], /^INVALID_OPTION options:/);
    assert.match(said[3], /^INVALID_OPTION session:.*first await/);
    assert.match(said[4], /^INVALID_OPTION onMessage:/);
    assert.match(said[5], /^INVALID_OPTION outbox:/);
    assert.match(said[6], /^INVALID_OPTION scheme:/);
  });
});

test('on a server it renders, and nothing connects', async () => {
  await control({ do: 'reset' });
  const here = createRequire(import.meta.url);
  const { createSSRApp, h } = await import('vue');
  const { renderToString } = await import(pathToFileURL(here.resolve('vue/server-renderer')));
  const { gatepass, useAuthSocket, useSession } = await import(
    pathToFileURL(join(project, 'node_modules/gatepass/pkg/vue.js'))
  );
  const { presets, Session } = await import(pathToFileURL(join(project, 'node_modules/gatepass/pkg/index.js')));
  const session = new Session(presets.simpleJwt(`${server}/api`));
  const app = createSSRApp({
    setup() {
      const { state } = useSession();
      const socket = useAuthSocket(`${server}/channel/`, presets.ticketServerSocket(server));
      return () => h('p', `${state.value} ${socket.state.value} ${socket.socket.value}`);
    },
  });
  assert.equal(await renderToString(app.use(gatepass(session))), '<p>signed-out idle undefined</p>');
  assert.equal((await ask('counts')).tickets, 0);
});

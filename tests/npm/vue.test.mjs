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
        template: `<p id="socket">{{ state }} {{ suspendedFor }} {{ data }} {{ error?.code }} {{ retryIn === undefined ? '' : 'soon' }}</p>`,
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
    await shows(tab, '#socket', 'suspended sign-in');
    assert.equal(await tab.evaluate(() => used.error.value), undefined, 'a visitor has done nothing wrong');
    await tab.evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
    await shows(tab, '#session', 'signed-in true');
    await shows(tab, '#socket', 'connected');
    await tab.evaluate(() => used.send('{"type":"whoami"}'));
    await shows(tab, '#socket', '"user":"maggie"');
    await control({ do: 'push', text: 'one' });
    await control({ do: 'push', text: 'two' });
    await shows(tab, '#socket', 'connected  two');
    assert.deepEqual(await tab.evaluate(() => heard.slice(-2)), ['one', 'two']);
    await control({ do: 'dropSockets', how: 'reset' });
    await shows(tab, '#socket', 'waiting  two CONNECTION_LOST soon');
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

test('a closed socket shows nothing of the user before, and a sign-in ends the error that asked for it', async () => {
  await withApp(async (tab) => {
    await tab.evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
    await until(tab, () => used.state.value === 'connected');
    await control({ do: 'push', text: 'for maggie' });
    await until(tab, () => used.data.value === 'for maggie');
    await control({ do: 'dropSockets', how: { close: { code: 4403, reason: '' } } });
    await until(tab, () => used.state.value === 'closed' && used.error.value !== undefined);
    const shown = () => tab.evaluate(() => [used.state.value, used.data.value, used.error.value?.code]);
    await tab.evaluate(() => session.login({ username: 'bob', password: 'hunter2' }));
    assert.deepEqual(await shown(), ['closed', undefined, undefined]);
    await tab.evaluate(() => used.reconnect());
    await until(tab, () => used.state.value === 'connected');
    await tab.evaluate(() => session.logout());
    await until(tab, () => used.state.value === 'suspended' && used.error.value?.code === 'TOKEN_MISSING');
    await control({ do: 'delay', endpoint: 'ticket', ms: 60_000 });
    await tab.evaluate(() => session.login({ username: 'bob', password: 'hunter2' }));
    await until(tab, () => used.state.value === 'connecting' && used.error.value === undefined);
  });
});

test('messages that may not have arrived are reported when the URL changes and when the scope ends', async () => {
  await withApp(async (tab) => {
    await tab.evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
    await until(tab, () => used.state.value === 'connected');
    await tab.evaluate(() => (used.send('before the URL changes'), (path.value = '/channel/?more')));
    assert.deepEqual(await tab.evaluate(() => lost.splice(0)), ['before the URL changes']);
    await until(tab, () => used.state.value === 'connected');
    await tab.evaluate(() => (used.send('before the end'), (isShown.value = false)));
    await until(tab, () => used.socket.value === undefined);
    assert.deepEqual(await tab.evaluate(() => lost), ['before the end']);
  });
});

test('a function for the URL that throws is an error without a socket, and a wrong URL is refused as it is', async () => {
  await withApp(async (tab) => {
    await tab.evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
    const seen = await tab.evaluate(async (server) => {
      const { effectScope, ref } = await import('vue');
      const { anonymous } = await import('gatepass');
      const { useAuthSocket } = await import('gatepass/vue');
      const url = ref(() => `${server}/ws/anonymous/`);
      const scope = effectScope();
      const { socket, error } = scope.run(() => useAuthSocket(() => url.value(), { scheme: anonymous() }));
      await socket.value.ready();
      const cause = new RangeError('no user');
      const messages = [];
      const wrong = [
        () => {
          throw cause;
        },
        () => 5,
        () => 0,
        () => Symbol('x'),
        () => Object.create(null),
      ];
      for (const next of wrong) {
        url.value = next;
        messages.push([String(socket.value), error.value.message]);
        if (messages.length === 1) messages.push(error.value.cause === cause);
      }
      url.value = () => `${server}/ws/anonymous/`;
      await socket.value.ready();
      scope.stop();
      return [...messages, error.value];
    }, server);
    assert.deepEqual(seen, [
      ['undefined', 'url: the function threw an error'],
      true,
      ['undefined', 'url: a URL is needed; got 5'],
      ['undefined', 'url: a URL is needed; got 0'],
      ['undefined', 'url: a URL is needed; got symbol'],
      ['undefined', 'url: a URL is needed; got object'],
      undefined,
    ]);
  });
});

test('options are read once, and refused at once also while there is no URL', async () => {
  await withApp(async (tab) => {
    const seen = await tab.evaluate(async (server) => {
      const { effectScope, ref } = await import('vue');
      const { anonymous } = await import('gatepass');
      const { useAuthSocket } = await import('gatepass/vue');
      const options = { scheme: anonymous(), params: { room: 'a' } };
      const refused = [];
      for (const wrong of [{ foo: 1 }, { scheme: undefined }, { connectTimeout: -1 }, { session: 5 }]) {
        try {
          useAuthSocket(undefined, { ...options, ...wrong });
        } catch ({ message }) {
          refused.push(message.split(/[:;]/)[0]);
        }
      }
      const url = ref();
      const scope = effectScope();
      const { socket } = scope.run(() => useAuthSocket(url, options));
      options.params.room = 5;
      url.value = `${server}/ws/anonymous/`;
      await socket.value.ready();
      scope.stop();
      return refused;
    }, server);
    assert.deepEqual(seen, ['foo', 'scheme', 'connectTimeout', 'session']);
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

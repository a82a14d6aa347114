// What is known of a session before the wasm is there: a reload shows no login form to a user who is signed in.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { control, server } from './browser.mjs';
import { origin, project } from './page.mjs';
import { inProfile, open, until } from './profile.mjs';

const RECORD = { v: 1, id: 5, renewals: 0, access: 'token', refresh: 'other' };

/** A page in which there is never any wasm, and a session with something in the store of the browser. */
async function firstOf(place, stored, options = {}) {
  let told;
  await inProfile(async (context) => {
    const tab = await context.newPage();
    await tab.route('**/core_bg.wasm', () => {});
    await tab.goto(origin);
    told = await tab.evaluate(
      async ([place, stored, options]) => {
        const { Session } = await import('gatepass');
        if (stored !== null) globalThis[place].setItem('tokens', stored);
        const { state, snapshot } = new Session({ store: place, storeKey: 'tokens', ...options });
        return [state, snapshot.isLoading, snapshot.isSignedIn];
      },
      [place, stored, options],
    );
  });
  return told;
}

for (const place of ['localStorage', 'sessionStorage'])
  test(`with ${place} a session says at once whether somebody is signed in`, async () => {
    assert.deepEqual(await firstOf(place, JSON.stringify(RECORD)), ['signed-in', false, true]);
    assert.deepEqual(await firstOf(place, null), ['signed-out', false, false]);
  });

test('what the store of the browser does not say stays open until the session has looked', async () => {
  const loading = ['loading', true, false];
  const call = { credentials: 'include', restore: { url: 'https://api.example.com/session' } };
  for (const [stored, options] of [
    ['no record', {}],
    [JSON.stringify({ ...RECORD, v: 2 }), {}],
    [JSON.stringify({ ...RECORD, access: '' }), {}],
    [JSON.stringify(RECORD), { fields: { access: null }, credentials: 'include' }],
    [null, call],
  ])
    assert.deepEqual(await firstOf('localStorage', stored, options), loading, stored);
  assert.deepEqual(await firstOf('localStorage', JSON.stringify(RECORD), call), ['signed-in', false, true]);
});

test('what is called before the wasm is there shows at once, with one change', async () => {
  await inProfile(async (context) => {
    const tab = await open(context);
    const told = await tab.evaluate(async () => {
      const { Session } = await import('gatepass');
      const seen = [];
      const session = new Session();
      session.addEventListener('change', ({ state }) => seen.push(state));
      session.setTokens({ access: 'token' });
      session.logout();
      const { state } = session;
      const first = [...seen.splice(0), state];
      return [first, await session.accessToken().catch(({ code }) => code), [...new Set(seen)], session.state];
    });
    assert.deepEqual(told, [['signed-in', 'signed-out', 'signed-out'], 'TOKEN_MISSING', [], 'signed-out']);
  });
});

test('a snapshot is the same object until something changes, and a subscriber hears of each change', async () => {
  await inProfile(async (context) => {
    await control({ do: 'reset' });
    const tab = await open(context);
    const told = await tab.evaluate(async (server) => {
      const { AuthSocket, presets, Session } = await import('gatepass');
      const session = new Session(presets.simpleJwt(`${server}/api`));
      const socket = new AuthSocket(`${server}/channel/`, { session, ...presets.ticketServerSocket(server) });
      const seen = { session: [], socket: [] };
      const isSame = () =>
        [session, socket].every((of) => {
          const { snapshot } = of;
          return of.snapshot === snapshot;
        });
      const stops = [
        session.subscribe(({ state, isSignedIn }) => seen.session.push(`${state} ${isSignedIn} ${isSame()}`)),
        socket.subscribe(({ state, phase }) => seen.socket.push(`${state} ${phase} ${isSame()}`)),
      ];
      await session.login({ username: 'maggie', password: 'secret' });
      await socket.ready();
      const frozen = [session.snapshot, socket.snapshot].every(Object.isFrozen);
      for (const stop of stops) stop();
      socket.close();
      session.logout();
      return { ...seen, frozen };
    }, server);
    assert.deepEqual(told.session, ['signed-out false true', 'signed-in true true']);
    assert.equal(told.socket[0], 'idle undefined true');
    assert.equal(told.socket.at(-1), 'connected undefined true');
    assert.ok(told.frozen);
  });
});

test('a Vue page that takes over a server’s HTML shows the same first, and then who is signed in', async () => {
  const here = createRequire(import.meta.url);
  const { renderToString } = await import(pathToFileURL(here.resolve('vue/server-renderer')));
  const of = (path) => import(pathToFileURL(join(project, 'node_modules/gatepass/pkg', path)));
  const { createSSRApp, h } = await import('vue');
  const [{ Session }, { gatepass, useSession }] = await Promise.all([of('index.js'), of('vue.js')]);
  const App = {
    setup() {
      const { isLoading, isSignedIn } = useSession();
      return () => h(isLoading.value ? 'i' : isSignedIn.value ? 'main' : 'form');
    },
  };
  const html = await renderToString(createSSRApp(App).use(gatepass(new Session({ store: 'localStorage' }))));
  assert.equal(html, '<i></i>');
  await inProfile(async (context) => {
    const tab = await open(context);
    const shown = await tab.evaluate(
      async ([html, record]) => {
        localStorage.setItem('tokens', record);
        const { createSSRApp, h, nextTick } = await import('vue');
        const { Session } = await import('gatepass');
        const { gatepass, useSession } = await import('gatepass/vue');
        const session = new Session({ store: 'localStorage', storeKey: 'tokens' });
        const root = document.body.appendChild(document.createElement('div'));
        root.innerHTML = html;
        const shown = [];
        const setup = () => {
          const { isLoading, isSignedIn } = useSession();
          return () => {
            const name = isLoading.value ? 'i' : isSignedIn.value ? 'main' : 'form';
            shown.push(name);
            return h(name);
          };
        };
        createSSRApp({ setup }).use(gatepass(session)).mount(root);
        await nextTick();
        return [shown, root.innerHTML];
      },
      [html, JSON.stringify(RECORD)],
    );
    assert.deepEqual(shown, [['i', 'main'], '<main></main>']);
  });
});

test('no login form flashes at a reload, however late the wasm comes', async () => {
  await inProfile(async (context) => {
    await control({ do: 'reset' });
    const tab = await open(context);
    let come;
    const late = new Promise((resolve) => (come = resolve));
    const start = () =>
      tab.evaluate(async (server) => {
        const { createApp, h } = await import('vue');
        const { presets, Session } = await import('gatepass');
        const { gatepass, useSession } = await import('gatepass/vue');
        globalThis.session = new Session({ ...presets.simpleJwt(`${server}/api`), store: 'localStorage' });
        globalThis.shown = [];
        const setup = () => {
          const { isLoading, isSignedIn } = useSession();
          return () => {
            shown.push(isLoading.value ? 'nothing' : isSignedIn.value ? 'app' : 'login');
            return h('main');
          };
        };
        createApp({ setup })
          .use(gatepass(session))
          .mount(document.body.appendChild(document.createElement('div')));
      }, server);
    await start();
    await tab.evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
    await until(tab, () => localStorage.length > 0);
    await tab.route('**/core_bg.wasm', async (route) => {
      await late;
      await route.continue();
    });
    await tab.reload();
    await start();
    assert.deepEqual(await tab.evaluate(() => shown), ['app']);
    come();
    assert.equal(await tab.evaluate(() => session.accessToken().then((token) => typeof token)), 'string');
    assert.deepEqual(await tab.evaluate(() => [...new Set(shown)]), ['app']);
  });
});

/** A tab whose wasm comes when it is let go; `answer` says how. Somebody is in the store already. */
async function beforeTheWasm(work, { answer = (route) => route.continue(), user = 'maggie' } = {}) {
  await inProfile(async (context) => {
    await control({ do: 'reset' });
    const login = async (username) => {
      const password = { maggie: 'secret', bob: 'hunter2' }[username];
      const body = JSON.stringify({ username, password });
      return (await fetch(`${server}/api/token/`, { method: 'POST', body })).json();
    };
    const tab = await open(context);
    const { access, refresh } = await login(user);
    await tab.evaluate(
      (record) => localStorage.setItem('tokens', record),
      JSON.stringify({ ...RECORD, access, refresh }),
    );
    let come;
    const held = new Promise((resolve) => (come = resolve));
    await tab.route('**/core_bg.wasm', async (route) => {
      await held;
      await answer(route);
    });
    await tab.evaluate(async (server) => {
      const { AuthSocket, load, presets, Session } = await import('gatepass');
      Object.assign(globalThis, { load, seen: [] });
      globalThis.session = new Session({
        ...presets.simpleJwt(`${server}/api`),
        store: 'localStorage',
        storeKey: 'tokens',
      });
      session.addEventListener('change', ({ state, error }) => seen.push([state, error?.code]));
      const socket = `${server}/channel/`;
      globalThis.socket = new AuthSocket(socket, { session, ...presets.ticketServerSocket(server) });
    }, server);
    await work(tab, come, context);
  });
}

test('a logout before the wasm is there holds, also if the page is left first', async () => {
  await beforeTheWasm(async (tab) => {
    await tab.evaluate(() => session.logout());
    assert.equal(await tab.evaluate(() => localStorage.getItem('tokens')), null);
    await tab.reload();
    const { state } = await tab.evaluate(async () => {
      const { Session } = await import('gatepass');
      return new Session({ store: 'localStorage', storeKey: 'tokens' }).snapshot;
    });
    assert.equal(state, 'signed-out');
  });
});

test('a logout before the wasm is told to the server once it is there', async () => {
  await beforeTheWasm(async (tab, come) => {
    await tab.evaluate(() => session.logout());
    come();
    assert.equal(await tab.evaluate(() => session.accessToken().catch(({ code }) => code)), 'TOKEN_MISSING');
    assert.deepEqual(await tab.evaluate(() => [session.state, seen]), ['signed-out', [['signed-out', undefined]]]);
    assert.equal(await tab.evaluate(() => localStorage.getItem('tokens')), null);
  });
});

test('a logout holds if the wasm cannot be loaded, and when it can be loaded again', async () => {
  let isThere = false;
  const answer = (route) => (isThere ? route.continue() : route.fulfill({ status: 404 }));
  await beforeTheWasm(
    async (tab, come) => {
      await tab.evaluate(() => session.logout());
      come();
      await until(tab, () => session.error?.code === 'LOAD_FAILED');
      assert.deepEqual(await tab.evaluate(() => [...new Set(seen.map(([state]) => state))]), ['signed-out']);
      assert.equal(await tab.evaluate(() => localStorage.getItem('tokens')), null);
      isThere = true;
      await tab.evaluate(() => load());
      assert.equal(await tab.evaluate(() => session.accessToken().catch(({ code }) => code)), 'TOKEN_MISSING');
      assert.equal(await tab.evaluate(() => session.state), 'signed-out');
    },
    { answer },
  );
});

test('a logout after tokens that the wasm misses, too, does not show the user of the store again', async () => {
  await beforeTheWasm(
    async (tab, come) => {
      await tab.evaluate(() => {
        session.setTokens({ access: 'token' });
        session.logout();
      });
      come();
      await until(tab, () => session.error?.code === 'LOAD_FAILED');
      const states = await tab.evaluate(() => seen.map(([state]) => state));
      assert.deepEqual(new Set(states.slice(states.indexOf('signed-out'))), new Set(['signed-out']));
    },
    { answer: (route) => route.fulfill({ status: 404 }) },
  );
});

test('a logout that the wasm missed is told to the server when it comes, and the session of the browser does not come back', async () => {
  await inProfile(async (context) => {
    await control({ do: 'reset' });
    const tab = await open(context);
    let isThere = false;
    await tab.route('**/core_bg.wasm', (route) => (isThere ? route.continue() : route.fulfill({ status: 404 })));
    await tab.evaluate(async (server) => {
      const { load, Session } = await import('gatepass');
      globalThis.load = load;
      const login = { url: `${server}/hidden/login/` };
      const options = { login, logout: { url: `${server}/hidden/logout/` }, credentials: 'include' };
      globalThis.session = new Session({
        ...options,
        refresh: { url: `${server}/hidden/token/refresh/` },
        restore: true,
      });
      session.logout();
    }, server);
    await until(tab, () => session.error?.code === 'LOAD_FAILED');
    isThere = true;
    const told = tab.waitForRequest('**/hidden/logout/');
    await tab.evaluate(() => load());
    assert.equal(await tab.evaluate(() => session.accessToken().catch(({ code }) => code)), 'TOKEN_MISSING');
    assert.equal(await tab.evaluate(() => session.state), 'signed-out');
    await told;
  });
});

test('tokens that could not be taken are taken back, with a change', async () => {
  await inProfile(async (context) => {
    const tab = await open(context);
    await tab.route('**/core_bg.wasm', (route) => route.fulfill({ status: 404 }));
    const told = await tab.evaluate(async () => {
      const { Session } = await import('gatepass');
      const seen = [];
      const session = new Session();
      session.subscribe(({ state, error }) => seen.push([state, error?.code]));
      session.setTokens({ access: 'token' });
      while (session.error === undefined || session.state === 'signed-in')
        await new Promise((resolve) => session.addEventListener('change', resolve, { once: true }));
      return [seen.slice(0, 2), seen.at(-1)];
    });
    assert.deepEqual(told, [
      [
        ['signed-out', undefined],
        ['signed-in', undefined],
      ],
      ['signed-out', 'LOAD_FAILED'],
    ]);
  });
});

/** Bob signs in by another tab, which has the wasm. */
async function bobElsewhere(context) {
  const other = await open(context);
  await other.evaluate(async (server) => {
    const { presets, Session } = await import('gatepass');
    globalThis.session = new Session({
      ...presets.simpleJwt(`${server}/api`),
      store: 'localStorage',
      storeKey: 'tokens',
    });
    await session.login({ username: 'bob', password: 'hunter2' });
    while (!localStorage.getItem('tokens')?.includes(await session.accessToken()))
      await new Promise((resolve) => setTimeout(resolve, 5));
  }, server);
  return other;
}

test('what is sent and asked before the wasm is that of the user who is shown, whoever signs in meanwhile', async () => {
  await beforeTheWasm(async (tab, come, context) => {
    await tab.evaluate((server) => {
      globalThis.note = socket.send('secret note of maggie');
      globalThis.asked = session.fetch(`${server}/protected`).then(
        async (response) => (await response.json()).user,
        ({ code }) => code,
      );
    }, server);
    await bobElsewhere(context);
    come();
    assert.ok(['maggie', 'SUPERSEDED'].includes(await tab.evaluate(() => asked)));
    await until(tab, () => socket.state === 'connected');
    assert.equal(await tab.evaluate(() => note.status), 'dropped');
    const user = await tab.evaluate(
      async (server) => (await (await session.fetch(`${server}/protected`)).json()).user,
      server,
    );
    assert.equal(user, 'bob');
    assert.ok((await tab.evaluate(() => seen.length)) > 0, 'the change of user is told');
  });
});

test('a logout before the wasm signs nobody else out', async () => {
  await beforeTheWasm(async (tab, come, context) => {
    const other = await bobElsewhere(context);
    await tab.evaluate(() => session.logout());
    come();
    await until(tab, () => socket.state === 'connected');
    assert.deepEqual(await Promise.all([tab, other].map((tab) => tab.evaluate(() => session.state))), [
      'signed-in',
      'signed-in',
    ]);
  });
});

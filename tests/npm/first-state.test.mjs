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

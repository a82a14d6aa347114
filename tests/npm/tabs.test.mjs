// Many tabs of one browser: they share a session, renew its token once, and end it together.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, control, server } from './browser.mjs';
import { each, inProfile, open, until } from './profile.mjs';

/** Makes a session and a socket in a tab, as `session` and `socket`. */
async function start(tab, store = 'localStorage', scheme = 'ticket') {
  await tab.evaluate(
    async ([server, store, scheme]) => {
      const { AuthSocket, firstMessage, presets, Session } = await import('gatepass');
      globalThis.session = new Session({ ...presets.simpleJwt(`${server}/api`), store, httpTimeout: 3_000 });
      const how =
        scheme === 'ticket'
          ? presets.ticketServerSocket(server)
          : { scheme: firstMessage({ message: { token: '$token' } }) };
      globalThis.socket = new AuthSocket(server + (scheme === 'ticket' ? '/channel/' : '/ws/4401/'), {
        session,
        ...how,
        backoff: { base: 50, spread: 50 },
      });
      globalThis.states = [];
      socket.addEventListener('statechange', ({ state }) => states.push(state));
      await session.ready();
    },
    [server, store, scheme],
  );
}

const login = (tab, username = 'maggie', password = 'secret') =>
  tab.evaluate(([username, password]) => session.login({ username, password }), [username, password]);
const connected = (tab) => until(tab, () => socket.state === 'connected');

/** Prepares a tab so that what it has is old, until it looks. */
const hearsNothing = () => {
  delete globalThis.BroadcastChannel;
  addEventListener('storage', (event) => event.stopImmediatePropagation(), true);
};

/** Runs with two tabs whose sockets are connected for maggie. */
const withTwo = (run) =>
  inProfile(async (context) => {
    const tabs = [await open(context), await open(context)];
    await each(tabs, (tab) => start(tab));
    await login(tabs[0]);
    await each(tabs, connected);
    await run(tabs);
  });

for (const [how, ...prepare] of [
  ['with the locks of the browser'],
  [
    'without locks and channels, as on pages without TLS',
    () => {
      Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });
      delete globalThis.BroadcastChannel;
    },
  ],
]) {
  test(`case_92: ten tabs that wake together make one refresh, and a logout ends all ten: ${how}`, async () => {
    await control({ do: 'reset' });
    await control({ do: 'setSettings', settings: { rotateRefreshTokens: true } });
    await inProfile(async (context) => {
      const tabs = [];
      for (let index = 0; index < 10; index++) tabs.push(await open(context, ...prepare));
      await each(tabs, (tab) => start(tab));
      await login(tabs[0]);
      await each(tabs, connected);
      assert.equal((await ask('counts')).open, 10);
      // Every token ends, and so does every socket: as after sleep.
      await control({ do: 'expireTokens' });
      await control({ do: 'dropSockets', how: { close: { code: 4401 } } });
      await each(tabs, (tab) => until(tab, () => states.filter((state) => state === 'connected').length === 2));
      const { calls, refreshes, reusedRefreshTokens, open: alive } = await ask('counts');
      assert.deepEqual(
        { calls: calls.refresh, refreshes, reusedRefreshTokens, alive },
        { calls: 1, refreshes: 1, reusedRefreshTokens: 0, alive: 10 },
      );
      const tokens = await each(tabs, (tab) => tab.evaluate(() => session.accessToken()));
      assert.equal(new Set(tokens).size, 1, 'all have the same token');

      await tabs[3].evaluate(() => session.logout());
      await each(tabs, (tab) => until(tab, () => session.state === 'signed-out' && socket.state === 'suspended'));
      await until(tabs[0], () => localStorage.length === 0);
    });
    while ((await ask('counts')).open > 0);
  });
}

for (const store of ['localStorage', 'sessionStorage', 'memory']) {
  /** Opens tabs that ask for the session of the browser together: a lock holds them back until all wait for it. */
  const restored = (context, before, count) => async (check) => {
    const tabs = [];
    for (let index = 0; index < count; index++) tabs.push(await open(context));
    const names = ['gatepass lock restored'];
    const holder = await open(context);
    await holder.evaluate(
      ([name]) => new Promise((held) => void navigator.locks.request(name, () => (held(), new Promise(() => {})))),
      names,
    );
    await before(holder);
    await each(tabs, (tab) =>
      tab.evaluate(
        async ([server, store]) => {
          const { Session } = await import('gatepass');
          const api = server.replace(/\/\/[^:]+/, `//${location.hostname}`);
          globalThis.session = new Session({
            login: { url: `${api}/hidden/login/` },
            refresh: { url: `${api}/hidden/token/refresh/` },
            logout: { url: `${api}/hidden/logout/` },
            credentials: 'include',
            restore: true,
            store,
            storeKey: 'restored',
          });
          globalThis.errors = [];
          session.addEventListener('error', ({ error }) => errors.push([error.code, error.status]));
          globalThis.login = () => session.login({ username: 'maggie', password: 'secret' });
        },
        [server, store],
      ),
    );
    // `waitForFunction` takes a promise for a yes.
    await holder.evaluate(
      async ([name, count]) => {
        const waiting = async () => (await navigator.locks.query()).pending.filter((lock) => lock.name === name);
        while ((await waiting()).length < count) await new Promise(requestAnimationFrame);
      },
      [...names, count],
    );
    await holder.close();
    await check(tabs, await each(tabs, (tab) => tab.evaluate(() => session.ready())));
  };

  test(`one call to restore answers for all tabs, whatever it finds: tokens in ${store}`, async () => {
    for (const [finds, before, state, errors] of [
      ['nobody', async () => {}, 'signed-out', []],
      [
        'a server that is busy',
        () => control({ do: 'answer', endpoint: 'refresh', status: 503, body: '' }),
        'signed-out',
        [['REFRESH_FAILED', 503]],
      ],
      [
        'somebody',
        (tab) =>
          tab.evaluate((server) => {
            const api = server.replace(/\/\/[^:]+/, `//${location.hostname}`);
            const body = JSON.stringify({ username: 'maggie', password: 'secret' });
            const headers = { 'content-type': 'application/json' };
            return fetch(`${api}/hidden/login/`, { method: 'POST', credentials: 'include', body, headers }).then(
              () => {},
            );
          }, server),
        'signed-in',
        [],
      ],
    ]) {
      await control({ do: 'reset' });
      await control({ do: 'setSettings', settings: { rotateRefreshTokens: true } });
      await inProfile((context) =>
        restored(
          context,
          before,
          4,
        )(async (tabs, states) => {
          assert.deepEqual(states, [state, state, state, state], finds);
          const heard = await each(tabs, (tab) => tab.evaluate(() => errors));
          assert.deepEqual(heard, [errors, errors, errors, errors], finds);
          const { calls } = await ask('counts');
          assert.equal(calls.refresh, 1, finds);
          if (state !== 'signed-in') return;
          const tokens = await each(tabs, (tab) => tab.evaluate(() => session.accessToken()));
          assert.equal(new Set(tokens).size, 1, 'all have the same token');
          await tabs[1].evaluate(() => session.logout());
          await each(tabs, (tab) => until(tab, () => session.state === 'signed-out'));
        }),
      );
    }
  });
}

test('case_96: another user in one tab is another user in all, and nothing of the first is sent', async () => {
  await control({ do: 'reset' });
  await withTwo(async (tabs) => {
    await control({ do: 'refuseHandshakes', times: 10_000, status: 503 });
    await control({ do: 'dropSockets', how: 'reset' });
    await each(tabs, (tab) => until(tab, () => socket.state !== 'connected'));
    await tabs[1].evaluate(() => socket.send("maggie's"));
    await login(tabs[0], 'bob', 'hunter2');
    await until(tabs[1], () => socket.stats().dropped === 1);
    // The refusals end with it.
    await control({ do: 'reset' });
    await login(tabs[0], 'bob', 'hunter2');
    await each(tabs, connected);
    const users = await each(tabs, (tab) =>
      tab.evaluate(
        () =>
          new Promise((resolve) => {
            socket.addEventListener('message', ({ data }) => resolve(JSON.parse(data).user));
            socket.send('{"type":"whoami"}');
          }),
      ),
    );
    assert.deepEqual(users, ['bob', 'bob']);
  });
  assert.equal(
    (await ask('received')).some((heard) => heard.text === "maggie's"),
    false,
  );
});

test('case_94: a tab that ends in the middle of a refresh keeps nobody from it', async () => {
  await control({ do: 'reset' });
  await withTwo(async (tabs) => {
    await control({ do: 'loseAnswers', endpoint: 'refresh' });
    await control({ do: 'expireTokens' });
    await tabs[0].evaluate(() => void session.accessToken({ minTtl: 86_400_000 }).catch(() => {}));
    while (((await ask('counts')).calls.refresh ?? 0) === 0);
    await control({ do: 'dropSockets', how: { close: { code: 4401 } } });
    await tabs[0].close();
    await until(tabs[1], () => states.filter((state) => state === 'connected').length === 2);
    assert.equal((await ask('counts')).calls.refresh, 2);
  });
});

test('case_94: a holder of the lock that shows no sign of life loses it', async () => {
  await control({ do: 'reset' });
  await inProfile(async (context) => {
    const tabs = [await open(context), await open(context)];
    await start(tabs[1]);
    await login(tabs[1]);
    await connected(tabs[1]);
    // Like a tab that was put to sleep while it held the lock.
    await tabs[0].evaluate(
      ([name]) =>
        new Promise((held) => {
          window.stolen = navigator.locks
            .request(name, () => (held(), new Promise(() => {})))
            .catch(({ name }) => name);
        }),
      [`gatepass lock gatepass ${server}/api/token/`],
    );
    const token = await tabs[1].evaluate(() => session.accessToken({ minTtl: 86_400_000 }));
    assert.equal(typeof token, 'string');
    assert.equal(await tabs[0].evaluate(() => window.stolen), 'AbortError');
    assert.equal((await ask('counts')).calls.refresh, 1);
  });
});

test('cases_7_and_93: whoever renewed alone is followed, and a refusal counts only if nobody did', async () => {
  await control({ do: 'reset' });
  await control({ do: 'setSettings', settings: { rotateRefreshTokens: true } });
  await inProfile(async (context) => {
    const tabs = [await open(context), await open(context, hearsNothing)];
    await each(tabs, (tab) => start(tab));
    await login(tabs[0]);
    await connected(tabs[0]);
    await tabs[1].reload();
    await start(tabs[1]);
    await connected(tabs[1]);
    await tabs[0].evaluate(() => session.accessToken({ minTtl: 86_400_000 }));
    await control({ do: 'dropSockets', how: { close: { code: 4401 } } });
    await each(tabs, (tab) => until(tab, () => socket.state === 'connected'));
    const { reusedRefreshTokens } = await ask('counts');
    assert.equal(reusedRefreshTokens, 0);
  });
});

test('case_93: a tab that is given the lock before it sees what the last holder has written waits for it', async () => {
  await control({ do: 'reset' });
  await control({ do: 'setSettings', settings: { rotateRefreshTokens: true } });
  await inProfile(async (context) => {
    const [renewing, behind] = [
      await open(context),
      await open(context, hearsNothing, () => {
        // Locks and stores reach another tab in no defined order. Here the test decides when the store arrives.
        const { getItem } = Storage.prototype;
        const seen = new Map();
        Storage.prototype.getItem = function (key) {
          if (globalThis.isBehind) globalThis.hasLooked = true;
          else seen.set(key, getItem.call(this, key));
          return seen.get(key) ?? null;
        };
      }),
    ];
    await start(renewing);
    await login(renewing);
    await start(behind);
    await connected(behind);
    await behind.evaluate(() => void (globalThis.isBehind = true));
    await control({ do: 'expireTokens' });
    await renewing.evaluate(() => session.accessToken({ minTtl: 86_400_000 }));
    await control({ do: 'dropSockets', how: { close: { code: 4401 } } });
    await until(behind, () => globalThis.hasLooked);
    await behind.evaluate(() => void (globalThis.isBehind = false));
    await until(behind, () => states.filter((state) => state === 'connected').length === 2);
    const { calls, reusedRefreshTokens } = await ask('counts');
    assert.deepEqual({ calls: calls.refresh, reusedRefreshTokens }, { calls: 1, reusedRefreshTokens: 0 });
  });
});

test('a duplicated tab goes on with its twin, each in its own sessionStorage', async () => {
  await control({ do: 'reset' });
  await control({ do: 'setSettings', settings: { rotateRefreshTokens: true } });
  await inProfile(async (context) => {
    const first = await open(context);
    await start(first, 'sessionStorage');
    await login(first);
    await connected(first);
    const [twin] = await Promise.all([
      context.waitForEvent('page'),
      first.evaluate(() => void window.open(location.href)),
    ]);
    await twin.waitForLoadState();
    await start(twin, 'sessionStorage');
    await connected(twin);
    const other = await open(context);
    await start(other, 'sessionStorage');
    assert.equal(
      await other.evaluate(() => session.state),
      'signed-out',
      'a tab that was opened anew has a session of its own',
    );
    await first.evaluate(() => session.accessToken({ minTtl: 86_400_000 }));
    const token = await first.evaluate(() => session.accessToken());
    while ((await twin.evaluate(() => session.accessToken())) !== token);
    await control({ do: 'expireTokens' });
    await control({ do: 'dropSockets', how: { close: { code: 4401 } } });
    await each([first, twin], (tab) => until(tab, () => states.filter((state) => state === 'connected').length >= 2));
    for (const tab of [first, twin]) {
      const connections = await tab.evaluate(() => states.filter((state) => state === 'connected').length);
      assert.equal(connections, 2, 'one connection before, and one after');
    }
    assert.equal((await ask('counts')).reusedRefreshTokens, 0);
    await twin.evaluate(() => session.logout());
    await until(first, () => session.state === 'signed-out');
    assert.equal(await first.evaluate(() => sessionStorage.length), 0);
    assert.equal(await first.evaluate(() => localStorage.length), 0);
  });
});

for (const [what, place] of [
  ['localStorage', 'localStorage'],
  ['a store of the app that takes its time', 'own'],
]) {
  test(`two tabs that change the sign-in at nearly the same moment agree on the later one: ${what}`, async () => {
    await control({ do: 'reset' });
    await inProfile(async (context) => {
      const tabs = [await open(context), await open(context)];
      await each(tabs, (tab) =>
        tab.evaluate(
          async ([server, place]) => {
            const { presets, Session } = await import('gatepass');
            const pause = () => new Promise((resolve) => setTimeout(resolve, 30));
            // Reads are a moment old, and writes arrive a moment later.
            const own = {
              load: async () => {
                const text = localStorage.getItem('agreed');
                await pause();
                return text;
              },
              save: async (text) => (await pause(), localStorage.setItem('agreed', text)),
              clear: async () => (await pause(), localStorage.removeItem('agreed')),
            };
            globalThis.session = new Session({
              ...presets.simpleJwt(`${server}/api`),
              store: place === 'own' ? own : place,
              storeKey: 'agreed',
            });
            globalThis.who = () =>
              session.accessToken().then(
                (token) => JSON.parse(atob(token.split('.')[1])).user_id,
                ({ code }) => code,
              );
            globalThis.renew = () =>
              session.accessToken({ minTtl: 86_400_000 }).then(
                () => {},
                () => {},
              );
            await session.ready();
          },
          [server, place],
        ),
      );
      const [one, other] = tabs;
      const bob = () => session.login({ username: 'bob', password: 'hunter2' });
      const maggie = () => session.login({ username: 'maggie', password: 'secret' });
      const logout = () => session.logout();
      const is = (user) =>
        each(tabs, (tab) =>
          tab.evaluate(async (user) => {
            while ((await who()) !== user) await new Promise((resolve) => setTimeout(resolve, 5));
          }, user),
        );
      // The actions of both tabs, a moment apart, and the user in the end.
      for (const [first, second, end] of [
        ['renew', maggie, 'maggie'],
        ['renew', logout, 'TOKEN_MISSING'],
        [logout, maggie, 'maggie'],
      ]) {
        for (let moment = 0; moment < 12; moment++) {
          await one.evaluate(bob);
          await is('bob');
          const began = first === 'renew' ? one.evaluate(() => renew()) : one.evaluate(first);
          // One turn of the page's event loop at a time.
          await other.evaluate(async (steps) => {
            for (; steps > 0; steps--) await new Promise((resolve) => setTimeout(resolve));
          }, moment * 2);
          await other.evaluate(second);
          await began;
          await is(end);
          // It stays so: one more change in each tab flushes everything that was in flight.
          await each(tabs, (tab) => tab.evaluate(() => renew()));
          await is(end);
          await one.evaluate(logout);
          await is('TOKEN_MISSING');
        }
      }
    });
  });
}

// Session, store and locks: whatever fails, is late or is stored, a logout holds and one tab renews.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, control, server } from './browser.mjs';
import { inFreshPage, inPage } from './page.mjs';
import { each, inProfile, open, until } from './profile.mjs';

for (const fault of ['the next write', 'the next write and the erasing after it', 'nothing, but both come at once']) {
  test(`a logout never brings back the user before, whatever the store refuses: ${fault}`, async () => {
    await control({ do: 'reset' });
    await inProfile(async (context) => {
      const tab = await open(context);
      const state = await tab.evaluate(
        async ([server, fault]) => {
          const { presets, Session } = await import('gatepass');
          const make = () =>
            new Session({ ...presets.simpleJwt(`${server}/api`), store: 'localStorage', storeKey: 'tokens' });
          const session = (globalThis.session = make());
          await session.ready();
          await session.login({ username: 'bob', password: 'hunter2' });
          const stored = (condition) =>
            new Promise((resolve) => {
              const look = setInterval(
                () => condition(localStorage.getItem('tokens')) && resolve(clearInterval(look)),
                5,
              );
            });
          await stored(Boolean);
          const of = async (username, password) => {
            const response = await fetch(`${server}/api/token/`, {
              method: 'POST',
              body: JSON.stringify({ username, password }),
            });
            const { access, refresh } = await response.json();
            return { access, refresh };
          };
          const maggie = await of('maggie', 'secret');
          const { setItem, removeItem } = Storage.prototype;
          const refuse = () => {
            throw new DOMException('full', 'QuotaExceededError');
          };
          const isAtOnce = fault.startsWith('nothing');
          if (!isAtOnce) {
            const failed = new Promise((resolve) => session.addEventListener('error', resolve, { once: true }));
            Storage.prototype.setItem = refuse;
            if (fault.includes('erasing')) Storage.prototype.removeItem = refuse;
            session.setTokens(maggie);
            await failed;
            await new Promise((resolve) => setTimeout(resolve, 20));
            Storage.prototype.setItem = setItem;
            Storage.prototype.removeItem = removeItem;
          } else session.setTokens(maggie);
          session.logout();
          await stored((text) => text === null);
          new BroadcastChannel('tokens').postMessage(null);
          dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
          await new Promise((resolve) => setTimeout(resolve, 50));
          const again = make();
          return [session.state, await again.ready(), localStorage.getItem('tokens')];
        },
        [server, fault],
      );
      assert.deepEqual(state, ['signed-out', 'signed-out', null]);
    });
  });
}

for (const store of ['localStorage', 'sessionStorage', 'own']) {
  test(`a logout right after a renewal holds: ${store}`, async () => {
    await control({ do: 'reset' });
    const { result } = await inPage(
      async ([server, kind]) => {
        const { presets, Session } = await import('gatepass');
        let kept = null;
        const store =
          kind === 'own'
            ? { load: () => kept, save: (text) => void (kept = text), clear: () => void (kept = null) }
            : kind;
        const ends = [];
        for (let round = 0; round < 5; round++) {
          const session = new Session({ ...presets.simpleJwt(`${server}/api`), store, storeKey: 'renewed' });
          await session.ready();
          await session.login({ username: 'maggie', password: 'secret' });
          await session.accessToken({ minTtl: 86_400_000 });
          const states = [];
          session.addEventListener('change', ({ state }) => states.push(state));
          session.logout();
          const isThere = () => (kind === 'own' ? kept : globalThis[kind].getItem('renewed')) !== null;
          const tasks = async (count) => {
            for (; count > 0; count--) await new Promise((resolve) => setTimeout(resolve));
          };
          while (isThere()) await tasks(1);
          // Everything in flight has arrived by then.
          await tasks(20);
          ends.push(session.state, states.join(), isThere());
        }
        return ends;
      },
      [server, store],
    );
    assert.deepEqual(result, Array(5).fill(['signed-out', 'signed-out', false]).flat());
  });
}

test('what a store saves late, after it was given up, is not left there for whoever comes next', async () => {
  const { result } = await inPage(async () => {
    const { Session } = await import('gatepass');
    let kept = null;
    let save;
    let erased;
    const wasErased = new Promise((resolve) => (erased = resolve));
    const store = {
      load: async () => kept,
      save: (text) => new Promise((resolve) => (save = () => ((kept = text), resolve()))),
      clear: async () => ((kept = null), erased()),
    };
    const session = new Session({ store, storeKey: 'late' });
    await session.ready();
    const failed = new Promise((resolve) => session.addEventListener('error', ({ error }) => resolve(error.code)));
    session.setTokens({ access: 'access', refresh: 'refresh' });
    const code = await failed;
    session.logout();
    save();
    await wasErased;
    return [code, session.state, kept, await new Session({ store, storeKey: 'late' }).ready()];
  });
  assert.deepEqual(result, ['STORE_FAILED', 'signed-out', null, 'signed-out']);
});

test('what another tab puts into a store between a look and a change stays there', async () => {
  const { result } = await inPage(
    async (server) => {
      const { presets, Session } = await import('gatepass');
      const record = (id) =>
        JSON.stringify({ v: 1, id, renewals: 0, access: `access-${id}`, refresh: 'refresh', skew: 0 });
      const seen = [];
      for (const [act, there] of [
        ['logout', record(8)],
        ['renew', record(8)],
        ['renew', null],
      ]) {
        let kept = null;
        let looks = 0;
        const changes = new EventTarget();
        const changed = () => changes.dispatchEvent(new Event('change'));
        const store = {
          load: async () => {
            const seen = kept;
            if (--looks === 0) kept = there;
            return seen;
          },
          save: async (text) => ((kept = text), changed()),
          clear: async () => ((kept = null), changed()),
        };
        const saved = new Promise((resolve) => changes.addEventListener('change', resolve, { once: true }));
        const session = new Session({
          ...presets.simpleJwt(`${server}/api`),
          store,
          storeKey: `overtaken ${act} ${there}`,
        });
        await session.ready();
        await session.login({ username: 'maggie', password: 'secret' });
        await saved;
        const other = new Promise((resolve) => session.addEventListener('change', () => resolve()));
        if (act === 'logout') {
          looks = 1;
          session.logout();
        } else {
          // The holder of the lock reads first, and again before it writes.
          looks = 2;
          await session.accessToken({ minTtl: 86_400_000 });
        }
        await other;
        const state = there ? 'signed-in' : 'signed-out';
        while (session.state !== state || (there && (await session.accessToken()) !== 'access-8'))
          await new Promise((resolve) => setTimeout(resolve));
        seen.push(kept === there);
      }
      return seen;
    },
    [server],
  );
  assert.deepEqual(result, [true, true, true]);
});

test('where the script of the stores cannot be loaded, a session goes on in memory and says so once', async () => {
  await inProfile(async (context) => {
    await context.route('**/tabs.js', (route) => route.abort());
    const tab = await open(context);
    const result = await tab.evaluate(async (server) => {
      const { presets, Session } = await import('gatepass');
      const session = new Session({
        ...presets.simpleJwt(`${server}/api`),
        store: 'localStorage',
        storeKey: 'no script',
      });
      const errors = [];
      session.addEventListener('error', ({ error }) => errors.push(error.code));
      const states = [await session.ready()];
      await session.login({ username: 'maggie', password: 'secret' });
      const before = await session.accessToken();
      states.push(session.state, (await session.accessToken({ minTtl: 86_400_000 })) !== before);
      session.logout();
      states.push(session.state, localStorage.getItem('no script'));
      return [states, errors];
    }, server);
    assert.deepEqual(result, [['signed-out', 'signed-in', true, 'signed-out', null], ['STORE_FAILED']]);
  });
});

test('whoever waits for a store that hangs has waited once, and not before each renewal', async () => {
  const { result } = await inPage(async (server) => {
    const { presets, Session } = await import('gatepass');
    const never = () => new Promise(() => {});
    const session = new Session({
      ...presets.simpleJwt(`${server}/api`),
      store: { load: () => null, save: never, clear: never },
      storeKey: 'hangs',
    });
    await session.ready();
    const failed = new Promise((resolve) =>
      session.addEventListener('error', ({ error }) => resolve(error.code), { once: true }),
    );
    await session.login({ username: 'maggie', password: 'secret' });
    const code = await failed;
    // From now on, timers of five seconds never fire.
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (call, delay = 0, ...given) => (delay >= 5_000 ? 0 : setTimeout(call, delay, ...given));
    const before = await session.accessToken();
    const renewed = await session.accessToken({ minTtl: 86_400_000 });
    return [code, renewed !== before];
  }, server);
  assert.deepEqual(result, ['STORE_FAILED', true]);
});

for (const act of ['login', 'logout', 'login and logout']) {
  test(`what a page changes before it is left is in the store, although another tab is changing it just then: ${act}`, async () => {
    await control({ do: 'reset' });
    await inProfile(async (context) => {
      const [tab, other] = [await open(context), await open(context)];
      const begin = (server) => {
        return import('gatepass').then(async ({ presets, Session }) => {
          globalThis.session = new Session({
            ...presets.simpleJwt(`${server}/api`),
            store: 'localStorage',
            storeKey: 'left',
          });
          return session.ready();
        });
      };
      await tab.evaluate(begin, server);
      const login = () => session.login({ username: 'maggie', password: 'secret' });
      if (act === 'logout') {
        await tab.evaluate(login);
        await until(tab, () => localStorage.getItem('left') !== null);
      }
      // It never finishes that.
      await other.evaluate(
        () =>
          new Promise((held) => void navigator.locks.request('gatepass change left', () => new Promise(() => held()))),
      );
      if (act.startsWith('login')) await tab.evaluate(login);
      const left = tab.waitForNavigation();
      await tab.evaluate((act) => {
        if (act.endsWith('logout')) session.logout();
        location.reload();
      }, act);
      await left;
      assert.equal(await tab.evaluate(begin, server), act === 'login' ? 'signed-in' : 'signed-out');
      assert.equal(await tab.evaluate(() => localStorage.getItem('left') === null), act !== 'login');
    });
  });
}

test('a record that other code has damaged is no sign-in', async () => {
  const good = { v: 1, id: 7, renewals: 0, access: 'token', refresh: 'refresh', expiresAt: 4e12, skew: 0 };
  const result = await inFreshPage(
    async (rows) => {
      const { Session } = await import('gatepass');
      const seen = [];
      for (const [index, row] of rows.entries()) {
        localStorage.setItem(`row ${index}`, JSON.stringify(row));
        seen.push(await new Session({ store: 'localStorage', storeKey: `row ${index}` }).ready());
      }
      return seen;
    },
    [
      good,
      { ...good, id: -5 },
      { ...good, id: 2 ** 53 },
      { ...good, id: '7' },
      { ...good, renewals: '7' },
      { ...good, renewals: 2 ** 32 },
      { ...good, renewals: 0.5 },
      { ...good, access: '' },
      { ...good, access: 'é' },
      { ...good, refresh: '' },
      { ...good, refresh: 7 },
      { ...good, expiresAt: '4e12' },
      { ...good, expiresAt: 1e300 },
      { ...good, skew: null },
      [good],
      7,
    ],
  );
  assert.deepEqual(result, ['signed-in', ...Array(15).fill('signed-out')]);
});

test('a refresh token of any text is there again after a reload', async () => {
  const { result } = await inPage(async () => {
    const { Session } = await import('gatepass');
    const states = [];
    for (const refresh of ['réf', 'a b', '"', '\u{1f511}']) {
      const make = () => new Session({ store: 'localStorage', storeKey: 'any text' });
      const session = make();
      await session.ready();
      session.setTokens({ access: 'access', refresh });
      while (!localStorage.getItem('any text')) await new Promise((resolve) => setTimeout(resolve));
      states.push(await make().ready());
      session.logout();
      while (localStorage.getItem('any text')) await new Promise((resolve) => setTimeout(resolve));
    }
    return states;
  });
  assert.deepEqual(result, Array(4).fill('signed-in'));
});

test('without Web Locks the tabs of a browser renew one after the other, round after round', async () => {
  await control({ do: 'reset' });
  await control({ do: 'setSettings', settings: { rotateRefreshTokens: true } });
  await inProfile(async (context) => {
    const tabs = [];
    for (let index = 0; index < 12; index++)
      tabs.push(await open(context, () => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })));
    await each(tabs, (tab) =>
      tab.evaluate(async (server) => {
        const { presets, Session } = await import('gatepass');
        globalThis.session = new Session({
          ...presets.simpleJwt(`${server}/api`),
          store: 'localStorage',
          httpTimeout: 5_000,
        });
        await session.ready();
      }, server),
    );
    await tabs[0].evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
    await each(tabs, (tab) => until(tab, () => session.state === 'signed-in'));
    for (let round = 1; round <= 5; round++) {
      await control({ do: 'expireTokens' });
      const refused = await tabs[0].evaluate(() => session.accessToken());
      const tokens = await each(tabs, (tab) =>
        tab.evaluate(async (server) => {
          // Like a call that is refused with 401.
          await session.fetch(`${server}/api/echo/`).catch(() => {});
          return session.accessToken();
        }, server),
      );
      assert.ok(
        tokens.every((token) => typeof token === 'string' && token !== ''),
        refused,
      );
    }
    await each(tabs, (tab) => tab.evaluate(() => session.accessToken({ minTtl: 86_400_000 })));
    const { reusedRefreshTokens } = await ask('counts');
    assert.equal(reusedRefreshTokens, 0, 'no refresh token was used twice');
    assert.deepEqual(new Set(await each(tabs, (tab) => tab.evaluate(() => session.state))), new Set(['signed-in']));
  });
});

test('a store whose name begins with a minus, or whose locks cannot be counted, keeps tabs apart all the same', async () => {
  await control({ do: 'reset' });
  await control({ do: 'setSettings', settings: { rotateRefreshTokens: true } });
  await control({ do: 'delay', endpoint: 'refresh', ms: 200 });
  await inProfile(async (context) => {
    const tabs = [
      await open(context),
      await open(
        context,
        () =>
          (LockManager.prototype.query = async () => {
            throw new DOMException('no', 'SecurityError');
          }),
      ),
    ];
    await each(tabs, (tab) =>
      tab.evaluate(async (server) => {
        const { presets, Session } = await import('gatepass');
        globalThis.session = new Session({
          ...presets.simpleJwt(`${server}/api`),
          store: 'localStorage',
          storeKey: '-tokens',
          httpTimeout: 2_000,
        });
        await session.ready();
      }, server),
    );
    await tabs[0].evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
    await until(tabs[1], () => session.state === 'signed-in');
    await each(tabs, (tab) => tab.evaluate(() => session.accessToken({ minTtl: 86_400_000 })));
    assert.equal((await ask('counts')).reusedRefreshTokens, 0);
  });
});

test('locks that the browser breaks in any way keep nobody from a token, and a logout holds', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { presets, Session } = await import('gatepass');
    const { request, query } = LockManager.prototype;
    const breaks = {
      marksNever: () =>
        (LockManager.prototype.request = function (name, ...rest) {
          return name.startsWith('gatepass mark') ? new Promise(() => {}) : request.call(this, name, ...rest);
        }),
      throws: () =>
        (LockManager.prototype.request = () => {
          throw new Error('no');
        }),
      undefined: () => (LockManager.prototype.request = () => undefined),
      null: () => (LockManager.prototype.request = () => Promise.reject(null)),
      queryNever: () => (LockManager.prototype.query = () => new Promise(() => {})),
      queryOdd: () => (LockManager.prototype.query = async () => ({ held: [null, {}] })),
    };
    const ends = {};
    for (const [name, broken] of Object.entries(breaks)) {
      broken();
      const make = () =>
        new Session({ ...presets.simpleJwt(`${server}/api`), store: 'localStorage', storeKey: `locks ${name}` });
      const session = make();
      await session.ready();
      await session.login({ username: 'maggie', password: 'secret' });
      const token = await session.accessToken({ minTtl: 86_400_000 });
      session.logout();
      while (localStorage.getItem(`locks ${name}`) !== null) await new Promise((resolve) => setTimeout(resolve));
      ends[name] = [typeof token, session.state, await make().ready()];
      Object.assign(LockManager.prototype, { request, query });
    }
    return ends;
  }, server);
  for (const [name, end] of Object.entries(result)) assert.deepEqual(end, ['string', 'signed-out', 'signed-out'], name);
});

test('without Web Locks a database of the page with our name keeps nobody from a token', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(async (server) => {
    const { presets, Session } = await import('gatepass');
    Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });
    for (const name of ['gatepass', 'gatepass locks']) {
      await new Promise((resolve) => (indexedDB.open(name).onsuccess = ({ target }) => resolve(target.result.close())));
    }
    const session = new Session({ ...presets.simpleJwt(`${server}/api`), store: 'localStorage', storeKey: 'database' });
    await session.ready();
    await session.login({ username: 'maggie', password: 'secret' });
    const token = await session.accessToken({ minTtl: 86_400_000 });
    session.logout();
    return [typeof token, session.state];
  }, server);
  assert.deepEqual(result, ['string', 'signed-out']);
});

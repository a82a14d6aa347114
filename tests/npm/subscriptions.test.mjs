// The same story with Vue, React and Angular: two components share a room, one changes to another, users change, and the last one leaves.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ask, control, server } from './browser.mjs';
import { bundle } from './bundle.mjs';
import { inProfile, open, until } from './profile.mjs';

const folder = join(import.meta.dirname, 'subscriptions');
const react = (version) => {
  const from = createRequire(
    new URL(version === 18 ? '../react-18/package.json' : '../../package.json', import.meta.url),
  );
  return {
    alias: Object.fromEntries(['react', 'react-dom'].map((name) => [name, dirname(from.resolve(name))])),
    define: { 'process.env.NODE_ENV': '"development"' },
  };
};
const APPS = {
  Angular: ['angular.js', {}],
  'React 18': ['react.js', react(18)],
  'React 19': ['react.js', react(19)],
  Vue: ['vue.js', { alias: { vue: join(import.meta.dirname, '../../node_modules/vue/dist/vue.esm-browser.prod.js') } }],
};

/** What was joined and left, by whom. */
const joined = async () =>
  (await ask('received')).flatMap(({ user, text }) => {
    const { type, room } = text === undefined ? {} : JSON.parse(text);
    return type === 'join' || type === 'leave' ? [`${user} ${type} ${room}`] : [];
  });

for (const [framework, [file, more]] of Object.entries(APPS)) {
  test(`${framework}: components share a subscription, which comes and goes with them and follows the user`, async () => {
    const name = `subscriptions-${framework.replace(' ', '-')}.js`;
    await bundle(name, readFileSync(join(folder, file), 'utf8'), 'browser', more);
    await control({ do: 'reset' });
    await inProfile(async (context) => {
      const tab = await open(context);
      const shows = (id, text) => tab.locator(id, { hasText: text }).waitFor();
      await tab.evaluate(
        async ([server, name]) => {
          // The app has gatepass in its own script, and so has the session.
          const { start, presets, Session } = await import(`/${name}`);
          globalThis.heard = [];
          const roomOf = (room) => [
            { type: 'join', room },
            {
              match: { type: 'news', room },
              leave: { type: 'leave', room },
              reply: { type: 'joined', room },
              error: { type: 'refused', room },
            },
          ];
          globalThis.session = new Session(presets.simpleJwt(`${server}/api`));
          const ASK = { reply: { type: 'answer', id: '$id' } };
          globalThis.stop = await start({ server, session, roomOf, ASK });
          await session.login({ username: 'maggie', password: 'secret' });
        },
        [server, name],
      );
      await shows('#one', 'a ready');
      await shows('#two', 'a ready');
      await control({ do: 'publish', room: 'a', text: 'hello' });
      await shows('#one', 'a ready hello');
      await shows('#two', 'a ready hello');
      assert.deepEqual((await tab.evaluate(() => heard)).sort(), ['one hello', 'two hello']);
      assert.equal((await tab.evaluate(() => request({ type: 'ask', what: 'x' }))).what, 'x');
      assert.deepEqual(await joined(), ['maggie join a'], 'once for both');

      await tab.evaluate(() => setRooms({ one: 'b', two: 'a' }));
      await shows('#one', 'b ready');
      assert.doesNotMatch(await tab.locator('#one').textContent(), /hello/);
      await control({ do: 'publish', room: 'a', text: 'again' });
      await shows('#two', 'a ready again');
      assert.deepEqual(await joined(), ['maggie join a', 'maggie join b'], 'one still holds it');
      await tab.evaluate(() => setRooms({ one: 'b' }));
      await tab.evaluate(() => request({ type: 'ask', what: 'until it is left' }));
      assert.deepEqual((await joined()).slice(2), ['maggie leave a']);

      await tab.evaluate(() => setRooms({ one: 'b', two: 'secret' }));
      await shows('#two', 'SUBSCRIPTION_REFUSED');
      await tab.evaluate(() => setRooms({ one: 'b', two: '' }));
      await tab.evaluate(() => session.logout());
      await shows('#one', 'b waits');
      await tab.evaluate(() => session.login({ username: 'bob', password: 'hunter2' }));
      await shows('#one', 'b ready');
      assert.deepEqual((await joined()).slice(3), ['maggie join secret', 'bob join b']);
      await tab.evaluate(() => setRooms({ one: '' }));
      await tab.evaluate(() => request({ type: 'ask', what: 'until it is left' }));
      assert.deepEqual((await joined()).slice(5), ['bob leave b']);
      await tab.evaluate(() => stop());
      await until(tab, () => !document.querySelector('#one'));
    });
  });
}

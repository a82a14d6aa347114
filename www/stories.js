// The stories of one button: what happens on a bad day.

import { crowd, peak, slots, SPREAD } from './crowd.js';

const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis));
const seconds = (since) => `${((performance.now() - since) / 1_000).toFixed(1)} s`;

/**
 * `app` is what a story may use: `control(command)`, `say(text)`, `connected()` (resolves when it is), `lost()` (when it is lost next), `userChanged()`,
 * `isShared()`, `refreshes()`, `whoami()`, `bare`, `bareUser()`, `crowd(fixed, ours)`.
 * A story returns what happened.
 */
export const stories = [
  {
    label: 'The server restarts',
    what: 'It says so (1012), is away for a moment, and comes back.',
    run: async (app) => {
      await app.control({ do: 'dropSockets', how: { close: { code: 1012, reason: '{"spread":1}' } } });
      await app.control({ do: 'stop' });
      const message = app.say('written during the restart');
      await pause(1_500);
      await app.control({ do: 'start' });
      const since = performance.now();
      await app.connected();
      await message;
      return `Back ${seconds(since)} after the server. The message that was written meanwhile has arrived.`;
    },
  },
  {
    label: 'The token expires',
    what: 'The server no longer accepts the token, and closes with 4401.',
    run: async (app) => {
      const since = performance.now();
      const before = await app.refreshes();
      await app.control({ do: 'expireTokens' });
      // The server may answer before the close has arrived.
      const lost = app.lost();
      await app.control({ do: 'dropSockets', how: { close: { code: 4401, reason: 'token expired' } } });
      await lost;
      await app.connected();
      const renewed = (await app.refreshes()) - before;
      return `Back after ${seconds(since)}, with ${renewed === 1 ? 'one renewal' : `${renewed} renewals`}. Nobody had to sign in.`;
    },
  },
  {
    label: 'Wi-Fi goes and comes',
    what: 'The network is gone for three seconds. Two messages are written meanwhile.',
    run: async (app) => {
      window.dispatchEvent(new Event('offline'));
      await app.control({ do: 'dropSockets', how: 'reset' });
      await app.control({ do: 'stop' });
      const messages = [app.say('first without a network'), app.say('second without a network')];
      await pause(3_000);
      await app.control({ do: 'start' });
      const since = performance.now();
      window.dispatchEvent(new Event('online'));
      await app.connected();
      await Promise.all(messages);
      return `Back ${seconds(since)} after the network. Both messages have arrived, in their order.`;
    },
  },
  {
    label: 'A thousand clients come back',
    what: 'The server restarts under a crowd: eighty clients with a fixed wait of a second, then eighty of gatepass. A browser opens no more.',
    run: async (app) => {
      const back = await crowd(app.url, async () => {
        await app.control({ do: 'dropSockets', how: { close: { code: 1012, reason: `{"spread":${SPREAD}}` } } });
      });
      app.crowd(slots(back.fixed), slots(back.gatepass));
      return `Busiest quarter of a second: ${peak(back.fixed)} clients with a fixed wait, ${peak(back.gatepass)} of gatepass. The server had asked to spread them over ${SPREAD} s.`;
    },
  },
  {
    label: 'Log in elsewhere as somebody else',
    what: 'In another tab of this browser, another user signs in.',
    run: async (app) => {
      const before = app.isShared() ? await app.whoami() : null;
      if (before === null) return 'This way in shares no session with another tab: choose another.';
      const frame = document.createElement('iframe');
      frame.title = 'Another tab of the app';
      frame.hidden = true;
      frame.src = 'elsewhere.html';
      const ready = new Promise((resolve) =>
        addEventListener('message', ({ source }) => source === frame.contentWindow && resolve()),
      );
      const changed = app.userChanged();
      document.body.append(frame);
      await ready;
      const other =
        before === 'bob' ? { username: 'maggie', password: 'secret' } : { username: 'bob', password: 'hunter2' };
      frame.contentWindow.postMessage(other, location.origin);
      await changed;
      await app.connected();
      const user = await app.whoami();
      frame.remove();
      const old = app.bare.state === 'connected' ? await app.bareUser() : undefined;
      return `This tab speaks as ${user} now.${old ? ` The bare socket still speaks as ${old}.` : ''}`;
    },
  },
];

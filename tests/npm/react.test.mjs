// gatepass/react with the real React, in Chromium and on a server.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { ask, control, server } from './browser.mjs';
import { bundle } from './bundle.mjs';
import { inProfile, open, until } from './profile.mjs';

/** Where each React is installed. */
const VERSIONS = {
  18: new URL('../react-18/package.json', import.meta.url),
  19: new URL('../../package.json', import.meta.url),
};

const APP = `
import { createElement as h, StrictMode, useEffect, useState } from 'react';
import { anonymous, presets, Session } from 'gatepass';
import { GatepassProvider, useAuthSocket, useSession } from 'gatepass/react';

export { version } from 'react';
export const seen = { renders: 0, heard: [], lost: [] };

function Login() {
  const { state, isLoading, isSignedIn, error } = useSession();
  return h('p', { id: 'session' }, [state, isLoading, isSignedIn, error?.code].join(' '));
}

function Quotes({ server, path, isQuiet }) {
  seen.renders++;
  const socket = useAuthSocket(path && server.replace('http', 'ws') + path, {
    ...presets.ticketServerSocket(server),
    backoff: { base: 60_000, cap: 60_000, spread: 60_000 },
    onMessage: (data) => seen.heard.push(path + ' ' + data),
    onStateChange: ({ unconfirmed }) => seen.lost.push(...unconfirmed),
  });
  seen.used = socket;
  const { state, suspendedFor, error, retryIn } = socket;
  const data = isQuiet ? '' : socket.data;
  return h('p', { id: 'socket' }, [state, suspendedFor, data, error?.code, retryIn === undefined ? '' : 'soon'].join(' '));
}

function App({ server }) {
  const [shown, setShown] = useState({ path: '/channel/' });
  seen.show = setShown;
  return h('main', null, h(Login), shown.path === undefined ? null : h(Quotes, { server, ...shown }));
}

export const app = (server, session) => h(StrictMode, null, h(GatepassProvider, { session }, h(App, { server })));
/** A component within that sends in its first effect. */
export function early(server, session) {
  function Child({ send }) {
    useEffect(() => void send('from a child'), []);
    return null;
  }
  function Parent() {
    const { send, state } = useAuthSocket(server.replace('http', 'ws') + '/ws/anonymous/', { session, scheme: anonymous(), onMessage: (data) => seen.heard.push(data) });
    return h('p', { id: 'early' }, state, h(Child, { send }));
  }
  return h(StrictMode, null, h(Parent));
}
export const makeSession = (server, store) => new Session({ ...presets.simpleJwt(server + '/api'), store });
export const withoutProvider = { session: () => h(Login), socket: () => h(Quotes, { server: 'https://a.example', path: '/' }) };
export const wrong = (options, url = 'wss://a.example') => h(function Wrong() { useAuthSocket(url, options); return null; });
export { anonymous };
`;
const PAGE = `
import 'gatepass/inline';
import { createRoot, hydrateRoot } from 'react-dom/client';
export { flushSync } from 'react-dom';
export const start = (root, element) => { const made = createRoot(root); made.render(element); return made; };
export const hydrate = (root, element, onRecoverableError) => hydrateRoot(root, element, { onRecoverableError });
`;
const SERVER = `export { renderToString } from 'react-dom/server';`;

function bundled(version, contents, platform) {
  const from = createRequire(VERSIONS[version]);
  return bundle(`react-${version}-${platform}.js`, contents, platform, {
    define: { 'process.env.NODE_ENV': '"development"' },
    alias: Object.fromEntries(['react', 'react-dom'].map((name) => [name, dirname(from.resolve(name))])),
  });
}

const shows = (tab, id, text) => tab.locator(id, { hasText: text }).waitFor();

/** A page with the app in it, in StrictMode. */
async function withApp(version, run) {
  await bundled(version, APP + PAGE, 'browser');
  await inProfile(async (context) => {
    await control({ do: 'reset' });
    const tab = await open(context);
    await tab.evaluate(
      async ([server, version]) => {
        globalThis.of = await import(`/react-${version}-browser.js`);
        if (!of.version.startsWith(`${version}.`)) throw new Error(of.version);
        globalThis.session = of.makeSession(server);
        globalThis.root = of.start(document.body.appendChild(document.createElement('div')), of.app(server, session));
      },
      [server, version],
    );
    await run(tab);
  });
}

for (const version of ['18', '19']) {
  test(`React ${version}: state, messages, errors and the wait are shown as they change, and StrictMode leaves one socket`, async () => {
    await withApp(version, async (tab) => {
      await shows(tab, '#session', 'signed-out false false');
      await shows(tab, '#socket', 'suspended sign-in');
      await tab.evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
      await shows(tab, '#session', 'signed-in false true');
      await shows(tab, '#socket', 'connected');
      assert.equal((await ask('counts')).accepted, 1);
      await tab.evaluate(() => of.seen.used.send('{"type":"whoami"}'));
      await shows(tab, '#socket', '"user":"maggie"');
      await control({ do: 'push', text: 'one' });
      await shows(tab, '#socket', 'connected  one');
      assert.deepEqual((await tab.evaluate(() => of.seen.heard)).at(-1), '/channel/ one');

      await tab.evaluate(() => of.seen.used.send('perhaps'));
      await until(tab, () => of.seen.heard.at(-1) === '/channel/ perhaps');
      await control({ do: 'dropSockets', how: 'reset' });
      await shows(tab, '#socket', 'waiting  perhaps CONNECTION_LOST soon');
      assert.equal((await tab.evaluate(() => of.seen.lost)).at(-1), 'perhaps');
      await tab.evaluate(() => of.seen.used.reconnect());
      await shows(tab, '#socket', /^connected {2}perhaps {2}$/);
      await tab.evaluate(() => session.logout());
      await shows(tab, '#socket', 'suspended sign-in');
      // Nothing of the user before.
      assert.doesNotMatch(await tab.locator('#socket').textContent(), /perhaps/);
    });
  });

  test(`React ${version}: another URL is another socket, and the socket ends with its component`, async () => {
    await withApp(version, async (tab) => {
      await tab.evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
      await shows(tab, '#socket', 'connected');
      await tab.evaluate(() => {
        globalThis.first = of.seen.used.socket;
        of.seen.show({ path: '/channel/?other' });
      });
      await until(tab, () => of.seen.used.state === 'connected' && of.seen.used.socket.url.endsWith('?other'));
      assert.equal(await tab.evaluate(() => first.state), 'closed');
      await control({ do: 'push', text: 'two' });
      await until(tab, () => of.seen.heard.at(-1) === '/channel/?other two');
      await tab.evaluate(() => of.seen.show({ path: null }));
      await shows(tab, '#socket', 'idle');
      await tab.evaluate(() => of.seen.show({ path: '/channel/' }));
      await shows(tab, '#socket', 'connected');
      await tab.evaluate(() => {
        globalThis.last = of.seen.used.socket;
        of.seen.show({});
      });
      await until(tab, () => last.state === 'closed');
      assert.equal(await tab.evaluate(() => document.querySelector('#socket')), null);
      await tab.evaluate(() => of.seen.show({ path: ':1/#fragment' }));
      await shows(tab, '#socket', 'idle   INVALID_URL');
    });
  });

  test(`React ${version}: a component that does not read data is not rendered for messages`, async () => {
    await withApp(version, async (tab) => {
      await tab.evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
      await shows(tab, '#socket', 'connected');
      await tab.evaluate(() => of.seen.show({ path: undefined }));
      await tab.evaluate(() => of.seen.show({ path: '/channel/', isQuiet: true }));
      await shows(tab, '#socket', 'connected');
      const before = await tab.evaluate(() => of.seen.renders);
      await control({ do: 'push', text: 'unread' });
      await until(tab, () => of.seen.heard.at(-1) === '/channel/ unread');
      await tab.evaluate(() => new Promise((resolve) => setTimeout(() => requestAnimationFrame(resolve))));
      assert.equal(await tab.evaluate(() => of.seen.renders), before);
    });
  });

  test(`React ${version}: a server renders it, and the page takes that over without an error`, async () => {
    await control({ do: 'reset' });
    const { app, makeSession, renderToString } = await import(
      pathToFileURL(await bundled(version, APP + SERVER, 'node'))
    );
    const html = renderToString(app(server, makeSession(server, 'localStorage')));
    assert.match(html, /loading true false.*idle/);
    assert.equal((await ask('counts')).tickets, 0);
    await withApp(version, async (tab) => {
      await tab.evaluate(() => root.unmount());
      const errors = await tab.evaluate(
        async ([html, server]) => {
          const before = of.makeSession(server, 'localStorage');
          await before.login({ username: 'maggie', password: 'secret' });
          while (localStorage.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
          globalThis.session = of.makeSession(server, 'localStorage');
          const place = document.body.appendChild(document.createElement('div'));
          place.innerHTML = html;
          const errors = [];
          globalThis.root = of.hydrate(place, of.app(server, session), (error) => errors.push(String(error)));
          return errors;
        },
        [html, server],
      );
      await shows(tab, '#session', 'signed-in false true');
      await shows(tab, '#socket', 'connected');
      assert.deepEqual(errors, []);
    });
  });

  test(`React ${version}: another session of the provider is another socket, and a child may send in its first effect`, async () => {
    await withApp(version, async (tab) => {
      await tab.evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
      await shows(tab, '#socket', 'connected');
      await tab.evaluate(async (server) => {
        globalThis.first = of.seen.used.socket;
        const other = of.makeSession(server);
        await other.login({ username: 'bob', password: 'hunter2' });
        root.render(of.app(server, other));
      }, server);
      await until(tab, () => first.state === 'closed' && of.seen.used.state === 'connected');
      await tab.evaluate(() => of.seen.used.send('{"type":"whoami"}'));
      await shows(tab, '#socket', '"user":"bob"');
      await tab.evaluate((server) => root.render(of.early(server)), server);
      await until(tab, () => of.seen.heard.at(-1) === 'from a child');
    });
  });

  test(`React ${version}: what is missing or wrong is said where it is written`, async () => {
    const { renderToString, withoutProvider, wrong, anonymous } = await import(
      pathToFileURL(await bundled(version, APP + SERVER, 'node'))
    );
    const rendering = (element) => () => renderToString(element);
    assert.throws(rendering(withoutProvider.session()), /session: there is none; give one, or put a GatepassProvider/);
    assert.throws(rendering(withoutProvider.socket()), /session: there is none; give one, or put a GatepassProvider/);
    assert.throws(rendering(wrong(undefined)), /options: an object with the scheme is needed/);
    assert.throws(rendering(wrong({})), /scheme/);
    assert.throws(rendering(wrong({ scheme: anonymous() }, () => '/')), /url: a string or a URL is needed/);
    assert.throws(rendering(wrong({ scheme: anonymous(), onMessage: 5 })), /onMessage: a function is needed/);
    assert.throws(rendering(wrong({ scheme: anonymous(), nonsense: 1 })), /nonsense/);
  });
}

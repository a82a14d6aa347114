// gatepass/angular with the real Angular in Chromium, with zone.js and without.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { build } from 'esbuild';
import { ask, control, server } from './browser.mjs';
import { project } from './page.mjs';
import { inProfile, open, until } from './profile.mjs';

/** The app, compiled in the page. */
const APP = `
import '@angular/compiler';
import { ApplicationRef, Component, inject, provideZonelessChangeDetection, signal } from '@angular/core';
import { HttpClient, provideHttpClient, withFetch, withInterceptors } from '@angular/common/http';
import { bootstrapApplication } from '@angular/platform-browser';
import { presets } from 'gatepass';
import { GatepassSession, GatepassSocket, gatepassInterceptor, injectAuthSocket, provideGatepass } from 'gatepass/angular';

export async function start(server, isZoneless) {
  const isShown = signal(true);
  const path = (globalThis.path = signal('/channel/'));
  class Extra {
    gate = (globalThis.extra = injectAuthSocket(() => (typeof path() === 'string' ? path() && new URL(server + path()) : path()), presets.ticketServerSocket(server)));
  }
  Component({ selector: 'app-extra', template: '<p id="extra">{{ gate.state() }}</p>' })(Extra);
  class App {
    session = inject(GatepassSession);
    gate = inject(GatepassSocket);
    isShown = isShown;
    constructor() {
      Object.assign(globalThis, { app: this, http: inject(HttpClient), isShown, heard: [], ended: 0 });
      this.gate.messages.subscribe({ next: (data) => heard.push(data), complete: () => ended++ });
    }
  }
  Component({
    selector: 'app-root', imports: [Extra],
    template: \`<p id="session">{{ session.state() }} {{ session.isSignedIn() }}</p>
      <p id="socket">{{ gate.state() }} {{ gate.suspendedFor() }} {{ gate.data() }} {{ gate.error()?.code }} {{ gate.retryIn() === undefined ? '' : 'soon' }}</p>
      @if (isShown()) { <app-extra/> }\`,
  })(App);
  document.body.append(document.createElement('app-root'));
  globalThis.refused = [{}, 5, { session: 5 }, { session: {}, soket: {} }, { session: {}, socket: 5 }, { session: {}, socket: {} }]
    .map((options) => { try { provideGatepass(options); } catch ({ message }) { return message.split(':')[0]; } });
  const reference = await bootstrapApplication(App, { providers: [
    isZoneless ? provideZonelessChangeDetection() : [],
    provideHttpClient(withInterceptors([gatepassInterceptor])),
    provideGatepass({
      session: presets.simpleJwt(server + '/api'),
      socket: { url: server + '/channel/', ...presets.ticketServerSocket(server), backoff: { base: 60_000, cap: 60_000, spread: 60_000 } },
    }),
  ] });
  globalThis.reference = reference;
}
`;

before(async () => {
  for (const [name, first] of [
    ['zone', "import 'zone.js';"],
    ['zoneless', ''],
  ]) {
    const { outputFiles } = await build({
      // The package is installed here; the rest is resolved from a folder above.
      stdin: { contents: first + APP, resolveDir: project },
      // As Angular's own builder does: zone.js does not patch native async functions.
      supported: { 'async-await': name !== 'zone' },
      bundle: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      write: false,
      logLevel: 'warning',
    });
    writeFileSync(join(project, `angular-${name}.js`), outputFiles[0].contents);
  }
});

const shows = (tab, id, text) => tab.locator(id, { hasText: text }).waitFor();

for (const name of ['zone', 'zoneless']) {
  const withApp = (run) =>
    inProfile(async (context) => {
      await control({ do: 'reset' });
      const tab = await open(context);
      await tab.evaluate(
        async ([server, name]) => (await import(`/angular-${name}.js`)).start(server, name === 'zoneless'),
        [server, name],
      );
      await run(tab);
    });

  test(`${name}: state, messages, errors and the wait are shown as they change, and a socket ends with its component`, async () => {
    await withApp(async (tab) => {
      await shows(tab, '#session', 'signed-out false');
      await shows(tab, '#socket', 'suspended sign-in');
      assert.equal(await tab.evaluate(() => app.gate.error()), undefined, 'a visitor has done nothing wrong');
      await tab.evaluate(() => app.session.login({ username: 'maggie', password: 'secret' }));
      await shows(tab, '#session', 'signed-in true');
      await shows(tab, '#socket', 'connected');
      await shows(tab, '#extra', 'connected');
      await tab.evaluate(() => app.gate.send('{"type":"whoami"}'));
      await shows(tab, '#socket', '"user":"maggie"');
      const socket = await tab.evaluateHandle(() => extra.socket);
      await tab.evaluate(() => isShown.set(false));
      await until(tab, () => document.querySelector('#extra') === null);
      assert.equal(await socket.evaluate(({ state }) => state), 'closed');
      await control({ do: 'push', text: 'one' });
      await control({ do: 'push', text: 'two' });
      await shows(tab, '#socket', 'connected  two');
      assert.deepEqual(await tab.evaluate(() => heard.slice(-2)), ['one', 'two']);
      await control({ do: 'dropSockets', how: 'reset' });
      await shows(tab, '#socket', 'waiting  two CONNECTION_LOST soon');
      await tab.evaluate(() => app.gate.reconnect());
      await until(
        tab,
        () => app.gate.state() === 'connected' && app.gate.error() === undefined && app.gate.retryIn() === undefined,
      );
      await control({ do: 'dropSockets', how: { close: { code: 4403, reason: '' } } });
      await shows(tab, '#socket', 'closed');
      await tab.evaluate(() => app.gate.reconnect());
      await shows(tab, '#socket', 'connected');
      await control({ do: 'push', text: 'after the end' });
      await until(tab, () => heard.includes('after the end'));
      await tab.evaluate(() => app.session.logout());
      assert.equal(
        await tab.evaluate(() => app.gate.data()),
        undefined,
        'what was told to one user is not shown to the next',
      );
      await tab.evaluate(() => reference.destroy());
      assert.deepEqual(await tab.evaluate(() => [app.gate.state(), ended]), ['closed', 1]);
    });
  });

  test(`${name}: another URL of a signal is another socket, none is none, and a wrong one is an error`, async () => {
    await withApp(async (tab) => {
      await tab.evaluate(() => app.session.login({ username: 'maggie', password: 'secret' }));
      await shows(tab, '#extra', 'connected');
      const first = await tab.evaluateHandle(() => extra.socket);
      // Another object with the same URL.
      await tab.evaluate(() => path.set('/./channel/'));
      await tab.evaluate(() => reference.whenStable());
      assert.equal(await first.evaluate(({ state }) => state), 'connected');
      await tab.evaluate(() => path.set('/channel/?more'));
      await until(tab, () => extra.socket?.url.endsWith('more') && extra.state() === 'connected');
      assert.equal(await first.evaluate(({ state }) => state), 'closed');
      await tab.evaluate(() => path.set(5));
      await until(tab, () => extra.error()?.message === 'url: a URL is needed; got 5');
      await tab.evaluate(() => path.set('/channel/#no'));
      await until(tab, () => extra.error()?.code === 'INVALID_URL');
      await tab.evaluate(() => path.set(''));
      await shows(tab, '#extra', 'idle');
      const code = await tab.evaluate(() => {
        try {
          extra.send('nothing');
        } catch (error) {
          return error.code;
        }
      });
      assert.equal(code, 'CLOSED');
      const refused = ['session', 'options', 'session', 'soket', 'socket', 'socket'];
      assert.deepEqual(await tab.evaluate(() => globalThis.refused), refused, 'wrong options of provideGatepass()');
    });
  });

  test(`${name}: an app gets stable while a socket waits and a token is to be renewed`, async () => {
    await withApp(async (tab) => {
      await tab.evaluate(() => app.session.login({ username: 'maggie', password: 'secret' }));
      await shows(tab, '#socket', 'connected');
      await control({ do: 'stop' });
      await shows(tab, '#socket', 'waiting');
      assert.equal(await tab.evaluate(() => reference.whenStable().then(() => app.gate.state())), 'waiting');
      await control({ do: 'start' });
    });
  });

  test(`${name}: the interceptor sends the token to its origin, renews one that is refused, and leaves others alone`, async () => {
    await withApp(async (tab) => {
      const get = (path, headers = {}) =>
        tab.evaluate(
          ([url, headers]) =>
            new Promise((resolve) =>
              http
                .get(url, { headers })
                .subscribe({ next: (body) => resolve(JSON.stringify(body)), error: ({ status }) => resolve(status) }),
            ),
          [path, headers],
        );
      const me = `${server}/protected`;
      assert.equal(await get(me), 401, 'nobody is signed in');
      await tab.evaluate(() => app.session.login({ username: 'maggie', password: 'secret' }));
      assert.match(await get(me), /maggie/);
      await control({ do: 'expireTokens' });
      assert.match(await get(me), /maggie/);
      assert.equal((await ask('counts')).refreshes, 1);
      assert.equal(await get(me, { Authorization: 'Bearer other' }), 401, 'its own goes as it is');
      // Without a token, calls are sent without one, such as the app's own login.
      await control({ do: 'revoke', user: 'maggie' });
      assert.equal(await get(me), 401);
      await shows(tab, '#session', 'expired');
      assert.equal(await get(me), 401);
      const token = await tab.evaluate(
        (url) =>
          new Promise((resolve) =>
            http
              .post(url, { username: 'bob', password: 'hunter2' })
              .subscribe({ next: resolve, error: ({ status }) => resolve(status) }),
          ),
        `${server}/api/token/`,
      );
      assert.ok(token.access, JSON.stringify(token));
    });
  });
}

// gatepass/angular on a server: it renders, becomes stable and opens no connection. The page then hydrates.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { ask, control, server } from './browser.mjs';
import { bundle } from './bundle.mjs';
import { origin } from './page.mjs';
import { inProfile } from './profile.mjs';

const APP = `
import '@angular/compiler';
import { Component, inject, provideZonelessChangeDetection } from '@angular/core';
import { bootstrapApplication, provideClientHydration } from '@angular/platform-browser';
import { presets } from 'gatepass';
import { GatepassSession, GatepassSocket, injectAuthSocket, provideGatepass } from 'gatepass/angular';

class App {
  session = inject(GatepassSession);
  gate = inject(GatepassSocket);
  other = injectAuthSocket(() => this.gate.socket?.url, presets.ticketServerSocket('https://api.example.com'));
}
Component({ selector: 'app-root', template: '<p>{{ session.state() }} {{ gate.state() }} {{ other.state() }}</p>@if (session.isLoading()) { <i>loading</i> } @else if (session.isSignedIn()) { <main>app</main> } @else { <form>login</form> }' })(App);
export const start = (server, store, more = [], context) => bootstrapApplication(App, { providers: [
  provideZonelessChangeDetection(), provideClientHydration(),
  provideGatepass({ session: { ...presets.simpleJwt(server + '/api'), store, storeKey: 'tokens' }, socket: { url: server + '/channel/', ...presets.ticketServerSocket(server) } }),
  ...more,
] }, context);
`;
const SERVER = `
import { provideServerRendering, renderApplication } from '@angular/platform-server';
export const render = (server, store) => renderApplication((context) => start(server, store, [provideServerRendering()], context), { document: '<!doctype html><link rel="icon" href="data:,"><app-root></app-root>', url: '/' });
`;

for (const [store, first, then] of [
  ['memory', 'signed-out idle idle', 'signed-out suspended'],
  ['localStorage', 'loading idle idle', 'signed-in'], // a page of a route may not call this machine,
])
  test(`on a server it renders and connects to nothing, and the page goes on from there: ${store}`, async () => {
    await control({ do: 'reset' });
    const { render } = await import(pathToFileURL(await bundle('hydration-server.mjs', APP + SERVER, 'node')));
    const html = await render(server, store);
    assert.ok(html.includes(`<p>${first}</p>`), html);
    assert.deepEqual(await ask('counts').then(({ accepted, tickets }) => [accepted, tickets]), [0, 0]);
    await bundle('hydration.js', APP, 'browser');
    const login = { method: 'POST', body: JSON.stringify({ username: 'maggie', password: 'secret' }) };
    const { access, refresh } = await (await fetch(`${server}/api/token/`, login)).json();
    await inProfile(async (context) => {
      const tab = await context.newPage();
      await tab.route(`${origin}/rendered`, (route) => route.fulfill({ contentType: 'text/html', body: html }));
      await tab.goto(`${origin}/rendered`);
      const isKept = await tab.evaluate(
        async ([server, store, record]) => {
          if (store !== 'memory') globalThis[store].setItem('tokens', record);
          const rendered = document.querySelector('p');
          const { start } = await import('/hydration.js');
          await (await start(server, store)).whenStable();
          return rendered === document.querySelector('p');
        },
        [server, store, JSON.stringify({ v: 1, id: 1, renewals: 0, access, refresh })],
      );
      assert.ok(isKept, 'what the server has rendered is taken over');

      await tab.locator('p', { hasText: then }).waitFor();
      assert.equal(await tab.locator('i').count(), 0);
      await tab.locator(store === 'memory' ? 'form' : 'main').waitFor();
    });
  });

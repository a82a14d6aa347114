// Kinds of sign-in against the real Django: its own session with CSRF, a refresh token in a cookie, two steps, a missing slash, throttling.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { browser, origin } from '../npm/page.mjs';
import { passCall, passHandshake } from '../npm/proxy.mjs';
import { inContext } from '../npm/recorder.mjs';
import { one } from './django.mjs';

/** One site, as a real one: pages and scripts beside Django, which checks the Origin of a form against its own host. */
let site;
let proxy;

before(async () => {
  const upstream = (path) => (/^\/($|node_modules|favicon)/.test(path) ? origin : one.url);
  proxy = createServer((request, response) => passCall(request, response, upstream(request.url)));
  proxy.on('upgrade', (request, socket) => passHandshake(request, socket, upstream(request.url)));
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  site = `http://127.0.0.1:${proxy.address().port}`;
});
after(() => proxy.close());

/** Runs a function in a page of the site, which may be loaded again by another with the same cookies. */
async function inSite(...scripts) {
  const { result } = await inContext(browser, {}, async (context) => {
    const results = [];
    for (const script of scripts) {
      const tab = await context.newPage();
      await tab.goto(site);
      results.push(await tab.evaluate(script));
      await tab.close();
    }
    return results;
  });
  return result;
}

test('the page of the docs on a CSRF cookie signs in, and finds the user again after a reload', async () => {
  const [, sample] = /```ts \[src\/main\.ts\]\n([\s\S]*?)```/.exec(readFileSync('docs/guides/csrf-cookie.md', 'utf8'));
  const code = sample
    .replace(/import (.*) from 'gatepass';/, "const $1 = await import('gatepass');")
    .replace("'/ws/'", "'/ws/django-session/'");
  const run = `(async () => {
    const before = new (await import('gatepass')).Session({ restore: { url: '/session/me/', method: 'GET' }, fields: { access: null }, credentials: 'include' });
    const found = await before.ready();
    ${code}
    await socket.ready();
    return [found, session.state, document.title];
  })()`;
  assert.deepEqual(await inSite(run, run), [
    ['signed-out', 'signed-in', 'connected'],
    ['signed-in', 'signed-in', 'connected'],
  ]);
});

test("s9: Django's own session: CSRF, restore, a socket and a ticket by cookie, logout; also beside a sign-in to the admin", async () => {
  const signIn = async () => {
    const { AuthSocket, cookie, Session, ticket } = await import('gatepass');
    const options = {
      login: { url: '/session/login/' },
      logout: { url: '/session/logout/' },
      restore: { url: '/session/me/', method: 'GET' },
      fields: { access: null },
      credentials: 'include',
      csrf: 'django',
    };
    const states = [];
    const session = new Session(options);
    states.push(await session.ready());
    const wrong = await session.login({ username: 'maggie', password: 'no' }).catch(({ code }) => code);
    await session.login({ username: 'maggie', password: 'secret' });
    const user = async (path, scheme) => {
      const socket = new AuthSocket(path, { session, scheme });
      const heard = new Promise((resolve) => socket.addEventListener('message', resolve, { once: true }));
      socket.send('{"type":"whoami"}');
      const { data } = await heard;
      socket.close();
      return JSON.parse(data).user;
    };
    const users = [
      await user('/ws/django-session/', cookie()),
      await user('/channel/', ticket({ url: '/session/ws_ticket' })),
    ];
    const again = new Session(options);
    states.push(await again.ready());
    // Without the header, Django refuses: the check is really there.
    const careless = new Session({ ...options, csrf: undefined });
    await careless.ready();
    const forbidden = await careless
      .login({ username: 'maggie', password: 'secret' })
      .catch(({ code, status }) => [code, status]);
    again.logout();
    // The call of the logout is on its way.
    while ((await fetch('/session/me/')).status !== 401);
    states.push(await new Session(options).ready());
    return { states, wrong, users, forbidden };
  };
  const expected = {
    states: ['signed-out', 'signed-in', 'signed-out'],
    wrong: 'INVALID_CREDENTIALS',
    users: ['maggie', 'maggie'],
    forbidden: ['LOGIN_FORBIDDEN', 403],
  };
  assert.deepEqual(await inSite(signIn), [expected]);
  // Signed in to /admin of the same host, as a developer is.
  const asAdmin = async () => {
    const text = await (await fetch('/admin/login/')).text();
    const token = /name="csrfmiddlewaretoken" value="([^"]+)"/.exec(text)[1];
    const body = new URLSearchParams({
      csrfmiddlewaretoken: token,
      username: 'ada',
      password: 'lovelace',
      next: '/admin/',
    });
    const answer = await fetch('/admin/login/?next=/admin/', { method: 'POST', body });
    const { presets, Session } = await import('gatepass');
    const rest = new Session(presets.djRestAuth('/dj-rest-auth'));
    await rest.login({ username: 'maggie', password: 'secret' });
    return [answer.url.endsWith('/admin/'), rest.state];
  };
  assert.deepEqual(await inSite(asAdmin), [[true, 'signed-in']]);
});

test('s10: dj-rest-auth with its refresh token in a cookie: a reload is signed in, after logout it is not', async () => {
  const first = async () => {
    const { presets, Session } = await import('gatepass');
    const session = new Session(presets.djRestAuth('/dj-rest-auth'));
    const before = await session.ready();
    await session.login({ username: 'maggie', password: 'secret' });
    return [before, session.state];
  };
  const reloaded = async () => {
    const { AuthSocket, presets, query, Session } = await import('gatepass');
    const session = new Session(presets.djRestAuth('/dj-rest-auth'));
    const state = await session.ready();
    const socket = new AuthSocket('/ws/jwt/', { session, scheme: query() });
    await socket.ready();
    socket.close();
    const response = await session.fetch('/dj-rest-auth/logout/', { method: 'POST', credentials: 'include' });
    return [state, response.status];
  };
  const after = async () => {
    const { presets, Session } = await import('gatepass');
    return new Session(presets.djRestAuth('/dj-rest-auth')).ready();
  };
  assert.deepEqual(await inSite(first, reloaded, after), [
    ['signed-out', 'signed-in'],
    ['signed-in', 200],
    'signed-out',
  ]);
});

test('s11: a login of two steps, a missing slash, and a login that is throttled are told as what they are', async () => {
  const [result] = await inSite(async () => {
    const { Session } = await import('gatepass');
    const credentials = { username: 'maggie', password: 'secret' };
    const session = new Session({ login: { url: '/mfa/login/' }, refresh: { url: '/api/token/refresh/' } });
    const step = await session.login(credentials).catch((error) => error);
    const { ephemeral_token } = step.details;
    const second = { url: '/mfa/login/code/' };
    const wrong = await session.login({ ephemeral_token, code: '0' }, second).catch(({ code }) => code);
    const next = (await session.login(credentials).catch((error) => error)).details.ephemeral_token;
    await session.login({ ephemeral_token: next, code: '123456' }, second);

    const slash = new Session({ login: { url: '/api/token' } });
    const moved = await slash.login(credentials).catch(({ code, disposition }) => [code, disposition]);

    const busy = new Session({ login: { url: '/throttled/token/' } });
    let throttled;
    for (let round = 0; round < 4; round++) throttled = await busy.login(credentials).catch((error) => error);
    return {
      step: [step.code, step.retryable, step.details.method],
      wrong,
      state: session.state,
      moved,
      throttled: [throttled.code, throttled.status, throttled.retryable, throttled.retryAfter > 0],
    };
  });
  assert.deepEqual(result, {
    step: ['LOGIN_INCOMPLETE', false, 'app'],
    wrong: 'INVALID_CREDENTIALS',
    state: 'signed-in',
    moved: ['REDIRECTED', 'giveUp'],
    throttled: ['LOGIN_FAILED', 429, true, true],
  });
});

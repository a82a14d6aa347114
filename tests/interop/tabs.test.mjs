// Ten tabs of one browser in front of simplejwt, which rotates its refresh tokens and puts the old one on its blacklist.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { each, inProfile, open, until } from '../npm/profile.mjs';
import { shell, two } from './django.mjs';

const REFRESH = '/api/token/refresh/';
const counted =
  'from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken as O; print(O.objects.count(), BlacklistedToken.objects.count())';
const tokens = () => shell(two, counted).trim().split(' ').map(Number);

test('case_92: ten tabs that wake together make one refresh, and a logout ends all ten: simplejwt', () =>
  inProfile(async (context) => {
    await context.clock.install();
    const refreshes = [];
    context.on(
      'request',
      (request) => request.method() === 'POST' && request.url() === two.url + REFRESH && refreshes.push(request),
    );
    const sockets = [];
    context.on('page', (tab) => tab.on('websocket', (socket) => sockets.push(socket)));
    const tabs = [];
    for (let index = 0; index < 10; index++) tabs.push(await open(context));
    await each(tabs, (tab) =>
      tab.evaluate(async (server) => {
        const { AuthSocket, presets, Session } = await import('gatepass');
        globalThis.session = new Session({ ...presets.simpleJwt(`${server}/api`), store: 'localStorage' });
        globalThis.socket = new AuthSocket(`${server}/channel/`, {
          session,
          ...presets.ticketServerSocket(server),
          backoff: { base: 50, cap: 500, spread: 200 },
        });
        globalThis.pids = [];
        socket.addEventListener('open', () => socket.send('{"type":"node"}'));
        socket.addEventListener('message', ({ data }) => pids.push(JSON.parse(data).pid));
        await session.ready();
      }, two.url),
    );
    const [issued, ended] = tokens();
    await tabs[0].evaluate(() => session.login({ username: 'maggie', password: 'secret' }));
    await each(tabs, (tab) => until(tab, () => pids.length === 1));
    const token = (tab) => tab.evaluate(() => session.accessToken());
    const [old] = await each(tabs, token);

    // The lid is closed for ten minutes; a token lives for five.
    await context.clock.fastForward('10:00');
    const fresh = new Set(await each(tabs, token));
    assert.equal(fresh.size, 1, 'all have the same token');
    assert.ok(!fresh.has(old));
    assert.equal(refreshes.length, 1);
    assert.deepEqual(tokens(), [issued + 2, ended + 1], 'of the two that were issued the first is on the blacklist');

    // No tab was logged out: after all nodes were stopped, every tab connects again.
    const nodes = new Set((await each(tabs, (tab) => tab.evaluate(() => pids))).flat());
    for (const pid of nodes) process.kill(pid, 'SIGKILL');
    await each(tabs, (tab) =>
      tab.waitForFunction((gone) => pids.length > 1 && !gone.includes(pids.at(-1)), [...nodes]),
    );
    assert.equal(refreshes.length, 1);

    await tabs[3].evaluate(() => session.logout());
    await each(tabs, (tab) => until(tab, () => session.state === 'signed-out' && socket.state === 'suspended'));
    await Promise.all(sockets.map((socket) => socket.isClosed() || socket.waitForEvent('close')));
    await until(tabs[0], () => localStorage.length === 0);
  }));

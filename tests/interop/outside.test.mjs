// The Django example from outside, by a client that may misbehave. Each check has a control beside it: silence and slowness prove nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { answerTo, claims, handshake, jwt, login, one, post, shell, two } from './django.mjs';

/** Opens a socket by hand: what it hears, its close code, and what it is asked. */
async function open(server, path, headers = {}, protocols = []) {
  const socket = new WebSocket(server.url.replace('http', 'ws') + path, protocols, {
    headers: { origin: server.url, ...headers },
  });
  const heard = [];
  let next = () => {};
  socket.on('message', (data) => {
    heard.push(String(data));
    next();
  });
  const closed = new Promise((resolve) => socket.on('close', resolve));
  await new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
  /** Sends, and waits for what is heard next. */
  const ask = async (text) => {
    const count = heard.length;
    const answered = new Promise((resolve) => (next = resolve));
    socket.send(text);
    if (heard.length === count) await answered;
    return heard.at(-1);
  };
  const user = async () => JSON.parse(await ask('{"type":"whoami"}')).user;
  return { socket, heard, closed, ask, user, protocol: socket.protocol };
}

const now = () => Math.floor(Date.now() / 1000);
const User = 'from django.contrib.auth.models import Group, User;';
const bearer = async (server, user, password) => (await login(server, '/api/token/', user, password)).access;
/** A token of maggie's that was issued after she logged out everywhere: JWTs count whole seconds. */
async function fresh(server) {
  for (;;) {
    const access = await bearer(server);
    if ((await handshake(server, `/ws/jwt/?token=${access}`)) === 101) return access;
  }
}
const ticketOf = async (server, access, headers = {}) => {
  const { body } = await post(
    server,
    '/ws_ticket',
    {},
    { authorization: `Bearer ${access}`, origin: server.url, ...headers },
  );
  return body.ticket;
};

test('a socket ends when its user is deactivated, on whatever node it is, and nobody else does', async () => {
  const [maggie, bob] = [await bearer(two), await bearer(two, 'bob', 'hunter2')];
  const hers = [
    await open(two, `/ws/jwt/?token=${maggie}`),
    await open(two, `/ws/jwt/?token=${maggie}`),
    await open(two, `/channel/?ticket=${await ticketOf(two, maggie)}`),
  ];
  const his = await open(two, `/ws/jwt/?token=${bob}`);
  assert.deepEqual(await Promise.all(hers.map((socket) => socket.user())), ['maggie', 'maggie', 'maggie']);
  shell(two, `${User} user = User.objects.get(username='maggie'); user.is_active = False; user.save()`);
  assert.deepEqual(await Promise.all(hers.map(({ closed }) => closed)), [4401, 4401, 4401]);
  assert.equal(await handshake(two, `/ws/jwt/?token=${maggie}`), 403);
  assert.equal(await his.user(), 'bob', 'the control goes on');
  shell(two, `${User} user = User.objects.get(username='maggie'); user.is_active = True; user.save()`);
  assert.equal(await handshake(two, `/ws/jwt/?token=${maggie}`), 101);
  his.socket.close();
});

test('a logout everywhere ends sockets, access tokens, refresh tokens and tickets, and the next login is good', async () => {
  const { access, refresh } = await login(two);
  const before = await ticketOf(two, access);
  const socket = await open(two, `/ws/jwt/?token=${access}`);
  const other = await open(two, `/ws/jwt/?token=${await bearer(two, 'bob', 'hunter2')}`);
  assert.equal(await socket.user(), 'maggie');
  assert.equal((await post(two, '/logout/everywhere/', {}, { authorization: `Bearer ${access}` })).status, 204);
  assert.equal(await socket.closed, 4401);
  assert.equal(await other.user(), 'bob', 'the control goes on');
  assert.equal(await handshake(two, `/ws/jwt/?token=${access}`), 403, 'the access token');
  assert.equal((await post(two, '/ws_ticket', {}, { authorization: `Bearer ${access}` })).status, 401);
  assert.equal((await post(two, '/api/token/refresh/', { refresh })).status, 401, 'the refresh token');
  assert.equal(await handshake(two, `/channel/?ticket=${before}`), 403, 'the ticket');
  assert.equal(await handshake(two, `/ws/jwt/?token=${await fresh(two)}`), 101);
  other.socket.close();
});

test('a socket of a group ends with the membership, and one of no group does not', async () => {
  const { token } = await login(two, '/api-token-auth/');
  const inGroup = await open(two, `/ws/app_1/?token=${token}`);
  const free = await open(two, `/ws/jwt/?token=${await fresh(two)}`);
  assert.deepEqual([await inGroup.user(), await free.user()], ['maggie', 'maggie']);
  shell(two, `${User} User.objects.get(username='maggie').groups.remove(Group.objects.get(pk=1))`);
  assert.equal(await inGroup.closed, 4403);
  assert.equal(await handshake(two, `/ws/app_1/?token=${token}`), 403);
  assert.equal(await free.user(), 'maggie', 'the control goes on');
  shell(two, `${User} User.objects.get(username='maggie').groups.add(Group.objects.get(pk=1))`);
  assert.equal(await handshake(two, `/ws/app_1/?token=${token}`), 101);
  // And with the token, where that can be deleted.
  const again = await open(two, `/ws/app_1/?token=${token}`);
  shell(
    two,
    "from rest_framework.authtoken.models import Token; Token.objects.filter(user__username='maggie').delete()",
  );
  assert.equal(await again.closed, 4401);
  free.socket.close();
});

test('a socket ends when its token does', async () => {
  const short = await open(one, `/ws/jwt/?token=${jwt(claims({ exp: now() + 2 }))}`);
  const long = await open(one, `/ws/jwt/?token=${jwt(claims())}`);
  assert.equal(await short.user(), 'maggie');
  assert.equal(await short.closed, 4401);
  assert.equal(await long.user(), 'maggie', 'the control goes on');
  long.socket.close();
});

test('whatever a stranger sends, the server answers as ever', async () => {
  const deep = '['.repeat(200_000);
  const odd = [
    '{"token":"\\ud800"}',
    '{"token":"\\u0000"}',
    deep,
    '{"token":[1]}',
    '',
    '[]',
    'null',
    `{"token":"${'a'.repeat(100_000)}"}`,
  ];
  for (const text of odd) {
    const socket = await open(one, '/ws/first/');
    socket.socket.send(text);
    assert.equal(await socket.closed, 4401, text.slice(0, 20));
  }
  const { token } = await login(one, '/api-token-auth/');
  const good = await open(one, '/ws/first/');
  good.socket.send(JSON.stringify({ token }));
  assert.equal(await good.user(), 'maggie', 'the control');
  // Of a user who is in, too.
  for (const text of odd.slice(0, 3)) assert.equal(await good.ask(text), text);
  assert.equal(await good.user(), 'maggie');
  good.socket.close();
  for (const path of [
    '/ws/jwt/?token=%ED%A0%80',
    '/ws/jwt/?token=%00',
    `/ws/jwt/?token=${jwt(claims({ user_id: '9'.repeat(40) }))}`,
    `/ws/jwt/?token=${jwt(claims({ user_id: [1] }))}`,
    '/ws/app_99999999999999999999/?token=x',
    '/channel/?ticket=%00%ED%A0%80',
    '/ws/session/?session_key=%00',
    '/ws/nowhere/',
    '/',
  ])
    assert.equal(await handshake(one, path), 403, path.slice(0, 40));
  for (const user of ['\ud800', '\u0000', 'a'.repeat(100_000), 5])
    assert.ok([400, 401].includes((await post(one, '/auth', { user, pwd: 'x' })).status), String(user).slice(0, 5));
  assert.equal((await post(one, '/auth', { user: 'maggie', pwd: 'secret' })).status, 200, 'the control');
});

test('a ticket is for the page that asks, also by GET; without a page it says that it is for none', async () => {
  const access = await bearer(one);
  const page = 'http://localhost:4200';
  const get = async (headers) =>
    (await fetch(`${one.url}/ws_ticket`, { headers: { authorization: `Bearer ${access}`, ...headers } })).json();
  for (const [headers, bound] of [
    [{ origin: page }, page],
    [{ referer: `${page}/market/` }, page],
    // What browsers send with a GET of the own site.
    [{ 'sec-fetch-site': 'same-origin' }, one.url],
  ]) {
    const [own, foreign] = [await get(headers), await get(headers)];
    assert.equal(own.origin, bound);
    assert.equal(await handshake(one, `/channel/?ticket=${own.ticket}`, { origin: bound }), 101, 'the control');
    assert.equal(await handshake(one, `/channel/?ticket=${foreign.ticket}`, { origin: 'http://localhost:4300' }), 403);
  }
  assert.equal((await get({})).origin, null);
});

test('a ticket is good once, of twenty at once for one, and its answer is not stored and shows the time', async () => {
  const access = await bearer(one);
  const ticket = await ticketOf(one, access);
  const statuses = await Promise.all(Array.from({ length: 20 }, () => handshake(one, `/channel/?ticket=${ticket}`)));
  assert.deepEqual(statuses.filter((status) => status === 101).length, 1);
  assert.equal(await handshake(one, `/channel/?ticket=${ticket}`), 403);
  const response = await fetch(`${one.url}/ws_ticket`, {
    method: 'POST',
    headers: { authorization: `Bearer ${access}`, origin: 'http://localhost:4200' },
  });
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.deepEqual(response.headers.get('access-control-expose-headers')?.toLowerCase().split(/, */), [
    'date',
    'retry-after',
  ]);
});

test('a message may be long, and one that is too long ends its own socket, with or without a user', async () => {
  const longest = Number(shell(one, 'from django.conf import settings; print(settings.MAX_MESSAGE_BYTES)'));
  const { token } = await login(one, '/api-token-auth/');
  const good = await open(one, '/ws/first/');
  good.socket.send(JSON.stringify({ token }));
  const fits = 'a'.repeat(longest);
  assert.equal(await good.ask(fits), fits, 'the control');
  // Bytes count, not letters.
  good.socket.send('é'.repeat(longest / 2 + 1));
  assert.equal(await good.closed, 4400);
  const stranger = await open(one, '/ws/first/');
  stranger.socket.send(Buffer.alloc(longest + 1));
  assert.equal(await stranger.closed, 4400);
  const silent = await open(one, '/ws/first/');
  silent.socket.send(Buffer.alloc(longest));
  assert.equal(await silent.closed, 4401, 'the control: it is no token');
});

test('all refusals look the same, and none takes as long as many good handshakes', async () => {
  const access = await bearer(one);
  const { refresh } = await login(one);
  const used = await ticketOf(one, access);
  assert.equal(await handshake(one, `/channel/?ticket=${used}`), 101, 'the control');
  const refused = [
    '/ws/jwt/',
    '/ws/jwt/?token=made-up',
    `/ws/jwt/?token=${refresh}`,
    `/ws/jwt/?token=${jwt(claims({ exp: now() - 60 }))}`,
    `/ws/jwt/?token=${jwt(claims(), 'another key')}`,
    `/ws/jwt/?token=${jwt(claims({ user_id: '4711' }))}`,
    `/channel/?ticket=${used}`,
    '/channel/?ticket=made-up',
    '/ws/app_1/?token=made-up',
    '/ws/nowhere/',
  ];
  const first = await answerTo(one, refused[0]);
  assert.equal(first.status, 403);
  for (const path of refused) {
    let isAnswered = false;
    const answer = answerTo(one, path).finally(() => (isAnswered = true));
    let good = 0;
    while (!isAnswered) {
      assert.equal(await handshake(one, `/ws/jwt/?token=${access}`), 101, 'the control');
      good++;
    }
    assert.ok(good <= 20, `${path.slice(0, 40)}: ${good} good handshakes were faster`);
    assert.deepEqual(await answer, first, path.slice(0, 40));
  }
});

test('a socket that has not said who it is hears nothing, and is closed', async () => {
  const { token } = await login(one, '/api-token-auth/');
  const silent = await open(one, '/ws/first/');
  const [speaker, listener] = [await open(one, '/ws/first/'), await open(one, '/ws/first/')];
  for (const { socket } of [speaker, listener]) socket.send(JSON.stringify({ token }));
  assert.deepEqual([await speaker.user(), await listener.user()], ['maggie', 'maggie']);
  await speaker.ask('{"type":"broadcast","text":"hi"}');
  await listener.ask('done?');
  assert.ok(
    listener.heard.some((text) => text.includes('"hi"')),
    'the control hears it',
  );
  assert.equal(await silent.closed, 4408);
  assert.deepEqual(silent.heard, []);
  for (const { socket } of [speaker, listener]) socket.close();
});

test('a subprotocol that nobody knows is not chosen, and no Origin, a foreign one and null are refused', async () => {
  const access = await bearer(one);
  const url = `${one.url.replace('http', 'ws')}/ws/jwt/?token=${access}`;
  const chosen = await new Promise((resolve) => {
    const socket = new WebSocket(url, ['made-up'], { origin: one.url });
    socket.on('open', () => resolve(socket.protocol));
    socket.on('error', ({ message }) => resolve(message));
  });
  assert.match(chosen, /no subprotocol/i);
  assert.equal(await handshake(one, `/ws/jwt/?token=${access}`), 101, 'the control');
  for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { origin: null }])
    assert.equal(await handshake(one, `/ws/jwt/?token=${access}`, headers), 403, JSON.stringify(headers));
});

// Every authentication scheme against the real Django, Channels, DRF, simplejwt, djoser and drf-jwt, by the packed package in Chromium.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launch } from '../npm/browser.mjs';
import { inPage, origin } from '../npm/page.mjs';
import { inContext } from '../npm/recorder.mjs';
import { claims, handshake, jwt, login, one, post, shell } from './django.mjs';

const UNAUTHORIZED = [
  ['HANDSHAKE_UNAUTHORIZED', 'refreshToken'],
  ['HANDSHAKE_UNAUTHORIZED', 'signIn'],
];
const REJECTED = [
  ['AUTH_REJECTED', 'refreshToken'],
  ['AUTH_REJECTED', 'signIn'],
];
const REFUSED = [['HANDSHAKE_REFUSED', 'retry']];
const FAILED = [
  ['CONNECT_FAILED', 'retry'],
  ['CONNECT_FAILED', 'retry'],
];
const NO_TICKET = [
  ['TICKET_UNAUTHORIZED', 'refreshToken'],
  ['TICKET_UNAUTHORIZED', 'signIn'],
];

/** Connects as told, in a page; returns the user that the server knows then, or so many failures. */
async function go(way) {
  const { result } = await inPage(
    async (way) => {
      const { AuthSocket, presets, Session } = await import('gatepass');
      const session = new Session(way.session ? presets[way.session](way.server + way.base) : {});
      if (way.login) {
        const error = await session.login(way.login).catch((error) => error);
        if (error) return { failures: [[error.code, error.disposition, error.status]] };
      }
      if (way.access) session.setTokens({ access: way.access });
      const socket = new AuthSocket(way.server + way.path, {
        ...(way.socket ? presets[way.socket](way.server) : { scheme: way.scheme }),
        ...(way.isAlone ? {} : { session }),
        ...(way.probe && { probe: way.server + way.probe }),
        backoff: { base: 10, cap: 100, spread: 20 },
      });
      const failures = [];
      const result = await new Promise((resolve) => {
        socket.addEventListener('open', () => socket.send('{"type":"whoami"}'));
        socket.addEventListener('message', ({ data }) => resolve({ user: JSON.parse(data).user }));
        socket.addEventListener(
          'error',
          ({ error }) => failures.push([error.code, error.disposition]) >= way.failures && resolve({}),
        );
      });
      socket.close();
      return { ...result, failures };
    },
    { server: one.url, ...way },
  );
  return result;
}

/** The way lets maggie in, and has the failures that are given for each bad credential. */
async function row(way, bad) {
  assert.deepEqual(await go({ ...way, login: { username: 'maggie', password: 'secret' } }), {
    user: 'maggie',
    failures: [],
  });
  for (const [what, more, failures] of bad) {
    assert.deepEqual(
      (await go({ ...way, session: undefined, failures: failures.length, ...more })).failures,
      failures,
      what,
    );
  }
}

const expired = () => jwt(claims({ exp: Math.floor(Date.now() / 1000) - 10 }));
const query = { type: 'query' };
/** What the example signs drf-jwt's tokens with. */
const KEY = 'an-example-of-a-key-that-nobody-else-may-know-0123456789-drf-jwt';
const anonymous = { type: 'anonymous' };

/** A token of authtoken that was good until it was deleted, as by a logout elsewhere: these know no other end. */
async function ended() {
  const { token } = await login(one, '/api-token-auth/', 'bob', 'hunter2');
  assert.equal((await post(one, '/ws_ticket', {}, { authorization: `Token ${token}` })).status, 200, 'good before');
  shell(one, "from rest_framework.authtoken.models import Token; Token.objects.filter(user__username='bob').delete()");
  return token;
}

test('s1: a JWT of simplejwt in the query', async () => {
  const { refresh } = await login(one);
  const now = Math.floor(Date.now() / 1000);
  await row({ path: '/ws/jwt/', session: 'simpleJwt', base: '/api', scheme: query, probe: '/protected' }, [
    ['garbage', { access: 'garbage' }, UNAUTHORIZED],
    ['expired', { access: expired() }, UNAUTHORIZED],
    ['a refresh token', { access: refresh }, UNAUTHORIZED],
    ['none', { scheme: anonymous, isAlone: true, probe: undefined }, [...FAILED, ...REFUSED]],
  ]);
  // case_120: what a server must refuse.
  const changed = jwt(claims()).replace(/\.(.)(?=[^.]*$)/, (_, first) => (first === 'A' ? '.B' : '.A'));
  const bad = {
    'no algorithm': jwt(claims(), '', { alg: 'none', typ: 'JWT' }),
    'another key': jwt(claims(), 'another key'),
    'a changed signature': changed,
    'exp that is no number': jwt(claims({ exp: 'never' })),
    expired: expired(),
    'not yet': jwt(claims({ nbf: now + 300 })),
    'a wrong kind': jwt(claims({ token_type: 'refresh' })),
    'no user': jwt(claims({ user_id: '999' })),
    'trailing garbage': `${jwt(claims())}x`,
    empty: '',
  };
  assert.equal(await handshake(one, `/ws/jwt/?token=${jwt(claims())}`), 101, 'the test signs as the server does');
  for (const [what, token] of Object.entries(bad))
    assert.equal(await handshake(one, `/ws/jwt/?token=${token}`), 403, what);
  assert.equal(await handshake(one, '/ws/jwt/'), 403);
});

test('s2: a group in the path, its members, and the sender of a broadcast', async () => {
  await row({ path: '/ws/app_1/', session: 'drfToken', base: '', scheme: query, probe: '/protected' }, [
    ['garbage', { access: 'garbage' }, UNAUTHORIZED],
    ['none', { scheme: anonymous, isAlone: true, probe: undefined }, [...FAILED, ...REFUSED]],
    ['the JWT of another scheme', { access: jwt(claims()) }, REFUSED],
    ['a token that has ended', { access: await ended() }, UNAUTHORIZED],
    ['not a member', { session: 'drfToken', login: { username: 'bob', password: 'hunter2' } }, REFUSED],
    [
      'no such group',
      { session: 'drfToken', login: { username: 'maggie', password: 'secret' }, path: '/ws/app_9/' },
      REFUSED,
    ],
  ]);
  const { result } = await inPage(async (server) => {
    const { AuthSocket, presets, query, Session } = await import('gatepass');
    const session = new Session(presets.drfToken(server));
    await session.login({ username: 'maggie', password: 'secret' });
    const sockets = [0, 1].map(() => new AuthSocket(`${server}/ws/app_1/`, { session, scheme: query() }));
    await Promise.all(sockets.map((socket) => socket.ready()));
    // A client that got an answer has joined the group.
    const next = (socket) =>
      new Promise((resolve) => socket.addEventListener('message', ({ data }) => resolve(data), { once: true }));
    for (const socket of sockets) await Promise.all([next(socket), socket.send('joined?')]);
    const heard = sockets.map(next);
    sockets[0].send('{"type":"broadcast","text":"hi"}');
    return Promise.all(heard);
  }, one.url);
  assert.deepEqual(
    result.map((text) => JSON.parse(text)),
    Array(2).fill({ type: 'broadcast', text: 'hi', from: 'maggie' }),
  );
});

test('s3: the cookie that the login of drf-jwt has set', async () => {
  const cookie = { type: 'cookie' };
  await row({ path: '/ws/cookie/', session: 'drfJwt', base: '/drf-jwt', scheme: cookie, probe: '/protected' }, [
    ['none', { isAlone: true }, [['HANDSHAKE_UNAUTHORIZED', 'giveUp']]],
    ['none, with a token that is not in a cookie', { access: 'garbage' }, UNAUTHORIZED],
  ]);
  const { token } = await login(one, '/drf-jwt/api-token-auth/');
  const body = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
  const cookies = [
    ['good', token, 101],
    ['garbage', 'garbage', 403],
    ['empty', '', 403],
    ['a token of authtoken', (await login(one, '/api-token-auth/')).token, 403],
    ['signed as the server does', jwt(body, KEY), 101],
    ['expired', jwt({ ...body, exp: body.exp - 3600 }, KEY), 403],
    ['another key', jwt(body), 403],
    ['a refresh token', (await login(one)).refresh, 403],
    ['of another kind', jwt({ ...body, token_type: 'refresh' }, KEY), 403],
  ];
  for (const [what, value, status] of cookies) {
    assert.equal(await handshake(one, '/ws/cookie/', { cookie: `a={"b":1}; x; JWT=${value}; c=d e` }), status, what);
  }
  const { result } = await inPage(async (server) => {
    const { AuthSocket, cookie, presets, Session } = await import('gatepass');
    const session = new Session({
      ...presets.drfJwt(`${server}/drf-jwt`),
      logout: { url: `${server}/drf-jwt/logout/` },
    });
    await session.login({ username: 'maggie', password: 'secret' });
    const isHidden = document.cookie === '';
    await new AuthSocket(`${server}/ws/cookie/`, { session, scheme: cookie() }).ready();
    session.logout();
    // A script cannot see when the cookie is gone. An attempt without a session can.
    const failed = async () => {
      const socket = new AuthSocket(`${server}/ws/cookie/`, { scheme: cookie() });
      const isIn = await Promise.race([
        socket.ready().then(() => true),
        new Promise((resolve) => socket.addEventListener('error', () => resolve(false))),
      ]);
      socket.close();
      return !isIn;
    };
    while (!(await failed()));
    return { isHidden };
  }, one.url);
  assert.deepEqual(result, { isHidden: true }, 'HttpOnly, and gone after the logout');
});

test('s4: the ticket protocol', async () => {
  await row({ path: '/channel/', session: 'ticketServer', base: '', socket: 'ticketServerSocket' }, [
    ['none', { scheme: anonymous, isAlone: true, socket: undefined }, [...FAILED, ...REFUSED]],
    ['garbage', { access: 'garbage' }, NO_TICKET],
    ['a refresh token', { access: (await login(one)).refresh }, NO_TICKET],
    ['expired', { access: expired() }, NO_TICKET],
    [
      'a wrong password',
      { session: 'ticketServer', login: { username: 'maggie', password: 'wrong' } },
      [['INVALID_CREDENTIALS', 'signIn', 401]],
    ],
    [
      'an inactive user',
      { session: 'ticketServer', login: { username: 'eve', password: 'gone' } },
      [['INVALID_CREDENTIALS', 'signIn', 401]],
    ],
  ]);
  for (const [what, headers] of [
    ['none', {}],
    ['expired', { authorization: `Bearer ${expired()}` }],
  ]) {
    assert.equal((await post(one, '/ws_ticket', {}, headers)).status, 401, what);
  }
  const { body } = await post(one, '/ws_ticket', {}, { authorization: `Bearer ${(await login(one)).access}` });
  assert.ok(body.expires > Date.now() / 1000 && body.ticket.length >= 43);
  const statuses = [];
  for (let round = 0; round < 2; round++) statuses.push(await handshake(one, `/channel/?ticket=${body.ticket}`));
  assert.deepEqual(statuses, [101, 403], 'good once');
  for (const ticket of ['', 'garbage', (await login(one)).access])
    assert.equal(await handshake(one, `/channel/?ticket=${ticket}`), 403, ticket.slice(0, 7));
});

test('s4: a ticket that a page has asked for is good for that page', async () => {
  const { access } = await login(one);
  const headers = { authorization: `Bearer ${access}`, origin: 'http://localhost:4200' };
  for (const [page, status] of [
    ['http://localhost:4300', 403],
    ['http://localhost:4200', 101],
  ]) {
    const { body } = await post(one, '/ws_ticket', {}, headers);
    assert.equal(await handshake(one, `/channel/?ticket=${body.ticket}`, { origin: page }), status, page);
  }
});

test('s5: a token as the first message', async () => {
  await row({ path: '/ws/first/', session: 'drfToken', base: '', socket: 'channelsFirstMessage' }, [
    [
      'a message without a token',
      { scheme: anonymous, isAlone: true, socket: undefined },
      [['CLOSED_BY_SERVER', 'giveUp']],
    ],
    ['garbage', { access: 'garbage' }, REJECTED],
    ['a token that has ended', { access: await ended() }, REJECTED],
    ['a JWT', { access: jwt(claims()) }, REJECTED],
  ]);
  const { result } = await inPage(async (server) => {
    const { anonymous, AuthSocket } = await import('gatepass');
    const socket = new AuthSocket(`${server}/ws/first/`, { scheme: anonymous() });
    const { code } = await new Promise((resolve) => socket.addEventListener('close', resolve));
    socket.close();
    return code;
  }, one.url);
  assert.equal(result, 4408, 'silence ends');
});

test('s6: a session key of two minutes', async () => {
  const key = { type: 'ticket', url: `${one.url}/ws_session_key`, param: 'session_key', field: 'session_key' };
  await row({ path: '/ws/session/', session: 'drfToken', base: '', scheme: key }, [
    ['none', { scheme: anonymous, isAlone: true }, [...FAILED, ...REFUSED]],
    ['garbage', { access: 'garbage' }, NO_TICKET],
    ['a token that has ended', { access: await ended() }, NO_TICKET],
  ]);
  const { token } = await login(one, '/api-token-auth/', 'bob', 'hunter2');
  const { body } = await post(one, '/ws_session_key', {}, { authorization: `Token ${token}` });
  const path = `/ws/session/?session_key=${body.session_key}`;
  assert.deepEqual([await handshake(one, path), await handshake(one, path)], [101, 101], 'any number of sockets');
  const change = (line) =>
    shell(
      one,
      `from django.contrib.auth.models import User; bob = User.objects.get(username='bob'); ${line}; bob.save()`,
    );
  change("bob.set_password('another')");
  assert.equal(await handshake(one, path), 403, 'issued before the password was changed');
  change("bob.set_password('hunter2')");
  shell(
    one,
    'from django.contrib.sessions.models import Session; from django.utils import timezone; Session.objects.update(expire_date=timezone.now())',
  );
  assert.equal(await handshake(one, path), 403, 'expired');
  for (const key of ['', 'garbage', token])
    assert.equal(await handshake(one, `/ws/session/?session_key=${key}`), 403, key);
});

test('the socket of native clients refuses a page, which has no such header, before it accepts', async () => {
  const { token } = await login(one, '/api-token-auth/');
  assert.equal(await handshake(one, '/ws/header/', { authorization: `Token ${token}` }), 101);
  for (const authorization of ['', 'Token garbage', `Bearer ${token}`, token])
    assert.equal(await handshake(one, '/ws/header/', { authorization }), 403, authorization.slice(0, 13));
});

test('case_25: djoser ends the token at logout, on every device', async () => {
  const { result } = await inPage(async (server) => {
    const { load, presets, Session } = await import('gatepass');
    // The wasm is fetched too, and is not JSON.
    await load();
    const session = new Session(presets.djoser(`${server}/auth`));
    let token;
    const realFetch = globalThis.fetch;
    globalThis.fetch = async (...asked) => {
      const response = await realFetch(...asked);
      token ??= (await response.clone().json()).auth_token;
      return response;
    };
    await session.login({ username: 'bob', password: 'hunter2' });
    session.logout();
    const status = async () =>
      (await realFetch(`${server}/protected`, { headers: { authorization: `Token ${token}` } })).status;
    // Logout does not wait for the server's answer, so poll until it has arrived.
    while ((await status()) !== 401);
    return session.state;
  }, one.url);
  assert.equal(result, 'signed-out');
  const { auth_token } = await login(one, '/auth/token/login/', 'bob', 'hunter2');
  const logout = () => post(one, '/auth/token/logout/', {}, { authorization: `Token ${auth_token}` });
  assert.deepEqual([(await logout()).status, (await logout()).status], [204, 401]);
});

test('cases_1_to_3: djoser and simplejwt refuse a login by name', async () => {
  const attempt = (session, base, username, password) =>
    go({ session, base, login: { username, password }, path: '/', scheme: query });
  const refused = (status) => ({ failures: [['INVALID_CREDENTIALS', 'signIn', status]] });
  assert.deepEqual(await attempt('simpleJwt', '/api', 'maggie', 'wrong'), refused(401));
  assert.deepEqual(await attempt('simpleJwt', '/api', 'eve', 'gone'), refused(401));
  assert.deepEqual(await attempt('simpleJwt', '/api', 'maggie', ''), refused(400));
  assert.deepEqual(await attempt('djoser', '/auth', 'maggie', 'wrong'), refused(400));
  assert.deepEqual(await attempt('drfJwt', '/drf-jwt', 'maggie', 'wrong'), refused(400));
});

test('a user who is let in no more is refused with the token that was good', async () => {
  const [{ access }, { token }] = [
    await login(one, '/api/token/', 'bob', 'hunter2'),
    await login(one, '/api-token-auth/', 'bob', 'hunter2'),
  ];
  assert.equal(await handshake(one, `/ws/jwt/?token=${access}`), 101);
  const set = (isActive) =>
    shell(
      one,
      `from django.contrib.auth.models import User; User.objects.filter(username='bob').update(is_active=${isActive})`,
    );
  set('False');
  assert.equal(await handshake(one, `/ws/jwt/?token=${access}`), 403);
  assert.deepEqual(
    (await go({ path: '/ws/first/', socket: 'channelsFirstMessage', access: token, failures: 2 })).failures,
    REJECTED,
  );
  set('True');
});

test('a page of a foreign origin is refused, whatever it has', async () => {
  const { access } = await login(one);
  const { token } = await login(one, '/api-token-auth/');
  const browser = await launch(['--host-resolver-rules=MAP evil.test 127.0.0.1']);
  try {
    const { result } = await inContext(browser, {}, async (context) => {
      const page = await context.newPage();
      await page.goto(origin.replace('127.0.0.1', 'evil.test'));
      return page.evaluate(
        async ({ server, access, token }) => {
          const { AuthSocket, firstMessage, query, Session } = await import('gatepass');
          const first = async (path, scheme, access) => {
            const session = new Session();
            session.setTokens({ access });
            const socket = new AuthSocket(server + path, { session, scheme });
            const code = await new Promise((resolve) => {
              socket.addEventListener('open', () => resolve('in'));
              socket.addEventListener('error', ({ error }) => resolve(error.code));
            });
            socket.close();
            return code;
          };
          return [
            await first('/ws/jwt/', query(), access),
            await first('/ws/first/', firstMessage({ message: { token: '$token' } }), token),
          ];
        },
        { server: one.url, access, token },
      );
    });
    assert.deepEqual(result, ['CONNECT_FAILED', 'CONNECT_FAILED']);
  } finally {
    await browser.close();
  }
});

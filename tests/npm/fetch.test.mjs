// session.fetch of the packed package: which requests carry the token.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { ask, control, server } from './browser.mjs';
import { inPage } from './page.mjs';

test('session.fetch sends the token to its own origins, renews it once after a 401, and hands it to nobody else', async () => {
  await control({ do: 'reset' });
  const seen = [];
  const foreign = createServer((request, response) => {
    seen.push([request.url, request.headers.authorization]);
    const headers = { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' };
    const target = request.url.startsWith('/to/') ? { location: decodeURIComponent(request.url.slice(4)) } : {};
    response
      .writeHead(request.method === 'OPTIONS' ? 204 : target.location ? 307 : 200, { ...headers, ...target })
      .end('{}');
  });
  await new Promise((resolve) => foreign.listen(0, '127.0.0.1', resolve));
  const elsewhere = `http://127.0.0.1:${foreign.address().port}`;
  try {
    const { result } = await inPage(
      async ([server, elsewhere]) => {
        const { presets, Session } = await import('gatepass');
        const session = new Session({
          ...presets.simpleJwt(`${server}/api`),
          fetchOrigins: [`${elsewhere.replace('127.0.0.1', 'localhost')}/api/`],
        });
        const missing = await session.fetch(`${server}/protected`).catch((error) => error.code);
        await session.login({ username: 'maggie', password: 'secret' });
        const who = async (response) => [response.status, await response.json()];
        const plain = await who(await session.fetch(`${server}/protected`));
        await session.fetch(`${elsewhere}/stranger`);
        await session.fetch(`${elsewhere.replace('127.0.0.1', 'localhost')}/friend`, { method: 'POST', body: 'x' });
        await session.fetch(`${elsewhere}/own`, { headers: { authorization: 'Basic abc' } });
        // An allowed origin that redirects to another.
        await session
          .fetch(`${elsewhere.replace('127.0.0.1', 'localhost')}/to/${encodeURIComponent(`${elsewhere}/led`)}`)
          .catch(() => {});
        return { missing, plain, token: await session.accessToken() };
      },
      [server, elsewhere],
    );
    assert.equal(result.missing, 'TOKEN_MISSING');
    assert.deepEqual(result.plain, [200, { user: 'maggie' }]);
    const of = (url) =>
      seen
        .filter(([path]) => path === url)
        .map(([, header]) => header)
        .filter((header) => header !== undefined);
    assert.deepEqual(of('/stranger'), []);
    assert.deepEqual(of('/led'), []);
    assert.deepEqual(of('/friend'), [`Bearer ${result.token}`]);
    assert.deepEqual(of('/own'), ['Basic abc']);
    assert.ok(
      seen.some(([path]) => path === '/led'),
      'it was led there',
    );
  } finally {
    foreign.close();
  }
  const { result } = await inPage(
    async ([server, controlUrl]) => {
      const { presets, Session } = await import('gatepass');
      const session = new Session(presets.simpleJwt(`${server}/api`));
      await session.login({ username: 'maggie', password: 'secret' });
      const control = (command) => fetch(controlUrl, { method: 'POST', body: JSON.stringify(command) });
      const status = async () => (await session.fetch(`${server}/protected`, { method: 'GET' })).status;
      await control({ do: 'expireTokens' });
      const renewed = await Promise.all([status(), status(), status()]);
      await control({ do: 'answer', endpoint: 'probe', status: 401, times: 2 });
      const stubborn = await status();
      await control({ do: 'revoke', user: 'maggie' });
      const over = await status();
      return { renewed, stubborn, over, state: session.state };
    },
    [server, process.env.GATEPASS_TEST_CONTROL],
  );
  assert.deepEqual(result, { renewed: [200, 200, 200], stubborn: 401, over: 401, state: 'expired' });
  assert.equal((await ask('counts')).refreshes, 2);
});

test('session.fetch ends with its signal, also while it waits for a token', async () => {
  const { result } = await inPage(async (server) => {
    const { Session } = await import('gatepass');
    const seen = [];
    for (const [how, abort] of [
      ['before', (abort) => abort.abort()],
      ['late', (abort) => setTimeout(() => abort.abort(), 20)],
      ['with a reason', (abort) => setTimeout(() => abort.abort(new RangeError('left')), 20)],
    ]) {
      const session = new Session({ getToken: () => new Promise(() => {}), fetchOrigins: [server] });
      const controller = new AbortController();
      abort(controller);
      seen.push(
        await session
          .fetch(`${server}/protected`, { signal: controller.signal })
          .catch(({ name }) => `${how}: ${name}`),
      );
    }
    return seen;
  }, server);
  assert.deepEqual(result, ['before: AbortError', 'late: AbortError', 'with a reason: RangeError']);
});

test('session.fetch sends nothing of a user who has gone since it was called', async () => {
  const { result } = await inPage(async () => {
    const { load, Session } = await import('gatepass');
    await load();
    const sent = [];
    const own = globalThis.fetch;
    globalThis.fetch = async (request) => {
      sent.push(session.state);
      return own(request);
    };
    const session = new Session({ fetchOrigins: [location.origin] });
    // A token that exists, and one of a sign-in whose listener signs out.
    session.setTokens({ access: 'SECRET-token-of-maggie' });
    const fetched = session.fetch('/protected').then(({ status }) => status);
    session.logout();
    const codes = [await fetched];
    session.addEventListener('change', ({ state }) => state === 'signed-in' && session.logout(), { once: true });
    session.setTokens({ access: 'SECRET-token-of-bob' });
    codes.push(await session.fetch('/protected').catch(({ code }) => code));
    globalThis.fetch = own;
    return [sent, codes];
  });
  assert.deepEqual(result, [['signed-in'], [404, 'TOKEN_MISSING']]);
});

test('a request of one user is not sent with the token of another, neither after a renewal nor after a 401', async () => {
  await control({ do: 'reset' });
  const { result } = await inPage(
    async ([server, CONTROL]) => {
      const { presets, Session } = await import('gatepass');
      const session = new Session(presets.simpleJwt(`${server}/api`));
      const control = (command) => fetch(CONTROL, { method: 'POST', body: JSON.stringify(command) });
      const login = (username, password) => session.login({ username, password });
      const answer = (call) =>
        call.then(
          async (response) => [response.status, (await response.json()).user],
          ({ code }) => code,
        );
      await login('maggie', 'secret');
      // It waits for a renewal.
      await control({ do: 'delay', endpoint: 'refresh', ms: 60_000 });
      const waiting = answer(
        session.accessToken({ minTtl: 86_400_000 }).then(() => session.fetch(`${server}/protected`)),
      );
      await login('bob', 'hunter2');
      const answers = [await waiting];
      await control({ do: 'delay', endpoint: 'refresh', ms: 0 });
      // It is on its way, and is refused.
      const own = globalThis.fetch;
      let refuse;
      globalThis.fetch = (...given) =>
        refuse
          ? own(...given)
          : new Promise((resolve) => (refuse = () => resolve(new Response('{}', { status: 401 }))));
      const refused = answer(session.fetch(`${server}/protected`));
      while (!refuse) await new Promise((resolve) => setTimeout(resolve));
      await login('maggie', 'secret');
      refuse();
      answers.push(await refused);
      globalThis.fetch = own;
      answers.push(await answer(session.fetch(`${server}/protected`)));
      return answers;
    },
    [server, process.env.GATEPASS_TEST_CONTROL],
  );
  assert.deepEqual(result, ['SUPERSEDED', [401, undefined], [200, 'maggie']]);
});

test('what a fetch of the page throws is told to whoever called session.fetch', async () => {
  const { result, said } = await inPage(async () => {
    const { load, Session } = await import('gatepass');
    await load();
    const session = new Session({ fetchOrigins: ['https://api.test'] });
    session.setTokens({ access: 'abc' });
    globalThis.fetch = () => {
      throw new RangeError('no');
    };
    return session.fetch('https://api.test/').then(
      () => 'done',
      ({ name }) => name,
    );
  });
  assert.deepEqual([result, said.filter((text) => text.startsWith('error:'))], ['RangeError', []]);
});

test('no call to an endpoint follows where a server leads it, and no answer to one is kept by the browser', async () => {
  const asked = [];
  const listen = async (answer) => {
    const server = createServer((request, response) => {
      const headers = {
        'access-control-allow-origin': '*',
        'access-control-allow-headers': '*',
        'access-control-allow-methods': '*',
        'access-control-max-age': '600',
      };
      if (request.method === 'OPTIONS') return response.writeHead(204, headers).end();
      asked.push(request.url);
      const { status, location, body = '' } = answer(request.url);
      response
        .writeHead(status, { ...headers, 'cache-control': 'max-age=600', ...(location && { location }) })
        .end(body);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return [server, `http://127.0.0.1:${server.address().port}`];
  };
  const [stranger, elsewhere] = await listen(() => ({ status: 200, body: '{"access":"SECRET","ticket":"SECRET"}' }));
  const [leader, api] = await listen((url) =>
    url.startsWith('/kept')
      ? { status: 200, body: '{"ticket":"one"}' }
      : { status: 307, location: `${elsewhere}/led${url}` },
  );
  try {
    const { result } = await inPage(async (api) => {
      const { AuthSocket, Session, ticket, anonymous } = await import('gatepass');
      const endpoint = (name) => ({ url: `${api}/${name}` });
      const session = new Session({
        login: endpoint('login'),
        refresh: endpoint('refresh'),
        logout: endpoint('logout'),
      });
      const codes = [await session.login({ username: 'maggie', password: 'secret' }).catch(({ code }) => code)];
      session.setTokens({ access: 'SECRET-one', refresh: 'SECRET-two', expiresIn: 60 });
      codes.push(
        await session.accessToken({ minTtl: 86_400_000 }).then(
          () => 'the old one',
          ({ code }) => code,
        ),
      );
      const failed = (socket, event) =>
        new Promise((resolve) => socket.addEventListener(event, resolve, { once: true }));
      const address = api.replace('http', 'ws');
      const refused = new AuthSocket(`${address}/socket`, { session, scheme: ticket({ url: `${api}/ticket` }) });
      codes.push((await failed(refused, 'error')).error.code);
      refused.close();
      const probed = new AuthSocket(`${address}/socket`, {
        scheme: anonymous(),
        probe: `${api}/probe`,
        backoff: { base: 1, cap: 1, spread: 0 },
      });
      let error;
      while (error?.code !== 'REDIRECTED') ({ error } = await failed(probed, 'error'));
      codes.push(error.disposition, probed.state);
      // Three tickets for three tries.
      const kept = new AuthSocket(`${address}/socket`, {
        session,
        scheme: ticket({ url: `${api}/kept`, method: 'GET' }),
        backoff: { base: 1, cap: 1, spread: 0 },
      });
      for (let tries = 0; tries < 3; tries++) await failed(kept, 'error');
      kept.close();
      session.logout();
      return codes;
    }, api);
    assert.deepEqual(result, ['REDIRECTED', 'the old one', 'REDIRECTED', 'giveUp', 'closed']);
    const counted = (path) => asked.filter((url) => url === path).length;
    for (const path of ['/login', '/refresh', '/ticket', '/probe']) assert.ok(counted(path) > 0, path);
    assert.ok(counted('/kept') >= 3, `${counted('/kept')} tickets were fetched`);
    assert.deepEqual(
      asked.filter((url) => url.startsWith('/led')),
      [],
    );
  } finally {
    leader.close();
    stranger.close();
  }
});

test('session.fetch gives the token to no endpoint at which tokens are had, whatever stands behind a #', async () => {
  const { result } = await inPage(async () => {
    const { load, Session } = await import('gatepass');
    await load();
    const sent = [];
    globalThis.fetch = async (request) => (sent.push(request.headers.has('authorization')), new Response('{}'));
    const session = new Session({
      login: { url: 'https://api.test/auth' },
      refresh: { url: 'https://api.test/again' },
    });
    session.setTokens({ access: 'abc' });
    for (const path of ['auth', 'auth#a', 'again#a/b', 'me#a', 'auth/me'])
      await session.fetch(`https://api.test/${path}`);
    return sent;
  });
  assert.deepEqual(result, [false, false, false, true, true]);
});

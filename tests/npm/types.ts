// The public types: this file compiles under --strict and is never run.

import {
  anonymous,
  AuthSocket,
  cookie,
  firstMessage,
  GatepassError,
  isGatepassError,
  isSignInRequired,
  load,
  presets,
  query,
  Session,
  sessionKey,
  subprotocol,
  ticket,
  type Disposition,
  type ErrorCode,
  type Phase,
  type Scheme,
  type SentMessage,
  type SessionState,
  type SocketPreset,
  type SocketState,
  type StateChange,
} from 'gatepass';

async function walk(): Promise<void> {
  await load();
  await load({ wasm: new URL('https://cdn.example.com/core_bg.wasm') });

  const session = new Session({ ...presets.simpleJwt('https://api.example.com/api'), leeway: 10_000 });
  new Session();
  const ticketed = new Session(presets.ticketServer('https://api.example.com'));
  await session.login({ username: 'maggie', password: 'secret' });
  session.setTokens({ access: 'a', refresh: 'r', expiresIn: 300 });
  session.addEventListener('change', () => {
    const state: SessionState = session.state;
    console.log(state);
  });
  ticketed.logout();

  const scheme: Scheme = ticket({ url: 'https://api.example.com/ws_ticket' });
  const socket = new AuthSocket('wss://api.example.com/channel/', {
    session,
    scheme,
    protocols: ['chat'],
    backoff: { cap: 10_000 },
  });
  socket.addEventListener('statechange', (event) => {
    const change: StateChange = event;
    const { state, phase, previous, code, reason, attempt, retryAt, error, dropped } = change;
    const typed: [SocketState, Phase | undefined, SocketState, number | undefined, string | undefined, number] = [
      state,
      phase,
      previous,
      code,
      reason,
      attempt,
    ];
    console.log(typed, retryAt?.toFixed(), error?.code, dropped);
  });
  socket.addEventListener('message', (event) => console.log(event.data));
  const message: SentMessage = socket.send('hello', { ttl: 5_000 });
  const fate: 'queued' | 'sent' | 'confirmed' | 'dropped' = await socket.sent(message);
  await socket.drained({ signal: AbortSignal.timeout(1_000) });
  await socket.readable.pipeTo(new WritableStream({ write: (data: unknown) => console.log(data, fate) }));
  await socket.writable.getWriter().write(new Uint8Array(1));
  new AuthSocket('wss://api.example.com/', {
    scheme: anonymous(),
    heartbeat: { message: { type: 'ping' }, pong: { type: 'pong' }, interval: 20_000, timeout: 5_000 },
    whenHidden: 'close-after',
    hiddenTimeout: 60_000,
    outbox: { policy: 'drop-oldest', ttl: 10_000 },
    confirm: { id: 'id', ack: { type: 'ack', id: '$id' } },
    highWaterMark: 1 << 16,
  }).addEventListener('statechange', ({ unconfirmed }) => console.log(unconfirmed.length));
  socket.addEventListener('error', (event) => {
    const disposition: Disposition = event.error.disposition;
    const code: ErrorCode = event.error.code;
    console.log(disposition, code);
  });
  socket.addEventListener('close', (event) => console.log(event.code, event.wasClean));
  socket.onmessage = (event) => console.log(event.data);
  await socket.ready({ signal: AbortSignal.timeout(1_000) });
  socket.send('text');
  socket.send(new Uint8Array([1, 2]));
  socket.send(new ArrayBuffer(2));
  for await (const message of socket) console.log(message);
  socket.reconnect();
  socket.close(4000, 'bye');

  const closeCodes = { 4403: 'refreshToken' } as const;
  new AuthSocket(new URL('wss://a.example'), { scheme: anonymous(), closeCodes });
  new AuthSocket('wss://a.example', { session, scheme: query() });
  new AuthSocket('wss://a.example', {
    session,
    scheme: firstMessage({
      message: { type: 'auth', access_token: '$token' },
      ack: { type: 'auth_ok' },
      reject: { type: 'auth_invalid' },
    }),
  });

  const preset: SocketPreset = presets.directus();
  new AuthSocket('wss://a.example', { session, ...preset, probe: new URL('https://a.example/me') });
  new AuthSocket('wss://a.example', { session, ...presets.graphqlTransportWs({ token: '$token' }) });
  new AuthSocket('wss://a.example', { scheme: cookie(), credentials: 'include', params: { v: '1' } });
  new AuthSocket('wss://a.example', {
    session,
    protocols: 'app',
    scheme: subprotocol({ prefix: 'bearer.', encoding: 'base64url' }),
  });
  new AuthSocket('wss://a.example', {
    session,
    scheme: sessionKey({ url: '/ws_session_key', unauthorizedStatus: 403, urlHosts: ['b.example'] }),
  });
  new Session({
    ...presets.oauth2('https://id.example/token', { client_id: 'app' }),
    logout: { url: 'https://id.example/revoke', encoding: 'form', body: { token: '$refresh' } },
  });

  // A library that takes a WebSocket can take this one.
  const fits: Pick<
    WebSocket,
    'url' | 'readyState' | 'protocol' | 'extensions' | 'bufferedAmount' | 'binaryType' | 'close'
  > = socket;
  console.log(fits.readyState === WebSocket.OPEN);

  // @ts-expect-error: a scheme is needed
  new AuthSocket('wss://a.example', {});
  // @ts-expect-error: there is no such option
  new AuthSocket('wss://a.example', { scheme: anonymous(), conectTimeout: 5 });
  // @ts-expect-error: objects are not sent
  socket.send({});
  // @ts-expect-error: there is no such code
  isGatepassError(null, 'NO_SUCH_CODE');
}

walk().catch((error: unknown) => {
  if (isSignInRequired(error)) console.log('sign in');
  else if (isGatepassError(error, 'TICKET_FORBIDDEN')) console.log(error.status);
  else if (error instanceof GatepassError) console.log(error.code, error.retryAfter, error.closeCode, error.cause);
});

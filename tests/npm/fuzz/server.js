// A server that lies, hangs, refuses and forgets by chance, and knows whose credential it was given.

import { world } from './surroundings.js';

/** A user's token: whatever shows it, shows this word. */
export const SECRET = 'SECRET';
export const userOf = (credential) => credential?.match(/SECRET-(\w+)-/)?.[1];
const part = (claims) => btoa(JSON.stringify(claims)).replaceAll('=', '');

/** A socket as the browser's, without a network. */
class FakeSocket {
  readyState = 0;
  protocol = '';
  extensions = '';
  bufferedAmount = 0;
  binaryType = 'blob';
  onopen = null;
  onmessage = null;
  onerror = null;
  onclose = null;
  /** Whose it is, for the server. */
  user;
  isAccepted = false;
  /** When the last of our messages arrives. */
  busyUntil = 0;

  constructor(server, url) {
    this.server = server;
    this.url = url;
  }
  send(data) {
    if (this.readyState !== 1) return;
    // As a browser does, now: what is sent may be written over.
    const text = typeof data === 'string' ? data : new TextDecoder().decode(data);
    // One after the other, as the network has it.
    this.busyUntil = Math.max(this.busyUntil, world.clock.now + world.dice.below(50));
    world.clock.set(() => this.server.hear(this, text), this.busyUntil - world.clock.now);
  }
  close() {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.server.sockets.delete(this);
  }
  /** The server ends it. */
  end(code, reason = '', hasError = code === 1006) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.server.sockets.delete(this);
    if (hasError) this.onerror?.(new Event('error'));
    this.onclose?.(new CloseEvent('close', { code, reason, wasClean: !hasError }));
  }
  say(message) {
    const text = JSON.stringify(message);
    const data = this.binaryType === 'arraybuffer' && world.dice.is(0.2) ? new TextEncoder().encode(text).buffer : text;
    if (this.readyState === 1) this.onmessage?.(new MessageEvent('message', { data }));
  }
}

export class Server {
  /** How often it does something else than it should. */
  malice = 0.2;
  sockets = new Set();
  signals = [];
  /** What arrived: the text of a message, and whose connection it came by. */
  received = [];
  dials = 0;
  #count = 0;
  #access = new Map();
  #refresh = new Map();
  #tickets = new Map();
  /** Refresh tokens whose client knows that they were used. */
  #exchanged = new Set();
  /** One that was used all the same. */
  reused;
  /** Called for every credential that is presented; whoever must not present one any more has failed. */
  presented = () => {};
  /** Called when a login is let in, before the client knows. */
  letIn = () => {};

  constructor(dice) {
    this.life = dice.of([5_000, 60_000, 600_000]);
    this.rotates = dice.is(0.5);
    this.hasRefresh = dice.is(0.8);
    this.says = dice.is(0.5);
  }

  isSlow() {
    return this.malice > 0 && world.dice.is(0.1);
  }

  mint(user) {
    const count = ++this.#count;
    // A JWT, which says whose it is (RFC 7519): without that, tokens that the app brings are taken for a renewal.
    const access = `${part({ alg: 'none' })}.${part({ sub: user })}.${SECRET}-${user}-access${count}`;
    const refresh = `${SECRET}-${user}-refresh${count}`;
    this.#access.set(access, { user, end: world.clock.now + this.life });
    this.#refresh.set(refresh, { user, isUsed: false });
    return { access, ...(this.hasRefresh && { refresh }), expires_in: this.life / 1000 };
  }

  #userOfAccess(access) {
    const token = this.#access.get(access);
    return token && token.end > world.clock.now ? token.user : undefined;
  }

  /** `fetch` of the page. */
  fetch(input, init = {}) {
    const request = typeof input === 'object' && 'headers' in input ? input : undefined;
    const url = new URL(request?.url ?? String(input), 'https://api.test');
    const headers = new Headers(init.headers ?? request?.headers);
    const signal = init.signal ?? request?.signal;
    const { pathname } = url;
    const body = init.body ? JSON.parse(init.body) : {};
    this.presented(pathname, headers.get('authorization') ?? '');
    if (body.refresh) this.presented(pathname, body.refresh);
    return new Promise((resolve, reject) => {
      const { dice, clock } = world;
      signal?.addEventListener?.('abort', () => reject(new DOMException('aborted', 'AbortError')));
      if (signal?.aborted) return;
      // A browser keeps the signal of a request that is under way.
      this.signals.push(signal);
      const isBad = dice.is(this.malice);
      const fault = isBad ? dice.of(['network', 'lost', 'status', 'nonsense', 'hang', 'throw']) : 'none';
      if (fault === 'throw') throw new TypeError('refused by a policy');
      if (fault === 'hang') return;
      clock.set(
        () => {
          if (fault === 'network') return reject(new TypeError('Failed to fetch'));
          if (fault === 'status')
            return resolve(
              answer(
                dice.of([400, 401, 403, 404, 429, 500, 503]),
                '{"detail":"no"}',
                dice.is(0.3) ? { 'retry-after': '3' } : {},
              ),
            );
          if (fault === 'nonsense')
            return resolve(
              answer(
                200,
                dice.of(['', '[]', '{"access":5}', '<html>', '{"ticket":null}', 'null', '{"access":"\\u0000"}']),
              ),
            );
          const [status, result] = this.#answer(pathname, body, headers, Boolean(signal?.aborted));
          if (fault === 'lost') return reject(new TypeError('Failed to fetch'));
          if (body.refresh && !signal?.aborted) this.#exchanged.add(body.refresh);
          resolve(answer(status, JSON.stringify(result)));
        },
        dice.below(this.isSlow() ? 12_000 : 300),
      );
    });
  }

  #answer(path, body, headers, isLate) {
    const access = headers.get('authorization')?.replace('Bearer ', '');
    const user = this.#userOfAccess(access);
    switch (path) {
      case '/login':
        this.letIn(body.username);
        return [200, this.mint(body.username)];
      case '/refresh': {
        const token = this.#refresh.get(body.refresh);
        // Who had the answer has another. What was given up on may come late.
        if (!isLate && token?.isUsed && this.rotates && this.#exchanged.has(body.refresh)) this.reused ??= body.refresh;
        if (!token || (token.isUsed && this.rotates)) return [401, { detail: 'used' }];
        token.isUsed = true;
        const { access, refresh, expires_in } = this.mint(token.user);
        return [200, this.rotates ? { access, refresh, expires_in } : { access, expires_in }];
      }
      case '/ticket': {
        if (!user) return [401, {}];
        const ticket = `${SECRET}-${user}-ticket${++this.#count}`;
        this.#tickets.set(ticket, user);
        return [200, { ticket }];
      }
      default:
        return [user || path === '/logout' ? 200 : 401, {}];
    }
  }

  /** `new WebSocket` of the page. */
  dial(address, protocols) {
    const { dice, clock } = world;
    this.dials++;
    const url = new URL(address);
    const credential = url.searchParams.get('ticket') ?? url.searchParams.get('token') ?? '';
    this.presented(url.pathname, credential);
    if (dice.is(this.malice * 0.2)) throw new DOMException('refused by a policy', 'SecurityError');
    const socket = new FakeSocket(this, address);
    this.sockets.add(socket);
    socket.protocol = [protocols ?? []].flat()[0] ?? '';
    if (dice.is(this.malice * 0.3)) return socket;
    clock.set(
      () => {
        if (socket.readyState !== 0) return;
        socket.user =
          url.pathname === '/anonymous' ? 'anybody' : (this.#tickets.get(credential) ?? this.#userOfAccess(credential));
        this.#tickets.delete(credential);
        const isFirst = url.pathname === '/first';
        if ((!socket.user && !isFirst) || dice.is(this.malice * 0.5)) return socket.end(1006);
        socket.readyState = 1;
        socket.isAccepted = !isFirst;
        socket.onopen?.(new Event('open'));
        if (dice.is(this.malice))
          clock.set(
            () =>
              this.malice > 0 &&
              socket.end(
                dice.of([1000, 1001, 1006, 1008, 1011, 1012, 1013, 4401, 4403]),
                dice.of(['', 'bye', '{"reconnect":false}', '{"retry_after":2}']),
              ),
            dice.below(30_000),
          );
      },
      dice.below(this.isSlow() ? 12_000 : 200),
    );
    return socket;
  }

  /** A message of a client. */
  hear(socket, text) {
    if (socket.readyState === 3) return;
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      message = {};
    }
    if (message.token) {
      this.presented('/first', message.token);
      socket.user = this.#userOfAccess(message.token);
      socket.isAccepted = Boolean(socket.user);
      return world.clock.set(
        () => (socket.isAccepted ? socket.say({ type: 'ok' }) : socket.end(4401)),
        world.dice.below(100),
      );
    }
    if (message.type === 'ping') return world.dice.is(this.malice) || socket.say({ type: 'pong' });
    // Who was refused is not heard any more.
    if (!socket.isAccepted) return;
    this.received.push([message, socket.user]);
    if (this.says) socket.say({ type: 'echo', of: message.n });
    if (message.id !== undefined && !world.dice.is(this.malice)) socket.say({ type: 'ack', id: message.id });
  }

  /** From now on it does what it should. What hangs, ends. */
  heal() {
    this.malice = 0;
  }
}

/** A Response, as far as it is looked at: the browser's own reads its body in tasks of its own. */
function answer(status, text, headers = {}) {
  const bytes = new TextEncoder().encode(text);
  let isRead = bytes.length === 0;
  const read = async () => (isRead ? { done: true } : ((isRead = true), { done: false, value: bytes }));
  return {
    status,
    ok: status < 300,
    headers: new Headers({ 'content-type': 'application/json', ...headers }),
    body: { getReader: () => ({ read, cancel: async () => {} }) },
    json: async () => JSON.parse(text),
  };
}

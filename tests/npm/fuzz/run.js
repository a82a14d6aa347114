// One run: an app that does anything at any time, also from within its listeners, and what has to hold whatever it does.
//
// The rules are those of docs/reconnect.md and docs/security.md: nothing of a user who is gone is sent, left behind or comes back; nothing
// throws where nobody catches; every promise ends; what was sent arrives once and in order; nothing spins; and when all is well again, it
// is connected.

import { Ground } from './ground.js';
import { AuthSocket, Session, anonymous, firstMessage, query, ticket } from './package.js';
import { SECRET, userOf } from './server.js';
import { drain } from './surroundings.js';

export const USERS = ['ann', 'bob', 'eve'];
const STEPS = 60;

/** A text as what can be sent, and its bytes, if those are the app's. */
function formOf(text, form) {
  if (form === 'text') return [text];
  const bytes = new TextEncoder().encode(form === 'view' ? `..${text}..` : text);
  return [
    form === 'bytes' ? bytes : form === 'buffer' ? bytes.buffer : new DataView(bytes.buffer, 2, bytes.length - 4),
    bytes,
  ];
}

/** An app with a session and its sockets. */
export class Run extends Ground {
  constructor(seed, log) {
    super(seed, log);
    this.sockets = [];
    /** Who the app wants, and who else may still be seen, since a login is under way. */
    this.candidates = new Set();
    this.signIns = 0;
    this.depth = 0;
    this.server.presented = (path, text) => this.presented(path, text);
    this.server.letIn = (user) => this.candidates.add(user);
  }

  /** Somebody has signed in, or out. */
  is(user) {
    this.user = user;
    this.there = undefined;
    this.candidates.clear();
  }

  /** A credential goes out: of somebody who is there. A logout tells whom it ends. */
  presented(path, text) {
    const user = userOf(text);
    if (!user || path === '/logout' || user === this.user || this.candidates.has(user)) return;
    this.failure ??= `${path}: a credential of ${user} went out, while the user is ${this.user}`;
  }

  make() {
    const { dice } = this;
    this.store = dice.of(['memory', 'localStorage', 'own']);
    if (this.store !== 'memory' && dice.is(0.4)) this.leave('eve');
    let isSlow = dice.is(0.3);
    const own = {
      load: async () => {
        await this.storeDoes(isSlow);
        isSlow = false;
        return this.storage.getItem('own');
      },
      save: async (text) => (await this.storeDoes(), this.storage.setItem('own', text)),
      clear: async () => (await this.storeDoes(), this.storage.removeItem('own')),
    };
    const store = this.store === 'own' ? own : this.store;
    this.options = {
      login: { url: 'https://api.test/login' },
      store,
      storeKey: 'own',
      fields: { expiresIn: 'expires_in' },
      ...(this.server.hasRefresh && { refresh: { url: 'https://api.test/refresh' } }),
      ...(dice.is(0.5) && { logout: { url: 'https://api.test/logout' } }),
    };
    this.session = new Session(this.options);
    this.listen(this.session, ['change', 'error']);
    for (let count = 1 + dice.below(2); count > 0; count--) this.open();
  }

  /** Somebody has been here before: whether they still are, the store says. */
  leave(user) {
    const { access, refresh } = this.server.mint(user);
    this.note(`the store has ${user}`);
    this.storage.setItem(
      'own',
      JSON.stringify({ v: 1, id: 1, renewals: 0, access, refresh, expiresAt: Date.now() + this.server.life, skew: 0 }),
    );
    this.there = user;
    this.candidates.add(user);
  }

  /** The app's store: late, or not at all. */
  async storeDoes(isSlow = false) {
    if (!this.storage.refuses && !isSlow) return;
    await new Promise((resolve) => this.clock.set(resolve, this.dice.of([0, 100, isSlow ? 3_000 : 7_000])));
  }

  open() {
    const { dice, session } = this;
    const kind = dice.of(['ticket', 'query', 'first', 'anonymous']);
    const scheme = {
      ticket: () => ticket({ url: 'https://api.test/ticket' }),
      query: () => query(),
      anonymous: () => anonymous(),
      first: () =>
        firstMessage({
          message: { token: '$token' },
          ...(dice.is(0.7) && { ack: { type: 'ok' } }),
          ...(dice.is(0.2) && { reauth: true }),
        }),
    }[kind]();
    const confirm = dice.is(0.3) ? { id: 'id', ack: { type: 'ack', id: '$id' } } : undefined;
    const handover = !scheme.reauth && dice.is(0.3);
    const socketOptions = {
      session,
      scheme,
      confirm,
      handover,
      ...(dice.is(0.3) && { heartbeat: { message: { type: 'ping' }, pong: { type: 'pong' } } }),
      ...(dice.is(0.3) && { probe: 'https://api.test/probe' }),
      ...(dice.is(0.2) && { whenHidden: 'close-after', hiddenTimeout: 5_000 }),
      ...(dice.is(0.1) && { reconnect: false }),
      outbox: {
        maxMessages: dice.of([1000, 3]),
        policy: dice.of(['error', 'drop-oldest', 'drop-newest']),
        ...(dice.is(0.2) && { ttl: 8_000 }),
      },
      backoff: { base: 200, cap: 5_000, spread: 1_000 },
    };
    const socket = new AuthSocket(`wss://api.test/${kind}`, socketOptions);
    const its = { socket, kind, confirm, handover, name: `socket ${this.sockets.length}`, state: 'idle', sent: [] };
    this.note(
      `${its.name}: ${kind}${socketOptions.reconnect === false ? ' once' : ''}${confirm ? ' confirm' : ''}${handover ? ' handover' : ''}`,
    );
    this.sockets.push(its);
    socket.addEventListener('statechange', (event) => this.changed(its, event));
    this.listen(socket, ['open', 'message', 'error', 'close']);
  }

  changed(its, { state, previous, error, unconfirmed, dropped }) {
    this.note(`${its.name}: ${previous} → ${state} ${its.socket.phase ?? ''} ${error?.code ?? ''}`);
    if (previous !== its.state) this.failure ??= `${its.name}: it was ${its.state}, and says that it was ${previous}`;
    if (state !== its.socket.state) this.failure ??= `${its.name}: it says ${state}, and is ${its.socket.state}`;
    if (!Array.isArray(unconfirmed) || !(dropped >= 0)) this.failure ??= `${its.name}: a change without its counts`;
    its.state = state;
    this.judge(error, its.name);
  }

  listen(target, types) {
    for (const type of types) {
      target.addEventListener(type, (event) => {
        if (event.error) this.judge(event.error, type);
        if (this.depth > 2 || this.isOver || !this.dice.is(0.1)) return;
        this.depth++;
        try {
          this.act(`  from ${type}: `);
        } finally {
          this.depth--;
        }
      });
    }
  }

  /** Anything that an app may do, now. */
  act(where = '') {
    const { dice, session } = this;
    const its = dice.of(this.sockets);
    const user = dice.of(USERS);
    const act = dice.of([
      'login',
      'login',
      'setTokens',
      'logout',
      'send',
      'send',
      'send',
      'send',
      'close',
      'reconnect',
      'ready',
      'accessToken',
      'fetch',
      'offline',
      'hidden',
      'frozen',
      'malice',
      'store',
      'drained',
      'stats',
      'server closes',
    ]);
    this.note(
      `${where}${act} ${/login|setTokens/.test(act) ? user : /send|close|reconnect|ready|drained/.test(act) ? its.name : ''}`,
    );
    switch (act) {
      case 'login': {
        const login = session.login({ username: user, password: `${SECRET}-${user}-password` });
        const since = this.signIns;
        // Where tokens were set or a logout was made meanwhile, the login had been taken before.
        login.then(
          () => since === this.signIns && this.is(user),
          () => user === this.there || this.candidates.delete(user),
        );
        return this.promised('login', login);
      }
      case 'setTokens': {
        const { access, refresh } = this.server.mint(user);
        this.signIns++;
        this.is(user);
        return session.setTokens({ access, refresh, expiresIn: this.server.life / 1000 });
      }
      case 'logout':
        // Before, as the sockets' listeners hear of it within the call.
        this.signIns++;
        this.is(undefined);
        return session.logout();
      case 'send':
        return this.send(its);
      case 'close':
        return its.socket.close(...dice.of([[], [1000, 'done'], [3001]]));
      case 'reconnect':
        return its.socket.reconnect();
      case 'ready':
        return this.promised('ready', its.socket.ready({ signal: this.soon() }));
      case 'accessToken':
        return this.promised('accessToken', session.accessToken({ minTtl: dice.of([0, 1_000, 60_000]) }));
      case 'fetch':
        return this.promised('fetch', session.fetch('https://api.test/api', { signal: this.soon() }));
      case 'drained':
        return this.promised('drained', its.socket.drained({ signal: this.soon() }));
      case 'offline':
        return void dispatchEvent(new Event(dice.of(['offline', 'online'])));
      case 'hidden':
        this.isHidden = dice.is(0.5);
        return void document.dispatchEvent(new Event('visibilitychange'));
      case 'frozen':
        return void document.dispatchEvent(new Event(dice.of(['freeze', 'resume'])));
      case 'malice':
        return void (this.server.malice = dice.of([0, 0.1, 0.3, 0.8]));
      case 'store':
        return void (this.storage.refuses = dice.is(0.3));
      case 'stats':
        return void [
          JSON.stringify([its.socket, session]),
          its.socket.stats(),
          its.socket.bufferedAmount,
          its.socket.protocol,
        ].map((text) => String(text).includes(SECRET) && (this.failure ??= 'what is shown shows a credential'));
      case 'server closes':
        for (const socket of [...this.server.sockets].filter(() => dice.is(0.5)))
          socket.end(dice.of([1001, 1006, 1012]));
    }
  }

  send(its) {
    const n = ++this.count;
    // While somebody signs in, it is the old one's or the new one's.
    const user = its.kind === 'anonymous' ? 'anybody' : this.candidates.size > 0 ? undefined : this.user;
    const text = JSON.stringify({ n, of: its.name, user, ...(its.confirm && { id: `i${n}` }) });
    const [data, bytes] = formOf(text, this.dice.of(['text', 'text', 'bytes', 'buffer', 'view']));
    try {
      const kept = its.socket.send(data);
      // What is sent is as it was at the call.
      bytes?.fill(0x20);
      its.sent.push([n, kept]);
      this.promised('sent', its.socket.sent(kept));
    } catch (error) {
      this.judge(error, 'send');
      if (!['CLOSED', 'QUEUE_FULL'].includes(error?.code)) throw error;
    }
  }

  /** What has to hold at any time. */
  check() {
    this.checkWhatWasSaid();
    for (const [message, user] of this.server.received.slice(this.seen)) {
      if (message.n === undefined) this.break('something arrived that was never sent');
      if (message.user !== undefined && message.user !== user)
        this.break(`message ${message.n} of ${message.user} arrived on a socket of ${user}`);
    }
    this.seen = this.server.received.length;
    if (
      this.user === undefined &&
      this.candidates.size === 0 &&
      ['signed-in', 'refreshing'].includes(this.session.state)
    )
      this.break(`nobody is signed in, and the session says ${this.session.state}`);
  }

  async go() {
    this.make();
    for (let step = 0; step < STEPS; step++) {
      this.act();
      await drain();
      if (this.dice.is(0.7)) await this.clock.advance(this.dice.of([0, 5, 100, 1_000, 10_000, 70_000]));
      this.check();
    }
    await this.finish();
  }

  /** All is well again: it has to be connected, or to say why not. Then all ends, and nothing is left. */
  async finish() {
    this.heal();
    // What was under way may still fail.
    await this.clock.advance(40_000);
    this.server.life = 600_000;
    const { access, refresh } = this.server.mint('ann');
    this.is('ann');
    this.session.setTokens({ access, refresh, expiresIn: 600 });
    for (const { socket } of this.sockets) if (socket.state === 'closed') socket.reconnect();
    const dials = this.server.dials;
    await this.clock.advance(120_000);
    this.check();
    for (const its of this.sockets) {
      if (its.socket.state !== 'connected')
        this.break(
          `${its.name}: all is well for two minutes, and it is ${its.socket.state} ${its.socket.state === 'closed' ? '' : its.socket.phase}`,
        );
    }
    if (this.server.dials - dials > 12 * this.sockets.length)
      this.break(`${this.server.dials - dials} dials in two minutes in which all was well`);
    this.session.logout();
    this.user = undefined;
    await this.clock.advance(20_000);
    this.check();
    if (this.session.state !== 'signed-out') this.break(`after a logout the session is ${this.session.state}`);
    if (this.stored()) this.break('after a logout a credential is in the store');
    const again = new Session(this.options);
    await this.clock.advance(20_000);
    if (again.state !== 'signed-out') this.break(`after a logout and a reload the session is ${again.state}`);
    for (const { socket } of this.sockets) socket.close();
    await this.clock.advance(120_000);
    this.check();
    this.checkPromises();
    this.account();
  }

  /** What became of each message is what the server has seen. */
  account() {
    const arrived = new Map();
    for (const [{ n }] of this.server.received) arrived.set(n, (arrived.get(n) ?? 0) + 1);
    for (const its of this.sockets) {
      for (const [n, { status }] of its.sent) {
        if (status === 'queued') this.break(`message ${n} is ${status} for ever`);
        const times = arrived.get(n) ?? 0;
        if (times > 1 && !its.confirm) this.break(`message ${n} arrived ${times} times`);
        if (status === 'confirmed' && times === 0) this.break(`message ${n} is confirmed, and never arrived`);
        if (status === 'dropped' && times > 0 && !its.confirm) this.break(`message ${n} was dropped, and arrived`);
      }
      const order = this.server.received.filter(([message]) => message.of === its.name).map(([{ n }]) => n);
      const firsts = order.filter((n, place) => order.indexOf(n) === place);
      if (!its.handover && !its.confirm && firsts.some((n, place) => place > 0 && n < firsts[place - 1]))
        this.break(`${its.name}: out of order: ${firsts}`);
    }
  }

  end() {
    for (const { socket } of this.sockets) socket.close();
    this.session.logout();
  }
}

// The socket: a WebSocket that authenticates itself and stays connected.

import type { SessionCore, SocketCore } from './core.js';
import { failure, GatepassError, named, rethrow, toError, type FailureNumbers } from './errors.js';
import { Handlers, SocketErrorEvent, StateChangeEvent, type Phase, type SocketEvents, type SocketState, type StateChange } from './events.js';
import { Later, type Core } from './load.js';
import { MessageQueue } from './messages.js';
import { Options } from './options.js';
import type { Scheme } from './schemes.js';
import { read as makeSession, Session, type Source } from './session.js';

/** Options of {@link AuthSocket}. */
export interface AuthSocketOptions {
  /** Who the user is. Needed by every scheme but `anonymous()` and `cookie()`. */
  session?: Session;
  /** How the credential reaches the socket. */
  scheme: Scheme;
  /** Subprotocols to offer. @default none */
  protocols?: string | string[];
  /** Parameters of the URL that are no credential, put behind those that it has. @default none */
  params?: Record<string, string>;
  /**
   * An endpoint that a good token may GET, asked after a dial that failed before it opened. Browsers do not say why it did: the
   * probe tells a refused token (HANDSHAKE_UNAUTHORIZED, HANDSHAKE_FORBIDDEN) from a server that is not there
   * (SERVER_UNREACHABLE, SERVER_UNAVAILABLE) and one that refuses the handshake alone (HANDSHAKE_REFUSED). @default none
   */
  probe?: string | URL;
  /** Whether ticket and probe calls carry cookies. @default 'omit'; 'include' for cookie() */
  credentials?: 'omit' | 'include';
  /** The wait between tries, full jitter, in milliseconds. */
  backoff?: {
    /** The first window; doubles with every failure. @default 500 */
    base?: number;
    /** The widest window; that of the try with a renewed token is 1 s. @default 30000 */
    cap?: number;
    /** The window of the first try after a lasting connection was lost. @default 5000 */
    spread?: number;
  };
  /** From dial to accepted, in milliseconds. @default 10000 */
  connectTimeout?: number;
  /** How long a ticket call may take, in milliseconds. @default 10000 */
  ticketTimeout?: number;
  /** How long a connection has to last before earlier failures are forgotten, in milliseconds. @default 5000 */
  minUptime?: number;
  /**
   * Whether another connection takes the place of this one when the token is renewed. It is accepted before this one closes, and no
   * event tells it. A message of yours goes to one of them. The old one is listened to for `minUptime` longer: what the server says
   * to both in that time arrives twice. If the new one fails, this one stays.
   * @default false: this one stays
   */
  handover?: boolean;
  /**
   * How it is seen that the connection is alive; any message of the server counts. Without it only sleep is noticed: a computer that
   * slept for more than 3 minutes connects anew.
   * @default none: there is no ping that every server takes
   */
  heartbeat?: {
    /** The ping: a text as it is, anything else as JSON in the frames of the scheme. */
    message: unknown;
    /** What the answer has (`{ type: 'pong' }` matches every object with that member), or the text that it is. The app does not get it. @default any message, and the app gets all */
    pong?: unknown;
    /** From one ping to the next, in milliseconds. @default 25000 */
    interval?: number;
    /** How long after a ping nothing may be heard, in milliseconds. @default 10000 */
    timeout?: number;
  };
  /** Whether a page that nobody looks at keeps its connection. `'close-after'` lets go of it until somebody looks again. @default 'keep' */
  whenHidden?: 'keep' | 'close-after';
  /** For how long nobody looks before `'close-after'` closes, in milliseconds. @default 60000 */
  hiddenTimeout?: number;
  /** What close codes ask for, where the defaults do not fit. */
  closeCodes?: Record<number, 'retry' | 'retrySlowly' | 'refreshToken' | 'giveUp'>;
  /** How much may wait to be sent; beyond it `send` throws QUEUE_FULL. */
  outbox?: {
    /** @default 1048576 */
    maxBytes?: number;
    /** @default 1000 */
    maxMessages?: number;
    /**
     * What becomes of a message for which there is no room: `send` throws QUEUE_FULL, or those that have waited longest are dropped, or the
     * message itself. @default 'error'
     */
    policy?: 'error' | 'drop-oldest' | 'drop-newest';
    /** How long a message may wait, in milliseconds; then it is dropped. With `confirm`, until it is confirmed. @default for ever */
    ttl?: number;
  };
  /**
   * For servers that acknowledge: a message that is JSON with an id is sent again after a loss until it is confirmed (at least once), so
   * the server should know by the id what comes twice. Until then it takes room in the outbox. The app gets the acknowledgement, too.
   * @default none: each message is handed to one connection, once
   */
  confirm?: {
    /** Where a message has its id: a name, or names with dots between. */
    id: string;
    /** What confirms it, with "$id" where the id is: `{ type: 'ack', id: '$id' }`. */
    ack: unknown;
  };
  /** How many bytes may wait before `writable` takes no more. @default 65536 */
  highWaterMark?: number;
  /** The longest message that is taken from the server. @default any */
  maxMessageSize?: number;
  /** Allows a credential over ws: and http: to other hosts than this machine. @default false */
  allowInsecure?: boolean;
}

/** Counters since construction. */
export interface SocketStats {
  /** Tries started. */
  attempts: number;
  /** Connections accepted. */
  connections: number;
  /** Messages handed to a socket. */
  sent: number;
  /** Messages handed to the app. */
  received: number;
  /** Queued messages given up. */
  discarded: number;
  /** Messages waiting to be sent. */
  queued: number;
  /** Bytes waiting to be sent. */
  queuedBytes: number;
}

/** What became of a message. */
export interface SentMessage {
  /** `queued`: it waits. `sent`: handed to a connection. `confirmed`: by the server (with `confirm`). `dropped`: given up. */
  readonly status: 'queued' | 'sent' | 'confirmed' | 'dropped';
}

/** One of which more will be heard; who waits for that. */
interface KeptMessage extends SentMessage {
  status: SentMessage['status'];
  waiting?: Array<(status: SentMessage['status']) => void>;
}

/** Most messages are sent at once and need nothing of their own. */
const SENT: SentMessage = { status: 'sent' };
const DROPPED: SentMessage = { status: 'dropped' };
const FATES = ['sent', 'confirmed', 'dropped'] as const;

/** What can be sent. */
export type Sendable = string | ArrayBufferLike | ArrayBufferView | Blob;

/** What the wasm calls: SocketSink in src/js/events.rs. */
interface Sink {
  readonly takesBuffers: boolean;
  opened(): void;
  fate(message: number, fate: number): void;
  closed(code: number, reason: string, wasClean: boolean): void;
  changed(state: number, phase: number, previous: number, code: number, reason: string | undefined, attempt: number, retryAt: number, discarded: number, ...failure: FailureNumbers): void;
  message(data: unknown): void;
}

/** In the order of the wasm; no phase is 0. */
const STATES = ['closed', 'connected', 'connecting', 'idle', 'suspended', 'waiting'] as const;
const PHASES = [undefined, 'authenticating', 'opening', 'ticket', 'token'] as const;

let hasWarned = false;

/** Listeners are typed by their event. */
export interface AuthSocket {
  addEventListener<K extends keyof SocketEvents>(type: K, listener: ((event: SocketEvents[K]) => unknown) | EventListenerObject | null, options?: AddEventListenerOptions | boolean): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: AddEventListenerOptions | boolean): void;
  removeEventListener<K extends keyof SocketEvents>(type: K, listener: ((event: SocketEvents[K]) => unknown) | EventListenerObject | null, options?: EventListenerOptions | boolean): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: EventListenerOptions | boolean): void;
}

/**
 * A WebSocket that fetches its credential, authenticates, and stays connected. It connects by itself, right away.
 *
 * @throws GatepassError INVALID_OPTION, INVALID_URL, INSECURE_URL, naming the option
 */
export class AuthSocket extends EventTarget implements AsyncIterable<unknown> {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;

  readonly #url: string;
  readonly #core: Later<SocketCore>;
  readonly #handlers = new Handlers(this);
  #binaryType: BinaryType = 'blob';
  #state: SocketState = 'idle';
  #phase: Phase | undefined;
  #error: GatepassError | undefined;
  /** Whether nobody has closed it before it started. */
  #mayStart = true;
  /** Messages taken before the wasm was there, and lost if it does not come. */
  #early = 0;
  #lost = 0;
  /** Those that were kept, by their numbers, until nothing more will be heard of them. */
  readonly #kept = new Map<number, KeptMessage>();
  readonly #highWaterMark: number;
  #writable: WritableStream<Sendable> | undefined;

  constructor(url: string | URL, options: AuthSocketOptions) {
    super();
    this.#url = new Options({ url }, '', 'url').url('url', true);
    const make = read(this.#url, options);
    this.#highWaterMark = options.highWaterMark ?? 65_536;
    const { session, scheme } = options;
    if (session !== undefined && !(session instanceof Session)) throw failure('INVALID_OPTION', 'session: a Session is needed');
    if (session === undefined && !['anonymous', 'cookie'].includes(scheme.type)) {
      throw failure('INVALID_OPTION', 'session: this scheme sends a credential, so it needs a session');
    }
    if (options.scheme.type === 'query' && !hasWarned) {
      hasWarned = true;
      console.warn('gatepass: query() puts the token into the URL, where server logs and proxies keep it; prefer ticket() or firstMessage()');
    }
    const sink = this.#sink(session?.source);
    this.#core = new Later((core) => {
      let made: SessionCore | undefined;
      // The wasm is there, so this is done at once.
      session?.core.do((session) => void (made = session), () => {});
      return make(core, made, sink);
    }, this.#broken);
    if (scheme.type === 'firstMessage' && scheme.frames === 'binary') this.#binaryType = 'arraybuffer';
    // A moment later, so that whoever made this can listen first, and may still change their mind.
    queueMicrotask(() => this.#mayStart && this.#state === 'idle' && this.#core.do((core) => core.connect(), this.#broken));
  }

  /** The URL as it was given, without the credential. */
  get url(): string {
    return this.#url;
  }

  get state(): SocketState {
    return this.#state;
  }

  /** What is waited for, while connecting. */
  get phase(): Phase | undefined {
    return this.#phase;
  }

  /** As WebSocket: OPEN when connected, CLOSED when closed for good, else CONNECTING. */
  get readyState(): number {
    if (this.#state === 'connected') return AuthSocket.OPEN;
    return this.#state === 'closed' ? AuthSocket.CLOSED : AuthSocket.CONNECTING;
  }

  /** The subprotocol that the server chose. */
  get protocol(): string {
    return this.#core.now?.native()?.protocol ?? '';
  }

  get extensions(): string {
    return this.#core.now?.native()?.extensions ?? '';
  }

  /** Bytes that were sent and are not yet on the network, those in the queue included. */
  get bufferedAmount(): number {
    return (this.#core.now?.native()?.bufferedAmount ?? 0) + this.stats().queuedBytes;
  }

  /** How binary messages arrive. @default 'blob'; with `frames: 'binary'` 'arraybuffer', which the handshake needs */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    if (type !== 'blob' && type !== 'arraybuffer') return;
    this.#binaryType = type;
    const native = this.#core.now?.native();
    if (native !== undefined) native.binaryType = type;
  }

  /**
   * Sends now if connected, else as soon as it is, in order. Returns what became of it so far, and from then on: see {@link sent}.
   * `ttl`: how long it may wait, in milliseconds. @default as `outbox.ttl` says
   * @throws GatepassError CLOSED or QUEUE_FULL: the message was not taken; INVALID_OPTION for what cannot be sent
   */
  send(data: Sendable, options?: { ttl?: number }): SentMessage {
    const message = plain(data, this.#state === 'connected');
    const given = options && new Options(options, '', 'ttl');
    const ttl = given?.get('ttl') === undefined ? undefined : given.millis('ttl', 0);
    if (this.#state === 'closed') throw failure('CLOSED', 'the socket is closed; the message was not taken');
    const core = this.#core.now;
    if (core !== undefined) return this.#taken(rethrow(() => core.send(message, ttl)));
    this.#early++;
    const kept: KeptMessage = { status: 'queued', waiting: [] };
    this.#core.do((core) => this.#taken(core.send(message, ttl), kept), (thrown) => {
      settle(kept, 'dropped');
      this.#refused(thrown);
    });
    return kept;
  }

  /** Resolves once nothing more will be heard of a message: handed to a connection, with `confirm` confirmed by the server, or dropped. */
  sent(message: SentMessage): Promise<SentMessage['status']> {
    const { waiting } = message as KeptMessage;
    return new Promise((resolve) => void (waiting ? waiting.push(resolve) : resolve(message.status)));
  }

  /**
   * Resolves when everything that was sent has left for the network.
   * @throws GatepassError that ended the connection, or ABORTED by the signal
   */
  async drained(options?: { signal?: AbortSignal }): Promise<void> {
    const { drained } = await import('./streams.js');
    return drained(this, 0, () => this.#error, options?.signal);
  }

  /** The data of messages as a stream, over reconnects; what nobody reads is kept. It ends when closed. One at a time. */
  get readable(): ReadableStream<unknown> {
    const messages = this[Symbol.asyncIterator]();
    return new ReadableStream({
      pull: (to) => messages.next().then(({ done, value }) => (done ? to.close() : to.enqueue(value))),
      cancel: () => void messages.return?.(),
    }, { highWaterMark: 0 });
  }

  /** A stream that sends. It takes no more (`ready` of its writer) while more than `highWaterMark` bytes wait. Its end does not close the socket. */
  get writable(): WritableStream<Sendable> {
    return this.#writable ??= new WritableStream({
      write: async (data) => {
        this.send(data);
        if (this.bufferedAmount <= this.#highWaterMark) return;
        const { drained } = await import('./streams.js');
        await drained(this, this.#highWaterMark, () => this.#error);
      },
    }, { highWaterMark: 1 });
  }

  /**
   * Closes for good, and gives up what is queued; `reconnect()` starts anew.
   * @throws GatepassError INVALID_OPTION for a code other than 1000 and 3000 to 4999
   */
  close(code = 1000, reason = ''): void {
    if (!Number.isInteger(code) || (code !== 1000 && (code < 3000 || code > 4999))) {
      throw failure('INVALID_OPTION', `code: a page may close with 1000 or 3000 to 4999, not with ${String(code)}`);
    }
    const text = String(reason);
    this.#mayStart = false;
    this.#core.do((core) => core.close(code, text), this.#refused);
  }

  /** Connects now: skips a wait, replaces a live connection, or starts anew after `close()`. */
  reconnect(): void {
    this.#core.do((core) => core.connect(), this.#broken);
  }

  /**
   * Resolves when connected.
   * @throws GatepassError that ended the connection or asks for sign-in, or ABORTED by the signal
   */
  ready(options?: { signal?: AbortSignal }): Promise<void> {
    const signal = options?.signal;
    return new Promise((resolve, reject) => {
      const settle = () => {
        if (signal?.aborted) reject(failure('ABORTED', 'waiting for the connection was aborted', signal.reason));
        else if (this.#state === 'connected') resolve();
        else if (this.#state === 'closed') reject(this.#error ?? failure('CLOSED', 'the socket is closed'));
        // Without a network, and between two users, it goes on by itself.
        else if (this.#state === 'suspended' && this.#error?.disposition === 'signIn') reject(this.#error);
        else return;
        this.removeEventListener('statechange', settle);
        signal?.removeEventListener('abort', settle);
      };
      this.addEventListener('statechange', settle);
      signal?.addEventListener('abort', settle);
      this.#core.do(() => {}, () => {}, reject);
      settle();
    });
  }

  stats(): SocketStats {
    const [attempts = 0, connections = 0, sent = 0, received = 0, discarded = 0, queued = 0, queuedBytes = 0] = this.#core.now?.stats() ?? [];
    return { attempts, connections, sent, received, discarded: discarded + this.#lost, queued, queuedBytes };
  }

  /** Yields the data of each message, over reconnects; ends when closed, throws what ended the connection. */
  [Symbol.asyncIterator](): AsyncIterableIterator<unknown> {
    return new MessageQueue(this, () => this.#error);
  }

  /** Closes. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Shows the state and nothing else. */
  toJSON(): { url: string; state: SocketState } {
    return { url: this.#url.replace(/\?.*/, ''), state: this.#state };
  }

  declare onopen: ((event: Event) => unknown) | null;
  declare onmessage: ((event: MessageEvent) => unknown) | null;
  declare onerror: ((event: SocketErrorEvent) => unknown) | null;
  declare onclose: ((event: CloseEvent) => unknown) | null;

  static {
    for (const type of ['open', 'message', 'error', 'close']) {
      Object.defineProperty(this.prototype, `on${type}`, {
        configurable: true,
        enumerable: true,
        get(this: AuthSocket) {
          return this.#handlers.get(type);
        },
        set(this: AuthSocket, listener: unknown) {
          this.#handlers.set(type, listener);
        },
      });
    }
  }

  /** What the wasm calls. */
  #sink(source?: Source): Sink {
    // The wasm must not keep alive what the app has let go of, unless something can still happen to it.
    const self = new WeakRef(this);
    let alive: AuthSocket | undefined = this;
    return {
      get takesBuffers() {
        return self.deref()?.binaryType === 'arraybuffer';
      },
      fate: (number, fate) => {
        const socket = self.deref();
        if (socket) socket.#fate(number, FATES[fate]!);
      },
      opened: () => alive?.dispatchEvent(new Event('open')),
      closed: (code, reason, wasClean) => self.deref()?.dispatchEvent(new CloseEvent('close', { code, reason, wasClean })),
      changed: (place, phase, previous, code, reason, attempt, retryAt, discarded, ...failure) => {
        const socket = self.deref();
        const state = STATES[place]!;
        alive = state === 'closed' ? undefined : socket;
        if (socket) socket.#changed({
          state, phase: PHASES[phase], previous: STATES[previous]!, code: code || undefined, reason, attempt,
          retryAt: retryAt || undefined, error: failure[0] ? named(failure, source?.thrown) : undefined, discarded,
          unconfirmed: STATES[previous] === 'connected' && state !== 'connected' ? (socket.#core.now?.takeUnconfirmed() ?? []) : [],
        });
      },
      message: (data) => alive?.dispatchEvent(new MessageEvent('message', { data })),
    };
  }

  /** The wasm has taken a message: what `SocketCore.send` has returned. */
  #taken(answer: number, kept: KeptMessage = { status: 'queued', waiting: [] }): SentMessage {
    if (answer < 0) {
      settle(kept, answer === -1 ? 'sent' : 'dropped');
      return answer === -1 ? SENT : DROPPED;
    }
    if (answer % 1 !== 0) kept.status = 'sent';
    this.#kept.set(Math.floor(answer), kept);
    return kept;
  }

  /** What became of a message in the end. */
  #fate(number: number, status: (typeof FATES)[number]): void {
    const kept = this.#kept.get(number);
    this.#kept.delete(number);
    if (kept) settle(kept, status);
  }

  #changed(change: StateChange): void {
    this.#state = change.state;
    this.#phase = change.phase;
    this.#error = change.error;
    this.dispatchEvent(new StateChangeEvent(change));
    // That a server ends a socket with its token is the way of tokens, and seen to. One that refuses the token from the start is not.
    const isOrdinary = change.previous === 'connected' && change.error?.disposition === 'refreshToken' && change.error.code === 'CLOSED_BY_SERVER';
    if (change.error && !isOrdinary) this.dispatchEvent(new SocketErrorEvent(change.error));
  }

  /** The wasm could not be loaded, or refuses the options: `reconnect()` tries again. */
  readonly #broken = (thrown: unknown) => {
    if (this.#state === 'closed') return;
    const error = asError(thrown);
    const discarded = this.#early;
    this.#lost += discarded;
    this.#early = 0;
    this.#changed({ state: 'closed', previous: this.#state, attempt: 0, error, discarded, unconfirmed: [] as unknown[] } as StateChange);
    this.dispatchEvent(new CloseEvent('close', { code: 1006 }));
  };

  /** A call that waited for the wasm was refused: that call alone failed, unless all has. */
  readonly #refused = (thrown: unknown) => {
    if (this.#state !== 'closed') this.dispatchEvent(new SocketErrorEvent(asError(thrown)));
  };
}

const FRAMINGS = ['json', 'text', 'binary'] as const;
const ENCODINGS = ['plain', 'base64', 'base64url'] as const;
const POLICIES = ['error', 'drop-oldest', 'drop-newest'] as const;
const ACTIONS = ['giveUp', 'refreshToken', 'retry', 'retrySlowly'] as const;
/** The schemes in the order that the wasm counts them (the last two are one there), with their options. */
const SCHEMES = {
  anonymous: 'type',
  cookie: 'type',
  firstMessage: 'type message frames hello ack reject expired reauth ackTimeout',
  ticket: 'type url method param subprotocol field urlHosts unauthorizedStatus reject expiresField expiresInField',
  query: 'type param',
  subprotocol: 'type prefix encoding',
};

/** Reads options for the wasm, in the order of `At` in src/js/connection.rs. */
function read(url: string, options: AuthSocketOptions): (core: Core, session: SessionCore | undefined, sink: Sink) => SocketCore {
  const all = new Options(options, '', 'session scheme protocols params probe credentials backoff connectTimeout ticketTimeout minUptime handover heartbeat whenHidden hiddenTimeout closeCodes outbox confirm highWaterMark maxMessageSize allowInsecure');
  const type = (all.get('scheme') as Scheme | undefined)?.type;
  const kind = Object.keys(SCHEMES).indexOf(String(type));
  if (kind < 0) all.fail('scheme', `one of ${Object.keys(SCHEMES)} is needed; no browser lets a page set a header`);
  const scheme = all.within('scheme', SCHEMES[type as Scheme['type']]);
  if (type === 'firstMessage' && scheme.get('message') === undefined && scheme.get('ack') === undefined) {
    scheme.fail('message', 'the first message is needed, with "$token" where the token goes, or the ack of a server that needs none');
  }
  JSON.stringify(scheme.json('message'), (_, text) => {
    const hole = typeof text === 'string' ? /^\$([^$].*)/s.exec(text)?.[1] : 'token';
    if (hole === undefined ? /[^$]\$(token|authorization)\b/.test(text) : /^(token|authorization)\W/.test(hole)) {
      scheme.fail('message', '"$token" and "$authorization" stand for a whole value, not for a part of a text');
    }
    if (hole !== undefined && !/^(token|authorization)$/.test(hole)) scheme.fail('message', `only "$token" and "$authorization" stand for something; "$$" is a plain $: ${text}`);
    return text;
  });
  if (scheme.get('reauth') === true && scheme.get('message') === undefined) scheme.fail('reauth', 'there is no first message to send again');
  if (scheme.get('reauth') === true && all.flag('handover')) all.fail('handover', 'with "reauth" the token is renewed on this socket; choose one');
  const isTicket = type === 'ticket';
  const isEntry = isTicket ? scheme.get('subprotocol') !== undefined : type === 'subprotocol';
  const entry = isTicket ? scheme.within('subprotocol', 'prefix encoding') : scheme;
  const prefix = entry.get('prefix') ?? '';
  const place = isEntry ? (prefix === '' ? '' : entry.token('prefix', entry.text('prefix'))) : scheme.text('param', isTicket ? 'ticket' : 'token');
  const params = String(new URLSearchParams(options.params));
  const backoff = all.within('backoff', 'base cap spread');
  const heartbeat = all.within('heartbeat', 'message pong interval timeout');
  if (all.get('heartbeat') !== undefined && heartbeat.get('message') === undefined) heartbeat.fail('message', 'the ping is needed');
  const whenHidden = all.one('whenHidden', ['keep', 'close-after']);
  const outbox = all.within('outbox', 'maxBytes maxMessages policy ttl');
  all.count('highWaterMark', 0);
  const isConfirmed = all.get('confirm') !== undefined;
  const confirm = all.within('confirm', 'id ack');
  let ids = 0;
  JSON.stringify(confirm.json('ack'), (_, text) => {
    if (text === '$id') ids++;
    else if (/^\$[^$]/.test(text)) confirm.fail('ack', `only "$id" stands for something; "$$" is a plain $: ${text}`);
    return text;
  });
  if (isConfirmed && ids === 0) confirm.fail('ack', 'what confirms a message is needed, with "$id" where its id is');
  const closeCodes: number[] = [];
  const rows = all.get('closeCodes') ?? {};
  if (typeof rows !== 'object') all.fail('closeCodes', 'an object is needed');
  for (const [code, name] of Object.entries(rows)) {
    const action = ACTIONS.indexOf(name as (typeof ACTIONS)[number]);
    if (action < 0 || !/^\d{1,5}$/.test(code) || Number(code) > 65535) {
      all.fail(`closeCodes.${code}`, `a close code and one of '${ACTIONS.join("', '")}' are needed`);
    }
    closeCodes.push(Number(code), action);
  }
  const protocols = all.texts('protocols');
  for (const [index, protocol] of protocols.entries()) {
    all.token('protocols', protocol);
    if (protocols.indexOf(protocol) !== index) all.fail('protocols', 'one is offered twice');
  }
  if (protocols.join(', ').length > 8190) all.fail('protocols', 'servers refuse more than 8192 bytes of them together');
  if (isEntry && protocols.length === 0) all.fail('protocols', 'a plain subprotocol is needed beside the credential: the one that the server chooses');
  const allowInsecure = all.flag('allowInsecure');
  const cookies = all.one('credentials', kind === 1 ? ['include', 'omit'] : ['omit', 'include']) === 'include';
  // Cookies are credentials, whoever sends them.
  if (kind > 1 || (kind === 1 && options.session) || cookies) new Options({ url }, '', 'url').credentialUrl('url', allowInsecure, true);
  const parts = [
    params === '' ? url : url + (url.includes('?') ? '&' : '?') + params, all.get('probe') === undefined ? '' : all.credentialUrl('probe', allowInsecure),
    isTicket ? scheme.credentialUrl('url', allowInsecure) : '', place,
    scheme.text('field', 'ticket'), scheme.text('expiresField', 'expires'), scheme.text('expiresInField', 'expires_in'),
    scheme.millis('ackTimeout', 10_000), backoff.millis('base', 500), backoff.millis('cap', 30_000), backoff.millis('spread', 5_000),
    all.millis('connectTimeout', 10_000), all.millis('ticketTimeout', 10_000), all.millis('minUptime', 5_000),
    heartbeat.millis('interval', 25_000), heartbeat.millis('timeout', 10_000), all.millis('hiddenTimeout', 60_000),
    outbox.get('ttl') === undefined ? -1 : outbox.millis('ttl', 0),
    // A cookie that nobody's session vouches for is no credential of ours.
    kind === 1 && options.session === undefined ? 0 : Math.min(kind, 4),
    isEntry ? ENCODINGS.indexOf(entry.one('encoding', ENCODINGS)) + 1 : FRAMINGS.indexOf(scheme.one('frames', FRAMINGS)),
    Number(scheme.one('method', ['POST', 'GET']) === 'GET'), scheme.count('unauthorizedStatus', 401),
    outbox.count('maxBytes', 1 << 20), outbox.count('maxMessages', 1_000), all.count('maxMessageSize', 2 ** 32 - 1), allowInsecure, Number(cookies),
    ...['message', 'hello', 'ack', 'reject', 'expired'].map((name) => scheme.json(name)), heartbeat.json('message'), heartbeat.json('pong'),
    scheme.get('urlHosts') === undefined ? undefined : scheme.texts('urlHosts'), protocols, closeCodes,
    type === 'firstMessage' && scheme.flag('reauth') ? 1 : 2 * all.flag('handover'), Number(whenHidden !== 'keep'),
    POLICIES.indexOf(outbox.one('policy', POLICIES)), isConfirmed ? confirm.text('id') : '', confirm.json('ack'),
  ];
  // A socket without a session has one of its own, which nobody signs in to.
  return (core, session, sink) => (session ?? makeSession({}, {})(core, () => {})).socket(parts, sink);
}

/** Nothing more will be heard of a message. */
function settle(kept: KeptMessage, status: SentMessage['status']): void {
  kept.status = status;
  for (const resolve of kept.waiting?.splice(0) ?? []) resolve(status);
  delete kept.waiting;
}

function asError(thrown: unknown): GatepassError {
  const error = toError(thrown);
  return error instanceof GatepassError ? error : failure('LOAD_FAILED', String(error), error);
}

/**
 * What a WebSocket takes without a doubt. Bytes are copied if they have to wait, as `WebSocket.send` would, and if they rest
 * in memory that is shared or can change its size, which browsers refuse.
 */
function plain(data: Sendable, isSentNow: boolean): string | ArrayBuffer | ArrayBufferView | Blob {
  if (typeof data === 'string' || data instanceof Blob) return data;
  const isView = ArrayBuffer.isView(data);
  const buffer: ArrayBufferLike & { resizable?: boolean } = isView ? data.buffer : data;
  const kind = Object.prototype.toString.call(buffer);
  if (kind !== '[object ArrayBuffer]' && kind !== '[object SharedArrayBuffer]') {
    throw failure('INVALID_OPTION', 'data: a text, an ArrayBuffer, a view of one or a Blob is needed; use JSON.stringify for objects');
  }
  if (isSentNow && kind === '[object ArrayBuffer]' && buffer.resizable !== true) return data as ArrayBuffer | ArrayBufferView;
  const bytes = isView ? new Uint8Array(buffer, data.byteOffset, data.byteLength) : new Uint8Array(buffer);
  return new Uint8Array(bytes).buffer;
}

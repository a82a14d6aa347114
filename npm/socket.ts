// The socket: a WebSocket that authenticates itself and stays connected.

// For apps that compile with an older `lib`.
/// <reference lib="esnext.disposable" preserve="true" />

import type { Address, Attempts } from './asking.js';
import type { Sink } from './connection-driver.js';
import { changeOf, changeTo, firesError, IDLE, snapshotOf, stateOf, type SocketSnapshot } from './changes.js';
import { closed, failure, type GatepassError } from './errors.js';
import {
  addHandlers,
  addStates,
  closeEvent,
  Handlers,
  reported,
  STATES,
  SocketErrorEvent,
  StateChangeEvent,
  warnOnce,
  type Phase,
  type SocketEvents,
  type SocketState,
  type StateChange,
  type SuspendReason,
  type TypedEventTarget,
} from './events.js';
import { noCodec, talkOf, type Talk } from './codec.js';
import { type Connection, internal, noBrowser, Lazy } from './load.js';
import { messagesOf } from './messages.js';
import { subscribed } from './subscribed.js';
import { Options } from './options.js';
import { asError, connected, signalOf, streams } from './waiting.js';
import type { Source } from './session-options.js';
import { plain, type Plain, type Sendable } from './payload.js';
import {
  DROPPED,
  EarlyQueue,
  finalStatus,
  finish,
  NumberedMessages,
  STATUSES,
  type KeptMessage,
  type SentMessage,
} from './sent.js';
import type { RequestOptions } from './request-rules.js';
import { read, type AuthSocketOptions } from './socket-options.js';
import { type SocketStats, statsOf } from './stats.js';
import type { Subscribe } from './subscription.js';

export type { Sendable, SentMessage, SocketSnapshot, SocketStats };

/** A socket of any types. */
type Any = AuthSocket<any, any>;

/** @internal What `webSocketClass()` and the doubles for unit tests need beside the public part of a socket. */
export let inside: {
  /** Calls back with every native socket that is dialled. */
  onDial(socket: Any, dialled: (native: WebSocket) => void): void;
  /** Counts a message that is dropped. */
  drop(socket: Any): void;
  /** What drives it. */
  driver(socket: Any): Connection | undefined;
};

/**
 * A WebSocket that fetches its credential, authenticates, and stays connected. It connects by itself after construction.
 *
 * @throws GatepassError INVALID_OPTION, INVALID_URL, INSECURE_URL, naming the option
 */
export class AuthSocket<In = unknown, Out = Sendable>
  extends (EventTarget as new () => TypedEventTarget<SocketEvents<any>>)
  implements AsyncIterable<In>
{
  /** Not connected, or not connected again yet. */
  declare static readonly CONNECTING: 0;
  /** Connected. */
  declare static readonly OPEN: 1;
  /** `close()` was called; the `close` event has not fired yet. */
  declare static readonly CLOSING: 2;
  /** Closed permanently. */
  declare static readonly CLOSED: 3;
  /** Not connected, or not connected again yet. */
  declare readonly CONNECTING: 0;
  /** Connected. */
  declare readonly OPEN: 1;
  /** `close()` was called; the `close` event has not fired yet. */
  declare readonly CLOSING: 2;
  /** Closed permanently. */
  declare readonly CLOSED: 3;

  readonly #url: string;
  readonly #attempts: Attempts = {};
  readonly #talk: Talk | undefined;
  readonly #core: Lazy<Connection>;
  readonly #handlers = new Handlers(this);
  #binaryType: BinaryType = 'blob';
  #state: SocketState = 'idle';
  #phase: Phase | undefined;
  #suspendedFor: SuspendReason | undefined;
  #error: GatepassError | undefined;
  #snapshot = IDLE;
  /** The state that follows once the listeners of the current event have returned. */
  #ahead: SocketState | undefined;
  /** False if it was closed before it started. */
  #mayStart = true;
  /** Events that follow a `close()` and have not fired yet. */
  #closeEvents: Event[] | undefined;
  readonly #early: EarlyQueue;
  readonly #webSocket: AuthSocketOptions['webSocket'];
  #dialled: ((native: WebSocket) => void) | undefined;

  readonly #outbox: NonNullable<AuthSocketOptions['outbox']>;
  readonly #messages = new NumberedMessages();
  readonly #highWaterMark: number;
  #writable: WritableStream | undefined;

  constructor(url: Address, options: AuthSocketOptions<In, Out>) {
    super();
    this.#url = typeof url === 'function' ? '' : new Options({ url }, '', { url: 'address' }).url('url', true);
    const talk = (this.#talk = talkOf(options as AuthSocketOptions));
    const make = read(this.#url || url, talk?.options ?? options, this.#attempts);
    this.#highWaterMark = options.highWaterMark ?? 65_536;
    this.#outbox = options.outbox ?? {};
    this.#webSocket = options.webSocket ?? undefined;
    this.#early = new EarlyQueue(this.#outbox);
    const { session, scheme } = options;
    if (options.scheme.type === 'query')
      warnOnce('query() puts the token into the URL, which logs keep; prefer ticket() or firstMessage()');
    const sink = this.#sink(session?.source);
    this.#core = new Lazy((core) => make(core, session?.core.made(core), sink), this.#broken, sink.broken);
    if (scheme.type === 'firstMessage' && scheme.frames === 'binary') this.#binaryType = 'arraybuffer';
    talk?.join(this);
    // In a microtask, so that the caller can add listeners, or close it, first.
    queueMicrotask(() => this.#mayStart && this.#state === 'idle' && this.#connect());
  }

  /** The URL that was passed, without the credential; if that is a function, the URL of the last attempt, at first ''. */
  get url(): string {
    return this.#url || (this.#attempts.url ?? '');
  }

  /** The state. @default 'idle' */
  get state(): SocketState {
    return this.#ahead ?? this.#state;
  }

  /** The phase of the present try, while connecting. */
  get phase(): Phase | undefined {
    return this.#ahead ? undefined : this.#phase;
  }

  /** What it waits for, while suspended. */
  get suspendedFor(): SuspendReason | undefined {
    return this.#ahead ? undefined : this.#suspendedFor;
  }

  /** What an app shows of it, as the last `statechange` has told it. It is the same object until the next one. */
  get snapshot(): SocketSnapshot {
    return this.#snapshot;
  }

  /**
   * Calls back now and after each change of state, until the returned function is called. With `snapshot` it is what `useSyncExternalStore` of React takes;
   * by itself it is a store of Svelte.
   */
  readonly subscribe = ((what: unknown, options?: unknown) =>
    typeof what === 'function'
      ? subscribed(this, 'statechange', what as (snapshot: SocketSnapshot) => void)
      : this.#conversation.subscribe(what, options)) as Subscribe<In, Out>;

  /**
   * Sends a message with an id, and resolves with the answer to it. It waits for a connection; messages that wait go first. With a codec (`gatepass/conversation`).
   *
   * @throws GatepassError that ended it, with its `fate`: REQUEST_REFUSED with the server's words in `details`, REQUEST_TIMED_OUT, CONNECTION_LOST, USER_CHANGED, ABORTED, CLOSED, QUEUE_FULL, MESSAGE_INVALID; INVALID_OPTION without a codec
   */
  request<Answer = In>(message: Out, options?: RequestOptions<In> & { signal?: AbortSignal }): Promise<Answer> {
    return this.#conversation.request(message, options);
  }

  get #conversation(): Talk {
    if (this.#talk) return this.#talk;
    throw noCodec();
  }

  /** As in WebSocket: OPEN when connected, CLOSING from `close()` until the `close` event, CLOSED when closed permanently, else CONNECTING. */
  get readyState(): number {
    if (this.#closeEvents) return STATES.CLOSING;
    if (this.state === 'connected') return STATES.OPEN;
    return this.state === 'closed' ? STATES.CLOSED : STATES.CONNECTING;
  }

  /** The subprotocol that the server chose (RFC 6455, section 1.9); '' for none, or while there is no connection. */
  get protocol(): string {
    return this.#read((core) => core.native())?.protocol ?? '';
  }

  /** The extensions that were negotiated (RFC 6455, section 9); '' while there is no connection. */
  get extensions(): string {
    return this.#read((core) => core.native())?.extensions ?? '';
  }

  /** Bytes that are not on the network yet, including queued messages. */
  get bufferedAmount(): number {
    return (this.#read((core) => core.native())?.bufferedAmount ?? 0) + this.stats().queuedBytes;
  }

  /** Reads from the driver; undefined before the wasm is loaded, and after a trap, which is reported elsewhere. */
  #read<R>(read: (core: Connection) => R): R | undefined {
    try {
      return this.#core?.call(read);
    } catch {
      return undefined;
    }
  }

  /** How binary messages arrive. @default 'blob'; with `frames: 'binary'` 'arraybuffer', which the handshake needs */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  /** Any other value is ignored, as in a WebSocket. */
  set binaryType(type: BinaryType) {
    if (type !== 'blob' && type !== 'arraybuffer') return;
    this.#binaryType = type;
    this.#read((core) => core.setBinaryType(type === 'arraybuffer'));
  }

  /**
   * Sends a message now if connected, else queues it. Order is kept. Returns an object whose `status` is kept up to date: see {@link sent}.
   * `ttl`: how long the message may wait, in milliseconds. @default `outbox.ttl`
   * @throws GatepassError CLOSED or QUEUE_FULL: the message was not taken; INVALID_OPTION for what cannot be sent
   */
  send(data: Out, options?: { ttl?: number }): SentMessage {
    const message = plain(this.#talk ? this.#talk.encode(data) : (data as Sendable));
    const given = options && new Options(options, 'options.', { ttl: 'millis' });
    const ttl = given?.get('ttl') == null ? undefined : given.millis('ttl', 0);
    if (this.state === 'closed') throw closed();
    // After those that were sent before.
    const sent =
      this.#early.length > 0 ? undefined : this.#core.call((core) => this.#messages.hand(core, message, ttl));
    return sent ?? this.#sendEarly(message, ttl ?? this.#outbox.ttl ?? undefined);
  }

  /** Keeps a message until the wasm is loaded, within the limits of the outbox. */
  #sendEarly(given: Plain, ttl: number | undefined): SentMessage {
    const message = this.#early.take(given);
    if (message === undefined) return DROPPED;
    const { data, since, kept } = message;
    this.#core.do(
      (core) => {
        if (this.#early.leave(message))
          this.#messages.hand(
            core,
            data,
            ttl === undefined ? ttl : Math.max(0, ttl - (performance.now() - since)),
            kept,
          );
      },
      (thrown) => {
        if (kept.status !== 'queued') return;
        finish(kept, 'dropped');
        // If the whole socket has failed, the message was counted with the others.
        if (this.#early.leave(message) || this.#state !== 'closed') this.#early.lost++;
        this.#refused(thrown);
      },
    );
    return kept;
  }

  /**
   * Resolves with the final status of a message: `sent`, `dropped`, or with `confirm` `confirmed`.
   * @throws GatepassError that closed the socket while the message waits (`reconnect()` sends it); LOAD_FAILED on a server
   */
  async sent(message: SentMessage): Promise<SentMessage['status']> {
    if (!STATUSES.includes(message?.status))
      throw failure('INVALID_OPTION', 'message: what send() has returned is needed');
    const kept: KeptMessage = message;
    const error = kept.waiting && noBrowser();
    if (error) throw error;
    return finalStatus(kept, this, () => (this.state === 'closed' ? this.#error : undefined));
  }

  /**
   * Resolves when all messages have been handed to the network.
   * @throws GatepassError that ended the connection, ABORTED by the signal, or LOAD_FAILED on a server
   */
  async drained(options?: { signal?: AbortSignal }): Promise<void> {
    const signal = signalOf(options);
    const error = this.stats().queued > 0 && noBrowser();
    if (error) throw error;
    const { drained } = await streams();
    return drained(this, 0, () => this.#error, signal);
  }

  /** The data of messages as a stream, across reconnects. Unread messages are kept. It ends when the socket closes. Use one at a time. */
  get readable(): ReadableStream<In> {
    const messages = this[Symbol.asyncIterator]();
    return new ReadableStream(
      {
        pull: (to) => messages.next().then(({ done, value }) => (done ? to.close() : to.enqueue(value))),
        cancel: () => void messages.return?.(),
      },
      { highWaterMark: 0 },
    );
  }

  /**
   * A stream that sends each chunk as a message. It applies back-pressure (`ready` of its writer) while more than `highWaterMark` bytes wait or the queue
   * is full. Closing it does not close the socket. After a close or a failure this returns a new stream.
   */
  get writable(): WritableStream<Out> {
    const end = () => void (this.#writable = undefined);
    return (this.#writable ??= new WritableStream(
      {
        write: async (data) => {
          try {
            const { sendSlowly } = await streams();
            await sendSlowly(this, data, this.#highWaterMark, () => this.#error);
          } catch (thrown) {
            end();
            throw thrown;
          }
        },
        close: end,
        abort: end,
      },
      { highWaterMark: 1 },
    ));
  }

  /**
   * Closes permanently and drops queued messages; `reconnect()` starts again. The `close` event fires asynchronously, as in a WebSocket. It does not wait
   * for the server's answer.
   * @throws GatepassError INVALID_OPTION for a code other than 1000 and 3000 to 4999, and for a reason of more than 123 bytes in UTF-8 (RFC 6455, section 5.5)
   */
  close(code = 1000, reason = ''): void {
    const given = new Options({ code, reason }, '', { code: 'face', reason: 'face' });
    if (!Number.isInteger(code) || (code !== 1000 && (code < 3000 || code > 4999)))
      given.fail('code', '1000 or 3000 to 4999 is needed');
    const text = String(reason);
    if (new Blob([text]).size > 123) given.fail('reason', 'at most 123 bytes');
    this.#mayStart = false;
    if (this.state !== 'closed') this.#closeEvents ??= [];
    try {
      this.#core.do((core) => {
        core.close(code, text);
        this.#goesTo('closed', core);
        setTimeout(() => {
          const goodbyes = this.#closeEvents ?? [];
          this.#closeEvents = undefined;
          goodbyes.forEach((event) => this.dispatchEvent(event));
        });
      }, this.#refused);
    } catch {
      // It has trapped, which was reported. It is closed anyway.
    }
    if (this.#core.driver === undefined) this.#ahead = 'closed';
    if (noBrowser()) setTimeout(() => this.#closedOnServer(code, text));
  }

  /** Nothing has connected, so nothing tells of the end. */
  #closedOnServer(code: number, reason: string): void {
    if (!this.#closeEvents) return;
    this.#closeEvents = undefined;
    this.#changed(changeTo('closed', this.#state), false);
    this.dispatchEvent(closeEvent(code, reason));
  }

  /**
   * Connects now: skips a wait, replaces a live connection, or starts again after `close()`. Between two tries there is at least a second. It does nothing while
   * a try is in progress.
   */
  reconnect(): void {
    this.#ahead = undefined;
    // If the wasm could not be loaded, loading is tried again.
    if (this.#core.driver === undefined && this.#state === 'closed') this.#changed(changeTo('idle', 'closed'), false);
    this.#connect();
  }

  #connect(): void {
    try {
      this.#core.do((core) => {
        core.connect();
        this.#goesTo('connecting', core);
      }, this.#broken);
    } catch (thrown) {
      this.#broken(thrown);
    }
  }

  /** Within an event the change is reported once its listeners have returned. */
  #goesTo(state: SocketState, core: Connection): void {
    if (!core.isRunning) return;
    this.#ahead = state;
    queueMicrotask(() => void (this.#ahead = undefined));
  }

  /**
   * Resolves when connected.
   * @throws GatepassError that ended the connection or asks for sign-in, or ABORTED by the signal
   */
  async ready(options?: { signal?: AbortSignal }): Promise<void> {
    const signal = signalOf(options);
    return new Promise((resolve, reject) => {
      connected(this, () => this.#error, signal).then(resolve, reject);
      this.#core.ask(() => {}, reject);
    });
  }

  /** The counters since construction. */
  stats(): SocketStats {
    const stats = statsOf(this.#read((core) => core.stats()));
    stats.dropped += this.#early.lost;
    stats.queued += this.#early.length;
    stats.queuedBytes += this.#early.bytes;
    return stats;
  }

  /** Yields the data of each message, across reconnects. It ends when the socket closes, and throws if a failure closed it. */
  [Symbol.asyncIterator](): AsyncIterableIterator<In> {
    const messages = messagesOf<In>(this, () => this.#error);
    const error = noBrowser();
    if (error) messages.end(error);
    return messages;
  }

  /** Closes. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Shows the state and nothing else. */
  toJSON(): {
    /** Without its query. */
    url: string;
    /** The state. */
    state: SocketState;
  } {
    return { url: this.url.replace(/\?.*/, ''), state: this.#state };
  }

  /** The handler of `open`: a connection was accepted. @default null */
  declare onopen: ((event: Event) => unknown) | null;
  /** The handler of `message`: a message of the server. @default null */
  declare onmessage: ((event: MessageEvent<In>) => unknown) | null;
  /** The handler of `error`: a try failed, or a connection was lost. @default null */
  declare onerror: ((event: SocketErrorEvent) => unknown) | null;
  /** The handler of `close`: a connection that was open has ended. @default null */
  declare onclose: ((event: CloseEvent) => unknown) | null;

  static {
    inside = {
      onDial: (socket, dialled) => void (socket.#dialled = dialled),
      drop: (socket) => void socket.#early.lost++,
      driver: (socket) => socket.#core.driver,
    };
    addStates(this, this.prototype);
    addHandlers(this.prototype, (socket: Any) => socket.#handlers);
  }

  /** The callbacks of the driver. What a listener throws is reported by the browser and never reaches the driver. */
  #sink(source?: Source): Sink {
    // The driver must not keep the socket alive once the app has dropped it, unless events can still fire.
    const talk = this.#talk;
    const self = new WeakRef<Any>(this);
    let alive: Any | undefined = this;
    /** @param call what to do with the socket, if it was not collected. */
    const withSocket = (call: (socket: Any) => void, socket: Any | undefined = self.deref()) => {
      if (socket) reported(() => call(socket));
    };
    return {
      broken: (thrown) => withSocket((socket) => socket.#trapped(thrown)),
      get takesBuffers() {
        return self.deref()?.binaryType === 'arraybuffer';
      },
      status: (number, status) => withSocket((socket) => socket.#messages.delivered(number, status)),
      webSocket: this.#webSocket as Sink['webSocket'],
      dialled: (native) => withSocket((socket) => socket.#dialled?.(native)),
      handedOver: () => withSocket((socket) => socket.dispatchEvent(new Event('handover')), alive),
      opened: () => withSocket((socket) => socket.dispatchEvent(new Event('open')), alive),
      closed: (code, reason, wasClean) => withSocket((socket) => socket.#tell(closeEvent(code, reason, wasClean))),
      changed: (parts, unconfirmed) => {
        const socket = self.deref();
        alive = stateOf(parts) === 'closed' ? undefined : socket;
        withSocket((socket) =>
          socket.#changed(changeOf(parts, unconfirmed, source, socket.#attempts), firesError(parts)),
        );
      },
      gone: talk?.gone,
      message: (data, from) => {
        const socket = alive ?? self.deref();
        if (!socket) return;
        // Not every EventTarget keeps what a listener throws: happy-dom in unit tests does not.
        reported(() =>
          talk ? talk.received(data, from) : socket.dispatchEvent(new MessageEvent('message', { data })),
        );
      },
    };
  }

  #changed(change: StateChange, firesError: boolean): void {
    this.#state = change.state;
    this.#ahead = undefined;
    this.#phase = change.phase;
    this.#suspendedFor = change.suspendedFor;
    this.#error = change.error;
    this.#snapshot = snapshotOf(change, this.#snapshot);
    this.dispatchEvent(new StateChangeEvent(change));
    if (firesError) this.#tell(new SocketErrorEvent(change.error ?? failure('CLOSED', 'the socket is closed')));
  }

  /** Dispatches an event now, or after the `close()` that it belongs to. */
  #tell(event: Event): void {
    if (this.#closeEvents) this.#closeEvents.push(event);
    else this.dispatchEvent(event);
  }

  /** The wasm could not be loaded, or refuses the options: `reconnect()` tries again. */
  readonly #broken = (thrown: unknown) => {
    if (this.#state === 'closed') return;
    this.#ended(asError(thrown));
  };

  /** The wasm has trapped in a call of this socket. It is not called again. */
  #trapped(thrown: unknown): void {
    const error = this.#core?.trapped(thrown) ?? internal(thrown);
    this.#messages.drop();
    if (this.#state !== 'closed') this.#ended(error);
  }

  #ended(error: GatepassError): void {
    const dropped = this.#early.end();
    this.#closeEvents = undefined;
    this.#changed({ ...changeTo('closed', this.#state), error, dropped }, true);
    this.dispatchEvent(closeEvent(1006));
  }

  /** A call that waited for the wasm failed. The socket is not affected. */
  readonly #refused = (thrown: unknown) => {
    if (this.#state !== 'closed') this.dispatchEvent(new SocketErrorEvent(asError(thrown)));
  };
}

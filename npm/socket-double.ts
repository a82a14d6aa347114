// A connection that a unit test steers, in the place of the driver over the wasm.

import { CLOSE_CODES } from './close-codes.js';
import { copied, lengthOf, type Sink } from './connection-driver.js';
import {
  AuthSocketOptionsAt as Option,
  ChangePart as At,
  CloseAction,
  CONNECTION_STATE_NAMES,
  ConnectionState,
  DeliveryStatus,
  Phase,
  Question,
  SchemeKind,
  SendAnswer,
  StatPart,
  SUSPEND_REASON_NAMES,
  SuspendReason,
  WhenSignedOut,
} from './contract.js';
import { type Disposition, type ErrorCode, failure } from './errors.js';
import { closeEvent, type SuspendReason as SuspendReasonName } from './events.js';
import { failureOf, type Failed } from './failure-double.js';
import type { Connection } from './load.js';
import type { Plain } from './payload.js';
import type { SessionPartDouble } from './session-double.js';

/** How a test steers a socket of the app. It plays the server and the network. */
export interface SocketDouble {
  /** The URL that the socket connects to, with its parameters and without a credential; '' before a function has named it. */
  readonly url: string;
  /** All messages that have reached the server, the oldest first, those of `onConnected` among them. The first message of a scheme is not. */
  readonly sent: readonly unknown[];
  /** How long the socket waits after a loss, in milliseconds. @default 1000 */
  retryIn: number;
  /**
   * The server accepts the connection. A socket that waits for its next try tries at once. Functions of the app (`url`, `onConnected`) are called first; without
   * any, the socket is connected when this returns.
   * @throws GatepassError CLOSED if the socket is closed; INVALID_OPTION if it is connected already, or nobody is signed in
   */
  accept(): Promise<void>;
  /**
   * A message of the server: a string, a `Blob` or an `ArrayBuffer` as it is, any other value as JSON.
   * @throws GatepassError INVALID_OPTION if it is not connected, or for undefined
   */
  receive(data: unknown): void;
  /** The server confirms all messages that wait for it (with the option `confirm`). */
  confirm(): void;
  /**
   * The connection is lost (1006), or the server closes it with a code. What follows is as in a browser: see "Close codes" in the docs, and the option
   * `closeCodes`.
   * @param code @default 1006
   * @throws GatepassError INVALID_OPTION if it neither connects nor is connected, or for a number that is no close code
   */
  lose(code?: number, reason?: string): void;
  /**
   * A try, or a connection, fails with an error of gatepass. The disposition says what follows: `retry` waits; `refreshToken` waits and renews the token; `signIn` ends
   * the session; `giveUp` closes the socket.
   * @throws GatepassError INVALID_OPTION if it is closed
   */
  failWith(code: ErrorCode, disposition: Disposition, details?: Failed): void;
  /** The page has lost its network, or is hidden or frozen. @default 'offline' */
  suspend(reason?: Exclude<SuspendReasonName, 'sign-in'>): void;
  /** The page is back: the socket connects. @throws GatepassError INVALID_OPTION unless it was suspended by `suspend()` */
  resume(): void;
}

/** A message that waits. */
interface Queued {
  readonly number: number;
  readonly data: unknown;
}

/** How long a socket waits after codes that say "not now", in milliseconds: `SLOW_RETRY` in src/proto/close.rs. */
const SLOW_RETRY = 15_000;

/** A WebSocket for `webSocketClass()`, which looks at that behind its AuthSocket. */
class NativeDouble extends EventTarget {
  readonly protocol = '';
  readonly extensions = '';
  readonly bufferedAmount = 0;
  readyState = 0;

  close(code = 1005, reason = ''): void {
    this.readyState = 2;
    queueMicrotask(() => {
      this.readyState = 3;
      this.dispatchEvent(closeEvent(code, reason, true));
    });
  }
}

/** @internal */
export class ConnectionDouble implements Connection, SocketDouble {
  /** Whether events are being told to the app. What a listener causes is told after them. */
  isRunning = false;
  readonly sent: unknown[] = [];
  url: string;
  retryIn = 1_000;

  readonly #parts: unknown[];
  readonly #questions: number[];
  readonly #session: SessionPartDouble | undefined;
  readonly #sink: Sink;
  /** Events that are yet to be told. */
  readonly #outputs: Array<() => void> = [];
  #state = ConnectionState.Idle;
  #suspendedFor: SuspendReason | undefined;
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The app's answer for the URL of the present try. */
  #address: Promise<void> = Promise.resolve();
  #native = new NativeDouble();
  #isGranted = true;
  /** Ends the questions of the present try. */
  #asked = new AbortController();
  #queue: Queued[] = [];
  /** The messages of the present connection. */
  #handed: Queued[] = [];
  #counts = { attempts: 0, connections: 0, sent: 0, received: 0, dropped: 0 };

  constructor(parts: unknown[], questions: number[], session: SessionPartDouble | undefined, sink: Sink) {
    this.#parts = parts;
    this.#questions = questions;
    this.#session = parts[Option.whenSignedOut] === WhenSignedOut.Connect ? undefined : session;
    this.#sink = sink;
    this.url = questions.includes(Question.Address) ? '' : String(parts[Option.url]);
    session?.join(this);
  }

  // The driver.

  connect(): void {
    if (this.#state === ConnectionState.Connecting) return;
    if (this.#state === ConnectionState.Connected) {
      this.#waits({ [At.Code]: 1000, [At.Reason]: 'reconnect' }, 0);
      this.#closed(1000, 'reconnect', true);
    }
    this.#start();
  }

  close(code: number, reason: string): void {
    if (this.#state === ConnectionState.Closed) return;
    const hasSocket = this.#hasSocket;
    this.#drop();
    this.#change(ConnectionState.Closed, { [At.Code]: code, [At.Reason]: reason || undefined });
    if (hasSocket) this.#closed(code, reason, true);
  }

  send(number: number, data: unknown): SendAnswer {
    if (this.#state === ConnectionState.Closed) return SendAnswer.Closed;
    const message = { number, data };
    if (this.#state !== ConnectionState.Connected) {
      this.#queue.push(message);
      return SendAnswer.Queued;
    }
    this.#hand(message);
    return this.#confirms ? SendAnswer.Unconfirmed : SendAnswer.Now;
  }

  stats(): number[] {
    const counts: number[] = [];
    counts[StatPart.Attempts] = this.#counts.attempts;
    counts[StatPart.Connections] = this.#counts.connections;
    counts[StatPart.Sent] = this.#counts.sent;
    counts[StatPart.Received] = this.#counts.received;
    counts[StatPart.Dropped] = this.#counts.dropped;
    counts[StatPart.Queued] = this.#queue.length;
    counts[StatPart.QueuedBytes] = this.#queue.reduce((sum, { data }) => sum + lengthOf(data), 0);
    counts[StatPart.Unacknowledged] = this.#confirms ? this.#handed.length : 0;
    return counts;
  }

  native(): NativeDouble | undefined {
    return this.#hasSocket ? this.#native : undefined;
  }

  setBinaryType(): void {}

  fail(thrown: unknown): void {
    this.#sink.broken(thrown);
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#asked.abort();
  }

  // The test.

  accept(): Promise<void> {
    if (this.#state === ConnectionState.Closed) throw failure('CLOSED', 'accept: the socket is closed');
    if (this.#state === ConnectionState.Connected) throw this.#wrong('it cannot be accepted again');
    if (this.#state !== ConnectionState.Connecting) this.#start();
    if (!this.#hasSocket) throw this.#wrong('it connects when somebody is signed in: doubles.session().signInAs(…)');
    const isAsked = this.#questions.some((question) => question !== Question.FirstMessage);
    return isAsked ? this.#acceptedAfterQuestions() : Promise.resolve(this.#accepted());
  }

  receive(data: unknown): void {
    if (this.#state !== ConnectionState.Connected) throw this.#wrong('nothing can arrive');
    if (data === undefined) throw failure('INVALID_OPTION', 'receive: a string, bytes or a JSON value is needed');
    const isMessage = typeof data === 'string' || data instanceof ArrayBuffer || data instanceof Blob;
    this.#counts.received++;
    const message = isMessage ? data : JSON.stringify(data);
    this.#tell(() => this.#state === ConnectionState.Connected && this.#sink.message(message));
  }

  confirm(): void {
    if (!this.#confirms) throw failure('INVALID_OPTION', 'confirm: the socket does not have the option `confirm`');
    for (const { number } of this.#handed.splice(0)) this.#sink.status(number, DeliveryStatus.Confirmed);
  }

  lose(code = 1006, reason = ''): void {
    if (!this.#hasSocket) throw this.#wrong('there is no connection to lose');
    if (!Number.isInteger(code) || code < 1000 || code > 4999)
      throw failure('INVALID_OPTION', 'lose: a close code is needed, 1000 to 4999');
    const isOpen = this.#state === ConnectionState.Connected;
    const own = this.#parts[Option.closeCodes] as typeof CLOSE_CODES | undefined;
    const [, action] = [...(own ?? []), ...CLOSE_CODES].find(([known]) => known === code) ?? [code, CloseAction.Retry];
    const name = code !== 1006 ? 'CLOSED_BY_SERVER' : isOpen ? 'CONNECTION_LOST' : 'CONNECT_FAILED';
    const dispositions = {
      [CloseAction.GiveUp]: 'giveUp',
      [CloseAction.RefreshToken]: this.#session ? 'refreshToken' : 'giveUp',
      [CloseAction.Retry]: 'retry',
      [CloseAction.RetrySlowly]: 'retry',
    } as const;
    const wait = action === CloseAction.RetrySlowly ? Math.max(SLOW_RETRY, this.retryIn) : this.retryIn;
    this.#fails(name, dispositions[action as CloseAction], { closeCode: code }, reason, wait);
    if (isOpen) this.#closed(code, reason, code !== 1006);
  }

  failWith(code: ErrorCode, disposition: Disposition, details: Failed = {}): void {
    if (this.#state === ConnectionState.Closed) throw this.#wrong('there is nothing that could fail');
    const isOpen = this.#state === ConnectionState.Connected;
    this.#fails(code, disposition, details);
    if (isOpen) this.#closed(details.closeCode ?? 1006, '', details.closeCode !== undefined);
  }

  suspend(reason: Exclude<SuspendReasonName, 'sign-in'> = 'offline'): void {
    const number = SUSPEND_REASON_NAMES.indexOf(reason) as SuspendReason;
    if (number < 0 || number === SuspendReason.SignIn)
      throw failure('INVALID_OPTION', "suspend: 'offline', 'hidden' or 'frozen' is needed");
    if (this.#state === ConnectionState.Closed || this.#suspendedFor !== undefined)
      throw this.#wrong('it cannot be suspended');
    const isOpen = this.#state === ConnectionState.Connected;
    const isOffline = number === SuspendReason.Offline;
    const code = isOffline ? 1006 : 1000;
    this.#change(ConnectionState.Suspended, {
      [At.SuspendedFor]: number,
      [At.Code]: isOpen ? code : undefined,
      ...(isOffline && isOpen && failureOf('CONNECTION_LOST', 'retry', { closeCode: code })),
    });
    if (isOpen) this.#closed(code, '', code === 1000);
  }

  resume(): void {
    if (this.#suspendedFor === undefined || this.#suspendedFor === SuspendReason.SignIn)
      throw this.#wrong('it was not suspended by suspend()');
    this.#start();
  }

  // The session.

  /** @internal Somebody has signed in, or is another user. */
  signedIn(isOther: boolean): void {
    if (!this.#session) return;
    if (this.#suspendedFor === SuspendReason.SignIn) this.#start();
    else if (isOther) this.#changesUser();
  }

  /** @internal The token that it waits for is there. */
  granted(): void {
    const isWaiting = !this.#isGranted && this.#state === ConnectionState.Connecting;
    this.#isGranted = true;
    if (isWaiting) this.#dials();
  }

  #changesUser(): void {
    if ([ConnectionState.Idle, ConnectionState.Closed].includes(this.#state)) return;
    const isOpen = this.#state === ConnectionState.Connected;
    this.#attempt = 0;
    this.#waits(
      {
        [At.Code]: 1000,
        [At.Reason]: 'signed out',
        [At.RetryAt]: undefined,
        [At.UserChanged]: true,
        [At.Dropped]: this.#drop(),
      },
      0,
    );
    if (isOpen) this.#closed(1000, 'signed out', true);
    this.#start();
  }

  /** @internal The user has signed out. */
  signedOut(): void {
    if (!this.#session || [ConnectionState.Idle, ConnectionState.Closed].includes(this.#state)) return;
    const isOpen = this.#state === ConnectionState.Connected;
    this.#attempt = 0;
    this.#change(ConnectionState.Suspended, {
      [At.SuspendedFor]: SuspendReason.SignIn,
      [At.Reason]: 'signed out',
      [At.UserChanged]: true,
      [At.Dropped]: this.#drop(),
      ...failureOf('TOKEN_MISSING', 'signIn'),
    });
    if (isOpen) this.#closed(1000, 'signed out', true);
  }

  /** @internal */
  get hasEnded(): boolean {
    return this.#state === ConnectionState.Closed;
  }

  get #hasSocket(): boolean {
    return this.#state === ConnectionState.Connecting || this.#state === ConnectionState.Connected;
  }

  get #confirms(): boolean {
    return this.#parts[Option.confirm] !== undefined;
  }

  #wrong(problem: string): Error {
    const state = CONNECTION_STATE_NAMES[this.#state];
    return failure('INVALID_OPTION', `the socket ${this.url} is ${state}: ${problem}`);
  }

  /** A try begins: it waits for a user, or for `accept()`. */
  #start(): void {
    this.#attempt++;
    this.#counts.attempts++;
    this.#asked = new AbortController();
    const [kind] = this.#parts[Option.scheme] as [SchemeKind];
    if (this.#session && kind !== SchemeKind.Anonymous) {
      this.#change(ConnectionState.Connecting, { [At.Phase]: Phase.Token });
      if (!this.#session.isSignedIn) {
        this.#change(ConnectionState.Suspended, { [At.SuspendedFor]: SuspendReason.SignIn });
        return;
      }
      this.#isGranted = !this.#session.holdsTokens;
      if (!this.#isGranted) return;
    }
    this.#dials();
  }

  /** The token is there, or none is needed. */
  #dials(): void {
    const { signal } = this.#asked;
    if (!this.#questions.includes(Question.Address)) {
      this.#opens();
      return;
    }
    this.#change(ConnectionState.Connecting, { [At.Phase]: Phase.Preparing });
    this.#address = this.#ask(Question.Address, signal).then(
      (address) => {
        if (signal.aborted) return;
        ({ url: this.url } = address as { url: string });
        this.#opens();
      },
      () => void (signal.aborted || this.#fails('CALLBACK_FAILED', 'retry')),
    );
  }

  #opens(): void {
    this.#change(ConnectionState.Connecting, { [At.Phase]: Phase.Opening });
    this.#native = new NativeDouble();
    const native = this.#native as unknown as WebSocket;
    this.#tell(() => this.#sink.dialled?.(native));
  }

  async #acceptedAfterQuestions(): Promise<void> {
    await this.#address;
    const { signal } = this.#asked;
    if (this.#state !== ConnectionState.Connecting) throw this.#wrong('a function of the app has failed');
    if (this.#questions.includes(Question.Connected)) {
      this.#change(ConnectionState.Connecting, { [At.Phase]: Phase.Authenticating });
      try {
        await this.#ask(Question.Connected, signal);
      } catch {
        if (!signal.aborted) this.#fails('CALLBACK_FAILED', 'retry');
        return;
      }
    }
    if (!signal.aborted) this.#accepted();
  }

  /** Asks a function of the app. What `onConnected` sends reaches the server. */
  async #ask(question: Question, signal: AbortSignal): Promise<unknown> {
    const send = (data: unknown) => {
      if (!signal.aborted) this.sent.push(data);
      return !signal.aborted;
    };
    return this.#sink.ask?.(question, { protocol: '', signal, send });
  }

  #accepted(): void {
    this.#counts.connections++;
    this.#native.readyState = 1;
    for (const message of this.#queue.splice(0)) {
      this.#hand(message);
      const status = this.#confirms ? DeliveryStatus.Unconfirmed : DeliveryStatus.Sent;
      this.#sink.status(message.number, status);
    }
    this.#change(ConnectionState.Connected);
    // A listener may have closed it.
    this.#tell(() => this.#state === ConnectionState.Connected && this.#sink.opened());
  }

  #hand(message: Queued): void {
    this.#handed.push(message);
    this.#counts.sent++;
    this.sent.push(copied(message.data as Plain));
  }

  #fails(code: ErrorCode, disposition: Disposition, details: Failed = {}, reason = '', wait = this.retryIn): void {
    const isLast = this.#parts[Option.reconnect] === false;
    const follows = isLast ? 'giveUp' : disposition;
    const problem = {
      [At.Code]: details.closeCode,
      [At.Reason]: reason || undefined,
      ...failureOf(code, follows, details),
      // As a WebSocket, which is silent if it was open.
      ...(isLast && this.#state === ConnectionState.Connected && { [At.FiresError]: false }),
    };
    switch (follows) {
      case 'retry':
        this.#waits(problem, wait);
        break;
      case 'refreshToken':
        this.#waits({ ...problem, [At.FiresError]: false }, wait);
        this.#session?.renew();
        break;
      case 'signIn':
        this.#session?.expire();
        this.#change(ConnectionState.Suspended, { ...problem, [At.SuspendedFor]: SuspendReason.SignIn });
        break;
      case 'giveUp':
        this.#change(ConnectionState.Closed, { ...problem, [At.Dropped]: this.#drop() });
        break;
    }
  }

  /** Waits for the next try. */
  #waits(more: Record<number, unknown>, wait: number): void {
    this.#change(ConnectionState.Waiting, { [At.RetryAt]: Date.now() + wait, ...more });
    if (wait === 0) return;
    this.#timer = setTimeout(() => this.#start(), wait);
    // Nothing waits for it once the tests are over.
    (this.#timer as { unref?(): void }).unref?.();
  }

  /** Drops what waits. */
  #drop(): number {
    const all = this.#queue.splice(0);
    this.#counts.dropped += all.length;
    for (const { number } of all) this.#sink.status(number, DeliveryStatus.Dropped);
    return all.length;
  }

  #change(state: ConnectionState, more: Record<number, unknown> = {}): void {
    const isEnd = this.#state === ConnectionState.Connected && state !== ConnectionState.Connected;
    clearTimeout(this.#timer);
    if (state !== ConnectionState.Connecting && state !== ConnectionState.Connected) {
      this.#asked.abort();
      this.#native.readyState = 3;
    }
    const unconfirmed = isEnd ? this.#handed.splice(0) : [];
    // They come again: the next connection sends them first.
    if (this.#confirms && state !== ConnectionState.Closed) this.#queue.unshift(...unconfirmed);
    const parts: unknown[] = [];
    Object.assign(parts, {
      [At.State]: state,
      [At.Previous]: this.#state,
      [At.Attempt]: this.#attempt,
      [At.Dropped]: 0,
      [At.UserChanged]: false,
      [At.FiresError]: false,
      ...more,
    });
    this.#state = state;
    this.#suspendedFor = more[At.SuspendedFor] as SuspendReason | undefined;
    const lost = this.#confirms ? [] : unconfirmed.map(({ data }) => data);
    this.#tell(() => this.#sink.changed(parts, lost));
  }

  #closed(code: number, reason: string, wasClean: boolean): void {
    this.#tell(() => this.#sink.closed(code, reason, wasClean));
  }

  /** Tells the app of an event, after those that it is being told of. */
  #tell(output: () => void): void {
    this.#outputs.push(output);
    if (this.isRunning) return;
    this.isRunning = true;
    for (let next = this.#outputs.shift(); next; next = this.#outputs.shift()) next();
    this.isRunning = false;
  }
}

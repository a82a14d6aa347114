// A connection that a unit test steers, in the place of the driver over the wasm.

import { CLOSE_CODES, SLOW_RETRY } from './close-codes.js';
import type { Sink } from './connection-driver.js';
import {
  AuthSocketOptionsAt as Option,
  ChangePart as At,
  CloseAction,
  CONNECTION_STATE_NAMES,
  ConnectionState,
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
import type { SuspendReason as SuspendReasonName } from './events.js';
import { failureOf, type Failed } from './failure-double.js';
import type { Connection } from './load.js';
import { Messages } from './messages-double.js';
import { NativeDouble } from './native-double.js';
import type { SessionPartDouble } from './session-double.js';
import type { SocketDouble } from './testing.js';

/** @internal */
export class ConnectionDouble implements Connection, SocketDouble {
  /** Whether events are being told to the app. What a listener causes is told after them. */
  isRunning = false;
  url: string;
  retryIn = 1_000;

  readonly #parts: unknown[];
  readonly #questions: number[];
  readonly #session: SessionPartDouble | undefined;
  readonly #takesVisitors: boolean;
  /** Called whenever the app connects. */
  readonly #onUse: (double: ConnectionDouble) => void;
  readonly #sink: Sink;
  /** Events that are yet to be told. */
  readonly #outputs: Array<() => void> = [];
  #state = ConnectionState.Idle;
  /** While connecting. */
  #phase: Phase | undefined;
  #suspendedFor: SuspendReason | undefined;
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The app's answer for the URL of the present try. */
  #address: Promise<void> = Promise.resolve();
  /** The number of the socket. */
  #number = 0;
  #native = new NativeDouble();
  /** It is connected, or connects, without a user. */
  #isVisitor = false;
  /** A token was refused, and nothing was heard since. */
  #wasRefused = false;
  /** Ends the questions of the present try. */
  #asked = new AbortController();
  readonly #messages: Messages;
  #counts = { attempts: 0, connections: 0, received: 0 };

  constructor(
    parts: unknown[],
    questions: number[],
    session: SessionPartDouble | undefined,
    sink: Sink,
    onUse: (double: ConnectionDouble) => void,
  ) {
    this.#parts = parts;
    this.#questions = questions;
    const [kind] = parts[Option.scheme] as [SchemeKind];
    this.#session = kind === SchemeKind.Anonymous ? undefined : session;
    this.#takesVisitors = parts[Option.whenSignedOut] === WhenSignedOut.Connect;
    this.#onUse = onUse;
    this.#sink = sink;
    this.#messages = new Messages(parts[Option.confirm], (number, status) => sink.status(number, status));
    this.url = questions.includes(Question.Address) ? '' : String(parts[Option.url]);
    session?.join(this);
    onUse(this);
  }

  // The driver.

  connect(): void {
    this.#onUse(this);
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
    this.#change(ConnectionState.Closed, {
      [At.Code]: code,
      [At.Reason]: reason || undefined,
      [At.Dropped]: this.#messages.drop(),
    });
    if (hasSocket) this.#closed(code, reason, true);
  }

  send(number: number, data: unknown): SendAnswer {
    if (this.#state === ConnectionState.Closed) return SendAnswer.Closed;
    return this.#messages.take(number, data, this.#state === ConnectionState.Connected);
  }

  stats(): number[] {
    const counts: number[] = [];
    counts[StatPart.Attempts] = this.#counts.attempts;
    counts[StatPart.Connections] = this.#counts.connections;
    counts[StatPart.Sent] = this.#messages.counts.sent;
    counts[StatPart.Received] = this.#counts.received;
    counts[StatPart.Dropped] = this.#messages.counts.dropped;
    counts[StatPart.Queued] = this.#messages.queued;
    counts[StatPart.QueuedBytes] = this.#messages.queuedBytes;
    counts[StatPart.Unacknowledged] = this.#messages.unacknowledged;
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

  get sent(): readonly unknown[] {
    return this.#messages.sent;
  }

  accept(): Promise<void> {
    if (this.#state === ConnectionState.Closed) throw failure('CLOSED', 'accept: the socket is closed');
    if (this.#state === ConnectionState.Connected) throw this.#wrong('it cannot be accepted again');
    if (this.#state !== ConnectionState.Connecting) this.#start();
    if (this.#suspendedFor === SuspendReason.SignIn)
      throw this.#wrong('it connects when somebody is signed in: doubles.session().signInAs(…)');
    if (!this.#hasSocket) throw this.#wrong('a listener has ended it');
    const isAsked = this.#questions.some((question) => question !== Question.FirstMessage);
    return isAsked ? this.#acceptedAfterQuestions() : Promise.resolve(this.#accepted());
  }

  /** Sends past the queue, as the driver does. */
  write(_socket: number, data: unknown): void {
    this.#messages.sent.push(data);
  }

  receive(data: unknown): void {
    const hears = () => this.#phase === Phase.Authenticating || this.#state === ConnectionState.Connected;
    if (!hears()) throw this.#wrong('nothing can arrive');
    const isMessage = typeof data === 'string' || data instanceof ArrayBuffer || data instanceof Blob;
    const bytes =
      ArrayBuffer.isView(data) && new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice().buffer;
    const message: unknown = isMessage ? data : bytes || JSON.stringify(data);
    if (message === undefined) throw failure('INVALID_OPTION', 'receive: a string, bytes or a JSON value is needed');
    this.#counts.received++;
    this.#wasRefused = false;
    this.#tell(() => hears() && this.#sink.message(message, this.#number));
  }

  confirm(): void {
    if (!this.#messages.areConfirmed)
      throw failure('INVALID_OPTION', 'confirm: the socket does not have the option `confirm`');
    this.#messages.confirm();
  }

  lose(code = 1006, reason = ''): void {
    if (!this.#hasSocket) throw this.#wrong('there is no connection to lose');
    if (!Number.isInteger(code) || code < 1000 || code > 4999)
      throw failure('INVALID_OPTION', 'lose: a close code is needed, 1000 to 4999');
    const isOpen = this.#state === ConnectionState.Connected;
    // The app's own rows are flat: code, action, code, action.
    const flat = (this.#parts[Option.closeCodes] ?? []) as number[];
    const own = flat.flatMap((known, place) => (place % 2 ? [] : [[known, flat[place + 1]!] as const]));
    const [, action] = [...own, ...CLOSE_CODES].find(([known]) => known === code) ?? [code, CloseAction.Retry];
    const name = code !== 1006 ? 'CLOSED_BY_SERVER' : isOpen ? 'CONNECTION_LOST' : 'CONNECT_FAILED';
    const dispositions = {
      [CloseAction.GiveUp]: 'giveUp',
      [CloseAction.RefreshToken]: 'refreshToken',
      [CloseAction.Retry]: 'retry',
      [CloseAction.RetrySlowly]: 'retry',
    } as const;
    const wait = action === CloseAction.RetrySlowly ? Math.max(SLOW_RETRY, this.retryIn) : this.retryIn;
    this.#fails(name, dispositions[action as CloseAction], { closeCode: code }, reason, wait);
    if (isOpen || this.hasEnded) this.#closed(code, reason, isOpen && code !== 1006);
  }

  failWith(code: ErrorCode, disposition: Disposition, details: Failed = {}): void {
    if (this.#state === ConnectionState.Closed) throw this.#wrong('there is nothing that could fail');
    const isOpen = this.#state === ConnectionState.Connected;
    this.#fails(code, disposition, details);
    const { closeCode } = details;
    if (isOpen || this.hasEnded) this.#closed(closeCode ?? 1006, '', isOpen && closeCode !== undefined);
  }

  suspend(reason: Exclude<SuspendReasonName, 'sign-in'> = 'offline'): void {
    const number = SUSPEND_REASON_NAMES.indexOf(reason) as SuspendReason;
    if (number < 0 || number === SuspendReason.SignIn)
      throw failure('INVALID_OPTION', "suspend: 'offline', 'hidden' or 'frozen' is needed");
    if (this.#state === ConnectionState.Closed || this.#suspendedFor !== undefined)
      throw this.#wrong('it cannot be suspended');
    const isOpen = this.#state === ConnectionState.Connected;
    if (isOpen && this.#isLast) {
      this.#ends({});
      return;
    }
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
    this.#wasRefused = false;
    if (this.#suspendedFor === SuspendReason.SignIn) this.#start();
    else if (isOther && this.#isVisitor) this.#becomesUser();
    else if (isOther) this.#changesUser();
  }

  /** @internal The token that it waits for is there. */
  granted(): void {
    if (this.#phase === Phase.Token) this.#dials();
  }

  /** A visitor has signed in. */
  #becomesUser(): void {
    const isOpen = this.#state === ConnectionState.Connected;
    if (!this.#hasSocket) return;
    this.#start();
    if (isOpen) this.#closed(1000, 'signed in', true);
  }

  /** Connects again, for another user or for nobody. */
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
        [At.Dropped]: this.#messages.drop(),
      },
      0,
    );
    if (isOpen) this.#closed(1000, 'signed out', true);
    this.#start();
  }

  /** @internal The user has signed out. */
  signedOut(): void {
    if (!this.#session || [ConnectionState.Idle, ConnectionState.Closed].includes(this.#state)) return;
    this.#wasRefused = false;
    if (this.#takesVisitors) {
      this.#changesUser();
      return;
    }
    const isOpen = this.#state === ConnectionState.Connected;
    if (isOpen && this.#isLast) {
      this.#ends({ [At.UserChanged]: true });
      return;
    }
    this.#attempt = 0;
    this.#change(ConnectionState.Suspended, {
      [At.SuspendedFor]: SuspendReason.SignIn,
      [At.Reason]: 'signed out',
      [At.UserChanged]: true,
      [At.Dropped]: this.#messages.drop(),
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

  /** Whether it does not reconnect: it is one connection. */
  get #isLast(): boolean {
    return this.#parts[Option.reconnect] === false;
  }

  /** Ends it as a loss does. */
  #ends(more: Record<number, unknown>): void {
    this.#change(ConnectionState.Closed, { ...more, [At.Code]: 1006, [At.Dropped]: this.#messages.drop() });
    this.#closed(1006, '', false);
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
    this.#isVisitor = this.#takesVisitors && !this.#session?.isSignedIn;
    if (this.#session) {
      this.#change(ConnectionState.Connecting, { [At.Phase]: Phase.Token });
      if (!this.#session.isSignedIn && !this.#isVisitor) {
        this.#change(ConnectionState.Suspended, { [At.SuspendedFor]: SuspendReason.SignIn });
        return;
      }
      if (this.#session.holdsTokens) return;
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
    this.#number++;
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
        throw this.#wrong('onConnected has failed');
      }
    }
    if (signal.aborted) throw this.#wrong('its connection has ended before it was accepted');
    this.#accepted();
  }

  /** Asks a function of the app. What `onConnected` sends reaches the server. */
  async #ask(question: Question, signal: AbortSignal): Promise<unknown> {
    const send = (data: unknown) => {
      if (!signal.aborted) this.#messages.sent.push(data);
      return !signal.aborted;
    };
    return this.#sink.ask?.(question, { protocol: '', socket: this.#number, signal, send });
  }

  #accepted(): void {
    this.#counts.connections++;
    this.#native.readyState = 1;
    this.#messages.flush();
    this.#change(ConnectionState.Connected);
    // A listener may have closed it.
    this.#tell(() => this.#state === ConnectionState.Connected && this.#sink.opened());
  }

  #fails(code: ErrorCode, disposition: Disposition, details: Failed = {}, reason = '', wait = this.retryIn): void {
    const isRefused = disposition === 'refreshToken';
    const isFinal = this.#isLast || (isRefused && !this.#session);
    // A renewed token that is refused, too, is not renewed again.
    const follows = isFinal ? 'giveUp' : isRefused && this.#wasRefused ? 'signIn' : disposition;
    this.#wasRefused = isRefused;
    const problem = {
      [At.Code]: details.closeCode,
      [At.Reason]: reason || undefined,
      ...failureOf(code, follows, details),
      // As a WebSocket, which is silent if it was open.
      ...(this.#isLast && this.#state === ConnectionState.Connected && { [At.FiresError]: false }),
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
        this.#change(ConnectionState.Suspended, { ...problem, [At.SuspendedFor]: SuspendReason.SignIn });
        break;
      case 'giveUp':
        this.#change(ConnectionState.Closed, { ...problem, [At.Dropped]: this.#messages.drop() });
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

  #change(state: ConnectionState, more: Record<number, unknown> = {}): void {
    const isEnd = this.#state === ConnectionState.Connected && state !== ConnectionState.Connected;
    clearTimeout(this.#timer);
    if (state !== ConnectionState.Connecting && state !== ConnectionState.Connected) {
      this.#asked.abort();
      this.#native.readyState = 3;
      const number = this.#number;
      this.#tell(() => this.#sink.gone?.(number));
    }
    const isOver = state === ConnectionState.Closed || more[At.UserChanged] === true;
    const unconfirmed = isEnd ? this.#messages.lose(isOver) : [];
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
    this.#phase = more[At.Phase] as Phase | undefined;
    this.#suspendedFor = more[At.SuspendedFor] as SuspendReason | undefined;
    this.#tell(() => this.#sink.changed(parts, unconfirmed));
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

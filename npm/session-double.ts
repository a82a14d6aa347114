// A session that a unit test steers, in the place of the driver over the wasm.

import { RequirementKind, SessionOptionsAt as Option, SessionState } from './contract.js';
import { type ErrorCode, failure, type FailureParts } from './errors.js';
import { type Failed, partsOf } from './failure-double.js';
import type { SessionPart } from './load.js';
import type { SessionOwner } from './session-driver.js';
import type { ConnectionDouble } from './socket-double.js';

/** How a test steers the session of the app. It plays the server. */
export interface SessionDouble {
  /** Who is signed in: the name of `signInAs()`, or the token of `setTokens()`; undefined if nobody is. It is also the access token. */
  readonly user: string | undefined;
  /** The credentials of all calls of `login()`, the oldest first. They wait for `signInAs()` or `refuse()`. */
  readonly logins: ReadonlyArray<Readonly<Record<string, unknown>>>;
  /** Somebody is signed in. Calls of `login()` that wait resolve, and sockets connect. For another user than before, the sockets connect again. */
  signInAs(user: string): void;
  /**
   * The server refuses the calls of `login()` that wait.
   * @param code @default 'INVALID_CREDENTIALS'
   * @param answer the server's answer, which is `details` of the error
   * @param failed numbers of the answer; 429 and 5xx are tried again. @default `{ status: 400 }`
   * @throws GatepassError INVALID_OPTION if no login waits
   */
  refuse(code?: ErrorCode, answer?: unknown, failed?: Failed): void;
  /**
   * The session ends: the token cannot be renewed any more. Open sockets stay connected, as their server has let them in.
   * @param code @default 'REFRESH_REJECTED'
   * @throws GatepassError INVALID_OPTION if nobody is signed in
   */
  expire(code?: ErrorCode): void;
  /** The user has signed out, here or in another tab. */
  signOut(): void;
}

/** @internal */
export class SessionPartDouble implements SessionPart, SessionDouble {
  readonly logins: Array<Record<string, unknown>> = [];
  user: string | undefined;

  /** Called whenever the app uses the session. */
  readonly #onUse: (double: SessionPartDouble) => void;
  readonly #owner: SessionOwner;
  readonly #prefix: string;
  #state = SessionState.SignedOut;
  /** Why it has expired. */
  #ended: ErrorCode = 'REFRESH_REJECTED';
  #generation = 0;
  #requesters = 0;
  /** The numbers of logins that wait. */
  #pending: number[] = [];
  /** Its sockets. A test is short. */
  readonly #connections: ConnectionDouble[] = [];

  constructor(parts: unknown[], owner: SessionOwner, onUse: (double: SessionPartDouble) => void) {
    this.#onUse = onUse;
    this.#owner = owner;
    onUse(this);
    this.#prefix = (parts[Option.tokenPrefix] as string | undefined) ?? 'Bearer';
  }

  // The driver.

  state(): SessionState {
    return this.#state;
  }

  newRequester(): number {
    return this.#requesters++;
  }

  token(requester: number, kind: number, value: number): void {
    if (!this.isSignedIn) {
      this.#owner.token(requester, [this.#missing()]);
      return;
    }
    const isRefused = (kind as RequirementKind) === RequirementKind.OtherThan && value === this.#generation;
    if (isRefused) this.renew();
    const start = this.#prefix.length + 1;
    // The user's name, so that a test can expect it.
    this.#owner.token(requester, [undefined, `${this.#prefix} ${this.user}`, start, this.#generation]);
  }

  login(login: number, credentials: unknown): void {
    this.#onUse(this);
    this.#supersede();
    this.#pending.push(login);
    this.logins.push(credentials as Record<string, unknown>);
  }

  setTokens([access]: [access: string, ...others: unknown[]]): void {
    this.#onUse(this);
    this.#supersede();
    // What a token says of its user is the server's matter: the sockets of a user stay.
    this.#signsIn(access, this.user === undefined);
  }

  logout(): void {
    this.signOut();
  }

  erase(): void {}

  fail(thrown: unknown): void {
    this.#owner.broken(thrown);
  }

  release(): void {}

  // The test.

  signInAs(user: string): void {
    if (typeof user !== 'string' || user === '') throw failure('INVALID_OPTION', 'user: a name is needed');
    this.#signsIn(user, this.user !== user);
    for (const login of this.#pending.splice(0)) this.#owner.loggedIn(login, undefined);
  }

  refuse(code: ErrorCode = 'INVALID_CREDENTIALS', answer?: unknown, failed: Failed = { status: 400 }): void {
    if (this.#pending.length === 0) throw failure('INVALID_OPTION', 'refuse: no login waits');
    const { status = 0 } = failed;
    const isTemporary = status === 429 || status >= 500;
    const parts = partsOf(code, isTemporary ? 'retry' : 'giveUp', failed) as unknown[];
    const text = answer === undefined ? undefined : JSON.stringify(answer);
    for (const login of this.#pending.splice(0)) this.#owner.loggedIn(login, parts, text);
  }

  expire(code: ErrorCode = 'REFRESH_REJECTED'): void {
    if (!this.isSignedIn) throw failure('INVALID_OPTION', 'expire: nobody is signed in');
    this.#ended = code;
    this.#state = SessionState.Expired;
    this.#owner.changed(partsOf(code, 'signIn', code === 'REFRESH_REJECTED' ? { status: 401 } : {}) as unknown[]);
  }

  signOut(): void {
    this.#supersede();
    if (this.#state === SessionState.SignedOut) return;
    this.user = undefined;
    this.#state = SessionState.SignedOut;
    this.#changes((connection) => connection.signedOut());
  }

  /** Between two tests. */
  forget(): void {
    this.signOut();
    this.#connections.length = 0;
    this.logins.length = 0;
  }

  // Its sockets.

  /** Whether sockets wait for `granted()`. */
  holdsTokens = false;

  get isSignedIn(): boolean {
    return this.#state === SessionState.SignedIn;
  }

  join(connection: ConnectionDouble): void {
    this.#onUse(this);
    this.#connections.push(connection);
  }

  /** Another token of the same user. */
  renew(): void {
    if (!this.isSignedIn) return;
    this.#generation++;
    this.#owner.changed(undefined);
  }

  /** A later login, token or logout ends the logins that wait. */
  #supersede(): void {
    const parts = partsOf('SUPERSEDED', 'giveUp') as unknown[];
    for (const login of this.#pending.splice(0)) this.#owner.loggedIn(login, parts);
  }

  #signsIn(user: string, isOther: boolean): void {
    this.user = user;
    this.#generation++;
    this.#state = SessionState.SignedIn;
    this.#changes((connection) => connection.signedIn(isOther));
  }

  /** The app hears of its sockets, of its session, and of its sockets again: the order of the wasm. */
  #changes(tell: (connection: ConnectionDouble) => void): void {
    this.holdsTokens = true;
    for (const connection of this.#connections) tell(connection);
    this.holdsTokens = false;
    this.#owner.changed(undefined);
    for (const connection of this.#connections) connection.granted();
  }

  #missing(): FailureParts {
    return partsOf(this.#state === SessionState.Expired ? this.#ended : 'TOKEN_MISSING', 'signIn');
  }
}

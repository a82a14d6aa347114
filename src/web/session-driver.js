// Drives a session: its requests, its timer, its store, the app's own source of tokens, and the messages between it and its connections.

import { Driver, attempt, written } from './driver.js';

// Made of src/proto/contract by `cargo xtask contract`.
// <contract>
const CONNECTION_INPUT_SESSION = 5;
const CONNECTION_INPUT_TOKEN = 11;
const CONNECTION_INPUT_TOKEN_DUE = 12;
const SESSION_INPUT_HTTP = 0;
const SESSION_INPUT_LOGIN = 2;
const SESSION_INPUT_LOGOUT = 3;
const SESSION_INPUT_PROVIDED = 4;
const SESSION_INPUT_SET_TOKENS = 5;
const SESSION_INPUT_STORED = 7;
const SESSION_INPUT_TIMEOUT = 8;
const SESSION_INPUT_CANCEL_TOKEN_REQUEST = 10;
const SESSION_INPUT_REQUEST_TOKEN = 11;
const SESSION_OUTPUT_ABORT_FETCH = 0;
const SESSION_OUTPUT_CHANGED = 1;
const SESSION_OUTPUT_DUE = 2;
const SESSION_OUTPUT_ERASE = 3;
const SESSION_OUTPUT_FETCH = 4;
const SESSION_OUTPUT_GET_TOKEN = 5;
const SESSION_OUTPUT_LOCK = 6;
const SESSION_OUTPUT_LOGIN_DONE = 7;
const SESSION_OUTPUT_READ = 8;
const SESSION_OUTPUT_RENEWAL_REFUSED = 9;
const SESSION_OUTPUT_TOKEN = 10;
const SESSION_OUTPUT_UNLOCK = 11;
const SESSION_OUTPUT_WRITE = 12;
const SESSION_OUTPUT_LOGGED_OUT = 13;
const SESSION_OUTPUT_NOT_RESTORED = 14;
const SOURCE_ANSWER_FAILED = 1;
// </contract>

/**
 * @typedef {import('./driver.js').Plain} Plain
 * @typedef {import('./connection-driver.js').ConnectionDriver} ConnectionDriver
 * @typedef {(what: number, id?: number, data?: unknown) => void} Handle
 *
 * @typedef {object} OfSession The further methods of a session's core.
 * @property {(to: Plain) => boolean} userChange
 * @property {() => boolean} isStoring
 * @property {() => number} state
 * @property {(to: Plain) => void} view
 *
 * @typedef {object} Store An open store: `Tabs` in tabs.js.
 * @property {() => unknown} read
 * @property {(tokens: any, over?: number) => unknown} write
 * @property {(over?: number) => unknown} erase
 * @property {(lease: number) => unknown} lock
 * @property {(what: import('./tabs.js').News) => unknown} tell Tells the other tabs.
 * @property {() => unknown} unlock
 * @property {() => unknown} close
 *
 * @typedef {object} SessionEnvironment The store and the source of the tokens.
 * @property {(handle: Handle, failed: (error: unknown) => void) => Store} [store] Opens the store.
 * @property {() => import('./record.js').Stored} [shown] What the store held when the app was told who is signed in: it counts until the store is read.
 * @property {(reason: string, done: (kind: number, tokens?: unknown[]) => void) => () => void} [source] Requests a token from the app. It calls `done` later,
 * once, with a `SourceAnswer` and, for a token, an array of the token, its life in seconds and its expiry in seconds since 1970. It returns a function that ends the request.
 *
 * @typedef {object} SessionOwner The callbacks. They do not throw. A failure is an array of its parts, or undefined.
 * @property {(thrown: unknown) => void} broken
 * @property {(call: number, url: string, init: RequestInit) => Promise<Response>} [send]
 * @property {(failure: any[] | undefined) => void} changed
 * @property {(failure: any[]) => void} renewalRefused
 * @property {(error: unknown) => void} storeFailed
 * @property {(login: number, failure: any[] | undefined, answer?: string) => void} loggedIn
 * @property {(requester: number, answer: any[]) => void} token With a failure, or undefined and a token: `Plain::token` in src/web/core/plain.rs.
 */

/** @extends {Driver<import('./driver.js').Core & OfSession, SessionOwner>} */
export class SessionDriver extends Driver {
  /** @param {import('./driver.js').Core & OfSession} core @param {SessionEnvironment} environment @param {SessionOwner} owner */
  constructor(core, { store, source, shown }, owner) {
    super(core, owner, SESSION_INPUT_TIMEOUT, SESSION_INPUT_HTTP);
    this.source = source;
    /** @type {Map<number, WeakRef<ConnectionDriver>>} */
    this.connections = new Map();
    this.requesters = 0;
    this.isReleased = false;
    this.store = attempt(() =>
      store?.(
        (what, id, data) => this.handle(what, id, data),
        (error) => this.hasEnded || this.owner.storeFailed(error),
      ),
    );
    // The first output may be to read the store.
    this.guarded(() => this.performOutputs());
    // What was called meanwhile is meant for the user that was shown. If another is in the store by now, that is a change of user.
    const first = shown?.();
    if (first !== undefined) this.handle(SESSION_INPUT_STORED, 0, [first, false]);
  }

  /** A new id for a requester of tokens. */
  newRequester() {
    return this.requesters++;
  }

  /** Adds a connection. Returns its id as a requester. @param {ConnectionDriver} connection */
  join(connection) {
    for (const [requester, known] of this.connections) if (!known.deref()) this.connections.delete(requester);
    const requester = this.newRequester();
    this.connections.set(requester, new WeakRef(connection));
    return requester;
  }

  /** Feeds an input to every connection. @param {number} what @param {unknown} [data] */
  broadcast(what, data) {
    for (const connection of [...this.connections.values()]) connection.deref()?.handle(what, 0, data);
  }

  /** Requests a token for a connection. @param {number} requester @param {any[]} request Its id, a `RequirementKind`, and its generation or milliseconds. */
  requestToken(requester, request) {
    this.handle(SESSION_INPUT_REQUEST_TOKEN, requester, request);
  }

  /** Cancels the token requests of a requester. @param {number} requester */
  cancelTokenRequest(requester) {
    this.handle(SESSION_INPUT_CANCEL_TOKEN_REQUEST, requester);
  }

  /** Requests a token for the app. @param {number} requester @param {number} kind @param {number} value */
  token(requester, kind, value) {
    this.input(SESSION_INPUT_REQUEST_TOKEN, requester, [0, kind, value]);
  }

  /** @param {number} login @param {unknown} credentials @param {unknown[]} [endpoint] Instead of the session's, each option at its place. */
  login(login, credentials, endpoint) {
    this.input(SESSION_INPUT_LOGIN, login, [credentials, endpoint]);
  }

  /** @param {[access: string, refresh?: string, expiresIn?: number, expiresAt?: number]} tokens */
  setTokens(tokens) {
    this.input(SESSION_INPUT_SET_TOKENS, 0, tokens);
  }

  logout() {
    this.input(SESSION_INPUT_LOGOUT);
  }

  /** The number of the state. */
  state() {
    return this.guarded(() => this.core.state());
  }

  /** The session as a connection sees it. */
  view() {
    return this.guarded(() => written((to) => this.core.view(to))[0]);
  }

  /** The app has dropped it. Pending writes are finished first. */
  release() {
    this.isReleased = true;
    attempt(() => this.guarded(() => this.performOutputs()));
  }

  /** Tells connections of a change of user before any other output, so that nothing more is sent as the previous user. */
  performOutputs() {
    const user = written((to) => this.core.userChange(to));
    if (user.length > 0) this.broadcast(CONNECTION_INPUT_SESSION, user[0]);
    super.performOutputs();
    if (this.isReleased && !this.hasEnded && !this.core.isStoring()) this.end();
  }

  /** @param {unknown} thrown */
  fail(thrown) {
    if (this.hasEnded) return;
    this.end();
    for (const connection of this.connections.values()) connection.deref()?.fail(thrown);
    this.owner.broken(thrown);
  }

  end() {
    super.end();
    attempt(() => this.store?.close());
  }

  /** Clears the store after a trap of the machine. */
  erase() {
    attempt(() => this.store?.erase());
  }

  /** @param {number} what @param {any[]} given */
  perform(what, given) {
    const [first, second, third] = given;
    switch (what) {
      case SESSION_OUTPUT_ABORT_FETCH:
        return this.abort(first);
      case SESSION_OUTPUT_CHANGED:
        this.broadcast(CONNECTION_INPUT_SESSION, first);
        return this.owner.changed(second);
      case SESSION_OUTPUT_DUE:
        return this.broadcast(CONNECTION_INPUT_TOKEN_DUE);
      case SESSION_OUTPUT_ERASE:
        return void attempt(() => this.store?.erase(first));
      case SESSION_OUTPUT_FETCH:
        return this.request(given);
      case SESSION_OUTPUT_GET_TOKEN:
        return this.getToken(first, second);
      case SESSION_OUTPUT_LOCK:
        return void attempt(() => this.store?.lock(first));
      case SESSION_OUTPUT_LOGGED_OUT:
        return void attempt(() => this.store?.tell({ loggedOut: true }));
      case SESSION_OUTPUT_NOT_RESTORED:
        return void attempt(() => this.store?.tell({ notRestored: [first] }));
      case SESSION_OUTPUT_LOGIN_DONE:
        return this.owner.loggedIn(first, second, third);
      case SESSION_OUTPUT_READ:
        return void attempt(() => this.store?.read());
      case SESSION_OUTPUT_RENEWAL_REFUSED:
        return this.owner.renewalRefused(first);
      case SESSION_OUTPUT_TOKEN:
        return this.answer(first, second, given.slice(2));
      case SESSION_OUTPUT_UNLOCK:
        return void attempt(() => this.store?.unlock());
      case SESSION_OUTPUT_WRITE:
        return void attempt(() => this.store?.write(given.slice(1), first));
      default:
        return super.perform(what, given);
    }
  }

  /** Answers a token request. @param {number} requester @param {number} id @param {any[]} answer */
  answer(requester, id, answer) {
    const connection = this.connections.get(requester);
    if (connection) connection.deref()?.handle(CONNECTION_INPUT_TOKEN, id, answer);
    else this.owner.token(requester, answer);
  }

  /** Calls the app's own source of tokens. @param {number} id @param {string} reason */
  getToken(id, reason) {
    this.requests.set(id, () => {});
    /** @param {number} kind @param {unknown[]} [tokens] */
    const done = (kind, tokens = []) =>
      queueMicrotask(() => this.requestEnded(id, SESSION_INPUT_PROVIDED, [kind, ...tokens]));
    try {
      const end = this.source?.(reason, done);
      if (end && this.requests.has(id)) this.requests.set(id, end);
    } catch {
      // As one that fails later: temporarily.
      done(SOURCE_ANSWER_FAILED);
    }
  }
}

// The session: who the user is.

import { RequirementKind, SESSION_STATE_NAMES } from './contract.js';
import { failure, named, nameOf, type FailureParts, type GatepassError } from './errors.js';
import { reported, SocketErrorEvent } from './events.js';
import { internal, Lazy } from './load.js';
import { isRecord, Options } from './options.js';
import type { JsonValue } from './schemes.js';
import type { SessionDriver, SessionOwner } from './session-driver.js';
import { LIFETIME, lifetimeOf, read, type SessionOptions, type Source, type TokenEndpoint } from './session-options.js';
import type { Tokens } from './tokens.js';

export type { SessionOptions, TokenEndpoint };

/** `signed-in` with a token, which may be about to be renewed; `refreshing` while it is; `expired` when nothing renews it any more; `loading` until the store has answered, where there is one. */
export type SessionState = 'loading' | 'signed-out' | 'signed-in' | 'refreshing' | 'expired';

/** `change`: the state or the tokens changed. */
export class SessionChangeEvent extends Event {
  /** The state from now on. */
  declare readonly state: SessionState;
  /** Why the session has ended, with this change. */
  declare readonly error: GatepassError | undefined;
}

/** A token or its `Authorization`, and its generation: the first, the second, … of the session. */
type Granted = [token: string, generation: number];

/** A failure, or undefined and a token: its `Authorization`, where in that it begins, and its generation. */
type TokenAnswer = [failure: FailureParts | undefined, authorization: string, start: number, generation: number];

/** Who waits for an answer of the wasm, by numbers. */
interface Waiting {
  readonly logins: Map<number, (failure: FailureParts | undefined, answer?: string) => void>;
  readonly tokens: Map<number, (answer: TokenAnswer) => void>;
  /** Until the store has answered. What waits here keeps the session that it waits for. */
  readonly stores: Set<() => void>;
}

/** The events of a Session. */
export interface SessionEvents {
  /** The state or the tokens changed. */
  change: SessionChangeEvent;
  /** The store failed (STORE_FAILED), the wasm could not be loaded (LOAD_FAILED) or has trapped (INTERNAL), or a renewal was refused: the session ends with its token. */
  error: SocketErrorEvent;
}

/** Listeners are typed by their event. */
export interface Session {
  /** As of every EventTarget; the event is typed by its name. */
  addEventListener<K extends keyof SessionEvents>(
    type: K,
    listener: ((event: SessionEvents[K]) => unknown) | EventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  /** As of every EventTarget. */
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  /** As of every EventTarget; the event is typed by its name. */
  removeEventListener<K extends keyof SessionEvents>(
    type: K,
    listener: ((event: SessionEvents[K]) => unknown) | EventListenerObject | null,
    options?: EventListenerOptions | boolean,
  ): void;
  /** As of every EventTarget. */
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: EventListenerOptions | boolean,
  ): void;
}

/**
 * Who the user is: tokens, login, renewal and logout, shared by all sockets, and with a store by all tabs. Fires `change` after every
 * change of state, and `error` as {@link SessionEvents} says.
 *
 * @throws GatepassError INVALID_OPTION, INVALID_URL, INSECURE_URL, naming the option
 */
export class Session extends EventTarget {
  readonly #core: Lazy<SessionDriver>;
  readonly #login: TokenEndpoint | undefined;
  readonly #hasStore: boolean;
  readonly #origins: () => Set<string>;
  readonly #own: string[];
  readonly #source: Source = {};
  readonly #waiting: Waiting = { logins: new Map(), tokens: new Map(), stores: new Set() };
  /** Who is to be rejected when the wasm traps. */
  readonly #rejects = new Set<(error: GatepassError) => void>();
  /** The number of the next login. */
  #next = 0;
  /** Since the wasm has trapped. */
  #end: 'expired' | 'signed-out' | undefined;
  #error: GatepassError | undefined;

  constructor(options: SessionOptions = {}) {
    super();
    const make = read(options, this.source);
    this.#hasStore = (options.store ?? 'memory') !== 'memory';
    this.#login = options.login ?? undefined;
    const { login, refresh, logout, fetchOrigins = [] } = options;
    this.#origins = () =>
      new Set(
        [login?.url, refresh?.url, logout?.url, ...fetchOrigins].flatMap((url) =>
          url ? new URL(url, globalThis.location?.href).origin : [],
        ),
      );
    this.#own = [login?.url, refresh?.url].flatMap((url) => (url ? String(url) : []));
    const owner = Session.#owner(new WeakRef(this), this.#waiting);
    this.#core = new Lazy((core) => make(core, owner), this.#failed, owner.broken);
  }

  /** @default 'signed-out'; with a store 'loading' */
  get state(): SessionState {
    const number = this.#end ? undefined : this.#core.call((core) => core.state());
    const before = this.#hasStore ? 'loading' : 'signed-out';
    return this.#end ?? (number === undefined ? before : nameOf(SESSION_STATE_NAMES, number));
  }

  /** Why the session has ended, until somebody signs in. */
  get error(): GatepassError | undefined {
    return this.#error;
  }

  /**
   * Resolves with the state as soon as the store has answered: at once where there is none.
   * @throws GatepassError LOAD_FAILED
   */
  ready(): Promise<SessionState> {
    return new Promise((resolve, reject) => {
      if (this.#hasStore) this.#core.ask(() => {}, reject);
      const settle = () => {
        if (this.state === 'loading') return;
        this.#waiting.stores.delete(settle);
        resolve(this.state);
      };
      this.#waiting.stores.add(settle);
      settle();
    });
  }

  /**
   * Hands out an access token, which is renewed first if need be.
   * @param options minTtl: how long it has to be usable, in milliseconds, if such a one can be had. @default 0
   * @throws GatepassError TOKEN_MISSING, TOKEN_EXPIRED, REFRESH_REJECTED, REFRESH_LOST (sign in), REFRESH_FAILED (try again)
   */
  async accessToken(options: { minTtl?: number } = {}): Promise<string> {
    const minTtl = new Options(options, '', { minTtl: 'millis' }).millis('minTtl', 0);
    return this.#token(RequirementKind.ValidFor, minTtl, ([token]) => token);
  }

  /** Does something with a token, within the answer of the wasm. */
  #token<T>(
    kind: RequirementKind,
    value: number,
    use: (granted: Granted, authorization: string) => T | Promise<T>,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const forget = this.#wait(reject);
      const done = ([failure, authorization, start, generation]: TokenAnswer) => {
        forget();
        if (failure !== undefined) return reject(named(failure, this.source.thrown));
        // What it throws is told to whoever waits.
        new Promise<T>((settle) => settle(use([authorization.slice(start), generation], authorization))).then(
          resolve,
          reject,
        );
      };
      this.#core.ask((core) => {
        const requester = core.newRequester();
        this.#waiting.tokens.set(requester, done);
        core.token(requester, kind, value);
      }, reject);
    });
  }

  /** As {@link #token}: another than that of a generation, which a server has refused; with -1 any. */
  #another<T>(refused: number, use: (granted: Granted, authorization: string) => T | Promise<T>): Promise<T> {
    return refused < 0
      ? this.#token(RequirementKind.ValidFor, 0, use)
      : this.#token(RequirementKind.OtherThan, refused, use);
  }

  /** Rejects when the wasm traps, until the function that it returns is called. */
  #wait(reject: (error: GatepassError) => void): () => void {
    this.#rejects.add(reject);
    return () => void this.#rejects.delete(reject);
  }

  /** The wasm has trapped in the middle of this session: it is not called any more, and nobody is signed in. */
  #trapped(thrown: unknown): void {
    if (this.#end) return;
    this.#end = 'expired';
    this.#error = this.#core?.trapped(thrown) ?? internal(thrown);
    for (const reject of this.#rejects) reject(this.#error);
    this.#rejects.clear();
    for (const settle of this.#waiting.stores) settle();
    this.dispatchEvent(Object.assign(new SessionChangeEvent('change'), { state: this.#end, error: this.#error }));
    this.dispatchEvent(new SocketErrorEvent(this.#error));
  }

  /**
   * As the browser's `fetch`, with the token: it is renewed before it ends, and once more if the server answers 401. Only the origins
   * of the endpoints and `fetchOrigins` get it, but not the endpoints of login and refresh, and nobody that they redirect to; a request with an `Authorization` of its own goes as it is.
   * @throws GatepassError as `accessToken()`; TypeError as `fetch`; the reason of `signal`, also while the token is renewed
   */
  async fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init);
    const name = 'authorization';
    if (!this.mayGet(request.url) || request.headers.has(name)) return fetch(request);
    // A body can be read once.
    const again = request.clone();
    const { signal } = request;
    signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => (signal.onabort = () => reject(signal.reason)));
    let generation = -1;
    let sent = 0;
    // Within the answer: a moment later there may be another user.
    const send = (request: Request) =>
      Promise.race([
        aborted,
        this.#another(generation, ([, number], authorization) => {
          generation = number;
          sent++;
          request.headers.set(name, authorization);
          return fetch(request);
        }),
      ]);
    const response = await send(request);
    if (response.status !== 401) return response;
    return send(again).catch((error) => (sent > 1 ? Promise.reject(error) : response));
  }

  /** @internal For adapters of HTTP clients: the `Authorization` with a token that is not the refused one, and the number of its token. */
  async authorization(refused: number): Promise<Granted> {
    return this.#another(refused, ([, generation], authorization) => [authorization, generation]);
  }

  /** @internal Whether an address gets the token: those of the endpoints' origins and of `fetchOrigins`, but not where tokens are had. */
  mayGet(url: string): boolean {
    const base = globalThis.document?.baseURI ?? globalThis.location?.href;
    // What stands behind a # is not sent.
    const asked = (url: string) => new URL(url, base).href.replace(/#.*/, '');
    return this.#origins().has(new URL(url, base).origin) && !this.#own.some((own) => asked(own) === asked(url));
  }

  /**
   * Signs in at the login endpoint.
   * @throws GatepassError INVALID_CREDENTIALS (400, 401, 403), STALE_COOKIE (401), LOGIN_FAILED, each with the server's words in `details`, SUPERSEDED by a later login, setTokens or logout
   */
  async login(credentials: Record<string, JsonValue>): Promise<void> {
    if (this.#login === undefined) throw failure('INVALID_OPTION', 'login: this session has no login endpoint');
    const sent = new Options({ credentials }, '', { credentials: 'json' }).json('credentials');
    if (!isRecord(credentials) || !isRecord(sent))
      throw failure('INVALID_OPTION', 'credentials: an object such as {username, password} is needed');
    new Options({ body: this.#login.body }, 'login.', { body: 'json' }).holes('body', Object.keys(credentials));
    return new Promise((resolve, reject) => {
      const forget = this.#wait(reject);
      const done = (failure: FailureParts | undefined, answer?: string) => {
        forget();
        if (failure === undefined) return resolve();
        if (answer === undefined) return reject(named(failure));
        const details = import('./details.js').then(({ detailsOf }) => detailsOf(answer, [sent, this.#login?.body]));
        // The error is told, with the server's words or without.
        details.catch(() => {}).then((details) => reject(named(failure, undefined, details)));
      };
      const login = this.#next++;
      this.#waiting.logins.set(login, done);
      this.#core.ask((core) => core.login(login, sent), reject);
    });
  }

  /** Takes tokens that the app has from elsewhere. Connections that wait for a user start. */
  setTokens(tokens: Tokens): void {
    const options = new Options(tokens, 'tokens.', { access: 'header', refresh: 'text', ...LIFETIME });
    const access = options.header('access');
    const refresh = tokens.refresh === undefined ? undefined : options.text('refresh');
    const seconds = lifetimeOf(options);
    this.#core.do((core) => core.setTokens([access, refresh, ...seconds]), this.#failed);
  }

  /** Forgets the user, closes their sockets and drops what they had queued. */
  logout(): void {
    try {
      if (!this.#end) this.#core.do((core) => core.logout(), this.#failed);
    } catch {
      // It has trapped, which was told: what is left to do is done here.
    }
    if (this.#end === undefined) return;
    this.#core.driver?.erase();
    if (this.#end === 'signed-out') return;
    this.#end = 'signed-out';
    this.#error = undefined;
    this.dispatchEvent(Object.assign(new SessionChangeEvent('change'), { state: this.#end, error: undefined }));
  }

  /** @internal */
  get core(): Lazy<SessionDriver> {
    return this.#core;
  }

  /** @internal */
  get source(): Source {
    return this.#source;
  }

  readonly #failed = (thrown: unknown) => {
    this.dispatchEvent(new SocketErrorEvent(thrown as GatepassError));
  };

  /** Shows the state and nothing else. */
  toJSON(): {
    /** The state. */
    state: SessionState;
  } {
    return { state: this.state };
  }

  /** What the driver tells. It must not hold the session, which nobody could let go of then; a function of the constructor would. */
  static #owner(session: WeakRef<Session>, waiting: Waiting): SessionOwner {
    const withSession = (call: (session: Session) => void) => {
      const target = session.deref();
      if (target) reported(() => call(target));
    };
    const settle = <T extends unknown[]>(waiting: Map<number, (...given: T) => void>, id: number, given: T) => {
      const done = waiting.get(id);
      waiting.delete(id);
      reported(() => done?.(...given));
    };
    return {
      broken: (thrown) => withSession((session) => session.#trapped(thrown)),
      changed: (failure) =>
        withSession((session) => {
          const { state, source } = session;
          const error = failure && named(failure as unknown as FailureParts, source.thrown);
          session.#error = error ?? (state === 'expired' ? session.#error : undefined);
          session.dispatchEvent(Object.assign(new SessionChangeEvent('change'), { state, error }));
          for (const settle of waiting.stores) settle();
        }),
      renewalRefused: (failure) =>
        withSession((session) =>
          session.dispatchEvent(new SocketErrorEvent(named(failure as unknown as FailureParts, session.source.thrown))),
        ),
      storeFailed: (error) =>
        withSession((session) =>
          session.dispatchEvent(
            new SocketErrorEvent(failure('STORE_FAILED', 'the store failed; the session goes on in memory', error)),
          ),
        ),
      loggedIn: (login, failure, answer) =>
        settle(waiting.logins, login, [failure as unknown as FailureParts | undefined, answer]),
      token: (requester, answer) => settle(waiting.tokens, requester, [answer as TokenAnswer]),
    };
  }
}

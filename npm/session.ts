// The session: the signed-in user and the tokens.

import { RequirementKind, SESSION_STATE_NAMES, TOKEN_ENDPOINT } from './contract.js';
import { failure, GatepassError, named, nameOf, part, type FailureParts } from './errors.js';
import { reported, SocketErrorEvent, type TypedEventTarget } from './events.js';
import { internal, Lazy, noBrowser, type SessionPart } from './load.js';
import { isRecord, Options } from './options.js';
import type { Calls } from './calls.js';
import type { JsonValue } from './schemes.js';
import type { SessionOwner } from './session-driver.js';
import {
  SessionChangeEvent,
  type SessionEvents,
  type SessionSnapshot,
  type SessionState,
  snapshotOf,
  UNREAD,
} from './session-events.js';
import {
  checkBody,
  LIFETIME,
  type Foreseen,
  lifetimeOf,
  type Made,
  read,
  type SessionOptions,
  type Source,
  type TokenEndpoint,
} from './session-options.js';
import { subscribed } from './subscribed.js';
import type { Tokens } from './tokens.js';

export { SessionChangeEvent, type SessionEvents, type SessionSnapshot, type SessionState };
export type { SessionOptions, TokenEndpoint };

/** What may differ in the second step of a login. `headers`, `answer` and a `body` function are those of `login`. */
export type LoginEndpoint = Omit<TokenEndpoint, 'headers' | 'answer' | 'body'> & {
  /** As in `login`, but no function. */
  body?: JsonValue;
};

/** The rows of that. */
const { headers: _, answer: __, ...LOGIN_ENDPOINT } = TOKEN_ENDPOINT;

/** A token or its `Authorization`, and its generation: the first, the second, … of the session. */
type Granted = [token: string, generation: number];

/** A failure, or undefined and a token: its `Authorization`, where in that it begins, and its generation. */
type TokenAnswer = [failure: FailureParts | undefined, authorization: string, start: number, generation: number];

/** Calls that wait for an answer of the wasm, by their numbers. */
interface Waiting {
  readonly logins: Map<number, (failure: FailureParts | undefined, answer?: string) => void>;
  readonly tokens: Map<number, (answer: TokenAnswer) => void>;
  /** Calls of `ready()`. They keep the session alive. */
  readonly stores: Set<() => void>;
}

/**
 * The signed-in user: tokens, login, renewal and logout. All sockets share it, and with a store all tabs. It fires `change` after every change
 * of the state or the tokens, and `error` as {@link SessionEvents} says.
 *
 * @throws GatepassError INVALID_OPTION, INVALID_URL, INSECURE_URL, naming the option
 */
export class Session extends (EventTarget as new () => TypedEventTarget<SessionEvents>) {
  readonly #core: Lazy<SessionPart>;
  readonly #login: TokenEndpoint | undefined;
  /** The state before the store is read. */
  readonly #unread: 'loading' | 'signed-out';
  /** What is shown before the wasm tells the same, by the store of the browser or by calls that it has to catch up with: no login form is shown to a user who is signed in. */
  #foreseen: Foreseen | undefined;
  /** What the wasm tells next, if that is no news. */
  #expected: Foreseen | undefined;
  readonly #atLogout: Pick<Made, 'forget' | 'endAtOnce'>;
  /** Where calls lead that wait for the wasm, and how many wait. */
  #ahead: { state: Foreseen; calls: number } | undefined;
  #snapshot: SessionSnapshot | undefined;
  readonly #allowInsecure: boolean;
  readonly #origins: () => Set<string>;
  readonly #own: string[];
  readonly #source: Source = {};
  readonly #calls: Calls | undefined;
  readonly #isByCookie: boolean;
  /** Tokens that `accessToken()` has handed out to the present user, and their generations. */
  readonly #handed = new Map<string, number>();
  readonly #waiting: Waiting = { logins: new Map(), tokens: new Map(), stores: new Set() };
  /** Calls to reject when the wasm traps. */
  readonly #rejects = new Set<(error: GatepassError) => void>();
  /** The number of the next login. */
  #next = 0;
  /** Set once the wasm has trapped. */
  #end: 'expired' | 'signed-out' | undefined;
  #error: GatepassError | undefined;

  constructor(options: SessionOptions = {}) {
    super();
    const { make, calls, isByCookie, unread, foreseen, forget, endAtOnce } = read(options, this.source);
    this.#calls = calls;
    this.#isByCookie = isByCookie;
    this.#unread = unread;
    this.#foreseen = this.#expected = foreseen;
    this.#atLogout = { forget, endAtOnce };
    this.#login = options.login ?? undefined;
    this.#allowInsecure = options.allowInsecure ?? false;
    const { login, refresh, logout, restore, fetchOrigins = [] } = options;
    const restoreUrl = restore === true ? undefined : restore?.url;
    this.#origins = () =>
      new Set(
        [login?.url, refresh?.url, logout?.url, restoreUrl, ...fetchOrigins].flatMap((url) =>
          url ? new URL(url, globalThis.location?.href).origin : [],
        ),
      );
    this.#own = [login?.url, refresh?.url].flatMap((url) => (url ? String(url) : []));
    const owner = Session.#owner(new WeakRef(this), this.#waiting);
    this.#core = new Lazy((core) => make(core, owner), this.#failed, owner.broken);
  }

  /**
   * The state. With `localStorage` or `sessionStorage` it says at once whether somebody is signed in; whether their token still holds shows when it is used.
   * @default 'signed-out'; with a store of the app's own or `restore` 'loading'
   */
  get state(): SessionState {
    if (this.#end) return this.#end;
    if (this.#ahead) return this.#ahead.state;
    return this.#told() ?? this.#foreseen ?? this.#unread;
  }

  /** The state that the wasm tells; undefined before it is there, and until the store is read. */
  #told(): SessionState | undefined {
    // While it is constructed, there is none.
    const number = this.#core?.call((core) => core.state());
    const told = number === undefined ? undefined : nameOf(SESSION_STATE_NAMES, number);
    return told === 'loading' ? undefined : told;
  }

  /** What an app shows of it. It is the same object until something changes. */
  get snapshot(): SessionSnapshot {
    const { state, error } = this;
    if (this.#snapshot?.state !== state || this.#snapshot.error !== error) this.#snapshot = snapshotOf(state, error);
    return this.#snapshot;
  }

  /** @internal What a server has rendered of it, and so what a page shows first that takes over a server's HTML. */
  get unread(): SessionSnapshot {
    return UNREAD[this.#unread];
  }

  /**
   * Calls back now and after each change, until the returned function is called. With `snapshot` it is what `useSyncExternalStore` of React takes;
   * by itself it is a store of Svelte.
   */
  readonly subscribe = (listener: (snapshot: SessionSnapshot) => void): (() => void) =>
    subscribed(this, 'change', listener);

  /** Why the session has ended, until somebody signs in; LOAD_FAILED while the wasm cannot be loaded. */
  get error(): GatepassError | undefined {
    return this.#error;
  }

  /**
   * Resolves with the state once it is not `loading` any more: at once, unless there is `restore` or a store of the app's own.
   * @throws GatepassError LOAD_FAILED
   */
  ready(): Promise<SessionState> {
    return new Promise((resolve, reject) => {
      if (this.state === 'loading') this.#core.ask(() => {}, reject);
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
   * Returns a valid access token. It is renewed first if necessary.
   * @param options minTtl: how long the token should stay valid, in milliseconds. @default 0. refused: a token that a server has refused; if it is the
   * present one, it is renewed once, for all who ask. Give what this method has returned.
   * @throws GatepassError TOKEN_MISSING, TOKEN_EXPIRED, REFRESH_REJECTED, REFRESH_LOST (sign in), REFRESH_FAILED (try again), SUPERSEDED (another user signed in meanwhile)
   */
  async accessToken(options: { minTtl?: number; refused?: string } = {}): Promise<string> {
    const given = new Options(options, '', { minTtl: 'millis', refused: 'text' });
    const minTtl = given.millis('minTtl', 0);
    const refused = given.get('refused') == null ? undefined : given.text('refused');
    if (this.#isByCookie) throw failure('INVALID_OPTION', 'accessToken: this session is a cookie, and has no token');
    const hand = ([token, generation]: Granted) => {
      this.#handed.set(token, generation);
      // A few are enough: what is refused later is not the present token any more.
      if (this.#handed.size > 10) this.#handed.delete(this.#handed.keys().next().value!);
      return token;
    };
    const before = refused === undefined ? undefined : this.#handed.get(refused);
    if (before !== undefined) return this.#another(before, hand);
    return this.#token(RequirementKind.ValidFor, minTtl, (granted) => {
      if (refused === undefined) return hand(granted);
      if (granted[0] === refused) return this.#another(granted[1], hand);
      throw new GatepassError([
        'SUPERSEDED',
        'this session has not handed out the refused token to its user',
        'giveUp',
      ]);
    });
  }

  /** Requests a token and calls `use` with it, synchronously with the answer of the wasm. */
  #token<T>(
    kind: RequirementKind,
    value: number,
    use: (granted: Granted, authorization: string) => T | Promise<T>,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const forget = this.#wait(reject);
      const done = ([failure, authorization, start, generation]: TokenAnswer) => {
        forget();
        if (failure !== undefined) return reject(this.#named(failure));
        // What `use` throws rejects the caller's promise.
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

  /** Requests another token than that of a generation, which a server has refused; with -1 any token. */
  #another<T>(refused: number, use: (granted: Granted, authorization: string) => T | Promise<T>): Promise<T> {
    return refused < 0
      ? this.#token(RequirementKind.ValidFor, 0, use)
      : this.#token(RequirementKind.OtherThan, refused, use);
  }

  /** Names a failure, with what the app's own functions threw. */
  #named(failure: FailureParts): GatepassError {
    return named(failure, this.source.thrown, undefined, { calls: this.#calls });
  }

  /** Rejects a call if the wasm traps, until the returned function is called. */
  #wait(reject: (error: GatepassError) => void): () => void {
    this.#rejects.add(reject);
    return () => void this.#rejects.delete(reject);
  }

  /** The wasm has trapped in a call of this session. It is not called again, and nobody is signed in. */
  #trapped(thrown: unknown): void {
    if (this.#end) return;
    this.#end = 'expired';
    this.#error = this.#core?.trapped(thrown) ?? internal(thrown);
    for (const reject of this.#rejects) reject(this.#error);
    this.#rejects.clear();
    for (const settle of this.#waiting.stores) settle();
    this.#tell();
    this.dispatchEvent(new SocketErrorEvent(this.#error));
  }

  /**
   * The browser's `fetch` with the token. The token is renewed before it ends, and once more if the server answers 401. It is sent to the origins of the endpoints and to
   * `fetchOrigins`, but not to the login and refresh endpoints, nor to hosts that they redirect to. A request with an `Authorization` of its own is sent unchanged.
   * @throws GatepassError as `accessToken()`; TypeError as `fetch`; the reason of `signal`, also while the token is renewed
   */
  async fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    let request = new Request(input, init);
    const name = 'authorization';
    const { fetch: given, csrf } = this.#calls ?? {};
    // Called without an object, as the browser's own has to be.
    const own = (request: Request) => (given ? given(request) : fetch(request));
    if (!this.mayGet(request.url) || request.headers.has(name)) return own(request);
    if (this.#isByCookie) request = new Request(request, { credentials: 'include' });
    if (csrf && request.credentials === 'include')
      (await part(import('./requests.js'))).addCsrf(request.headers, csrf, request.method);
    // A body can be read once.
    const again = request.clone();
    const { signal } = request;
    signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => (signal.onabort = () => reject(signal.reason)));
    let generation = -1;
    let sent = 0;
    // Synchronously with the answer: later there may be another user.
    const send = (request: Request) =>
      Promise.race([
        aborted,
        this.#another(generation, ([, number], authorization) => {
          generation = number;
          sent++;
          if (authorization !== '') request.headers.set(name, authorization);
          return own(request);
        }),
      ]);
    const response = await send(request);
    if (response.status !== 401) return response;
    return send(again).catch((error) => (sent > 1 ? Promise.reject(error) : response));
  }

  /** @internal For adapters of HTTP clients: an `Authorization` with another token than the refused one, and its generation. */
  async authorization(refused: number): Promise<Granted> {
    return this.#another(refused, ([, generation], authorization) => [authorization, generation]);
  }

  /** @internal Whether a URL gets the token: one of the endpoints' origins and of `fetchOrigins`, but not the login and refresh endpoints. */
  mayGet(url: string): boolean {
    const base = globalThis.document?.baseURI ?? globalThis.location?.href;
    // A fragment is not sent.
    const asked = (url: string) => new URL(url, base).href.replace(/#.*/, '');
    return this.#origins().has(new URL(url, base).origin) && !this.#own.some((own) => asked(own) === asked(url));
  }

  /**
   * Signs in at the login endpoint.
   * @param endpoint options that differ from those of `login`, for the second step of a login: `{ url: '/api/login/code/' }`
   * @throws GatepassError INVALID_CREDENTIALS (400, 401), LOGIN_FORBIDDEN (403), LOGIN_INCOMPLETE (the server wants another step), STALE_COOKIE (401), LOGIN_FAILED, each with the server's answer in `details`; SUPERSEDED by a later login, setTokens or logout
   */
  async login(credentials: Record<string, JsonValue>, endpoint?: Partial<LoginEndpoint>): Promise<void> {
    const login = endpoint === undefined ? this.#login : { ...this.#login, ...endpoint };
    if (login === undefined) throw failure('INVALID_OPTION', 'login: this session has no login endpoint');
    const [parts] = endpoint === undefined ? [] : this.#partsOf(endpoint, login);
    const body = typeof login.body === 'function' ? undefined : login.body;
    const given = new Options({ credentials, body }, '', { credentials: 'json', body: 'json' });
    const sent = given.json('credentials');
    if (!isRecord(credentials) || !isRecord(sent))
      return given.fail('credentials', 'an object such as {username, password} is needed');
    given.placeholders('body', Object.keys(credentials), (name) =>
      given.fail('credentials', `"${name}" is missing: login.body has the placeholder "$${name}"`),
    );
    return new Promise((resolve, reject) => {
      const forget = this.#wait(reject);
      const done = (failure: FailureParts | undefined, answer?: string) => {
        forget();
        if (failure === undefined) return resolve();
        if (answer === undefined) return reject(named(failure, undefined, undefined, { calls: this.#calls }));
        const details = import('./details.js').then(({ detailsOf }) => detailsOf(answer, sent, body));
        // The error is reported, with or without the server's answer.
        details.catch(() => {}).then((details) => reject(named(failure, undefined, details)));
      };
      const id = this.#next++;
      this.#waiting.logins.set(id, done);
      this.#core.ask((core) => core.login(id, sent, parts as unknown[] | undefined), reject);
    });
  }

  /** The endpoint of one login as it crosses. */
  #partsOf(endpoint: unknown, login: unknown): unknown[] {
    const given = new Options(endpoint, 'endpoint.', LOGIN_ENDPOINT);
    if (typeof given.get('body') === 'function')
      given.fail('body', 'a function can only be the body of `login` itself; make the credentials before the call');
    const rows = { endpoint: TOKEN_ENDPOINT, allowInsecure: 'flag' };
    const all = new Options({ endpoint: login, allowInsecure: this.#allowInsecure }, '', rows);
    const parts = all.values();
    checkBody(all.within('endpoint', TOKEN_ENDPOINT), 'login', login as TokenEndpoint, parts[0] as unknown[]);
    return parts;
  }

  /** Signs in with tokens that the app has from elsewhere. Waiting connections start. */
  setTokens(tokens: Tokens): void {
    if (this.#isByCookie) throw failure('INVALID_OPTION', 'tokens: this session is a cookie, and has no token');
    const options = new Options(tokens, 'tokens.', { access: 'header', refresh: 'text', ...LIFETIME });
    const access = options.header('access');
    const refresh = tokens.refresh === undefined ? undefined : options.text('refresh');
    const seconds = lifetimeOf(options);
    this.#leadsTo('signed-in', (core) => core.setTokens([access, refresh, ...seconds]));
  }

  /** Calls the driver. While the wasm is not there, what the call leads to shows at once; on a server nobody is signed in. */
  #leadsTo(state: Foreseen, call: (core: SessionPart) => void): void {
    if (this.#core.driver || noBrowser()) {
      this.#core.do(call, this.#failed);
      return;
    }
    this.#ahead = { state, calls: (this.#ahead?.calls ?? 0) + 1 };
    // A logout holds whatever becomes of the page, and of calls before it. What it takes to tell the server waits for the wasm.
    if (state === 'signed-out') {
      this.#atLogout.forget();
      this.#foreseen = state;
    }
    const failed = (thrown: unknown) => {
      const before = this.state;
      this.#ahead = undefined;
      if (state === 'signed-out') this.#atLogout.endAtOnce();
      if (this.state !== before) this.#tell();
      this.#failed(thrown);
    };
    this.#core.do((core) => {
      if (this.#ahead && --this.#ahead.calls === 0) {
        this.#expected = this.#ahead.state;
        this.#ahead = undefined;
      }
      call(core);
    }, failed);
    this.#tell();
  }

  /** Tells a change that the wasm does not tell. */
  #tell(): void {
    const { state } = this;
    this.dispatchEvent(Object.assign(new SessionChangeEvent('change'), { state, error: this.#error }));
  }

  /** Signs the user out, closes their sockets and drops their queued messages. */
  logout(): void {
    try {
      if (!this.#end) this.#leadsTo('signed-out', (core) => core.logout());
    } catch {
      // It has trapped, which was reported. The store is cleared here.
    }
    if (this.#end === undefined) return;
    this.#core.driver?.erase();
    if (this.#end === 'signed-out') return;
    this.#end = 'signed-out';
    this.#error = undefined;
    this.#tell();
  }

  /** @internal */
  get core(): Lazy<SessionPart> {
    return this.#core;
  }

  /** @internal */
  get isByCookie(): boolean {
    return this.#isByCookie;
  }

  /** @internal */
  get calls(): Calls | undefined {
    return this.#calls;
  }

  /** @internal */
  get source(): Source {
    return this.#source;
  }

  readonly #failed = (thrown: unknown) => {
    if (this.#told() === undefined && thrown instanceof GatepassError && thrown.code === 'LOAD_FAILED') {
      // It is shown until the wasm is there.
      this.#error = thrown;
      this.#tell();
    }
    this.dispatchEvent(new SocketErrorEvent(thrown as GatepassError));
  };

  /** Shows the state and nothing else. */
  toJSON(): {
    /** The state. */
    state: SessionState;
  } {
    return { state: this.state };
  }

  /** The callbacks of the driver. They must not hold the session, or it could never be collected; a closure in the constructor would hold it. */
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
          const { state } = session;
          const error = failure && session.#named(failure as unknown as FailureParts);
          session.#error = error ?? (state === 'expired' ? session.#error : undefined);
          if (state === 'signed-out') session.#handed.clear();
          // The wasm catches up with what is shown.
          const isKnown = !error && (session.#ahead !== undefined || session.#expected === state);
          session.#expected = undefined;
          if (!isKnown) session.dispatchEvent(Object.assign(new SessionChangeEvent('change'), { state, error }));
          for (const settle of waiting.stores) settle();
        }),
      renewalRefused: (failure) =>
        withSession((session) =>
          session.dispatchEvent(new SocketErrorEvent(session.#named(failure as unknown as FailureParts))),
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

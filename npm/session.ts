// The session: who the user is.

import type { SessionCore } from './core.js';
import { detailsOf, failure, toError } from './errors.js';
import { Later, type Core } from './load.js';
import { Options } from './options.js';
import type { JsonValue } from './schemes.js';

/** An endpoint that answers with tokens. */
export interface TokenEndpoint {
  url: string | URL;
  /** @default 'POST' */
  method?: 'POST';
  /** How the body is written: `form` as OAuth 2 asks for. @default 'json' */
  encoding?: 'json' | 'form';
  /** The body; the values `'$username'`, `'$refresh'` and so on stand for what is sent. @default all of it as it is; at a logout nothing */
  body?: JsonValue;
}

/** Options of {@link Session}. */
export interface SessionOptions {
  /** Where `login()` posts credentials. @default none: use `setTokens()` */
  login?: TokenEndpoint;
  /** Where the refresh token is exchanged: {refresh} is posted. @default none: an expired session asks for sign-in */
  refresh?: TokenEndpoint;
  /**
   * What is told of a logout, with the `Authorization` header; `'$access'` and `'$refresh'` stand for the tokens. Its answer is
   * not waited for: whatever it is, the session has ended. @default none: the tokens are forgotten here only
   */
  logout?: TokenEndpoint;
  /** Whether calls carry cookies and keep those of the answers, for servers that put the token into one. @default 'omit' */
  credentials?: 'omit' | 'include';
  /** Where the tokens stand in the answers, as dotted paths. */
  fields?: {
    /** @default 'access' */
    access?: string;
    /** null: the server has no refresh tokens. @default 'refresh' */
    refresh?: string | null;
    /** Seconds from now. @default 'expires_in' */
    expiresIn?: string;
    /** Seconds since 1970. @default 'expires_at' */
    expiresAt?: string;
  };
  /** The word before the token in `Authorization`. @default 'Bearer' */
  tokenPrefix?: string;
  /** Time before expiry at which a token no longer counts as usable, in milliseconds; at most a tenth of its life. @default 30000 */
  leeway?: number;
  /** How long a login or refresh call may take, in milliseconds. @default 10000 */
  httpTimeout?: number;
  /** Where the tokens rest. @default 'memory' */
  store?: 'memory';
  /** Allows credentials over http: to other hosts than this machine. @default false */
  allowInsecure?: boolean;
}

/** Tokens that the app has from elsewhere. */
export interface Tokens {
  access: string;
  refresh?: string;
  /** Seconds from now. @default what the token says, if it is a JWT */
  expiresIn?: number;
  /** Seconds since 1970. @default what the token says, if it is a JWT */
  expiresAt?: number;
}

const SECONDS = 'seconds above 0 are needed';

export type SessionState = 'signed-out' | 'signed-in' | 'refreshing' | 'expired';

/**
 * Who the user is: tokens, login, renewal and logout, shared by all sockets. Fires `change` after every change of state,
 * and `error` if the wasm cannot be loaded or, before it was loaded, an option was wrong.
 *
 * @throws GatepassError INVALID_OPTION, INVALID_URL, INSECURE_URL, naming the option (before the wasm is there: as `error`)
 */
export class Session extends EventTarget {
  readonly #core: Later<SessionCore>;
  readonly #hasLogin: boolean;
  readonly #template: unknown;

  constructor(options: SessionOptions = {}) {
    super();
    const make = read(options);
    this.#hasLogin = options.login !== undefined;
    this.#template = options.login?.body;
    const changed = changeOf(new WeakRef(this));
    this.#core = new Later((core) => make(core, changed), this.#failed);
  }

  get state(): SessionState {
    return (this.#core.now?.state as SessionState | undefined) ?? 'signed-out';
  }

  /**
   * Signs in at the login endpoint.
   * @throws GatepassError INVALID_CREDENTIALS (400, 401, 403), LOGIN_FAILED, both with the server's words in `details`, SUPERSEDED by a later login, setTokens or logout
   */
  async login(credentials: Record<string, JsonValue>): Promise<void> {
    if (!this.#hasLogin) throw failure('INVALID_OPTION', 'login: this session has no login endpoint');
    if (typeof credentials !== 'object' || credentials === null) {
      throw failure('INVALID_OPTION', 'credentials: an object such as {username, password} is needed');
    }
    const sent = new Options({ credentials }, '', 'credentials').json('credentials');
    return new Promise((resolve, reject) => {
      const done = (error: unknown, answer?: string) => {
        if (error === undefined) return resolve();
        reject(toError(Array.isArray(error) ? [...error, detailsOf(answer, [sent, this.#template])] : error));
      };
      this.#core.do((core) => core.login(sent, done), done);
    });
  }

  /** Takes tokens that the app has from elsewhere. Connections that wait for a user start. */
  setTokens(tokens: Tokens): void {
    const options = new Options(tokens, 'tokens.', 'access refresh expiresIn expiresAt');
    const access = options.header('access');
    const refresh = tokens.refresh === undefined ? '' : options.text('refresh');
    const seconds = ['expiresIn', 'expiresAt'].map((name) => {
      const value = options.number(name, 0, 8.64e12, SECONDS);
      // Nothing stands for "the token tells"; a zero of the app's is a mistake.
      return value === 0 && options.get(name) !== undefined ? options.fail(name, SECONDS) : value;
    });
    this.#core.do((core) => core.setTokens([access, refresh, ...seconds]), this.#failed);
  }

  /** Forgets the user, closes their sockets and drops what they had queued. */
  logout(): void {
    this.#core.do((core) => core.logout(), this.#failed);
  }

  /** @internal */
  get core(): Later<SessionCore> {
    return this.#core;
  }

  readonly #failed = (thrown: unknown) => {
    this.dispatchEvent(Object.assign(new Event('error'), { error: toError(thrown) }));
  };

  /** Shows the state and nothing else. */
  toJSON(): { state: SessionState } {
    return { state: this.state };
  }
}

/** Fires `change`. A function of its own: the wasm holds it, and must not keep alive what the app has let go of. */
function changeOf(session: WeakRef<EventTarget>): () => void {
  return () => session.deref()?.dispatchEvent(new Event('change'));
}

/** @internal Reads options for the wasm, in the order that `SessionCore` names. */
export function read(options: SessionOptions): (core: Core, onChange: () => void) => SessionCore {
  const all = new Options(options, '', 'login refresh logout credentials fields tokenPrefix leeway httpTimeout store allowInsecure');
  all.one('store', ['memory']);
  const endpoints = ['login', 'refresh', 'logout'].map((name) => {
    const isThere = all.get(name) !== undefined;
    const endpoint = all.within(name, 'url method encoding body');
    // With GET a browser sends no body, and credentials travel in one.
    endpoint.one('method', ['POST']);
    return [isThere ? endpoint.url('url') : '', endpoint.json('body'), Number(endpoint.one('encoding', ['json', 'form']) === 'form')] as const;
  });
  const fields = all.within('fields', 'access refresh expiresIn expiresAt');
  const parts = [
    ...[0, 1, 2].flatMap((index) => endpoints.map((endpoint) => endpoint[index])), all.header('tokenPrefix', 'Bearer'),
    fields.text('access', 'access'), fields.get('refresh') === null ? '' : fields.text('refresh', 'refresh'),
    fields.text('expiresIn', 'expires_in'), fields.text('expiresAt', 'expires_at'),
    all.millis('leeway', 30_000), all.millis('httpTimeout', 10_000), all.flag('allowInsecure'),
    Number(all.one('credentials', ['omit', 'include']) === 'include'),
  ];
  return (core, onChange) => new core.SessionCore(parts, onChange);
}

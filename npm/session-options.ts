// The options of a session: what they mean together, how they go to the wasm, and the app's own store and source of tokens.

import { callsOf, sendOf, type Calls } from './calls.js';
import {
  BodyEncoding,
  SESSION_OPTIONS,
  SessionInput,
  SessionOptionsAt as At,
  SourceAnswer,
  StoreEnd,
  TOKEN_ENDPOINT,
  TokenEndpointAt,
} from './contract.js';
import type { Thrown } from './errors.js';
import { needed, noBrowser, type Makers, type SessionPart } from './load.js';
import type { SessionOptions, TokenEndpoint } from './option-types.js';
import { Options } from './options.js';
import { decoded, type Stored } from './record.js';
import type { SessionOwner, SessionEnvironment } from './session-driver.js';
import { SignInRequired, type TokenContext } from './tokens.js';

export type { SessionOptions, TokenEndpoint };

const SECONDS = 'seconds above 0 are needed';
/** @internal The options of a lifetime. */
export const LIFETIME = { expiresIn: 'count', expiresAt: 'count' };

/** @internal The app's own source of tokens. */
export interface Source {
  thrown?: Thrown;
}

/** @internal Whether somebody is signed in, as far as it is known without the wasm. */
export type Foreseen = 'signed-in' | 'signed-out';

/** @internal Makes the driver of a session, and what its sockets take over from the options. */
export interface Made {
  make(makers: Makers, owner: SessionOwner): SessionPart;
  calls: Calls | undefined;
  /** Whether a cookie is the session, and there is no token. */
  isByCookie: boolean;
  /** The state before the session has read its store. */
  unread: 'loading' | 'signed-out';
  /** What the store of the browser says at once, if it says anything. */
  foreseen: Foreseen | undefined;
  /** Removes from the store of the browser what was there at construction. */
  forget(): void;
  /** A logout could not reach the wasm: it comes first when the driver is made. */
  endAtOnce(): void;
}

/** @internal Reads options for the wasm, each at its place of the contract. */
export function read(given: SessionOptions, source: Source): Made {
  const options = given?.restore === true ? { ...given, restore: given.refresh } : given;
  const all = new Options(options, '', SESSION_OPTIONS);
  if (given.restore === true && given.refresh == null)
    all.fail('restore', '`true` stands for the refresh endpoint: name that, or the one to call');
  const parts = all.values();
  const { login, refresh, logout, getToken, fetchOrigins = [], store = 'memory' } = options;
  const restore = options.restore as TokenEndpoint | undefined;
  const endpoints: Record<string, Options> = {};
  for (const [name, endpoint] of Object.entries({ login, refresh, logout, restore })) {
    if (endpoint == null) continue;
    const within = (endpoints[name] = all.within(name, TOKEN_ENDPOINT));
    const place = { login: At.login, refresh: At.refresh, logout: At.logout, restore: At.restore }[name]!;
    checkBody(within, name, endpoint as TokenEndpoint, parts[place] as unknown[]);
  }
  if (
    !['memory', 'sessionStorage', 'localStorage'].includes(store as string) &&
    ['load', 'save', 'clear'].some(
      (name) => typeof (store as unknown as Record<string, unknown>)?.[name] !== 'function',
    )
  ) {
    all.fail('store', "'memory', 'sessionStorage', 'localStorage' or an object with load, save and clear is needed");
  }
  const isByCookie = options.fields?.access === null;
  if (isByCookie && options.credentials !== 'include')
    all.fail('credentials', "'include' is needed if `fields.access` is null: the session is a cookie");
  if (getToken !== undefined && typeof getToken !== 'function') all.fail('getToken', 'a function is needed');
  if (getToken && refresh !== undefined)
    all.fail('getToken', 'it takes the place of a refresh endpoint; remove one of them');
  if (given.restore != null && !options.fetch && (restore?.credentials ?? options.credentials) !== 'include')
    all.fail('restore', "it needs cookies: add `credentials: 'include'`, to the session or to `restore`");
  // `restore: true` is the refresh endpoint, whose token is not there yet.
  for (const [name, endpoint] of [
    ['login', login],
    ['restore', restore],
  ] as const)
    if (endpoint && endpoint !== refresh && (endpoint.authorization ?? 'none') !== 'none')
      endpoints[name]!.fail('authorization', "there are no tokens yet: 'none' is needed");
  if (getToken && restore != null) all.fail('restore', '`getToken` knows whether somebody is signed in');
  if (!Array.isArray(fetchOrigins)) all.fail('fetchOrigins', 'an array is needed');
  for (const url of fetchOrigins) {
    const text = new Options({ fetchOrigins: url }, '', { fetchOrigins: 'url' }).credentialUrl(
      'fetchOrigins',
      all.flag('allowInsecure'),
    );
    if (text.includes('*')) all.fail('fetchOrigins', 'each origin has to be named; * stands for none');
  }
  const key = all.text('storeKey', `gatepass ${login?.url ?? refresh?.url ?? ''}`);
  // Tabs that ask for the session of the browser share a lock, also if each keeps its tokens to itself.
  const hasStore = store !== 'memory' || restore != null;
  const environment = {
    store: hasStore ? storeOf(key, store) : undefined,
    source: getToken && sourceOf(getToken, source),
  } as SessionEnvironment;
  const calls = callsOf(all, endpoints, undefined, options.fields?.access ?? 'access');
  const send = sendOf(calls);
  let isOver = false;
  let shown = hasStore && !noBrowser() ? peek(store, key, isByCookie) : undefined;
  // What is not in the store may be found by `restore`.
  if (shown === null && restore != null) shown = undefined;
  environment.shown = () => shown;
  return {
    calls,
    isByCookie,
    unread: hasStore ? 'loading' : 'signed-out',
    foreseen: shown === undefined ? undefined : shown ? 'signed-in' : 'signed-out',
    forget: () => {
      try {
        if (shown && peek(store, key, isByCookie)?.[0] === shown[0])
          globalThis[store as 'localStorage'].removeItem(key);
      } catch {
        // The wasm will meet the same, and report it.
      }
    },
    endAtOnce: () => void (isOver = true),
    make: (makers, owner) => {
      const part = makers.session(parts, environment, Object.assign(owner, { send }));
      if (isOver) part.logout();
      isOver = false;
      return part;
    },
  };
}

/** @internal The body of a call. `parts`: the options of the endpoint, as they cross. */
export function checkBody(endpoint: Options, name: string, { body, method }: TokenEndpoint, parts: unknown[]): void {
  if (typeof body === 'function') {
    if (method === 'GET') endpoint.fail('body', 'a GET has no body');
    parts[TokenEndpointAt.encoding] = BodyEncoding.Json;
    // A function is told what it may send.
    if (name !== 'login') parts[TokenEndpointAt.body] = { access: '$access', refresh: '$refresh' };
    return;
  }
  if (method === 'GET' && body != null) endpoint.fail('body', 'a GET has no body');
  if (method === 'GET' && name === 'login') endpoint.fail('method', 'a GET has no body for the credentials');
  // What a login fills is known when there is one.
  if (name === 'login') return;
  endpoint.placeholders('body', name === 'restore' ? [] : ['access', 'refresh'], (_, member) =>
    endpoint.fail(
      'body',
      name === 'restore'
        ? `there are no tokens yet, so there are no placeholders; "$$" is a plain $: look at "${member}"`
        : `"$access" and "$refresh" can be placeholders here; "$$" is a plain $: look at "${member}"`,
    ),
  );
}

/** What a store of the browser holds, which answers at once; undefined for what is not known, or not of this kind of session. */
function peek(place: unknown, name: string, isByCookie: boolean): Stored {
  if (place !== 'localStorage' && place !== 'sessionStorage') return undefined;
  try {
    const there = decoded(globalThis[place].getItem(name));
    // A record of another kind of session is none of this one's.
    return there && (there[2] === '') !== isByCookie ? undefined : there;
  } catch {
    // Denied, or not ours. The session meets the same, and reports it.
    return undefined;
  }
}

/** A store as the driver opens it: `store` in src/web/tabs.js, which is loaded only where it is needed. */
function storeOf(name: string, place: unknown): NonNullable<SessionEnvironment['store']> {
  const script = needed(() => import('./tabs.js'));
  return (handle, failed) => {
    const tabs = script().then(({ store }) => store(name, place as never)(handle, failed));
    // Without the script there is no store: nothing can be read or written, and nobody else is there.
    tabs.catch(failed);
    const call =
      (
        method: 'read' | 'write' | 'erase' | 'lock' | 'tell' | 'unlock' | 'close',
        otherwise?: SessionInput,
        data?: unknown,
      ) =>
      (...given: unknown[]) => {
        tabs
          .then((tabs) => Reflect.apply(tabs[method], tabs, given))
          .catch(() => otherwise !== undefined && handle(otherwise, 0, data));
      };
    const failedToStore = [StoreEnd.Failed];
    return {
      read: call('read', SessionInput.Stored, []),
      write: call('write', SessionInput.Written, failedToStore),
      erase: call('erase', SessionInput.Written, failedToStore),
      lock: call('lock', SessionInput.Locked),
      tell: call('tell'),
      unlock: call('unlock'),
      close: call('close'),
    };
  };
}

/** @internal The seconds of a token's life and end, where they are named. */
export function lifetimeOf(options: Options): [expiresIn?: number, expiresAt?: number] {
  const seconds = (name: string) => {
    const value = options.number(name, 0, 8.64e12, SECONDS);
    // Nothing stands for "the token tells"; a zero of the app's is a mistake.
    return value === 0 && options.get(name) !== undefined ? options.fail(name, SECONDS) : value || undefined;
  };
  return [seconds('expiresIn'), seconds('expiresAt')];
}

/** `getToken` as the driver asks it. */
function sourceOf(
  getToken: NonNullable<SessionOptions['getToken']>,
  source: Source,
): NonNullable<SessionEnvironment['source']> {
  return (reason, done) => {
    const abort = new AbortController();
    source.thrown = undefined;
    const ask = async () => {
      const given = await getToken({ reason: reason as TokenContext['reason'], signal: abort.signal });
      const options = new Options(typeof given === 'string' ? { access: given } : given, 'getToken.', {
        access: 'header',
        ...LIFETIME,
      });
      return [options.header('access'), ...lifetimeOf(options)];
    };
    const failed = (error: unknown) => {
      source.thrown = [error];
      done(error instanceof SignInRequired ? SourceAnswer.SignInRequired : SourceAnswer.Failed);
    };
    ask().then(
      (tokens) => abort.signal.aborted || done(SourceAnswer.Token, tokens),
      (error) => abort.signal.aborted || failed(error),
    );
    return () => abort.abort();
  };
}

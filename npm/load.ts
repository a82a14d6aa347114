// Loads the wasm, once; whatever needs it before that waits here, in one line for all objects, so that order is kept.

// Before the glue, which needs it.
import { here } from './environment.js';
import { ConnectionDriver, type Sink } from './connection-driver.js';
import { ConnectionCore, initSync, SessionCore } from './core.js';
import { seed } from './driver.js';
import { failure, GatepassError, part } from './errors.js';
import { reported } from './events.js';
import { SessionDriver, type SessionEnvironment, type SessionOwner } from './session-driver.js';

/** @internal The driver of a connection, as the face calls it. */
export type Connection = Pick<
  ConnectionDriver,
  'close' | 'connect' | 'fail' | 'isRunning' | 'native' | 'release' | 'send' | 'setBinaryType' | 'stats' | 'write'
>;
/** @internal The driver of a session, as the face calls it. */
export type SessionPart = Pick<
  SessionDriver,
  'erase' | 'fail' | 'login' | 'logout' | 'newRequester' | 'release' | 'setTokens' | 'state' | 'token'
>;

/** @internal Makes the drivers: over the wasm, or for unit tests doubles. `parts`: options, each at its place of the contract. */
export interface Makers {
  connection(parts: unknown[], questions: number[], session: SessionPart | undefined, sink: Sink): Connection;
  session(parts: unknown[], environment: SessionEnvironment, owner: SessionOwner): SessionPart;
}

/** The drivers over the wasm. */
const overWasm: Makers = {
  connection: (parts, questions, session, sink) => {
    const driver = session as SessionDriver | undefined;
    return new ConnectionDriver(new ConnectionCore(parts, questions, driver?.view(), seed()), driver, sink);
  },
  session: (parts, environment, owner) => {
    const { store, source } = environment;
    return new SessionDriver(new SessionCore(parts, !!store, !!source, seed()), environment, owner);
  },
};

/** Options of {@link load}. */
export interface LoadOptions {
  /**
   * Where the wasm is: a URL, a Response, bytes, or a compiled module.
   * @default core_bg.wasm beside the script
   */
  wasm?: string | URL | Request | Response | BufferSource | WebAssembly.Module | Promise<Response>;
}

/** A call that waits for the wasm, and its rejection if the wasm cannot be loaded. */
interface Waiting {
  run(makers: Makers): void;
  failed(error: unknown): void;
}

/** Where the wasm is, if nobody says: beside the script. Development servers of Vite before 8 copy this script to `node_modules/.vite/deps/`, and not the wasm. */
const beside: () => NonNullable<LoadOptions['wasm']> = () =>
  new URL('./core_bg.wasm', import.meta.url).href.replace(/node_modules\/\..+\/deps/, 'node_modules/gatepass/pkg');

let usual = beside;
/** That of this place, which a page begins to load before anything asks for it. */
let early: Promise<WebAssembly.Module> | undefined;

/** @internal For entries that bring the wasm with them. */
export function bring(wasm: typeof usual): void {
  usual = wasm;
}

let loading: Promise<void> | undefined;
let loaded: Makers | undefined;
const waiting: Waiting[] = [];

/** @internal Makes drivers from now on, and for all that waits. */
export function use(makers: Makers): void {
  loading ??= Promise.resolve();
  // Calls that are made meanwhile are queued after those that wait.
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { run, failed } = next;
    reported(() => {
      try {
        run(makers);
      } catch (error) {
        failed(error);
      }
    });
  }
  loaded ??= makers;
}

/**
 * Loads the wasm. Optional and idempotent: the first socket or session does it by itself; call it to choose where the wasm
 * comes from, or when. After a failure it may be called again. In Node, Bun and Deno nothing connects before it is called.
 *
 * @throws GatepassError LOAD_FAILED: not found, no WebAssembly, or blocked (a Content-Security-Policy needs script-src 'wasm-unsafe-eval')
 */
export function load(options: LoadOptions = {}): Promise<void> {
  // Also what throws at once rejects: a script without `import.meta.url` has no place beside it.
  const { wasm } = options;
  loading ??= (async () => (wasm === undefined && early) || compiled(wasm ?? usual()))()
    .then((module) => void initSync({ module }))
    .then(
      () => use(overWasm),
      (cause: unknown) => {
        loading = early = undefined;
        // Chromium, Firefox and WebKit each say it in words of their own; what Chromium proposes, 'unsafe-eval', allows too much.
        const mend = /Content Security Policy|CSP|unsafe-eval/.test(String(cause))
          ? "add 'wasm-unsafe-eval' to script-src of the Content-Security-Policy"
          : "serve it beside the script, in the same version, or use load({ wasm }) or gatepass/inline (in unit tests setupFiles: ['gatepass/inline'])";
        const error = failure('LOAD_FAILED', `core_bg.wasm could not be loaded; ${mend}: ${String(cause)}`, cause);
        for (const { failed } of waiting.splice(0)) reported(() => failed(error));
        throw error;
      },
    );
  return loading;
}

/** Compiles the wasm; while it arrives, if the server says what it is. */
// The wasm comes while the app of a page starts. In a microtask: an entry that brings it, or a `load()` of the app, may come after this module.
if (typeof document === 'object')
  queueMicrotask(() => {
    if (loading || usual !== beside) return;
    early = (async () => compiled(beside()))();
    // Who needs it is told.
    early.catch(() => {});
  });

async function compiled(wasm: NonNullable<LoadOptions['wasm']>): Promise<WebAssembly.Module> {
  const { Request, Response } = here;
  const isAddress = typeof wasm === 'string' || wasm instanceof URL || (Request && wasm instanceof Request);
  const source = await (isAddress ? fetch(wasm) : wasm);
  if (Response && source instanceof Response) {
    if (!source.ok) throw new Error(`${source.url} answers ${source.status}`);
    const type = source.headers.get('content-type');
    if (type === 'application/wasm') return WebAssembly.compileStreaming(source);
    const bytes = await source.arrayBuffer();
    // Servers of apps answer with their page what they do not know.
    if (new Uint32Array(bytes.slice(0, 4))[0] !== 0x6d736100)
      throw new Error(`${source.url} is no WebAssembly but ${type}`);
    return WebAssembly.compile(bytes);
  }
  return source instanceof WebAssembly.Module ? source : WebAssembly.compile(source as BufferSource);
}

/** Whether this is a browser's page or worker; on a server nothing is loaded and nothing connects. */
function isBrowser(): boolean {
  return (
    typeof window === 'object' ||
    typeof (globalThis as { WorkerGlobalScope?: unknown }).WorkerGlobalScope === 'function'
  );
}

/** @internal Why pending calls are rejected on a server; undefined in a browser, and where the app loads the wasm on purpose. */
export function noBrowser(): GatepassError | undefined {
  return isBrowser() || loading
    ? undefined
    : failure(
        'LOAD_FAILED',
        'nothing connects on a server; if this is a client, call load() first, or import gatepass/node',
      );
}

/** @internal A part that will be needed: in a browser it is loaded beside the wasm, elsewhere when it is asked for. */
export function needed<T>(load: () => Promise<T>): () => Promise<T> {
  let script: Promise<T> | undefined;
  const loaded = () => (script ??= part(load()));
  if (!noBrowser()) loaded();
  return loaded;
}

/** Runs with the wasm: at once if it is loaded, else in order once it is. On a server the pending call is rejected. */
function withCore(entry: Waiting, rejected?: (error: unknown) => void): void {
  const error = loaded ? undefined : noBrowser();
  if (loaded) entry.run(loaded);
  else if (error) rejected?.(error);
  else {
    waiting.push(entry);
    // In a microtask: the module that says where the wasm is may be imported after this one. `failed` tells the pending calls.
    queueMicrotask(() => loaded ?? load().catch(() => {}));
  }
}

/** @internal A driver: src/web/driver.js. It is never called again after a trap. */
interface Driver {
  fail(thrown: unknown): void;
  release(): void;
}

/** @internal The error for a trap of the wasm. */
export function internal(thrown: unknown): GatepassError {
  return failure(
    'INTERNAL',
    'gatepass met something that it did not foresee, and has ended this object; please report it',
    thrown,
  );
}

/** Ends drivers whose socket or session was collected; a timer or a listener would keep them alive. */
const release = new FinalizationRegistry<Driver>((driver) => driver.release());

/** @internal A driver that is made once the wasm is loaded. A trap is thrown to the caller as INTERNAL. */
export class Lazy<T extends Driver> {
  readonly #make: (makers: Makers) => T;
  readonly #broken: (thrown: unknown) => void;
  #driver: T | undefined;
  #end: GatepassError | undefined;

  /** `failed`: the wasm could not be loaded. `broken`: it has trapped. Neither may hold this object. */
  constructor(make: (makers: Makers) => T, failed: (error: unknown) => void, broken: (thrown: unknown) => void) {
    this.#make = make;
    this.#broken = broken;
    try {
      this.do(() => {}, failed);
    } catch (error) {
      failed(error);
    }
  }

  /** The driver, if it was made, even after its end. */
  get driver(): T | undefined {
    return this.#driver;
  }

  /** The wasm has trapped: the driver is never called again. */
  trapped(thrown: unknown): GatepassError {
    return (this.#end ??= internal(thrown));
  }

  /** Calls the driver, if it was made. @throws GatepassError INTERNAL */
  call<R>(call: (driver: T) => R): R | undefined {
    const driver = this.#driver;
    return driver === undefined || this.#end ? undefined : this.#guarded(() => call(driver));
  }

  #guarded<R>(call: () => R): R {
    try {
      return call();
    } catch (thrown) {
      // A mistake of the caller.
      if (thrown instanceof GatepassError) throw thrown;
      const end = this.trapped(thrown);
      if (this.#driver) this.#driver.fail(thrown);
      else this.#broken(thrown);
      throw end;
    }
  }

  /** Calls the driver. It is made first if the wasm could not be loaded until now. */
  do(call: (driver: T) => void, failed: (error: unknown) => void, rejected?: (error: unknown) => void): void {
    const run = (makers: Makers) => {
      if (this.#end) return failed(this.#end);
      this.#guarded(() => call(this.made(makers)));
    };
    withCore({ run, failed }, rejected);
  }

  /** The driver; it is made if necessary. @throws GatepassError INTERNAL after a trap */
  made(makers: Makers): T {
    if (this.#end) throw this.#end;
    if (this.#driver === undefined) {
      this.#driver = this.#make(makers);
      release.register(this, this.#driver);
    }
    return this.#driver;
  }

  /** Calls the driver for a caller that waits for an answer. */
  ask(call: (driver: T) => void, reject: (error: unknown) => void): void {
    try {
      this.do(call, reject, reject);
    } catch (error) {
      reject(error);
    }
  }
}

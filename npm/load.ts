// Loads the wasm, once; everything that needs it before that waits here.

import init, * as core from './core.js';
import { failure } from './errors.js';

/** The wasm module, once it is there. */
export type Core = typeof core;

/** Options of {@link load}. */
export interface LoadOptions {
  /**
   * Where the wasm is: a URL, a Response, bytes, or a compiled module.
   * @default core_bg.wasm beside the script
   */
  wasm?: string | URL | Request | Response | BufferSource | WebAssembly.Module | Promise<Response>;
}

let loading: Promise<Core> | undefined;
let loaded: Core | undefined;

/**
 * Loads the wasm. Optional and idempotent: the first socket or session does it by itself; call it to choose where the wasm
 * comes from, or to have options checked at construction from the first one on.
 *
 * @throws GatepassError LOAD_FAILED: not found, or blocked (a Content-Security-Policy needs script-src 'wasm-unsafe-eval')
 */
export async function load(options: LoadOptions = {}): Promise<void> {
  await start(options);
}

/** @internal Starts loading; a failed try may be repeated. */
export function start(options: LoadOptions = {}): Promise<Core> {
  loading ??= init(options.wasm === undefined ? undefined : { module_or_path: options.wasm }).then(
    () => (loaded = core),
    (cause: unknown) => {
      loading = undefined;
      throw failure('LOAD_FAILED', `the wasm of gatepass could not be loaded: ${String(cause)}`, cause);
    },
  );
  return loading;
}

/** @internal The wasm, if it is there. */
export function coreNow(): Core | undefined {
  return loaded;
}

/** @internal Whether this is a browser's page or worker; on a server nothing is loaded and nothing connects. */
export function isBrowser(): boolean {
  return typeof window === 'object' || typeof (globalThis as { WorkerGlobalScope?: unknown }).WorkerGlobalScope === 'function';
}

/**
 * @internal Calls of an object that wait for the wasm: made at once if it is there, else in order as soon as it is.
 */
export class Later<T> {
  #target: T | undefined;
  #waiting: Array<(target: T) => void> = [];

  /** `make` builds the target; an error while the wasm is there is thrown, one after loading goes to `failed`. */
  constructor(make: (core: Core) => T, failed: (error: unknown) => void) {
    const core = coreNow();
    if (core !== undefined) {
      this.#target = make(core);
    } else if (isBrowser()) {
      start().then((core) => this.#arrive(make(core))).catch(failed);
    }
  }

  get now(): T | undefined {
    return this.#target;
  }

  do(call: (target: T) => void): void {
    if (this.#target === undefined) this.#waiting.push(call);
    else call(this.#target);
  }

  #arrive(target: T): void {
    this.#target = target;
    for (const call of this.#waiting.splice(0)) call(target);
  }
}

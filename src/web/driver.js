// Drives a machine in a browser: it feeds inputs and performs outputs. The drivers of connections and sessions extend it.
//
// It decides nothing. Rules: exceptions of the browser are caught here, because they may quote a credential. Events are handled later, never
// within a call of the machine. A trap in the wasm ends its driver and no other.

// Made of src/proto/contract by `cargo xtask contract`.
// <contract>
const HTTP_END_RESPONSE = 0;
const HTTP_END_FAILED = 1;
const HTTP_END_TOO_LONG = 2;
const MAX_BODY = 1048576;
// </contract>

/** The status that stands for any redirect (RFC 9110 §15.4.8). */
const REDIRECT = 307;

/** The longest delay of a timer (HTML: a signed 32-bit number). The machine then sets it again. */
const MAX_DELAY = 2 ** 31 - 1;

/**
 * A machine in the wasm: `src/web/core`. `Plain` is an array that values are written into.
 *
 * @typedef {unknown[]} Plain
 * @typedef {object} Core
 * @property {(instant: number, unix: number, what: number, id: number, data: unknown) => void} input
 * @property {(to: Plain) => boolean} poll
 * @property {() => number} deadline
 *
 * The callback for a trap, and the app's own way to send a request (with an `HttpCall`), if it has one.
 * @typedef {{ broken(thrown: unknown): void, send?: (call: number, url: string, init: RequestInit) => Promise<Response> }} Owner
 */

/** @template {Core} C @template {Owner} O */
export class Driver {
  /** @param {C} core @param {O} owner @param {number} timeout The input for a timeout. @param {number} http The input for the end of a request. */
  constructor(core, owner, timeout, http) {
    this.core = core;
    this.owner = owner;
    this.timeout = timeout;
    this.http = http;
    /** @type {Map<number, () => void>} Functions that end a request. */
    this.requests = new Map();
    this.deadline = -1;
    this.isRunning = false;
    this.hasEnded = false;
    this.ended = new AbortController();
  }

  /** Feeds an input from the browser. A trap is not thrown to the caller. @param {number} what @param {number} [id] @param {unknown} [data] */
  handle(what, id, data) {
    attempt(() => this.input(what, id, data));
  }

  /** Feeds an input from the app. A trap is thrown to the caller. @param {number} what @param {number} [id] @param {unknown} [data] */
  input(what, id = 0, data) {
    this.guarded(() => {
      this.core.input(performance.now(), Date.now(), what, id, data);
      this.performOutputs();
    });
  }

  /** Calls the machine, unless it has trapped before. A trap ends this driver. @template T @param {() => T} call @returns {T | undefined} */
  guarded(call) {
    if (this.hasEnded) return undefined;
    try {
      return call();
    } catch (thrown) {
      this.fail(thrown);
      throw thrown;
    }
  }

  /** Performs the outputs of the machine. A nested call leaves them to the outer one. */
  performOutputs() {
    this.setTimer(this.core.deadline());
    if (this.isRunning) return;
    this.isRunning = true;
    for (const output = /** @type {any[]} */ ([]); !this.hasEnded && this.core.poll(output); ) {
      const [what, ...given] = output.splice(0);
      this.perform(what, given);
    }
    this.isRunning = false;
  }

  /** @param {number} what @param {any[]} given */
  perform(what, given) {
    throw new TypeError(`nothing has the number ${what}, with ${given.length} values`);
  }

  /** The machine has trapped: it is never called again, and nothing more of its user is sent. @param {unknown} thrown */
  fail(thrown) {
    if (this.hasEnded) return;
    this.end();
    this.owner.broken(thrown);
  }

  /** Ends the driver: its requests, its timer and its listeners. */
  end() {
    this.hasEnded = true;
    this.ended.abort();
    for (const id of [...this.requests.keys()]) this.abort(id);
    attempt(() => this.setTimer(-1));
  }

  /**
   * Makes an HTTP request. Its end is handled once, later: with status, Retry-After, Date and body, or without them if there was no answer.
   *
   * @param {any[]} given Its number, URL, method, `Authorization`, media type of the body, body, whether cookies are sent, `keepalive` (such a
   * request outlives the page and is not aborted), and an `HttpCall`.
   */
  request([id, url, method, authorization, type, body, cookies, keepalive, call]) {
    const abort = new AbortController();
    /** @type {Record<string, string>} */
    const headers = { accept: 'application/json' };
    if (authorization) headers.authorization = authorization;
    if (type) headers['content-type'] = type;
    const answer = async () => {
      /** @type {RequestInit} */
      const init = {
        method,
        headers,
        body,
        keepalive,
        cache: 'no-store',
        redirect: 'manual',
        credentials: cookies ? 'include' : 'omit',
        signal: keepalive ? null : abort.signal,
      };
      const response = await (this.owner.send?.(call, url, init) ?? fetch(url, init));
      const text = await readText(response);
      if (text === undefined) return [HTTP_END_TOO_LONG];
      return [
        HTTP_END_RESPONSE,
        // A redirect shows no status (WHATWG Fetch, opaque-redirect filtered response).
        response.type === 'opaqueredirect' ? REDIRECT : response.status,
        response.headers.get('retry-after'),
        response.headers.get('date'),
        text,
      ];
    };
    this.requests.set(id, () => abort.abort());
    answer()
      .catch(() => [HTTP_END_FAILED])
      .then((end) => this.requestEnded(id, this.http, end));
  }

  /** Handles the end of a request, unless it was aborted. @param {number} id @param {number} what @param {unknown} end */
  requestEnded(id, what, end) {
    if (this.requests.delete(id)) this.handle(what, id, end);
  }

  /** @param {number} id */
  abort(id) {
    const end = this.requests.get(id);
    this.requests.delete(id);
    attempt(() => end?.());
  }

  /** Sets the timer to a time of `performance.now()`; a negative time stops it. @param {number} deadline */
  setTimer(deadline) {
    if (deadline === this.deadline) return;
    clearTimeout(this.timer);
    this.deadline = deadline;
    if (deadline < 0 || this.hasEnded) return;
    const ring = () => {
      this.deadline = -1;
      this.handle(this.timeout);
    };
    // The machine's clock has whole milliseconds, so one more ensures that the deadline has passed.
    this.timer = setTimeout(ring, Math.min(Math.max(deadline - Math.floor(performance.now()), 0) + 1, MAX_DELAY));
  }
}

/** Ignores an exception of the browser: the machine learns of the failure otherwise. @template T @param {() => T} call @returns {T | undefined} */
export function attempt(call) {
  try {
    return call();
  } catch {
    return undefined;
  }
}

/** A seed for the jitter. It protects no secret. */
export const seed = () => Math.floor(Math.random() * 2 ** 53);

/** Returns what a machine writes. @param {(to: Plain) => unknown} write @returns {any[]} */
export function written(write) {
  /** @type {Plain} */
  const row = [];
  write(row);
  return row;
}

/** The text of a body, or undefined if it is too long. @param {Response} response */
async function readText(response) {
  const reader = response.body?.getReader();
  if (!reader) return '';
  const decoder = new TextDecoder();
  let text = '';
  for (let length = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    length += value.byteLength;
    if (length > MAX_BODY) {
      reader.cancel().catch(() => {});
      return undefined;
    }
    text += decoder.decode(value, { stream: true });
  }
}

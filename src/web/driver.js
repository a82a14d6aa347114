// What drives a machine in a browser: it tells it what happens, and does what it asks for. The drivers of connections and of sessions extend it.
//
// Nothing is decided here. Rules: what the browser throws goes no further, since it may quote what it was given. What is heard is heard later,
// never within a call of the machine. What traps in the wasm ends its driver, and no other.

// Made of src/proto/contract by `cargo xtask contract`.
// <contract>
const HTTP_END_RESPONSE = 0;
const HTTP_END_FAILED = 1;
const HTTP_END_TOO_LONG = 2;
const MAX_BODY = 1048576;
// </contract>

/** The longest delay that a timer takes (HTML: a signed 32-bit number); the machine asks again. */
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
 * Who is told when a machine has trapped.
 * @typedef {{ broken(thrown: unknown): void }} Owner
 */

/** @template {Core} C @template {Owner} O */
export class Driver {
  /** @param {C} core @param {O} owner @param {number} timeout What the machine is told when time has passed. @param {number} http And when a request was answered. */
  constructor(core, owner, timeout, http) {
    this.core = core;
    this.owner = owner;
    this.timeout = timeout;
    this.http = http;
    /** @type {Map<number, () => void>} What ends a request. */
    this.requests = new Map();
    this.deadline = -1;
    this.isRunning = false;
    this.hasEnded = false;
    this.ended = new AbortController();
  }

  /** Tells the machine what happened. What traps then is nobody else's affair. @param {number} what @param {number} [id] @param {unknown} [data] */
  handle(what, id, data) {
    attempt(() => this.input(what, id, data));
  }

  /** The same for the app, which is thrown what has trapped. @param {number} what @param {number} [id] @param {unknown} [data] */
  input(what, id = 0, data) {
    this.guarded(() => {
      this.core.input(performance.now(), Date.now(), what, id, data);
      this.performOutputs();
    });
  }

  /** Does something with the machine, unless it has trapped before. A trap ends this driver. @template T @param {() => T} call @returns {T | undefined} */
  guarded(call) {
    if (this.hasEnded) return undefined;
    try {
      return call();
    } catch (thrown) {
      this.fail(thrown);
      throw thrown;
    }
  }

  /** Does what the machine asks for. Whoever calls meanwhile leaves the rest to the first. */
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

  /** The machine has trapped: it is never called again, and nothing of its user goes out any more. @param {unknown} thrown */
  fail(thrown) {
    if (this.hasEnded) return;
    this.end();
    this.owner.broken(thrown);
  }

  /** Nobody wants anything of this any more. */
  end() {
    this.hasEnded = true;
    this.ended.abort();
    for (const id of [...this.requests.keys()]) this.abort(id);
    attempt(() => this.setTimer(-1));
  }

  /**
   * Makes an HTTP request. An end is heard once, later: with status, Retry-After, Date and body, or without if there was no answer.
   *
   * @param {any[]} given Its number, URL, method, `Authorization`, media type of the body, body, whether cookies go along, and whether it outlives
   * the page: then nothing ends it.
   */
  request([id, url, method, authorization, type, body, cookies, keepalive]) {
    const abort = new AbortController();
    /** @type {Record<string, string>} */
    const headers = { accept: 'application/json' };
    if (authorization) headers.authorization = authorization;
    if (type) headers['content-type'] = type;
    const answer = async () => {
      const response = await fetch(url, {
        method,
        headers,
        body,
        keepalive,
        cache: 'no-store',
        redirect: 'error',
        credentials: cookies ? 'include' : 'omit',
        signal: keepalive ? null : abort.signal,
      });
      const text = await readText(response);
      if (text === undefined) return [HTTP_END_TOO_LONG];
      return [
        HTTP_END_RESPONSE,
        response.status,
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

  /** A request has come to its end. One that was ended before is not heard of any more. @param {number} id @param {number} what @param {unknown} end */
  requestEnded(id, what, end) {
    if (this.requests.delete(id)) this.handle(what, id, end);
  }

  /** @param {number} id */
  abort(id) {
    const end = this.requests.get(id);
    this.requests.delete(id);
    attempt(() => end?.());
  }

  /** Sets the timer, to a time of `performance.now()`, or below 0 stops it. @param {number} deadline */
  setTimer(deadline) {
    if (deadline === this.deadline) return;
    clearTimeout(this.timer);
    this.deadline = deadline;
    if (deadline < 0 || this.hasEnded) return;
    const ring = () => {
      this.deadline = -1;
      this.handle(this.timeout);
    };
    // The machine's clock is cut to whole milliseconds, so one more makes sure that the deadline has passed.
    this.timer = setTimeout(ring, Math.min(Math.max(deadline - Math.floor(performance.now()), 0) + 1, MAX_DELAY));
  }
}

/** What the browser throws here says nothing that the machine does not learn otherwise. @template T @param {() => T} call @returns {T | undefined} */
export function attempt(call) {
  try {
    return call();
  } catch {
    return undefined;
  }
}

/** A seed for the jitter; it guards no secret. */
export const seed = () => Math.floor(Math.random() * 2 ** 53);

/** What a machine writes down. @param {(to: Plain) => unknown} write @returns {any[]} */
export function written(write) {
  /** @type {Plain} */
  const row = [];
  write(row);
  return row;
}

/** The text of a body, or undefined if it is longer than is read. @param {Response} response */
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

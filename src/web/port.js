// A machine's port to the browser: requests, one timer, its socket, and the messages that it knows by number alone.
//
// Here and not in Rust, because JavaScript needs a fraction of the bytes for it. Nothing is decided here.
// Rules: what the browser throws goes no further, since it may quote what it was given, and must not unwind through the wasm. What is
// heard is heard later, never within a call of the machine. What traps in the wasm ends this port, and no other.

// Made of src/proto/contract by `cargo xtask contract`.
// <contract>
const HEARD_MESSAGE = 0, HEARD_OPENED = 1, HEARD_FAILED = 2, HEARD_CLOSED = 3, HEARD_ANSWERED = 4, HEARD_RANG = 5, HEARD_REFUSED = 6, HEARD_PROVIDED = 10, HEARD_TOLD = 11, HEARD_PAGE = 12;
const HTTP_END_RESPONSE = 0, HTTP_END_FAILED = 1, HTTP_END_TOO_LONG = 2;
const PAGE_EVENT_FROZEN = 0, PAGE_EVENT_HIDDEN = 1, PAGE_EVENT_OFFLINE = 2, PAGE_EVENT_ONLINE = 3, PAGE_EVENT_RESUMED = 4, PAGE_EVENT_VISIBLE = 5;
const SOURCE_ANSWER_FAILED = 1;
const MAX_BODY = 1048576;
// </contract>

/** The longest delay that a timer takes (HTML: a signed 32-bit number); the machine asks again. */
const MAX_DELAY = 2 ** 31 - 1;

/**
 * Who is told when a machine has trapped, and may say so of its port.
 *
 * @typedef {{ port?: Port, broken(thrown: unknown): void }} Owner
 */

export class Port {
  /** @param {(what: number, id: number, data?: unknown) => void} hear @param {Owner | undefined} owner */
  constructor(hear, owner) {
    this.owner = owner;
    if (owner) owner.port = this;
    /** @type {typeof hear} */
    this.hear = (what, id, data) => {
      try {
        hear(what, id, data);
      } catch (thrown) {
        this.fail(thrown);
      }
    };
    /** @type {Map<number, () => void>} What ends a request. */
    this.requests = new Map();
    /** @type {Map<number, unknown>} */
    this.messages = new Map();
    /** @type {Map<number, WebSocket>} One, and at a handover two. */
    this.sockets = new Map();
    /** @type {Set<WeakRef<Port>>} Those that end with this one: a session's sockets. */
    this.others = new Set();
    /** @type {import('./tabs.js').Tabs | undefined} */
    this.tabs = undefined;
    this.deadline = -1;
    this.gone = new AbortController();
  }

  /** The machine has trapped: it is never called again, and nothing of its user goes out any more. @param {unknown} thrown */
  fail(thrown) {
    if (this.gone.signal.aborted) return;
    this.end();
    for (const other of this.others) other.deref()?.fail(thrown);
    this.owner?.broken(thrown);
  }

  /** Another port ends with this one. @param {Port} other */
  join(other) {
    for (const known of this.others) if (!known.deref()) this.others.delete(known);
    this.others.add(new WeakRef(other));
  }

  /** Says that something is in the machine's inbox. If that traps, whoever said so goes on. */
  wake() {
    this.hear(HEARD_TOLD, 0);
  }

  /**
   * Makes an HTTP request. An end is heard once, later: with status, Retry-After, Date and body, or without if there was no answer.
   *
   * @param {number} id @param {string} url @param {string} method @param {string | undefined} authorization
   * @param {string | undefined} type The media type of the body. @param {string | undefined} body
   * @param {boolean} cookies Whether cookies go along. @param {boolean} keepalive Whether it outlives the page; then nothing ends it.
   */
  request(id, url, method, authorization, type, body, cookies, keepalive) {
    if (this.gone.signal.aborted) return;
    const abort = new AbortController();
    /** @type {Record<string, string>} */
    const headers = { accept: 'application/json' };
    if (authorization) headers.authorization = authorization;
    if (type) headers['content-type'] = type;
    const answer = async () => {
      const response = await fetch(url, {
        method, headers, body, keepalive, cache: 'no-store', redirect: 'error',
        credentials: cookies ? 'include' : 'omit', signal: keepalive ? null : abort.signal,
      });
      const text = await readText(response);
      return text === undefined ? HTTP_END_TOO_LONG : [response.status, response.headers.get('retry-after'), response.headers.get('date'), text];
    };
    this.requests.set(id, () => abort.abort());
    answer().then((end) => this.answered(id, end), () => this.answered(id, HTTP_END_FAILED));
  }

  /** @param {number} id @param {number | unknown[]} end */
  answered(id, end) {
    this.settle(id, HEARD_ANSWERED, typeof end === 'number' ? [end] : [HTTP_END_RESPONSE, ...end]);
  }

  /**
   * Asks the app's own source of tokens: `Surroundings` in src/web/session.rs.
   *
   * @param {number} id @param {string} reason
   * @param {(reason: string, done: (kind: number, tokens?: unknown[]) => void) => () => void} source
   */
  ask(id, reason, source) {
    if (this.gone.signal.aborted) return;
    this.requests.set(id, () => {});
    /** @param {number} kind @param {unknown[]} [tokens] */
    const done = (kind, tokens = []) => queueMicrotask(() => this.settle(id, HEARD_PROVIDED, [kind, ...tokens]));
    try {
      const end = source(reason, done);
      if (this.requests.has(id)) this.requests.set(id, end);
    } catch {
      // As one that fails later: in passing.
      done(SOURCE_ANSWER_FAILED);
    }
  }

  /** @param {number} id @param {number} what @param {unknown} [data] */
  settle(id, what, data) {
    // One that was ended is not heard of any more.
    if (this.requests.delete(id)) this.hear(what, id, data);
  }

  /** @param {number} id */
  abort(id) {
    const end = this.requests.get(id);
    this.requests.delete(id);
    attempt(() => end?.());
  }

  /** Sets the timer, to a time of `performance.now()`, or below 0 stops it. @param {number} deadline */
  alarm(deadline) {
    if (deadline === this.deadline) return;
    clearTimeout(this.timer);
    this.deadline = deadline;
    if (deadline < 0 || this.gone.signal.aborted) return;
    const ring = () => {
      this.deadline = -1;
      this.hear(HEARD_RANG, 0);
    };
    // The machine's clock is cut to whole milliseconds, so one more makes sure that the deadline has passed.
    this.timer = setTimeout(ring, Math.min(Math.max(deadline - Math.floor(performance.now()), 0) + 1, MAX_DELAY));
  }

  /**
   * Dials. The listeners are there before the browser can say anything. A socket that it refuses to make is heard of later, as one is that it
   * refuses to open.
   *
   * @param {number} id @param {string} url @param {string[]} protocols @param {BinaryType} binaryType
   */
  open(id, url, protocols, binaryType) {
    if (this.gone.signal.aborted) return;
    const { hear } = this;
    try {
      const socket = new WebSocket(url, protocols);
      this.sockets.set(id, socket);
      socket.binaryType = binaryType;
      socket.onopen = () => hear(HEARD_OPENED, id, socket.protocol);
      socket.onmessage = ({ data }) => hear(HEARD_MESSAGE, id, data);
      socket.onerror = () => hear(HEARD_FAILED, id);
      socket.onclose = ({ code, reason, wasClean }) => {
        this.leave(id);
        hear(HEARD_CLOSED, id, [code, reason, wasClean]);
      };
    } catch {
      queueMicrotask(() => this.gone.signal.aborted || hear(HEARD_REFUSED, id));
    }
  }

  /** Stops listening to a socket, and returns it. @param {number} id */
  leave(id) {
    const socket = this.sockets.get(id);
    if (socket) socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
    this.sockets.delete(id);
    return socket;
  }

  /** Stops listening and closes; nothing is waited for. @param {number} id @param {number} code Checked before. @param {string} reason */
  close(id, code, reason) {
    attempt(() => this.leave(id)?.close(code, reason));
  }

  /** What may be read of a socket; its address holds the credential, where the scheme puts it there. @param {number} id */
  native(id) {
    const socket = this.sockets.get(id);
    return socket && { protocol: socket.protocol, extensions: socket.extensions, bufferedAmount: socket.bufferedAmount };
  }

  /** @param {BinaryType} type */
  setBinaryType(type) {
    for (const socket of this.sockets.values()) socket.binaryType = type;
  }

  /** Hands something to a socket, which nobody may ask after: what it does not take has been said to be taken. @param {number} id @param {any} data */
  write(id, data) {
    attempt(() => this.sockets.get(id)?.send(data));
  }

  /** Keeps a message as it is now, until it is dropped: the app may write over its bytes, or give them away. @param {number} message @param {unknown} data */
  keep(message, data) {
    this.messages.set(message, copied(data));
  }

  /** Hands a message that is kept to a socket. @param {number} id @param {number} message */
  sendKept(id, message) {
    this.write(id, this.messages.get(message));
  }

  /** Those of these messages that are kept. @param {number[]} messages */
  kept(messages) {
    return messages.filter((message) => this.messages.has(message)).map((message) => this.messages.get(message));
  }

  /** @param {number[]} messages */
  drop(messages) {
    for (const message of messages) this.messages.delete(message);
  }

  /** Opens the store that tabs share. @param {(hear: (what: number, id: number, data?: unknown) => void) => import('./tabs.js').Tabs} store */
  share(store) {
    this.tabs = attempt(() => store((what, id, data) => this.hear(what, id, data)));
  }

  /** Does something with the store, if there is one. @param {'read' | 'write' | 'erase' | 'lock' | 'unlock'} what @param {any} [argument] */
  onStore(what, argument) {
    attempt(() => this.tabs?.[what](argument));
  }

  /** Hears of the page and of the computer's network from now on, and how they are. */
  watch() {
    watchPage((event) => this.hear(HEARD_PAGE, event), this.gone.signal);
  }

  /** Nothing is heard any more. */
  end() {
    this.hear = () => {};
    this.gone.abort();
    for (const id of [...this.requests.keys()]) this.abort(id);
    attempt(() => this.alarm(-1));
    for (const id of [...this.sockets.keys()]) this.close(id, 1000, '');
    this.messages.clear();
    attempt(() => this.tabs?.close());
  }
}

/** What the browser throws here says nothing that the machine does not learn otherwise. @template T @param {() => T} call @returns {T | undefined} */
function attempt(call) {
  try {
    return call();
  } catch {
    return undefined;
  }
}

/** The text of a body, or undefined if it is longer than is read. @param {Response} response */
async function readText(response) {
  const reader = response.body?.getReader();
  if (!reader) return '';
  const decoder = new TextDecoder();
  let text = '';
  for (let length = 0; ;) {
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

/** Calls with what becomes of the page, and with how it is, until the signal. A worker has no page. @param {(event: number) => void} call @param {AbortSignal} signal */
function watchPage(call, signal) {
  const page = globalThis.document;
  /** @param {EventTarget | undefined} target @param {string} type @param {(event: any) => number | false} event */
  const on = (target, type, event) =>
    target?.addEventListener?.(type, (happened) => {
      const what = event(happened);
      if (what !== false) call(what);
    }, { signal });
  on(globalThis, 'offline', () => PAGE_EVENT_OFFLINE);
  on(globalThis, 'online', () => PAGE_EVENT_ONLINE);
  // A page in the back/forward cache is closed to the network, and so is one that the browser freezes.
  on(globalThis, 'pagehide', ({ persisted }) => persisted && PAGE_EVENT_FROZEN);
  on(globalThis, 'pageshow', ({ persisted }) => persisted && PAGE_EVENT_RESUMED);
  on(page, 'freeze', () => PAGE_EVENT_FROZEN);
  on(page, 'resume', () => PAGE_EVENT_RESUMED);
  on(page, 'visibilitychange', () => (page.hidden ? PAGE_EVENT_HIDDEN : PAGE_EVENT_VISIBLE));
  if (globalThis.navigator?.onLine === false) call(PAGE_EVENT_OFFLINE);
  if (page?.hidden) call(PAGE_EVENT_HIDDEN);
}

/** A message as it is now; of a view its part of the buffer. Of a buffer that was given away nothing is left, as for `WebSocket.send`. @param {any} data */
const copied = (data) =>
  attempt(() => (data.buffer ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) : data.byteLength === undefined ? data : data.slice())) ?? new ArrayBuffer(0);

/** The length of a message: of a text in UTF-16 units, of anything else in bytes. @param {any} data @returns {number} */
export const lengthOf = (data) => attempt(() => data.byteLength ?? data.size ?? data.length) ?? 0;

/** A message as the app wants it: one that was read arrives as bytes. @param {any} data @param {boolean} takesBuffers */
export const wanted = (data, takesBuffers) => (takesBuffers || !(data instanceof ArrayBuffer) ? data : new Blob([data]));

/** The text of a message: also of an `ArrayBuffer`, in which some servers send theirs. A blob does not show its own at once. @param {any} data @returns {string | undefined} */
export const textOf = (data) => attempt(() => (typeof data === 'string' ? data : new TextDecoder().decode(data)));

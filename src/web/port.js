// A machine's port to the browser: requests, one timer, its socket, and the messages that wait for it.
//
// Here and not in Rust, because JavaScript needs a fraction of the bytes for it. Nothing is decided here. Nothing throws either: what
// the browser throws may quote what it was given.

/** The longest delay that a timer takes (HTML: a signed 32-bit number); the machine asks again. */
const MAX_DELAY = 2 ** 31 - 1;

/** How much of what may not have arrived is kept for the app, and for how long: what a server says so much later shows that all was well. */
const MAX_UNHEARD = 1_000, MAX_UNHEARD_BYTES = 2 ** 20, DOUBT = 5_000;

/** What is heard: the order of `Heard` in src/web/port.rs. */
const MESSAGE = 0, OPENED = 1, FAILED = 2, CLOSED = 3, ANSWERED = 4, RANG = 5, REFUSED = 6, PROVIDED = 10, PAGE = 13;

/** What becomes of the page: the order of `PageEvent` in src/proto/connection/io.rs. */
const FROZEN = 0, HIDDEN = 1, OFFLINE = 2, ONLINE = 3, RESUMED = 4, VISIBLE = 5;

export class Port {
  /** @param {(what: number, id: number, data?: unknown) => void} hear */
  constructor(hear) {
    this.hear = hear;
    /** @type {Map<number, () => void>} What ends a request. */
    this.requests = new Map();
    /** @type {Map<number, unknown>} */
    this.messages = new Map();
    /** @type {Map<number, WebSocket>} One, and at a handover two. */
    this.sockets = new Map();
    this.deadline = -1;
    /** @type {[number | undefined, any, number][]} What was sent and may not have arrived: its number if it is kept, and when. */
    this.unheard = [];
    this.unheardBytes = 0;
    this.gone = new AbortController();
  }

  /**
   * Makes an HTTP request. An end is heard once, later: with status, Retry-After, Date and body, or without if there was no answer.
   *
   * @param {number} id @param {string} url @param {string} method @param {string | undefined} authorization
   * @param {string | undefined} type The media type of the body. @param {string | undefined} body
   * @param {boolean} cookies Whether cookies go along. @param {boolean} keepalive Whether it outlives the page; then nothing ends it.
   */
  request(id, url, method, authorization, type, body, cookies, keepalive) {
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
      return [response.status, response.headers.get('retry-after'), response.headers.get('date'), await response.text()];
    };
    this.requests.set(id, () => abort.abort());
    answer().then((parts) => this.settle(id, ANSWERED, parts), () => this.settle(id, ANSWERED));
  }

  /**
   * Asks the app's own source of tokens: `Surroundings` in src/web/session.rs.
   *
   * @param {number} id @param {string} reason
   * @param {(reason: string, done: (kind: number, tokens?: unknown) => void) => () => void} source
   */
  ask(id, reason, source) {
    this.requests.set(id, () => {});
    try {
      const end = source(reason, (kind, tokens) => this.settle(id, PROVIDED + kind, tokens));
      if (this.requests.has(id)) this.requests.set(id, end);
    } catch {
      // As one that fails later: in passing.
      queueMicrotask(() => this.settle(id, PROVIDED + 1));
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
    end?.();
  }

  /** Sets the timer, to a time of `performance.now()`, or below 0 stops it. @param {number} deadline */
  alarm(deadline) {
    if (deadline === this.deadline) return;
    clearTimeout(this.timer);
    this.deadline = deadline;
    if (deadline < 0) return;
    const ring = () => {
      this.deadline = -1;
      this.hear(RANG, 0);
    };
    // The machine's clock is cut to whole milliseconds, so one more makes sure that the deadline has passed.
    this.timer = setTimeout(ring, Math.min(Math.max(deadline - Math.floor(performance.now()), 0) + 1, MAX_DELAY));
  }

  /**
   * Dials. The listeners are there before the browser can say anything.
   *
   * @param {number} id @param {string} url @param {string[]} protocols @param {BinaryType} binaryType
   */
  open(id, url, protocols, binaryType) {
    const { hear } = this;
    try {
      const socket = new WebSocket(url, protocols);
      this.sockets.set(id, socket);
      socket.binaryType = binaryType;
      socket.onopen = () => hear(OPENED, id, socket.protocol);
      socket.onmessage = ({ data }) => {
        if (this.unheard.length) this.heard();
        hear(MESSAGE, id, data);
      };
      socket.onerror = () => hear(FAILED, id);
      socket.onclose = ({ code, reason, wasClean }) => {
        this.leave(id);
        hear(CLOSED, id, [code, reason, wasClean]);
      };
    } catch {
      hear(REFUSED, id);
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
    this.leave(id)?.close(code, reason);
  }

  /** @param {number} id */
  native(id) {
    return this.sockets.get(id);
  }

  /** Hands a message to the socket, which nobody may ask after. One that it does not take has been said to be taken: the type is checked before. @param {number} id @param {any} data */
  write(id, data) {
    try {
      this.sockets.get(id)?.send(data);
    } catch {
      // Its type was checked, and a socket that is not open yet is not sent on.
    }
  }

  /** Hands a message of the app to the socket. @param {number} id @param {any} data @param {number} [message] If it is kept. */
  send(id, data, message) {
    this.write(id, data);
    this.unheard.push([message, copied(data), performance.now()]);
    this.unheardBytes += lengthOf(data);
    while (this.unheard.length > MAX_UNHEARD || this.unheardBytes > MAX_UNHEARD_BYTES) this.forget();
  }

  /** Those that were sent and may not have arrived, and are not sent again. */
  takeUnconfirmed() {
    const unheard = this.unheard.filter(([message]) => message === undefined || !this.messages.has(message));
    this.unheard = [];
    this.unheardBytes = 0;
    return unheard.map(([, data]) => data);
  }

  /** The server is there, so what was sent a while ago is taken to have arrived. What it says may have crossed what was sent since. */
  heard() {
    const since = performance.now() - DOUBT;
    while (this.unheard[0]?.[2] < since) this.forget();
  }

  /** Forgets the first of them; engines do that without moving the others. */
  forget() {
    this.unheardBytes -= lengthOf(this.unheard.shift()?.[1]);
  }

  /** Keeps a message until it is sent or dropped. @param {number} message @param {unknown} data */
  keep(message, data) {
    this.messages.set(message, data);
  }

  /** Hands a message that was kept to the socket. @param {number} id @param {number} message @param {boolean} keep */
  sendKept(id, message, keep) {
    this.send(id, this.messages.get(message), message);
    if (!keep) this.messages.delete(message);
  }

  /** @param {number} message @param {boolean} isConfirmed Then it is not in doubt any more. */
  drop(message, isConfirmed) {
    this.messages.delete(message);
    const place = isConfirmed ? this.unheard.findIndex(([number]) => number === message) : -1;
    if (place >= 0) this.unheardBytes -= lengthOf(this.unheard.splice(place, 1)[0][1]);
  }

  /** Hears of the page and of the computer's network from now on, and how they are. A worker has no page. */
  watch() {
    const page = globalThis.document;
    const { signal } = this.gone;
    /** @param {EventTarget | undefined} target @param {string} type @param {(event: any) => number | false} event */
    const on = (target, type, event) =>
      target?.addEventListener?.(type, (happened) => {
        const what = event(happened);
        if (what !== false) this.hear(PAGE, what);
      }, { signal });
    on(globalThis, 'offline', () => OFFLINE);
    on(globalThis, 'online', () => ONLINE);
    // A page that is put aside (bfcache) is closed to the network, and so is one that the browser freezes.
    on(globalThis, 'pagehide', ({ persisted }) => persisted && FROZEN);
    on(globalThis, 'pageshow', ({ persisted }) => persisted && RESUMED);
    on(page, 'freeze', () => FROZEN);
    on(page, 'resume', () => RESUMED);
    on(page, 'visibilitychange', () => (page.hidden ? HIDDEN : VISIBLE));
    if (globalThis.navigator?.onLine === false) this.hear(PAGE, OFFLINE);
    if (page?.hidden) this.hear(PAGE, HIDDEN);
  }

  /** Nothing is heard any more. */
  end() {
    this.hear = () => {};
    this.gone.abort();
    for (const end of this.requests.values()) end();
    this.alarm(-1);
    for (const id of this.sockets.keys()) this.close(id, 1000, '');
  }
}

/** A message as it is now: the app may write over its bytes. @param {any} data */
const copied = (data) =>
  data.buffer ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) : data.byteLength === undefined ? data : data.slice();

/** The length of a message: of a text in UTF-16 units, of anything else in bytes. @param {any} data */
export const lengthOf = (data) => data.byteLength ?? data.size ?? data.length;

/** The text of a message: also of an `ArrayBuffer`, in which some servers send theirs. A blob does not show its own at once. @param {any} data */
export function textOf(data) {
  try {
    return typeof data === 'string' ? data : new TextDecoder().decode(data);
  } catch {
    return undefined;
  }
}

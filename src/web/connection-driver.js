// Drives a connection: its sockets, its requests, its timer, and the payloads of messages, which the machine knows by number.

import { Driver, attempt, written } from './driver.js';
import { Lane } from './lane.js';

// Made of src/proto/contract by `cargo xtask contract`.
// <contract>
const CONNECTION_INPUT_CLOSE = 0;
const CONNECTION_INPUT_CONNECT = 1;
const CONNECTION_INPUT_HTTP = 2;
const CONNECTION_INPUT_INSPECTED = 3;
const CONNECTION_INPUT_PAGE = 4;
const CONNECTION_INPUT_SOCKET_CLOSED = 6;
const CONNECTION_INPUT_SOCKET_ERROR = 7;
const CONNECTION_INPUT_SOCKET_OPENED = 8;
const CONNECTION_INPUT_SOCKET_REFUSED = 9;
const CONNECTION_INPUT_TIMEOUT = 10;
const CONNECTION_INPUT_TOO_LONG = 13;
const CONNECTION_INPUT_ANSWERED = 14;
const CONNECTION_OUTPUT_ABORT_FETCH = 0;
const CONNECTION_OUTPUT_CLOSE_SOCKET = 1;
const CONNECTION_OUTPUT_CLOSED = 2;
const CONNECTION_OUTPUT_DELIVER = 3;
const CONNECTION_OUTPUT_DISCARD = 4;
const CONNECTION_OUTPUT_FETCH = 5;
const CONNECTION_OUTPUT_MESSAGE = 6;
const CONNECTION_OUTPUT_OPEN = 7;
const CONNECTION_OUTPUT_OPENED = 8;
const CONNECTION_OUTPUT_SEND = 9;
const CONNECTION_OUTPUT_SEND_TEXT = 10;
const CONNECTION_OUTPUT_STATE_CHANGED = 11;
const CONNECTION_OUTPUT_CANCEL_TOKEN_REQUEST = 12;
const CONNECTION_OUTPUT_REQUEST_TOKEN = 13;
const CONNECTION_OUTPUT_ASK = 14;
const CONNECTION_OUTPUT_HANDED_OVER = 15;
const CONNECTION_OUTPUT_LANE = 16;
const FRAMING_BINARY = 2;
const PAGE_EVENT_FROZEN = 0;
const PAGE_EVENT_HIDDEN = 1;
const PAGE_EVENT_LEAVING = 6;
const PAGE_EVENT_OFFLINE = 2;
const PAGE_EVENT_ONLINE = 3;
const PAGE_EVENT_RESUMED = 4;
const PAGE_EVENT_VISIBLE = 5;
const RECEIVE_ANSWER_DELIVER = 0;
const RECEIVE_ANSWER_INSPECT = 2;
const RECEIVE_ANSWER_TOO_LONG = 3;
const SEND_ANSWER_NOW = 0;
const SEND_ANSWER_UNCONFIRMED = 1;
const SEND_ANSWER_DROPPED = 3;
const SEND_ANSWER_CLOSED = 4;
const SEND_ANSWER_QUEUE_FULL = 5;
// </contract>

/**
 * @typedef {import('./driver.js').Plain} Plain
 * @typedef {import('./session-driver.js').SessionDriver} SessionDriver
 *
 * @typedef {object} OfConnection The further methods of a connection's core.
 * @property {(instant: number, message: number, length: number, text?: string, ttl?: number) => number} send
 * @property {(instant: number, socket: number, length: number) => number} received
 * @property {(received: number, heard: number, sent: number, doubted: number[]) => void} pass
 * @property {() => number | undefined} socket
 * @property {() => boolean} reads
 * @property {() => boolean} confirms
 * @property {(to: Plain) => void} stats
 *
 * @typedef {object} Sink The callbacks for events and messages. They do not throw.
 * @property {boolean} takesBuffers Whether binary messages should arrive as ArrayBuffers.
 * @property {(thrown: unknown) => void} broken
 * @property {(call: number, url: string, init: RequestInit) => Promise<Response>} [send]
 * @property {(question: number, asked: { token?: string, authorization?: string, said?: string, protocol: string, socket: number, signal: AbortSignal, send: (data: unknown) => boolean }) => Promise<unknown>} [ask] Asks a function of the app: a `Question`.
 * @property {new (url: string, protocols: string[]) => WebSocket} [webSocket] The class to dial with.
 * @property {(socket: WebSocket) => void} [dialled] A native socket was made.
 * @property {() => void} opened
 * @property {() => void} [handedOver]
 * @property {(socket: number) => void} [gone] Nothing arrives on a socket any more.
 * @property {(message: number, status: number) => void} status
 * @property {(code: number, reason: string, wasClean: boolean) => void} closed
 * @property {(change: any[], unconfirmed: unknown[]) => void} changed The parts of a change, and the unconfirmed messages.
 * @property {(data: unknown, socket: number) => void} message
 */

/** The browser's own class: an app may put one of ours in its place. */
const Native = globalThis.WebSocket;

/** The prototypes of our classes for libraries, which dial by this driver. @type {WeakSet<object>} */
export const ours = new WeakSet();

/** Whether a class is one of ours, extends one or wraps one. @param {{ prototype: object } | undefined} Class */
function isOurs(Class) {
  for (let proto = Class?.prototype; proto; proto = Object.getPrototypeOf(proto)) if (ours.has(proto)) return true;
  return false;
}

/** @extends {Driver<import('./driver.js').Core & OfConnection, Sink>} */
export class ConnectionDriver extends Driver {
  /** @param {import('./driver.js').Core & OfConnection} core @param {SessionDriver | undefined} session @param {Sink} owner */
  constructor(core, session, owner) {
    super(core, owner, CONNECTION_INPUT_TIMEOUT, CONNECTION_INPUT_HTTP);
    this.session = session;
    /** @type {Map<number, unknown>} */
    this.messages = new Map();
    /** @type {Map<number, WebSocket>} One, and at a handover two. */
    this.sockets = new Map();
    this.isSending = false;
    /** Until the machine is called again. @type {Lane | undefined} */
    this.lane = undefined;
    // Only while there is a socket: a page with such a listener may not be kept for `back`.
    this.leave = () => this.handle(CONNECTION_INPUT_PAGE, PAGE_EVENT_LEAVING);
    /** @type {[data: unknown, socket: number]} The message that the machine reads, and its socket. */
    this.inspected = [undefined, 0];
    this.reads = core.reads();
    this.confirms = core.confirms();
    this.requester = session?.join(this) ?? 0;
    watchPage((event) => this.handle(CONNECTION_INPUT_PAGE, event), this.ended.signal);
  }

  connect() {
    this.input(CONNECTION_INPUT_CONNECT);
  }

  /** Closes permanently. @param {number} code Checked before. @param {string} reason */
  close(code, reason) {
    this.input(CONNECTION_INPUT_CLOSE, 0, [code, reason]);
  }

  /**
   * Takes a message. Returns a `SendAnswer`.
   *
   * @param {number} message Its number, higher than that of the one before. @param {unknown} data @param {number} [ttl] How long it may wait, in milliseconds.
   */
  send(message, data, ttl) {
    const { lane } = this;
    if (lane) {
      const copy = copied(data);
      this.isSending = true;
      lane.send(message, copy, lengthOf(copy));
      this.isSending = false;
      return SEND_ANSWER_NOW;
    }
    return this.guarded(() => {
      const text = this.confirms ? textOf(data) : undefined;
      const answer = this.core.send(performance.now(), message, lengthOf(data), text, ttl);
      if (answer === SEND_ANSWER_CLOSED || answer === SEND_ANSWER_QUEUE_FULL) return answer;
      if (answer !== SEND_ANSWER_DROPPED) this.messages.set(message, copied(data));
      // The outbox was emptied before the connection was reported, so order is kept.
      this.isSending = true;
      if (answer === SEND_ANSWER_NOW || answer === SEND_ANSWER_UNCONFIRMED)
        this.write(this.core.socket(), this.messages.get(message));
      this.isSending = false;
      this.performOutputs();
      return answer;
    });
  }

  /** The counters, by their places. */
  stats() {
    return this.guarded(() => {
      const counts = written((to) => this.core.stats(to))[0];
      this.performOutputs();
      return counts;
    });
  }

  /** Calls the machine; what has passed it by is told first. @template T @param {() => T} call @returns {T | undefined} */
  guarded(call) {
    return super.guarded(() => {
      const { lane } = this;
      this.lane = undefined;
      if (lane) {
        const doubted = lane.doubted();
        for (const { id, data } of doubted) this.messages.set(id, data);
        const parts = doubted.flatMap(({ id, length, at }) => [id, length, at]);
        this.core.pass(lane.received, lane.heard, lane.sent, parts);
      }
      return call();
    });
  }

  /** The public properties of the present WebSocket. Its URL may contain the credential and is left out. */
  native() {
    const { lane } = this;
    const socket = lane ? lane.socket : this.guarded(() => this.sockets.get(this.core.socket() ?? -1));
    return attempt(
      () =>
        socket && { protocol: socket.protocol, extensions: socket.extensions, bufferedAmount: socket.bufferedAmount },
    );
  }

  /** Sets how binary messages arrive on the present sockets. Later sockets ask the sink. @param {boolean} takesBuffers */
  setBinaryType(takesBuffers) {
    if (!this.reads)
      for (const socket of this.sockets.values()) attempt(() => (socket.binaryType = binaryType(takesBuffers)));
  }

  /** The app has dropped it. */
  release() {
    attempt(() => this.close(1000, ''));
    this.end();
  }

  end() {
    // First: a function of the app that is aborted may send.
    this.lane = undefined;
    super.end();
    for (const id of [...this.sockets.keys()]) this.closeSocket(id, 1000, '');
    this.messages.clear();
  }

  /** @param {number} what @param {any[]} given */
  perform(what, given) {
    const [first, second, third] = given;
    switch (what) {
      case CONNECTION_OUTPUT_ABORT_FETCH:
        return this.abort(first);
      case CONNECTION_OUTPUT_ASK:
        return this.ask(given);
      case CONNECTION_OUTPUT_CLOSE_SOCKET:
        return this.closeSocket(first, second, third);
      case CONNECTION_OUTPUT_CLOSED:
        return this.owner.closed(first, second, third);
      case CONNECTION_OUTPUT_DELIVER:
        return this.deliver(...this.inspected);
      case CONNECTION_OUTPUT_DISCARD:
        return first.forEach((/** @type {number} */ message) => this.messages.delete(message));
      case CONNECTION_OUTPUT_FETCH:
        return this.request(given);
      case CONNECTION_OUTPUT_HANDED_OVER:
        return this.owner.handedOver?.();
      case CONNECTION_OUTPUT_LANE: {
        const socket = this.sockets.get(first);
        this.lane = socket && new Lane(first, socket, second);
        return;
      }
      case CONNECTION_OUTPUT_MESSAGE:
        return this.owner.status(first, second);
      case CONNECTION_OUTPUT_OPEN:
        return this.open(first, second, third);
      case CONNECTION_OUTPUT_OPENED:
        return this.owner.opened();
      case CONNECTION_OUTPUT_SEND:
        return this.write(first, this.messages.get(second));
      case CONNECTION_OUTPUT_SEND_TEXT:
        return this.write(first, third === FRAMING_BINARY ? new TextEncoder().encode(second) : second);
      case CONNECTION_OUTPUT_STATE_CHANGED:
        return this.owner.changed(
          first,
          second
            .filter((/** @type {number} */ id) => this.messages.has(id))
            .map((/** @type {number} */ id) => this.messages.get(id)),
        );
      case CONNECTION_OUTPUT_CANCEL_TOKEN_REQUEST:
        return this.session?.cancelTokenRequest(this.requester);
      case CONNECTION_OUTPUT_REQUEST_TOKEN:
        return this.session?.requestToken(this.requester, given);
      default:
        return super.perform(what, given);
    }
  }

  /**
   * Asks a function of the app. Its end is handled once, later.
   *
   * @param {any[]} given The number of the request, a `Question`, the socket that waits, the token alone and as `Authorization`, and what the server has said.
   */
  ask([request, question, socket, token, authorization, said]) {
    const abort = new AbortController();
    const { signal } = abort;
    this.requests.set(request, () => abort.abort());
    /** @param {unknown} data */
    const send = (data) => {
      const waits = this.requests.has(request) && this.sockets.has(socket);
      if (waits) this.write(socket, data);
      return waits;
    };
    const protocol = this.sockets.get(socket)?.protocol ?? '';
    const answer = async () =>
      this.owner.ask?.(question, { token, authorization, said, protocol, socket, signal, send });
    answer()
      .catch(() => undefined)
      .then((answer) => this.requestEnded(request, CONNECTION_INPUT_ANSWERED, answer));
  }

  /**
   * Opens a socket. The listeners are set before the browser can fire an event. A refused construction is handled later, as a refused handshake is.
   *
   * @param {number} id @param {string} url @param {string[]} protocols
   */
  open(id, url, protocols) {
    const Socket = this.owner.webSocket ?? (isOurs(globalThis.WebSocket) ? Native : globalThis.WebSocket);
    try {
      const socket = new Socket(url, protocols);
      this.sockets.set(id, socket);
      this.owner.dialled?.(socket);
      attempt(() => addEventListener('beforeunload', this.leave));
      socket.binaryType = binaryType(this.reads || this.owner.takesBuffers);
      socket.onopen = () => this.later(() => this.input(CONNECTION_INPUT_SOCKET_OPENED, id, socket.protocol));
      socket.onmessage = ({ data }) => {
        const { lane } = this;
        if (lane?.id === id && !this.isSending && lengthOf(data) <= lane.longest) this.pass(lane, data);
        else this.later(() => this.received(id, data));
      };
      socket.onerror = () => this.later(() => this.input(CONNECTION_INPUT_SOCKET_ERROR, id));
      socket.onclose = ({ code, reason, wasClean }) =>
        this.later(() => {
          this.detach(id);
          this.input(CONNECTION_INPUT_SOCKET_CLOSED, id, [code, reason, wasClean]);
        });
    } catch {
      queueMicrotask(() => this.handle(CONNECTION_INPUT_SOCKET_REFUSED, id, typeof Socket === 'function'));
    }
  }

  /** Handles an event of a socket. A test double may fire it within a call of this driver; it is then handled later. @param {() => void} handle */
  later(handle) {
    if (this.isRunning || this.isSending) queueMicrotask(() => attempt(handle));
    else attempt(handle);
  }

  /** @param {number} socket @param {unknown} data */
  received(socket, data) {
    this.guarded(() => {
      const length = lengthOf(data);
      const answer = this.core.received(performance.now(), socket, length);
      if (answer === RECEIVE_ANSWER_DELIVER) this.deliver(data, socket);
      if (answer === RECEIVE_ANSWER_TOO_LONG) this.input(CONNECTION_INPUT_TOO_LONG, socket, length);
      if (answer === RECEIVE_ANSWER_INSPECT) {
        this.inspected = [data, socket];
        this.input(CONNECTION_INPUT_INSPECTED, socket, textOf(data));
        this.inspected = [undefined, 0];
      }
      this.performOutputs();
    });
  }

  /** Delivers a message that nobody has to look at. @param {Lane} lane @param {unknown} data */
  pass(lane, data) {
    lane.hear();
    try {
      this.deliver(data, lane.id);
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  /** Delivers a message to the app. A message that was read has arrived as bytes and may have to become a Blob. @param {unknown} data @param {number} socket */
  deliver(data, socket) {
    const isBlob = this.reads && data instanceof ArrayBuffer && !this.owner.takesBuffers;
    this.owner.message(isBlob ? new Blob([data]) : data, socket);
  }

  /** Removes the listeners of a socket, and returns it. @param {number} id */
  detach(id) {
    const socket = this.sockets.get(id);
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      // An error without a listener ends a process of Node (the package `ws`).
      socket.onerror = () => {};
    }
    this.sockets.delete(id);
    this.owner.gone?.(id);
    if (this.sockets.size === 0) attempt(() => removeEventListener('beforeunload', this.leave));
    return socket;
  }

  /** Removes the listeners and closes the socket, without waiting. @param {number} id @param {number} code Checked before. @param {string} reason */
  closeSocket(id, code, reason) {
    attempt(() => this.detach(id)?.close(code, reason));
  }

  /** Sends on a socket and ignores a failure: the caller was already told that the message was accepted. @param {number | undefined} id @param {any} data */
  write(id, data) {
    attempt(() => this.sockets.get(id ?? -1)?.send(data));
  }
}

/** @param {boolean} takesBuffers @returns {BinaryType} */
const binaryType = (takesBuffers) => (takesBuffers ? 'arraybuffer' : 'blob');

/** Calls back with changes of the page, and its present state, until the signal. A worker has no page. @param {(event: number) => void} call @param {AbortSignal} signal */
function watchPage(call, signal) {
  const page = globalThis.document;
  /** @param {EventTarget | undefined} target @param {string} type @param {(event: any) => number | false} event */
  const on = (target, type, event) =>
    target?.addEventListener?.(
      type,
      (happened) => {
        const what = event(happened);
        if (what !== false) call(what);
      },
      { signal },
    );
  on(globalThis, 'offline', () => PAGE_EVENT_OFFLINE);
  on(globalThis, 'online', () => PAGE_EVENT_ONLINE);
  // A page in the back/forward cache, or a frozen page, has no network.
  on(globalThis, 'pagehide', ({ persisted }) => persisted && PAGE_EVENT_FROZEN);
  on(globalThis, 'pageshow', ({ persisted }) => persisted && PAGE_EVENT_RESUMED);
  on(page, 'freeze', () => PAGE_EVENT_FROZEN);
  on(page, 'resume', () => PAGE_EVENT_RESUMED);
  on(page, 'visibilitychange', () => (page.hidden ? PAGE_EVENT_HIDDEN : PAGE_EVENT_VISIBLE));
  if (globalThis.navigator?.onLine === false) call(PAGE_EVENT_OFFLINE);
  if (page?.hidden) call(PAGE_EVENT_HIDDEN);
}

/**
 * Copies a message, because the app may change or transfer its bytes. A detached buffer is empty, as for `WebSocket.send`.
 *
 * @param {any} data A text, a Blob, an ArrayBuffer or a view of one. @returns {string | Blob | ArrayBuffer}
 */
export function copied(data) {
  if (typeof data === 'string' || data instanceof Blob) return data;
  const bytes = attempt(() =>
    ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data),
  );
  return new Uint8Array(bytes ?? []).buffer;
}

/** The length of a message: of a string in UTF-16 units, otherwise in bytes. @param {any} data @returns {number} */
export const lengthOf = (data) =>
  typeof data === 'string' ? data.length : (attempt(() => data.byteLength ?? data.size) ?? 0);

/** The text of a message, also of an `ArrayBuffer`, which some servers send. A Blob cannot be read synchronously. @param {any} data @returns {string | undefined} */
const textOf = (data) => attempt(() => (typeof data === 'string' ? data : new TextDecoder().decode(data)));

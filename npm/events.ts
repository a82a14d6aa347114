// Events of a socket, and listeners typed by them.

import type { GatepassError } from './errors.js';

/**
 * `idle` until it has begun; `connecting`, with a {@link Phase}; `connected`: accepted by the server, not merely open; `waiting` for the next try, at
 * `retryAt`; `suspended` until somebody signs in, or while the page stands still or has no network; `closed` until `reconnect()`.
 */
export type SocketState = 'idle' | 'connecting' | 'connected' | 'waiting' | 'suspended' | 'closed';
/** What is waited for while connecting: the session's `token`, a `ticket` (HTTP), the handshake (`opening`; also the `probe`), or the answer to the first message (`authenticating`). */
export type Phase = 'token' | 'ticket' | 'opening' | 'authenticating';

/** What a `statechange` tells. */
export interface StateChange {
  /** The state from now on. */
  state: SocketState;
  /** What is waited for, while connecting. */
  phase: Phase | undefined;
  /** The state before. */
  previous: SocketState;
  /** The close code that led here. */
  code: number | undefined;
  /** The close reason that led here. */
  reason: string | undefined;
  /** Which try this is, from 1 since the last connection that outlasted the widest wait (`backoff.cap`). */
  attempt: number;
  /** When the next try starts, in milliseconds since 1970, while waiting, or suspended without a network. */
  retryAt: number | undefined;
  /** What went wrong, if that led here. */
  error: GatepassError | undefined;
  /** How many queued messages were given up with this change. */
  discarded: number;
  /**
   * When a connection ends: what was handed to it and may not have arrived, and is not sent again. That is all of which nothing was heard
   * 5 s after it or later: what a server says sooner may have crossed it. Bytes are copies, as an ArrayBuffer. At most the last 1,000
   * messages, of 1 MiB together. With `confirm`, only those that have no id.
   */
  unconfirmed: unknown[];
  /** Whether the user is another, or gone: what the one of before was told is for nobody any more. */
  userChanged: boolean;
}

/** `statechange`: the state or the phase changed. */
export class StateChangeEvent extends Event implements StateChange {
  /** The state from now on. */
  declare readonly state: SocketState;
  declare readonly phase: Phase | undefined;
  /** The state before. */
  declare readonly previous: SocketState;
  declare readonly code: number | undefined;
  declare readonly reason: string | undefined;
  declare readonly attempt: number;
  declare readonly retryAt: number | undefined;
  declare readonly error: GatepassError | undefined;
  declare readonly discarded: number;
  declare readonly unconfirmed: unknown[];
  declare readonly userChanged: boolean;

  constructor(change: StateChange) {
    super('statechange');
    Object.assign(this, change);
  }
}

/** `error`: a try failed, or a connection was lost. What is done about it is in `error.disposition`. */
export class SocketErrorEvent extends Event {
  /** What failed. */
  declare readonly error: GatepassError;

  constructor(error: GatepassError) {
    super('error');
    Object.assign(this, { error });
  }
}

/** The events of an AuthSocket. */
export interface SocketEvents {
  /** A connection was accepted by the server: as of a WebSocket, but after each loss anew. */
  open: Event;
  /** A message of the server, as the browser gives it: `data` is a string, a `Blob` or an `ArrayBuffer`. */
  message: MessageEvent;
  /** A try failed, or a connection was lost. */
  error: SocketErrorEvent;
  /** A connection that was open has ended: `code`, `reason` and `wasClean` as of a WebSocket (RFC 6455, section 7.4). */
  close: CloseEvent;
  /** The state or the phase changed. */
  statechange: StateChangeEvent;
}

/** @internal A `close` event, also where there is no class of it (Node before 23). */
export function closeEvent(code: number, reason = '', wasClean = false): CloseEvent {
  if (typeof CloseEvent === 'function') return new CloseEvent('close', { code, reason, wasClean });
  return Object.assign(new Event('close'), { code, reason, wasClean });
}

/** @internal `onopen` and its like: one handler each. It keeps its place in the order when it is replaced (HTML, event handlers). */
export class Handlers {
  readonly #target: EventTarget;
  readonly #handlers = new Map<string, unknown>();

  constructor(target: EventTarget) {
    this.#target = target;
  }

  get<T>(type: string): T | null {
    return (this.#handlers.get(type) as T | undefined) ?? null;
  }

  set(type: string, handler: unknown): void {
    const callable = typeof handler === 'function' ? handler : null;
    if (!this.#handlers.has(type)) {
      if (callable === null) return;
      this.#target.addEventListener(type, (event) =>
        (this.#handlers.get(type) as EventListener | null)?.call(this.#target, event),
      );
    }
    this.#handlers.set(type, callable);
  }
}

/** @internal Calls. What is thrown, by whatever the page has made of events, is reported as a listener's own, and unwinds through nobody. */
export function reported(call: () => void): void {
  try {
    call();
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}

// Events of a socket, and listeners typed by them.

import type { GatepassError } from './errors.js';
import type { MessageErrorEvent, ResumeEvent } from './talk.js';

/**
 * `idle` before it starts; `connecting`, with a {@link Phase}; `connected`: accepted by the server, not merely open; `waiting` for the next try, at
 * `retryAt`; `suspended` until somebody signs in, or while the page is frozen or has no network (see {@link SuspendReason}); `closed` until `reconnect()`.
 */
export type SocketState = 'idle' | 'connecting' | 'connected' | 'waiting' | 'suspended' | 'closed';
/** The phase of a try: it waits for the app's own functions for the URL (`preparing`), the session's `token`, a `ticket` (HTTP), the handshake (`opening`; also the `probe`), the answer to the first message or the end of `onConnected` (`authenticating`). */
export type Phase = 'preparing' | 'token' | 'ticket' | 'opening' | 'authenticating';

/** What a suspended socket waits for: somebody to sign in, a network, or a page that is visible or not frozen any more. */
export type SuspendReason = 'sign-in' | 'offline' | 'hidden' | 'frozen';

/** The data of a `statechange`. */
export interface StateChange {
  /** The new state. */
  state: SocketState;
  /** The phase of the present try, while connecting. */
  phase: Phase | undefined;
  /** What it waits for, while suspended. */
  suspendedFor: SuspendReason | undefined;
  /** The previous state. */
  previous: SocketState;
  /** The close code that caused the change. */
  code: number | undefined;
  /** The close reason that caused the change. */
  reason: string | undefined;
  /** The number of the try, from 1 since the backoff was last reset. */
  attempt: number;
  /** When the next try starts, in milliseconds since 1970; while waiting, or suspended without a network. */
  retryAt: number | undefined;
  /** The failure that caused the change. */
  error: GatepassError | undefined;
  /** How many queued messages were dropped with this change. */
  dropped: number;
  /**
   * When a connection ends: messages that were handed to it, may not have arrived, and are not resent. A message is not listed if the server was heard
   * 5 s after it or later; an earlier answer may have crossed it. Bytes are copies, as an ArrayBuffer. At most the last 1,000 messages
   * and 1 MiB. With `confirm`, only messages without an id.
   */
  unconfirmed: unknown[];
  /** Whether the user has changed or signed out. Data of the previous user must not be shown any more. */
  userChanged: boolean;
}

/** An `EventTarget` whose events are typed by their names. */
export interface TypedEventTarget<Events> extends EventTarget {
  /** As `EventTarget.addEventListener`, with the event typed by its name. */
  addEventListener<K extends keyof Events>(
    type: K,
    listener: ((event: Events[K]) => unknown) | EventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  /** As in `EventTarget`. */
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  /** As `EventTarget.removeEventListener`, with the event typed by its name. */
  removeEventListener<K extends keyof Events>(
    type: K,
    listener: ((event: Events[K]) => unknown) | EventListenerObject | null,
    options?: EventListenerOptions | boolean,
  ): void;
  /** As in `EventTarget`. */
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: EventListenerOptions | boolean,
  ): void;
}

/** `statechange`: the state or the phase changed. */
export class StateChangeEvent extends Event implements StateChange {
  /** The new state. */
  declare readonly state: SocketState;
  declare readonly phase: Phase | undefined;
  declare readonly suspendedFor: SuspendReason | undefined;
  /** The previous state. */
  declare readonly previous: SocketState;
  declare readonly code: number | undefined;
  declare readonly reason: string | undefined;
  declare readonly attempt: number;
  declare readonly retryAt: number | undefined;
  declare readonly error: GatepassError | undefined;
  declare readonly dropped: number;
  declare readonly unconfirmed: unknown[];
  declare readonly userChanged: boolean;

  constructor(change: StateChange) {
    super('statechange');
    Object.assign(this, change);
  }
}

/** `error`: a try failed, or a connection was lost. `error.disposition` says what happens next. */
export class SocketErrorEvent extends Event {
  /** What failed. */
  declare readonly error: GatepassError;

  constructor(error: GatepassError) {
    super('error');
    Object.assign(this, { error });
  }
}

/** The events of an AuthSocket. */
export interface SocketEvents<In = any> {
  /** The server accepted a connection. It fires again after each reconnect. */
  open: Event;
  /** A message of the server, as in a WebSocket: `data` is a string, a `Blob` or an `ArrayBuffer`. */
  message: MessageEvent<In>;
  /** With a codec: a message could not be read, or does not fit. It was not delivered. */
  messageerror: MessageErrorEvent;
  /** With `resume`: the server goes on where the client was. */
  resumed: ResumeEvent;
  /** With `resume`: what lies between is lost; load your state again. */
  gap: ResumeEvent;
  /** A try failed, or a connection was lost. */
  error: SocketErrorEvent;
  /** An open connection has ended: `code`, `reason` and `wasClean` as in a WebSocket (RFC 6455, section 7.4). */
  close: CloseEvent;
  /** The state or the phase changed. */
  statechange: StateChangeEvent;
  /** With `handover`: another connection has taken over. The server knows nothing yet of what the old one had joined. */
  handover: Event;
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
    // Web IDL, [LegacyTreatNonObjectAsNull]: an object that is no function is kept, and not called.
    const kept = typeof handler === 'function' || typeof handler === 'object' ? handler : null;
    if (!this.#handlers.has(type)) {
      if (kept === null) return;
      this.#target.addEventListener(type, (event) => {
        const present = this.#handlers.get(type);
        if (typeof present === 'function') present.call(this.#target, event);
      });
    }
    this.#handlers.set(type, kept);
  }
}

/** @internal Gives a class `onopen` and its like, by the handlers of an instance. Getters and setters have the names that they have in a browser. */
export function addHandlers<T extends object>(prototype: T, of: (socket: T) => Handlers): void {
  for (const type of ['open', 'message', 'error', 'close']) {
    const name = `on${type}`;
    const accessors = {
      get [name](): unknown {
        return of(this as unknown as T).get(type);
      },
      set [name](handler: unknown) {
        of(this as unknown as T).set(type, handler);
      },
    };
    Object.defineProperty(prototype, name, Object.getOwnPropertyDescriptor(accessors, name)!);
  }
}

/** The four states of `readyState` (WHATWG WebSockets). */
export const STATES = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 } as const;

/** @internal Gives a class and its prototype the constants of a WebSocket, as Web IDL says. */
export function addStates(...owners: object[]): void {
  for (const owner of owners)
    for (const [name, value] of Object.entries(STATES)) Object.defineProperty(owner, name, { value, enumerable: true });
}

const warned = new Set<string>();

/** @internal Warns of something once in a page. */
export function warnOnce(text: string): void {
  if (!warned.has(text)) console.warn(`gatepass: ${text}`);
  warned.add(text);
}

/** @internal Calls a function. An exception is reported as an exception of a listener, and does not reach the caller. */
export function reported(call: () => void): void {
  try {
    call();
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}

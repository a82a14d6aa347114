// Events of a socket, and listeners typed by them.

import type { GatepassError } from './errors.js';

export type SocketState = 'idle' | 'connecting' | 'connected' | 'waiting' | 'suspended' | 'closed';
export type Phase = 'token' | 'ticket' | 'opening' | 'authenticating';

/** What a `statechange` tells. */
export interface StateChange {
  state: SocketState;
  /** What is waited for, while connecting. */
  phase: Phase | undefined;
  previous: SocketState;
  /** The close code that led here. */
  code: number | undefined;
  /** The close reason that led here. */
  reason: string | undefined;
  /** Which try this is, from 1 since the last stable connection. */
  attempt: number;
  /** When the next try starts, in milliseconds since 1970, while waiting. */
  retryAt: number | undefined;
  /** What went wrong, if that led here. */
  error: GatepassError | undefined;
  /** How many queued messages were given up with this change. */
  discarded: number;
}

/** `statechange`: the state or the phase changed. */
export class StateChangeEvent extends Event implements StateChange {
  declare readonly state: SocketState;
  declare readonly phase: Phase | undefined;
  declare readonly previous: SocketState;
  declare readonly code: number | undefined;
  declare readonly reason: string | undefined;
  declare readonly attempt: number;
  declare readonly retryAt: number | undefined;
  declare readonly error: GatepassError | undefined;
  declare readonly discarded: number;

  constructor(change: StateChange) {
    super('statechange');
    Object.assign(this, change);
  }
}

/** `error`: a try failed, or a connection was lost. What is done about it is in `error.disposition`. */
export class SocketErrorEvent extends Event {
  readonly error: GatepassError;

  constructor(error: GatepassError) {
    super('error');
    this.error = error;
  }
}

/** The events of an AuthSocket. */
export interface SocketEvents {
  open: Event;
  message: MessageEvent;
  error: SocketErrorEvent;
  close: CloseEvent;
  statechange: StateChangeEvent;
}

/** Adds `onopen` and its like to a target: one listener each, replaced by the next. */
export class Handlers {
  readonly #target: EventTarget;
  readonly #listeners = new Map<string, EventListener>();

  constructor(target: EventTarget) {
    this.#target = target;
  }

  get<T>(type: string): T | null {
    return (this.#listeners.get(type) as T | undefined) ?? null;
  }

  set(type: string, listener: unknown): void {
    const earlier = this.#listeners.get(type);
    if (earlier !== undefined) this.#target.removeEventListener(type, earlier);
    this.#listeners.delete(type);
    if (typeof listener === 'function') {
      this.#listeners.set(type, listener as EventListener);
      this.#target.addEventListener(type, listener as EventListener);
    }
  }
}

// What a session tells: its states, its events, and what an app shows of it.

import type { GatepassError } from './errors.js';
import type { SocketErrorEvent } from './events.js';

/** `loading` until the store and the call of `restore` have answered, if there are any; `signed-out` without a user; `signed-in` with a token; `refreshing` while the token is renewed; `expired` when it cannot be renewed any more. */
export type SessionState = 'loading' | 'signed-out' | 'signed-in' | 'refreshing' | 'expired';

/** What an app shows of a session. */
export interface SessionSnapshot {
  /** The state. */
  readonly state: SessionState;
  /** Whether it is not known yet if somebody is signed in: show neither the app nor the login. */
  readonly isLoading: boolean;
  /** Whether somebody is signed in; also while their token is renewed. */
  readonly isSignedIn: boolean;
  /** Why the session has ended, until somebody signs in. */
  readonly error: GatepassError | undefined;
}

/** @internal What is shown of a state. */
export const snapshotOf = (state: SessionState, error?: GatepassError): SessionSnapshot =>
  Object.freeze({
    state,
    isLoading: state === 'loading',
    isSignedIn: state === 'signed-in' || state === 'refreshing',
    error,
  });

/** @internal What is shown before the store is read. */
export const UNREAD = { loading: snapshotOf('loading'), 'signed-out': snapshotOf('signed-out') };

/** `change`: the state or the tokens changed. */
export class SessionChangeEvent extends Event {
  /** The new state. */
  declare readonly state: SessionState;
  /** Why the session has ended, if this change ended it. */
  declare readonly error: GatepassError | undefined;
}

/** The events of a Session. */
export interface SessionEvents {
  /** The state or the tokens changed. */
  change: SessionChangeEvent;
  /** The store failed (STORE_FAILED), the wasm could not be loaded (LOAD_FAILED) or failed unexpectedly (INTERNAL), or a renewal was refused, after which the session ends with its token. */
  error: SocketErrorEvent;
}

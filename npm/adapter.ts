/** What an app shows of a socket, for the frameworks: the error stays until it is connected again, and the next try is counted down. */

import type { GatepassError } from './errors.js';
import type { Phase, SocketState, StateChangeEvent } from './events.js';
import type { AuthSocket } from './socket.js';

/** @internal */
export interface Shown {
  state: SocketState;
  phase: Phase | undefined;
  /** What went wrong, until it is connected again. */
  error: GatepassError | undefined;
  /** Whole seconds until the next try, while it waits. */
  retryIn: number | undefined;
}

/** @internal A socket that has not begun. */
export const NOTHING: Shown = { state: 'idle', phase: undefined, error: undefined, retryIn: undefined };

/** @internal Tells what is to be shown, whenever it changes, and that the last message is for nobody any more, until the function that it returns is called. */
export function show(socket: AuthSocket, tell: (shown: Shown) => void, forget: () => void): () => void {
  let shown = NOTHING;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const count = (retryAt: number | undefined) => {
    clearTimeout(timer);
    const retryIn = retryAt === undefined ? undefined : Math.max(0, Math.ceil((retryAt - Date.now()) / 1_000));
    tell((shown = { ...shown, retryIn }));
    // Often enough that no second is skipped.
    if (retryAt !== undefined) timer = setTimeout(count, 250, retryAt);
  };
  const onChange = (change: StateChangeEvent) => {
    const { state, phase, error, retryAt, userChanged } = change;
    if (userChanged) forget();
    shown = { ...shown, state, phase, error: error ?? (state === 'connected' ? undefined : shown.error) };
    count(retryAt);
  };
  socket.addEventListener('statechange', onChange);
  return () => {
    clearTimeout(timer);
    socket.removeEventListener('statechange', onChange);
  };
}

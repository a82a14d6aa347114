// Waiting until what was sent has left. Loaded when somebody waits.

import { failure } from './errors.js';

interface Socket extends EventTarget {
  readonly state: string;
  readonly bufferedAmount: number;
  stats(): { queued: number };
}

/** How often the browser's own buffer is looked at, in milliseconds: it has no event (WHATWG WebSockets, `bufferedAmount`). */
const LOOK = 20;

/** @internal Resolves when no more than so many bytes wait, and if none may, no message either; rejects when the socket closes. */
export function drained(socket: Socket, most: number, error: () => unknown, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const isDone = () => socket.bufferedAmount <= most && (most > 0 || socket.stats().queued === 0);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const settle = () => {
      clearTimeout(timer);
      if (signal?.aborted) reject(failure('ABORTED', 'waiting was aborted', signal.reason));
      else if (socket.state === 'closed') reject(error() ?? failure('CLOSED', 'the socket is closed'));
      else if (isDone()) resolve();
      else {
        timer = setTimeout(settle, LOOK);
        return;
      }
      socket.removeEventListener('statechange', settle);
      signal?.removeEventListener('abort', settle);
    };
    socket.addEventListener('statechange', settle);
    signal?.addEventListener('abort', settle);
    settle();
  });
}

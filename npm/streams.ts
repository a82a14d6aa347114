// Back-pressure, for `drained()` and `writable`. Loaded when an app uses one of them.

import { failure, isGatepassError } from './errors.js';

interface Socket extends EventTarget {
  readonly state: string;
  readonly bufferedAmount: number;
  send(data: never): unknown;
  stats(): { queued: number; unacknowledged: number };
}

/** How often `bufferedAmount` is read, in milliseconds: it has no event (WHATWG WebSockets). */
const LOOK = 20;

/** @internal Resolves when at most so many bytes wait; for 0 bytes, no message may wait either. Rejects when the socket closes. */
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
    signal?.addEventListener('abort', settle);
    socket.addEventListener('statechange', settle);
    settle();
  });
}

/** @internal Sends, and resolves when at most so many bytes wait. While the queue is full it waits and tries again. */
export async function sendSlowly(socket: Socket, data: unknown, most: number, error: () => unknown): Promise<void> {
  for (;;) {
    try {
      socket.send(data as never);
      return drained(socket, most, error);
    } catch (thrown) {
      const { queued, unacknowledged } = socket.stats();
      // If the queue is empty, there will never be more room.
      if (!isGatepassError(thrown) || thrown.code !== 'QUEUE_FULL' || queued + unacknowledged === 0) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, LOOK));
    }
  }
}

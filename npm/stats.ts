// The counters of a socket.

import { STAT_PART_NAMES } from './contract.js';

/** Counters since construction. */
export interface SocketStats {
  /** Tries started. */
  attempts: number;
  /** Connections accepted. */
  connections: number;
  /** Messages handed to a socket. */
  sent: number;
  /** Messages delivered to the app. */
  received: number;
  /** Queued messages that were dropped. */
  dropped: number;
  /** Messages waiting to be sent. */
  queued: number;
  /** Bytes waiting to be sent. */
  queuedBytes: number;
  /** Messages that the server has not acknowledged yet (with `confirm`). They take room in the queue. */
  unacknowledged: number;
}

/** @internal The counters by their names; all are 0 before the wasm is loaded. */
export function statsOf(counts: readonly number[] | undefined): SocketStats {
  return Object.fromEntries(
    STAT_PART_NAMES.map((name, place) => [name, counts?.[place] ?? 0]),
  ) as unknown as SocketStats;
}

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
  /** Messages handed to the app. */
  received: number;
  /** Queued messages given up. */
  discarded: number;
  /** Messages waiting to be sent. */
  queued: number;
  /** Bytes waiting to be sent. */
  queuedBytes: number;
  /** Messages that the server is yet to confirm (with `confirm`). They take room in the outbox. */
  unconfirmed: number;
}

/** @internal The counters by their names; all are 0 before the wasm is there. */
export function statsOf(counts: readonly number[] | undefined): SocketStats {
  return Object.fromEntries(
    STAT_PART_NAMES.map((name, place) => [name, counts?.[place] ?? 0]),
  ) as unknown as SocketStats;
}

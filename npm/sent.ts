// Messages that were sent: their numbers, their delivery status, and those that wait for the wasm.

import { copied, lengthOf } from './connection-driver.js';
import { DELIVERY_STATUS_NAMES, DeliveryStatus, SendAnswer } from './contract.js';
import { closed, type GatepassError, queueFull } from './errors.js';
import { type Connection, internal } from './load.js';
import type { OutboxOptions } from './option-types.js';
import type { Plain } from './payload.js';

/** The delivery status of a message. */
export interface SentMessage {
  /** `queued`: it waits. `sent`: handed to a connection. `confirmed`: acknowledged by the server (with `confirm`). `dropped`: it will not be sent. */
  readonly status: 'queued' | 'sent' | 'confirmed' | 'dropped';
}

/** @internal A message whose status may still change, and the callers of `sent()`. */
export interface KeptMessage extends SentMessage {
  status: SentMessage['status'];
  waiting?: Array<(status: SentMessage['status']) => void>;
}

/** @internal Most messages are sent at once and share this object. */
export const SENT: SentMessage = Object.freeze({ status: 'sent' });
/** @internal Shared by messages that are dropped at once. */
export const DROPPED: SentMessage = Object.freeze({ status: 'dropped' });
/** @internal All values of `status`. */
export const STATUSES: ReadonlyArray<SentMessage['status']> = ['queued', 'sent', 'confirmed', 'dropped'];

/** @internal Sets the final status of a message. */
export function finish(kept: KeptMessage, status: SentMessage['status']): void {
  kept.status = status;
  for (const resolve of kept.waiting?.splice(0) ?? []) resolve(status);
  delete kept.waiting;
}

/** @internal The final status of a message. Rejects with what has closed its socket while it waits (`closedBy`). */
export function finalStatus(
  message: KeptMessage,
  socket: EventTarget,
  closedBy: () => GatepassError | undefined,
): Promise<SentMessage['status']> | SentMessage['status'] {
  const { waiting } = message;
  if (!waiting) return message.status;
  return new Promise((resolve, reject) => {
    const end = () => socket.removeEventListener('statechange', settle);
    const settle = () => {
      const error = message.status === 'queued' ? closedBy() : undefined;
      if (!error) return;
      end();
      reject(error);
    };
    waiting.push((status) => {
      end();
      resolve(status);
    });
    socket.addEventListener('statechange', settle);
    settle();
  });
}

/** @internal A message that waits for the wasm. */
export interface EarlyMessage {
  readonly data: Plain;
  readonly length: number;
  readonly since: number;
  readonly kept: KeptMessage;
}

/** @internal Messages that were sent before the wasm is loaded, within the limits of the outbox. Then they go to the machine. */
export class EarlyQueue {
  readonly #outbox: OutboxOptions;
  #messages: EarlyMessage[] = [];
  /** The bytes of the waiting messages. */
  bytes = 0;
  /** How many were dropped. */
  lost = 0;

  constructor(outbox: OutboxOptions = {}) {
    this.#outbox = outbox;
  }

  /** How many wait. */
  get length(): number {
    return this.#messages.length;
  }

  /** Takes a message, or drops it, as the policy says. @throws GatepassError QUEUE_FULL */
  take(given: Plain): EarlyMessage | undefined {
    const { maxMessages = 1_000, maxBytes = 1 << 20, policy = 'error' } = this.#outbox;
    const data = copied(given);
    const length = lengthOf(data);
    while (this.#messages.length >= maxMessages || this.bytes + length > maxBytes) {
      const oldest = policy === 'drop-oldest' && length <= maxBytes ? this.#messages[0] : undefined;
      if (oldest) this.drop(oldest);
      else if (policy !== 'drop-newest') throw queueFull();
      else return void this.lost++;
    }
    const message: EarlyMessage = { data, length, since: performance.now(), kept: { status: 'queued', waiting: [] } };
    this.#messages.push(message);
    this.bytes += length;
    return message;
  }

  /** Removes a message. Returns whether it was here. */
  leave(message: EarlyMessage): boolean {
    const place = this.#messages.indexOf(message);
    if (place < 0) return false;
    this.#messages.splice(place, 1);
    this.bytes -= message.length;
    return true;
  }

  /** Drops a message, if it is here. */
  drop(message: EarlyMessage): void {
    if (!this.leave(message)) return;
    this.lost++;
    finish(message.kept, 'dropped');
  }

  /** Drops all messages and returns their number. */
  end(): number {
    const all = [...this.#messages];
    for (const message of all) this.drop(message);
    return all.length;
  }
}

/** @internal The messages that the machine has. It knows them by number. */
export class NumberedMessages {
  #next = 0;
  /** Messages whose status may still change. */
  readonly #kept = new Map<number, KeptMessage>();

  /** Hands a message to the machine. @throws GatepassError CLOSED or QUEUE_FULL: it was not taken */
  hand(core: Connection, message: Plain, ttl: number | undefined, early?: KeptMessage): SentMessage {
    const number = this.#next++;
    const answer = core.send(number, message, ttl);
    // Most messages are sent at once, and nobody looks at them again.
    if (answer === SendAnswer.Now && !early) return SENT;
    const kept: KeptMessage = early ?? { status: 'queued', waiting: [] };
    switch (answer) {
      case SendAnswer.Unconfirmed:
      case SendAnswer.Queued:
        if (answer === SendAnswer.Unconfirmed) kept.status = 'sent';
        this.#kept.set(number, kept);
        return kept;
      case SendAnswer.Now:
        finish(kept, 'sent');
        return SENT;
      case SendAnswer.Dropped:
        finish(kept, 'dropped');
        return DROPPED;
      case SendAnswer.QueueFull:
        throw queueFull();
      case SendAnswer.Closed:
      case undefined:
        throw closed();
      default:
        throw internal(answer);
    }
  }

  /** Updates the status of a message. */
  delivered(number: number, status: number): void {
    const kept = this.#kept.get(number);
    if (status === DeliveryStatus.Unconfirmed) {
      if (kept) kept.status = 'sent';
      return;
    }
    this.#kept.delete(number);
    if (kept) finish(kept, DELIVERY_STATUS_NAMES[status] as SentMessage['status']);
  }

  /** The machine has trapped: no message will be sent. */
  drop(): void {
    for (const kept of this.#kept.values()) finish(kept, 'dropped');
    this.#kept.clear();
  }
}

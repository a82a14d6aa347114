// The messages of a double: those that wait, those that the present connection has, and what the server has of all.

import { copied, lengthOf } from './connection-driver.js';
import { ConfirmOptionsAt, DeliveryStatus, SendAnswer } from './contract.js';
import type { Plain } from './payload.js';

/** A message by its number. */
interface Numbered {
  readonly number: number;
  readonly data: unknown;
}

/** @internal */
export class Messages {
  /** What the server has, of all connections. */
  readonly sent: unknown[] = [];
  /** How many were handed to a connection, and dropped. */
  readonly counts = { sent: 0, dropped: 0 };

  readonly #confirm: readonly unknown[] | undefined;
  readonly #status: (number: number, status: DeliveryStatus) => void;
  #waiting: Numbered[] = [];
  /** The messages of the present connection. */
  #handed: Numbered[] = [];

  /** `confirm`: the option, as it crosses. `status`: tells the status of a message. */
  constructor(confirm: unknown, status: (number: number, status: DeliveryStatus) => void) {
    this.#confirm = confirm as unknown[] | undefined;
    this.#status = status;
  }

  /** Whether the server confirms messages. */
  get areConfirmed(): boolean {
    return this.#confirm !== undefined;
  }

  get queued(): number {
    return this.#waiting.length;
  }

  get queuedBytes(): number {
    return this.#waiting.reduce((sum, { data }) => sum + lengthOf(data), 0);
  }

  get unacknowledged(): number {
    return this.#handed.filter(this.#isConfirmed).length;
  }

  /** Takes a message of the app. */
  take(number: number, data: unknown, isConnected: boolean): SendAnswer {
    const message = { number, data };
    if (!isConnected) {
      this.#waiting.push(message);
      return SendAnswer.Queued;
    }
    this.#hand(message);
    return this.#isConfirmed(message) ? SendAnswer.Unconfirmed : SendAnswer.Now;
  }

  /** Hands all that waits to the connection. */
  flush(): void {
    for (const message of this.#waiting.splice(0)) {
      this.#hand(message);
      this.#status(message.number, this.#isConfirmed(message) ? DeliveryStatus.Unconfirmed : DeliveryStatus.Sent);
    }
  }

  /** The server confirms what waits for that. */
  confirm(): void {
    const confirmed = this.#handed.filter(this.#isConfirmed);
    this.#handed = this.#handed.filter((message) => !confirmed.includes(message));
    for (const { number } of confirmed) this.#status(number, DeliveryStatus.Confirmed);
  }

  /** Drops what waits, for a connection or for the server's word. Returns how many. */
  drop(): number {
    const all = [...this.#waiting.splice(0), ...this.#handed.filter(this.#isConfirmed)];
    this.counts.dropped += all.length;
    for (const { number } of all) this.#status(number, DeliveryStatus.Dropped);
    return all.length;
  }

  /** The connection has ended. What the server is yet to confirm waits again, unless `isOver`. Returns what may not have arrived. */
  lose(isOver: boolean): unknown[] {
    const handed = this.#handed.splice(0);
    const again = isOver ? [] : handed.filter(this.#isConfirmed);
    this.#waiting.unshift(...again);
    return handed.filter((message) => !again.includes(message)).map(({ data }) => data);
  }

  #hand(message: Numbered): void {
    this.#handed.push(message);
    this.counts.sent++;
    this.sent.push(copied(message.data as Plain));
  }

  /** Whether the server confirms a message: it has an id where the option says. */
  readonly #isConfirmed = ({ data }: Numbered): boolean => {
    if (!this.#confirm || typeof data !== 'string') return false;
    try {
      const path = String(this.#confirm[ConfirmOptionsAt.id]).split('.');
      const id: unknown = path.reduce((value, name) => (value as Record<string, never>)[name], JSON.parse(data));
      return id !== undefined;
    } catch {
      return false;
    }
  };
}

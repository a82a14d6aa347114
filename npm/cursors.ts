// Where the server's messages go on after a loss: the last cursor, and what was seen before.

import type { CursorStorage } from './cursor-store.js';
import type { Matcher } from './matching.js';
import { at } from './platform.js';
import type { JsonValue } from './schemes.js';

/** How the server numbers its messages, and what it says after a loss. */
export interface ResumeOptions<In = any> {
  /** Where a message has its cursor: a name, or names with dots between. Numbers grow; a string is compared with the last 1,000. */
  cursor: string;
  /** The server says that it goes on where the client was. The event `resumed` follows. */
  resumed?: Matcher<In>;
  /** The server says that it cannot: what lies between is lost. The cursor begins anew, and the event `gap` follows. */
  tooOld?: Matcher<In>;
}

/** How a socket goes on, and over a reload. */
export interface SocketResumeOptions<In = any> extends ResumeOptions<In> {
  /** Where cursors outlast a reload; a logout forgets them. @default nowhere */
  store?: CursorStorage | 'sessionStorage';
  /** Their name there. Two sockets with the same URL need two. @default 'gatepass.cursors ' and the URL */
  storeKey?: string;
}

/** @internal How many texts are remembered, and how many subscriptions that have ended. */
export const MAX_SEEN = 1_000;

/** @internal The cursors of a socket, or of one subscription. */
export class Cursors {
  readonly options: ResumeOptions;
  readonly #all: Map<string, unknown>;
  readonly #key: string;
  readonly #seen = new Set<unknown>();

  /** `all`: the last cursors, by key. */
  constructor(options: ResumeOptions, all: Map<string, unknown>, key: string) {
    this.options = options;
    this.#all = all;
    this.#key = key;
  }

  /** The last one. */
  get last(): unknown {
    return this.#all.get(this.#key);
  }

  /** The cursor of a message, if it has one. */
  of(message: unknown): unknown {
    return at(message as JsonValue, this.options.cursor) ?? undefined;
  }

  /** Notes the cursor of a message. Returns whether the message is new. */
  takes(message: unknown): boolean {
    const cursor = this.of(message);
    if (cursor === undefined) return true;
    const isSeen =
      typeof cursor === 'number' && typeof this.last === 'number'
        ? cursor <= this.last
        : cursor === this.last || this.#seen.has(cursor);
    if (!isSeen) this.#note(cursor);
    return !isSeen;
  }

  /** The server begins anew. */
  forget(): void {
    this.#all.delete(this.#key);
    this.#seen.clear();
  }

  #note(cursor: unknown): void {
    // The latest last.
    this.#all.delete(this.#key);
    this.#all.set(this.#key, cursor);
    if (typeof cursor === 'number') return;
    this.#seen.add(cursor);
    if (this.#seen.size > MAX_SEEN) this.#seen.delete(this.#seen.values().next().value);
  }
}

// Keeps cursors over a reload.

import { reported } from './events.js';

/** Where cursors are kept over a reload: `sessionStorage`, or what has these methods (HTML, Web storage). */
export type CursorStorage = Pick<Storage, 'getItem' | 'setItem'>;

/** @internal */
export class CursorStore {
  /** By the keys of subscriptions; '' is that of the socket. */
  readonly cursors = new Map<string, unknown>();
  readonly #storage: CursorStorage | undefined;
  readonly #key: string;
  #written: string | undefined;

  constructor(store: CursorStorage | 'sessionStorage' | 'localStorage', key = 'gatepass.cursors') {
    this.#key = key;
    // A page may have no right to it, and what it holds may be somebody else's.
    try {
      this.#storage = typeof store === 'string' ? globalThis[store] : store;
      this.cursors = new Map(JSON.parse(this.#storage.getItem(key) ?? '[]'));
    } catch {}
  }

  /** Writes the cursors, if they have changed. */
  write(): void {
    const text = JSON.stringify([...this.cursors]);
    if (text === this.#written) return;
    this.#written = text;
    reported(() => this.#storage?.setItem(this.#key, text));
  }
}

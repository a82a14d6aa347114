// Keeps cursors over a reload.

import { reported } from './events.js';

/** Where cursors are kept over a reload: `sessionStorage`, or what has these methods (HTML, Web storage). */
export type CursorStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** How long changes are collected, in milliseconds. */
const PAUSE = 1_000;

/** @internal */
export class CursorStore {
  /** By the keys of subscriptions; '' is that of the socket. */
  readonly cursors = new Map<string, unknown>();
  readonly #storage: CursorStorage | undefined;
  readonly #key: string;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: CursorStorage | 'sessionStorage' | 'localStorage', key = 'gatepass.cursors') {
    this.#key = key;
    // A page may have no right to it, and what it holds may be somebody else's.
    try {
      this.#storage = typeof store === 'string' ? globalThis[store] : store;
      this.cursors = new Map(JSON.parse(this.#storage.getItem(key) ?? '[]'));
    } catch {}
  }

  /** A cursor may have changed. It is written a little later, and before the page goes. */
  changed(): void {
    if (this.#timer !== undefined) return;
    const write = () => {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      globalThis.removeEventListener?.('pagehide', write);
      reported(() => {
        if (this.cursors.size > 0) this.#storage?.setItem(this.#key, JSON.stringify([...this.cursors]));
        else this.#storage?.removeItem(this.#key);
      });
    };
    this.#timer = setTimeout(write, PAUSE);
    globalThis.addEventListener?.('pagehide', write);
  }
}

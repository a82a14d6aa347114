// Keeps cursors over a reload.

import { reported } from './events.js';

/** Where cursors are kept over a reload: `sessionStorage`, or what has these methods (HTML, Web storage). Tabs must not share it. */
export type CursorStorage = Pick<Storage, 'getItem' | 'setItem'>;

/** @internal The last cursors, by the keys of subscriptions; '' is that of the socket. */
export class CursorStore extends Map<string, unknown> {
  readonly #store: CursorStorage | 'sessionStorage';
  #key = '';
  #hasChanged = false;

  constructor(store: CursorStorage | 'sessionStorage') {
    super();
    this.#store = store;
  }

  get #storage(): CursorStorage {
    return typeof this.#store === 'string' ? globalThis[this.#store] : this.#store;
  }

  /** Reads what another page has written under this name. */
  read(key: string): void {
    this.#key = key;
    // A page may have no right to it, and what it holds may be somebody else's.
    try {
      for (const [name, cursor] of JSON.parse(this.#storage.getItem(key) ?? '[]'))
        if (typeof cursor === 'string' || Number.isFinite(cursor)) super.set(String(name), cursor);
    } catch {}
  }

  override set(key: string, cursor: unknown): this {
    this.#hasChanged = true;
    return super.set(key, cursor);
  }

  override clear(): void {
    this.#hasChanged = true;
    super.clear();
  }

  override delete(key: string): boolean {
    this.#hasChanged = true;
    return super.delete(key);
  }

  /** Writes the cursors, if they have changed. */
  write(): void {
    if (!this.#hasChanged) return;
    this.#hasChanged = false;
    reported(() => this.#storage.setItem(this.#key, JSON.stringify([...this])));
  }
}

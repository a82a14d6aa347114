// Messages as an async iterator.

import type { StateChangeEvent } from './events.js';

interface Source extends EventTarget {
  readonly state: string;
}

/** Collects the data of messages until they are read. It starts at construction, not at the first `next()`. */
export class MessageQueue implements AsyncIterableIterator<unknown> {
  readonly #source: Source;
  readonly #error: () => unknown;
  readonly #waiting: Array<{ resolve: (result: IteratorResult<unknown>) => void; reject: (error: unknown) => void }> =
    [];
  #arrived: unknown[] = [];
  #hasEnded = false;
  #failure: unknown;

  constructor(source: Source, error: () => unknown) {
    this.#source = source;
    this.#error = error;
    source.addEventListener('message', this.#onMessage);
    source.addEventListener('statechange', this.#onState);
    if (source.state === 'closed') this.end(error());
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#arrived.length > 0) return Promise.resolve({ done: false, value: this.#arrived.shift() });
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    if (this.#hasEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<unknown>> {
    this.#arrived = [];
    this.end(undefined);
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #onMessage = (event: Event) => {
    const value = (event as MessageEvent).data;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#arrived.push(value);
    else waiting.resolve({ done: false, value });
  };

  readonly #onState = (event: Event) => {
    if ((event as StateChangeEvent).userChanged) this.#arrived = [];
    if ((event as StateChangeEvent).state === 'closed') this.end(this.#error());
  };

  /** Ends the iteration. If there is an error, the next read rejects with it. */
  end(failure: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#source.removeEventListener('message', this.#onMessage);
    this.#source.removeEventListener('statechange', this.#onState);
    const [first, ...rest] = this.#waiting.splice(0);
    if (first === undefined) this.#failure = failure;
    else if (failure === undefined) first.resolve({ done: true, value: undefined });
    else first.reject(failure);
    for (const waiting of rest) waiting.resolve({ done: true, value: undefined });
  }
}

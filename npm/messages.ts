// Messages as an async iterator.

import type { StateChangeEvent } from './events.js';

/** Keeps values until they are read. */
export class MessageQueue<T = unknown> implements AsyncIterableIterator<T> {
  readonly #ended: () => void;
  readonly #readers: Array<[resolve: (result: IteratorResult<T>) => void, reject: (error: unknown) => void]> = [];
  #arrived: T[] = [];
  #hasEnded = false;
  #failure: unknown;

  /** `ended` is called once: nothing is taken any more. */
  constructor(ended: () => void) {
    this.#ended = ended;
  }

  next(): Promise<IteratorResult<T>> {
    return new Promise((...reader) => {
      this.#readers.push(reader);
      this.#serve();
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.clear();
    this.end(undefined);
    // Whoever leaves asks for no failure.
    this.#failure = undefined;
    return this.next();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Takes a value. */
  push(value: T): void {
    this.#arrived.push(value);
    this.#serve();
  }

  /** Forgets what was not read. */
  clear(): void {
    this.#arrived = [];
  }

  /** Ends the iteration. If there is an error, the next read after what has arrived rejects with it. */
  end(failure: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#failure = failure;
    this.#ended();
    this.#serve();
  }

  #serve(): void {
    while (this.#readers.length > 0 && (this.#arrived.length > 0 || this.#hasEnded)) {
      const [resolve, reject] = this.#readers.shift()!;
      if (this.#arrived.length > 0) resolve({ done: false, value: this.#arrived.shift()! });
      else if (this.#failure === undefined) resolve({ done: true, value: undefined });
      else {
        reject(this.#failure);
        this.#failure = undefined;
      }
    }
  }
}

interface Source extends EventTarget {
  readonly state: string;
}

/** The data of a socket's messages, from now on, not from the first `next()`. `error`: what has closed it. */
export function messagesOf<T>(source: Source, error: () => unknown): MessageQueue<T> {
  const onMessage = (event: Event) => queue.push((event as MessageEvent).data);
  const onState = (event: Event) => {
    if ((event as StateChangeEvent).userChanged) queue.clear();
    if ((event as StateChangeEvent).state === 'closed') queue.end(error());
  };
  const queue = new MessageQueue<T>(() => {
    source.removeEventListener('message', onMessage);
    source.removeEventListener('statechange', onState);
  });
  source.addEventListener('message', onMessage);
  source.addEventListener('statechange', onState);
  if (source.state === 'closed') queue.end(error());
  return queue;
}

// A subscription, as one holder has it.

/// <reference lib="esnext.disposable" preserve="true" />

import { failure, type GatepassError } from './errors.js';
import { reported } from './events.js';
import { MessageQueue } from './messages.js';
import type { SocketSnapshot } from './changes.js';
import type { Holder, SubscribeOptions } from './rules.js';

/**
 * The messages of a subscription, across reconnects: `for await (const message of subscription)`. They are kept until they are read, unless `onMessage` takes
 * them. Leaving the loop unsubscribes.
 */
export interface Subscription<T> extends AsyncIterable<T> {
  /**
   * Resolves when the server has joined it: when its message was sent, or with `reply` when the answer is there.
   * @throws GatepassError SUBSCRIPTION_REFUSED, USER_CHANGED, CLOSED, or what closed the socket
   */
  readonly ready: Promise<void>;
  /** Resolves when it has ended by itself, by the server's last word (`end`) or with the socket. It rejects as `ready` does. */
  readonly closed: Promise<void>;
  /** Ends it. The last one with its key leaves. It does nothing if it has ended. It needs no `this`. */
  readonly unsubscribe: () => void;
  /** As `unsubscribe()`: `await using news = socket.subscribe(…)`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** The two meanings of `subscribe`. */
export interface Subscribe<In, Out> {
  /** Calls back with the state of the socket, now and after each change, until the returned function is called. */
  (listener: (snapshot: SocketSnapshot) => void): () => void;
  /**
   * Subscribes: the message is sent now, and again on each connection, before anything else that waits. Those who subscribe with the same message or `key`
   * share one. With a codec (`gatepass/conversation`).
   *
   * @throws GatepassError INVALID_OPTION, also without a codec; CLOSED
   */
  <Message = In>(
    message: Out,
    options: SubscribeOptions<In, Out> & {
      /** Takes its messages, in the place of the iterator. */
      onMessage?: (message: Message) => void;
    },
  ): Subscription<Message>;
}

/** @internal */
export class Held<T> implements Subscription<T>, Holder {
  readonly ready: Promise<void>;
  readonly closed: Promise<void>;
  readonly #settleReady: [() => void, (error: unknown) => void];
  readonly #settleClosed: [() => void, (error: unknown) => void];
  readonly #queue: MessageQueue<T>;
  #isOver = false;
  readonly #onMessage: ((message: T) => void) | undefined;

  /** `leave` is called when it takes no more. */
  constructor(leave: (holder: Holder) => void, onMessage: ((message: T) => void) | undefined) {
    [this.ready, this.#settleReady] = open();
    [this.closed, this.#settleClosed] = open();
    this.#queue = new MessageQueue(() => leave(this));
    this.#onMessage = onMessage;
  }

  readonly unsubscribe = (): void => {
    this.#queue.return();
    this.end();
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.unsubscribe();
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return { next: () => this.#queue.next(), return: () => (this.unsubscribe(), this.#queue.return()) };
  }

  /** @internal */
  message(message: unknown): void {
    // Another holder may have ended it just now.
    if (this.#isOver) return;
    if (this.#onMessage) reported(() => this.#onMessage!(message as T));
    else this.#queue.push(message as T);
  }

  /** @internal The server has joined it. */
  joined(): void {
    this.#settleReady[0]();
  }

  /** @internal */
  end(error?: GatepassError): void {
    this.#isOver = true;
    if (error?.code === 'USER_CHANGED') this.#queue.clear();
    this.#queue.end(error);
    this.#settleReady[1](error ?? failure('CLOSED', 'the subscription has ended before it was joined'));
    this.#settleClosed[error ? 1 : 0](error);
  }
}

/** A promise whose rejection nobody has to hear, and what settles it. */
function open(): [Promise<void>, [() => void, (error: unknown) => void]] {
  let settle: [() => void, (error: unknown) => void];
  const promise = new Promise<void>((...both) => (settle = both as never));
  promise.catch(() => {});
  return [promise, settle!];
}

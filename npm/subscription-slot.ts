// What the adapters share of subscriptions: one for a socket and a message that change, and what an app shows of it.

import { failure, type GatepassError, isGatepassError } from './errors.js';
import type { StateChangeEvent } from './events.js';
import { isRecord } from './options.js';
import type { SubscribeOptions } from './rules.js';
import type { AuthSocket } from './socket.js';
import type { Subscription } from './subscription.js';

/** @internal What an app shows of a subscription. */
export interface SubscriptionView {
  /** Whether the server has joined it. */
  readonly isReady: boolean;
  /** Why it has ended. */
  readonly error: GatepassError | undefined;
}

/** @internal What a slot tells its framework. */
export interface SubscriptionListener {
  view(view: SubscriptionView): void;
  /** A message, or undefined when there is none for the present subscription. */
  data(message: unknown): void;
}

/** @internal Before anything has happened. */
export const NO_SUBSCRIPTION: SubscriptionView = Object.freeze({ isReady: false, error: undefined });

/** @internal The place of one subscription. Another socket or message is another subscription in it; without either it is empty. */
export class SubscriptionSlot {
  readonly #listener: SubscriptionListener;
  #subscription: Subscription<any> | undefined;
  #end = () => {};

  constructor(listener: SubscriptionListener) {
    this.#listener = listener;
  }

  /** Leaves what is there, and subscribes. It subscribes again for another user, and when a closed socket connects again. @throws GatepassError INVALID_OPTION */
  open(socket: AuthSocket<any, any> | undefined, message: unknown, options: SubscribeOptions): void {
    this.stop();
    this.#listener.data(undefined);
    this.#listener.view(NO_SUBSCRIPTION);
    if (!isRecord(options)) throw failure('INVALID_OPTION', 'options: an object with `match` is needed');
    if (!socket || message === undefined || message === null || message === false) return;
    const again = ({ previous, state }: StateChangeEvent) => {
      if (previous === 'closed' && state !== 'closed') this.open(socket, message, options);
    };
    socket.addEventListener('statechange', again);
    this.#end = () => socket.removeEventListener('statechange', again);
    if (socket.state === 'closed') return;
    const onMessage = (data: unknown) => this.#listener.data(data);
    const subscription = (this.#subscription = socket.subscribe(message, { ...options, onMessage }));
    const isPresent = () => this.#subscription === subscription;
    subscription.ready.then(
      () => isPresent() && this.#listener.view({ isReady: true, error: undefined }),
      () => {},
    );
    subscription.closed.then(
      () => isPresent() && this.#listener.view(NO_SUBSCRIPTION),
      (error: GatepassError) => {
        if (!isPresent()) return;
        // The component is there for the next user, too.
        if (isGatepassError(error, 'USER_CHANGED') && socket.state !== 'closed') this.open(socket, message, options);
        else this.#listener.view({ isReady: false, error });
      },
    );
  }

  /** Unsubscribes. */
  stop(): void {
    this.#end();
    const subscription = this.#subscription;
    this.#subscription = undefined;
    subscription?.unsubscribe();
  }
}

/** @internal Equal for equal messages, so that a framework sees when it changes. */
export const keyOf = (message: unknown, options: SubscribeOptions): string | undefined =>
  options?.key ?? JSON.stringify(message ?? null);

/** What the adapters for frameworks share: a socket for a URL that changes, and what an app shows of a socket and of a session. */

import { talkOf } from './codec.js';
import { failure, type GatepassError } from './errors.js';
import { IDLE, type SocketSnapshot } from './changes.js';
import type { StateChange, StateChangeEvent } from './events.js';
import type { Session, SessionSnapshot } from './session.js';
import { isRecord } from './options.js';
import { AuthSocket } from './socket.js';
import { read, type AuthSocketOptions } from './socket-options.js';

/** @internal What an app shows of a socket. */
export interface SocketView extends SocketSnapshot {
  /** Whole seconds until the next try, while it waits. */
  readonly retryIn: number | undefined;
}

/** @internal What a slot tells its framework. */
export interface SlotListener {
  view(view: SocketView): void;
  /** The last message, or undefined when there is none for the present user. */
  data(data: unknown): void;
  message(data: unknown): void;
  change(change: StateChange): void;
}

/** @internal What an app may be called with beside the options of a socket. */
export interface Callbacks {
  onMessage?: (data: any) => void;
  onStateChange?: (change: StateChange) => void;
}

/**
 * @internal The options of a socket, with the session that all components share if there is none among them.
 * @param how how all get one, for the error
 * @throws GatepassError INVALID_OPTION
 */
export function socketOptions(
  options: AuthSocketOptions & Callbacks,
  provided: Session | undefined,
  how: string,
): AuthSocketOptions {
  if (!isRecord(options)) throw failure('INVALID_OPTION', 'options: an object with the scheme is needed');
  const { onMessage, onStateChange, ...rest } = options;
  for (const [name, call] of Object.entries({ onMessage, onStateChange })) {
    if (call !== undefined && typeof call !== 'function')
      throw failure('INVALID_OPTION', `${name}: a function is needed`);
  }
  const session = rest.session ?? provided;
  if (session !== undefined) return { ...rest, session };
  // Without a scheme that is what is missing, and AuthSocket says so.
  if (rest.scheme && !['anonymous', 'cookie'].includes(rest.scheme.type))
    throw failure('INVALID_OPTION', `session: there is none; give one, or ${how}`);
  return rest;
}

/** @internal What is shown without a socket. */
export const NO_SOCKET: SocketView = Object.freeze({ ...IDLE, retryIn: undefined });

/** @internal What a function for a URL has thrown. */
class Thrown {
  constructor(readonly reason: unknown) {}
}

/** @internal The result of a function for a URL: equal for equal URLs, so that a framework sees when it changes. */
export function addressOf(url: () => unknown): unknown {
  try {
    const address = url();
    return address instanceof URL ? address.href : address;
  } catch (error) {
    return new Thrown(error);
  }
}

/** A copy of options that the app cannot change any more. Functions and objects with a class, such as a session, stay the same. */
function copied<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copied) as T;
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, copied(member)])) as T;
}

/** @internal The place of one socket. Another URL is another socket in it; without a URL, and on a server, it is empty. */
export class SocketSlot {
  readonly #listener: SlotListener;
  readonly #options: AuthSocketOptions;
  #view = NO_SOCKET;
  #socket: AuthSocket<any, any> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts calls of `open` and `stop`: a listener may call them while another call is in progress. */
  #calls = 0;

  /** @throws GatepassError if an option is wrong, also while there is no URL */
  constructor(options: AuthSocketOptions, listener: SlotListener) {
    this.#options = copied(options);
    this.#listener = listener;
    read('wss://localhost', talkOf(this.#options)?.options ?? this.#options);
  }

  get socket(): AuthSocket<any, any> | undefined {
    return this.#socket;
  }

  /** The socket. @throws GatepassError CLOSED if the slot is empty */
  present(): AuthSocket<any, any> {
    if (this.#socket === undefined)
      throw failure('CLOSED', 'there is no socket: no valid URL, it was stopped, or this is a server');
    return this.#socket;
  }

  /** Closes the socket that is there, and makes one for the URL. @throws GatepassError as AuthSocket does */
  open(url: unknown): void {
    const call = ++this.#calls;
    this.#leave();
    if (call !== this.#calls) return;
    this.#show(NO_SOCKET);
    this.#listener.data(undefined);
    if (url instanceof Thrown) throw failure('INVALID_OPTION', 'url: the function threw an error', url.reason);
    if (url === undefined || url === null || url === false || url === '' || typeof window === 'undefined') return;
    const socket = (this.#socket = new AuthSocket(url as string, this.#options));
    const isPresent = () => this.#socket === socket;
    const onChange = (change: StateChangeEvent) => {
      if (isPresent()) {
        if (change.userChanged) this.#listener.data(undefined);
        this.#countDown(socket.snapshot);
        this.#listener.change(change);
      } else if (change.state === 'closed') {
        // A socket that was replaced reports what may not have arrived.
        socket.removeEventListener('statechange', onChange);
        this.#listener.change(change);
      }
    };
    socket.addEventListener('statechange', onChange);
    socket.addEventListener('message', ({ data }) => {
      if (!isPresent()) return;
      this.#listener.data(data);
      this.#listener.message(data);
    });
  }

  /** The same where nobody can catch: a wrong URL is the error that is shown. */
  reopen(url: unknown): void {
    try {
      this.open(url);
    } catch (error) {
      this.#show({ ...this.#view, error: error as GatepassError });
    }
  }

  /** Closes the socket. Its last error stays shown. */
  stop(): void {
    this.#calls++;
    this.#leave();
    this.#show({ ...NO_SOCKET, state: 'closed', error: this.#view.error });
  }

  #leave(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #countDown(snapshot: SocketSnapshot): void {
    clearTimeout(this.#timer);
    const { retryAt } = snapshot;
    const retryIn = retryAt === undefined ? undefined : Math.max(0, Math.ceil((retryAt - Date.now()) / 1_000));
    this.#show({ ...snapshot, retryIn });
    // Often enough that no second is skipped.
    if (retryAt !== undefined) this.#timer = setTimeout(() => this.#countDown(snapshot), 250);
  }

  #show(view: SocketView): void {
    this.#view = view;
    this.#listener.view(view);
  }
}

/** @internal Shows a session now and after each change, until the returned function is called. On a server nothing changes. */
export function watchSession(session: Session, show: (snapshot: SessionSnapshot) => void): () => void {
  // On a server nobody ends what begins: a listener would stay.
  return typeof window === 'undefined' ? () => {} : session.subscribe(show);
}

/** What the adapters for frameworks share: a socket for a URL that changes, and what an app shows of a socket and of a session. */

import { failure, type GatepassError } from './errors.js';
import type { Phase, SocketState, StateChange, StateChangeEvent } from './events.js';
import type { Session, SessionState } from './session.js';
import { AuthSocket } from './socket.js';
import type { AuthSocketOptions } from './socket-options.js';

/** @internal What an app shows of a socket. */
export interface SocketView {
  state: SocketState;
  phase: Phase | undefined;
  /** The last failure, until the socket is connected again. */
  error: GatepassError | undefined;
  /** Whole seconds until the next try, while it waits. */
  retryIn: number | undefined;
}

/** @internal What an app shows of a session. */
export interface SessionView {
  state: SessionState;
  isSignedIn: boolean;
  error: GatepassError | undefined;
}

/** @internal What a slot tells its framework. */
export interface SlotListener {
  view(view: SocketView): void;
  /** The last message, or undefined when there is none for the present user. */
  data(data: unknown): void;
  message(data: unknown): void;
  change(change: StateChange): void;
}

const NO_SOCKET: SocketView = { state: 'idle', phase: undefined, error: undefined, retryIn: undefined };

/** @internal The place of one socket. Another URL is another socket in it; without a URL, and on a server, it is empty. */
export class SocketSlot {
  readonly #listener: SlotListener;
  #view = NO_SOCKET;
  #socket: AuthSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #detach = () => {};

  constructor(listener: SlotListener) {
    this.#listener = listener;
  }

  get socket(): AuthSocket | undefined {
    return this.#socket;
  }

  /** The socket. @throws GatepassError CLOSED if the slot is empty */
  present(): AuthSocket {
    if (this.#socket === undefined) throw failure('CLOSED', 'there is no socket: no URL, or this is a server');
    return this.#socket;
  }

  /** Closes the socket that is there, and makes one for the URL. @throws GatepassError as AuthSocket does */
  open(url: string | URL | null | undefined | false, options: AuthSocketOptions): void {
    this.#leave();
    this.#show(NO_SOCKET);
    this.#listener.data(undefined);
    if (!url || typeof window === 'undefined') return;
    const socket = (this.#socket = new AuthSocket(url, options));
    const onChange = (change: StateChangeEvent) => {
      const { state, phase, error, retryAt, userChanged } = change;
      if (userChanged) this.#listener.data(undefined);
      this.#view = {
        ...this.#view,
        state,
        phase,
        error: error ?? (state === 'connected' ? undefined : this.#view.error),
      };
      this.#countDown(retryAt);
      this.#listener.change(change);
    };
    const onMessage = ({ data }: MessageEvent) => {
      this.#listener.data(data);
      this.#listener.message(data);
    };
    socket.addEventListener('statechange', onChange);
    socket.addEventListener('message', onMessage);
    this.#detach = () => {
      socket.removeEventListener('statechange', onChange);
      socket.removeEventListener('message', onMessage);
    };
  }

  /** The same where nobody can catch: a wrong URL or option is the error that is shown. */
  reopen(url: string | URL | null | undefined | false, options: AuthSocketOptions): void {
    try {
      this.open(url, options);
    } catch (error) {
      this.#show({ ...this.#view, error: error as GatepassError });
    }
  }

  /** Closes the socket. Its last error stays shown. */
  stop(): void {
    this.#leave();
    this.#show({ ...NO_SOCKET, state: 'closed', error: this.#view.error });
  }

  #leave(): void {
    clearTimeout(this.#timer);
    this.#detach();
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #countDown(retryAt: number | undefined): void {
    clearTimeout(this.#timer);
    const retryIn = retryAt === undefined ? undefined : Math.max(0, Math.ceil((retryAt - Date.now()) / 1_000));
    this.#show({ ...this.#view, retryIn });
    // Often enough that no second is skipped.
    if (retryAt !== undefined) this.#timer = setTimeout(() => this.#countDown(retryAt), 250);
  }

  #show(view: SocketView): void {
    this.#view = view;
    this.#listener.view(view);
  }
}

/** @internal What is to be shown of a session now. */
export function sessionView({ state, error }: Session): SessionView {
  return { state, error, isSignedIn: state === 'signed-in' || state === 'refreshing' };
}

/** @internal Tells what is to be shown of a session at each change, until the returned function is called. On a server nothing changes. */
export function watchSession(session: Session, show: (view: SessionView) => void): () => void {
  const onChange = () => show(sessionView(session));
  // On a server nobody ends what begins: a listener would stay.
  if (typeof window !== 'undefined') session.addEventListener('change', onChange);
  return () => session.removeEventListener('change', onChange);
}

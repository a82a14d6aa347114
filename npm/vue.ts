/**
 * gatepass in Vue 3: a session and sockets as refs, which end with the scope that made them. Safe on a server (SSR): nothing connects there.
 * @module gatepass/vue
 */

import {
  computed, getCurrentScope, hasInjectionContext, inject, onScopeDispose, readonly, ref, shallowReadonly, shallowRef, toValue, watch,
  type ComputedRef, type InjectionKey, type MaybeRefOrGetter, type Plugin, type Ref, type ShallowRef,
} from 'vue';
import { failure, type GatepassError } from './errors.js';
import type { Phase, SocketState, StateChange } from './events.js';
import { Session, type SessionState } from './session.js';
import { NOTHING, show, type Shown } from './shown.js';
import { AuthSocket, type Sendable, type SentMessage } from './socket.js';
import type { AuthSocketOptions } from './socket-options.js';

const KEY: InjectionKey<Session> = Symbol('gatepass');

/**
 * The plugin: `app.use(gatepass(session))`. From then on `useSession()` and `useAuthSocket(url, options)` take this session.
 *
 * @throws GatepassError INVALID_OPTION for what is no session
 */
export function gatepass(session: Session): Plugin {
  check(session);
  return { install: (app) => void app.provide(KEY, session) };
}

/** What {@link useSession} gives. */
export interface UseSession {
  /** The session itself: `login()`, `logout()`, `fetch()`. */
  session: Session;
  /** Its state. */
  state: Readonly<Ref<SessionState>>;
  /** Whether somebody is signed in; also while their token is renewed. */
  isSignedIn: ComputedRef<boolean>;
  /** Why the session has ended, until somebody signs in. */
  error: Readonly<ShallowRef<GatepassError | undefined>>;
  /** Listens no more. The scope does it; where there is none (after an `await` in `setup`, outside of components) it is yours to call. */
  stop(): void;
}

/**
 * The session as refs.
 *
 * @param session @default that of the plugin
 * @throws GatepassError INVALID_OPTION if there is none
 */
export function useSession(session: Session | undefined = injected()): UseSession {
  if (session === undefined) throw failure('INVALID_OPTION', 'session: there is none; give one, or install it with app.use(gatepass(session))');
  check(session);
  const state = ref(session.state);
  const error = shallowRef(session.error);
  const onChange = () => {
    state.value = session.state;
    error.value = session.error;
  };
  // On a server scopes do not end.
  if (typeof window !== 'undefined') session.addEventListener('change', onChange);
  const stop = () => session.removeEventListener('change', onChange);
  atEnd(stop);
  return { session, stop, state: readonly(state), isSignedIn: computed(() => state.value === 'signed-in' || state.value === 'refreshing'), error: shallowReadonly(error) as UseSession['error'] };
}

/** Options of {@link useAuthSocket}. */
export interface UseAuthSocketOptions extends AuthSocketOptions {
  /** Called with every message. `data` shows the last one alone: two that arrive together are one change of a ref. */
  onMessage?: (data: unknown) => void;
  /** Called with every change of state: what may not have arrived is in its `unconfirmed`. */
  onStateChange?: (change: StateChange) => void;
}

/** What {@link useAuthSocket} gives. */
export interface UseAuthSocket {
  /** The present socket; none without a URL, and on a server. */
  socket: Readonly<ShallowRef<AuthSocket | undefined>>;
  /** Its state; `idle` without one, `closed` after `stop()`. */
  state: Readonly<Ref<SocketState>>;
  /** What is waited for, while connecting. */
  phase: Readonly<Ref<Phase | undefined>>;
  /** The last message. */
  data: Readonly<ShallowRef<unknown>>;
  /** What went wrong, until it is connected again. */
  error: Readonly<ShallowRef<GatepassError | undefined>>;
  /** Whole seconds until the next try, while it waits. */
  retryIn: Readonly<Ref<number | undefined>>;
  /**
   * As `AuthSocket.send`.
   * @throws GatepassError CLOSED, also without a URL and on a server
   */
  send(data: Sendable, options?: { ttl?: number }): SentMessage;
  /** As `AuthSocket.reconnect`. */
  reconnect(): void;
  /** As `AuthSocket.close`. Another URL is another socket all the same. */
  close(code?: number, reason?: string): void;
  /** Closes, and looks at the URL no more. The scope does it; where there is none (after an `await` in `setup`, outside of components) it is yours to call. */
  stop(): void;
}

/**
 * A socket as refs. It closes with the scope; where the URL is a ref or a getter, another URL is another socket, and none is none.
 *
 * @throws GatepassError as AuthSocket does; INVALID_OPTION if there is no session and the scheme needs one
 */
export function useAuthSocket(url: MaybeRefOrGetter<string | URL | null | undefined | false>, options: UseAuthSocketOptions): UseAuthSocket {
  if (typeof options !== 'object' || options === null) throw failure('INVALID_OPTION', 'options: an object with the scheme is needed');
  const { onMessage, onStateChange, ...rest } = options;
  for (const [name, call] of Object.entries({ onMessage, onStateChange })) {
    if (call !== undefined && typeof call !== 'function') throw failure('INVALID_OPTION', `${name}: a function is needed`);
  }
  const session = rest.session ?? injected();
  // Without a scheme that is what is missing, and AuthSocket says so.
  if (session === undefined && rest.scheme && !['anonymous', 'cookie'].includes(rest.scheme.type)) {
    throw failure('INVALID_OPTION', 'session: there is none; give one, or install it with app.use(gatepass(session)), which is found until the first await of a setup');
  }
  const socket = shallowRef<AuthSocket>();
  const state = ref<SocketState>('idle');
  const phase = ref<Phase>();
  const data = shallowRef<unknown>();
  const error = shallowRef<GatepassError>();
  const retryIn = ref<number>();
  let unshow = () => {};

  const tell = (shown: Shown) => {
    state.value = shown.state;
    phase.value = shown.phase;
    error.value = shown.error;
    retryIn.value = shown.retryIn;
  };
  const handle = (event: MessageEvent) => {
    data.value = event.data;
    onMessage?.(event.data);
  };
  const onChange = (change: StateChange) => onStateChange?.(change);
  const leave = () => {
    unshow();
    const present = socket.value;
    socket.value = undefined;
    present?.removeEventListener('message', handle);
    present?.removeEventListener('statechange', onChange);
    present?.close();
  };
  const open = () => {
    leave();
    tell(NOTHING);
    data.value = undefined;
    const address = toValue(url);
    if (!address || typeof window === 'undefined') return;
    const made = new AuthSocket(address, session === undefined ? rest : { ...rest, session });
    unshow = show(made, tell, () => (data.value = undefined));
    made.addEventListener('statechange', onChange);
    made.addEventListener('message', handle);
    socket.value = made;
  };
  // At once, so that a wrong option throws where it is written.
  open();
  const unwatch = watch(() => String(toValue(url) || ''), () => {
    try {
      open();
    } catch (thrown) {
      // Nobody is there to catch it.
      error.value = thrown as GatepassError;
    }
  }, { flush: 'sync' });
  const stop = () => {
    unwatch();
    leave();
    tell({ ...NOTHING, state: 'closed', error: error.value });
  };
  atEnd(stop);

  const present = () => {
    if (socket.value === undefined) throw failure('CLOSED', 'there is no socket: no URL, or this is a server');
    return socket.value;
  };
  return {
    socket: shallowReadonly(socket) as UseAuthSocket['socket'], state: readonly(state), phase: readonly(phase), data: shallowReadonly(data) as UseAuthSocket['data'],
    error: shallowReadonly(error) as UseAuthSocket['error'], retryIn: readonly(retryIn),
    send: (message, options) => present().send(message, options),
    reconnect: () => socket.value?.reconnect(),
    // As a handler in a template it is called with an event.
    close: (code, reason) => socket.value?.close((code as unknown) instanceof Event ? undefined : code, reason),
    stop,
  };
}

function injected(): Session | undefined {
  return hasInjectionContext() ? inject(KEY, undefined) : undefined;
}

function check(session: Session): void {
  if (!(session instanceof Session)) throw failure('INVALID_OPTION', 'session: a Session is needed');
}

/** With the scope, where there is one; outside of any the caller ends it. */
function atEnd(end: () => void): void {
  if (getCurrentScope() !== undefined) onScopeDispose(end);
}

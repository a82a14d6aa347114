/**
 * gatepass in Vue 3: a session and sockets as refs, which end with the scope that made them. Safe on a server (SSR): nothing connects there.
 * @module gatepass/vue
 */

import {
  computed,
  getCurrentInstance,
  getCurrentScope,
  hasInjectionContext,
  inject,
  onMounted,
  onScopeDispose,
  shallowReadonly,
  shallowRef,
  toValue,
  watch,
  type ComputedRef,
  type InjectionKey,
  type MaybeRefOrGetter,
  type Plugin,
  type Ref,
  type ShallowRef,
} from 'vue';
import { addressOf, socketOptions, SocketSlot, watchSession, type SocketView } from './adapter.js';
import { failure, type GatepassError } from './errors.js';
import type { Phase, SocketState, StateChange, SuspendReason } from './events.js';
import { Session, type SessionState } from './session.js';
import type { AuthSocket, Sendable, SentMessage } from './socket.js';
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
  /** Whether it is not known yet if somebody is signed in: show neither the app nor the login. */
  isLoading: ComputedRef<boolean>;
  /** Whether somebody is signed in; also while their token is renewed. */
  isSignedIn: ComputedRef<boolean>;
  /** Why the session has ended, until somebody signs in. */
  error: Readonly<ShallowRef<GatepassError | undefined>>;
  /** Stops listening. The scope does it; where there is none (after an `await` in `setup`, outside of components) call it yourself. */
  stop(): void;
}

/**
 * The session as refs.
 *
 * @param session @default that of the plugin
 * @throws GatepassError INVALID_OPTION if there is none
 */
export function useSession(session: Session | undefined = injected()): UseSession {
  if (session === undefined)
    throw failure('INVALID_OPTION', 'session: there is none; give one, or install it with app.use(gatepass(session))');
  check(session);
  // A page that takes over a server's HTML has to show the same first. Vue gives such a component its element before its setup.
  const isHydrating = getCurrentInstance()?.vnode.el != null;
  const view = shallowRef(isHydrating ? session.unread : session.snapshot);
  let stop = () => {};
  const start = () => (stop = watchSession(session, (next) => (view.value = next)));
  if (isHydrating) onMounted(start);
  else start();
  atEnd(() => stop());
  return {
    session,
    stop: () => stop(),
    state: computed(() => view.value.state),
    isLoading: computed(() => view.value.isLoading),
    isSignedIn: computed(() => view.value.isSignedIn),
    error: computed(() => view.value.error),
  };
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
  /** The phase of the present try, while connecting. */
  phase: Readonly<Ref<Phase | undefined>>;
  /** What it waits for, while suspended: `sign-in`, `offline`, `hidden` or `frozen`. */
  suspendedFor: Readonly<Ref<SuspendReason | undefined>>;
  /** The last message. */
  data: Readonly<ShallowRef<unknown>>;
  /** The last failure, until it is connected again. */
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
  /** As `AuthSocket.close`. Another URL still opens another socket. */
  close(code?: number, reason?: string): void;
  /** Closes, and stops watching the URL. The scope does it; where there is none (after an `await` in `setup`, outside of components) call it yourself. */
  stop(): void;
}

/**
 * A socket as refs. It closes with the scope. The URL may be a ref or a getter: when it changes, the socket is replaced; without a URL there is none.
 *
 * @throws GatepassError as AuthSocket does; INVALID_OPTION if there is no session and the scheme needs one
 */
export function useAuthSocket(
  url: MaybeRefOrGetter<string | URL | null | undefined | false>,
  options: UseAuthSocketOptions,
): UseAuthSocket {
  const given = socketOptions(
    options,
    injected(),
    'install it with app.use(gatepass(session)), which is found until the first await of a setup',
  );
  const { onMessage, onStateChange } = options;
  const socket = shallowRef<AuthSocket>();
  const view = shallowRef<SocketView>();
  const data = shallowRef<unknown>();
  const slot = new SocketSlot(given, {
    view: (next) => {
      view.value = next;
      socket.value = slot.socket;
    },
    data: (value) => (data.value = value),
    message: (value) => onMessage?.(value),
    change: (change) => onStateChange?.(change),
  });
  // At once, so that a wrong URL throws where it is written.
  slot.open(toValue(url));
  socket.value = slot.socket;
  const unwatch = watch(
    () => addressOf(() => toValue(url)),
    (address) => {
      slot.reopen(address);
      socket.value = slot.socket;
    },
    { flush: 'sync' },
  );
  const stop = () => {
    unwatch();
    slot.stop();
  };
  atEnd(stop);

  return {
    socket: shallowReadonly(socket) as UseAuthSocket['socket'],
    state: computed(() => view.value!.state),
    phase: computed(() => view.value!.phase),
    suspendedFor: computed(() => view.value!.suspendedFor),
    data: shallowReadonly(data) as UseAuthSocket['data'],
    error: computed(() => view.value!.error),
    retryIn: computed(() => view.value!.retryIn),
    send: (message, options) => slot.present().send(message, options),
    reconnect: () => slot.socket?.reconnect(),
    // As a handler in a template it is called with an event.
    close: (code, reason) => slot.socket?.close((code as unknown) instanceof Event ? undefined : code, reason),
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

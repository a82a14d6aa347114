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
import type { RequestOptions } from './request-rules.js';
import type { SubscribeOptions } from './rules.js';
import { Session, type SessionState } from './session.js';
import type { AuthSocket, Sendable, SentMessage } from './socket.js';
import type { AuthSocketOptions } from './socket-options.js';
import { keyOf, NO_SUBSCRIPTION, SubscriptionSlot } from './subscription-slot.js';

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
export interface UseAuthSocketOptions<In = any, Out = any> extends AuthSocketOptions<In, Out> {
  /** Called with every message. `data` shows the last one alone: two that arrive together are one change of a ref. */
  onMessage?: (data: In) => void;
  /** Called with every change of state: what may not have arrived is in its `unconfirmed`. */
  onStateChange?: (change: StateChange) => void;
}

/** What {@link useAuthSocket} gives. */
export interface UseAuthSocket<In = unknown, Out = Sendable> {
  /** The present socket; none without a URL, and on a server. */
  socket: Readonly<ShallowRef<AuthSocket<In, Out> | undefined>>;
  /** Its state; `idle` without one, `closed` after `stop()`. */
  state: Readonly<Ref<SocketState>>;
  /** The phase of the present try, while connecting. */
  phase: Readonly<Ref<Phase | undefined>>;
  /** What it waits for, while suspended: `sign-in`, `offline`, `hidden` or `frozen`. */
  suspendedFor: Readonly<Ref<SuspendReason | undefined>>;
  /** The last message. */
  data: Readonly<ShallowRef<In | undefined>>;
  /** The last failure, until it is connected again. */
  error: Readonly<ShallowRef<GatepassError | undefined>>;
  /** Whole seconds until the next try, while it waits. */
  retryIn: Readonly<Ref<number | undefined>>;
  /**
   * As `AuthSocket.send`.
   * @throws GatepassError CLOSED, also without a URL and on a server
   */
  send(data: Out, options?: { ttl?: number }): SentMessage;
  /**
   * As `AuthSocket.request`.
   * @throws GatepassError as that; CLOSED also without a URL and on a server
   */
  request<Answer = In>(message: Out, options?: RequestOptions<In> & { signal?: AbortSignal }): Promise<Answer>;
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
export function useAuthSocket<In = unknown, Out = Sendable>(
  url: MaybeRefOrGetter<string | URL | null | undefined | false>,
  options: UseAuthSocketOptions<In, Out>,
): UseAuthSocket<In, Out> {
  const given = socketOptions(
    options,
    injected(),
    'install it with app.use(gatepass(session)), which is found until the first await of a setup',
  );
  const { onMessage, onStateChange } = options;
  const socket = shallowRef<AuthSocket<any, any>>();
  const view = shallowRef<SocketView>();
  const data = shallowRef<unknown>();
  const slot = new SocketSlot(given, {
    view: (next) => {
      view.value = next;
      socket.value = slot.socket;
    },
    data: (value) => (data.value = value),
    message: (value) => onMessage?.(value as In),
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
    socket: shallowReadonly(socket),
    state: computed(() => view.value!.state),
    phase: computed(() => view.value!.phase),
    suspendedFor: computed(() => view.value!.suspendedFor),
    data: shallowReadonly(data) as UseAuthSocket<In>['data'],
    error: computed(() => view.value!.error),
    retryIn: computed(() => view.value!.retryIn),
    send: (message, options) => slot.present().send(message, options),
    request: async (message, options) => slot.present().request(message, options),
    reconnect: () => slot.socket?.reconnect(),
    // As a handler in a template it is called with an event.
    close: (code, reason) => slot.socket?.close((code as unknown) instanceof Event ? undefined : code, reason),
    stop,
  };
}

/** Options of {@link useSubscription}. */
export interface UseSubscriptionOptions<In = any, Message = In> extends SubscribeOptions<In> {
  /** Called with each of its messages. `data` shows the last one alone: two that arrive together are one change of a ref. */
  onMessage?: (message: Message) => void;
}

/** What {@link useSubscription} gives. */
export interface UseSubscription<Message> {
  /** The last message. */
  data: Readonly<ShallowRef<Message | undefined>>;
  /** Whether the server has joined it. */
  isReady: Readonly<Ref<boolean>>;
  /** Why it has ended: SUBSCRIPTION_REFUSED, or what closed the socket. */
  error: Readonly<ShallowRef<GatepassError | undefined>>;
  /** Ends it. The scope does it; where there is none, call it yourself. */
  stop(): void;
}

/**
 * A subscription that ends with the scope. Components with the same message, or `key`, share one. Another socket or another message is another subscription;
 * without either there is none. For another user it is subscribed again.
 *
 * @param socket that of `useAuthSocket`, with a codec
 * @param message what subscribes; may be a ref or a getter, and so may `options`, which are read when it subscribes
 * @throws GatepassError INVALID_OPTION for wrong options and a socket without a codec
 */
export function useSubscription<In = any, Message = In>(
  socket: MaybeRefOrGetter<AuthSocket<In, any> | undefined>,
  message: MaybeRefOrGetter<unknown>,
  options: MaybeRefOrGetter<UseSubscriptionOptions<In, Message>>,
): UseSubscription<Message> {
  let last: UseSubscriptionOptions<In, Message> | undefined;
  const view = shallowRef(NO_SUBSCRIPTION);
  const data = shallowRef<Message>();
  const slot = new SubscriptionSlot({
    view: (next) => (view.value = next),
    data: (value) => {
      data.value = value as Message | undefined;
      if (value !== undefined) last?.onMessage?.(value as Message);
    },
  });
  const open = () => {
    last = toValue(options);
    const { onMessage: _, ...given } = last ?? {};
    slot.open(toValue(socket), toValue(message), given as UseSubscriptionOptions);
  };
  open();
  const key = () => keyOf(toValue(message), toValue(options));
  const unwatch = watch([() => toValue(socket), key], open, { flush: 'sync' });
  const stop = () => {
    unwatch();
    slot.stop();
  };
  atEnd(stop);
  return {
    data: shallowReadonly(data) as UseSubscription<Message>['data'],
    isReady: computed(() => view.value.isReady),
    error: computed(() => view.value.error),
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

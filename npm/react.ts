/**
 * gatepass in React 18 and 19: a session and sockets as hooks, which end with the component. Safe in StrictMode and on a server (SSR): nothing connects there.
 * @module gatepass/react
 */

import {
  createContext,
  createElement,
  useContext,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  useSyncExternalStore,
  type ReactNode,
} from 'react';
import { NO_SOCKET, socketOptions, SocketSlot, type Callbacks, type SocketView } from './adapter.js';
import { failure, type GatepassError } from './errors.js';
import type { Phase, SocketState, StateChange, SuspendReason } from './events.js';
import type { RequestOptions } from './request-rules.js';
import type { SubscribeOptions } from './rules.js';
import { Session, type SessionSnapshot, type SessionState } from './session.js';
import type { AuthSocket, Sendable, SentMessage } from './socket.js';
import type { AuthSocketOptions } from './socket-options.js';
import { keyOf, NO_SUBSCRIPTION, SubscriptionSlot, type SubscriptionView } from './subscription-slot.js';

/** How all components get a session. */
const PROVIDE = 'put a GatepassProvider around the component';

const Context = createContext<Session | undefined>(undefined);

/**
 * Gives the session to the hooks of all components within: `<GatepassProvider session={session}>…</GatepassProvider>`. Make the session outside of components.
 *
 * @throws GatepassError INVALID_OPTION for what is no session
 */
export function GatepassProvider(props: { session: Session; children?: ReactNode }): ReactNode {
  check(props.session);
  return createElement(Context.Provider, { value: props.session }, props.children);
}

/** What {@link useSession} gives. */
export interface UseSession {
  /** The session itself: `login()`, `logout()`, `fetch()`. */
  readonly session: Session;
  /** Its state. */
  readonly state: SessionState;
  /** Whether it is not known yet if somebody is signed in: show neither the app nor the login. */
  readonly isLoading: boolean;
  /** Whether somebody is signed in; also while their token is renewed. */
  readonly isSignedIn: boolean;
  /** Why the session has ended, until somebody signs in. */
  readonly error: GatepassError | undefined;
}

/**
 * The session. The component is rendered again when it changes.
 *
 * @param given @default that of the `GatepassProvider` around it
 * @throws GatepassError INVALID_OPTION if there is none
 */
export function useSession(given?: Session): UseSession {
  const provided = useContext(Context);
  const session = given ?? provided;
  if (session === undefined) throw failure('INVALID_OPTION', `session: there is none; give one, or ${PROVIDE}`);
  check(session);
  const snapshot: SessionSnapshot = useSyncExternalStore(
    session.subscribe,
    () => session.snapshot,
    () => session.unread,
  );
  return { session, ...snapshot };
}

/** Options of {@link useAuthSocket}. */
export interface UseAuthSocketOptions<In = any, Out = any> extends AuthSocketOptions<In, Out> {
  /** Called with every message. A component that does not read `data` is not rendered for it. */
  onMessage?: (data: In) => void;
  /** Called with every change of state: what may not have arrived is in its `unconfirmed`. */
  onStateChange?: (change: StateChange) => void;
}

/** What {@link useAuthSocket} gives. The functions stay the same. */
export interface UseAuthSocket<In = unknown, Out = Sendable> {
  /** The present socket; none without a URL, before the first effect, and on a server. */
  readonly socket: AuthSocket<In, Out> | undefined;
  /** Its state; `idle` without one. */
  readonly state: SocketState;
  /** The phase of the present try, while connecting. */
  readonly phase: Phase | undefined;
  /** What it waits for, while suspended: `sign-in`, `offline`, `hidden` or `frozen`. */
  readonly suspendedFor: SuspendReason | undefined;
  /** The last message: of two that arrive together React may show the second alone. A component that reads it is rendered again for each. */
  readonly data: In | undefined;
  /** The last failure, until it is connected again. */
  readonly error: GatepassError | undefined;
  /** Whole seconds until the next try, while it waits. */
  readonly retryIn: number | undefined;
  /**
   * As `AuthSocket.send`.
   * @throws GatepassError CLOSED, also without a URL, and before the effects of the component
   */
  readonly send: (data: Out, options?: { ttl?: number }) => SentMessage;
  /**
   * As `AuthSocket.request`.
   * @throws GatepassError as that; CLOSED also without a URL, and before the effects of the component
   */
  readonly request: <Answer = In>(
    message: Out,
    options?: RequestOptions<In> & { signal?: AbortSignal },
  ) => Promise<Answer>;
  /** As `AuthSocket.reconnect`. */
  readonly reconnect: () => void;
  /** As `AuthSocket.close`. Another URL still opens another socket. */
  readonly close: (code?: number, reason?: string) => void;
}

/**
 * A socket that closes with the component. When the URL changes, the socket is replaced; without a URL there is none. `onMessage` and `onStateChange` may be
 * other functions at each render. The other options are read once.
 *
 * @throws GatepassError as AuthSocket does for its options; a wrong URL is the `error` of what is returned. INVALID_OPTION if there is no session and the scheme needs one
 */
export function useAuthSocket<In = unknown, Out = Sendable>(
  url: string | URL | null | undefined | false,
  options: UseAuthSocketOptions<In, Out>,
): UseAuthSocket<In, Out> {
  if (typeof url === 'function')
    throw failure('INVALID_OPTION', 'url: a string or a URL is needed; a function is another one at each render');
  const provided = useContext(Context);
  const [known, setPlace] = useState(() => new Place(options, provided));
  let place = known;
  if (place.provided !== provided) {
    // Another session of the provider is another socket.
    place = new Place(options, provided);
    setPlace(place);
  }
  const { view, data, socket } = useSyncExternalStore(place.subscribe, place.shown, serverShown);
  // Those of the last render that was shown.
  useEffect(() => {
    place.callbacks = options;
  });
  const address = url instanceof URL ? url.href : url;
  // Before the effects of the components within, which may send.
  useEarlyEffect(() => place.slot.reopen(address), [place, address]);
  useEarlyEffect(() => () => place.slot.stop(), [place]);
  return {
    ...view,
    socket,
    get data() {
      place.showsData = true;
      return data as In | undefined;
    },
    ...place.functions,
  };
}

/** React 18 warns of layout effects on a server. */
const useEarlyEffect = typeof window === 'undefined' ? useEffect : useLayoutEffect;

/** What is shown of a socket. */
interface Shown {
  readonly view: SocketView;
  readonly data: unknown;
  readonly socket: AuthSocket<any, any> | undefined;
}

const NOTHING: Shown = { view: NO_SOCKET, data: undefined, socket: undefined };
const serverShown = () => NOTHING;

/** The place of a component's socket, as a store that React reads. */
class Place {
  readonly slot: SocketSlot;
  readonly provided: Session | undefined;
  callbacks: Callbacks;
  /** Whether the component has read `data`. */
  showsData = false;
  #shown = NOTHING;
  readonly #listeners = new Set<() => void>();

  constructor(options: UseAuthSocketOptions, provided: Session | undefined) {
    this.callbacks = options;
    this.provided = provided;
    this.slot = new SocketSlot(socketOptions(options, provided, PROVIDE), {
      view: (view) => this.#show({ ...this.#shown, view, socket: this.slot.socket }),
      data: (data) => this.#show({ ...this.#shown, data }, this.showsData),
      message: (data) => this.callbacks.onMessage?.(data),
      change: (change) => this.callbacks.onStateChange?.(change),
    });
  }

  readonly shown = () => this.#shown;

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  readonly functions = {
    send: (data: any, options?: { ttl?: number }) => this.slot.present().send(data, options),
    request: async (message: any, options?: RequestOptions & { signal?: AbortSignal }): Promise<any> =>
      this.slot.present().request(message, options),
    reconnect: () => this.slot.socket?.reconnect(),
    // As a handler it is called with an event.
    close: (code?: number, reason?: string) =>
      this.slot.socket?.close(typeof code === 'number' ? code : undefined, reason),
  };

  #show(shown: Shown, tell = true): void {
    this.#shown = shown;
    if (tell) for (const listener of this.#listeners) listener();
  }
}

/** Options of {@link useSubscription}. */
export interface UseSubscriptionOptions<In = any, Message = In> extends SubscribeOptions<In> {
  /** Called with each of its messages. A component that does not read `data` is not rendered for it. */
  onMessage?: (message: Message) => void;
}

/** What {@link useSubscription} gives. */
export interface UseSubscription<Message> {
  /** The last message: of two that arrive together React may show the second alone. */
  readonly data: Message | undefined;
  /** Whether the server has joined it. */
  readonly isReady: boolean;
  /** Why it has ended: SUBSCRIPTION_REFUSED, or what closed the socket. */
  readonly error: GatepassError | undefined;
}

/**
 * A subscription that ends with the component. Components with the same message, or `key`, share one. Another socket or another message is another
 * subscription; without either there is none. For another user it is subscribed again. `onMessage` may be another function at each render; the other options
 * are read when it subscribes.
 *
 * @param socket that of `useAuthSocket`, with a codec
 * @throws GatepassError INVALID_OPTION for wrong options and a socket without a codec, within an effect
 */
export function useSubscription<In = any, Message = In>(
  socket: AuthSocket<In, any> | undefined,
  message: unknown,
  options: UseSubscriptionOptions<In, Message>,
): UseSubscription<Message> {
  const [[view, data], setShown] = useState<[SubscriptionView, Message | undefined]>([NO_SUBSCRIPTION, undefined]);
  const showsData = useRef(false);
  const last = useRef(options);
  useEffect(() => {
    last.current = options;
  });
  const key = keyOf(message, options);
  useEffect(() => {
    let shown: [SubscriptionView, Message | undefined] = [NO_SUBSCRIPTION, undefined];
    const slot = new SubscriptionSlot({
      view: (next) => setShown((shown = [next, shown[1]])),
      data: (value) => {
        shown = [shown[0], value as Message | undefined];
        if (showsData.current) setShown(shown);
        if (value !== undefined) last.current.onMessage?.(value as Message);
      },
    });
    const { onMessage: _, ...given } = last.current;
    slot.open(socket, message, given);
    return () => slot.stop();
    // The message is compared by its key.
  }, [socket, key]);
  return {
    ...view,
    get data() {
      showsData.current = true;
      return data;
    },
  };
}

function check(session: Session): void {
  if (!(session instanceof Session)) throw failure('INVALID_OPTION', 'session: a Session is needed');
}

/**
 * gatepass in Angular: a session and sockets as services, with signals and observables. It runs outside of the zone, except for
 * subscribers, so the app becomes stable while a socket waits. It works without zone.js. On a server (SSR) nothing connects.
 * @module gatepass/angular
 */

import { HttpContextToken, HttpErrorResponse, type HttpInterceptorFn, type HttpRequest } from '@angular/common/http';
import {
  afterNextRender,
  computed,
  DestroyRef,
  effect,
  inject,
  InjectionToken,
  makeEnvironmentProviders,
  NgZone,
  signal,
  untracked,
  type EnvironmentProviders,
  type Signal,
} from '@angular/core';
import { catchError, from, type Observable, of, Subject, switchMap, throwError } from 'rxjs';
// Angular's builder has no place for a .wasm beside the script.
import './inline.js';
import { addressOf, SocketSlot, watchSession, type SocketView } from './adapter.js';
import { failure, isGatepassError, type GatepassError } from './errors.js';
import type { Phase, SocketState, StateChange, SuspendReason } from './events.js';
import type { JsonValue } from './schemes.js';
import { isRecord, Options } from './options.js';
import type { RequestOptions } from './request-rules.js';
import type { SubscribeOptions } from './rules.js';
import { Session, type SessionOptions, type SessionState } from './session.js';
import type { AuthSocket, SentMessage } from './socket.js';
import type { AuthSocketOptions } from './socket-options.js';
import { keyOf, NO_SUBSCRIPTION, SubscriptionSlot } from './subscription-slot.js';

/** Options of {@link provideGatepass}. */
export interface GatepassOptions {
  /** The session's options, or a session. */
  session: Session | SessionOptions;
  /** The socket that {@link GatepassSocket} is, with the session above. @default none */
  socket?: {
    /** Its address, as `AuthSocket` takes it. */
    url: string | URL;
  } & Omit<AuthSocketOptions, 'session'>;
}

const OPTIONS = new InjectionToken<GatepassOptions>('options of gatepass');

/**
 * Provides {@link GatepassSession} and {@link GatepassSocket}: `bootstrapApplication(App, { providers: [provideGatepass({ session, socket })] })`.
 *
 * @throws GatepassError INVALID_OPTION, naming the option
 */
export function provideGatepass(options: GatepassOptions): EnvironmentProviders {
  const given = new Options(options, '', { session: 'face', socket: 'face' });
  if (!isRecord(given.get('session')) && !(options.session instanceof Session))
    given.fail('session', 'a Session or its options are needed');
  if (options.socket != null) {
    const { url } = given.record('socket');
    if (typeof url !== 'string' && !(url instanceof URL)) given.fail('socket', 'a URL is needed as `url`');
    if ('session' in options.socket) given.fail('socket', 'it has the session beside it; remove `session` here');
  }
  return makeEnvironmentProviders([
    { provide: OPTIONS, useValue: options },
    { provide: GatepassSession, useFactory: () => new GatepassSession() },
    { provide: GatepassSocket, useFactory: ownSocket },
  ]);
}

/** The session as signals. */
export class GatepassSession {
  readonly #zone = inject(NgZone);
  /** The session itself. What is called on it directly runs in the zone of the caller; the methods here do not. */
  readonly session: Session;
  /** Its state. */
  readonly state: Signal<SessionState>;
  /** Whether it is not known yet if somebody is signed in: show neither the app nor the login. */
  readonly isLoading: Signal<boolean>;
  /** Whether somebody is signed in; also while their token is renewed. */
  readonly isSignedIn: Signal<boolean>;
  /** Why the session has ended, until somebody signs in. */
  readonly error: Signal<GatepassError | undefined>;

  /** @internal */
  constructor() {
    const { session } = inject(OPTIONS);
    this.session = this.#zone.runOutsideAngular(() => (session instanceof Session ? session : new Session(session)));
    // A page that takes over a server's HTML has to show the same first.
    const isHydrating = typeof document !== 'undefined' && document.querySelector('[ng-server-context]') !== null;
    const view = signal(isHydrating ? this.session.unread : this.session.snapshot);
    this.state = computed(() => view().state);
    this.isLoading = computed(() => view().isLoading);
    this.isSignedIn = computed(() => view().isSignedIn);
    this.error = computed(() => view().error);
    let stop = () => {};
    const start = () =>
      (stop = this.#zone.runOutsideAngular(() => watchSession(this.session, (next) => view.set(next))));
    if (isHydrating) afterNextRender(start);
    else start();
    inject(DestroyRef).onDestroy(() => stop());
  }

  /** As `Session.login`. */
  login(credentials: Record<string, JsonValue>): Promise<void> {
    return this.#zone.runOutsideAngular(() => this.session.login(credentials));
  }

  /** As `Session.logout`. */
  logout(): void {
    this.#zone.runOutsideAngular(() => this.session.logout());
  }
}

/** A socket as signals and observables. Made by {@link provideGatepass} for the app, and by {@link injectAuthSocket} for a component. */
export class GatepassSocket<In = any, Out = any> {
  readonly #zone = inject(NgZone);
  readonly #view = signal<SocketView | undefined>(undefined);
  readonly #data = signal<In | undefined>(undefined);
  readonly #socket = signal<AuthSocket<In, Out> | undefined>(undefined);
  readonly #slot: SocketSlot;
  /** Its state; `idle` without one. */
  readonly state: Signal<SocketState> = computed(() => this.#view()?.state ?? 'idle');
  /** The phase of the present try, while connecting. */
  readonly phase: Signal<Phase | undefined> = computed(() => this.#view()?.phase);
  /** What it waits for, while suspended: `sign-in`, `offline`, `hidden` or `frozen`. */
  readonly suspendedFor: Signal<SuspendReason | undefined> = computed(() => this.#view()?.suspendedFor);
  /** The last message: two that arrive together are one change of a signal. {@link messages} has all. */
  readonly data = this.#data.asReadonly();
  /** The last failure, until it is connected again. */
  readonly error: Signal<GatepassError | undefined> = computed(() => this.#view()?.error);
  /** Whole seconds until the next try, while it waits. */
  readonly retryIn: Signal<number | undefined> = computed(() => this.#view()?.retryIn);
  readonly #messages = new Subject<In>();
  readonly #changes = new Subject<StateChange>();
  /** The data of every message from now on, across reconnects. It completes when this service is destroyed. */
  readonly messages = this.#messages.asObservable();
  /** Every change of state. */
  readonly changes = this.#changes.asObservable();

  /** @internal */
  constructor(url: SocketUrl, options: AuthSocketOptions) {
    // Signals tell Angular by themselves; only subscribers are called in the zone.
    const emit = <T>(to: Subject<T>, value: T) => to.observed && this.#zone.run(() => to.next(value));
    const slot: SocketSlot = (this.#slot = new SocketSlot(options, {
      view: (next) => {
        this.#view.set(next);
        this.#socket.set(slot.socket);
      },
      data: (data) => this.#data.set(data as In | undefined),
      message: (data) => emit(this.#messages, data as In),
      change: (change) => emit(this.#changes, change),
    }));
    if (typeof url !== 'function') this.#zone.runOutsideAngular(() => slot.open(url));
    else if (typeof window !== 'undefined') {
      const address = computed(() => addressOf(url));
      // An input() has no value before the first effect.
      effect(() => {
        const present = address();
        untracked(() => this.#zone.runOutsideAngular(() => slot.reopen(present)));
      });
    }
    inject(DestroyRef).onDestroy(() => {
      // Subscribers see it close.
      this.#zone.runOutsideAngular(() => slot.stop());
      this.#messages.complete();
      this.#changes.complete();
    });
  }

  /** The present socket; none on a server, and without a URL. What is called on it directly runs in the zone of the caller. */
  get socket(): AuthSocket<In, Out> | undefined {
    return this.#slot.socket;
  }

  /**
   * As `AuthSocket.send`.
   * @throws GatepassError as that; CLOSED on a server, and without a URL
   */
  send(data: Out, options?: { ttl?: number }): SentMessage {
    return this.#zone.runOutsideAngular(() => this.#slot.present().send(data, options));
  }

  /**
   * As `AuthSocket.request`.
   * @throws GatepassError as that; CLOSED also on a server, and without a URL
   */
  async request<Answer = In>(message: Out, options?: RequestOptions<In> & { signal?: AbortSignal }): Promise<Answer> {
    return this.#zone.runOutsideAngular(() => this.#slot.present().request<Answer>(message, options));
  }

  /** @internal */
  get present(): Signal<AuthSocket<In, Out> | undefined> {
    return this.#socket;
  }

  /** As `AuthSocket.reconnect`. */
  reconnect(): void {
    this.#zone.runOutsideAngular(() => this.socket?.reconnect());
  }

  /** As `AuthSocket.close`. */
  close(code?: number, reason?: string): void {
    this.#zone.runOutsideAngular(() => this.socket?.close(code, reason));
  }
}

/** A URL, or a signal or function of signals that returns one. When it changes, the socket is replaced; without a URL there is none. */
export type SocketUrl = string | URL | (() => string | URL | null | undefined | false);

/**
 * Makes a socket that closes with the component, directive or service that asks for it, with the provided session. To be called where
 * `inject()` may be. The options are read once.
 *
 * @throws GatepassError as AuthSocket does; if the URL is a signal, a wrong URL is the `error` of what is returned
 */
export function injectAuthSocket<In = any, Out = any>(
  url: SocketUrl,
  options: Omit<AuthSocketOptions<In, Out>, 'session'>,
): GatepassSocket<In, Out> {
  const { session } = inject(GatepassSession);
  if (!isRecord(options)) throw failure('INVALID_OPTION', 'options: an object with the scheme is needed');
  if (((options as AuthSocketOptions).session ?? session) !== session)
    throw failure('INVALID_OPTION', 'session: the one of provideGatepass() is used; remove it here');
  return new GatepassSocket<In, Out>(url, { ...options, session });
}

/** A subscription as signals and an observable. Made by {@link subscription}. */
export interface GatepassSubscription<Message> {
  /** The last message: two that arrive together are one change of a signal. `messages` has all. */
  readonly data: Signal<Message | undefined>;
  /** Whether the server has joined it. */
  readonly isReady: Signal<boolean>;
  /** Why it has ended: SUBSCRIPTION_REFUSED, or what closed the socket. */
  readonly error: Signal<GatepassError | undefined>;
  /** Every message from now on. It completes with the component. */
  readonly messages: Observable<Message>;
}

/**
 * Subscribes until the component, directive or service that asks for it is destroyed. Those with the same message, or `key`, share one. To be called where
 * `inject()` may be. Another message is another subscription, without one there is none. For another user it is subscribed again.
 *
 * @param message what subscribes; may be a signal or a function of signals, and so may `options`, which are read when it subscribes
 * @throws GatepassError INVALID_OPTION for wrong options and a socket without a codec, within an effect
 */
export function subscription<In = any, Message = In>(
  socket: GatepassSocket<In, any>,
  message: unknown,
  options: SubscribeOptions<In> | (() => SubscribeOptions<In>),
): GatepassSubscription<Message> {
  const zone = inject(NgZone);
  const [view, data] = [signal(NO_SUBSCRIPTION), signal<Message | undefined>(undefined)];
  const messages = new Subject<Message>();
  const slot = new SubscriptionSlot({
    view: (next) => view.set(next),
    data: (value) => {
      data.set(value as Message | undefined);
      if (value !== undefined && messages.observed) zone.run(() => messages.next(value as Message));
    },
  });
  const present = (): unknown => (typeof message === 'function' ? message() : message);
  const given = () => (typeof options === 'function' ? options() : options);
  const key = computed(() => keyOf(present(), given()));
  effect(() => {
    const to = socket.present();
    key();
    untracked(() => zone.runOutsideAngular(() => slot.open(to, present(), given())));
  });
  inject(DestroyRef).onDestroy(() => {
    zone.runOutsideAngular(() => slot.stop());
    messages.complete();
  });
  return {
    data: data.asReadonly(),
    isReady: computed(() => view().isReady),
    error: computed(() => view().error),
    messages: messages.asObservable(),
  };
}

function ownSocket(): GatepassSocket {
  const { socket } = inject(OPTIONS);
  if (socket == null) throw failure('INVALID_OPTION', 'socket: provideGatepass() was given none');
  const { url, ...options } = socket;
  return injectAuthSocket(url, options);
}

/** For a call that is to go as it is: `context: new HttpContext().set(WITHOUT_TOKEN, true)`. Needed for those that `getToken` makes. */
export const WITHOUT_TOKEN = new HttpContextToken(() => false);

/**
 * Sends the session's token with the app's own HTTP calls: `provideHttpClient(withInterceptors([gatepassInterceptor]))`. Only the origins
 * of the session's endpoints and its `fetchOrigins` get it, and not the endpoints of login and refresh. It is renewed before it ends, and
 * once more if the server answers 401. A request with an `Authorization` of its own or {@link WITHOUT_TOKEN} is sent unchanged, and so is every one
 * if there is no token: nobody is signed in, or this is a server. A renewal that fails temporarily is reported as a network failure,
 * an `HttpErrorResponse` with status 0. So is a request that waits for a token when another user signs in.
 */
export const gatepassInterceptor: HttpInterceptorFn = (request, next) => {
  const { session } = inject(GatepassSession);
  const zone = inject(NgZone);
  if (
    typeof window === 'undefined' ||
    request.context.get(WITHOUT_TOKEN) ||
    request.headers.has('Authorization') ||
    !session.mayGet(request.url)
  )
    return next(request);
  const granted = (refused: number) => from(zone.runOutsideAngular(() => session.authorization(refused)));
  // A session by cookie has no token.
  const withToken = (value: string): HttpRequest<unknown> =>
    request.clone(value === '' ? { withCredentials: true } : { setHeaders: { Authorization: value } });
  return granted(-1).pipe(
    catchError((error: unknown) => {
      if (isGatepassError(error) && (error.disposition === 'retry' || error.code === 'SUPERSEDED'))
        return throwError(() => new HttpErrorResponse({ error, status: 0, url: request.url }));
      return of(undefined);
    }),
    switchMap((grant) =>
      grant === undefined
        ? next(request)
        : next(withToken(grant[0])).pipe(
            catchError((error: unknown) => {
              if (!(error instanceof HttpErrorResponse) || error.status !== 401) return throwError(() => error);
              // Without another token the first answer stands.
              return granted(grant[1]).pipe(
                catchError(() => throwError(() => error)),
                switchMap(([value]) => next(withToken(value))),
              );
            }),
          ),
    ),
  );
};

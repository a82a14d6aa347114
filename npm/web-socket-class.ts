// A class that libraries take for the browser's WebSocket (WHATWG WebSockets standard). Each instance is one connection of an AuthSocket.

import { ours } from './connection-driver.js';
import { failure } from './errors.js';
import { addHandlers, addStates, closeEvent, Handlers, STATES } from './events.js';
import { TOKEN } from './options.js';
import { isBinary, type Sendable } from './payload.js';
import { AuthSocket, inside } from './socket.js';
import type { AuthSocketOptions } from './socket-options.js';

/** Options of {@link webSocketClass}: those of an {@link AuthSocket}, whose sockets are one connection each. */
export interface WebSocketClassOptions extends Omit<AuthSocketOptions, 'handover' | 'reconnect'> {
  /** Never: the library reconnects. */
  reconnect?: false;
}

/** How long `close()` waits for the native `close` event, in milliseconds. Browsers have bounds of their own, of a few seconds. */
const CLOSING = 30_000;

/** The AuthSocket of each instance of such a class. */
const sockets = new WeakMap<WebSocket, AuthSocket>();

/**
 * Returns the AuthSocket behind an instance of a class of {@link webSocketClass}, to look at: `state`, `stats()`, the reason of an `error`. Undefined for every
 * other WebSocket.
 */
export function authSocketOf(socket: WebSocket): AuthSocket | undefined {
  return sockets.get(socket);
}

/**
 * Returns a class for libraries that construct their own sockets: as an option (`graphql-ws` `webSocketImpl`, rxjs `WebSocketCtor`, `partysocket`
 * `WebSocket`), or as `globalThis.WebSocket`. It behaves as the browser's (WHATWG WebSockets, Web IDL). Its sockets open once they are
 * authenticated. Each is one connection, because such libraries reconnect by themselves.
 *
 * @throws GatepassError INVALID_OPTION for `reconnect` and `handover`; at a construction what AuthSocket throws for the other options, and INSECURE_URL
 */
export function webSocketClass(options: WebSocketClassOptions): typeof WebSocket {
  for (const name of ['reconnect', 'handover'] as const)
    if (((options as AuthSocketOptions | undefined)?.[name] ?? false) !== false)
      throw failure('INVALID_OPTION', `${name}: a library reconnects by itself; leave it out, or use AuthSocket`);

  class OneConnection extends EventTarget implements WebSocket {
    declare readonly CONNECTING: 0;
    declare readonly OPEN: 1;
    declare readonly CLOSING: 2;
    declare readonly CLOSED: 3;
    declare onopen: ((event: Event) => unknown) | null;
    declare onmessage: ((event: MessageEvent) => unknown) | null;
    declare onerror: ((event: Event) => unknown) | null;
    declare onclose: ((event: CloseEvent) => unknown) | null;

    readonly #url: URL;
    readonly #socket: AuthSocket;
    readonly #handlers = new Handlers(this);
    /** The browser's socket, once it is dialled. */
    #native: WebSocket | undefined;
    #wasOpen = false;
    #isClosing = false;
    #isClosed = false;
    #hasError = false;
    /** The bound on the wait for the native `close` event. */
    #late: ReturnType<typeof setTimeout> | undefined;
    /** The bytes of messages that were sent after `close()`. */
    #lost = 0;

    constructor(url: string | URL, protocols: string | string[] = []) {
      super();
      // biome-ignore lint/complexity/noArguments: Web IDL counts arguments, and `undefined` is one
      if (arguments.length === 0) throw new TypeError('url: 1 argument is needed, but there is none');
      this.#url = parsed(`${url}`);
      const offered = offeredOf(protocols);
      this.#socket = new AuthSocket(this.#url.href, {
        ...options,
        reconnect: false,
        ...(offered.length > 0 && { protocols: offered }),
      });
      sockets.set(this, this.#socket);
      this.#listen();
    }

    #listen(): void {
      const { origin } = this.#url;
      inside.onDial(this.#socket, (native) => {
        this.#native = native;
        // A double in a unit test may have handlers alone.
        native.addEventListener?.('close', (event) => this.#isClosing && this.#ends(event));
      });
      this.#socket.addEventListener('open', () => {
        if (this.#isClosing) return;
        this.#wasOpen = true;
        this.dispatchEvent(new Event('open'));
      });
      this.#socket.addEventListener('message', ({ data }) => {
        if (!this.#isClosing) this.dispatchEvent(new MessageEvent('message', { data, origin }));
      });
      this.#socket.addEventListener('error', () => void (this.#hasError = true));
      this.#socket.addEventListener('close', (event) => this.#isClosing || this.#ends(event));
    }

    /** The last events. A socket that was never open has failed, also if the app has closed it. */
    #ends({ code, reason, wasClean }: CloseEvent): void {
      if (this.#isClosed) return;
      this.#isClosed = true;
      clearTimeout(this.#late);
      const hasFailed = !this.#wasOpen && this.#isClosing;
      if (hasFailed || (this.#hasError && !this.#isClosing)) this.dispatchEvent(new Event('error'));
      this.dispatchEvent(hasFailed ? closeEvent(1006) : closeEvent(code, reason, wasClean));
    }

    get url(): string {
      return this.#url.href;
    }

    get readyState(): number {
      if (this.#isClosed) return STATES.CLOSED;
      if (this.#isClosing) return STATES.CLOSING;
      if (!this.#wasOpen) return STATES.CONNECTING;
      // The server may be closing it.
      return Math.max(STATES.OPEN, this.#native?.readyState ?? STATES.CLOSING);
    }

    get bufferedAmount(): number {
      return (this.#native?.bufferedAmount ?? 0) + this.#lost;
    }

    get extensions(): string {
      return this.#wasOpen ? (this.#native?.extensions ?? '') : '';
    }

    get protocol(): string {
      return this.#wasOpen ? (this.#native?.protocol ?? '') : '';
    }

    get binaryType(): BinaryType {
      return this.#socket.binaryType;
    }

    set binaryType(type: BinaryType) {
      this.#socket.binaryType = type;
    }

    send(data: Sendable): void {
      const state = this.readyState;
      // biome-ignore lint/complexity/noArguments: Web IDL counts arguments, and `undefined` is one
      if (arguments.length === 0) throw new TypeError('data: 1 argument is needed, but there is none');
      const message: Sendable = isBinary(data) ? data : `${data as unknown as string}`;
      if (state === STATES.CONNECTING)
        throw new DOMException('the socket is not open yet: wait for its `open` event', 'InvalidStateError');
      if (state === STATES.OPEN) return void this.#socket.send(message);
      // Dropped in silence, as the standard says, and counted.
      this.#lost += new Blob([message as BlobPart]).size;
      inside.drop(this.#socket);
    }

    close(code: number | undefined = undefined, reason: string | undefined = undefined): void {
      const isOver = this.#isClosing || this.#isClosed;
      const given = closingOf(code, reason);
      if (isOver) return;
      // Browsers differ in what they make of a reason without a code.
      this.#native?.close(...given);
      this.#isClosing = true;
      this.#socket.close();
      const isDialled = this.#native !== undefined && this.#native.readyState < STATES.CLOSED;
      this.#late = setTimeout(() => this.#ends(closeEvent(1006)), isDialled ? CLOSING : 0);
    }

    static {
      addHandlers(this.prototype, (socket: OneConnection) => socket.#handlers);
    }
  }
  return likeNative(OneConnection);
}

/** Gives a class the shape that Web IDL says: its name, constants, and enumerable members. */
function likeNative(made: new (url: string, protocols?: string | string[]) => WebSocket): typeof WebSocket {
  ours.add(made.prototype as object);
  Object.defineProperty(made, 'name', { value: 'WebSocket', configurable: true });
  addStates(made, made.prototype as object);
  Object.defineProperty(made.prototype, Symbol.toStringTag, { value: 'WebSocket', configurable: true });
  for (const name of Object.getOwnPropertyNames(made.prototype))
    if (name !== 'constructor' && !(name in STATES)) Object.defineProperty(made.prototype, name, { enumerable: true });
  return made as unknown as typeof WebSocket;
}

const syntaxError = (message: string) => new DOMException(message, 'SyntaxError');

function resolved(text: string): URL {
  try {
    return new URL(text, globalThis.document?.baseURI ?? globalThis.location?.href);
  } catch {
    throw syntaxError('url: it cannot be parsed');
  }
}

/** The URL record of a WebSocket. The messages do not quote the URL, which may have a credential. */
function parsed(text: string): URL {
  const url = resolved(text);
  url.protocol = { 'http:': 'ws:', 'https:': 'wss:' }[url.protocol] ?? url.protocol;
  if (!/^wss?:$/.test(url.protocol))
    throw syntaxError(`url: ws:, wss:, http: or https: is needed, not ${url.protocol}`);
  if (url.href.includes('#')) throw syntaxError('url: a WebSocket has no fragment; remove # and what follows');
  return url;
}

/** The subprotocols, as Web IDL converts them. */
function offeredOf(protocols: unknown): string[] {
  const isList = typeof protocols === 'object' && protocols !== null && Symbol.iterator in protocols;
  const offered = isList
    ? Array.from(protocols as Iterable<unknown>, (protocol) => `${protocol as string}`)
    : [`${protocols as string}`];
  for (const [place, protocol] of offered.entries()) {
    if (!TOKEN.test(protocol))
      throw syntaxError(`protocols: number ${place + 1} is empty or has a character that cannot be in a subprotocol`);
    if (offered.indexOf(protocol) !== place) throw syntaxError(`protocols: number ${place + 1} is there twice`);
  }
  return offered;
}

/** The arguments of `close()`, as Web IDL converts them. */
function closingOf(code: unknown, reason: unknown): [code?: number, reason?: string] {
  // [Clamp] unsigned short: to the nearest integer, of two the even one.
  const number = Math.min(Math.max(Number(code), 0), 65_535) || 0;
  const floor = Math.floor(number);
  const isUp = number - floor > 0.5 || (number - floor === 0.5 && floor % 2 === 1);
  const clamped = code === undefined ? undefined : floor + (isUp ? 1 : 0);
  const text = reason === undefined ? undefined : `${reason as string}`;
  if (clamped !== undefined && clamped !== 1000 && (clamped < 3000 || clamped > 4999))
    throw new DOMException('code: 1000 or 3000 to 4999 is needed', 'InvalidAccessError');
  if (text !== undefined && new Blob([text]).size > 123) throw syntaxError('reason: at most 123 bytes');
  return [clamped, text];
}

/**
 * Doubles for unit tests, without wasm, server and network. Import it before the app, in a test file or as a set-up file: all sessions and sockets of the app are
 * then steered by the test. They are the real classes; what drives them is replaced. It works in Node, jsdom and happy-dom, and with fake timers.
 * @module gatepass/testing
 */

import { type Disposition, type ErrorCode, failure } from './errors.js';
import type { SuspendReason } from './events.js';
import type { Failed } from './failure-double.js';
import { use } from './load.js';
import type { Session } from './session.js';
import { SessionPartDouble, type SessionDouble } from './session-double.js';
import { AuthSocket, inside } from './socket.js';
import { ConnectionDouble } from './socket-double.js';

export type { Failed };
export type { SessionDouble };

/** How a test steers a socket of the app. It plays the server and the network. */
export interface SocketDouble {
  /** The URL that the socket connects to, with its parameters and without a credential; '' before a function has named it. */
  readonly url: string;
  /** All messages that have reached the server, the oldest first, those of `onConnected` among them. The first message of a scheme is not. */
  readonly sent: readonly unknown[];
  /** How long the socket waits after a loss, in milliseconds. @default 1000 */
  retryIn: number;
  /**
   * The server accepts the connection. A socket that waits for its next try tries at once. Functions of the app (`url`, `onConnected`) are called first; without
   * any, the socket is connected when this returns.
   * @throws GatepassError CLOSED if the socket is closed; INVALID_OPTION if it is connected already, nobody is signed in, or a function or the connection fails meanwhile
   */
  accept(): Promise<void>;
  /**
   * A message of the server: a string, a `Blob` or an `ArrayBuffer` as it is, a typed array as an `ArrayBuffer`, any other value as JSON.
   * @throws GatepassError INVALID_OPTION if it is not connected, or for undefined
   */
  receive(data: unknown): void;
  /** The server confirms all messages that wait for it (with the option `confirm`). */
  confirm(): void;
  /**
   * The connection is lost (1006), or the server closes it with a code. What follows is as in a browser: see "Close codes" in the docs, and the option
   * `closeCodes`.
   * @param code @default 1006
   * @throws GatepassError INVALID_OPTION if it neither connects nor is connected, or for a number that is no close code
   */
  lose(code?: number, reason?: string): void;
  /**
   * A try, or a connection, fails with an error of gatepass. The disposition says what follows: `retry` waits; `refreshToken` waits and renews the token; `signIn` waits
   * for somebody to sign in; `giveUp` closes the socket.
   * @throws GatepassError INVALID_OPTION if it is closed
   */
  failWith(code: ErrorCode, disposition: Disposition, details?: Failed): void;
  /** The page has lost its network, or is hidden or frozen. @default 'offline' */
  suspend(reason?: Exclude<SuspendReason, 'sign-in'>): void;
  /** The page is back: the socket connects. @throws GatepassError INVALID_OPTION unless it was suspended by `suspend()` */
  resume(): void;
}

/** What the app has made. */
const made: { sockets: ConnectionDouble[]; sessions: SessionPartDouble[] } = { sockets: [], sessions: [] };

/** Notes that the app uses a double: the last one comes last. */
function used<T>(all: T[], double: T): void {
  const place = all.indexOf(double);
  if (place >= 0) all.splice(place, 1);
  all.push(double);
}

use({
  connection: (parts, questions, session, sink) => {
    if (session !== undefined && !(session instanceof SessionPartDouble))
      throw failure('INVALID_OPTION', 'session: it was made before gatepass/testing was imported; import that first');
    return new ConnectionDouble(parts, questions, session, sink, (double) => used(made.sockets, double));
  },
  session: (parts, _environment, owner) => new SessionPartDouble(parts, owner, (double) => used(made.sessions, double)),
});

/** The last one. @throws Error that says what is missing, and what there is */
function last<T>(all: readonly T[], missing: string): T {
  const found = all.at(-1);
  if (found === undefined) throw new Error(missing);
  return found;
}

/** Finds what steers the sockets and sessions of the app. */
export const doubles: {
  /** All sockets that were made, or connected again, since the last `reset()`. */
  readonly sockets: readonly SocketDouble[];
  /** All sessions; that which the app has used last comes last. */
  readonly sessions: readonly SessionDouble[];
  /**
   * The socket of the app: the last one that is not closed, or the last one. With a string only those whose URL contains it, with an AuthSocket that one.
   * @throws Error if there is none, with the URLs that there are
   */
  socket(which?: AuthSocket | string | RegExp): SocketDouble;
  /**
   * The session of the app: that which it has used last, or the one that is given.
   * @throws Error if there is none
   */
  session(which?: Session): SessionDouble;
  /** Closes all sockets and forgets them, and signs everybody out. Call it after each test. */
  reset(): void;
} = {
  get sockets() {
    return [...made.sockets];
  },
  get sessions() {
    return [...made.sessions];
  },
  socket(which) {
    const urls = made.sockets.map(({ url }) => url).join(', ') || 'none';
    const missing = (what: string) => `the app has made no ${what}; its sockets since the last reset(): ${urls}`;
    if (which instanceof AuthSocket) {
      const driver = inside.driver(which);
      return last(driver instanceof ConnectionDouble ? [driver] : [], missing('such socket'));
    }
    const fits = ({ url }: ConnectionDouble) =>
      which === undefined || (typeof which === 'string' ? url.includes(which) : which.test(url));
    const found = made.sockets.filter(fits);
    const live = found.filter(({ hasEnded }) => !hasEnded);
    return last(live.length > 0 ? live : found, missing(which === undefined ? 'socket' : `socket for ${which}`));
  },
  session(which) {
    if (which === undefined) return last(made.sessions, 'the app has made no session');
    const driver = which.core.driver;
    return last(driver instanceof SessionPartDouble ? [driver] : [], 'this session has no double');
  },
  reset() {
    for (const double of made.sockets.splice(0)) double.close(1000, '');
    for (const double of made.sessions) double.forget();
  },
};

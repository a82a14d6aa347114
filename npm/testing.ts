/**
 * Doubles for unit tests, without wasm, server and network. Import it in a test file, or as a set-up file: all sessions and sockets of the app are then steered
 * by the test. They are the real classes; what drives them is replaced. It works in Node, jsdom and happy-dom, and with fake timers.
 * @module gatepass/testing
 */

import { failure } from './errors.js';
import { use } from './load.js';
import type { Session } from './session.js';
import { SessionPartDouble, type SessionDouble } from './session-double.js';
import { AuthSocket, inside } from './socket.js';
import { ConnectionDouble, type SocketDouble } from './socket-double.js';

export type { Failed } from './failure-double.js';
export type { SessionDouble, SocketDouble };

/** What the app has made. */
const made: { sockets: ConnectionDouble[]; sessions: SessionPartDouble[] } = { sockets: [], sessions: [] };

use({
  connection: (parts, questions, session, sink) => {
    if (session !== undefined && !(session instanceof SessionPartDouble))
      throw failure('INVALID_OPTION', 'session: it was made before gatepass/testing was imported; import that first');
    const double = new ConnectionDouble(parts, questions, session, sink);
    made.sockets.push(double);
    return double;
  },
  session: (parts, _environment, owner) => {
    const double = new SessionPartDouble(parts, owner);
    made.sessions.push(double);
    return double;
  },
});

/** The last one. @throws Error that says what is missing, and what there is */
function last<T>(all: readonly T[], missing: string): T {
  const found = all.at(-1);
  if (found === undefined) throw new Error(missing);
  return found;
}

/** Finds what steers the sockets and sessions of the app. */
export const doubles: {
  /** All sockets since the last `reset()`, the oldest first. */
  readonly sockets: readonly SocketDouble[];
  /** All sessions, the oldest first. */
  readonly sessions: readonly SessionDouble[];
  /**
   * The socket of the app: the last one that is not closed, or the last one. With a string only those whose URL contains it, with an AuthSocket that one.
   * @throws Error if there is none, with the URLs that there are
   */
  socket(which?: AuthSocket | string | RegExp): SocketDouble;
  /**
   * The session of the app: the last one, or the one that is given.
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

// The callbacks of the drivers, for a Rust app.

import { attempt } from './driver.js';

/**
 * The callbacks of a connection. `event` is called for each event, which the app takes from the core, with the unconfirmed messages. A conversation has
 * `gone`, which is told a socket, and `ask`, which answers a `Question` at once.
 *
 * @param {(unconfirmed: unknown[]) => void} event @param {() => boolean} takesBuffers @param {(data: unknown, socket: number) => void} message
 * @param {(socket: number) => void} [gone] @param {(question: number, socket?: number, token?: string, authorization?: string) => unknown} [ask]
 * @returns {import('./connection-driver.js').Sink}
 */
export const sinkOf = (event, takesBuffers, message, gone, ask) => ({
  get takesBuffers() {
    return takesBuffers();
  },
  broken() {},
  opened: () => event([]),
  status: () => event([]),
  closed: () => event([]),
  changed: (_, unconfirmed) => event(unconfirmed),
  message,
  // Why a socket has ended is told within this task: a closed one and another user end more than a loss does. The app may have been dropped with it.
  gone: (socket) => gone && queueMicrotask(() => attempt(() => gone(socket))),
  ask: async (question, { socket, token, authorization }) => ask?.(question, socket, token, authorization),
});

/** The time of the drivers. */
export const instant = () => performance.now();

/** The longest delay of a timer (HTML: a signed 32-bit number). It is set again then. */
const MAX_DELAY = 2 ** 31 - 1;

/** A timer, which is set by its delay, and stopped without one. @param {() => void} call */
export function alarmOf(call) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @param {number} [delay] */
  return (delay) => {
    clearTimeout(timer);
    if (delay !== undefined) timer = setTimeout(call, Math.min(delay, MAX_DELAY));
  };
}

/**
 * The callbacks of a session.
 *
 * @param {(failure: any[] | undefined) => void} changed @param {(failure: any[]) => void} renewalRefused @param {(error: unknown) => void} storeFailed
 * @param {(login: number, failure: any[] | undefined, answer?: string) => void} loggedIn @param {(requester: number, answer: any[]) => void} token
 * @returns {import('./session-driver.js').SessionOwner}
 */
export const ownerOf = (changed, renewalRefused, storeFailed, loggedIn, token) => ({
  broken() {},
  changed,
  renewalRefused,
  storeFailed,
  loggedIn,
  token,
});

/** Releases a session: its callbacks are not called any more, and it ends when everything is stored. @param {import('./session-driver.js').SessionDriver} driver */
export function release(driver) {
  const deaf = () => {};
  driver.owner = ownerOf(deaf, deaf, deaf, deaf, deaf);
  driver.release();
}

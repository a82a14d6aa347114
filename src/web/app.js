// The callbacks of the drivers, for a Rust app.

/**
 * The callbacks of a connection. `event` is called for each event, which the app takes from the core, with the unconfirmed messages.
 *
 * @param {(unconfirmed: unknown[]) => void} event @param {() => boolean} takesBuffers @param {(data: unknown) => void} message
 * @returns {import('./connection-driver.js').Sink}
 */
export const sinkOf = (event, takesBuffers, message) => ({
  get takesBuffers() {
    return takesBuffers();
  },
  broken() {},
  opened: () => event([]),
  status: () => event([]),
  closed: () => event([]),
  changed: (_, unconfirmed) => event(unconfirmed),
  message,
});

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

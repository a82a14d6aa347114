// What the tabs of a browser share: a store for the token set, a lock, and word of changes.
//
// Nothing is decided here but how to go on where a browser lacks something or a store fails. A record is an array of id, renewals,
// access token, refresh token, end (ms since 1970) and skew (ms); the last four as in `Record` in src/proto/session/store.rs.

/** The version of what is written. */
const VERSION = 1;
/** What is heard: as `Heard` in src/web/port.rs. */
const STORED = 7, LOCKED = 8, FAILED = 9;
/** How long a store may take, in milliseconds. */
const PATIENCE = 5_000;

/**
 * What is in the store: a record, null for nothing, or undefined for what cannot be read or is none of ours.
 *
 * @typedef {[id: number, renewals: number, access: string, refresh?: string, expiresAt?: number, skew?: number]} Tokens
 * @typedef {Tokens | null | undefined} Stored
 * @typedef {(what: number, id: number, data?: unknown) => void} Hear
 * @typedef {{ load(): unknown, save(text: string): unknown, clear(): unknown, subscribe?(changed: () => void): unknown }} Store
 */

/**
 * A store, to be opened by a session.
 *
 * @param {string} name @param {'localStorage' | 'sessionStorage' | Store} place
 */
export const store = (name, place) => (/** @type {number} */ lease, /** @type {Hear} */ hear) => shared(name, place, lease, hear);

/**
 * @param {string} name Of the entry, the lock and the channel.
 * @param {'localStorage' | 'sessionStorage' | Store} kind
 * @param {number} lease How long whoever holds the lock may show no sign of life, in milliseconds.
 * @param {Hear} hear {@link STORED}, {@link LOCKED} with what is in the store, or {@link FAILED}.
 */
function shared(name, kind, lease, hear) {
  const isPerTab = kind === 'sessionStorage';
  const store = typeof kind === 'string' ? webStorage(kind, name) : kind;
  /** @type {Promise<unknown>} */
  let queue = Promise.resolve();
  let isBroken = false;
  /** Whether our last change did not get into the store: then what is there is not ours, and not to be followed. */
  let isAhead = false;
  let writes = 0;
  let locks = 0;
  let release = () => {};

  /** Does one thing after the other; what fails is told once, and is undefined. @template T @param {() => Promise<T>} task @returns {Promise<T | undefined>} */
  const run = (task) => {
    const done = queue.then(() => (typeof kind === 'string' ? task() : Promise.race([task(), late()]))).then(
      (value) => {
        isBroken = false;
        return value;
      },
      (error) => {
        if (!isBroken) hear(FAILED, 0, error);
        isBroken = true;
        return undefined;
      },
    );
    queue = done;
    return done;
  };
  const present = async () => decoded(await store.load());
  const stored = async () => (isAhead ? undefined : present());
  const written = marks(name);
  /** What is in the store once the lock is ours. A browser keeps no order between the two: what the last holder wrote may yet be under way. */
  const settled = async () => {
    for (const end = Date.now() + PATIENCE; ; await pause(10)) {
      const there = await stored();
      if (!there || Date.now() >= end || !(await written.isBeyond(there))) return there;
    }
  };
  const changed = async () => {
    const before = writes;
    const there = await run(stored);
    // What was read before our own change is past.
    if (before === writes) hear(STORED, 0, there);
  };
  const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel(name) : undefined;
  /** @param {number | undefined} id @param {string | null} text */
  const tellTabs = (id, text) => channel?.postMessage(isPerTab ? [id, text] : null);
  const heard = async (/** @type {MessageEvent} */ { data }) => {
    // A tab that was duplicated has a store of its own with the same sign-in: it gets the news with the word of it.
    if (isPerTab) {
      await run(async () => {
        if ((await present())?.[0] === data[0]) await (data[1] === null ? store.clear() : store.save(data[1]));
      });
    }
    changed();
  };
  const noticed = (/** @type {StorageEvent} */ event) => void ((event.key ?? name) === name && kind === 'localStorage' && changed());
  // A page that comes back out of the cache has heard nothing meanwhile.
  const shown = (/** @type {PageTransitionEvent} */ event) => void (event.persisted && changed());
  channel?.addEventListener('message', heard);
  globalThis.addEventListener('storage', noticed);
  globalThis.addEventListener('pageshow', shown);
  const unsubscribe = typeof kind === 'string' ? undefined : kind.subscribe?.(changed);

  return {
    load: changed,

    /** @param {Tokens} tokens */
    save(tokens) {
      writes++;
      run(async () => {
        const there = await present().catch(() => undefined);
        // Whoever slept while others renewed has nothing to tell.
        if (there?.[0] === tokens[0] && there[1] > tokens[1]) return void hear(STORED, 0, there);
        const text = encoded(tokens);
        isAhead = true;
        await store.save(text);
        isAhead = false;
        await written.put(tokens);
        tellTabs(tokens[0], text);
      });
    },

    /** @param {number | undefined} id Whose; undefined for anybody's. */
    clear(id) {
      writes++;
      run(async () => {
        const there = await present();
        isAhead = false;
        if (there === null || (id !== undefined && there?.[0] !== id)) return;
        await store.clear();
        written.remove();
        tellTabs(there?.[0], null);
      });
    },

    lock() {
      const mine = ++locks;
      const granted = () => run(settled).then((there) => void (mine === locks && hear(LOCKED, 0, there)));
      const unlock = (navigator.locks ? webLock : leased)(name, lease, granted);
      // What was to be saved is saved before somebody else reads it.
      release = () => void queue.then(unlock);
    },

    unlock() {
      locks++;
      release();
      release = () => {};
    },

    close() {
      hear = () => {};
      this.unlock();
      channel?.removeEventListener('message', heard);
      // What is being written is told of before.
      queue.then(() => (written.remove(), channel?.close()));
      globalThis.removeEventListener('storage', noticed);
      globalThis.removeEventListener('pageshow', shown);
      if (typeof unsubscribe === 'function') unsubscribe();
    },
  };
}

/** @param {'localStorage' | 'sessionStorage'} kind @param {string} name @returns {Store} */
function webStorage(kind, name) {
  // Asked for each time: where it is denied the property throws, and elsewhere it may be null.
  return {
    load: () => globalThis[kind].getItem(name),
    save: (text) => globalThis[kind].setItem(name, text),
    clear: () => globalThis[kind].removeItem(name),
  };
}

/** @param {Tokens} tokens */
function encoded([id, renewals, access, refresh, expiresAt, skew]) {
  return JSON.stringify({ v: VERSION, id, renewals, access, refresh, expiresAt, skew });
}

/** @param {unknown} text @returns {Stored} @throws What is no record at all. */
function decoded(text) {
  if (text === null || text === undefined || text === '') return null;
  try {
    const { v, id, renewals, access, refresh, expiresAt, skew } = JSON.parse(/** @type {string} */ (text));
    // What a later version has written is not ours to judge.
    if (v > VERSION) return undefined;
    const areNumbers = [expiresAt, skew].every((value) => value === undefined || Number.isFinite(value));
    if (v === VERSION && Number.isSafeInteger(id) && renewals >= 0 && /^[ -~]+$/.test(access) && areNumbers) {
      return [id, renewals, access, refresh, expiresAt, skew];
    }
  } catch {
    // What the parser throws quotes the text, which may be a token.
  }
  throw new Error('the store holds something else than tokens');
}

/** @returns {Promise<never>} */
const late = () => pause(PATIENCE).then(() => Promise.reject(new Error('the store does not answer')));

/** @param {number} millis @returns {Promise<void>} */
const pause = (millis) => new Promise((resolve) => void setTimeout(resolve, millis));

/**
 * The lock of the browser. A holder that sleeps loses it: one that is the same after a lease.
 *
 * @param {string} name @param {number} lease @param {() => Promise<void>} granted
 */
function webLock(name, lease, granted) {
  const abort = new AbortController();
  /** @type {string | undefined} */
  let last;
  let free = () => {};
  const held = new Promise((resolve) => void (free = () => resolve(undefined)));
  const ask = (/** @type {LockOptions} */ options) =>
    navigator.locks
      .request(name, options, async () => {
        clearInterval(timer);
        await granted();
        await held;
      })
      // Denied, as in a sandbox: there are no other tabs that it could keep away. Taken away or no longer wanted: not again.
      .catch((error) => (error.name === 'AbortError' ? undefined : granted()));
  const timer = setInterval(async () => {
    const holder = (await navigator.locks.query()).held?.find((lock) => lock.name === name)?.clientId;
    if (holder !== undefined && holder === last) {
      abort.abort();
      ask({ steal: true });
    }
    last = holder;
  }, lease);
  ask({ signal: abort.signal });
  return () => {
    clearInterval(timer);
    abort.abort();
    free();
  };
}

/**
 * What this tab has written last, told in the order of the locks: as a lock of its own, which ends with the tab.
 *
 * @param {string} name
 */
function marks(name) {
  const prefix = `${name} wrote `;
  let remove = () => {};
  return {
    /** @param {Tokens} tokens @returns {Promise<void>} Once whoever is given the lock can see it. */
    put([id, renewals]) {
      remove();
      return new Promise((seen) => {
        const held = () => new Promise((resolve) => (seen(), (remove = () => resolve(undefined))));
        // Where locks are denied nobody looks for them.
        navigator.locks?.request(`${prefix}${id} ${renewals}`, { mode: 'shared' }, held).catch(seen) ?? seen();
      });
    },

    remove: () => remove(),

    /** Whether a tab has written a later renewal than this. @param {Tokens} tokens */
    async isBeyond([id, renewals]) {
      const { held = [] } = (await navigator.locks?.query().catch(() => undefined)) ?? {};
      return held.some((lock) => {
        const [whose, count] = lock.name?.startsWith(prefix) ? lock.name.slice(prefix.length).split(' ') : [];
        return Number(whose) === id && Number(count) > renewals;
      });
    },
  };
}

/**
 * A lock where the browser has none (pages without TLS): an entry of localStorage that ends by itself when its holder does.
 *
 * @param {string} name @param {number} lease @param {() => Promise<void>} granted
 */
function leased(name, lease, granted) {
  const key = `${name} lock`;
  const me = String(Math.random());
  const holder = () => {
    const [who, until] = (localStorage.getItem(key) ?? '').split(' ');
    const left = Number(until) - Date.now();
    // One that ends later than a lease from now was written before the clock was set back.
    return left > 0 && left <= lease ? who : undefined;
  };
  let isWanted = true;
  const wait = async () => {
    while (isWanted && holder() !== me) {
      if (holder() === undefined) localStorage.setItem(key, `${me} ${Date.now() + lease}`);
      // Of several that write at once the last wins, and by then all see it.
      await pause(50 + Math.random() * 100);
    }
  };
  wait().catch(() => {}).then(() => (isWanted ? granted() : undefined));
  return () => {
    isWanted = false;
    try {
      if (holder() === me) localStorage.removeItem(key);
    } catch {
      // There was none to hold.
    }
  };
}

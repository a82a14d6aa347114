// The locks of the tabs of a browser: Web Locks, or an entry of IndexedDB where there are none. And marks, by which a tab sees what another has
// written last.

/** How long a call of the store may take, in milliseconds. */
export const PATIENCE = 5_000;
/** How long the browser may take to answer about its locks, in milliseconds. */
export const LOCK_PATIENCE = 1_000;
/** How often a tab looks whether another one has done something, in milliseconds. */
export const LOOK_AGAIN = 10;

/** @template T @param {() => Promise<T>} call @returns {Promise<T | undefined>} */
export const attempt = (call) => call().catch(() => undefined);

export const silent = () => new Error('the store does not answer');

/** The locks of the browser: pages without TLS have none, and Node 20 not even a `navigator`. @returns {LockManager} */
const locksOf = () => /** @type {any} */ (globalThis.navigator)?.locks;

/** @param {number} millis @returns {Promise<void>} */
export const pause = (millis) => new Promise((resolve) => void setTimeout(resolve, millis));

/**
 * Waits for a lock that all tabs share. Returns a function that releases it, or stops waiting.
 *
 * @param {string} name @param {number} lease @param {() => Promise<void>} granted @returns {() => void}
 */
export const lock = (name, lease, granted) => (locksOf() ? webLock : leased)(name, lease, granted);

/** Until no tab waits for a lock: each has stopped waiting, or does not answer. @param {string} name */
export async function nobodyWaits(name) {
  const patience = pause(LOCK_PATIENCE).then(() => []);
  const waiting = async () => (await attempt(async () => locksOf()?.query()))?.pending ?? [];
  while ((await Promise.race([waiting(), patience])).some((lock) => lock.name === name)) await pause(LOOK_AGAIN);
}

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
    locksOf()
      .request(name, options, async () => {
        clearInterval(timer);
        await granted();
        await held;
      })
      // Denied, as in a sandbox: there are no other tabs to exclude. Aborted or stolen: not again.
      .catch((error) => (error?.name === 'AbortError' ? undefined : granted()));
  // Before the timer, so that a browser that throws here leaves no timer.
  ask({ signal: abort.signal });
  const timer = setInterval(async () => {
    const holder = (await locksNow()).find((lock) => lock.name === name)?.clientId;
    if (holder !== undefined && holder === last) {
      abort.abort();
      ask({ steal: true });
    }
    last = holder;
  }, lease);
  return () => {
    clearInterval(timer);
    abort.abort();
    free();
  };
}

/** The locks that are held now; none if the browser does not tell. @returns {Promise<LockInfo[]>} */
const locksNow = async () =>
  ((await attempt(async () => Promise.race([locksOf()?.query(), pause(LOCK_PATIENCE)])))?.held ?? []).filter(
    (lock) => lock?.name,
  );

/**
 * The last change of each tab. It is the name of a lock that the tab holds, so it ends with the tab: the number of the change and, if a record
 * was written, its id and renewals.
 *
 * @param {string} name
 */
export function marks(name) {
  const prefix = `gatepass mark ${JSON.stringify(name)} `;
  let remove = () => {};
  let mine = 0;
  /** The marks of all tabs. @returns {Promise<number[][]>} */
  const all = async () =>
    (await locksNow()).flatMap(({ name }) =>
      name?.startsWith(prefix) ? [name.slice(prefix.length).split(' ').map(Number)] : [],
    );
  return {
    /** Called by one tab at a time. @param {import('./tabs.js').Tokens} [tokens] What was written; nothing if the store was emptied. */
    async put(tokens) {
      const number = Math.max(0, ...(await all()).map(([number]) => Number(number))) + 1;
      remove();
      mine = number;
      /** @type {Promise<void>} Resolves once the holder of a lock can see it. */
      const seen = new Promise((seen) => {
        const held = () => new Promise((resolve) => (seen(), (remove = () => resolve(undefined))));
        const text = `${prefix}${[number, ...(tokens?.slice(0, 2) ?? [])].join(' ')}`;
        // If locks are denied, the request is not repeated.
        locksOf()
          ?.request(text, { mode: 'shared' }, held)
          .catch(() => seen()) ?? seen();
      });
      return seen;
    },

    remove: () => remove(),

    /** Whether another tab has made a later change than this record. @param {import('./tabs.js').Tokens | null} there */
    async isBehind(there) {
      const [latest, id, renewals] = (await all()).sort(([one], [other]) => Number(other) - Number(one))[0] ?? [mine];
      if (latest === mine) return false;
      return id === undefined ? there !== null : !there || there[0] !== id || there[1] < Number(renewals);
    },

    /** Whether a tab has written a later renewal than this. @param {import('./tabs.js').Tokens} tokens */
    async isBeyond([id, renewals]) {
      return (await all()).some(([, whose, count]) => whose === id && Number(count) > renewals);
    },
  };
}

/**
 * A lock where the browser has none (pages without TLS): an entry of IndexedDB that expires by itself. Transactions of mode
 * `readwrite` happen one at a time, which `localStorage` does not promise.
 *
 * @param {string} name @param {number} lease @param {() => Promise<void>} granted
 */
function leased(name, lease, granted) {
  const me = `${Math.random()}`;
  let isWanted = true;
  const wait = async () => {
    while (isWanted && !(await claim(name, me, Date.now() + lease, lease))) await pause(50 + Math.random() * 100);
  };
  // Denied: there are no other tabs to exclude.
  wait()
    .catch(() => {})
    .then(() => (isWanted ? granted() : undefined));
  return () => {
    isWanted = false;
    claim(name, me, 0, lease).catch(() => {});
  };
}

/**
 * Sets the holder of the lock until a time; the time 0 releases it. Returns whether it succeeded: it fails while another tab holds the lock.
 *
 * @param {string} name @param {string} who @param {number} until @param {number} lease @returns {Promise<boolean>}
 */
const claim = (name, who, until, lease) =>
  new Promise((resolve, reject) => {
    const opening = indexedDB.open('gatepass locks', 1);
    opening.onupgradeneeded = () => void opening.result.createObjectStore('locks');
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const failed = (/** @type {unknown} */ error) => (database.close(), reject(error));
      try {
        const transaction = database.transaction('locks', 'readwrite');
        const locks = transaction.objectStore('locks');
        let isMine = false;
        const reading = locks.get(name);
        reading.onsuccess = () => {
          const [holder, end] = Array.isArray(reading.result) ? reading.result : ['', 0];
          const left = end - Date.now();
          // One that ends later than a lease from now was written before the clock was set back.
          isMine = holder === who || left <= 0 || left > lease;
          if (!isMine) return;
          if (until > 0) locks.put([who, until], name);
          else if (holder === who) locks.delete(name);
        };
        transaction.oncomplete = () => (database.close(), resolve(isMine));
        transaction.onabort = () => failed(transaction.error);
      } catch (error) {
        // The page has a database of its own with this name.
        failed(error);
      }
    };
    pause(PATIENCE).then(() => reject(silent()));
  });

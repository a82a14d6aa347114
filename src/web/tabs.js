// What the tabs of a browser share: a store for the token set, a lock, and notifications of changes.
//
// It decides nothing: reads and writes are performed in order, and failures are reported.

// Made of src/proto/contract by `cargo xtask contract`.
// <contract>
const SESSION_INPUT_LOCKED = 1;
const SESSION_INPUT_STORE_CHANGED = 6;
const SESSION_INPUT_STORED = 7;
const SESSION_INPUT_TWIN = 9;
const SESSION_INPUT_WRITTEN = 12;
const STORE_END_DONE = 0;
const STORE_END_FAILED = 1;
const STORE_END_OVERTAKEN = 2;
// </contract>

/** The version of the record. */
const VERSION = 1;
/** How long a call of the store may take, in milliseconds. */
const PATIENCE = 5_000;
/** How long the browser may take to answer about its locks, in milliseconds. */
const LOCK_PATIENCE = 1_000;
/** How long a tab waits for its turn to change the store, in milliseconds. */
const TURN = 2_000;
/** How often it reads the store to see what another tab has written, in milliseconds. */
const LOOK_AGAIN = 10;

/**
 * A record is an array of id, renewals, access token, refresh token, end (ms since 1970) and skew (ms); the last four as in `Record` in
 * src/proto/session/io.rs. The content of the store is a record, null for nothing, or undefined for something else or an unreadable store.
 *
 * @typedef {[id: number, renewals: number, access: string, refresh?: string, expiresAt?: number, skew?: number]} Tokens
 * @typedef {Tokens | null | undefined} Stored
 * @typedef {(what: number, id?: number, data?: unknown) => void} Handle Feeds an input to the session.
 * @typedef {(error: unknown) => void} Failed
 * @typedef {{ load(): unknown, save(text: string): unknown, clear(): unknown, subscribe?(changed: () => void): unknown }} Store
 */

/**
 * A store that a session opens.
 *
 * @param {string} name Of the entry and the channel, and in the name of the lock. @param {'localStorage' | 'sessionStorage' | Store} place
 */
export const store = (name, place) => (/** @type {Handle} */ handle, /** @type {Failed} */ failed) =>
  new Tabs(name, place, handle, failed);

export class Tabs {
  /** @param {string} name @param {'localStorage' | 'sessionStorage' | Store} place @param {Handle} handle @param {Failed} failed */
  constructor(name, place, handle, failed) {
    this.name = name;
    this.isPerTab = place === 'sessionStorage';
    this.isOfBrowser = typeof place === 'string';
    this.store = typeof place === 'string' ? webStorage(place, name) : place;
    this.handle = handle;
    this.failed = failed;
    /** @type {Promise<unknown>} What is asked of the store is done one after the other. */
    this.queue = Promise.resolve();
    this.isBroken = false;
    this.isHung = false;
    this.isLocked = false;
    this.locks = 0;
    this.release = () => {};
    this.marks = marks(name);
    this.ended = new AbortController();
    this.channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel(name) : undefined;
    this.channel?.addEventListener('message', ({ data }) => this.onMessage(data));
    const { signal } = this.ended;
    const changed = () => this.handle(SESSION_INPUT_STORE_CHANGED);
    if (place === 'localStorage') {
      globalThis.addEventListener?.('storage', (event) => void ((event.key ?? name) === name && changed()), { signal });
    }
    this.goes = () => {};
    this.stays();
    globalThis.addEventListener?.('pagehide', () => this.goes(), { signal });
    // A page that comes back out of the cache has heard nothing meanwhile.
    globalThis.addEventListener?.('pageshow', (event) => void (event.persisted && (this.stays(), changed())), {
      signal,
    });
    this.unsubscribe = typeof place === 'string' ? undefined : place.subscribe?.(changed);
  }

  /** The page is there. When it goes, nothing is waited for any more: what is to be changed is changed before the page is gone. */
  stays() {
    /** @type {Promise<undefined>} */
    this.going = new Promise((resolve) => void (this.goes = () => resolve(undefined)));
  }

  /** Waits, but no longer than the page is there, or so many milliseconds. @template T @param {Promise<T>} what @param {number} millis */
  within(what, millis) {
    return Promise.race([what, this.going, pause(millis)]);
  }

  /** A tab that was duplicated has a store of its own with the same sign-in: the news is in the word of it. @param {unknown} data */
  onMessage(data) {
    if (!this.isPerTab)
      return this.within(
        attempt(() => this.look()),
        LOCK_PATIENCE,
      ).then(() => this.handle(SESSION_INPUT_STORE_CHANGED));
    const [id, text] = Array.isArray(data) ? data : [];
    try {
      this.handle(SESSION_INPUT_TWIN, 0, [id, decoded(text)]);
    } catch {
      // Some other script's.
    }
  }

  /** @template T @param {() => Promise<T>} task @returns {Promise<T | undefined>} Undefined for what fails, which is told once. */
  run(task) {
    const done = this.queue.then(task);
    // The next operation waits for it, even after its caller has given up: it may still happen.
    this.queue = attempt(() => done);
    let isOver = false;
    let isLate = false;
    const tooLate = async () => {
      // After an operation that hangs, the next ones do not wait the full time again.
      await pause(this.isHung ? 0 : PATIENCE);
      isLate = !isOver;
      this.isHung ||= isLate;
      throw silent();
    };
    const given = this.isOfBrowser ? done : Promise.race([done, tooLate()]);
    // What it has done after all is news.
    this.queue.then(() => {
      isOver = true;
      if (!isLate) return;
      this.isHung = false;
      this.handle(SESSION_INPUT_STORE_CHANGED);
    });
    return given.then(
      (value) => {
        this.isBroken = false;
        return value;
      },
      (error) => {
        if (!this.isBroken) this.failed(error);
        this.isBroken = true;
        return undefined;
      },
    );
  }

  async read() {
    let isBehind = false;
    const there = await this.run(async () => {
      const there = decoded(await this.store.load());
      isBehind = this.isLocked && there ? await this.marks.isBeyond(there) : false;
      return there;
    });
    this.handle(SESSION_INPUT_STORED, 0, [there, isBehind]);
  }

  /** @param {Tokens} tokens @param {number} [over] Only if the store holds this sign-in still. */
  write(tokens, over) {
    return this.change(over, async (there) => {
      if (over !== undefined && there?.[0] !== over) return STORE_END_OVERTAKEN;
      const text = encoded(tokens);
      await this.store.save(text);
      await this.within(this.marks.put(tokens), LOCK_PATIENCE);
      this.channel?.postMessage(this.isPerTab ? [tokens[0], text] : null);
      return STORE_END_DONE;
    });
  }

  /** @param {number} [over] Only if the store holds this sign-in still, or nothing. */
  erase(over) {
    return this.change(over, async (there) => {
      if (over !== undefined && there !== null && there?.[0] !== over) return STORE_END_OVERTAKEN;
      await this.store.clear();
      await this.within(this.marks.put(), LOCK_PATIENCE);
      this.channel?.postMessage(this.isPerTab ? [there?.[0], null] : null);
      return STORE_END_DONE;
    });
  }

  /**
   * Looks and changes in one, in all tabs one after the other. What cannot be read fails only where it matters what is there.
   *
   * @param {number | undefined} over @param {(there: Stored) => Promise<number>} task Returns a `StoreEnd`.
   */
  async change(over, task) {
    const inOne = async () => task(over === undefined ? await attempt(() => this.look()) : await this.look());
    const end = await this.run(() => (this.isPerTab ? inOne() : this.alone(inOne)));
    this.handle(SESSION_INPUT_WRITTEN, 0, [end ?? STORE_END_FAILED]);
  }

  /**
   * What is in the store, once this tab sees what another has changed there last: browsers keep no order between locks and storage (whatwg/html
   * issue 403).
   *
   * @returns {Promise<Stored>}
   */
  async look() {
    for (let tries = LOCK_PATIENCE / LOOK_AGAIN; ; tries--) {
      const there = decoded(await this.store.load());
      if (
        this.isPerTab ||
        there === undefined ||
        tries <= 0 ||
        !(await this.within(this.marks.isBehind(there), LOCK_PATIENCE))
      )
        return there;
      await Promise.race([this.going, pause(LOOK_AGAIN)]);
    }
  }

  /**
   * Does something while no other tab does the same; where locks are denied or broken, or a tab takes too long, all the same.
   *
   * @template T @param {() => Promise<T>} task @returns {Promise<T>}
   */
  async alone(task) {
    let release = () => {};
    const mine = attempt(
      () =>
        new Promise((granted) => {
          release = lock(`gatepass change ${this.name}`, PATIENCE, async () => granted(undefined));
        }),
    );
    await this.within(mine, TURN);
    try {
      return await task();
    } finally {
      release();
    }
  }

  /** @param {number} lease How long the holder of the lock may show no sign of life, in milliseconds. */
  lock(lease) {
    const mine = ++this.locks;
    const granted = async () => {
      if (mine !== this.locks) return;
      this.isLocked = true;
      this.handle(SESSION_INPUT_LOCKED);
    };
    this.release = lock(`gatepass lock ${this.name}`, lease, granted);
  }

  unlock() {
    this.locks++;
    this.isLocked = false;
    this.release();
    this.release = () => {};
  }

  close() {
    this.handle = this.failed = () => {};
    this.unlock();
    this.ended.abort();
    // The write is announced before it happens.
    this.queue.then(() => (this.marks.remove(), this.channel?.close()));
    attempt(async () => typeof this.unsubscribe === 'function' && this.unsubscribe());
  }
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

/** What can stand in an HTTP header: visible ASCII. @param {unknown} text */
const isToken = (text) => typeof text === 'string' && /^[ -~]+$/.test(text);

/** A whole number from 0, below a limit. @param {unknown} value @param {number} limit */
const isCount = (value, limit) => Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) < limit;

/** @param {unknown} text @returns {Stored} @throws What is no record at all. */
function decoded(text) {
  if (text === null || text === undefined || text === '') return null;
  try {
    const { v, id, renewals, access, refresh, expiresAt, skew } = JSON.parse(/** @type {string} */ (text));
    // What a later version has written is not ours to judge.
    if (v > VERSION) return undefined;
    const areNumbers = [expiresAt, skew].every(
      (value) => value === undefined || (Number.isFinite(value) && Math.abs(value) <= 8.64e15),
    );
    // A refresh token goes into a body, where every text may stand.
    const areTokens = isToken(access) && (refresh === undefined || (typeof refresh === 'string' && refresh !== ''));
    if (v === VERSION && isCount(id, 2 ** 53) && isCount(renewals, 2 ** 32) && areTokens && areNumbers) {
      return [id, renewals, access, refresh, expiresAt, skew];
    }
  } catch {
    // What the parser throws quotes the text, which may be a token.
  }
  throw new Error('the store holds something else than tokens');
}

/** @template T @param {() => Promise<T>} call @returns {Promise<T | undefined>} */
const attempt = (call) => call().catch(() => undefined);

const silent = () => new Error('the store does not answer');

/** @param {number} millis @returns {Promise<void>} */
const pause = (millis) => new Promise((resolve) => void setTimeout(resolve, millis));

/**
 * Waits for a lock that all tabs share. Returns what lets go of it, or stops waiting.
 *
 * @param {string} name @param {number} lease @param {() => Promise<void>} granted @returns {() => void}
 */
const lock = (name, lease, granted) => (navigator.locks ? webLock : leased)(name, lease, granted);

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
      .catch((error) => (error?.name === 'AbortError' ? undefined : granted()));
  // First, so that a browser that throws here leaves no timer behind.
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

/** The locks that are held now; none where the browser does not say. @returns {Promise<LockInfo[]>} */
const locksNow = async () =>
  ((await attempt(async () => Promise.race([navigator.locks.query(), pause(LOCK_PATIENCE)])))?.held ?? []).filter(
    (lock) => lock?.name,
  );

/**
 * What each tab has changed last, told in the order of the locks: the name of a lock of its own, which ends with the tab. It is the number of
 * the change and, if something was written, the id and the renewals of that.
 *
 * @param {string} name
 */
function marks(name) {
  const prefix = `gatepass mark ${JSON.stringify(name)} `;
  let remove = () => {};
  let mine = 0;
  /** Those of all tabs. @returns {Promise<number[][]>} */
  const all = async () =>
    (await locksNow()).flatMap(({ name }) =>
      name?.startsWith(prefix) ? [name.slice(prefix.length).split(' ').map(Number)] : [],
    );
  return {
    /** To be called by one tab at a time. @param {Tokens} [tokens] What was written; nothing if the store was emptied. */
    async put(tokens) {
      const number = Math.max(0, ...(await all()).map(([number]) => Number(number))) + 1;
      remove();
      mine = number;
      /** @type {Promise<void>} Resolves once the holder of a lock can see it. */
      const seen = new Promise((seen) => {
        const held = () => new Promise((resolve) => (seen(), (remove = () => resolve(undefined))));
        const text = `${prefix}${[number, ...(tokens?.slice(0, 2) ?? [])].join(' ')}`;
        // If locks are denied, the request is not repeated.
        navigator.locks?.request(text, { mode: 'shared' }, held).catch(() => seen()) ?? seen();
      });
      return seen;
    },

    remove: () => remove(),

    /** Whether another tab has made a later change than what is seen. @param {Tokens | null} there */
    async isBehind(there) {
      const [latest, id, renewals] = (await all()).sort(([one], [other]) => Number(other) - Number(one))[0] ?? [mine];
      if (latest === mine) return false;
      return id === undefined ? there !== null : !there || there[0] !== id || there[1] < Number(renewals);
    },

    /** Whether a tab has written a later renewal than this. @param {Tokens} tokens */
    async isBeyond([id, renewals]) {
      return (await all()).some(([, whose, count]) => whose === id && Number(count) > renewals);
    },
  };
}

/**
 * A lock where the browser has none (pages without TLS): an entry of a database that ends by itself when its holder does. One tab after the
 * other reads and writes it (IndexedDB, transactions of mode `readwrite`), which no entry of `localStorage` can promise.
 *
 * @param {string} name @param {number} lease @param {() => Promise<void>} granted
 */
function leased(name, lease, granted) {
  const me = `${Math.random()}`;
  let isWanted = true;
  const wait = async () => {
    while (isWanted && !(await claim(name, me, Date.now() + lease, lease))) await pause(50 + Math.random() * 100);
  };
  // Denied: there are no other tabs that it could keep away.
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
        // Of the page's own with this name.
        failed(error);
      }
    };
    pause(PATIENCE).then(() => reject(silent()));
  });

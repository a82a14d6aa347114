// The store of a session, which the tabs of a browser share, with notifications of changes.
//
// It decides nothing: reads and writes are performed in order, and failures are reported. Locks are in locks.js.

import { LOCK_PATIENCE, LOOK_AGAIN, PATIENCE, attempt, lock, marks, nobodyWaits, pause, silent } from './locks.js';
import { decoded, encoded } from './record.js';

// Made of src/proto/contract by `cargo xtask contract`.
// <contract>
const SESSION_INPUT_LOCKED = 1;
const SESSION_INPUT_STORE_CHANGED = 6;
const SESSION_INPUT_STORED = 7;
const SESSION_INPUT_TWIN = 9;
const SESSION_INPUT_WRITTEN = 12;
const SESSION_INPUT_LOGGED_OUT = 13;
const SESSION_INPUT_NOT_RESTORED = 14;
const STORE_END_DONE = 0;
const STORE_END_FAILED = 1;
const STORE_END_OVERTAKEN = 2;
// </contract>

/** How long a tab waits for its turn to change the store, in milliseconds. */
const TURN = 2_000;

/**
 * @typedef {import('./record.js').Tokens} Tokens
 * @typedef {import('./record.js').Stored} Stored
 * @typedef {{ loggedOut: true } | { notRestored: [status?: number] }} News What other tabs have to know beside the store.
 * @typedef {[before: number | undefined, text: string | null] | null} Change What has changed in a store: with its content if it is of one tab.
 * @typedef {(what: number, id?: number, data?: unknown) => void} Handle Feeds an input to the session.
 * @typedef {(error: unknown) => void} Failed
 * @typedef {{ load(): unknown, save(text: string): unknown, clear(): unknown, subscribe?(changed: () => void): unknown }} Store
 */

/**
 * A store that a session opens.
 *
 * @param {string} name Of the entry and the channel, and in the name of the lock. @param {'localStorage' | 'sessionStorage' | 'memory' | Store} place
 */
export const store = (name, place) => (/** @type {Handle} */ handle, /** @type {Failed} */ failed) =>
  new Tabs(name, place, handle, failed);

export class Tabs {
  /** @param {string} name @param {'localStorage' | 'sessionStorage' | 'memory' | Store} place @param {Handle} handle @param {Failed} failed */
  constructor(name, place, handle, failed) {
    this.name = name;
    this.isPerTab = place === 'sessionStorage' || place === 'memory';
    this.isOfBrowser = typeof place === 'string';
    this.store = place === 'memory' ? memory() : typeof place === 'string' ? webStorage(place, name) : place;
    this.handle = handle;
    this.failed = failed;
    /** @type {Promise<unknown>} Operations on the store happen in order. */
    this.queue = Promise.resolve();
    this.isBroken = false;
    this.isHung = false;
    this.isLocked = false;
    this.lockName = `gatepass lock ${name}`;
    this.locks = 0;
    this.release = () => {};
    /** @type {Promise<void> | undefined} Until the other tabs have heard what the holder of the lock has found. */
    this.heard = undefined;
    this.marks = marks(name);
    this.ended = new AbortController();
    this.channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel(name) : undefined;
    // It keeps no process of Node alive.
    /** @type {any} */ (this.channel)?.unref?.();
    this.channel?.addEventListener('message', ({ data }) => this.onMessage(data));
    const { signal } = this.ended;
    const changed = () => this.handle(SESSION_INPUT_STORE_CHANGED);
    if (place === 'localStorage') {
      globalThis.addEventListener?.('storage', (event) => void ((event.key ?? name) === name && changed()), { signal });
    }
    this.goes = () => {};
    this.stays();
    globalThis.addEventListener?.('pagehide', () => this.goes(), { signal });
    // A page in the back/forward cache gets no notifications.
    globalThis.addEventListener?.('pageshow', (event) => void (event.persisted && (this.stays(), changed())), {
      signal,
    });
    this.unsubscribe = typeof place === 'string' ? undefined : place.subscribe?.(changed);
  }

  /** The page is shown. Once it is hidden for good, nothing waits any more, so that changes happen before the page is gone. */
  stays() {
    /** @type {Promise<undefined>} */
    this.going = new Promise((resolve) => void (this.goes = () => resolve(undefined)));
  }

  /** Waits, at most until the page goes away or so many milliseconds have passed. @template T @param {Promise<T>} what @param {number} millis */
  within(what, millis) {
    return Promise.race([what, this.going, pause(millis)]);
  }

  /** A tab with a store of its own may have the same sign-in, so the message carries the record. @param {any} data */
  onMessage(data) {
    if (data?.loggedOut) return this.handle(SESSION_INPUT_LOGGED_OUT);
    if (data?.notRestored) return this.handle(SESSION_INPUT_NOT_RESTORED, 0, data.notRestored);
    if (!this.isPerTab)
      return this.within(
        attempt(() => this.look()),
        LOCK_PATIENCE,
      ).then(() => this.handle(SESSION_INPUT_STORE_CHANGED));
    const [id, text] = Array.isArray(data) ? data : [];
    try {
      this.handle(SESSION_INPUT_TWIN, 0, [id, decoded(text)]);
    } catch {
      // A message of another script.
    }
  }

  /** @template T @param {() => Promise<T>} task @returns {Promise<T | undefined>} Undefined if it fails. Only the first failure in a row is reported. */
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
    // It was performed late: the session reads the store again.
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

  /** @param {Tokens} tokens @param {number} [over] Only if the store still holds this sign-in. */
  write(tokens, over) {
    return this.change(over, async (there) => {
      if (over !== undefined && there?.[0] !== over) return STORE_END_OVERTAKEN;
      const text = encoded(tokens);
      await this.store.save(text);
      await this.within(this.marks.put(tokens), LOCK_PATIENCE);
      this.tell(this.isPerTab ? [tokens[0], text] : null);
      return STORE_END_DONE;
    });
  }

  /** @param {number} [over] Only if the store still holds this sign-in, or nothing. */
  erase(over) {
    return this.change(over, async (there) => {
      if (over !== undefined && there !== null && there?.[0] !== over) return STORE_END_OVERTAKEN;
      await this.store.clear();
      await this.within(this.marks.put(), LOCK_PATIENCE);
      this.tell(this.isPerTab ? [there?.[0], null] : null);
      return STORE_END_DONE;
    });
  }

  /**
   * Reads and changes the store in one step, one tab at a time. A failed read is an error only if `over` depends on it.
   *
   * @param {number | undefined} over @param {(there: Stored) => Promise<number>} task Returns a `StoreEnd`.
   */
  async change(over, task) {
    const inOne = async () => task(over === undefined ? await attempt(() => this.look()) : await this.look());
    const end = await this.run(() => (this.isPerTab ? inOne() : this.alone(inOne)));
    this.handle(SESSION_INPUT_WRITTEN, 0, [end ?? STORE_END_FAILED]);
  }

  /**
   * Reads the store until it shows the last change of another tab: browsers keep no order between locks and storage (whatwg/html issue 403).
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
   * Performs a task while no other tab does. If locks are denied or broken, or another tab takes too long, it performs it anyway.
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

  /** Tells the other tabs. What they cannot read in a store, those who wait for the lock hear before they get it. @param {News | Change} news */
  tell(news) {
    this.channel?.postMessage(news);
    if (this.channel && this.isLocked && news !== null) this.heard = nobodyWaits(this.lockName);
  }

  /** @param {number} lease How long the holder of the lock may show no sign of life, in milliseconds. */
  lock(lease) {
    const mine = ++this.locks;
    const granted = async () => {
      if (mine !== this.locks) return;
      this.isLocked = true;
      this.handle(SESSION_INPUT_LOCKED);
    };
    this.release = lock(this.lockName, lease, granted);
  }

  unlock() {
    this.locks++;
    this.isLocked = false;
    const { heard, release } = this;
    this.release = () => {};
    this.heard = undefined;
    if (heard) heard.then(release);
    else release();
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

/** Nothing outlives the page. The tabs share only the lock and their messages. @returns {Store} */
function memory() {
  /** @type {string | null} */
  let there = null;
  return {
    load: () => there,
    save: (text) => void (there = text),
    clear: () => void (there = null),
  };
}

/** @param {'localStorage' | 'sessionStorage'} kind @param {string} name @returns {Store} */
function webStorage(kind, name) {
  // Read at each call: the property throws where storage is denied, and may be null.
  return {
    load: () => globalThis[kind].getItem(name),
    save: (text) => globalThis[kind].setItem(name, text),
    clear: () => globalThis[kind].removeItem(name),
  };
}

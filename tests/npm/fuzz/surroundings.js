// What a page has around it, out of a seed: a clock that stands still until it is moved, timers, chance, storage, channels and locks.

/** mulberry32: the same numbers for the same seed, on every machine. */
export class Dice {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below that. */
  below(limit) {
    return Math.floor(this.next() * limit);
  }

  /** Whether something happens that does so that often. */
  is(chance) {
    return this.next() < chance;
  }

  of(list) {
    return list[this.below(list.length)];
  }
}

const channel = new MessageChannel();
const resume = [];
channel.port1.onmessage = () => {
  for (const next of resume.splice(0)) next();
};
/** Until everything that promises had to do is done. */
const task = () => new Promise((resolve) => (resume.push(resolve), channel.port2.postMessage(0)));
export async function drain() {
  await task();
  await task();
}

/** Timers that ring when the clock is moved to their time, one after the other. */
export class Clock {
  /** Milliseconds since the page began. */
  now = 1_000;
  #timers = new Map();
  /** Of all clocks: what a run has left behind stops no timer of the next. */
  static #next = 1;
  /** How many rang at this very time. */
  #rung = 0;

  set(call, delay = 0, every = undefined) {
    const id = Clock.#next++;
    this.#timers.set(id, { call, at: this.now + Math.max(0, Number(delay) || 0), every });
    return id;
  }

  clear(id) {
    this.#timers.delete(id);
  }

  /** Moves on, and lets everything happen on the way. */
  async advance(millis) {
    // What was just asked for sets its timers first.
    await drain();
    const end = this.now + millis;
    for (;;) {
      let first;
      for (const [id, timer] of this.#timers)
        if (timer.at <= end && (!first || timer.at < first[1].at)) first = [id, timer];
      if (!first) break;
      const [id, timer] = first;
      this.#rung = timer.at > this.now ? 0 : this.#rung + 1;
      if (this.#rung > 2_000) throw new Error('the page froze: 2,000 timers rang and no time passed');
      this.now = Math.max(this.now, timer.at);
      if (timer.every === undefined) this.#timers.delete(id);
      else timer.at = this.now + Math.max(1, timer.every);
      timer.call();
      await drain();
    }
    this.now = end;
    await drain();
  }
}

/** Web Storage that may refuse. */
export class FakeStorage {
  entries = new Map();
  refuses = false;

  #check() {
    if (this.refuses) throw new DOMException('full', 'QuotaExceededError');
  }
  getItem(name) {
    this.#check();
    return this.entries.get(name) ?? null;
  }
  setItem(name, text) {
    this.#check();
    this.entries.set(name, text);
  }
  removeItem(name) {
    this.#check();
    this.entries.delete(name);
  }
}

/** What the run that goes on has: the page has one after the other. */
export let world;

export function begin(next) {
  world = next;
}

class FakeChannel extends EventTarget {
  static open = new Set();

  constructor(name) {
    super();
    this.name = name;
    FakeChannel.open.add(this);
  }
  postMessage(data) {
    for (const other of FakeChannel.open) {
      if (other === this || other.name !== this.name) continue;
      world.clock.set(
        () => FakeChannel.open.has(other) && other.dispatchEvent(new MessageEvent('message', { data })),
        world.dice.below(20),
      );
    }
  }
  close() {
    FakeChannel.open.delete(this);
  }
}

/** Web Locks (W3C): first come, first served; `steal` and `shared` as there. */
class FakeLocks {
  held = [];
  waiting = [];
  #clients = 0;

  request(name, options, call) {
    return new Promise((resolve, reject) => {
      const lock = {
        name,
        mode: options.mode ?? 'exclusive',
        clientId: `client ${this.#clients++}`,
        call,
        resolve,
        reject,
      };
      options.signal?.addEventListener('abort', () => {
        const place = this.waiting.indexOf(lock);
        if (place < 0) return;
        this.waiting.splice(place, 1);
        reject(new DOMException('aborted', 'AbortError'));
      });
      if (options.steal) {
        for (const other of this.held.filter((other) => other.name === name)) {
          this.held.splice(this.held.indexOf(other), 1);
          other.reject(new DOMException('stolen', 'AbortError'));
        }
        this.#grant(lock);
      } else {
        this.waiting.push(lock);
        this.#look();
      }
    });
  }

  #look() {
    for (const lock of [...this.waiting]) {
      const others = this.held.filter((other) => other.name === lock.name);
      if (others.some((other) => lock.mode === 'exclusive' || other.mode === 'exclusive')) continue;
      this.waiting.splice(this.waiting.indexOf(lock), 1);
      this.#grant(lock);
    }
  }

  #grant(lock) {
    this.held.push(lock);
    const ended = () => {
      const place = this.held.indexOf(lock);
      if (place >= 0) this.held.splice(place, 1);
      this.#look();
    };
    Promise.resolve()
      .then(() => lock.call({ name: lock.name, mode: lock.mode }))
      .then(
        (value) => (ended(), lock.resolve(value)),
        (error) => (ended(), lock.reject(error)),
      );
  }

  async query() {
    const shown = ({ name, mode, clientId }) => ({ name, mode, clientId });
    return { held: this.held.map(shown), pending: this.waiting.map(shown) };
  }

  reset() {
    this.held = [];
    this.waiting = [];
  }
}

const locks = new FakeLocks();
/** What the page said, or failed with, in a run. */
export const said = [];

/** Takes the place of what the browser has, for good. */
export function install() {
  const put = (target, name, value) =>
    Object.defineProperty(target, name, { configurable: true, writable: true, value });
  put(globalThis, 'setTimeout', (call, delay, ...given) => world.clock.set(() => call(...given), delay));
  put(globalThis, 'clearTimeout', (id) => world.clock.clear(id));
  put(globalThis, 'setInterval', (call, every) => world.clock.set(call, every, every));
  put(globalThis, 'clearInterval', (id) => world.clock.clear(id));
  put(performance, 'now', () => world.clock.now);
  put(Date, 'now', () => 1_800_000_000_000 + world.clock.now);
  put(Math, 'random', () => world.dice.next());
  put(globalThis, 'localStorage', {
    getItem: (name) => world.storage.getItem(name),
    setItem: (name, text) => world.storage.setItem(name, text),
    removeItem: (name) => world.storage.removeItem(name),
  });
  put(globalThis, 'BroadcastChannel', FakeChannel);
  put(navigator, 'locks', locks);
  put(globalThis, 'fetch', (input, init) => world.server.fetch(input, init));
  put(
    globalThis,
    'WebSocket',
    class extends EventTarget {
      constructor(url, protocols) {
        super();
        return world.server.dial(url, protocols);
      }
    },
  );
  for (const level of ['log', 'info', 'warn', 'error', 'debug'])
    put(console, level, (...words) => void said.push(words.map(String).join(' ')));
  addEventListener(
    'error',
    (event) => (said.push(`uncaught: ${event.error?.stack ?? event.message}`), event.preventDefault()),
  );
  addEventListener(
    'unhandledrejection',
    (event) => (said.push(`unhandled: ${event.reason?.stack ?? event.reason}`), event.preventDefault()),
  );
}

/** Nothing of the run before is left. */
export function reset() {
  locks.reset();
  FakeChannel.open.clear();
  said.length = 0;
}

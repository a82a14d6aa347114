// What every run stands on: its own clock, chance, server and storage, what the app waits for, and what must never be seen.

import { GatepassError } from './package.js';
import { SECRET, Server } from './server.js';
import { Clock, Dice, FakeStorage, said } from './surroundings.js';

/** Something that was promised does not hold. */
export class Broken extends Error {}

export class Ground {
  constructor(seed, log) {
    this.dice = new Dice(seed);
    this.clock = new Clock();
    this.server = new Server(this.dice);
    this.storage = new FakeStorage();
    this.log = log;
    this.pending = new Map();
    this.count = 0;
  }

  note(text) {
    this.log.push(`${this.clock.now} ${text}`);
  }

  break(text) {
    throw new Broken(text);
  }

  /** A promise of the app's, which has to end. */
  promised(name, promise) {
    const key = `${name} ${this.count++}`;
    this.pending.set(key, promise);
    this.note(`  awaits ${key}`);
    promise.catch((error) => this.judge(error, name)).finally(() => this.pending.delete(key));
  }

  /** What the app is told of is an error of ours, without a credential. */
  judge(error, where) {
    if (error === undefined) return;
    if (!(error instanceof GatepassError) && !(error instanceof TypeError) && error?.name !== 'AbortError')
      this.failure ??= `${where}: ${error?.stack ?? error}`;
    if (error?.code === 'INTERNAL') this.failure ??= `${where}: INTERNAL ${error.cause?.stack ?? error.cause}`;
    if (`${error?.message}${JSON.stringify(error)}`.includes(SECRET))
      this.failure ??= `${where}: an error shows a credential`;
  }

  /** A signal that ends some day. */
  soon() {
    const abort = new AbortController();
    this.clock.set(() => abort.abort(), this.dice.below(60_000));
    return abort.signal;
  }

  /** Something was wrong where nobody could be told. */
  checkWhatWasSaid() {
    if (this.failure) this.break(this.failure);
    const loud = said.find((text) => text.includes(SECRET) || /^(uncaught|unhandled)/.test(text));
    if (loud) this.break(loud);
  }

  /** What the store holds of credentials, as text. */
  stored() {
    const text = JSON.stringify([...this.storage.entries]);
    return text.includes(SECRET) ? text : '';
  }

  /** The server and the browser do from now on what they should. */
  heal() {
    this.note('all is well again');
    this.isOver = true;
    this.server.heal();
    this.storage.refuses = false;
    this.isHidden = false;
    dispatchEvent(new Event('online'));
    document.dispatchEvent(new Event('resume'));
    document.dispatchEvent(new Event('visibilitychange'));
  }

  checkPromises() {
    if (this.pending.size > 0) this.break(`it never ends: ${[...this.pending.keys()]}`);
  }
}

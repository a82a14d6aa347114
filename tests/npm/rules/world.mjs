// A client with the rules, a network and a server, in virtual time: a schedule is made by a seed, and judged while it runs.

import assert from 'node:assert/strict';
import { Server } from './server.mjs';

/** A random number generator (mulberry32). */
function chance(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return { below: (count) => Math.floor(next() * count), is: (odds) => next() < odds };
}

const ROOMS = ['a', 'b', 'c', 'secret'];

/** One schedule. `Rules` is the class under test. */
export class World {
  constructor(Rules, seed) {
    this.random = chance(seed);
    const { is, below } = this.random;
    this.settings = { ids: is(0.3), replies: is(0.5), cursors: is(0.5), feed: is(0.3), leaves: is(0.8) };
    this.steps = 40 + below(80);
    this.server = new Server(this.random, this.settings);
    this.now = 0;
    this.user = 1;
    this.nextConnection = 1;
    this.nextThing = 1;
    /** Connections of the client: what is on its way to the server, and back. */
    this.lines = new Map();
    this.present = this.next = this.old = undefined;
    /** What the socket itself sends again. */
    this.kept = [];
    this.holders = [];
    this.requests = [];
    /** What was delivered of the feed. */
    this.feed = [];
    /** What has happened, for whoever looks at a failure. */
    this.story = [];
    this.counts = { delivered: 0, answered: 0, handovers: 0, losses: 0, gaps: 0, refused: 0, users: 1 };
    const port = {
      say: (connection, message) => this.#say(connection, message),
      send: (message) => this.#send(message),
      deliver: (message, holders) => this.#deliver(message, holders),
      resumed: (isWhole, _message, key) => this.#resumed(isWhole, key),
      now: () => this.now,
    };
    const resume = this.settings.feed
      ? { cursor: 'feed', resumed: { type: 'feed-resumed' }, tooOld: { type: 'feed-gap' } }
      : undefined;
    this.rules = new Rules(port, 20, resume);
  }

  run() {
    for (let step = 0; step < this.steps; step++) {
      this.#step();
      this.rules.sweep();
    }
    this.#settle();
    this.#judge();
    return this.counts;
  }

  #step() {
    const { below, is } = this.random;
    const roll = below(100);
    if (roll < 22) this.#carry();
    else if (roll < 34) this.server.publish(['a', 'b', 'c', 'feed'][below(4)]);
    else if (roll < 42) this.#subscribe();
    else if (roll < 48) this.#unsubscribe(is(0.3));
    else if (roll < 58) this.#ask();
    else if (roll < 66) this.server.answer();
    else if (roll < 68) this.#abort();
    else if (roll < 72) this.#pass(1 + below(400));
    else if (roll < 88) this.#goOn();
    else if (roll < 91) this.#lose();
    else if (roll < 97) this.#handOver();
    else if (roll < 99) this.#restart();
    else if (is(0.6)) this.#changeUser();
  }

  // The network.

  #line(connection) {
    const line = { toServer: [], toClient: [] };
    this.lines.set(connection, line);
    this.server.accept(connection, this.user, line.toClient);
  }

  /** Carries one message of one connection, one way. */
  #carry() {
    const ways = [...this.lines].flatMap(([connection, { toServer, toClient }]) => [
      ...(toServer.length > 0 ? [() => this.server.read(connection, toServer.shift())] : []),
      ...(toClient.length > 0 ? [() => this.#receive(connection, toClient.shift())] : []),
    ]);
    if (ways.length === 0) return false;
    ways[this.random.below(ways.length)]();
    return true;
  }

  #carryAll() {
    while (this.#carry());
  }

  #receive(connection, message) {
    this.#releaseKept(connection);
    this.story.push(`← ${connection} ${JSON.stringify(message)}`);
    this.rules.received(message, connection);
  }

  #say(connection, message) {
    this.story.push(`→ ${connection} ${JSON.stringify(message)}`);
    this.lines.get(connection)?.toServer.push(structuredClone(message));
  }

  #send(message) {
    assert(this.present !== undefined, 'nothing is sent without a connection');
    this.#say(this.present, message);
    // A socket may keep what it sends until the server has answered something.
    if (!this.random.is(0.1)) return { status: 'sent' };
    const sent = { status: 'sent', waiting: [], message, on: this.present };
    this.kept.push(sent);
    return sent;
  }

  /** What the server has heard is not sent again. */
  #releaseKept(connection) {
    for (const sent of this.kept) if (sent.on === connection) delete sent.waiting;
    this.kept = this.kept.filter(({ waiting }) => waiting);
  }

  #end(connection) {
    this.story.push(`connection ${connection} ends`);
    this.lines.delete(connection);
    this.server.drop(connection);
    if (connection === this.old) this.old = undefined;
    this.rules.gone(connection);
  }

  #isTold() {
    return this.next !== undefined;
  }

  /** The next step of a connection: it is dialled and told, it serves, or its predecessor is closed. */
  #goOn() {
    if (this.#isTold()) this.#serves();
    else if (this.present === undefined) this.#dial();
    else if (this.old !== undefined) this.#retire();
  }

  #dial() {
    const connection = (this.next = this.nextConnection++);
    // Whether all that live were told one.
    const isAlone = this.lines.size === 0;
    const has = (before, key) => (isAlone || before) && this.rules.cursors.has(key);
    for (const holder of this.holders) holder.hadCursor = has(holder.hadCursor, holder.room);
    this.hadFeedCursor = has(this.hadFeedCursor, '');
    this.story.push(`connection ${connection} is told`);
    this.#line(connection);
    if (this.settings.feed) this.#say(connection, { type: 'feed', since: this.rules.cursors.get('') });
    this.rules.joining(connection);
  }

  #serves() {
    if (this.old !== undefined) this.#retire();
    this.story.push(`connection ${this.next} serves`);
    this.old = this.present;
    this.present = this.next;
    this.next = undefined;
    for (const sent of this.kept.filter(({ on }) => on === undefined)) {
      // Messages of a former user are dropped, and so is what the queue has no place for.
      if (sent.message.user !== this.user || this.random.is(0.2)) sent.status = 'dropped';
      else {
        sent.on = this.present;
        this.#say(this.present, sent.message);
        continue;
      }
      delete sent.waiting;
      this.kept.splice(this.kept.indexOf(sent), 1);
    }
    this.rules.connected();
  }

  /** Nothing is on its way on the old connection any more, as after some seconds, and nothing that the new one was told. */
  #retire() {
    const { old } = this;
    const { toServer, toClient } = this.lines.get(old);
    while (toServer.length > 0) this.server.read(old, toServer.shift());
    const told = this.lines.get(this.present).toServer;
    while (told.length > 0) this.server.read(this.present, told.shift());
    while (toClient.length > 0) this.#receive(old, toClient.shift());
    this.counts.handovers++;
    this.#releaseKept(old);
    this.#end(old);
  }

  #handOver() {
    if (this.present === undefined || this.#isTold()) return;
    // What was joined within this round trip may be in another order on the two.
    const { toServer } = this.lines.get(this.present);
    while (toServer.length > 0) this.server.read(this.present, toServer.shift());
    this.#dial();
  }

  /** A connection is lost: one that is told, the old one of a handover, or the one that serves, with all others. */
  #lose() {
    const { old, next, present } = this;
    this.counts.losses++;
    if (old !== undefined && this.random.is(0.3)) {
      this.#mark();
      this.#releaseKept(old);
      return this.#end(old);
    }
    if (next !== undefined && this.random.is(0.5)) {
      this.next = undefined;
      if (present === undefined) this.#mark();
      return this.#end(next);
    }
    this.#loseAll(present);
  }

  #loseAll(first) {
    this.#mark();
    this.present = this.next = undefined;
    const all = [...new Set([first, ...this.lines.keys()])].filter((connection) => this.lines.has(connection));
    const isEarly = this.random.is(0.5);
    if (isEarly) this.rules.lost();
    for (const connection of all) this.#end(connection);
    for (const sent of this.kept) sent.on = undefined;
    if (!isEarly) this.rules.lost();
    // What had waited for a connection that has just ended was delivered.
    this.#mark();
  }

  #restart() {
    this.#loseAll(this.present);
    if (this.random.is(0.5)) this.server.forget();
  }

  #changeUser() {
    this.story.push(`user ${this.user + 1}`);
    this.counts.users++;
    const isEarly = this.random.is(0.5);
    if (isEarly) this.rules.changeUser();
    this.#loseAll(this.present);
    if (!isEarly) this.rules.changeUser();
    this.user++;
    this.feed.push('gap');
    for (const holder of this.holders) assert(holder.hasEnded, 'a subscription of a former user has ended');
    for (const request of this.requests) assert(request.ends > 0, 'a request of a former user has ended');
  }

  /** From here on something may be missing without a cursor. */
  #mark() {
    // Without a cursor that a new one was told, what the old one had on its way is lost.
    const wasTold = this.lines.size > 1;
    for (const { seen, hadCursor } of this.holders) seen.push(wasTold && !hadCursor ? 'gap' : 'loss');
    if (wasTold && !this.hadFeedCursor) this.feed.push('gap');
  }

  // The app.

  #subscribe(room = ROOMS[this.random.below(ROOMS.length)]) {
    const { ids, replies, cursors, leaves } = this.settings;
    const more = ids ? { id: '$id' } : {};
    const message = { type: 'join', room, user: this.user, ...(cursors && { since: '$cursor' }) };
    const options = {
      match: { type: 'news', room, ...more },
      error: { type: 'refused', room, ...more },
      ...(leaves && { leave: { type: 'leave', room, ...more } }),
      ...(ids && { id: 'id' }),
      ...(replies && { reply: { type: 'joined', room, ...more } }),
      ...(cursors && { resume: { cursor: 'number', tooOld: { type: 'gap', room } } }),
      key: room,
    };
    const world = this;
    const holder = {
      room,
      user: this.user,
      // Without ids, what is still under way of a subscription that was left looks like its own.
      isRejoined: !ids && this.holders.some((holder) => holder.room === room && holder.hasEnded),
      // Two connections that are told at the same time may have another order.
      isRacing: this.next !== undefined || this.old !== undefined,
      seen: [],
      hadCursor: false,
      readies: 0,
      hasEnded: false,
      joined() {
        assert(!this.hasEnded, 'what has ended is not joined');
        this.readies++;
      },
      message({ room, number }) {
        assert(!this.hasEnded, 'nothing is delivered to what has ended');
        assert.equal(room, this.room, 'of its own room');
        assert.equal(this.user, world.user, 'of its own user');
        world.counts.delivered++;
        this.seen.push(number);
      },
      end(error) {
        assert(!this.hasEnded, 'it ends once');
        this.hasEnded = true;
        if (error?.code === 'SUBSCRIPTION_REFUSED') world.counts.refused++;
        else assert.equal(error?.code, 'USER_CHANGED');
      },
    };
    this.holders.push(holder);
    this.story.push(`subscribe ${room}`);
    this.rules.subscribe(message, options, holder);
  }

  /** `again`: somebody else takes it over before it is left. */
  #unsubscribe(again) {
    const live = this.holders.filter(({ hasEnded }) => !hasEnded);
    if (live.length === 0) return;
    const holder = live[this.random.below(live.length)];
    // A server that was told nothing still has the room, and would be asked to join it again.
    if (!this.settings.leaves && !again) return;
    this.story.push(`unsubscribe ${holder.room}`);
    if (again) this.#subscribe(holder.room);
    holder.hasEnded = true;
    this.rules.leave(holder);
  }

  #ask() {
    const what = this.nextThing++;
    const { is } = this.random;
    // It may be a number that something has.
    const own = is(0.2) ? { id: is(0.5) ? `own-${what}` : 1 + this.random.below(60) } : {};
    const resend = is(0.4);
    const request = { what, ends: 0, resend };
    const options = {
      reply: { type: 'answer', id: '$id' },
      error: { type: 'no', id: '$id' },
      timeout: is(0.3) ? 0 : 100 + this.random.below(500),
      resend,
    };
    const settle = (error, answer) => {
      request.ends++;
      this.story.push(`request ${what} ends: ${error?.code ?? 'answered'}`);
      request.error = error;
      if (!error || error.code === 'REQUEST_REFUSED') {
        this.counts.answered++;
        assert.equal(answer.what, what, 'the answer belongs to the request');
      } else assert(['never-sent', 'maybe-arrived'].includes(error.fate), error.code);
    };
    try {
      this.story.push(`ask ${what}`);
      request.abort = this.rules.requests.add({ type: 'ask', what, user: this.user, ...own }, options, settle);
      this.requests.push(request);
    } catch (error) {
      assert(error.code === 'QUEUE_FULL' || 'id' in own, error.code);
    }
  }

  #abort() {
    const waiting = this.requests.filter(({ ends }) => ends === 0);
    if (waiting.length === 0) return;
    const request = waiting[this.random.below(waiting.length)];
    request.abort(Object.assign(new Error('aborted'), { code: 'ABORTED' }));
    assert.equal(request.error.code, 'ABORTED');
  }

  #pass(time) {
    this.now += time;
    const due = this.rules.requests.deadline;
    if (due !== undefined && due <= this.now) this.rules.requests.timeout();
  }

  #deliver(message, holders) {
    for (const holder of holders) holder.message(message);
    if (holders.length > 0) return;
    const { type, feed, isSecond, room } = message;
    if (type === 'event') this.feed.push(feed);
    else if (type === 'answer' || type === 'no') assert(isSecond, 'a late answer is delivered to nobody');
    else assert.fail(`what belongs to a subscription is delivered to its holders alone: ${type} ${room}`);
  }

  #resumed(isWhole, key) {
    if (isWhole) return;
    this.counts.gaps++;
    if (key === undefined) this.feed.push('gap');
    for (const { room, seen } of this.holders) if (room === key) seen.push('gap');
  }

  // The end.

  /** The last connection serves, and everything has arrived. */
  #settle() {
    while (this.present === undefined || this.#isTold() || this.old !== undefined) this.#goOn();
    this.#releaseKept(this.present);
    do {
      this.#carryAll();
      this.server.answer();
    } while (this.#carry());
    this.#pass(1_000);
    // What has no time limit ends with its connection.
    this.#loseAll(this.present);
    this.#dial();
    this.#serves();
    this.#carryAll();
    this.#pass(1_000);
    for (const request of this.requests.filter(({ ends, resend }) => ends === 0 && resend))
      request.abort(Object.assign(new Error('aborted'), { code: 'ABORTED' }));
  }

  #judge() {
    for (const { what, ends } of this.requests) assert.equal(ends, 1, `request ${what} ends once`);
    const live = this.holders.filter(({ hasEnded, room }) => !hasEnded && room !== 'secret');
    const rooms = [...new Set(live.map(({ room }) => room))].sort();
    assert.deepEqual(this.server.roomsOf(this.present), rooms, 'the server has every subscription, and no other');
    const { published } = this.server;
    const { cursors, feed } = this.settings;
    for (const { room, seen, isRejoined, isRacing } of this.holders)
      if (!isRacing) judgeOrder(published.get(room) ?? [], seen, cursors, !isRejoined);
    if (feed) judgeOrder(published.get('feed') ?? [], this.feed, true);
  }
}

/** In order, once, and without a hole: with a cursor but for a gap that was told, without one but for a loss. */
function judgeOrder(published, seen, hasCursor, isWhole = true) {
  let last;
  let highest = 0;
  for (const number of seen) {
    if (number === 'gap') highest = 0;
    if (number === 'gap' || (number === 'loss' && !hasCursor)) last = undefined;
    if (typeof number !== 'number') continue;
    assert(number > highest, `in order and once: ${seen}`);
    highest = number;
    if (last !== undefined && isWhole)
      assert.equal(published.indexOf(number), published.indexOf(last) + 1, `without a hole: ${seen} of ${published}`);
    last = number;
  }
}

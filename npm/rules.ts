// The rules of a conversation: what is sent on which connection, whose a message is, and what was seen before.
//
// Pure: time, the socket and the app are behind `Port`. Connections have numbers, which grow. A handover has two at once.

import { failure, GatepassError } from './errors.js';
import { reported } from './events.js';
import { Cursors, MAX_SEEN, type ResumeOptions } from './cursors.js';
import { fill, fits, type Id, type IdType, isLike, likenessOf, type Matcher, withId } from './matching.js';
import { at, print } from './platform.js';
import { refusal, type RequestPort, RequestRules } from './request-rules.js';
import type { JsonValue } from './schemes.js';

/** Options of a subscription. */
export interface SubscribeOptions<In = any, Out = any> {
  /** Which messages are its own. */
  match: Matcher<In>;
  /** What is sent when its last holder leaves; `"$id"` stands for its id. Without one at the place of `id`, it gets an id of its own. @default nothing */
  leave?: Out;
  /** Those who subscribe with the same key share one. @default the message as JSON */
  key?: string;
  /** Where its id goes in the message: a name, or names with dots between. Each connection has another. @default it has none */
  id?: string;
  /** What its id is. @default 'number' */
  idType?: IdType;
  /** The server's answer: it has joined. It is not delivered. @default it counts as joined when the message was sent */
  reply?: Matcher<In>;
  /** The server's refusal: it ends, with SUBSCRIPTION_REFUSED. */
  error?: Matcher<In>;
  /** The server's last word: it ends, without an error. */
  end?: Matcher<In>;
  /** Where it goes on after a loss, by a cursor of its own. `"$cursor"` in the message stands for it. @default that of the socket */
  resume?: ResumeOptions<In>;
}

/** @internal What is outside of the rules. */
export interface Port extends RequestPort {
  /** Sends on a connection, now or never. @throws what refuses the message */
  say(connection: number, message: unknown): void;
  /** Delivers a message to the holders of its subscriptions, or to everybody if it belongs to none. */
  deliver(message: unknown, holders: Holder[]): void;
  /** The server has gone on where the client was, or cannot: what lies between is lost. `key`: of the subscription, if it is one's own. */
  resumed(isWhole: boolean, message: unknown, key: string | undefined): void;
}

/** @internal Whoever holds a subscription. */
export interface Holder {
  joined(): void;
  message(message: unknown): void;
  end(error?: GatepassError): void;
}

/** A subscription that all holders of its key share. */
interface Room {
  readonly key: string;
  message: unknown;
  options: SubscribeOptions;
  readonly holders: Set<Holder>;
  cursors: Cursors | undefined;
  /** The connections that have it, and its id there. */
  readonly on: Map<number, Id | undefined>;
  /** Those of them that were told no cursor: where it begins, the server says in its answer. */
  readonly begun: Set<number>;
  /** By connection: what earlier ones have delivered since it was told, and it has not yet, and how often. */
  readonly heard: Map<number, Map<string, number>>;
  isReady: boolean;
}

/** How many subscriptions that have ended are remembered, and how long, in milliseconds. */
const MAX_LEFT = 100;
const LEFT = 10_000;

/** @internal */
export class Rules {
  readonly #port: Port;
  readonly #cursors: Cursors | undefined;
  readonly #rooms = new Map<string, Room>();
  /** Those of requests. */
  readonly requests: RequestRules;
  #nextId = 1;
  /** Subscriptions that have ended lately: what still arrives of them is dropped. */
  readonly #left = new Map<Room, number>();
  /** The connection that serves. */
  #present: number | undefined;
  /** The one that has been told what it needs, and does not serve yet. */
  #next: number | undefined;
  /** Those that were told and live, the oldest first: at a handover it is followed. */
  #live: number[] = [];
  /** Of those, the ones that have ended since, after an older one. */
  readonly #ended = new Set<number>();
  /** What has arrived by the others meanwhile. */
  #held: Array<[message: unknown, from: number]> = [];

  /** The last cursors, by the keys of their subscriptions; '' is that of the socket. They outlast a subscription that ends. */
  readonly cursors: Map<string, unknown>;

  /** `cursors`: those of another time. */
  constructor(port: Port, maxRequests = 1_000, resume?: ResumeOptions, cursors = new Map<string, unknown>()) {
    this.#port = port;
    const isOfRoom = (id: Id) =>
      [...this.#rooms.values()].some(({ on }) => [...on.values()].some((other) => isLike(other, id)));
    this.requests = new RequestRules(port, maxRequests, (options) => this.#newId(options), isOfRoom);
    this.cursors = cursors;
    this.#cursors = resume && new Cursors(resume, cursors, '');
  }

  // Connections.

  /** Tells a new connection what it has to know, before anything else is sent on it. */
  joining(connection: number): void {
    this.#next = connection;
    this.#live.push(connection);
    for (const room of [...this.#rooms.values()]) if (room.holders.size > 0) this.#join(room, connection);
  }

  /** The connection that was told serves now. */
  connected(): void {
    if (this.#next === undefined) return;
    this.#present = this.#next;
    this.#next = undefined;
    this.requests.connected(this.#present);
  }

  /** Nothing serves any more: what is asked from now on waits for another connection. */
  lost(): void {
    this.#present = undefined;
    this.requests.lost();
  }

  /** A connection has ended; nothing arrives on it any more. */
  gone(connection: number): void {
    if (connection === this.#next) {
      // It never served: the older one has all that it had.
      this.#next = undefined;
      this.#held = this.#held.filter(([, from]) => from !== connection);
      this.#live = this.#live.filter((live) => live !== connection);
      this.#leaveConnection(connection);
    }
    if (connection === this.#present) this.#present = undefined;
    this.requests.gone(connection);
    if (this.#live.includes(connection)) this.#ended.add(connection);
    this.#release();
  }

  /** An older connection may have ended: what has come by the next one meanwhile follows. */
  #release(): void {
    for (let [oldest] = this.#live; oldest !== undefined; oldest = this.#live[0]) {
      const isOf = ([, from]: [unknown, number]) => from === oldest;
      const held = this.#held.filter(isOf);
      this.#held = this.#held.filter((other) => !isOf(other));
      for (const [message, from] of held) this.#hand(message, from);
      if (!this.#ended.delete(oldest)) return;
      this.#live.shift();
      this.#leaveConnection(oldest);
    }
    this.#ended.clear();
  }

  #leaveConnection(connection: number): void {
    for (const room of this.#rooms.values()) {
      for (const by of [room.on, room.heard, room.begun]) by.delete(connection);
      if (room.on.size === 0) room.isReady = false;
    }
    for (const room of this.#left.keys()) if (room.on.delete(connection) && room.on.size === 0) this.#left.delete(room);
  }

  /** The user is another: nothing of the former one is kept. */
  changeUser(): void {
    this.cursors.clear();
    this.#cursors?.forget();
    this.end(new GatepassError(['USER_CHANGED', 'the user has changed', 'giveUp']));
  }

  /** Everything ends, without an error if the app closes the socket. */
  end(error: GatepassError | undefined): void {
    this.#present = this.#next = undefined;
    this.#live = [];
    this.#ended.clear();
    this.#held = [];
    this.#left.clear();
    for (const room of [...this.#rooms.values()]) this.#endRoom(room, error);
    this.requests.end(error ?? failure('CLOSED', 'the socket is closed'));
  }

  // Subscriptions.

  /** Subscribes a holder. */
  subscribe(message: unknown, options: SubscribeOptions, holder: Holder): void {
    const key = options.key ?? print(message as JsonValue);
    if (key === '') throw failure('INVALID_OPTION', 'key: it is needed for a message that is no JSON');
    let room = this.#rooms.get(key);
    if (!room) {
      const [on, heard, begun] = [new Map(), new Map(), new Set<number>()];
      room = { key, message, options, cursors: undefined, holders: new Set(), on, heard, begun, isReady: false };
      this.#rooms.set(key, room);
    }
    // Who was the last holder has no say any more.
    if (room.holders.size === 0) {
      const { resume } = options;
      Object.assign(room, { message, options, cursors: resume && new Cursors(resume, this.cursors, key) });
    }
    room.holders.add(holder);
    if (room.isReady) holder.joined();
    for (const connection of [this.#present, this.#next])
      if (connection !== undefined && !room.on.has(connection)) this.#join(room, connection);
  }

  /** A holder takes no more. `sweep()` then leaves what nobody holds, so that another holder may come first. */
  leave(holder: Holder): void {
    for (const { holders } of this.#rooms.values()) holders.delete(holder);
  }

  /** Leaves what nobody holds. */
  sweep(): void {
    for (const room of [...this.#rooms.values()]) {
      if (room.holders.size > 0) continue;
      this.#forget(room);
      const { leave } = room.options;
      if (leave === undefined) continue;
      for (const [connection, id] of room.on) {
        const left = id === undefined ? leave : fill(leave, { id });
        const hasId = room.options.id === undefined || at(left as JsonValue, room.options.id) !== undefined;
        reported(() => this.#port.say(connection, hasId ? left : this.#numbered(left, room.options)[0]));
      }
    }
  }

  #join(room: Room, connection: number): void {
    const { message, options, cursors = this.#cursors } = room;
    const [filled, id] = this.#numbered(cursors ? fill(message, { cursor: cursors.last }) : message, options);
    room.on.set(connection, id);
    if (cursors?.last === undefined) room.begun.add(connection);
    if (room.on.size > 1) room.heard.set(Math.max(...room.on.keys()), new Map());
    try {
      this.#port.say(connection, filled);
    } catch (thrown) {
      this.#endRoom(room, thrown as GatepassError);
      return;
    }
    if (options.reply === undefined) this.#ready(room);
  }

  /** A message with an id, if it is to have one, and that. */
  #numbered(message: unknown, options: SubscribeOptions): [unknown, Id | undefined] {
    if (options.id === undefined) return [message, undefined];
    const id = this.#newId(options);
    return [withId(message, options.id.split('.'), id), id];
  }

  /** The next id of all that have one: servers want them to grow. */
  #newId({ idType }: { idType?: IdType }): Id {
    let id = this.#nextId++;
    // The app may have chosen that one.
    while (this.requests.isTaken(id)) id = this.#nextId++;
    return idType === 'string' ? `${id}` : id;
  }

  #ready(room: Room): void {
    room.isReady = true;
    for (const holder of room.holders) holder.joined();
  }

  #forget(room: Room): void {
    this.#rooms.delete(room.key);
    if (this.cursors.size > MAX_SEEN) {
      const ended = [...this.cursors.keys()].filter((key) => key !== '' && !this.#rooms.has(key));
      for (const key of ended.slice(0, -MAX_SEEN)) this.cursors.delete(key);
    }
    if (room.on.size > 0) this.#left.set(room, this.#port.now() + LEFT);
    if (this.#left.size > MAX_LEFT) this.#left.delete(this.#left.keys().next().value!);
  }

  #endRoom(room: Room, error?: GatepassError): void {
    this.#forget(room);
    for (const holder of room.holders) holder.end(error);
  }

  // Messages.

  /** Takes a message that has arrived on a connection. */
  received(message: unknown, from: number): void {
    if (this.requests.answers(message, from)) return;
    let isTaken = this.#hears(this.#cursors, message);
    for (const room of [...this.#rooms.values()]) {
      if (!room.on.has(from)) continue;
      const id = room.on.get(from);
      const { error, end, reply } = room.options;
      if (fits(error, message, id)) {
        this.#endRoom(room, refusal('SUBSCRIPTION_REFUSED', undefined, message));
        return;
      }
      if (fits(end, message, id)) {
        this.#endRoom(room);
        return;
      }
      if (fits(reply, message, id)) {
        this.#ready(room);
        // Where the server is now; what was missed follows if there is something to go on from.
        if (room.begun.has(from) && room.cursors?.last === undefined) room.cursors?.takes(message);
        isTaken = true;
      }
      isTaken = this.#hears(room.cursors, message, id, room.key) || isTaken;
    }
    if (isTaken) return;
    // The oldest first, so that nothing overtakes.
    const isFirst = this.#live[0] === undefined || from <= this.#live[0];
    if (isFirst || !this.#isShared(message, from)) this.#hand(message, from);
    else this.#held.push([message, from]);
  }

  /** What the server says of where it goes on. */
  #hears(cursors: Cursors | undefined, message: unknown, id?: Id, key?: string): boolean {
    if (!cursors) return false;
    const { resumed, tooOld } = cursors.options;
    const isTooOld = fits(tooOld, message, id);
    if (isTooOld) cursors.forget();
    if (!isTooOld && !fits(resumed, message, id)) return false;
    cursors.takes(message);
    this.#port.resumed(!isTooOld, message, key);
    return true;
  }

  #roomsOf(message: unknown, from: number): Room[] {
    return [...this.#rooms.values()].filter(
      ({ on, options }) => on.has(from) && fits(options.match, message, on.get(from)),
    );
  }

  /** Whether both connections of a handover deliver it. */
  #isShared(message: unknown, from: number): boolean {
    return this.#cursors?.of(message) !== undefined || this.#roomsOf(message, from).length > 0;
  }

  /** Whether an earlier connection has delivered it to a subscription. */
  #isRepeated({ heard, on, options }: Room, message: unknown, from: number): boolean {
    if (heard.size === 0) return false;
    const likeness = likenessOf(message, on.get(from), options);
    const count = heard.get(from)?.get(likeness) ?? 0;
    if (count > 0) {
      heard.get(from)!.set(likeness, count - 1);
      return true;
    }
    // What only this one has is later than all that the earlier one had.
    heard.delete(from);
    for (const [connection, counts] of heard)
      if (connection > from) counts.set(likeness, (counts.get(likeness) ?? 0) + 1);
    return false;
  }

  /** Whether it belongs to a subscription that has ended. */
  #wasLeft(message: unknown, from: number): boolean {
    for (const [room, until] of this.#left) if (until < this.#port.now()) this.#left.delete(room);
    return [...this.#left.keys()].some(({ on, options: { match, reply, error, end, resume } }) =>
      [match, reply, error, end, resume?.tooOld, resume?.resumed].some(
        (matcher) => on.has(from) && fits(matcher, message, on.get(from)),
      ),
    );
  }

  /** Hands a message to those that it belongs to, unless it was seen before. */
  #hand(message: unknown, from: number): void {
    const rooms = this.#roomsOf(message, from);
    if (this.#cursors && !this.#cursors.takes(message)) return;
    const holders = rooms.flatMap((room) =>
      this.#isRepeated(room, message, from) || room.cursors?.takes(message) === false ? [] : [...room.holders],
    );
    if (rooms.length === 0 && this.#wasLeft(message, from)) return;
    if (rooms.length === 0 || holders.length > 0) this.#port.deliver(message, holders);
  }
}

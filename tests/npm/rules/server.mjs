// A server with rooms, logs and answers. It knows nothing of the client's rules, and throws at what a client must not do.

/** How many messages a log has. */
const LOG = 12;

export class Server {
  #random;
  #settings;
  /** Open connections by number. */
  #peers = new Map();
  /** The last messages of each room, and of the feed that everybody has. */
  #logs = new Map();
  #count = 0;
  /** All that was published, by room. */
  published = new Map();

  constructor(random, settings) {
    this.#random = random;
    this.#settings = settings;
  }

  /** `out` takes what the server sends. */
  accept(connection, user, out) {
    this.#peers.set(connection, { user, out, rooms: new Map(), late: [], hasFeed: false });
  }

  drop(connection) {
    this.#peers.delete(connection);
  }

  /** The log is in memory. */
  forget() {
    for (const log of this.#logs.values()) {
      log.lost = this.#count;
      log.messages = [];
    }
  }

  roomsOf(connection) {
    return [...(this.#peers.get(connection)?.rooms.keys() ?? [])].sort();
  }

  #logOf(room) {
    if (!this.#logs.has(room)) this.#logs.set(room, { messages: [], lost: 0 });
    return this.#logs.get(room);
  }

  publish(room) {
    const number = ++this.#count;
    const log = this.#logOf(room);
    log.messages.push(number);
    if (log.messages.length > LOG) log.lost = log.messages.shift();
    this.published.set(room, [...(this.published.get(room) ?? []), number]);
    for (const peer of this.#peers.values()) {
      if (room === 'feed' && peer.hasFeed) peer.out.push({ type: 'event', feed: number });
      if (peer.rooms.has(room)) peer.out.push(this.#news(room, number, peer.rooms.get(room)));
    }
  }

  #news(room, number, id) {
    return { type: 'news', room, number, ...(id !== undefined && { id }) };
  }

  /** What a client has missed, and a little too much. */
  #missed(room, since) {
    const { messages, lost } = this.#logOf(room);
    const from = since < lost ? 0 : since - this.#random.below(3);
    return [since < lost, messages.filter((number) => number > from)];
  }

  read(connection, message) {
    const peer = this.#peers.get(connection);
    if (!peer) return;
    const { type, room, id, since } = message;
    switch (type) {
      case 'feed': {
        peer.hasFeed = true;
        if (since === undefined) return;
        const [isGap, missed] = this.#missed('feed', since);
        peer.out.push({ type: isGap ? 'feed-gap' : 'feed-resumed' });
        for (const number of missed) peer.out.push({ type: 'event', feed: number });
        return;
      }
      case 'join': {
        if (room === 'secret') return void peer.out.push({ type: 'refused', room, id });
        if (peer.rooms.has(room)) throw new Error(`${room} is joined twice on connection ${connection}`);
        if (message.user !== peer.user)
          throw new Error(`${room} was joined by ${message.user}, and this is ${peer.user}`);
        peer.rooms.set(room, id);
        const [isGap, missed] = since === undefined ? [false, []] : this.#missed(room, since);
        const last = this.published.get(room)?.at(-1) ?? 0;
        const said = [
          ...(this.#settings.replies ? [{ type: 'joined', room, id, number: last }] : []),
          ...(isGap ? [{ type: 'gap', room }] : []),
        ];
        peer.out.push(...(this.#random.is(0.5) ? said : said.reverse()));
        for (const number of missed) peer.out.push(this.#news(room, number, id));
        return;
      }
      case 'leave':
        if (!peer.rooms.delete(room) && room !== 'secret')
          throw new Error(`${room} is left, and was not joined on connection ${connection}`);
        return;
      case 'ask':
        return this.#answer(peer, message);
      default:
        throw new Error(`what is ${JSON.stringify(message)}`);
    }
  }

  /** Some answers are lost, some come twice, and all may come late. */
  #answer(peer, { id, what, user }) {
    if (user !== peer.user) throw new Error(`${what} was asked by ${user}, and this is ${peer.user}`);
    if (this.#random.is(0.15)) return;
    const answer = { type: this.#random.is(0.15) ? 'no' : 'answer', id, what };
    peer.late.push(answer);
    if (this.#random.is(0.1)) peer.late.push({ ...answer, isSecond: true });
  }

  /** Sends one of the answers that wait. */
  answer() {
    const peers = [...this.#peers.values()].filter(({ late }) => late.length > 0);
    if (peers.length === 0) return;
    const { late, out } = peers[this.#random.below(peers.length)];
    const [answer] = late.splice(this.#random.below(late.length), 1);
    // A second answer never comes before the first.
    const first = late.findIndex(({ id, isSecond }) => answer.isSecond && id === answer.id && !isSecond);
    if (first >= 0) [late[first], out[out.length]] = [answer, late[first]];
    else out.push(answer);
  }
}

// The rules of requests: what is sent when, which answer belongs to which, and how each one ends. Pure, as rules.ts is.

import { failure, GatepassError, queueFull } from './errors.js';
import { fits, type Id, type IdType, isLike, type Matcher, withId } from './matching.js';
import { at, print } from './platform.js';
import type { JsonValue } from './schemes.js';

/** What is known of a request that has failed: `never-sent`, or `maybe-arrived`: the server may have acted on it. */
export type Fate = NonNullable<GatepassError['fate']>;

/** Options of a request. Those of the socket (`requests`) are its defaults. */
export interface RequestOptions<In = any> {
  /** Where its id goes in the message: a name, or names with dots between. What the message has there already is its id. @default 'id' */
  id?: string;
  /** What its id is. @default 'number' */
  idType?: IdType;
  /** The answer, with `"$id"` where its id is. @default a message with the same id at the same place */
  reply?: Matcher<In>;
  /** A refusal, with `"$id"` where its id is: it ends with REQUEST_REFUSED. It is looked for before `reply`. @default none */
  error?: Matcher<In>;
  /** How long the answer may take once the request is sent, in milliseconds; 0 for as long as the connection lasts. @default 30000 */
  timeout?: number;
  /** Whether it may be sent twice: after a loss it is sent again. @default false */
  resend?: boolean;
}

/** What all requests of a socket have in common. */
export interface SocketRequestOptions<In = any> extends RequestOptions<In> {
  /** How many requests may wait for an answer at a time; beyond that `request()` rejects with QUEUE_FULL. @default 1000 */
  max?: number;
}

/** @internal A message that was handed to the socket. */
export interface Handed {
  readonly status: 'queued' | 'sent' | 'confirmed' | 'dropped';
  /** There while it may change. */
  readonly waiting?: unknown;
}

/** @internal Told once how a request ends: with the answer, or with an error. */
export type Settle = (error: GatepassError | undefined, answer?: unknown) => void;

/** A request that has not ended. */
interface Request {
  readonly message: unknown;
  readonly options: RequestOptions;
  /** Its id, if that is the app's. */
  readonly own: Id | undefined;
  readonly settle: Settle;
  id?: Id;
  handed?: Handed;
  /** The connection that has it. */
  on?: number | undefined;
  deadline?: number | undefined;
  wasSent?: boolean;
}

/** @internal What is outside of these rules. */
export interface RequestPort {
  /** Sends on the connection that serves, as any message of the app. @throws what refuses it */
  send(message: unknown): Handed;
  /** Milliseconds of a clock that does not jump. */
  now(): number;
}

const TIMEOUT = 30_000;

/** What an error of a request is made of. */
type Failure = Pick<GatepassError, 'code' | 'message' | 'disposition' | 'cause'>;

const LOST: Failure = {
  code: 'CONNECTION_LOST',
  message: 'the connection was lost before the answer',
  disposition: 'retry',
};
const REFUSED = 'the server refuses it';

/** @internal An error with the server's words. */
export function refusal(
  code: GatepassError['code'],
  message = REFUSED,
  words?: unknown,
  disposition: GatepassError['disposition'] = 'giveUp',
  options?: ErrorOptions,
): GatepassError {
  return new GatepassError([code, message, disposition, undefined, undefined, undefined, words], options);
}

/** @internal */
export class RequestRules {
  readonly #port: RequestPort;
  readonly #max: number;
  readonly #newId: (options: RequestOptions) => Id;
  readonly #isOfRoom: (id: Id) => boolean;
  readonly #requests = new Set<Request>();
  /** Those that have ended without an answer, which may still come. */
  readonly #late = new Set<Request>();
  /** The connection that serves. */
  #present: number | undefined;

  /** `newId`: one that nothing has. `isOfRoom`: whether a subscription has it. */
  constructor(port: RequestPort, max: number, newId: (options: RequestOptions) => Id, isOfRoom: (id: Id) => boolean) {
    this.#port = port;
    this.#max = max;
    this.#newId = newId;
    this.#isOfRoom = isOfRoom;
  }

  /** When `timeout()` has to be called. */
  get deadline(): number | undefined {
    const all = [...this.#requests].flatMap(({ deadline }) => deadline ?? []);
    return all.length > 0 ? Math.min(...all) : undefined;
  }

  /** Sends a request, or keeps it until there is a connection. Returns what ends it early. @throws GatepassError QUEUE_FULL, INVALID_OPTION */
  add(message: unknown, options: RequestOptions, settle: Settle): (error: GatepassError) => void {
    if (this.#requests.size >= this.#max) throw queueFull();
    if (typeof message !== 'object' || message === null)
      throw failure('INVALID_OPTION', 'message: an object is needed, which has an id');
    const own = (at(message as JsonValue, options.id ?? 'id') ?? undefined) as Id | undefined;
    if (own !== undefined && typeof own !== 'string' && !Number.isFinite(own))
      throw failure('INVALID_OPTION', 'message: its id is a text or a number');
    if (own !== undefined && (this.isTaken(own) || this.#isOfRoom(own)))
      throw failure(
        'INVALID_OPTION',
        `message: the id ${print(own)} is taken, by a subscription or by a request whose answer may still come`,
      );
    const request: Request = { message, options, own, settle };
    this.#requests.add(request);
    if (this.#present !== undefined) this.#send(request);
    return (error) => this.#fail(request, error);
  }

  #send(request: Request): void {
    const { message, own, options } = request;
    const id = own ?? this.#newId(options);
    request.id = id;
    try {
      request.handed = this.#port.send(
        own === undefined ? withId(message, (options.id ?? 'id').split('.'), id) : message,
      );
      this.progress();
    } catch (thrown) {
      this.#settle(request, thrown as GatepassError);
    }
  }

  /** Whether an answer with this id would be another request's. */
  isTaken(id: Id): boolean {
    return [...this.#requests, ...this.#late].some((other) => isLike(other.id ?? other.own, id));
  }

  /** A connection serves: what waits is sent. */
  connected(connection: number): void {
    this.#present = connection;
    for (const request of this.#requests) if (!request.handed) this.#send(request);
    this.progress();
  }

  /** Nothing serves any more. */
  lost(): void {
    this.#present = undefined;
  }

  /** What was handed to the socket may have been sent, or dropped. */
  progress(): void {
    for (const request of this.#requests) {
      const { handed, on, options } = request;
      if (handed?.status === 'dropped') this.#fail(request, LOST);
      if (!handed || handed.status === 'queued' || on !== undefined) continue;
      request.wasSent = true;
      request.on = this.#present;
      const { timeout = TIMEOUT } = options;
      if (timeout > 0) request.deadline = this.#port.now() + timeout;
    }
  }

  /** A connection has ended: what was asked on it is sent again, or fails. */
  gone(connection: number): void {
    if (connection === this.#present) this.#present = undefined;
    for (const late of this.#late) {
      if (late.on !== connection) continue;
      if (late.handed?.waiting) late.on = undefined;
      else this.#late.delete(late);
    }
    for (const request of this.#requests) {
      if (request.on !== connection) continue;
      request.on = request.deadline = undefined;
      // The socket itself sends it again.
      if (request.handed?.waiting) continue;
      if (request.options.resend) {
        delete request.handed;
        if (this.#present !== undefined) this.#send(request);
      } else this.#fail(request, LOST);
    }
  }

  /** Time has passed. */
  timeout(): void {
    const now = this.#port.now();
    for (const request of this.#requests) {
      if (request.deadline === undefined || request.deadline > now) continue;
      const { timeout = TIMEOUT } = request.options;
      const message = `no answer within ${timeout} ms of sending`;
      this.#fail(request, { code: 'REQUEST_TIMED_OUT', message, disposition: 'retry' });
    }
  }

  /** All end. */
  end(error: GatepassError): void {
    this.lost();
    for (const request of [...this.#requests]) this.#fail(request, error);
    this.#late.clear();
  }

  /** Whether a message answers a request, now or too late. */
  answers(message: unknown, from: number): boolean {
    for (const request of [...this.#requests, ...this.#late]) {
      const { id, options, on } = request;
      if (id === undefined || (on ?? from) !== from) continue;
      const isRefusal = fits(options.error, message, id);
      if (!isRefusal && !isReply(options, message, id)) continue;
      this.#late.delete(request);
      if (isRefusal) this.#fail(request, { code: 'REQUEST_REFUSED', message: REFUSED, disposition: 'giveUp' }, message);
      else this.#settle(request, undefined, message);
      return true;
    }
    return false;
  }

  #fail(request: Request, { code, message, disposition, cause }: Failure, answer?: unknown): void {
    const fate: Fate = request.wasSent ? 'maybe-arrived' : 'never-sent';
    const error = refusal(code, `${message} (${fate})`, answer, disposition, { cause });
    this.#settle(request, Object.assign(error, { fate }), answer);
  }

  #settle(request: Request, error: GatepassError | undefined, answer?: unknown): void {
    if (!this.#requests.delete(request)) return;
    if ((request.on !== undefined || request.handed?.waiting) && answer === undefined) this.#late.add(request);
    if (this.#late.size > this.#max) this.#late.delete(this.#late.values().next().value!);
    request.settle(error, answer);
  }
}

/** By default an answer has the id where the request has it. */
function isReply({ reply, id: path = 'id' }: RequestOptions, message: unknown, id: Id): boolean {
  return reply === undefined ? isLike(at(message as JsonValue, path), id) : fits(reply, message, id);
}

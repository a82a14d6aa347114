// The conversation of a socket: carries what the rules say, and turns messages into values.

import type { ConnectedInfo, Params } from './asking.js';
import type { Talk } from './codec.js';
import { type CursorStorage, CursorStore } from './cursor-store.js';
import { failure, type GatepassError } from './errors.js';
import type { StateChangeEvent } from './events.js';
import type { AuthSocketOptions } from './option-types.js';
import { isRecord, Options, type Rows } from './options.js';
import { plain, type Sendable } from './payload.js';
import { filled, print } from './platform.js';
import { fill, withId } from './matching.js';
import { refusal, type RequestOptions } from './request-rules.js';
import { type Holder, Rules, type SubscribeOptions } from './rules.js';
import type { JsonValue } from './schemes.js';
import type { KeptMessage } from './sent.js';
import { type AuthSocket, inside } from './socket.js';
import { Held, type Subscription } from './subscription.js';
import { signalOf } from './waiting.js';

/** A place in a value that does not fit, as Standard Schema has it. */
export interface Issue {
  /** What is wrong there. */
  readonly message: string;
  /** The names and numbers that lead to it. */
  readonly path: readonly PropertyKey[];
}

/** `messageerror`: a message of the server could not be read, or does not fit. It is not delivered. */
export class MessageErrorEvent extends Event {
  /** What is wrong, with the code MESSAGE_INVALID. */
  readonly error: GatepassError;
  /** The message, as it has arrived. It may hold what no log should. */
  readonly data: unknown;
  /** The places that do not fit; none if it could not be read. */
  readonly issues: readonly Issue[];

  /** @internal */
  constructor(error: GatepassError, data: unknown) {
    super('messageerror');
    this.error = error;
    this.data = data;
    this.issues = (error.details as Issue[] | undefined) ?? [];
  }
}

/** `resumed`: the server goes on where the client was. `gap`: it cannot, and what lies between is lost: load your state again. */
export class ResumeEvent extends Event {
  /** What the server said. */
  readonly data: unknown;
  /** The key of the subscription, if the cursor is its own. */
  readonly key: string | undefined;

  /** @internal */
  constructor(isWhole: boolean, data: unknown, key: string | undefined) {
    super(isWhole ? 'resumed' : 'gap');
    this.data = data;
    this.key = key;
  }
}

/** @internal How messages become values and back. `check` and `send` throw MESSAGE_INVALID for what does not fit. */
export interface Functions {
  receive(data: string | ArrayBuffer): unknown;
  check(value: unknown): unknown;
  send(value: unknown): Sendable;
}

const ID_TYPES = ['number', 'string'] as const;
const SUBSCRIBE = {
  match: 'json?',
  leave: 'face',
  key: 'text',
  id: 'text',
  idType: ID_TYPES,
  reply: 'json?',
  error: 'json?',
  end: 'json?',
  resume: 'face',
  onMessage: 'face',
};
const REQUEST = { id: 'text', idType: ID_TYPES, reply: 'json?', error: 'json?', timeout: 'millis', resend: 'flag' };
const RESUME = { cursor: 'text', resumed: 'json?', tooOld: 'json?' };

type Json = Parameters<typeof filled>[1];

/** @internal */
export class Conversation implements Talk {
  readonly options: AuthSocketOptions;
  readonly #functions: Functions;
  readonly #rules: Rules;
  readonly #requests: RequestOptions;
  /** Whether the socket has a cursor. */
  readonly #resumes: boolean;
  readonly #store: CursorStore | undefined;
  readonly #storeKey: string | undefined;
  /** Not held: the driver holds this. */
  #socket: WeakRef<AuthSocket<any, any>> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(functions: Functions, given: AuthSocketOptions) {
    this.#functions = functions;
    const { params, scheme, onConnected, requests, resume } = given;
    checked(requests ?? {}, 'requests.', { ...REQUEST, max: 'count' });
    if (resume != null) checked(resume, 'resume.', { ...RESUME, store: 'face', storeKey: 'text' }, 'cursor');
    const { max, ...defaults } = requests ?? {};
    const { store, storeKey, ...own } = resume ?? ({} as NonNullable<typeof resume>);
    this.#requests = defaults;
    this.#resumes = resume != null;
    this.#store = store == null ? undefined : new CursorStore(store);
    this.#storeKey = storeKey;
    const port = {
      say: (connection: number, message: unknown) =>
        inside.driver(this.#there)!.write(connection, plain(this.encode(message))),
      send: (message: unknown) => {
        const socket = this.#there;
        const sent: KeptMessage = socket.send(message);
        // Its status changes with the socket's state, or later.
        if (sent.waiting) socket.sent(sent).then(this.#progress, this.#progress);
        return sent;
      },
      deliver: (message: unknown, holders: Holder[]) => this.#deliver(message, holders),
      resumed: (isWhole: boolean, message: unknown, key: string | undefined) =>
        void this.#there.dispatchEvent(new ResumeEvent(isWhole, message, key)),
      now: () => performance.now(),
    };
    const rules = (this.#rules = new Rules(port, max, resume && own, this.#store));
    const cursor = () => rules.cursors.get('') as JsonValue | undefined;
    const say = (send: (data: Sendable) => void) => (value: unknown) => send(this.encode(value));
    this.options = {
      ...given,
      params: holds(params) ? () => fill(params, { cursor: `${cursor() ?? ''}` || undefined }) as Params : params,
      scheme:
        scheme?.type === 'firstMessage' && holds(scheme.message)
          ? {
              ...scheme,
              message: ({ token, authorization }) =>
                filled(scheme.message as JsonValue, { token, authorization, cursor: cursor() } as Json),
            }
          : scheme,
      // What is no function is refused with the other options.
      onConnected:
        onConnected != null && typeof onConnected !== 'function'
          ? onConnected
          : async (send, info: ConnectedInfo) => {
              await onConnected?.(say(send) as typeof send, { ...info, cursor: cursor() });
              rules.joining(info.socket!);
            },
    };
  }

  join(socket: AuthSocket<any, any>): void {
    this.#socket = new WeakRef(socket);
    socket.binaryType = 'arraybuffer';
    const rules = this.#rules;
    this.#store?.read(this.#storeKey ?? `gatepass.cursors ${socket.url.replace(/\?.*/, '')}`);
    let isNew = true;
    socket.addEventListener(
      'statechange',
      ({ state, previous, userChanged, error, suspendedFor }: StateChangeEvent) => {
        if (userChanged) rules.changeUser();
        // Nobody was signed in when the page was loaded: the user to come is not the one of the store.
        if (isNew && suspendedFor === 'sign-in') rules.cursors.clear();
        if (state === 'connected') isNew = false;
        this.#store?.write();
        if (state === 'connected') rules.connected();
        else if (state === 'closed') rules.end(error);
        else if (previous === 'connected') rules.lost();
        this.#schedule();
      },
    );
    socket.addEventListener('handover', () => rules.connected());
  }

  get #there(): AuthSocket<any, any> {
    return this.#socket!.deref()!;
  }

  encode(value: unknown): Sendable {
    return this.#functions.send(value);
  }

  received(data: unknown, from: number): void {
    let value: unknown;
    try {
      value = this.#functions.receive(data as string);
    } catch (thrown) {
      this.#misfit(unfit('the message cannot be read', undefined, thrown), data);
      return;
    }
    if (value === undefined) return;
    this.#rules.received(value, from);
    this.#store?.write();
  }

  readonly gone = (connection: number): void => {
    // Why it has ended is told within this task: a closed socket and another user end more than a loss does.
    queueMicrotask(() => {
      this.#rules.gone(connection);
      this.#schedule();
    });
  };

  subscribe(
    message: unknown,
    options: SubscribeOptions & { onMessage?: (message: unknown) => void },
  ): Subscription<any> {
    checked(options, '', SUBSCRIBE, 'match');
    const { onMessage, ...given } = options;
    const { id, idType, leave: last, resume } = given;
    if (resume != null) checked(resume, 'resume.', RESUME, 'cursor');
    if (resume == null && !this.#resumes && holds(message))
      throw failure('INVALID_OPTION', 'resume: "$cursor" in the message needs it');
    if (message == null || (id !== undefined && typeof message !== 'object'))
      throw failure('INVALID_OPTION', `message: ${id === undefined ? 'it' : 'an object'} is needed`);
    // What cannot be sent is told here, and not when it is sent again. What has a hole is not known yet.
    const sample = id === undefined ? message : withId(message, id.split('.'), idType === 'string' ? '1' : 1);
    for (const said of [sample, last ?? sample]) if (!/"\$(id|cursor)"/.test(print(said as Json))) this.encode(said);
    const socket = this.#there;
    if (socket.state === 'closed') throw failure('CLOSED', 'the socket is closed');
    const leave = (holder: Holder) => {
      this.#rules.leave(holder);
      // Whoever subscribes at once instead of it takes it over.
      queueMicrotask(() => this.#rules.sweep());
    };
    const held = new Held(leave, onMessage);
    this.#rules.subscribe(message, given as SubscribeOptions, held);
    return held;
  }

  async request(message: unknown, options?: RequestOptions & { signal?: AbortSignal }): Promise<unknown> {
    checked(options ?? {}, '', { ...REQUEST, signal: 'face' });
    const { signal: given, ...own } = options ?? {};
    const signal = signalOf({ signal: given });
    if (this.#there.state === 'closed') throw failure('CLOSED', 'the socket is closed');
    const aborted = () => failure('ABORTED', 'the request was aborted', signal?.reason);
    if (signal?.aborted) throw aborted();
    return new Promise((resolve, reject) => {
      const settle = (error: GatepassError | undefined, answer: unknown) => {
        signal?.removeEventListener('abort', abort);
        this.#schedule();
        if (error) return reject(error);
        try {
          resolve(this.#functions.check(answer));
        } catch (thrown) {
          reject(thrown);
        }
      };
      let end: ((error: GatepassError) => void) | undefined;
      const abort = () => end?.(aborted());
      end = this.#rules.requests.add(message, { ...this.#requests, ...own }, settle);
      signal?.addEventListener('abort', abort);
      this.#schedule();
    });
  }

  #deliver(message: unknown, holders: Holder[]): void {
    let value: unknown;
    try {
      value = this.#functions.check(message);
    } catch (thrown) {
      this.#misfit(thrown as GatepassError, message);
      return;
    }
    if (holders.length === 0) this.#there.dispatchEvent(new MessageEvent('message', { data: value }));
    for (const holder of holders) holder.message(value);
  }

  #misfit(error: GatepassError, data: unknown): void {
    this.#there.dispatchEvent(new MessageErrorEvent(error, data));
  }

  readonly #progress = () => {
    this.#rules.requests.progress();
    this.#schedule();
  };

  /** One timer, for the request that ends first. */
  #schedule(): void {
    clearTimeout(this.#timer);
    const { requests } = this.#rules;
    const { deadline } = requests;
    if (deadline === undefined) return;
    this.#timer = setTimeout(() => {
      requests.timeout();
      this.#schedule();
    }, deadline - performance.now());
  }
}

/** @internal What does not fit. */
export function unfit(message: string, issues?: readonly Issue[], cause?: unknown): GatepassError {
  return refusal('MESSAGE_INVALID', message, issues, 'giveUp', { cause });
}

/** Whether a template has the hole of the cursor. */
function holds(template: unknown): boolean {
  return isRecord(template) && print(template as JsonValue).includes('"$cursor"');
}

/** Checks options. What may be a function and is JSON otherwise is a matcher; `needed` is a name that has to be there. */
function checked(given: unknown, path: string, rows: Rows, needed?: string): void {
  const options = new Options(given, path, rows);
  options.values();
  const fail = (name: string, problem: string) => options.get(name) != null && options.fail(name, problem);
  const isFunction = (value: unknown) => typeof value === 'function';
  if (needed && options.get(needed) == null) options.fail(needed, 'it is needed');
  for (const [name, rule] of Object.entries(rows))
    if (rule === 'json?' && !isFunction(options.get(name)))
      options.placeholders(name, 'match' in rows && options.get('id') == null ? [] : ['id'], (hole) =>
        options.fail(name, `"$${hole}" is no placeholder here; "$$" is a plain $`),
      );
  for (const name of ['id', 'cursor'])
    if (/(^|\.)(\.|$|__proto__)/.test(`${options.get(name)}`))
      fail(name, 'a name is needed, or names with dots between');
  if (!isFunction(options.get('onMessage'))) fail('onMessage', 'a function is needed');
  const store = options.get('store') as Partial<CursorStorage> | undefined;
  if ((store as unknown) !== 'sessionStorage' && !(isFunction(store?.getItem) && isFunction(store?.setItem)))
    fail('store', "'sessionStorage' or an object with getItem and setItem is needed");
}

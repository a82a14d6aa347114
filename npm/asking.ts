// Functions of the app that an attempt waits for: the URL and its parameters, the first message, and `onConnected`. attempts.ts calls them.

import { ChangePart as At, Question } from './contract.js';
import { stateOf } from './changes.js';
import type { Sink } from './connection-driver.js';
import type { Causes, GatepassError } from './errors.js';
import { needed } from './load.js';
import { reported } from './events.js';
import type { AuthSocketOptions, FirstMessageOptions } from './option-types.js';
import type { JsonValue } from './schemes.js';

/** Parameters of a URL. */
export type Params = Record<string, string>;

/** How the last connection or attempt ended. */
export interface LastClose {
  /** The close code, if a socket had one. */
  code: number | undefined;
  /** The close reason, if there was one. */
  reason: string | undefined;
  /** The failure, if it was one. */
  error: GatepassError | undefined;
}

/** The attempt that a function is called for. */
export interface AttemptContext {
  /** The number of the attempt, from 1 since the backoff was last reset. */
  attempt: number;
  /** `first` until the socket has been connected once; then `again`, or `handover` for a connection that replaces the present one. */
  reason: 'first' | 'again' | 'handover';
  /** How the last connection or attempt ended; undefined for the first. */
  lastClose: LastClose | undefined;
  /** Aborts when the answer is not needed any more. */
  signal: AbortSignal;
}

/** What a function for the first message is told. */
export interface FirstMessageContext extends AttemptContext {
  /** The access token; undefined without a user or a session. */
  token: string | undefined;
  /** The token as in an `Authorization` header. */
  authorization: string | undefined;
  /** The server's message that matched `hello`. */
  hello: JsonValue | undefined;
  /** The subprotocol that the server chose, or ''. */
  protocol: string;
}

/** What `onConnected` is told. */
export interface ConnectedInfo extends AttemptContext {
  /** The server's message that accepted the connection (`ack`). */
  ack: JsonValue | undefined;
  /** The subprotocol that the server chose, or ''. */
  protocol: string;
  /** The last cursor of the socket, with `resume`. */
  cursor?: unknown;
  /** @internal */
  socket?: number;
}

/** Where a socket connects: a URL, or a function that returns it for each attempt. */
export type Address = string | URL | ((context: AttemptContext) => string | URL | Promise<string | URL>);

/** @internal What the driver asks: the question, and what the machine knows. */
export interface Asked {
  token?: string | undefined;
  authorization?: string | undefined;
  /** JSON text. */
  said?: string | undefined;
  protocol: string;
  /** The number of the socket that waits. */
  socket: number;
  signal: AbortSignal;
  /** Sends on the socket that waits. Returns false if it waits no longer. */
  send(data: unknown): boolean;
}

/** @internal The app's functions, and what checks their answers. */
export interface Functions {
  url: Address;
  params: AuthSocketOptions['params'];
  protocols: AuthSocketOptions['protocols'];
  message: FirstMessageOptions['message'];
  onConnected: AuthSocketOptions['onConnected'];
  /** Checks an address with its parameters and subprotocols. */
  check(url: unknown, params: unknown, protocols: unknown): { url: string; protocols: string[] };
}

/** @internal What a socket knows of its attempts, for the functions. */
export interface Attempts extends Causes {
  /** The URL of the last attempt. */
  url?: string;
  attempt?: number;
  /** Whether it has been connected, and is. */
  connected?: 'before' | 'now';
  /** The change that ended the last connection or attempt. */
  last?: readonly unknown[];
}

/** @internal The questions that the app answers. */
export function questionsOf({ url, params, protocols, message, onConnected }: Functions): Question[] {
  const isFunction = (...values: unknown[]) => values.some((value) => typeof value === 'function');
  return [
    ...(isFunction(url, params, protocols) ? [Question.Address] : []),
    ...(isFunction(message) ? [Question.FirstMessage] : []),
    ...(onConnected ? [Question.Connected] : []),
  ];
}

/** @internal How a driver asks the app, and notes what it will be told. */
export function asking(functions: Functions, attempts: Attempts): (sink: Sink) => Pick<Sink, 'ask' | 'changed'> {
  const script = needed(() => import('./attempts.js'));
  return (sink) => ({
    ask: async (question, asked) => {
      try {
        return await (await script()).answer(functions, attempts, question, asked);
      } catch (thrown) {
        attempts.thrown = [thrown];
        // The present connection goes on, so that no event tells it.
        if (attempts.connected === 'now' && !asked.signal.aborted) {
          reported(() => {
            throw thrown;
          });
        }
        throw thrown;
      }
    },
    changed: (parts, unconfirmed) => {
      attempts.attempt = parts[At.Attempt];
      const isConnected = stateOf(parts) === 'connected';
      if (isConnected || attempts.connected) attempts.connected = isConnected ? 'now' : 'before';
      if (parts[At.Code] !== undefined || parts[At.Failure] !== undefined) attempts.last = parts;
      sink.changed(parts, unconfirmed);
    },
  });
}

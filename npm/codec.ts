// What turns messages into values, and the conversation that a socket has with it. The code is in talk.ts, which apps without a codec do not download.

import { failure } from './errors.js';
import type { AuthSocketOptions } from './option-types.js';
import type { Sendable } from './payload.js';
import type { AuthSocket } from './socket.js';
import type { Subscription } from './subscription.js';

/** Turns messages into values of the type `In`, and values of the type `Out` into messages: `json()` and `codec()` of `gatepass/conversation` make one. */
export interface Codec<In, Out> {
  /** Its types; there is no such value. */
  readonly types: readonly [receive: In, send: Out] | undefined;
  /** @internal */
  converse(options: AuthSocketOptions): Talk;
}

/** @internal What a codec makes of a socket. */
export interface Talk {
  /** The options of the socket, with what the conversation needs. */
  readonly options: AuthSocketOptions;
  join(socket: AuthSocket<any, any>): void;
  encode(value: unknown): Sendable;
  received(data: unknown, from: number): void;
  readonly gone: (connection: number) => void;
  subscribe(message: unknown, options: any): Subscription<any>;
  request(message: unknown, options: any): Promise<any>;
}

/** @internal A conversation, if the options have a codec. @throws GatepassError INVALID_OPTION */
export function talkOf(options: AuthSocketOptions): Talk | undefined {
  const { codec, requests, resume } = options;
  if ((codec ?? requests ?? resume) == null) return undefined;
  if (typeof codec?.converse !== 'function') throw noCodec();
  return codec.converse(options);
}

/** @internal */
export const noCodec = () => failure('INVALID_OPTION', 'codec: this needs json() or codec() of gatepass/conversation');

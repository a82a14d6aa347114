/**
 * A conversation over a socket: messages as values, subscriptions that survive, requests that end, and a place to go on after a loss.
 * Import `json` or `codec` from here for the option `codec`; apps that do not download nothing of it.
 * @module gatepass/conversation
 */

import type { Codec } from './codec.js';
import { failure, isGatepassError } from './errors.js';
import { Options } from './options.js';
import type { Sendable } from './payload.js';
import { Conversation, type Functions, type Issue, unfit } from './talk.js';

export type { Codec } from './codec.js';
export type { ResumeOptions, SocketResumeOptions } from './cursors.js';
export type { CursorStorage } from './cursor-store.js';
export type { Id, IdType, Matcher } from './matching.js';
export type { Fate, RequestOptions, SocketRequestOptions } from './request-rules.js';
export type { SubscribeOptions } from './rules.js';
export type { Subscription } from './subscription.js';
export { type Issue, MessageErrorEvent, ResumeEvent } from './talk.js';

/** The types of a {@link StandardSchema}. */
export interface StandardTypes<Input, Output> {
  /** What it takes. */
  readonly input: Input;
  /** What it makes of that. */
  readonly output: Output;
}

/** A schema of any library that follows Standard Schema (https://standardschema.dev, version 1): zod, valibot, arktype. */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** The properties of Standard Schema. */
  readonly '~standard': {
    /** Its version. */
    readonly version: 1;
    /** The library. */
    readonly vendor: string;
    /** Checks a value. */
    readonly validate: (value: unknown) => unknown;
    /** Its types; there is no such value. */
    readonly types?: StandardTypes<Input, Output> | undefined;
  };
}

/** Schemas for both directions. They have to be synchronous: messages would overtake each other. */
export interface Schemas<In, Out> {
  /** What the server sends. What does not fit is not delivered: the event `messageerror` has its place. */
  receive?: StandardSchema<any, In>;
  /** What the app sends. What does not fit throws MESSAGE_INVALID, with its place. */
  send?: StandardSchema<Out, any>;
}

/** Functions of a codec. */
export interface CodecFunctions<In, Out> {
  /** A message as a value; undefined for what is no message. What it throws is the `cause` of a `messageerror`. */
  receive(data: string | ArrayBuffer): In | undefined;
  /** A value as a message. */
  send(value: Out): Sendable;
}

/**
 * Messages as JSON. With schemas they are checked and typed by them; without, `json<In, Out>()` says the types.
 *
 * @throws GatepassError INVALID_OPTION for what is no schema
 */
export function json<In = any, Out = any>(schemas: Schemas<In, Out> = {}): Codec<In, Out> {
  return codec<In, Out>(
    {
      receive: (data) => JSON.parse(typeof data === 'string' ? data : new TextDecoder().decode(data)),
      send: (value) => JSON.stringify(value) ?? fail('a JSON value is needed'),
    },
    schemas,
  );
}

/**
 * Messages by two functions of the app: MessagePack, CBOR, Protocol Buffers. Binary messages arrive as an ArrayBuffer.
 *
 * @throws GatepassError INVALID_OPTION
 */
export function codec<In = any, Out = any>(
  functions: CodecFunctions<In, Out>,
  schemas: Schemas<In, Out> = {},
): Codec<In, Out> {
  const rows = { receive: 'face', send: 'face' };
  const [given, both] = [new Options(functions, '', rows), new Options(schemas, '', rows)];
  const [receives, sends] = Object.keys(rows).map((name): Functions['check'] => {
    if (typeof given.get(name) !== 'function') given.fail(name, 'a function is needed');
    const schema = both.get(name) as StandardSchema | undefined;
    if (schema == null) return (value) => value;
    const validate = schema['~standard']?.validate;
    if (typeof validate !== 'function') both.fail(name, 'a Standard Schema is needed (zod 3.24, valibot 1, arktype 2)');
    return (value) => valid(now(() => validate(value), 'the schema'));
  }) as [Functions['check'], Functions['check']];
  const all: Functions = {
    receive: (data) => now(() => functions.receive(data), 'receive'),
    check: receives,
    send: (value) => {
      const checked = sends(value) as Out;
      try {
        return functions.send(checked);
      } catch (thrown) {
        throw isGatepassError(thrown) ? thrown : unfit('the value cannot be sent', undefined, thrown);
      }
    },
  };
  return { types: undefined, converse: (options) => new Conversation(all, options) };
}

/** The result of a function of the app, which may neither wait nor throw anything but an error of gatepass. */
function now(call: () => unknown, name: string): unknown {
  let result: unknown;
  try {
    result = call();
  } catch (thrown) {
    throw unfit(`${name} has thrown an error; see cause`, undefined, thrown);
  }
  if (typeof (result as PromiseLike<unknown> | undefined)?.then === 'function')
    throw unfit(`${name} has to answer at once, and is asynchronous`);
  return result;
}

/** The value that a schema has checked. */
function valid(result: unknown): unknown {
  const { issues, value } = result as { issues?: readonly Issue[]; value?: unknown };
  if (!issues) return value;
  const places = issues.map(({ message, path = [] }) => ({
    message,
    path: path.map((step) => (typeof step === 'object' ? (step as { key: PropertyKey }).key : step)),
  }));
  // The words of the schema may quote the value: they are in the issues alone.
  const said = places.map(({ path }) => path.map(String).join('.') || 'the message itself');
  throw unfit(`this does not fit the schema: ${said.join(', ')}`, places);
}

function fail(problem: string): never {
  throw failure('INVALID_OPTION', problem);
}

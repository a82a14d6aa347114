// Which messages a matcher describes, and the holes of messages.

import { reported } from './events.js';
import { captured } from './platform.js';
import type { JsonValue } from './schemes.js';

/** What tells a message from others: an object that matches as a subset, with `"$id"` where its id is, or a function. */
export type Matcher<In = any> = JsonValue | ((message: In, id: Id | undefined) => boolean);

/** The id of a request or a subscription. */
export type Id = string | number;

/** What an id of gatepass is: servers take one or the other. */
export type IdType = 'number' | 'string';

/** @internal Whether two ids are the same: a server may answer with a text where it was told a number. */
export const isLike = (one: unknown, other: unknown) => one != null && String(one) === String(other);

/** @internal Whether a matcher describes a message. */
export function fits(matcher: Matcher | undefined, message: unknown, id: Id | undefined): boolean {
  if (matcher === undefined) return false;
  if (typeof matcher === 'function') {
    let isSame = false;
    reported(() => void (isSame = matcher(message, id)));
    return isSame;
  }
  const holes = captured(matcher, message as JsonValue) as Record<string, unknown> | undefined;
  return holes !== undefined && (!('id' in holes) || isLike(holes.id, id));
}

/** @internal A message with values for its holes. A hole without a value is left out, in an array it is null. Everything else stays as it is. */
export function fill(message: unknown, values: Record<string, unknown>): unknown {
  const name = typeof message === 'string' && message.startsWith('$') ? message.slice(1) : '';
  if (Object.hasOwn(values, name)) return values[name];
  if (Array.isArray(message)) return message.map((item) => fill(item, values) ?? null);
  if (!isPlain(message)) return message;
  const members = Object.entries(message).map(([name, value]) => [name, fill(value, values)]);
  return Object.fromEntries(members.filter(([, value]) => value !== undefined));
}

/** Whether it is an object as JSON has them, and not of a class, whose members are its own affair. */
const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));

/** @internal A copy of a message with an id at a path. */
export function withId(message: any, [name, ...rest]: string[], id: Id): unknown {
  const copy = Array.isArray(message) ? [...message] : { ...message };
  copy[name!] = rest.length > 0 ? withId(message?.[name!], rest, id) : id;
  return copy;
}

/** @internal What a message is on every connection: without the id, where the matcher has it. */
export function likenessOf(
  message: unknown,
  id: Id | undefined,
  { match, id: path }: { match: Matcher; id?: string | undefined },
): string {
  const names = [path?.split('.').pop()];
  JSON.stringify(match, (name, value) => {
    if (value === '$id') names.push(name);
    return value;
  });
  return JSON.stringify(message, (name, value) =>
    names.includes(name) && value === id ? '$id' : typeof value === 'bigint' ? `${value}` : value,
  );
}

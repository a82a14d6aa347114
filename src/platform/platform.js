// What is built into JavaScript: JSON, URLs, base64, dates.
//
// The wasm calls these while it has borrowed a machine, so none of them may throw: each is exported through `total`.

/**
 * @typedef {{ [name: string]: Json }} JsonObject
 * @typedef {null | boolean | number | string | any[] | JsonObject} Json
 */

/**
 * A function that does not throw: what would be thrown (no JSON, a value that is nested too deep for the stack) becomes `otherwise`.
 *
 * @template {any[]} A @template T @template {T | undefined} O @param {(...given: A) => T} call @param {O} otherwise @returns {(...given: A) => T | O}
 */
const total =
  (call, otherwise) =>
  (...given) => {
    try {
      return call(...given);
    } catch {
      return otherwise;
    }
  };

/** Undefined for what is no JSON. @type {(text: string) => Json | undefined} */
export const parse = total((text) => JSON.parse(text), undefined);

/** A text, or a number with its fraction and exponent: what of JSON may hold many digits. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** As `parse`, but whole numbers of 16 digits and more are texts: a double cannot tell two such ids apart. @param {string} text @returns {Json | undefined} */
export function parseExact(text) {
  const value = parse(text);
  if (value === undefined || !/\d{16}/.test(text)) return value;
  return parse(text.replace(TOKENS, (token) => (/^-?\d{16,}$/.test(token) ? `"${token}"` : token)));
}

/** @type {(value: Json) => string} */
export const print = total((value) => JSON.stringify(value), '');

/** An object of names and values in turn. @param {any[]} parts */
export function object(parts) {
  /** @type {Array<[string, Json]>} */
  const members = [];
  for (let at = 0; at < parts.length; at += 2) members.push([parts[at], parts[at + 1]]);
  return Object.fromEntries(members);
}

/** @param {unknown} value @returns {value is JsonObject} */
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param {Json | undefined} value @param {string} name */
const member = (value, name) => (isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined);

/** A member, or an element of an array by its index. @param {Json | undefined} value @param {string} name */
const within = (value, name) =>
  Array.isArray(value) ? value[/^(0|[1-9]\d*)$/.test(name) ? Number(name) : -1] : member(value, name);

/** The member at a dotted path, or undefined. @param {Json} value @param {string} path */
export const at = (value, path) => path.split('.').reduce(within, /** @type {Json | undefined} */ (value));

/** Names and values in turn. @param {Json} value */
export const entries = (value) => (isObject(value) ? Object.entries(value).flat() : []);

/** A text as it is, anything else as JSON. @param {Json} value @returns {string} */
const plain = (value) => (typeof value === 'string' ? value : print(value));

/** The members as a form. @param {Json} value */
export const form = (value) =>
  isObject(value)
    ? Object.entries(value)
        .map(([name, item]) => `${percent(name)}=${percent(plain(item))}`)
        .join('&')
    : '';

/** A message as text: of an array the texts as they are, all else as JSON. @param {Json} message */
export const frame = (message) => (Array.isArray(message) ? message.map(plain).join('') : plain(message));

/** How many messages are read of a frame, and how long a piece may be that the next frame goes on with: as in src/platform/mod.rs. */
const MAX_MESSAGES = 1_000,
  MAX_REST = 65_535;

/** A text without the blanks at its end. A regular expression would look at each blank again and again. @param {string} text */
function trimmed(text) {
  let end = text.length;
  while (end > 0 && ' \t\n\f\r'.includes(text[end - 1])) end--;
  return text.slice(0, end);
}

/**
 * The messages of a frame, at most 1,000 of them, and what of the last the next frame may go on with: `Framing` in src/proto/frame.rs.
 *
 * @param {string} frame
 */
export function messagesOf(frame) {
  let rest = '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: SignalR ends its messages with U+001E
  const pieces = frame.split(/[\n\x1e]/, MAX_MESSAGES + 1);
  const isWhole = pieces.length <= MAX_MESSAGES;
  const messages = pieces.slice(0, MAX_MESSAGES).map((piece, place) => {
    const start = piece.search(/[{[]/);
    let message = parse(piece);
    if (message === undefined && start >= 0) {
      const json = parse(piece.slice(start));
      if (json !== undefined) message = [piece.slice(0, start), json];
      else if (isWhole && place === pieces.length - 1 && piece.length <= MAX_REST) rest = piece;
    }
    return message === undefined ? trimmed(piece) : message;
  });
  return [rest, ...messages];
}

/**
 * Whether a matcher describes a value: objects as subsets, all else as equal. `same` compares with a text of the matcher.
 *
 * @param {Json} matcher @param {Json | undefined} value @param {(text: string, value: Json | undefined) => boolean} [same] @returns {boolean}
 */
export function matches(matcher, value, same = (text, value) => text === value) {
  if (isObject(matcher))
    return (
      isObject(value) &&
      Object.keys(matcher).every((name) => Object.hasOwn(value, name) && matches(matcher[name], value[name], same))
    );
  if (Array.isArray(matcher))
    return (
      Array.isArray(value) &&
      matcher.length === value.length &&
      matcher.every((item, index) => matches(item, value[index], same))
    );
  return typeof matcher === 'string' ? same(matcher, value) : matcher === value;
}

/** Whether a text may hold a message that one of the matchers describes: where a character is escaped nobody knows without reading. @type {(matchers: Json[], text: string) => boolean} */
export const mayHold = total(
  (matchers, text) => text.includes('\\') || matchers.some((matcher) => text.includes(mark(matcher))),
  true,
);

/** The longest text that stands in every message that a matcher describes: a value, or else a name; '' if there is none. @type {(matcher: Json) => string} */
const mark = total((matcher) => {
  const longest = ['', ''];
  JSON.stringify(matcher, (name, value) => {
    // The names of an array are its places, and what a hole stands for differs from message to message.
    const texts = [/^\d*$/.test(name) ? '' : name, typeof value === 'string' && !value.startsWith('$') ? value : ''];
    texts.forEach((text, kind) => text.length > longest[kind].length && (longest[kind] = text));
    return value;
  });
  return longest[1] || longest[0];
}, '');

/** What stands where a matcher has holes, by their names, if the matcher describes the rest. A hole is everywhere the same. @type {(matcher: Json, value: Json) => Json | undefined} */
export const captured = total((matcher, value) => {
  /** @type {Map<string, Json>} */
  const found = new Map();
  const isSame = matches(matcher, value, (text, value) => {
    const name = hole(text);
    if (name === undefined) return text.replace(/^\$/, '') === value;
    if (value === undefined) return false;
    if (!found.has(name)) found.set(name, value);
    return print(/** @type {Json} */ (found.get(name))) === print(value);
  });
  return isSame ? Object.fromEntries(found) : undefined;
}, undefined);

/**
 * A copy with something else, or nothing, in the place of every text.
 *
 * @param {Json} value @param {(text: string) => Json | undefined} replacement @returns {Json | undefined}
 */
function mapped(value, replacement) {
  if (typeof value === 'string') return replacement(value);
  /** @param {Json} item */
  const next = (item) => mapped(item, replacement);
  if (Array.isArray(value)) return value.map(next).filter((item) => item !== undefined);
  if (!isObject(value)) return value;
  const members = Object.entries(value).map(([name, item]) => /** @type {const} */ ([name, next(item)]));
  return /** @type {Json} */ (Object.fromEntries(members.filter(([, item]) => item !== undefined)));
}

/** The name of the hole that a text is: `$token`; `$$token` is none. @param {string} text */
const hole = (text) => /^\$([^$].*)/s.exec(text)?.[1];

/** The template with each hole replaced by the member that it names, or left out. @param {Json} template @param {Json} values @returns {Json} */
export const filled = (template, values) =>
  mapped(template, (text) => {
    const name = hole(text);
    return name === undefined ? text.replace(/^\$/, '') : member(values, name);
  }) ?? null;

/** The first hole that is not among the known, which are separated by spaces. @param {Json} template @param {string} known */
export function unknownHole(template, known) {
  /** @type {string[]} */
  const names = [];
  mapped(template, (text) => {
    const name = hole(text);
    if (name !== undefined && !known.split(' ').includes(name)) names.push(name);
    return text;
  });
  return names[0];
}

/** NaN for what is no date, or does not say of which zone. @param {string} text */
const date = (text) => (/(GMT|Z|[+-]\d\d:\d\d)$/i.test(text) ? Date.parse(text) : NaN);

/** The number that a value is or holds as text; of a date its seconds since 1970. NaN if there is none. @param {Json | undefined} value @returns {number} */
export function number(value) {
  const found = typeof value === 'string' ? (parse(value) ?? date(value) / 1000) : value;
  return typeof found === 'number' ? found : NaN;
}

/** The number at a dotted path. @param {Json} value @param {string} path */
export const numberAt = (value, path) => number(at(value, path));

/** The payload of a JWT, a character for each byte: only names beyond ASCII come out odd, and they are compared with their like. @type {(token: string) => Json | undefined} */
export const claims = total((token) => {
  const parts = token.split('.', 4);
  return parts.length === 3 ? parseExact(atob(parts[1].replaceAll('-', '+').replaceAll('_', '/'))) : undefined;
}, undefined);

/** Base64 without padding, or base64url, of a text without characters beyond U+00FF; of any other nothing. @type {(text: string, isForUrls: boolean) => string} */
export const base64 = total((text, isForUrls) => {
  const written = btoa(text).replace(/=+$/, '');
  return isForUrls ? written.replaceAll('+', '-').replaceAll('/', '_') : written;
}, '');

/**
 * Returns scheme, user info, host, address and query of a URL, against the address of the page or the worker; what is none is
 * undefined.
 *
 * @type {(text: string) => string[] | undefined}
 */
export const parseUrl = total((text) => {
  // A blob worker's address is no base, but harms no address that needs none.
  const url = new URL(text, globalThis.location?.href ?? 'about:blank');
  return [
    url.protocol.slice(0, -1),
    url.username + url.password,
    url.hostname,
    url.host + url.pathname,
    url.search.slice(1),
  ];
}, undefined);

/**
 * Percent-encodes everything but RFC 3986's unreserved characters. Half a surrogate pair becomes U+FFFD, as in a form (WHATWG Infra, scalar value string):
 * `encodeURIComponent` throws there.
 *
 * @param {string} text
 */
export const percent = (text) =>
  encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd')).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/**
 * Sets a parameter in a query; one of that name that was there before is replaced.
 *
 * @param {string} address @param {string} query @param {string} param @param {string} value
 */
export function withParam(address, query, param, value) {
  const name = percent(param);
  const others = query.split('&').filter((pair) => pair !== '' && ![param, name].includes(pair.split('=')[0]));
  return `${address}?${[...others, `${name}=${percent(value)}`].join('&')}`;
}

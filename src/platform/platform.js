// What is built into JavaScript: JSON, URLs, base64, dates. Nothing here throws.

/**
 * @typedef {{ [name: string]: Json }} JsonObject
 * @typedef {null | boolean | number | string | any[] | JsonObject} Json
 */

/** Undefined for what is no JSON. @param {string} text @returns {Json | undefined} */
export const parse = (text) => attempt(() => JSON.parse(text));

/** @param {Json} value */
export const print = (value) => JSON.stringify(value);

/** An object of names and texts in turn. @param {string[]} parts */
export function object(parts) {
  /** @type {Record<string, string>} */
  const made = {};
  for (let at = 0; at < parts.length; at += 2) made[parts[at]] = parts[at + 1];
  return made;
}

/** @param {unknown} value @returns {value is JsonObject} */
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param {Json | undefined} value @param {string} name */
const member = (value, name) => (isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined);

/** The member at a dotted path, or undefined. @param {Json} value @param {string} path */
export const at = (value, path) => path.split('.').reduce(member, /** @type {Json | undefined} */ (value));

/** Names and values in turn. @param {Json} value */
export const entries = (value) => (isObject(value) ? Object.entries(value).flat() : []);

/** A text as it is, anything else as JSON. @param {Json} value */
const plain = (value) => (typeof value === 'string' ? value : print(value));

/** The members as a form. @param {Json} value */
export const form = (value) => (isObject(value) ? Object.entries(value).map(([name, item]) => `${percent(name)}=${percent(plain(item))}`).join('&') : '');

/** A message as text: of an array the texts as they are, all else as JSON. @param {Json} message */
export const frame = (message) => (Array.isArray(message) ? message.map(plain).join('') : plain(message));

/** The messages of a frame, and what of the last the next frame may go on with: `Framing` in src/proto/frame.rs. @param {string} frame */
export function messagesOf(frame) {
  let rest = '';
  const messages = frame.split(/[\n\x1e]/).map((piece, place, pieces) => {
    const start = piece.search(/[{[]/);
    let message = parse(piece);
    if (message === undefined && start >= 0) {
      const json = parse(piece.slice(start));
      if (json !== undefined) message = [piece.slice(0, start), json];
      else if (place === pieces.length - 1 && piece.length < 65_536) rest = piece;
    }
    return message === undefined ? piece.replace(/[ \t\n\f\r]+$/, '') : message;
  });
  return [rest, ...messages];
}

/** Whether a matcher describes a value: objects as subsets, all else as equal. @param {Json} matcher @param {Json | undefined} value @returns {boolean} */
export function matches(matcher, value) {
  if (isObject(matcher)) return isObject(value) && Object.keys(matcher).every((name) => Object.hasOwn(value, name) && matches(matcher[name], value[name]));
  if (Array.isArray(matcher)) return Array.isArray(value) && matcher.length === value.length && matcher.every((item, index) => matches(item, value[index]));
  return matcher === value;
}

/** A copy with something else in the place of every text. @param {Json} value @param {(text: string) => Json} replacement @returns {Json} */
function mapped(value, replacement) {
  if (typeof value === 'string') return replacement(value);
  if (Array.isArray(value)) return value.map((item) => mapped(item, replacement));
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapped(item, replacement)])) : value;
}

/** The name of the hole that a text is: `$token`; `$$token` is none. @param {string} text */
const hole = (text) => /^\$([^$].*)/s.exec(text)?.[1];

/** The template with each hole replaced by the member that it names, or by null. @param {Json} template @param {Json} values */
export const filled = (template, values) =>
  mapped(template, (text) => {
    const name = hole(text);
    return name === undefined ? text.replace(/^\$/, '') : member(values, name) ?? null;
  });

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

/** The payload of a JWT, a character for each byte: only names beyond ASCII come out odd, and they are compared with their like. @param {string} token */
export function claims(token) {
  const parts = token.split('.');
  return parts.length === 3 ? attempt(() => JSON.parse(atob(parts[1].replaceAll('-', '+').replaceAll('_', '/')))) : undefined;
}

/** Base64 without padding, or base64url, of a text without characters beyond U+00FF. @param {string} text @param {boolean} isForUrls */
export function base64(text, isForUrls) {
  const written = (attempt(() => btoa(text)) ?? '').replace(/=+$/, '');
  return isForUrls ? written.replaceAll('+', '-').replaceAll('/', '_') : written;
}

/**
 * Returns scheme, user info, host, address and query of a URL, against the address of the page or the worker; what is none is
 * undefined.
 *
 * @param {string} text
 */
export const parseUrl = (text) =>
  attempt(() => {
    // A blob worker's address is no base, but harms no address that needs none.
    const url = new URL(text, globalThis.location?.href ?? 'about:blank');
    return [url.protocol.slice(0, -1), url.username + url.password, url.hostname, url.host + url.pathname, url.search.slice(1)];
  });

/**
 * Percent-encodes everything but RFC 3986's unreserved characters.
 *
 * @param {string} text
 */
const percent = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

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

/** @template T @param {() => T} get @returns {T | undefined} */
function attempt(get) {
  try {
    return get();
  } catch {
    return undefined;
  }
}

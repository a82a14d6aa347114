// Reads options by the rows of the contract: the first mistake is thrown, naming the option.
//
// Here and not in the wasm, because what JavaScript hands over JavaScript reads in a fraction of the bytes. What only several options
// together mean is checked by their readers.

import { CLOSE_ACTION_NAMES, SCHEMES } from './contract.js';
import { failure } from './errors.js';

const DAY = 86_400_000;
const COUNT = 2 ** 32 - 1;
/** A token (RFC 9110, section 5.6.2), as subprotocols are. */
export const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
const STATUS = 'an HTTP status from 100 to 599, or an array of them, is needed';

/** @internal What an option takes: one of some names, options of its own, or what `Kind` in src/proto/contract/option.rs says; with `?` it may be a function; with `!` it is needed. */
export type Rule = readonly (string | undefined)[] | Rows | string;
/** @internal The options of a group, in the order in which they cross. */
export interface Rows {
  readonly [name: string]: Rule;
}

/** @internal An options object and where it stands: `path` is put before names (`scheme.`). */
export class Options {
  readonly #object: Record<string, unknown>;
  readonly #path: string;
  readonly #rows: Rows;
  /** Those that these are within. */
  readonly #root: Options;

  /** Takes an object that has no others than these options. */
  constructor(object: unknown, path: string, rows: Rows, root?: Options) {
    this.#path = path;
    this.#rows = rows;
    this.#root = root ?? this;
    this.#object = isRecord(object) ? object : this.fail('', 'an object is needed');
    const known = Object.keys(rows).filter((name) => rows[name] !== 'address');
    for (const name of Object.keys(this.#object)) {
      if (!Object.hasOwn(rows, name)) this.fail(name, `there is no such option; known are ${known.join(' ')}`);
    }
  }

  /** What crosses, each option at its place; undefined where the app says nothing. */
  values(): unknown[] {
    return Object.entries(this.#rows).flatMap(([name, rule]) => (rule === 'face' ? [] : [this.#value(name, rule)]));
  }

  #value(name: string, rule: Rule): unknown {
    const value = this.get(name);
    const [word, needed] = typeof rule === 'string' ? rule.split('!') : [];
    const kind = word?.replace('?', '');
    // The face calls it.
    if (kind !== word && typeof value === 'function') return undefined;
    if (value === null && (kind === 'json' || kind === 'textOrNull')) return value;
    if (value == null && needed === undefined && kind !== 'scheme') return undefined;
    switch (kind) {
      case 'address':
        return undefined;
      case 'scheme':
        return this.#scheme(name);
      case 'closeCodes':
        return Object.entries(this.record(name)).flatMap(([code, action]) => {
          const number = (CLOSE_ACTION_NAMES as readonly unknown[]).indexOf(action);
          const isCode = number >= 0 && /^[1-4]\d{3}$/.test(code);
          return isCode
            ? [Number(code), number]
            : this.fail(
                `${name}.${code}`,
                `a close code (1000 to 4999) and one of '${CLOSE_ACTION_NAMES.join("', '")}' are needed`,
              );
        });
      case 'count':
        return this.count(name, 0);
      case 'flag':
        return this.flag(name);
      case 'header':
        return this.header(name);
      case 'hosts':
        return this.texts(name).map((host) => {
          // What could never be a host would be refused at every answer, and nobody would know why.
          const isHost = /^([\w-]+(\.[\w-]+)*\.?|\[[\da-f:.]+\])$/i.test(host);
          return isHost
            ? host.toLowerCase()
            : this.fail(name, 'a host is needed, without protocol, user, port, path and *');
        });
      case 'json':
        return this.json(name) ?? this.fail(name, 'a JSON value is needed');
      case 'millis':
        return this.millis(name, 0);
      case 'millisAbove0':
        return this.millis(name, 0, 1);
      case 'statuses': {
        const statuses = [value].flat();
        const isStatus = (status: unknown) => Number.isInteger(status) && /^[1-5]\d\d$/.test(String(status));
        return statuses.every(isStatus) ? statuses : this.fail(name, STATUS);
      }
      case 'text':
      case 'textOrNull':
        return this.text(name);
      case 'tokens':
        return this.texts(name).map((text) => this.token(name, text));
      case 'tokenStart':
        return value === '' ? value : this.token(name, this.text(name));
      case 'url':
        return this.credentialUrl(name, this.#root.flag('allowInsecure'));
      default:
        return Array.isArray(rule)
          ? rule.indexOf(this.one(name, rule.filter(Boolean)))
          : this.within(name, rule as Rows).values();
    }
  }

  /** A scheme: the place of its type among them, and its options. */
  #scheme(name: string): unknown {
    const type = (this.get(name) as { type?: unknown } | undefined)?.type;
    const types = Object.keys(SCHEMES);
    const number = types.indexOf(String(type));
    if (number < 0) this.fail(name, `one of ${types} is needed; no browser lets a page set a header`);
    return [number, this.within(name, Object.values(SCHEMES)[number]!).values()];
  }

  /** Names the option, what is wrong, and what was given: of what may be a secret its type alone. */
  fail(name: string, problem: string, got?: unknown): never {
    const option = (this.#path + name).replace(/\.$/, '') || 'options';
    const value = this.#object?.[name];
    got ??= /^[nb]/.test(typeof value) ? value : typeof value;
    throw failure('INVALID_OPTION', `${option}: ${problem}${value === undefined ? '' : `; got ${got}`}`);
  }

  get(name: string): unknown {
    return this.#object[name];
  }

  /** The options within a member, which may be left out. */
  within(name: string, rows: Rows): Options {
    return new Options(this.get(name) ?? {}, `${this.#path}${name}.`, rows, this.#root);
  }

  /** Names and values of the app's own choice; none if it is left out. */
  record(name: string): Record<string, unknown> {
    const value = this.get(name) ?? {};
    return isRecord(value) ? value : this.fail(name, 'an object is needed');
  }

  /** Calls `refuse` with each placeholder of a template that is not known, and where it is: `"$refersh"`. `"$$"` is a plain $. */
  placeholders(name: string, known: string[], refuse: (placeholder: string, member: string) => void): void {
    JSON.stringify(this.json(name), (member, text) => {
      const placeholder = typeof text === 'string' ? /^\$([^$].*)/s.exec(text)?.[1] : undefined;
      if (placeholder !== undefined && !known.includes(placeholder)) refuse(placeholder, member);
      return text;
    });
  }

  text(name: string, fallback?: string): string {
    const value = this.get(name) ?? fallback;
    return typeof value === 'string' && value !== '' ? value : this.fail(name, 'a string that is not empty is needed');
  }

  one<T extends string>(name: string, choices: readonly T[]): T {
    const value = this.get(name) ?? choices[0];
    return choices.includes(value as T)
      ? (value as T)
      : this.fail(name, `'${choices.join("' or '")}' is needed`, value);
  }

  /** An address, for a socket or an endpoint (WHATWG URL). What browsers accept in silence, and what leaks or breaks later, is an error. */
  url(name: string, isSocket = false): string {
    return this.#address(name, isSocket)[0];
  }

  /** An address that a credential goes to: encrypted, unless it is this machine (W3C Secure Contexts §3.1) or allowed. */
  credentialUrl(name: string, allowInsecure: boolean, isSocket = false): string {
    const [text, { protocol, hostname }] = this.#address(name, isSocket);
    if (allowInsecure || /^(wss|https):/.test(protocol) || /^(127\.[\d.]+|(.+\.)?localhost|\[::1\])$/.test(hostname))
      return text;
    throw failure(
      'INSECURE_URL',
      `${this.#path}${name}: a credential would go unencrypted; use wss: or https:, or allowInsecure in a test network: ${hostname}`,
    );
  }

  #address(name: string, isSocket: boolean): [string, URL] {
    const value = this.get(name);
    if (typeof value !== 'string' && !(value instanceof URL)) this.fail(name, 'a URL is needed');
    const text = String(value);
    const wrong = (problem: string): never => {
      throw failure('INVALID_URL', `${this.#path}${name}: ${problem}`);
    };
    if (text === '') wrong('the URL is empty');
    if (/[\0- \x7f]/.test(text)) wrong('the URL holds a space or a control character');
    if (text.includes('#')) wrong('the URL cannot have a fragment (`#`)');
    let url: URL;
    try {
      url = new URL(text, globalThis.location?.href);
    } catch {
      return wrong('this is not a URL');
    }
    if (!(isSocket ? /^(ws|http)s?:$/ : /^https?:$/).test(url.protocol)) {
      wrong('a socket needs ws:, wss:, http: or https:, an endpoint http: or https:');
    }
    if (url.username || url.password)
      wrong('remove user:password@: it stays readable in `url`; a session has the credentials');
    return [text, url];
  }

  flag(name: string, fallback = false): boolean {
    const value = this.get(name) ?? fallback;
    return typeof value === 'boolean' ? value : this.fail(name, 'true or false is needed');
  }

  number(name: string, fallback: number, max: number, problem: string): number {
    const value = this.get(name) ?? fallback;
    return typeof value === 'number' && value >= 0 && value <= max && (max !== COUNT || Number.isInteger(value))
      ? value
      : this.fail(name, problem);
  }

  millis(name: string, fallback: number, least = 0): number {
    const problem = `milliseconds from ${least} to ${DAY} (a day) are needed`;
    const value = this.number(name, fallback, DAY, problem);
    return value < least ? this.fail(name, problem) : value;
  }

  count(name: string, fallback: number): number {
    return this.number(name, fallback, COUNT, 'a whole number from 0 is needed');
  }

  /** A JSON value as JSON sees it, or undefined. */
  json(name: string): unknown {
    const value = this.get(name);
    try {
      return value === undefined ? value : JSON.parse(JSON.stringify(value));
    } catch {
      this.fail(name, 'a JSON value is needed, without cycles');
    }
  }

  /** A text that can stand in an HTTP header: visible ASCII (RFC 9110 §5.5). */
  header(name: string, fallback?: string): string {
    const text = this.text(name, fallback);
    return /^[ -~]+$/.test(text) ? text : this.fail(name, 'visible ASCII is needed: it goes into an HTTP header');
  }

  /** A token (RFC 9110 §5.6.2), as subprotocols are made of. */
  token(name: string, text: string): string {
    return TOKEN.test(text)
      ? text
      : this.fail(name, "only letters, digits and !#$%&'*+-.^_`|~ are allowed; use base64url without padding");
  }

  texts(name: string): string[] {
    const value = [this.get(name) ?? []].flat();
    return value.every((text) => typeof text === 'string')
      ? value
      : this.fail(name, 'a string or an array of strings is needed');
  }
}

/** @internal An object with members. A Map or an array has its entries elsewhere, and so has anything else that a program makes. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !(Symbol.iterator in value) &&
    ![Date, EventTarget, Promise].some((other) => value instanceof other)
  );
}

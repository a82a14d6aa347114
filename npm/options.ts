// Reads options: the first mistake is thrown, naming the option.
//
// Here and not in the wasm, because what JavaScript hands over JavaScript reads in a fraction of the bytes. What the
// options mean (addresses, templates, subprotocols) is checked by the machines.

import { failure } from './errors.js';

const DAY = 86_400_000;
const COUNT = 2 ** 32 - 1;

/** @internal An options object and where it stands: `path` is put before names (`scheme.`). */
export class Options {
  readonly #object: Record<string, unknown>;
  readonly #path: string;

  /** Takes an object with no other members than those `known`, separated by spaces. */
  constructor(object: unknown, path: string, known: string) {
    this.#path = path;
    this.#object = isRecord(object) ? object : this.fail('', 'an object is needed');
    for (const name of Object.keys(this.#object)) {
      if (!known.split(' ').includes(name)) this.fail(name, `there is no such option; known are ${known}`);
    }
  }

  fail(name: string, problem: string): never {
    const option = (this.#path + name).replace(/\.$/, '') || 'options';
    throw failure('INVALID_OPTION', `${option}: ${problem}`);
  }

  get(name: string): unknown {
    return this.#object[name];
  }

  /** The options within a member, which may be left out. */
  within(name: string, known: string): Options {
    return new Options(this.get(name) ?? {}, `${this.#path}${name}.`, known);
  }

  /** Names and values of the app's own choice; none if it is left out. */
  record(name: string): Record<string, unknown> {
    const value = this.get(name) ?? {};
    return isRecord(value) ? value : this.fail(name, 'an object is needed');
  }

  /** Refuses holes of a template that nothing fills: `"$refersh"`. `"$$"` is a plain $. */
  holes(name: string, known: string[]): void {
    JSON.stringify(this.json(name), (member, text) => {
      const hole = typeof text === 'string' ? /^\$([^$].*)/s.exec(text)?.[1] : undefined;
      if (hole !== undefined && !known.includes(hole)) {
        this.fail(name, `${known.map((name) => `"$${name}"`).join(' and ') || 'nothing'} can stand for something here; "$$" is a plain $: look at "${member}"`);
      }
      return text;
    });
  }

  text(name: string, fallback?: string): string {
    const value = this.get(name) ?? fallback;
    return typeof value === 'string' && value !== '' ? value : this.fail(name, 'a text that is not empty is needed');
  }

  one<T extends string>(name: string, choices: readonly T[]): T {
    const value = this.get(name) ?? choices[0];
    return choices.includes(value as T) ? (value as T) : this.fail(name, `'${choices.join("' or '")}' is needed`);
  }

  /** The number of a choice, as the wasm knows it: its place in the names of the contract. The first is the default. */
  choice(name: string, names: readonly string[]): number {
    return names.indexOf(this.one(name, names));
  }

  /** An address, for a socket or an endpoint (WHATWG URL). What browsers accept in silence, and what leaks or breaks later, is an error. */
  url(name: string, isSocket = false): string {
    return this.#address(name, isSocket)[0];
  }

  /** An address that a credential goes to: encrypted, unless it is this machine (W3C Secure Contexts §3.1) or allowed. */
  credentialUrl(name: string, allowInsecure: number, isSocket = false): string {
    const [text, { protocol, hostname }] = this.#address(name, isSocket);
    if (allowInsecure || /^(wss|https):/.test(protocol) || /^(127\.[\d.]+|(.+\.)?localhost|\[::1\])$/.test(hostname)) return text;
    throw failure('INSECURE_URL', `${this.#path}${name}: a credential would go unencrypted; use wss: or https:, or set allowInsecure for a test network: ${hostname}`);
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
    let url;
    try {
      url = new URL(text, globalThis.location?.href);
    } catch {
      return wrong('this is not a URL');
    }
    if (!(isSocket ? /^(ws|http)s?:$/ : /^https?:$/).test(url.protocol)) {
      wrong('a socket needs ws: or wss: (http: and https: are taken as these), an endpoint http: or https:');
    }
    if (url.username || url.password) wrong('user:password@ before the host is sent by no browser and stays readable; remove it');
    return [text, url];
  }

  flag(name: string, fallback = false): number {
    const value = this.get(name) ?? fallback;
    return typeof value === 'boolean' ? Number(value) : this.fail(name, 'true or false is needed');
  }

  number(name: string, fallback: number, max: number, problem: string): number {
    const value = this.get(name) ?? fallback;
    return typeof value === 'number' && value >= 0 && value <= max && (max !== COUNT || Number.isInteger(value)) ? value : this.fail(name, problem);
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
    return /^[\w!#$%&'*+.^`|~-]+$/.test(text) ? text : this.fail(name, "only letters, digits and !#$%&'*+-.^_`|~ are allowed; use base64url without padding");
  }

  texts(name: string): string[] {
    const value = [this.get(name) ?? []].flat();
    return value.every((text) => typeof text === 'string') ? value : this.fail(name, 'a text or an array of texts is needed');
  }
}

/** An object with members. A Map or an array has its entries elsewhere, and so has anything else that a program makes. */
function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(Symbol.iterator in value) && !(value instanceof Date) && !(value instanceof Promise);
}

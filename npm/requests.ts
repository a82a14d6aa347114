// Sends the calls to endpoints as the app wants them. Loaded if it shapes them, or has a `fetch` of its own.

import { type Calls, type EndpointCalls, failsAs, type HttpCall, type TicketSource } from './calls.js';
import { reported } from './events.js';
import { isRecord } from './options.js';
import type { JsonValue } from './schemes.js';
import { SignInRequired } from './tokens.js';

/** A mistake of the app. */
class Mistake {
  readonly cause: unknown;
  constructor(cause: unknown) {
    this.cause = cause;
  }
}

/** @internal Sends a call. Rejects without an answer, or if a function of the app fails, which is reported. */
export async function send(calls: Calls, call: HttpCall, init: RequestInit): Promise<Response> {
  const name = failsAs(call.call);
  calls.failed[name] = undefined;
  try {
    return await answerTo(calls, call, init);
  } catch (thrown) {
    if (thrown instanceof Mistake) calls.failed[name] = [thrown.cause];
    throw thrown;
  }
}

async function answerTo(calls: Calls, call: HttpCall, init: RequestInit): Promise<Response> {
  const { fetch: own, csrf, endpoints } = calls;
  const endpoint: EndpointCalls = endpoints[call.call] ?? { field: '' };
  if (endpoint.get) return ticketOf(calls, endpoint, init);
  const all = new Headers(init.headers);
  if (init.credentials === 'include') addCsrf(all, csrf, call.method);
  const body = endpoint.body ? await bodyOf(endpoint, call, init, all) : init.body;
  for (const [name, value] of await headersOf(endpoint.headers, call)) all.set(name, value);
  const request = new Request(call.url, { ...init, body: body ?? null, headers: all });
  request.signal.throwIfAborted();
  if (own === undefined) return read(endpoint, await fetch(request));
  let answer: unknown;
  try {
    answer = own(request);
  } catch (error) {
    return mistake(error);
  }
  return read(endpoint, await answerOf(await answer));
}

/** The body that a function of the app makes, in the encoding of the endpoint. */
async function bodyOf(endpoint: EndpointCalls, call: HttpCall, init: RequestInit, headers: Headers) {
  const values = JSON.parse(String(init.body ?? '{}')) as Record<string, JsonValue>;
  const value = await called(() => endpoint.body!({ ...call, values }));
  headers.delete('content-type');
  if (value === undefined)
    return mistake(new TypeError(`body of ${call.call}: a JSON value, or null for none, is needed`));
  if (value === null) return undefined;
  if (endpoint.isForm) {
    if (!isRecord(value)) return mistake(new TypeError(`body of ${call.call}: an object is needed for a form`));
    // URLSearchParams sets the type.
    return new URLSearchParams(
      Object.entries(value).map(([name, item]) => [name, typeof item === 'string' ? item : JSON.stringify(item)]),
    );
  }
  headers.set('content-type', 'application/json');
  return JSON.stringify(value) ?? mistake(new TypeError(`body of ${call.call}: a JSON value is needed`));
}

/** A ticket of the app's own source, as the answer of an endpoint. */
async function ticketOf(calls: Calls, { get, field }: EndpointCalls, { body, signal }: RequestInit): Promise<Response> {
  const { access = '' } = JSON.parse(String(body ?? '{}')) as { access?: string };
  let given: TicketSource;
  try {
    given = await get!({ token: access, signal: signal! });
  } catch (error) {
    if (!(error instanceof SignInRequired)) return mistake(error);
    calls.failed.ticket = [error];
    return new Response(null, { status: 401 });
  }
  const { ticket, expiresIn } = typeof given === 'string' ? { ticket: given, expiresIn: undefined } : (given ?? {});
  if (typeof ticket !== 'string' || ticket === '')
    return mistake(new TypeError('get: a ticket is needed, a URL, or an object with ticket and expiresIn'));
  if (expiresIn != null && !(Number.isFinite(expiresIn) && expiresIn > 0))
    return mistake(new TypeError('get: expiresIn has to be seconds above 0'));
  return Response.json({ ...(put(field, ticket) as object), expires_in: expiresIn });
}

/** An answer whose token or ticket is not in JSON, as one that has it there. */
async function read({ answer, field }: EndpointCalls, response: Response): Promise<Response> {
  if (answer === undefined || answer === 'json' || response.status < 200 || response.status > 299) return response;
  const { headers } = response;
  if (typeof answer === 'function') return Response.json(await called(() => answer(response)), { headers });
  if (answer !== 'text') {
    const value = headers.get(answer.header);
    const hint = 'Does the server list it in Access-Control-Expose-Headers?';
    if (value === null) return mistake(new TypeError(`answer: there is no header ${answer.header}. ${hint}`));
    // After a word such as Bearer.
    return tokenOf(value.replace(/^\S+ +(?=\S+$)/, ''), field, headers);
  }
  return tokenOf((await response.text()).trim(), field, headers);
}

/** A token or ticket has no space and is no page, or the answer has none. */
function tokenOf(text: string, field: string, headers: Headers): Response {
  return Response.json(put(field, /^[^\s<]+$/.test(text) ? text : undefined), { headers });
}

/** A value at a dotted path of an object. */
function put(path: string, value: unknown): unknown {
  return path.split('.').reduceRight((inner, name) => ({ [name]: inner }), value);
}

/** Calls a function of the app. What it throws is reported, too. */
async function called<T>(call: () => T | Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    return mistake(error);
  }
}

/** @internal Sends the CSRF token back, with a request that changes something. */
export function addCsrf(headers: Headers, csrf: Calls['csrf'], method: string): void {
  const token = csrf && !/^(GET|HEAD|OPTIONS)$/.test(method) ? cookieOf(csrf.cookie) : undefined;
  // Another page of the site may have set the cookie. A value that is invalid in a header is not sent.
  if (token !== undefined && /^[ -~]+$/.test(token)) headers.set(csrf!.header, token);
}

async function headersOf(headers: EndpointCalls['headers'], call: HttpCall): Promise<Headers> {
  if (typeof headers !== 'function') return new Headers(headers);
  const given: unknown = await called(() => headers({ ...call }));
  try {
    return new Headers(given as HeadersInit);
  } catch {
    // The browser's error quotes the value, which may be a secret.
    return mistake(
      new TypeError(`headers of ${call.call}: an object or Headers with valid names and values is needed`),
    );
  }
}

/** Reports a mistake of the app, which would look like a failure of the network otherwise, and throws it. */
function mistake(error: unknown): never {
  reported(() => {
    throw error;
  });
  throw new Mistake(error);
}

/** The value of a cookie that the page can read. */
function cookieOf(name: string): string | undefined {
  const start = `${name}=`;
  const found = globalThis.document?.cookie.split('; ').find((text) => text.startsWith(start));
  const text = found?.slice(start.length);
  try {
    return text && decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** An answer of the app's own `fetch`, with a body as browsers have it. */
async function answerOf(answer: unknown): Promise<Response> {
  // WHATWG Fetch, network error.
  if ((answer as Partial<Response> | undefined)?.type === 'error') throw new TypeError('fetch: no answer');
  if (answer instanceof Response) return answer;
  const given = (answer ?? {}) as Partial<Response>;
  if (!Number.isInteger(given.status) || typeof given.headers?.get !== 'function' || typeof given.text !== 'function')
    return mistake(new TypeError('fetch: a Response is needed'));
  const { body } = new Response(await given.text());
  return { type: 'default', status: given.status, headers: given.headers, body } as Response;
}

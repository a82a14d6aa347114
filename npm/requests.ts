// Sends the calls to endpoints as the app wants them. Loaded if it sets headers, CSRF or a `fetch` of its own.

import type { Calls, HttpCall } from './calls.js';
import { reported } from './events.js';

/** @internal Sends a call. Rejects without an answer, or if a function of the app fails, which is reported. */
export async function send({ fetch: own, csrf, headers }: Calls, call: HttpCall, init: RequestInit): Promise<Response> {
  const all = new Headers(init.headers);
  if (init.credentials === 'include') addCsrf(all, csrf, call.method);
  for (const [name, value] of await headersOf(headers[call.call], call)) all.set(name, value);
  const request = new Request(call.url, { ...init, headers: all });
  request.signal.throwIfAborted();
  if (own === undefined) return fetch(request);
  let answer: unknown;
  try {
    answer = own(request);
  } catch (error) {
    return mistake(error);
  }
  return answerOf(await answer);
}

/** @internal Sends the CSRF token back, with a request that changes something. */
export function addCsrf(headers: Headers, csrf: Calls['csrf'], method: string): void {
  const token = csrf && !/^(GET|HEAD|OPTIONS)$/.test(method) ? cookieOf(csrf.cookie) : undefined;
  // Another page of the site may have set the cookie. A value that is invalid in a header is not sent.
  if (token !== undefined && /^[ -~]+$/.test(token)) headers.set(csrf!.header, token);
}

async function headersOf(headers: Calls['headers'][HttpCall['call']], call: HttpCall): Promise<Headers> {
  if (typeof headers !== 'function') return new Headers(headers);
  let given: unknown;
  try {
    given = await headers({ ...call });
  } catch (error) {
    return mistake(error);
  }
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
  throw error;
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

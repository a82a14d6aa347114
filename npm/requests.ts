// Sends the calls to endpoints as the app wants them. Loaded if it sets headers, CSRF or a `fetch` of its own.

import type { Calls, HttpCall } from './calls.js';
import { reported } from './events.js';

/** @internal Sends a call. Rejects without an answer, or if a function of the app throws, which is reported. */
export async function send({ fetch: own, csrf, headers }: Calls, call: HttpCall, init: RequestInit): Promise<Response> {
  const all = new Headers(init.headers);
  const token = csrf && init.credentials === 'include' && call.method !== 'GET' ? cookieOf(csrf.cookie) : undefined;
  if (token !== undefined) all.set(csrf!.header, token);
  new Headers(await headersOf(headers[call.call], call)).forEach((value, name) => all.set(name, value));
  const request = new Request(call.url, { ...init, headers: all });
  request.signal.throwIfAborted();
  return own === undefined ? fetch(request) : answerOf(await own(request));
}

async function headersOf(
  headers: Calls['headers'][HttpCall['call']],
  call: HttpCall,
): Promise<HeadersInit | undefined> {
  if (typeof headers !== 'function') return headers;
  try {
    return await headers({ ...call });
  } catch (error) {
    return mistake(error);
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
  return found && decodeURIComponent(found.slice(start.length));
}

/** An answer of the app's own `fetch`, with a body as browsers have it. */
async function answerOf(answer: unknown): Promise<Response> {
  if (answer instanceof Response) return answer;
  const given = (answer ?? {}) as Partial<Response>;
  if (!Number.isInteger(given.status) || typeof given.headers?.get !== 'function' || typeof given.text !== 'function')
    return mistake(new TypeError('fetch: a Response is needed'));
  const { body } = new Response(await given.text());
  return { type: 'default', status: given.status, headers: given.headers, body } as Response;
}

// What an app changes about the calls to endpoints: headers, CSRF, and a `fetch` of its own. requests.ts does it.

import { HTTP_CALL_NAMES } from './contract.js';
import { nameOf } from './errors.js';
import { isRecord, type Options } from './options.js';

/** The call that a function for headers is asked about. */
export interface HttpCall {
  /** Its purpose. */
  call: 'login' | 'refresh' | 'logout' | 'ticket' | 'probe';
  /** Its URL. */
  url: string;
  /** Its method. */
  method: string;
}

/** More headers of a call: a record, `Headers`, or a function that returns them for each call, and may be async. They replace those of gatepass with the same name. */
export type CallHeaders = HeadersInit | ((call: HttpCall) => HeadersInit | Promise<HeadersInit>);

/** The cookie that holds a CSRF token, and the header that sends it back. */
export interface CsrfOptions {
  /** The name of the cookie. A page must be able to read it: it is not `HttpOnly`, and of the page's own host. */
  cookie: string;
  /** The name of the header. */
  header: string;
}

/** The app's own `fetch`: it gets a `Request`, and returns a `Response`. */
export type CallFetch = (request: Request) => Promise<Response>;

/** @internal What the app says about its calls. */
export interface Calls {
  fetch?: CallFetch | undefined;
  csrf?: CsrfOptions | undefined;
  headers: Partial<Record<HttpCall['call'], CallHeaders>>;
}

/** @internal Sends a request of a driver. */
export type Send = (call: number, url: string, init: RequestInit) => Promise<Response>;

const DJANGO: CsrfOptions = { cookie: 'csrftoken', header: 'X-CSRFToken' };

/** @internal Reads what the options say about calls; undefined if they say nothing. `session`: what its sockets take over. */
export function callsOf(
  options: Options,
  endpoints: Partial<Record<HttpCall['call'], Options | undefined>>,
  session?: Calls,
): Calls | undefined {
  const own = options.get('fetch') ?? session?.fetch;
  if (own !== undefined && typeof own !== 'function') options.fail('fetch', 'a function is needed');
  let csrf = options.get('csrf') === 'django' ? DJANGO : session?.csrf;
  if (isRecord(options.get('csrf'))) {
    const within = options.within('csrf', { cookie: 'text', header: 'text' });
    csrf = { cookie: within.text('cookie'), header: within.token('header', within.text('header')) };
  } else if (options.get('csrf') != null && csrf !== DJANGO)
    options.fail('csrf', "'django', or an object with cookie and header is needed");
  const headers: Calls['headers'] = {};
  for (const [call, endpoint] of Object.entries(endpoints)) {
    const given = endpoint?.get('headers') as CallHeaders | undefined;
    if (given == null) continue;
    headers[call as HttpCall['call']] = given;
    try {
      if (typeof given !== 'function') new Headers(given);
    } catch {
      // The browser's error quotes the value, which may be a secret.
      endpoint!.fail('headers', 'an object or Headers with valid names and values, or a function, is needed');
    }
  }
  return own || csrf || Object.keys(headers).length > 0
    ? { fetch: own as CallFetch | undefined, csrf, headers }
    : undefined;
}

/** @internal How a driver sends requests: by the browser's `fetch`, if the app says nothing about calls. */
export function sendOf(calls: Calls | undefined): Send | undefined {
  if (calls === undefined) return undefined;
  // At once: a logout may be the last thing that a page does.
  const script = import('./requests.js');
  script.catch(() => {});
  return async (number, url, init) => {
    const call = nameOf(HTTP_CALL_NAMES, number);
    return (await script).send(calls, { call, url, method: init.method! }, init);
  };
}

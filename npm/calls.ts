// What an app changes about the calls to endpoints: headers, bodies, answers, CSRF, and a `fetch` of its own. requests.ts does it.

import { HTTP_CALL_NAMES } from './contract.js';
import { nameOf, type Thrown } from './errors.js';
import { needed } from './load.js';
import { isRecord, type Options } from './options.js';
import type { JsonValue } from './schemes.js';

/** The call that a function is asked about. */
export interface HttpCall {
  /** Its purpose. */
  call: 'login' | 'refresh' | 'logout' | 'restore' | 'ticket' | 'probe';
  /** Its URL. */
  url: string;
  /** Its method. */
  method: string;
}

/** More headers of a call: a record, `Headers`, or a function that returns them for each call, and may be async. They replace those of gatepass with the same name. */
export type CallHeaders = HeadersInit | ((call: HttpCall) => HeadersInit | Promise<HeadersInit>);

/** The call that a function for a body is asked about. */
export interface BodyContext extends HttpCall {
  /** What can be sent: the credentials of a login, `access` and `refresh` of a refresh and a logout, `access` of a ticket. */
  values: Record<string, any>;
}

/**
 * Where the token or the ticket is in an answer: in JSON, at a path; it is the `text` of the body; it is in a header, perhaps after a word
 * such as `Bearer` (a server of another origin has to list the header in `Access-Control-Expose-Headers`); or a function returns the JSON to read.
 */
export type CallAnswer =
  | 'json'
  | 'text'
  | {
      /** The name of the header. */
      header: string;
    }
  | ((response: Response) => JsonValue | Promise<JsonValue>);

/** What a function for tickets is told. */
export interface TicketContext {
  /** The access token. */
  token: string;
  /** Aborts when the ticket is not needed any more. */
  signal: AbortSignal;
}

/** What a function for tickets returns: a ticket, or the whole URL to dial, which has `://` in it; or a ticket with its life. */
export type TicketSource =
  | string
  | {
      /** The ticket. */
      ticket: string;
      /** Seconds from now. @default unknown */
      expiresIn?: number;
    };

/** The cookie that holds a CSRF token, and the header that sends it back. */
export interface CsrfOptions {
  /** The name of the cookie. A page must be able to read it: it is not `HttpOnly`, and of the page's own host. */
  cookie: string;
  /** The name of the header. */
  header: string;
}

/** The app's own `fetch`: it gets a `Request`, and returns a `Response`. */
export type CallFetch = (request: Request) => Promise<Response>;

/** @internal What the app says about the calls to one endpoint. */
export interface EndpointCalls {
  headers?: CallHeaders | undefined;
  body?: ((context: BodyContext) => JsonValue | Promise<JsonValue>) | undefined;
  isForm?: boolean | undefined;
  answer?: CallAnswer | undefined;
  get?: ((context: TicketContext) => TicketSource | Promise<TicketSource>) | undefined;
  /** Where the machine looks for the token or the ticket. */
  field: string;
}

/** @internal What the app says about its calls. */
export interface Calls {
  fetch?: CallFetch | undefined;
  csrf?: CsrfOptions | undefined;
  endpoints: Partial<Record<HttpCall['call'], EndpointCalls>>;
  /** What the app's functions threw, by the call that failed with it last. */
  failed: Record<string, Thrown>;
}

/** @internal Sends a request of a driver. */
export type Send = (call: number, url: string, init: RequestInit) => Promise<Response>;

const DJANGO: CsrfOptions = { cookie: 'csrftoken', header: 'X-CSRFToken' };

/** @internal Reads what the options say about calls; undefined if they say nothing. `session`: what its sockets take over. */
export function callsOf(
  options: Options,
  endpoints: Partial<Record<HttpCall['call'], Options | undefined>>,
  session?: Calls,
  field = '',
): Calls | undefined {
  const own = options.get('fetch') ?? session?.fetch;
  if (own !== undefined && typeof own !== 'function') options.fail('fetch', 'a function is needed');
  let csrf = options.get('csrf') === 'django' ? DJANGO : session?.csrf;
  if (isRecord(options.get('csrf'))) {
    const within = options.within('csrf', { cookie: 'text', header: 'text' });
    csrf = { cookie: within.text('cookie'), header: within.token('header', within.text('header')) };
  } else if (options.get('csrf') != null && csrf !== DJANGO)
    options.fail('csrf', "'django', or an object with cookie and header is needed");
  const calls: Calls = { fetch: own as CallFetch | undefined, csrf, endpoints: {}, failed: {} };
  for (const [call, endpoint] of Object.entries(endpoints)) {
    const said = endpoint && endpointOf(endpoint, field);
    if (said) calls.endpoints[call as HttpCall['call']] = said;
  }
  return own || csrf || Object.keys(calls.endpoints).length > 0 ? calls : undefined;
}

/** What the app says about one endpoint; undefined if that is nothing. */
function endpointOf(endpoint: Options, field: string): EndpointCalls | undefined {
  const [headers, given, answer, get] = ['headers', 'body', 'answer', 'get'].map(
    (name) => endpoint.get(name) ?? undefined,
  );
  const body = typeof given === 'function' ? given : undefined;
  const own = answer === 'json' ? undefined : answer;
  if (!headers && !body && !own && !get) return undefined;
  try {
    if (typeof headers !== 'function') new Headers(headers as HeadersInit | undefined);
  } catch {
    // The browser's error quotes the value, which may be a secret.
    endpoint.fail('headers', 'an object or Headers with valid names and values, or a function, is needed');
  }
  if (isRecord(own)) {
    const within = endpoint.within('answer', { header: 'text' });
    within.token('header', within.text('header'));
  } else if (own !== undefined && own !== 'text' && typeof own !== 'function')
    endpoint.fail('answer', "'json', 'text', { header: name } or a function is needed");
  if (get !== undefined && typeof get !== 'function') endpoint.fail('get', 'a function is needed');
  return { headers, body, answer: own, get, field, isForm: endpoint.get('encoding') === 'form' } as EndpointCalls;
}

/** @internal The call whose error tells of a failure: both fail with REFRESH_FAILED. */
export const failsAs = (call: HttpCall['call']) => (call === 'restore' ? 'refresh' : call);

/** @internal How a driver sends requests: by the browser's `fetch`, if the app says nothing about calls. */
export function sendOf(calls: Calls | undefined): Send | undefined {
  if (calls === undefined) return undefined;
  // Beside the wasm, and before it is needed: a logout may be the last thing that a page does.
  const script = needed(() => import('./requests.js'));
  return async (number, url, init) => {
    const call = nameOf(HTTP_CALL_NAMES, number);
    const { send } = await script().catch((error: unknown) => {
      calls.failed[failsAs(call)] = [error];
      throw error;
    });
    return send(calls, { call, url, method: init.method! }, init);
  };
}

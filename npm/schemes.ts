// How a credential reaches the socket, as data.

import { failure } from './errors.js';
import { isRecord } from './options.js';
import type { FirstMessageOptions, QueryOptions, SubprotocolOptions, TicketOptions } from './option-types.js';

export type { FirstMessageOptions, QueryOptions, SubprotocolOptions, TicketOptions };

/** A JSON value. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };

/** How a credential reaches the socket: made by the functions below, or written by hand with the same names. */
export type Scheme =
  | ({
      /** {@link ticket} */
      type: 'ticket';
    } & TicketOptions)
  | ({
      /** {@link firstMessage} */
      type: 'firstMessage';
    } & FirstMessageOptions)
  | ({
      /** {@link query} */
      type: 'query';
    } & QueryOptions)
  | ({
      /** {@link subprotocol} */
      type: 'subprotocol';
    } & SubprotocolOptions)
  | {
      /** {@link cookie} or {@link anonymous} */
      type: 'cookie' | 'anonymous';
    };

/** A single-use ticket, fetched for each attempt, goes into the URL. The best choice where the server offers it. */
export function ticket(options: TicketOptions): Scheme {
  return { type: 'ticket', ...checked('ticket', options) };
}

/** A short-lived session key, fetched for each attempt: a ticket by other names. */
export function sessionKey(options: TicketOptions): Scheme {
  return ticket({ param: 'session_key', field: 'session_key', ...checked('sessionKey', options) });
}

/** The token goes as the first message on the open socket. */
export function firstMessage(options: FirstMessageOptions): Scheme {
  return { type: 'firstMessage', ...checked('firstMessage', options) };
}

/**
 * The token itself goes into the URL, where access logs and proxies see it. For servers that know no other way; it warns
 * once on the console.
 */
export function query(options: QueryOptions = {}): Scheme {
  return { type: 'query', ...checked('query', options) };
}

/**
 * The token goes as an entry of `Sec-WebSocket-Protocol`, behind the plain subprotocols of the option `protocols`, one of which
 * the server has to choose.
 */
export function subprotocol(options: SubprotocolOptions = {}): Scheme {
  return { type: 'subprotocol', ...checked('subprotocol', options) };
}

/**
 * The browser sends the cookie that the login has set; the page and the server have to be of one site. With a session, the
 * connection waits for its login and ends with its logout; without one it sends whatever cookie is there. The server has to
 * check the Origin, or any page can connect in the user's name.
 */
export function cookie(): Scheme {
  return { type: 'cookie' };
}

/** No credential. */
export function anonymous(): Scheme {
  return { type: 'anonymous' };
}

/** Of anything else than an object the spread takes nothing, in silence. */
function checked<T>(scheme: string, options: T): T {
  if (!isRecord(options)) throw failure('INVALID_OPTION', `${scheme}(): an object is needed`);
  return options;
}

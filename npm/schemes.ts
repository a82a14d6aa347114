// How a credential reaches the socket, as data.

import { failure } from './errors.js';
import { isRecord } from './options.js';
import type {
  CookieOptions,
  FirstMessageOptions,
  QueryOptions,
  SubprotocolOptions,
  TicketOptions,
} from './option-types.js';

export type { CookieOptions, FirstMessageOptions, QueryOptions, SubprotocolOptions, TicketOptions };

/** A JSON value. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };

/** How a credential reaches the socket. Made by the functions below, or written by hand with the same names. */
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
  | ({
      /** {@link cookie} */
      type: 'cookie';
    } & CookieOptions)
  | {
      /** {@link anonymous} */
      type: 'anonymous';
    };

/** A single-use ticket, fetched for each attempt, is sent in the URL. The best choice if the server supports it. */
export function ticket(options: TicketOptions): Scheme {
  return { type: 'ticket', ...checked('ticket', options) };
}

/** A short-lived session key, fetched for each attempt: a ticket with other names. */
export function sessionKey(options: TicketOptions): Scheme {
  return ticket({ param: 'session_key', field: 'session_key', ...checked('sessionKey', options) });
}

/** The token is sent as the first message on the open socket. */
export function firstMessage(options: FirstMessageOptions): Scheme {
  return { type: 'firstMessage', ...checked('firstMessage', options) };
}

/**
 * The token itself is sent in the URL, where access logs and proxies see it. For servers that support nothing else. It warns
 * once on the console.
 */
export function query(options: QueryOptions = {}): Scheme {
  return { type: 'query', ...checked('query', options) };
}

/**
 * The token is sent as the last entry of `Sec-WebSocket-Protocol`. The server has to choose one of the plain subprotocols before it, from the
 * option `protocols`.
 */
export function subprotocol(options: SubprotocolOptions = {}): Scheme {
  return { type: 'subprotocol', ...checked('subprotocol', options) };
}

/**
 * The browser sends the cookie that the login has set. Page and server have to be of the same site. With a session, the socket waits for the
 * login and ends with the logout. Without one, it sends the cookie that is there. The server has to check the Origin; otherwise any page can
 * connect in the user's name.
 */
export function cookie(options: CookieOptions = {}): Scheme {
  return { type: 'cookie', ...checked('cookie', options) };
}

/** No credential. */
export function anonymous(): Scheme {
  return { type: 'anonymous' };
}

/** A spread of anything but an object would be empty without an error. */
function checked<T>(scheme: string, options: T): T {
  if (!isRecord(options)) throw failure('INVALID_OPTION', `${scheme}(): an object is needed`);
  return options;
}

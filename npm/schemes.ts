// How a credential reaches the socket, as data.

/** A JSON value. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };

/** Options of {@link ticket}. */
export interface TicketOptions {
  /** Where tickets are fetched, with the session's `Authorization` header. */
  url: string | URL;
  /** @default 'POST' */
  method?: 'GET' | 'POST';
  /** The parameter of the socket's URL that carries the ticket. @default 'ticket' */
  param?: string;
  /** Where the ticket is in the answer, as a dotted path. @default 'ticket' */
  field?: string;
  /** Where the ticket's end is in the answer, in seconds since 1970. @default 'expires' */
  expiresField?: string;
  /** Where the ticket's life is in the answer, in seconds. @default 'expires_in' */
  expiresInField?: string;
}

/** Options of {@link firstMessage}. */
export interface FirstMessageOptions {
  /** The message, a JSON value; the value `'$token'` stands for the token. `'$$token'` is the text `$token`. */
  message: JsonValue;
  /** The server's message that has to come first: objects match as subsets. @default none: ours goes as soon as it is open */
  hello?: JsonValue;
  /** The server's message that accepts. @default none: accepted means sent */
  ack?: JsonValue;
  /** The server's message that refuses. @default none: it closes */
  reject?: JsonValue;
  /** How long to wait for hello and ack, each, in milliseconds; `connectTimeout` bounds all of it. @default 10000 */
  ackTimeout?: number;
}

/** Options of {@link query}. */
export interface QueryOptions {
  /** The parameter's name. @default 'token' */
  param?: string;
}

/** How a credential reaches the socket. Made by {@link ticket}, {@link firstMessage}, {@link query} or {@link anonymous}. */
export type Scheme =
  | ({ type: 'ticket' } & TicketOptions)
  | ({ type: 'firstMessage' } & FirstMessageOptions)
  | ({ type: 'query' } & QueryOptions)
  | { type: 'anonymous' };

/** A single-use ticket, fetched for each attempt, goes into the URL. The best choice where the server offers it. */
export function ticket(options: TicketOptions): Scheme {
  return { type: 'ticket', ...options };
}

/** The token goes as the first message on the open socket. */
export function firstMessage(options: FirstMessageOptions): Scheme {
  return { type: 'firstMessage', ...options };
}

/**
 * The token itself goes into the URL, where access logs and proxies see it. For servers that know no other way; it warns
 * once on the console.
 */
export function query(options: QueryOptions = {}): Scheme {
  return { type: 'query', ...options };
}

/** No credential. */
export function anonymous(): Scheme {
  return { type: 'anonymous' };
}

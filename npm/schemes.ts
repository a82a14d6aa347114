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
  /** The ticket goes among the subprotocols instead. @default none */
  subprotocol?: SubprotocolOptions;
  /** Where the ticket is in the answer, as a dotted path. @default 'ticket' */
  field?: string;
  /**
   * `field` holds the socket's whole URL with the ticket in it. It is taken if it is encrypted, or the socket's own is not,
   * and its host is the socket's own or one of these. @default none: `field` holds the ticket
   */
  urlHosts?: string[];
  /** The status that asks for another token: 403 where DRF's first authentication class is SessionAuthentication. @default 401 */
  unauthorizedStatus?: number;
  /** A success whose JSON this describes (objects match as subsets) is a refusal: it counts as a 401. @default none */
  reject?: JsonValue;
  /** Where the ticket's end is in the answer: seconds since 1970, or a date (RFC 3339). @default 'expires' */
  expiresField?: string;
  /** Where the ticket's life is in the answer, in seconds. @default 'expires_in' */
  expiresInField?: string;
}

/** Options of {@link firstMessage}. */
export interface FirstMessageOptions {
  /**
   * The message, a JSON value; the value `'$token'` stands for the token. `'$$token'` is the text `$token`.
   * @default none: the handshake has carried the credential (a cookie), and `ack` is waited for; every message is read for `reject`
   */
  message?: JsonValue;
  /**
   * What the frames of the handshake are. `text`: JSON, text, or text and then JSON, which is an array of both here: `['40', { token: '$token' }]`
   * is sent as `40{"token":…}`. Each may be ended by a line feed or U+001E, several may share a frame, and the frame of `ack`
   * is a `message` for the app, too. `binary`: the same in binary frames, which are read if `binaryType` is `arraybuffer`.
   * @default 'json'
   */
  frames?: 'json' | 'text' | 'binary';
  /** The server's message that has to come first: objects match as subsets. @default none: ours goes as soon as it is open */
  hello?: JsonValue;
  /** The server's message that accepts. @default none: accepted means sent */
  ack?: JsonValue;
  /** The server's message that refuses. @default none: it closes */
  reject?: JsonValue;
  /**
   * The server's message that says that the token has expired: it is renewed, and `message` is sent again on the same socket.
   * Every message is read for it, and the app gets them all. @default none: the server closes
   */
  expired?: JsonValue;
  /** Sends `message` again on the connected socket whenever the token is renewed, for servers that take it. @default false */
  reauth?: boolean;
  /** How long to wait for hello and ack, each, in milliseconds; `connectTimeout` bounds all of it. @default 10000 */
  ackTimeout?: number;
}

/** Options of {@link query}. */
export interface QueryOptions {
  /** The parameter's name. @default 'token' */
  param?: string;
}

/** Options of {@link subprotocol}. */
export interface SubprotocolOptions {
  /** What stands before the credential: `base64url.bearer.authorization.k8s.io.`. @default '' */
  prefix?: string;
  /**
   * How the credential is written: `plain` as it is, which a JWT allows; `base64url` or `base64`, both without padding.
   * @default 'plain'
   */
  encoding?: 'plain' | 'base64url' | 'base64';
}

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
  return { type: 'ticket', ...options };
}

/** A short-lived session key, fetched for each attempt: a ticket by other names. */
export function sessionKey(options: TicketOptions): Scheme {
  return ticket({ param: 'session_key', field: 'session_key', ...options });
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

/**
 * The token goes as an entry of `Sec-WebSocket-Protocol`, behind the plain subprotocols of the option `protocols`, one of which
 * the server has to choose.
 */
export function subprotocol(options: SubprotocolOptions = {}): Scheme {
  return { type: 'subprotocol', ...options };
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

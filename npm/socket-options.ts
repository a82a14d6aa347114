// The options of a socket: what they are, and how they go to the wasm.

import { CLOSE_ACTION_NAMES, ENCODING_NAMES, FRAMING_NAMES, METHOD_NAMES, OnRenewal, OUTBOX_POLICY_NAMES, SchemeKind, SocketPart as At } from './contract.js';
import type { SessionCore, SocketCore } from './core.js';
import type { FailureNumbers } from './errors.js';
import type { Core, Owner } from './load.js';
import { Options } from './options.js';
import type { Scheme } from './schemes.js';
import { read as makeSession, type Session } from './session.js';

/** Options of {@link AuthSocket}. */
export interface AuthSocketOptions {
  /** Who the user is. Needed by every scheme but `anonymous()` and `cookie()`. */
  session?: Session;
  /** How the credential reaches the socket. */
  scheme: Scheme;
  /** Subprotocols to offer. @default none */
  protocols?: string | string[];
  /** Parameters of the URL that are no credential, put behind those that it has. @default none */
  params?: Record<string, string>;
  /**
   * An endpoint that a good token may GET, asked after a dial that failed before it opened. Browsers do not say why it did: the
   * probe tells a refused token (HANDSHAKE_UNAUTHORIZED, HANDSHAKE_FORBIDDEN) from a server that is not there
   * (SERVER_UNREACHABLE, SERVER_UNAVAILABLE) and one that refuses the handshake alone (HANDSHAKE_REFUSED). @default none
   */
  probe?: string | URL;
  /** Whether ticket and probe calls carry cookies. @default 'omit'; 'include' for cookie() */
  credentials?: 'omit' | 'include';
  /** The wait between tries, full jitter, in milliseconds. */
  backoff?: {
    /** The first window; doubles with every failure. @default 500 */
    base?: number;
    /** The widest window; that of the try with a renewed token is 1 s. @default 30000 */
    cap?: number;
    /** The window of the first try after a lasting connection was lost. @default 5000 */
    spread?: number;
  };
  /** From dial to accepted, in milliseconds. @default 10000 */
  connectTimeout?: number;
  /** How long a ticket call may take, in milliseconds. @default 10000 */
  ticketTimeout?: number;
  /**
   * How long a connection has to last before it counts as a good one, in milliseconds: one that the server ends sooner, with its token, had that token
   * refused. Earlier failures are forgotten once it has lasted that long and as long as the widest wait (`backoff.cap`).
   * @default 5000
   */
  minUptime?: number;
  /**
   * Whether there is another try after a failure. With `false` this is one connection, as a WebSocket is: what fails, is lost, or is put
   * aside with its page ends it. There is an `error` event with its end alone, and none when the server closes it. A token that the
   * ticket's endpoint refuses is renewed all the same, once, and somebody who has not signed in yet is waited for.
   * @default true
   */
  reconnect?: boolean;
  /**
   * Whether another connection takes the place of this one when the token is renewed. It is accepted before this one closes, and no
   * event tells it. A message of yours goes to one of them. The old one is listened to for `minUptime` longer: what the server says
   * to both in that time arrives twice. If the new one fails, this one stays.
   * @default false: this one stays
   */
  handover?: boolean;
  /**
   * How it is seen that the connection is alive; any message of the server counts. Without it only sleep is noticed: a computer that
   * slept for more than 3 minutes connects anew.
   * @default none: there is no ping that every server takes
   */
  heartbeat?: {
    /** The ping: a text as it is, anything else as JSON in the frames of the scheme. */
    message: unknown;
    /** What the answer has (`{ type: 'pong' }` matches every object with that member), or the text that it is. The app does not get it. @default any message, and the app gets all */
    pong?: unknown;
    /** From one ping to the next, in milliseconds. @default 25000 */
    interval?: number;
    /** How long after a ping nothing may be heard, in milliseconds. @default 10000 */
    timeout?: number;
  };
  /** Whether a page that nobody looks at keeps its connection. `'close-after'` lets go of it until somebody looks again. @default 'keep' */
  whenHidden?: 'keep' | 'close-after';
  /** For how long nobody looks before `'close-after'` closes, in milliseconds. @default 60000 */
  hiddenTimeout?: number;
  /** What close codes ask for, where the defaults do not fit. */
  closeCodes?: Record<number, 'retry' | 'retrySlowly' | 'refreshToken' | 'giveUp'>;
  /** How much may wait to be sent; beyond it `send` throws QUEUE_FULL. */
  outbox?: {
    /** @default 1048576 */
    maxBytes?: number;
    /** @default 1000 */
    maxMessages?: number;
    /**
     * What becomes of a message for which there is no room: `send` throws QUEUE_FULL, or those that have waited longest are dropped, or the
     * message itself. @default 'error'
     */
    policy?: 'error' | 'drop-oldest' | 'drop-newest';
    /** How long a message may wait, in milliseconds; then it is dropped. With `confirm`, until it is confirmed. @default for ever */
    ttl?: number;
  };
  /**
   * For servers that acknowledge: a message that is JSON with an id is sent again after a loss until it is confirmed (at least once), so
   * the server should know by the id what comes twice. Until then it takes room in the outbox. The app gets the acknowledgement, too.
   * @default none: each message is handed to one connection, once
   */
  confirm?: {
    /** Where a message has its id: a name, or names with dots between. */
    id: string;
    /** What confirms it, with "$id" where the id is: `{ type: 'ack', id: '$id' }`. */
    ack: unknown;
  };
  /** How many bytes may wait before `writable` takes no more. @default 65536 */
  highWaterMark?: number;
  /** The longest message that is taken from the server. @default any */
  maxMessageSize?: number;
  /** Allows a credential over ws: and http: to other hosts than this machine. @default false */
  allowInsecure?: boolean;
}

/** @internal What the wasm calls: SocketSink in src/js/events.rs. None of it throws. */
export interface Sink extends Owner {
  readonly takesBuffers: boolean;
  opened(): void;
  fate(message: number, fate: number): void;
  closed(code: number, reason: string, wasClean: boolean): void;
  changed(state: number, phase: number, previous: number, code: number, reason: string | undefined, attempt: number, retryAt: number, discarded: number, ...more: [...failure: FailureNumbers, userChanged: boolean, firesError: boolean]): void;
  message(data: unknown): void;
  unconfirmed(messages: unknown[]): void;
}

/** The schemes, with their options. */
const SCHEMES = {
  anonymous: 'type',
  cookie: 'type',
  firstMessage: 'type message frames hello ack reject expired reauth ackTimeout',
  ticket: 'type url method param subprotocol field urlHosts unauthorizedStatus reject expiresField expiresInField',
  query: 'type param',
  subprotocol: 'type prefix encoding',
};

/** @internal Reads options for the wasm, each at its place of the contract. */
export function read(url: string, options: AuthSocketOptions): (core: Core, session: SessionCore | undefined, sink: Sink) => SocketCore {
  const all = new Options(options, '', 'session scheme protocols params probe credentials backoff connectTimeout ticketTimeout minUptime reconnect handover heartbeat whenHidden hiddenTimeout closeCodes outbox confirm highWaterMark maxMessageSize allowInsecure');
  const type = (all.get('scheme') as Scheme | undefined)?.type;
  if (!Object.keys(SCHEMES).includes(String(type))) all.fail('scheme', `one of ${Object.keys(SCHEMES)} is needed; no browser lets a page set a header`);
  const scheme = all.within('scheme', SCHEMES[type as Scheme['type']]);
  if (type === 'firstMessage' && scheme.get('message') === undefined && scheme.get('ack') === undefined) {
    scheme.fail('message', 'the first message is needed, with "$token" where the token goes, or the ack of a server that needs none');
  }
  JSON.stringify(scheme.json('message'), (member, text) => {
    const hole = typeof text === 'string' ? /^\$([^$].*)/s.exec(text)?.[1] : 'token';
    if (hole === undefined ? /[^$]\$(token|authorization)\b/.test(text) : /^(token|authorization)\W/.test(hole)) {
      scheme.fail('message', '"$token" and "$authorization" stand for a whole value, not for a part of a text');
    }
    if (hole !== undefined && !/^(token|authorization)$/.test(hole)) scheme.fail('message', `only "$token" and "$authorization" stand for something; "$$" is a plain $: look at "${member}"`);
    return text;
  });
  if (scheme.get('reauth') === true && scheme.get('message') === undefined) scheme.fail('reauth', 'there is no first message to send again');
  if (scheme.get('reauth') === true && all.flag('handover')) all.fail('handover', 'with "reauth" the token is renewed on this socket; choose one');
  const isTicket = type === 'ticket';
  const isEntry = isTicket ? scheme.get('subprotocol') !== undefined : type === 'subprotocol';
  const entry = isTicket ? scheme.within('subprotocol', 'prefix encoding') : scheme;
  const prefix = isEntry && (entry.get('prefix') ?? '') !== '' ? entry.token('prefix', entry.text('prefix')) : '';
  const given = all.record('params');
  const params = String(new URLSearchParams(Object.entries(given).map(([name, value]) => [name, typeof value === 'string' ? value : all.fail(`params.${name}`, 'a text is needed')])));
  const backoff = all.within('backoff', 'base cap spread');
  const heartbeat = all.within('heartbeat', 'message pong interval timeout');
  if (all.get('heartbeat') !== undefined && ['', undefined].includes(heartbeat.get('message') as string)) heartbeat.fail('message', 'the ping is needed');
  const whenHidden = all.one('whenHidden', ['keep', 'close-after']);
  const outbox = all.within('outbox', 'maxBytes maxMessages policy ttl');
  all.count('highWaterMark', 0);
  const isConfirmed = all.get('confirm') !== undefined;
  const confirm = all.within('confirm', 'id ack');
  let ids = 0;
  JSON.stringify(confirm.json('ack'), (_, text) => {
    if (text === '$id') ids++;
    else if (typeof text === 'string' && /^\$[^$]/.test(text)) confirm.fail('ack', `only "$id" stands for something; "$$" is a plain $: ${text}`);
    return text;
  });
  if (isConfirmed && ids === 0) confirm.fail('ack', 'what confirms a message is needed, with "$id" where its id is');
  if (isConfirmed && /(^|\.)(\.|$)/.test(confirm.text('id'))) confirm.fail('id', 'a name is needed, or names with dots between');
  const closeCodes: number[] = [];
  for (const [code, name] of Object.entries(all.record('closeCodes'))) {
    const action = (CLOSE_ACTION_NAMES as readonly unknown[]).indexOf(name);
    if (action < 0 || !/^[1-4]\d{3}$/.test(code)) {
      all.fail(`closeCodes.${code}`, `a close code (1000 to 4999) and one of '${CLOSE_ACTION_NAMES.join("', '")}' are needed`);
    }
    closeCodes.push(Number(code), action);
  }
  const protocols = all.texts('protocols');
  for (const [index, protocol] of protocols.entries()) {
    all.token('protocols', protocol);
    if (protocols.indexOf(protocol) !== index) all.fail('protocols', 'one is offered twice');
  }
  if (protocols.join(', ').length > 8190) all.fail('protocols', 'servers refuse more than 8192 bytes of them together');
  if (isEntry && protocols.length === 0) all.fail('protocols', 'a plain subprotocol is needed beside the credential: the one that the server chooses');
  const allowInsecure = all.flag('allowInsecure');
  const isCookie = type === 'cookie';
  const cookies = all.one('credentials', isCookie ? ['include', 'omit'] : ['omit', 'include']) === 'include';
  // Cookies are credentials, whoever sends them.
  if (!(isCookie || type === 'anonymous') || (isCookie && options.session) || cookies) new Options({ url }, '', 'url').credentialUrl('url', allowInsecure, true);
  const parts: unknown[] = [];
  parts[At.Url] = params === '' ? url : url + (url.includes('?') ? '&' : '?') + params;
  parts[At.Probe] = all.get('probe') === undefined ? '' : all.credentialUrl('probe', allowInsecure);
  parts[At.TicketUrl] = isTicket ? scheme.credentialUrl('url', allowInsecure) : '';
  parts[At.Scheme] = kindOf(options);
  parts[At.Param] = isEntry ? '' : scheme.text('param', isTicket ? 'ticket' : 'token');
  parts[At.Prefix] = prefix;
  parts[At.Encoding] = isEntry ? entry.choice('encoding', ENCODING_NAMES) : undefined;
  parts[At.Field] = scheme.text('field', 'ticket');
  parts[At.ExpiresField] = scheme.text('expiresField', 'expires');
  parts[At.ExpiresInField] = scheme.text('expiresInField', 'expires_in');
  parts[At.Method] = scheme.choice('method', METHOD_NAMES);
  parts[At.Unauthorized] = scheme.count('unauthorizedStatus', 401);
  parts[At.Hosts] = scheme.get('urlHosts') === undefined ? undefined : hostsOf(scheme);
  parts[At.Message] = scheme.json('message');
  parts[At.Framing] = scheme.choice('frames', FRAMING_NAMES);
  parts[At.Hello] = scheme.json('hello');
  parts[At.Ack] = scheme.json('ack');
  parts[At.Reject] = scheme.json('reject');
  parts[At.Expired] = scheme.json('expired');
  parts[At.AckTimeout] = scheme.millis('ackTimeout', 10_000, 1);
  parts[At.Base] = backoff.millis('base', 500);
  parts[At.Cap] = backoff.millis('cap', 30_000);
  parts[At.Spread] = backoff.millis('spread', 5_000);
  parts[At.ConnectTimeout] = all.millis('connectTimeout', 10_000, 1);
  parts[At.TicketTimeout] = all.millis('ticketTimeout', 10_000, 1);
  parts[At.MinUptime] = all.millis('minUptime', 5_000);
  parts[At.Ping] = heartbeat.json('message');
  parts[At.Pong] = heartbeat.json('pong');
  parts[At.Interval] = heartbeat.millis('interval', 25_000, 1);
  parts[At.PongTimeout] = heartbeat.millis('timeout', 10_000, 1);
  const hiddenTimeout = all.millis('hiddenTimeout', 60_000);
  parts[At.HiddenTimeout] = whenHidden === 'keep' ? undefined : hiddenTimeout;
  parts[At.MaxBytes] = outbox.count('maxBytes', 1 << 20);
  parts[At.MaxMessages] = outbox.count('maxMessages', 1_000);
  parts[At.Ttl] = outbox.get('ttl') == null ? undefined : outbox.millis('ttl', 0);
  parts[At.Policy] = outbox.choice('policy', OUTBOX_POLICY_NAMES);
  parts[At.ConfirmId] = isConfirmed ? confirm.text('id') : '';
  parts[At.ConfirmAck] = confirm.json('ack');
  parts[At.MaxMessage] = all.count('maxMessageSize', 2 ** 32 - 1);
  parts[At.AllowInsecure] = allowInsecure;
  parts[At.Cookies] = Number(cookies);
  parts[At.Protocols] = protocols;
  parts[At.CloseCodes] = closeCodes;
  parts[At.OnRenewal] = type === 'firstMessage' && scheme.flag('reauth') ? OnRenewal.Authenticate : all.flag('handover') ? OnRenewal.Handover : OnRenewal.Keep;
  parts[At.Reconnects] = all.flag('reconnect', true);
  // A socket without a session has one of its own, which nobody signs in to.
  return (core, session, sink) => (session ?? makeSession({}, {})(core, () => {}, undefined)).socket(parts, sink);
}

/** The scheme as the wasm counts it. */
function kindOf({ scheme: { type }, session }: AuthSocketOptions): SchemeKind {
  switch (type) {
    case 'anonymous':
      return SchemeKind.Anonymous;
    case 'cookie':
      // A cookie that nobody's session vouches for is no credential of ours.
      return session === undefined ? SchemeKind.Anonymous : SchemeKind.Cookie;
    case 'firstMessage':
      return SchemeKind.FirstMessage;
    case 'ticket':
      return SchemeKind.Ticket;
    case 'query':
    case 'subprotocol':
      return SchemeKind.Token;
  }
}

/** Hosts as a URL has them: what could never be one of them would be refused at every answer, and nobody would know why. */
function hostsOf(scheme: Options): string[] {
  for (const host of scheme.texts('urlHosts')) {
    if (!/^([\w-]+(\.[\w-]+)*\.?|\[[\da-f:.]+\])$/i.test(host)) scheme.fail('urlHosts', `a host is needed, without scheme, user, port, path and *`);
  }
  return scheme.texts('urlHosts').map((host) => host.toLowerCase());
}

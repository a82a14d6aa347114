// The options of a socket: what they mean together, and how they go to the wasm.

import { type Address, asking, type ConnectedInfo, type Attempts, type Functions, questionsOf } from './asking.js';
import { callsOf, sendOf } from './calls.js';
import {
  AUTH_SOCKET_OPTIONS,
  AuthSocketOptionsAt as At,
  type Credentials,
  PROBE_OPTIONS,
  TICKET_OPTIONS,
  TicketOptionsAt,
} from './contract.js';
import type { Sink } from './connection-driver.js';
import { warnOnce } from './events.js';
import type { Connection, Makers, SessionPart } from './load.js';
import type { AuthSocketOptions as Given, ConfirmOptions, FirstMessageOptions, TicketOptions } from './option-types.js';
import { Options } from './options.js';
import type { Scheme } from './schemes.js';
import { Session } from './session.js';
import type { Codec } from './codec.js';

/** Options of an {@link AuthSocket}. With a codec it receives values of the type `In` and sends values of the type `Out`. */
export interface AuthSocketOptions<In = any, Out = any> extends Omit<Given, 'codec' | 'onConnected'> {
  /** What messages are: `json()` or `codec()` of `gatepass/conversation`. It also brings subscriptions, requests and a place to go on. @default texts and bytes, as in a WebSocket */
  codec?: Codec<In, Out>;
  /**
   * Called at every connection, before messages that wait are sent: what it sends goes first. It may be async; the socket is `connected` when it is done,
   * and messages that arrive meanwhile are delivered. If it throws, the attempt has failed (CALLBACK_FAILED). With `handover` it is called for the new
   * connection, before that takes over.
   */
  onConnected?: (send: (data: Out) => void, info: ConnectedInfo) => unknown;
}

/** What the machine has for a URL until the app has named it. It is never dialled. */
const UNKNOWN = 'wss://unknown.invalid';

/** @internal Reads options for the wasm, each at its place of the contract. */
export function read(
  url: Address,
  given: AuthSocketOptions,
  attempts: Attempts = {},
): (makers: Makers, session: SessionPart | undefined, sink: Sink) => Connection {
  const options =
    typeof given?.probe === 'string' || given?.probe instanceof URL ? { ...given, probe: { url: given.probe } } : given;
  const all = new Options(options, '', AUTH_SOCKET_OPTIONS);
  if (Object.hasOwn(options, 'url')) all.fail('url', 'the address stands before the options');
  const parts = all.values();
  const { scheme, session, heartbeat, protocols = [], params, onConnected } = options;
  if (session !== undefined && !(session instanceof Session)) all.fail('session', 'a Session is needed');
  if (session === undefined && options.whenSignedOut !== 'connect' && sendsToken(scheme))
    all.fail('session', "this scheme sends a credential, so it needs a session, or whenSignedOut: 'connect'");
  if (session?.isByCookie && sendsToken(scheme) && scheme.type !== 'ticket')
    all.fail('scheme', 'the session is a cookie and has no token: use cookie() or ticket()');
  if (options.webSocket != null && typeof options.webSocket !== 'function')
    all.fail('webSocket', 'a class with the constructor of WebSocket is needed');
  if (onConnected != null && typeof onConnected !== 'function') all.fail('onConnected', 'a function is needed');
  if (options.handover && !onConnected)
    warnOnce('a handover leaves behind what the app has joined; use subscribe(), onConnected or the event `handover`');
  checkAnswers(all);
  all.count('highWaterMark', 0);
  if (heartbeat && (heartbeat.message ?? '') === '') all.fail('heartbeat.message', 'the ping is needed');
  if (scheme.type === 'firstMessage') checkFirstMessage(all, options, scheme);
  if (options.confirm) checkConfirm(all, options.confirm);
  const isCookie = scheme.type === 'cookie';
  // Cookies are credentials with every scheme.
  const sendsCookies = (options.credentials ?? (isCookie || session?.isByCookie ? 'include' : 'omit')) === 'include';
  parts[At.credentials] = Number(sendsCookies) as Credentials;
  const hasCredential = !(isCookie || scheme.type === 'anonymous') || (isCookie && session) || sendsCookies;
  const isEntry = scheme.type === 'subprotocol' || (scheme.type === 'ticket' && scheme.subprotocol != null);
  const check: Functions['check'] = (url, params, protocols) => {
    const given = new Options({ url, params, protocols }, '', { url: 'address', params: 'face', protocols: 'tokens' });
    const address = hasCredential
      ? given.credentialUrl('url', all.flag('allowInsecure'), true)
      : given.url('url', true);
    const offered = given.texts('protocols').map((text) => given.token('protocols', text));
    if (new Set(offered).size < offered.length) given.fail('protocols', 'one is offered twice');
    if (offered.join(', ').length > 8190)
      given.fail('protocols', 'servers refuse more than 8192 bytes of them together');
    if (isEntry && offered.length === 0)
      given.fail('protocols', 'a plain subprotocol is needed beside the credential: the one that the server chooses');
    return { url: withParams(address, given), protocols: offered };
  };
  const functions: Functions = {
    url,
    params,
    protocols,
    message: scheme.type === 'firstMessage' ? scheme.message : undefined,
    onConnected,
    check,
  };
  const questions = questionsOf(functions);
  // What a function answers is checked then.
  const known = <T>(value: T, otherwise?: unknown) => (typeof value === 'function' ? otherwise : value);
  const isGiven = typeof protocols === 'function' ? ['unknown'] : protocols;
  parts[At.url] = check(known(url, UNKNOWN), known(params), isGiven).url;

  const ticket = scheme.type === 'ticket' ? all.within('scheme', TICKET_OPTIONS) : undefined;
  if (scheme.type === 'ticket') checkTicket(ticket!, scheme, (parts[At.scheme] as [number, unknown[]])[1]);
  const probe = options.probe ? all.within('probe', PROBE_OPTIONS) : undefined;
  const field = scheme.type === 'ticket' ? (scheme.field ?? 'ticket') : '';
  const calls = (attempts.calls = callsOf(all, { ticket, probe }, session?.calls, field));
  const send = sendOf(calls);
  const ask = questions.length > 0 ? asking(functions, attempts) : undefined;
  return (makers, session, sink) =>
    makers.connection(parts, questions, session, Object.assign(sink, { send }, ask?.({ ...sink })));
}

/** Whether a scheme cannot do without a token. */
function sendsToken(scheme: Scheme): boolean {
  if (scheme.type !== 'firstMessage') return !['anonymous', 'cookie'].includes(scheme.type);
  const { message, more } = scheme;
  return message === undefined || /"\$(token|authorization)"/.test(JSON.stringify([message, more]));
}

/** A URL with further parameters. */
function withParams(url: string, given: Options): string {
  const params = Object.entries(given.record('params')).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : given.fail(`params.${name}`, 'a string is needed'),
  ]);
  return params.length === 0 ? url : `${url}${url.includes('?') ? '&' : '?'}${new URLSearchParams(params)}`;
}

/** Options of the call for a ticket, which mean nothing where the app makes it. */
const OF_A_CALL = [
  'method',
  'headers',
  'body',
  'encoding',
  'credentials',
  'authorization',
  'answer',
  'reject',
  'urlHosts',
];

/** Where tickets come from. `parts`: the options of the scheme, as they cross. */
function checkTicket(
  ticket: Options,
  { url, get, method, body, authorization }: TicketOptions,
  parts: unknown[],
): void {
  if ((url == null) === (get == null)) ticket.fail('url', 'the endpoint is needed, or `get`, and not both');
  if (authorization === 'refresh')
    ticket.fail('authorization', "'access' or 'none' is needed: a socket has no refresh token");
  for (const name of get == null ? [] : OF_A_CALL)
    if (ticket.get(name) != null) ticket.fail(name, 'with `get` the app makes the call itself');
  // A function is told what it may send.
  if (get != null || typeof body === 'function') parts[TicketOptionsAt.body] = { access: '$access' };
  if (body == null) return;
  if (method === 'GET') ticket.fail('body', "a GET has no body: set method to 'POST'");
  if (typeof body !== 'function')
    ticket.placeholders('body', ['access'], (_, member) =>
      ticket.fail('body', `only "$access" is a placeholder; "$$" is a plain $: look at "${member}"`),
    );
}

/** The rules of `answers`, and their holes. */
function checkAnswers(all: Options): void {
  const rules = all.json('answers') ?? [];
  const given: unknown[] = Array.isArray(rules) ? rules : all.fail('answers', 'an array of { when, send } is needed');
  given.forEach((rule, place) => {
    const given = new Options(rule, `answers.${place}.`, { when: 'json!', send: 'json!' });
    given.values();
    const known: string[] = [];
    given.placeholders('when', [], (name) => void known.push(name));
    given.placeholders('send', known, (name) =>
      given.fail('send', `"$${name}" is a placeholder that \`when\` does not have`),
    );
  });
}

/** The first message, its holes, and what goes with it. */
function checkFirstMessage(
  all: Options,
  { handover }: AuthSocketOptions,
  { message, more, ack, expired, reauth }: FirstMessageOptions,
): void {
  const option = 'scheme.message';
  const isAgain = reauth || expired != null;
  if (more != null && !Array.isArray(more)) all.fail('scheme.more', 'an array of messages is needed');
  if (typeof message === 'function') {
    if (more != null) all.fail('scheme.more', 'with a function for `message`, send the others in onConnected');
    if (isAgain)
      all.fail(option, '`reauth` and `expired` send the message again, so they need one that is no function');
    return;
  }
  if (message === undefined && ack === undefined)
    all.fail(
      option,
      'the first message is needed, with "$token" where the token goes, or the ack of a server that needs none',
    );
  JSON.stringify([message, more], (member, text) => {
    const hole = typeof text === 'string' ? /^\$([^$].*)/s.exec(text)?.[1] : 'token';
    if (hole === undefined ? /[^$]\$(token|authorization)\b/.test(text) : /^(token|authorization)\W/.test(hole)) {
      all.fail(option, '"$token" and "$authorization" are placeholders for a whole value, not for a part of a string');
    }
    if (hole !== undefined && !/^(token|authorization)$/.test(hole))
      all.fail(option, `only "$token" and "$authorization" are placeholders; "$$" is a plain $: look at "${member}"`);
    return text;
  });
  if (reauth && message === undefined) all.fail('scheme.reauth', 'there is no first message to send again');
  if (reauth && handover) all.fail('handover', 'with "reauth" the token is renewed on this socket; choose one');
}

/** Where the id is, in our message and in the server's. */
function checkConfirm(all: Options, { id, ack }: ConfirmOptions): void {
  let ids = 0;
  JSON.stringify(ack, (_, text) => {
    if (text === '$id') ids++;
    else if (typeof text === 'string' && /^\$[^$]/.test(text))
      all.fail('confirm.ack', `only "$id" is a placeholder; "$$" is a plain $: ${text}`);
    return text;
  });
  if (ids === 0) all.fail('confirm.ack', 'what confirms a message is needed, with "$id" where its id is');
  if (/(^|\.)(\.|$)/.test(id)) all.fail('confirm.id', 'a name is needed, or names with dots between');
}

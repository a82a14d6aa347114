// The options of a socket: what they mean together, and how they go to the wasm.

import { callsOf, sendOf } from './calls.js';
import {
  AUTH_SOCKET_OPTIONS,
  AuthSocketOptionsAt as At,
  type Credentials,
  SchemeKind,
  TICKET_OPTIONS,
} from './contract.js';
import { ConnectionDriver, type Sink } from './connection-driver.js';
import { seed } from './driver.js';
import type { Core } from './load.js';
import type { AuthSocketOptions, ConfirmOptions, FirstMessageOptions } from './option-types.js';
import { Options } from './options.js';
import { Session } from './session.js';
import type { SessionDriver } from './session-driver.js';

export type { AuthSocketOptions };

/** @internal Reads options for the wasm, each at its place of the contract. */
export function read(
  url: string,
  options: AuthSocketOptions,
): (core: Core, session: SessionDriver | undefined, sink: Sink) => ConnectionDriver {
  const all = new Options(options, '', AUTH_SOCKET_OPTIONS);
  if (Object.hasOwn(options, 'url')) all.fail('url', 'the address stands before the options');
  const parts = all.values();
  const { scheme, session, heartbeat, protocols = [] } = options;
  if (session !== undefined && !(session instanceof Session)) all.fail('session', 'a Session is needed');
  if (session === undefined && !['anonymous', 'cookie'].includes(scheme.type))
    all.fail('session', 'this scheme sends a credential, so it needs a session');
  if (session?.isByCookie && !['anonymous', 'cookie', 'ticket'].includes(scheme.type))
    all.fail('scheme', 'the session is a cookie and has no token: use cookie() or ticket()');
  all.count('highWaterMark', 0);
  if (heartbeat && (heartbeat.message ?? '') === '') all.fail('heartbeat.message', 'the ping is needed');
  if (scheme.type === 'firstMessage') checkFirstMessage(all, options, scheme);
  if (options.confirm) checkConfirm(all, options.confirm);
  const offered = [protocols].flat();
  if (new Set(offered).size < offered.length) all.fail('protocols', 'one is offered twice');
  if (offered.join(', ').length > 8190) all.fail('protocols', 'servers refuse more than 8192 bytes of them together');
  const isEntry = scheme.type === 'subprotocol' || (scheme.type === 'ticket' && scheme.subprotocol != null);
  if (isEntry && offered.length === 0)
    all.fail('protocols', 'a plain subprotocol is needed beside the credential: the one that the server chooses');

  const isCookie = scheme.type === 'cookie';
  // Cookies are credentials with every scheme.
  const sendsCookies = (options.credentials ?? (isCookie || session?.isByCookie ? 'include' : 'omit')) === 'include';
  if (!(isCookie || scheme.type === 'anonymous') || (isCookie && session) || sendsCookies) {
    new Options({ url }, '', { url: 'address' }).credentialUrl('url', all.flag('allowInsecure'), true);
  }
  parts[At.credentials] = Number(sendsCookies) as Credentials;
  // Without a session, cookie() is treated like anonymous().
  if (isCookie && session === undefined) parts[At.scheme] = [SchemeKind.Anonymous, []];
  const params = String(
    new URLSearchParams(
      Object.entries(all.record('params')).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : all.fail(`params.${name}`, 'a string is needed'),
      ]),
    ),
  );
  parts[At.url] = params === '' ? url : url + (url.includes('?') ? '&' : '?') + params;
  const ticket = scheme.type === 'ticket' ? all.within('scheme', TICKET_OPTIONS) : undefined;
  if (scheme.type === 'ticket' && scheme.body != null) {
    if (scheme.method === 'GET') ticket!.fail('body', "a GET has no body: set method to 'POST'");
    ticket!.placeholders('body', ['access'], (_, member) =>
      ticket!.fail('body', `only "$access" is a placeholder; "$$" is a plain $: look at "${member}"`),
    );
  }
  const calls = callsOf(all, { ticket }, session?.calls);
  return (core, session, sink) =>
    new ConnectionDriver(
      new core.ConnectionCore(parts, session?.view() ?? [], seed()),
      session,
      Object.assign(sink, { send: sendOf(calls) }),
    );
}

/** The first message, its holes, and what goes with it. */
function checkFirstMessage(
  all: Options,
  { handover }: AuthSocketOptions,
  { message, ack, reauth }: FirstMessageOptions,
): void {
  const option = 'scheme.message';
  if (message === undefined && ack === undefined)
    all.fail(
      option,
      'the first message is needed, with "$token" where the token goes, or the ack of a server that needs none',
    );
  JSON.stringify(message, (member, text) => {
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

// What can go wrong, as real errors with a stable code.

import { FailurePart as At, REMEDY_NAMES } from './contract.js';
import { SENTENCES } from './sentences.js';

/** What a failure asks for: `retry` it, with a growing wait; `refreshToken`, once, then retry; `signIn` by a person; or `giveUp`. */
export type Disposition = 'retry' | 'refreshToken' | 'signIn' | 'giveUp';

/** The stable codes of {@link GatepassError}. */
export type ErrorCode =
  // mistakes of the program, thrown
  | 'INVALID_URL'
  | 'INSECURE_URL'
  | 'INVALID_OPTION'
  | 'CLOSED'
  | 'QUEUE_FULL'
  | 'LOAD_FAILED'
  | 'ABORTED'
  // a fault of gatepass itself
  | 'INTERNAL'
  // functions of the app
  | 'CALLBACK_FAILED'
  // calls to endpoints
  | 'REDIRECTED'
  // signing in and renewing
  | 'INVALID_CREDENTIALS'
  | 'LOGIN_FORBIDDEN'
  | 'LOGIN_INCOMPLETE'
  | 'LOGIN_FAILED'
  | 'SUPERSEDED'
  | 'STALE_COOKIE'
  | 'TOKEN_MISSING'
  | 'TOKEN_EXPIRED'
  | 'REFRESH_FAILED'
  | 'REFRESH_REJECTED'
  | 'REFRESH_LOST'
  | 'TOKEN_UNFIT'
  | 'STORE_FAILED'
  // tickets
  | 'TICKET_UNAUTHORIZED'
  | 'TICKET_FORBIDDEN'
  | 'TICKET_REJECTED'
  | 'TICKET_MALFORMED'
  | 'TICKET_NETWORK'
  | 'TICKET_TIMED_OUT'
  | 'TICKET_EXPIRED'
  // the socket
  | 'AUTH_REJECTED'
  | 'AUTH_TIMED_OUT'
  | 'SUBPROTOCOL_MISMATCH'
  | 'BLOCKED'
  | 'CLOSED_BY_SERVER'
  | 'CONNECTION_LOST'
  | 'CONNECTION_SILENT'
  | 'CONNECT_FAILED'
  | 'CONNECT_TIMED_OUT'
  | 'HANDSHAKE_REFUSED'
  | 'HANDSHAKE_TOO_LONG'
  | 'UNSUPPORTED'
  | 'HANDSHAKE_UNAUTHORIZED'
  | 'HANDSHAKE_FORBIDDEN'
  | 'SERVER_UNAVAILABLE'
  | 'SERVER_UNREACHABLE'
  | 'MESSAGE_TOO_BIG'
  // the conversation
  | 'MESSAGE_INVALID'
  | 'REQUEST_REFUSED'
  | 'REQUEST_TIMED_OUT'
  | 'SUBSCRIPTION_REFUSED'
  | 'USER_CHANGED';

/** @internal Code, message, disposition, HTTP status, close code, seconds of Retry-After, the server's words. */
export type ErrorData = [
  code: ErrorCode,
  message: string,
  disposition: Disposition,
  status?: number,
  closeCode?: number,
  retryAfter?: number,
  details?: unknown,
];

/** @internal A failure as the wasm tells it, each part at its place of `FailurePart`. */
export type FailureParts = ReadonlyArray<number | undefined>;

/** Every error of gatepass. It never holds a credential, unless the server puts one into its answer to a login, which `details` has (logs do not show it); `cause` is what the app's own code threw (`getToken`, a store), as it is. */
export class GatepassError extends Error {
  /** @default 'GatepassError' */
  override readonly name = 'GatepassError';
  /** Stable; compare with this, not with the message. */
  declare readonly code: ErrorCode;
  /** What it asks for. */
  declare readonly disposition: Disposition;
  /** Whether trying again can help. gatepass does so by itself for sockets and renewals; a `login()` is the app's to repeat. */
  declare readonly retryable: boolean;
  /** The HTTP status, if an answer had one. */
  declare readonly status: number | undefined;
  /** The close code, if a socket had one. */
  declare readonly closeCode: number | undefined;
  /** The least wait in seconds, if the server asked for one. */
  declare readonly retryAfter: number | undefined;
  /** What is known of a request that has failed (`gatepass/conversation`): the server never had it, or may have it. */
  declare readonly fate?: 'never-sent' | 'maybe-arrived';
  /**
   * The server's answer to a login that it refused or did not complete, if that was JSON: DRF's `{"username": ["This field is required."]}`.
   * A value that was sent (as it is, JSON-escaped or percent-encoded) is replaced by `…` where it is a whole value or a whole word. The rest is unchanged, also all names.
   */
  declare readonly details: unknown;

  /** @internal */
  constructor([code, message, disposition, status, closeCode, retryAfter, details]: ErrorData, options?: ErrorOptions) {
    const number = status ? ` (HTTP ${status})` : closeCode ? ` (${closeCode})` : '';
    super(message + number, options);
    const retryable = disposition === 'retry' || disposition === 'refreshToken';
    Object.assign(this, { code, disposition, retryable, status, closeCode, retryAfter });
    // The server's words are for the app, and not for its logs.
    Object.defineProperty(this, 'details', { value: details });
  }
}

/** Returns whether this is an error of gatepass, and of this code if one is given. */
export function isGatepassError<C extends ErrorCode>(
  error: unknown,
  code?: C,
): error is GatepassError & Readonly<Record<'code', C>> {
  return error instanceof GatepassError && (code === undefined || error.code === code);
}

/** Returns whether the person has to sign in (again). */
export function isSignInRequired(error: unknown): error is GatepassError & Readonly<Record<'disposition', 'signIn'>> {
  return error instanceof GatepassError && error.disposition === 'signIn';
}

/** @internal What the app's `getToken` threw last, if it did. */
export type Thrown = [cause: unknown] | undefined;

/** @internal What a number of the contract stands for. One that stands for nothing is a fault of gatepass, and no default. */
export function nameOf<T>(names: readonly T[], number: unknown): NonNullable<T> {
  return (
    names[number as number] ??
    (() => {
      throw failure('INTERNAL', `a number without a meaning: ${String(number)}`);
    })()
  );
}

/** @internal What functions of the app threw last, in an attempt or for a call. */
export interface Causes {
  thrown?: Thrown;
  calls?: { failed?: Record<string, Thrown> } | undefined;
}

/** The call behind a failure that a function of the app may have caused. */
const CALL_OF: Record<string, string> = {
  LOGIN_FAILED: 'login',
  REFRESH_FAILED: 'refresh',
  TICKET_NETWORK: 'ticket',
  TICKET_UNAUTHORIZED: 'ticket',
};

/** @internal Names a failure. Behind a renewal that failed may stand `getToken` (`thrown`), and behind others a function of the app (`causes`). */
export function named(parts: FailureParts, thrown?: Thrown, details?: unknown, causes: Causes = {}): GatepassError {
  const [code, ...words] = nameOf(SENTENCES, parts[At.Sentence]).split(' ');
  const isRenewal = code!.startsWith('REFRESH_') && thrown !== undefined;
  // Each call forgets what the one before it threw.
  const ofCall = causes.calls?.failed?.[CALL_OF[code!]!];
  const cause = isRenewal ? thrown : code === 'CALLBACK_FAILED' ? causes.thrown : ofCall;
  let [message, status] = isRenewal ? ['getToken gave no token', undefined] : [words.join(' '), parts[At.Status]];
  if (ofCall) [message, status] = ['a function of the app failed; see cause', undefined];
  // The app is not to blame.
  if (isGatepassError(cause?.[0], 'LOAD_FAILED')) ({ message } = cause[0]);
  const data: ErrorData = [
    code as ErrorCode,
    message,
    nameOf(REMEDY_NAMES, parts[At.Remedy]),
    status,
    parts[At.CloseCode],
    parts[At.RetryAfter],
    details,
  ];
  if (parts[At.Length] !== undefined) data[1] += ` (${parts[At.Length]} bytes)`;
  return new GatepassError(data, cause && { cause: cause[0] });
}

/** @internal An error of the face's own. */
export function failure(code: ErrorCode, message: string, cause?: unknown): GatepassError {
  return new GatepassError([code, message, 'giveUp'], cause === undefined ? undefined : { cause });
}

/** @internal A part that is loaded on demand. Its failure says what mends it: service workers have no `import()` (HTML, `import()` in worklets and service workers). */
export function part<T>(script: Promise<T>): Promise<T> {
  const loaded = script.catch((cause: unknown) => {
    const mend = 'serve all files of gatepass, or bundle the app into one script where import() is not allowed';
    throw failure('LOAD_FAILED', `a part of gatepass could not be loaded; ${mend}: ${String(cause)}`, cause);
  });
  // Who needs it is told.
  loaded.catch(() => {});
  return loaded;
}

/** @internal The socket is closed permanently. */
export const closed = (): GatepassError => failure('CLOSED', 'the socket is closed; the message was not taken');

/** @internal The queue is full. */
export function queueFull(): GatepassError {
  return new GatepassError(['QUEUE_FULL', 'too much waits to be sent; the message was not taken', 'retry']);
}

/**
 * Sentences for the people who use an app, in English and German.
 * @module gatepass/user-messages
 */

import { type Disposition, type ErrorCode, GatepassError } from './errors.js';

/**
 * Sentences by the code of an error, or by its disposition where a code has none of its own. Where neither has one, `unknown` is used. Put your
 * own in: `{ ...english, INVALID_CREDENTIALS: 'Wrong e-mail address or password.' }`.
 */
export type UserMessages = Partial<Record<ErrorCode | Disposition, string>> & {
  /** For every other error. */
  unknown: string;
};

/** English. */
export const english: UserMessages = {
  unknown: 'Something went wrong. Please try again later.',
  retry: 'There is no connection at present. It is being tried again.',
  refreshToken: 'Your sign-in is being renewed.',
  signIn: 'Please sign in again.',
  giveUp: 'This does not work at present. Please try again later, or ask the support.',
  INVALID_CREDENTIALS: 'The name or the password is wrong.',
  LOGIN_FORBIDDEN: 'You may not sign in here. Please ask the support.',
  LOGIN_INCOMPLETE: 'One more step is needed to sign in.',
  LOGIN_FAILED: 'The sign-in did not work. Please try again.',
  TOKEN_MISSING: 'Please sign in.',
  SUPERSEDED: 'Somebody has signed in or out meanwhile.',
  STORE_FAILED: 'Your browser does not keep your sign-in. After a reload you have to sign in again.',
  TICKET_FORBIDDEN: 'You have no access to this.',
  HANDSHAKE_FORBIDDEN: 'You have no access to this.',
  CONNECTION_LOST: 'The connection was lost. It is being restored.',
  CLOSED_BY_SERVER: 'The server has ended the connection.',
  BLOCKED: 'Your browser or your network blocks the connection.',
  UNSUPPORTED: 'Your browser is too old for this.',
  QUEUE_FULL: 'Too much waits to be sent. Please wait for the connection.',
  MESSAGE_TOO_BIG: 'This is too big to be sent.',
  REQUEST_REFUSED: 'The server has refused this.',
  REQUEST_TIMED_OUT: 'The server has not answered. Please try again.',
  SUBSCRIPTION_REFUSED: 'You have no access to this.',
};

/** German. */
export const german: UserMessages = {
  unknown: 'Etwas ist schiefgegangen. Bitte versuchen Sie es später noch einmal.',
  retry: 'Zurzeit besteht keine Verbindung. Es wird weiter versucht.',
  refreshToken: 'Ihre Anmeldung wird erneuert.',
  signIn: 'Bitte melden Sie sich noch einmal an.',
  giveUp: 'Das geht zurzeit nicht. Bitte versuchen Sie es später, oder fragen Sie den Support.',
  INVALID_CREDENTIALS: 'Der Name oder das Passwort ist falsch.',
  LOGIN_FORBIDDEN: 'Sie dürfen sich hier nicht anmelden. Bitte fragen Sie den Support.',
  LOGIN_INCOMPLETE: 'Für die Anmeldung fehlt noch ein Schritt.',
  LOGIN_FAILED: 'Die Anmeldung hat nicht geklappt. Bitte versuchen Sie es noch einmal.',
  TOKEN_MISSING: 'Bitte melden Sie sich an.',
  SUPERSEDED: 'Inzwischen hat sich jemand an- oder abgemeldet.',
  STORE_FAILED: 'Ihr Browser merkt sich die Anmeldung nicht. Nach dem Neuladen müssen Sie sich wieder anmelden.',
  TICKET_FORBIDDEN: 'Darauf haben Sie keinen Zugriff.',
  HANDSHAKE_FORBIDDEN: 'Darauf haben Sie keinen Zugriff.',
  CONNECTION_LOST: 'Die Verbindung ist abgerissen. Sie wird wiederhergestellt.',
  CLOSED_BY_SERVER: 'Der Server hat die Verbindung beendet.',
  BLOCKED: 'Ihr Browser oder Ihr Netz blockiert die Verbindung.',
  UNSUPPORTED: 'Ihr Browser ist dafür zu alt.',
  QUEUE_FULL: 'Es wartet zu viel darauf, gesendet zu werden. Bitte warten Sie auf die Verbindung.',
  MESSAGE_TOO_BIG: 'Das ist zu groß zum Senden.',
  REQUEST_REFUSED: 'Der Server hat das abgelehnt.',
  REQUEST_TIMED_OUT: 'Der Server hat nicht geantwortet. Bitte versuchen Sie es noch einmal.',
  SUBSCRIPTION_REFUSED: 'Darauf haben Sie keinen Zugriff.',
};

/** Returns a sentence for the person who uses the app; English by default. It names no code, no address and nothing that the server has said. */
export function userMessage(error: unknown, messages?: UserMessages): string {
  const sentences = messages ?? english;
  const unknown = sentences.unknown ?? english.unknown;
  if (!(error instanceof GatepassError)) return unknown;
  const { code, disposition } = error;
  // The code of a closed socket says less than what is done about it.
  const own = code === 'CLOSED_BY_SERVER' && disposition !== 'giveUp' ? undefined : sentences[code];
  return own ?? sentences[disposition] ?? unknown;
}

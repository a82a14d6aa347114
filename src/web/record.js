// What the store of a session holds, as text.

/** The version of the record. */
const VERSION = 1;

/**
 * A record is an array of id, renewals, access token, refresh token, end (ms since 1970) and skew (ms); the last four as in `Record` in
 * src/proto/session/io.rs. The content of the store is a record, null for nothing, or undefined for something else or an unreadable store.
 *
 * @typedef {[id: number, renewals: number, access: string, refresh?: string, expiresAt?: number, skew?: number]} Tokens
 * @typedef {Tokens | null | undefined} Stored
 */

/** @param {Tokens} tokens */
export function encoded([id, renewals, access, refresh, expiresAt, skew]) {
  return JSON.stringify({ v: VERSION, id, renewals, access, refresh, expiresAt, skew });
}

/** What can stand in an HTTP header: visible ASCII. A session by cookie has an empty token. @param {unknown} text */
const isToken = (text) => typeof text === 'string' && /^[ -~]*$/.test(text);

/** A whole number from 0, below a limit. @param {unknown} value @param {number} limit */
const isCount = (value, limit) => Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) < limit;

/** The content of the store of that text. @param {unknown} text @returns {Stored} @throws If it is no record. */
export function decoded(text) {
  if (text === null || text === undefined || text === '') return null;
  try {
    const { v, id, renewals, access, refresh, expiresAt, skew } = JSON.parse(/** @type {string} */ (text));
    // A later version of gatepass has written it.
    if (v > VERSION) return undefined;
    const areNumbers = [expiresAt, skew].every(
      (value) => value === undefined || (Number.isFinite(value) && Math.abs(value) <= 8.64e15),
    );
    // A refresh token is sent in a body, which may hold any text.
    const areTokens = isToken(access) && (refresh === undefined || (typeof refresh === 'string' && refresh !== ''));
    if (v === VERSION && isCount(id, 2 ** 53) && isCount(renewals, 2 ** 32) && areTokens && areNumbers) {
      return [id, renewals, access, refresh, expiresAt, skew];
    }
  } catch {
    // The parser's error quotes the text, which may be a token.
  }
  throw new Error('the store holds something else than tokens');
}

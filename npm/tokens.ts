// Tokens from outside of gatepass: of the app, of its own source, of its own store.

/** Why a token is requested, and a signal that aborts when it is not needed any more. */
export interface TokenContext {
  /** `missing`: there is no token. `expired`: it ends soon or has ended. `rejected`: a server has refused it. */
  reason: 'missing' | 'expired' | 'rejected';
  /** Aborts when the token is not needed any more. */
  signal: AbortSignal;
}

/** What `getToken` returns: a token, or a token with its expiry if it is not a JWT. */
export type TokenSource = string | Omit<Tokens, 'refresh'>;

/** A store of the app's own. It keeps a string that contains the tokens. Each method may return a promise. */
export interface TokenStore {
  /** Returns the string that was saved last, if any. */
  load(): string | null | undefined | Promise<string | null | undefined>;
  /** Replaces the saved string. */
  save(text: string): void | Promise<void>;
  /** Deletes it. */
  clear(): void | Promise<void>;
  /** Calls back when another page has changed it; may return a function that stops this. @default other tabs report their changes */
  subscribe?(changed: () => void): void | (() => void);
}

/** Tokens for `setTokens()`. */
export interface Tokens {
  /** The access token, without the prefix of `Authorization`. */
  access: string;
  /** The refresh token. @default none: the access token cannot be renewed */
  refresh?: string;
  /** Seconds from now. @default read from the token, if it is a JWT */
  expiresIn?: number;
  /** Seconds since 1970. @default read from the token, if it is a JWT */
  expiresAt?: number;
}

/** Throw it in `getToken` if the user has to sign in. `getToken` is not called again until a token is requested. */
export class SignInRequired extends Error {
  /** @default 'SignInRequired' */
  override readonly name = 'SignInRequired';
}

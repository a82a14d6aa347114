// Tokens from outside of gatepass: of the app, of its own source, of its own store.

/** Why a token is asked for, and a signal that says when nobody waits for it any more. */
export interface TokenContext {
  /** There is none, it ends soon or has ended, or a server has refused it. */
  reason: 'missing' | 'expired' | 'rejected';
  /** Ends when nobody waits for the token any more. */
  signal: AbortSignal;
}

/** What `getToken` gives: a token, or one with its end where it is no JWT. */
export type TokenSource = string | Omit<Tokens, 'refresh'>;

/** A store of the app's own. What it keeps is a text that holds the tokens. Each may return a promise. */
export interface TokenStore {
  /** Returns what was saved last, or nothing. */
  load(): string | null | undefined | Promise<string | null | undefined>;
  /** Keeps a text in the place of the last. */
  save(text: string): void | Promise<void>;
  /** Forgets it. */
  clear(): void | Promise<void>;
  /** Calls back when somebody else has changed it; may return what ends that. @default other tabs tell */
  subscribe?(changed: () => void): void | (() => void);
}

/** Tokens that the app has from elsewhere. */
export interface Tokens {
  /** The access token, as it goes behind the prefix of `Authorization`. */
  access: string;
  /** The refresh token. @default none: nothing renews the access token */
  refresh?: string;
  /** Seconds from now. @default what the token says, if it is a JWT */
  expiresIn?: number;
  /** Seconds since 1970. @default what the token says, if it is a JWT */
  expiresAt?: number;
}

/** Thrown by `getToken` where the person has to sign in: it is not asked again until somebody asks for a token. */
export class SignInRequired extends Error {
  /** @default 'SignInRequired' */
  override readonly name = 'SignInRequired';
}

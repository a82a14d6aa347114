/**
 * Options for known backends. Spread them into the options of a `Session`, or of an `AuthSocket` (scheme, subprotocols, parameters,
 * close codes). Each is a row of `src/proto/presets.json`. For another backend, write the same options.
 * @packageDocumentation
 */

import { failure } from './errors.js';
import * as rows from './preset-table.js';
import type { JsonValue } from './schemes.js';
import type { SessionOptions } from './session.js';
import type { AuthSocketOptions } from './socket-options.js';

/** The options of a preset for a socket: spread them into the options. */
export type SocketPreset = Pick<AuthSocketOptions, 'scheme' | 'protocols' | 'params' | 'closeCodes'>;

function below(base: string | URL, path: string): string {
  if (typeof base !== 'string' && !(base instanceof URL))
    throw failure('INVALID_OPTION', 'base: the URL of the server is needed');
  return path === '' ? String(base) : String(base).replace(/\/+$/, '') + path;
}

function session(row: SessionOptions, base: string | URL): SessionOptions {
  const options: SessionOptions = { ...row };
  for (const name of ['login', 'refresh', 'logout'] as const) {
    const endpoint = row[name];
    if (endpoint) options[name] = { ...endpoint, url: below(base, endpoint.url as string) };
  }
  return options;
}

/**
 * djangorestframework-simplejwt: `POST token/` {username, password} → {access, refresh}, `POST token/refresh/`.
 * @param base where its routes are: `https://api.example.com/api`
 */
export function simpleJwt(base: string | URL): SessionOptions {
  return session(rows.simpleJwt, base);
}

/**
 * djoser with tokens: `POST token/login/` → {auth_token}, prefix `Token`; `logout()` ends the token on every device.
 * @param base where its routes are: `https://api.example.com/auth`
 */
export function djoser(base: string | URL): SessionOptions {
  return session(rows.djoser, base);
}

/**
 * djoser with JWTs: `POST jwt/create/` → {access, refresh}, `POST jwt/refresh/`, prefix `JWT` as in its documentation.
 * @param base where its routes are: `https://api.example.com/auth`
 */
export function djoserJwt(base: string | URL): SessionOptions {
  return session(rows.djoserJwt, base);
}

/**
 * Django REST framework's authtoken: `POST api-token-auth/` → {token}, prefix `Token`; it does not expire.
 * @param base where the route is: `https://api.example.com`
 */
export function drfToken(base: string | URL): SessionOptions {
  return session(rows.drfToken, base);
}

/**
 * drf-jwt with `JWT_AUTH_COOKIE`: `POST api-token-auth/` → {token} and the cookie, `POST api-token-refresh/`. For the scheme
 * `cookie()`, and for others. Set `tokenPrefix: 'Bearer'` unless the server has `JWT_AUTH_HEADER_PREFIX = 'JWT'`.
 * @param base where its routes are: `https://api.example.com`
 */
export function drfJwt(base: string | URL): SessionOptions {
  return session(rows.drfJwt, base);
}

/**
 * dj-rest-auth with JWTs: `POST login/` → {access, refresh, user}, `POST token/refresh/`, `POST logout/`. With `JWT_AUTH_HTTPONLY`, its
 * default, the refresh token is in a cookie, and `refresh` is empty. Page and server then have to be of the same site.
 * @param base where its routes are: `https://api.example.com/dj-rest-auth`
 */
export function djRestAuth(base: string | URL): SessionOptions {
  return session(rows.djRestAuth, base);
}

/**
 * django-rest-knox, with a login view that takes {username, password} as its documentation shows: `POST login/` → {token, expiry}, prefix
 * `Token`; `logout()` ends this token. Its own `LoginView` needs another authentication: log in there, and call `setTokens()`.
 * @param base where its routes are: `https://api.example.com/auth`
 */
export function knox(base: string | URL): SessionOptions {
  return session(rows.knox, base);
}

/**
 * The login of Directus: `POST /auth/login` {email, password} → {data: {access_token, refresh_token, expires}}, `POST /auth/refresh`,
 * `POST /auth/logout`. Its sockets are {@link directus}.
 * @param base the server: `https://directus.example.com`
 */
export function directusSession(base: string | URL): SessionOptions {
  return session(rows.directusSession, base);
}

/**
 * The login of the ticket protocol: `POST /auth` {user, pwd} → {token}. `login({ username, password })` fits.
 * @param base the server: `https://api.example.com`
 */
export function ticketServer(base: string | URL): SessionOptions {
  return session(rows.ticketServer, base);
}

/**
 * An OAuth 2 token endpoint (RFC 6749 §6). It renews tokens from `setTokens()`. There is no `login()`: the app, or its library, fetches the
 * authorization code.
 * @param url the token endpoint
 * @param client what identifies the app there, sent with every renewal
 */
export function oauth2(url: string | URL, client: { client_id?: string; scope?: string } = {}): SessionOptions {
  const options = session(rows.oauth2, url);
  return { ...options, refresh: { ...options.refresh!, body: { ...(options.refresh!.body as object), ...client } } };
}

/**
 * The ticket of the ticket protocol: `GET /ws_ticket` → {ticket, expires}, `?ticket=`.
 * @param base the server: `https://api.example.com`
 */
export function ticketServerSocket(base: string | URL): SocketPreset {
  const { scheme } = rows.ticketServerSocket;
  return { scheme: { ...scheme, url: below(base, (scheme as { url: string }).url) } as AuthSocketOptions['scheme'] };
}

/** A Channels consumer that takes `{"token": …}` as its first message and sends no answer. */
export function channelsFirstMessage(): SocketPreset {
  return rows.channelsFirstMessage;
}

/** Home Assistant, `/api/websocket`. */
export function homeAssistant(): SocketPreset {
  return rows.homeAssistant;
}

/**
 * graphql-transport-ws (graphql-ws, Apollo, Hasura, Strawberry): `connection_init`, acknowledged.
 * @param payload what goes into `connection_init`, with `'$token'` or `'$authorization'`. Default `{ Authorization: '$authorization' }`
 */
export function graphqlTransportWs(payload?: JsonValue): SocketPreset {
  const row = rows.graphqlTransportWs;
  return payload === undefined
    ? row
    : {
        ...row,
        scheme: { ...row.scheme, message: { type: 'connection_init', payload } } as AuthSocketOptions['scheme'],
      };
}

/** Directus realtime in its handshake mode; an expired token is renewed on the same socket. */
export function directus(): SocketPreset {
  return rows.directus;
}

/**
 * tRPC v11: the connection parameters as the first message.
 * @param data the parameters. Default `{ token: '$token' }`
 */
export function trpc(data?: JsonValue): SocketPreset {
  const row = rows.trpc;
  return data === undefined
    ? row
    : {
        ...row,
        scheme: { ...row.scheme, message: { method: 'connectionParams', data } } as AuthSocketOptions['scheme'],
      };
}

/** Jupyter Server: the token in the query. */
export function jupyter(): SocketPreset {
  return rows.jupyter;
}

/** The Kubernetes API: the token as a subprotocol. */
export function kubernetes(): SocketPreset {
  return rows.kubernetes;
}

/** Phoenix 1.8 with `authToken`: the token as a subprotocol. */
export function phoenix(): SocketPreset {
  return rows.phoenix;
}

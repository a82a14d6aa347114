// Settings for known backends, as data to spread into options.

import { failure } from './errors.js';
import { ticket, type Scheme } from './schemes.js';
import type { SessionOptions } from './session.js';

function below(base: string | URL, path: string): string {
  if (typeof base !== 'string' && !(base instanceof URL)) throw failure('INVALID_OPTION', 'base: the URL of the server is needed');
  return `${String(base).replace(/\/+$/, '')}${path}`;
}

/** Settings for known backends. */
export const presets = {
  /**
   * djangorestframework-simplejwt: `POST token/` {username, password} → {access, refresh}, `POST token/refresh/`.
   * @param base where its routes are: `https://api.example.com/api`
   */
  simpleJwt(base: string | URL): SessionOptions {
    return { login: { url: below(base, '/token/') }, refresh: { url: below(base, '/token/refresh/') } };
  },

  /**
   * The login of the ticket protocol: `POST /auth` {user, pwd} → {token}. `login({ username, password })` fits.
   * @param base the server: `https://api.example.com`
   */
  ticketServer(base: string | URL): SessionOptions {
    return {
      login: { url: below(base, '/auth'), body: { user: '$username', pwd: '$password' } },
      fields: { access: 'token', refresh: null },
    };
  },

  /**
   * The ticket of the ticket protocol: `GET /ws_ticket` → {ticket, expires}, `?ticket=`.
   * @param base the server: `https://api.example.com`
   */
  ticketServerTicket(base: string | URL): Scheme {
    return ticket({ url: below(base, '/ws_ticket'), method: 'GET' });
  },
};

// A class for libraries that make their sockets themselves.

import { AuthSocket } from './socket.js';
import type { AuthSocketOptions } from './socket-options.js';

/** What {@link webSocketClass} makes. */
export type WebSocketClass = (new (
  url: string | URL,
  protocols?: string | string[],
) => AuthSocket & WebSocket) &
  Pick<typeof WebSocket, 'CONNECTING' | 'OPEN' | 'CLOSING' | 'CLOSED'>;

/**
 * Makes a class with the constructor of `WebSocket`, for libraries that take one: `graphql-ws` (`webSocketImpl`), rxjs `webSocket`
 * (`WebSocketCtor`), `partysocket` (`WebSocket`). Its sockets open when they are authenticated.
 *
 * Such a library connects again by itself, so each socket is one connection and no more (`reconnect: false`), unless you say otherwise.
 *
 * @throws GatepassError at the first construction, as AuthSocket does
 */
export function webSocketClass(options: AuthSocketOptions): WebSocketClass {
  return class extends AuthSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, { reconnect: false, ...options, ...(protocols?.length && { protocols }) });
    }
  } as unknown as WebSocketClass;
}

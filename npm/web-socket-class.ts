// A class for libraries that construct their own sockets.

import { AuthSocket } from './socket.js';
import type { AuthSocketOptions } from './socket-options.js';

/** The class that {@link webSocketClass} returns. */
export type WebSocketClass = (new (
  url: string | URL,
  protocols?: string | string[],
) => AuthSocket & WebSocket) &
  Pick<typeof WebSocket, 'CONNECTING' | 'OPEN' | 'CLOSING' | 'CLOSED'>;

/**
 * Returns a class with the constructor of `WebSocket`, for libraries that accept one: `graphql-ws` (`webSocketImpl`), rxjs `webSocket`
 * (`WebSocketCtor`), `partysocket` (`WebSocket`). Its sockets open once they are authenticated.
 *
 * Such libraries reconnect by themselves, so each socket is one connection (`reconnect: false`), unless you set it otherwise.
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

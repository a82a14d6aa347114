/**
 * Authenticated WebSockets that stay connected.
 * @module gatepass
 */

export { GatepassError, isGatepassError, isSignInRequired, type Disposition, type ErrorCode } from './errors.js';
export { SocketErrorEvent, StateChangeEvent, type Phase, type SocketEvents, type SocketState, type StateChange } from './events.js';
export { load, type LoadOptions } from './load.js';
/** Settings of known backends. A bundler takes those that are used. */
export * as presets from './presets.js';
export type { SocketPreset } from './presets.js';
export {
  anonymous, cookie, firstMessage, query, sessionKey, subprotocol, ticket,
  type FirstMessageOptions, type JsonValue, type QueryOptions, type Scheme, type SubprotocolOptions, type TicketOptions,
} from './schemes.js';
export {
  Session, SessionChangeEvent, SignInRequired,
  type SessionEvents, type SessionOptions, type SessionState, type TokenContext, type TokenEndpoint, type Tokens, type TokenSource, type TokenStore,
} from './session.js';
export { AuthSocket, type Sendable, type SentMessage, type SocketStats } from './socket.js';
export type { AuthSocketOptions } from './socket-options.js';
export { webSocketClass, type WebSocketClass } from './web-socket-class.js';

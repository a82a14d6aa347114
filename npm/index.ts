/**
 * Authenticated WebSockets that stay connected.
 * @module gatepass
 */

export { authSocketOf, webSocketClass, type WebSocketClassOptions } from './web-socket-class.js';
export type { Address, AttemptContext, ConnectedInfo, FirstMessageContext, LastClose, Params } from './asking.js';
export type {
  BodyContext,
  CallAnswer,
  CallFetch,
  CallHeaders,
  CsrfOptions,
  HttpCall,
  TicketContext,
  TicketSource,
} from './calls.js';
/** Settings of known backends. A bundler takes those that are used. */
export * as presets from './presets.js';
export { GatepassError, isGatepassError, isSignInRequired, type Disposition, type ErrorCode } from './errors.js';
export type {
  BackoffOptions,
  ConfirmOptions,
  CookieOptions,
  FirstMessageOptions,
  HeartbeatOptions,
  OutboxOptions,
  ProbeOptions,
  ProtocolEntryOptions,
  QueryOptions,
  SessionOptions,
  SubprotocolOptions,
  TicketOptions,
  TokenEndpoint,
  TokenFields,
  WelcomeOptions,
} from './option-types.js';
export {
  SocketErrorEvent,
  StateChangeEvent,
  type Phase,
  type SocketEvents,
  type SocketState,
  type SuspendReason,
  type StateChange,
  type TypedEventTarget,
} from './events.js';
export type { AuthSocketOptions } from './socket-options.js';
export { load, type LoadOptions } from './load.js';
export type { SocketPreset } from './presets.js';
export {
  anonymous,
  cookie,
  firstMessage,
  query,
  sessionKey,
  subprotocol,
  ticket,
  type JsonValue,
  type Scheme,
} from './schemes.js';
export {
  Session,
  SessionChangeEvent,
  type SessionEvents,
  type SessionSnapshot,
  type SessionState,
} from './session.js';
export { AuthSocket, type Sendable, type SentMessage, type SocketSnapshot, type SocketStats } from './socket.js';
export type { WebSocketConstructor } from './payload.js';
export { SignInRequired, type TokenContext, type Tokens, type TokenSource, type TokenStore } from './tokens.js';

//! The states of a connection, and the theory of its operation.
//!
//! ```text
//!  idle ──connect──► connecting: (preparing ──►) token ──► ticket ──► opening ──► authenticating ──► connected
//!                        ▲         └──────────────────►┘  └────────(no ack)────────────►┘  │
//!                        │                                                                 │
//!                        ├───────── waiting ◄── Retry, RefreshToken ◄──── any failure ◄────┤
//!                        └──────── suspended ◄── SignIn ◄─────────────────────────────────┤
//!                                    closed ◄── GiveUp, close() ◄──────────────────────────┘
//! ```
//!
//! Rules:
//! 1. A state holds the ids of what is in flight for it; leaving it drops them, so a late answer finds no match.
//! 2. Every try begins in the token phase if the scheme needs a token: there is no other path to a socket.
//! 3. "Connected" means accepted: with an ack when it came, without one when the first message was sent, else when open.
//! 4. Only a connection that outlives the minimum uptime forgets failures and refused credentials.

use super::super::Instant;
use super::super::session::{AccessToken, RequestId, TokenRequestId};
use super::io::SuspendReason;
use super::io::{ConnectionState, Phase, SocketId};
use crate::error::Failure;
use crate::proto::Handshake;

/// What a deadline of the connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// When to stop waiting for the server's hello or its answer to the first message.
    Authenticate,
    /// When to try again after a failure.
    Backoff,
    /// When to send the next ping, and to look whether the computer slept.
    Beat,
    /// When to give up a dial that is neither accepted nor refused.
    Connect,
    /// When to dial with a ticket that was fetched ahead.
    Dial,
    /// When to believe that `close` will not follow an `error` (a socket blocked by CSP in Chromium).
    ErrorWithoutClose,
    /// When the next message has waited for too long.
    Expiry,
    /// When a hidden page lets go of its socket.
    Hidden,
    /// When to stop waiting for a ticket or a probe.
    Http,
    /// When to stop waiting for any frame after a ping.
    Pong,
    /// When a connection has lasted the minimum uptime.
    Stable,
}

/// What a timer belongs to, and ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The connected socket, which may be another than that of the try, at a handover.
    Live,
    /// Neither: it goes on.
    Page,
    /// The present try.
    Try,
}

impl Timer {
    pub(super) const fn scope(self) -> Scope {
        match self {
            Self::Authenticate | Self::Backoff | Self::Connect | Self::Dial | Self::ErrorWithoutClose | Self::Http => {
                Scope::Try
            }
            Self::Beat | Self::Pong | Self::Stable => Scope::Live,
            Self::Expiry | Self::Hidden => Scope::Page,
        }
    }
}

/// The old socket after a handover, until it has closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Retired {
    pub(super) socket: SocketId,
    /// Whether a ping on it is unanswered.
    pub(super) awaits_pong: bool,
}

#[derive(Debug)]
pub(super) enum State {
    Idle,
    /// The app is asked for the URL and the subprotocols.
    Preparing {
        request: RequestId,
        /// The token of a handover.
        token: Option<AccessToken>,
    },
    Token {
        id: TokenRequestId,
    },
    Ticket {
        request: RequestId,
        token: AccessToken,
        asked_at: super::super::Now,
    },
    /// The ticket is there before the wait is over.
    Holding {
        handshake: Handshake,
        token: AccessToken,
    },
    Opening {
        socket: SocketId,
        token: Option<AccessToken>,
    },
    Probing {
        request: RequestId,
        token: Option<AccessToken>,
    },
    Authenticating {
        socket: SocketId,
        token: Option<AccessToken>,
        step: AuthenticationStep,
    },
    Connected {
        socket: SocketId,
        token: Option<AccessToken>,
        since: Instant,
        acceptance: Acceptance,
        reauth: Reauth,
    },
    Waiting,
    Suspended(SuspendReason),
    Closed,
}

/// The state of the computer's own network, as the browser reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NetworkStatus {
    Online,
    Offline {
        since: Instant,
    },
    /// The network was down, or the computer slept. A loss soon afterwards is blamed on that.
    Back {
        at: Instant,
    },
}

/// What has arrived since the last ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeartbeatState {
    /// Nothing yet.
    PingSent,
    /// Nothing. The timer fired so late that a second ping was sent.
    PingRepeated,
    /// A frame, but not yet the pong.
    Alive,
    /// The pong, or any frame where no pong is defined. No ping is unanswered.
    PongReceived,
}

/// What is awaited on an open socket before the app may use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthenticationStep {
    /// The server's first message.
    Hello,
    /// The app's first message.
    Message(RequestId),
    /// The server's answer to it.
    Ack,
    /// The app's further words, on a socket that the server has accepted. Its messages are delivered.
    Words { request: RequestId, acceptance: Acceptance },
}

/// A new token for a connected socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reauth {
    /// None is needed, as far as is known.
    None,
    /// The present token ends soon; the session was asked for the next one.
    Requested(TokenRequestId),
    /// The server said that the token has expired; the session was asked for the next one.
    RequestedByServer(TokenRequestId),
    /// The first message was sent again with the new token. Earlier messages of the server refer to the old one.
    Sent,
    /// The server has accepted the new token. If it expires within the minimum uptime, a new token does not help.
    Accepted,
}

/// How sure it is that the server has accepted the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acceptance {
    /// The first message was sent and no answer is defined. A deliberate close soon after is a refusal.
    Assumed,
    /// The server has answered: by the handshake, an ack or another message.
    Answered,
    /// The connection has stayed up for the minimum uptime.
    Stable,
}

impl State {
    pub(super) const fn suspended_for(&self) -> Option<SuspendReason> {
        if let Self::Suspended(reason) = self { Some(*reason) } else { None }
    }

    pub(super) fn public(&self) -> ConnectionState {
        match self {
            Self::Idle => ConnectionState::Idle,
            Self::Preparing { .. }
            | Self::Token { .. }
            | Self::Ticket { .. }
            | Self::Holding { .. }
            | Self::Opening { .. }
            | Self::Probing { .. }
            | Self::Authenticating { .. } => ConnectionState::Connecting,
            Self::Connected { .. } => ConnectionState::Connected,
            Self::Waiting => ConnectionState::Waiting,
            Self::Suspended(_) => ConnectionState::Suspended,
            Self::Closed => ConnectionState::Closed,
        }
    }

    pub(super) fn phase(&self) -> Option<Phase> {
        match self {
            Self::Preparing { .. } => Some(Phase::Preparing),
            Self::Token { .. } => Some(Phase::Token),
            Self::Ticket { .. } | Self::Holding { .. } => Some(Phase::Ticket),
            Self::Opening { .. } | Self::Probing { .. } => Some(Phase::Opening),
            Self::Authenticating { .. } => Some(Phase::Authenticating),
            Self::Idle | Self::Connected { .. } | Self::Waiting | Self::Suspended(_) | Self::Closed => None,
        }
    }

    /// The token request that the session has not answered yet.
    pub(super) fn token_request(&self) -> Option<TokenRequestId> {
        match self {
            Self::Token { id }
            | Self::Connected { reauth: Reauth::RequestedByServer(id) | Reauth::Requested(id), .. } => Some(*id),
            Self::Connected { reauth: Reauth::None | Reauth::Sent | Reauth::Accepted, .. }
            | Self::Idle
            | Self::Preparing { .. }
            | Self::Ticket { .. }
            | Self::Holding { .. }
            | Self::Opening { .. }
            | Self::Probing { .. }
            | Self::Authenticating { .. }
            | Self::Waiting
            | Self::Suspended(_)
            | Self::Closed => None,
        }
    }

    /// The call or question that is in flight.
    pub(super) fn request(&self) -> Option<RequestId> {
        match self {
            Self::Preparing { request, .. }
            | Self::Ticket { request, .. }
            | Self::Probing { request, .. }
            | Self::Authenticating {
                step: AuthenticationStep::Message(request) | AuthenticationStep::Words { request, .. },
                ..
            } => Some(*request),
            Self::Idle
            | Self::Token { .. }
            | Self::Holding { .. }
            | Self::Opening { .. }
            | Self::Authenticating { .. }
            | Self::Connected { .. }
            | Self::Waiting
            | Self::Suspended(_)
            | Self::Closed => None,
        }
    }

    pub(super) fn socket(&self) -> Option<SocketId> {
        match self {
            Self::Opening { socket, .. } | Self::Authenticating { socket, .. } | Self::Connected { socket, .. } => {
                Some(*socket)
            }
            Self::Idle
            | Self::Preparing { .. }
            | Self::Token { .. }
            | Self::Ticket { .. }
            | Self::Holding { .. }
            | Self::Probing { .. }
            | Self::Waiting
            | Self::Suspended(_)
            | Self::Closed => None,
        }
    }

    /// The token that this try uses.
    pub(super) fn token(&self) -> Option<&AccessToken> {
        match self {
            Self::Ticket { token, .. } | Self::Holding { token, .. } => Some(token),
            Self::Preparing { token, .. }
            | Self::Opening { token, .. }
            | Self::Probing { token, .. }
            | Self::Authenticating { token, .. }
            | Self::Connected { token, .. } => token.as_ref(),
            Self::Idle | Self::Token { .. } | Self::Waiting | Self::Suspended(_) | Self::Closed => None,
        }
    }
}

/// What the dials so far say about the session's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CredentialStatus {
    /// No dial speaks against it.
    Good,
    /// Dials with it fail before they open. The cause may be the token or the network.
    Suspected { generation: u32 },
    /// The server refused it. One refresh is tried; a second refusal asks for sign-in.
    Refused { generation: u32, by: Refuser, at: Instant, failure: Failure },
}

/// Who refused a credential. Only an acceptance by the same one clears the refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refuser {
    Socket,
    TicketEndpoint,
}

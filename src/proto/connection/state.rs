//! The states of a connection, and the theory of its operation.
//!
//! ```text
//!  idle ──connect──► connecting: token ──► ticket ──► opening ──► authenticating ──► connected
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
use super::super::session::{Grant, RequestId, WantId};
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

/// A socket that was taken over from and has not closed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Retired {
    pub(super) socket: SocketId,
    /// Whether a ping was sent on it whose answer is to come.
    pub(super) awaits_pong: bool,
}

#[derive(Debug)]
pub(super) enum State {
    Idle,
    Token {
        want: WantId,
    },
    Ticket {
        request: RequestId,
        grant: Grant,
        asked_at: super::super::Now,
    },
    /// The ticket is there before the wait is over.
    Holding {
        handshake: Handshake,
        grant: Grant,
    },
    Opening {
        socket: SocketId,
        grant: Option<Grant>,
    },
    Probing {
        request: RequestId,
        grant: Option<Grant>,
    },
    Authenticating {
        socket: SocketId,
        grant: Grant,
        step: Step,
    },
    Connected {
        socket: SocketId,
        grant: Option<Grant>,
        since: Instant,
        proof: Proof,
        renewal: Renewal,
    },
    Waiting,
    Suspended(Pause),
    Closed,
}

/// What a suspended connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    Frozen,
    Hidden,
    Offline,
    SignIn,
}

/// The computer's own network, as far as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Online,
    Offline {
        since: Instant,
    },
    /// It was away, or asleep. A loss soon after is its own.
    Back {
        at: Instant,
    },
}

/// What was heard of the server since the last ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pulse {
    /// Nothing yet.
    Asked,
    /// Nothing, and the clock rang so late that it was asked once more.
    AskedAgain,
    /// Something; the pong is to come, still.
    Heard,
    /// All that was to come.
    Well,
}

/// What the server still owes before it has accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Hello,
    Ack,
}

/// The renewal of the token on a connected socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewal {
    /// The token is good, as far as is known.
    None,
    /// The session is asked for another before this one ends.
    Due(WantId),
    /// The server has said that it expired, and the session is asked for another.
    Wanted(WantId),
    /// The first message was sent again. What the server said before it read that is past.
    Sent,
    /// The server has accepted it. If that expires before the minimum uptime, too, renewing does not help.
    Accepted,
}

/// What is known of the server's acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// The first message was sent and no answer is defined: a deliberate close soon after is a refusal.
    Assumed,
    /// The handshake, an ack or a message of the server has shown it.
    Given,
    /// It has held for the minimum uptime.
    Lasting,
}

impl State {
    pub(super) fn public(&self) -> ConnectionState {
        match self {
            Self::Idle => ConnectionState::Idle,
            Self::Token { .. }
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
            Self::Token { .. } => Some(Phase::Token),
            Self::Ticket { .. } | Self::Holding { .. } => Some(Phase::Ticket),
            Self::Opening { .. } | Self::Probing { .. } => Some(Phase::Opening),
            Self::Authenticating { .. } => Some(Phase::Authenticating),
            Self::Idle | Self::Connected { .. } | Self::Waiting | Self::Suspended(_) | Self::Closed => None,
        }
    }

    /// The question to the session that waits for its answer.
    pub(super) fn want(&self) -> Option<WantId> {
        match self {
            Self::Token { want } | Self::Connected { renewal: Renewal::Wanted(want) | Renewal::Due(want), .. } => {
                Some(*want)
            }
            Self::Connected { renewal: Renewal::None | Renewal::Sent | Renewal::Accepted, .. }
            | Self::Idle
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

    pub(super) fn request(&self) -> Option<RequestId> {
        match self {
            Self::Ticket { request, .. } | Self::Probing { request, .. } => Some(*request),
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
    pub(super) fn grant(&self) -> Option<&Grant> {
        match self {
            Self::Ticket { grant, .. } | Self::Holding { grant, .. } | Self::Authenticating { grant, .. } => {
                Some(grant)
            }
            Self::Opening { grant, .. } | Self::Probing { grant, .. } | Self::Connected { grant, .. } => grant.as_ref(),
            Self::Idle | Self::Token { .. } | Self::Waiting | Self::Suspended(_) | Self::Closed => None,
        }
    }
}

/// What is held against the session's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Nothing.
    None,
    /// Dials with it fail before they open; it may be the token or the network.
    Suspected { generation: u32 },
    /// The server refused it; one refresh is tried, a second refusal asks for sign-in.
    Refused { generation: u32, by: Refuser, at: Instant, failure: Failure },
}

/// Who refused a credential. Only the same one can take it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refuser {
    Socket,
    TicketEndpoint,
}

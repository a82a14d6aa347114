//! The inputs and outputs of a conversation.

use super::super::connection::SocketId;
use super::super::{Json, Millis};
use super::options::{RequestOptions, SubscribeOptions};
use crate::error::{ConfigError, Problem, SendError};

/// Whoever holds a subscription. The driver makes the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HolderId(pub u32);

/// A request of the app. The driver makes the number, higher than that of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u32);

/// An input.
#[derive(Debug)]
pub enum Input {
    /// A new connection is to be told what it has to know, before anything else is sent on it.
    Joining(SocketId),
    /// The connection that was told serves now.
    Connected,
    /// Nothing serves any more: what is asked from now on waits for another connection.
    Lost,
    /// A connection has ended; nothing arrives on it any more.
    Gone(SocketId),
    /// The user is another: nothing of the former one is kept.
    UserChanged,
    /// The socket is closed permanently, by the app or by this.
    Closed(Option<Problem>),
    /// A message has arrived.
    Received {
        /// The connection that has brought it.
        socket: SocketId,
        /// The message.
        message: Json,
    },
    /// Somebody subscribes.
    Subscribe {
        /// Who.
        holder: HolderId,
        /// The message that joins.
        message: Json,
        /// Checked before.
        options: Box<SubscribeOptions>,
    },
    /// A holder takes no more. [`Input::Sweep`] then leaves what nobody holds, so that another holder may come first.
    Leave(HolderId),
    /// Leaves what nobody holds.
    Sweep,
    /// The app asks.
    Request {
        /// Its number.
        request: RequestId,
        /// The message; [`RequestFailure::Id`] tells what is wrong with its id.
        message: Json,
        /// Checked before.
        options: Box<RequestOptions>,
    },
    /// The app waits no more.
    Abort(RequestId),
    /// What has become of an [`Output::Send`], now and whenever it changes.
    Handed {
        /// Whose message it is.
        request: RequestId,
        /// How far it has come.
        result: Result<Handed, SendError>,
    },
    /// Time has passed.
    Timeout,
}

/// How far a message has come that was handed to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handed {
    /// It waits.
    Queued,
    /// It was sent, and the socket itself may send it again.
    Unconfirmed,
    /// It was sent, and that is all.
    Sent,
    /// It will not be sent.
    Dropped,
}

impl Handed {
    pub(super) fn may_change(self) -> bool {
        matches!(self, Self::Queued | Self::Unconfirmed)
    }
}

/// What the driver has to do.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a message on this connection, now or never: past the outbox.
    Say {
        /// The connection.
        socket: SocketId,
        /// The message.
        message: Json,
    },
    /// Send a message of a request as any message of the app, and feed [`Input::Handed`] at once.
    Send {
        /// Whose message it is.
        request: RequestId,
        /// The message.
        message: Json,
    },
    /// Deliver a message to these holders, or to everybody who listens if there are none.
    Deliver {
        /// The message.
        message: Json,
        /// Who gets it.
        holders: Vec<HolderId>,
    },
    /// The server has joined a subscription.
    Joined(HolderId),
    /// A subscription has ended.
    Ended {
        /// For whom.
        holder: HolderId,
        /// Why, unless by the server's last word, or because the app has closed the socket.
        error: Option<SubscriptionFailure>,
    },
    /// A request has ended. Nothing follows an [`Input::Abort`].
    Answered {
        /// Which.
        request: RequestId,
        /// The answer.
        result: Result<Json, RequestFailure>,
    },
    /// The server goes on where the client was, or cannot: what lies between is lost.
    Resumed {
        /// Whether it goes on.
        is_whole: bool,
        /// What the server said.
        message: Json,
        /// The key of the subscription, if the cursor is its own.
        key: Option<String>,
    },
}

/// Why a subscription has ended.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SubscriptionFailure {
    /// The server refuses it, with these words.
    #[error("SUBSCRIPTION_REFUSED: the server refuses it")]
    Refused(Json),
    /// The user has changed.
    #[error("USER_CHANGED: the user has changed")]
    UserChanged,
    /// This has ended the socket.
    #[error("{0}")]
    Closed(Problem),
}

impl SubscriptionFailure {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "SUBSCRIPTION_REFUSED",
            Self::UserChanged => "USER_CHANGED",
            Self::Closed(problem) => problem.failure.code(),
        }
    }

    /// Returns the server's words, if it has refused it.
    #[must_use]
    pub const fn answer(&self) -> Option<&Json> {
        match self {
            Self::Refused(answer) => Some(answer),
            Self::UserChanged | Self::Closed(_) => None,
        }
    }
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestFailure {
    /// The server refuses it, with these words.
    #[error("REQUEST_REFUSED: the server refuses it")]
    Refused(Json),
    /// The connection was lost before the answer.
    #[error("CONNECTION_LOST: the connection was lost before the answer ({0})")]
    Lost(Fate),
    /// No answer came within this time of sending.
    #[error("REQUEST_TIMED_OUT: no answer within {ms} ms of sending", ms = .0.as_millis())]
    TimedOut(Millis),
    /// The user has changed.
    #[error("USER_CHANGED: the user has changed ({0})")]
    UserChanged(Fate),
    /// The app has closed the socket.
    #[error("CLOSED: the socket is closed ({0})")]
    Closed(Fate),
    /// This has ended the socket.
    #[error("{0} ({1})")]
    Ended(Problem, Fate),
    /// The message was not taken.
    #[error("{code}: {0}", code = .0.code())]
    Send(SendError),
    /// Too many requests wait for an answer.
    #[error("QUEUE_FULL: too many requests wait for an answer")]
    TooMany,
    /// The message is no object or array, or its id is no text and no whole number.
    #[error("INVALID_OPTION: message: an object is needed, whose id is a text or a whole number")]
    Id,
    /// A subscription has the id, or a request whose answer may still come.
    #[error("INVALID_OPTION: message: its id is taken, by a subscription or by a request whose answer may still come")]
    IdTaken,
    /// The options of the request.
    #[error("INVALID_OPTION: {0}")]
    Options(ConfigError),
}

impl RequestFailure {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "REQUEST_REFUSED",
            Self::Lost(_) => "CONNECTION_LOST",
            Self::TimedOut(_) => "REQUEST_TIMED_OUT",
            Self::UserChanged(_) => "USER_CHANGED",
            Self::Closed(_) => "CLOSED",
            Self::Ended(problem, _) => problem.failure.code(),
            Self::Send(error) => error.code(),
            Self::TooMany => SendError::QueueFull.code(),
            Self::Id | Self::IdTaken | Self::Options(_) => "INVALID_OPTION",
        }
    }

    /// Returns what is known of the message, if it was taken. A server that refuses it has it.
    #[must_use]
    pub const fn fate(&self) -> Option<Fate> {
        match self {
            Self::Lost(fate) | Self::UserChanged(fate) | Self::Closed(fate) | Self::Ended(_, fate) => Some(*fate),
            Self::Refused(_) | Self::TimedOut(_) => Some(Fate::MaybeArrived),
            Self::Send(_) | Self::TooMany | Self::Id | Self::IdTaken | Self::Options(_) => None,
        }
    }

    /// Returns the server's words, if it has refused it.
    #[must_use]
    pub const fn answer(&self) -> Option<&Json> {
        match self {
            Self::Refused(answer) => Some(answer),
            Self::Lost(_)
            | Self::TimedOut(_)
            | Self::UserChanged(_)
            | Self::Closed(_)
            | Self::Ended(..)
            | Self::Send(_)
            | Self::TooMany
            | Self::Id
            | Self::IdTaken
            | Self::Options(_) => None,
        }
    }
}

/// What is known of a request that has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was sent, and may have arrived.
    MaybeArrived,
    /// It was never sent.
    NeverSent,
}

impl Fate {
    /// Returns the name, as npm's `error.fate`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaybeArrived => "maybe-arrived",
            Self::NeverSent => "never-sent",
        }
    }
}

impl core::fmt::Display for Fate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

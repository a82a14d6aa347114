//! What the tasks of this driver are told: a session's, a connection's, a socket's.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::message::Message;
use crate::error::{SendError, TokenError};
use crate::proto::connection::{Input, Sent, SocketId};
use crate::proto::session::{self, Asker, Demand, Grant, LoginError, SessionView, WantId};
use crate::proto::{Json, Secret};

/// What a session is told.
pub(super) enum Order {
    /// An input, and who waits until it and what it has led to were performed.
    Input(session::Input, Option<oneshot::Sender<()>>),
    Login(Json, oneshot::Sender<Result<(), LoginError>>),
    /// The app needs a token.
    Token(Demand, oneshot::Sender<Result<Secret, TokenError>>),
    /// A connection that wants to hear of changes.
    Register(mpsc::WeakUnboundedSender<Told>, oneshot::Sender<Asker>),
}

/// What a connection is told.
pub(super) enum Told {
    /// The app connects or closes.
    Asked(Input<'static>),
    Heard {
        socket: SocketId,
        message: Message,
    },
    Input(Input<'static>),
    Send(Message, Option<Duration>, oneshot::Sender<Result<Sent, SendError>>),
    Session(SessionView),
    Token {
        want: WantId,
        result: Result<Grant, TokenError>,
    },
}

/// What a socket is asked to do.
pub(super) enum Ask {
    Close { code: u16, reason: String },
    Send(Message),
}

//! The commands that the tasks of this driver take: of a session, of a connection, of a socket.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::message::Message;
use crate::conversation;
use crate::error::{SendError, TokenError};
use crate::proto::connection::{Input, Sent, SocketId};
use crate::proto::session::{
    self, AccessToken, LoginError, RequesterId, SessionView, TokenRequestId, TokenRequirement,
};
use crate::proto::{Json, Secret};

/// A command to the task of a session.
#[expect(clippy::large_enum_variant, reason = "few of them, and none waits for long")]
pub(super) enum SessionCommand {
    /// An input for the machine. The sender is used once the outputs that follow have been performed.
    Input(session::Input, Option<oneshot::Sender<()>>),
    Login(Json, oneshot::Sender<Result<(), LoginError>>),
    /// The app needs a token.
    Token(TokenRequirement, oneshot::Sender<Result<Secret, TokenError>>),
    /// A connection that follows the session.
    Register(mpsc::WeakUnboundedSender<ConnectionCommand>, oneshot::Sender<RequesterId>),
}

/// A command to the task of a connection.
pub(super) enum ConnectionCommand {
    /// The app talks to the desk of a conversation.
    Conversation(conversation::Command),
    /// The app connects or closes.
    FromApp(Input<'static>),
    Received {
        socket: SocketId,
        message: Message,
    },
    Input(Input<'static>),
    Send(Message, Option<Duration>, oneshot::Sender<Result<Sent, SendError>>),
    Session(SessionView),
    Token {
        id: TokenRequestId,
        result: Result<AccessToken, TokenError>,
    },
}

/// A command to the task of a socket.
pub(super) enum SocketCommand {
    Close { code: u16, reason: String },
    Send(Message),
}

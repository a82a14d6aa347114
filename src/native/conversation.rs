//! Carries what a conversation says, in the task of its connection.

use tokio::sync::mpsc;

use super::clock::now;
use super::connection::{AuthSocket, Task};
use super::inbox::ConnectionCommand;
use super::message::Message;
use super::session::Session;
use crate::conversation::{Command, Desk, Job};
use crate::error::ConfigError;
use crate::proto::Json;
use crate::proto::connection::{ConnectionConfig, Question, SocketId};
use crate::proto::conversation::Input;
use crate::proto::session::AccessToken;

/// The way to the desk. Weak, so that the socket ends with its conversation, whoever holds a subscription.
#[derive(Clone, Debug)]
pub(crate) struct Link(mpsc::WeakUnboundedSender<ConnectionCommand>);

impl Link {
    pub(crate) fn tell(&self, command: Command) {
        if let Some(commands) = self.0.upgrade() {
            // What is dropped with it tells that the socket has ended.
            commands.send(ConnectionCommand::Conversation(command)).ok();
        }
    }
}

/// Makes a socket with a desk.
pub(crate) fn converse(
    config: ConnectionConfig,
    session: Option<&Session>,
    desk: Desk,
) -> Result<(AuthSocket, Link), ConfigError> {
    let socket = AuthSocket::with_desk(config, session, Some(desk))?;
    let link = Link(socket.commands.downgrade());
    Ok((socket, link))
}

impl Task {
    /// Feeds the desk, if there is one, and does what it wants.
    pub(super) fn converse(&mut self, feed: impl FnOnce(&mut Desk)) {
        let Some(desk) = &mut self.desk else { return };
        feed(desk);
        while let Some(job) = self.desk.as_mut().and_then(Desk::poll) {
            match job {
                Job::Say { socket, text } => self.send_on(socket, Message::Text(text)),
                Job::Send { request, text } => {
                    let (message, result) = self.send(Message::Text(text), None);
                    if let Some(desk) = &mut self.desk {
                        desk.handed(now().instant, request, message, result);
                    }
                }
            }
        }
    }

    /// Answers what the machine asks its app: here the desk answers.
    pub(super) fn answer(
        &mut self,
        question: Question,
        socket: Option<SocketId>,
        token: Option<&AccessToken>,
    ) -> Option<Json> {
        match question {
            Question::Connected => {
                let socket = socket?;
                self.converse(|desk| desk.input(now().instant, Input::Joining(socket)));
                Some(Json::array(Vec::new()))
            }
            Question::FirstMessage => {
                let credential = token.map(|token| (token.access(), token.authorization.expose()));
                self.desk.as_ref().map(|desk| desk.first_messages(credential))
            }
            // There are no functions here.
            Question::Address => None,
        }
    }
}

//! A socket as `Stream` and `Sink`: messages wait until they are read, and sending waits for room.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::fmt;

use futures_util::{Sink, Stream};

use super::connection::AuthSocket;
use super::message::Message;
use super::session::Session;
use crate::error::{ConfigError, SendError};
use crate::proto::connection::{ConnectionConfig, ConnectionState, Event};

/// What a [`SocketStream`] yields.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// Something happened to the connection.
    Event(Event),
    /// A message of the server.
    Message(Message),
}

/// What is done for the sink.
type Task = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send>>;

/// An [`AuthSocket`] as a `Stream` of messages and events, across reconnects, and a `Sink` of messages.
///
/// Events come before messages that have arrived with them. The stream ends when the socket is closed permanently; the `StateChanged` before says why.
/// A message waits while the outbox is full, and [`SendError::Closed`] is the only error. `flush` is done when nothing waits in the outbox any
/// more: while there is no connection, `feed` returns and `send` (`feed` and `flush`) waits. Dropped, it closes.
pub struct SocketStream {
    socket: AuthSocket,
    /// A message on its way into the outbox.
    taking: Option<Task>,
    /// The wait until the outbox is empty.
    flushing: Option<Task>,
    /// What the last change that was read has said: the socket itself may be ahead of it.
    state: ConnectionState,
}

impl SocketStream {
    /// Makes a socket, and connects. Needs a tokio runtime.
    ///
    /// # Errors
    /// As [`AuthSocket::new`].
    pub fn connect(config: ConnectionConfig, session: Option<&Session>) -> Result<Self, ConfigError> {
        let socket = AuthSocket::new(config, session)?;
        socket.connect();
        Ok(Self { socket, taking: None, flushing: None, state: ConnectionState::Idle })
    }

    /// Returns the socket, for what is neither reading nor writing: its state, a close code, a new start.
    #[must_use]
    pub const fn socket(&self) -> &AuthSocket {
        &self.socket
    }
}

/// Polls a task until it has ended, once.
fn end_of(task: &mut Option<Task>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
    let Some(present) = task else { return Poll::Ready(Ok(())) };
    let result = ready!(present.as_mut().poll(context));
    *task = None;
    Poll::Ready(result)
}

impl Stream for SocketStream {
    type Item = Incoming;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Incoming>> {
        if let Poll::Ready(Some(event)) = self.socket.poll_event(context) {
            if let Event::StateChanged(change) = &event {
                self.state = change.state;
            }
            return Poll::Ready(Some(Incoming::Event(event)));
        }
        match self.socket.poll_message(context) {
            Poll::Ready(message) => Poll::Ready(message.map(Incoming::Message)),
            Poll::Pending if self.state == ConnectionState::Closed => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Sink<Message> for SocketStream {
    type Error = SendError;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        if self.socket.state() == ConnectionState::Closed {
            return Poll::Ready(Err(SendError::Closed));
        }
        end_of(&mut self.taking, context)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), SendError> {
        self.taking = Some(Box::pin(self.socket.take(message)));
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        ready!(end_of(&mut self.taking, context))?;
        if self.flushing.is_none() {
            self.flushing = Some(Box::pin(self.socket.emptied()));
        }
        end_of(&mut self.flushing, context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let flushed = ready!(self.as_mut().poll_flush(context));
        // 1000 is a code that may be sent.
        drop(self.socket.close(1000, ""));
        Poll::Ready(flushed)
    }
}

impl fmt::Debug for SocketStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketStream").field("socket", &self.socket).finish_non_exhaustive()
    }
}

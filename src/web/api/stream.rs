//! A socket as `Stream` and `Sink`, for `async` code: messages wait until they are read, and sending waits for room.

use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use futures_core::Stream;
use wasm_bindgen::JsValue;

use super::connection::{AuthSocket, Sink};
use super::session::Session;
use crate::error::{ConfigError, SendError};
use crate::proto::connection::{ConnectionConfig, ConnectionState, Event};

/// What a [`SocketStream`] yields.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// Something happened to the connection.
    Event(Event),
    /// A message of the server: a string or an `ArrayBuffer`.
    Message(JsValue),
}

/// An [`AuthSocket`] as a `Stream` of messages and events, across reconnects, and a `Sink` of messages (a string, an `ArrayBuffer`, a view or a `Blob`).
///
/// Unread messages of a user are dropped when the user changes. The stream ends when the socket is closed permanently; the `StateChanged` before says why. A message waits while the outbox is full, and
/// [`SendError::Closed`] is the only error. `flush` is done when nothing waits in the outbox any more: while there is no connection,
/// `feed` returns and `send` (`feed` and `flush`) waits. Dropped, it closes.
pub struct SocketStream {
    socket: AuthSocket,
    shared: Rc<Shared>,
    /// Taken, and not yet in the outbox.
    next: Option<JsValue>,
}

/// What the socket's events reach.
#[derive(Default)]
struct Shared {
    inbox: RefCell<VecDeque<Incoming>>,
    reader: Cell<Option<Waker>>,
    writer: Cell<Option<Waker>>,
}

impl Shared {
    fn push(&self, incoming: Incoming) {
        let mut inbox = self.inbox.borrow_mut();
        if matches!(&incoming, Incoming::Event(Event::StateChanged(change)) if change.user_changed) {
            inbox.retain(|incoming| matches!(incoming, Incoming::Event(_)));
        }
        inbox.push_back(incoming);
        drop(inbox);
        [&self.reader, &self.writer].into_iter().filter_map(Cell::take).for_each(Waker::wake);
    }
}

impl Sink for Rc<Shared> {
    fn event(&self, event: Event) {
        self.push(Incoming::Event(event));
    }

    fn takes_buffers(&self) -> bool {
        true
    }

    fn message(&self, data: &JsValue) {
        self.push(Incoming::Message(data.clone()));
    }
}

impl SocketStream {
    /// Makes a socket, and connects.
    ///
    /// # Errors
    /// As [`AuthSocket::new`].
    pub fn connect(config: ConnectionConfig, session: Option<Session>) -> Result<Self, ConfigError> {
        let shared = Rc::new(Shared::default());
        let socket = AuthSocket::new(config, session, Rc::clone(&shared))?;
        socket.connect();
        Ok(Self { socket, shared, next: None })
    }

    /// Returns the socket, for what is neither reading nor writing: its state, a close code, a new start.
    #[must_use]
    pub fn socket(&self) -> &AuthSocket {
        &self.socket
    }

    /// Puts what was taken into the outbox.
    fn hand_over(&mut self, context: &Context<'_>) -> Poll<Result<(), SendError>> {
        let Some(message) = self.next.take() else { return Poll::Ready(Ok(())) };
        match self.socket.send(&message) {
            Ok(_) => Poll::Ready(Ok(())),
            Err(SendError::Closed) => Poll::Ready(Err(SendError::Closed)),
            Err(SendError::QueueFull) => {
                self.next = Some(message);
                self.shared.writer.set(Some(context.waker().clone()));
                Poll::Pending
            }
        }
    }
}

impl Stream for SocketStream {
    type Item = Incoming;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Incoming>> {
        let incoming = self.shared.inbox.borrow_mut().pop_front();
        if incoming.is_some() || self.socket.state() == ConnectionState::Closed {
            return Poll::Ready(incoming);
        }
        self.shared.reader.set(Some(context.waker().clone()));
        Poll::Pending
    }
}

impl futures_sink::Sink<JsValue> for SocketStream {
    type Error = SendError;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        if self.socket.state() == ConnectionState::Closed {
            return Poll::Ready(Err(SendError::Closed));
        }
        self.hand_over(context)
    }

    fn start_send(mut self: Pin<&mut Self>, message: JsValue) -> Result<(), SendError> {
        self.next = Some(message);
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let handed = self.hand_over(context);
        if handed == Poll::Ready(Ok(())) && self.socket.stats().queued > 0 {
            self.shared.writer.set(Some(context.waker().clone()));
            return Poll::Pending;
        }
        handed
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let flushed = self.as_mut().poll_flush(context);
        if flushed.is_ready() {
            drop(self.socket.close(1000, ""));
        }
        flushed
    }
}

impl fmt::Debug for SocketStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketStream").field("socket", &self.socket).finish_non_exhaustive()
    }
}

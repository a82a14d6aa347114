//! The connection driver: runs one connection machine on the browser's WebSocket.

use core::time::Duration;
use std::cell::RefCell;
use std::fmt;
use std::rc::{Rc, Weak};

use wasm_bindgen::JsValue;

use super::clock::{now, random_seed};
use super::port::{Heard, Port, length_of, text_of};
use super::queue::Drain;
use super::session::Session;
use crate::error::{ConfigError, SendError};
use crate::proto::Instant;
use crate::proto::connection::{
    Connection as Machine, ConnectionConfig, ConnectionState, Event, Input, Outgoing, Output, Phase, Received, Sent,
    SocketId, Stats, check_close_code,
};
use crate::proto::session::{self, Asker, Want};

/// Where events and messages go. It may call any method of the socket.
pub trait Sink {
    /// Something happened.
    fn event(&self, event: Event);
    /// Whether binary messages are to arrive as `ArrayBuffer`s, not as `Blob`s. Asked for at each dial.
    fn takes_buffers(&self) -> bool {
        false
    }
    /// A message arrived: a string, an `ArrayBuffer` or a `Blob`, as the browser gave it.
    fn message(&self, data: &JsValue);
}

/// A WebSocket that authenticates itself and stays connected. It closes with its value.
pub struct AuthSocket {
    inner: Rc<Inner>,
}

pub(super) struct Inner {
    machine: RefCell<Machine>,
    drain: Drain,
    port: Port,
    session: Option<(Session, Asker)>,
    sink: Box<dyn Sink>,
}

impl AuthSocket {
    /// Makes a socket that waits for [`AuthSocket::connect`].
    ///
    /// # Errors
    /// What is wrong with the settings, or a scheme with a credential and no session.
    pub fn new(
        config: ConnectionConfig,
        session: Option<Session>,
        sink: impl Sink + 'static,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        if session.is_none() && config.scheme.needs_token() {
            return Err(ConfigError::option("session", "this scheme sends a credential, so it needs a session"));
        }
        Ok(Self::trusted(config, session, sink))
    }

    /// Makes a socket of settings that were checked.
    pub(crate) fn trusted(config: ConnectionConfig, session: Option<Session>, sink: impl Sink + 'static) -> Self {
        let user = session.as_ref().map(Session::view).unwrap_or_default();
        let inner = Rc::new_cyclic(|weak: &Weak<Inner>| {
            let session = session.map(|session| {
                let asker = session.register(weak);
                (session, asker)
            });
            let weak = weak.clone();
            let port = Port::new(move |id, heard| {
                if let Some(inner) = weak.upgrade() {
                    inner.heard(id, heard);
                }
            });
            let machine = RefCell::new(Machine::new(config, user, random_seed()));
            Inner { machine, drain: Drain::default(), port, session, sink: Box::new(sink) }
        });
        inner.port.watch();
        Self { inner }
    }

    /// Connects: starts, skips a wait, or replaces the present socket.
    pub fn connect(&self) {
        self.inner.input(Input::Connect);
    }

    /// Closes for good.
    ///
    /// # Errors
    /// A code that a page may not send.
    pub fn close(&self, code: u16, reason: &str) -> Result<(), ConfigError> {
        check_close_code(code)?;
        self.end(code, reason);
        Ok(())
    }

    /// Closes for good with a code that was checked.
    pub(crate) fn end(&self, code: u16, reason: &str) {
        self.inner.input(Input::Close { code, reason: reason.to_owned() });
    }

    /// Sends a string, an `ArrayBuffer`, a view of one, or a `Blob`: now if connected, else as soon as it is. What becomes of one that is
    /// kept is told by [`Event::Message`].
    ///
    /// # Errors
    /// Closed, or the outbox is full: the message was not taken.
    pub fn send(&self, data: &JsValue) -> Result<Sent, SendError> {
        self.send_within(data, None)
    }

    /// The same for a message that may not wait longer than `ttl`; without one as the options say.
    ///
    /// # Errors
    /// Closed, or the outbox is full: the message was not taken.
    pub fn send_within(&self, data: &JsValue, ttl: Option<Duration>) -> Result<Sent, SendError> {
        let sent = self.inner.machine.borrow_mut().send(&Data(data), ttl)?;
        let port = &self.inner.port;
        match sent {
            // The outbox was emptied before anybody could know of the connection, so nothing is overtaken.
            Sent::Now(socket) => {
                port.send(socket.get(), data, None);
                return Ok(sent);
            }
            Sent::NowAndKept(socket, message) | Sent::NowUnconfirmed(socket, message) => {
                port.keep(message.get(), data);
                port.send(socket.get(), data, Some(message.get()));
            }
            Sent::Queued(message) => port.keep(message.get(), data),
            Sent::Dropped => {}
        }
        self.inner.go_on();
        Ok(sent)
    }

    /// Takes the messages that were handed to a socket, may not have arrived, and are not sent again: all of which nothing was heard 5 s
    /// after it or later. To be asked for when a connection was lost. At most the last 1,000, of 1 MiB together.
    #[must_use]
    pub fn take_unconfirmed(&self) -> js_sys::Array {
        self.inner.port.take_unconfirmed()
    }

    /// Returns the state.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.inner.machine.borrow().state()
    }

    /// Returns what is being waited for, while connecting.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.inner.machine.borrow().phase()
    }

    /// Returns the counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.machine.borrow().stats()
    }

    /// Returns the browser's present WebSocket, to read `protocol`, `extensions` and `bufferedAmount`.
    ///
    /// # Security
    /// Its `url` holds the credential, where the scheme puts it there.
    #[must_use]
    pub fn native(&self) -> Option<web_sys::WebSocket> {
        let socket = self.inner.machine.borrow().socket()?;
        self.inner.port.native(socket.get())
    }
}

/// A message, as far as the machine asks.
struct Data<'a>(&'a JsValue);

impl Outgoing for Data<'_> {
    fn length(&self) -> usize {
        length_of(self.0) as usize
    }

    fn text(&self) -> Option<String> {
        text_of(self.0)
    }

    fn instant(&self) -> Instant {
        now().instant
    }
}

impl Drop for AuthSocket {
    fn drop(&mut self) {
        self.inner.input(Input::Close { code: 1000, reason: String::new() });
    }
}

impl fmt::Debug for AuthSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthSocket").field("state", &self.state()).finish_non_exhaustive()
    }
}

impl Inner {
    pub(super) fn input(self: &Rc<Self>, input: Input<'_>) {
        self.machine.borrow_mut().handle_input(now(), input);
        self.go_on();
    }

    /// Does what the machine asks for.
    fn go_on(self: &Rc<Self>) {
        let deadline = self.machine.borrow().poll_timeout();
        self.port.alarm(deadline);
        self.drain.run(|| self.machine.borrow_mut().poll_output(), |output| self.perform(output));
    }

    fn perform(self: &Rc<Self>, output: Output) {
        let port = &self.port;
        match output {
            Output::AbortFetch { request } => port.abort(request.get()),
            Output::CloseSocket { socket, code, reason } => port.close(socket.get(), code, &reason),
            Output::Discard { message, is_confirmed } => port.forget(message.get(), is_confirmed),
            // A listener of the state change may have closed what was about to be told as open.
            Output::Event(Event::Opened) if self.machine.borrow().state() != ConnectionState::Connected => {}
            Output::Event(event) => self.sink.event(event),
            // A listener may have closed, signed out or reconnected since these were asked for.
            Output::Fetch { request, .. } if !self.machine.borrow().awaits(request) => {}
            Output::Open { socket, .. } if !self.machine.borrow().opens(socket) => {}
            Output::Fetch { request, http } => port.request(request.get(), &http),
            Output::Open { socket, handshake } => port.open(socket.get(), &handshake, self.sink.takes_buffers()),
            Output::Send { socket, message, keep } => port.send_kept(socket.get(), message.get(), keep),
            Output::SendText { socket, text, framing } => port.send_text(socket.get(), text.expose(), framing),
            Output::Unwant => {
                if let Some((session, asker)) = &self.session {
                    session.input(session::Input::Unwant { asker: *asker });
                }
            }
            Output::Want { want, demand } => {
                if let Some((session, asker)) = &self.session {
                    session.input(session::Input::Want(Want { asker: *asker, want, demand }));
                }
            }
        }
    }

    fn heard(self: &Rc<Self>, id: u32, heard: Heard) {
        let socket = SocketId::new(id);
        let input = match heard {
            Heard::Message(data) => return self.received(socket, &data),
            Heard::Opened(protocol) => Input::SocketOpened { socket, protocol },
            Heard::Failed => Input::SocketError { socket },
            Heard::Closed { code, reason, was_clean } => Input::SocketClosed { socket, code, reason, was_clean },
            Heard::Answered(result) => Input::Http { request: session::RequestId::new(id), result },
            Heard::Rang => Input::Timeout,
            Heard::Refused => Input::SocketRefused { socket },
            Heard::Page(event) => Input::Page(event),
            // A session's.
            Heard::Stored(_) | Heard::Locked(_) | Heard::StoreFailed(_) | Heard::Provided(_) => return,
        };
        self.input(input);
    }

    fn received(self: &Rc<Self>, socket: SocketId, data: &JsValue) {
        let received = self.machine.borrow_mut().on_message(socket, || length_of(data) as usize);
        match received {
            Received::Deliver => self.sink.message(data),
            Received::Ignore => {}
            Received::Inspect | Received::InspectAndDeliver => {
                let text = text_of(data);
                self.input(Input::Inspected { socket, text: text.as_deref() });
                let delivers = self.machine.borrow().delivers(socket);
                if received == Received::InspectAndDeliver && delivers {
                    self.sink.message(data);
                }
            }
            Received::TooLong { length } => self.input(Input::TooLong { socket, length }),
        }
    }
}

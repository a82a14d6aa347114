//! The connection driver: runs one connection machine on the browser's WebSocket.

use crate::proto::Millis;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use js_sys::Array;

use wasm_bindgen::JsValue;

use super::clock::{now, random_seed};
use super::port::{Heard, Port, as_wanted, length_of, text_of};
use super::queue::Drain;
use super::session::Session;
use crate::error::{ConfigError, SendError};
use crate::proto::Instant;
use crate::proto::connection::{
    Connection as Machine, ConnectionConfig, ConnectionState, Event, Input, Outgoing, Output, Phase, Received, Sent,
    SocketId, Stats, check_close_code,
};
use crate::proto::outbox::MessageId;
use crate::proto::session::{self, Asker, Want};

/// Where events and messages go. It may call any method of the socket.
pub trait Sink {
    /// Something happened.
    fn event(&self, event: Event);
    /// Whether binary messages are to arrive as `ArrayBuffer`s, not as `Blob`s. Asked for at each dial, and where messages have to be read,
    /// at each of them.
    fn takes_buffers(&self) -> bool {
        false
    }
    /// A message arrived: a string, an `ArrayBuffer` or a `Blob`, as the browser gave it.
    fn message(&self, data: &JsValue);
    /// What was handed to a connection that ends with the [`Event::StateChanged`] that follows, may not have arrived, and is not sent again:
    /// strings, `ArrayBuffer`s and `Blob`s.
    fn unconfirmed(&self, messages: Array) {
        drop(messages);
    }
}

/// A WebSocket that authenticates itself and stays connected. It closes with its value.
pub struct AuthSocket {
    inner: Rc<Inner>,
}

pub(super) struct Inner {
    machine: RefCell<Machine>,
    drain: Drain,
    pub(super) port: Port,
    /// What the session has to say.
    inbox: RefCell<Vec<Input<'static>>>,
    next_message: Cell<u32>,
    /// A message that the machine reads.
    inspected: RefCell<Option<JsValue>>,
    /// Whether any is read: then all binary ones arrive as bytes.
    reads: bool,
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
        Ok(Self::trusted(config, session, sink, &JsValue::UNDEFINED))
    }

    /// Makes a socket of settings that were checked. `owner` is told if the machine traps: `Owner` in port.js.
    pub(crate) fn trusted(
        config: ConnectionConfig,
        session: Option<Session>,
        sink: impl Sink + 'static,
        owner: &JsValue,
    ) -> Self {
        let user = session.as_ref().map(Session::view).unwrap_or_default();
        let inner = Rc::new_cyclic(|weak: &Weak<Inner>| {
            let session = session.map(|session| {
                let asker = session.register(weak);
                (session, asker)
            });
            let weak = weak.clone();
            let port = Port::new(owner, move |id, heard| {
                if let Some(inner) = weak.upgrade() {
                    inner.heard(id, heard);
                }
            });
            let machine = Machine::new(config, user, random_seed());
            Inner {
                reads: machine.may_read(),
                machine: RefCell::new(machine),
                drain: Drain::default(),
                port,
                inbox: RefCell::default(),
                next_message: Cell::new(0),
                inspected: RefCell::default(),
                session,
                sink: Box::new(sink),
            }
        });
        if let Some((session, _)) = &inner.session {
            session.join(&inner.port);
        }
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
    pub fn send_within(&self, data: &JsValue, ttl: Option<Millis>) -> Result<Sent, SendError> {
        self.send_as(data, ttl).map(|(_, sent)| sent)
    }

    /// The same, with the message's number.
    pub(crate) fn send_as(&self, data: &JsValue, ttl: Option<Millis>) -> Result<(MessageId, Sent), SendError> {
        let message = MessageId(self.inner.next_message.get());
        self.inner.next_message.set(message.0.wrapping_add(1));
        let sent = self.inner.machine.borrow_mut().send(message, &Data(data), ttl)?;
        let port = &self.inner.port;
        match sent {
            // The outbox was emptied before anybody could know of the connection, so nothing is overtaken.
            Sent::Now(socket) | Sent::Unconfirmed(socket) => {
                port.keep(message.get(), data);
                port.send_kept(socket.get(), message.get());
            }
            Sent::Queued => port.keep(message.get(), data),
            Sent::Dropped => {}
        }
        self.inner.go_on();
        Ok((message, sent))
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

    /// Returns what may be read of the browser's present WebSocket: an object with `protocol`, `extensions` and `bufferedAmount` as of a
    /// `WebSocket`, or undefined while there is no connection.
    #[must_use]
    pub fn native(&self) -> JsValue {
        let socket = self.inner.machine.borrow().socket();
        socket.map_or(JsValue::UNDEFINED, |socket| self.inner.port.native(socket.get()))
    }

    /// How binary messages are to arrive from now on, also on the present socket. On later ones [`Sink::takes_buffers`] is asked.
    pub fn set_binary_type(&self, takes_buffers: bool) {
        if !self.inner.reads {
            self.inner.port.set_binary_type(takes_buffers);
        }
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
    /// The session says something. Should this machine trap over it, the session goes on.
    pub(super) fn tell(&self, input: Input<'static>) {
        self.inbox.borrow_mut().push(input);
        self.port.wake();
    }

    fn input(self: &Rc<Self>, input: Input<'_>) {
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
            Output::Deliver { .. } => {
                if let Some(data) = self.inspected.take() {
                    self.deliver(&data);
                }
            }
            Output::Discard { messages } => port.forget(&messages),
            Output::Event(event) => {
                if let Event::StateChanged(change) = &event
                    && !change.unconfirmed.is_empty()
                {
                    self.sink.unconfirmed(port.kept(&change.unconfirmed));
                }
                self.sink.event(event);
            }
            Output::Fetch { request, http } => port.request(request.get(), &http),
            Output::Open { socket, handshake } => {
                port.open(socket.get(), &handshake, self.reads || self.sink.takes_buffers());
            }
            Output::Send { socket, message } => port.send_kept(socket.get(), message.get()),
            Output::SendText { socket, text, framing } => port.send_text(socket.get(), text.expose(), framing),
            Output::Unwant => {
                if let Some((session, asker)) = &self.session {
                    session.tell(session::Input::Unwant { asker: *asker });
                }
            }
            Output::Want { want, demand } => {
                if let Some((session, asker)) = &self.session {
                    session.tell(session::Input::Want(Want { asker: *asker, want, demand }));
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
            Heard::Told => return self.read_inbox(),
            // A session's.
            Heard::Stored { .. }
            | Heard::Locked
            | Heard::StoreFailed(_)
            | Heard::Provided(_)
            | Heard::Written(_)
            | Heard::StoreChanged
            | Heard::Twin { .. } => return,
        };
        self.input(input);
    }

    fn read_inbox(self: &Rc<Self>) {
        let inputs = self.inbox.take();
        for input in inputs {
            self.input(input);
        }
    }

    fn received(self: &Rc<Self>, socket: SocketId, data: &JsValue) {
        let length = length_of(data) as usize;
        let received = self.machine.borrow_mut().on_message(socket, now().instant, length);
        match received {
            Received::Deliver => self.deliver(data),
            Received::Ignore => {}
            Received::Inspect => {
                let text = text_of(data);
                *self.inspected.borrow_mut() = Some(data.clone());
                self.input(Input::Inspected { socket, text: text.as_deref() });
                self.inspected.take();
            }
            Received::TooLong { length } => self.input(Input::TooLong { socket, length }),
        }
        self.go_on();
    }

    fn deliver(&self, data: &JsValue) {
        if self.reads {
            self.sink.message(&as_wanted(data, self.sink.takes_buffers()));
        } else {
            self.sink.message(data);
        }
    }
}

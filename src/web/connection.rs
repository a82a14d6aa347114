//! The connection driver: runs one connection machine on the browser's WebSocket.

use std::cell::RefCell;
use std::fmt;
use std::rc::{Rc, Weak};

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;

use super::clock::{Alarm, now, random_seed};
use super::fetch::Fetch;
use super::queue::Drain;
use super::session::Session;
use super::slots::Slots;
use super::socket::{Said, Socket, length_of, text_of};
use crate::error::{ConfigError, SendError};
use crate::proto::Framing;
use crate::proto::connection::{
    Connection as Machine, ConnectionConfig, ConnectionState, Event, Handshake, Input, Output, Phase, Received, Sent,
    SocketId, Stats, check_close_code,
};
use crate::proto::outbox::MessageId;
use crate::proto::session::{self, Asker, RequestId, Want};

/// Where events and messages go. It may call any method of the socket.
pub trait Sink {
    /// Something happened.
    fn event(&self, event: Event);
    /// How binary messages are to arrive: `blob` or `arraybuffer`. Asked for at each dial.
    fn binary_type(&self) -> web_sys::BinaryType {
        web_sys::BinaryType::Blob
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
    alarm: Alarm,
    session: Option<(Session, Asker)>,
    socket: RefCell<Option<(SocketId, Socket)>>,
    fetch: RefCell<Option<(RequestId, Fetch)>>,
    payloads: Slots<MessageId, JsValue>,
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
        let user = session.as_ref().map(Session::view).unwrap_or_default();
        let inner = Rc::new_cyclic(|weak: &Weak<Inner>| {
            let session = session.map(|session| {
                let asker = session.register(weak);
                (session, asker)
            });
            let weak = weak.clone();
            Inner {
                machine: RefCell::new(Machine::new(config, user, random_seed())),
                drain: Drain::default(),
                alarm: Alarm::new(move || {
                    if let Some(inner) = weak.upgrade() {
                        inner.alarm.rang();
                        inner.input(Input::Timeout);
                    }
                }),
                session,
                socket: RefCell::default(),
                fetch: RefCell::default(),
                payloads: Slots::default(),
                sink: Box::new(sink),
            }
        });
        Ok(Self { inner })
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
        self.inner.input(Input::Close { code, reason: reason.to_owned() });
        Ok(())
    }

    /// Sends a string, an `ArrayBuffer`, a view of one, or a `Blob`: now if connected, else as soon as it is.
    ///
    /// # Errors
    /// Closed, or the outbox is full: the message was not taken.
    pub fn send(&self, data: &JsValue) -> Result<(), SendError> {
        let sent = self.inner.machine.borrow_mut().send(|| length_of(data))?;
        match sent {
            // The outbox was emptied before anybody could know of the connection, so nothing is overtaken.
            Sent::Now(socket) => self.inner.send_on(socket, data),
            Sent::NowAndKept(socket, message) => {
                self.inner.payloads.put(message, data.clone());
                self.inner.send_on(socket, data);
            }
            Sent::Queued(message) => {
                self.inner.payloads.put(message, data.clone());
            }
        }
        Ok(())
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
        self.inner.socket.borrow().as_ref().map(|(_, socket)| socket.native())
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
        let deadline = {
            let mut machine = self.machine.borrow_mut();
            machine.handle_input(now(), input);
            machine.poll_timeout()
        };
        self.alarm.set(deadline);
        self.drain.run(|| self.machine.borrow_mut().poll_output(), |output| self.perform(output));
    }

    fn perform(self: &Rc<Self>, output: Output) {
        match output {
            Output::AbortFetch { request } => drop(self.take_fetch(request)),
            Output::CloseSocket { socket, code, reason } => {
                if let Some(socket) = self.take_socket(socket) {
                    socket.close(code, &reason);
                }
            }
            Output::Discard { message } => {
                drop(self.payloads.take(&message));
            }
            // A listener of the state change may have closed what was about to be told as open.
            Output::Event(Event::Opened) if self.machine.borrow().state() != ConnectionState::Connected => {}
            Output::Event(event) => self.sink.event(event),
            // A listener may have closed, signed out or reconnected since these were asked for.
            Output::Fetch { request, .. } if !self.machine.borrow().awaits(request) => {}
            Output::Open { socket, .. } if self.machine.borrow().socket() != Some(socket) => {}
            Output::Fetch { request, http } => {
                let weak = Rc::downgrade(self);
                let fetch = Fetch::start(&http, move |result| {
                    if let Some(inner) = weak.upgrade() {
                        drop(inner.take_fetch(request));
                        inner.input(Input::Http { request, result });
                    }
                });
                let earlier = self.fetch.borrow_mut().replace((request, fetch));
                drop(earlier);
            }
            Output::Open { socket, handshake } => self.open(socket, &handshake),
            Output::Send { socket, message, keep } => {
                let payload = if keep { self.payloads.get(&message) } else { self.payloads.take(&message) };
                if let Some(payload) = payload {
                    self.send_on(socket, &payload);
                }
            }
            Output::SendText { socket, text, framing } => {
                let data = match framing {
                    Framing::Binary => Uint8Array::from(text.expose().as_bytes()).into(),
                    Framing::Json | Framing::Text => JsValue::from_str(text.expose()),
                };
                self.send_on(socket, &data);
            }
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

    fn open(self: &Rc<Self>, id: SocketId, handshake: &Handshake) {
        let weak = Rc::downgrade(self);
        let listener = move |said| {
            if let Some(inner) = weak.upgrade() {
                inner.said(id, said);
            }
        };
        match Socket::open(handshake, self.sink.binary_type(), listener) {
            Ok(socket) => {
                let earlier = self.socket.borrow_mut().replace((id, socket));
                drop(earlier);
            }
            // What the browser throws may quote the URL: it goes nowhere.
            Err(_) => self.input(Input::SocketRefused { socket: id }),
        }
    }

    fn said(self: &Rc<Self>, socket: SocketId, said: Said) {
        match said {
            Said::Closed { code, reason, was_clean } => {
                let closed = self.take_socket(socket);
                self.input(Input::SocketClosed { socket, code, reason, was_clean });
                drop(closed);
            }
            Said::Error => self.input(Input::SocketError { socket }),
            Said::Message(data) => self.received(socket, &data),
            Said::Opened { protocol } => self.input(Input::SocketOpened { socket, protocol }),
        }
    }

    fn received(self: &Rc<Self>, socket: SocketId, data: &JsValue) {
        let received = self.machine.borrow_mut().on_message(socket, || length_of(data));
        match received {
            Received::Deliver => self.sink.message(data),
            Received::Ignore => {}
            Received::Inspect | Received::InspectAndDeliver => {
                let text = text_of(data);
                self.input(Input::Inspected { socket, text: text.as_deref() });
                let is_connected = {
                    let machine = self.machine.borrow();
                    machine.socket() == Some(socket) && machine.state() == ConnectionState::Connected
                };
                if received == Received::InspectAndDeliver && is_connected {
                    self.sink.message(data);
                }
            }
            Received::TooLong { length } => self.input(Input::TooLong { socket, length }),
        }
    }

    fn send_on(&self, id: SocketId, data: &JsValue) {
        if let Some((present, socket)) = &*self.socket.borrow()
            && *present == id
        {
            socket.send(data);
        }
    }

    fn take_socket(&self, id: SocketId) -> Option<Socket> {
        let mut slot = self.socket.borrow_mut();
        if slot.as_ref().is_some_and(|(present, _)| *present == id) {
            return slot.take().map(|(_, socket)| socket);
        }
        None
    }

    fn take_fetch(&self, id: RequestId) -> Option<Fetch> {
        let mut slot = self.fetch.borrow_mut();
        if slot.as_ref().is_some_and(|(present, _)| *present == id) {
            return slot.take().map(|(_, fetch)| fetch);
        }
        None
    }
}

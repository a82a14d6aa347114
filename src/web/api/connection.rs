//! A socket for a Rust app, on the driver that the npm package has.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::seed;
use super::session::{Session, SessionDriver};
use crate::error::{ConfigError, SendError};
use crate::proto::Millis;
use crate::proto::connection::{
    ConnectionConfig, ConnectionState, Event, Phase, Sent, SocketId, Stats, check_close_code,
};
use crate::proto::contract::{Numbered as _, SendAnswer, StatPart};
use crate::proto::outbox::MessageId;
use crate::web::core::{ConnectionCore, EventLog, Given};

#[wasm_bindgen(module = "/src/web/connection-driver.js")]
extern "C" {
    /// As in connection-driver.js.
    #[derive(Clone)]
    pub(super) type ConnectionDriver;
    #[wasm_bindgen(constructor)]
    fn new(core: ConnectionCore, session: Option<SessionDriver>, sink: &JsValue) -> ConnectionDriver;
    #[wasm_bindgen(method)]
    fn connect(this: &ConnectionDriver);
    #[wasm_bindgen(method)]
    fn close(this: &ConnectionDriver, code: u16, reason: &str);
    #[wasm_bindgen(method)]
    fn send(this: &ConnectionDriver, message: u32, data: &JsValue, ttl: Option<f64>) -> Option<f64>;
    #[wasm_bindgen(method)]
    fn stats(this: &ConnectionDriver) -> JsValue;
    #[wasm_bindgen(method)]
    fn write(this: &ConnectionDriver, socket: u32, data: &JsValue);
    #[wasm_bindgen(method)]
    fn native(this: &ConnectionDriver) -> JsValue;
    #[wasm_bindgen(method, js_name = setBinaryType)]
    fn set_binary_type(this: &ConnectionDriver, takes_buffers: bool);
    #[wasm_bindgen(method, js_name = release)]
    fn release(this: &ConnectionDriver);
}

// connection-driver.js imports it. wasm-bindgen copies only the scripts of which Rust declares something.
#[wasm_bindgen(module = "/src/web/lane.js")]
extern "C" {
    type Lane;
    #[allow(dead_code, reason = "declared so that wasm-bindgen copies the script")]
    #[wasm_bindgen(constructor)]
    fn new(id: u32, socket: &JsValue, longest: f64) -> Lane;
}

#[wasm_bindgen(module = "/src/web/app.js")]
extern "C" {
    #[wasm_bindgen(js_name = sinkOf)]
    fn sink_of(
        event: &JsValue,
        takes_buffers: &JsValue,
        message: &JsValue,
        gone: Option<&JsValue>,
        ask: Option<&JsValue>,
    ) -> JsValue;
}

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

/// A [`Sink`], or a conversation, which knows its sockets by number.
pub(super) trait Ears {
    fn event(&self, event: Event);
    fn takes_buffers(&self) -> bool;
    fn message(&self, data: &JsValue, socket: u32);
    fn unconfirmed(&self, messages: Array) {
        drop(messages);
    }
}

impl<S: Sink> Ears for S {
    fn event(&self, event: Event) {
        Sink::event(self, event);
    }

    fn takes_buffers(&self) -> bool {
        Sink::takes_buffers(self)
    }

    fn message(&self, data: &JsValue, _socket: u32) {
        Sink::message(self, data);
    }

    fn unconfirmed(&self, messages: Array) {
        Sink::unconfirmed(self, messages);
    }
}

/// What the driver asks and tells a conversation besides.
pub(super) struct Hooks {
    /// Nothing arrives on a socket any more.
    pub(super) gone: Closure<dyn Fn(u32)>,
    /// Answers a [`Question`](crate::proto::connection::Question): with a socket, the token alone, and as `Authorization`.
    pub(super) ask: Closure<Ask>,
}

type Ask = dyn Fn(u8, Option<u32>, Option<String>, Option<String>) -> JsValue;

/// Sends messages, by their numbers.
#[derive(Clone)]
pub(super) struct Outbox {
    driver: ConnectionDriver,
    event_log: EventLog,
    next_message: Rc<Cell<u32>>,
}

impl Outbox {
    pub(super) fn send(&self, data: &JsValue, ttl: Option<Millis>) -> (MessageId, Result<Sent, SendError>) {
        let message = self.next_message.replace(self.next_message.get().wrapping_add(1));
        let answer = self.driver.send(message, data, ttl.map(|ttl| ttl.as_millis() as f64));
        let socket = || SocketId::new(self.event_log.socket());
        // One that has ended takes nothing.
        let result = match answer.and_then(|number| SendAnswer::from_number(number as u8)).unwrap_or(SendAnswer::Closed)
        {
            SendAnswer::Now => Ok(Sent::Now(socket())),
            SendAnswer::Unconfirmed => Ok(Sent::Unconfirmed(socket())),
            SendAnswer::Queued => Ok(Sent::Queued),
            SendAnswer::Dropped => Ok(Sent::Dropped),
            SendAnswer::Closed => Err(SendError::Closed),
            SendAnswer::QueueFull => Err(SendError::QueueFull),
        };
        (MessageId(message), result)
    }

    /// Writes on this socket, now or never.
    pub(super) fn write(&self, socket: SocketId, data: &JsValue) {
        self.driver.write(socket.get(), data);
    }
}

/// A WebSocket that authenticates itself and stays connected. It closes with its value.
pub struct AuthSocket {
    outbox: Outbox,
    /// It lives as long as its sockets.
    _session: Option<Session>,
    _event: Closure<dyn Fn(Array)>,
    _takes_buffers: Closure<dyn Fn() -> bool>,
    _message: Closure<dyn Fn(JsValue, u32)>,
    _hooks: Option<Hooks>,
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
        Self::open(config, session, Rc::new(sink), None)
    }

    pub(super) fn open(
        mut config: ConnectionConfig,
        session: Option<Session>,
        sink: Rc<impl Ears + 'static>,
        hooks: Option<Hooks>,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        config.has_session = session.is_some();
        if session.is_none() && config.needs_session() {
            return Err(ConfigError::option("session", "this scheme sends a credential, so it needs a session"));
        }
        let event_log = EventLog::default();
        let (listener, events) = (Rc::clone(&sink), event_log.clone());
        let event = Closure::<dyn Fn(Array)>::new(move |unconfirmed: Array| {
            if unconfirmed.length() > 0 {
                listener.unconfirmed(unconfirmed);
            }
            if let Some(event) = events.take() {
                listener.event(event);
            }
        });
        let listener = Rc::clone(&sink);
        let takes_buffers = Closure::<dyn Fn() -> bool>::new(move || listener.takes_buffers());
        let message = Closure::<dyn Fn(JsValue, u32)>::new(move |data: JsValue, socket| sink.message(&data, socket));
        let user = session.as_ref().map(Session::view).unwrap_or_default();
        let core = ConnectionCore::of(config, user, seed(), &event_log);
        let (gone, ask) = (hooks.as_ref().map(|all| all.gone.as_ref()), hooks.as_ref().map(|all| all.ask.as_ref()));
        let sink = sink_of(event.as_ref(), takes_buffers.as_ref(), message.as_ref(), gone, ask);
        let driver = ConnectionDriver::new(core, session.as_ref().map(Session::driver), &sink);
        Ok(Self {
            outbox: Outbox { driver, event_log, next_message: Rc::default() },
            _session: session,
            _event: event,
            _takes_buffers: takes_buffers,
            _message: message,
            _hooks: hooks,
        })
    }

    /// For messages whose numbers have to be known.
    pub(super) fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// Connects: starts, skips a wait, or replaces the present socket.
    pub fn connect(&self) {
        self.outbox.driver.connect();
    }

    /// Closes permanently.
    ///
    /// # Errors
    /// A code that a page may not send.
    pub fn close(&self, code: u16, reason: &str) -> Result<(), ConfigError> {
        check_close_code(code)?;
        self.outbox.driver.close(code, reason);
        Ok(())
    }

    /// Sends a string, an `ArrayBuffer`, a view of one, or a `Blob`: now if connected, else as soon as it is. What becomes of one that is
    /// kept is reported by [`Event::Message`].
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
        self.outbox.send(data, ttl).1
    }

    /// Returns the state.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.outbox.event_log.state()
    }

    /// Returns what is being waited for, while connecting.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.outbox.event_log.phase()
    }

    /// Returns the counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counts = self.outbox.driver.stats();
        let mut stats = Stats::default();
        // One that has ended counts nothing.
        if counts.is_undefined() {
            return stats;
        }
        let counts = Given(counts);
        for part in StatPart::ALL {
            let count = counts.count(part.place());
            match part {
                StatPart::Attempts => stats.attempts = count as u32,
                StatPart::Connections => stats.connections = count as u32,
                StatPart::Sent => stats.sent = count as u32,
                StatPart::Received => stats.received = count as u32,
                StatPart::Dropped => stats.dropped = count as u32,
                StatPart::Queued => stats.queued = count as usize,
                StatPart::QueuedBytes => stats.queued_bytes = count as usize,
                StatPart::Unacknowledged => stats.unacknowledged = count as usize,
            }
        }
        stats
    }

    /// Returns what may be read of the browser's present WebSocket: an object with `protocol`, `extensions` and `bufferedAmount` as of a
    /// `WebSocket`, or undefined while there is no connection.
    #[must_use]
    pub fn native(&self) -> JsValue {
        self.outbox.driver.native()
    }

    /// How binary messages are to arrive from now on, also on the present socket. On later ones [`Sink::takes_buffers`] is asked.
    pub fn set_binary_type(&self, takes_buffers: bool) {
        self.outbox.driver.set_binary_type(takes_buffers);
    }
}

impl Drop for AuthSocket {
    fn drop(&mut self) {
        self.outbox.driver.release();
    }
}

impl fmt::Debug for AuthSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthSocket").field("state", &self.state()).finish_non_exhaustive()
    }
}

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
use crate::web::core::{ConnectionCore, EventLog, Given};

#[wasm_bindgen(module = "/src/web/connection-driver.js")]
extern "C" {
    /// As in connection-driver.js.
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
    fn native(this: &ConnectionDriver) -> JsValue;
    #[wasm_bindgen(method, js_name = setBinaryType)]
    fn set_binary_type(this: &ConnectionDriver, takes_buffers: bool);
    #[wasm_bindgen(method, js_name = release)]
    fn release(this: &ConnectionDriver);
}

#[wasm_bindgen(module = "/src/web/app.js")]
extern "C" {
    #[wasm_bindgen(js_name = sinkOf)]
    fn sink_of(event: &JsValue, takes_buffers: &JsValue, message: &JsValue) -> JsValue;
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

/// A WebSocket that authenticates itself and stays connected. It closes with its value.
pub struct AuthSocket {
    driver: ConnectionDriver,
    event_log: EventLog,
    next_message: Cell<u32>,
    /// It lives as long as its sockets.
    _session: Option<Session>,
    _event: Closure<dyn Fn(Array)>,
    _takes_buffers: Closure<dyn Fn() -> bool>,
    _message: Closure<dyn Fn(JsValue)>,
}

impl AuthSocket {
    /// Makes a socket that waits for [`AuthSocket::connect`].
    ///
    /// # Errors
    /// What is wrong with the settings, or a scheme with a credential and no session.
    pub fn new(
        mut config: ConnectionConfig,
        session: Option<Session>,
        sink: impl Sink + 'static,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        config.has_session = session.is_some();
        if session.is_none() && config.needs_session() {
            return Err(ConfigError::option("session", "this scheme sends a credential, so it needs a session"));
        }
        let (sink, event_log) = (Rc::new(sink), EventLog::default());
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
        let message = Closure::<dyn Fn(JsValue)>::new(move |data: JsValue| sink.message(&data));
        let user = session.as_ref().map(Session::view).unwrap_or_default();
        let core = ConnectionCore::of(config, user, seed(), &event_log);
        let sink = sink_of(event.as_ref(), takes_buffers.as_ref(), message.as_ref());
        Ok(Self {
            driver: ConnectionDriver::new(core, session.as_ref().map(Session::driver), &sink),
            event_log,
            next_message: Cell::new(0),
            _session: session,
            _event: event,
            _takes_buffers: takes_buffers,
            _message: message,
        })
    }

    /// Connects: starts, skips a wait, or replaces the present socket.
    pub fn connect(&self) {
        self.driver.connect();
    }

    /// Closes permanently.
    ///
    /// # Errors
    /// A code that a page may not send.
    pub fn close(&self, code: u16, reason: &str) -> Result<(), ConfigError> {
        check_close_code(code)?;
        self.driver.close(code, reason);
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
        let message = self.next_message.replace(self.next_message.get().wrapping_add(1));
        let answer = self.driver.send(message, data, ttl.map(|ttl| ttl.as_millis() as f64));
        let socket = || SocketId::new(self.event_log.socket());
        // One that has ended takes nothing.
        match answer.and_then(|number| SendAnswer::from_number(number as u8)).unwrap_or(SendAnswer::Closed) {
            SendAnswer::Now => Ok(Sent::Now(socket())),
            SendAnswer::Unconfirmed => Ok(Sent::Unconfirmed(socket())),
            SendAnswer::Queued => Ok(Sent::Queued),
            SendAnswer::Dropped => Ok(Sent::Dropped),
            SendAnswer::Closed => Err(SendError::Closed),
            SendAnswer::QueueFull => Err(SendError::QueueFull),
        }
    }

    /// Returns the state.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.event_log.state()
    }

    /// Returns what is being waited for, while connecting.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.event_log.phase()
    }

    /// Returns the counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counts = self.driver.stats();
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
        self.driver.native()
    }

    /// How binary messages are to arrive from now on, also on the present socket. On later ones [`Sink::takes_buffers`] is asked.
    pub fn set_binary_type(&self, takes_buffers: bool) {
        self.driver.set_binary_type(takes_buffers);
    }
}

impl Drop for AuthSocket {
    fn drop(&mut self) {
        self.driver.release();
    }
}

impl fmt::Debug for AuthSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthSocket").field("state", &self.state()).finish_non_exhaustive()
    }
}

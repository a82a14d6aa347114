//! `AuthSocket` for the face.

use crate::proto::Millis;
use wasm_bindgen::prelude::*;

use super::error::send_error;
use super::events::SocketSink;
use super::parts::by_place;
use crate::proto::connection::Sent;
use crate::proto::contract::StatPart as At;
use crate::web::{AuthSocket, Session, trusted_options};

/// One authenticated socket.
#[derive(Debug)]
#[wasm_bindgen]
pub struct SocketCore {
    socket: AuthSocket,
}

#[wasm_bindgen]
impl SocketCore {
    /// Connects.
    pub fn connect(&self) {
        self.socket.connect();
    }

    /// Closes for good. The face has checked the code.
    pub fn close(&self, code: u16, reason: &str) {
        self.socket.end(code, reason);
    }

    /// Sends a message, which may wait for so many milliseconds. Returns its number if more will be heard of it: `7` if it waits, `7.5` if it
    /// was sent and is to be confirmed. Else -1 if it was sent, -2 if it was dropped.
    pub fn send(&self, data: JsValue, ttl: Option<f64>) -> Result<f64, JsValue> {
        let ttl = ttl.map(|millis| Millis::from_millis(millis as u64));
        let (message, sent) = self.socket.send_as(&data, ttl).map_err(send_error)?;
        Ok(match sent {
            Sent::Now(_) => -1.0,
            Sent::Dropped => -2.0,
            Sent::Queued => f64::from(message.get()),
            Sent::Unconfirmed(_) => f64::from(message.get()) + 0.5,
        })
    }

    /// What may be read of the browser's present WebSocket: `protocol`, `extensions` and `bufferedAmount`; or undefined.
    pub fn native(&self) -> JsValue {
        self.socket.native()
    }

    /// How binary messages are to arrive.
    #[wasm_bindgen(js_name = setBinaryType)]
    pub fn set_binary_type(&self, takes_buffers: bool) {
        self.socket.set_binary_type(takes_buffers);
    }

    /// The counters: an array, see [`At`].
    pub fn stats(&self) -> JsValue {
        let stats = self.socket.stats();
        by_place(|part| {
            JsValue::from(match part {
                At::Attempts => stats.attempts,
                At::Connections => stats.connections,
                At::Sent => stats.sent,
                At::Received => stats.received,
                At::Discarded => stats.discarded,
                At::Queued => stats.queued as u32,
                At::QueuedBytes => stats.queued_bytes as u32,
                At::Unconfirmed => stats.unconfirmed as u32,
            })
        })
    }
}

impl SocketCore {
    pub(super) fn make(options: JsValue, session: Session, sink: SocketSink) -> Self {
        let owner = JsValue::from(&sink);
        Self { socket: AuthSocket::trusted(trusted_options(options), Some(session), sink, &owner) }
    }
}

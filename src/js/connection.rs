//! `AuthSocket` for the face.

use crate::proto::Millis;
use wasm_bindgen::prelude::*;

use super::error::send_error;
use super::events::SocketSink;
use super::parts::{Parts, list, variant};
use crate::proto::UrlKind;
use crate::proto::backoff::BackoffOptions;
use crate::proto::close::CloseTable;
use crate::proto::connection::{ConnectionConfig, Heartbeat, Sent, Stats};
use crate::proto::contract::{SchemeKind, SocketPart as At};
use crate::proto::outbox::{Confirm, OutboxOptions};
use crate::proto::scheme::{Answer, FirstMessage, Place, Scheme, Ticket};
use crate::web::{AuthSocket, Session};

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

    /// The counters, in the order of `Stats`.
    pub fn stats(&self) -> JsValue {
        let Stats { attempts, connections, sent, received, discarded, queued, queued_bytes, unconfirmed } =
            self.socket.stats();
        let outbox = [queued, queued_bytes, unconfirmed].map(|count| count as u32);
        list(&[attempts, connections, sent, received, discarded, outbox[0], outbox[1], outbox[2]].map(JsValue::from))
    }
}

impl SocketCore {
    pub(super) fn make(parts: &Parts, session: Session, sink: SocketSink) -> Self {
        let owner = JsValue::from(&sink);
        Self { socket: AuthSocket::trusted(read(parts), Some(session), sink, &owner) }
    }
}

/// The face has checked all of it.
fn read(parts: &Parts) -> ConnectionConfig {
    let mut close_table = CloseTable::default();
    if let (rows, []) = parts.numbers(At::CloseCodes).as_chunks::<2>() {
        for [code, action] in rows {
            close_table.set(*code as u16, variant(*action));
        }
    }
    ConnectionConfig {
        url: parts.url(At::Url, UrlKind::WebSocket),
        scheme: scheme(parts),
        protocols: parts.texts(At::Protocols).unwrap_or_default(),
        probe: parts.optional_url(At::Probe, UrlKind::Http),
        cookies: parts.flag(At::Cookies),
        backoff: BackoffOptions {
            base: parts.millis(At::Base),
            cap: parts.millis(At::Cap),
            spread: parts.millis(At::Spread),
        },
        connect_timeout: parts.millis(At::ConnectTimeout),
        http_timeout: parts.millis(At::TicketTimeout),
        min_uptime: parts.millis(At::MinUptime),
        outbox: OutboxOptions {
            max_bytes: parts.number(At::MaxBytes) as usize,
            max_messages: parts.number(At::MaxMessages) as usize,
            policy: parts.one(At::Policy),
            ttl: parts.optional_millis(At::Ttl),
        },
        confirm: parts.json(At::ConfirmAck).map(|ack| Confirm { id: parts.text(At::ConfirmId), ack }),
        max_message: parts.number(At::MaxMessage) as usize,
        allow_insecure: parts.flag(At::AllowInsecure),
        close_table,
        heartbeat: Heartbeat {
            ping: parts.json(At::Ping),
            pong: parts.json(At::Pong),
            interval: parts.millis(At::Interval),
            timeout: parts.millis(At::PongTimeout),
        },
        close_when_hidden: parts.optional_millis(At::HiddenTimeout),
        reconnects: parts.flag(At::Reconnects),
        on_renewal: parts.one(At::OnRenewal),
    }
}

fn scheme(parts: &Parts) -> Scheme {
    let place = || match parts.optional_one(At::Encoding) {
        Some(encoding) => Place::Subprotocol { prefix: parts.text(At::Prefix), encoding },
        None => Place::Query { param: parts.text(At::Param) },
    };
    match parts.one(At::Scheme) {
        SchemeKind::Anonymous => Scheme::Anonymous,
        SchemeKind::Cookie => Scheme::Cookie,
        SchemeKind::FirstMessage => Scheme::FirstMessage(FirstMessage {
            message: parts.json(At::Message),
            framing: parts.one(At::Framing),
            hello: parts.json(At::Hello),
            ack: parts.json(At::Ack),
            reject: parts.json(At::Reject),
            expired: parts.json(At::Expired),
            ack_timeout: parts.millis(At::AckTimeout),
        }),
        SchemeKind::Ticket => Scheme::Ticket(Ticket {
            url: parts.url(At::TicketUrl, UrlKind::Http),
            method: parts.one(At::Method),
            place: place(),
            field: parts.text(At::Field),
            expires_field: parts.text(At::ExpiresField),
            expires_in_field: parts.text(At::ExpiresInField),
            answer: parts.texts(At::Hosts).map_or(Answer::Ticket, |hosts| Answer::Url { hosts }),
            unauthorized: parts.number(At::Unauthorized) as u16,
            reject: parts.json(At::Reject),
        }),
        SchemeKind::Token => Scheme::Token(place()),
    }
}

//! `AuthSocket` for the face.

use crate::proto::Millis;
use wasm_bindgen::prelude::*;

use super::error::send_error;
use super::events::SocketSink;
use super::parts::{Parts, list};
use crate::proto::backoff::BackoffOptions;
use crate::proto::close::{CloseAction, CloseTable};
use crate::proto::connection::{ConnectionConfig, Heartbeat, OnRenewal, Sent, Stats};
use crate::proto::http::Method;
use crate::proto::outbox::{Confirm, OutboxOptions, OutboxPolicy};
use crate::proto::scheme::{Answer, Encoding, FirstMessage, Place, Scheme, Ticket};
use crate::proto::{Framing, UrlKind};
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
    let url = parts.url(At::Url as u32, UrlKind::WebSocket);
    let probe = parts.optional_url(At::Probe as u32, UrlKind::Http);
    let ticket_url = parts.optional_url(At::TicketUrl as u32, UrlKind::Http);
    let is_endless = parts.number(At::Millis as u32 + 10) < 0.0;
    let [ack_timeout, base, cap, spread, connect_timeout, http_timeout, min_uptime, interval, timeout, hidden, ttl] =
        parts.numbers(At::Millis as u32).map(|millis| Millis::from_millis(millis as u64));
    let [kind, encoding, is_get, unauthorized, max_bytes, max_messages, max_message, allow_insecure, cookies] =
        parts.numbers(At::Numbers as u32);
    let place = || match ENCODINGS.get(encoding as usize).copied().flatten() {
        Some(encoding) => Place::Subprotocol { prefix: parts.text(At::Place as u32), encoding },
        None => Place::Query { param: parts.text(At::Place as u32) },
    };
    let scheme = match (kind as u8, ticket_url) {
        (1, _) => Scheme::Cookie,
        (2, _) => Scheme::FirstMessage(FirstMessage {
            message: parts.json(At::Message as u32),
            framing: FRAMINGS.get(encoding as usize).copied().unwrap_or(Framing::Json),
            hello: parts.json(At::Hello as u32),
            ack: parts.json(At::Ack as u32),
            reject: parts.json(At::Reject as u32),
            expired: parts.json(At::Expired as u32),
            ack_timeout,
        }),
        (3, Some(url)) => Scheme::Ticket(Ticket {
            url,
            method: if is_get == 0.0 { Method::Post } else { Method::Get },
            place: place(),
            field: parts.text(At::Field as u32),
            expires_field: parts.text(At::ExpiresField as u32),
            expires_in_field: parts.text(At::ExpiresInField as u32),
            answer: parts
                .list(At::Hosts as u32)
                .map_or(Answer::Ticket, |hosts| Answer::Url { hosts: hosts.all_texts() }),
            unauthorized: unauthorized as u16,
            reject: parts.json(At::Reject as u32),
        }),
        (4, _) => Scheme::Token(place()),
        _ => Scheme::Anonymous,
    };
    let mut close_table = CloseTable::default();
    if let Some(rows) = parts.list(At::CloseCodes as u32) {
        for index in (0..rows.count()).step_by(2) {
            let action = ACTIONS.get(rows.number(index + 1) as usize).copied();
            close_table.set(rows.number(index) as u16, action.unwrap_or(CloseAction::Retry));
        }
    }
    ConnectionConfig {
        url,
        scheme,
        protocols: parts.list(At::Protocols as u32).map(|protocols| protocols.all_texts()).unwrap_or_default(),
        probe,
        cookies: cookies != 0.0,
        backoff: BackoffOptions { base, cap, spread },
        connect_timeout,
        http_timeout,
        min_uptime,
        outbox: OutboxOptions {
            max_bytes: max_bytes as usize,
            max_messages: max_messages as usize,
            policy: POLICIES.get(parts.number(At::Policy as u32) as usize).copied().unwrap_or(OutboxPolicy::Error),
            ttl: (!is_endless).then_some(ttl),
        },
        confirm: parts.json(At::ConfirmAck as u32).map(|ack| Confirm { id: parts.text(At::ConfirmId as u32), ack }),
        max_message: max_message as usize,
        allow_insecure: allow_insecure != 0.0,
        close_table,
        heartbeat: Heartbeat {
            ping: parts.json(At::Ping as u32),
            pong: parts.json(At::Pong as u32),
            interval,
            timeout,
        },
        close_when_hidden: (parts.number(At::ClosesWhenHidden as u32) != 0.0).then_some(hidden),
        reconnects: parts.number(At::Reconnects as u32) != 0.0,
        on_renewal: RENEWALS.get(parts.number(At::OnRenewal as u32) as usize).copied().unwrap_or(OnRenewal::Keep),
    }
}

/// Where each setting, or row of settings, stands in the array that the face hands over (`read` in npm/socket-options.ts).
#[derive(Clone, Copy)]
enum At {
    /// Texts: the three addresses (empty: none), what names the place, the ticket's fields
    Url,
    Probe,
    TicketUrl,
    Place,
    Field,
    ExpiresField,
    ExpiresInField,
    /// Eleven spans in milliseconds; the last is below 0 if there is none
    Millis,
    /// Scheme, encoding or framing, 1 for GET, the ticket's unauthorized status, three limits, 1 to allow insecure, 1 for cookies
    Numbers = 18,
    /// The first message and what answers it, the ping and its answer: JSON values or undefined
    Message = 27,
    Hello,
    Ack,
    Reject,
    Expired,
    Ping,
    Pong,
    /// An array of texts, or undefined: the answer is a ticket
    Hosts,
    /// An array of texts
    Protocols,
    /// An array: a code, its place in [`ACTIONS`], the next code, and so on
    CloseCodes,
    /// Its place in [`RENEWALS`]
    OnRenewal,
    /// 1 to close when hidden
    ClosesWhenHidden,
    /// Its place in [`POLICIES`]
    Policy,
    /// Where the id of a message is, and what confirms it, or undefined
    ConfirmId,
    ConfirmAck,
    /// 1 for another try after a failure
    Reconnects,
}

/// The order in which the face counts framings, in the place of the encoding.
const FRAMINGS: [Framing; 3] = [Framing::Json, Framing::Text, Framing::Binary];

/// The order in which the face counts encodings; the first place is a parameter of the URL.
const ENCODINGS: [Option<Encoding>; 4] =
    [None, Some(Encoding::Plain), Some(Encoding::Base64), Some(Encoding::Base64Url)];

/// The order in which the face counts what becomes of a socket when the token is renewed.
const RENEWALS: [OnRenewal; 3] = [OnRenewal::Keep, OnRenewal::Authenticate, OnRenewal::Handover];

/// The order in which the face counts what becomes of a message for which there is no room.
const POLICIES: [OutboxPolicy; 3] = [OutboxPolicy::Error, OutboxPolicy::DropOldest, OutboxPolicy::DropNewest];

/// The order in which the face counts actions.
const ACTIONS: [CloseAction; 4] =
    [CloseAction::GiveUp, CloseAction::RefreshToken, CloseAction::Retry, CloseAction::RetrySlowly];

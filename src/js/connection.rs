//! `AuthSocket` for the face.

use wasm_bindgen::prelude::*;
use web_sys::WebSocket;

use super::error::{config_error, send_error};
use super::events::{SocketSink, to_js};
use super::parts::Parts;
use crate::error::ConfigError;
use crate::proto::backoff::BackoffOptions;
use crate::proto::close::{CloseAction, CloseTable};
use crate::proto::connection::{ConnectionConfig, Stats};
use crate::proto::http::Method;
use crate::proto::outbox::OutboxOptions;
use crate::proto::scheme::{FirstMessage, Query, Scheme, Ticket};
use crate::proto::{Json, Url, UrlKind};
use crate::web::{AuthSocket, CODEC, Session};

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

    /// Closes for good.
    pub fn close(&self, code: u16, reason: &str) -> Result<(), JsValue> {
        self.socket.close(code, reason).map_err(|error| config_error(&error))
    }

    /// Sends a message.
    pub fn send(&self, data: &JsValue) -> Result<(), JsValue> {
        self.socket.send(data).map_err(send_error)
    }

    /// The browser's present WebSocket, if there is one. The face reads its properties and shows nothing of its URL.
    pub fn native(&self) -> Option<WebSocket> {
        self.socket.native()
    }

    /// The counters, in the order of `Stats`.
    pub fn stats(&self) -> JsValue {
        let Stats { attempts, connections, sent, received, discarded, queued, queued_bytes } = self.socket.stats();
        to_js(&[attempts, connections, sent, received, discarded, queued as u32, queued_bytes as u32])
    }
}

impl SocketCore {
    pub(super) fn make(parts: &Parts, session: Session, sink: SocketSink) -> Result<Self, JsValue> {
        let socket = read(parts).and_then(|config| AuthSocket::new(config, Some(session), sink));
        socket.map(|socket| Self { socket }).map_err(|error| config_error(&error))
    }
}

fn read(parts: &Parts) -> Result<ConnectionConfig, ConfigError> {
    let scheme = match parts.number(At::Scheme as u32) as u8 {
        1 => Scheme::FirstMessage(FirstMessage {
            message: parts.json(At::Message as u32).unwrap_or(Json::Null),
            hello: parts.json(At::Hello as u32),
            ack: parts.json(At::Ack as u32),
            reject: parts.json(At::Reject as u32),
            ack_timeout: parts.millis(At::AckTimeout as u32),
        }),
        2 => Scheme::Query(Query { param: parts.text(At::Param as u32) }),
        3 => Scheme::Ticket(Ticket {
            url: Url::parse(CODEC, "scheme.url", &parts.text(At::TicketUrl as u32), UrlKind::Http)?,
            method: if parts.number(At::IsGet as u32) == 0.0 { Method::Post } else { Method::Get },
            param: parts.text(At::Param as u32),
            field: parts.text(At::Field as u32),
            expires_field: parts.text(At::ExpiresField as u32),
            expires_in_field: parts.text(At::ExpiresInField as u32),
        }),
        _ => Scheme::Anonymous,
    };
    let (protocols, count) = parts.within(At::Protocols as u32);
    let protocols = (0..count).map(|index| protocols.text(index)).collect();
    let (rows, count) = parts.within(At::CloseCodes as u32);
    let mut close_table = CloseTable::default();
    for index in (0..count).step_by(2) {
        let action = ACTIONS.get(rows.number(index + 1) as usize).copied();
        close_table.set(rows.number(index) as u16, action.unwrap_or(CloseAction::Retry));
    }
    Ok(ConnectionConfig {
        codec: CODEC,
        url: Url::parse(CODEC, "url", &parts.text(At::Url as u32), UrlKind::WebSocket)?,
        scheme,
        protocols,
        backoff: BackoffOptions {
            base: parts.millis(At::BackoffBase as u32),
            cap: parts.millis(At::BackoffCap as u32),
            spread: parts.millis(At::BackoffSpread as u32),
        },
        connect_timeout: parts.millis(At::ConnectTimeout as u32),
        http_timeout: parts.millis(At::TicketTimeout as u32),
        min_uptime: parts.millis(At::MinUptime as u32),
        outbox: OutboxOptions {
            max_bytes: parts.number(At::MaxBytes as u32) as usize,
            max_messages: parts.number(At::MaxMessages as u32) as usize,
        },
        max_message: parts.number(At::MaxMessageSize as u32) as usize,
        allow_insecure: parts.number(At::AllowInsecure as u32) != 0.0,
        close_table,
    })
}

/// Where each setting stands in the array that the face hands over (`read` in npm/socket.ts).
#[derive(Clone, Copy)]
enum At {
    Url,
    TicketUrl,
    Param,
    Field,
    ExpiresField,
    ExpiresInField,
    /// 0 anonymous, 1 first message, 2 query, 3 ticket
    Scheme,
    /// 1 for GET, else POST
    IsGet,
    /// This and what follows to `MinUptime` in milliseconds
    AckTimeout,
    BackoffBase,
    BackoffCap,
    BackoffSpread,
    ConnectTimeout,
    TicketTimeout,
    MinUptime,
    MaxBytes,
    MaxMessages,
    MaxMessageSize,
    /// 1 or 0
    AllowInsecure,
    /// The first message and what answers it, JSON values or undefined
    Message,
    Hello,
    Ack,
    Reject,
    /// An array of texts
    Protocols,
    /// An array: a code, its place in [`ACTIONS`], the next code, and so on
    CloseCodes,
}

/// The order in which the face counts actions.
const ACTIONS: [CloseAction; 4] =
    [CloseAction::GiveUp, CloseAction::RefreshToken, CloseAction::Retry, CloseAction::RetrySlowly];

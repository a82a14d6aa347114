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
    let scheme = match parts.number(6) as u8 {
        1 => Scheme::FirstMessage(FirstMessage {
            message: parts.json(19).unwrap_or(Json::Null),
            hello: parts.json(20),
            ack: parts.json(21),
            reject: parts.json(22),
            ack_timeout: parts.millis(8),
        }),
        2 => Scheme::Query(Query { param: parts.text(2) }),
        3 => Scheme::Ticket(Ticket {
            url: Url::parse(CODEC, "scheme.url", &parts.text(1), UrlKind::Http)?,
            method: if parts.number(7) == 0.0 { Method::Post } else { Method::Get },
            param: parts.text(2),
            field: parts.text(3),
            expires_field: parts.text(4),
            expires_in_field: parts.text(5),
        }),
        _ => Scheme::Anonymous,
    };
    let (protocols, count) = parts.within(23);
    let protocols = (0..count).map(|index| protocols.text(index)).collect();
    let (rows, count) = parts.within(24);
    let mut close_table = CloseTable::default();
    for index in (0..count).step_by(2) {
        let action = ACTIONS.get(rows.number(index + 1) as usize).copied();
        close_table.set(rows.number(index) as u16, action.unwrap_or(CloseAction::Retry));
    }
    Ok(ConnectionConfig {
        codec: CODEC,
        url: Url::parse(CODEC, "url", &parts.text(0), UrlKind::WebSocket)?,
        scheme,
        protocols,
        backoff: BackoffOptions { base: parts.millis(9), cap: parts.millis(10), spread: parts.millis(11) },
        connect_timeout: parts.millis(12),
        http_timeout: parts.millis(13),
        min_uptime: parts.millis(14),
        outbox: OutboxOptions { max_bytes: parts.number(15) as usize, max_messages: parts.number(16) as usize },
        max_message: parts.number(17) as usize,
        allow_insecure: parts.number(18) != 0.0,
        close_table,
    })
}

/// The order in which the face counts actions.
const ACTIONS: [CloseAction; 4] =
    [CloseAction::GiveUp, CloseAction::RefreshToken, CloseAction::Retry, CloseAction::RetrySlowly];

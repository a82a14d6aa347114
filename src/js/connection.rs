//! `AuthSocket` for the face.

use js_sys::Array;
use wasm_bindgen::prelude::*;
use web_sys::WebSocket;

use super::error::{config_error, send_error};
use super::events::SocketSink;
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
    /// Makes a socket that waits for `connect()`.
    ///
    /// `texts`: URL, ticket URL, parameter, then the ticket's fields (ticket, expires, expires in), then the subprotocols.
    /// `numbers`: scheme (0 anonymous, 1 first message, 2 query, 3 ticket), 1 for GET, then in ms ack timeout, backoff's
    /// base, cap and spread, connect timeout, ticket timeout and minimum uptime, then the outbox's bytes and messages, the
    /// longest message, 1 to allow insecure addresses, then pairs of a close code and its action (in the order of
    /// `ACTIONS`). `templates`: message, hello, ack, reject.
    #[wasm_bindgen(constructor)]
    pub fn new(texts: Array, numbers: Array, templates: Array, sink: SocketSink) -> Result<Self, JsValue> {
        Self::make(&Parts { texts, numbers, templates }, None, sink)
    }

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
    pub fn stats(&self) -> Vec<u32> {
        let Stats { attempts, connections, sent, received, discarded, queued, queued_bytes } = self.socket.stats();
        vec![attempts, connections, sent, received, discarded, queued as u32, queued_bytes as u32]
    }
}

impl SocketCore {
    pub(super) fn make(parts: &Parts, session: Option<Session>, sink: SocketSink) -> Result<Self, JsValue> {
        let socket = read(parts).and_then(|config| AuthSocket::new(config, session, sink));
        socket.map(|socket| Self { socket }).map_err(|error| config_error(&error))
    }
}

fn read(parts: &Parts) -> Result<ConnectionConfig, ConfigError> {
    let text = |index| parts.text(index);
    let scheme = match parts.number(0) as u8 {
        1 => Scheme::FirstMessage(FirstMessage {
            message: parts.template(0).unwrap_or(Json::Null),
            hello: parts.template(1),
            ack: parts.template(2),
            reject: parts.template(3),
            ack_timeout: parts.millis(2),
        }),
        2 => Scheme::Query(Query { param: text(2) }),
        3 => Scheme::Ticket(Ticket {
            url: Url::parse(CODEC, "scheme.url", &parts.text(1), UrlKind::Http)?,
            method: if parts.number(1) == 0.0 { Method::Post } else { Method::Get },
            param: text(2),
            field: text(3),
            expires_field: text(4),
            expires_in_field: text(5),
        }),
        _ => Scheme::Anonymous,
    };
    let mut close_table = CloseTable::default();
    for index in (13..parts.numbers.length()).step_by(2) {
        let action = ACTIONS.get(parts.number(index + 1) as usize).copied();
        close_table.set(parts.number(index) as u16, action.unwrap_or(CloseAction::Retry));
    }
    Ok(ConnectionConfig {
        codec: CODEC,
        url: Url::parse(CODEC, "url", &parts.text(0), UrlKind::WebSocket)?,
        scheme,
        protocols: (6..parts.texts.length()).map(text).collect(),
        backoff: BackoffOptions { base: parts.millis(3), cap: parts.millis(4), spread: parts.millis(5) },
        connect_timeout: parts.millis(6),
        http_timeout: parts.millis(7),
        min_uptime: parts.millis(8),
        outbox: OutboxOptions { max_bytes: parts.number(9) as usize, max_messages: parts.number(10) as usize },
        max_message: parts.number(11) as usize,
        allow_insecure: parts.number(12) != 0.0,
        close_table,
    })
}

/// The order in which the face counts actions.
const ACTIONS: [CloseAction; 4] =
    [CloseAction::GiveUp, CloseAction::RefreshToken, CloseAction::Retry, CloseAction::RetrySlowly];

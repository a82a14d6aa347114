//! `AuthSocket` for the face.

use wasm_bindgen::prelude::*;

use super::error::{config_error, send_error};
use super::events::{SocketSink, StatsData, to_js};
use super::parts::Parts;
use super::session::SessionCore;
use crate::error::ConfigError;
use crate::proto::backoff::BackoffOptions;
use crate::proto::close::{CloseAction, CloseTable};
use crate::proto::connection::ConnectionConfig;
use crate::proto::http::Method;
use crate::proto::outbox::OutboxOptions;
use crate::proto::scheme::{FirstMessage, Query, Scheme, Ticket};
use crate::proto::{Json, Url, UrlKind};
use crate::web::{AuthSocket, CODEC};

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
    pub fn new(
        texts: Vec<String>,
        numbers: &[f64],
        templates: Vec<JsValue>,
        session: Option<SessionRef>,
        sink: SocketSink,
    ) -> Result<Self, JsValue> {
        let session = session.map(|session| session.session);
        let config = read(&Parts { texts: &texts, numbers, templates: &templates });
        let socket = config.and_then(|config| AuthSocket::new(config, session, sink));
        socket.map(|socket| Self { socket }).map_err(|error| config_error(&error))
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

    /// The subprotocol that the server chose.
    #[wasm_bindgen(getter)]
    pub fn protocol(&self) -> String {
        self.socket.protocol()
    }

    /// The extensions that the server chose.
    #[wasm_bindgen(getter)]
    pub fn extensions(&self) -> String {
        self.socket.extensions()
    }

    /// Bytes handed to the socket and not yet to the network.
    #[wasm_bindgen(getter, js_name = bufferedAmount)]
    pub fn buffered_amount(&self) -> f64 {
        self.socket.buffered_amount()
    }

    /// Sets how binary messages arrive.
    #[wasm_bindgen(js_name = setBinaryType)]
    pub fn set_binary_type(&self, binary_type: &str) {
        self.socket.set_binary_type(binary_type);
    }

    /// The counters.
    pub fn stats(&self) -> JsValue {
        to_js(&StatsData::from(self.socket.stats()))
    }
}

/// A session handed to a socket; the face keeps its own.
#[derive(Debug)]
#[wasm_bindgen]
pub struct SessionRef {
    session: crate::web::Session,
}

#[wasm_bindgen]
impl SessionRef {
    /// Makes a handle on a session that a socket can take.
    pub fn of(session: &SessionCore) -> Self {
        Self { session: session.session.clone() }
    }
}

fn read(parts: &Parts<'_>) -> Result<ConnectionConfig, ConfigError> {
    let text = |index: usize| parts.text(index).to_owned();
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
            url: Url::parse(CODEC, "scheme.url", parts.text(1), UrlKind::Http)?,
            method: if parts.number(1) == 0.0 { Method::Post } else { Method::Get },
            param: text(2),
            field: text(3),
            expires_field: text(4),
            expires_in_field: text(5),
        }),
        _ => Scheme::Anonymous,
    };
    let mut close_table = CloseTable::default();
    for row in parts.numbers.get(13..).unwrap_or_default().chunks_exact(2) {
        if let [code, action] = row {
            close_table.set(*code as u16, ACTIONS.get(*action as usize).copied().unwrap_or(CloseAction::Retry));
        }
    }
    Ok(ConnectionConfig {
        codec: CODEC,
        url: Url::parse(CODEC, "url", parts.text(0), UrlKind::WebSocket)?,
        scheme,
        protocols: parts.texts.get(6..).unwrap_or_default().to_vec(),
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

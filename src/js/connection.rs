//! `AuthSocket` for the face.

use core::time::Duration;

use js_sys::{Object, Reflect};
use wasm_bindgen::prelude::*;

use super::error::{config_error, send_error};
use super::events::{SocketSink, StatsData, to_js};
use super::options::{Mistakes, Options};
use super::session::SessionCore;
use crate::error::ConfigError;
use crate::proto::UrlKind;
use crate::proto::backoff::BackoffOptions;
use crate::proto::close::{CloseAction, CloseTable};
use crate::proto::connection::ConnectionConfig;
use crate::proto::http::Method;
use crate::proto::outbox::OutboxOptions;
use crate::proto::scheme::{FirstMessage, Query, Scheme, Ticket};
use crate::web::{AuthSocket, CODEC};

/// One authenticated socket.
#[derive(Debug)]
#[wasm_bindgen]
pub struct SocketCore {
    socket: AuthSocket,
}

#[wasm_bindgen]
impl SocketCore {
    /// Reads options and makes a socket that waits for `connect()`.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &JsValue, session: Option<SessionRef>, sink: SocketSink) -> Result<Self, JsValue> {
        let session = session.map(|session| session.session);
        let socket = read(options).and_then(|config| AuthSocket::new(config, session, sink));
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

fn read(options: &JsValue) -> Result<ConnectionConfig, ConfigError> {
    const KNOWN: &str = "url scheme protocols backoff connectTimeout ticketTimeout minUptime closeCodes outbox maxMessageSize allowInsecure";
    const SCHEME: &str = "type url method param field expiresField expiresInField message hello ack reject ackTimeout";
    let mistakes = Mistakes::default();
    let options = Options::new(options.clone(), "", KNOWN, &mistakes);
    let scheme = options.within("scheme", "scheme.", SCHEME).and_then(|options| scheme(&options));
    let Some((url, scheme)) = options.url("url", UrlKind::WebSocket).zip(scheme) else { return mistakes.first(None) };
    let defaults = ConnectionConfig::new(CODEC, url, scheme);
    let config = ConnectionConfig {
        protocols: options.texts("protocols"),
        backoff: backoff(&options),
        connect_timeout: options.millis("connectTimeout", defaults.connect_timeout),
        http_timeout: options.millis("ticketTimeout", defaults.http_timeout),
        min_uptime: options.millis("minUptime", defaults.min_uptime),
        close_table: close_table(&options),
        outbox: outbox(&options),
        max_message: options.count("maxMessageSize", usize::MAX),
        allow_insecure: options.flag("allowInsecure"),
        ..defaults
    };
    mistakes.first(Some(config))
}

fn scheme(options: &Options<'_>) -> Option<Scheme> {
    Some(match options.text("type", "unnamed").as_str() {
        "anonymous" => Scheme::Anonymous,
        "firstMessage" => {
            let message = options.json("message");
            if message.is_none() {
                options.fail("message", "the first message is needed, with \"$token\" where the token goes");
            }
            Scheme::FirstMessage(FirstMessage {
                message: message?,
                hello: options.json("hello"),
                ack: options.json("ack"),
                reject: options.json("reject"),
                ack_timeout: options.millis("ackTimeout", Duration::from_secs(10)),
            })
        }
        "query" => Scheme::Query(Query { param: options.text("param", "token") }),
        "ticket" => Scheme::Ticket(Ticket {
            url: options.url("url", UrlKind::Http)?,
            method: options.method(Method::Post),
            param: options.text("param", "ticket"),
            field: options.text("field", "ticket"),
            expires_field: options.text("expiresField", "expires"),
            expires_in_field: options.text("expiresInField", "expires_in"),
        }),
        _ => {
            options.fail("", "use ticket(…), firstMessage(…), query(…) or anonymous()");
            return None;
        }
    })
}

fn backoff(options: &Options<'_>) -> BackoffOptions {
    let defaults = BackoffOptions::default();
    let Some(options) = options.within("backoff", "backoff.", "base cap spread") else { return defaults };
    BackoffOptions {
        base: options.millis("base", defaults.base),
        cap: options.millis("cap", defaults.cap),
        spread: options.millis("spread", defaults.spread),
    }
}

fn outbox(options: &Options<'_>) -> OutboxOptions {
    let defaults = OutboxOptions::default();
    let Some(options) = options.within("outbox", "outbox.", "maxBytes maxMessages") else { return defaults };
    OutboxOptions {
        max_bytes: options.count("maxBytes", defaults.max_bytes),
        max_messages: options.count("maxMessages", defaults.max_messages),
    }
}

/// `{4403: 'refreshToken'}`.
fn close_table(options: &Options<'_>) -> CloseTable {
    const ACTIONS: [CloseAction; 4] =
        [CloseAction::GiveUp, CloseAction::RefreshToken, CloseAction::Retry, CloseAction::RetrySlowly];
    let mut table = CloseTable::default();
    let Some(value) = options.get("closeCodes") else { return table };
    // Of anything but an object there are no keys, or none that is a code.
    for key in Object::keys(&Object::from(value.clone())).iter() {
        let code = key.as_string().and_then(|text| text.parse::<u16>().ok());
        let name = Reflect::get(&value, &key).ok().and_then(|name| name.as_string());
        let action = ACTIONS.into_iter().find(|action| Some(action.name()) == name.as_deref());
        match code.zip(action) {
            Some((code, action)) => table.set(code, action),
            None => {
                options.fail(
                    "closeCodes",
                    "each row is a close code and 'retry', 'retrySlowly', 'refreshToken' or 'giveUp'",
                );
            }
        }
    }
    table
}

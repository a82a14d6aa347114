//! `Session` for the face.

use core::time::Duration;

use js_sys::{Array, Function};
use wasm_bindgen::prelude::*;

use super::connection::SocketCore;
use super::error::{config_error, token_error};
use super::events::SocketSink;
use super::parts::Parts;
use crate::error::ConfigError;
use crate::proto::http::BodyEncoding;
use crate::proto::session::{LoginError, SessionConfig, TokenEndpoint, TokenFields};
use crate::proto::token::Lifetime;
use crate::proto::{Secret, UrlKind};
use crate::web::{CODEC, Session, from_js};

/// The session of one user.
#[derive(Debug)]
#[wasm_bindgen]
pub struct SessionCore {
    session: Session,
}

#[wasm_bindgen]
impl SessionCore {
    /// Makes a session; `on_change` is called after each change.
    ///
    /// `parts`: the URLs of login, refresh and logout (empty: none), their bodies, 1 for each that is a form; prefix, the
    /// fields access, refresh (empty: none), expires in and expires at; leeway and HTTP timeout in ms, 1 to allow insecure
    /// endpoints, 1 for cookies.
    #[wasm_bindgen(constructor)]
    pub fn new(parts: Array, on_change: Function) -> Result<Self, JsValue> {
        let session = read(&Parts(parts)).and_then(Session::new).map_err(|error| config_error(&error))?;
        // The face's callback dispatches an event and throws nothing.
        session.on_change(move |_| drop(on_change.call0(&JsValue::NULL)));
        Ok(Self { session })
    }

    /// `signed-out`, `signed-in`, `refreshing` or `expired`.
    #[wasm_bindgen(getter)]
    pub fn state(&self) -> JsValue {
        self.session.state().name().into()
    }

    /// Takes tokens. `parts`: access, refresh (empty: none), seconds of life, end in seconds since 1970 (0: the token tells).
    #[wasm_bindgen(js_name = setTokens)]
    pub fn set_tokens(&self, parts: Array) {
        let parts = Parts(parts);
        let number = |index| Some(parts.number(index)).filter(|number| *number > 0.0);
        let lifetime = Lifetime { expires_in: number(2), expires_at: number(3) };
        // The face has checked the token.
        self.session.set_tokens(Secret::new(parts.text(0)), parts.optional_text(1).map(Secret::new), lifetime).ok();
    }

    /// Signs in with credentials, an object; `done` is called with an error (see error.rs) and the server's words, or with undefined.
    pub fn login(&self, credentials: JsValue, done: Function) {
        self.session.login(from_js(&credentials), move |result| {
            let (error, answer) = match result {
                Ok(()) => (JsValue::UNDEFINED, None),
                Err(LoginError { error, answer }) => (token_error(error), answer),
            };
            let answer = answer.map(|answer| JsValue::from_str(answer.expose()));
            // Settling a promise does not throw.
            drop(done.call2(&JsValue::NULL, &error, &answer.into()));
        });
    }

    /// Makes a socket of this session, which waits for `connect()`. `parts`: see `At` in src/js/connection.rs.
    pub fn socket(&self, parts: Array, sink: SocketSink) -> Result<SocketCore, JsValue> {
        SocketCore::make(&Parts(parts), self.session.clone(), sink)
    }

    /// Signs out.
    pub fn logout(&self) {
        self.session.logout();
    }
}

fn read(parts: &Parts) -> Result<SessionConfig, ConfigError> {
    let [leeway, http_timeout, allow_insecure, cookies] = parts.numbers(14);
    let endpoint = |index: u32, option: &'static str| -> Result<Option<TokenEndpoint>, ConfigError> {
        let Some(url) = parts.optional_url(index, option, UrlKind::Http)? else { return Ok(None) };
        let encoding = if parts.number(index + 6) == 0.0 { BodyEncoding::Json } else { BodyEncoding::Form };
        Ok(Some(TokenEndpoint { url, body: parts.json(index + 3), encoding }))
    };
    Ok(SessionConfig {
        codec: CODEC,
        login: endpoint(0, "login.url")?,
        refresh: endpoint(1, "refresh.url")?,
        logout: endpoint(2, "logout.url")?,
        cookies: cookies != 0.0,
        prefix: parts.text(9),
        fields: TokenFields {
            access: parts.text(10),
            refresh: parts.optional_text(11),
            expires_in: parts.text(12),
            expires_at: parts.text(13),
        },
        leeway: Duration::from_millis(leeway as u64),
        http_timeout: Duration::from_millis(http_timeout as u64),
        allow_insecure: allow_insecure != 0.0,
    })
}

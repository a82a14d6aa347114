//! `Session` for the face.

use js_sys::{Array, Function};
use wasm_bindgen::prelude::*;

use super::connection::SocketCore;
use super::error::{config_error, token_error};
use super::events::SocketSink;
use super::parts::Parts;
use crate::error::ConfigError;
use crate::proto::http::Method;
use crate::proto::session::{SessionConfig, TokenEndpoint, TokenFields};
use crate::proto::token::Lifetime;
use crate::proto::{Secret, Url, UrlKind};
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
    /// `texts`: login URL, refresh URL (empty: none), prefix, then the fields access, refresh (empty: none), expires in and
    /// expires at. `numbers`: leeway and HTTP timeout in ms, 1 to allow insecure endpoints. `templates`: the bodies of
    /// login and refresh.
    #[wasm_bindgen(constructor)]
    pub fn new(texts: Array, numbers: Array, templates: Array, on_change: Function) -> Result<Self, JsValue> {
        let config = read(&Parts { texts, numbers, templates }).map_err(|error| config_error(&error))?;
        let session = Session::new(config);
        // The face's callback dispatches an event and throws nothing.
        session.on_change(move |_| drop(on_change.call0(&JsValue::NULL)));
        Ok(Self { session })
    }

    /// `signed-out`, `signed-in`, `refreshing` or `expired`.
    #[wasm_bindgen(getter)]
    pub fn state(&self) -> String {
        self.session.state().name().to_owned()
    }

    /// Takes tokens.
    #[wasm_bindgen(js_name = setTokens)]
    pub fn set_tokens(
        &self,
        access: String,
        refresh: Option<String>,
        expires_in: Option<f64>,
        expires_at: Option<f64>,
    ) {
        self.session.set_tokens(Secret::new(access), refresh.map(Secret::new), Lifetime { expires_in, expires_at });
    }

    /// Signs in with credentials, an object; `done` is called with an error object, or with undefined.
    pub fn login(&self, credentials: &JsValue, done: Function) {
        self.session.login(from_js(credentials), move |result| {
            let error = result.err().map_or(JsValue::UNDEFINED, token_error);
            // Settling a promise does not throw.
            drop(done.call1(&JsValue::NULL, &error));
        });
    }

    /// Makes a socket of this session; see `SocketCore`.
    pub fn socket(
        &self,
        texts: Array,
        numbers: Array,
        templates: Array,
        sink: SocketSink,
    ) -> Result<SocketCore, JsValue> {
        SocketCore::make(&Parts { texts, numbers, templates }, Some(self.session.clone()), sink)
    }

    /// Signs out.
    pub fn logout(&self) {
        self.session.logout();
    }
}

fn read(parts: &Parts) -> Result<SessionConfig, ConfigError> {
    let allow_insecure = parts.number(2) != 0.0;
    let endpoint = |index: u32, option: &str| -> Result<Option<TokenEndpoint>, ConfigError> {
        let text = parts.text(index);
        if text.is_empty() {
            return Ok(None);
        }
        let url = Url::parse(CODEC, option, &text, UrlKind::Http)?;
        url.check_carries_credential(option, allow_insecure)?;
        Ok(Some(TokenEndpoint { url, method: Method::Post, body: parts.template(index) }))
    };
    Ok(SessionConfig {
        codec: CODEC,
        login: endpoint(0, "login.url")?,
        refresh: endpoint(1, "refresh.url")?,
        prefix: parts.text(2),
        fields: TokenFields {
            access: parts.text(3),
            refresh: Some(parts.text(4)).filter(|field| !field.is_empty()),
            expires_in: parts.text(5),
            expires_at: parts.text(6),
        },
        leeway: parts.millis(0),
        http_timeout: parts.millis(1),
    })
}

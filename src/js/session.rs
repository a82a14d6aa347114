//! `Session` for the face.

use core::time::Duration;

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;

use super::error::{config_error, token_error};
use super::options::{Mistakes, Options};
use crate::error::ConfigError;
use crate::proto::http::Method;
use crate::proto::session::{LEEWAY, SessionConfig, TokenEndpoint, TokenFields};
use crate::proto::token::Lifetime;
use crate::proto::{Secret, UrlKind};
use crate::web::{CODEC, Session, from_js};

/// The session of one user.
#[derive(Debug)]
#[wasm_bindgen]
pub struct SessionCore {
    pub(super) session: Session,
    has_login: bool,
}

#[wasm_bindgen]
impl SessionCore {
    /// Reads options and makes a session; `on_change` is called with each new state.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &JsValue, on_change: Function) -> Result<Self, JsValue> {
        let config = read(options).map_err(|error| config_error(&error))?;
        let has_login = config.login.is_some();
        let session = Session::new(config);
        session.on_change(move |state| {
            // The face's callback dispatches an event and throws nothing.
            on_change.call1(&JsValue::NULL, &state.name().into()).ok();
        });
        Ok(Self { session, has_login })
    }

    /// `signed-out`, `signed-in`, `refreshing` or `expired`.
    #[wasm_bindgen(getter)]
    pub fn state(&self) -> String {
        self.session.state().name().to_owned()
    }

    /// Takes tokens: `{access, refresh?, expiresIn?, expiresAt?}`.
    #[wasm_bindgen(js_name = setTokens)]
    pub fn set_tokens(&self, tokens: &JsValue) -> Result<(), JsValue> {
        let mistakes = Mistakes::default();
        let options = Options::new(tokens.clone(), "tokens.", "access refresh expiresIn expiresAt", &mistakes);
        let access = Secret::new(options.text("access", ""));
        if access.expose().is_empty() {
            options.fail("access", "an access token is needed");
        }
        let refresh = options.get("refresh").map(|_| Secret::new(options.text("refresh", "")));
        let lifetime = Lifetime { expires_in: options.seconds("expiresIn"), expires_at: options.seconds("expiresAt") };
        mistakes.first(Some(())).map_err(|error| config_error(&error))?;
        self.session.set_tokens(access, refresh, lifetime);
        Ok(())
    }

    /// Signs in with credentials; the promise is rejected with an error object.
    pub fn login(&self, credentials: &JsValue) -> Result<Promise, JsValue> {
        if !self.has_login {
            return Err(config_error(&ConfigError::option("login", "this session has no login endpoint")));
        }
        if !credentials.is_object() {
            return Err(config_error(&ConfigError::option(
                "credentials",
                "an object such as {username, password} is needed",
            )));
        }
        let credentials = from_js(credentials);
        let mut work = Some((self.session.clone(), credentials));
        Ok(Promise::new(&mut |resolve: Function, reject: Function| {
            let Some((session, credentials)) = work.take() else { return };
            session.login(credentials, move |result| {
                // Settling a promise does not throw.
                match result {
                    Ok(()) => resolve.call0(&JsValue::NULL).ok(),
                    Err(error) => reject.call1(&JsValue::NULL, &token_error(error)).ok(),
                };
            });
        }))
    }

    /// Signs out.
    pub fn logout(&self) {
        self.session.logout();
    }
}

fn read(options: &JsValue) -> Result<SessionConfig, ConfigError> {
    const KNOWN: &str = "login refresh fields tokenPrefix leeway httpTimeout store allowInsecure";
    let mistakes = Mistakes::default();
    let options = Options::new(options.clone(), "", KNOWN, &mistakes);
    if options.text("store", "memory") != "memory" {
        options.fail("store", "'memory' is the only store there is");
    }
    let allow_insecure = options.flag("allowInsecure");
    let endpoint = |name, path| {
        options.within(name, path, "url method body").and_then(|options| endpoint(&options, allow_insecure, &mistakes))
    };
    let config = SessionConfig {
        login: endpoint("login", "login."),
        refresh: endpoint("refresh", "refresh."),
        fields: fields(&options),
        prefix: options.text("tokenPrefix", "Bearer"),
        leeway: options.millis("leeway", LEEWAY),
        http_timeout: options.millis("httpTimeout", Duration::from_secs(10)),
        ..SessionConfig::new(CODEC)
    };
    mistakes.first(Some(config))
}

#[inline(never)]
fn endpoint(options: &Options<'_>, allow_insecure: bool, mistakes: &Mistakes) -> Option<TokenEndpoint> {
    let url = options.url("url", UrlKind::Http)?;
    if let Err(error) = url.check_carries_credential(options.path(), allow_insecure) {
        mistakes.note(error);
    }
    let method = options.method(Method::Post);
    if method == Method::Get {
        options.fail("method", "credentials travel in a body, and a browser sends none with GET; use 'POST'");
    }
    Some(TokenEndpoint { url, method, body: options.json("body") })
}

fn fields(options: &Options<'_>) -> TokenFields {
    let defaults = TokenFields::default();
    let Some(fields) = options.within("fields", "fields.", "access refresh expiresIn expiresAt") else {
        return defaults;
    };
    let has_refresh = fields.get("refresh").is_none_or(|value| !value.is_null());
    TokenFields {
        access: fields.text("access", &defaults.access),
        refresh: has_refresh.then(|| fields.text("refresh", "refresh")),
        expires_in: fields.text("expiresIn", &defaults.expires_in),
        expires_at: fields.text("expiresAt", &defaults.expires_at),
    }
}

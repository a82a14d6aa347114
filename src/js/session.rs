//! `Session` for the face.

use core::time::Duration;

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;

use super::error::{config_error, token_error};
use super::options::Options;
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
    pub fn new(options: &JsValue, on_change: Function) -> Result<SessionCore, JsValue> {
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
        let read = || {
            const NAMES: &[(&str, &str)] = &[
                ("access", "tokens.access"),
                ("refresh", "tokens.refresh"),
                ("expiresIn", "tokens.expiresIn"),
                ("expiresAt", "tokens.expiresAt"),
            ];
            let options = Options::new("tokens", tokens, NAMES)?;
            let access = match options.get("access") {
                Some(_) => Secret::new(options.text("access", "")?),
                None => return options.fail("access", "an access token is needed"),
            };
            let refresh = match options.get("refresh") {
                Some(_) => Some(Secret::new(options.text("refresh", "")?)),
                None => None,
            };
            let (expires_in, expires_at) = (options.seconds("expiresIn")?, options.seconds("expiresAt")?);
            Ok((access, refresh, Lifetime { expires_in, expires_at }))
        };
        let (access, refresh, lifetime) = read().map_err(|error: ConfigError| config_error(&error))?;
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
    const NAMES: &[(&str, &str)] = &[
        ("login", "login"),
        ("refresh", "refresh"),
        ("fields", "fields"),
        ("tokenPrefix", "tokenPrefix"),
        ("leeway", "leeway"),
        ("httpTimeout", "httpTimeout"),
        ("store", "store"),
        ("allowInsecure", "allowInsecure"),
    ];
    let options = Options::new("options", options, NAMES)?;
    let allow_insecure = options.flag("allowInsecure")?;
    if options.text("store", "memory")? != "memory" {
        return options.fail("store", "'memory' is the only store there is");
    }
    let endpoint = |name: &str, names, what| match options.get(name) {
        Some(value) => endpoint(what, &value, names, allow_insecure).map(Some),
        None => Ok(None),
    };
    const LOGIN: &[(&str, &str)] = &[("url", "login.url"), ("method", "login.method"), ("body", "login.body")];
    const REFRESH: &[(&str, &str)] = &[("url", "refresh.url"), ("method", "refresh.method"), ("body", "refresh.body")];
    Ok(SessionConfig {
        login: endpoint("login", LOGIN, "login")?,
        refresh: endpoint("refresh", REFRESH, "refresh")?,
        fields: fields(&options)?,
        prefix: options.text("tokenPrefix", "Bearer")?,
        leeway: options.millis("leeway", LEEWAY)?,
        http_timeout: options.millis("httpTimeout", Duration::from_secs(10))?,
        ..SessionConfig::new(CODEC)
    })
}

fn endpoint(
    what: &'static str,
    value: &JsValue,
    names: &'static [(&'static str, &'static str)],
    allow_insecure: bool,
) -> Result<TokenEndpoint, ConfigError> {
    let options = Options::new(what, value, names)?;
    let url = options.url("url", UrlKind::Http)?;
    url.check_carries_credential(options.shown("url"), allow_insecure)?;
    let method = options.method("method", Method::Post)?;
    if method == Method::Get {
        return options.fail("method", "credentials travel in a body, and a browser sends none with GET; use 'POST'");
    }
    Ok(TokenEndpoint { url, method, body: options.json("body") })
}

fn fields(options: &Options<'_>) -> Result<TokenFields, ConfigError> {
    const NAMES: &[(&str, &str)] = &[
        ("access", "fields.access"),
        ("refresh", "fields.refresh"),
        ("expiresIn", "fields.expiresIn"),
        ("expiresAt", "fields.expiresAt"),
    ];
    let defaults = TokenFields::default();
    let Some(value) = options.get("fields") else { return Ok(defaults) };
    let fields = Options::new("fields", &value, NAMES)?;
    let refresh = match fields.get("refresh") {
        Some(value) if value.is_null() => None,
        Some(_) | None => Some(fields.text("refresh", "refresh")?),
    };
    Ok(TokenFields {
        access: fields.text("access", &defaults.access)?,
        refresh,
        expires_in: fields.text("expiresIn", &defaults.expires_in)?,
        expires_at: fields.text("expiresAt", &defaults.expires_at)?,
    })
}

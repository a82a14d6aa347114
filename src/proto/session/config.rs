//! What a session is told: its endpoints and where the tokens stand in their answers.

use super::super::http::{Body, BodyEncoding, HttpRequest, Method};
use super::super::{Json, Secret, Url};
use super::LEEWAY;
use crate::error::ConfigError;
use crate::proto::Millis;
use crate::proto::contract::numbered;

/// Settings of a session.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Where `login()` posts credentials.
    pub login: Option<TokenEndpoint>,
    /// Where a refresh token is exchanged.
    pub refresh: Option<TokenEndpoint>,
    /// Whether the app has a source of its own, in the place of `refresh`.
    pub has_source: bool,
    /// Whether a store keeps the tokens, which other tabs may read and change.
    pub has_store: bool,
    /// What is told of a logout, with the session's `Authorization` header: its answer is not waited for, and whatever it is,
    /// the session has ended. `"$access"` and `"$refresh"` stand for the tokens.
    pub logout: Option<TokenEndpoint>,
    /// Whether calls carry cookies and keep those of the answers: for servers that put the token into one. Default false.
    pub cookies: bool,
    /// Where the tokens stand in the answers of both.
    pub fields: TokenFields,
    /// The word before the token in `Authorization`: `Bearer`, `Token` or `JWT`. Sent exactly as given.
    pub prefix: String,
    /// Time before expiry at which a token no longer counts as usable. Default 30 s.
    pub leeway: Millis,
    /// How long a login or refresh call may take. Default 10 s.
    pub http_timeout: Millis,
    /// Allows credentials over `http:` to foreign hosts.
    pub allow_insecure: bool,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl SessionConfig {
    /// Returns settings without endpoints.
    #[must_use]
    pub fn new() -> Self {
        Self {
            login: None,
            refresh: None,
            has_source: false,
            has_store: false,
            logout: None,
            cookies: false,
            fields: TokenFields::default(),
            prefix: "Bearer".to_owned(),
            leeway: LEEWAY,
            http_timeout: Millis::from_secs(10),
            allow_insecure: false,
        }
    }

    /// Checks what can be wrong before the first call.
    ///
    /// # Errors
    /// An endpoint in the clear, a prefix that cannot stand in a header, two sources of tokens.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.has_source && self.refresh.is_some() {
            return Err(ConfigError::option(
                "getToken",
                "it takes the place of a refresh endpoint; remove one of them",
            ));
        }
        check_header_text("tokenPrefix", &self.prefix)?;
        for (option, endpoint) in
            [("login.url", &self.login), ("refresh.url", &self.refresh), ("logout.url", &self.logout)]
        {
            if let Some(endpoint) = endpoint {
                endpoint.url.check_carries_credential(option, self.allow_insecure)?;
            }
        }
        Ok(())
    }
}

/// An endpoint that takes a `POST` and answers with tokens.
#[derive(Clone, Debug)]
pub struct TokenEndpoint {
    /// Where.
    pub url: Url,
    /// The body, with holes such as `"$username"` or `"$refresh"` for what is sent. Default: all of it as it is; at a logout
    /// nothing.
    pub body: Option<Json>,
    /// How the body is written.
    pub encoding: BodyEncoding,
    /// A matcher of an answer that counts as a 401 although its status is a success: `{"ok": false}`.
    pub reject: Option<Json>,
}

impl TokenEndpoint {
    pub(super) fn request(&self, config: &SessionConfig, values: &Json, authorization: Option<Secret>) -> HttpRequest {
        let body = self.body.as_ref().map_or_else(|| values.clone(), |template| template.filled(values));
        let text = match self.encoding {
            BodyEncoding::Form => body.form(),
            BodyEncoding::Json => body.print(),
        };
        let body = Some(Body { text: Secret::new(text), encoding: self.encoding });
        HttpRequest {
            method: Method::Post,
            url: self.url.to_text(),
            authorization,
            body,
            cookies: config.cookies,
            is_farewell: false,
        }
    }
}

/// Returns whether a text can stand in a header: visible ASCII and spaces (RFC 9110 §5.5), as every token is.
pub(super) fn is_header_text(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Checks what goes into a header.
///
/// # Errors
/// Anything but visible ASCII and spaces.
pub fn check_header_text(option: &'static str, text: &str) -> Result<(), ConfigError> {
    if is_header_text(text) {
        return Ok(());
    }
    Err(ConfigError::option(option, "visible ASCII is needed: it goes into an HTTP header"))
}

numbered! {
/// What a span is counted in.
pub enum TimeUnit {
    /// Milliseconds, as Directus has it.
    Millis = 1 "ms",
    /// Seconds (RFC 6749 §5.1).
    Seconds = 0 "s",
}
}

/// Where the tokens stand in an answer, as dotted paths.
#[derive(Clone, Debug)]
pub struct TokenFields {
    /// Default `access`.
    pub access: String,
    /// Default `refresh`. `None`: the server has no refresh tokens.
    pub refresh: Option<String>,
    /// A span from now. Default `expires_in`.
    pub expires_in: String,
    /// What that span is counted in. Default seconds.
    pub expires_in_unit: TimeUnit,
    /// Seconds since 1970, or a date (RFC 3339). Default `expires_at`.
    pub expires_at: String,
}

impl Default for TokenFields {
    fn default() -> Self {
        Self {
            access: "access".to_owned(),
            refresh: Some("refresh".to_owned()),
            expires_in: "expires_in".to_owned(),
            expires_in_unit: TimeUnit::Seconds,
            expires_at: "expires_at".to_owned(),
        }
    }
}

//! What a session is told: its endpoints and where the tokens stand in their answers.

use core::time::Duration;

use super::super::http::{HttpRequest, Method};
use super::super::{Codec, Json, Secret, Url};
use super::LEEWAY;

/// Settings of a session.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// What the platform can do with text.
    pub codec: Codec,
    /// Where `login()` posts credentials.
    pub login: Option<TokenEndpoint>,
    /// Where a refresh token is exchanged.
    pub refresh: Option<TokenEndpoint>,
    /// Where the tokens stand in the answers of both.
    pub fields: TokenFields,
    /// The word before the token in `Authorization`: `Bearer`, `Token` or `JWT`. Sent exactly as given.
    pub prefix: String,
    /// Time before expiry at which a token no longer counts as usable. Default 30 s.
    pub leeway: Duration,
    /// How long a login or refresh call may take. Default 10 s.
    pub http_timeout: Duration,
}

impl SessionConfig {
    /// Returns settings without endpoints.
    #[must_use]
    pub fn new(codec: Codec) -> Self {
        Self {
            codec,
            login: None,
            refresh: None,
            fields: TokenFields::default(),
            prefix: "Bearer".to_owned(),
            leeway: LEEWAY,
            http_timeout: Duration::from_secs(10),
        }
    }
}

/// An endpoint that answers with tokens.
#[derive(Clone, Debug)]
pub struct TokenEndpoint {
    /// Where.
    pub url: Url,
    /// Default `POST`.
    pub method: Method,
    /// The JSON body, with holes such as `"$username"` or `"$refresh"` for what is sent. Default: all of it as it is.
    pub body: Option<Json>,
}

impl TokenEndpoint {
    pub(super) fn request(&self, codec: Codec, values: &Json) -> HttpRequest {
        let body = match &self.body {
            Some(template) => template.filled(values),
            None => values.clone(),
        };
        let body = (self.method == Method::Post).then(|| Secret::new((codec.print)(&body)));
        HttpRequest { method: self.method, url: self.url.to_text(), authorization: None, body }
    }
}

/// Where the tokens stand in an answer, as dotted paths.
#[derive(Clone, Debug)]
pub struct TokenFields {
    /// Default `access`.
    pub access: String,
    /// Default `refresh`. `None`: the server has no refresh tokens.
    pub refresh: Option<String>,
    /// Seconds from now. Default `expires_in`.
    pub expires_in: String,
    /// Seconds since 1970. Default `expires_at`.
    pub expires_at: String,
}

impl Default for TokenFields {
    fn default() -> Self {
        Self {
            access: "access".to_owned(),
            refresh: Some("refresh".to_owned()),
            expires_in: "expires_in".to_owned(),
            expires_at: "expires_at".to_owned(),
        }
    }
}

//! What a session is told: its endpoints and where the tokens stand in their answers.

use super::super::contract::{Kind, numbered, options};
use super::super::http::{Body, BodyEncoding, Credentials, HttpRequest, Method};
use super::super::{Json, Secret, Url};
use super::LEEWAY;
use crate::error::ConfigError;
use crate::proto::Millis;

options! {
    /// Options of a session.
    pub struct SessionConfig = "SessionOptions" {
        takes {
            /// Where `login()` posts credentials. Without it, `setTokens()` brings them.
            login: Option<TokenEndpoint> = None, "login";
            /// Where the refresh token is exchanged: {refresh} is posted. Without it an expired session asks for sign-in.
            refresh: Option<TokenEndpoint> = None, "refresh";
            /// What is told of a logout, with the `Authorization` header; `'$access'` and `'$refresh'` stand for the tokens. Its answer is not
            /// waited for: whatever it is, the session has ended. Without it the tokens are forgotten here only.
            logout: Option<TokenEndpoint> = None, "logout";
            /// Whether calls carry cookies and keep those of the answers, for servers that put the token into one.
            credentials: Credentials = Credentials::Omit, "credentials";
            /// Where the tokens stand in the answers, as dotted paths.
            fields: TokenFields = TokenFields::default(), "fields";
            /// The word before the token in `Authorization`: `Bearer`, `Token` or `JWT`. Sent exactly as given.
            prefix: String = "Bearer".to_owned(), "tokenPrefix", Kind::Header;
            /// Time before expiry at which a token no longer counts as usable, in milliseconds; no more than a tenth of its life, but 2 s, or a
            /// third of a life of seconds.
            leeway: Millis = LEEWAY, "leeway";
            /// How long a login or refresh call may take, in milliseconds.
            http_timeout: Millis = Millis::from_secs(10), "httpTimeout", Kind::Millis { least: 1 };
            /// Allows credentials over http: to other hosts than this machine.
            allow_insecure: bool = false, "allowInsecure";
        }
        face {
            /// A source of tokens of the app's own, in the place of `login` and `refresh`: an identity provider's library. It is asked when a
            /// token is needed, and never twice at once. What it throws is tried again, but {@link SignInRequired} is not. A token that a server
            /// has refused is not tried again, if it is returned once more. What it threw is the `cause` of the error that the app is told.
            "getToken": "(context: TokenContext) => TokenSource | Promise<TokenSource>" = "";
            /// Where the tokens rest: `memory` for this page alone; `sessionStorage` outlives a reload; `localStorage` is shared by all tabs, and
            /// so are its login and logout; or a store of the app's own. A store that fails is told by an `error` (STORE_FAILED), and the
            /// session goes on in memory.
            "store": "'memory' | 'sessionStorage' | 'localStorage' | TokenStore" = "'memory'";
            /// The name under which the tokens rest, and by which tabs find each other.
            "storeKey": "string" = "'gatepass ' and the address of login or refresh";
            /// Origins beside those of the endpoints that {@link Session.fetch} may send the token to.
            "fetchOrigins": "Array<string | URL>" = "";
        }
        own {
            /// Whether the app has a source of its own, in the place of `refresh`: set by the driver.
            has_source: bool = false;
            /// Whether a store keeps the tokens, which other tabs may read and change: set by the driver.
            has_store: bool = false;
        }
    }
}

impl SessionConfig {
    /// Returns options without endpoints.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
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

options! {
    /// An endpoint that answers with tokens.
    pub struct TokenEndpoint = "TokenEndpoint" {
        needs {
            /// Where it is; over https:, or on this machine, unless `allowInsecure`.
            url: Url, "url";
        }
        takes {
            /// How the body is written: `form` as OAuth 2 asks for.
            encoding: BodyEncoding = BodyEncoding::Json, "encoding";
            /// The body; the values `'$username'`, `'$refresh'` and so on stand for what is sent. Without it all of that as it is; at a logout
            /// nothing.
            body: Option<Json> = None, "body";
            /// A success whose JSON this describes (objects match as subsets) is a refusal: it counts as a 401. For servers that refuse with a
            /// 200: `{ ok: false }`.
            reject: Option<Json> = None, "reject";
        }
        face {
            /// With GET a browser sends no body, and credentials travel in one.
            "method": "'POST'" = "'POST'";
        }
    }
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
            cookies: config.credentials == Credentials::Include,
            keepalive: false,
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

options! {
    /// Where the tokens stand in the answers, as dotted paths.
    pub struct TokenFields = "TokenFields" {
        takes {
            /// The access token.
            access: String = "access".to_owned(), "access";
            /// The refresh token. null: the server has none.
            refresh: Option<String> = Some("refresh".to_owned()), "refresh", Kind::TextOrNull;
            /// A span from now.
            expires_in: String = "expires_in".to_owned(), "expiresIn";
            /// What that span is counted in.
            expires_in_unit: TimeUnit = TimeUnit::Seconds, "expiresInUnit";
            /// Seconds since 1970, or a date (RFC 3339).
            expires_at: String = "expires_at".to_owned(), "expiresAt";
        }
    }
}

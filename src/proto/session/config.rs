//! The options of a session: its endpoints, and where the tokens are in their answers.

use super::super::contract::{Kind, OptionGroup as _, numbered, options};
use super::super::http::{Body, BodyEncoding, Credentials, HttpCall, HttpRequest, Meanings, Method};
use super::super::{Json, Secret, Url};
use super::LEEWAY;
use crate::error::ConfigError;
use crate::proto::Millis;
use crate::proto::token::TokenSet;

options! {
    /// Options of a session.
    pub struct SessionConfig = "SessionOptions" {
        takes {
            /// The endpoint to which `login()` posts credentials. Without it use `setTokens()`.
            login: Option<TokenEndpoint> = None, "login";
            /// The endpoint that exchanges the refresh token: {refresh} is posted. Without it an expired session
            /// needs a sign-in.
            refresh: Option<TokenEndpoint> = None, "refresh";
            /// The endpoint to call at logout, with the `Authorization` header. In its body `'$access'` and
            /// `'$refresh'` are replaced by the tokens. The session ends at once, whatever the answer is. Without it
            /// the tokens are only forgotten here.
            logout: Option<TokenEndpoint> = None, "logout";
            /// The call that finds out, at the start, whether the browser holds a session that no script sees (a refresh
            /// token or a session in an `HttpOnly` cookie): the refresh endpoint (`true`), or another that answers as a
            /// login does. Until then the session is `loading`. A 401 means that nobody is signed in. Tabs that open
            /// together make one call.
            restore: Option<TokenEndpoint> = None, "restore", Kind::GroupOrTrue(&TokenEndpoint::GROUP);
            /// Whether calls send and store cookies, for servers that keep the token in one.
            credentials: Credentials = Credentials::Omit, "credentials";
            /// Where the tokens are in the answers, as dotted paths.
            fields: TokenFields = TokenFields::default(), "fields";
            /// The word before the token in `Authorization`: `Bearer`, `Token` or `JWT`. It is sent exactly as you
            /// write it.
            prefix: String = "Bearer".to_owned(), "tokenPrefix", Kind::Header;
            /// How long before its expiry a token is renewed, in milliseconds. Limited to a tenth of the token's life
            /// or 2 s, whichever is longer, and never more than a third of it.
            leeway: Millis = LEEWAY, "leeway";
            /// How long a login, a refresh or `getToken` may take, in milliseconds.
            http_timeout: Millis = Millis::from_secs(10), "httpTimeout", Kind::Millis { least: 1 };
            /// Allows credentials over http: to other hosts than this machine.
            allow_insecure: bool = false, "allowInsecure";
        }
        face {
            /// Returns a token from the app's own source, such as the library of an identity provider, instead of
            /// `login` and `refresh`. It is called when a token is needed, and never twice at once. If it throws, it
            /// is called again later; after {@link SignInRequired} only when a token is requested again. If it
            /// returns a token that a server has refused, that token is not sent again. What it throws is the `cause`
            /// of the error that the app sees.
            "getToken": "(context: TokenContext) => TokenSource | Promise<TokenSource>" = "";
            /// Where the tokens are stored: `memory`, for this page alone; `sessionStorage`, which outlives a reload;
            /// `localStorage`, which all tabs share, with login and logout; or a store of the app's own. If the store
            /// fails, an `error` event says so (STORE_FAILED), and the session continues in memory.
            "store": "'memory' | 'sessionStorage' | 'localStorage' | TokenStore" = "'memory'";
            /// The name of the entry in the store. Tabs with the same name share the session.
            "storeKey": "string" = "'gatepass ' and the address of login or refresh";
            /// More origins to which {@link Session.fetch} may send the token, besides those of the endpoints.
            "fetchOrigins": "Array<string | URL>" = "";
            /// The app's own `fetch`, for the calls of the session and for {@link Session.fetch}: it gets a `Request` and
            /// returns a `Response`. Its sockets use it, too. If it rejects, that is a failure of the network.
            "fetch": "CallFetch" = "fetch";
            /// Sends a CSRF token with every call that sends cookies and is no GET: the value of this cookie, in this
            /// header. `'django'` stands for `{ cookie: 'csrftoken', header: 'X-CSRFToken' }`.
            "csrf": "CsrfOptions | 'django'" = "";
        }
        own {
            /// Who gives the next token: set by the driver.
            provider: TokenProvider = TokenProvider::Endpoints;
            /// Where the tokens are kept: set by the driver.
            storage: TokenStorage = TokenStorage::Memory;
        }
    }
}

/// Who gives the next token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenProvider {
    /// The `login` and `refresh` endpoints.
    Endpoints,
    /// The app itself: `getToken`.
    App,
}

/// Where the tokens are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStorage {
    /// In this session alone.
    Memory,
    /// In a store, which other tabs may read and change.
    Store,
}

impl SessionConfig {
    /// Returns options without endpoints.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks the options.
    ///
    /// # Errors
    /// An unencrypted endpoint, a prefix that is not valid in a header, two sources of tokens, a session by cookie without cookies.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.provider == TokenProvider::App && self.refresh.is_some() {
            return Err(ConfigError::option(
                "getToken",
                "it takes the place of a refresh endpoint; remove one of them",
            ));
        }
        if self.provider == TokenProvider::App && self.restore.is_some() {
            return Err(ConfigError::option("restore", "`getToken` knows whether somebody is signed in"));
        }
        if self.fields.access.is_none() && self.credentials == Credentials::Omit {
            return Err(ConfigError::option("credentials", COOKIES));
        }
        check_header_text("tokenPrefix", &self.prefix)?;
        for (option, endpoint) in [
            ("login.url", &self.login),
            ("refresh.url", &self.refresh),
            ("logout.url", &self.logout),
            ("restore.url", &self.restore),
        ] {
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
            /// The URL of the endpoint. It has to be https:, or on this machine, unless `allowInsecure`.
            url: Url, "url";
        }
        takes {
            /// The method of the call. A GET has no body.
            method: Method = Method::Post, "method";
            /// The format of the body: `form` for OAuth 2.
            encoding: BodyEncoding = BodyEncoding::Json, "encoding";
            /// The body. Values such as `'$username'` are replaced by what is sent; at a refresh and a logout `'$access'`
            /// and `'$refresh'` by the tokens. By default it is what is sent; at a logout it is empty. `null` for none.
            body: Option<Json> = None, "body", Kind::FunctionOr(&Kind::Json, "BodyContext");
            /// Describes an answer that is a refusal although its status says success: `{ ok: false }`. It counts as
            /// a 401. Objects match as subsets.
            reject: Option<Json> = None, "reject";
            /// The token in the `Authorization` header, after `tokenPrefix`: `access`, `refresh` (Flask-JWT-Extended), or
            /// `none`. By default `access` at a logout, and none at a login and a refresh.
            authorization: Option<EndpointAuthorization> = None, "authorization";
            /// The statuses that mean a refusal, as 401 does: a wrong password, or a refresh token that has ended.
            unauthorized: Vec<u16> = Vec::new(), "unauthorizedStatus";
            /// The statuses that mean what 403 does: at a login, that it is forbidden.
            forbidden: Vec<u16> = Vec::new(), "forbiddenStatus";
            /// Whether the call sends and stores cookies. By default as the session's `credentials` say.
            credentials: Option<Credentials> = None, "credentials";
        }
        face {
            /// More headers: a record, `Headers`, or a function of the call, which may be async. They replace headers
            /// of gatepass with the same name.
            "headers": "CallHeaders" = "";
            /// Where the access token is in the answer, if that is not JSON with the token at `fields.access`.
            "answer": "CallAnswer" = "'json'";
        }
    }
}

numbered! {
    /// The token in the `Authorization` header of a call.
    pub enum EndpointAuthorization {
        /// The access token.
        Access = 0 "access",
        /// None.
        None = 1 "none",
        /// The refresh token.
        Refresh = 2 "refresh",
    }
}

impl TokenEndpoint {
    /// What the endpoint means by its answers.
    pub(super) fn meanings(&self) -> Meanings {
        let Self { reject, unauthorized, forbidden, .. } = self.clone();
        Meanings { reject, unauthorized, forbidden }
    }

    /// Makes a call with what is sent, in the name of the user of the tokens.
    pub(super) fn request(
        &self,
        call: HttpCall,
        config: &SessionConfig,
        values: &Json,
        tokens: Option<&TokenSet>,
    ) -> HttpRequest {
        let body = match &self.body {
            _ if self.method == Method::Get => None,
            Some(template) if template.is_null() => None,
            Some(template) => Some(template.filled(values)),
            None => Some(values.clone()),
        };
        let body = body.map(|body| Body::new(&body, self.encoding));
        let default =
            if call == HttpCall::Logout { EndpointAuthorization::Access } else { EndpointAuthorization::None };
        let token = tokens.and_then(|tokens| match self.authorization.unwrap_or(default) {
            EndpointAuthorization::Access => Some(&tokens.access),
            EndpointAuthorization::None => None,
            EndpointAuthorization::Refresh => tokens.refresh.as_ref(),
        });
        HttpRequest {
            call,
            method: self.method,
            url: self.url.to_text(),
            authorization: token.map(|token| config.authorization(token)),
            body,
            cookies: self.credentials.unwrap_or(config.credentials) == Credentials::Include,
            keepalive: false,
        }
    }
}

impl SessionConfig {
    /// The `Authorization` header of a token; empty for none, which is a session by cookie.
    pub(super) fn authorization(&self, token: &Secret) -> Secret {
        match token.expose() {
            "" => Secret::new(String::new()),
            token => Secret::new([&self.prefix, " ", token].concat()),
        }
    }
}

const COOKIES: &str = "'include' is needed if `fields.access` is null: the session is a cookie";

/// Returns whether a text is valid in a header: visible ASCII and spaces (RFC 9110 §5.5).
pub(super) fn is_header_text(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Checks the value of a header.
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
/// The unit of a duration.
pub enum TimeUnit {
    /// Milliseconds, as in Directus.
    Millis = 1 "ms",
    /// Seconds (RFC 6749 §5.1).
    Seconds = 0 "s",
}
}

options! {
    /// Where the tokens stand in the answers, as dotted paths.
    pub struct TokenFields = "TokenFields" {
        takes {
            /// The access token. `null` if there is none: the login sets a cookie that no script sees, and answers with
            /// 204 or any JSON. Then `credentials: 'include'` is needed, and the schemes are `cookie()` and `ticket()`.
            access: Option<String> = Some("access".to_owned()), "access", Kind::TextOrNull;
            /// The refresh token. `null` if the server issues none.
            refresh: Option<String> = Some("refresh".to_owned()), "refresh", Kind::TextOrNull;
            /// The life of the access token, from now.
            expires_in: String = "expires_in".to_owned(), "expiresIn";
            /// The unit of `expiresIn`.
            expires_in_unit: TimeUnit = TimeUnit::Seconds, "expiresInUnit";
            /// The expiry of the access token: seconds since 1970, or a date (RFC 3339).
            expires_at: String = "expires_at".to_owned(), "expiresAt";
        }
    }
}

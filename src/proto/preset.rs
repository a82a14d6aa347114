//! Presets: settings of known backends, as rows of one table, and the reading of such rows.
//!
//! The table is `presets.json`; the npm package's presets are made of it, too. A row has the names of the npm options, so
//! whoever writes one for another backend uses the same fields in both languages: [`session_of`], [`connection_of`].
//! Addresses in a row are paths below the `base` that the app names.

use core::time::Duration;

use super::close::CloseAction;
use super::connection::ConnectionConfig;
use super::http::{BodyEncoding, Method};
use super::scheme::{Answer, Encoding, FirstMessage, Place, Scheme, Ticket};
use super::session::{SessionConfig, TokenEndpoint};
use super::{Codec, Framing, Json, Url, UrlKind};
use crate::error::ConfigError;

const TABLE: &str = include_str!("presets.json");

/// Returns the settings of a session with a known backend: `simpleJwt`, `djoser`, `djoserJwt`, `drfToken`, `drfJwt`,
/// `ticketServer`, `oauth2`.
///
/// # Errors
/// A name that is not in the table, or a `base` that is no address.
pub fn session(codec: Codec, name: &str, base: &str) -> Result<SessionConfig, ConfigError> {
    session_of(codec, &row(codec, "sessions", name)?, base)
}

/// Returns the settings of a connection to a known backend: `ticketServerSocket`, `channelsFirstMessage`, `homeAssistant`,
/// `graphqlTransportWs`, `directus`, `trpc`, `jupyter`, `kubernetes`, `phoenix`. `base` is where its HTTP endpoints are, where it
/// has some.
///
/// # Errors
/// A name that is not in the table, or an address that is none.
pub fn connection(codec: Codec, name: &str, url: &str, base: &str) -> Result<ConnectionConfig, ConfigError> {
    connection_of(codec, &row(codec, "sockets", name)?, url, base)
}

/// Returns the names of the table: of sessions, then of connections.
#[must_use]
pub fn names(codec: Codec) -> [Vec<String>; 2] {
    ["sessions", "sockets"].map(|group| match (codec.parse)(TABLE).as_ref().and_then(|table| table.at(group)) {
        Some(Json::Object(rows)) => rows.iter().map(|(name, _)| name.clone()).collect(),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) | None => Vec::new(),
    })
}

fn row(codec: Codec, group: &str, name: &str) -> Result<Json, ConfigError> {
    let row = (codec.parse)(TABLE).and_then(|table| table.at(group)?.at(name).cloned());
    row.ok_or_else(|| ConfigError::InvalidOption {
        option: "preset",
        problem: "the table has no such row",
        value: name.to_owned(),
    })
}

/// Reads the settings of a session from a row: `login`, `refresh`, `logout`, `fields`, `tokenPrefix`, `credentials`.
///
/// # Errors
/// An address that is none.
pub fn session_of(codec: Codec, row: &Json, base: &str) -> Result<SessionConfig, ConfigError> {
    let mut config = SessionConfig::new(codec);
    let endpoint = |name: &'static str| -> Result<Option<TokenEndpoint>, ConfigError> {
        let Some(options) = row.at(name) else { return Ok(None) };
        let url = Url::parse(codec, name, &below(base, options), UrlKind::Http)?;
        let is_form = options.at("encoding").and_then(Json::as_text) == Some("form");
        let encoding = if is_form { BodyEncoding::Form } else { BodyEncoding::Json };
        Ok(Some(TokenEndpoint { url, body: options.at("body").cloned(), encoding }))
    };
    config.login = endpoint("login")?;
    config.refresh = endpoint("refresh")?;
    config.logout = endpoint("logout")?;
    let text = |path: &str| row.at(path).and_then(Json::as_text).map(str::to_owned);
    config.cookies = text("credentials").as_deref() == Some("include");
    set(&mut config.prefix, text("tokenPrefix"));
    set(&mut config.fields.access, text("fields.access"));
    set(&mut config.fields.expires_in, text("fields.expiresIn"));
    set(&mut config.fields.expires_at, text("fields.expiresAt"));
    if row.at("fields.refresh").is_some() {
        config.fields.refresh = text("fields.refresh");
    }
    Ok(config)
}

/// Reads the settings of a connection from a row: `scheme`, `protocols`, `params`, `closeCodes`.
///
/// # Errors
/// An address that is none, or a scheme that is unknown or goes without what it needs.
pub fn connection_of(codec: Codec, row: &Json, url: &str, base: &str) -> Result<ConnectionConfig, ConfigError> {
    let mut url = Url::parse(codec, "url", url, UrlKind::WebSocket)?;
    for (name, value) in members(row.at("params")) {
        url = url.with_plain_param(name, value.as_text().unwrap_or_default());
    }
    let mut config = ConnectionConfig::new(codec, url, scheme_of(codec, row.at("scheme"), base)?);
    if let Some(Json::Array(protocols)) = row.at("protocols") {
        config.protocols = protocols.iter().filter_map(Json::as_text).map(str::to_owned).collect();
    }
    for (code, action) in members(row.at("closeCodes")) {
        let action = match action.as_text() {
            Some("giveUp") => CloseAction::GiveUp,
            Some("refreshToken") => CloseAction::RefreshToken,
            Some("retrySlowly") => CloseAction::RetrySlowly,
            Some(_) | None => CloseAction::Retry,
        };
        config.close_table.set(code.parse().unwrap_or_default(), action);
    }
    config.check()?;
    Ok(config)
}

fn scheme_of(codec: Codec, options: Option<&Json>, base: &str) -> Result<Scheme, ConfigError> {
    let nothing = Json::Null;
    let options = options.unwrap_or(&nothing);
    let text = |path: &str| options.at(path).and_then(Json::as_text).map(str::to_owned);
    let matcher = |name: &str| options.at(name).cloned();
    let entry = |prefix: Option<String>, encoding: Option<String>| Place::Subprotocol {
        prefix: prefix.unwrap_or_default(),
        encoding: match encoding.as_deref() {
            Some("base64") => Encoding::Base64,
            Some("base64url") => Encoding::Base64Url,
            Some(_) | None => Encoding::Plain,
        },
    };
    let query = |default: &str| Place::Query { param: text("param").unwrap_or_else(|| default.to_owned()) };
    Ok(match text("type").as_deref() {
        Some("anonymous") => Scheme::Anonymous,
        Some("cookie") => Scheme::Cookie,
        #[cfg(not(target_family = "wasm"))]
        Some("header") => Scheme::Header,
        Some("query") => Scheme::Token(query("token")),
        Some("subprotocol") => Scheme::Token(entry(text("prefix"), text("encoding"))),
        Some("firstMessage") => {
            let mut scheme = FirstMessage::new(Json::Null);
            scheme.message = matcher("message");
            scheme.framing = match text("frames").as_deref() {
                Some("text") => Framing::Text,
                Some("binary") => Framing::Binary,
                Some(_) | None => Framing::Json,
            };
            scheme.hello = matcher("hello");
            scheme.ack = matcher("ack");
            scheme.reject = matcher("reject");
            scheme.expired = matcher("expired");
            if let Some(millis) = options.at("ackTimeout").and_then(|value| value.as_number(codec)) {
                scheme.ack_timeout = Duration::from_millis(millis as u64);
            }
            Scheme::FirstMessage(scheme)
        }
        Some("ticket") => {
            let mut ticket = Ticket::new(Url::parse(codec, "scheme.url", &below(base, options), UrlKind::Http)?);
            if text("method").as_deref() == Some("GET") {
                ticket.method = Method::Get;
            }
            ticket.place = match options.at("subprotocol") {
                Some(_) => entry(text("subprotocol.prefix"), text("subprotocol.encoding")),
                None => query("ticket"),
            };
            set(&mut ticket.field, text("field"));
            set(&mut ticket.expires_field, text("expiresField"));
            set(&mut ticket.expires_in_field, text("expiresInField"));
            if let Some(Json::Array(hosts)) = options.at("urlHosts") {
                let hosts = hosts.iter().filter_map(Json::as_text).map(str::to_owned).collect();
                ticket.answer = Answer::Url { hosts };
            }
            if let Some(status) = options.at("unauthorizedStatus").and_then(|value| value.as_number(codec)) {
                ticket.unauthorized = status as u16;
            }
            Scheme::Ticket(ticket)
        }
        Some(_) | None => {
            return Err(ConfigError::option(
                "scheme.type",
                "anonymous, cookie, firstMessage, query, subprotocol or ticket is needed, and header outside of browsers",
            ));
        }
    })
}

/// The address in a row: a path below the base, or whole.
fn below(base: &str, options: &Json) -> String {
    let path = options.at("url").and_then(Json::as_text).unwrap_or_default();
    if path.starts_with('/') { [base.trim_end_matches('/'), path].concat() } else { [base, path].concat() }
}

fn set(field: &mut String, text: Option<String>) {
    if let Some(text) = text {
        *field = text;
    }
}

fn members(value: Option<&Json>) -> &[(String, Json)] {
    match value {
        Some(Json::Object(members)) => members,
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) | None => &[],
    }
}

//! Presets: settings of known backends, as rows of one table, and the reading of such rows.
//!
//! The table is `presets.json`; the npm package's presets are made of it, too. A row has the names of the npm options, so
//! whoever writes one for another backend uses the same fields in both languages: [`session_of`], [`connection_of`].
//! Addresses in a row are paths below the `base` that the app names.

use super::close::CloseAction;
use super::connection::ConnectionConfig;
use super::contract::Numbered;
use super::scheme::{Answer, FirstMessage, Place, Scheme, Ticket};
use super::session::{SessionConfig, TokenEndpoint};
use super::{Json, Url, UrlKind};
use crate::error::ConfigError;
use crate::proto::Millis;

const TABLE: &str = include_str!("presets.json");

/// Returns the settings of a session with a known backend: `simpleJwt`, `djoser`, `djoserJwt`, `drfToken`, `drfJwt`,
/// `djRestAuth`, `knox`, `directusSession`, `ticketServer`, `oauth2`.
///
/// # Errors
/// A name that is not in the table, or a `base` that is no address.
pub fn session(name: &str, base: &str) -> Result<SessionConfig, ConfigError> {
    session_of(&row("sessions", name)?, base)
}

/// Returns the settings of a connection to a known backend: `ticketServerSocket`, `channelsFirstMessage`, `homeAssistant`,
/// `graphqlTransportWs`, `directus`, `trpc`, `jupyter`, `kubernetes`, `phoenix`. `base` is where its HTTP endpoints are, where it
/// has some.
///
/// # Errors
/// A name that is not in the table, or an address that is none.
pub fn connection(name: &str, url: &str, base: &str) -> Result<ConnectionConfig, ConfigError> {
    connection_of(&row("sockets", name)?, url, base)
}

/// Returns the names of the table: of sessions, then of connections.
#[must_use]
pub fn names() -> [Vec<String>; 2] {
    ["sessions", "sockets"].map(|group| {
        let rows = Json::parse(TABLE).and_then(|table| table.at(group)).map(|rows| rows.members());
        rows.unwrap_or_default().into_iter().map(|(name, _)| name).collect()
    })
}

fn row(group: &str, name: &str) -> Result<Json, ConfigError> {
    let row = Json::parse(TABLE).and_then(|table| table.at(group)?.at(name));
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
pub fn session_of(row: &Json, base: &str) -> Result<SessionConfig, ConfigError> {
    let mut config = SessionConfig::new();
    let endpoint = |name: &'static str| -> Result<Option<TokenEndpoint>, ConfigError> {
        let Some(options) = row.at(name) else { return Ok(None) };
        let url = Url::parse(name, &below(base, &options), UrlKind::Http)?;
        let encoding = one(&options, "encoding")?;
        Ok(Some(TokenEndpoint { url, body: options.at("body"), encoding, reject: options.at("reject") }))
    };
    config.login = endpoint("login")?;
    config.refresh = endpoint("refresh")?;
    config.logout = endpoint("logout")?;
    let text = |path: &str| row.text_at(path);
    config.cookies = text("credentials").as_deref() == Some("include");
    set(&mut config.prefix, text("tokenPrefix"));
    set(&mut config.fields.access, text("fields.access"));
    set(&mut config.fields.expires_in, text("fields.expiresIn"));
    set(&mut config.fields.expires_at, text("fields.expiresAt"));
    if let Some(fields) = row.at("fields") {
        config.fields.expires_in_unit = one(&fields, "expiresInUnit")?;
    }
    if row.at("fields.refresh").is_some() {
        config.fields.refresh = text("fields.refresh");
    }
    Ok(config)
}

/// Reads the settings of a connection from a row: `scheme`, `protocols`, `params`, `closeCodes`.
///
/// # Errors
/// An address that is none, or a scheme that is unknown or goes without what it needs.
pub fn connection_of(row: &Json, url: &str, base: &str) -> Result<ConnectionConfig, ConfigError> {
    let mut url = Url::parse("url", url, UrlKind::WebSocket)?;
    for (name, value) in members(row, "params") {
        url = url.with_plain_param(&name, &value.as_text().unwrap_or_default());
    }
    let mut config =
        ConnectionConfig::new(url, scheme_of(&row.at("scheme").unwrap_or_else(|| Json::object(&[])), base)?);
    config.protocols = texts(row, "protocols").unwrap_or_default();
    for (code, action) in members(row, "closeCodes") {
        let action = action.as_text().and_then(|name| CloseAction::from_name(&name));
        let (Ok(number), Some(action)) = (code.parse(), action) else {
            return Err(ConfigError::InvalidOption {
                option: "closeCodes",
                problem: "a close code and giveUp, refreshToken, retry or retrySlowly are needed",
                value: code,
            });
        };
        config.close_table.set(number, action);
    }
    config.check()?;
    Ok(config)
}

fn scheme_of(options: &Json, base: &str) -> Result<Scheme, ConfigError> {
    let text = |path: &str| options.text_at(path);
    let matcher = |name: &str| options.at(name);
    let entry = |options: &Json| -> Result<Place, ConfigError> {
        let prefix = options.text_at("prefix").unwrap_or_default();
        Ok(Place::Subprotocol { prefix, encoding: one(options, "encoding")? })
    };
    let query = |default: &str| Place::Query { param: text("param").unwrap_or_else(|| default.to_owned()) };
    Ok(match text("type").as_deref() {
        Some("anonymous") => Scheme::Anonymous,
        Some("cookie") => Scheme::Cookie,
        #[cfg(not(target_family = "wasm"))]
        Some("header") => Scheme::Header,
        Some("query") => Scheme::Token(query("token")),
        Some("subprotocol") => Scheme::Token(entry(options)?),
        Some("firstMessage") => {
            let mut scheme = FirstMessage::new(Json::object(&[]));
            scheme.message = matcher("message");
            scheme.framing = one(options, "frames")?;
            scheme.hello = matcher("hello");
            scheme.ack = matcher("ack");
            scheme.reject = matcher("reject");
            scheme.expired = matcher("expired");
            if let Some(millis) = options.at("ackTimeout").and_then(|value| value.as_number()) {
                scheme.ack_timeout = Millis::from_millis(millis as u64);
            }
            Scheme::FirstMessage(scheme)
        }
        Some("ticket") => {
            let mut ticket = Ticket::new(Url::parse("scheme.url", &below(base, options), UrlKind::Http)?);
            ticket.method = one(options, "method")?;
            ticket.place = match options.at("subprotocol") {
                Some(options) => entry(&options)?,
                None => query("ticket"),
            };
            set(&mut ticket.field, text("field"));
            set(&mut ticket.expires_field, text("expiresField"));
            ticket.reject = matcher("reject");
            set(&mut ticket.expires_in_field, text("expiresInField"));
            if let Some(hosts) = texts(options, "urlHosts") {
                ticket.answer = Answer::Url { hosts };
            }
            if let Some(status) = options.at("unauthorizedStatus").and_then(|value| value.as_number()) {
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

/// One of the choices by its name; the first if none is named.
fn one<T: Numbered>(options: &Json, option: &'static str) -> Result<T, ConfigError> {
    let named = options.at(option).map(|named| named.as_text().unwrap_or_default());
    let found = named.as_deref().map_or_else(|| T::from_number(0), T::from_name);
    found.ok_or_else(|| ConfigError::InvalidOption {
        option,
        problem: "there is no such choice",
        value: named.unwrap_or_default(),
    })
}

/// The address in a row: a path below the base, or whole.
fn below(base: &str, options: &Json) -> String {
    let path = options.text_at("url").unwrap_or_default();
    if path.contains("://") {
        path
    } else if path.starts_with('/') {
        [base.trim_end_matches('/'), &path].concat()
    } else {
        [base, &path].concat()
    }
}

fn set(field: &mut String, text: Option<String>) {
    if let Some(text) = text {
        *field = text;
    }
}

fn members(options: &Json, name: &str) -> Vec<(String, Json)> {
    options.at(name).map(|value| value.members()).unwrap_or_default()
}

fn texts(options: &Json, name: &str) -> Option<Vec<String>> {
    Some(options.at(name)?.items()?.iter().filter_map(Json::as_text).collect())
}

//! Presets: options for known backends, as rows of one table, and a reader for such rows.
//!
//! The table is `presets.json`. The presets of the npm package are made of it, too. A row has its documentation, and `options` with the names
//! of the npm options, so that a row for another backend is the same in both languages: [`session_of`], [`connection_of`]. URLs in a row are
//! paths below the `base` that the app names.

use super::close::{CloseAction, CloseTable};
use super::connection::ConnectionConfig;
use super::contract::{Numbered, OptionGroup, OptionValue, Reads, SchemeKind, Value};
use super::session::SessionConfig;
use super::{Json, Url, UrlKind};
use crate::error::ConfigError;

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
    let row = Json::parse(TABLE).and_then(|table| table.at(group)?.at(name)?.at("options"));
    row.ok_or_else(|| ConfigError::InvalidOption {
        option: "preset",
        problem: "the table has no such row",
        value: name.to_owned(),
    })
}

/// Reads the settings of a session from a row: any of the options of `Session` that are no functions.
///
/// # Errors
/// An option that is unknown or has no such value, by its name.
pub fn session_of(row: &Json, base: &str) -> Result<SessionConfig, ConfigError> {
    read(&Named { value: row.clone(), base, address: None })
}

/// Reads the settings of a connection from a row: any of the options of `AuthSocket` that are no functions.
///
/// # Errors
/// An option that is unknown or has no such value, by its name; a scheme that goes without what it needs.
pub fn connection_of(row: &Json, url: &str, base: &str) -> Result<ConnectionConfig, ConfigError> {
    let mut address = Url::parse("url", url, UrlKind::WebSocket)?;
    for (name, value) in row.at("params").map(|params| params.members()).unwrap_or_default() {
        address = address.with_plain_param(&name, &value.as_text().unwrap_or_default());
    }
    let address = address.to_text();
    #[cfg_attr(target_family = "wasm", expect(unused_mut, reason = "of the scheme below"))]
    let mut config: ConnectionConfig = read(&Named { value: row.clone(), base, address: Some(&address) })?;
    #[cfg(not(target_family = "wasm"))]
    if row.text_at("scheme.type").as_deref() == Some(HEADER) {
        config.scheme = super::scheme::Scheme::Header;
    }
    config.check()?;
    Ok(config)
}

fn read<T: OptionValue>(row: &Named<'_>) -> Result<T, ConfigError> {
    T::read(row, "preset", Reads::Other)
}

/// Options as members of an object, by their names. Addresses are paths below a base, or whole.
struct Named<'a> {
    value: Json,
    base: &'a str,
    /// Of a connection: it stands beside the row.
    address: Option<&'a str>,
}

/// The scheme that no browser has, and so no row of the contract.
#[cfg(not(target_family = "wasm"))]
const HEADER: &str = "header";

impl Named<'_> {
    fn of(&self, value: Json) -> Self {
        Self { value, base: self.base, address: None }
    }
}

impl Value for Named<'_> {
    type Wrong = ConfigError;

    fn wrong(name: &'static str) -> ConfigError {
        let problem = "it is missing, or it has no such value";
        ConfigError::option(name, problem)
    }

    fn member(&self, _: u32, name: &'static str) -> Option<Self> {
        let address = self.address.filter(|_| name == "url").map(Json::text);
        // An endpoint may be its URL alone.
        let alone = self.value.as_text().filter(|_| name == "url").map(|url| Json::text(&url));
        Some(self.of(address.or(alone).or_else(|| self.value.at(name))?))
    }

    fn check<T: OptionGroup>(&self) -> Result<(), ConfigError> {
        let is_known = |name: &str| name == "type" || T::GROUP.rows.iter().any(|row| row.name == name);
        let unknown = self.value.members().into_iter().find(|(name, _)| !is_known(name));
        unknown.map_or(Ok(()), |(value, _)| {
            let (option, problem) = (T::NAME, "there is no such option");
            Err(ConfigError::InvalidOption { option, problem, value })
        })
    }

    fn is_null(&self) -> bool {
        self.value.is_null()
    }

    fn number(&self) -> Option<f64> {
        self.value.as_number()
    }

    fn flag(&self) -> Option<bool> {
        match self.value.print().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    fn text(&self) -> Option<String> {
        self.value.as_text()
    }

    fn texts(&self) -> Option<Vec<String>> {
        if let Some(text) = self.value.as_text() {
            return Some(vec![text]);
        }
        self.value.items()?.iter().map(Json::as_text).collect()
    }

    fn statuses(&self) -> Option<Vec<u16>> {
        let status = |value: &Json| value.as_number().map(|status| status as u16);
        status(&self.value).map(|one| vec![one]).or_else(|| self.value.items()?.iter().map(status).collect())
    }

    fn json(&self) -> Json {
        self.value.clone()
    }

    fn choice<T: Numbered>(&self) -> Option<T> {
        T::from_name(&self.value.as_text()?)
    }

    fn url(&self, name: &'static str, kind: UrlKind) -> Result<Url, ConfigError> {
        let path = self.value.as_text().unwrap_or_default();
        let address = if path.contains("://") {
            path
        } else if path.starts_with('/') {
            [self.base.trim_end_matches('/'), &path].concat()
        } else {
            [self.base, &path].concat()
        };
        Url::parse(name, &address, kind)
    }

    fn scheme(&self) -> Option<(SchemeKind, Self)> {
        let name = self.value.text_at("type")?;
        #[cfg(not(target_family = "wasm"))]
        if name == HEADER {
            return Some((SchemeKind::Anonymous, self.of(self.value.clone())));
        }
        Some((SchemeKind::from_name(&name)?, self.of(self.value.clone())))
    }

    fn close_codes(&self) -> Option<CloseTable> {
        let mut table = CloseTable::default();
        for (code, action) in self.value.members() {
            table.set(code.parse().ok()?, CloseAction::from_name(&action.as_text()?)?);
        }
        Some(table)
    }
}

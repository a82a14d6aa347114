//! Options by name, as in presets, and by place, as the npm package passes them, give the same config.
//!
//! `tests/fixtures/options.json` has both, with every option at a value of its own; `tests/npm/options.test.mjs` holds the face to it.

use gatepass::error::ConfigError;
use gatepass::proto::close::CloseTable;
use gatepass::proto::connection::ConnectionConfig;
use gatepass::proto::contract::{
    Kind, Numbered, OptionGroup, OptionValue, Reads, Row, SchemeKind, Value as OptionSource, groups,
};
use gatepass::proto::session::SessionConfig;
use gatepass::proto::{Json, Url, UrlKind, preset};
use serde_json::Value;

const ADDRESS: &str = "wss://api.test/ws?a=b";

/// Options by their places.
struct Wired<'a>(&'a Value);

impl OptionSource for Wired<'_> {
    type Wrong = &'static str;

    fn wrong(name: &'static str) -> &'static str {
        name
    }

    fn member(&self, place: u32, _: &'static str) -> Option<Self> {
        self.0.get(place as usize).map(Wired)
    }

    fn check<T: OptionGroup>(&self) -> Result<(), &'static str> {
        let is_whole = self.0.as_array().is_some_and(|places| places.len() == T::PLACES as usize);
        if is_whole { Ok(()) } else { Err(T::NAME) }
    }

    fn is_null(&self) -> bool {
        self.0.is_null()
    }

    fn number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    fn flag(&self) -> Option<bool> {
        self.0.as_bool()
    }

    fn text(&self) -> Option<String> {
        self.0.as_str().map(str::to_owned)
    }

    fn texts(&self) -> Option<Vec<String>> {
        self.0.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
    }

    fn statuses(&self) -> Option<Vec<u16>> {
        self.0.as_array()?.iter().map(|status| u16::try_from(status.as_u64()?).ok()).collect()
    }

    fn json(&self) -> Json {
        super::json(&self.0.to_string())
    }

    fn choice<T: Numbered>(&self) -> Option<T> {
        T::from_number(u8::try_from(self.0.as_u64()?).ok()?)
    }

    fn url(&self, name: &'static str, kind: UrlKind) -> Result<Url, &'static str> {
        Url::parse("url", self.0.as_str().unwrap_or_default(), kind).map_err(|_| name)
    }

    fn scheme(&self) -> Option<(SchemeKind, Self)> {
        Some((Wired(self.0.get(0)?).choice()?, Wired(self.0.get(1)?)))
    }

    fn close_codes(&self) -> Option<CloseTable> {
        let mut table = CloseTable::default();
        for row in self.0.as_array()?.chunks(2) {
            table.set(row[0].as_u64()? as u16, Wired(row.get(1)?).choice()?);
        }
        Some(table)
    }
}

fn wired<T: OptionValue>(wire: &Value) -> Result<T, &'static str> {
    T::read(&Wired(wire), "options", Reads::Other)
}

fn session(options: &Value) -> Result<SessionConfig, ConfigError> {
    preset::session_of(&super::json(&options.to_string()), "")
}

fn connection(options: &Value) -> Result<ConnectionConfig, ConfigError> {
    preset::connection_of(&super::json(&options.to_string()), ADDRESS, "")
}

fn rows(of: &str) -> Vec<(Value, Value)> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/options.json");
    let fixture: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let rows = fixture[of].as_array().unwrap();
    rows.iter().map(|row| (row["options"].clone(), row["wire"].clone())).collect()
}

fn show(config: &impl OptionValue) -> String {
    config.show().unwrap()
}

#[test]
fn options_by_their_places_are_what_they_are_by_their_names() {
    for (options, wire) in rows("session") {
        assert_eq!(show(&wired::<SessionConfig>(&wire).unwrap()), show(&session(&options).unwrap()));
    }
    for (options, wire) in rows("socket") {
        assert_eq!(show(&wired::<ConnectionConfig>(&wire).unwrap()), show(&connection(&options).unwrap()));
    }
}

#[test]
fn every_option_has_a_value_of_its_own_there_and_changes_the_config() {
    let mut seen = Vec::new();
    for (options, _) in rows("session") {
        without_each(&options, &SessionConfig::GROUP, &mut seen, &|options| {
            session(options).map(|config| show(&config))
        });
    }
    for (options, _) in rows("socket") {
        without_each(&options, &ConnectionConfig::GROUP, &mut seen, &|options| {
            connection(options).map(|config| show(&config))
        });
    }
    for group in groups() {
        for row in group.rows.iter().filter(|row| !matches!(row.kind, Kind::Address | Kind::Face(..))) {
            assert!(
                seen.contains(&(group.name, row.name)),
                "{}.{} has a value of its own, which changes the config, in no row of the fixture",
                group.name,
                row.name
            );
        }
    }
}

/// Leaves out each option once, also in nested groups: the config then differs, or is refused.
fn without_each(
    options: &Value,
    group: &'static gatepass::proto::contract::Group,
    seen: &mut Vec<(&'static str, &'static str)>,
    read: &dyn Fn(&Value) -> Result<String, ConfigError>,
) {
    let whole = read(options).unwrap();
    for row in group.rows {
        let Some(value) = options.get(row.name) else { continue };
        let mut rest = options.clone();
        rest.as_object_mut().unwrap().remove(row.name);
        // An option that has its default here has another value in another row.
        if read(&rest).ok().as_ref() != Some(&whole) {
            seen.push((group.name, row.name));
        }
        if let Some(inner) = group_of(row, value) {
            let read_inner = |inner: &Value| {
                let mut with = options.clone();
                with[row.name] = inner.clone();
                read(&with)
            };
            without_each(value, inner, seen, &read_inner);
        }
    }
}

fn group_of(row: &Row, value: &Value) -> Option<&'static gatepass::proto::contract::Group> {
    if let Some(group) = row.kind.group() {
        return Some(group);
    }
    let kind = SchemeKind::from_name(value.get("type")?.as_str()?)?;
    gatepass::proto::contract::schemes().into_iter().find(|(known, _)| *known == kind)?.1
}

#[test]
fn a_place_that_is_missing_or_means_nothing_is_refused_by_name() {
    let (_, wire) = rows("socket").swap_remove(1);
    let place = |name: &str| ConnectionConfig::GROUP.rows.iter().position(|row| row.name == name).unwrap();
    let with = |name: &str, within: &str, value: Value| {
        let mut wire = wire.clone();
        *wire.pointer_mut(&format!("/{}{within}", place(name))).unwrap() = value;
        wired::<ConnectionConfig>(&wire).err()
    };
    assert_eq!(with("scheme", "/0", 9.into()), Some("scheme.type"));
    assert_eq!(with("scheme", "/1/1", 9.into()), Some("method"));
    assert_eq!(with("scheme", "/1/3/1", "hex".into()), Some("encoding"));
    assert_eq!(with("connectTimeout", "", "soon".into()), Some("connectTimeout"));
    assert_eq!(with("backoff", "", Value::Array(Vec::new())), Some("BackoffOptions"));
    assert_eq!(with("closeCodes", "", serde_json::json!([4403, 7])), Some("closeCodes"));
    assert_eq!(wired::<ConnectionConfig>(&Value::Array(Vec::new())).err(), Some("AuthSocketOptions"));
}

#[test]
fn an_option_goes_where_its_name_says() {
    let shown = |options: &str, fragments: &[&str], debug: String| {
        for fragment in fragments {
            assert!(debug.contains(fragment), "{options}: no {fragment} in {debug}");
        }
    };
    let (options, _) = rows("session").swap_remove(0);
    shown(
        "session",
        &[
            "login: Some(TokenEndpoint { url: https://api.test/login, method: Put, encoding: Form,",
            "refresh: Some(TokenEndpoint { url: https://api.test/refresh,",
            "unauthorized: [419, 440], forbidden: [450], credentials: Some(Omit)",
            "restore: Some(TokenEndpoint { url: https://api.test/me, method: Get,",
            "logout: Some(TokenEndpoint { url: https://api.test/logout,",
            "credentials: Include",
            r#"access: Some("data.access")"#,
            r#"refresh: Some("data.refresh")"#,
            r#"expires_in: "data.life", expires_in_unit: Millis, expires_at: "data.end""#,
            r#"prefix: "JWT", leeway: 30001 ms, http_timeout: 10005 ms, allow_insecure: true"#,
        ],
        format!("{:?}", session(&options).unwrap()),
    );
    for (options, _) in rows("socket") {
        shown(
            "socket",
            &[
                "probe: Some(Probe { url: https://api.test/probe, method: Post, unauthorized: [419], forbidden: [450], credentials: Some(Include) })",
                "BackoffOptions { base: 501 ms, cap: 30001 ms, spread: 5001 ms }",
                "connect_timeout: 10001 ms, http_timeout: 10002 ms, min_uptime: 5002 ms, reconnects: false",
                "interval: 25001 ms, timeout: 10003 ms",
                "when_hidden: CloseAfter, hidden_timeout: 60001 ms, when_signed_out: Connect, answers: Some([json])",
                "max_bytes: 1048577, max_messages: 1001, policy: DropOldest, ttl: Some(70001 ms)",
                "max_message: 1000001, allow_insecure: true",
            ],
            format!("{:?}", connection(&options).unwrap()),
        );
    }
    let scheme = |place: usize| format!("{:?}", connection(&rows("socket").swap_remove(place).0).unwrap().scheme);
    shown("firstMessage", &["framing: Text", "reauth: true, ack_timeout: 10004 ms"], scheme(0));
    shown(
        "ticket",
        &[
            r#"method: Get, param: "tk", subprotocol: Some(ProtocolEntry { prefix: "tk.", encoding: Base64 }), field: "data.ticket""#,
            r#"url_hosts: Some(["other.test"]), unauthorized: [403], forbidden: [402], credentials: Some(Include), authorization: None"#,
            r#"expires_field: "data.end", expires_in_field: "data.life""#,
            "welcome: Welcome { ack: Some([json]), reject: Some([json]), ack_timeout: 10005 ms, framing: Binary }",
        ],
        scheme(1),
    );
}

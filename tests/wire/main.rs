//! What the presets send and understand, row by row, against the golden files in `tests/fixtures/wire`.

#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../support/json.rs"]
#[allow(unreachable_pub, dead_code, reason = "other tests use it, too")]
mod codec;
mod framing;
mod options;
#[path = "../support/platform_rules.rs"]
#[allow(unreachable_pub, reason = "other tests use it, too")]
mod platform_rules;
mod session;
mod socket;

use std::path::PathBuf;

use codec::json;
use gatepass::proto::session::SessionConfig;
use gatepass::proto::{Instant, Json, Now, UnixTime, preset};

fn fixture(name: &str) -> Json {
    let file = folder().join(format!("{name}.json"));
    json(&std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wire")
}

fn text(value: &Json, path: &str) -> String {
    value.text_at(path).unwrap_or_else(|| panic!("no text at {path}"))
}

fn items(value: &Json, path: &str) -> Vec<Json> {
    value.at(path).and_then(|value| value.items()).unwrap_or_else(|| panic!("no array at {path}"))
}

fn number(value: &Json, path: &str) -> u16 {
    value.number_at(path).unwrap_or_else(|| panic!("no number at {path}")) as u16
}

fn now() -> Now {
    Now { instant: Instant::from_millis(1_000), unix: UnixTime::from_millis(1_800_000_000_000) }
}

fn print(value: &Json) -> String {
    value.print()
}

#[test]
fn every_preset_has_a_golden_file_and_every_golden_file_a_preset() {
    let mut names = preset::names().concat();
    names.sort();
    let is_json = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).filter(is_json);
    let mut files: Vec<_> = files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    files.sort();
    assert_eq!(names, files);
}

#[test]
fn a_name_that_is_not_in_the_table_is_refused_by_name() {
    let error = preset::session("simpleJWT", "https://api.example").unwrap_err();
    assert_eq!(error.to_string(), "preset: the table has no such row: simpleJWT");
    let error = preset::connection_of(&json(r#"{"scheme":{"type":"tickets"}}"#), "wss://h", "").unwrap_err();
    assert!(error.to_string().starts_with("scheme.type: "), "{error}");
    for (row, option) in [
        (r#"{"scheme":{"type":"subprotocol","encoding":"hex"},"protocols":["a"]}"#, "encoding: "),
        (r#"{"scheme":{"type":"firstMessage","message":1,"frames":"lines"}}"#, "frames: "),
        (r#"{"scheme":{"type":"ticket","url":"https://h/t","method":"TRACE"}}"#, "method: "),
        (r#"{"scheme":{"type":"anonymous"},"closeCodes":{"4000":"panic"}}"#, "closeCodes: "),
        (r#"{"scheme":{"type":"anonymous"},"closeCodes":{"x":"retry"}}"#, "closeCodes: "),
        (
            r#"{"scheme":{"type":"anonymous"},"connectTimeot":1}"#,
            "AuthSocketOptions: there is no such option: connectTimeot",
        ),
        (r#"{"scheme":{"type":"ticket","url":"/t"},"backoff":{"bse":1}}"#, "url: "),
        (r#"{"scheme":{"type":"anonymous"},"backoff":{"bse":1}}"#, "BackoffOptions: there is no such option: bse"),
    ] {
        let error = preset::connection_of(&json(row), "wss://h", "").unwrap_err();
        assert!(error.to_string().starts_with(option), "{error}");
    }
}

#[test]
fn an_address_in_a_row_is_a_path_below_the_base_or_whole() {
    let login = |url: &str| {
        let row = json(&format!(r#"{{"login":{{"url":"{url}"}}}}"#));
        preset::session_of(&row, "https://api.example/v1/").unwrap().login.unwrap().url.to_text()
    };
    assert_eq!(login("/token/"), "https://api.example/v1/token/");
    assert_eq!(login("token/"), "https://api.example/v1/token/");
    assert_eq!(login("https://auth.example/token/"), "https://auth.example/token/");
}

#[test]
fn a_session_in_the_clear_is_refused_in_rust_as_in_javascript() {
    let config = preset::session("simpleJwt", "http://api.example").unwrap();
    assert_eq!(config.check().unwrap_err().code(), "INSECURE_URL");
    assert!(SessionConfig { allow_insecure: true, ..config.clone() }.check().is_ok());
    assert!(preset::session("simpleJwt", "http://127.0.0.1:8000").unwrap().check().is_ok());
    assert_eq!(SessionConfig { prefix: "Bearer\n".to_owned(), ..config }.check().unwrap_err().code(), "INVALID_OPTION");
}

#[test]
fn case_82_json_frames_tokens_and_urls_are_the_same_on_every_platform() {
    platform_rules::hold();
}

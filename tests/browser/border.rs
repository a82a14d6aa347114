//! If the browser throws or answers wrongly, the attempt fails: nothing hangs, and nothing is lost.

use gatepass::proto::connection::{ConnectionConfig, ConnectionState};
use gatepass::proto::contract::OptionValue as _;
use gatepass::proto::scheme::Scheme;
use gatepass::proto::session::SessionConfig;
use gatepass::proto::{Json, preset};
use gatepass::web::trusted_options;
use js_sys::Function;
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::{Client, control, count, fresh, json, quick, signed_in, ticket, with_ack};

/// Replaces a function of the page, and restores it when dropped.
struct Replaced(&'static str);

impl Replaced {
    fn by(name: &'static str, code: &str) -> Self {
        run(&format!("globalThis.own_{name} ??= globalThis.{name}; globalThis.{name} = {code}"));
        Self(name)
    }
}

impl Drop for Replaced {
    fn drop(&mut self) {
        let name = self.0;
        run(&format!("globalThis.{name} = globalThis.own_{name}"));
    }
}

fn run(body: &str) {
    Function::new_no_args(body).call0(&JsValue::NULL).unwrap();
}

#[wasm_bindgen_test]
async fn a_socket_that_the_browser_refuses_to_make_is_blocked_and_connects_when_it_may() {
    for (path, scheme) in [("/ws/anonymous/", Scheme::Anonymous), ("/channel/", ticket()), ("/ws/ack/", with_ack())] {
        fresh().await;
        let session = signed_in().await;
        let refused =
            Replaced::by("WebSocket", "class { constructor() { throw new DOMException('no', 'SecurityError'); } }");
        let client = Client::new(quick(path, scheme), Some(&session));
        client.send(r#"{"type":"whoami"}"#);
        client.failed(&[("BLOCKED", "giveUp")]).await;
        client.state(ConnectionState::Closed).await;
        drop(refused);
        client.socket.connect();
        client.connected().await;
        // Messages sent meanwhile were kept.
        client.until("an answer", |seen| seen.messages.iter().any(|message| message.contains("whoami"))).await;
    }
}

#[wasm_bindgen_test]
async fn a_fetch_that_throws_or_answers_nonsense_is_a_try_that_failed() {
    for nonsense in
        ["() => { throw new Error('no'); }", "() => undefined", "async () => ({})", "async () => new Response(null)"]
    {
        fresh().await;
        let session = signed_in().await;
        let broken = Replaced::by("fetch", nonsense);
        let client = Client::new(quick("/channel/", ticket()), Some(&session));
        client.until("a failure", |seen| seen.failures.iter().any(|(_, what)| *what == "retry")).await;
        drop(broken);
        client.connected().await;
    }
}

#[wasm_bindgen_test]
async fn an_answer_that_is_longer_than_a_ticket_can_be_is_not_read() {
    fresh().await;
    let session = signed_in().await;
    let endless = "async () => new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(1 << 20)), cancel: () => void (globalThis.cancelled = true) }))";
    let broken = Replaced::by("fetch", endless);
    let client = Client::new(quick("/channel/", ticket()), Some(&session));
    client.failed(&[("TICKET_MALFORMED", "retry")]).await;
    run("if (!globalThis.cancelled) throw new Error('the rest is still being read')");
    drop(broken);
    client.connected().await;
    control(r#"{"do": "dropSockets", "how": "reset"}"#).await;
    client.connected_times(2).await;
    assert_eq!(count("handshakes").await, 2.0);
}

/// The options of the face and of a preset's row give the same config. `tests/wire/options.rs` has the rest.
#[wasm_bindgen_test]
fn options_by_their_places_are_what_they_are_by_their_names() {
    let fixture = json(include_str!("../fixtures/options.json"));
    let rows = |of: &str| fixture.at(of).and_then(|rows| rows.items()).unwrap();
    let wire = |row: &Json| js_sys::JSON::parse(&row.at("wire").unwrap().print()).unwrap();
    for row in rows("session") {
        let named = preset::session_of(&row.at("options").unwrap(), "").unwrap();
        assert_eq!(trusted_options::<SessionConfig>(wire(&row)).show(), named.show());
    }
    for row in rows("socket") {
        let named = preset::connection_of(&row.at("options").unwrap(), "wss://api.test/ws?a=b", "").unwrap();
        assert_eq!(trusted_options::<ConnectionConfig>(wire(&row)).show(), named.show());
    }
}

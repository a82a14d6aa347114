//! Behaviour of browsers that the driver has to handle.

#[path = "../support/platform_rules.rs"]
mod platform_rules;

use std::cell::RefCell;
use std::rc::Rc;

use gatepass::proto::connection::{ConnectionConfig, ConnectionState, Event};
use gatepass::proto::scheme::Scheme;
use gatepass::web::{AuthSocket, Sink};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::{Client, control, count, fresh, quick, signed_in, ticket};

#[wasm_bindgen_test]
async fn a_subprotocol_that_the_server_does_not_choose_is_an_error_in_every_browser() {
    fresh().await;
    // The mock server chooses none: Chromium and WebKit fail the handshake, Firefox opens.
    let config = ConnectionConfig { protocols: vec!["chat".into()], ..quick("/ws/anonymous/", Scheme::Anonymous) };
    let client = Client::new(config, None);
    client.until("a failure", |seen| !seen.failures.is_empty()).await;
    let (code, _) = client.read(|seen| seen.failures[0]);
    assert!(code == "SUBPROTOCOL_MISMATCH" || code == "CONNECT_FAILED", "{code}");
    assert_eq!(client.read(|seen| seen.opened), 0);
}

#[wasm_bindgen_test]
async fn case_107_a_thousand_connects_and_closes_leave_nothing_behind() {
    fresh().await;
    let client = Client::new(quick("/ws/anonymous/", Scheme::Anonymous), None);
    for _ in 0..1_000 {
        client.socket.close(1000, "").unwrap();
        client.socket.connect();
        client.socket.connect();
    }
    client.state(ConnectionState::Connected).await;
    client.send("still here");
    client.heard(&["still here"]).await;
    // Waits until the server knows of every close.
    while count("open").await > 1.0 {}
}

/// A listener that calls back into the socket at every event.
#[derive(Clone, Default)]
struct Meddler {
    socket: Rc<RefCell<Option<AuthSocket>>>,
    heard: Rc<RefCell<Vec<String>>>,
}

impl Sink for Meddler {
    fn event(&self, event: Event) {
        if let Some(socket) = &*self.socket.borrow() {
            assert!(socket.stats().attempts > 0);
            if matches!(event, Event::Opened) {
                socket.send(&"from within".into()).unwrap();
            }
            if matches!(event, Event::Closed { .. }) {
                socket.connect();
            }
        }
    }

    fn message(&self, data: &JsValue) {
        self.heard.borrow_mut().push(data.as_string().unwrap());
        if let Some(socket) = &*self.socket.borrow() {
            socket.close(1000, "from within").unwrap();
        }
    }
}

#[wasm_bindgen_test]
async fn a_listener_may_call_any_method() {
    fresh().await;
    let session = signed_in().await;
    let meddler = Meddler::default();
    let socket = AuthSocket::new(quick("/channel/", ticket()), Some(session), meddler.clone()).unwrap();
    socket.connect();
    *meddler.socket.borrow_mut() = Some(socket);
    let watcher = Client::new(quick("/ws/anonymous/", Scheme::Anonymous), None);
    watcher.connected().await;
    while meddler.heard.borrow().len() < 3 {
        control(r#"{"do": "delay", "endpoint": "login", "ms": 0}"#).await;
    }
    assert!(meddler.heard.borrow().iter().all(|text| text == "from within"));
    let socket = meddler.socket.borrow_mut().take();
    drop(socket);
}

#[wasm_bindgen_test]
fn case_82_json_frames_tokens_and_urls_are_the_same_on_every_platform() {
    platform_rules::hold();
}

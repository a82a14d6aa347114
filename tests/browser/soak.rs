//! Many reconnects leave nothing behind. `cargo xtask soak` makes more of them.

use gatepass::proto::Millis;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gatepass::proto::backoff::BackoffOptions;
use gatepass::proto::connection::{ConnectionConfig, Event};
use gatepass::web::{AuthSocket, Sink};
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::{control, fresh, quick, signed_in, ticket};

/// How many reconnects, set at compile time.
const RECONNECTS: Option<&str> = option_env!("GATEPASS_SOAK");
/// After these, caches and the allocator have what they need once.
const WARM: u32 = 100;

/// Counts connections.
#[derive(Clone, Default)]
struct Count {
    opened: Rc<Cell<u32>>,
    waiting: Rc<RefCell<Option<Function>>>,
}

impl Sink for Count {
    fn event(&self, event: Event) {
        if matches!(event, Event::Opened) {
            self.opened.set(self.opened.get() + 1);
            if let Some(resolve) = self.waiting.take() {
                resolve.call0(&JsValue::NULL).unwrap();
            }
        }
    }

    fn message(&self, _: &JsValue) {}
}

impl Count {
    async fn reaches(&self, count: u32) {
        while self.opened.get() < count {
            let promise = Promise::new(&mut |resolve, _| *self.waiting.borrow_mut() = Some(resolve));
            JsFuture::from(promise).await.unwrap();
        }
    }
}

/// The bytes of this wasm's memory, and how many values of JavaScript it holds: sockets, closures, listeners.
fn held() -> (u32, u32) {
    let buffer = Reflect::get(&wasm_bindgen::memory(), &"buffer".into()).unwrap();
    let bytes = Reflect::get(&buffer, &"byteLength".into()).unwrap();
    (bytes.as_f64().unwrap() as u32, wasm_bindgen::externref_heap_live_count())
}

#[wasm_bindgen_test]
async fn soak_reconnects_leave_no_memory_and_no_closures_behind() {
    let reconnects = RECONNECTS.map_or(130, |text| text.parse().unwrap());
    fresh().await;
    let session = signed_in().await;
    let backoff = BackoffOptions { base: Millis::ZERO, cap: Millis::ZERO, spread: Millis::ZERO };
    let config = ConnectionConfig { backoff, ..quick("/channel/", ticket()) };
    let count = Count::default();
    let socket = AuthSocket::new(config, Some(session.clone()), count.clone()).unwrap();
    socket.connect();
    let mut warm = (0, 0);
    for reconnect in 1..=reconnects {
        count.reaches(reconnect).await;
        if reconnect == WARM {
            warm = held();
        }
        socket.send(&"hello".into()).unwrap();
        control(r#"{"do": "dropSockets", "how": "reset"}"#).await;
    }
    count.reaches(reconnects + 1).await;
    let end = held();
    wasm_bindgen_test::console_log!(
        "{reconnects} reconnects: {warm:?} bytes and values after {WARM}, {end:?} in the end"
    );
    assert!(end.0 <= warm.0 && end.1 <= warm.1, "{warm:?} after {WARM} reconnects, {end:?} after {reconnects}");
}

//! The clocks, the timer and the source of seeds: the only places that ask the browser for them.

use std::cell::Cell;

use wasm_bindgen::prelude::*;

use super::listener::Listener;
use crate::proto::{Instant, Now, UnixTime, millis};

/// The longest delay that `setTimeout` takes (HTML: a signed 32-bit number); beyond it fires at once.
const MAX_TIMEOUT_MS: u64 = i32::MAX as u64;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &JsValue, millis: i32, kind: u32) -> i32;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(id: i32);
}

/// Reads both clocks.
#[expect(clippy::disallowed_methods, reason = "the one place that asks the browser for the time")]
pub(crate) fn now() -> Now {
    Now {
        instant: Instant::from_millis(performance_now() as u64),
        unix: UnixTime::from_millis(js_sys::Date::now() as i64),
    }
}

/// Returns a seed for the jitter; it guards no secret.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that asks the browser for chance")]
pub fn random_seed() -> u64 {
    (js_sys::Math::random() * 9_007_199_254_740_992.0) as u64
}

/// One timer that can be set again and again; it ends with its value.
pub(crate) struct Alarm {
    listener: Listener,
    /// Its deadline and the browser's number for it.
    set: Cell<Option<(Instant, i32)>>,
}

impl Alarm {
    pub(crate) fn new(mut ring: impl FnMut() + 'static) -> Self {
        Self { listener: Listener::new(move |_, _| ring()), set: Cell::new(None) }
    }

    /// Sets the deadline, or takes it away. A wake-up may come early: for far deadlines the machine asks again.
    pub(crate) fn set(&self, deadline: Option<Instant>) {
        if self.set.get().map(|(set, _)| set) == deadline {
            return;
        }
        self.stop();
        let Some(deadline) = deadline else { return };
        // The clock is cut to whole milliseconds, so one more makes sure that the deadline has passed.
        let delay = millis(deadline.since(now().instant)).saturating_add(1).min(MAX_TIMEOUT_MS);
        let id = set_timeout(self.listener.as_js(), delay as i32, 0);
        self.set.set(Some((deadline, id)));
    }

    /// Notes that the timer has rung.
    pub(crate) fn rang(&self) {
        self.set.set(None);
    }

    fn stop(&self) {
        if let Some((_, id)) = self.set.take() {
            clear_timeout(id);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.stop();
    }
}

//! The clocks and the source of seeds: the only places that ask the browser for them.

use wasm_bindgen::prelude::*;

use crate::proto::{Instant, Now, UnixTime};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
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

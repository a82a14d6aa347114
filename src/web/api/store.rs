//! Stores for Rust users. The npm package loads the script by itself, and only with a store.

use js_sys::Function;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/web/tabs.js")]
extern "C" {
    /// Returns a store for [`SessionEnvironment`](super::SessionEnvironment), which all tabs share that name it the same.
    ///
    /// `place` is `"localStorage"`, `"sessionStorage"`, `"memory"` (tabs then share the lock and the call of `restore`), or an object of the app's with `load()`, `save(text)` and `clear()`, which may
    /// return promises, and perhaps `subscribe(listener)`. `name` is that of the entry, the lock and the channel.
    pub fn store(name: &str, place: &JsValue) -> Function;
}

// tabs.js imports these scripts. wasm-bindgen copies only the scripts of which Rust declares something.
#[wasm_bindgen(module = "/src/web/locks.js")]
extern "C" {
    #[allow(dead_code, reason = "declared so that wasm-bindgen copies the script")]
    fn pause(millis: f64) -> js_sys::Promise;
}

#[wasm_bindgen(module = "/src/web/record.js")]
extern "C" {
    #[allow(dead_code, reason = "declared so that wasm-bindgen copies the script")]
    fn decoded(text: &str) -> JsValue;
}

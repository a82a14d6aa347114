//! The browser driver in a real browser, against the running mock server.
//!
//! `cargo xtask test browser` starts the server, tells its addresses, and runs this in Chromium, Firefox and WebKit.
#![cfg(target_family = "wasm")]
#![allow(unreachable_pub, reason = "modules of one test binary")]
#![allow(clippy::unwrap_used, clippy::let_underscore_must_use, reason = "a test that cannot go on has failed")]

mod bad_input;
mod border;
mod conversation;
mod good_path;
mod harness;
mod rules;
mod schemes;
mod sharing;
mod soak;
mod streams;
mod typed;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

//! The machines for a driver that is written in JavaScript: what crosses is numbers, texts and arrays of them.
//!
//! Inputs and outputs have numbers ([`contract`](crate::proto::contract)); what goes with one stands behind it, each at its place. Nothing here
//! keeps a function or an object of the browser, so that a core could be behind a `MessagePort` as well.

#![allow(unnameable_types, reason = "JavaScript names them")]

mod connection;
#[cfg(not(feature = "js"))]
mod event_log;
mod options;
mod plain;
mod session;

#[cfg(not(feature = "js"))]
pub(super) use connection::ConnectionCore;
#[cfg(not(feature = "js"))]
pub(super) use event_log::EventLog;
pub use options::trusted_options;
#[cfg(not(feature = "js"))]
pub(super) use plain::{Given, read_token, requirement_parts, token_error, view};
#[cfg(not(feature = "js"))]
pub(super) use session::SessionCore;

/// Half the size of std's own allocator for wasm; a Rust app chooses for itself.
#[cfg(feature = "js")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

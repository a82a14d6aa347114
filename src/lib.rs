#![doc = include_str!("../README.md")]
//!
//! # Rooms
//!
//! [`proto`] has the state machines and depends on nothing; `web` runs them in a browser, `native` over tokio. ARCHITECTURE.md has the map.

// Tests have dependencies of their own, and the wasm of the package does without those of Rust users.
#![cfg_attr(not(any(test, feature = "js")), warn(unused_crate_dependencies))]

#[cfg(any(all(not(target_family = "wasm"), feature = "native"), all(target_family = "wasm", not(feature = "js"))))]
pub mod conversation;
pub mod error;
#[cfg(all(not(target_family = "wasm"), feature = "native"))]
pub mod native;
mod platform;
pub mod proto;
#[cfg(target_family = "wasm")]
pub mod web;

/// The examples in the docs are compiled as tests.
#[cfg(all(doctest, feature = "native"))]
#[doc = include_str!("../docs/schemes/header.md")]
struct Header;

/// As above.
#[cfg(all(doctest, feature = "native"))]
#[doc = include_str!("../docs/rust.md")]
struct Rust;

/// As above.
#[cfg(doctest)]
#[doc = include_str!("../docs/testing.md")]
struct Testing;

// Test support is one file for unit and integration tests, so it names the crate.
#[cfg(test)]
extern crate self as gatepass;

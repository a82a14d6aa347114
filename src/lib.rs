//! Authenticated WebSockets for the browser that stay connected.

pub mod error;
pub mod proto;

// Test support is one file for unit and integration tests, so it names the crate.
#[cfg(test)]
extern crate self as gatepass;

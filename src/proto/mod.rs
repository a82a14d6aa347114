//! The state machines: pure. No clock, no randomness source, no I/O, no async, no browser crate.
//!
//! Time and chance are arguments. Same seed and inputs, same outputs.
//! Public for other drivers and for tests; without a stability promise before 1.0.

pub mod backoff;
pub mod close;
pub mod connection;
pub mod contract;
mod frame;
mod hint;
pub mod http;
pub mod outbox;
pub mod preset;
pub mod scheme;
mod secret;
pub mod session;
#[cfg(test)]
#[path = "../../tests/support/json.rs"]
#[allow(unreachable_pub, dead_code, reason = "integration tests use it, too")]
mod test_json;
mod time;
mod timer;
pub mod token;
mod url;

pub use crate::platform::Json;
pub use frame::Framing;
pub use secret::Secret;
pub use time::{Instant, Millis, Now, UnixTime};
pub use url::{Url, UrlKind};

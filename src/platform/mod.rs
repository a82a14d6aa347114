//! What the platform can do with text: JSON, URLs, base64, dates. Pure functions, the same wherever they run.
//!
//! A browser has all of it built in, and a second parser would cost the download more than the machines: so there are two
//! implementations behind one face, and one set of tests for both.

#[cfg(target_family = "wasm")]
mod browser;
mod json;
#[cfg(not(target_family = "wasm"))]
mod native;

#[cfg(target_family = "wasm")]
use browser as present;
#[cfg(not(target_family = "wasm"))]
use native as present;

#[cfg(target_family = "wasm")]
pub(crate) use browser::text_at;
pub use json::Json;
pub(crate) use present::{base64, number_of, url, with_param};

/// A URL in its normal form (WHATWG URL, in a browser against the page's address), cut up.
#[derive(Debug)]
pub(crate) struct UrlParts {
    /// Without the colon.
    pub(crate) scheme: String,
    /// Whether there is a user or a password.
    pub(crate) has_user: bool,
    /// The host without its port; an IPv6 address in brackets.
    pub(crate) host: String,
    /// Host, port unless it is the scheme's own, and path.
    pub(crate) address: String,
    /// Without the question mark; empty if there is none.
    pub(crate) query: String,
}

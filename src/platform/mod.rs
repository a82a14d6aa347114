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

/// How many messages are read of a frame that may hold several.
#[cfg(not(target_family = "wasm"))]
pub(crate) const MAX_MESSAGES: usize = 1_000;
/// How long a piece of a frame may be that the next frame goes on with. In bytes, or in UTF-16 units in a browser.
#[cfg(not(target_family = "wasm"))]
pub(crate) const MAX_REST: usize = 65_535;

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

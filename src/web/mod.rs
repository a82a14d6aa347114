//! The browser: machines for drivers that are written in JavaScript, and the same for a Rust app.
//!
//! `core` is the border: plain values in, plain values out. `driver.js`, `connection-driver.js` and `session-driver.js` perform what the machines
//! ask for, feed them what happened, and decide nothing; the npm package and a Rust app have the same ones. `api` is for a Rust app, as the
//! TypeScript face is for the npm package.

#[cfg(not(feature = "js"))]
mod api;
mod core;

#[doc(hidden)]
pub use self::core::trusted_options;
#[cfg(not(feature = "js"))]
pub use crate::conversation::Conversation;
#[cfg(not(feature = "js"))]
pub use api::{
    AuthSocket, FetchError, Incoming, JsonError, JsonStream, Session, SessionEnvironment, SessionEvent, SignInError,
    Sink, SocketStream, login_details, store,
};
#[cfg(not(feature = "js"))]
pub(crate) use api::{Link, converse};

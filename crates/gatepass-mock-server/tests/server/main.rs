//! The server over real sockets, by a client that knows nothing of the SDK.
#![allow(unreachable_pub, reason = "modules of one test binary")]
#![allow(clippy::unwrap_used, clippy::let_underscore_must_use, reason = "a test that cannot go on has failed")]

mod careless;
mod client;
mod faults;
mod handshake;
mod log;
mod program;
mod rooms;
mod rules;
mod schemes;
mod tokens;
mod wire;

//! The server over real sockets, by a client that knows nothing of the SDK.
#![allow(unreachable_pub, reason = "modules of one test binary")]

mod client;
mod faults;
mod rules;

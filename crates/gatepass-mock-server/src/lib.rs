//! A native server that plays the backend of authenticated WebSockets in tests, faults included.
//!
//! It speaks every authentication scheme that the SDK has (tickets, tokens in the query, in cookies, in headers, among the subprotocols, as first
//! messages) with the manners of the backends that have it; the modules `http` and `socket` list the paths. It knows the users
//! `maggie` (password `secret`) and `bob` (`hunter2`), listens on loopback only, and does what a test needs to see: drops
//! sockets, refuses handshakes, delays tickets, expires tokens, goes silent, restarts.
//!
//! ```
//! use gatepass_mock_server::{Command, Drop, MockServer};
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let server = MockServer::start().await;
//! println!("tickets at {}/ws_ticket, sockets at {}/channel/", server.url(), server.ws_url());
//!
//! // … connect a client, then:
//! server.control(Command::DropSockets { how: Drop::Close { code: 1012, reason: String::new() } }).await;
//! assert_eq!(server.counts().open, 0);
//! # });
//! ```
//!
//! It shares no code with the SDK, so that both cannot be wrong together. [`Command`] lists the faults, [`Recorded`] what
//! can be asserted.

#![cfg_attr(not(test), warn(unused_crate_dependencies))]

// What the command alone uses.
use clap as _;
use tracing_subscriber as _;

mod careless;
mod command;
mod control;
mod files;
mod http;
mod net;
mod origin;
mod record;
mod rooms;
mod server;
mod settings;
mod socket;
mod state;
mod ticket;
mod token;

pub use careless::Careless;
pub use command::{Command, Drop, Endpoint};
pub use origin::OriginPolicy;
pub use record::Recorded;
pub use server::{MockServer, Options};
pub use settings::Settings;
pub use state::{Counts, GROUPS, USERS};

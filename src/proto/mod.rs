//! The state machines: pure. No clock, no randomness source, no I/O, no async, no browser crate.
//!
//! Time and chance are arguments. Same seed and inputs, same outputs.
//! Public for other drivers and for tests; without a stability promise before 1.0.
//!
//! # How a machine is driven
//!
//! There are two machines: [`session::Session`] and [`connection::Connection`]. A driver makes the same calls to both, after every event:
//!
//! 1. `handle_input(now, input)`, which never fails;
//! 2. for a session `poll_user_change()`: tell every connection of it before anything else, so that nothing more is sent as the
//!    previous user;
//! 3. `poll_output()` until it returns `None`. Perform each output before you poll the next. Feed an event that happens meanwhile at once: its
//!    outputs are appended to the queue;
//! 4. `poll_timeout()`: feed `Input::Timeout` at that time. Each machine needs one timer.
//!
//! The machine assigns the ids of requests and sockets, the driver those of messages, logins and requesters. An input with an id that the machine
//! does not know any more is ignored. A message of a socket goes to [`connection::Connection::on_message`] first, which says whether it has to be read.
//!
//! This is a complete driver, with a server that refuses the first handshake, in virtual time:
//!
//! ```
//! use gatepass::proto::connection::{Connection, ConnectionConfig, ConnectionState, Event, Input, Output};
//! use gatepass::proto::scheme::Scheme;
//! use gatepass::proto::session::SessionView;
//! use gatepass::proto::{Instant, Millis, Now, UnixTime, Url, UrlKind};
//!
//! let url = Url::parse("url", "wss://api.example.com/quotes/", UrlKind::WebSocket)?;
//! let mut machine = Connection::new(ConnectionConfig::new(url, Scheme::Anonymous), SessionView::default(), 7);
//! let mut now = Now { instant: Instant::from_millis(0), unix: UnixTime::from_millis(1_800_000_000_000) };
//! let mut dials = 0;
//! machine.handle_input(now, Input::Connect);
//! loop {
//!     while let Some(output) = machine.poll_output() {
//!         match output {
//!             Output::Open { socket, .. } => {
//!                 dials += 1;
//!                 machine.handle_input(now, match dials {
//!                     1 => Input::SocketClosed { socket, code: 1006, reason: String::new(), was_clean: false },
//!                     _ => Input::SocketOpened { socket, protocol: String::new() },
//!                 });
//!             }
//!             Output::Event(Event::StateChanged(change)) => println!("{} ms: {:?}", now.instant.as_millis(), change.state),
//!             // A real driver has no such arm. Here is neither a session nor a message.
//!             output => println!("{output:?}"),
//!         }
//!     }
//!     if machine.state() == ConnectionState::Connected {
//!         break;
//!     }
//!     let deadline = machine.poll_timeout().expect("it waits for something");
//!     now = Now { instant: deadline, unix: now.unix.after(deadline.since(now.instant)) };
//!     machine.handle_input(now, Input::Timeout);
//! }
//! assert_eq!(dials, 2);
//! assert!(now.instant.since(Instant::from_millis(0)) <= Millis::from_secs(30));
//! # Ok::<(), gatepass::error::ConfigError>(())
//! ```

pub mod backoff;
pub mod close;
pub mod connection;
pub mod contract;
#[cfg(not(feature = "js"))]
pub mod conversation;
mod frame;
mod handshake;
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
pub use handshake::Handshake;
pub use hint::RETRY_AFTER_CAP;
pub use secret::Secret;
pub use time::{Instant, Millis, Now, UnixTime};
pub use url::{Url, UrlKind};

//! The browser driver: performs what the machines ask for, feeds them what happened, decides nothing.
//!
//! Rules: take the borrow, feed the machine, collect its outputs, drop the borrow, then act. Outputs wait in a queue that
//! one loop empties, so that a listener which calls back appends instead of nesting. One browser timer per machine; on
//! wake the machine compares with the clock. Closures belong to their socket and are detached when it is dropped.

mod clock;
mod connection;
mod options;
mod port;
mod queue;
mod session;
mod slots;
#[cfg(not(feature = "js"))]
mod store;
#[cfg(not(feature = "js"))]
mod stream;

pub use clock::random_seed;
pub use connection::{AuthSocket, Sink};
#[doc(hidden)]
pub use options::trusted_options;
pub use session::{Session, SessionEvent, Surroundings};
#[cfg(not(feature = "js"))]
pub use store::store;
#[cfg(not(feature = "js"))]
pub use stream::{Incoming, SocketStream};

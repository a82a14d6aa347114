//! The native driver: the same machines over tokio, for tests under load, command lines and other clients that are no
//! browsers. Here a handshake may have headers ([`Scheme::Header`](crate::proto::scheme::Scheme)).
//!
//! Each session and each connection is a task that owns its machine: inputs arrive by a channel, outputs are performed in order.
//! It decides nothing; what a socket or a request has led to comes back as an input with its id.
//!
//! ```no_run
//! use gatepass::native::{AuthSocket, Session};
//! use gatepass::proto::preset;
//!
//! #[derive(serde::Serialize)]
//! struct Credentials<'a> {
//!     username: &'a str,
//!     password: &'a str,
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let session = Session::new(preset::session("drfToken", "https://api.example.com")?)?;
//! session.sign_in(&Credentials { username: "maggie", password: "secret" }).await?;
//!
//! let url = "wss://api.example.com/ws/quotes/";
//! let mut socket = AuthSocket::new(preset::connection("channelsFirstMessage", url, "")?, Some(&session))?;
//! socket.connect();
//! // A refused handshake is an error with its status.
//! socket.ready().await?;
//! socket.send("hello").await?;
//! while let Some(message) = socket.next().await {
//!     println!("{message:?}");
//! }
//! # Ok(())
//! # }
//! ```

mod clock;
mod connection;
mod conversation;
mod http;
mod inbox;
mod message;
mod recent;
mod session;
mod socket;
mod stream;

pub use crate::conversation::Conversation;
pub use connection::AuthSocket;
pub(crate) use conversation::{Link, converse};
pub use message::Message;
pub use session::{Session, SignInError};
pub use stream::{Incoming, SocketStream};

//! What the server saw, for assertions. It holds no credential: queries are named, not quoted.

use serde::{Deserialize, Serialize};

/// One thing that the server saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Recorded {
    /// A socket ended: by the peer, or by a fault.
    Closed {
        /// The user, if one was known.
        user: Option<String>,
        /// The code of the peer's close frame, if there was one.
        code: Option<u16>,
    },
    /// A handshake.
    Handshake {
        /// The path.
        path: String,
        /// The names of the query's parameters, in order.
        params: Vec<String>,
        /// The Origin header.
        origin: Option<String>,
        /// The answer: 101, or the refusal.
        status: u16,
    },
    /// An HTTP request.
    Http {
        /// The method.
        method: String,
        /// The path.
        path: String,
        /// The answer's status.
        status: u16,
    },
    /// A message on an accepted socket; first messages are not recorded.
    Message {
        /// Whose socket it is.
        user: Option<String>,
        /// The text; a binary message is shown as its length.
        text: String,
    },
}

impl Recorded {
    /// Returns the user, if this is a message, and its text.
    #[must_use]
    pub fn as_message(&self) -> Option<(Option<&str>, &str)> {
        match self {
            Self::Message { user, text } => Some((user.as_deref(), text)),
            Self::Closed { .. } | Self::Handshake { .. } | Self::Http { .. } => None,
        }
    }
}

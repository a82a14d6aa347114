//! A message, as it is sent and received.

use super::clock::now;
use crate::proto::Instant;
use crate::proto::connection::Outgoing;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Bytes.
    Binary(Vec<u8>),
    /// Text.
    Text(String),
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(bytes.to_vec())
    }
}

impl Message {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Binary(bytes) => bytes.len(),
            Self::Text(text) => text.len(),
        }
    }
}

impl Outgoing for Message {
    fn length(&self) -> usize {
        self.len()
    }

    fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.as_str().to_owned()),
            Self::Binary(bytes) => core::str::from_utf8(bytes).ok().map(str::to_owned),
        }
    }

    fn instant(&self) -> Instant {
        now().instant
    }
}

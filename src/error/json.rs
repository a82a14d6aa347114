//! What a value and its JSON can do to each other.

use super::SendError;

/// A value cannot be written as JSON, or JSON does not fit the requested type. The text of serde may quote the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The value cannot be written as JSON (RFC 8259): in a browser a number that JavaScript does not tell from the next one, say.
    #[error("the value cannot be written as JSON: {0}")]
    Encode(String),
    /// The message is no JSON, or has another shape than the type.
    #[error("the message does not fit the type: {0}")]
    Decode(String),
    /// The message was not taken.
    #[error("{0}")]
    Send(#[from] SendError),
}

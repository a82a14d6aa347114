//! Frames of the authentication: how the first message is written, and which messages a frame of the server contains.
//!
//! Most servers put one JSON value into a frame. Others put text before it (socket.io, NATS), several to a frame
//! (Centrifugo, SignalR), or a line over two frames (NATS, for browsers). One view serves them all, so that templates and
//! matchers stay JSON.

use super::Json;
use super::contract::numbered;

numbered! {
/// The type of the frames of the authentication.
pub enum Framing {
    /// [`Framing::Text`] in binary frames.
    Binary = 2 "binary",
    /// A JSON value.
    Json = 0 "json",
    /// Messages as text, each ended by a line feed or a record separator (U+001E); the last may go without.
    ///
    /// A message is JSON, or text followed by JSON, which is seen as an array of both, or a text:
    /// `40{"sid":"a"}` is `["40", {"sid": "a"}]`, `PONG` is `"PONG"`. So is one written: of an array the texts as they are, all else
    /// as JSON. JSON that is not whole at the end of a frame goes on in the next.
    Text = 1 "text",
}
}

impl Framing {
    /// Writes a message.
    #[must_use]
    pub fn write(self, message: &Json) -> String {
        match self {
            Self::Json => message.print(),
            Self::Text | Self::Binary => message.frame(),
        }
    }

    /// Reads the messages of a frame, `None` for what is none, and what of the last the next frame may go on with: at most 64 kB.
    #[must_use]
    pub fn read(self, frame: &str) -> (Vec<Option<Json>>, String) {
        if self == Self::Json {
            return (vec![Json::parse(frame)], String::new());
        }
        let (messages, rest) = Json::messages_of(frame);
        (messages.into_iter().map(Some).collect(), rest)
    }
}

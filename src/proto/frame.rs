//! Frames of the handshake: how the first message is written, and which messages a frame of the server holds.
//!
//! Most servers put one JSON value into a frame. Others put text before it (socket.io, NATS), several to a frame
//! (Centrifugo, SignalR), or a line over two frames (NATS, for browsers). One view serves them all, so that templates and
//! matchers stay JSON.

use super::{Json, Secret};

/// What a frame of the handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// [`Framing::Text`] in binary frames.
    Binary,
    /// A JSON value.
    Json,
    /// Messages as text, each ended by a line feed or a record separator (U+001E); the last may go without.
    ///
    /// A message is JSON, or text followed by JSON, which is seen as an array of both, or a text:
    /// `40{"sid":"a"}` is `["40", {"sid": "a"}]`, `PONG` is `"PONG"`. So is one written: of an array the texts as they are, all else
    /// as JSON. JSON that is not whole at the end of a frame goes on in the next.
    Text,
}

impl Framing {
    /// Writes a message.
    pub(crate) fn write(self, message: &Json) -> String {
        match self {
            Self::Json => message.print(),
            Self::Text | Self::Binary => message.frame(),
        }
    }

    /// Writes a message template with the token, and the value of an `Authorization` header, in its holes: ready to send.
    pub(crate) fn message(self, template: &Json, token: &str, authorization: &str) -> Secret {
        let values = Json::object(&[("token", token), ("authorization", authorization)]);
        Secret::new(self.write(&template.filled(&values)))
    }

    /// Reads the messages of a frame, `None` for what is none, and what of the last the next frame may go on with.
    pub(crate) fn read(self, frame: &str) -> (Vec<Option<Json>>, String) {
        if self == Self::Json {
            return (vec![Json::parse(frame)], String::new());
        }
        let (messages, rest) = Json::messages_of(frame);
        (messages.into_iter().map(Some).collect(), rest)
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_json::json;
    use super::*;

    fn read(frame: &str) -> String {
        Json::array(Framing::Text.read(frame).0.into_iter().flatten().collect()).print()
    }

    #[test]
    fn text_holds_json_text_before_json_or_text_and_several_of_them() {
        let rows = [
            (r#"{"id":1}"#, r#"[{"id":1}]"#),
            ("{\"id\":1}\n{\"id\":2}\r\n", r#"[{"id":1},{"id":2},""]"#),
            ("{}\u{1e}{\"type\":6}\u{1e}", r#"[{},{"type":6},""]"#),
            (r#"40{"sid":"a"}"#, r#"[["40",{"sid":"a"}]]"#),
            (r#"42["event",{"a":[1]}]"#, r#"[["42",["event",{"a":[1]}]]]"#),
            ("INFO {\"nonce\":\"{\"} \r\n", r#"[["INFO ",{"nonce":"{"}],""]"#),
            ("PONG\r\n", r#"["PONG",""]"#),
            ("-ERR 'Authorization Violation'\r\n", r#"["-ERR 'Authorization Violation'",""]"#),
            ("é{", r#"["é{"]"#),
            ("3", "[3]"),
            ("", r#"[""]"#),
        ];
        for (frame, messages) in rows {
            assert_eq!(read(frame), messages, "{frame:?}");
        }
    }

    #[test]
    fn json_that_is_not_whole_may_go_on_but_not_for_ever() {
        let rest = |text: &str| Framing::Binary.read(text).1;
        for (frame, open) in [("INFO {\"nonce\"", "INFO {\"nonce\""), ("{}\na[", "a[")] {
            assert_eq!(rest(frame), open);
        }
        for whole in ["PONG", "o", "", "PONG\r\n", "{}", "40{}", "a[\n"] {
            assert_eq!(rest(whole), "", "{whole:?}");
        }
        assert_eq!(rest(&"{".repeat(65_535)).len(), 65_535);
        assert_eq!(rest(&"{".repeat(65_536)), "");
        assert_eq!(Framing::Json.read("{").1, "", "a frame is a value");
    }

    #[test]
    fn texts_are_written_as_they_are_and_all_else_as_json() {
        let rows = [
            (Framing::Json, r#"["a",{"b":"c"}]"#, r#"["a",{"b":"c"}]"#),
            (Framing::Text, r#"["40",{"token":"a\"b"}]"#, r#"40{"token":"a\"b"}"#),
            (
                Framing::Binary,
                r#"["CONNECT ",{"verbose":false},"\r\nPING\r\n"]"#,
                "CONNECT {\"verbose\":false}\r\nPING\r\n",
            ),
            (Framing::Text, r#"{"id":1}"#, r#"{"id":1}"#),
            (Framing::Text, r#""PING""#, "PING"),
        ];
        for (framing, message, written) in rows {
            assert_eq!(framing.write(&json(message)), written);
        }
    }
}

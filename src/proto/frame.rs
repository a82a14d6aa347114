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

/// The longest piece that waits for the next frame.
const MAX_REST: usize = 65_536;
const RECORD_SEPARATOR: u8 = 0x1e;

impl Framing {
    /// Writes a message.
    pub(crate) fn write(self, message: &Json) -> String {
        match self {
            Self::Json => message.print(),
            Self::Text | Self::Binary => match message.items() {
                Some(pieces) => pieces.iter().map(Json::plain).collect(),
                None => message.plain(),
            },
        }
    }

    /// Writes a message template with the token, and the value of an `Authorization` header, in its holes: ready to send.
    pub(crate) fn message(self, template: &Json, token: &str, authorization: &str) -> Secret {
        let values = Json::object(&[("token", token), ("authorization", authorization)]);
        Secret::new(self.write(&template.filled(&values)))
    }

    /// Takes the first message of a text.
    #[inline(never)]
    pub(crate) fn first(self, text: &str) -> First<'_> {
        if self == Self::Json {
            return First { message: Json::parse(text), after: None, is_open: false };
        }
        let end = text.bytes().position(|byte| matches!(byte, b'\n' | RECORD_SEPARATOR));
        let piece = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
        let json = message_in(piece);
        First {
            is_open: json.is_none() && end.is_none() && start_of_json(piece).is_some() && piece.len() < MAX_REST,
            message: json.or_else(|| Some(Json::text(piece.trim_ascii_end()))),
            after: end.and_then(|end| text.get(end + 1..)),
        }
    }
}

/// The first message of a text.
#[derive(Debug)]
pub(crate) struct First<'a> {
    /// It, unless it is none.
    pub(crate) message: Option<Json>,
    /// What comes after it.
    pub(crate) after: Option<&'a str>,
    /// Whether the next frame may go on with it.
    pub(crate) is_open: bool,
}

fn start_of_json(text: &str) -> Option<usize> {
    text.bytes().position(|byte| matches!(byte, b'{' | b'['))
}

/// Reads JSON, or text before JSON.
fn message_in(text: &str) -> Option<Json> {
    Json::parse(text).or_else(|| {
        let start = start_of_json(text)?;
        let (before, json) = (text.get(..start)?, text.get(start..)?);
        Some(Json::array(vec![Json::text(before), Json::parse(json)?]))
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_json::json;
    use super::*;

    fn read(frame: &str) -> String {
        let mut messages = Vec::new();
        let mut after = Some(frame);
        while let Some(text) = after {
            let first = Framing::Text.first(text);
            messages.extend(first.message);
            after = first.after;
        }
        Json::array(messages).print()
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
        let is_open = |text: &str| Framing::Binary.first(text).is_open;
        assert!(is_open("INFO {\"nonce\"") && is_open("a["));
        for whole in ["PONG", "o", "", "PONG\r\n", "{}", "40{}", "a[\n"] {
            assert!(!is_open(whole), "{whole:?}");
        }
        assert!(!is_open(&"{".repeat(MAX_REST)));
        assert!(!Framing::Json.first("{").is_open, "a frame is a value");
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

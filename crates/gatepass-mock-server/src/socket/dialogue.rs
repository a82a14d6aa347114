//! The authentication schemes by a first message, as data.
//!
//! | path | first message | good | bad |
//! |---|---|---|---|
//! | `/ws/first/` | `{"token": …}` | nothing (S5) | close 1000 |
//! | `/ws/4401/` | the same | nothing | close 4401 |
//! | `/ws/ack/` | the same | `{"type": "auth_ok"}` | `{"type": "auth_invalid"}`, close 1005 |
//! | `/ws/hello/`, `/api/websocket` | after `{"type": "auth_required"}`, `{"type": "auth", "access_token": …}` (X1) | the same | the same |
//! | `/graphql` | `connection_init` with `payload.Authorization` (X2) | `connection_ack` | close 4403 |
//! | `/websocket` | `{"type": "auth", "access_token": …}` (X3) | `{"type": "auth", "status": "ok"}` | `… "error"`, close 1005 |
//! | `/trpc` | `{"method": "connectionParams", …}`, `?connectionParams=1` (X4) | nothing | `{"id": null, "error": …}`, close 1005 |

use serde_json::{Value, json};

/// The messages before a socket is accepted.
#[derive(Debug)]
pub(super) struct Dialogue {
    /// A parameter that the URL has to have.
    pub(super) param: Option<(&'static str, &'static str)>,
    /// The subprotocol.
    pub(super) protocol: Option<&'static str>,
    /// What the server says first.
    pub(super) hello: Option<&'static str>,
    /// What the first message has to have, by JSON pointers; anything else is no first message.
    shape: &'static [(&'static str, &'static str)],
    /// Where the token stands in it.
    token: &'static str,
    /// What the server says to a good one.
    pub(super) ack: Option<&'static str>,
    /// What the server says to a bad one.
    pub(super) refusal: Option<&'static str>,
    /// How it closes after that.
    pub(super) close: u16,
    /// How it closes on what is no first message; `None`: as on a bad one.
    pub(super) stray: Option<u16>,
    /// How it closes on a second first message; `None`: it is a message like any other.
    pub(super) again: Option<u16>,
    /// What the server asks every [`Settings::ping_ms`](crate::Settings::ping_ms), and the answer that it needs before it asks again.
    pub(super) ping: Option<(&'static str, &'static str)>,
    /// What the server says when the token has ended, and waits for another; `None`: the socket lives on.
    pub(super) expired: Option<&'static str>,
}

const PLAIN: Dialogue = Dialogue {
    param: None,
    protocol: None,
    hello: None,
    shape: &[],
    token: "/token",
    ack: None,
    refusal: None,
    close: 1000,
    stray: None,
    again: None,
    ping: None,
    expired: None,
};

const ACK: Dialogue = Dialogue {
    ack: Some(r#"{"type":"auth_ok"}"#),
    refusal: Some(r#"{"message":"Invalid access token","type":"auth_invalid"}"#),
    close: 1005,
    ..PLAIN
};

static ALL: [(&str, Dialogue); 8] = [
    ("/ws/first/", PLAIN),
    ("/ws/4401/", Dialogue { close: 4401, ..PLAIN }),
    ("/ws/ack/", ACK),
    ("/ws/hello/", Dialogue { hello: Some(r#"{"type":"auth_required"}"#), ack: ACK.ack, ..HOME_ASSISTANT }),
    ("/api/websocket", HOME_ASSISTANT),
    (
        "/graphql",
        Dialogue {
            protocol: Some("graphql-transport-ws"),
            shape: &[("/type", "connection_init")],
            token: "/payload/Authorization",
            ack: Some(r#"{"type":"connection_ack"}"#),
            close: 4403,
            stray: Some(4401),
            again: Some(4429),
            ..PLAIN
        },
    ),
    (
        "/websocket",
        Dialogue {
            shape: &[("/type", "auth")],
            token: "/access_token",
            ack: Some(r#"{"status":"ok","type":"auth"}"#),
            refusal: Some(
                r#"{"error":{"code":"AUTH_FAILED","message":"Authentication failed."},"status":"error","type":"auth"}"#,
            ),
            close: 1005,
            ping: Some((r#"{"type":"ping"}"#, r#"{"type":"pong"}"#)),
            expired: Some(
                r#"{"error":{"code":"TOKEN_EXPIRED","message":"Token expired."},"status":"error","type":"auth"}"#,
            ),
            ..PLAIN
        },
    ),
    (
        "/trpc",
        Dialogue {
            param: Some(("connectionParams", "1")),
            shape: &[("/method", "connectionParams")],
            token: "/data/token",
            ping: Some(("PING", "PONG")),
            refusal: Some(r#"{"error":{"code":-32001,"message":"UNAUTHORIZED"},"id":null}"#),
            close: 1005,
            ..PLAIN
        },
    ),
];

const HOME_ASSISTANT: Dialogue = Dialogue {
    hello: Some(r#"{"ha_version":"2026.11.0","type":"auth_required"}"#),
    shape: &[("/type", "auth")],
    token: "/access_token",
    ack: Some(r#"{"ha_version":"2026.11.0","type":"auth_ok"}"#),
    ..ACK
};

/// What a message is in a dialogue.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Not JSON.
    Garbage,
    /// Something else than the first message.
    Stray,
    /// The first message, with the token or an empty one.
    Token(String),
}

/// Returns the dialogue of a path, if it has one.
pub(super) fn at(path: &str) -> Option<&'static Dialogue> {
    ALL.iter().find(|(known, _)| *known == path).map(|(_, dialogue)| dialogue)
}

impl Dialogue {
    /// Reads a message.
    pub(super) fn read(&self, text: Option<&str>) -> Reply {
        let Some(message) = text.and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
            return Reply::Garbage;
        };
        if self.shape.iter().any(|(pointer, wanted)| message.pointer(pointer) != Some(&json!(wanted))) {
            return Reply::Stray;
        }
        let token = message.pointer(self.token).and_then(Value::as_str).unwrap_or_default();
        Reply::Token(token.strip_prefix("Bearer ").unwrap_or(token).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_83_odd_messages_are_no_first_message_and_no_panic() {
        let home_assistant = at("/api/websocket").unwrap();
        let token = |text: &str| Reply::Token(text.to_owned());
        assert_eq!(home_assistant.read(Some(r#"{"type":"auth","access_token":"t"}"#)), token("t"));
        for odd in
            [r#"{"type":"auth"}"#, r#"{"type":"auth","access_token":null}"#, r#"{"type":"auth","access_token":[1]}"#]
        {
            assert_eq!(home_assistant.read(Some(odd)), token(""), "{odd}");
        }
        for stray in ["[]", "null", "3", r#"{"type":["auth"]}"#, r#"{"type":"ping"}"#] {
            assert_eq!(home_assistant.read(Some(stray)), Reply::Stray, "{stray}");
        }
        for garbage in [None, Some(""), Some("{"), Some("hello")] {
            assert_eq!(home_assistant.read(garbage), Reply::Garbage);
        }
        let graphql = at("/graphql").unwrap();
        let init = r#"{"type":"connection_init","payload":{"Authorization":"Bearer t"}}"#;
        assert_eq!(graphql.read(Some(init)), token("t"));
    }
}

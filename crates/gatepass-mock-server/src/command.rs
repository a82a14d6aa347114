//! The faults that a test can cause, as one type for Rust and for HTTP.

use serde::{Deserialize, Serialize};

use crate::careless::Careless;
use crate::settings::Settings;

/// Something that happens to the server. In JSON the variant is the member `do`, in camel case:
/// `{"do": "dropSockets", "how": {"close": {"code": 4401}}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Command {
    /// Forget these things from now on, and no others.
    BeCareless {
        /// What.
        about: Vec<Careless>,
    },
    /// Answer the next requests with this instead of the proper answer.
    Answer {
        /// Which endpoint.
        endpoint: Endpoint,
        /// The status.
        status: u16,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
        /// The `Retry-After` header.
        #[serde(default)]
        retry_after: Option<String>,
        /// The body. Default: empty.
        #[serde(default)]
        body: Option<String>,
    },
    /// Forget the faults that wait or last: answers, lost answers, refusals, delays, silence, carelessness, the broken ticket store. Sockets and users stay.
    ClearFaults,
    /// Answer from now on after a delay; zero ends it.
    Delay {
        /// Which endpoint.
        endpoint: Endpoint,
        /// Milliseconds.
        ms: u64,
    },
    /// End every open socket.
    DropSockets {
        /// How.
        how: Drop,
    },
    /// Count every access token issued so far as expired. Protocols that tell it on the open socket do (Directus).
    ExpireTokens,
    /// Forget what was said in rooms, as a server that has its log in memory. Members stay.
    ForgetLogs,
    /// Do not answer the next requests on sockets (`ask`).
    LoseReplies {
        /// How many.
        #[serde(default = "once")]
        times: u32,
    },
    /// Say something in a room.
    Publish {
        /// Which.
        room: String,
        /// What: a text, or any JSON.
        text: serde_json::Value,
    },
    /// Send the next news and answers twice.
    Repeat {
        /// How many.
        #[serde(default = "once")]
        times: u32,
    },
    /// Do what the next requests ask for, and answer them never: the caller's connection hangs until it gives up.
    LoseAnswers {
        /// Which endpoint.
        endpoint: Endpoint,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// Send a text to every accepted socket.
    Push {
        /// The text.
        text: String,
    },
    /// Answer the next handshakes with an HTTP status.
    RefuseHandshakes {
        /// How many.
        #[serde(default = "once")]
        times: u32,
        /// The status.
        status: u16,
    },
    /// End every socket and forget everything: settings, tokens, tickets, faults, counts, the recording.
    Reset,
    /// Stop and start again on the same port: every connection is reset, tickets are forgotten, tokens stay good.
    Restart,
    /// End every token, ticket and session key of a user, and their sockets with close code 4401.
    Revoke {
        /// Who.
        user: String,
    },
    /// Send bytes as they are to every accepted socket, frames (RFC 6455 §5.2) or not: what a broken server or proxy may send.
    SendRaw {
        /// The bytes, two hexadecimal digits each.
        hex: String,
    },
    /// Replace the settings.
    SetSettings {
        /// All of them; what is left out has its default.
        settings: Settings,
    },
    /// Change the ticket store.
    SetTicketStore {
        /// Tickets are neither issued (503) nor taken (403).
        #[serde(default)]
        is_down: bool,
        /// Put behind every ticket, to try odd characters.
        #[serde(default)]
        suffix: String,
    },
    /// Allow or forbid a user to sign in.
    SetUserActive {
        /// Who.
        user: String,
        /// Whether.
        active: bool,
    },
    /// Say nothing any more and read nothing (half-open), or go on.
    Silence {
        /// Whether.
        on: bool,
    },
    /// Listen again on the same port.
    Start,
    /// Reset every connection and stop listening: dials are refused.
    Stop,
}

impl Command {
    /// Returns what cannot be done, if this cannot.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Answer { times, .. }
            | Self::LoseAnswers { times, .. }
            | Self::LoseReplies { times }
            | Self::RefuseHandshakes { times, .. }
            | Self::Repeat { times }
                if *times > MAX_TIMES =>
            {
                Err("times: at most 10000")
            }
            Self::Answer { status, .. } | Self::RefuseHandshakes { status, .. } if !(200..600).contains(status) => {
                Err("status: 200 to 599")
            }
            Self::DropSockets { how: Drop::Close { reason, .. } } if reason.len() > 123 => {
                Err("reason: at most 123 bytes (RFC 6455 §5.5)")
            }
            Self::SendRaw { hex } if bytes_of(hex).is_none() => Err("hex: two hexadecimal digits for each byte"),
            Self::Answer { .. }
            | Self::BeCareless { .. }
            | Self::ClearFaults
            | Self::Delay { .. }
            | Self::DropSockets { .. }
            | Self::ExpireTokens
            | Self::ForgetLogs
            | Self::LoseAnswers { .. }
            | Self::LoseReplies { .. }
            | Self::Publish { .. }
            | Self::Repeat { .. }
            | Self::Push { .. }
            | Self::RefuseHandshakes { .. }
            | Self::Reset
            | Self::Restart
            | Self::Revoke { .. }
            | Self::SendRaw { .. }
            | Self::SetSettings { .. }
            | Self::SetTicketStore { .. }
            | Self::SetUserActive { .. }
            | Self::Silence { .. }
            | Self::Start
            | Self::Stop => Ok(()),
        }
    }
}

/// Reads hexadecimal digits.
pub(crate) fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hex.chars().map(|digit| Some(digit.to_digit(16)? as u8)).collect();
    let (pairs, rest) = digits.as_ref()?.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// How often a fault can be asked for at once.
const MAX_TIMES: u32 = 10_000;

fn once() -> u32 {
    1
}

/// An HTTP endpoint that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Endpoint {
    /// Every endpoint that takes a password.
    Login,
    /// `/protected`
    Probe,
    /// Every endpoint that renews a token.
    Refresh,
    /// `/ws_ticket` and `/ws_session_key`
    Ticket,
}

/// How a socket ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Drop {
    /// By a close frame.
    Close {
        /// The code; 1005 sends an empty frame.
        code: u16,
        /// The reason.
        #[serde(default)]
        reason: String,
    },
    /// By a TCP reset.
    Reset,
}

//! The settings of a server, at its start and while it runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::token::now;

/// How long credentials live and how the server deals with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Settings {
    /// The life of an access token. Default 300,000 ms. JWTs count whole seconds.
    pub access_life_ms: u64,
    /// The life of a refresh token. Default one day.
    pub refresh_life_ms: u64,
    /// The life of a ticket. Default 60,000 ms.
    pub ticket_life_ms: u64,
    /// The life of a session key. Default 120,000 ms.
    pub session_key_life_ms: u64,
    /// How long an open socket may stay silent before its first message. Default 5,000 ms; then close 4408.
    pub first_message_ms: u64,
    /// The longest message that is taken; a longer one is answered with close 1009, one of more than twice that by
    /// the end of the connection. Default 1 MiB.
    pub max_message_bytes: usize,
    /// A refresh answers with a new refresh token and puts the old one on the blacklist. Default false.
    pub rotate_refresh_tokens: bool,
    /// By how much the server's clock is ahead of this machine's: in JWTs, in `Date`, in a ticket's end. Default 0 ms.
    pub clock_skew_ms: i64,
    /// How often a server asks whether an accepted socket is alive, where its protocol has that (`/trpc`, `/websocket`). One that has not
    /// answered by then is ended with close code 1011. Default 0: never.
    pub ping_ms: u64,
    /// An accepted socket is ended with close code 4401 when the token that it was accepted with ends. A ticket's socket knows none.
    /// Default false.
    pub close_at_expiry: bool,
    /// How many messages the log of a room has. Default 100.
    pub log_length: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access_life_ms: 300_000,
            refresh_life_ms: 86_400_000,
            ticket_life_ms: 60_000,
            session_key_life_ms: 120_000,
            first_message_ms: 5_000,
            max_message_bytes: 1 << 20,
            rotate_refresh_tokens: false,
            clock_skew_ms: 0,
            ping_ms: 0,
            close_at_expiry: false,
            log_length: 100,
        }
    }
}

impl Settings {
    pub(crate) fn access_life(self) -> Duration {
        Duration::from_millis(self.access_life_ms)
    }

    /// What the server's clock shows, since 1970.
    pub(crate) fn now(self) -> Duration {
        let skew = Duration::from_millis(self.clock_skew_ms.unsigned_abs());
        if self.clock_skew_ms < 0 { now().saturating_sub(skew) } else { now() + skew }
    }

    pub(crate) fn refresh_life(self) -> Duration {
        Duration::from_millis(self.refresh_life_ms)
    }

    pub(crate) fn ticket_life(self) -> Duration {
        Duration::from_millis(self.ticket_life_ms)
    }

    pub(crate) fn session_key_life(self) -> Duration {
        Duration::from_millis(self.session_key_life_ms)
    }

    pub(crate) fn first_message_time(self) -> Duration {
        Duration::from_millis(self.first_message_ms)
    }
}

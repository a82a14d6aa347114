//! What a connection is told.

use super::super::backoff::BackoffOptions;
use super::super::close::CloseTable;
use super::super::contract::{Kind, numbered, options};
use super::super::http::Credentials;
use super::super::outbox::{Confirm, OutboxOptions};
use super::super::scheme::{Scheme, check_protocols};
use super::super::{Json, Url};
use crate::error::ConfigError;
use crate::proto::Millis;

options! {
    /// Options of an authenticated socket.
    pub struct ConnectionConfig = "AuthSocketOptions" {
        needs {
            /// Where to connect, without a credential.
            url: Url, "url", Kind::Address;
            /// How the credential reaches the socket.
            scheme: Scheme, "scheme";
        }
        takes {
            /// Subprotocols to offer.
            protocols: Vec<String> = Vec::new(), "protocols", Kind::Tokens;
            /// An endpoint that a good token may GET, asked after a dial that failed before it opened. Browsers do not say why it did: the probe
            /// tells a refused token (HANDSHAKE_UNAUTHORIZED, HANDSHAKE_FORBIDDEN) from a server that is not there (SERVER_UNREACHABLE,
            /// SERVER_UNAVAILABLE) and one that refuses the handshake alone (HANDSHAKE_REFUSED).
            probe: Option<Url> = None, "probe";
            /// Whether ticket and probe calls carry cookies. Where it is left out, they do so with `cookie()` alone.
            credentials: Option<Credentials> = None, "credentials";
            /// The wait between tries, full jitter, in milliseconds.
            backoff: BackoffOptions = BackoffOptions::default(), "backoff";
            /// From dial to accepted, in milliseconds.
            connect_timeout: Millis = Millis::from_secs(10), "connectTimeout", Kind::Millis { least: 1 };
            /// How long a ticket call may take, in milliseconds.
            http_timeout: Millis = Millis::from_secs(10), "ticketTimeout", Kind::Millis { least: 1 };
            /// How long a connection has to last before it counts as a good one, in milliseconds: one that the server ends sooner, with its
            /// token, had that token refused. Earlier failures are forgotten once it has lasted that long and as long as the widest wait
            /// (`backoff.cap`).
            min_uptime: Millis = Millis::from_secs(5), "minUptime";
            /// Whether there is another try after a failure. With `false` this is one connection, as a WebSocket is: what fails, is lost, or is
            /// put aside with its page ends it. There is an `error` event with its end alone, and none when the server closes it. A token that
            /// is refused before the connection opened is renewed all the same, once, and somebody who has not signed in yet is waited for.
            reconnects: bool = true, "reconnect";
            /// Whether another connection takes the place of this one when the token is renewed. It is accepted before this one closes, and no
            /// event tells it. A message of yours goes to one of them. The old one is listened to for `minUptime` longer: what the server says
            /// to both in that time arrives twice. If the new one fails, this one stays. For browsers: the native driver refuses it.
            handover: bool = false, "handover";
            /// How it is seen that the connection is alive; any message of the server counts. Without it only sleep is noticed: a computer that
            /// slept for more than 3 minutes connects anew.
            heartbeat: Heartbeat = Heartbeat::default(), "heartbeat";
            /// Whether a page that nobody looks at keeps its connection. `'close-after'` lets go of it until somebody looks again.
            when_hidden: WhenHidden = WhenHidden::Keep, "whenHidden";
            /// For how long nobody looks before `'close-after'` closes, in milliseconds.
            hidden_timeout: Millis = Millis::from_secs(60), "hiddenTimeout";
            /// What close codes ask for, where the defaults do not fit.
            close_table: CloseTable = CloseTable::default(), "closeCodes";
            /// How much may wait to be sent; beyond it `send` throws QUEUE_FULL.
            outbox: OutboxOptions = OutboxOptions::default(), "outbox";
            /// For servers that acknowledge: how they do. Without it each message is handed to one connection, once.
            confirm: Option<Confirm> = None, "confirm";
            /// The longest message that is taken from the server; a longer one ends the connection. Without it any; natively, what is beyond
            /// 64 MiB ends it as a lost connection, unless this is longer.
            max_message: usize = usize::MAX, "maxMessageSize";
            /// Allows a credential over ws: and http: to other hosts than this machine.
            allow_insecure: bool = false, "allowInsecure";
        }
        face {
            /// Who the user is. Needed by every scheme but `anonymous()` and `cookie()`.
            "session": "Session" = "";
            /// Parameters of the URL that are no credential, put behind those that it has.
            "params": "Record<string, string>" = "";
            /// How many bytes may wait before `writable` takes no more.
            "highWaterMark": "number" = "65536";
        }
    }
}

options! {
    /// How it is seen that the connection is alive; any message of the server counts.
    pub struct Heartbeat = "HeartbeatOptions" {
        takes {
            /// The ping: a text as it is, anything else as JSON in the frames of the scheme. Without it there is none.
            ping: Option<Json> = None, "message";
            /// What the answer has (`{ type: 'pong' }` matches every object with that member), or the text that it is. The app does not get it.
            /// Without it any message is one, and the app gets all.
            pong: Option<Json> = None, "pong";
            /// From one ping to the next, in milliseconds.
            interval: Millis = Millis::from_secs(25), "interval", Kind::Millis { least: 1 };
            /// How long after a ping nothing may be heard, in milliseconds.
            timeout: Millis = Millis::from_secs(10), "timeout", Kind::Millis { least: 1 };
        }
    }
}

numbered! {
    /// What a page that nobody looks at does with its connection.
    pub enum WhenHidden {
        /// It lets go of it after a while, until somebody looks again.
        CloseAfter = 1 "close-after",
        /// It keeps it.
        Keep = 0 "keep",
    }
}

impl Heartbeat {
    /// Without time between them pings would follow each other for ever, or no answer be in time.
    fn check(&self) -> Result<(), ConfigError> {
        let least = Millis::from_millis(1);
        if self.interval < least {
            return Err(ConfigError::option("heartbeat.interval", HEARTBEAT));
        }
        if self.timeout < least {
            return Err(ConfigError::option("heartbeat.timeout", HEARTBEAT));
        }
        Ok(())
    }
}

const HEARTBEAT: &str = "at least 1 ms is needed; for no heartbeat leave out the ping";

/// What becomes of a connected socket when the session has another token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRenewal {
    /// The first message is sent again on it, with the new token ([`FirstMessage::reauth`](super::super::scheme::FirstMessage::reauth)).
    Authenticate,
    /// Another socket is opened with the new token. Once that is accepted, this one is only listened to, for `min_uptime`, and then
    /// closed; no event is told ([`ConnectionConfig::handover`]).
    Handover,
    /// It stays as it is; a server that ends it when its token ends is connected to again, with the new one.
    Keep,
}

impl ConnectionConfig {
    /// Returns what becomes of a connected socket when the session has another token.
    #[must_use]
    pub fn on_renewal(&self) -> OnRenewal {
        if self.scheme.first_message().is_some_and(|scheme| scheme.reauth) {
            OnRenewal::Authenticate
        } else if self.handover {
            OnRenewal::Handover
        } else {
            OnRenewal::Keep
        }
    }

    /// Returns whether ticket and probe calls carry cookies.
    pub(crate) fn sends_cookies(&self) -> bool {
        match self.credentials {
            Some(credentials) => credentials == Credentials::Include,
            None => matches!(self.scheme, Scheme::Cookie),
        }
    }

    /// Checks what can be wrong before the first try.
    ///
    /// # Errors
    /// A credential in the clear, a template with an unknown hole, subprotocols that browsers refuse.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_protocols(&self.protocols)?;
        if let Some(scheme) = self.scheme.first_message().filter(|scheme| scheme.reauth) {
            if scheme.message.is_none() {
                return Err(ConfigError::option("scheme.reauth", "there is no first message to send again"));
            }
            if self.handover {
                return Err(ConfigError::option(
                    "handover",
                    "with `reauth` the token is renewed on this socket; choose one",
                ));
            }
        }
        self.scheme.check(&self.protocols, self.allow_insecure)?;
        self.heartbeat.check()?;
        if let Some(confirm) = &self.confirm {
            confirm.check()?;
        }
        if let Some(probe) = &self.probe {
            probe.check_carries_credential("probe", self.allow_insecure)?;
        }
        // Cookies are credentials, whoever sends them.
        if self.scheme.needs_token() || self.sends_cookies() {
            self.url.check_carries_credential("url", self.allow_insecure)?;
        }
        Ok(())
    }
}

/// Checks a close code that the app gives.
///
/// # Errors
/// Anything but 1000 and 3000–4999: browsers throw.
///
/// # Source
/// WHATWG WebSockets, `close(code, reason)`.
pub fn check_close_code(code: u16) -> Result<(), ConfigError> {
    match code {
        1000 | 3000..=4999 => Ok(()),
        _ => Err(ConfigError::option("code", "a page may close with 1000 or 3000 to 4999")),
    }
}

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
            /// An endpoint that a valid token may GET. It is called after a handshake failed, because browsers do not
            /// say why. It finds out whether the token is refused (HANDSHAKE_UNAUTHORIZED, HANDSHAKE_FORBIDDEN), the
            /// server is down (SERVER_UNREACHABLE, SERVER_UNAVAILABLE), or only the handshake is refused
            /// (HANDSHAKE_REFUSED).
            probe: Option<Url> = None, "probe";
            /// Whether ticket and probe calls send cookies. By default only with `cookie()`, and if the session is a
            /// cookie.
            credentials: Option<Credentials> = None, "credentials";
            /// The wait between tries, full jitter, in milliseconds.
            backoff: BackoffOptions = BackoffOptions::default(), "backoff";
            /// How long a try may take from opening the socket to acceptance, in milliseconds.
            connect_timeout: Millis = Millis::from_secs(10), "connectTimeout", Kind::Millis { least: 1 };
            /// How long a ticket call may take, in milliseconds.
            http_timeout: Millis = Millis::from_secs(10), "ticketTimeout", Kind::Millis { least: 1 };
            /// How long a connection has to stay up to count as stable, in milliseconds. If the server ends it sooner
            /// because of its token, that token counts as refused. The backoff resets after the longer of this and
            /// `backoff.cap`.
            min_uptime: Millis = Millis::from_secs(5), "minUptime";
            /// Whether to reconnect after a failure. With `false` this is one connection, like a WebSocket: a
            /// failure, a loss or a frozen page ends it. `error` then fires before `close` if it failed or was lost,
            /// not after a close frame. Before it opens, a refused token is still renewed once, and it still waits
            /// for somebody to sign in.
            reconnects: bool = true, "reconnect";
            /// Whether to replace the connection when the token is renewed. The new connection is accepted before the
            /// old one closes, and no event fires. Each message of yours goes to one of them. The old one is read for
            /// `minUptime` longer; messages that the server sends to both in that time arrive twice. If the new one
            /// fails, the old one stays. In browsers only: the native driver refuses it.
            handover: bool = false, "handover";
            /// How to detect a dead connection. Any message of the server counts as life. Without it only sleep is
            /// detected: after more than 3 minutes of sleep the connection is replaced.
            heartbeat: Heartbeat = Heartbeat::default(), "heartbeat";
            /// Whether a hidden page keeps its connection. `'close-after'` closes it until the page is visible again.
            when_hidden: WhenHidden = WhenHidden::Keep, "whenHidden";
            /// How long a page is hidden before `'close-after'` closes the connection, in milliseconds.
            hidden_timeout: Millis = Millis::from_secs(60), "hiddenTimeout";
            /// What close codes do, where the defaults do not fit.
            close_table: CloseTable = CloseTable::default(), "closeCodes";
            /// The limits of the queue of messages to be sent. Beyond them `send` throws QUEUE_FULL.
            outbox: OutboxOptions = OutboxOptions::default(), "outbox";
            /// How the server acknowledges messages. Without it a message is handed to one connection, once, unless
            /// the server then refuses the credential.
            confirm: Option<Confirm> = None, "confirm";
            /// The longest message that the server may send; a longer one ends the connection. By default there is no
            /// limit in browsers. Natively a message of more than 64 MiB counts as a lost connection, unless this is
            /// longer.
            max_message: usize = usize::MAX, "maxMessageSize";
            /// Allows a credential over ws: and http: to other hosts than this machine.
            allow_insecure: bool = false, "allowInsecure";
        }
        face {
            /// The session of the user. Every scheme but `anonymous()` and `cookie()` needs it.
            "session": "Session" = "";
            /// More parameters for the URL, which are not credentials.
            "params": "Record<string, string>" = "";
            /// How many bytes may be queued before `writable` applies back-pressure.
            "highWaterMark": "number" = "65536";
            /// The app's own `fetch`, for ticket and probe calls: it gets a `Request` and returns a `Response`.
            "fetch": "CallFetch" = "that of the session";
            /// Sends a CSRF token with ticket calls that send cookies and are no GET: the value of this cookie, in this
            /// header. `'django'` stands for `{ cookie: 'csrftoken', header: 'X-CSRFToken' }`.
            "csrf": "CsrfOptions | 'django'" = "that of the session";
        }
    }
}

options! {
    /// How to detect a dead connection. Any message of the server counts as life.
    pub struct Heartbeat = "HeartbeatOptions" {
        takes {
            /// The ping, needed for a heartbeat: a string is sent as it is, anything else as JSON in the frames of
            /// the scheme.
            ping: Option<Json> = None, "message";
            /// The answer: a string, or JSON that it contains (`{ type: 'pong' }` matches every object with that
            /// member). It is not delivered to the app. Without it any message is an answer, and all are delivered.
            pong: Option<Json> = None, "pong";
            /// The time between two pings, in milliseconds.
            interval: Millis = Millis::from_secs(25), "interval", Kind::Millis { least: 1 };
            /// How long the server may be silent after a ping, in milliseconds.
            timeout: Millis = Millis::from_secs(10), "timeout", Kind::Millis { least: 1 };
        }
    }
}

numbered! {
    /// What a hidden page does with its connection.
    pub enum WhenHidden {
        /// It closes the connection after a while, until it is visible again.
        CloseAfter = 1 "close-after",
        /// It keeps the connection.
        Keep = 0 "keep",
    }
}

impl Heartbeat {
    /// Without time between them, pings would follow each other endlessly, or no answer could be in time.
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

/// What happens to a connected socket when the token is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRenewal {
    /// The first message is sent again, with the new token ([`FirstMessage::reauth`](super::super::scheme::FirstMessage::reauth)).
    Authenticate,
    /// Another socket is opened with the new token. Once it is accepted, this one is only read, for `min_uptime`, and then
    /// closed. No event fires ([`ConnectionConfig::handover`]).
    Handover,
    /// It stays open. If the server ends it with its token, it reconnects with the new token.
    Keep,
}

impl ConnectionConfig {
    /// Returns what happens to a connected socket when the token is renewed.
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

    /// Returns whether ticket and probe calls send cookies.
    pub(crate) fn sends_cookies(&self) -> bool {
        match self.credentials {
            Some(credentials) => credentials == Credentials::Include,
            None => matches!(self.scheme, Scheme::Cookie),
        }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// An unencrypted credential, a template with an unknown placeholder, subprotocols that browsers refuse.
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
        // Cookies are credentials with every scheme.
        if self.scheme.needs_token() || self.sends_cookies() {
            self.url.check_carries_credential("url", self.allow_insecure)?;
        }
        Ok(())
    }
}

/// Checks a close code of the app.
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

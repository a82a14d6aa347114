//! What a connection is told.

use super::super::backoff::BackoffOptions;
use super::super::close::CloseTable;
use super::super::contract::numbered;
use super::super::outbox::{Confirm, OutboxOptions};
use super::super::scheme::{Scheme, check_protocols};
use super::super::{Json, Url};
use crate::error::ConfigError;
use crate::proto::Millis;

/// Settings of a connection.
#[derive(Clone, Debug)]
pub struct ConnectionConfig {
    /// Where to connect, without a credential.
    pub url: Url,
    /// How the credential reaches the socket.
    pub scheme: Scheme,
    /// Subprotocols to offer.
    pub protocols: Vec<String>,
    /// An endpoint that a good token may `GET`. It is asked after a dial that failed before it opened, which browsers do not
    /// explain: so a refused token and a network that fails become different outcomes. Default none.
    pub probe: Option<Url>,
    /// Whether ticket and probe calls carry cookies. Default false.
    pub cookies: bool,
    /// The wait between tries.
    pub backoff: BackoffOptions,
    /// From dial to accepted. Default 10 s.
    pub connect_timeout: Millis,
    /// How long a ticket call may take. Default 10 s.
    pub http_timeout: Millis,
    /// How long a connection has to last before it counts as a good one: one that the server ends sooner, with its token, had that token
    /// refused. Earlier failures are forgotten once it has lasted that long and as long as the widest wait (`backoff.cap`). Default 5 s.
    pub min_uptime: Millis,
    /// What close codes ask for.
    pub close_table: CloseTable,
    /// How much may wait to be sent.
    pub outbox: OutboxOptions,
    /// How the server confirms messages. Default: it does not, and each is handed to one socket at most once.
    pub confirm: Option<Confirm>,
    /// How it is seen that a connection is alive.
    pub heartbeat: Heartbeat,
    /// How long nobody may look at the page before its socket is let go. Default: for ever.
    pub close_when_hidden: Option<Millis>,
    /// What becomes of a connected socket when the session has another token.
    pub on_renewal: OnRenewal,
    /// Whether there is another try after a failure. Without, this is one connection, as a `WebSocket` is: what fails, is lost, or has no
    /// use for a while ends it. A token that is refused before the connection opened is still renewed, once. Default true.
    pub reconnects: bool,
    /// The longest message that is taken from the server; a longer one ends the connection. Default: any; natively, what is beyond
    /// 64 MiB ends it as a lost connection, unless this is longer.
    pub max_message: usize,
    /// Allows a credential over `ws:` and `http:` to foreign hosts.
    pub allow_insecure: bool,
}

/// How it is seen that a connection is alive.
///
/// Any frame of the server counts. Without a ping only sleep is noticed: a connection of before is then replaced.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// The ping: a text as it is, all else in the frames of the first message. Default none.
    pub ping: Option<Json>,
    /// What the answer to a ping has, or the text that it is; the app does not get that. Default: any frame, and the app gets all.
    pub pong: Option<Json>,
    /// From one ping to the next. Default 25 s.
    pub interval: Millis,
    /// How long after a ping the server may be silent. Default 10 s.
    pub timeout: Millis,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { ping: None, pong: None, interval: Millis::from_secs(25), timeout: Millis::from_secs(10) }
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

numbered! {
/// What becomes of a connected socket when the session has another token.
pub enum OnRenewal {
    /// It stays as it is; a server that ends it when its token ends is connected to again, with the new one.
    Keep = 0 "keep",
    /// The first message is sent again on it, with the new token.
    Authenticate = 1 "reauth",
    /// Another socket is opened with the new token. Once that is accepted, this one is only listened to, for `min_uptime`, and then
    /// closed; no event is told. For browsers: `native` refuses it.
    Handover = 2 "handover",
}
}

impl ConnectionConfig {
    /// Returns the default settings.
    #[must_use]
    pub fn new(url: Url, scheme: Scheme) -> Self {
        Self {
            url,
            scheme,
            protocols: Vec::new(),
            probe: None,
            cookies: false,
            backoff: BackoffOptions::default(),
            connect_timeout: Millis::from_secs(10),
            http_timeout: Millis::from_secs(10),
            min_uptime: Millis::from_secs(5),
            close_table: CloseTable::default(),
            outbox: OutboxOptions::default(),
            confirm: None,
            heartbeat: Heartbeat::default(),
            close_when_hidden: None,
            on_renewal: OnRenewal::Keep,
            reconnects: true,
            max_message: usize::MAX,
            allow_insecure: false,
        }
    }

    /// Checks what can be wrong before the first try.
    ///
    /// # Errors
    /// A credential in the clear, a template with an unknown hole, subprotocols that browsers refuse.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_protocols(&self.protocols)?;
        if self.on_renewal == OnRenewal::Authenticate
            && self.scheme.first_message().is_none_or(|scheme| scheme.message.is_none())
        {
            return Err(ConfigError::option("scheme.reauth", "there is no first message to send again"));
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
        if self.scheme.needs_token() || self.cookies {
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

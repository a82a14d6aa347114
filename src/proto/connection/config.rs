//! What a connection is told.

use super::super::backoff::BackoffOptions;
use super::super::close::CloseTable;
use super::super::contract::{Kind, OptionGroup as _, numbered, options};
use super::super::http::{Credentials, Meanings, Method};
use super::super::outbox::{Confirm, OutboxOptions};
use super::super::scheme::{Scheme, check_protocols};
use super::super::{Json, Url};
use super::io::Question;
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
            /// Subprotocols to offer. A function is called for each attempt, and may be async.
            protocols: Vec<String> = Vec::new(), "protocols", Kind::FunctionOr(&Kind::Tokens, "AttemptContext");
            /// An endpoint that a valid token may GET. It is called after a handshake failed, because browsers do not
            /// say why. It finds out whether the token is refused (HANDSHAKE_UNAUTHORIZED, HANDSHAKE_FORBIDDEN), the
            /// server is down (SERVER_UNREACHABLE, SERVER_UNAVAILABLE), or only the handshake is refused
            /// (HANDSHAKE_REFUSED).
            probe: Option<Probe> = None, "probe", Kind::GroupOrUrl(&Probe::GROUP);
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
            /// `minUptime` longer; messages that the server sends to both in that time arrive twice, but those of a
            /// subscription. If the new one fails, the old one stays. The server knows nothing of the new connection:
            /// subscriptions join again by themselves, other rooms in `onConnected`, or when `handover` fires.
            handover: bool = false, "handover";
            /// How to detect a dead connection. Any message of the server counts as life. Without it only sleep is
            /// detected: after more than 3 minutes of sleep the connection is replaced.
            heartbeat: Heartbeat = Heartbeat::default(), "heartbeat";
            /// Whether a hidden page keeps its connection. `'close-after'` closes it until the page is visible again.
            when_hidden: WhenHidden = WhenHidden::Keep, "whenHidden";
            /// How long a page is hidden before `'close-after'` closes the connection, in milliseconds.
            hidden_timeout: Millis = Millis::from_secs(60), "hiddenTimeout";
            /// What it does while nobody is signed in: `'wait'` for a sign-in, or `'connect'` without a credential, for
            /// public data. A login then connects again as the user, and a logout as nobody. The values of a first
            /// message that hold the token are left out.
            when_signed_out: WhenSignedOut = WhenSignedOut::Wait, "whenSignedOut";
            /// What to answer when the server asks: `[{ when: { type: 'ping' }, send: { type: 'pong' } }]`. A string is
            /// compared and sent as it is; objects match as subsets. What `when` has as a string `'$id'` stands in
            /// `send` for the server's value. What is answered is not delivered.
            answers: Option<Json> = None, "answers";
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
            /// The session of the user. Every scheme but `anonymous()` and `cookie()` needs it, unless a first message
            /// has no token in it, or `whenSignedOut` is `'connect'`.
            "session": "Session" = "";
            /// More parameters for the URL, which are not credentials. A function is called for each attempt, and may
            /// be async.
            "params": "Params | ((context: AttemptContext) => Params | Promise<Params>)" = "";
            /// Called at every connection, before messages that wait are sent: what it sends goes first. It may be
            /// async; the socket is `connected` when it is done, and messages that arrive meanwhile are delivered. If
            /// it throws, the attempt has failed (CALLBACK_FAILED). With `handover` it is called for the new
            /// connection, before that takes over.
            "onConnected": "(send: (data: Sendable) => void, info: ConnectedInfo) => unknown" = "";
            /// How many bytes may be queued before `writable` applies back-pressure.
            "highWaterMark": "number" = "65536";
            /// The app's own `fetch`, for ticket and probe calls: it gets a `Request` and returns a `Response`.
            "fetch": "CallFetch" = "that of the session";
            /// Sends a CSRF token with ticket calls that send cookies and are no GET: the value of this cookie, in this
            /// header. `'django'` stands for `{ cookie: 'csrftoken', header: 'X-CSRFToken' }`.
            "csrf": "CsrfOptions | 'django'" = "that of the session";
            /// What messages are: `json()` or `codec()` of `gatepass/conversation`. Without it they are texts and bytes, as
            /// in a WebSocket. It also brings subscriptions, requests and a place to go on.
            "codec": "Codec<any, any>" = "none";
            /// What requests have in common: `{ id, reply, error, timeout, resend }` as for one of them, and `max`, the
            /// most that may wait for an answer at a time. It needs a codec.
            "requests": "SocketRequestOptions" = "{ max: 1000 }";
            /// How to go on where the client was, after a loss: where messages have a cursor, and what the server says.
            /// `"$cursor"` stands for the last one in parameters, the first message and subscriptions; `onConnected`
            /// is told. With `store` also over a reload. It needs a codec.
            "resume": "SocketResumeOptions" = "";
            /// The class to dial with: where there is no `WebSocket` (Node 20: that of `ws`), or a double in a unit test.
            "webSocket": "WebSocketConstructor" = "globalThis.WebSocket";
        }
        own {
            /// What functions of the app answer: set by the driver.
            asks: Vec<Question> = Vec::new();
            /// Whether there is a session: set by the driver.
            has_session: bool = true;
        }
    }
}

options! {
    /// An endpoint that a valid token may call. The URL alone is enough.
    pub struct Probe = "ProbeOptions" {
        needs {
            /// The URL of the endpoint. It has to be https:, or on this machine, unless `allowInsecure`.
            url: Url, "url";
        }
        takes {
            /// The method of the call, without a body.
            method: Method = Method::Get, "method";
            /// The statuses that mean that the token is refused, beside 401.
            unauthorized: Vec<u16> = Vec::new(), "unauthorizedStatus";
            /// The statuses that mean that the user may not connect, beside 403.
            forbidden: Vec<u16> = Vec::new(), "forbiddenStatus";
            /// Whether the call sends and stores cookies. By default as the socket's `credentials` say.
            credentials: Option<Credentials> = None, "credentials";
        }
        face {
            /// More headers: a record, `Headers`, or a function of the call, which may be async. They replace headers
            /// of gatepass with the same name.
            "headers": "CallHeaders" = "";
        }
    }
}

impl Probe {
    /// What the endpoint means by its answers.
    pub(super) fn meanings(&self) -> Meanings {
        Meanings { reject: None, unauthorized: self.unauthorized.clone(), forbidden: self.forbidden.clone() }
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

numbered! {
    /// What a connection does while nobody is signed in.
    pub enum WhenSignedOut {
        /// It connects without a credential.
        Connect = 1 "connect",
        /// It waits.
        Wait = 0 "wait",
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
        if matches!(&self.scheme, Scheme::FirstMessage(scheme) if scheme.reauth) {
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
            None => matches!(self.scheme, Scheme::Cookie(_)),
        }
    }

    /// Returns whether an attempt asks the session for a token.
    pub(crate) fn needs_token(&self) -> bool {
        self.has_session && self.scheme.needs_token()
    }

    /// Returns whether it cannot go without a session.
    #[must_use]
    pub fn needs_session(&self) -> bool {
        let has_token = if let Scheme::FirstMessage(scheme) = &self.scheme { scheme.has_token() } else { true };
        has_token && self.scheme.needs_token() && self.when_signed_out == WhenSignedOut::Wait
    }

    /// Checks the options.
    ///
    /// # Errors
    /// An unencrypted credential, a template with an unknown placeholder, subprotocols that browsers refuse.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_protocols(&self.protocols)?;
        if let Scheme::FirstMessage(scheme) = &self.scheme
            && scheme.reauth
        {
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
            probe.url.check_carries_credential("probe", self.allow_insecure)?;
        }
        if let Some(answers) = &self.answers {
            check_answers(answers)?;
        }
        // Cookies are credentials with every scheme.
        if self.scheme.needs_token() || self.sends_cookies() {
            self.url.check_carries_credential("url", self.allow_insecure)?;
        }
        Ok(())
    }
}

/// Checks the rules of `answers`.
fn check_answers(answers: &Json) -> Result<(), ConfigError> {
    let is_rule = |rule: &Json| rule.at("when").is_some() && rule.at("send").is_some();
    if answers.items().is_some_and(|rules| rules.iter().all(is_rule)) {
        return Ok(());
    }
    Err(ConfigError::option("answers", "an array of rules with `when` and `send` is needed"))
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

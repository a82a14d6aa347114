//! What can go wrong, whose move it is, and what it asks for.
//!
//! The caller's errors ([`ConfigError`], [`SendError`]) are returned or thrown. The world's errors ([`Failure`]) are
//! events: each has a stable code and a [`Disposition`]. No message holds a credential.
//! Rules: no wildcard arm in `code` and `disposition`; unknown numbers fall to the mild side.

use core::time::Duration;

/// What a failure asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Try again after the backoff, and not before `after`.
    Retry {
        /// What the server asked for: the least wait.
        after: Option<Duration>,
    },
    /// The credential was refused: refresh it once, then try again.
    RefreshToken,
    /// The person has to sign in again.
    SignIn,
    /// Trying again cannot help.
    GiveUp,
}

impl Disposition {
    /// Retry after the ordinary backoff.
    pub const RETRY: Self = Self::Retry { after: None };

    /// Returns the name that JavaScript sees.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry { .. } => "retry",
            Self::RefreshToken => "refreshToken",
            Self::SignIn => "signIn",
            Self::GiveUp => "giveUp",
        }
    }
}

/// A mistake in the options: thrown at construction, naming the option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A plain-text address for a credential.
    #[error(
        "{option}: a credential would go unencrypted to {host}; use wss: or https:, or set allowInsecure for a test network"
    )]
    InsecureUrl {
        /// The option.
        option: String,
        /// The host of the address.
        host: String,
    },
    /// An option with a value that cannot work.
    #[error("{option}: {problem}")]
    InvalidOption {
        /// The option.
        option: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// An address that cannot be dialled.
    #[error("{option}: {problem}")]
    InvalidUrl {
        /// The option.
        option: String,
        /// What is wrong.
        problem: UrlProblem,
    },
}

impl ConfigError {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InsecureUrl { .. } => "INSECURE_URL",
            Self::InvalidOption { .. } => "INVALID_OPTION",
            Self::InvalidUrl { .. } => "INVALID_URL",
        }
    }

    pub(crate) fn option(option: &str, problem: impl Into<String>) -> Self {
        Self::InvalidOption { option: option.to_owned(), problem: problem.into() }
    }
}

/// What is wrong with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlProblem {
    /// Tabs, line ends and spaces are stripped silently by browsers.
    #[error("the URL holds a space or a control character")]
    ControlCharacter,
    /// Nothing there.
    #[error("the URL is empty")]
    Empty,
    /// `#` throws in every browser.
    #[error("a WebSocket URL cannot have a fragment (`#`)")]
    Fragment,
    /// Neither ws, wss, http nor https.
    #[error(
        "the URL's scheme must be ws: or wss: for a socket (http: and https: are taken as these), http: or https: for an endpoint"
    )]
    Scheme,
    /// Not a URL.
    #[error("this is not a URL")]
    Unreadable,
    /// `user:password@` stays readable in `ws.url`.
    #[error(
        "credentials before the host (user:password@) are sent by no browser and stay readable in the URL; remove them"
    )]
    UserInfo,
}

/// Why a message was not taken. The message stays with the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The socket was closed for good.
    #[error("the socket is closed; the message was not taken")]
    Closed,
    /// The outbox holds as much as it may.
    #[error("the outbox is full; the message was not taken")]
    QueueFull,
}

impl SendError {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::QueueFull => "QUEUE_FULL",
        }
    }
}

/// Why an HTTP request gave no useful answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The answer is no JSON, or lacks the field that was asked for.
    #[error("the answer cannot be used: {0}")]
    Malformed(Malformed),
    /// No answer: offline, refused, DNS, CORS, blocked.
    #[error("no answer (offline, refused, or hidden by CORS)")]
    Network,
    /// An answer that is no success.
    #[error("HTTP {status}")]
    Status {
        /// The status code.
        status: u16,
        /// `Retry-After`, where the browser may read it.
        retry_after: Option<Duration>,
    },
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The field is missing, empty or no string.
    #[error("it has no string where `field` points")]
    MissingField,
    /// Not JSON.
    #[error("it is not JSON")]
    NotJson,
}

impl HttpError {
    /// Returns what the answer asks for when a credential was sent along.
    #[must_use]
    pub const fn disposition(self) -> Disposition {
        match self {
            Self::Malformed(_) | Self::Network | Self::TimedOut => Disposition::RETRY,
            Self::Status { status: 401, .. } => Disposition::RefreshToken,
            Self::Status { status: 408 | 425 | 429 | 500..=599, retry_after } => {
                Disposition::Retry { after: retry_after }
            }
            Self::Status { .. } => Disposition::GiveUp,
        }
    }

    /// Returns the status code of the answer, if there was one.
    #[must_use]
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(status),
            Self::Malformed(_) | Self::Network | Self::TimedOut => None,
        }
    }
}

/// Why there is no usable token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is past its expiry, or was refused, and nothing can renew it.
    #[error("the session has expired; sign in again")]
    Expired,
    /// The login endpoint refused these credentials.
    #[error("the server refused these credentials (HTTP {status})")]
    InvalidCredentials {
        /// The status code: 400, 401 or 403.
        status: u16,
    },
    /// The login call failed.
    #[error("login failed: {0}")]
    Login(HttpError),
    /// Nobody is signed in.
    #[error("nobody is signed in: call login() or setTokens() first")]
    Missing,
    /// The refresh call failed in a way that may pass.
    #[error("refreshing the token failed: {0}")]
    Refresh(HttpError),
    /// The refresh endpoint refused the refresh token.
    #[error("the server no longer accepts this session (HTTP {status}); sign in again")]
    RefreshRejected {
        /// The status code: 400, 401 or 403.
        status: u16,
    },
    /// A later login, setTokens or logout took its place.
    #[error("a later login, setTokens() or logout() took its place")]
    Superseded,
}

/// Why a handshake that got as far as an open socket was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The server closed deliberately instead of accepting.
    #[error("the server closed with {code} instead of accepting the credential")]
    ClosedInstead {
        /// The close code: 1000, 1005 or one that the table reads as auth.
        code: u16,
    },
    /// The server's message matched `reject`.
    #[error("the server rejected the first message")]
    Rejected,
    /// The server chose no subprotocol of those offered, or one that was not.
    #[error("the server chose none of the offered subprotocols")]
    SubprotocolMismatch,
    /// No hello or no answer to the first message in time.
    #[error("the server did not answer the first message in time")]
    TimedOut,
}

/// Why a socket is gone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The browser will not open this socket (Content-Security-Policy, mixed content).
    #[error("the browser blocked the socket (Content-Security-Policy or mixed content)")]
    Blocked,
    /// An open socket is gone.
    #[error("{} ({code})", if *code == 1006 { "the connection was lost" } else { "the server closed the connection" })]
    Closed {
        /// The close code; 1006 where there was no close frame.
        code: u16,
        /// What the close code's table says about it.
        disposition: Disposition,
    },
    /// Neither accepted nor refused in time.
    #[error("no connection in time")]
    ConnectTimedOut,
    /// The dial failed. Browsers hide whether by a refusal (401, 403, …) or by the network.
    #[error(
        "the connection could not be opened (1006: the browser hides whether the server refused it or the network failed)"
    )]
    ConnectFailed,
    /// A message of the server is longer than `maxMessageSize`.
    #[error("the server sent a message of {length} bytes, more than maxMessageSize allows")]
    TooBig {
        /// How long it is.
        length: usize,
    },
    /// Several dials failed in a row, none ever opened.
    #[error(
        "{tries} connections in a row were refused before opening: check the URL, the Origin allow-list and the token; the browser hides which (1006)"
    )]
    HandshakeRefused {
        /// How many.
        tries: u32,
    },
}

/// What the world did wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The socket opened, but was not accepted.
    #[error(transparent)]
    Handshake(HandshakeError),
    /// The ticket endpoint gave no ticket.
    #[error("no ticket: {0}")]
    Ticket(HttpError),
    /// The ticket was older than its life when it arrived.
    #[error("the ticket had expired when it arrived; the ticket endpoint is slower than its tickets live")]
    TicketExpired,
    /// There is no usable token.
    #[error(transparent)]
    Token(TokenError),
    /// The socket did not open, or was lost.
    #[error(transparent)]
    Transport(TransportError),
}

impl Failure {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Handshake(HandshakeError::ClosedInstead { .. } | HandshakeError::Rejected) => "AUTH_REJECTED",
            Self::Handshake(HandshakeError::SubprotocolMismatch) => "SUBPROTOCOL_MISMATCH",
            Self::Handshake(HandshakeError::TimedOut) => "AUTH_TIMED_OUT",
            Self::Ticket(error) => match error {
                HttpError::Malformed(_) => "TICKET_MALFORMED",
                HttpError::Network => "TICKET_NETWORK",
                HttpError::Status { status: 401, .. } => "TICKET_UNAUTHORIZED",
                HttpError::Status { status: 403, .. } => "TICKET_FORBIDDEN",
                HttpError::Status { .. } => "TICKET_REJECTED",
                HttpError::TimedOut => "TICKET_TIMED_OUT",
            },
            Self::TicketExpired => "TICKET_EXPIRED",
            Self::Token(error) => error.code(),
            Self::Transport(TransportError::Blocked) => "BLOCKED",
            Self::Transport(TransportError::Closed { code: 1009, .. } | TransportError::TooBig { .. }) => {
                "MESSAGE_TOO_BIG"
            }
            Self::Transport(TransportError::Closed { code: 1006, .. }) => "CONNECTION_LOST",
            Self::Transport(TransportError::Closed { .. }) => "CLOSED_BY_SERVER",
            Self::Transport(TransportError::ConnectFailed) => "CONNECT_FAILED",
            Self::Transport(TransportError::ConnectTimedOut) => "CONNECT_TIMED_OUT",
            Self::Transport(TransportError::HandshakeRefused { .. }) => "HANDSHAKE_REFUSED",
        }
    }

    /// Returns what it asks for, before it is known whether a refresh was tried already.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        match self {
            Self::Handshake(HandshakeError::ClosedInstead { .. } | HandshakeError::Rejected) => {
                Disposition::RefreshToken
            }
            Self::Handshake(HandshakeError::SubprotocolMismatch) => Disposition::GiveUp,
            Self::Handshake(HandshakeError::TimedOut) | Self::TicketExpired => Disposition::RETRY,
            Self::Ticket(error) => error.disposition(),
            Self::Token(error) => error.disposition(),
            Self::Transport(TransportError::Blocked | TransportError::TooBig { .. }) => Disposition::GiveUp,
            Self::Transport(TransportError::Closed { disposition, .. }) => *disposition,
            Self::Transport(
                TransportError::ConnectFailed
                | TransportError::ConnectTimedOut
                | TransportError::HandshakeRefused { .. },
            ) => Disposition::RETRY,
        }
    }

    /// Returns the HTTP status behind it, if any.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Ticket(error) => error.status(),
            Self::Token(error) => error.status(),
            Self::Handshake(_) | Self::TicketExpired | Self::Transport(_) => None,
        }
    }

    /// Returns the close code behind it, if any.
    #[must_use]
    pub const fn close_code(&self) -> Option<u16> {
        match self {
            Self::Handshake(HandshakeError::ClosedInstead { code })
            | Self::Transport(TransportError::Closed { code, .. }) => Some(*code),
            Self::Transport(TransportError::ConnectFailed | TransportError::HandshakeRefused { .. }) => Some(1006),
            Self::Handshake(_) | Self::Ticket(_) | Self::TicketExpired | Self::Token(_) | Self::Transport(_) => None,
        }
    }
}

impl TokenError {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Expired => "TOKEN_EXPIRED",
            Self::InvalidCredentials { .. } => "INVALID_CREDENTIALS",
            Self::Login(_) => "LOGIN_FAILED",
            Self::Missing => "TOKEN_MISSING",
            Self::Refresh(_) => "REFRESH_FAILED",
            Self::RefreshRejected { .. } => "REFRESH_REJECTED",
            Self::Superseded => "SUPERSEDED",
        }
    }

    /// Returns what it asks for.
    #[must_use]
    pub const fn disposition(self) -> Disposition {
        match self {
            Self::Expired | Self::InvalidCredentials { .. } | Self::Missing | Self::RefreshRejected { .. } => {
                Disposition::SignIn
            }
            Self::Login(error) | Self::Refresh(error) => match error.disposition() {
                Disposition::RefreshToken => Disposition::SignIn,
                other @ (Disposition::Retry { .. } | Disposition::SignIn | Disposition::GiveUp) => other,
            },
            Self::Superseded => Disposition::GiveUp,
        }
    }

    /// Returns the HTTP status behind it, if any.
    #[must_use]
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::InvalidCredentials { status } | Self::RefreshRejected { status } => Some(status),
            Self::Login(error) | Self::Refresh(error) => error.status(),
            Self::Expired | Self::Missing | Self::Superseded => None,
        }
    }
}

/// A failure together with what is done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What happened.
    pub failure: Failure,
    /// What is done: a second refused credential asks for sign-in, no more for a refresh.
    pub disposition: Disposition,
}

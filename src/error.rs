//! What can go wrong, whose move it is, and what it asks for.
//!
//! The caller's errors ([`ConfigError`], [`SendError`]) are returned or thrown. The world's errors ([`Failure`]) are
//! events: each has a stable code and a [`Disposition`]. No message holds a credential.
//! The types are here, and their rows in `error/table.rs`: code, disposition, sentence. The message of a failure is a fixed
//! sentence, its numbers are fields: the wasm carries no code that writes numbers. [`Problem`] shows both.

mod caller;
#[cfg(not(feature = "js"))]
mod json;
mod table;

use crate::proto::Millis;
use crate::proto::contract::Remedy;
use core::fmt;

pub use caller::{ConfigError, SendError, UrlProblem};
#[cfg(not(feature = "js"))]
pub use json::JsonError;
pub use table::{HTTP_ROWS, ROWS, SENTENCES};

/// What a failure asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Try again after the backoff, and not before `after`.
    Retry {
        /// The least wait, if the server names one.
        after: Option<Millis>,
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

    /// Returns what it asks for, without the wait.
    #[must_use]
    pub const fn remedy(self) -> Remedy {
        match self {
            Self::Retry { .. } => Remedy::Retry,
            Self::RefreshToken => Remedy::RefreshToken,
            Self::SignIn => Remedy::SignIn,
            Self::GiveUp => Remedy::GiveUp,
        }
    }

    /// Returns the name that JavaScript sees.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.remedy().name()
    }
}

/// Why an HTTP request gave no useful answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub enum HttpError {
    /// The answer is not JSON, or lacks the expected field.
    Malformed(Malformed),
    /// No answer: offline, refused, DNS, CORS, blocked.
    Network,
    /// The server forbids it: 403, or a status that the options name.
    Forbidden {
        /// The status code.
        status: u16,
    },
    /// A redirect, which is not followed: a credential would go to an address that the app has not named.
    Redirected,
    /// The server does not accept the credential: 401, a status that the options name, or an answer that `reject` describes.
    Unauthorized {
        /// The status code.
        status: u16,
    },
    /// Another answer that is no success.
    Status {
        /// The status code.
        status: u16,
        /// `Retry-After`, where the browser may read it.
        retry_after: Option<Millis>,
    },
    /// No answer in time.
    TimedOut,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The URL in the answer is less encrypted than ours, or of a foreign host.
    ForeignUrl,
    /// The field is missing, empty or no string.
    MissingField,
    /// Not JSON.
    NotJson,
    /// Longer than a driver reads.
    TooLong,
}

impl HttpError {
    /// Returns what the answer asks for when a credential was sent along.
    #[must_use]
    pub const fn disposition(self) -> Disposition {
        match self {
            Self::Malformed(_) | Self::Network | Self::TimedOut => Disposition::RETRY,
            Self::Unauthorized { .. } => Disposition::RefreshToken,
            Self::Status { status: 408 | 425 | 429 | 500..=599, retry_after } => {
                Disposition::Retry { after: retry_after }
            }
            Self::Forbidden { .. } | Self::Redirected | Self::Status { .. } => Disposition::GiveUp,
        }
    }

    /// Returns the status code of the answer, if there was one.
    #[must_use]
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Forbidden { status } | Self::Status { status, .. } | Self::Unauthorized { status } => Some(status),
            Self::Malformed(_) | Self::Network | Self::Redirected | Self::TimedOut => None,
        }
    }
}

/// Why there is no usable token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub enum TokenError {
    /// The token is past its expiry, or was refused, and nothing can renew it.
    Expired,
    /// The login endpoint refused these credentials.
    InvalidCredentials {
        /// The status code: 400, 401 or one that counts as a 401.
        status: u16,
    },
    /// The login call failed.
    Login(HttpError),
    /// The login endpoint forbids this login (403): the account is locked, the address is not confirmed, a CSRF token is missing.
    LoginForbidden {
        /// The status code: 403 or one that counts as a 403.
        status: u16,
    },
    /// The login endpoint answered with neither tokens nor a refusal: it wants another step, such as a code.
    LoginIncomplete,
    /// Nobody is signed in.
    Missing,
    /// The refresh call failed in a way that may pass.
    Refresh(HttpError),
    /// The refresh endpoint refused the refresh token, after a renewal whose answer was lost: a server that rotates had probably
    /// used it up by then, and its successor is lost.
    RefreshLost {
        /// The status code: 400, 401, 403 or one that counts as a 401 or 403.
        status: u16,
    },
    /// The refresh endpoint refused the refresh token.
    RefreshRejected {
        /// The status code: 400, 401, 403 or one that counts as a 401 or 403.
        status: u16,
    },
    /// The login endpoint refused a cookie of an earlier session, which the browser had sent along, and not the credentials: dj-rest-auth's
    /// answer is a 401 with the code `token_not_valid`. Only the server can delete it.
    StaleCookie,
    /// A later login, setTokens or logout took its place.
    Superseded,
    /// The token or ticket is longer than the subprotocols that servers accept.
    TooLong,
    /// The token or ticket cannot stand where the scheme puts it.
    Unfit,
}

/// Why a handshake that got as far as an open socket was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeError {
    /// The server closed deliberately instead of accepting.
    ClosedInstead {
        /// The close code: 1000, 1005 or one that the table reads as auth.
        code: u16,
    },
    /// The server's message matched `reject`.
    Rejected,
    /// The server chose no subprotocol of those offered, or one that was not.
    SubprotocolMismatch,
    /// No hello or no answer to the first message in time.
    TimedOut,
}

/// Why a socket is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// The browser will not open this socket (Content-Security-Policy, mixed content).
    Blocked,
    /// The dial failed, and what it sends is longer than many servers accept.
    DialTooLong {
        /// How long its URL and subprotocols are.
        length: usize,
    },
    /// The browser has closed the socket, because the page follows a link (Firefox, also of a download).
    PageLeft,
    /// There is no `WebSocket` here.
    Unsupported,
    /// An open socket is gone.
    Closed {
        /// The close code; 1006 where there was no close frame.
        code: u16,
        /// What the close code's table says about it.
        disposition: Disposition,
    },
    /// Neither accepted nor refused in time.
    ConnectTimedOut,
    /// The dial failed. Browsers hide whether by a refusal (401, 403, …) or by the network.
    ConnectFailed,
    /// A message of the server is longer than `maxMessageSize`.
    TooBig {
        /// How long it is.
        length: usize,
    },
    /// Several dials failed in a row, none ever opened.
    HandshakeRefused {
        /// How many.
        tries: u32,
    },
    /// The server sent nothing in time, or the connection is from before the computer slept.
    Silent,
}

/// Why a function of the app gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackError {
    /// It threw, or returned something else.
    Failed,
    /// It did not finish in time.
    TimedOut,
}

/// What the world did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub enum Failure {
    /// A function of the app, which the try needs, gave no answer.
    Callback(CallbackError),
    /// The socket opened, but was not accepted.
    Handshake(HandshakeError),
    /// The handshake failed, and the probe found out why.
    Probe(HttpError),
    /// The ticket endpoint gave no ticket.
    Ticket(HttpError),
    /// The ticket was older than its life when it arrived.
    TicketExpired,
    /// There is no usable token.
    Token(TokenError),
    /// The socket did not open, or was lost.
    Transport(TransportError),
}

impl Failure {
    /// Returns the HTTP status behind it, if any.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Probe(error) | Self::Ticket(error) => error.status(),
            Self::Token(error) => error.status(),
            Self::Callback(_) | Self::Handshake(_) | Self::TicketExpired | Self::Transport(_) => None,
        }
    }

    /// Returns the close code behind it, if any.
    #[must_use]
    pub const fn close_code(&self) -> Option<u16> {
        match self {
            Self::Handshake(HandshakeError::ClosedInstead { code })
            | Self::Transport(TransportError::Closed { code, .. }) => Some(*code),
            Self::Transport(
                TransportError::ConnectFailed
                | TransportError::DialTooLong { .. }
                | TransportError::HandshakeRefused { .. },
            ) => Some(1006),
            Self::Callback(_)
            | Self::Handshake(_)
            | Self::Probe(_)
            | Self::Ticket(_)
            | Self::TicketExpired
            | Self::Token(_)
            | Self::Transport(_) => None,
        }
    }
}

impl Failure {
    /// Returns the length that was too long, in bytes, if that is what failed.
    #[must_use]
    pub const fn length(&self) -> Option<usize> {
        match self {
            Self::Transport(TransportError::DialTooLong { length } | TransportError::TooBig { length }) => {
                Some(*length)
            }
            Self::Callback(_)
            | Self::Handshake(_)
            | Self::Probe(_)
            | Self::Ticket(_)
            | Self::TicketExpired
            | Self::Token(_)
            | Self::Transport(_) => None,
        }
    }
}

impl TokenError {
    /// Returns the HTTP status behind it, if any.
    #[must_use]
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::InvalidCredentials { status }
            | Self::LoginForbidden { status }
            | Self::RefreshLost { status }
            | Self::RefreshRejected { status } => Some(status),
            Self::Login(error) | Self::Refresh(error) => error.status(),
            Self::StaleCookie => Some(401),
            Self::Expired | Self::LoginIncomplete | Self::Missing | Self::Superseded | Self::TooLong | Self::Unfit => {
                None
            }
        }
    }
}

/// Why a socket is not connected, and does not become so by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// The app has closed it.
    #[error("CLOSED: the app has closed the socket")]
    Closed,
    /// This has ended it, or asks for a sign-in.
    #[error("{0}")]
    Failed(Problem),
}

/// A failure together with what is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The failure.
    pub failure: Failure,
    /// What happens next: a second refused credential asks for a sign-in, not for a refresh.
    pub disposition: Disposition,
}

/// For logs: the code, the sentence, and the number that goes with it.
impl core::error::Error for Problem {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.failure.code(), self.failure)?;
        if let Some(length) = self.failure.length() {
            return write!(f, " ({length} bytes)");
        }
        match (&self.failure, self.failure.status(), self.failure.close_code()) {
            (Failure::Transport(TransportError::HandshakeRefused { tries }), _, _) => write!(f, " ({tries} tries)"),
            (_, Some(status), _) => write!(f, " (HTTP {status})"),
            (_, None, Some(code)) => write!(f, " ({code})"),
            (_, None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_token_is_what_it_was_when_it_has_crossed() {
        let after = Some(Millis::from_millis(1_500));
        let errors: Vec<_> =
            (0..=u8::MAX).filter_map(|number| Some((number, TokenError::of_number(number, 429, after)?))).collect();
        assert_eq!(errors.len(), 11 + 2 * 10);
        for (number, error) in errors {
            assert_eq!(error.number(), number);
            let is_answer = error.status() == Some(429);
            assert_eq!(TokenError::of_number(number, if is_answer { 429 } else { 0 }, after), Some(error));
        }
        let busy = TokenError::Login(HttpError::Status { status: 503, retry_after: after });
        assert_eq!(busy.disposition(), Disposition::Retry { after });
    }

    #[test]
    fn a_problem_shows_its_code_its_sentence_and_its_number() {
        let shown = |failure: Failure| Problem { disposition: failure.disposition(), failure }.to_string();
        let busy = HttpError::Status { status: 503, retry_after: None };
        assert_eq!(shown(Failure::Ticket(busy)), "TICKET_REJECTED: the server answered with an error (HTTP 503)");
        let lost = TransportError::Closed { code: 1006, disposition: Disposition::RETRY };
        assert_eq!(shown(Failure::Transport(lost)), "CONNECTION_LOST: the connection was lost (1006)");
        let refused = Failure::Transport(TransportError::HandshakeRefused { tries: 3 });
        assert!(shown(refused).ends_with(" (3 tries)"));
        assert_eq!(shown(Failure::Token(TokenError::Login(HttpError::TimedOut))), "LOGIN_FAILED: no answer in time");
    }
}

//! The table of failures: the code, what it asks for, and the sentence of each.
//!
//! A failure crosses into JavaScript as the number of its row. The build makes the npm package's table of codes and
//! sentences from these rows; the wasm itself holds neither.

use super::{CallbackError, Disposition, Failure, HandshakeError, HttpError, Malformed, TokenError, TransportError};
use crate::proto::Millis;

/// Reads the rows of failures that are no [`HttpError`]. A row may read its own fields for what it asks for.
macro_rules! failures {
    (
        failures { $($row:ident: $failure:pat => $code:literal, $disposition:expr, $sentence:literal;)* }
        tokens($status:ident) {
            $($token:ident $({ $field:ident })?: $token_code:literal, $token_disposition:ident, $token_sentence:literal;)*
        }
    ) => {
        /// The places of the rows. Those of HTTP calls begin after them.
        #[repr(u8)]
        enum Row { $($row,)* $($token,)* HttpCalls }

        /// The code and the sentence of each failure that is no [`HttpError`].
        pub const ROWS: &[(&str, &str)] = &[$(($code, $sentence),)* $(($token_code, $token_sentence),)*];

        impl Failure {
            /// Returns the number of the row.
            #[must_use]
            #[allow(unused_variables, reason = "some rows bind a field for the disposition alone")]
            pub const fn number(&self) -> u8 {
                match self {
                    $($failure => Row::$row as u8,)*
                    Self::Token(error) => error.number(),
                    Self::Ticket(error) => Call::Ticket.number(*error),
                    Self::Probe(error) => Call::Probe.number(*error),
                }
            }

            /// Returns what it asks for, before it is known whether a refresh was tried already.
            #[must_use]
            pub const fn disposition(&self) -> Disposition {
                match self {
                    $($failure => $disposition,)*
                    Self::Token(error) => error.disposition(),
                    Self::Ticket(error) | Self::Probe(error) => error.disposition(),
                }
            }
        }

        impl TokenError {
            /// Returns the number of the row.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self {
                    $(Self::$token { .. } => Row::$token as u8,)*
                    Self::Login(error) => Call::Login.number(error),
                    Self::Refresh(error) => Call::Refresh.number(error),
                }
            }

            /// Returns the error of a row, with the fields that cross beside the number. Other numbers have none.
            #[must_use]
            #[allow(non_upper_case_globals, reason = "patterns have the names of their rows")]
            pub fn of_number(number: u8, $status: u16, retry_after: Option<Millis>) -> Option<Self> {
                $(const $token: u8 = Row::$token as u8;)*
                Some(match number {
                    $($token => Self::$token $({ $field })?,)*
                    _ => {
                        let place = number.checked_sub(Row::HttpCalls as u8)?;
                        let error = HttpError::of_place(place % HTTP_ROWS.len() as u8, $status, retry_after);
                        match place / HTTP_ROWS.len() as u8 { 0 => Self::Login(error?), 1 => Self::Refresh(error?), _ => return None }
                    }
                })
            }

            /// Returns what it asks for. A login or refresh that was refused is not saved by another refresh.
            #[must_use]
            pub const fn disposition(self) -> Disposition {
                match self {
                    $(Self::$token { .. } => Disposition::$token_disposition,)*
                    Self::Login(error) | Self::Refresh(error) => match error.disposition() {
                        Disposition::RefreshToken => Disposition::SignIn,
                        other @ (Disposition::Retry { .. } | Disposition::SignIn | Disposition::GiveUp) => other,
                    },
                }
            }
        }
    };
}

failures! {
    failures {
        CallbackFailed: Failure::Callback(CallbackError::Failed) =>
            "CALLBACK_FAILED", Disposition::RETRY, "a function of the app failed; see cause";
        CallbackTimedOut: Failure::Callback(CallbackError::TimedOut) =>
            "CALLBACK_FAILED", Disposition::RETRY, "a function of the app did not finish in time";
        ClosedInstead: Failure::Handshake(HandshakeError::ClosedInstead { .. }) =>
            "AUTH_REJECTED", Disposition::RefreshToken,
            "the server closed the connection instead of accepting the token";
        Rejected: Failure::Handshake(HandshakeError::Rejected) =>
            "AUTH_REJECTED", Disposition::RefreshToken, "the server's message rejected the credential";
        SubprotocolMismatch: Failure::Handshake(HandshakeError::SubprotocolMismatch) =>
            "SUBPROTOCOL_MISMATCH", Disposition::GiveUp, "the server chose none of the offered subprotocols";
        NotAccepted: Failure::Handshake(HandshakeError::TimedOut) =>
            "AUTH_TIMED_OUT", Disposition::RETRY, "the server did not accept the connection in time";
        Blocked: Failure::Transport(TransportError::Blocked) =>
            "BLOCKED", Disposition::GiveUp,
            "the browser blocked the connection (Content-Security-Policy or mixed content)";
        Unsupported: Failure::Transport(TransportError::Unsupported) =>
            "UNSUPPORTED", Disposition::GiveUp, "there is no WebSocket here; set globalThis.WebSocket, or use a newer runtime";
        PageLeft: Failure::Transport(TransportError::PageLeft) =>
            "CONNECTION_LOST", Disposition::RETRY, "the browser closed the connection, because the page follows a link";
        Lost: Failure::Transport(TransportError::Closed { code: 1006, disposition }) =>
            "CONNECTION_LOST", *disposition, "the connection was lost";
        SentTooBig: Failure::Transport(TransportError::Closed { code: 1009, disposition }) =>
            "MESSAGE_TOO_BIG", *disposition, "a message was longer than the server accepts";
        Closed: Failure::Transport(TransportError::Closed { disposition, .. }) =>
            "CLOSED_BY_SERVER", *disposition, "the server closed the connection";
        ConnectTimedOut: Failure::Transport(TransportError::ConnectTimedOut) =>
            "CONNECT_TIMED_OUT", Disposition::RETRY, "no connection in time";
        ConnectFailed: Failure::Transport(TransportError::ConnectFailed) =>
            "CONNECT_FAILED", Disposition::RETRY,
            "the connection failed; browsers hide whether the server refused it or the network failed";
        DialTooLong: Failure::Transport(TransportError::DialTooLong { .. }) =>
            "HANDSHAKE_TOO_LONG", Disposition::RETRY,
            "the connection failed; browsers hide why, but its URL and subprotocols are long, and many servers accept only 4 to 8 KiB";
        ReceivedTooBig: Failure::Transport(TransportError::TooBig { .. }) =>
            "MESSAGE_TOO_BIG", Disposition::GiveUp, "the server sent a message longer than maxMessageSize allows";
        HandshakeRefused: Failure::Transport(TransportError::HandshakeRefused { .. }) =>
            "HANDSHAKE_REFUSED", Disposition::RETRY,
            "several connections in a row failed; check the server, the URL, its allowed Origins and the token";
        Silent: Failure::Transport(TransportError::Silent) =>
            "CONNECTION_SILENT", Disposition::RETRY, "the server did not answer a ping in time";
        TicketExpired: Failure::TicketExpired =>
            "TICKET_EXPIRED", Disposition::RETRY, "the ticket took longer to arrive than it lives";
    }
    tokens(status) {
        Expired: "TOKEN_EXPIRED", SignIn, "the session has expired; sign in again";
        InvalidCredentials { status }: "INVALID_CREDENTIALS", SignIn, "the server refused these credentials";
        LoginForbidden { status }: "LOGIN_FORBIDDEN", GiveUp, "the server forbids this login; see details";
        LoginIncomplete: "LOGIN_INCOMPLETE", GiveUp, "the server wants another step before it signs in; see details";
        Missing: "TOKEN_MISSING", SignIn, "nobody is signed in: call login() or setTokens() first";
        RefreshLost { status }: "REFRESH_LOST", SignIn,
            "the answer to a renewal was lost, and the next was refused; sign in again";
        RefreshRejected { status }: "REFRESH_REJECTED", SignIn,
            "the server no longer accepts this session; sign in again";
        StaleCookie: "STALE_COOKIE", SignIn,
            "the server refused a cookie of an earlier session: let it delete that, then log in again";
        Superseded: "SUPERSEDED", GiveUp, "a later login, setTokens() or logout() took its place";
        TooLong: "TOKEN_UNFIT", GiveUp,
            "this credential is longer than the 8 KiB of subprotocols that servers accept: use a ticket, or a first message";
        Unfit: "TOKEN_UNFIT", GiveUp, "this credential cannot be a subprotocol: use base64url, or another scheme";
    }
}

/// The purpose of an HTTP call: the columns of [`HTTP_ROWS`].
#[derive(Clone, Copy)]
enum Call {
    Login,
    Refresh,
    Ticket,
    Probe,
}

/// The sentence of each [`HttpError`], and its codes for a login, a refresh, a ticket and a probe.
pub const HTTP_ROWS: [(&str, [&str; 4]); 10] = [
    ("the answer is not JSON", MALFORMED),
    ("the answer has no text where `field` points", MALFORMED),
    ("the answer's URL is not encrypted, or of a host that `urlHosts` does not name", MALFORMED),
    ("the answer is longer than 1 MiB", MALFORMED),
    (
        "no answer (offline, refused, or hidden by CORS or CSP)",
        ["LOGIN_FAILED", "REFRESH_FAILED", "TICKET_NETWORK", "SERVER_UNREACHABLE"],
    ),
    ("the server answered with an error", ["LOGIN_FAILED", "REFRESH_FAILED", "TICKET_REJECTED", "SERVER_UNAVAILABLE"]),
    ("the server redirects this call; name the final address (a missing slash?)", ["REDIRECTED"; 4]),
    (
        "the server does not accept the credential",
        ["INVALID_CREDENTIALS", "REFRESH_REJECTED", "TICKET_UNAUTHORIZED", "HANDSHAKE_UNAUTHORIZED"],
    ),
    ("the server forbids it", ["LOGIN_FORBIDDEN", "REFRESH_REJECTED", "TICKET_FORBIDDEN", "HANDSHAKE_FORBIDDEN"]),
    ("no answer in time", ["LOGIN_FAILED", "REFRESH_FAILED", "TICKET_TIMED_OUT", "SERVER_UNREACHABLE"]),
];
const MALFORMED: [&str; 4] = ["LOGIN_FAILED", "REFRESH_FAILED", "TICKET_MALFORMED", "SERVER_UNREACHABLE"];

impl HttpError {
    /// The place in [`HTTP_ROWS`].
    const fn place(self) -> u8 {
        match self {
            Self::Malformed(Malformed::NotJson) => 0,
            Self::Malformed(Malformed::MissingField) => 1,
            Self::Malformed(Malformed::ForeignUrl) => 2,
            Self::Malformed(Malformed::TooLong) => 3,
            Self::Network => 4,
            Self::Status { .. } => 5,
            Self::Redirected => 6,
            Self::Unauthorized { .. } => 7,
            Self::Forbidden { .. } => 8,
            Self::TimedOut => 9,
        }
    }

    /// Reverses [`place`](Self::place).
    const fn of_place(place: u8, status: u16, retry_after: Option<Millis>) -> Option<Self> {
        Some(match place {
            0 => Self::Malformed(Malformed::NotJson),
            1 => Self::Malformed(Malformed::MissingField),
            2 => Self::Malformed(Malformed::ForeignUrl),
            3 => Self::Malformed(Malformed::TooLong),
            4 => Self::Network,
            5 => Self::Status { status, retry_after },
            6 => Self::Redirected,
            7 => Self::Unauthorized { status },
            8 => Self::Forbidden { status },
            9 => Self::TimedOut,
            _ => return None,
        })
    }

    /// Returns the sentence, without numbers.
    #[must_use]
    pub const fn message(self) -> &'static str {
        HTTP_ROWS[self.place() as usize].0
    }
}

impl Call {
    const fn first(self) -> u8 {
        Row::HttpCalls as u8 + self as u8 * HTTP_ROWS.len() as u8
    }

    const fn number(self, error: HttpError) -> u8 {
        self.first() + error.place()
    }
}

/// The code and the sentence of each number: [`ROWS`], then [`HTTP_ROWS`] once for each purpose.
pub const SENTENCES: [(&str, &str); ROWS.len() + 4 * HTTP_ROWS.len()] = {
    let mut sentences = [("", ""); ROWS.len() + 4 * HTTP_ROWS.len()];
    let mut number = 0;
    while number < sentences.len() {
        sentences[number] = if number < ROWS.len() {
            ROWS[number]
        } else {
            let (call, place) = ((number - ROWS.len()) / HTTP_ROWS.len(), (number - ROWS.len()) % HTTP_ROWS.len());
            (HTTP_ROWS[place].1[call], HTTP_ROWS[place].0)
        };
        number += 1;
    }
    sentences
};

impl Failure {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        SENTENCES[self.number() as usize].0
    }

    /// Returns the sentence, without numbers.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        SENTENCES[self.number() as usize].1
    }
}

impl TokenError {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        SENTENCES[self.number() as usize].0
    }

    /// Returns the sentence, without numbers.
    #[must_use]
    pub const fn message(self) -> &'static str {
        SENTENCES[self.number() as usize].1
    }
}

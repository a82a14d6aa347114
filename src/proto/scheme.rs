//! Schemes: how a credential reaches the socket, as data.
//!
//! A scheme says where the token goes and which messages belong to the handshake; the connection machine follows it.

use core::time::Duration;

use super::http::Method;
use super::{Json, Url};
use crate::error::ConfigError;

/// How a credential reaches the socket.
#[derive(Clone, Debug)]
pub enum Scheme {
    /// No credential.
    Anonymous,
    /// The token is sent as the first message.
    FirstMessage(FirstMessage),
    /// The token is a parameter of the URL. It lands in access logs; prefer a ticket.
    Query(Query),
    /// A single-use ticket, fetched for each attempt, is a parameter of the URL.
    Ticket(Ticket),
}

impl Scheme {
    /// Returns whether an attempt needs a token of the session.
    #[must_use]
    pub const fn needs_token(&self) -> bool {
        match self {
            Self::Anonymous => false,
            Self::FirstMessage(_) | Self::Query(_) | Self::Ticket(_) => true,
        }
    }
}

/// Settings of [`Scheme::Query`].
#[derive(Clone, Debug)]
pub struct Query {
    /// The parameter's name. Default `token`.
    pub param: String,
}

/// Settings of [`Scheme::Ticket`].
///
/// # Source
/// Seed protocol S4: `GET /ws_ticket` with `Authorization: Bearer <token>` → `{ticket, expires}`.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// Where tickets are fetched, with the session's `Authorization` header.
    pub url: Url,
    /// Default `POST`.
    pub method: Method,
    /// The parameter's name in the socket's URL. Default `ticket`.
    pub param: String,
    /// Where in the answer the ticket is, as a dotted path. Default `ticket`.
    pub field: String,
    /// Where in the answer the ticket's end is, in seconds since 1970. Default `expires`.
    pub expires_field: String,
    /// Where in the answer the ticket's life is, in seconds. Default `expires_in`.
    pub expires_in_field: String,
}

/// Settings of [`Scheme::FirstMessage`].
#[derive(Clone, Debug)]
pub struct FirstMessage {
    /// The message; `"$token"` stands for the token.
    pub message: Json,
    /// The server's message that has to come before ours, as a matcher.
    pub hello: Option<Json>,
    /// The server's message that accepts the credential. Without it, accepted means sent.
    pub ack: Option<Json>,
    /// The server's message that refuses the credential.
    pub reject: Option<Json>,
    /// How long to wait for hello and ack, each. Default 10 s.
    pub ack_timeout: Duration,
}

impl FirstMessage {
    /// Checks the template.
    ///
    /// # Errors
    /// A hole that nothing fills.
    pub fn check(&self) -> Result<(), ConfigError> {
        match self.message.unknown_hole(&["token"]) {
            Some(name) => Err(ConfigError::InvalidOption {
                option: "scheme.message",
                problem: "only \"$token\" stands for something; \"$$\" in front stands for a plain $",
                value: ["$", &name].concat(),
            }),
            None => Ok(()),
        }
    }
}

/// Checks the subprotocols that are offered.
///
/// # Errors
/// One that is no token (RFC 9110 §5.6.2), a duplicate, or more than 8 KiB together: browsers throw or servers refuse.
pub fn check_protocols(protocols: &[String]) -> Result<(), ConfigError> {
    let is_token_char = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let mut length = 0;
    for (index, protocol) in protocols.iter().enumerate() {
        if protocol.is_empty() || !protocol.bytes().all(is_token_char) {
            return Err(ConfigError::option(
                "protocols",
                "only letters, digits and !#$%&'*+-.^_`|~ are allowed; use base64url without padding",
            ));
        }
        if protocols[..index].contains(protocol) {
            return Err(ConfigError::option("protocols", "one is offered twice"));
        }
        length += protocol.len() + 2;
    }
    if length > 8192 {
        return Err(ConfigError::option("protocols", "servers refuse more than 8192 bytes of them together"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_54_subprotocols_are_checked_before_the_browser_throws() {
        let check = |list: &[&str]| check_protocols(&list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let eight_kb = "a".repeat(8_000);
        for good in [&["a.b-c_d.e+f"][..], &["chat", "Chat"], &[eight_kb.as_str()], &[]] {
            assert_eq!(check(good), Ok(()));
        }
        let twenty_kb = "a".repeat(20_000);
        let bad: &[&[&str]] =
            &[&[""], &["a b"], &["a="], &["a,b"], &["a/b"], &["a:b"], &["é"], &["a", "a"], &[&twenty_kb]];
        for list in bad {
            assert_eq!(check(list).map_err(|error| error.code()), Err("INVALID_OPTION"), "{list:?}");
        }
    }
}

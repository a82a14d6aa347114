//! Schemes: how a credential reaches the socket, as data.
//!
//! A scheme says where the credential goes and which messages belong to the handshake; the connection machine follows it.

use super::contract::numbered;
use super::http::Method;
use super::{Framing, Handshake, Json, Secret, Url};
use crate::error::{ConfigError, TokenError};
use crate::platform::base64;
use crate::proto::Millis;

/// How a credential reaches the socket.
#[derive(Clone, Debug)]
pub enum Scheme {
    /// No credential.
    Anonymous,
    /// The browser sends the cookie that the login has set.
    Cookie,
    /// The token is sent as the first message.
    FirstMessage(FirstMessage),
    /// The token goes into the `Authorization` header of the handshake. Native only: no browser lets a page set it.
    #[cfg(not(target_family = "wasm"))]
    Header,
    /// A single-use ticket, fetched for each attempt, goes along with the handshake.
    Ticket(Ticket),
    /// The token itself goes along with the handshake.
    Token(Place),
}

impl Scheme {
    /// Returns the settings of a first message, if that is the scheme.
    pub(super) const fn first_message(&self) -> Option<&FirstMessage> {
        match self {
            Self::FirstMessage(scheme) => Some(scheme),
            #[cfg(not(target_family = "wasm"))]
            Self::Header => None,
            Self::Anonymous | Self::Cookie | Self::Ticket(_) | Self::Token(_) => None,
        }
    }

    /// Returns whether an attempt needs a token of the session.
    #[must_use]
    pub const fn needs_token(&self) -> bool {
        match self {
            Self::Anonymous => false,
            #[cfg(not(target_family = "wasm"))]
            Self::Header => true,
            Self::Cookie | Self::FirstMessage(_) | Self::Ticket(_) | Self::Token(_) => true,
        }
    }
}

/// Where in the handshake a credential goes.
#[derive(Clone, Debug)]
pub enum Place {
    /// A parameter of the URL. A token lands in access logs there; a ticket is used up by then.
    Query {
        /// The parameter's name: `token`, `ticket`.
        param: String,
    },
    /// An entry of `Sec-WebSocket-Protocol`, behind the plain subprotocols, one of which the server has to choose.
    Subprotocol {
        /// What stands before the credential: `base64url.bearer.authorization.k8s.io.`
        prefix: String,
        /// How the credential is written.
        encoding: Encoding,
    },
}

numbered! {
/// How a credential is written among the subprotocols, where `=`, `/` and spaces throw (RFC 9110 §5.6.2).
pub enum Encoding {
    /// Base64 without padding (RFC 4648 §4), as Phoenix reads it; one that needs a `/` cannot be sent.
    Base64 = 1 "base64",
    /// Base64url without padding (RFC 4648 §5), as Kubernetes reads it.
    Base64Url = 2 "base64url",
    /// As it is. A JWT may stand there.
    Plain = 0 "plain",
}
}

impl Place {
    /// Puts a credential into a handshake.
    ///
    /// # Errors
    /// A credential that cannot stand among subprotocols.
    pub(crate) fn handshake(&self, url: &Url, protocols: &[String], credential: &str) -> Result<Handshake, TokenError> {
        match self {
            Self::Query { param } => Ok(Handshake::new(url.with_param(param, credential), protocols)),
            Self::Subprotocol { prefix, encoding } => {
                let entry = [prefix, encoding.encode(credential).as_str()].concat();
                if entry.len() == prefix.len()
                    || entry.len() > MAX_PROTOCOLS
                    || !is_token(&entry)
                    || protocols.contains(&entry)
                {
                    return Err(TokenError::Unfit);
                }
                let mut handshake = Handshake::new(Secret::new(url.to_text()), protocols);
                handshake.protocols.push(Secret::new(entry));
                Ok(handshake)
            }
        }
    }

    fn check(&self, protocols: &[String]) -> Result<(), ConfigError> {
        match self {
            Self::Subprotocol { prefix, .. } => {
                if protocols.is_empty() {
                    return Err(ConfigError::option(
                        "protocols",
                        "a plain subprotocol is needed beside the credential: the one that the server chooses",
                    ));
                }
                if !prefix.is_empty() && !is_token(prefix) {
                    return Err(ConfigError::option("scheme.prefix", NO_TOKEN));
                }
                Ok(())
            }
            Self::Query { .. } => Ok(()),
        }
    }
}

impl Encoding {
    fn encode(self, text: &str) -> String {
        if self == Self::Plain {
            return text.to_owned();
        }
        base64(text, self == Self::Base64Url)
    }
}

/// Settings of [`Scheme::Ticket`].
///
/// # Source
/// Seed protocol S4: `GET /ws_ticket` with `Authorization: Bearer <token>` → `{ticket, expires}`. S6's session key is a
/// ticket with other names.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// Where tickets are fetched, with the session's `Authorization` header.
    pub url: Url,
    /// Default `POST`.
    pub method: Method,
    /// Where the ticket goes. Default: the parameter `ticket`.
    pub place: Place,
    /// Where in the answer the ticket is, as a dotted path. Default `ticket`.
    pub field: String,
    /// Where in the answer the ticket's end is, in seconds since 1970. Default `expires`.
    pub expires_field: String,
    /// Where in the answer the ticket's life is, in seconds. Default `expires_in`.
    pub expires_in_field: String,
    /// What `field` holds.
    pub answer: Answer,
    /// The status that asks for another token. Default 401; 403 behind DRF's `SessionAuthentication`.
    pub unauthorized: u16,
    /// A matcher of an answer that counts as a 401 although its status is a success: `{"ok": false}`.
    pub reject: Option<Json>,
}

impl Ticket {
    /// Returns the default settings.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            method: Method::Post,
            place: Place::Query { param: "ticket".to_owned() },
            field: "ticket".to_owned(),
            expires_field: "expires".to_owned(),
            expires_in_field: "expires_in".to_owned(),
            answer: Answer::Ticket,
            unauthorized: 401,
            reject: None,
        }
    }
}

/// What a ticket endpoint answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The ticket.
    Ticket,
    /// The socket's whole URL with the ticket in it, as Slack does. Taken if it is encrypted or the configured one is not
    /// either, and its host is the configured one or one of these.
    Url {
        /// Other hosts, without ports.
        hosts: Vec<String>,
    },
}

/// Settings of [`Scheme::FirstMessage`].
#[derive(Clone, Debug)]
pub struct FirstMessage {
    /// The message; `"$token"` stands for the token, `"$authorization"` for it with the session's prefix. `None`: the handshake
    /// has carried the credential (a cookie), and the server's ack is all that is waited for; every message is read for
    /// `reject` (Action Cable).
    pub message: Option<Json>,
    /// What the frames of the handshake are. Default JSON.
    pub framing: Framing,
    /// The server's message that has to come before ours, as a matcher.
    pub hello: Option<Json>,
    /// The server's message that accepts the credential. Without it, accepted means sent.
    pub ack: Option<Json>,
    /// The server's message that refuses the credential.
    pub reject: Option<Json>,
    /// The server's message that says that the token has expired: it is renewed, and `message` is sent again on the same
    /// socket. Every message is read for it.
    pub expired: Option<Json>,
    /// How long to wait for hello and ack, each. Default 10 s.
    pub ack_timeout: Millis,
}

impl FirstMessage {
    /// Returns the default settings: nothing is waited for.
    #[must_use]
    pub const fn new(message: Json) -> Self {
        Self {
            message: Some(message),
            framing: Framing::Json,
            hello: None,
            ack: None,
            reject: None,
            expired: None,
            ack_timeout: Millis::from_secs(10),
        }
    }

    /// Checks the template.
    ///
    /// # Errors
    /// A hole that nothing fills; neither a message nor an ack.
    fn check(&self) -> Result<(), ConfigError> {
        let Some(message) = &self.message else {
            let problem = "without a message of ours the server's is needed";
            return if self.ack.is_some() { Ok(()) } else { Err(ConfigError::option("scheme.ack", problem)) };
        };
        match message.unknown_hole(&["token", "authorization"]) {
            Some(name) => Err(ConfigError::InvalidOption {
                option: "scheme.message",
                problem: "only \"$token\" and \"$authorization\" stand for something; \"$$\" is a plain $",
                value: ["$", &name].concat(),
            }),
            None => Ok(()),
        }
    }
}

impl Scheme {
    /// Checks what can be wrong before the first try.
    pub(crate) fn check(&self, protocols: &[String], allow_insecure: bool) -> Result<(), ConfigError> {
        match self {
            #[cfg(not(target_family = "wasm"))]
            Self::Header => Ok(()),
            Self::Anonymous | Self::Cookie => Ok(()),
            Self::FirstMessage(scheme) => scheme.check(),
            Self::Ticket(ticket) => {
                ticket.place.check(protocols)?;
                ticket.url.check_carries_credential("scheme.url", allow_insecure)
            }
            Self::Token(place) => place.check(protocols),
        }
    }
}

const NO_TOKEN: &str = "only letters, digits and !#$%&'*+-.^_`|~ are allowed; use base64url without padding";

/// What servers take of subprotocols, all together, in bytes.
const MAX_PROTOCOLS: usize = 8192;

/// Returns whether a text is a token (RFC 9110 §5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Checks the subprotocols that are offered.
///
/// # Errors
/// One that is no token, a duplicate, or more than 8 KiB together: browsers throw or servers refuse.
pub fn check_protocols(protocols: &[String]) -> Result<(), ConfigError> {
    let mut length = 0;
    for (index, protocol) in protocols.iter().enumerate() {
        if !is_token(protocol) {
            return Err(ConfigError::option("protocols", NO_TOKEN));
        }
        if protocols[..index].contains(protocol) {
            return Err(ConfigError::option("protocols", "one is offered twice"));
        }
        length += protocol.len() + 2;
    }
    if length > MAX_PROTOCOLS {
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

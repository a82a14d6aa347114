//! Schemes: how a credential reaches the socket, as data.
//!
//! A scheme says where the credential is sent and which messages belong to the authentication. The connection machine follows it.

use super::contract::{Kind, numbered, options};
use super::http::{Body, BodyEncoding, Method};
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
    /// The token is sent in the `Authorization` header of the handshake. Native only: a page cannot set it.
    #[cfg(not(target_family = "wasm"))]
    Header,
    /// The token itself is sent in the URL, where access logs and proxies see it.
    Query(Query),
    /// The token itself is sent as an entry of `Sec-WebSocket-Protocol`.
    Subprotocol(Subprotocol),
    /// A single-use ticket, fetched for each attempt, is sent with the handshake.
    Ticket(Ticket),
}

impl Scheme {
    /// Returns the settings of a first message, if that is the scheme.
    pub(super) const fn first_message(&self) -> Option<&FirstMessage> {
        match self {
            Self::FirstMessage(scheme) => Some(scheme),
            #[cfg(not(target_family = "wasm"))]
            Self::Header => None,
            Self::Anonymous | Self::Cookie | Self::Query(_) | Self::Subprotocol(_) | Self::Ticket(_) => None,
        }
    }

    /// Returns whether an attempt needs a token of the session.
    #[must_use]
    pub const fn needs_token(&self) -> bool {
        match self {
            Self::Anonymous => false,
            #[cfg(not(target_family = "wasm"))]
            Self::Header => true,
            Self::Cookie | Self::FirstMessage(_) | Self::Query(_) | Self::Subprotocol(_) | Self::Ticket(_) => true,
        }
    }
}

options! {
    /// Options of `query()`: the token is a parameter of the URL.
    pub struct Query = "QueryOptions" {
        takes {
            /// The parameter's name.
            param: String = "token".to_owned(), "param";
        }
    }
}

options! {
    /// Options of `subprotocol()`: the credential is the last entry of `Sec-WebSocket-Protocol`. The server has to
    /// choose one of the plain subprotocols before it.
    pub struct Subprotocol = "SubprotocolOptions" {
        takes {
            /// The text before the credential: `base64url.bearer.authorization.k8s.io.`.
            prefix: String = String::new(), "prefix", Kind::TokenStart;
            /// How the credential is encoded: `plain` (enough for a JWT), `base64url` or `base64`, both without
            /// padding.
            encoding: Encoding = Encoding::Plain, "encoding";
        }
    }
}

numbered! {
/// How a credential is encoded as a subprotocol, where `=`, `/` and spaces are invalid (RFC 9110 §5.6.2).
pub enum Encoding {
    /// Base64 without padding (RFC 4648 §4), as Phoenix reads it; one that needs a `/` cannot be sent.
    Base64 = 1 "base64",
    /// Base64url without padding (RFC 4648 §5), as Kubernetes reads it.
    Base64Url = 2 "base64url",
    /// Unchanged. Valid for a JWT.
    Plain = 0 "plain",
}
}

impl Query {
    /// Puts a credential into a handshake.
    pub(crate) fn handshake(&self, url: &Url, protocols: &[String], credential: &str) -> Handshake {
        Handshake::new(url.with_param(&self.param, credential), protocols)
    }
}

impl Subprotocol {
    /// Puts a credential into a handshake.
    ///
    /// # Errors
    /// A credential that is not a valid subprotocol.
    pub(crate) fn handshake(&self, url: &Url, protocols: &[String], credential: &str) -> Result<Handshake, TokenError> {
        let entry = [&self.prefix, self.encoding.encode(credential).as_str()].concat();
        if entry.len() == self.prefix.len()
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

    fn check(&self, protocols: &[String]) -> Result<(), ConfigError> {
        if protocols.is_empty() {
            return Err(ConfigError::option(
                "protocols",
                "a plain subprotocol is needed beside the credential: the one that the server chooses",
            ));
        }
        if !self.prefix.is_empty() && !is_token(&self.prefix) {
            return Err(ConfigError::option("scheme.prefix", NO_TOKEN));
        }
        Ok(())
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

options! {
    /// Options of `ticket()`: a single-use ticket is fetched for each attempt (`POST /ws_ticket` with `Authorization:
    /// Bearer <token>` → `{ticket, expires}`).
    pub struct Ticket = "TicketOptions" {
        needs {
            /// The endpoint that issues tickets. It is called with the session's `Authorization` header.
            url: Url, "url";
        }
        takes {
            /// The method of that call.
            method: Method = Method::Post, "method";
            /// The parameter of the socket's URL that carries the ticket.
            param: String = "ticket".to_owned(), "param";
            /// Sends the ticket as a subprotocol instead.
            subprotocol: Option<Subprotocol> = None, "subprotocol";
            /// Where the ticket is in the answer, as a dotted path.
            field: String = "ticket".to_owned(), "field";
            /// Hosts, without ports, of a whole URL with a ticket in it, for servers that answer with one in `field`.
            /// The URL is accepted if it is encrypted (or the socket's own is not) and its host is the socket's own
            /// or one of these. By default `field` holds the ticket alone.
            url_hosts: Option<Vec<String>> = None, "urlHosts";
            /// The status that means that the token is refused. It is 403 if DRF's first authentication class is
            /// SessionAuthentication.
            unauthorized: u16 = 401, "unauthorizedStatus";
            /// Describes an answer that is a refusal although its status says success. It counts as a 401. Objects
            /// match as subsets.
            reject: Option<Json> = None, "reject";
            /// Where the ticket's expiry is in the answer: seconds since 1970, or a date (RFC 3339).
            expires_field: String = "expires".to_owned(), "expiresField";
            /// Where the ticket's life is in the answer, in seconds.
            expires_in_field: String = "expires_in".to_owned(), "expiresInField";
            /// The body of a POST, such as `{ room: 'lobby' }`. `'$access'` is replaced by the access token.
            body: Option<Json> = None, "body";
            /// The format of the body.
            encoding: BodyEncoding = BodyEncoding::Json, "encoding";
        }
        face {
            /// More headers: a record, `Headers`, or a function of the call, which may be async. They replace headers
            /// of gatepass with the same name.
            "headers": "CallHeaders" = "";
        }
    }
}

impl Ticket {
    /// The body of the call for a token.
    pub(crate) fn call_body(&self, access: &str) -> Option<Body> {
        let template = self.body.as_ref().filter(|template| !template.is_null())?;
        Some(Body::new(&template.filled(&Json::object(&[("access", access)])), self.encoding))
    }

    fn check_body(&self) -> Result<(), ConfigError> {
        let Some(body) = self.body.as_ref().filter(|body| !body.is_null()) else { return Ok(()) };
        if self.method == Method::Get {
            return Err(ConfigError::option("scheme.body", "a GET has no body: set method to 'POST'"));
        }
        match body.unknown_hole(&["access"]) {
            Some(name) => Err(ConfigError::InvalidOption {
                option: "scheme.body",
                problem: "only \"$access\" is a placeholder; \"$$\" is a plain $",
                value: ["$", &name].concat(),
            }),
            None => Ok(()),
        }
    }

    /// Puts a ticket into a handshake.
    ///
    /// # Errors
    /// A ticket that is not a valid subprotocol.
    pub(crate) fn handshake(&self, url: &Url, protocols: &[String], ticket: &str) -> Result<Handshake, TokenError> {
        match &self.subprotocol {
            Some(entry) => entry.handshake(url, protocols, ticket),
            None => Ok(Handshake::new(url.with_param(&self.param, ticket), protocols)),
        }
    }
}

options! {
    /// Options of `firstMessage()`: the token is sent as the first message on the open socket.
    pub struct FirstMessage = "FirstMessageOptions" {
        takes {
            /// The message, a JSON value. The value `'$token'` is replaced by the token, `'$authorization'` by the
            /// session's prefix and the token. `'$$token'` is the text `$token`. Without a message the handshake
            /// carries the credential (a cookie): the socket waits for `ack`, and every message is read for `reject`.
            message: Option<Json> = None, "message";
            /// The frames of the authentication. `text`: JSON, text, or text before JSON, written as an array:
            /// `['40', { token: '$token' }]` is sent as `40{"token":…}`. A message may end with a line feed or
            /// U+001E, several may share a frame, and the frame with `ack` is delivered to the app, too. `binary`:
            /// the same in binary frames; they are read if `binaryType` is `arraybuffer`.
            framing: Framing = Framing::Json, "frames";
            /// The server's message to wait for before `message` is sent; objects match as subsets. Without it
            /// `message` is sent as soon as the socket is open.
            hello: Option<Json> = None, "hello";
            /// The server's message that accepts the token. Without it the socket is `connected` as soon as `message`
            /// is sent.
            ack: Option<Json> = None, "ack";
            /// The server's message that refuses the token. Without it the server closes the socket.
            reject: Option<Json> = None, "reject";
            /// The server's message that says that the token has expired. The token is renewed, and `message` is sent
            /// again on the same socket. Every message is read for it and delivered to the app. Without it the server
            /// closes the socket.
            expired: Option<Json> = None, "expired";
            /// Sends `message` again on the connected socket whenever the token is renewed, for servers that accept
            /// it.
            reauth: bool = false, "reauth";
            /// How long to wait for each of `hello` and `ack`, in milliseconds. `connectTimeout` limits both
            /// together.
            ack_timeout: Millis = Millis::from_secs(10), "ackTimeout", Kind::Millis { least: 1 };
        }
    }
}

impl FirstMessage {
    /// Returns the options for a message, without an acknowledgement.
    #[must_use]
    pub fn new(message: Json) -> Self {
        Self { message: Some(message), ..Self::default() }
    }

    /// Checks the template.
    ///
    /// # Errors
    /// An unknown placeholder; neither a message nor an ack.
    fn check(&self) -> Result<(), ConfigError> {
        let Some(message) = &self.message else {
            let problem = "without a message of ours the server's is needed";
            return if self.ack.is_some() { Ok(()) } else { Err(ConfigError::option("scheme.ack", problem)) };
        };
        match message.unknown_hole(&["token", "authorization"]) {
            Some(name) => Err(ConfigError::InvalidOption {
                option: "scheme.message",
                problem: "only \"$token\" and \"$authorization\" are placeholders; \"$$\" is a plain $",
                value: ["$", &name].concat(),
            }),
            None => Ok(()),
        }
    }
}

impl Scheme {
    /// Checks the options.
    pub(crate) fn check(&self, protocols: &[String], allow_insecure: bool) -> Result<(), ConfigError> {
        match self {
            #[cfg(not(target_family = "wasm"))]
            Self::Header => Ok(()),
            Self::Anonymous | Self::Cookie | Self::Query(_) => Ok(()),
            Self::FirstMessage(scheme) => scheme.check(),
            Self::Subprotocol(entry) => entry.check(protocols),
            Self::Ticket(ticket) => {
                if let Some(entry) = &ticket.subprotocol {
                    entry.check(protocols)?;
                }
                ticket.check_body()?;
                ticket.url.check_carries_credential("scheme.url", allow_insecure)
            }
        }
    }
}

const NO_TOKEN: &str = "only letters, digits and !#$%&'*+-.^_`|~ are allowed; use base64url without padding";

/// The limit of servers for all subprotocols together, in bytes.
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

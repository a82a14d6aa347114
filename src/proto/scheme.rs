//! Schemes: how a credential reaches the socket, as data.
//!
//! A scheme says where the credential is sent and which messages belong to the authentication. The connection machine follows it.

use super::contract::{Kind, numbered, options};
use super::http::{Body, BodyEncoding, Credentials, Meanings, Method};
use super::session::{AccessToken, EndpointAuthorization};
use super::{Framing, Handshake, Json, Secret, Url};
use crate::error::{ConfigError, TokenError};
use crate::platform::base64;
use crate::proto::Millis;

/// How a credential reaches the socket.
#[derive(Clone, Debug)]
#[cfg_attr(not(target_family = "wasm"), expect(clippy::large_enum_variant, reason = "a connection has one"))]
pub enum Scheme {
    /// No credential.
    Anonymous,
    /// The browser sends the cookie that the login has set.
    Cookie(Cookie),
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

/// The messages of the server that belong to the authentication.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialog<'a> {
    pub(super) hello: Option<&'a Json>,
    pub(super) ack: Option<&'a Json>,
    pub(super) reject: Option<&'a Json>,
    pub(super) expired: Option<&'a Json>,
    pub(super) ack_timeout: Millis,
    /// Whether the server alone speaks: the handshake carries the credential.
    pub(super) is_one_sided: bool,
}

impl Scheme {
    /// Returns which messages of the server belong to the authentication, if any do.
    pub(super) fn dialog(&self) -> Option<Dialog<'_>> {
        match self {
            Self::FirstMessage(FirstMessage { hello, ack, reject, expired, ack_timeout, message, .. }) => {
                Some(Dialog {
                    hello: hello.as_ref(),
                    ack: ack.as_ref(),
                    reject: reject.as_ref(),
                    expired: expired.as_ref(),
                    ack_timeout: *ack_timeout,
                    is_one_sided: message.is_none(),
                })
            }
            #[cfg(not(target_family = "wasm"))]
            Self::Header => None,
            Self::Anonymous => None,
            Self::Cookie(Cookie { welcome })
            | Self::Query(Query { welcome, .. })
            | Self::Subprotocol(Subprotocol { welcome, .. })
            | Self::Ticket(Ticket { welcome, .. }) => {
                let (ack, reject, ack_timeout) = (welcome.ack.as_ref(), welcome.reject.as_ref(), welcome.ack_timeout);
                let dialog = Dialog { hello: None, ack, reject, expired: None, ack_timeout, is_one_sided: true };
                (ack.is_some() || reject.is_some()).then_some(dialog)
            }
        }
    }

    /// Returns the frames of these messages, of pings and of answers.
    pub(super) const fn framing(&self) -> Framing {
        match self {
            #[cfg(not(target_family = "wasm"))]
            Self::Header => Framing::Json,
            Self::Anonymous => Framing::Json,
            Self::FirstMessage(scheme) => scheme.framing,
            Self::Cookie(Cookie { welcome })
            | Self::Query(Query { welcome, .. })
            | Self::Subprotocol(Subprotocol { welcome, .. })
            | Self::Ticket(Ticket { welcome, .. }) => welcome.framing,
        }
    }

    /// Returns the first messages of a socket, ready to send, with the token in its places. Without a token these are left out.
    pub(super) fn first_messages(&self, token: Option<&AccessToken>) -> Vec<Secret> {
        let Self::FirstMessage(scheme) = self else { return Vec::new() };
        let values = match token {
            Some(token) => Json::object(&[("token", token.access()), ("authorization", token.authorization.expose())]),
            None => Json::object(&[]),
        };
        let more = scheme.more.as_ref().and_then(Json::items).unwrap_or_default();
        let messages = scheme.message.iter().chain(&more).map(|template| template.filled(&values));
        messages
            .filter(|message| !message.is_null())
            .map(|message| Secret::new(scheme.framing.write(&message)))
            .collect()
    }

    /// Returns whether an attempt needs a token of the session.
    #[must_use]
    pub const fn needs_token(&self) -> bool {
        match self {
            Self::Anonymous => false,
            #[cfg(not(target_family = "wasm"))]
            Self::Header => true,
            Self::Cookie(_) | Self::FirstMessage(_) | Self::Query(_) | Self::Subprotocol(_) | Self::Ticket(_) => true,
        }
    }
}

options! {
    /// What a server says on the socket about the credential of the handshake.
    pub struct Welcome = "WelcomeOptions" {
        takes {
            /// The first message of a server that accepts the credential. The socket is `connected` when it has come.
            ack: Option<Json> = None, "ack";
            /// The message of a server that refuses the credential. Without it the server closes the socket, or refuses
            /// the handshake.
            reject: Option<Json> = None, "reject";
            /// How long to wait for `ack`, in milliseconds.
            ack_timeout: Millis = Millis::from_secs(10), "ackTimeout", Kind::Millis { least: 1 };
            /// The frames of these messages, of pings and of answers, as in `firstMessage()`.
            framing: Framing = Framing::Json, "frames";
        }
    }
}

options! {
    /// Options of `cookie()`: the browser sends the cookie that the login has set.
    pub struct Cookie = "CookieOptions" {
        takes {
            /// What the server says on the socket about the credential. Without it the socket is `connected` as soon as it
            /// is open.
            welcome: Welcome = Welcome::default(), "welcome";
        }
    }
}

options! {
    /// Options of `query()`: the token is a parameter of the URL.
    pub struct Query = "QueryOptions" {
        takes {
            /// The parameter's name.
            param: String = "token".to_owned(), "param";
            /// What the server says on the socket about the credential. Without it the socket is `connected` as soon as it
            /// is open.
            welcome: Welcome = Welcome::default(), "welcome";
        }
    }
}

options! {
    /// A credential as the last entry of `Sec-WebSocket-Protocol`. The server has to choose one of the plain subprotocols
    /// before it.
    pub struct ProtocolEntry = "ProtocolEntryOptions" {
        takes {
            /// The text before the credential: `base64url.bearer.authorization.k8s.io.`.
            prefix: String = String::new(), "prefix", Kind::TokenStart;
            /// How the credential is encoded: `plain` (enough for a JWT), `base64url` or `base64`, both without
            /// padding.
            encoding: Encoding = Encoding::Plain, "encoding";
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
            /// What the server says on the socket about the credential. Without it the socket is `connected` as soon as it
            /// is open.
            welcome: Welcome = Welcome::default(), "welcome";
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
    /// Returns what the entry is like.
    pub(crate) fn entry(&self) -> ProtocolEntry {
        ProtocolEntry { prefix: self.prefix.clone(), encoding: self.encoding }
    }
}

impl ProtocolEntry {
    /// Puts a credential into a handshake.
    ///
    /// # Errors
    /// A credential that is not a valid subprotocol.
    pub(crate) fn handshake(&self, url: &Url, protocols: &[String], credential: &str) -> Result<Handshake, TokenError> {
        let entry = [&self.prefix, self.encoding.encode(credential).as_str()].concat();
        if entry.len() > MAX_PROTOCOLS {
            return Err(TokenError::TooLong);
        }
        if entry.len() == self.prefix.len() || !is_token(&entry) || protocols.contains(&entry) {
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
        takes {
            /// The endpoint that issues tickets. It is called with the session's `Authorization` header. It is needed, unless
            /// there is `get`.
            url: Option<Url> = None, "url";
            /// The method of that call.
            method: Method = Method::Post, "method";
            /// The parameter of the socket's URL that carries the ticket.
            param: String = "ticket".to_owned(), "param";
            /// Sends the ticket as a subprotocol instead.
            subprotocol: Option<ProtocolEntry> = None, "subprotocol";
            /// Where the ticket is in the answer, as a dotted path.
            field: String = "ticket".to_owned(), "field";
            /// Hosts, without ports, of a whole URL with a ticket in it, for servers that answer with one in `field`.
            /// The URL is accepted if it is encrypted (or the socket's own is not) and its host is the socket's own
            /// or one of these. By default `field` holds the ticket alone.
            url_hosts: Option<Vec<String>> = None, "urlHosts";
            /// The statuses that mean that the token is refused, beside 401. It is 403 if DRF's first authentication class is
            /// SessionAuthentication.
            unauthorized: Vec<u16> = Vec::new(), "unauthorizedStatus";
            /// The statuses that mean that the user may not have a ticket, beside 403. The socket closes.
            forbidden: Vec<u16> = Vec::new(), "forbiddenStatus";
            /// Whether the call sends and stores cookies. By default as the socket's `credentials` say.
            credentials: Option<Credentials> = None, "credentials";
            /// The token in the `Authorization` header: `access`, or `none` if a cookie or a header of yours is enough.
            authorization: EndpointAuthorization = EndpointAuthorization::Access, "authorization";
            /// Describes an answer that is a refusal although its status says success. It counts as a 401. Objects
            /// match as subsets.
            reject: Option<Json> = None, "reject";
            /// Where the ticket's expiry is in the answer: seconds since 1970, or a date (RFC 3339).
            expires_field: String = "expires".to_owned(), "expiresField";
            /// Where the ticket's life is in the answer, in seconds.
            expires_in_field: String = "expires_in".to_owned(), "expiresInField";
            /// The body of a POST, such as `{ room: 'lobby' }`. `'$access'` is replaced by the access token.
            body: Option<Json> = None, "body", Kind::FunctionOr(&Kind::Json, "BodyContext");
            /// The format of the body.
            encoding: BodyEncoding = BodyEncoding::Json, "encoding";
            /// What the server says on the socket about the credential. Without it the socket is `connected` as soon as it
            /// is open.
            welcome: Welcome = Welcome::default(), "welcome";
        }
        face {
            /// More headers: a record, `Headers`, or a function of the call, which may be async. They replace headers
            /// of gatepass with the same name.
            "headers": "CallHeaders" = "";
            /// Where the ticket is in the answer, if that is not JSON with the ticket at `field`.
            "answer": "CallAnswer" = "'json'";
            /// Returns a ticket from the app's own source, instead of `url`: a ticket, one with its life, or a whole URL to
            /// dial. If it throws {@link SignInRequired}, the token counts as refused; after any other error it is called
            /// again later.
            "get": "(context: TicketContext) => TicketSource | Promise<TicketSource>" = "";
        }
    }
}

impl Ticket {
    /// Returns the options for an endpoint.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self { url: Some(url), ..Self::default() }
    }

    /// What the endpoint means by its answers.
    pub(crate) fn meanings(&self) -> Meanings {
        let Self { reject, unauthorized, forbidden, .. } = self.clone();
        Meanings { reject, unauthorized, forbidden }
    }

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
            message: Option<Json> = None, "message", Kind::FunctionOr(&Kind::Json, "FirstMessageContext");
            /// More messages, which follow `message` in this order, with the same placeholders. They are sent once on
            /// each connection, not again with `reauth`.
            more: Option<Json> = None, "more";
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

    /// Returns whether a message has a token in it.
    pub(super) fn has_token(&self) -> bool {
        let has = |message: &Option<Json>| message.as_ref().is_some_and(|message| message.unknown_hole(&[]).is_some());
        self.message.is_none() || has(&self.message) || has(&self.more)
    }

    /// Checks the templates.
    ///
    /// # Errors
    /// An unknown placeholder; neither a message nor an ack.
    fn check(&self) -> Result<(), ConfigError> {
        if self.message.is_none() && self.ack.is_none() {
            return Err(ConfigError::option("scheme.ack", "without a message of ours the server's is needed"));
        }
        if self.more.as_ref().is_some_and(|more| more.items().is_none()) {
            return Err(ConfigError::option("scheme.more", "an array of messages is needed"));
        }
        let messages = [&self.message, &self.more].into_iter().flatten();
        let unknown = messages.filter_map(|message| message.unknown_hole(&["token", "authorization"])).next();
        unknown.map_or(Ok(()), |name| {
            Err(ConfigError::InvalidOption {
                option: "scheme.message",
                problem: "only \"$token\" and \"$authorization\" are placeholders; \"$$\" is a plain $",
                value: ["$", &name].concat(),
            })
        })
    }
}

impl Scheme {
    /// Checks the options.
    pub(crate) fn check(&self, protocols: &[String], allow_insecure: bool) -> Result<(), ConfigError> {
        match self {
            #[cfg(not(target_family = "wasm"))]
            Self::Header => Ok(()),
            Self::Anonymous | Self::Cookie(_) | Self::Query(_) => Ok(()),
            Self::FirstMessage(scheme) => scheme.check(),
            Self::Subprotocol(scheme) => scheme.entry().check(protocols),
            Self::Ticket(ticket) => {
                if let Some(entry) = &ticket.subprotocol {
                    entry.check(protocols)?;
                }
                ticket.check_body()?;
                let url = ticket.url.as_ref().ok_or_else(|| ConfigError::option("scheme.url", "a URL is needed"))?;
                url.check_carries_credential("scheme.url", allow_insecure)
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

//! What the face hands over and is told: where each setting stands in an array, and what a number there means.
//!
//! JavaScript reads an object of options in a fraction of the bytes that wasm needs for it, so the face reads them and hands over an array.

use super::numbered;

numbered! {
    /// Where each setting of a socket stands in the array that the face hands over.
    pub enum SocketPart {
        /// The address, with `params`.
        Url = 0 "url",
        /// The address of the probe; empty for none.
        Probe = 1 "probe",
        /// The ticket's endpoint; empty for none.
        TicketUrl = 2 "ticketUrl",
        /// A [`SchemeKind`].
        Scheme = 3 "scheme",
        /// The parameter of the URL that the credential is.
        Param = 4 "param",
        /// What stands before it among the subprotocols.
        Prefix = 5 "prefix",
        /// An [`Encoding`](crate::proto::scheme::Encoding); undefined where it is a parameter.
        Encoding = 6 "encoding",
        /// Where the ticket is in the answer.
        Field = 7 "field",
        /// Where its end is.
        ExpiresField = 8 "expiresField",
        /// Where its life is.
        ExpiresInField = 9 "expiresInField",
        /// A [`Method`](crate::proto::http::Method) of the ticket call.
        Method = 10 "method",
        /// The status that refuses the token.
        Unauthorized = 11 "unauthorized",
        /// Texts; undefined: the answer is a ticket and no URL.
        Hosts = 12 "hosts",
        /// The first message, JSON or undefined.
        Message = 13 "message",
        /// A [`Framing`](crate::proto::Framing).
        Framing = 14 "framing",
        /// JSON or undefined.
        Hello = 15 "hello",
        /// JSON or undefined.
        Ack = 16 "ack",
        /// JSON or undefined, also of a ticket's answer.
        Reject = 17 "reject",
        /// JSON or undefined.
        Expired = 18 "expired",
        /// Milliseconds.
        AckTimeout = 19 "ackTimeout",
        /// Milliseconds: the first window of the backoff.
        Base = 20 "base",
        /// Milliseconds: the widest.
        Cap = 21 "cap",
        /// Milliseconds: that of the first try after a loss.
        Spread = 22 "spread",
        /// Milliseconds.
        ConnectTimeout = 23 "connectTimeout",
        /// Milliseconds.
        TicketTimeout = 24 "ticketTimeout",
        /// Milliseconds.
        MinUptime = 25 "minUptime",
        /// JSON or undefined.
        Ping = 26 "ping",
        /// JSON or undefined.
        Pong = 27 "pong",
        /// Milliseconds.
        Interval = 28 "interval",
        /// Milliseconds.
        PongTimeout = 29 "pongTimeout",
        /// Milliseconds; undefined: a hidden page keeps its socket.
        HiddenTimeout = 30 "hiddenTimeout",
        /// Of the outbox.
        MaxBytes = 31 "maxBytes",
        /// Of the outbox.
        MaxMessages = 32 "maxMessages",
        /// Milliseconds; undefined for none.
        Ttl = 33 "ttl",
        /// An [`OutboxPolicy`](crate::proto::outbox::OutboxPolicy).
        Policy = 34 "policy",
        /// Where the id of a message is.
        ConfirmId = 35 "confirmId",
        /// JSON, or undefined: nothing is confirmed.
        ConfirmAck = 36 "confirmAck",
        /// Bytes.
        MaxMessage = 37 "maxMessage",
        /// 0 or 1.
        AllowInsecure = 38 "allowInsecure",
        /// 0 or 1.
        Cookies = 39 "cookies",
        /// Texts.
        Protocols = 40 "protocols",
        /// Numbers: a code, its [`CloseAction`](crate::proto::close::CloseAction), the next code, and so on.
        CloseCodes = 41 "closeCodes",
        /// An [`OnRenewal`](crate::proto::connection::OnRenewal).
        OnRenewal = 42 "onRenewal",
        /// 0 or 1.
        Reconnects = 43 "reconnects",
    }
}

numbered! {
    /// Where each setting of a session stands in the array that the face hands over.
    pub enum SessionPart {
        /// Empty for none.
        LoginUrl = 0 "loginUrl",
        /// JSON or undefined.
        LoginBody = 1 "loginBody",
        /// A [`BodyEncoding`](crate::proto::http::BodyEncoding).
        LoginEncoding = 2 "loginEncoding",
        /// JSON or undefined.
        LoginReject = 3 "loginReject",
        /// Empty for none.
        RefreshUrl = 4 "refreshUrl",
        /// JSON or undefined.
        RefreshBody = 5 "refreshBody",
        /// A [`BodyEncoding`](crate::proto::http::BodyEncoding).
        RefreshEncoding = 6 "refreshEncoding",
        /// JSON or undefined.
        RefreshReject = 7 "refreshReject",
        /// Empty for none.
        LogoutUrl = 8 "logoutUrl",
        /// JSON or undefined.
        LogoutBody = 9 "logoutBody",
        /// A [`BodyEncoding`](crate::proto::http::BodyEncoding).
        LogoutEncoding = 10 "logoutEncoding",
        /// JSON or undefined.
        LogoutReject = 11 "logoutReject",
        /// Of `Authorization`.
        Prefix = 12 "prefix",
        /// Where the access token is in an answer.
        Access = 13 "access",
        /// Where the refresh token is; empty for none.
        Refresh = 14 "refresh",
        /// Where the life is.
        ExpiresIn = 15 "expiresIn",
        /// A [`TimeUnit`](crate::proto::session::TimeUnit).
        ExpiresInUnit = 16 "expiresInUnit",
        /// Where the end is.
        ExpiresAt = 17 "expiresAt",
        /// Milliseconds.
        Leeway = 18 "leeway",
        /// Milliseconds.
        HttpTimeout = 19 "httpTimeout",
        /// 0 or 1.
        AllowInsecure = 20 "allowInsecure",
        /// 0 or 1.
        Cookies = 21 "cookies",
        /// What opens the store, or undefined.
        Store = 22 "store",
        /// The app's source of tokens, or undefined.
        Source = 23 "source",
    }
}

numbered! {
    /// Which scheme a socket has.
    pub enum SchemeKind {
        /// No credential.
        Anonymous = 0 "anonymous",
        /// A cookie of a session's.
        Cookie = 1 "cookie",
        /// The first message holds it.
        FirstMessage = 2 "firstMessage",
        /// A ticket.
        Ticket = 3 "ticket",
        /// The token, in the handshake.
        Token = 4 "token",
    }
}

numbered! {
    /// What a session tells the face.
    pub enum SessionNews {
        /// The state or the tokens; with what has ended the session, or undefined.
        Changed = 0 "changed",
        /// With what it threw.
        StoreFailed = 1 "storeFailed",
        /// With the refusal.
        RenewalRefused = 2 "renewalRefused",
    }
}

numbered! {
    /// What a failure asks for: [`Disposition`](crate::error::Disposition) without its wait.
    pub enum Remedy {
        /// Try again.
        Retry = 0 "retry",
        /// Renew the token, then try again.
        RefreshToken = 1 "refreshToken",
        /// The person has to sign in.
        SignIn = 2 "signIn",
        /// Trying again cannot help.
        GiveUp = 3 "giveUp",
    }
}

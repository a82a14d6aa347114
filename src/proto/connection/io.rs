//! What the connection machine is told and what it asks for.

use super::super::contract::numbered;
use super::super::http::{HttpRequest, HttpResponse, NoAnswer};
use super::super::outbox::MessageId;
use super::super::session::{AccessToken, RequestId, SessionView, TokenRequestId, TokenRequirement};
use super::super::{Framing, Secret, UnixTime};
use crate::error::{Problem, TokenError};
use crate::proto::Handshake;
use crate::proto::Millis;

/// One physical WebSocket, unique within its connection machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SocketId(pub(crate) u32);

impl SocketId {
    /// The id that is this number.
    #[must_use]
    pub const fn new(id: u32) -> Self {
        Self(id)
    }

    /// Returns the id as a number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// What happened. An answer or a socket event with an unknown id is ignored.
#[derive(Debug)]
pub enum Input<'a> {
    /// The app closes for good.
    Close {
        /// 1000 or 3000–4999 (checked by [`check_close_code`](super::check_close_code)).
        code: u16,
        /// At most 123 bytes; cut on a character's boundary.
        reason: String,
    },
    /// The app wants to be connected: starts, skips a wait, or replaces a socket.
    Connect,
    /// An HTTP request was answered, or was not.
    Http {
        /// Which.
        request: RequestId,
        /// The answer.
        result: Result<HttpResponse, NoAnswer>,
    },
    /// The page, or the network of the computer, changed.
    Page(PageEvent),
    /// The session changed.
    Session(SessionView),
    /// A socket closed.
    SocketClosed {
        /// Which.
        socket: SocketId,
        /// Any number: browsers pass on what servers send.
        code: u16,
        /// The reason.
        reason: String,
        /// As the browser says. It decides nothing: behind daphne it is false even for a proper close.
        was_clean: bool,
    },
    /// A socket reported an error and is closed; `close` usually follows at once.
    SocketError {
        /// Which.
        socket: SocketId,
    },
    /// The browser refused to make the socket.
    SocketRefused {
        /// Which.
        socket: SocketId,
    },
    /// A socket opened.
    SocketOpened {
        /// Which.
        socket: SocketId,
        /// The chosen subprotocol, or empty.
        protocol: String,
    },
    /// A message that [`Connection::on_message`](super::Connection::on_message) asked to inspect.
    Inspected {
        /// Which socket.
        socket: SocketId,
        /// The message, if it is text or bytes that are UTF-8.
        text: Option<&'a str>,
    },
    /// Time has passed.
    Timeout,
    /// A message is longer than [`ConnectionConfig::max_message`](super::ConnectionConfig::max_message).
    TooLong {
        /// Which socket.
        socket: SocketId,
        /// How long it is.
        length: usize,
    },
    /// The session answered.
    Token {
        /// Which request.
        id: TokenRequestId,
        /// The token.
        result: Result<AccessToken, TokenError>,
    },
    /// The session's token should be renewed: whoever is connected with it may ask for another.
    TokenDue,
}

numbered! {
    /// What becomes of the page and of the computer's own network. Hints: what is true, the socket shows.
    pub enum PageEvent {
        /// The page stands still (Page Lifecycle `freeze`), or enters the back/forward cache (HTML `pagehide`, persisted).
        Frozen = 0 "frozen",
        /// The page is hidden (HTML `visibilitychange`).
        Hidden = 1 "hidden",
        /// The computer has no network (HTML `offline`).
        Offline = 2 "offline",
        /// It has one again (HTML `online`).
        Online = 3 "online",
        /// The page goes on (`resume`), or has left the back/forward cache (`pageshow`, persisted).
        Resumed = 4 "resumed",
        /// The page is visible again.
        Visible = 5 "visible",
    }
}

/// What to do.
#[derive(Debug)]
pub enum Output {
    /// Stop a request; its answer would be ignored.
    AbortFetch {
        /// Which.
        request: RequestId,
    },
    /// Detach from a socket, close it, and wait for nothing: `close` may never fire.
    CloseSocket {
        /// Which.
        socket: SocketId,
        /// 1000 or 3000–4999.
        code: u16,
        /// At most 123 bytes.
        reason: String,
    },
    /// Hand the message that was fed as [`Input::Inspected`] to the app.
    Deliver {
        /// Its socket.
        socket: SocketId,
    },
    /// Forget these messages: they will not be sent again, and are in no credential_status.
    Discard {
        /// Which.
        messages: Vec<MessageId>,
    },
    /// Tell the app.
    Event(Event),
    /// Make an HTTP request.
    Fetch {
        /// Which.
        request: RequestId,
        /// What.
        http: HttpRequest,
    },
    /// Dial.
    Open {
        /// Which.
        socket: SocketId,
        /// With what.
        handshake: Handshake,
    },
    /// Hand a message of the outbox to a socket.
    Send {
        /// Which socket.
        socket: SocketId,
        /// Which message.
        message: MessageId,
    },
    /// Send a text of the machine's own: the first message, or a ping.
    SendText {
        /// Which socket.
        socket: SocketId,
        /// The text, which may hold the credential.
        text: Secret,
        /// In which frame: as bytes if it is binary.
        framing: Framing,
    },
    /// Cancel the pending token request.
    CancelTokenRequest,
    /// Ask the session for a token.
    RequestToken {
        /// The id of the request.
        id: TokenRequestId,
        /// Which tokens are acceptable.
        requirement: TokenRequirement,
    },
}

/// What the app should know.
#[derive(Clone, Debug)]
pub enum Event {
    /// A connection that was open is gone, or the last try has failed.
    Closed {
        /// The close code.
        code: u16,
        /// The reason.
        reason: String,
        /// As the browser says.
        was_clean: bool,
    },
    /// What became of a message in the end: of one that was [`Sent::Queued`] or [`Sent::Unconfirmed`].
    Message {
        /// Which.
        message: MessageId,
        /// What.
        status: DeliveryStatus,
    },
    /// Connected: accepted by the server.
    Opened,
    /// The state or the phase changed; every failure is told by the change that it led to.
    StateChanged(StateChange),
}

numbered! {
    /// What became of a message.
    pub enum DeliveryStatus {
        /// Handed to a socket, and not to be confirmed. If the server then refuses the credential, it is handed to the next, and this told again.
        Sent = 0 "sent",
        /// Confirmed by the server.
        Confirmed = 1 "confirmed",
        /// Given up: its time is over, there was no room, its user is gone, or the socket was closed.
        Dropped = 2 "dropped",
        /// Handed to a socket, and to be confirmed. After each loss until then it is handed to the next, and this told again.
        Unconfirmed = 3 "unconfirmed",
    }
}

/// A change of state, with all that a person could be shown.
#[derive(Clone, Debug)]
pub struct StateChange {
    /// The state from now on.
    pub state: ConnectionState,
    /// What is being waited for, while connecting.
    pub phase: Option<Phase>,
    /// The state before.
    pub previous: ConnectionState,
    /// The close code that led here, if one did.
    pub code: Option<u16>,
    /// The close reason that led here, if one did.
    pub reason: Option<String>,
    /// Which try this is, counted from 1 since the last stable connection.
    pub attempt: u32,
    /// When the next try starts, if it is known.
    pub retry_at: Option<UnixTime>,
    /// The same as a delay.
    pub retry_in: Option<Millis>,
    /// What went wrong, if that is why.
    pub problem: Option<Problem>,
    /// How many queued messages were given up with this change.
    pub discarded: usize,
    /// What was handed to a connection that ends with this change, may not have arrived, and is not sent again. The driver has the payloads
    /// until the [`Output::Discard`] that follows.
    pub unconfirmed: Vec<MessageId>,
    /// Whether the user is another, or gone: what the one of before was told is for nobody any more.
    pub user_changed: bool,
    /// Whether the app is told by an `error` event, too. Of a socket that is one connection (`reconnect: false`) it is told when the
    /// browser's socket has fired one, or never opened, as of a `WebSocket`.
    pub fires_error: bool,
}

numbered! {
    /// The public state of a connection.
    pub enum ConnectionState {
        /// Closed for good; `reconnect()` starts anew.
        Closed = 0 "closed",
        /// Accepted by the server, not merely open.
        Connected = 1 "connected",
        /// A try is under way.
        Connecting = 2 "connecting",
        /// Not started.
        Idle = 3 "idle",
        /// Not trying until somebody signs in, the page goes on, or somebody looks at it; without a network slowly, at `retry_at`.
        Suspended = 4 "suspended",
        /// Waiting for the next try.
        Waiting = 5 "waiting",
    }
}

numbered! {
    /// What a try is waiting for.
    pub enum Phase {
        /// The server's hello or its answer to the first message.
        Authenticating = 0 "authenticating",
        /// The handshake.
        Opening = 1 "opening",
        /// The ticket.
        Ticket = 2 "ticket",
        /// The token.
        Token = 3 "token",
    }
}

/// What becomes of a message that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// Hand it to the app.
    Deliver,
    /// Drop it: another socket's, or before the server accepted.
    Ignore,
    /// Keep it and feed its text as [`Input::Inspected`]; hand it to the app if [`Output::Deliver`] follows.
    Inspect,
    /// Feed [`Input::TooLong`].
    TooLong {
        /// How long it is.
        length: usize,
    },
}

/// What becomes of a message that the app sends. The driver keeps its payload, unless it was dropped, until [`Output::Discard`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Hand it to this socket now.
    Now(SocketId),
    /// Hand it to this socket now; the server is to confirm it.
    Unconfirmed(SocketId),
    /// It waits until [`Output::Send`].
    Queued,
    /// Forget it: there is no room.
    Dropped,
}

/// Counters since construction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Tries started.
    pub attempts: u32,
    /// Connections accepted.
    pub connections: u32,
    /// Messages handed to a socket.
    pub sent: u32,
    /// Messages handed to the app.
    pub received: u32,
    /// Queued messages given up.
    pub discarded: u32,
    /// Messages waiting in the outbox.
    pub queued: usize,
    /// Bytes waiting in the outbox.
    pub queued_bytes: usize,
    /// Messages handed to a socket that the server is yet to confirm. They take room in the outbox.
    pub unconfirmed: usize,
}

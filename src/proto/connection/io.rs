//! The inputs and outputs of the connection machine.

use super::super::contract::numbered;
use super::super::http::{HttpRequest, HttpResponse, NoAnswer};
use super::super::outbox::MessageId;
use super::super::session::{AccessToken, RequestId, SessionView, TokenRequestId, TokenRequirement};
use super::super::{Framing, Json, Secret, UnixTime};
use super::DeliveryStatus;
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

/// An input. Answers and socket events with an unknown id are ignored.
#[derive(Debug)]
pub enum Input<'a> {
    /// The app has answered [`Output::Ask`].
    Answered {
        /// The id of the question.
        request: RequestId,
        /// As [`Question`] says; `None` if it failed.
        answer: Option<Json>,
    },
    /// The app closes the connection permanently.
    Close {
        /// 1000 or 3000–4999 (checked by [`check_close_code`](super::check_close_code)).
        code: u16,
        /// At most 123 bytes; cut on a character's boundary.
        reason: String,
    },
    /// The app connects: this starts, skips a wait, or replaces a socket.
    Connect,
    /// An HTTP request has ended.
    Http {
        /// The id of the request.
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
        /// The id of the socket.
        socket: SocketId,
        /// Any number: browsers pass on what servers send.
        code: u16,
        /// The reason.
        reason: String,
        /// As the browser reports it. It decides nothing: behind daphne it is false even after a close frame.
        was_clean: bool,
    },
    /// A socket reported an error and is closed; `close` usually follows at once.
    SocketError {
        /// The id of the socket.
        socket: SocketId,
    },
    /// The browser refused to construct the socket.
    SocketRefused {
        /// The id of the socket.
        socket: SocketId,
        /// Whether there is a class for sockets.
        is_supported: bool,
    },
    /// The server has answered the handshake by an HTTP response and no socket. Browsers do not tell that (WHATWG WebSockets), other drivers can.
    #[cfg(not(feature = "js"))]
    HandshakeAnswered {
        /// The id of the socket.
        socket: SocketId,
        /// The response; its body is not read.
        response: HttpResponse,
    },
    /// A socket opened.
    SocketOpened {
        /// The id of the socket.
        socket: SocketId,
        /// The chosen subprotocol, or empty.
        protocol: String,
    },
    /// A message that [`Connection::on_message`](super::Connection::on_message) asked to inspect.
    Inspected {
        /// The id of the socket.
        socket: SocketId,
        /// The message, if it is text or bytes that are UTF-8.
        text: Option<&'a str>,
    },
    /// Time has passed.
    Timeout,
    /// A message is longer than [`ConnectionConfig::max_message`](super::ConnectionConfig::max_message).
    TooLong {
        /// The id of the socket.
        socket: SocketId,
        /// How long it is.
        length: usize,
    },
    /// The session has answered a token request.
    Token {
        /// Which request.
        id: TokenRequestId,
        /// The token.
        result: Result<AccessToken, TokenError>,
    },
    /// The session's token should be renewed. A connection that uses it may request another.
    TokenDue,
}

numbered! {
    /// Changes of the page's lifecycle and of the computer's network. They are hints; the socket decides.
    pub enum PageEvent {
        /// The page is frozen (Page Lifecycle `freeze`), or enters the back/forward cache (HTML `pagehide`, persisted).
        Frozen = 0 "frozen",
        /// The page is hidden (HTML `visibilitychange`).
        Hidden = 1 "hidden",
        /// The page follows a link, perhaps of a download (HTML `beforeunload`). Firefox closes its sockets then, with 1001.
        Leaving = 6 "leaving",
        /// The computer has no network (HTML `offline`).
        Offline = 2 "offline",
        /// It has one again (HTML `online`).
        Online = 3 "online",
        /// The page resumes (`resume`), or leaves the back/forward cache (`pageshow`, persisted).
        Resumed = 4 "resumed",
        /// The page is visible again.
        Visible = 5 "visible",
    }
}

numbered! {
    /// What only a function of the app can answer, while a try waits.
    pub enum Question {
        /// Where to dial: `{ url, protocols }`.
        Address = 0 "address",
        /// The first words on an accepted socket. The app sends them itself; the answer is not read.
        Connected = 1 "connected",
        /// The first messages: an array of JSON values.
        FirstMessage = 2 "firstMessage",
    }
}

/// What the driver has to do.
#[derive(Debug)]
pub enum Output {
    /// Abort a request. Its answer would be ignored.
    AbortFetch {
        /// The id of the request.
        request: RequestId,
    },
    /// Ask a function of the app. [`Output::AbortFetch`] ends it.
    Ask {
        /// The id of the question.
        request: RequestId,
        /// What is asked.
        question: Question,
        /// The socket that waits, unless it is yet to be opened.
        socket: Option<SocketId>,
        /// The token of this try.
        token: Option<AccessToken>,
        /// The server's message that came before: the hello, or the ack.
        said: Option<Json>,
    },
    /// Remove the listeners of a socket and close it. Do not wait for `close`: it may never fire.
    CloseSocket {
        /// The id of the socket.
        socket: SocketId,
        /// 1000 or 3000–4999.
        code: u16,
        /// At most 123 bytes.
        reason: String,
    },
    /// Deliver the message of the last [`Input::Inspected`] to the app.
    Deliver {
        /// The id of the socket.
        socket: SocketId,
    },
    /// Drop the payloads of these messages: they will not be sent again and are not `unconfirmed`.
    Discard {
        /// Which.
        messages: Vec<MessageId>,
    },
    /// Report an event to the app.
    Event(Event),
    /// Make an HTTP request.
    Fetch {
        /// The id of the request.
        request: RequestId,
        /// The request.
        http: HttpRequest,
    },
    /// An offer, when all other outputs are performed. Until the next call of the machine, the driver may hand messages of the app to this socket, and
    /// messages of this socket to the app, without asking. Before that call it tells [`Connection::pass`](super::Connection::pass) what has
    /// passed. A driver may ignore the offer.
    Lane {
        /// The id of the socket.
        socket: SocketId,
        /// A message longer than this does not pass: [`Connection::on_message`](super::Connection::on_message) refuses it.
        longest: usize,
    },
    /// Open a socket.
    Open {
        /// The id of the socket.
        socket: SocketId,
        /// With what.
        handshake: Handshake,
    },
    /// Hand a message of the outbox to a socket.
    Send {
        /// The id of the socket.
        socket: SocketId,
        /// The id of the message.
        message: MessageId,
    },
    /// Send a text of the machine: the first message, or a ping.
    SendText {
        /// The id of the socket.
        socket: SocketId,
        /// The text, which may hold the credential.
        text: Secret,
        /// The type of the frame: bytes if it is binary.
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

/// An event for the app.
#[derive(Clone, Debug)]
pub enum Event {
    /// Another socket has taken the place of the connected one: see [`ConnectionConfig::handover`](super::ConnectionConfig::handover).
    HandedOver,
    /// An open connection has ended, or the last try has failed.
    Closed {
        /// The close code.
        code: u16,
        /// The reason.
        reason: String,
        /// As the browser says.
        was_clean: bool,
    },
    /// The delivery status of a message that was [`Sent::Queued`] or [`Sent::Unconfirmed`].
    Message {
        /// The id of the message.
        message: MessageId,
        /// The delivery status.
        status: DeliveryStatus,
    },
    /// Connected: accepted by the server.
    Opened,
    /// The state or the phase changed. A failure is reported by the change that it causes.
    StateChanged(StateChange),
}

numbered! {
    /// What a suspended connection waits for.
    pub enum SuspendReason {
        /// The page is frozen: until it is resumed.
        Frozen = 0 "frozen",
        /// The page is hidden, with `whenHidden: 'close-after'`: until it is visible.
        Hidden = 1 "hidden",
        /// The computer has no network: until it has, or a while has passed.
        Offline = 2 "offline",
        /// Until somebody signs in.
        SignIn = 3 "sign-in",
    }
}

/// A change of state, with everything that an app may show.
#[derive(Clone, Debug)]
pub struct StateChange {
    /// The new state.
    pub state: ConnectionState,
    /// The phase of the present try, while connecting.
    pub phase: Option<Phase>,
    /// The previous state.
    pub previous: ConnectionState,
    /// The close code that caused the change, if any.
    pub code: Option<u16>,
    /// The close reason that caused the change, if any.
    pub reason: Option<String>,
    /// The number of the try, counted from 1 since the backoff was reset.
    pub attempt: u32,
    /// When the next try starts, if it is known.
    pub retry_at: Option<UnixTime>,
    /// The same as a delay.
    pub retry_in: Option<Millis>,
    /// The failure that caused the change, if any.
    pub problem: Option<Problem>,
    /// How many queued messages were dropped with this change.
    pub dropped: usize,
    /// Messages that were handed to a connection that ends with this change, may not have arrived, and are not resent. The driver keeps the payloads
    /// until the [`Output::Discard`] that follows.
    pub unconfirmed: Vec<MessageId>,
    /// Whether the user has changed or signed out. Data of the previous user must not be shown any more.
    pub user_changed: bool,
    /// What a suspended connection waits for.
    pub suspended_for: Option<SuspendReason>,
    /// Whether an `error` event follows. With `reconnect: false` it does if the browser's socket has fired one, or never opened, as in a
    /// `WebSocket`.
    pub fires_error: bool,
}

numbered! {
    /// The public state of a connection.
    pub enum ConnectionState {
        /// Closed permanently; `reconnect()` starts again.
        Closed = 0 "closed",
        /// Accepted by the server, not merely open.
        Connected = 1 "connected",
        /// A try is in progress.
        Connecting = 2 "connecting",
        /// Not started.
        Idle = 3 "idle",
        /// Not trying until somebody signs in, the page resumes, or it is visible; without a network trying slowly, at `retry_at`.
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
        /// The app's own functions, for the URL and the subprotocols.
        Preparing = 4 "preparing",
        /// The ticket.
        Ticket = 2 "ticket",
        /// The token.
        Token = 3 "token",
    }
}

/// What to do with a message that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// Deliver it to the app.
    Deliver,
    /// Drop it: it is of another socket, or the server has not accepted yet.
    Ignore,
    /// Keep it and feed its text as [`Input::Inspected`]. Deliver it to the app if [`Output::Deliver`] follows.
    Inspect,
    /// Feed [`Input::TooLong`].
    TooLong {
        /// How long it is.
        length: usize,
    },
}

/// What to do with a message that the app sends. The driver keeps its payload, unless it was dropped, until [`Output::Discard`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Hand it to this socket now.
    Now(SocketId),
    /// Hand it to this socket now. An acknowledgement will follow.
    Unconfirmed(SocketId),
    /// It waits until [`Output::Send`].
    Queued,
    /// Drop it: the queue is full.
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
    /// Messages delivered to the app.
    pub received: u32,
    /// Queued messages that were dropped.
    pub dropped: u32,
    /// Messages waiting in the outbox.
    pub queued: usize,
    /// Bytes waiting in the outbox.
    pub queued_bytes: usize,
    /// Messages that the server has not acknowledged yet. They take room in the outbox.
    pub unacknowledged: usize,
}

//! What the connection machine is told and what it asks for.

use core::time::Duration;

use super::super::http::{HttpRequest, HttpResponse, NoAnswer};
use super::super::outbox::MessageId;
use super::super::session::{Demand, Grant, RequestId, SessionView, WantId};
use super::super::{Framing, Secret, UnixTime};
use crate::error::{Problem, TokenError};

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
        want: WantId,
        /// The token.
        result: Result<Grant, TokenError>,
    },
    /// The session's token should be renewed: whoever is connected with it may ask for another.
    TokenDue,
}

/// What becomes of the page and of the computer's own network. Hints: what is true, the socket shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageEvent {
    /// The page stands still (Page Lifecycle `freeze`), or is put aside for the way back (HTML `pagehide`, persisted).
    Frozen,
    /// Nobody looks at the page (HTML `visibilitychange`).
    Hidden,
    /// The computer has no network (HTML `offline`).
    Offline,
    /// It has one again (HTML `online`).
    Online,
    /// The page goes on (`resume`), or has been taken back (`pageshow`, persisted).
    Resumed,
    /// Somebody looks again.
    Visible,
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
    /// Forget a message: it will not be sent, or not again.
    Discard {
        /// Which.
        message: MessageId,
        /// Whether the server has confirmed it, so that it is not in doubt.
        is_confirmed: bool,
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
        /// Keep the payload until [`Output::Discard`]: the server may yet refuse this socket's credential, or has to confirm.
        keep: bool,
    },
    /// Send the first message.
    SendText {
        /// Which socket.
        socket: SocketId,
        /// The text, with the credential.
        text: Secret,
        /// In which frame: as bytes if it is binary.
        framing: Framing,
    },
    /// Nobody waits for the session's answer any more.
    Unwant,
    /// Ask the session for a token.
    Want {
        /// Which request.
        want: WantId,
        /// Which tokens will do.
        demand: Demand,
    },
}

/// What a dial sends.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// With the credential, where the scheme puts it there.
    pub url: Secret,
    /// The subprotocols to offer; the last one may be the credential.
    pub protocols: Vec<Secret>,
    /// The `Authorization` header.
    #[cfg(not(target_family = "wasm"))]
    pub authorization: Option<Secret>,
}

impl Handshake {
    pub(crate) fn new(url: Secret, protocols: &[String]) -> Self {
        let protocols = protocols.iter().map(|protocol| Secret::new(protocol.clone())).collect();
        Self {
            url,
            protocols,
            #[cfg(not(target_family = "wasm"))]
            authorization: None,
        }
    }
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
    /// What became of a message in the end: of one that was [`Sent::Queued`] or [`Sent::NowUnconfirmed`].
    Message {
        /// Which.
        message: MessageId,
        /// What.
        fate: Fate,
    },
    /// Connected: accepted by the server.
    Opened,
    /// The state or the phase changed; every failure is told by the change that it led to.
    StateChanged(StateChange),
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Handed to a socket, and not to be confirmed. If the server then refuses the credential, it is handed to the next, and this told again.
    Sent,
    /// Confirmed by the server.
    Confirmed,
    /// Given up: its time is over, there was no room, its user is gone, or the socket was closed.
    Dropped,
    /// Handed to a socket, and to be confirmed. After each loss until then it is handed to the next, and this told again.
    Unconfirmed,
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
    pub retry_in: Option<Duration>,
    /// What went wrong, if that is why.
    pub problem: Option<Problem>,
    /// How many queued messages were given up with this change.
    pub discarded: usize,
}

/// The reason of the change that a user's going leads to.
pub(super) const SIGNED_OUT: &str = "signed out";

impl StateChange {
    /// Returns whether the user of before is gone: what they were told is for nobody any more.
    #[must_use]
    pub fn is_other_user(&self) -> bool {
        // A server may say the same words, but with a code of its own.
        self.state == ConnectionState::Suspended
            && self.reason.as_deref() == Some(SIGNED_OUT)
            && self.code.is_none_or(|code| code == 1000)
    }
}

/// The public state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// Closed for good; `reconnect()` starts anew.
    Closed,
    /// Accepted by the server, not merely open.
    Connected,
    /// A try is under way.
    Connecting,
    /// Not started.
    Idle,
    /// Not trying until somebody signs in, the page goes on, or somebody looks at it; without a network slowly, at `retry_at`.
    Suspended,
    /// Waiting for the next try.
    Waiting,
}

impl ConnectionState {
    /// Returns the name that JavaScript sees.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Connected => "connected",
            Self::Connecting => "connecting",
            Self::Idle => "idle",
            Self::Suspended => "suspended",
            Self::Waiting => "waiting",
        }
    }
}

/// What a try is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The server's hello or its answer to the first message.
    Authenticating,
    /// The handshake.
    Opening,
    /// The ticket.
    Ticket,
    /// The token.
    Token,
}

impl Phase {
    /// Returns the name that JavaScript sees.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authenticating => "authenticating",
            Self::Opening => "opening",
            Self::Ticket => "ticket",
            Self::Token => "token",
        }
    }
}

/// What becomes of a message that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Hand it to the app.
    Deliver,
    /// Drop it: another socket's, or before the server accepted.
    Ignore,
    /// Feed it as [`Input::Inspected`] and drop it: it belongs to the handshake.
    Inspect,
    /// Feed it as [`Input::Inspected`], then hand it to the app if [`Connection::delivers`](super::Connection::delivers).
    InspectAndDeliver,
    /// Feed [`Input::TooLong`].
    TooLong {
        /// How long it is.
        length: usize,
    },
}

/// What becomes of a message that the app sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Hand it to this socket now.
    Now(SocketId),
    /// Hand it to this socket now, and keep it: the server may yet refuse the credential.
    NowAndKept(SocketId, MessageId),
    /// Hand it to this socket now, and keep it until the server has confirmed it.
    NowUnconfirmed(SocketId, MessageId),
    /// Keep it until it is asked for.
    Queued(MessageId),
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

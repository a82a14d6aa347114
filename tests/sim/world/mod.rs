//! The simulated world: one session, some connections, a network with latency and loss, and virtual time.
//!
//! `World` plays the driver: it performs outputs, feeds inputs, and checks every invariant of the design as it goes.

mod app;
mod driver;
mod line;
mod network;
mod tabs;
mod time;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use gatepass::error::{Disposition, Failure, TokenError};
use gatepass::proto::connection::{
    Connection, ConnectionConfig, ConnectionState, DeliveryStatus, Event, Inbound, Input, Outgoing, Output, PageEvent,
    Passed, PassedMessage, Probe, Question, Sent, SocketId, Stats, SuspendReason,
};
use gatepass::proto::http::{HttpRequest, HttpResponse, NoAnswer};
use gatepass::proto::outbox::MessageId;
use gatepass::proto::scheme::{FirstMessage, Query, Scheme, Ticket};
use gatepass::proto::session::{
    self, LoginId, Reason, Record, RequestId, RequesterId, Session, SessionConfig, SessionState, SessionView, StoreEnd,
    Stored, TokenEndpoint, TokenRequest, TokenRequestId, TokenRequirement,
};
use gatepass::proto::{Instant, Now, Secret, UnixTime, Url, UrlKind};

pub use self::line::Line;
use self::line::{Note, endpoint};
pub use self::tabs::{Shared, Tab};
use crate::codec::json;
use crate::server::{Handshake, MARK, Replay, Say, Server};

pub const DAY_ONE: i64 = 1_800_000_000_000;

/// The app itself, which asks for tokens.
pub const APP: RequesterId = RequesterId(u32::MAX);

/// Which scheme a simulated connection uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Anonymous,
    FirstMessage,
    FirstMessageAck,
    FirstMessageHello,
    Query,
    /// With a probe for failed handshakes.
    QueryProbed,
    Ticket,
}

pub const KINDS: [Kind; 7] = [
    Kind::Anonymous,
    Kind::FirstMessage,
    Kind::FirstMessageAck,
    Kind::FirstMessageHello,
    Kind::Query,
    Kind::QueryProbed,
    Kind::Ticket,
];

/// Who made an HTTP request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Session(usize),
    Connection(usize),
}

#[derive(Debug)]
enum SimEvent {
    HttpArrives {
        who: Who,
        request: RequestId,
        http: HttpRequest,
    },
    HttpAnswer {
        who: Who,
        request: RequestId,
        result: Result<HttpResponse, NoAnswer>,
    },
    AppAnswers {
        line: usize,
        request: RequestId,
        question: Question,
        socket: Option<SocketId>,
        token: Option<String>,
    },
    Dial {
        line: usize,
        socket: SocketId,
        url: String,
    },
    Opened {
        line: usize,
        socket: SocketId,
    },
    ServerHears {
        line: usize,
        socket: SocketId,
        text: String,
    },
    Text {
        line: usize,
        socket: SocketId,
        text: String,
    },
    Closed {
        line: usize,
        socket: SocketId,
        code: u16,
    },
    /// Another tab tells this one something.
    Told {
        tab: usize,
        news: session::Input,
    },
    StoreOp {
        tab: usize,
        op: StoreOp,
    },
    Locked {
        tab: usize,
        ask: Option<u64>,
    },
    Steal {
        tab: usize,
        from: Option<usize>,
    },
}

/// The operations of a tab on the store, in order.
#[derive(Debug)]
enum StoreOp {
    Read,
    /// Nothing: it is erased, unless the store holds another sign-in than this.
    Write(Option<Record>, Option<u64>),
}

/// One socket as the server sees it.
#[derive(Debug, Default)]
struct Peer {
    user: Option<String>,
    has_accepted: bool,
    /// Whether the app has said what it says on every connection.
    heard_words: bool,
    heard_auth: u32,
    is_dead: bool,
}

/// How the network behaves.
#[derive(Clone, Copy, Debug)]
pub struct Net {
    pub min_ms: u64,
    pub max_ms: u64,
    /// In percent: HTTP answers that never arrive, requests that fail at once, sockets that die without a close.
    pub loss: u8,
}

/// A message of the app, as the machine may need it.
pub struct Outgo {
    pub text: String,
    pub instant: Instant,
}

impl Outgoing for Outgo {
    fn length(&self) -> usize {
        self.text.len()
    }

    fn text(&self) -> Option<String> {
        Some(self.text.clone())
    }

    fn instant(&self) -> Instant {
        self.instant
    }
}

pub struct World {
    pub server: Server,
    pub tabs: Vec<Tab>,
    pub shared: Shared,
    pub lines: Vec<Line>,
    pub net: Net,
    pub logins: Vec<Result<(), TokenError>>,
    /// How many token requests were answered.
    pub tokens_answered: u32,
    /// Timers fire at multiples of this many milliseconds; 60,000 is a hidden page.
    timer_grain: u64,
    /// Whether a timer may be overdue.
    rang_late: bool,
    /// How often, in percent, a function of the app fails that a try needs.
    pub app_fails: u8,
    /// Whether such a function never ends.
    pub app_hangs: bool,
    /// How often, in percent, a listener of the app calls the API.
    pub calls_back: u8,
    /// The error of the computer's wall clock.
    pub wall_offset: i64,
    millis: u64,
    rng: fastrand::Rng,
    queue: BTreeMap<(u64, u64), SimEvent>,
    sequence: u64,
    pub most_refreshes: usize,
    dialled_tickets: BTreeSet<String>,
    next_note: u64,
    next_login: u32,
    pub steps: u64,
}

impl World {
    pub fn new(seed: u64, kinds: &[Kind]) -> Self {
        Self::with(seed, kinds, |_| {})
    }

    /// A world of one signed-in user and one connection that was told to connect.
    pub fn signed_in(kind: Kind) -> Self {
        let mut world = Self::new(1, &[kind]);
        world.sign_in("maggie");
        world.connect(0);
        world
    }

    /// A world whose connections have other settings than the default.
    pub fn with(seed: u64, kinds: &[Kind], change: impl Fn(&mut ConnectionConfig)) -> Self {
        Self::with_sessions(seed, 1, |_| {}, kinds, change)
    }

    pub fn with_sessions(
        seed: u64,
        tabs: usize,
        change_session: impl Fn(&mut SessionConfig),
        kinds: &[Kind],
        change: impl Fn(&mut ConnectionConfig),
    ) -> Self {
        let mut config = SessionConfig {
            login: Some(endpoint("https://api.test/login")),
            refresh: Some(endpoint("https://api.test/refresh")),
            ..SessionConfig::new()
        };
        change_session(&mut config);
        let tabs: Vec<_> = (0..tabs).map(|tab| Tab::new(config.clone(), seed ^ ((tab as u64) << 32))).collect();
        let lines = (0..tabs.len()).flat_map(|tab| kinds.iter().map(move |kind| (tab, *kind))).enumerate();
        let lines = lines
            .map(|(index, (tab, kind))| Line::new(tab, kind, tabs[tab].session.view(), seed ^ index as u64, &change));
        let lines = lines.collect();
        let mut server = Server::new();
        server.unix = DAY_ONE;
        Self {
            server,
            lines,
            tabs,
            shared: Shared::default(),
            net: Net { min_ms: 5, max_ms: 50, loss: 0 },
            logins: Vec::new(),
            tokens_answered: 0,
            timer_grain: 1,
            rang_late: false,
            app_fails: 0,
            app_hangs: false,
            calls_back: 0,
            wall_offset: 0,
            millis: 0,
            rng: fastrand::Rng::with_seed(seed),
            queue: BTreeMap::new(),
            sequence: 0,
            most_refreshes: 0,
            dialled_tickets: BTreeSet::new(),
            next_note: 0,
            next_login: 0,
            steps: 0,
        }
    }

    /// The session of the first tab.
    pub fn session(&self) -> &Session {
        &self.tabs[0].session
    }

    /// What the app of the first tab was told so far.
    pub fn session_states(&self) -> &[SessionState] {
        &self.tabs[0].states
    }

    /// What the clocks of a tab show.
    pub fn now_in(&self, tab: usize) -> Now {
        let tab = &self.tabs[tab];
        Now {
            instant: Instant::from_millis(self.millis - tab.stood_still.min(self.millis)),
            unix: UnixTime::from_millis(DAY_ONE + self.millis as i64 + self.wall_offset),
        }
    }

    /// Every open socket is dead from now on, without a close event.
    pub fn cut_sockets(&mut self) {
        for line in &mut self.lines {
            line.peers.values_mut().for_each(|peer| peer.is_dead = true);
        }
    }

    /// The network gives up the sockets that were cut.
    pub fn end_cut_sockets(&mut self) {
        for line in 0..self.lines.len() {
            let Line { open_sockets, peers, .. } = &self.lines[line];
            let is_cut = |socket: &&SocketId| peers.get(socket).is_some_and(|peer| peer.is_dead);
            for socket in open_sockets.iter().filter(is_cut).copied().collect::<Vec<_>>() {
                self.later(SimEvent::Closed { line, socket, code: 1006 });
            }
        }
    }

    /// The server closes every open socket with a close code; with 1006 they are lost without a close frame.
    pub fn drop_sockets(&mut self, code: u16) {
        let mut open = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            open.extend(line.open_sockets.iter().filter(|id| line.peers.contains_key(id)).map(|id| (index, *id)));
        }
        for (line, socket) in open {
            self.server_says(line, socket, Say::Close(code));
        }
    }

    pub fn restart_server(&mut self, code: u16) {
        self.server.restart();
        self.drop_sockets(code);
    }

    /// As whom the server knows the present socket of a line.
    pub fn user_of_line(&self, line: usize) -> Option<String> {
        let line = &self.lines[line];
        line.peers.get(&line.machine.socket()?)?.user.clone()
    }

    /// How many sockets of a line are open.
    pub fn open_sockets(&self, line: usize) -> usize {
        self.lines[line].open_sockets.len()
    }

    /// The server sends something, so that messages of 5 s ago or earlier count as arrived.
    pub fn hear_of_the_server(&mut self) {
        self.broadcast("news");
        self.run_for(4_000);
    }

    /// The server sends a text on every accepted socket.
    pub fn broadcast(&mut self, text: &str) {
        let mut open = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            open.extend(
                line.peers.iter().filter(|(_, peer)| peer.has_accepted && !peer.is_dead).map(|(id, _)| (index, *id)),
            );
        }
        for (line, socket) in open {
            self.server_says(line, socket, Say::Text(text.to_owned()));
        }
    }

    /// The server sends a text on every live socket of a line, accepted or not.
    pub fn whisper(&mut self, line: usize, text: &str) {
        let live: Vec<_> = self.lines[line].peers.iter().filter(|(_, peer)| !peer.is_dead).map(|(id, _)| *id).collect();
        for socket in live {
            self.server_says(line, socket, Say::Text(text.to_owned()));
        }
    }

    /// Every abandoned socket opens, receives, fails and closes after all.
    pub fn replay_stale_socket_events(&mut self, line: usize) {
        let present = self.lines[line].machine.socket();
        let stale: Vec<_> = self.lines[line].left_behind.iter().copied().filter(|id| Some(*id) != present).collect();
        assert!(!stale.is_empty(), "no socket was left behind");
        for socket in stale {
            self.line_input(line, Input::SocketOpened { socket, protocol: String::new() });
            self.client_hears(line, socket, r#"{"type":"auth_ok"}"#.to_owned());
            self.line_input(line, Input::SocketError { socket });
            self.line_input(line, Input::SocketClosed { socket, code: 4401, reason: String::new(), was_clean: true });
        }
    }

    fn server_says(&mut self, line: usize, socket: SocketId, say: Say) {
        let Some(peer) = self.lines[line].peers.get_mut(&socket) else { return };
        if peer.is_dead {
            return;
        }
        match say {
            Say::Text(text) => self.later(SimEvent::Text { line, socket, text }),
            Say::Close(code) => {
                peer.is_dead = true;
                self.lines[line].was_closed_deliberately = true;
                self.later(SimEvent::Closed { line, socket, code });
            }
        }
    }
}

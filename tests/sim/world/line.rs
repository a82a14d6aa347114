//! A connection of the simulation, and what can be observed of it.

use super::*;

/// A connection and what can be observed of it.
#[derive(Debug)]
pub struct Line {
    pub tab: usize,
    pub kind: Kind,
    /// Whether a renewed token starts a handover.
    pub hands_over: bool,
    pub machine: Connection,
    /// What the app is asked during a try.
    pub asks: Vec<Question>,
    /// The length that the last failure names.
    pub last_length: Option<usize>,
    /// What it waits for, while suspended.
    pub suspended_for: Option<SuspendReason>,
    /// How often another socket took over.
    pub handovers: u32,
    /// Whether the server confirms messages.
    pub confirms: bool,
    /// Whether its driver takes the offer of [`Output::Lane`]: one in two does.
    pub takes_lane: bool,
    /// The socket whose messages may pass, and their longest.
    pub(super) lane: Option<(SocketId, usize)>,
    /// What has passed since.
    pub(super) passed: Passed,
    pub(super) payloads: BTreeMap<MessageId, Note>,
    pub(super) is_draining: bool,
    /// A message that the machine reads.
    pub(super) inspected: Option<String>,
    /// Messages that may not have arrived, by number.
    pub unconfirmed: Vec<u64>,
    pub error_events: usize,
    pub fates: BTreeMap<u64, Vec<DeliveryStatus>>,
    pub(super) open_sockets: BTreeSet<SocketId>,
    pub(super) requests: BTreeSet<RequestId>,
    pub(super) peers: BTreeMap<SocketId, Peer>,
    pub(super) refused: BTreeSet<String>,
    pub(super) presented: Option<String>,
    pub(super) last_sent: u64,
    pub delivered: Vec<String>,
    pub received_by_server: Vec<String>,
    pub failures: Vec<(&'static str, Disposition)>,
    pub opened: u32,
    /// How many sockets and ticket requests were in flight at once, at most.
    pub most_sockets: usize,
    pub most_requests: usize,
    pub closed_events: Vec<u16>,
    pub waits: Vec<u64>,
    /// The number of the attempt, at each change of state.
    pub attempts: Vec<u32>,
    /// The kinds of events, in order.
    pub order: Vec<String>,
    pub dropped: usize,
    /// Close codes and reasons that the client gave to sockets.
    pub hung_up: Vec<(u16, String)>,
    pub(super) left_behind: Vec<SocketId>,
    pub(super) was_closed_deliberately: bool,
}

/// A message that the app sent: its number and for which user.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note {
    pub(super) number: u64,
    pub(super) user_epoch: u32,
}

impl Line {
    pub(super) fn new(
        tab: usize,
        kind: Kind,
        user: SessionView,
        seed: u64,
        change: &impl Fn(&mut ConnectionConfig),
    ) -> Self {
        let url = url("wss://api.test/channel/", UrlKind::WebSocket);
        let mut config = ConnectionConfig::new(url, scheme(kind));
        if kind == Kind::QueryProbed {
            config.probe = Some(Probe::new(self::url("https://api.test/probe", UrlKind::Http)));
        }
        change(&mut config);
        config.check().unwrap_or_else(|error| panic!("{error}"));
        Self {
            tab,
            kind,
            hands_over: config.handover,
            confirms: config.confirm.is_some(),
            asks: config.asks.clone(),
            last_length: None,
            suspended_for: None,
            handovers: 0,
            machine: Connection::new(config, user, seed),
            takes_lane: seed % 2 == 1,
            lane: None,
            passed: Passed::default(),
            payloads: BTreeMap::new(),
            is_draining: false,
            inspected: None,
            unconfirmed: Vec::new(),
            error_events: 0,
            fates: BTreeMap::new(),
            open_sockets: BTreeSet::new(),
            requests: BTreeSet::new(),
            peers: BTreeMap::new(),
            refused: BTreeSet::new(),
            presented: None,
            last_sent: 0,
            delivered: Vec::new(),
            received_by_server: Vec::new(),
            failures: Vec::new(),
            opened: 0,
            most_sockets: 0,
            most_requests: 0,
            closed_events: Vec::new(),
            waits: Vec::new(),
            attempts: Vec::new(),
            order: Vec::new(),
            dropped: 0,
            hung_up: Vec::new(),
            left_behind: Vec::new(),
            was_closed_deliberately: false,
        }
    }

    /// What has passed is told before the machine is called again.
    pub(super) fn end_lane(&mut self) {
        if self.lane.take().is_some() {
            self.machine.pass(core::mem::take(&mut self.passed));
        }
    }

    /// The counters.
    pub fn stats(&mut self) -> Stats {
        self.end_lane();
        self.machine.stats()
    }

    /// Records the token that is sent. A token that was refused on this line is never sent again.
    pub(super) fn presents(&mut self, token: Option<String>) {
        if let Some(token) = &token {
            // With two sockets, it cannot be observed which token was refused.
            assert!(self.hands_over || !self.refused.contains(token), "a refused token was presented again");
        }
        self.presented = token;
    }

    /// The text of a message.
    pub(super) fn text_of(&self, number: u64) -> String {
        if self.confirms { format!(r#"{{"id":{number}}}"#) } else { number.to_string() }
    }

    /// The app learns the status of a message.
    pub(super) fn on_fate(&mut self, message: MessageId, status: DeliveryStatus) {
        let number = u64::from(message.get());
        let fates = self.fates.entry(number).or_default();
        // Messages are sent again to a server that refused the credential, or that has confirmed nothing.
        let is_open = |status: &DeliveryStatus| match status {
            DeliveryStatus::Unconfirmed => true,
            DeliveryStatus::Sent => self.kind == Kind::FirstMessage,
            DeliveryStatus::Confirmed | DeliveryStatus::Dropped => false,
        };
        assert!(fates.iter().all(is_open), "{number} was {fates:?} and then {status:?}");
        if status == DeliveryStatus::Confirmed {
            assert!(self.received_by_server.contains(&number.to_string()), "{number} was confirmed by nobody");
        }
        fates.push(status);
    }

    pub fn state(&self) -> ConnectionState {
        self.machine.state()
    }

    pub fn codes(&self) -> Vec<&'static str> {
        self.failures.iter().map(|(code, _)| *code).collect()
    }

    pub fn is_connected(&self) -> bool {
        self.state() == ConnectionState::Connected
    }

    pub fn queued(&self) -> usize {
        self.machine.stats().queued
    }
}

pub(super) fn endpoint(text: &str) -> TokenEndpoint {
    TokenEndpoint::new(url(text, UrlKind::Http))
}

fn url(text: &str, kind: UrlKind) -> Url {
    Url::parse("url", text, kind).unwrap_or_else(|error| panic!("{error}"))
}

fn scheme(kind: Kind) -> Scheme {
    let first_message = |hello: Option<&str>, ack: Option<&str>| {
        Scheme::FirstMessage(FirstMessage {
            hello: hello.map(json),
            ack: ack.map(json),
            reject: Some(json(r#"{"type":"auth_invalid"}"#)),
            ..FirstMessage::new(json(r#"{"token":"$token"}"#))
        })
    };
    match kind {
        Kind::Anonymous => Scheme::Anonymous,
        Kind::FirstMessage => first_message(None, None),
        Kind::FirstMessageAck => first_message(None, Some(r#"{"type":"auth_ok"}"#)),
        Kind::FirstMessageHello => first_message(Some(r#"{"type":"auth_required"}"#), Some(r#"{"type":"auth_ok"}"#)),
        Kind::Query | Kind::QueryProbed => Scheme::Query(Query::default()),
        Kind::Ticket => Scheme::Ticket(Ticket::new(url("https://api.test/ticket", UrlKind::Http))),
    }
}

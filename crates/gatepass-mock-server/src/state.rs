//! Everything that the server remembers, behind one lock: users, tokens, tickets, live sockets, faults, the recording.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::careless::Careless;
use crate::command::{Command, Drop, Endpoint, bytes_of};
use crate::origin::OriginPolicy;
use crate::record::Recorded;
use crate::rooms::Rooms;
use crate::settings::Settings;
use crate::ticket::{SessionKeys, Tickets};
use crate::token::{Kind, Tokens};

/// The users that every server knows, with their passwords.
pub const USERS: [(&str, &str); 2] = [("maggie", "secret"), ("bob", "hunter2")];

/// Which groups each user may enter (`/ws/app_<group>/`).
pub const GROUPS: [(&str, &[&str]); 2] = [("maggie", &["1", "1234"]), ("bob", &["1"])];

/// How often each thing happened since the start or the last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Counts {
    /// Successful logins.
    pub logins: u32,
    /// Successful refreshes.
    pub refreshes: u32,
    /// Refresh tokens that came again after they were exchanged.
    pub reused_refresh_tokens: u32,
    /// Calls that arrived, by endpoint, whatever they were answered.
    pub calls: BTreeMap<Endpoint, u32>,
    /// Logouts that ended a token.
    pub logouts: u32,
    /// Calls of the endpoint that is made to be probed.
    pub probes: u32,
    /// Tickets and session keys issued.
    pub tickets: u32,
    /// Handshakes that arrived.
    pub handshakes: u32,
    /// Sockets that were accepted as somebody's.
    pub accepted: u32,
    /// Messages of accepted sockets.
    pub messages: u32,
    /// Answers to pings of the server.
    pub pongs: u32,
    /// Accepted sockets that are open now.
    pub open: u32,
}

/// An answer to give instead of the proper one.
#[derive(Clone, Debug)]
pub(crate) struct Canned {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: String,
}

/// The faults that wait for somebody, or last. What is not wrong is left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Faults {
    /// The statuses of the next handshakes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refuse_handshakes: Vec<u16>,
    /// The statuses of the next answers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    answers: BTreeMap<Endpoint, Vec<u16>>,
    /// Milliseconds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    delays: BTreeMap<Endpoint, u128>,
    /// How many answers are lost.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    losses: BTreeMap<Endpoint, u32>,
    /// How many answers to requests on sockets are lost.
    #[serde(skip_serializing_if = "is_zero")]
    lose_replies: u32,
    /// How many news and answers come twice.
    #[serde(skip_serializing_if = "is_zero")]
    repeat: u32,
    #[serde(skip_serializing_if = "is_false")]
    silence: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// What is done to an open socket from outside.
#[derive(Clone, Debug)]
pub(crate) enum SocketOrder {
    Close {
        code: u16,
        reason: String,
    },
    /// Bytes that may be no frame.
    Raw(Vec<u8>),
    Reset,
    /// The token has ended.
    Expired,
    Text(String),
}

#[derive(Debug)]
pub(crate) struct LiveSocket {
    pub(crate) group: String,
    pub(crate) user: Option<String>,
    pub(crate) is_accepted: bool,
    pub(crate) orders: UnboundedSender<SocketOrder>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) tokens: Tokens,
    pub(crate) tickets: Tickets,
    pub(crate) session_keys: SessionKeys,
    /// Users who have given their password and not their code, by the token of the second step.
    pub(crate) second_steps: BTreeMap<String, String>,
    pub(crate) sockets: BTreeMap<u64, LiveSocket>,
    pub(crate) inactive: Vec<String>,
    pub(crate) canned: BTreeMap<Endpoint, Vec<Canned>>,
    pub(crate) refuse_handshakes: Vec<u16>,
    pub(crate) delays: BTreeMap<Endpoint, Duration>,
    /// How many answers are not to be given.
    pub(crate) losses: BTreeMap<Endpoint, u32>,
    pub(crate) counts: Counts,
    pub(crate) received: Vec<Recorded>,
    pub(crate) origins: OriginPolicy,
    pub(crate) rooms: Rooms,
    careless: BTreeSet<Careless>,
    next_socket: u64,
}

/// A handle on what the server remembers. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct State {
    inner: Arc<Mutex<Inner>>,
    /// While true, nothing is read from or written to any socket, and handshakes hang.
    pub(crate) silent: Arc<watch::Sender<bool>>,
    changed: Arc<watch::Sender<()>>,
}

impl State {
    pub(crate) fn new(settings: Settings, origins: OriginPolicy) -> Self {
        let inner = Inner::new(settings, origins);
        Self {
            inner: Arc::new(Mutex::new(inner)),
            silent: Arc::new(watch::Sender::new(false)),
            changed: Arc::new(watch::Sender::new(())),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record(&self, received: Recorded) {
        self.change(|inner| inner.received.push(received));
    }

    /// Changes what is remembered, and tells those who wait for it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.send_replace(());
        result
    }

    /// Waits until what was received satisfies `is_enough`.
    pub(crate) async fn wait_for(&self, is_enough: impl Fn(&Inner) -> bool) {
        let mut changes = self.changed.subscribe();
        while !is_enough(&self.lock()) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Notes a call, and returns whether its answer is to be lost.
    pub(crate) fn note_call(&self, endpoint: Endpoint) -> bool {
        self.change(|inner| {
            *inner.counts.calls.entry(endpoint).or_default() += 1;
            let left = inner.losses.entry(endpoint).or_default();
            let is_lost = *left > 0;
            *left = left.saturating_sub(1);
            is_lost
        })
    }

    /// Returns the canned answer for this request, if one is left.
    pub(crate) fn take_canned(&self, endpoint: Endpoint) -> Option<Canned> {
        let mut inner = self.lock();
        let queue = inner.canned.get_mut(&endpoint)?;
        (!queue.is_empty()).then(|| queue.remove(0))
    }

    /// The faults that wait or last.
    pub(crate) fn faults(&self) -> Faults {
        let inner = self.lock();
        let answers = inner.canned.iter().filter(|(_, queue)| !queue.is_empty());
        Faults {
            refuse_handshakes: inner.refuse_handshakes.clone(),
            answers: answers.map(|(of, queue)| (*of, queue.iter().map(|canned| canned.status).collect())).collect(),
            delays: inner
                .delays
                .iter()
                .filter(|(_, time)| !time.is_zero())
                .map(|(of, time)| (*of, time.as_millis()))
                .collect(),
            losses: inner.losses.iter().filter(|(_, times)| **times > 0).map(|(of, times)| (*of, *times)).collect(),
            lose_replies: inner.rooms.losses,
            repeat: inner.rooms.repeats,
            silence: *self.silent.borrow(),
        }
    }

    /// Carries out everything but starting and stopping, which are the server's own.
    pub(crate) fn apply(&self, command: &Command) {
        let mut inner = self.lock();
        match command {
            Command::Answer { endpoint, status, times, retry_after, body } => {
                let canned = Canned {
                    status: *status,
                    retry_after: retry_after.clone(),
                    body: body.clone().unwrap_or_default(),
                };
                let queue = inner.canned.entry(*endpoint).or_default();
                queue.extend(std::iter::repeat_n(canned, *times as usize));
            }
            Command::BeCareless { about } => {
                inner.careless = about.iter().copied().collect();
                let (twice, forever, anywhere) = (
                    inner.is_careless(Careless::TicketTwice),
                    inner.is_careless(Careless::TicketForever),
                    inner.is_careless(Careless::TicketAnywhere),
                );
                inner.tickets.be_careless(twice, forever, anywhere);
            }
            Command::ClearFaults => {
                inner.canned.clear();
                inner.refuse_handshakes.clear();
                inner.delays.clear();
                inner.losses.clear();
                (inner.rooms.losses, inner.rooms.repeats) = (0, 0);
                inner.careless.clear();
                inner.tickets.be_careless(false, false, false);
                inner.tickets.is_down = false;
                inner.tickets.suffix.clear();
                self.silent.send_replace(false);
            }
            Command::Delay { endpoint, ms } => {
                inner.delays.insert(*endpoint, Duration::from_millis(*ms));
            }
            Command::DropSockets { how } => {
                let order = match how {
                    Drop::Close { code, reason } => SocketOrder::Close { code: *code, reason: reason.clone() },
                    Drop::Reset => SocketOrder::Reset,
                };
                inner.order_all(&order);
            }
            Command::ExpireTokens => {
                inner.tokens.expire_all();
                inner.order_all(&SocketOrder::Expired);
            }
            Command::LoseAnswers { endpoint, times } => {
                *inner.losses.entry(*endpoint).or_default() += times;
            }
            Command::ForgetLogs => inner.rooms.forget_logs(),
            Command::LoseReplies { times } => inner.rooms.losses += times,
            Command::Publish { room, text } => inner.publish(room, text, None),
            Command::Repeat { times } => inner.rooms.repeats += times,
            Command::Push { text } => inner.order_accepted(None, &SocketOrder::Text(text.clone())),
            Command::SendRaw { hex } => {
                if let Some(bytes) = bytes_of(hex) {
                    inner.order_accepted(None, &SocketOrder::Raw(bytes));
                }
            }
            Command::RefuseHandshakes { times, status } => {
                inner.refuse_handshakes.extend(std::iter::repeat_n(*status, *times as usize));
            }
            Command::Reset => {
                inner.order_all(&SocketOrder::Reset);
                // Everything is reset, except for the sockets, which have to be closed first.
                let fresh = Inner::new(Settings::default(), inner.origins.clone());
                *inner = Inner {
                    sockets: std::mem::take(&mut inner.sockets),
                    next_socket: inner.next_socket,
                    counts: Counts { open: inner.counts.open, ..Counts::default() },
                    ..fresh
                };
                self.silent.send_replace(false);
            }
            Command::Revoke { user } => {
                inner.tokens.revoke(user);
                inner.forget_tickets(user);
                inner.session_keys.forget_user(user);
                if !inner.is_careless(Careless::SocketForever) {
                    let order = SocketOrder::Close { code: 4401, reason: "revoked".to_owned() };
                    inner.order_user(user, &order);
                }
            }
            Command::SetSettings { settings } => inner.settings = *settings,
            Command::SetTicketStore { is_down, suffix } => {
                inner.tickets.is_down = *is_down;
                inner.tickets.suffix.clone_from(suffix);
            }
            Command::SetUserActive { user, active } => {
                inner.inactive.retain(|name| name != user);
                if !active {
                    inner.inactive.push(user.clone());
                }
            }
            Command::Silence { on } => {
                self.silent.send_replace(*on);
            }
            Command::Restart | Command::Start | Command::Stop => {}
        }
        drop(inner);
        self.changed.send_replace(());
    }
}

impl Inner {
    fn new(settings: Settings, origins: OriginPolicy) -> Self {
        Self {
            settings,
            tokens: Tokens::new(),
            tickets: Tickets::default(),
            session_keys: SessionKeys::default(),
            second_steps: BTreeMap::new(),
            sockets: BTreeMap::new(),
            inactive: Vec::new(),
            canned: BTreeMap::new(),
            refuse_handshakes: Vec::new(),
            delays: BTreeMap::new(),
            losses: BTreeMap::new(),
            counts: Counts::default(),
            received: Vec::new(),
            origins,
            rooms: Rooms::default(),
            careless: BTreeSet::new(),
            next_socket: 0,
        }
    }

    pub(crate) fn add_socket(&mut self, socket: LiveSocket) -> u64 {
        self.next_socket += 1;
        self.sockets.insert(self.next_socket, socket);
        self.next_socket
    }

    /// Returns the user of an access token, if that user may still come in.
    pub(crate) fn active_user_of(&self, token: &str) -> Option<String> {
        let now = self.settings.now();
        let mut user = self.tokens.user_of(token, now).ok();
        if self.is_careless(Careless::RefreshAsAccess) {
            user = user.or_else(|| self.tokens.check(Kind::Refresh, token, now).ok());
        }
        if self.is_careless(Careless::AnyToken) {
            user = user.or_else(|| Some("maggie".to_owned()));
        }
        user.filter(|user| !self.inactive.contains(user))
    }

    /// Whether the server has been told to forget this.
    pub(crate) fn is_careless(&self, about: Careless) -> bool {
        self.careless.contains(&about)
    }

    /// Ends the tickets of a user.
    pub(crate) fn forget_tickets(&mut self, user: &str) {
        if !self.is_careless(Careless::TicketAfterLogout) {
            self.tickets.forget_user(user);
        }
    }

    /// Returns whether a user belongs to a group.
    pub(crate) fn may_enter(&self, user: &str, group: &str) -> bool {
        self.is_careless(Careless::ForeignGroup)
            || GROUPS.iter().any(|(name, groups)| *name == user && groups.contains(&group))
    }

    pub(crate) fn order_all(&self, order: &SocketOrder) {
        for socket in self.sockets.values() {
            // A socket that has ended takes no orders.
            socket.orders.send(order.clone()).ok();
        }
    }

    /// Gives an order to the sockets of a user.
    fn order_user(&self, user: &str, order: &SocketOrder) {
        for socket in self.sockets.values().filter(|socket| socket.user.as_deref() == Some(user)) {
            socket.orders.send(order.clone()).ok();
        }
    }

    /// Gives an order to accepted sockets: those of one group, or all.
    pub(crate) fn order_accepted(&self, group: Option<&str>, order: &SocketOrder) {
        let hears = self.is_careless(Careless::HearsBefore);
        for socket in self.sockets.values().filter(|socket| socket.is_accepted || hears) {
            if group.is_none_or(|group| socket.group == group) {
                socket.orders.send(order.clone()).ok();
            }
        }
    }
}

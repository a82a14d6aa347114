//! The connection machine: from a token to an accepted socket, and back again after every loss.
//!
//! Decides what each thing that happens means and what is to be done; the module `state` has the diagram and the rules.
//! Contract: one [`Connection::handle_input`], then [`Connection::poll_output`] until `None`, then
//! [`Connection::poll_timeout`]. The driver performs the outputs in order and without a borrow of the machine. An input that
//! comes in between, from a listener that calls back, puts its outputs behind those that wait; deadlines need no outputs.

mod attempt;
mod config;
mod handover;
mod io;
mod liveness;
mod recovery;
mod sending;
mod state;

use core::time::Duration;
use std::collections::VecDeque;

pub use config::{ConnectionConfig, Heartbeat, OnRenewal, check_close_code};
pub use io::{
    ConnectionState, Event, Fate, Handshake, Input, Output, PageEvent, Phase, Received, Sent, SocketId, StateChange,
    Stats,
};
pub use sending::Outgoing;

use self::recovery::Goodbye;
use self::state::{Doubt, Pause, Proof, Pulse, Reach, Renewal, State, Step};
use super::backoff::Backoff;
use super::hint::Hint;
use super::outbox::Outbox;
use super::session::{Demand, RequestId, SessionView, WantId};
use super::timer::{Timer, Timers};
use super::{Framing, Instant, Now, UnixTime};
use crate::error::{Failure, HandshakeError, HttpError, Problem, TransportError};

/// How long `close` may stay away after an `error`. WebKit under load takes longer than a moment.
const ERROR_WITHOUT_CLOSE: Duration = Duration::from_secs(2);
/// After so many dials in a row with an `error` and no `close` the socket counts as blocked: giving up by mistake costs
/// more than knowing a little later.
const SILENT_ERRORS_WHEN_BLOCKED: u32 = 2;
/// The close code for a server that did not answer in time (IANA: Timeout).
const TIMEOUT_CODE: u16 = 3008;
/// The close code for a server that chose no subprotocol (graphql-transport-ws: Subprotocol Not Acceptable).
const MISMATCH_CODE: u16 = 4406;
/// The close code for a message beyond `max_message`; a page may not send 1009.
const TOO_BIG_CODE: u16 = 4009;
/// The longest close reason (RFC 6455 §5.5: a control frame of 125 bytes, less the code).
const MAX_REASON: usize = 123;

/// The connection machine.
#[derive(Debug)]
pub struct Connection {
    config: ConnectionConfig,
    state: State,
    epoch: u32,
    sign_ins: u32,
    /// Tries since the last stable connection.
    attempt: u32,
    doubt: Doubt,
    /// Dials in a row that failed before they opened.
    refusals: u32,
    /// Dials in a row that reported an error and never closed.
    silent_errors: u32,
    /// Whether the app was told of an opening that it was not yet told the end of.
    is_open: bool,
    backoff: Backoff,
    /// What the server said for the next loss.
    hint: Hint,
    reach: Reach,
    pulse: Pulse,
    last_input: Now,
    last_try: Option<Instant>,
    /// When a try that began ahead of its time may dial.
    dial_at: Option<Instant>,
    /// How long the last ticket took.
    lead: Duration,
    outbox: Outbox,
    timers: Timers,
    next_id: u32,
    /// What the last frame of the handshake left for the next.
    rest: String,
    stats: Stats,
    /// The connected state, while another socket is about to take over.
    predecessor: Option<State>,
    /// A socket that was taken over from and has not closed yet.
    retired: Option<SocketId>,
    outputs: VecDeque<Output>,
}

impl Connection {
    /// Makes a connection that waits for [`Input::Connect`]. `user` is the session as it is.
    #[must_use]
    pub fn new(config: ConnectionConfig, user: SessionView, seed: u64) -> Self {
        Self {
            backoff: Backoff::new(config.backoff, seed),
            outbox: Outbox::new(config.outbox),
            config,
            state: State::Idle,
            epoch: user.epoch,
            sign_ins: user.sign_ins,
            attempt: 0,
            doubt: Doubt::None,
            refusals: 0,
            silent_errors: 0,
            is_open: false,
            hint: Hint::default(),
            reach: Reach::Online,
            pulse: Pulse::Well,
            last_input: Now { instant: Instant::from_millis(0), unix: UnixTime::from_millis(0) },
            last_try: None,
            dial_at: None,
            lead: Duration::ZERO,
            timers: Timers::default(),
            next_id: 0,
            rest: String::new(),
            stats: Stats::default(),
            predecessor: None,
            retired: None,
            outputs: VecDeque::new(),
        }
    }

    /// Applies one thing that happened. Never fails: what the world does wrong becomes an [`Event`].
    pub fn handle_input(&mut self, now: Now, input: Input<'_>) {
        self.notice(now);
        if self.ends_handover(&input) {
            self.leave(1000, "");
            self.resume(now);
        }
        match input {
            Input::Close { code, reason } => self.on_close(code, &reason),
            Input::Connect => self.on_connect(now),
            Input::Http { request, result } => self.on_http(now, request, result),
            Input::Page(event) => self.on_page(now, event),
            Input::Session(view) => self.on_session(now, view),
            Input::SocketClosed { socket, code, reason, was_clean } => {
                if self.retired == Some(socket) {
                    self.retired = None;
                }
                if self.state.socket() == Some(socket) {
                    self.on_socket_closed(now, Goodbye { code, reason, was_clean });
                }
            }
            Input::SocketError { socket } => {
                if self.state.socket() == Some(socket) {
                    self.timers.set(Timer::ErrorWithoutClose, now.instant.after(ERROR_WITHOUT_CLOSE));
                }
            }
            Input::SocketOpened { socket, protocol } => self.on_opened(now, socket, &protocol),
            Input::SocketRefused { socket } => {
                if self.state.socket() == Some(socket) {
                    self.fail(now, Failure::Transport(TransportError::Blocked), Goodbye::none());
                }
            }
            Input::Inspected { socket, text } => self.on_inspected(now, socket, text),
            Input::Timeout => self.on_timeout(now),
            Input::TooLong { socket, length } => {
                if self.state.socket() == Some(socket) {
                    self.abandon(now, TOO_BIG_CODE, Failure::Transport(TransportError::TooBig { length }));
                }
            }
            Input::Token { want, result } => self.on_token(now, want, result),
            Input::TokenDue => self.want_renewal(None),
        }
    }

    /// Returns the next thing to do, in order, until `None`.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if output.is_none() {
            // What an idle machine keeps, a server keeps for every client.
            self.outputs = VecDeque::new();
        }
        output
    }

    /// Returns when [`Input::Timeout`] is wanted at the latest. Early or repeated calls are harmless.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Says what becomes of a message that arrived on a socket.
    ///
    /// # Units
    /// `length` in bytes, or in UTF-16 units for a text in a browser; asked for only if there is a limit.
    pub fn on_message(&mut self, socket: SocketId, length: impl FnOnce() -> usize) -> Received {
        if self.config.max_message != usize::MAX {
            let length = length();
            if length > self.config.max_message {
                return Received::TooLong { length };
            }
        }
        let awaits_ack = self.outbox.awaits_ack();
        if self.retired == Some(socket) {
            self.stats.received += 1;
            return if awaits_ack { Received::InspectAndDeliver } else { Received::Deliver };
        }
        let (reads_first, reads_all) = self.reads();
        let has_text = self.framing() != Framing::Json;
        let state = match &mut self.predecessor {
            Some(predecessor) if predecessor.socket() == Some(socket) => predecessor,
            Some(_) | None => &mut self.state,
        };
        match state {
            // The ack may not be alone in its frame.
            State::Authenticating { socket: present, step: Step::Ack, .. } if *present == socket && has_text => {
                Received::InspectAndDeliver
            }
            State::Authenticating { socket: present, .. } if *present == socket => Received::Inspect,
            State::Connected { socket: present, proof, renewal, .. } if *present == socket => {
                self.stats.received += 1;
                let awaits_pong = matches!(self.pulse, Pulse::Asked | Pulse::AskedAgain | Pulse::Heard)
                    && self.config.heartbeat.pong.is_some();
                self.pulse = if awaits_pong { Pulse::Heard } else { Pulse::Well };
                match proof {
                    Proof::Assumed | Proof::Given | Proof::Lasting
                        if reads_all || awaits_pong || awaits_ack || *renewal == Renewal::Sent =>
                    {
                        Received::InspectAndDeliver
                    }
                    Proof::Assumed if reads_first => Received::InspectAndDeliver,
                    Proof::Assumed => {
                        *proof = Proof::Given;
                        self.settle_outbox();
                        Received::Deliver
                    }
                    Proof::Given | Proof::Lasting => Received::Deliver,
                }
            }
            State::Idle
            | State::Token { .. }
            | State::Ticket { .. }
            | State::Holding { .. }
            | State::Opening { .. }
            | State::Probing { .. }
            | State::Authenticating { .. }
            | State::Connected { .. }
            | State::Waiting
            | State::Suspended(_)
            | State::Closed => Received::Ignore,
        }
    }

    /// Returns the public state.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.serving().public()
    }

    /// Returns what is being waited for, while connecting.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.serving().phase()
    }

    /// Returns whether an answer to this request is still waited for.
    #[must_use]
    pub fn awaits(&self, request: RequestId) -> bool {
        self.state.request() == Some(request)
    }

    /// Returns the socket in use.
    #[must_use]
    pub fn socket(&self) -> Option<SocketId> {
        self.serving().socket()
    }

    /// Returns the counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let outbox = &self.outbox;
        Stats { queued: outbox.len(), queued_bytes: outbox.bytes(), unconfirmed: outbox.unconfirmed(), ..self.stats }
    }

    fn on_connect(&mut self, now: Now) {
        match &self.state {
            State::Token { .. } | State::Ticket { .. } => self.dial_at = None,
            State::Holding { .. } => self.on_dial_due(now, now.instant),
            State::Opening { .. } | State::Probing { .. } | State::Authenticating { .. } => {}
            State::Connected { .. } => {
                self.leave(1000, "reconnect");
                self.lose_sent();
                self.soon(now, Goodbye::new(1000, "reconnect"));
            }
            State::Waiting | State::Suspended(_) => self.soon(now, Goodbye::none()),
            State::Idle | State::Closed => self.start(now),
        }
    }

    /// Begins a try.
    fn start(&mut self, now: Now) {
        self.timers.stop_all();
        self.dial_at = None;
        self.last_try = Some(now.instant);
        self.attempt = self.attempt.saturating_add(1);
        self.stats.attempts += 1;
        if self.config.scheme.needs_token() {
            self.want_token(None);
        } else {
            let handshake = self.plain_handshake();
            self.dial(now, Ok(handshake), None);
        }
    }

    fn want_token(&mut self, problem: Option<Problem>) {
        let want = WantId(self.new_id());
        let demand = match self.doubt {
            Doubt::None => Demand::USABLE,
            Doubt::Suspected { generation } => Demand::NotDoubted(generation),
            Doubt::Refused { generation, .. } => Demand::NotRejected(generation),
        };
        let change = self.enter(State::Token { want });
        self.outputs.push_back(Output::Event(Event::StateChanged(StateChange { problem, ..change })));
        self.outputs.push_back(Output::Want { want, demand });
    }

    fn on_timeout(&mut self, now: Now) {
        while let Some((deadline, timer)) = self.timers.take_due(now.instant) {
            match timer {
                Timer::Authenticate => self.abandon(now, TIMEOUT_CODE, Failure::Handshake(HandshakeError::TimedOut)),
                Timer::Backoff => {
                    let dial_at = self.dial_at;
                    self.start(now);
                    self.dial_at = dial_at;
                }
                Timer::Beat => self.on_beat(now),
                Timer::Dial => self.on_dial_due(now, deadline),
                Timer::Expiry => self.expire(now.instant),
                Timer::Hidden => self.pause(now, Pause::Hidden),
                Timer::Pong => self.on_silence(now, deadline),
                Timer::Connect => {
                    self.silent_errors = 0;
                    let failure = if matches!(self.state, State::Authenticating { .. }) {
                        Failure::Handshake(HandshakeError::TimedOut)
                    } else {
                        Failure::Transport(TransportError::ConnectTimedOut)
                    };
                    self.abandon(now, TIMEOUT_CODE, failure);
                }
                Timer::ErrorWithoutClose if matches!(self.state, State::Opening { .. }) => {
                    self.silent_errors += 1;
                    let failure = if self.silent_errors >= SILENT_ERRORS_WHEN_BLOCKED {
                        self.silent_errors = 0;
                        TransportError::Blocked
                    } else {
                        TransportError::ConnectFailed
                    };
                    self.abandon(now, 1000, Failure::Transport(failure));
                }
                // A socket that was open cannot be blocked; its `close` is on its way or lost.
                Timer::ErrorWithoutClose => {
                    if let Some(socket) = self.state.socket() {
                        self.outputs.push_back(Output::CloseSocket { socket, code: 1000, reason: String::new() });
                    }
                    self.on_socket_closed(now, Goodbye::none());
                }
                Timer::Http => {
                    let failure = if matches!(self.state, State::Probing { .. }) {
                        Failure::Probe(HttpError::TimedOut)
                    } else {
                        Failure::Ticket(HttpError::TimedOut)
                    };
                    self.abandon(now, TIMEOUT_CODE, failure);
                }
                // A session's timers, never set here.
                Timer::Login | Timer::Renew => {}
                Timer::Stable => {
                    self.leave_retired();
                    self.backoff.reset();
                    self.attempt = 0;
                    self.doubt = Doubt::None;
                    if let State::Connected { proof, renewal, .. } = &mut self.state {
                        *proof = Proof::Lasting;
                        if matches!(renewal, Renewal::Sent | Renewal::Accepted) {
                            *renewal = Renewal::None;
                        }
                    }
                    self.settle_outbox();
                }
            }
        }
    }

    fn on_close(&mut self, code: u16, reason: &str) {
        if matches!(self.state, State::Closed) && self.outbox.len() == 0 {
            return;
        }
        let reason = cut_to(reason, MAX_REASON);
        self.leave(code, reason);
        self.end(Goodbye::new(code, reason), None, 0);
    }

    fn on_session(&mut self, now: Now, user: SessionView) {
        if !self.config.scheme.needs_token() {
            return;
        }
        let is_other_user = user.epoch != self.epoch;
        // A renewal is no sign-in: it must not wake a connection whose credential was refused, or two of them would wake
        // each other for ever.
        let is_new_sign_in = user.sign_ins != self.sign_ins;
        self.epoch = user.epoch;
        self.sign_ins = user.sign_ins;
        if is_other_user {
            self.forget_user(now, user.is_signed_in);
        } else if user.is_signed_in && is_new_sign_in && matches!(self.state, State::Suspended(Pause::SignIn)) {
            self.doubt = Doubt::None;
            self.start(now);
        } else if user.is_signed_in && self.config.on_renewal != OnRenewal::Keep {
            self.want_renewal(Some(user.generation));
        }
    }

    /// Asks for another token than the one that this socket was accepted with: it will end soon, or `there` is another by now.
    fn want_renewal(&mut self, there: Option<u32>) {
        if let State::Connected { grant: Some(grant), renewal: renewal @ Renewal::None, .. } = &mut self.state
            && there != Some(grant.generation)
        {
            let demand = Demand::NotDoubted(grant.generation);
            self.next_id = self.next_id.wrapping_add(1);
            let want = WantId(self.next_id);
            *renewal = Renewal::Due(want);
            self.outputs.push_back(Output::Want { want, demand });
        }
    }

    /// Returns whether the first message after ours has to be read, and whether all have.
    fn reads(&self) -> (bool, bool) {
        self.config.scheme.first_message().map_or((false, false), |scheme| {
            (scheme.ack.is_none() && scheme.reject.is_some(), scheme.expired.is_some() || scheme.message.is_none())
        })
    }

    fn framing(&self) -> Framing {
        self.config.scheme.first_message().map_or(Framing::Json, |scheme| scheme.framing)
    }

    /// Enters a state and returns the change to tell.
    fn enter(&mut self, state: State) -> StateChange {
        let previous = core::mem::replace(&mut self.state, state).public();
        StateChange {
            state: self.state.public(),
            phase: self.state.phase(),
            previous,
            code: None,
            reason: None,
            attempt: self.attempt,
            retry_at: None,
            retry_in: None,
            problem: None,
            discarded: 0,
        }
    }

    fn change(&mut self, state: State) {
        let change = self.enter(state);
        if self.predecessor.is_none() {
            self.outputs.push_back(Output::Event(Event::StateChanged(change)));
        }
    }

    fn new_id(&mut self) -> u32 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }
}

/// Cuts a text to so many bytes, on a character's boundary.
fn cut_to(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

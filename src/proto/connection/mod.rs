//! The connection machine: from a token to an accepted socket, and again after every loss.
//!
//! It decides what each input means and what to do. The module `state` has the diagram and the rules. [`proto`](crate::proto) says how
//! to drive it.

mod asking;
mod attempt;
mod config;
mod handover;
mod inspect;
mod io;
mod lane;
mod liveness;
mod recovery;
mod renewal;
mod sending;
mod state;
mod users;

use crate::proto::Millis;
use std::collections::VecDeque;

pub use config::{ConnectionConfig, Heartbeat, OnRenewal, Probe, WhenHidden, WhenSignedOut, check_close_code};
pub use inspect::MAX_READ;
pub use io::{
    ConnectionState, Event, Inbound, Input, Output, PageEvent, Phase, Question, Sent, SocketId, StateChange, Stats,
    SuspendReason,
};
pub use lane::{Passed, PassedMessage};
pub use sending::Outgoing;

use self::recovery::{CloseInfo, is_ordinary};
use self::state::{Acceptance, CredentialStatus, HeartbeatState, NetworkStatus, Reauth, Retired, Scope, State, Timer};
use super::backoff::Backoff;
use super::hint::Hint;
pub use super::outbox::{DeliveryStatus, MAX_DOUBTED, MAX_DOUBTED_BYTES};
use super::outbox::{MessageId, Outbox};
use super::session::{SessionView, TokenRequestId, TokenRequirement};
use super::timer::Timers;
use super::{Framing, Instant, Json, Now, UnixTime, Url};
use crate::error::{CallbackError, Failure, HandshakeError, HttpError, Problem, TransportError};

/// How long to wait for `close` after an `error`. WebKit under load needs more than a moment.
const ERROR_WITHOUT_CLOSE: Millis = Millis::from_secs(2);
/// After so many handshakes in a row with an `error` and no `close`, the socket counts as blocked. A false alarm costs more than a later
/// one.
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
    /// Where to dial: of the options, or the last answer of the app.
    url: Url,
    /// The subprotocols to offer, without a credential.
    protocols: Vec<String>,
    state: State,
    user_epoch: u32,
    sign_in_count: u32,
    /// Whether somebody is, or was, signed in: what waits to be sent may be theirs alone.
    serves_user: bool,
    /// Tries since the backoff was reset.
    attempt: u32,
    credential_status: CredentialStatus,
    /// Handshakes in a row that failed.
    refusals: u32,
    /// Handshakes in a row with an `error` and no `close`.
    silent_errors: u32,
    /// `Opened` was reported and its `Closed` was not yet.
    is_open: bool,
    /// Whether the connected socket has reported an error.
    has_erred: bool,
    /// Since when the app is connected, across handovers.
    connected_since: Option<Instant>,
    backoff: Backoff,
    /// The hint of the server for the next loss.
    server_hint: Hint,
    network: NetworkStatus,
    heartbeat_state: HeartbeatState,
    last_input: Now,
    /// When the page last began to follow a link.
    leaving: Option<Instant>,
    /// How long the URL and the subprotocols of the present dial are, in bytes.
    dial_length: usize,
    last_try: Option<Instant>,
    /// When a try that began early, for its ticket, may open the socket.
    dial_at: Option<Instant>,
    /// How long the last ticket took.
    prefetch_lead: Millis,
    outbox: Outbox,
    /// Messages of a lost socket that may not have arrived. The next change reports them.
    lost: Vec<MessageId>,
    timers: Timers<Timer>,
    next_id: u32,
    /// The rest of the last frame of the authentication, and over how many frames it is split.
    rest: (String, u8),
    /// The texts that a message has to contain to be read, once connected.
    matchers: Json,
    /// What is sent when the server sends something: `answers`.
    rules: Vec<(Json, Json)>,
    stats: Stats,
    /// The connected state, during a handover.
    predecessor: Option<State>,
    /// The old socket after a handover, until it is closed.
    retired: Option<Retired>,
    /// Whether the driver has been told of the lane since the last call.
    is_lane_offered: bool,
    outputs: VecDeque<Output>,
}

impl Connection {
    /// Creates a connection that waits for [`Input::Connect`]. `user` is the present state of the session.
    #[must_use]
    pub fn new(config: ConnectionConfig, user: SessionView, seed: u64) -> Self {
        let mut matchers = Vec::new();
        if let Some(dialog) = config.scheme.dialog() {
            matchers.extend([dialog.ack, dialog.expired, dialog.reject].into_iter().flatten().cloned());
        }
        matchers.extend(config.heartbeat.pong.clone());
        matchers.extend(config.confirm.as_ref().map(|confirm| confirm.ack.clone()));
        let rules = config.answers.as_ref().map(rules_of).unwrap_or_default();
        matchers.extend(rules.iter().map(|(when, _)| when.clone()));
        Self {
            matchers: Json::array(matchers),
            rules,
            url: config.url.clone(),
            protocols: config.protocols.clone(),
            backoff: Backoff::new(config.backoff, seed),
            outbox: Outbox::new(config.outbox),
            config,
            state: State::Idle,
            user_epoch: user.user_epoch,
            sign_in_count: user.sign_in_count,
            serves_user: user.is_signed_in,
            attempt: 0,
            credential_status: CredentialStatus::Good,
            refusals: 0,
            silent_errors: 0,
            is_open: false,
            has_erred: false,
            connected_since: None,
            server_hint: Hint::default(),
            network: NetworkStatus::Online,
            heartbeat_state: HeartbeatState::PongReceived,
            last_input: Now { instant: Instant::from_millis(0), unix: UnixTime::from_millis(0) },
            leaving: None,
            dial_length: 0,
            last_try: None,
            dial_at: None,
            prefetch_lead: Millis::ZERO,
            lost: Vec::new(),
            timers: Timers::default(),
            next_id: 0,
            rest: (String::new(), 0),
            stats: Stats::default(),
            predecessor: None,
            retired: None,
            is_lane_offered: false,
            outputs: VecDeque::new(),
        }
    }

    /// Handles an input. It never fails: failures of the world become an [`Event`].
    pub fn handle_input(&mut self, now: Now, input: Input<'_>) {
        self.is_lane_offered = false;
        self.observe_clock(now);
        if self.ends_handover(&input) {
            self.end_handover();
        }
        match input {
            Input::Answered { request, answer } => self.on_answered(now, request, answer),
            Input::Close { code, reason } => self.on_close(code, &reason),
            Input::Connect => self.on_connect(now),
            Input::Http { request, result } => self.on_http(now, request, result),
            Input::Page(event) => self.on_page(now, event),
            Input::Session(view) => self.on_session(now, view),
            Input::SocketClosed { socket, code, reason, was_clean } => {
                if self.retired.is_some_and(|retired| retired.socket == socket) {
                    self.retired = None;
                }
                if self.state.socket() == Some(socket) {
                    self.on_socket_closed(now, CloseInfo { code, reason, was_clean });
                }
            }
            Input::SocketError { socket } => {
                if self.state.socket() == Some(socket) {
                    self.has_erred = true;
                    self.timers.set(Timer::ErrorWithoutClose, now.instant.after(ERROR_WITHOUT_CLOSE));
                }
            }
            #[cfg(not(feature = "js"))]
            Input::HandshakeAnswered { socket, response } => self.on_handshake_answered(now, socket, response),
            Input::SocketOpened { socket, protocol } => self.on_opened(now, socket, &protocol),
            Input::SocketRefused { socket, is_supported } => {
                if self.state.socket() == Some(socket) {
                    let error = if is_supported { TransportError::Blocked } else { TransportError::Unsupported };
                    self.fail(now, Failure::Transport(error), CloseInfo::none());
                }
            }
            Input::Inspected { socket, text } => self.on_inspected(now, socket, text),
            Input::Timeout => self.on_timeout(now),
            Input::TooLong { socket, length } => {
                if self.state.socket() == Some(socket) {
                    self.abort(now, TOO_BIG_CODE, Failure::Transport(TransportError::TooBig { length }));
                }
            }
            Input::Token { id, result } => self.on_token(now, id, result),
            Input::TokenDue => self.on_token_due(),
        }
    }

    /// Returns the next output, in order, until `None`. Outputs that have become pointless are left out.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        while let Some(output) = self.outputs.pop_front() {
            if !self.is_pointless(&output) {
                return Some(output);
            }
        }
        // An idle machine should be small.
        self.outputs = VecDeque::new();
        let messages = self.outbox.take_released();
        if !messages.is_empty() {
            return Some(Output::Discard { messages });
        }
        if core::mem::replace(&mut self.is_lane_offered, true) {
            return None;
        }
        self.lane().map(|socket| Output::Lane { socket, longest: self.config.max_message })
    }

    /// Whether an output has become pointless, because a listener has closed, signed out or reconnected meanwhile.
    fn is_pointless(&self, output: &Output) -> bool {
        match output {
            Output::Deliver { socket } => !self.listens_to(*socket),
            Output::Event(Event::Opened) => self.state() != ConnectionState::Connected,
            Output::Ask { request, .. } | Output::Fetch { request, .. } => self.state.request() != Some(*request),
            Output::Open { socket, .. } => self.state.socket() != Some(*socket),
            Output::AbortFetch { .. }
            | Output::CloseSocket { .. }
            | Output::Discard { .. }
            | Output::Event(_)
            | Output::Lane { .. }
            | Output::Send { .. }
            | Output::SendText { .. }
            | Output::CancelTokenRequest
            | Output::RequestToken { .. } => false,
        }
    }

    /// Returns the latest time for the next [`Input::Timeout`]. Early or repeated calls are harmless.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
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

    /// Returns the socket in use.
    #[must_use]
    pub fn socket(&self) -> Option<SocketId> {
        self.serving().socket()
    }

    /// Returns the user's number, as far as this connection knows.
    #[must_use]
    pub fn user_epoch(&self) -> u32 {
        self.user_epoch
    }

    /// Returns the counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let outbox = &self.outbox;
        Stats { queued: outbox.len(), queued_bytes: outbox.bytes(), unacknowledged: outbox.unconfirmed(), ..self.stats }
    }

    fn on_connect(&mut self, now: Now) {
        match &self.state {
            State::Preparing { .. } | State::Token { .. } | State::Ticket { .. } => self.dial_at = None,
            State::Holding { .. } => self.on_dial_due(now, now.instant),
            State::Opening { .. } | State::Probing { .. } | State::Authenticating { .. } => {}
            State::Connected { .. } => {
                self.release_resources(1000, "reconnect");
                self.lose_sent();
                self.start_or_wait(now, CloseInfo::new(1000, "reconnect"));
            }
            State::Waiting | State::Suspended(_) => self.start_or_wait(now, CloseInfo::none()),
            State::Idle | State::Closed => self.start(now),
        }
    }

    /// Begins a try.
    fn start(&mut self, now: Now) {
        self.stop_timers();
        self.dial_at = None;
        self.last_try = Some(now.instant);
        self.attempt = self.attempt.saturating_add(1);
        self.stats.attempts += 1;
        self.prepare(now, None);
    }

    fn want_token(&mut self, problem: Option<Problem>) {
        let id = TokenRequestId(self.new_id());
        let requirement = match self.credential_status {
            CredentialStatus::Good => TokenRequirement::VALID,
            CredentialStatus::Suspected { generation } => TokenRequirement::PreferOther(generation),
            CredentialStatus::Refused { generation, .. } => TokenRequirement::OtherThan(generation),
        };
        let change = self.enter(State::Token { id });
        self.tell_change(StateChange { problem, ..change });
        self.outputs.push_back(Output::RequestToken { id, requirement });
    }

    fn on_timeout(&mut self, now: Now) {
        while let Some((deadline, timer)) = self.timers.take_due(now.instant) {
            match timer {
                Timer::Authenticate => self.abort(now, TIMEOUT_CODE, Failure::Handshake(HandshakeError::TimedOut)),
                Timer::Backoff => {
                    let dial_at = self.dial_at;
                    self.start(now);
                    self.dial_at = dial_at;
                }
                Timer::Beat => self.on_beat(now),
                Timer::Dial => self.on_dial_due(now, deadline),
                Timer::Expiry => self.expire(now.instant),
                Timer::Hidden => self.pause(SuspendReason::Hidden),
                Timer::Pong => self.on_silence(now, deadline),
                Timer::Connect => {
                    self.silent_errors = 0;
                    let failure = match &self.state {
                        State::Authenticating { .. } if self.state.request().is_some() => {
                            Failure::Callback(CallbackError::TimedOut)
                        }
                        State::Authenticating { .. } => Failure::Handshake(HandshakeError::TimedOut),
                        State::Idle
                        | State::Preparing { .. }
                        | State::Token { .. }
                        | State::Ticket { .. }
                        | State::Holding { .. }
                        | State::Opening { .. }
                        | State::Probing { .. }
                        | State::Connected { .. }
                        | State::Waiting
                        | State::Suspended(_)
                        | State::Closed => Failure::Transport(TransportError::ConnectTimedOut),
                    };
                    self.abort(now, TIMEOUT_CODE, failure);
                }
                Timer::ErrorWithoutClose if matches!(self.state, State::Opening { .. }) => {
                    self.silent_errors += 1;
                    let failure = if self.silent_errors >= SILENT_ERRORS_WHEN_BLOCKED {
                        self.silent_errors = 0;
                        TransportError::Blocked
                    } else {
                        TransportError::ConnectFailed
                    };
                    self.abort(now, 1000, Failure::Transport(failure));
                }
                // A socket that was open cannot be blocked; its `close` is on its way or lost.
                Timer::ErrorWithoutClose => {
                    if let Some(socket) = self.state.socket() {
                        self.outputs.push_back(Output::CloseSocket { socket, code: 1000, reason: String::new() });
                    }
                    self.on_socket_closed(now, CloseInfo::none());
                }
                Timer::Http => {
                    let failure = match self.state {
                        State::Preparing { .. } => Failure::Callback(CallbackError::TimedOut),
                        State::Probing { .. } => Failure::Probe(HttpError::TimedOut),
                        State::Idle
                        | State::Token { .. }
                        | State::Ticket { .. }
                        | State::Holding { .. }
                        | State::Opening { .. }
                        | State::Authenticating { .. }
                        | State::Connected { .. }
                        | State::Waiting
                        | State::Suspended(_)
                        | State::Closed => Failure::Ticket(HttpError::TimedOut),
                    };
                    self.abort(now, TIMEOUT_CODE, failure);
                }
                Timer::Stable => {
                    self.leave_retired();
                    self.credential_status = CredentialStatus::Good;
                    if let State::Connected { acceptance, reauth, .. } = self.serving_mut() {
                        *acceptance = Acceptance::Stable;
                        if matches!(reauth, Reauth::Sent | Reauth::Accepted) {
                            *reauth = Reauth::None;
                        }
                    }
                    self.outbox.release_kept();
                }
            }
        }
    }

    /// Stops what belongs to the present try and to the connected socket.
    fn stop_timers(&mut self) {
        self.timers.stop_where(|timer| timer.scope() != Scope::Page);
    }

    fn serving_mut(&mut self) -> &mut State {
        self.predecessor.as_mut().unwrap_or(&mut self.state)
    }

    fn on_close(&mut self, code: u16, reason: &str) {
        if matches!(self.state, State::Closed) && self.outbox.len() == 0 {
            return;
        }
        let reason = cut_to(reason, MAX_REASON);
        self.release_resources(code, reason);
        // As of a WebSocket that is closed before it is open.
        let is_early = !self.config.reconnects && !self.is_open;
        self.close_permanently(if is_early { CloseInfo::none() } else { CloseInfo::new(code, reason) }, None, None);
    }

    fn framing(&self) -> Framing {
        self.config.scheme.framing()
    }

    /// Enters a state and returns the change to tell.
    fn enter(&mut self, state: State) -> StateChange {
        let previous = core::mem::replace(&mut self.state, state).public();
        let state = self.state.public();
        let ends = previous == ConnectionState::Connected && state != previous;
        let mut unconfirmed = core::mem::take(&mut self.lost);
        if ends {
            self.credit();
            unconfirmed.extend(self.outbox.take_doubted());
        }
        StateChange {
            state,
            phase: self.state.phase(),
            previous,
            code: None,
            reason: None,
            attempt: self.attempt,
            retry_at: None,
            retry_in: None,
            problem: None,
            dropped: 0,
            unconfirmed,
            user_changed: false,
            suspended_for: self.state.suspended_for(),
            fires_error: false,
        }
    }

    /// A connection ends: one that has lasted forgets the failures before it. That takes as long as the widest wait, or a server that drops
    /// every connection after some seconds would be dialled as if each of them had been the first.
    fn credit(&mut self) {
        let Some(since) = self.connected_since.take() else { return };
        if self.last_input.instant.since(since) >= self.config.min_uptime.max(self.config.backoff.cap) {
            self.backoff.reset();
            self.attempt = 0;
        }
    }

    #[inline(never)]
    fn tell_change(&mut self, mut change: StateChange) {
        if self.config.reconnects {
            change.fires_error = change.problem.as_ref().is_some_and(|problem| !is_ordinary(change.previous, problem));
        }
        self.outputs.push_back(Output::Event(Event::StateChanged(change)));
    }

    /// Enters a state and tells the app, if it can see the difference.
    fn change(&mut self, state: State) {
        let seen = (self.state.public(), self.state.phase());
        let change = self.enter(state);
        if self.predecessor.is_none() && seen != (change.state, change.phase) {
            self.tell_change(change);
        }
    }

    fn new_id(&mut self) -> u32 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }
}

/// The rules of `answers`: what the server sends, and what is sent then.
fn rules_of(answers: &Json) -> Vec<(Json, Json)> {
    let rules = answers.items().unwrap_or_default();
    rules.iter().filter_map(|rule| Some((rule.at("when")?, rule.at("send")?))).collect()
}

/// Cuts a text to so many bytes, on a character's boundary.
fn cut_to(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

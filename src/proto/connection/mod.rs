//! The connection machine: from a token to an accepted socket, and back again after every loss.
//!
//! Decides what each thing that happens means and what is to be done; the module `state` has the diagram and the rules.
//! Contract: one [`Connection::handle_input`], then [`Connection::poll_output`] until `None`, then
//! [`Connection::poll_timeout`]. The driver performs the outputs in order and without a borrow of the machine.

mod config;
mod io;
mod recovery;
mod state;

use core::time::Duration;
use std::collections::VecDeque;

pub use config::{ConnectionConfig, check_close_code};
pub use io::{ConnectionState, Event, Input, Output, Phase, Received, Sent, SocketId, StateChange, Stats};

use self::state::{Doubt, Proof, Refuser, State, Step};
use super::backoff::Backoff;
use super::http::{HttpRequest, HttpResponse, NoAnswer, json_of};
use super::outbox::Outbox;
use super::scheme::{Scheme, Ticket};
use super::session::{Grant, RequestId, SessionView, WantId};
use super::timer::{Timer, Timers};
use super::{Instant, Json, Now, Secret, UnixTime};
use crate::error::{Failure, HandshakeError, HttpError, Malformed, SendError, TokenError, TransportError};

/// How long `close` may stay away after an `error` before the socket counts as blocked. WebKit under load takes longer
/// than a moment, and giving up by mistake costs more than knowing a little later.
const ERROR_WITHOUT_CLOSE: Duration = Duration::from_secs(2);
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
    /// Whether the app was told of an opening that it was not yet told the end of.
    is_open: bool,
    backoff: Backoff,
    outbox: Outbox,
    timers: Timers,
    next_id: u32,
    stats: Stats,
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
            is_open: false,
            timers: Timers::default(),
            next_id: 0,
            stats: Stats::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Applies one thing that happened. Never fails: what the world does wrong becomes an [`Event`].
    pub fn handle_input(&mut self, now: Now, input: Input<'_>) {
        match input {
            Input::Close { code, reason } => self.on_close(code, &reason),
            Input::Connect => self.on_connect(now),
            Input::Http { request, result } => self.on_http(now, request, result),
            Input::Session(view) => self.on_session(now, view),
            Input::SocketClosed { socket, code, reason, was_clean } => {
                if self.state.socket() == Some(socket) {
                    self.on_socket_closed(now, code, reason, was_clean);
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
                    self.fail(now, Failure::Transport(TransportError::Blocked), None);
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
        }
    }

    /// Returns the next thing to do, in order, until `None`.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when [`Input::Timeout`] is wanted at the latest. Early or repeated calls are harmless.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Takes a message of the app: to be handed over now, or kept until [`Output::Send`].
    ///
    /// # Errors
    /// Closed, or the outbox is full; the message stays with the caller.
    ///
    /// # Units
    /// `length` in bytes; asked for only if the message has to wait.
    pub fn send(&mut self, length: impl FnOnce() -> usize) -> Result<Sent, SendError> {
        match &self.state {
            State::Closed => Err(SendError::Closed),
            State::Connected { socket, proof, .. } => {
                let (socket, is_assumed) = (*socket, *proof == Proof::Assumed);
                self.stats.sent += 1;
                // Beyond the outbox's limits nothing more is kept, but everything is sent.
                let kept = is_assumed.then(|| self.outbox.push(length()).ok()).flatten();
                if kept.is_some() {
                    self.outbox.lend();
                }
                Ok(kept.map_or(Sent::Now(socket), |message| Sent::NowAndKept(socket, message)))
            }
            State::Idle
            | State::Token { .. }
            | State::Ticket { .. }
            | State::Opening { .. }
            | State::Authenticating { .. }
            | State::Waiting
            | State::Suspended => self.outbox.push(length()).map(Sent::Queued),
        }
    }

    /// Says what becomes of a message that arrived on a socket.
    ///
    /// # Units
    /// `length` in bytes, or in UTF-16 units for a text in a browser; asked for only if there is a limit.
    pub fn on_message(&mut self, socket: SocketId, length: impl FnOnce() -> usize) -> Received {
        if self.config.max_message != usize::MAX && self.state.socket() == Some(socket) {
            let length = length();
            if length > self.config.max_message {
                return Received::TooLong { length };
            }
        }
        let waits_for_reject = self.rejects_after_sending();
        match &mut self.state {
            State::Authenticating { socket: present, .. } if *present == socket => Received::Inspect,
            State::Connected { socket: present, proof, .. } if *present == socket => {
                self.stats.received += 1;
                match proof {
                    Proof::Assumed if waits_for_reject => Received::InspectAndDeliver,
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
            | State::Opening { .. }
            | State::Authenticating { .. }
            | State::Connected { .. }
            | State::Waiting
            | State::Suspended
            | State::Closed => Received::Ignore,
        }
    }

    /// Returns the public state.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.state.public()
    }

    /// Returns what is being waited for, while connecting.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.state.phase()
    }

    /// Returns whether an answer to this request is still waited for.
    #[must_use]
    pub fn awaits(&self, request: RequestId) -> bool {
        self.state.request() == Some(request)
    }

    /// Returns the socket in use.
    #[must_use]
    pub fn socket(&self) -> Option<SocketId> {
        self.state.socket()
    }

    /// Returns the counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats { queued: self.outbox.len(), queued_bytes: self.outbox.bytes(), ..self.stats }
    }

    fn on_connect(&mut self, now: Now) {
        match &self.state {
            State::Token { .. } | State::Ticket { .. } | State::Opening { .. } | State::Authenticating { .. } => {}
            State::Connected { .. } => {
                self.leave(1000, "reconnect");
                self.settle_outbox();
                self.start(now);
                self.closed_event(1000, "reconnect".to_owned(), true);
            }
            State::Idle | State::Waiting | State::Suspended | State::Closed => self.start(now),
        }
    }

    /// Begins a try.
    fn start(&mut self, now: Now) {
        self.timers.stop_all();
        self.attempt = self.attempt.saturating_add(1);
        self.stats.attempts += 1;
        if self.config.scheme.needs_token() {
            self.want_token();
        } else {
            let url = Secret::new(self.config.url.to_text());
            self.dial(now, url, None);
        }
    }

    fn want_token(&mut self) {
        let want = WantId(self.new_id());
        let (rejected, doubted) = match self.doubt {
            Doubt::None => (None, None),
            Doubt::Suspected { generation } => (None, Some(generation)),
            Doubt::Refused { generation, .. } => (Some(generation), None),
        };
        self.change(State::Token { want });
        self.outputs.push_back(Output::Want { want, rejected, doubted });
    }

    fn on_token(&mut self, now: Now, want: WantId, result: Result<Grant, TokenError>) {
        if !matches!(&self.state, State::Token { want: waiting } if *waiting == want) {
            return;
        }
        let grant = match result {
            Ok(grant) if grant.epoch == self.epoch => grant,
            // Another user's token: theirs is another connection.
            Ok(grant) => return self.on_session(now, grant.view()),
            Err(error) => return self.fail(now, Failure::Token(error), None),
        };
        match &self.config.scheme {
            // An anonymous connection asks for no token, so none is answered.
            Scheme::Anonymous => {}
            Scheme::FirstMessage(_) => {
                let url = Secret::new(self.config.url.to_text());
                self.dial(now, url, Some(grant));
            }
            Scheme::Query(query) => {
                let url = self.config.url.with_param(&query.param, &grant.access);
                self.dial(now, url, Some(grant));
            }
            Scheme::Ticket(ticket) => {
                let http = HttpRequest {
                    method: ticket.method,
                    url: ticket.url.to_text(),
                    authorization: Some(grant.authorization.clone()),
                    body: None,
                };
                let request = RequestId(self.new_id());
                self.timers.set(Timer::Http, now.instant.after(self.config.http_timeout));
                self.change(State::Ticket { request, grant, asked_at: now });
                self.outputs.push_back(Output::Fetch { request, http });
            }
        }
    }

    fn on_http(&mut self, now: Now, request: RequestId, result: Result<HttpResponse, NoAnswer>) {
        let (grant, asked_at) = match &self.state {
            State::Ticket { request: waiting, grant, asked_at } if *waiting == request => (grant.clone(), *asked_at),
            State::Idle
            | State::Token { .. }
            | State::Ticket { .. }
            | State::Opening { .. }
            | State::Authenticating { .. }
            | State::Connected { .. }
            | State::Waiting
            | State::Suspended
            | State::Closed => return,
        };
        let Scheme::Ticket(scheme) = &self.config.scheme else { return };
        self.timers.stop(Timer::Http);
        let ticket = json_of(self.config.codec, now, &result).and_then(|answer| {
            let ticket = answer.at(&scheme.field).and_then(Json::as_text).map(|text| Secret::new(text.to_owned()));
            Ok((ticket.ok_or(HttpError::Malformed(Malformed::MissingField))?, answer))
        });
        match ticket {
            Ok((_, answer)) if self.is_stale(scheme, &answer, &result, asked_at, now) => {
                self.fail(now, Failure::TicketExpired, None);
            }
            Ok((ticket, _)) => {
                // The endpoint that refused a token has accepted this one: what it refuses later is another matter.
                if matches!(self.doubt, Doubt::Refused { by: Refuser::TicketEndpoint, .. }) {
                    self.doubt = Doubt::None;
                }
                let url = self.config.url.with_param(&scheme.param, &ticket);
                self.dial(now, url, Some(grant));
            }
            Err(error) => self.fail(now, Failure::Ticket(error), None),
        }
    }

    /// Returns whether a ticket took longer to arrive than it lives. Only spans of one clock are compared, so a client
    /// clock that is wrong by hours discards nothing.
    fn is_stale(
        &self,
        scheme: &Ticket,
        answer: &Json,
        result: &Result<HttpResponse, NoAnswer>,
        asked: Now,
        now: Now,
    ) -> bool {
        let number = |path: &str| answer.at(path).and_then(|value| value.as_number(self.config.codec));
        let life = number(&scheme.expires_in_field).filter(|seconds| *seconds > 0.0).or_else(|| {
            let date = result.as_ref().ok().and_then(|response| response.date.as_deref());
            let issued = date.and_then(self.config.codec.http_date).unwrap_or(asked.unix);
            let end = number(&scheme.expires_field).and_then(UnixTime::from_seconds)?;
            (end > issued).then(|| end.since(issued).as_secs_f64())
        });
        life.is_some_and(|seconds| now.instant.since(asked.instant).as_secs_f64() >= seconds)
    }

    fn dial(&mut self, now: Now, url: Secret, grant: Option<Grant>) {
        let socket = SocketId(self.new_id());
        self.timers.set(Timer::Connect, now.instant.after(self.config.connect_timeout));
        self.change(State::Opening { socket, grant });
        self.outputs.push_back(Output::Open { socket, url, protocols: self.config.protocols.clone() });
    }

    fn on_opened(&mut self, now: Now, socket: SocketId, protocol: &str) {
        let State::Opening { socket: present, grant } = &self.state else { return };
        if *present != socket {
            return;
        }
        // Firefox opens a socket whose server chose none of the offered subprotocols; Chromium fails it.
        if !self.config.protocols.is_empty() && !self.config.protocols.iter().any(|offered| offered == protocol) {
            return self.abandon(now, MISMATCH_CODE, Failure::Handshake(HandshakeError::SubprotocolMismatch));
        }
        let grant = grant.clone();
        self.refusals = 0;
        match (&self.config.scheme, grant) {
            (Scheme::FirstMessage(scheme), Some(grant)) if scheme.hello.is_some() => {
                self.timers.set(Timer::Authenticate, now.instant.after(scheme.ack_timeout));
                self.change(State::Authenticating { socket, grant, step: Step::Hello });
            }
            (Scheme::FirstMessage(_), Some(grant)) => self.authenticate(now, socket, grant),
            (Scheme::Anonymous | Scheme::FirstMessage(_) | Scheme::Query(_) | Scheme::Ticket(_), grant) => {
                self.connected(now, socket, grant, Proof::Given);
            }
        }
    }

    /// Sends the first message.
    fn authenticate(&mut self, now: Now, socket: SocketId, grant: Grant) {
        let Scheme::FirstMessage(scheme) = &self.config.scheme else { return };
        let text = self.config.codec.message(&scheme.message, &grant.access);
        self.outputs.push_back(Output::SendText { socket, text });
        if scheme.ack.is_some() {
            self.timers.set(Timer::Authenticate, now.instant.after(scheme.ack_timeout));
            self.change(State::Authenticating { socket, grant, step: Step::Ack });
        } else {
            self.connected(now, socket, Some(grant), Proof::Assumed);
        }
    }

    fn on_inspected(&mut self, now: Now, socket: SocketId, text: Option<&str>) {
        let Scheme::FirstMessage(scheme) = &self.config.scheme else { return };
        let is = |matcher: &Option<Json>, message: &Option<Json>| {
            matcher.as_ref().zip(message.as_ref()).is_some_and(|(matcher, message)| matcher.matches(message))
        };
        match &mut self.state {
            State::Authenticating { socket: present, grant, step } if *present == socket => {
                let message = text.and_then(self.config.codec.parse);
                if is(&scheme.reject, &message) {
                    return self.abandon(now, 1000, Failure::Handshake(HandshakeError::Rejected));
                }
                let (grant, step) = (grant.clone(), *step);
                match step {
                    Step::Hello if is(&scheme.hello, &message) => self.authenticate(now, socket, grant),
                    Step::Ack if is(&scheme.ack, &message) => {
                        self.connected(now, socket, Some(grant), Proof::Given);
                    }
                    // Not ours to judge: a server may say other things first.
                    Step::Hello | Step::Ack => {}
                }
            }
            State::Connected { socket: present, proof: proof @ Proof::Assumed, .. } if *present == socket => {
                let message = text.and_then(self.config.codec.parse);
                if is(&scheme.reject, &message) {
                    return self.abandon(now, 1000, Failure::Handshake(HandshakeError::Rejected));
                }
                *proof = Proof::Given;
                self.settle_outbox();
            }
            State::Idle
            | State::Token { .. }
            | State::Ticket { .. }
            | State::Opening { .. }
            | State::Authenticating { .. }
            | State::Connected { .. }
            | State::Waiting
            | State::Suspended
            | State::Closed => {}
        }
    }

    fn connected(&mut self, now: Now, socket: SocketId, grant: Option<Grant>, proof: Proof) {
        self.timers.stop_all();
        self.timers.set(Timer::Stable, now.instant.after(self.config.min_uptime));
        self.stats.connections += 1;
        // Queued messages go before the app hears of the connection, so that what it sends then comes after them.
        let change = self.enter(State::Connected { socket, grant, since: now.instant, proof });
        let keep = proof == Proof::Assumed;
        while let Some(message) = if keep { self.outbox.lend() } else { self.outbox.pop() } {
            self.stats.sent += 1;
            self.outputs.push_back(Output::Send { socket, message, keep });
        }
        self.is_open = true;
        self.outputs.push_back(Output::Event(Event::StateChanged(change)));
        self.outputs.push_back(Output::Event(Event::Opened));
    }

    fn on_timeout(&mut self, now: Now) {
        while let Some(timer) = self.timers.take_due(now.instant) {
            match timer {
                Timer::Authenticate => self.abandon(now, TIMEOUT_CODE, Failure::Handshake(HandshakeError::TimedOut)),
                Timer::Backoff => self.start(now),
                Timer::Connect => {
                    let failure = match self.state {
                        State::Authenticating { .. } => Failure::Handshake(HandshakeError::TimedOut),
                        State::Idle
                        | State::Token { .. }
                        | State::Ticket { .. }
                        | State::Opening { .. }
                        | State::Connected { .. }
                        | State::Waiting
                        | State::Suspended
                        | State::Closed => Failure::Transport(TransportError::ConnectTimedOut),
                    };
                    self.abandon(now, TIMEOUT_CODE, failure);
                }
                Timer::ErrorWithoutClose if matches!(self.state, State::Opening { .. }) => {
                    self.abandon(now, 1000, Failure::Transport(TransportError::Blocked));
                }
                // A socket that was open cannot be blocked; its `close` is on its way or lost.
                Timer::ErrorWithoutClose => {
                    if let Some(socket) = self.state.socket() {
                        self.outputs.push_back(Output::CloseSocket { socket, code: 1000, reason: String::new() });
                    }
                    self.on_socket_closed(now, 1006, String::new(), false);
                }
                Timer::Http => self.abandon(now, TIMEOUT_CODE, Failure::Ticket(HttpError::TimedOut)),
                // A session's timer, never set here.
                Timer::Login => {}
                Timer::Stable => {
                    self.backoff.reset();
                    self.attempt = 0;
                    self.doubt = Doubt::None;
                    if let State::Connected { proof, .. } = &mut self.state {
                        *proof = Proof::Lasting;
                    }
                    self.settle_outbox();
                }
            }
        }
    }

    /// What was handed to a socket need not be kept any more.
    fn settle_outbox(&mut self) {
        while let Some(message) = self.outbox.settle() {
            self.outputs.push_back(Output::Discard { message });
        }
    }

    fn on_close(&mut self, code: u16, reason: &str) {
        if matches!(self.state, State::Closed) && self.outbox.len() == 0 {
            return;
        }
        let reason = cut_to(reason, MAX_REASON).to_owned();
        self.leave(code, &reason);
        self.end(code, reason, true, None);
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
        } else if user.is_signed_in && is_new_sign_in && matches!(self.state, State::Suspended) {
            self.doubt = Doubt::None;
            self.start(now);
        }
    }

    fn rejects_after_sending(&self) -> bool {
        match &self.config.scheme {
            Scheme::FirstMessage(scheme) => scheme.ack.is_none() && scheme.reject.is_some(),
            Scheme::Anonymous | Scheme::Query(_) | Scheme::Ticket(_) => false,
        }
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
        self.outputs.push_back(Output::Event(Event::StateChanged(change)));
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

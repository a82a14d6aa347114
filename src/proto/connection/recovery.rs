//! What a connection does about a failure: wait, refresh, suspend or end.

use core::time::Duration;

use super::io::{Event, Output, SIGNED_OUT};
use super::state::{Doubt, Pause, Proof, Reach, Refuser, State, Step};
use super::{Connection, StateChange};
use crate::error::{Disposition, Failure, HandshakeError, Problem, TokenError, TransportError};
use crate::proto::hint::{Hint, forbids};
use crate::proto::http::Method;
use crate::proto::scheme::Scheme;
use crate::proto::session::RequestId;
use crate::proto::timer::Timer;
use crate::proto::{Json, Now};

/// After so many dials in a row that failed before opening, the token is doubted and the state says so.
const REFUSALS_BEFORE_DOUBT: u32 = 3;
/// The window of the try after a refused credential.
const REFRESH_SPREAD: Duration = Duration::from_secs(1);

/// How long a network that is back is blamed for a loss.
const OWN_LOSS: Duration = Duration::from_secs(30);
/// The most by which a ticket is fetched ahead.
const LEAD: Duration = Duration::from_secs(2);

/// What a socket said when it closed.
#[derive(Debug)]
pub(super) struct Goodbye {
    pub(super) code: u16,
    pub(super) reason: String,
    pub(super) was_clean: bool,
}

impl Goodbye {
    /// Our own.
    pub(super) fn new(code: u16, reason: &str) -> Self {
        Self { code, reason: reason.to_owned(), was_clean: true }
    }

    /// Nobody said anything.
    pub(super) const fn none() -> Self {
        Self { code: 1006, reason: String::new(), was_clean: false }
    }
}

impl Connection {
    pub(super) fn on_socket_closed(&mut self, now: Now, goodbye: Goodbye) {
        self.silent_errors = 0;
        let code = goodbye.code;
        let is_refusal = self.config.close_table.is_refusal(code);
        let closed = || {
            Failure::Transport(TransportError::Closed {
                code,
                disposition: self.config.close_table.action(code).disposition(),
            })
        };
        let failure = match &self.state {
            State::Opening { grant, .. } => {
                // Browsers do not say why. Where there is an endpoint to ask, it does.
                if let Some(probe) = &self.config.probe {
                    let (grant, url) = (grant.clone(), probe.to_text());
                    self.timers.stop_all();
                    let request = RequestId(self.new_id());
                    let authorization = grant.as_ref().map(|grant| grant.authorization.clone());
                    self.state = State::Probing { request, grant };
                    return self.call(now, request, Method::Get, url, authorization);
                }
                Failure::Transport(TransportError::ConnectFailed)
            }
            State::Authenticating { step: Step::Ack, .. } if is_refusal => {
                Failure::Handshake(HandshakeError::ClosedInstead { code })
            }
            State::Connected { proof: Proof::Assumed, since, .. }
                if is_refusal && now.instant.since(*since) < self.config.min_uptime =>
            {
                Failure::Handshake(HandshakeError::ClosedInstead { code })
            }
            State::Authenticating { .. } | State::Connected { .. } => closed(),
            State::Idle
            | State::Token { .. }
            | State::Ticket { .. }
            | State::Holding { .. }
            | State::Probing { .. }
            | State::Waiting
            | State::Suspended(_)
            | State::Closed => return,
        };
        self.fail(now, failure, goodbye);
    }

    /// Lets go of what is in flight, then fails.
    pub(super) fn abandon(&mut self, now: Now, code: u16, failure: Failure) {
        self.leave(code, "");
        self.fail(now, failure, Goodbye::none());
    }

    /// Ends a try of which nothing is in flight any more: tells the app, and does what the failure asks for.
    pub(super) fn fail(&mut self, now: Now, failure: Failure, goodbye: Goodbye) {
        if self.resume(now) {
            return;
        }
        self.leave_retired();
        let failure = self.counted(failure);
        let disposition = self.settle(now, failure.disposition());
        match failure {
            // A server that refused the credential has taken nothing of what came after it.
            Failure::Handshake(_) => self.outbox.take_back(),
            // Whether a lost socket delivered is not known: nothing is sent twice.
            Failure::Probe(_)
            | Failure::Ticket(_)
            | Failure::TicketExpired
            | Failure::Token(_)
            | Failure::Transport(_) => self.lose_sent(),
        }
        let was_in_ticket_phase = matches!(self.state, State::Ticket { .. });
        let was_lasting = matches!(self.state, State::Connected { proof: Proof::Lasting, .. });
        self.timers.stop_all();
        let mut hint = core::mem::take(&mut self.hint);
        let said = Json::parse(&goodbye.reason);
        if let Some(reason) = &said {
            hint.update(Hint::of(reason));
        }
        let disposition = match disposition {
            Disposition::Retry { .. } if !self.config.reconnects || said.as_ref().is_some_and(forbids) => {
                Disposition::GiveUp
            }
            Disposition::RefreshToken if !self.config.reconnects && self.is_open => Disposition::GiveUp,
            // Somebody who is not there yet is waited for; a credential that was refused for good ends it.
            Disposition::SignIn
                if !self.config.reconnects && !matches!(failure, Failure::Token(TokenError::Missing)) =>
            {
                Disposition::GiveUp
            }
            Disposition::Retry { after } => {
                hint.retry_after = hint.retry_after.max(after);
                disposition
            }
            Disposition::RefreshToken | Disposition::SignIn | Disposition::GiveUp => disposition,
        };
        let is_own = matches!(self.reach, Reach::Back { at } if now.instant.since(at) < OWN_LOSS);
        let problem = Problem { failure, disposition };
        let delay = match disposition {
            // A ticket that was refused for its token costs no wait: nothing was dialled.
            Disposition::RefreshToken if was_in_ticket_phase => return self.want_token(Some(problem)),
            Disposition::RefreshToken => self.backoff.draw(REFRESH_SPREAD),
            Disposition::Retry { .. } if matches!(self.reach, Reach::Offline { .. }) => self.backoff.slow(),
            Disposition::Retry { .. } if was_lasting && is_own => self.backoff.after_failure(Hint::default()),
            Disposition::Retry { .. } if was_lasting => self.backoff.after_loss(hint),
            Disposition::Retry { .. } => self.backoff.after_failure(hint),
            Disposition::SignIn => return self.suspend(Pause::SignIn, Some(problem), goodbye, 0),
            Disposition::GiveUp => return self.end(goodbye, Some(problem), 0),
        };
        self.wait(now, delay, Some(problem), goodbye);
    }

    /// Waits for the next try. A ticket is asked for so much ahead that it is there when the wait ends.
    pub(super) fn wait(&mut self, now: Now, delay: Duration, problem: Option<Problem>, goodbye: Goodbye) {
        // Only a scheme with tickets has measured any.
        let lead = self.lead.min(LEAD).min(delay);
        self.timers.set(Timer::Backoff, now.instant.after(delay - lead));
        self.dial_at = Some(now.instant.after(delay));
        let is_offline = matches!(self.reach, Reach::Offline { .. });
        let mut change = self.enter(if is_offline { State::Suspended(Pause::Offline) } else { State::Waiting });
        change.retry_at = Some(now.unix.after(delay));
        change.retry_in = Some(delay);
        self.tell(change, problem, goodbye);
    }

    /// Counts dials that failed before opening; from the third on they have a name, and the token is doubted.
    fn counted(&mut self, failure: Failure) -> Failure {
        if !matches!(failure, Failure::Transport(TransportError::ConnectFailed)) {
            return failure;
        }
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals < REFUSALS_BEFORE_DOUBT {
            return failure;
        }
        // Each renewal costs the server something, so the next suspicion comes after twice as many refusals.
        let is_due = self.refusals.is_multiple_of(REFUSALS_BEFORE_DOUBT)
            && (self.refusals / REFUSALS_BEFORE_DOUBT).is_power_of_two();
        let may_doubt = matches!(self.doubt, Doubt::None | Doubt::Suspected { .. });
        let is_in_handshake = match self.config.scheme {
            #[cfg(not(target_family = "wasm"))]
            Scheme::Header => true,
            Scheme::Cookie | Scheme::Token(_) => true,
            Scheme::Anonymous | Scheme::FirstMessage(_) | Scheme::Ticket(_) => false,
        };
        if let (true, Some(grant)) = (is_in_handshake && is_due && may_doubt, self.state.grant()) {
            self.doubt = Doubt::Suspected { generation: grant.generation };
        }
        Failure::Transport(TransportError::HandshakeRefused { tries: self.refusals })
    }

    /// Turns a second refusal of the credential, or one that nothing can renew, into sign-in.
    fn settle(&mut self, now: Now, disposition: Disposition) -> Disposition {
        if !matches!(disposition, Disposition::RefreshToken) {
            return disposition;
        }
        // Without a credential there is none to renew.
        let Some(grant) = self.state.grant() else { return Disposition::GiveUp };
        let (is_outdated, since) = (grant.sign_ins != self.sign_ins, grant.since);
        let refused_generation = grant.generation;
        let by = if matches!(self.state, State::Ticket { .. }) { Refuser::TicketEndpoint } else { Refuser::Socket };
        let refused = Doubt::Refused { generation: grant.generation, by, at: now.instant };
        match core::mem::replace(&mut self.doubt, refused) {
            Doubt::None | Doubt::Suspected { .. } => Disposition::RefreshToken,
            // Somebody has signed in since this try began: theirs is another token, and has a ladder of its own.
            Doubt::Refused { .. } if is_outdated => {
                self.doubt = Doubt::None;
                Disposition::RETRY
            }
            // A token that was there before the first refusal says nothing about one that is renewed because of it.
            Doubt::Refused { at, generation, .. } if since <= at && refused_generation != generation => {
                Disposition::RefreshToken
            }
            Doubt::Refused { .. } => Disposition::SignIn,
        }
    }

    pub(super) fn suspend(&mut self, pause: Pause, problem: Option<Problem>, goodbye: Goodbye, discarded: usize) {
        // Lost, for whoever had it: nobody on the other side has closed it.
        if self.is_open && !self.config.reconnects {
            return self.end(Goodbye::none(), problem, discarded);
        }
        let mut change = self.enter(State::Suspended(pause));
        change.discarded = discarded;
        self.tell(change, problem, goodbye);
    }

    /// Closes for good. A queue that the app gave up is emptied; after a failure it is kept for `reconnect()`.
    pub(super) fn end(&mut self, goodbye: Goodbye, problem: Option<Problem>, discarded: usize) {
        let discarded = discarded + if problem.is_none() { self.discard_outbox() } else { 0 };
        // Whoever was never told of an opening still hears of the end, once.
        self.is_open = !matches!(self.state, State::Closed);
        let mut change = self.enter(State::Closed);
        change.discarded = discarded;
        self.tell(change, problem, goodbye);
    }

    /// Drops everything of the user who is gone.
    pub(super) fn forget_user(&mut self, now: Now, is_signed_in: bool) {
        let discarded = self.discard_outbox();
        self.doubt = Doubt::None;
        self.refusals = 0;
        self.silent_errors = 0;
        self.attempt = 0;
        self.backoff.reset();
        let reason = SIGNED_OUT;
        match &self.state {
            State::Idle | State::Closed => {}
            State::Token { .. }
            | State::Ticket { .. }
            | State::Holding { .. }
            | State::Opening { .. }
            | State::Probing { .. }
            | State::Authenticating { .. }
            | State::Connected { .. }
            | State::Waiting
            | State::Suspended(_) => {
                self.leave(1000, reason);
                let problem =
                    Problem { failure: Failure::Token(TokenError::Missing), disposition: Disposition::SignIn };
                let problem = (!is_signed_in).then_some(problem);
                self.suspend(Pause::SignIn, problem, Goodbye::new(1000, reason), discarded);
                if is_signed_in && !matches!(self.state, State::Closed) {
                    self.start(now);
                }
            }
        }
    }

    /// Lets go of whatever the present state has in flight.
    pub(super) fn leave(&mut self, code: u16, reason: &str) {
        self.timers.stop_all();
        if self.predecessor.is_none() {
            self.leave_retired();
        }
        match &self.state {
            State::Token { .. } => self.outputs.push_back(Output::Unwant),
            State::Ticket { request, .. } | State::Probing { request, .. } => {
                self.outputs.push_back(Output::AbortFetch { request: *request })
            }
            State::Opening { socket, .. } | State::Authenticating { socket, .. } | State::Connected { socket, .. } => {
                self.outputs.push_back(Output::CloseSocket { socket: *socket, code, reason: reason.to_owned() });
            }
            State::Idle | State::Holding { .. } | State::Waiting | State::Suspended(_) | State::Closed => {}
        }
    }

    pub(super) fn closed_event(&mut self, goodbye: Goodbye) {
        if core::mem::take(&mut self.is_open) {
            let Goodbye { code, reason, was_clean } = goodbye;
            self.outputs.push_back(Output::Event(Event::Closed { code, reason, was_clean }));
        }
    }

    /// Tells a change for the worse: the state first, so that whoever hears of the rest sees it, then the end of what was
    /// open.
    fn tell(&mut self, mut change: StateChange, problem: Option<Problem>, goodbye: Goodbye) {
        // A code belongs to a socket; a token or a ticket that failed had none.
        let had_socket = problem.as_ref().is_none_or(|problem| match problem.failure {
            Failure::Handshake(_) | Failure::Transport(_) => true,
            Failure::Probe(_) | Failure::Ticket(_) | Failure::TicketExpired | Failure::Token(_) => false,
        });
        change.code = had_socket.then_some(goodbye.code);
        change.reason = Some(goodbye.reason.clone()).filter(|reason| !reason.is_empty());
        change.problem = problem;
        self.outputs.push_back(Output::Event(Event::StateChanged(change)));
        self.closed_event(goodbye);
    }
}

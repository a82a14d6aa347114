//! What a connection does about a failure: wait, refresh, suspend or end.

use super::io::SuspendReason;
use super::io::{Event, Output};
use super::state::{Acceptance, AuthenticationStep, CredentialStatus, NetworkStatus, Refuser, Scope, State, Timer};
use super::{Connection, ConnectionState, StateChange};
use crate::error::{Disposition, Failure, HandshakeError, Problem, TokenError, TransportError};
use crate::proto::Millis;
use crate::proto::hint::{Hint, forbids};
use crate::proto::http::HttpCall;
use crate::proto::scheme::Scheme;
use crate::proto::session::{RequestId, TokenRequestId, TokenRequirement};
use crate::proto::{Json, Now};

/// After so many failed handshakes in a row, the token is suspected and the state says so.
const REFUSALS_BEFORE_DOUBT: u32 = 3;
/// The longest wait before the try after a refused credential.
const REFRESH_SPREAD: Millis = Millis::from_secs(1);
/// How long after the network is back a loss is blamed on it.
const OWN_LOSS: Millis = Millis::from_secs(30);
/// The first limits that a long URL meets: 4,094 bytes for a request line in gunicorn, 8 KiB in nginx, Apache and Node's proxies.
const LONG_DIAL: usize = 4_000;
/// How long after the page began to follow a link a close is the browser's own, and how long to wait then: a page that is left is gone by then.
const LEAVING: Millis = Millis::from_secs(2);
/// How early a ticket is fetched at most.
const LEAD: Millis = Millis::from_secs(2);

/// How a socket was closed (RFC 6455 §7.4).
#[derive(Debug)]
pub(super) struct CloseInfo {
    pub(super) code: u16,
    pub(super) reason: String,
    pub(super) was_clean: bool,
}

impl CloseInfo {
    /// Closed by this side.
    pub(super) fn new(code: u16, reason: &str) -> Self {
        Self { code, reason: reason.to_owned(), was_clean: true }
    }

    /// Without a close frame.
    pub(super) const fn none() -> Self {
        Self { code: 1006, reason: String::new(), was_clean: false }
    }
}

impl Connection {
    pub(super) fn on_socket_closed(&mut self, now: Now, close_info: CloseInfo) {
        self.silent_errors = 0;
        let code = close_info.code;
        let is_refusal = self.config.close_table.is_refusal(code);
        let closed = || {
            Failure::Transport(TransportError::Closed {
                code,
                disposition: self.config.close_table.action(code).disposition(),
            })
        };
        let failure = match &self.state {
            State::Opening { token, .. } => {
                // Browsers do not say why. A probe does, if there is one.
                if let Some(probe) = &self.config.probe {
                    let (token, method, url, credentials) =
                        (token.clone(), probe.method, probe.url.to_text(), probe.credentials);
                    self.stop_try();
                    let request = RequestId(self.new_id());
                    let authorization = token.as_ref().map(|token| token.authorization.clone());
                    self.state = State::Probing { request, token };
                    let http = self.http_request(HttpCall::Probe, method, url, authorization, credentials);
                    return self.call(now, request, http);
                }
                Failure::Transport(TransportError::ConnectFailed)
            }
            State::Connected { .. } if code == 1001 && self.is_leaving(now) => {
                Failure::Transport(TransportError::PageLeft)
            }
            State::Authenticating {
                step: AuthenticationStep::Ack | AuthenticationStep::Words { acceptance: Acceptance::Assumed, .. },
                ..
            } if is_refusal => Failure::Handshake(HandshakeError::ClosedInstead { code }),
            State::Connected { acceptance: Acceptance::Assumed, since, .. }
                if is_refusal && now.instant.since(*since) < self.config.min_uptime =>
            {
                Failure::Handshake(HandshakeError::ClosedInstead { code })
            }
            State::Authenticating { .. } | State::Connected { .. } => closed(),
            State::Idle
            | State::Preparing { .. }
            | State::Token { .. }
            | State::Ticket { .. }
            | State::Holding { .. }
            | State::Probing { .. }
            | State::Waiting
            | State::Suspended(_)
            | State::Closed => return,
        };
        self.abort_request();
        self.fail(now, failure, close_info);
    }

    /// Whether the page has just begun to follow a link.
    fn is_leaving(&self, now: Now) -> bool {
        self.leaving.is_some_and(|since| now.instant.since(since) < LEAVING)
    }

    /// Releases what is in flight, then fails.
    pub(super) fn abort(&mut self, now: Now, code: u16, failure: Failure) {
        self.release_resources(code, "");
        self.fail(now, failure, CloseInfo::none());
    }

    /// Ends a try of which nothing is in flight any more: reports the failure, and does what it asks for.
    pub(super) fn fail(&mut self, now: Now, failure: Failure, close_info: CloseInfo) {
        if self.resume() {
            return;
        }
        let failure = self.counted(failure);
        let asked = match failure.disposition() {
            Disposition::RefreshToken => self.escalate(now, &failure),
            asked @ (Disposition::Retry { .. } | Disposition::SignIn | Disposition::GiveUp) => asked,
        };
        self.conclude(now, failure, asked, close_info);
    }

    /// Does what a failure asks for, once that is known.
    pub(super) fn conclude(&mut self, now: Now, failure: Failure, asked: Disposition, close_info: CloseInfo) {
        self.leave_retired();
        match failure {
            // A server that refused the credential has accepted none of the messages after it.
            Failure::Handshake(_) => self.lost = self.outbox.requeue(),
            // A lost socket may have delivered them, so they are not resent.
            Failure::Callback(_)
            | Failure::Probe(_)
            | Failure::Ticket(_)
            | Failure::TicketExpired
            | Failure::Token(_)
            | Failure::Transport(_) => self.lose_sent(),
        }
        self.credit();
        self.stop_timers();
        let mut hint = core::mem::take(&mut self.server_hint);
        let said = Json::parse(&close_info.reason);
        if let Some(reason) = &said {
            hint.update(Hint::of(reason));
        }
        let may_return = if !self.config.reconnects {
            Return::Never { is_open: self.is_open }
        } else if said.as_ref().is_some_and(forbids) {
            Return::Forbidden
        } else {
            Return::Allowed
        };
        let disposition = verdict(asked, &failure, may_return);
        let problem = Problem { failure, disposition };
        let delay = match disposition {
            // After a refused ticket call there is no wait: no handshake was made.
            Disposition::RefreshToken if matches!(self.state, State::Ticket { .. }) => {
                return self.want_token(Some(problem));
            }
            Disposition::RefreshToken => self.backoff.draw(REFRESH_SPREAD),
            Disposition::Retry { .. } if matches!(problem.failure, Failure::Transport(TransportError::PageLeft)) => {
                LEAVING
            }
            Disposition::Retry { after } => {
                hint.retry_after = hint.retry_after.max(after);
                self.delay(now, hint)
            }
            // A visitor who has never signed in has done nothing wrong: no error is reported.
            Disposition::SignIn
                if self.sign_in_count == 0 && matches!(problem.failure, Failure::Token(TokenError::Missing)) =>
            {
                let change = self.enter(State::Suspended(SuspendReason::SignIn));
                return self.tell_change(change);
            }
            Disposition::SignIn => return self.suspend(SuspendReason::SignIn, Some(problem), close_info, None),
            Disposition::GiveUp => {
                if asked == Disposition::RefreshToken && !self.config.reconnects {
                    self.renew_for_the_next();
                }
                return self.close_permanently(close_info, Some(problem), None);
            }
        };
        self.wait(now, delay, Some(problem), close_info);
    }

    /// The server has refused the token of a socket that does not come back. The next one, of a library that reconnects, gets another.
    fn renew_for_the_next(&mut self) {
        let Some(generation) = self.state.token().map(|token| token.generation) else { return };
        let requirement = TokenRequirement::OtherThan(generation);
        let id = TokenRequestId(self.new_id());
        self.outputs.push_back(Output::RequestToken { id, requirement });
    }

    /// How long to wait after a temporary failure.
    fn delay(&mut self, now: Now, hint: Hint) -> Millis {
        let has_lasted = matches!(self.state, State::Connected { acceptance: Acceptance::Stable, .. });
        let is_own = matches!(self.network, NetworkStatus::Back { at } if now.instant.since(at) < OWN_LOSS);
        match self.network {
            NetworkStatus::Offline { .. } => self.backoff.slow(),
            NetworkStatus::Online | NetworkStatus::Back { .. } if has_lasted && is_own => {
                self.backoff.after_failure(Hint::default())
            }
            NetworkStatus::Online | NetworkStatus::Back { .. } if has_lasted => self.backoff.after_loss(hint),
            NetworkStatus::Online | NetworkStatus::Back { .. } => self.backoff.after_failure(hint),
        }
    }

    /// Waits for the next try. The ticket is requested early, so that it is there when the wait ends.
    pub(super) fn wait(&mut self, now: Now, delay: Millis, problem: Option<Problem>, close_info: CloseInfo) {
        // It is 0 for schemes without tickets.
        let lead = self.prefetch_lead.min(LEAD).min(delay);
        self.timers.set(Timer::Backoff, now.instant.after(delay - lead));
        self.dial_at = Some(now.instant.after(delay));
        let is_offline = matches!(self.network, NetworkStatus::Offline { .. });
        let mut change = self.enter(if is_offline { State::Suspended(SuspendReason::Offline) } else { State::Waiting });
        change.retry_at = Some(now.unix.after(delay));
        change.retry_in = Some(delay);
        self.emit_change(change, problem, close_info);
    }

    /// Counts failed handshakes. From the third in a row they have an error code of their own, and the token is suspected.
    fn counted(&mut self, failure: Failure) -> Failure {
        if !matches!(failure, Failure::Transport(TransportError::ConnectFailed)) {
            return failure;
        }
        self.refusals = self.refusals.saturating_add(1);
        let long = self.long_dial().map(Failure::Transport);
        if self.refusals < REFUSALS_BEFORE_DOUBT {
            return long.unwrap_or(failure);
        }
        // Each renewal costs the server something, so the next suspicion comes after twice as many refusals.
        let is_due = self.refusals.is_multiple_of(REFUSALS_BEFORE_DOUBT)
            && (self.refusals / REFUSALS_BEFORE_DOUBT).is_power_of_two();
        let may_doubt = matches!(self.credential_status, CredentialStatus::Good | CredentialStatus::Suspected { .. });
        let is_in_handshake = match self.config.scheme {
            #[cfg(not(target_family = "wasm"))]
            Scheme::Header => true,
            Scheme::Cookie(_) | Scheme::Query(_) | Scheme::Subprotocol(_) => true,
            Scheme::Anonymous | Scheme::FirstMessage(_) | Scheme::Ticket(_) => false,
        };
        if let (true, Some(token)) = (is_in_handshake && is_due && may_doubt, self.state.token()) {
            self.credential_status = CredentialStatus::Suspected { generation: token.generation };
        }
        long.unwrap_or(Failure::Transport(TransportError::HandshakeRefused { tries: self.refusals }))
    }

    /// What to blame a failed dial on that sends more than many servers accept.
    pub(super) fn long_dial(&self) -> Option<TransportError> {
        (self.dial_length > LONG_DIAL).then_some(TransportError::DialTooLong { length: self.dial_length })
    }

    /// What a refused credential asks for: a renewal; after a second refusal, or if it cannot be renewed, a sign-in.
    fn escalate(&mut self, now: Now, failure: &Failure) -> Disposition {
        // There is no credential to renew. A visitor may get one.
        let Some(token) = self.state.token() else {
            return if self.config.needs_token() { Disposition::SignIn } else { Disposition::GiveUp };
        };
        let (is_outdated, since, refused) = (token.sign_in_count != self.sign_in_count, token.since, token.generation);
        let by = if matches!(self.state, State::Ticket { .. }) { Refuser::TicketEndpoint } else { Refuser::Socket };
        let before = match &self.credential_status {
            CredentialStatus::Good | CredentialStatus::Suspected { .. } => None,
            CredentialStatus::Refused { at, generation, .. } => Some((*at, *generation)),
        };
        self.credential_status =
            CredentialStatus::Refused { generation: refused, by, at: now.instant, failure: *failure };
        match before {
            None => Disposition::RefreshToken,
            // Somebody has signed in since this try began. That is another token, which was never refused.
            Some(_) if is_outdated => {
                self.credential_status = CredentialStatus::Good;
                Disposition::RETRY
            }
            // A token from before the first refusal proves nothing about one that was renewed because of it.
            Some((at, generation)) if since <= at && refused != generation => Disposition::RefreshToken,
            Some(_) => Disposition::SignIn,
        }
    }

    /// `gone`: how many messages of a previous user were dropped.
    pub(super) fn suspend(
        &mut self,
        pause: SuspendReason,
        problem: Option<Problem>,
        close_info: CloseInfo,
        gone: Option<usize>,
    ) {
        self.stop_as(State::Suspended(pause), problem, close_info, gone);
    }

    pub(super) fn stop_as(
        &mut self,
        state: State,
        problem: Option<Problem>,
        close_info: CloseInfo,
        gone: Option<usize>,
    ) {
        // For the app the connection was lost: the server has not closed it.
        if self.is_open && !self.config.reconnects {
            return self.close_permanently(CloseInfo::none(), problem, gone);
        }
        let mut change = self.enter(state);
        change.dropped = gone.unwrap_or(0);
        change.user_changed = gone.is_some();
        self.emit_change(change, problem, close_info);
    }

    /// Closes permanently. After `close()` the queue is emptied; after a failure it is kept for `reconnect()`.
    pub(super) fn close_permanently(&mut self, close_info: CloseInfo, problem: Option<Problem>, gone: Option<usize>) {
        let dropped = gone.unwrap_or(0) + if problem.is_none() { self.discard_outbox() } else { 0 };
        let was_closed = matches!(self.state, State::Closed);
        // With `reconnect: false`: as in a WebSocket.
        let ends_in_error = if self.is_open { problem.is_some() && self.has_erred } else { !was_closed };
        // `Closed` is also reported if it never opened, once.
        self.is_open = !was_closed;
        let mut change = self.enter(State::Closed);
        change.dropped = dropped;
        change.user_changed = gone.is_some();
        change.fires_error = ends_in_error;
        self.emit_change(change, problem, close_info);
    }

    /// Stops the present try, but not a connected socket that it is to replace.
    pub(super) fn stop_try(&mut self) {
        if self.predecessor.is_some() {
            self.timers.stop_where(|timer| timer.scope() == Scope::Try);
        } else {
            self.stop_timers();
        }
    }

    /// Releases what the present state has in flight.
    pub(super) fn release_resources(&mut self, code: u16, reason: &str) {
        self.stop_try();
        if self.predecessor.is_none() {
            self.leave_retired();
        }
        self.abort_request();
        match &self.state {
            State::Token { .. } => self.outputs.push_back(Output::CancelTokenRequest),
            State::Opening { socket, .. } | State::Authenticating { socket, .. } | State::Connected { socket, .. } => {
                self.outputs.push_back(Output::CloseSocket { socket: *socket, code, reason: reason.to_owned() });
            }
            State::Idle
            | State::Preparing { .. }
            | State::Ticket { .. }
            | State::Probing { .. }
            | State::Holding { .. }
            | State::Waiting
            | State::Suspended(_)
            | State::Closed => {}
        }
    }

    /// Aborts the call or question that is in flight.
    fn abort_request(&mut self) {
        if let Some(request) = self.state.request() {
            self.outputs.push_back(Output::AbortFetch { request });
        }
    }

    pub(super) fn closed_event(&mut self, close_info: CloseInfo) {
        if core::mem::take(&mut self.is_open) {
            let CloseInfo { code, reason, was_clean } = close_info;
            self.outputs.push_back(Output::Event(Event::Closed { code, reason, was_clean }));
        }
    }

    /// Reports a change: first the state, so that listeners of the other events see it, then the end of the connection.
    fn emit_change(&mut self, mut change: StateChange, problem: Option<Problem>, close_info: CloseInfo) {
        // A close code belongs to a socket. A failed token or ticket call has none.
        let had_socket = problem.as_ref().is_none_or(|problem| match problem.failure {
            Failure::Handshake(_) | Failure::Transport(_) => true,
            Failure::Callback(_)
            | Failure::Probe(_)
            | Failure::Ticket(_)
            | Failure::TicketExpired
            | Failure::Token(_) => false,
        });
        change.code = had_socket.then_some(close_info.code);
        change.reason = Some(close_info.reason.clone()).filter(|reason| !reason.is_empty());
        change.problem = problem;
        self.tell_change(change);
        self.closed_event(close_info);
    }
}

/// Whether there may be another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Return {
    Allowed,
    /// The server's close reason forbids it.
    Forbidden,
    /// The option `reconnect` is false.
    Never {
        /// Whether `Opened` was reported.
        is_open: bool,
    },
}

/// What is done about a failure.
fn verdict(asked: Disposition, failure: &Failure, may_return: Return) -> Disposition {
    match (asked, may_return) {
        (Disposition::Retry { .. }, Return::Forbidden | Return::Never { .. }) => Disposition::GiveUp,
        (Disposition::RefreshToken, Return::Never { is_open: true }) => Disposition::GiveUp,
        // It waits for somebody to sign in. A credential that is refused and cannot be renewed ends it.
        (Disposition::SignIn, Return::Never { .. }) if !matches!(failure, Failure::Token(TokenError::Missing)) => {
            Disposition::GiveUp
        }
        (Disposition::Retry { .. }, Return::Allowed)
        | (Disposition::RefreshToken, Return::Allowed | Return::Forbidden | Return::Never { is_open: false })
        | (Disposition::SignIn | Disposition::GiveUp, Return::Allowed | Return::Forbidden | Return::Never { .. }) => {
            asked
        }
    }
}

/// Whether a failure is expected and already handled: a server closes the socket when its token expires. A refusal from the start is not.
pub(super) fn is_ordinary(previous: ConnectionState, problem: &Problem) -> bool {
    let is_left = matches!(problem.failure, Failure::Transport(TransportError::PageLeft));
    let is_closed = problem.disposition == Disposition::RefreshToken
        && matches!(problem.failure, Failure::Transport(TransportError::Closed { .. }));
    previous == ConnectionState::Connected && (is_left || is_closed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_about_a_failure_depends_on_what_it_asks_for_and_on_whether_there_may_be_another_try() {
        let after = Disposition::Retry { after: Some(Millis::from_secs(7)) };
        let lost = Failure::Transport(TransportError::ConnectFailed);
        let missing = Failure::Token(TokenError::Missing);
        let (never, once) = (Return::Never { is_open: false }, Return::Never { is_open: true });
        let rows = [
            (after, &lost, Return::Allowed, after),
            (after, &lost, Return::Forbidden, Disposition::GiveUp),
            (after, &lost, never, Disposition::GiveUp),
            (Disposition::RefreshToken, &lost, Return::Allowed, Disposition::RefreshToken),
            (Disposition::RefreshToken, &lost, Return::Forbidden, Disposition::RefreshToken),
            (Disposition::RefreshToken, &lost, never, Disposition::RefreshToken),
            (Disposition::RefreshToken, &lost, once, Disposition::GiveUp),
            (Disposition::SignIn, &lost, Return::Allowed, Disposition::SignIn),
            (Disposition::SignIn, &lost, never, Disposition::GiveUp),
            (Disposition::SignIn, &missing, never, Disposition::SignIn),
            (Disposition::SignIn, &missing, once, Disposition::SignIn),
            (Disposition::GiveUp, &missing, Return::Allowed, Disposition::GiveUp),
        ];
        for (asked, failure, may_return, expected) in rows {
            assert_eq!(verdict(asked, failure, may_return), expected, "{asked:?} {failure:?} {may_return:?}");
        }
    }
}

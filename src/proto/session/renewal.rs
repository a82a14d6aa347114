//! Renewals: one at a time, across all tabs, and what a failure means.
//!
//! ```text
//!          a store                   ours               not renewed meanwhile
//!   none ──────────► locking ──────────────► looking ─────────────────────────────► asked ──► none: renewed, or failed in passing
//!    │                                          └──► none: another tab has renewed    │ ▲
//!    └───────────────────────────────────── no store ─────────────────────────────────┘ │
//!                                                         refused (400, 401, 403): what does the store say now?
//! ```
//!
//! Rules: only the holder of the lock sends a refresh token, and not if the store has a newer one. A refusal counts only if the store has nothing
//! newer. A temporary failure signs nobody out.

use super::Session;
use super::config::is_header_text;
use super::config::{TokenProvider, TokenStorage};
use super::io::{NoToken, Output, Provided, Reason, TokenRequirement};
use super::state::{Login, Refresh, RetryNotBefore, SameUser, State, Timer};
use crate::error::{HttpError, TokenError};
use crate::proto::Millis;
use crate::proto::hint::Hint;
use crate::proto::http::{Credentials, HttpCall};
use crate::proto::token::{TokenOrigin, TokenSet};
use crate::proto::{Json, Now, UnixTime};

/// How often the end of a token is checked: after sleep, an ended token is found within this time.
const WATCH: Millis = Millis::from_secs(60);

/// The status that says that nobody is signed in (RFC 9110 §15.5.2).
const UNAUTHORIZED: u16 = 401;

/// How long after a failure only a token request starts another renewal.
const LEAST_WAIT: Millis = Millis::from_secs(1);

impl Session {
    pub(super) fn can_renew(&self) -> bool {
        match &self.state {
            // With cookies, the refresh token may be one.
            State::SignedIn(tokens) => {
                let has_refresh_token = tokens.refresh.is_some() || self.config.credentials == Credentials::Include;
                self.config.provider == TokenProvider::App
                    || self.config.refresh.is_some() && has_refresh_token && self.refusal.is_none()
            }
            State::Expired { .. } => self.config.provider == TokenProvider::App,
            State::SignedOut => self.config.provider == TokenProvider::App || self.restores,
            State::Loading => false,
        }
    }

    /// Starts a renewal, for the pending token requests.
    pub(super) fn renew(&mut self, now: Now) {
        match self.renewal {
            // This tab still has the lock.
            Refresh::None if core::mem::take(&mut self.store.unlocks) => {
                self.renewal = Refresh::Looking { since: now.instant };
                self.go_on_reading();
            }
            Refresh::None if self.config.storage == TokenStorage::Store => {
                self.renewal = Refresh::Locking;
                // The holder of the lock makes one call, and reads and writes the store.
                self.outputs.push_back(Output::Lock { lease: self.config.http_timeout.times(2) });
            }
            Refresh::None | Refresh::Holding => self.ask(now),
            Refresh::Locking | Refresh::Looking { .. } | Refresh::Requested(_) | Refresh::Refused(_) => return,
        }
        self.changed(None);
    }

    /// Asks the server whether the browser holds a session, unless a login is in flight. The store of all tabs is read first, if there is one.
    pub(super) fn restore(&mut self, now: Now) {
        if matches!((&self.state, self.renewal, &self.login), (State::Loading, Refresh::None, Login::None))
            && self.restores
        {
            self.renew(now);
        }
    }

    /// Whether it is not known yet whether the browser holds a session.
    pub(super) fn is_restoring(&self) -> bool {
        self.restores && matches!(self.state, State::Loading | State::SignedOut)
    }

    /// The call that another tab has made counts for this one, unless its own is in flight.
    pub(super) fn on_not_restored(&mut self, now: Now, status: Option<u16>) {
        if self.is_restoring() && !matches!(self.renewal, Refresh::Requested(_)) {
            self.on_renewed(
                now,
                Err(match status {
                    None => HttpError::Network,
                    Some(status @ UNAUTHORIZED) => HttpError::Unauthorized { status },
                    Some(status) => HttpError::Status { status, retry_after: None },
                }),
            );
        }
    }

    /// Tells the tabs that wait for the lock: they would ask the same.
    fn tell_not_restored(&mut self, error: HttpError) {
        let status = match error {
            HttpError::Status { status: 400, .. } | HttpError::Forbidden { .. } | HttpError::Unauthorized { .. } => {
                Some(UNAUTHORIZED)
            }
            HttpError::Status { status, .. } => Some(status),
            HttpError::Network | HttpError::TimedOut => None,
            // A mistake of the configuration. Each tab says what it is.
            HttpError::Malformed(_) | HttpError::Redirected => return,
        };
        if self.is_restoring() && self.config.storage == TokenStorage::Store {
            self.outputs.push_back(Output::NotRestored { status });
        }
    }

    fn ask(&mut self, now: Now) {
        let request = self.new_request();
        if self.config.provider == TokenProvider::App {
            let reason = match &self.state {
                State::SignedIn(_) if self.is_current_rejected() => Reason::Rejected,
                State::SignedIn(_) => Reason::Expired,
                State::Expired { .. } | State::Loading | State::SignedOut => Reason::Missing,
            };
            self.outputs.push_back(Output::GetToken { request, reason });
        } else if let (Some(endpoint), State::SignedIn(tokens)) = (&self.config.refresh, &self.state) {
            let values = match &tokens.refresh {
                _ if endpoint.body.is_some() => tokens.values(),
                Some(token) => Json::object(&[("refresh", token.expose())]),
                None => Json::object(&[]),
            };
            let http = endpoint.request(HttpCall::Refresh, &self.config, &values, Some(tokens));
            self.outputs.push_back(Output::Fetch { request, http });
        } else if let Some(endpoint) = &self.config.restore {
            let http = endpoint.request(HttpCall::Restore, &self.config, &Json::object(&[]), None);
            self.outputs.push_back(Output::Fetch { request, http });
        }
        self.timers.set(Timer::Http, now.instant.after(self.config.http_timeout));
        self.renewal = Refresh::Requested(request);
    }

    pub(super) fn on_locked(&mut self, now: Now) {
        match self.renewal {
            Refresh::Locking => {
                self.renewal = Refresh::Looking { since: now.instant };
                self.go_on_reading();
            }
            // It is not needed any more.
            Refresh::None => self.outputs.push_back(Output::Unlock),
            Refresh::Looking { .. } | Refresh::Requested(_) | Refresh::Holding | Refresh::Refused(_) => {}
        }
    }

    /// This tab has the lock, and has taken over what the store holds.
    pub(super) fn on_seen(&mut self, now: Now) {
        // It may have ended the renewal.
        if matches!(self.renewal, Refresh::Looking { .. }) {
            self.renewal = Refresh::Holding;
        }
        self.ask_again(now);
        if matches!((&self.state, self.renewal), (State::Loading, Refresh::Holding)) {
            self.ask(now);
        }
        if matches!(self.renewal, Refresh::Holding) {
            self.end_renewal();
            self.changed(None);
        }
    }

    pub(super) fn on_provided(&mut self, now: Now, result: Result<Provided, NoToken>) {
        let answer = match result {
            Ok(Provided { access, lifetime }) if is_header_text(access.expose()) => {
                Ok(self.token_set(now, (access, None), lifetime, TokenOrigin::Earlier))
            }
            Ok(_) | Err(NoToken::Failed) => Err(HttpError::Network),
            Err(NoToken::SignInRequired) => Err(HttpError::Unauthorized { status: UNAUTHORIZED }),
        };
        self.on_renewed(now, answer);
    }

    pub(super) fn on_refresh_answer(&mut self, now: Now, answer: Result<Json, HttpError>, date: Option<UnixTime>) {
        let answer = answer.and_then(|json| self.tokens_of(now, &json, date));
        self.on_renewed(now, answer);
    }

    fn on_renewed(&mut self, now: Now, answer: Result<TokenSet, HttpError>) {
        self.timers.stop(Timer::Http);
        let error = match answer {
            Ok(tokens) => return self.renewed(now, tokens),
            Err(error) => error,
        };
        if matches!(self.renewal, Refresh::Requested(_)) {
            self.tell_not_restored(error);
        }
        match error {
            HttpError::Redirected
            | HttpError::Status { status: 400, .. }
            | HttpError::Forbidden { .. }
            | HttpError::Unauthorized { .. } => {
                let error = match error.status() {
                    Some(status) if self.is_unanswered => TokenError::RefreshLost { status },
                    Some(status) => TokenError::RefreshRejected { status },
                    None => TokenError::Refresh(error),
                };
                if self.config.storage == TokenStorage::Store {
                    self.renewal = Refresh::Refused(error);
                    return self.go_on_reading();
                }
                self.refused(now, error);
            }
            HttpError::Malformed(_) | HttpError::Network | HttpError::Status { .. } | HttpError::TimedOut => {
                // A server that rotates may have done so, and its answer was lost.
                self.is_unanswered |= !matches!(error, HttpError::Status { .. });
                let mut wait = self.backoff.after_failure(Hint::default());
                if let HttpError::Status { status, retry_after: Some(after) } = error {
                    wait = wait + after;
                    self.retry_not_before = Some(RetryNotBefore { until: now.instant.after(wait), status });
                }
                self.timers.set(Timer::Renew, now.instant.after(wait + LEAST_WAIT));
                // The next token request asks again.
                if matches!(self.state, State::Loading) {
                    self.state = State::SignedOut;
                    self.outputs.push_back(Output::RenewalRefused(TokenError::Refresh(error)));
                }
                self.end_renewal();
                self.changed(None);
                self.answer_without_renewal(now, TokenError::Refresh(error));
            }
        }
    }

    fn renewed(&mut self, now: Now, mut tokens: TokenSet) {
        if matches!(&self.state, State::Expired { access: Some(old), .. } if tokens.has_token(old)) {
            self.end_renewal();
            return self.answer_without_renewal(now, TokenError::Expired);
        }
        let same_user = self.is_same_user(&tokens, SameUser::UnlessKnownOther);
        let mut unchanged = None;
        if let State::SignedIn(old) = &mut self.state {
            unchanged = tokens.has_token_of(old).then_some(self.generation);
            tokens.refresh = tokens.refresh.or_else(|| old.refresh.take());
            tokens.subject = tokens.subject.or_else(|| old.subject.take());
            self.sign_in.renewals += 1;
        } else {
            self.begin_sign_in();
        }
        self.take(now, tokens, same_user);
        self.save();
        self.end_renewal();
        self.changed(None);
        // The new token answers all pending requests, however short its life is: another renewal at once would be a loop. It does not
        // answer requests that were refused with the same token.
        self.answer_all(unchanged);
    }

    /// These tokens cannot be renewed any more. If they are still valid, that is reported at once, and the session ends with them.
    pub(super) fn refused(&mut self, now: Now, error: TokenError) {
        if self.is_restoring() {
            return self.found_nobody(error);
        }
        let is_over = self.has_ended(now) || self.is_current_rejected();
        let mut is_signed_in = false;
        if let State::SignedIn(tokens) = &mut self.state {
            tokens.refresh = None;
            self.sign_in.renewals += 1;
            is_signed_in = true;
        }
        self.timers.stop(Timer::Renew);
        if is_signed_in && is_over {
            self.expire(error);
        } else if is_signed_in {
            self.refusal = Some(error);
            self.outputs.push_back(Output::RenewalRefused(error));
            self.save();
        }
        self.end_renewal();
        self.changed(None);
        self.answer_without_renewal(now, error);
    }

    /// The browser holds no session: nobody is signed in. That is no error.
    fn found_nobody(&mut self, error: TokenError) {
        self.restores = false;
        self.state = State::SignedOut;
        if let TokenError::Refresh(HttpError::Redirected) = error {
            self.outputs.push_back(Output::RenewalRefused(error));
        }
        self.end_renewal();
        self.changed(None);
        self.refuse_token_requests(TokenError::Missing);
    }

    pub(super) fn is_current_rejected(&self) -> bool {
        self.token_requests.iter().any(|request| request.requirement == TokenRequirement::OtherThan(self.generation))
    }

    /// The answer to token requests while `Retry-After` forbids a renewal.
    pub(super) fn paused(&self, now: Now) -> Option<TokenError> {
        let RetryNotBefore { until, status } = self.retry_not_before.filter(|wait| now.instant < wait.until)?;
        Some(TokenError::Refresh(HttpError::Status { status, retry_after: Some(until.since(now.instant)) }))
    }

    /// Ends a renewal whose answer no longer matters.
    pub(super) fn abort_renewal(&mut self) {
        match self.renewal {
            Refresh::None | Refresh::Holding => {}
            Refresh::Requested(request) => {
                self.timers.stop(Timer::Http);
                self.outputs.push_back(Output::AbortFetch { request });
                self.end_renewal();
            }
            Refresh::Locking | Refresh::Looking { .. } | Refresh::Refused(_) => self.end_renewal(),
        }
    }

    pub(super) fn end_renewal(&mut self) {
        match core::mem::replace(&mut self.renewal, Refresh::None) {
            Refresh::Locking => self.outputs.push_back(Output::Unlock),
            // Pending writes come before the unlock.
            Refresh::Requested(_) | Refresh::Holding | Refresh::Looking { .. } | Refresh::Refused(_) => {
                self.store.unlocks = self.config.storage == TokenStorage::Store;
            }
            Refresh::None => {}
        }
    }

    /// Sets the timer for the next renewal, and reports when it is due. A token that cannot be renewed any more ends the session.
    pub(super) fn watch(&mut self, now: Now) {
        let State::SignedIn(TokenSet { expires_at: Some(end), leeway, .. }) = &self.state else { return };
        if !matches!(self.renewal, Refresh::None) {
            return;
        }
        if let Some(error) = self.refusal {
            if self.has_ended(now) {
                return self.expire(error);
            }
            let left = end.since(self.earliest(now));
            return self.timers.set(Timer::Renew, now.instant.after(left.min(WATCH)));
        }
        if !self.can_renew() {
            return;
        }
        let due = end.before(*leeway).after(self.jitter);
        let latest = self.latest(now);
        if latest >= due {
            return self.outputs.push_back(Output::Due);
        }
        self.timers.set(Timer::Renew, now.instant.after(due.since(latest).min(WATCH)));
    }

    /// The earliest possible time of the server; by the local clock if the server's is unknown.
    fn earliest(&self, now: Now) -> UnixTime {
        self.clock.map_or(now.unix, |clock| clock.earliest(now))
    }

    /// Whether the present token has ended, as far as is known.
    fn has_ended(&self, now: Now) -> bool {
        matches!(&self.state, State::SignedIn(tokens) if tokens.is_expired_at(self.earliest(now)))
    }
}

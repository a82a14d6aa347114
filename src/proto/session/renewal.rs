//! Renewal: one at a time, in all tabs, and what its failure means.
//!
//! ```text
//!                 a store                      not renewed meanwhile
//!   none ─────────────────────► locking ─────────────────────────────► asked ──► none: renewed, or failed in passing
//!    │                             └──► none: another tab has renewed    │ ▲
//!    └───────────────────────────────────── no store ────────────────────┘ │
//!                                            refused (400, 401, 403): what does the store say now?
//! ```
//!
//! Rules: a refresh token is sent by nobody but the holder of the lock, and not if the store holds a newer one; a refusal counts only
//! if the store says nothing newer; what fails in passing signs nobody out.

use core::time::Duration;

use super::config::is_header_text;
use super::io::{Demand, NoToken, Output, Provided, Reason, RequestId};
use super::sign_in::SameUser;
use super::store::Stored;
use super::{Session, State};
use crate::error::{HttpError, TokenError};
use crate::proto::hint::Hint;
use crate::proto::timer::Timer;
use crate::proto::token::{Received, TokenSet};
use crate::proto::{Instant, Json, Now, UnixTime};

/// How often a token's end is looked at: a computer that wakes finds a token that has ended within this time.
const WATCH: Duration = Duration::from_secs(60);

/// How soon after a failure nobody but a connection that needs a token tries again.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// What is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewal {
    None,
    /// The lock is asked for.
    Locking,
    /// The lock is ours, and what the store says is being weighed.
    Holding,
    /// The server, or the app, is asked.
    Asked(RequestId),
    /// The server has refused; the store is asked whether it was asked in vain.
    Refused(TokenError),
}

/// A renewal that the server does not want before a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    until: Instant,
    status: u16,
}

impl Session {
    pub(super) fn can_renew(&self) -> bool {
        match &self.state {
            // Where cookies go along, the refresh token may be one.
            State::SignedIn(tokens) => {
                self.config.has_source
                    || self.config.refresh.is_some() && (tokens.refresh.is_some() || self.config.cookies)
            }
            State::Expired { .. } | State::SignedOut => self.config.has_source,
            State::Loading => false,
        }
    }

    /// Begins to get other tokens; who wants them is among those who wait.
    pub(super) fn renew(&mut self, now: Now) {
        match self.renewal {
            Renewal::None if self.config.has_store => {
                self.renewal = Renewal::Locking;
                self.outputs.push_back(Output::Lock);
            }
            Renewal::None | Renewal::Holding => self.ask(now),
            Renewal::Locking | Renewal::Asked(_) | Renewal::Refused(_) => return,
        }
        self.changed(None);
    }

    fn ask(&mut self, now: Now) {
        let request = self.new_request();
        if self.config.has_source {
            let reason = match &self.state {
                State::SignedIn(_) if self.is_current_rejected() => Reason::Rejected,
                State::SignedIn(_) => Reason::Expired,
                State::Expired { .. } | State::Loading | State::SignedOut => Reason::Missing,
            };
            self.outputs.push_back(Output::GetToken { request, reason });
        } else if let (Some(endpoint), State::SignedIn(tokens)) = (&self.config.refresh, &self.state) {
            let values = match &tokens.refresh {
                Some(token) => Json::object(&[("refresh", token.expose())]),
                None => Json::object(&[]),
            };
            let http = endpoint.request(&self.config, &values, None);
            self.outputs.push_back(Output::Fetch { request, http });
        }
        self.timers.set(Timer::Http, now.instant.after(self.config.http_timeout));
        self.renewal = Renewal::Asked(request);
    }

    pub(super) fn on_locked(&mut self, now: Now, stored: Stored) {
        match self.renewal {
            Renewal::Locking => {}
            // Nobody needs it any more.
            Renewal::None => return self.outputs.push_back(Output::Unlock),
            Renewal::Asked(_) | Renewal::Holding | Renewal::Refused(_) => return,
        }
        self.renewal = Renewal::Holding;
        self.adopt(now, stored);
        self.ask_again(now);
        if matches!(self.renewal, Renewal::Holding) {
            self.end_renewal();
            self.changed(None);
        }
    }

    pub(super) fn on_stored(&mut self, now: Now, stored: Stored) {
        self.adopt(now, stored);
        // Whatever is newer ends a renewal.
        if let Renewal::Refused(error) = self.renewal {
            return self.refused(now, error);
        }
        if matches!(self.renewal, Renewal::None) {
            self.ask_again(now);
        }
    }

    pub(super) fn on_provided(&mut self, now: Now, result: Result<Provided, NoToken>) {
        let answer = match result {
            Ok(Provided { access, lifetime }) if is_header_text(access.expose()) => {
                Ok(self.token_set(now, (access, None), lifetime, Received::Earlier))
            }
            Ok(_) | Err(NoToken::Failed) => Err(HttpError::Network),
            Err(NoToken::SignInRequired) => Err(HttpError::Status { status: 401, retry_after: None }),
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
        match error {
            HttpError::Status { status: status @ (400 | 401 | 403), .. } => {
                let error = if self.is_unanswered {
                    TokenError::RefreshLost { status }
                } else {
                    TokenError::RefreshRejected { status }
                };
                if self.config.has_store {
                    self.renewal = Renewal::Refused(error);
                    return self.outputs.push_back(Output::Load);
                }
                self.refused(now, error);
            }
            HttpError::Malformed(_) | HttpError::Network | HttpError::Status { .. } | HttpError::TimedOut => {
                // A server that rotates may have done so, and nobody heard.
                self.is_unanswered |= !matches!(error, HttpError::Status { .. });
                let mut wait = self.backoff.after_failure(Hint::default());
                if let HttpError::Status { status, retry_after: Some(after) } = error {
                    wait += after;
                    self.pause = Some(Pause { until: now.instant.after(wait), status });
                }
                self.timers.set(Timer::Renew, now.instant.after(wait + LEAST_WAIT));
                self.end_renewal();
                self.changed(None);
                self.answer_without_renewal(now, TokenError::Refresh(error));
            }
        }
    }

    fn renewed(&mut self, now: Now, mut tokens: TokenSet) {
        if matches!(&self.state, State::Expired { access: Some(old), .. } if *old == tokens.access) {
            self.end_renewal();
            return self.answer_without_renewal(now, TokenError::Expired);
        }
        let same_user = self.is_same_user(&tokens, SameUser::UnlessKnownOther);
        let mut unchanged = None;
        if let State::SignedIn(old) = &mut self.state {
            unchanged = (tokens.access == old.access).then_some(self.generation);
            tokens.refresh = tokens.refresh.or_else(|| old.refresh.take());
            tokens.subject = tokens.subject.or_else(|| old.subject.take());
            self.sign_in.renewals += 1;
        } else {
            self.begin_sign_in();
        }
        self.take(now, tokens, same_user);
        self.save(now);
        self.end_renewal();
        self.changed(None);
        // The new token serves whoever waited, however short its life: asking again at once would be a loop. Whoever was
        // refused with the same is not helped.
        self.answer_all(unchanged);
    }

    /// Nothing can renew these tokens any more; whether they are still good is another question.
    fn refused(&mut self, now: Now, error: TokenError) {
        let is_over = self.is_expired(now) || self.is_current_rejected();
        if let State::SignedIn(tokens) = &mut self.state {
            tokens.refresh = None;
            self.sign_in.renewals += 1;
        }
        self.timers.stop(Timer::Renew);
        if is_over {
            self.expire(error);
        } else {
            self.save(now);
        }
        self.end_renewal();
        if !is_over {
            self.changed(None);
        }
        self.answer_without_renewal(now, error);
    }

    pub(super) fn is_current_rejected(&self) -> bool {
        self.wants.iter().any(|want| want.demand == Demand::NotRejected(self.generation))
    }

    /// What to say instead of asking a server that does not want to be asked before a while.
    pub(super) fn paused(&self, now: Now) -> Option<TokenError> {
        let pause = self.pause.filter(|pause| now.instant < pause.until)?;
        let retry_after = Some(pause.until.since(now.instant));
        Some(TokenError::Refresh(HttpError::Status { status: pause.status, retry_after }))
    }

    /// Ends a renewal whose answer no longer matters.
    pub(super) fn abort_renewal(&mut self) {
        match self.renewal {
            Renewal::None | Renewal::Holding => {}
            Renewal::Asked(request) => {
                self.timers.stop(Timer::Http);
                self.outputs.push_back(Output::AbortFetch { request });
                self.end_renewal();
            }
            Renewal::Locking | Renewal::Refused(_) => self.end_renewal(),
        }
    }

    pub(super) fn end_renewal(&mut self) {
        if !matches!(self.renewal, Renewal::None) && self.config.has_store {
            self.outputs.push_back(Output::Unlock);
        }
        self.renewal = Renewal::None;
    }

    /// Looks when the token should be renewed, and says so when that is now.
    pub(super) fn watch(&mut self, now: Now) {
        let State::SignedIn(TokenSet { expires_at: Some(end), leeway, .. }) = &self.state else { return };
        if !self.can_renew() || !matches!(self.renewal, Renewal::None) {
            return;
        }
        let due = end.before(*leeway).after(self.jitter);
        let latest = self.latest(now);
        if latest >= due {
            return self.outputs.push_back(Output::Due);
        }
        self.timers.set(Timer::Renew, now.instant.after(due.since(latest).min(WATCH)));
    }
}

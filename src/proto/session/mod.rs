//! The session machine: who the user is, and the only source of tokens.
//!
//! ```text
//!              setTokens / login             token wanted, not usable
//!   signed-out ─────────────────► signed-in ─────────────────────────► refreshing
//!        ▲                         ▲     │ refused, nothing renews it     │   │
//!        │ logout (from any)       │     ▼                                │   │ refused (400, 401, 403)
//!        └──────────────── expired ◄───────────────────────────────────── ┼───┘
//!                                  └──────────────────────────────────────┘ renewed, or may pass (kept)
//! ```
//!
//! Before that: loading, until the store has answered, if there is one. How a renewal goes is in the module `renewal`, what the store
//! has to do with it in `store`, who signs in and out in `sign_in`.
//! Rules: one renewal and one login in flight; every token has a generation, so that a refused token is refreshed once
//! for all sockets that had it; every user has an epoch, and nothing of an earlier epoch counts.
//! Contract: one [`Session::handle_input`], then [`Session::poll_output`] until `None`, then [`Session::poll_timeout`]; as of
//! [`Connection`](super::connection::Connection).

mod config;
mod io;
mod renewal;
mod sign_in;
mod store;

use core::time::Duration;
use std::collections::VecDeque;

use config::is_header_text;
pub use config::{SessionConfig, TimeUnit, TokenEndpoint, TokenFields, check_header_text};
pub use io::{
    Asker, Demand, Grant, Input, LoginError, LoginId, NoToken, Output, Provided, Reason, RequestId, SessionState,
    SessionView, Want, WantId,
};
use renewal::{Pause, Renewal};
use sign_in::SameUser;
use store::SignIn;
pub use store::{Record, Stored};

use super::backoff::{Backoff, BackoffOptions};
use super::http::{HttpResponse, NoAnswer, http_date, json_of};
use super::time::ServerClock;
use super::timer::{Timer, Timers};
use super::token::{Lifetime, Received, TokenSet};
use super::{Instant, Json, Now, Secret, UnixTime};
use crate::error::{HttpError, Malformed, TokenError};

/// The session machine.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    state: State,
    renewal: Renewal,
    pause: Option<Pause>,
    /// Whether a renewal was sent and nothing came back: the server may have used up the refresh token.
    is_unanswered: bool,
    /// What is known of the server's clock; nothing until the server has told.
    clock: Option<ServerClock>,
    /// How long after the due time this tab renews.
    jitter: Duration,
    backoff: Backoff,
    ids: fastrand::Rng,
    sign_in: SignIn,
    /// Counts users: logout and a change of user begin a new one.
    epoch: u32,
    /// Counts token sets.
    generation: u32,
    /// Since when there is the present one.
    since: Instant,
    /// Counts logins and token sets that the app brought.
    sign_ins: u32,
    login: Option<(LoginId, RequestId)>,
    wants: Vec<Want>,
    timers: Timers,
    next_request: u32,
    /// What the app and the connections were told last.
    told: (SessionState, SessionView),
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    /// With the last access token, which nobody is to try again, and whose it was.
    Expired {
        access: Option<Secret>,
        subject: Option<String>,
    },
    /// The store has not yet answered.
    Loading,
    SignedIn(TokenSet),
    SignedOut,
}

/// The waits between renewals that nobody waits for.
const BACKOFF: BackoffOptions =
    BackoffOptions { base: Duration::from_secs(1), cap: Duration::from_secs(30), spread: Duration::ZERO };

impl Session {
    /// Makes a session: without a user, or with the one that the store knows.
    #[must_use]
    pub fn new(config: SessionConfig, seed: u64) -> Self {
        let (state, outputs) = if config.has_store {
            (State::Loading, VecDeque::from([Output::Load]))
        } else {
            (State::SignedOut, VecDeque::new())
        };
        let mut session = Self {
            config,
            state,
            renewal: Renewal::None,
            pause: None,
            is_unanswered: false,
            clock: None,
            jitter: Duration::ZERO,
            backoff: Backoff::new(BACKOFF, seed),
            ids: fastrand::Rng::with_seed(seed),
            sign_in: SignIn::default(),
            epoch: 0,
            generation: 0,
            since: Instant::from_millis(0),
            sign_ins: 0,
            login: None,
            wants: Vec::new(),
            timers: Timers::default(),
            next_request: 0,
            told: (SessionState::SignedOut, SessionView::default()),
            outputs,
        };
        session.told.0 = session.state();
        session
    }

    /// Applies one thing that happened. Never fails: what the world does wrong becomes an output.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        let before = (self.sign_in, self.generation);
        match input {
            Input::Http { request, result } => self.on_http(now, request, result),
            Input::Locked(stored) => self.on_locked(now, stored),
            Input::Login { login, credentials } => self.on_login(now, login, &credentials),
            Input::Logout => self.on_logout(),
            Input::Provided { request, result } => {
                if matches!(self.renewal, Renewal::Asked(asked) if asked == request) {
                    self.on_provided(now, result);
                }
            }
            Input::SetTokens { access, refresh, lifetime } => {
                self.supersede_login();
                let tokens = self.token_set(now, (access, refresh), lifetime, Received::Earlier);
                self.begin(now, tokens, SameUser::UnlessKnownOther);
            }
            Input::Stored(stored) => self.on_stored(now, stored),
            Input::Timeout => self.on_timeout(now),
            Input::Unwant { asker } => self.wants.retain(|want| want.asker != asker),
            Input::Want(want) => self.on_want(now, want),
        }
        if before != (self.sign_in, self.generation) {
            self.watch(now);
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

    /// Returns the public state.
    #[must_use]
    pub fn state(&self) -> SessionState {
        match self.state {
            State::Expired { .. } => SessionState::Expired,
            State::Loading => SessionState::Loading,
            State::SignedIn(_) if !matches!(self.renewal, Renewal::None) => SessionState::Refreshing,
            State::SignedIn(_) => SessionState::SignedIn,
            State::SignedOut => SessionState::SignedOut,
        }
    }

    /// Returns the session as a connection sees it.
    #[must_use]
    pub fn view(&self) -> SessionView {
        let Self { epoch, sign_ins, generation, .. } = *self;
        SessionView { epoch, sign_ins, generation, is_signed_in: self.state().is_signed_in() }
    }

    fn on_want(&mut self, now: Now, want: Want) {
        let has_to_wait = match self.renewal {
            Renewal::None | Renewal::Holding => match self.state {
                State::Expired { .. } | State::SignedOut => self.login.is_some(),
                State::Loading => true,
                State::SignedIn(_) => false,
            },
            Renewal::Locking | Renewal::Asked(_) | Renewal::Refused(_) => true,
        };
        if has_to_wait {
            return self.wants.push(want);
        }
        let (current, latest) = (self.generation, self.latest(now));
        let mut result = match &self.state {
            State::SignedIn(tokens) => {
                let is_usable = tokens.is_usable_at(latest);
                let will_do = match want.demand {
                    Demand::NotDoubted(generation) | Demand::NotRejected(generation) => {
                        generation != current && is_usable
                    }
                    Demand::UsableFor(life) => is_usable && !tokens.is_expired_at(latest.after(life)),
                };
                let grant = self.grant(tokens);
                if will_do {
                    return self.answer(want, Ok(grant));
                }
                // Only the server's word ends a token whose end nobody knows for sure, or dials that fail without a word.
                let is_over = want.demand == Demand::NotRejected(current)
                    || self.is_expired(now)
                    || want.demand == Demand::NotDoubted(current) && tokens.is_expired_at(latest);
                if is_over { Err(TokenError::Expired) } else { Ok(grant) }
            }
            State::Expired { .. } => Err(TokenError::Expired),
            State::Loading | State::SignedOut => Err(TokenError::Missing),
        };
        if self.can_renew() {
            let Some(error) = self.paused(now) else {
                self.wants.push(want);
                return self.renew(now);
            };
            result = result.map_err(|_| error);
        } else if let (State::SignedIn(_), Err(error)) = (&self.state, &result) {
            self.expire(*error);
        }
        self.answer(want, result);
    }

    /// Asks anew for whoever waits.
    fn ask_again(&mut self, now: Now) {
        for want in core::mem::take(&mut self.wants) {
            self.on_want(now, want);
        }
    }

    /// Ends what belongs to the user.
    fn forget(&mut self) {
        self.abort_renewal();
        self.state = State::SignedOut;
        self.epoch += 1;
        self.changed(None);
        for want in core::mem::take(&mut self.wants) {
            self.answer(want, Err(TokenError::Missing));
        }
    }

    fn new_request(&mut self) -> RequestId {
        let request = RequestId(self.next_request);
        self.next_request = self.next_request.wrapping_add(1);
        request
    }

    fn on_http(&mut self, now: Now, request: RequestId, result: Result<HttpResponse, NoAnswer>) {
        let date = result.as_ref().ok().and_then(|response| response.date.as_deref()).and_then(http_date);
        if self.login.is_some_and(|(_, waiting)| waiting == request) {
            let answer = json_of(now, &result, reject_of(&self.config.login));
            let body = result.ok().map(|response| response.body);
            self.on_login_answer(now, answer, date, body);
        } else if matches!(self.renewal, Renewal::Asked(asked) if asked == request) {
            let answer = json_of(now, &result, reject_of(&self.config.refresh));
            self.on_refresh_answer(now, answer, date);
        }
    }

    /// Answers who waited for a renewal that failed: with the old token whoever may still use it, else with the failure.
    fn answer_without_renewal(&mut self, now: Now, error: TokenError) {
        let is_expired = self.is_expired(now);
        for want in core::mem::take(&mut self.wants) {
            let result = match &self.state {
                State::SignedIn(tokens) if want.demand != Demand::NotRejected(self.generation) && !is_expired => {
                    Ok(self.grant(tokens))
                }
                State::Expired { .. } | State::Loading | State::SignedIn(_) | State::SignedOut => Err(error),
            };
            self.answer(want, result);
        }
    }

    fn on_timeout(&mut self, now: Now) {
        while let Some((_, timer)) = self.timers.take_due(now.instant) {
            let late = match (timer, self.login, self.renewal) {
                (Timer::Renew, ..) => {
                    self.watch(now);
                    continue;
                }
                (Timer::Login, Some((_, request)), _) | (_, _, Renewal::Asked(request)) => request,
                _ => continue,
            };
            self.outputs.push_back(Output::AbortFetch { request: late });
            if timer == Timer::Login {
                self.on_login_answer(now, Err(HttpError::TimedOut), None, None);
            } else {
                self.on_refresh_answer(now, Err(HttpError::TimedOut), None);
            }
        }
    }

    /// Takes new tokens into use.
    fn take(&mut self, now: Now, tokens: TokenSet, same_user: bool) {
        // The same token again is as good, or as bad, as it was.
        if !matches!(&self.state, State::SignedIn(old) if old.access == tokens.access) {
            self.generation += 1;
            self.since = now.instant;
        }
        if !same_user {
            self.epoch += 1;
        }
        self.pause = None;
        self.is_unanswered = false;
        self.backoff.reset();
        self.jitter = self.backoff.draw(tokens.leeway / 2);
        self.timers.stop(Timer::Renew);
        self.state = State::SignedIn(tokens);
    }

    /// Answers everybody with the present token. `unchanged` is the generation that had the same: who was refused with it is
    /// not helped.
    fn answer_all(&mut self, unchanged: Option<u32>) {
        let State::SignedIn(tokens) = &self.state else { return };
        let grant = self.grant(tokens);
        let mut is_refused = false;
        for want in core::mem::take(&mut self.wants) {
            if unchanged.is_some() && want.demand.rejected() == unchanged {
                is_refused = true;
                self.answer(want, Err(TokenError::Expired));
            } else {
                self.answer(want, Ok(grant.clone()));
            }
        }
        if is_refused {
            self.expire(TokenError::Expired);
        }
    }

    fn expire(&mut self, error: TokenError) {
        self.clear();
        self.timers.stop(Timer::Renew);
        let access = match &self.state {
            State::SignedIn(tokens) => Some(tokens.access.clone()),
            State::Expired { .. } | State::Loading | State::SignedOut => None,
        };
        self.state = State::Expired { access, subject: self.subject().cloned() };
        self.changed(Some(error));
    }

    /// The latest that it may be at the server.
    fn latest(&self, now: Now) -> UnixTime {
        self.clock.map_or(now.unix, |clock| clock.latest(now))
    }

    /// Returns whether the token has ended for sure. Only the server's clock tells.
    fn is_expired(&self, now: Now) -> bool {
        match (&self.state, self.clock) {
            (State::SignedIn(tokens), Some(clock)) => tokens.is_expired_at(clock.earliest(now)),
            _ => false,
        }
    }

    fn tokens_of(&mut self, now: Now, json: &Json, date: Option<UnixTime>) -> Result<TokenSet, HttpError> {
        let fields = &self.config.fields;
        let text = |path: &str| json.text_at(path).map(Secret::new);
        let access = text(&fields.access)
            .filter(|text| is_header_text(text.expose()))
            .ok_or(HttpError::Malformed(Malformed::MissingField))?;
        let refresh = fields.refresh.as_deref().and_then(text);
        let expires_in = json.number_at(&fields.expires_in).map(|span| match fields.expires_in_unit {
            TimeUnit::Millis => span / 1000.0,
            TimeUnit::Seconds => span,
        });
        let lifetime = Lifetime { expires_in, expires_at: json.number_at(&fields.expires_at) };
        Ok(self.token_set(now, (access, refresh), lifetime, Received::JustNow { date }))
    }

    fn token_set(
        &mut self,
        now: Now,
        tokens: (Secret, Option<Secret>),
        lifetime: Lifetime,
        received: Received,
    ) -> TokenSet {
        TokenSet::new(&mut self.clock, now, tokens, lifetime, received, self.config.leeway)
    }

    fn grant(&self, tokens: &TokenSet) -> Grant {
        Grant {
            authorization: Secret::new([&self.config.prefix, " ", tokens.access.expose()].concat()),
            start: self.config.prefix.len() + 1,
            generation: self.generation,
            epoch: self.epoch,
            sign_ins: self.sign_ins,
            since: self.since,
        }
    }

    #[inline(never)]
    fn answer(&mut self, want: Want, result: Result<Grant, TokenError>) {
        self.outputs.push_back(Output::Token { asker: want.asker, want: want.want, result });
    }

    /// Tells what has changed, if anything has.
    fn changed(&mut self, error: Option<TokenError>) {
        let (state, view) = (self.state(), self.view());
        if core::mem::replace(&mut self.told, (state, view)) != (state, view) {
            self.outputs.push_back(Output::Changed { state, view, error });
        }
    }
}

fn reject_of(endpoint: &Option<TokenEndpoint>) -> Option<&Json> {
    endpoint.as_ref()?.reject.as_ref()
}

/// The default leeway: 30 s.
pub const LEEWAY: Duration = Duration::from_secs(30);

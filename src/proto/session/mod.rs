//! The session machine: the signed-in user, and the only source of tokens.
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
//! Before that it is loading, until the store has answered, if there is one. The module `renewal` has the renewals, `store` the store, `sign_in`
//! the sign-in and sign-out. [`proto`](crate::proto) says how to drive it.
//!
//! Rules: one renewal and one login are in flight. Every token set has a generation, so that a refused token is renewed once for all sockets that
//! had it. Every user has an epoch, and nothing of an earlier epoch counts.

mod config;
mod io;
mod renewal;
mod sign_in;
mod state;
mod store;
mod token_requests;

use crate::proto::Millis;
use std::collections::VecDeque;

use config::is_header_text;
pub use config::{
    EndpointAuthorization, SessionConfig, TimeUnit, TokenEndpoint, TokenFields, TokenProvider, TokenStorage,
    check_header_text,
};
pub use io::{
    AccessToken, Input, LoginError, LoginId, NoToken, Output, Provided, Reason, Record, RequestId, RequesterId,
    SessionState, SessionView, StoreEnd, Stored, TokenRequest, TokenRequestId, TokenRequirement,
};
use state::{Login, Refresh, RetryNotBefore, SameUser, SignIn, State, Store, Timer};

use super::backoff::{Backoff, BackoffOptions};
use super::http::{HttpResponse, Meanings, NoAnswer, http_date, json_of};
use super::time::ServerClock;
use super::timer::Timers;
use super::token::{Lifetime, TokenOrigin, TokenSet};
use super::{Instant, Json, Now, Secret, UnixTime};
use crate::error::{HttpError, Malformed, TokenError};

/// The session machine.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    state: State,
    renewal: Refresh,
    retry_not_before: Option<RetryNotBefore>,
    /// Why the present token cannot be renewed any more, if the server has refused that.
    refusal: Option<TokenError>,
    /// Whether a renewal got no answer: the server may have used up the refresh token.
    is_unanswered: bool,
    /// What is known of the server's clock.
    clock: Option<ServerClock>,
    /// How long after the due time this tab renews, by chance.
    jitter: Millis,
    backoff: Backoff,
    ids: fastrand::Rng,
    sign_in: SignIn,
    /// Sign-ins that are over and may still be in the store. They must not come back.
    left: Vec<u64>,
    store: Store,
    /// Counts users: it grows at logout and with a change of user.
    user_epoch: u32,
    /// Counts token sets.
    generation: u32,
    /// The first token set of the present user. A request that was refused with an earlier one belongs to somebody else.
    first_generation: u32,
    /// Since when there is the present token set.
    since: Instant,
    /// Counts logins and calls of `setTokens()`.
    sign_in_count: u32,
    login: Login,
    /// The call of a logout whose answer deletes a cookie.
    leaving: Option<RequestId>,
    /// Whether the browser may hold a session that nobody has asked for yet.
    restores: bool,
    token_requests: Vec<TokenRequest>,
    timers: Timers<Timer>,
    next_request: u32,
    /// What was reported last.
    told: (SessionState, SessionView),
    /// The user that the connections know.
    told_user_epoch: u32,
    outputs: VecDeque<Output>,
}

/// The waits between renewals without a token request.
const BACKOFF: BackoffOptions =
    BackoffOptions { base: Millis::from_secs(1), cap: Millis::from_secs(30), spread: Millis::ZERO };

impl Session {
    /// Creates a session: without a user, or with the user of the store.
    #[must_use]
    pub fn new(config: SessionConfig, seed: u64) -> Self {
        let has_store = config.storage == TokenStorage::Store;
        let restores = config.restore.is_some();
        let mut session = Self {
            config,
            state: if has_store || restores { State::Loading } else { State::SignedOut },
            renewal: Refresh::None,
            retry_not_before: None,
            refusal: None,
            is_unanswered: false,
            clock: None,
            jitter: Millis::ZERO,
            backoff: Backoff::new(BACKOFF, seed),
            ids: fastrand::Rng::with_seed(seed),
            sign_in: SignIn::default(),
            left: Vec::new(),
            store: Store::default(),
            user_epoch: 0,
            generation: 0,
            first_generation: 0,
            since: Instant::from_millis(0),
            sign_in_count: 0,
            login: Login::None,
            leaving: None,
            restores,
            token_requests: Vec::new(),
            timers: Timers::default(),
            next_request: 0,
            told: (SessionState::SignedOut, SessionView::default()),
            told_user_epoch: 0,
            outputs: VecDeque::new(),
        };
        session.told.0 = session.state();
        if has_store {
            session.store.is_unread = true;
            session.read();
        } else if restores {
            session.timers.set(Timer::Restore, Instant::from_millis(0));
        }
        session
    }

    /// Handles an input. It never fails: failures of the world become outputs.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        let before = (self.sign_in, self.generation);
        match input {
            Input::Http { request, result } => self.on_http(now, request, result),
            Input::Locked => self.on_locked(now),
            Input::Login { login, credentials, endpoint } => self.on_login(now, login, credentials, endpoint),
            Input::Logout => self.on_logout(),
            Input::LoggedOut => self.on_logged_out(),
            Input::NotRestored { status } => self.on_not_restored(now, status),
            Input::Provided { request, result } => {
                if matches!(self.renewal, Refresh::Requested(asked) if asked == request) {
                    self.on_provided(now, result);
                }
            }
            Input::SetTokens { access, refresh, lifetime } => {
                self.supersede_login();
                let tokens = self.token_set(now, (access, refresh), lifetime, TokenOrigin::Earlier);
                self.begin(now, tokens, SameUser::UnlessKnownOther);
            }
            Input::StoreChanged => self.read(),
            Input::Stored { stored, is_behind } => self.on_stored(now, stored, is_behind),
            Input::Timeout => self.on_timeout(now),
            Input::Twin { id, stored } => self.on_twin(now, id, stored),
            Input::CancelTokenRequest { requester } => {
                self.token_requests.retain(|request| request.requester != requester)
            }
            Input::RequestToken(request) => self.on_token_request(now, request),
            Input::Written(end) => self.on_written(now, end),
        }
        if before != (self.sign_in, self.generation) {
            self.watch(now);
        }
        self.unlock();
    }

    /// Returns the session if the user has changed since the last call. Tell every connection before anything else, because nothing of the
    /// previous user may be sent.
    #[must_use]
    pub fn poll_user_change(&mut self) -> Option<SessionView> {
        (core::mem::replace(&mut self.told_user_epoch, self.user_epoch) != self.user_epoch).then(|| self.view())
    }

    /// Returns the next output, in order, until `None`.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        while let Some(output) = self.outputs.pop_front() {
            if let Some(output) = self.as_of_now(output) {
                return Some(output);
            }
        }
        None
    }

    /// Returns an output unless it has become pointless, because a listener has signed out or somebody else in. A token of the previous user is
    /// not handed out, and the request gets no token of another user.
    fn as_of_now(&self, output: Output) -> Option<Output> {
        if let Output::Token { requester, id, result: Ok(token) } = &output
            && token.user_epoch != self.user_epoch
        {
            let result = Err(self.access_token().err().unwrap_or(TokenError::Superseded));
            return Some(Output::Token { requester: *requester, id: *id, result });
        }
        if let Output::Fetch { request, http } = &output
            && !http.keepalive
            && !self.awaits(*request)
        {
            return None;
        }
        if let Output::GetToken { request, .. } = &output
            && !self.awaits(*request)
        {
            return None;
        }
        Some(output)
    }

    /// Whether a request is in flight.
    fn awaits(&self, request: RequestId) -> bool {
        matches!(self.renewal, Refresh::Requested(asked) if asked == request)
            || matches!(self.login, Login::Requested { request: waiting, .. } if waiting == request)
    }

    /// Returns the latest time for the next [`Input::Timeout`]. Early or repeated calls are harmless.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Returns whether a change of the store is pending. A driver keeps the machine until then.
    #[must_use]
    pub const fn is_storing(&self) -> bool {
        self.store.wish.is_some() || self.store.writing.is_some()
    }

    /// Returns the public state.
    #[must_use]
    pub fn state(&self) -> SessionState {
        match self.state {
            State::Expired { .. } => SessionState::Expired,
            State::Loading => SessionState::Loading,
            State::SignedIn(_) if !matches!(self.renewal, Refresh::None) => SessionState::Refreshing,
            State::SignedIn(_) => SessionState::SignedIn,
            State::SignedOut => SessionState::SignedOut,
        }
    }

    /// Returns the session as a connection sees it.
    #[must_use]
    pub fn view(&self) -> SessionView {
        let Self { user_epoch, sign_in_count, generation, .. } = *self;
        SessionView { user_epoch, sign_in_count, generation, is_signed_in: self.state().is_signed_in() }
    }

    /// Ends what belongs to the user.
    fn forget(&mut self) {
        self.abort_renewal();
        self.leave_sign_in(self.sign_in.id);
        self.refusal = None;
        self.restores = false;
        self.state = State::SignedOut;
        self.user_epoch += 1;
        self.first_generation = self.generation + 1;
        self.changed(None);
        self.refuse_token_requests(TokenError::Missing);
    }

    fn new_request(&mut self) -> RequestId {
        let request = RequestId(self.next_request);
        self.next_request = self.next_request.wrapping_add(1);
        request
    }

    fn on_http(&mut self, now: Now, request: RequestId, result: Result<HttpResponse, NoAnswer>) {
        let date = result.as_ref().ok().and_then(|response| response.date.as_deref()).and_then(http_date);
        // A refusal has the server's time, too.
        if let (None, Some(server)) = (self.clock, date) {
            self.clock = Some(ServerClock { server, at: now });
        }
        if self.leaving == Some(request) {
            self.has_left(now);
        } else if let Login::Requested { request: waiting, meanings, .. } = &self.login
            && *waiting == request
        {
            let answer = self.answer_of(now, &result, meanings);
            let body = result.ok().map(|response| response.body);
            self.on_login_answer(now, answer, date, body);
        } else if matches!(self.renewal, Refresh::Requested(asked) if asked == request) {
            let is_renewal = matches!(self.state, State::SignedIn(_));
            let endpoint = if is_renewal { &self.config.refresh } else { &self.config.restore };
            let meanings = endpoint.as_ref().map(TokenEndpoint::meanings).unwrap_or_default();
            let answer = self.answer_of(now, &result, &meanings);
            self.on_refresh_answer(now, answer, date);
        }
    }

    /// Reads the answer of an endpoint. A session by cookie needs none: 204 is enough.
    fn answer_of(
        &self,
        now: Now,
        result: &Result<HttpResponse, NoAnswer>,
        meanings: &Meanings,
    ) -> Result<Json, HttpError> {
        let is_empty = result.as_ref().is_ok_and(|response| response.body.expose().is_empty());
        match json_of(now, result, meanings) {
            Err(HttpError::Malformed(Malformed::NotJson)) if is_empty && self.config.fields.access.is_none() => {
                Ok(Json::object(&[]))
            }
            answer => answer,
        }
    }

    /// Answers token requests after a failed renewal: with the old token if it meets the requirement, else with the failure.
    fn answer_without_renewal(&mut self, now: Now, error: TokenError) {
        let is_expired = self.is_expired(now);
        for request in core::mem::take(&mut self.token_requests) {
            let result = match &self.state {
                State::SignedIn(tokens)
                    if request.requirement != TokenRequirement::OtherThan(self.generation) && !is_expired =>
                {
                    Ok(self.token(tokens))
                }
                State::Expired { .. } | State::Loading | State::SignedIn(_) | State::SignedOut => Err(error),
            };
            self.answer(request, result);
        }
    }

    fn on_timeout(&mut self, now: Now) {
        while let Some((_, timer)) = self.timers.take_due(now.instant) {
            let timed_out = Err(HttpError::TimedOut);
            match (timer, self.renewal) {
                (Timer::Http, Refresh::Requested(request)) => {
                    self.outputs.push_back(Output::AbortFetch { request });
                    self.on_refresh_answer(now, timed_out, None);
                }
                (Timer::Login, _) => match self.login {
                    Login::Requested { request, .. } => {
                        self.outputs.push_back(Output::AbortFetch { request });
                        self.on_login_answer(now, timed_out, None, None);
                    }
                    Login::None | Login::Waiting { .. } => self.has_left(now),
                },
                (Timer::Http, ..) => {}
                (Timer::Look, ..) => self.go_on_reading(),
                (Timer::Store, ..) => self.try_again(),
                (Timer::Renew, ..) => self.watch(now),
                (Timer::Restore, ..) => self.restore(now),
            }
        }
    }

    /// Takes new tokens into use.
    fn take(&mut self, now: Now, tokens: TokenSet, same_user: bool) {
        // The same token again keeps its state.
        if !matches!(&self.state, State::SignedIn(old) if old.has_token_of(&tokens)) {
            self.generation += 1;
            self.since = now.instant;
        }
        if !same_user {
            self.user_epoch += 1;
            self.first_generation = self.generation;
            // A request of the previous user must not get a token of this one. A request from before the sign-in may.
            if matches!(self.state, State::SignedIn(_)) {
                self.refuse_token_requests(TokenError::Superseded);
            }
        }
        self.restores = false;
        self.retry_not_before = None;
        self.refusal = None;
        self.is_unanswered = false;
        self.backoff.reset();
        self.jitter = self.backoff.draw(tokens.leeway.half());
        self.timers.stop(Timer::Renew);
        self.state = State::SignedIn(tokens);
    }

    /// Answers all token requests with the present token. `unchanged` is a generation with the same token, which does not help requests that
    /// were refused with it.
    fn answer_all(&mut self, unchanged: Option<u32>) {
        let State::SignedIn(tokens) = &self.state else { return };
        let token = self.token(tokens);
        let mut is_refused = false;
        for request in core::mem::take(&mut self.token_requests) {
            if unchanged.is_some() && request.requirement.rejected() == unchanged {
                is_refused = true;
                self.answer(request, Err(TokenError::Expired));
            } else {
                self.answer(request, Ok(token.clone()));
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
        self.refusal = None;
        self.state = State::Expired { access, subject: self.subject().cloned(), error };
        self.changed(Some(error));
    }

    /// The latest possible time of the server.
    fn latest(&self, now: Now) -> UnixTime {
        self.clock.map_or(now.unix, |clock| clock.latest(now))
    }

    /// Returns whether the token has certainly ended, by the server's clock.
    fn is_expired(&self, now: Now) -> bool {
        match (&self.state, self.clock) {
            (State::SignedIn(tokens), Some(clock)) => tokens.is_expired_at(clock.earliest(now)),
            _ => false,
        }
    }

    fn tokens_of(&mut self, now: Now, json: &Json, date: Option<UnixTime>) -> Result<TokenSet, HttpError> {
        let fields = &self.config.fields;
        let text = |path: &str| json.text_at(path).map(Secret::new);
        let access = match &fields.access {
            Some(path) => text(path)
                .filter(|text| is_header_text(text.expose()))
                .ok_or(HttpError::Malformed(Malformed::MissingField))?,
            // The browser has a cookie instead.
            None => Secret::new(String::new()),
        };
        let refresh = fields.refresh.as_deref().and_then(text);
        let expires_in = json.number_at(&fields.expires_in).map(|span| match fields.expires_in_unit {
            TimeUnit::Millis => span / 1000.0,
            TimeUnit::Seconds => span,
        });
        let lifetime = Lifetime { expires_in, expires_at: json.number_at(&fields.expires_at) };
        Ok(self.token_set(now, (access, refresh), lifetime, TokenOrigin::JustNow { date }))
    }

    fn token_set(
        &mut self,
        now: Now,
        tokens: (Secret, Option<Secret>),
        lifetime: Lifetime,
        received: TokenOrigin,
    ) -> TokenSet {
        TokenSet::new(&mut self.clock, now, tokens, lifetime, received, self.config.leeway)
    }

    fn token(&self, tokens: &TokenSet) -> AccessToken {
        let authorization = self.config.authorization(&tokens.access);
        let start = if authorization.expose().is_empty() { 0 } else { self.config.prefix.len() + 1 };
        AccessToken {
            authorization,
            start,
            generation: self.generation,
            user_epoch: self.user_epoch,
            sign_in_count: self.sign_in_count,
            since: self.since,
        }
    }

    #[inline(never)]
    fn answer(&mut self, request: TokenRequest, result: Result<AccessToken, TokenError>) {
        self.outputs.push_back(Output::Token { requester: request.requester, id: request.id, result });
    }

    /// Reports a change, if there is one.
    fn changed(&mut self, error: Option<TokenError>) {
        let (state, view) = (self.state(), self.view());
        if core::mem::replace(&mut self.told, (state, view)) != (state, view) {
            self.outputs.push_back(Output::Changed { state, view, error });
        }
    }
}

/// The default leeway: 30 s.
pub const LEEWAY: Millis = Millis::from_secs(30);

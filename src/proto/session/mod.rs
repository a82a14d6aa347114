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
//! Rules: one refresh and one login in flight; every token has a generation, so that a refused token is refreshed once
//! for all sockets that had it; every user has an epoch, and nothing of an earlier epoch counts.
//! Contract: one [`Session::handle_input`], then [`Session::poll_output`] until `None`, then [`Session::poll_timeout`]; as of
//! [`Connection`](super::connection::Connection).

mod config;
mod io;

use core::time::Duration;
use std::collections::VecDeque;

use config::is_header_text;
pub use config::{SessionConfig, TokenEndpoint, TokenFields, check_header_text};
pub use io::{
    Asker, Demand, Grant, Input, LoginError, LoginId, Output, RequestId, SessionState, SessionView, Want, WantId,
};

use super::http::{HttpResponse, NoAnswer, json_of};
use super::timer::{Timer, Timers};
use super::token::{Lifetime, Received, TokenSet};
use super::{Instant, Json, Now, Secret};
use crate::error::{HttpError, Malformed, TokenError};

/// The session machine.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    state: State,
    /// Counts users: logout and a change of user begin a new one.
    epoch: u32,
    /// Counts token sets.
    generation: u32,
    /// Counts logins and token sets that the app brought.
    sign_ins: u32,
    login: Option<(LoginId, RequestId)>,
    wants: Vec<Want>,
    timers: Timers,
    next_request: u32,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    Expired {
        subject: Option<String>,
    },
    /// With the request that renews the tokens, while one is in flight.
    SignedIn {
        tokens: TokenSet,
        refresh: Option<RequestId>,
    },
    SignedOut,
}

impl Session {
    /// Makes a session without a user.
    #[must_use]
    pub fn new(config: SessionConfig) -> Self {
        Self {
            config,
            state: State::SignedOut,
            epoch: 0,
            generation: 0,
            sign_ins: 0,
            login: None,
            wants: Vec::new(),
            timers: Timers::default(),
            next_request: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Applies one thing that happened. Never fails: what the world does wrong becomes an output.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Http { request, result } => self.on_http(now, request, result),
            Input::Login { login, credentials } => self.on_login(now, login, &credentials),
            Input::Logout => self.on_logout(),
            Input::SetTokens { access, refresh, lifetime } => {
                self.supersede_login();
                self.abort_refresh();
                let tokens = self.token_set(now, access, refresh, lifetime, Received::Earlier);
                let same_user = self.is_same_user(&tokens, SameUser::UnlessKnownOther);
                self.sign_ins += 1;
                self.sign_in(tokens, same_user, None);
            }
            Input::Timeout => self.on_timeout(now),
            Input::Unwant { asker } => self.wants.retain(|want| want.asker != asker),
            Input::Want(want) => self.on_want(now, want),
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
            State::SignedIn { refresh: Some(_), .. } => SessionState::Refreshing,
            State::SignedIn { refresh: None, .. } => SessionState::SignedIn,
            State::SignedOut => SessionState::SignedOut,
        }
    }

    /// Returns the session as a connection sees it.
    #[must_use]
    pub fn view(&self) -> SessionView {
        SessionView { epoch: self.epoch, sign_ins: self.sign_ins, is_signed_in: self.state().is_signed_in() }
    }

    fn on_want(&mut self, now: Now, want: Want) {
        let current = self.generation;
        let tokens = match &self.state {
            State::SignedOut if self.login.is_some() => return self.wants.push(want),
            State::Expired { .. } if self.login.is_some() => return self.wants.push(want),
            State::SignedOut => return self.answer(want, Err(TokenError::Missing)),
            State::Expired { .. } => return self.answer(want, Err(TokenError::Expired)),
            State::SignedIn { refresh: Some(_), .. } => return self.wants.push(want),
            State::SignedIn { tokens, refresh: None } => tokens,
        };
        let is_rejected = want.demand == Demand::NotRejected(current);
        let will_do = match want.demand {
            Demand::NotDoubted(generation) | Demand::NotRejected(generation) if generation == current => false,
            Demand::NotDoubted(_) | Demand::NotRejected(_) => tokens.is_usable_at(now.unix),
            Demand::UsableFor(life) => tokens.is_usable_at(now.unix) && !tokens.is_expired_at(now.unix.after(life)),
        };
        if will_do {
            let grant = self.grant(tokens);
            return self.answer(want, Ok(grant));
        }
        if let (Some(endpoint), Some(refresh)) = (&self.config.refresh, &tokens.refresh) {
            let http = endpoint.request(&self.config, &object(&[("refresh", refresh)]), None);
            self.wants.push(want);
            let request = self.fetch(now, Timer::Http, http);
            if let State::SignedIn { refresh, .. } = &mut self.state {
                *refresh = Some(request);
            }
            return self.changed();
        }
        if is_rejected || tokens.is_expired_at(now.unix) {
            self.expire();
            return self.answer(want, Err(TokenError::Expired));
        }
        let grant = self.grant(tokens);
        self.answer(want, Ok(grant));
    }

    fn on_login(&mut self, now: Now, login: LoginId, credentials: &Json) {
        self.supersede_login();
        let Some(endpoint) = &self.config.login else {
            // The driver refuses login() without an endpoint; a session that gets here anyway answers the same.
            return self.outputs.push_back(Output::LoginDone { login, result: Err(TokenError::Missing.into()) });
        };
        let http = endpoint.request(&self.config, credentials, None);
        let request = self.fetch(now, Timer::Login, http);
        self.login = Some((login, request));
    }

    fn on_logout(&mut self) {
        // Nobody is there to sign out: a listener that signs out whenever a sign-in is asked for must not go round.
        if matches!(self.state, State::SignedOut) && self.login.is_none() {
            return;
        }
        self.supersede_login();
        self.abort_refresh();
        self.tell_server();
        self.state = State::SignedOut;
        self.epoch += 1;
        self.changed();
        for want in core::mem::take(&mut self.wants) {
            self.answer(want, Err(TokenError::Missing));
        }
    }

    /// Tells the server of a logout. Nobody waits for the answer: that the token is unknown there means the same.
    fn tell_server(&mut self) {
        let (Some(endpoint), State::SignedIn { tokens, .. }) = (&self.config.logout, &self.state) else { return };
        let nothing = Secret::new(String::new());
        let refresh = tokens.refresh.as_ref().unwrap_or(&nothing);
        // Without a template nothing is sent: the header says who it is.
        let values = match endpoint.body {
            Some(_) => object(&[("access", &tokens.access), ("refresh", refresh)]),
            None => object(&[]),
        };
        let mut http = endpoint.request(&self.config, &values, Some(self.grant(tokens).authorization));
        // Apps go to another page next.
        http.is_farewell = true;
        let request = self.new_request();
        self.outputs.push_back(Output::Fetch { request, http });
    }

    fn new_request(&mut self) -> RequestId {
        let request = RequestId(self.next_request);
        self.next_request = self.next_request.wrapping_add(1);
        request
    }

    fn on_http(&mut self, now: Now, request: RequestId, result: Result<HttpResponse, NoAnswer>) {
        if self.login.is_some_and(|(_, waiting)| waiting == request) {
            let answer = json_of(self.config.codec, now, &result);
            let body = result.ok().map(|response| response.body);
            return self.on_login_answer(now, answer, body);
        }
        if self.refresh_request() == Some(request) {
            let answer = json_of(self.config.codec, now, &result);
            self.on_refresh_answer(now, answer);
        }
    }

    fn on_login_answer(&mut self, now: Now, answer: Result<Json, HttpError>, body: Option<Secret>) {
        let Some((login, _)) = self.login.take() else { return };
        self.timers.stop(Timer::Login);
        let received = answer.and_then(|json| self.tokens_of(now, &json));
        let result = match received {
            Ok(tokens) => {
                self.abort_refresh();
                let same_user = self.is_same_user(&tokens, SameUser::OnlyIfKnown);
                self.sign_ins += 1;
                self.sign_in(tokens, same_user, None);
                Ok(())
            }
            Err(HttpError::Status { status: status @ (400 | 401 | 403), .. }) => {
                Err(LoginError { error: TokenError::InvalidCredentials { status }, answer: body })
            }
            // A success that could not be read may hold tokens.
            Err(error) => {
                Err(LoginError { error: TokenError::Login(error), answer: body.filter(|_| error.status().is_some()) })
            }
        };
        if result.is_err() {
            // Those who waited for this login learn what they would have learned without it.
            let wants = core::mem::take(&mut self.wants);
            wants.into_iter().for_each(|want| self.on_want(now, want));
        }
        self.outputs.push_back(Output::LoginDone { login, result });
    }

    fn on_refresh_answer(&mut self, now: Now, answer: Result<Json, HttpError>) {
        self.timers.stop(Timer::Http);
        let received = answer.and_then(|json| self.tokens_of(now, &json));
        let State::SignedIn { tokens: old, refresh } = &mut self.state else { return };
        *refresh = None;
        match received {
            Ok(mut tokens) => {
                let unchanged = (tokens.access == old.access).then_some(self.generation);
                tokens.refresh = tokens.refresh.or_else(|| old.refresh.take());
                tokens.subject = tokens.subject.or_else(|| old.subject.take());
                self.sign_in(tokens, true, unchanged);
            }
            Err(HttpError::Status { status: status @ (400 | 401 | 403), .. }) => {
                // Nothing can renew this token any more; whether it is still good is another question.
                old.refresh = None;
                if old.is_expired_at(now.unix) || self.is_current_rejected() {
                    self.expire();
                } else {
                    self.changed();
                }
                self.answer_without_renewal(now, TokenError::RefreshRejected { status });
            }
            Err(error) => {
                self.changed();
                self.answer_without_renewal(now, TokenError::Refresh(error));
            }
        }
    }

    fn is_current_rejected(&self) -> bool {
        self.wants.iter().any(|want| want.demand == Demand::NotRejected(self.generation))
    }

    /// Answers who waited for a renewal that failed: with the old token whoever may still use it, else with the failure.
    fn answer_without_renewal(&mut self, now: Now, error: TokenError) {
        for want in core::mem::take(&mut self.wants) {
            let result = match &self.state {
                State::SignedIn { tokens, .. }
                    if want.demand != Demand::NotRejected(self.generation) && !tokens.is_expired_at(now.unix) =>
                {
                    Ok(self.grant(tokens))
                }
                State::Expired { .. } | State::SignedIn { .. } | State::SignedOut => Err(error),
            };
            self.answer(want, result);
        }
    }

    fn on_timeout(&mut self, now: Now) {
        while let Some(timer) = self.timers.take_due(now.instant) {
            let late =
                if timer == Timer::Login { self.login.map(|(_, request)| request) } else { self.refresh_request() };
            if let Some(request) = late {
                self.outputs.push_back(Output::AbortFetch { request });
            }
            if timer == Timer::Login {
                self.on_login_answer(now, Err(HttpError::TimedOut), None);
            } else {
                self.on_refresh_answer(now, Err(HttpError::TimedOut));
            }
        }
    }

    /// Takes new tokens into use and answers who waited. `unchanged` is the generation that had the same token: whoever
    /// was refused with it is not helped.
    fn sign_in(&mut self, tokens: TokenSet, same_user: bool, unchanged: Option<u32>) {
        self.generation += 1;
        if !same_user {
            self.epoch += 1;
        }
        let grant = self.grant(&tokens);
        self.state = State::SignedIn { tokens, refresh: None };
        self.changed();
        let mut is_expired = false;
        for want in core::mem::take(&mut self.wants) {
            if unchanged.is_some() && want.demand.rejected() == unchanged {
                is_expired = true;
                self.answer(want, Err(TokenError::Expired));
            } else {
                // The new token serves whoever waited, however short its life: asking again at once would be a loop.
                self.answer(want, Ok(grant.clone()));
            }
        }
        if is_expired {
            self.expire();
        }
    }

    fn expire(&mut self) {
        let subject = self.subject().cloned();
        self.state = State::Expired { subject };
        self.changed();
    }

    /// Whose the present or expired tokens are, as far as they say.
    fn subject(&self) -> Option<&String> {
        match &self.state {
            State::Expired { subject } => subject.as_ref(),
            State::SignedIn { tokens, .. } => tokens.subject.as_ref(),
            State::SignedOut => None,
        }
    }

    fn is_same_user(&self, tokens: &TokenSet, rule: SameUser) -> bool {
        if matches!(self.state, State::SignedOut) {
            return true;
        }
        match (self.subject(), &tokens.subject) {
            (Some(before), Some(after)) => before == after,
            (None, _) | (_, None) => rule == SameUser::UnlessKnownOther,
        }
    }

    fn supersede_login(&mut self) {
        if let Some((login, request)) = self.login.take() {
            self.timers.stop(Timer::Login);
            self.outputs.push_back(Output::AbortFetch { request });
            self.outputs.push_back(Output::LoginDone { login, result: Err(TokenError::Superseded.into()) });
        }
    }

    /// Ends a refresh whose answer no longer matters.
    fn abort_refresh(&mut self) {
        if let State::SignedIn { refresh, .. } = &mut self.state
            && let Some(request) = refresh.take()
        {
            self.timers.stop(Timer::Http);
            self.outputs.push_back(Output::AbortFetch { request });
        }
    }

    fn refresh_request(&self) -> Option<RequestId> {
        match &self.state {
            State::SignedIn { refresh, .. } => *refresh,
            State::Expired { .. } | State::SignedOut => None,
        }
    }

    fn fetch(&mut self, now: Now, timer: Timer, http: super::http::HttpRequest) -> RequestId {
        let request = self.new_request();
        self.timers.set(timer, now.instant.after(self.config.http_timeout));
        self.outputs.push_back(Output::Fetch { request, http });
        request
    }

    fn tokens_of(&self, now: Now, json: &Json) -> Result<TokenSet, HttpError> {
        let fields = &self.config.fields;
        let text = |path: &str| json.at(path).and_then(Json::as_text).map(|text| Secret::new(text.to_owned()));
        let access = text(&fields.access)
            .filter(|text| is_header_text(text.expose()))
            .ok_or(HttpError::Malformed(Malformed::MissingField))?;
        let refresh = fields.refresh.as_deref().and_then(text);
        let number = |path: &str| json.at(path).and_then(|value| value.as_number(self.config.codec));
        let lifetime = Lifetime { expires_in: number(&fields.expires_in), expires_at: number(&fields.expires_at) };
        Ok(self.token_set(now, access, refresh, lifetime, Received::JustNow))
    }

    fn token_set(
        &self,
        now: Now,
        access: Secret,
        refresh: Option<Secret>,
        lifetime: Lifetime,
        received: Received,
    ) -> TokenSet {
        TokenSet::new(self.config.codec, now, access, refresh, lifetime, received, self.config.leeway)
    }

    fn grant(&self, tokens: &TokenSet) -> Grant {
        Grant {
            authorization: Secret::new([&self.config.prefix, " ", tokens.access.expose()].concat()),
            start: self.config.prefix.len() + 1,
            generation: self.generation,
            epoch: self.epoch,
            sign_ins: self.sign_ins,
        }
    }

    #[inline(never)]
    fn answer(&mut self, want: Want, result: Result<Grant, TokenError>) {
        self.outputs.push_back(Output::Token { asker: want.asker, want: want.want, result });
    }

    fn changed(&mut self) {
        self.outputs.push_back(Output::Changed { state: self.state(), view: self.view() });
    }
}

/// Makes an object of texts.
fn object(members: &[(&str, &Secret)]) -> Json {
    let member = |(name, text): &(&str, &Secret)| ((*name).to_owned(), Json::String(text.expose().to_owned()));
    Json::Object(members.iter().map(member).collect())
}

/// How to judge whether new tokens belong to the user that was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SameUser {
    /// A person typed a name: only two JWTs with the same subject prove that it is the same one.
    OnlyIfKnown,
    /// The app renews tokens: the same user unless the JWTs say otherwise.
    UnlessKnownOther,
}

/// The default leeway: 30 s.
pub const LEEWAY: Duration = Duration::from_secs(30);

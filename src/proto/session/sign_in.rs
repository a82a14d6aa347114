//! Sign-in and sign-out: by credentials, by tokens of the app, and whether it is the same user.
//!
//! Rules: one login is in flight; a later login, `setTokens()` or a logout replaces it. The answer to a logout is ignored.

use super::Session;
use super::config::{TokenEndpoint, TokenStorage};
use super::io::{LoginError, LoginId, Output};
use super::state::{Login, Refresh, SameUser, SignIn, State, Timer};
use crate::error::{HttpError, Malformed, TokenError};
use crate::proto::http::{Credentials, HttpCall};
use crate::proto::token::TokenSet;
use crate::proto::{Json, Now, Secret, UnixTime};

impl Session {
    pub(super) fn on_login(&mut self, now: Now, login: LoginId, credentials: Json, endpoint: Option<TokenEndpoint>) {
        self.supersede_login();
        self.timers.set(Timer::Login, now.instant.after(self.config.http_timeout));
        if self.leaving.is_some() {
            self.login = Login::Waiting { login, credentials, endpoint };
            return;
        }
        let Some(endpoint) = endpoint.as_ref().or(self.config.login.as_ref()) else {
            // The driver refuses login() without an endpoint. The answer here is the same.
            return self.outputs.push_back(Output::LoginDone { login, result: Err(TokenError::Missing.into()) });
        };
        let http = endpoint.request(HttpCall::Login, &self.config, &credentials, None);
        let meanings = endpoint.meanings();
        let request = self.new_request();
        self.outputs.push_back(Output::Fetch { request, http });
        self.login = Login::Requested { login, request, meanings };
    }

    /// The call of the logout has ended, or took too long.
    pub(super) fn has_left(&mut self, now: Now) {
        self.leaving = None;
        match core::mem::replace(&mut self.login, Login::None) {
            Login::Waiting { login, credentials, endpoint } => self.on_login(now, login, credentials, endpoint),
            other @ (Login::None | Login::Requested { .. }) => self.login = other,
        }
    }

    pub(super) fn on_logout(&mut self) {
        // Nobody is signed in. A listener that signs out at every sign-in request must not loop.
        let is_idle =
            matches!((&self.state, self.renewal, &self.login), (State::SignedOut, Refresh::None, Login::None));
        if is_idle && !self.restores {
            return self.clear_unread();
        }
        self.supersede_login();
        self.tell_server();
        self.clear();
        if self.config.restore.is_some() && self.config.storage == TokenStorage::Store {
            self.outputs.push_back(Output::LoggedOut);
        }
        self.forget();
    }

    /// Another tab has signed out: the browser holds no session any more. The answer of a call in flight may bring a new cookie, so the server is
    /// told after it.
    pub(super) fn on_logged_out(&mut self) {
        if self.config.restore.is_none() {
            return;
        }
        if matches!(self.state, State::SignedIn(_) | State::Expired { .. }) {
            // The tokens came with the cookie, and cannot be renewed without it.
            self.clear();
        } else if !self.restores {
            return;
        } else if matches!(self.renewal, Refresh::Requested(_)) {
            self.tell_server();
        }
        self.forget();
    }

    /// Calls the logout endpoint. The answer is ignored: an unknown token means the same.
    pub(super) fn tell_server(&mut self) {
        let Some(endpoint) = &self.config.logout else { return };
        let tokens = match &self.state {
            State::SignedIn(tokens) => Some(tokens),
            // The browser may hold a session that has not been asked for yet.
            State::Expired { .. } | State::Loading | State::SignedOut if self.restores => None,
            State::Expired { .. } | State::Loading | State::SignedOut => return,
        };
        // Without a template the body is empty: the header names the user.
        let values = match (tokens, &endpoint.body) {
            (Some(tokens), Some(_)) => {
                let refresh = tokens.refresh.as_ref().map_or("", Secret::expose);
                Json::object(&[("access", tokens.access.expose()), ("refresh", refresh)])
            }
            (None, _) | (_, None) => Json::object(&[]),
        };
        let mut http = endpoint.request(HttpCall::Logout, &self.config, &values, tokens);
        // Apps often load another page next.
        http.keepalive = true;
        let request = self.new_request();
        if self.config.credentials == Credentials::Include {
            self.leaving = Some(request);
        }
        self.outputs.push_back(Output::Fetch { request, http });
    }

    pub(super) fn on_login_answer(
        &mut self,
        now: Now,
        answer: Result<Json, HttpError>,
        date: Option<UnixTime>,
        body: Option<Secret>,
    ) {
        let Login::Requested { login, .. } = core::mem::replace(&mut self.login, Login::None) else { return };
        self.timers.stop(Timer::Login);
        let path = self.config.fields.access.as_deref();
        let is_incomplete = answer.as_ref().is_ok_and(|json| path.is_some_and(|path| json.text_at(path).is_none()));
        let received = answer.and_then(|json| self.tokens_of(now, &json, date));
        let result = match received {
            Ok(tokens) => {
                self.begin(now, tokens, SameUser::OnlyIfKnown);
                Ok(())
            }
            Err(HttpError::Unauthorized { .. })
                if self.config.credentials == Credentials::Include && is_of_cookie(body.as_ref()) =>
            {
                Err(LoginError { error: TokenError::StaleCookie, answer: body })
            }
            Err(HttpError::Unauthorized { status } | HttpError::Status { status: status @ 400, .. }) => {
                Err(LoginError { error: TokenError::InvalidCredentials { status }, answer: body })
            }
            Err(HttpError::Forbidden { status }) => {
                Err(LoginError { error: TokenError::LoginForbidden { status }, answer: body })
            }
            Err(HttpError::Malformed(Malformed::MissingField)) if is_incomplete => {
                Err(LoginError { error: TokenError::LoginIncomplete, answer: body })
            }
            // A success that could not be parsed may contain tokens.
            Err(error) => {
                Err(LoginError { error: TokenError::Login(error), answer: body.filter(|_| error.status().is_some()) })
            }
        };
        if result.is_err() {
            // Requests that waited for this login get the answer of before.
            self.ask_again(now);
            self.restore(now);
        }
        self.outputs.push_back(Output::LoginDone { login, result });
    }

    /// Somebody has signed in.
    pub(super) fn begin(&mut self, now: Now, tokens: TokenSet, rule: SameUser) {
        self.abort_renewal();
        let same_user = self.is_same_user(&tokens, rule);
        self.begin_sign_in();
        self.take(now, tokens, same_user);
        self.save();
        self.changed(None);
        self.answer_all(None);
    }

    pub(super) fn begin_sign_in(&mut self) {
        self.sign_in_count += 1;
        self.leave_sign_in(self.sign_in.id);
        // JavaScript numbers are exact up to here.
        self.sign_in = SignIn { id: (self.ids.f64() * 9_007_199_254_740_992.0) as u64, renewals: 0 };
    }

    /// The subject of the present or expired tokens, if they name one.
    pub(super) fn subject(&self) -> Option<&String> {
        match &self.state {
            State::Expired { subject, .. } => subject.as_ref(),
            State::SignedIn(tokens) => tokens.subject.as_ref(),
            State::Loading | State::SignedOut => None,
        }
    }

    pub(super) fn is_same_user(&self, tokens: &TokenSet, rule: SameUser) -> bool {
        if matches!(self.state, State::Loading | State::SignedOut) {
            return true;
        }
        match (self.subject(), &tokens.subject) {
            (Some(before), Some(after)) => before == after,
            (None, _) | (_, None) => rule == SameUser::UnlessKnownOther,
        }
    }

    pub(super) fn supersede_login(&mut self) {
        let login = match core::mem::replace(&mut self.login, Login::None) {
            Login::None => return,
            Login::Waiting { login, .. } => login,
            Login::Requested { login, request, .. } => {
                self.outputs.push_back(Output::AbortFetch { request });
                login
            }
        };
        self.timers.stop(Timer::Login);
        self.outputs.push_back(Output::LoginDone { login, result: Err(TokenError::Superseded.into()) });
    }
}

/// Returns whether a login was refused because of an old cookie: `token_not_valid` does not refer to credentials.
fn is_of_cookie(answer: Option<&Secret>) -> bool {
    answer
        .and_then(|answer| Json::parse(answer.expose())?.text_at("code"))
        .is_some_and(|code| code == "token_not_valid")
}

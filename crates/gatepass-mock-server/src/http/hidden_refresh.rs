//! A refresh token in a cookie that no script sees; the access token is in the answers.
//!
//! As dj-rest-auth has it with `JWT_AUTH_HTTPONLY`: `refresh` is empty in the answers, and a refresh without the cookie is a 401.

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::drf_jwt::with_cookie;
use super::{answered, cookie_of, pair, unauthorized, user_of_credentials};
use crate::command::Endpoint;
use crate::state::State;
use crate::token::Kind;

const NAME: &str = "refresh";

/// `/hidden/login/` {username, password} → {access, refresh: ""} and the cookie
pub(crate) async fn login(Extract(state): Extract<State>, body: Bytes) -> Response {
    let mut cookie = None;
    let answer = || {
        let user = user_of_credentials(&state, &body, "username", "password")
            .map_err(|_| unauthorized(json!({"detail": "Invalid credentials."})))?;
        let (status, answer) = pair(&mut state.lock(), user);
        Ok((status, hidden(answer, &mut cookie)))
    };
    let response = answered(&state, Endpoint::Login, answer).await;
    with_cookie(response, cookie)
}

/// `/hidden/token/refresh/`, for the cookie
pub(crate) async fn refresh(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    let mut cookie = None;
    let answer = || {
        let refused = || unauthorized(json!({"detail": "No valid refresh token found.", "code": "token_not_valid"}));
        let old = cookie_of(&headers, NAME).ok_or_else(refused)?;
        let mut inner = state.lock();
        let now = inner.settings.now();
        let user = inner.tokens.check(Kind::Refresh, old, now).map_err(|_| refused())?;
        if inner.inactive.contains(&user) {
            return Err(refused());
        }
        inner.counts.refreshes += 1;
        let (status, answer) = pair(&mut inner, &user);
        inner.counts.logins -= 1;
        Ok((status, hidden(answer, &mut cookie)))
    };
    let response = answered(&state, Endpoint::Refresh, answer).await;
    with_cookie(response, cookie)
}

/// `/hidden/logout/`: the cookie is deleted.
pub(crate) async fn logout() -> Response {
    (StatusCode::NO_CONTENT, [(SET_COOKIE, "refresh=; HttpOnly; Max-Age=0; Path=/; SameSite=Lax")]).into_response()
}

/// The answer without the refresh token, which is in the cookie.
fn hidden(mut answer: Value, cookie: &mut Option<String>) -> Value {
    if let Value::String(token) = answer["refresh"].take() {
        *cookie = Some(format!("{NAME}={token}; HttpOnly; Max-Age=86400; Path=/; SameSite=Lax"));
    }
    answer["refresh"] = "".into();
    answer
}

//! Sessions that are a cookie: no token is in any answer.
//!
//! As Django's `login()` views and dj-rest-auth without JWTs have it. The cookie is that of [`drf_jwt`](super::drf_jwt), so `/ws/cookie/` takes it.

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::drf_jwt::{auth_cookie, with_cookie};
use super::{answered, cookie_of, ticket_for, unauthorized, user_of_credentials};
use crate::command::Endpoint;
use crate::state::{Inner, State};

/// `/session/login/` {username, password} → 204 and the cookie
pub(crate) async fn login(Extract(state): Extract<State>, body: Bytes) -> Response {
    let mut cookie = None;
    let answer = || {
        let user = user_of_credentials(&state, &body, "username", "password")
            .map_err(|_| unauthorized(json!({"detail": "Invalid credentials."})))?;
        let mut inner = state.lock();
        inner.counts.logins += 1;
        cookie = Some(auth_cookie(&mut inner, user).1);
        Ok((StatusCode::OK, Value::Null))
    };
    let response = answered(&state, Endpoint::Login, answer).await;
    // A 204 has no body (RFC 9110 §15.3.5).
    if cookie.is_some() { with_cookie(StatusCode::NO_CONTENT.into_response(), cookie) } else { response }
}

/// `/session/me/` → {user}, or 401
pub(crate) async fn me(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    let answer = || {
        let user = user_of_cookie(&state.lock(), &headers);
        let user = user.ok_or_else(|| unauthorized(json!({"detail": "Not authenticated."})))?;
        Ok((StatusCode::OK, json!({"user": user})))
    };
    answered(&state, Endpoint::Probe, answer).await
}

/// `/session/ws_ticket` → {ticket, expires}, for the cookie
pub(crate) async fn ticket(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    let user = user_of_cookie(&state.lock(), &headers);
    ticket_for(&state, &headers, user).await
}

fn user_of_cookie(inner: &Inner, headers: &HeaderMap) -> Option<String> {
    let token = cookie_of(headers, "JWT")?;
    inner.active_user_of(token)
}

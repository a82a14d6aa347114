//! Sessions that are a cookie: no token is in any answer.
//!
//! As Django's `login()` views and dj-rest-auth without JWTs have it. The cookie is that of [`drf_jwt`](super::drf_jwt), so `/ws/cookie/` takes it.

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{answered, ticket_for, unauthorized, user_of_credentials};
use crate::command::Endpoint;
use crate::state::{Inner, State};
use crate::token::Kind;

/// `/session/login/` {username, password} → 204 and the cookie
pub(crate) async fn login(Extract(state): Extract<State>, body: Bytes) -> Response {
    let mut cookie = None;
    let answer = || {
        let user = user_of_credentials(&state, &body, "username", "password")
            .map_err(|_| unauthorized(json!({"detail": "Invalid credentials."})))?;
        let mut inner = state.lock();
        inner.counts.logins += 1;
        let (life, now) = (inner.settings.access_life(), inner.settings.now());
        let token = inner.tokens.issue(Kind::Access, user, life, now);
        cookie = Some(format!("JWT={token}; HttpOnly; Path=/; SameSite=Lax"));
        Ok((StatusCode::OK, json!({"detail": "Successfully logged in."})))
    };
    let mut response = answered(&state, Endpoint::Login, answer).await;
    let Some(value) = cookie.and_then(|text| text.parse().ok()) else { return response };
    // A 204 has no body (RFC 9110 §15.3.5).
    response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(SET_COOKIE, value);
    response
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
    let cookies = headers.get(COOKIE)?.to_str().ok()?;
    let token = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("JWT="))?;
    inner.active_user_of(token)
}

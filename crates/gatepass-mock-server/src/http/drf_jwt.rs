//! drf-jwt with `JWT_AUTH_COOKIE` (S3): the token is in the answer and in a cookie that no script can read.
//!
//! Source: drf-jwt 1.19: 201 with {pk, token}; pk is the time of issue; 400 with `non_field_errors` for whatever is wrong.

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{JsonResponse, answered, user_of_credentials};
use crate::command::Endpoint;
use crate::state::{Inner, State};
use crate::token::Kind;

/// `/drf-jwt/api-token-auth/` {username, password}
pub(crate) async fn login(Extract(state): Extract<State>, body: Bytes) -> Response {
    let mut cookie = None;
    let answer = || {
        let user = user_of_credentials(&state, &body, "username", "password")
            .map_err(|_| wrong("Unable to log in with provided credentials."))?;
        let mut inner = state.lock();
        inner.counts.logins += 1;
        Ok(issue(&mut inner, user, &mut cookie))
    };
    let response = answered(&state, Endpoint::Login, answer).await;
    with_cookie(response, cookie)
}

/// `/drf-jwt/api-token-refresh/` {token}, while the token has not expired
pub(crate) async fn refresh(Extract(state): Extract<State>, body: Bytes) -> Response {
    let mut cookie = None;
    let answer = || {
        let parsed: Value = serde_json::from_slice(&body).unwrap_or_default();
        let token = parsed.get("token").and_then(Value::as_str).unwrap_or_default();
        let mut inner = state.lock();
        let Some(user) = inner.active_user_of(token) else { return Err(wrong("Token has expired.")) };
        inner.counts.refreshes += 1;
        Ok(issue(&mut inner, &user, &mut cookie))
    };
    let response = answered(&state, Endpoint::Refresh, answer).await;
    with_cookie(response, cookie)
}

/// `/drf-jwt/logout/`: script cannot delete the cookie, so the server does.
pub(crate) async fn logout() -> Response {
    (StatusCode::NO_CONTENT, [(SET_COOKIE, "JWT=; HttpOnly; Max-Age=0; Path=/; SameSite=Lax")]).into_response()
}

fn issue(inner: &mut Inner, user: &str, cookie: &mut Option<String>) -> JsonResponse {
    let (token, text) = auth_cookie(inner, user);
    *cookie = Some(text);
    (StatusCode::CREATED, json!({"pk": inner.settings.now().as_secs(), "token": token}))
}

/// A token, and the cookie that holds it.
pub(super) fn auth_cookie(inner: &mut Inner, user: &str) -> (String, String) {
    let (life, now) = (inner.settings.access_life(), inner.settings.now());
    let token = inner.tokens.issue(Kind::Access, user, life, now);
    let cookie = format!("JWT={token}; HttpOnly; Max-Age={}; Path=/; SameSite=Lax", life.as_secs());
    (token, cookie)
}

fn wrong(what: &str) -> JsonResponse {
    (StatusCode::BAD_REQUEST, json!({"non_field_errors": [what]}))
}

/// Puts the cookie that goes with a token into its answer.
pub(super) fn with_cookie(mut response: Response, cookie: Option<String>) -> Response {
    if let Some(value) = cookie.and_then(|text| text.parse().ok()) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    response
}

//! djoser's token endpoints: one token for each user, ended on every device by a logout.
//!
//! Source: djoser 2.3. Its JWT endpoints are simplejwt's under other paths.

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{answered, into_response, token_of_header, unauthorized, user_of_credentials};
use crate::control::Endpoint;
use crate::state::State;

/// `/auth/token/login/` {username, password} → {auth_token}
pub(crate) async fn login(Extract(state): Extract<State>, body: Bytes) -> Response {
    let answer = || {
        let user = user_of_credentials(&body, "username", "password").map_err(|_| {
            let details = json!({"non_field_errors": ["Unable to log in with provided credentials."]});
            (StatusCode::BAD_REQUEST, details)
        })?;
        let mut inner = state.lock();
        inner.counts.logins += 1;
        let token = inner.tokens.opaque(user);
        Ok((StatusCode::OK, json!({"auth_token": token})))
    };
    answered(&state, Endpoint::Login, answer).await
}

/// `/auth/token/logout/`: 204, or 401 if the token is unknown by now
pub(crate) async fn logout(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    let mut inner = state.lock();
    match token_of_header(&headers).filter(|token| inner.tokens.forget_opaque(token)) {
        Some(_) => {
            inner.counts.logouts += 1;
            StatusCode::NO_CONTENT.into_response()
        }
        None => into_response(unauthorized(json!({"detail": "Invalid token."}))),
    }
}

//! djoser's token endpoints: one token for each user, ended on every device by a logout.
//!
//! Source: djoser 2.3. Its JWT endpoints are simplejwt's under other paths.

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{into_response, opaque_login, token_of_header, unauthorized};
use crate::state::State;

/// `/auth/token/login/` {username, password} → {auth_token}
pub(crate) async fn login(Extract(state): Extract<State>, body: Bytes) -> Response {
    opaque_login(&state, &body, "auth_token").await
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

//! A login of two steps: a password, then a code.
//!
//! As django-trench and dj-rest-auth's MFA have it: the first answer has neither tokens nor an error, but a token for the second step, which
//! is used once.

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Refusal, answered, pair, unauthorized, user_of_credentials};
use crate::command::Endpoint;
use crate::state::State;
use crate::token::random_text;

/// The code that every user has.
const CODE: &str = "123456";

/// `/mfa/login/` {username, password} → 202 {ephemeral_token, method}
pub(crate) async fn password(Extract(state): Extract<State>, body: Bytes) -> Response {
    let answer = || {
        let user = user_of_credentials(&state, &body, "username", "password").map_err(|refusal| match refusal {
            Refusal::Malformed => (StatusCode::BAD_REQUEST, json!({"username": ["This field is required."]})),
            Refusal::Wrong => unauthorized(json!({"error": "Unable to login with provided credentials."})),
        })?;
        let token = random_text();
        state.lock().second_steps.insert(token.clone(), user.to_owned());
        Ok((StatusCode::ACCEPTED, json!({"ephemeral_token": token, "method": "app"})))
    };
    answered(&state, Endpoint::Login, answer).await
}

/// `/mfa/login/code/` {ephemeral_token, code} → {access, refresh}
pub(crate) async fn code(Extract(state): Extract<State>, body: Bytes) -> Response {
    let answer = || {
        let parsed: Value = serde_json::from_slice(&body).unwrap_or_default();
        let mut inner = state.lock();
        let user = parsed["ephemeral_token"].as_str().and_then(|token| inner.second_steps.remove(token));
        let user = user.filter(|_| parsed["code"] == CODE);
        let Some(user) = user else { return Err(unauthorized(json!({"error": "Invalid or expired code."}))) };
        Ok(pair(&mut inner, &user))
    };
    answered(&state, Endpoint::Login, answer).await
}

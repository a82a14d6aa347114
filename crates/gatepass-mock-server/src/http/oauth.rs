//! An OAuth 2 token endpoint: refresh tokens, form-encoded.
//!
//! Source: RFC 6749 §5 and §6. A body of JSON is `unsupported_grant_type`, as of django-oauth-toolkit.

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::{JsonResponse, answered};
use crate::command::Endpoint;
use crate::state::State;
use crate::token::Kind;

/// `/o/token/` grant_type=refresh_token&refresh_token=… → {access_token, token_type, expires_in, refresh_token}
pub(crate) async fn token(Extract(state): Extract<State>, headers: HeaderMap, body: Bytes) -> Response {
    let is_form = headers.get(CONTENT_TYPE).is_some_and(|value| value == "application/x-www-form-urlencoded");
    let answer = || {
        let fields: Vec<(String, String)> =
            if is_form { serde_urlencoded::from_bytes(&body).unwrap_or_default() } else { Vec::new() };
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        if field("grant_type") != Some("refresh_token") {
            return Err(error("unsupported_grant_type"));
        }
        let old = field("refresh_token").ok_or_else(|| error("invalid_request"))?;
        let mut inner = state.lock();
        let user = inner.tokens.check(Kind::Refresh, old, inner.settings.now()).map_err(|_| error("invalid_grant"))?;
        let settings = inner.settings;
        let access = inner.tokens.issue(Kind::Access, &user, settings.access_life(), settings.now());
        inner.counts.refreshes += 1;
        let life = settings.access_life().as_secs();
        let mut answer = json!({"access_token": access, "token_type": "Bearer", "expires_in": life});
        if settings.rotate_refresh_tokens {
            inner.tokens.blacklist(old);
            answer["refresh_token"] =
                inner.tokens.issue(Kind::Refresh, &user, settings.refresh_life(), settings.now()).into();
        }
        Ok((StatusCode::OK, answer))
    };
    answered(&state, Endpoint::Refresh, answer).await
}

fn error(code: &str) -> JsonResponse {
    (StatusCode::BAD_REQUEST, json!({"error": code}))
}

//! The HTTP side: logins, refresh and tickets, as their frameworks answer them.
//!
//! | endpoint | framework | answer |
//! |---|---|---|
//! | `GET`, `POST /auth` {user, pwd} | the ticket protocol (S4) | {token} |
//! | `GET`, `POST /ws_ticket` + `Authorization: Bearer` | the same | {ticket, expires} |
//! | `POST /api/token/` {username, password} | simplejwt (S1) | {access, refresh} |
//! | `POST /api/token/refresh/` {refresh} | the same | {access[, refresh]} |
//! | `POST /api-token-auth/` {username, password} | DRF authtoken (S5) | {token} |
//! | `POST /auth/token/login/`, `/auth/token/logout/`, `/auth/jwt/create/`, `/auth/jwt/refresh/` | djoser | {auth_token}, … |
//! | `POST /drf-jwt/api-token-auth/`, `/drf-jwt/api-token-refresh/`, `/drf-jwt/logout/` | drf-jwt (S3) | {token} and a cookie |
//! | `POST /o/token/`, form-encoded | OAuth 2 | {access_token, …} |
//! | `POST /hidden/login/` {username, password}, `/hidden/token/refresh/`, `/hidden/logout/` | a refresh token in a cookie that no script sees | {access, refresh: ""} and the cookie; the same; 204 |
//! | `POST /mfa/login/` {username, password}, `/mfa/login/code/` {ephemeral_token, code: `123456`} | a login of two steps | 202 {ephemeral_token, method}; {access, refresh} |
//! | `POST /session/login/` {username, password}, `/session/logout/`, `/session/ws_ticket`, `GET /session/me/` | a session that is a cookie | 204 and the cookie; 204; {ticket, expires}; {user} |
//! | `POST /ws_session_key` + `Authorization: Token` | a session key of two minutes (S6) | {session_key} |
//! | `GET /protected` + `Authorization` | any; made to be probed | {user} |

use std::time::UNIX_EPOCH;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, DATE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

pub(crate) mod djoser;
pub(crate) mod drf_jwt;
pub(crate) mod hidden_refresh;
pub(crate) mod oauth;
pub(crate) mod session_cookie;
pub(crate) mod two_step;

use crate::careless::Careless;
use crate::command::Endpoint;
use crate::origin::origin_of;
use crate::state::{Inner, State, USERS};
use crate::token::{Kind, Refused};

/// `/auth` of the ticket protocol. The seed asks by GET with a body, which browsers refuse to send, so POST serves too.
pub(crate) async fn auth(Extract(state): Extract<State>, body: Bytes) -> Response {
    let answer = || {
        let user = user_of_credentials(&state, &body, "user", "pwd").map_err(|refusal| match refusal {
            Refusal::Malformed => (StatusCode::BAD_REQUEST, json!({"error": "user and pwd are required"})),
            Refusal::Wrong => (StatusCode::UNAUTHORIZED, json!({"error": "wrong user or password"})),
        })?;
        let mut inner = state.lock();
        let settings = inner.settings;
        let token = inner.tokens.issue(Kind::Access, user, settings.access_life(), settings.now());
        inner.counts.logins += 1;
        Ok((StatusCode::OK, json!({"token": token})))
    };
    answered(&state, Endpoint::Login, answer).await
}

/// `/api/token/` of simplejwt.
pub(crate) async fn token(Extract(state): Extract<State>, body: Bytes) -> Response {
    let answer = || {
        let user = user_of_credentials(&state, &body, "username", "password").map_err(|refusal| match refusal {
            Refusal::Malformed => (
                StatusCode::BAD_REQUEST,
                json!({"username": ["This field is required."], "password": ["This field is required."]}),
            ),
            Refusal::Wrong => unauthorized(json!({"detail": "No active account found with the given credentials"})),
        })?;
        Ok(pair(&mut state.lock(), user))
    };
    answered(&state, Endpoint::Login, answer).await
}

/// Signs a user in with an access and a refresh token.
fn pair(inner: &mut Inner, user: &str) -> JsonResponse {
    let settings = inner.settings;
    let access = inner.tokens.issue(Kind::Access, user, settings.access_life(), settings.now());
    let refresh = inner.tokens.issue(Kind::Refresh, user, settings.refresh_life(), settings.now());
    inner.counts.logins += 1;
    (StatusCode::OK, json!({"access": access, "refresh": refresh}))
}

/// `/api/token/refresh/` of simplejwt.
pub(crate) async fn refresh(Extract(state): Extract<State>, body: Bytes) -> Response {
    let answer = || {
        let parsed: Value = serde_json::from_slice(&body).unwrap_or_default();
        let Some(old) = parsed.get("refresh").and_then(Value::as_str) else {
            return Err((StatusCode::BAD_REQUEST, json!({"refresh": ["This field is required."]})));
        };
        let mut inner = state.lock();
        let settings = inner.settings;
        let checked = inner.tokens.check(Kind::Refresh, old, settings.now());
        inner.counts.reused_refresh_tokens += u32::from(checked == Err(Refused::Blacklisted));
        let user =
            checked.map_err(|refused| unauthorized(json!({"detail": refused.detail(), "code": "token_not_valid"})))?;
        if inner.inactive.contains(&user) {
            return Err(unauthorized(json!({"detail": "No active account found for the given token."})));
        }
        let access = inner.tokens.issue(Kind::Access, &user, settings.access_life(), settings.now());
        inner.counts.refreshes += 1;
        let mut answer = json!({"access": access});
        if settings.rotate_refresh_tokens {
            inner.tokens.blacklist(old);
            answer["refresh"] =
                inner.tokens.issue(Kind::Refresh, &user, settings.refresh_life(), settings.now()).into();
        }
        Ok((StatusCode::OK, answer))
    };
    answered(&state, Endpoint::Refresh, answer).await
}

/// `/api-token-auth/` of DRF's authtoken.
pub(crate) async fn opaque_token(Extract(state): Extract<State>, body: Bytes) -> Response {
    opaque_login(&state, &body, "token").await
}

/// A login that is answered with the user's opaque token, under this name.
async fn opaque_login(state: &State, body: &[u8], name: &str) -> Response {
    let answer = || {
        let user = user_of_credentials(state, body, "username", "password").map_err(|_| {
            let details = json!({"non_field_errors": ["Unable to log in with provided credentials."]});
            (StatusCode::BAD_REQUEST, details)
        })?;
        let mut inner = state.lock();
        inner.counts.logins += 1;
        let token = inner.tokens.opaque(user);
        Ok((StatusCode::OK, json!({name: token})))
    };
    answered(state, Endpoint::Login, answer).await
}

/// `/logout`: outstanding tickets of the user become invalid.
pub(crate) async fn logout(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    let mut inner = state.lock();
    match user_of_header(&inner, &headers) {
        Some(user) => {
            inner.forget_tickets(&user);
            StatusCode::NO_CONTENT.into_response()
        }
        None => into_response(unauthorized(json!({"detail": "Authentication credentials were not provided."}))),
    }
}

/// `/ws_ticket` of the ticket protocol.
pub(crate) async fn ticket(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    let user = user_of_header(&state.lock(), &headers);
    ticket_for(&state, &headers, user).await
}

/// Issues a ticket for a user, or refuses.
async fn ticket_for(state: &State, headers: &HeaderMap, user: Option<String>) -> Response {
    let answer = || {
        let mut inner = state.lock();
        let Some(user) = user else {
            return Err(unauthorized(json!({"error": "a valid access token is required"})));
        };
        let life = inner.settings.ticket_life();
        let Some(ticket) = inner.tickets.issue(&user, origin_of(headers), life) else {
            return Err((StatusCode::SERVICE_UNAVAILABLE, json!({"error": "the ticket store is down"})));
        };
        inner.counts.tickets += 1;
        let expires = (inner.settings.now() + life).as_secs_f64();
        Ok((StatusCode::OK, json!({"ticket": ticket, "expires": expires})))
    };
    let mut response = answered(state, Endpoint::Ticket, answer).await;
    if state.lock().is_careless(Careless::StoredTickets) {
        response.headers_mut().remove(CACHE_CONTROL);
    }
    response
}

/// `/ws_session_key`: a key that opens sockets for two minutes, as often as it likes.
pub(crate) async fn session_key(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    let answer = || {
        let mut inner = state.lock();
        let Some(user) = user_of_header(&inner, &headers) else {
            return Err(unauthorized(json!({"detail": "Authentication credentials were not provided."})));
        };
        let life = inner.settings.session_key_life();
        let key = inner.session_keys.issue(&user, life);
        inner.counts.tickets += 1;
        Ok((StatusCode::OK, json!({"session_key": key})))
    };
    answered(&state, Endpoint::Ticket, answer).await
}

/// `/protected`: who asks.
pub(crate) async fn protected(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    let answer = || {
        let mut inner = state.lock();
        inner.counts.probes += 1;
        match user_of_header(&inner, &headers) {
            Some(user) => Ok((StatusCode::OK, json!({"user": user}))),
            None => Err(unauthorized(json!({"detail": "Authentication credentials were not provided."}))),
        }
    };
    answered(&state, Endpoint::Probe, answer).await
}

/// Gives the canned answer if one is left, else the proper one; either after the endpoint's delay.
async fn answered(
    state: &State,
    endpoint: Endpoint,
    proper: impl FnOnce() -> Result<JsonResponse, JsonResponse>,
) -> Response {
    let is_lost = state.note_call(endpoint);
    let delay = state.lock().delays.get(&endpoint).copied().unwrap_or_default();
    let clock = state.lock().settings.now();
    let mut answer = match state.take_canned(endpoint) {
        Some(canned) => {
            let status = StatusCode::from_u16(canned.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = (status, canned.body).into_response();
            if let Some(value) = canned.retry_after.and_then(|text| text.parse().ok()) {
                response.headers_mut().insert(RETRY_AFTER, value);
            }
            response
        }
        None => into_response(proper().unwrap_or_else(|refusal| refusal)),
    };
    if let Ok(date) = httpdate::fmt_http_date(UNIX_EPOCH + clock).parse() {
        answer.headers_mut().insert(DATE, date);
    }
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if is_lost {
        std::future::pending::<()>().await;
    }
    answer
}

enum Refusal {
    Malformed,
    Wrong,
}

fn user_of_credentials(
    state: &State,
    body: &[u8],
    user_field: &str,
    password_field: &str,
) -> Result<&'static str, Refusal> {
    let parsed: Value = serde_json::from_slice(body).map_err(|_| Refusal::Malformed)?;
    let text = |field: &str| parsed.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (Some(name), Some(password)) = (text(user_field), text(password_field)) else { return Err(Refusal::Malformed) };
    let known = USERS.iter().find(|(user, secret)| *user == name && *secret == password);
    let inner = state.lock();
    let may_sign_in = |user: &&str| !inner.inactive.iter().any(|name| name == user);
    known.map(|(user, _)| *user).filter(may_sign_in).ok_or(Refusal::Wrong)
}

/// A cookie's value (RFC 6265 §5.4): the first of that name, without quotation marks.
pub(crate) fn cookie_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lists = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = lists.flat_map(|list| list.split(';'));
    let value = pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name)?.1;
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

/// The word and the token of an `Authorization` header.
pub(crate) fn word_and_token(value: &HeaderValue) -> Option<(&str, &str)> {
    value.to_str().ok()?.split_once(' ')
}

fn token_of_header(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION).and_then(word_and_token).map(|(_, token)| token)
}

/// The user of an `Authorization` header. simplejwt takes `Bearer`, spelled like that; drf-jwt `JWT` and DRF's authtoken `Token`
/// in any case; each its own tokens only.
fn user_of_header(inner: &Inner, headers: &HeaderMap) -> Option<String> {
    let (word, token) = headers.get(AUTHORIZATION).and_then(word_and_token)?;
    let fits = match word {
        "Bearer" => !inner.tokens.is_opaque(token),
        jwt if jwt.eq_ignore_ascii_case("JWT") => !inner.tokens.is_opaque(token),
        other => other.eq_ignore_ascii_case("Token") && inner.tokens.is_opaque(token),
    };
    inner.active_user_of(token).filter(|_| fits)
}

/// A status and a JSON body.
type JsonResponse = (StatusCode, Value);

fn unauthorized(body: Value) -> JsonResponse {
    (StatusCode::UNAUTHORIZED, body)
}

fn into_response((status, body): JsonResponse) -> Response {
    // RFC 6749 §5.1: an answer with a credential is not stored.
    let mut response = (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"api\""));
    }
    response
}

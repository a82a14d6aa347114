//! The WebSocket side: handshakes.
//!
//! | path | credential | a bad one |
//! |---|---|---|
//! | `/channel/` | `?ticket=` (S4) | HTTP 403 |
//! | `/ws/jwt/` | `?token=`, a JWT (S1) | HTTP 403 |
//! | `/ws/public/` | `?token=`, or none, which is anonymous | HTTP 403 |
//! | `/ws/rooms/` | `?ticket=`, `?token=`, or none, which is anonymous | HTTP 403 |
//! | `/ws/welcome/` | `?token=`; `{"type": "welcome"}` follows | `{"type": "denied"}`, close 4401 |
//! | `/ws/app_<group>/` | `?token=`, an opaque token or a JWT; users of the group only (S2) | HTTP 403 |
//! | `/ws/cookie/` | the cookie `JWT` (S3) | HTTP 403 |
//! | `/ws/cookie-or-anonymous/` | the same; an unknown one is anonymous, as in drf-jwt's middleware | |
//! | `/ws/session/` | `?session_key=` (S6) | HTTP 403 |
//! | `/ws/header/` | `Authorization: Token` (S7) | anonymous, as in the middleware |
//! | `/ws/user-id/` | none that counts: `?<user id>` is no proof (S8) | HTTP 403 |
//! | `/ws/anonymous/` | none | |
//! | `/api/kernels/{id}/channels` | `?token=` (X5) | HTTP 403 |
//! | `/api/v1/namespaces/{n}/pods/{p}/exec` | subprotocol `base64url.bearer.authorization.k8s.io.…` (X6) | HTTP 401 |
//! | `/socket/websocket` | subprotocol `base64url.bearer.phx.…` (X7) | HTTP 403 |
//! | `/ws/ticket-protocol/` | subprotocol `ticket.…` beside `circle-match.v1` | HTTP 401 |
//!
//! Paths with a first message are in `dialogue`; what an accepted socket can do is in `peer`, rooms in [`crate::rooms`].

mod admission;
mod dialogue;
mod peer;

use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, OriginalUri, Query, State as Extract};
use axum::http::header::SEC_WEBSOCKET_KEY;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64ct::{Base64, Encoding};

use self::admission::{Admission, HandshakeRequest};
use self::peer::Registration;
use crate::careless::Careless;
use crate::net::Cutter;
use crate::origin::origin_of;
use crate::record::Recorded;
use crate::state::State;

/// How late a refusal comes if the server is careless about that: far longer than twenty handshakes take.
const SLOW: Duration = Duration::from_secs(5);

/// Any path that takes a WebSocket.
pub(crate) async fn enter(
    Extract(state): Extract<State>,
    uri: OriginalUri,
    ConnectInfo(cutter): ConnectInfo<Cutter>,
    headers: HeaderMap,
    Query(query): Query<Vec<(String, String)>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    // RFC 6455 §4.2.1: the key is 16 bytes in base64; axum takes anything.
    let key = headers.get(SEC_WEBSOCKET_KEY).map(|key| Base64::decode_vec(&String::from_utf8_lossy(key.as_bytes())));
    if !matches!(&key, Some(Ok(bytes)) if bytes.len() == 16) {
        return (StatusCode::BAD_REQUEST, "Sec-WebSocket-Key: 16 bytes in base64 are needed\n").into_response();
    }
    let mut silent = state.silent.subscribe();
    // A silent server answers no handshake; the channel outlives the server's own handle, so waiting ends.
    silent.wait_for(|is_silent| !is_silent).await.ok();
    let origin = origin_of(&headers);
    let path = uri.path().to_owned();
    let request = HandshakeRequest { path: &path, origin: origin.as_deref(), query: &query, headers: &headers };
    let entered = state.change(|inner| {
        let mut admission = admission::authorize(inner, &request).or_else(|status| {
            let accepts = inner.is_careless(Careless::AcceptsFirst) && status == StatusCode::FORBIDDEN;
            if accepts { Ok(Admission::refused_late()) } else { Err(status) }
        })?;
        if inner.is_careless(Careless::UnknownProtocol) {
            admission.unknown_protocol = request.first_protocol();
        }
        let protocol = admission.unknown_protocol.clone().or_else(|| admission.protocol.map(str::to_owned));
        Ok((protocol, Registration::take(&state, inner, path.clone(), admission)))
    });
    let status = match &entered {
        Ok(_) => StatusCode::SWITCHING_PROTOCOLS,
        Err(status) => *status,
    };
    tracing::info!(%path, status = status.as_u16(), "handshake");
    state.record(Recorded::Handshake {
        path,
        params: query.iter().map(|(name, _)| name.clone()).collect(),
        origin,
        status: status.as_u16(),
    });
    match entered {
        Err(status) => refusal(&state, status, &query).await,
        Ok((protocol, registration)) => {
            let limit = state.lock().settings.max_message_bytes;
            // Up to twice the limit is read, so that the answer to it does not get lost in a reset.
            let bound = limit.saturating_mul(2);
            upgrade
                .protocols(protocol)
                .max_message_size(bound)
                .max_frame_size(bound)
                .on_upgrade(move |socket| peer::serve(registration, cutter, limit, socket))
        }
    }
}

/// How a refused handshake is answered: at once and without a word, unless the server is careless.
async fn refusal(state: &State, status: StatusCode, query: &[(String, String)]) -> Response {
    let (is_slow, why) = {
        let inner = state.lock();
        let token = query.iter().find(|(name, _)| name == "token").map(|(_, token)| token);
        let why = match token.and_then(|token| inner.tokens.end_of(token)) {
            _ if !inner.is_careless(Careless::TellsWhy) => "",
            Some(_) => "the token has ended\n",
            None => "there is no such token\n",
        };
        (inner.is_careless(Careless::SlowRefusals), why)
    };
    if is_slow {
        tokio::time::sleep(SLOW).await;
    }
    (status, why).into_response()
}

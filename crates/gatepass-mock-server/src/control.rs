//! Commands by HTTP.
//!
//! `POST /<token>/control` takes a [`Command`] as JSON, `GET /<token>/control/received` and `…/counts` answer what was seen. The token is random, so
//! that only whoever has read the printed URL can give commands.
//! The control server listens on a port of its own, so that it can be reached while the server itself is stopped.

use axum::extract::{Request, State as Extract};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::sync::{mpsc, oneshot};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::command::Command;
use crate::origin::{OriginPolicy, is_loopback_host, origin_of};
use crate::state::State;

/// A command on its way to the task that owns the server.
pub(crate) type Orders = mpsc::UnboundedSender<(Command, oneshot::Sender<()>)>;

#[derive(Clone, Debug)]
struct Control {
    state: State,
    orders: Orders,
}

pub(crate) fn router(state: State, orders: Orders, origins: OriginPolicy, token: &str) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate({
            let origins = origins.clone();
            move |origin, _| origins.allows(origin.to_str().ok())
        }))
        .allow_headers([axum::http::header::CONTENT_TYPE]);
    let commands = Router::new()
        .route("/control", post(command))
        .route("/control/received", get(received))
        .route("/control/counts", get(counts))
        .route("/control/faults", get(faults));
    Router::new()
        .nest(&format!("/{token}"), commands)
        .layer(cors)
        .layer(from_fn(move |request: Request, next: Next| {
            let is_welcome = is_loopback_host(request.headers())
                && origin_of(request.headers()).is_none_or(|origin| origins.allows(Some(&origin)));
            async move { if is_welcome { next.run(request).await } else { StatusCode::FORBIDDEN.into_response() } }
        }))
        .with_state(Control { state, orders })
}

async fn command(Extract(control): Extract<Control>, body: String) -> Response {
    let command: Command = match serde_json::from_str(&body) {
        Ok(command) => command,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("no command: {error}\n")).into_response(),
    };
    if let Err(problem) = command.check() {
        return (StatusCode::BAD_REQUEST, format!("no command: {problem}\n")).into_response();
    }
    let (done, is_done) = oneshot::channel();
    if control.orders.send((command, done)).is_err() || is_done.await.is_err() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server has ended\n").into_response();
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn received(Extract(control): Extract<Control>) -> Response {
    Json(control.state.lock().received.clone()).into_response()
}

async fn faults(Extract(control): Extract<Control>) -> Response {
    Json(control.state.faults()).into_response()
}

async fn counts(Extract(control): Extract<Control>) -> Response {
    Json(control.state.lock().counts.clone()).into_response()
}

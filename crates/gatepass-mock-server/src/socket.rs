//! The WebSocket side: who is let in by what, and what an accepted socket can do.
//!
//! | path | credential | a bad one |
//! |---|---|---|
//! | `/channel/` | `?ticket=` (S4) | HTTP 403 |
//! | `/ws/jwt/` | `?token=` (S1) | HTTP 403 |
//! | `/ws/first/` | first message `{"token": …}`, no answer (S5) | close 1000 |
//! | `/ws/ack/` | first message `{"token": …}`, answer `{"type": "auth_ok"}` | `{"type": "auth_invalid"}`, close 1005 |
//! | `/ws/hello/` | hello `{"type": "auth_required"}`, then `{"type": "auth", "access_token": …}`, answer as above | the same |
//! | `/ws/4401/` | first message as `/ws/first/` | close 4401 |
//! | `/ws/anonymous/` | none | |
//!
//! An accepted socket gets back what it sends, but for `{"type": "whoami"}`, answered with the user, and
//! `{"type": "broadcast", …}`, which goes to every accepted socket on the same path with the sender's name. A socket that
//! has not been accepted hears nothing of this.

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, OriginalUri, Path, Query, State as Extract};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::net::Cutter;
use crate::origin::origin_of;
use crate::record::Received;
use crate::state::{LiveSocket, SocketOrder, State};

/// How a first-message path behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Silent when the token is good, close 1000 when it is not: S5 as its author wrote it.
    Plain,
    /// Silent when the token is good, close 4401 when it is not.
    Plain4401,
    /// Answers either way.
    Ack,
    /// Speaks first, then answers either way.
    HelloAck,
}

/// What a handshake has shown.
#[derive(Debug)]
enum Entry {
    Accepted { user: Option<String> },
    FirstMessage(Manner),
}

pub(crate) async fn channel(
    extract: Extract<State>,
    uri: OriginalUri,
    cutter: ConnectInfo<Cutter>,
    headers: HeaderMap,
    query: Query<Vec<(String, String)>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    enter(extract.0, "channel", &uri, cutter.0, &headers, &query, upgrade).await
}

pub(crate) async fn ws(
    extract: Extract<State>,
    Path(name): Path<String>,
    uri: OriginalUri,
    cutter: ConnectInfo<Cutter>,
    headers: HeaderMap,
    query: Query<Vec<(String, String)>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    enter(extract.0, &name, &uri, cutter.0, &headers, &query, upgrade).await
}

async fn enter(
    state: State,
    name: &str,
    uri: &OriginalUri,
    cutter: Cutter,
    headers: &HeaderMap,
    query: &[(String, String)],
    upgrade: WebSocketUpgrade,
) -> Response {
    let mut silent = state.silent.subscribe();
    // A silent server answers no handshake; the channel outlives the server's own handle, so waiting ends.
    silent.wait_for(|is_silent| !is_silent).await.ok();
    let origin = origin_of(headers);
    let entry = check(&state, name, origin.as_deref(), query);
    let path = uri.path().to_owned();
    let status = match &entry {
        Ok(_) => StatusCode::SWITCHING_PROTOCOLS,
        Err(status) => *status,
    };
    tracing::info!(%path, status = status.as_u16(), "handshake");
    state.record(Received::Handshake {
        path: path.clone(),
        params: query.iter().map(|(name, _)| name.clone()).collect(),
        origin,
        status: status.as_u16(),
    });
    match entry {
        Err(status) => status.into_response(),
        Ok(entry) => {
            let limit = state.lock().settings.max_message_bytes;
            // Up to twice the limit is read, so that the answer to it does not get lost in a reset.
            let bound = limit.saturating_mul(2);
            upgrade
                .max_message_size(bound)
                .max_frame_size(bound)
                .on_upgrade(move |socket| serve(state, path, entry, cutter, limit, socket))
        }
    }
}

fn check(state: &State, name: &str, origin: Option<&str>, query: &[(String, String)]) -> Result<Entry, StatusCode> {
    let mut inner = state.lock();
    inner.counts.handshakes += 1;
    if !inner.refuse_handshakes.is_empty() {
        let status = inner.refuse_handshakes.remove(0);
        return Err(StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN));
    }
    if !inner.origins.allows(origin) {
        return Err(StatusCode::FORBIDDEN);
    }
    let param = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    match name {
        "anonymous" => Ok(Entry::Accepted { user: None }),
        "channel" => {
            let user = param("ticket").and_then(|ticket| inner.tickets.take(ticket, origin));
            let user = user.filter(|user| !inner.inactive.contains(user)).ok_or(StatusCode::FORBIDDEN)?;
            Ok(Entry::Accepted { user: Some(user) })
        }
        "jwt" => {
            let user = param("token").and_then(|token| inner.active_user_of(token)).ok_or(StatusCode::FORBIDDEN)?;
            Ok(Entry::Accepted { user: Some(user) })
        }
        "first" => Ok(Entry::FirstMessage(Manner::Plain)),
        "4401" => Ok(Entry::FirstMessage(Manner::Plain4401)),
        "ack" => Ok(Entry::FirstMessage(Manner::Ack)),
        "hello" => Ok(Entry::FirstMessage(Manner::HelloAck)),
        _ => Err(StatusCode::NOT_FOUND),
    }
}

/// One open socket.
struct Peer {
    state: State,
    id: u64,
    group: String,
    cutter: Cutter,
    socket: WebSocket,
    orders: UnboundedReceiver<SocketOrder>,
    /// What is to be said once a silence ends.
    held: Vec<Message>,
    /// The longest message that is taken, in bytes.
    limit: usize,
    manner: Option<Manner>,
}

/// Whether a socket goes on.
enum Next {
    End { code: Option<u16> },
    GoOn,
}

async fn serve(state: State, group: String, entry: Entry, cutter: Cutter, limit: usize, socket: WebSocket) {
    let (sender, orders) = unbounded_channel();
    let (user, manner) = match entry {
        Entry::Accepted { user } => (user, None),
        Entry::FirstMessage(manner) => (None, Some(manner)),
    };
    let is_accepted = manner.is_none();
    let id = state.change(|inner| {
        inner.counts.open += u32::from(is_accepted);
        inner.counts.accepted += u32::from(is_accepted);
        inner.add_socket(LiveSocket { group: group.clone(), user, is_accepted, orders: sender })
    });
    let mut peer = Peer { state, id, group, cutter, socket, orders, held: Vec::new(), limit, manner };
    let code = peer.run().await;
    peer.leave(code);
}

impl Peer {
    /// Serves until the end and returns the code of the peer's close frame.
    async fn run(&mut self) -> Option<u16> {
        if self.manner == Some(Manner::HelloAck) && self.say(json!({"type": "auth_required"})).await.is_err() {
            return None;
        }
        let time = self.state.lock().settings.first_message_time();
        let deadline = tokio::time::sleep(time);
        tokio::pin!(deadline);
        let mut silent = self.state.silent.subscribe();
        loop {
            let is_silent = *silent.borrow_and_update();
            if !is_silent {
                for message in std::mem::take(&mut self.held) {
                    if let Next::End { code } = self.send(message).await {
                        return code;
                    }
                }
            }
            let next = tokio::select! {
                // Orders come first: a reset does not wait for a silence to end.
                biased;
                order = self.orders.recv() => match order {
                    Some(SocketOrder::Text(text)) => {
                        self.held.push(Message::Text(text.into()));
                        Next::GoOn
                    }
                    Some(SocketOrder::Close { code, reason }) => self.close(code, &reason).await,
                    Some(SocketOrder::Reset) => {
                        self.cutter.0.cancel();
                        Next::End { code: None }
                    }
                    None => return None,
                },
                changed = silent.changed() => {
                    if changed.is_err() {
                        return None;
                    }
                    Next::GoOn
                }
                () = &mut deadline, if self.manner.is_some() && !is_silent => {
                    self.close(4408, "no first message in time").await
                }
                message = self.socket.next(), if !is_silent => match message {
                    Some(Ok(message)) => self.hear(message).await,
                    Some(Err(_)) | None => return None,
                },
            };
            match next {
                Next::End { code } => return code,
                Next::GoOn => {}
            }
        }
    }

    async fn hear(&mut self, message: Message) -> Next {
        if let Message::Close(frame) = &message {
            return Next::End { code: Some(frame.as_ref().map_or(1005, |frame| frame.code)) };
        }
        if matches!(message, Message::Ping(_) | Message::Pong(_)) {
            return Next::GoOn;
        }
        if message.clone().into_data().len() > self.limit {
            return self.close(1009, "the message is too big").await;
        }
        if let Some(manner) = self.manner {
            return self.authenticate(manner, &message).await;
        }
        let shown = match &message {
            Message::Text(text) => text.to_string(),
            Message::Binary(bytes) => format!("{} bytes", bytes.len()),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => String::new(),
        };
        let user = self.user();
        self.state.lock().counts.messages += 1;
        self.state.record(Received::Message { user: user.clone(), text: shown.clone() });
        let parsed: Value = serde_json::from_str(&shown).unwrap_or_default();
        match parsed.get("type").and_then(Value::as_str) {
            Some("whoami") => self.send(text(&json!({"type": "whoami", "user": user}))).await,
            Some("broadcast") => {
                let mut parsed = parsed;
                parsed["from"] = user.into();
                self.state.lock().order_accepted(Some(&self.group), &SocketOrder::Text(parsed.to_string()));
                Next::GoOn
            }
            _ => self.send(message).await,
        }
    }

    /// Judges the first message.
    async fn authenticate(&mut self, manner: Manner, message: &Message) -> Next {
        let parsed: Value = message.to_text().ok().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let field = if manner == Manner::HelloAck { "access_token" } else { "token" };
        let token = parsed.get(field).and_then(Value::as_str).unwrap_or("");
        let answers = matches!(manner, Manner::Ack | Manner::HelloAck);
        let user = self.state.change(|inner| {
            let user = inner.active_user_of(token);
            if user.is_some() {
                inner.counts.open += 1;
                inner.counts.accepted += 1;
                if let Some(socket) = inner.sockets.get_mut(&self.id) {
                    socket.is_accepted = true;
                    socket.user.clone_from(&user);
                }
            }
            user
        });
        match (user, manner) {
            (Some(_), _) => {
                self.manner = None;
                if answers && self.say(json!({"type": "auth_ok"})).await.is_err() {
                    return Next::End { code: None };
                }
                Next::GoOn
            }
            (None, Manner::Plain) => self.close(1000, "").await,
            (None, Manner::Plain4401) => self.close(4401, "Unauthorized").await,
            (None, Manner::Ack | Manner::HelloAck) => {
                // The answer may fail to be sent; the close is what ends it either way.
                self.say(json!({"type": "auth_invalid", "message": "Invalid access token"})).await.ok();
                self.close(1005, "").await
            }
        }
    }

    fn user(&self) -> Option<String> {
        self.state.lock().sockets.get(&self.id).and_then(|socket| socket.user.clone())
    }

    async fn say(&mut self, value: Value) -> Result<(), axum::Error> {
        self.socket.send(text(&value)).await
    }

    async fn send(&mut self, message: Message) -> Next {
        match self.socket.send(message).await {
            Ok(()) => Next::GoOn,
            Err(_) => Next::End { code: None },
        }
    }

    /// Sends a close frame and waits for the peer's, so that the frame is not lost in a reset.
    async fn close(&mut self, code: u16, reason: &str) -> Next {
        let frame = (code != 1005).then(|| CloseFrame { code, reason: reason.into() });
        if self.socket.send(Message::Close(frame)).await.is_ok() {
            let echoed = async { while let Some(Ok(_)) = self.socket.next().await {} };
            // A peer that never answers is left after a while.
            tokio::time::timeout(std::time::Duration::from_secs(5), echoed).await.ok();
        }
        Next::End { code: None }
    }

    fn leave(self, code: Option<u16>) {
        let user = {
            let mut inner = self.state.lock();
            let socket = inner.sockets.remove(&self.id);
            if socket.as_ref().is_some_and(|socket| socket.is_accepted) {
                inner.counts.open = inner.counts.open.saturating_sub(1);
            }
            socket.and_then(|socket| socket.user)
        };
        self.state.record(Received::Closed { user, code });
    }
}

fn text(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}

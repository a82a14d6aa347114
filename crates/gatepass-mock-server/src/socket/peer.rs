//! An open socket: what it has to say first, and what it can do once it is accepted.
//!
//! An accepted socket gets back what it sends, but for `{"type": "whoami"}`, answered with the user, and
//! `{"type": "broadcast", …}`, which goes to every accepted socket on the same path with the sender's name. On Phoenix's path
//! joins are answered. A socket that was not accepted gets none of these.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::admission::{Admission, Greeting};
use super::dialogue::{Dialogue, Reply};
use crate::careless::Careless;
use crate::net::Cutter;
use crate::record::Recorded;
use crate::rooms;
use crate::state::{Inner, LiveSocket, SocketOrder, State};

/// The registration of an open socket, until it is dropped. It exists before the client learns that it is accepted:
/// what is done to all sockets from then on is done to this one.
pub(super) struct Registration {
    state: State,
    id: u64,
    group: String,
    orders: UnboundedReceiver<SocketOrder>,
    dialogue: Option<&'static Dialogue>,
    greeting: Option<Greeting>,
    /// When the token ends that it was accepted with, since 1970 by the server's clock.
    ends: Option<Duration>,
    /// Of the close frame that it has ended with.
    code: Option<u16>,
}

impl Registration {
    /// `inner` is what `state` holds, locked: nothing may happen between the judgement and this.
    pub(super) fn take(state: &State, inner: &mut Inner, group: String, admission: Admission) -> Self {
        let (sender, orders) = unbounded_channel();
        let Admission { user, dialogue, greeting, ends, .. } = admission;
        let is_accepted = dialogue.is_none() && matches!(greeting, None | Some(Greeting::Welcome));
        inner.counts.open += u32::from(is_accepted);
        inner.counts.accepted += u32::from(is_accepted);
        let id = inner.add_socket(LiveSocket { group: group.clone(), user, is_accepted, orders: sender });
        Self { state: state.clone(), id, group, orders, dialogue, greeting, ends, code: None }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let user = {
            let mut inner = self.state.lock();
            inner.rooms.leave_all(self.id);
            let socket = inner.sockets.remove(&self.id);
            if socket.as_ref().is_some_and(|socket| socket.is_accepted) {
                inner.counts.open = inner.counts.open.saturating_sub(1);
            }
            socket.and_then(|socket| socket.user)
        };
        self.state.record(Recorded::Closed { user, code: self.code });
    }
}

/// One open socket.
struct Peer {
    state: State,
    registration: Registration,
    cutter: Cutter,
    socket: WebSocket,
    /// Messages to send once a silence ends.
    held: Vec<Message>,
    /// The longest message that is taken, in bytes.
    limit: usize,
    /// Whether the first message is waited for: at first, or again after the token has ended.
    is_waiting: bool,
    /// Whether a ping is unanswered.
    awaits_pong: bool,
}

/// Whether a socket stays open.
enum Next {
    End { code: Option<u16> },
    GoOn,
}

pub(super) async fn serve(registration: Registration, cutter: Cutter, limit: usize, socket: WebSocket) {
    let is_waiting = registration.dialogue.is_some();
    let state = registration.state.clone();
    let mut peer =
        Peer { state, registration, cutter, socket, held: Vec::new(), limit, is_waiting, awaits_pong: false };
    peer.registration.code = peer.run().await;
}

impl Peer {
    /// Serves until the end and returns the code of the peer's close frame.
    async fn run(&mut self) -> Option<u16> {
        if let Some(hello) = self.registration.dialogue.and_then(|dialogue| dialogue.hello)
            && let Next::End { code } = self.send(Message::text(hello)).await
        {
            return code;
        }
        match self.registration.greeting {
            Some(Greeting::Denied) => {
                self.send(Message::text(r#"{"type":"denied"}"#)).await;
                self.close(4401, "").await;
                return None;
            }
            Some(Greeting::Late) => {
                self.close(1008, "").await;
                return None;
            }
            Some(Greeting::Welcome) => {
                if let Next::End { code } = self.send(Message::text(r#"{"type":"welcome"}"#)).await {
                    return code;
                }
            }
            None => {}
        }
        let time = self.state.lock().settings.first_message_time();
        let deadline = tokio::time::sleep(time);
        tokio::pin!(deadline);
        let mut silent = self.state.silent.subscribe();
        let mut next_ping = tokio::time::Instant::now();
        loop {
            let is_silent = *silent.borrow_and_update();
            if !is_silent {
                for message in std::mem::take(&mut self.held) {
                    if let Next::End { code } = self.send(message).await {
                        return code;
                    }
                }
            }
            let settings = self.state.lock().settings;
            let left = self
                .registration
                .ends
                .filter(|_| settings.close_at_expiry && !self.is_careless(Careless::SocketForever))
                .map(|end| end.saturating_sub(settings.now()));
            let may_be_silent = self.is_careless(Careless::SilentForever);
            let ping_time = Duration::from_millis(settings.ping_ms);
            let may_ping = settings.ping_ms > 0 && !self.is_waiting && !is_silent;
            let ping = self.registration.dialogue.and_then(|dialogue| dialogue.ping).filter(|_| may_ping);
            let next = tokio::select! {
                // Orders come first: a reset does not wait for a silence to end.
                biased;
                order = self.registration.orders.recv() => match order {
                    Some(SocketOrder::Text(text)) => {
                        self.held.push(Message::Text(text.into()));
                        Next::GoOn
                    }
                    Some(SocketOrder::Expired) => {
                        let next = self.expire().await;
                        // A new token is waited for as long as the first one.
                        deadline.as_mut().reset(tokio::time::Instant::now() + time);
                        next
                    }
                    Some(SocketOrder::Close { code, reason }) => self.close(code, &reason).await,
                    Some(SocketOrder::Raw(bytes)) => {
                        self.cutter.replace_next(bytes);
                        self.send(Message::text("replaced")).await
                    }
                    Some(SocketOrder::Reset) => {
                        self.cutter.cut();
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
                () = &mut deadline, if self.is_waiting && !is_silent && !may_be_silent => {
                    self.close(4408, "no first message in time").await
                }
                () = tokio::time::sleep(left.unwrap_or_default()), if left.is_some() && !is_silent => {
                    self.close(4401, "the token has ended").await
                }
                () = tokio::time::sleep_until(next_ping), if ping.is_some() => {
                    next_ping = tokio::time::Instant::now() + ping_time;
                    match ping {
                        Some(_) if self.awaits_pong => self.close(1011, "no answer to a ping").await,
                        Some((ping, _)) => {
                            self.awaits_pong = true;
                            self.send(Message::text(ping)).await
                        }
                        None => Next::GoOn,
                    }
                }
                message = self.socket.next(), if !is_silent => match message {
                    Some(Ok(message)) => self.read(message).await,
                    Some(Err(_)) | None => return None,
                },
            };
            match next {
                Next::End { code } => return code,
                Next::GoOn => {}
            }
        }
    }

    async fn read(&mut self, message: Message) -> Next {
        if let Message::Close(frame) = &message {
            // The answer (RFC 6455 §5.5.1) leaves with the next look; there is nothing after it.
            let _end = self.socket.next().await;
            return Next::End { code: Some(frame.as_ref().map_or(1005, |frame| frame.code)) };
        }
        if matches!(message, Message::Ping(_) | Message::Pong(_)) {
            return Next::GoOn;
        }
        if message.clone().into_data().len() > self.limit && !self.is_careless(Careless::AnySize) {
            return self.close(1009, "the message is too big").await;
        }
        if let Some(dialogue) = self.registration.dialogue {
            let text = message.to_text().ok().filter(|_| matches!(message, Message::Text(_)));
            match (dialogue.read(text), dialogue.again) {
                (Reply::Garbage, _) if self.is_waiting && self.is_careless(Careless::MalformedResets) => {
                    self.cutter.cut();
                    return Next::End { code: None };
                }
                (Reply::Stray | Reply::Garbage, _) if self.is_waiting && self.is_careless(Careless::SpeaksBefore) => {
                    return self.send(message).await;
                }
                (reply, _) if self.is_waiting => return self.authenticate(dialogue, reply).await,
                // A new token in time: the old one stays valid until it is refused.
                (reply @ Reply::Token(_), _) if dialogue.expired.is_some() => {
                    return self.authenticate(dialogue, reply).await;
                }
                (Reply::Token(_), Some(code)) => return self.close(code, "Too many initialisation requests").await,
                (Reply::Garbage, Some(_)) => return self.close(4400, "Invalid message received").await,
                (Reply::Garbage | Reply::Stray | Reply::Token(_), _) => {}
            }
        }
        let pong = self.registration.dialogue.and_then(|dialogue| dialogue.ping).map(|(_, pong)| pong);
        if pong.is_some() && message.to_text().ok() == pong {
            self.awaits_pong = false;
            self.state.lock().counts.pongs += 1;
            return Next::GoOn;
        }
        let shown = match &message {
            Message::Text(text) => text.to_string(),
            Message::Binary(bytes) => format!("{} bytes", bytes.len()),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => String::new(),
        };
        let user = self.user();
        self.state.lock().counts.messages += 1;
        self.state.record(Recorded::Message { user: user.clone(), text: shown.clone() });
        let parsed: Value = serde_json::from_str(&shown).unwrap_or_default();
        if self.registration.group == "/socket/websocket"
            && let Some(answer) = phoenix_answer(&parsed)
        {
            return self.send(text(&answer)).await;
        }
        if self.registration.group == rooms::PATH && self.state.lock().converse(self.registration.id, &parsed) {
            return Next::GoOn;
        }
        match parsed.get("type").and_then(Value::as_str) {
            Some("whoami") => self.send(text(&json!({"type": "whoami", "user": user}))).await,
            Some("broadcast") => {
                let mut parsed = parsed;
                parsed["from"] = user.into();
                self.state
                    .lock()
                    .order_accepted(Some(&self.registration.group), &SocketOrder::Text(parsed.to_string()));
                Next::GoOn
            }
            _ => self.send(message).await,
        }
    }

    /// Judges a first message.
    async fn authenticate(&mut self, dialogue: &Dialogue, reply: Reply) -> Next {
        let token = match (reply, dialogue.stray) {
            (Reply::Token(token), _) => token,
            (Reply::Garbage, Some(_)) => return self.close(4400, "Invalid message received").await,
            (Reply::Stray, Some(code)) => return self.close(code, "Unauthorized").await,
            (Reply::Garbage | Reply::Stray, None) => String::new(),
        };
        let user = self.state.change(|inner| {
            let user = inner.active_user_of(&token);
            self.registration.ends = inner.tokens.end_of(&token).filter(|_| user.is_some());
            let socket = inner.sockets.get_mut(&self.registration.id)?;
            let was_accepted = std::mem::replace(&mut socket.is_accepted, user.is_some());
            // A failed re-authentication leaves the socket without a user.
            socket.user.clone_from(&user);
            match (was_accepted, user.is_some()) {
                (false, true) => {
                    inner.counts.open += 1;
                    inner.counts.accepted += 1;
                }
                (true, false) => inner.counts.open = inner.counts.open.saturating_sub(1),
                (true, true) | (false, false) => {}
            }
            user
        });
        self.is_waiting = user.is_none();
        let answer = if user.is_some() { dialogue.ack } else { dialogue.refusal };
        if let Some(answer) = answer
            && let Next::End { code } = self.send(Message::text(answer)).await
        {
            return Next::End { code };
        }
        if user.is_some() { Next::GoOn } else { self.close(dialogue.close, "").await }
    }

    /// The token has ended: where the protocol says so, a new one is waited for on this socket.
    async fn expire(&mut self) -> Next {
        let Some(notice) = self.registration.dialogue.and_then(|dialogue| dialogue.expired) else { return Next::GoOn };
        self.is_waiting = true;
        self.send(Message::text(notice)).await
    }

    fn is_careless(&self, about: Careless) -> bool {
        self.state.lock().is_careless(about)
    }

    fn user(&self) -> Option<String> {
        self.state.lock().sockets.get(&self.registration.id).and_then(|socket| socket.user.clone())
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
            tokio::time::timeout(Duration::from_secs(5), echoed).await.ok();
        }
        Next::End { code: None }
    }
}

fn text(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}

/// Answers a Phoenix message `[join_ref, ref, topic, event, payload]`: joins and heartbeats. The room `secret` accepts nobody.
fn phoenix_answer(message: &Value) -> Option<Value> {
    let [join_ref, reference, topic, event, _payload] = message.as_array()?.as_slice() else { return None };
    let response = match (topic.as_str()?, event.as_str()?) {
        ("room:secret", "phx_join") => json!({"status": "error", "response": {"reason": "unauthorized"}}),
        (_, "phx_join" | "heartbeat" | "access_token") => json!({"status": "ok", "response": {}}),
        _ => return None,
    };
    Some(json!([join_ref, reference, topic, "phx_reply", response]))
}

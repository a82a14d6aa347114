//! Messages of the server: which of them are read, and what they mean for the credential, the heartbeat and the outbox.
//!
//! Rules: a message is read only if something is expected in it, if it is not too long, and if it contains one of the texts without which
//! it cannot match. All of that is linear in its length.

use super::Connection;
use super::io::{Inbound, Output, SocketId};
use super::state::{Acceptance, AuthenticationStep, HeartbeatState, Reauth, Retired, State};
use crate::error::{Failure, HandshakeError};
use crate::proto::hint::Hint;
use crate::proto::session::{TokenRequestId, TokenRequirement};
use crate::proto::{Framing, Instant, Json, Now, Secret};

/// The longest message that is read. A longer one is neither part of the authentication nor an answer to a ping. In bytes, or in UTF-16 units
/// of a text in a browser.
pub const MAX_READ: usize = 1 << 20;

/// Over how many frames one message of the authentication may be split.
const MAX_FRAMES: u8 = 16;

/// What a message of the server means for the scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Ack,
    Expired,
    Hello,
    Other,
    Reject,
}

/// Whether a frame contains the answer to a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pong {
    /// It does, and nothing else: it is not delivered.
    Alone,
    /// It does, among other messages.
    Among,
    None,
}

impl Connection {
    /// Says what to do with a message that arrived on a socket. `now` is the time of the monotonic clock.
    ///
    /// # Units
    /// `length` in bytes, or in UTF-16 units for a text in a browser.
    pub fn on_message(&mut self, socket: SocketId, now: Instant, length: usize) -> Inbound {
        self.is_lane_offered = false;
        let is_try = self.authenticates(socket);
        if !is_try && !self.listens_to(socket) {
            return Inbound::Ignore;
        }
        if length > self.config.max_message {
            return Inbound::TooLong { length };
        }
        if is_try {
            return if length > MAX_READ { Inbound::Ignore } else { Inbound::Inspect };
        }
        self.outbox.heard(now);
        if self.retired.is_none_or(|retired| retired.socket != socket) {
            self.note_life();
        }
        if length <= MAX_READ && self.reads(socket) {
            return Inbound::Inspect;
        }
        self.stats.received += 1;
        self.is_taken(socket);
        Inbound::Deliver
    }

    /// Returns whether messages may have to be read. The driver then receives binary messages in a form that it can read synchronously.
    #[must_use]
    pub fn may_read(&self) -> bool {
        let Self { config, .. } = self;
        config.scheme.dialog().is_some()
            || config.heartbeat.pong.is_some()
            || config.confirm.is_some()
            || !self.rules.is_empty()
    }

    /// Whether this socket waits for the server's answer to the first message.
    fn authenticates(&self, socket: SocketId) -> bool {
        matches!(&self.state, State::Authenticating { socket: present, .. } if *present == socket)
            && !self.hears_words(socket)
    }

    /// The present socket has said something, which may be an answer to a ping.
    pub(super) fn note_life(&mut self) {
        self.heartbeat_state = if self.awaits_pong() { HeartbeatState::Alive } else { HeartbeatState::PongReceived };
    }

    fn awaits_pong(&self) -> bool {
        self.config.heartbeat.pong.is_some() && self.heartbeat_state != HeartbeatState::PongReceived
    }

    /// Whether something is expected in the messages of a connected socket.
    pub(super) fn reads(&self, socket: SocketId) -> bool {
        let has_unconfirmed = self.outbox.unconfirmed() > 0;
        if !self.rules.is_empty() {
            return true;
        }
        if let Some(Retired { awaits_pong, .. }) = self.retired.filter(|retired| retired.socket == socket) {
            return has_unconfirmed || awaits_pong;
        }
        let dialog = self.config.scheme.dialog();
        if self.hears_words(socket) && dialog.is_some() {
            return true;
        }
        let State::Connected { acceptance, reauth, .. } = self.serving() else { return false };
        let of_scheme = dialog.is_some_and(|dialog| {
            let reads_all = dialog.expired.is_some() || dialog.is_one_sided && dialog.reject.is_some();
            let reads_first = dialog.ack.is_none() && dialog.reject.is_some();
            reads_all || *reauth == Reauth::Sent || reads_first && *acceptance == Acceptance::Assumed
        });
        of_scheme || has_unconfirmed || self.awaits_pong()
    }

    /// Any message of the server after the first message shows that it accepted it.
    fn is_taken(&mut self, socket: SocketId) {
        let of_words = self.hears_words(socket);
        let state = if of_words { &mut self.state } else { self.serving_mut() };
        if let State::Connected { socket: present, acceptance: acceptance @ Acceptance::Assumed, .. }
        | State::Authenticating {
            socket: present,
            step: AuthenticationStep::Words { acceptance: acceptance @ Acceptance::Assumed, .. },
            ..
        } = state
            && *present == socket
        {
            *acceptance = Acceptance::Answered;
            self.outbox.release_kept();
        }
    }

    /// Handles a message that was inspected; `text` is its text, if it has one.
    pub(super) fn on_inspected(&mut self, now: Now, socket: SocketId, text: Option<&str>) {
        let text = text.unwrap_or_default();
        if self.authenticates(socket) {
            self.on_handshake(now, socket, text);
        } else if self.listens_to(socket) {
            self.on_read(now, socket, text);
        }
    }

    /// Handles a frame of the authentication. With text framing it may contain several messages, and one may be split over several frames.
    fn on_handshake(&mut self, now: Now, socket: SocketId, text: &str) {
        let framing = self.framing();
        let awaits_ack = matches!(&self.state, State::Authenticating { step: AuthenticationStep::Ack, .. });
        let (mut frame, frames) = core::mem::take(&mut self.rest);
        frame.push_str(text);
        let (messages, rest) = framing.read(&frame);
        if !rest.is_empty() && frames < MAX_FRAMES {
            self.rest = (rest, frames + 1);
        }
        self.reply(socket, text, &messages);
        for message in messages.iter().flatten() {
            if self.state.socket() == Some(socket) {
                self.on_meaning(now, socket, message);
            }
        }
        // The frame with the ack is delivered, too: it may contain more.
        if awaits_ack && framing != Framing::Json && self.listens_to(socket) {
            self.deliver(socket);
        }
    }

    /// Handles a message of a connected or retired socket.
    fn on_read(&mut self, now: Now, socket: SocketId, text: &str) {
        let messages = if self.matchers.may_hold(text) { self.framing().read(text).0 } else { Vec::new() };
        for message in messages.iter().flatten() {
            self.confirm(message);
        }
        let is_answered = self.reply(socket, text, &messages);
        let pong = self.pong_in(text, &messages);
        let is_pong = match &mut self.retired {
            Some(retired) if retired.socket == socket => {
                let awaited = retired.awaits_pong;
                retired.awaits_pong &= pong == Pong::None;
                awaited && pong == Pong::Alone
            }
            Some(_) | None => {
                let awaited = self.awaits_pong();
                if pong != Pong::None {
                    self.heartbeat_state = HeartbeatState::PongReceived;
                }
                for message in messages.iter().flatten() {
                    if self.serving().socket() == Some(socket) || self.hears_words(socket) {
                        self.on_meaning(now, socket, message);
                    }
                }
                self.is_taken(socket);
                awaited && pong == Pong::Alone
            }
        };
        if !is_pong && !is_answered && self.listens_to(socket) {
            self.deliver(socket);
        }
    }

    fn deliver(&mut self, socket: SocketId) {
        self.stats.received += 1;
        self.outputs.push_back(Output::Deliver { socket });
    }

    fn pong_in(&self, text: &str, messages: &[Option<Json>]) -> Pong {
        let Some(pong) = &self.config.heartbeat.pong else { return Pong::None };
        if pong.as_text().is_some_and(|pong| pong == text) {
            return Pong::Alone;
        }
        let is_pong = |message: &&Json| pong.matches(message);
        let count = messages.len() - messages.iter().flatten().filter(|message| is_nothing(message)).count();
        match messages.iter().flatten().filter(is_pong).count() {
            0 => Pong::None,
            pongs if pongs == count => Pong::Alone,
            _ => Pong::Among,
        }
    }

    /// Answers the messages that `answers` names. Returns whether the frame holds nothing else.
    fn reply(&mut self, socket: SocketId, text: &str, messages: &[Option<Json>]) -> bool {
        let framing = self.framing();
        let mut others = 0;
        let mut sent = Vec::new();
        for message in messages {
            let is_nothing = message.as_ref().is_some_and(is_nothing);
            let answer = self.rules.iter().find_map(|(when, send)| {
                let is_text = when.as_text().is_some_and(|when| when == text);
                let values = match message {
                    _ if is_text => Json::object(&[]),
                    Some(message) => when.captured(message)?,
                    None => return None,
                };
                let answer = send.filled(&values);
                Some(Secret::new(answer.as_text().unwrap_or_else(|| framing.write(&answer))))
            });
            match answer {
                Some(text) => sent.push(Output::SendText { socket, text, framing }),
                None => others += usize::from(!is_nothing),
            }
        }
        let is_alone = !sent.is_empty() && others == 0;
        self.outputs.extend(sent);
        is_alone
    }

    fn meaning_of(&self, socket: SocketId, message: &Json) -> Meaning {
        let Some(dialog) = self.config.scheme.dialog() else { return Meaning::Other };
        let is = |matcher: Option<&Json>| matcher.is_some_and(|matcher| matcher.matches(message));
        // `expired` may be a special case of `reject`.
        if is(dialog.expired) && !self.authenticates(socket) {
            Meaning::Expired
        } else if is(dialog.reject) {
            Meaning::Reject
        } else if is(dialog.ack)
            && !matches!(&self.state, State::Authenticating { step: AuthenticationStep::Hello, .. })
        {
            Meaning::Ack
        } else if is(dialog.hello) {
            Meaning::Hello
        } else {
            Meaning::Other
        }
    }

    /// Acts on the meaning of a message.
    fn on_meaning(&mut self, now: Now, socket: SocketId, message: &Json) {
        let meaning = self.meaning_of(socket, message);
        // A refusal ends the old socket in any case. Other messages about the old token are outdated.
        if self.predecessor.is_some() && self.state.socket() != Some(socket) {
            if meaning != Meaning::Reject {
                return;
            }
            self.end_handover();
        }
        match (&mut self.state, meaning) {
            (State::Authenticating { .. } | State::Connected { .. }, Meaning::Reject) => {
                self.abort(now, 1000, Failure::Handshake(HandshakeError::Rejected));
            }
            (State::Authenticating { token, step: AuthenticationStep::Hello, .. }, Meaning::Hello) => {
                let token = token.clone();
                self.authenticate(now, socket, token, Some(message.clone()));
            }
            (State::Authenticating { token, step: AuthenticationStep::Ack, .. }, Meaning::Ack) => {
                let token = token.clone();
                self.server_hint.update(Hint::of(message));
                self.accepted(now, socket, token, Acceptance::Answered, Some(message.clone()));
            }
            (State::Connected { reauth: reauth @ Reauth::Sent, .. }, Meaning::Ack) => *reauth = Reauth::Accepted,
            (State::Connected { reauth, token: Some(token), .. }, Meaning::Expired) => match reauth {
                Reauth::None | Reauth::Requested(_) => {
                    let requirement = TokenRequirement::OtherThan(token.generation);
                    self.next_id = self.next_id.wrapping_add(1);
                    let id = TokenRequestId(self.next_id);
                    *reauth = Reauth::RequestedByServer(id);
                    self.outputs.push_back(Output::RequestToken { id, requirement });
                }
                // Sent before the server had read the renewed token.
                Reauth::RequestedByServer(_) | Reauth::Sent => {}
                Reauth::Accepted => self.abort(now, 1000, Failure::Handshake(HandshakeError::Rejected)),
            },
            // A server may send other messages.
            (
                State::Idle
                | State::Preparing { .. }
                | State::Token { .. }
                | State::Ticket { .. }
                | State::Holding { .. }
                | State::Opening { .. }
                | State::Probing { .. }
                | State::Authenticating { .. }
                | State::Connected { .. }
                | State::Waiting
                | State::Suspended(_)
                | State::Closed,
                Meaning::Ack | Meaning::Expired | Meaning::Hello | Meaning::Other | Meaning::Reject,
            ) => {}
        }
    }
}

/// Whether a message is the empty rest behind the last one of a frame.
fn is_nothing(message: &Json) -> bool {
    message.print() == "\"\""
}

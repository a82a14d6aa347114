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
use crate::proto::{Framing, Instant, Json, Now};

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
            self.heartbeat_state =
                if self.awaits_pong() { HeartbeatState::Alive } else { HeartbeatState::PongReceived };
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
        config.scheme.first_message().is_some() || config.heartbeat.pong.is_some() || config.confirm.is_some()
    }

    /// Whether this socket waits for the server's answer to the first message.
    fn authenticates(&self, socket: SocketId) -> bool {
        matches!(&self.state, State::Authenticating { socket: present, .. } if *present == socket)
    }

    fn awaits_pong(&self) -> bool {
        self.config.heartbeat.pong.is_some() && self.heartbeat_state != HeartbeatState::PongReceived
    }

    /// Whether something is expected in the messages of a connected socket.
    fn reads(&self, socket: SocketId) -> bool {
        let has_unconfirmed = self.outbox.unconfirmed() > 0;
        if let Some(Retired { awaits_pong, .. }) = self.retired.filter(|retired| retired.socket == socket) {
            return has_unconfirmed || awaits_pong;
        }
        let State::Connected { acceptance, reauth, .. } = self.serving() else { return false };
        let of_scheme = self.config.scheme.first_message().is_some_and(|scheme| {
            let reads_all = scheme.expired.is_some() || scheme.message.is_none();
            let reads_first = scheme.ack.is_none() && scheme.reject.is_some();
            reads_all || *reauth == Reauth::Sent || reads_first && *acceptance == Acceptance::Assumed
        });
        of_scheme || has_unconfirmed || self.awaits_pong()
    }

    /// Any message of the server after the first message shows that it accepted it.
    fn is_taken(&mut self, socket: SocketId) {
        if let State::Connected { socket: present, acceptance: acceptance @ Acceptance::Assumed, .. } =
            self.serving_mut()
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
                    if self.serving().socket() == Some(socket) {
                        self.on_meaning(now, socket, message);
                    }
                }
                self.is_taken(socket);
                awaited && pong == Pong::Alone
            }
        };
        if !is_pong && self.listens_to(socket) {
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
        let is_nothing = |message: &&Json| message.print() == "\"\"";
        let count = messages.len() - messages.iter().flatten().filter(is_nothing).count();
        match messages.iter().flatten().filter(is_pong).count() {
            0 => Pong::None,
            pongs if pongs == count => Pong::Alone,
            _ => Pong::Among,
        }
    }

    fn meaning_of(&self, socket: SocketId, message: &Json) -> Meaning {
        let Some(scheme) = self.config.scheme.first_message() else { return Meaning::Other };
        let is = |matcher: &Option<Json>| matcher.as_ref().is_some_and(|matcher| matcher.matches(message));
        // `expired` may be a special case of `reject`.
        if is(&scheme.expired) && !self.authenticates(socket) {
            Meaning::Expired
        } else if is(&scheme.reject) {
            Meaning::Reject
        } else if is(&scheme.ack)
            && !matches!(&self.state, State::Authenticating { step: AuthenticationStep::Hello, .. })
        {
            Meaning::Ack
        } else if is(&scheme.hello) {
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
                self.authenticate(now, socket, token);
            }
            (State::Authenticating { token, step: AuthenticationStep::Ack, .. }, Meaning::Ack) => {
                let token = token.clone();
                self.server_hint.update(Hint::of(message));
                self.connected(now, socket, Some(token), Acceptance::Answered);
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

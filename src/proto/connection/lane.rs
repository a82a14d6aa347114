//! The lane: while a connection has nothing to read, nothing that waits and nothing to be confirmed, messages pass the machine by, in both
//! directions.
//!
//! Rules: whatever the machine is called with ends the lane. It is offered again when all outputs are performed. So no order of events leaves it
//! open for a socket that has ended. What has passed is told before the next call ([`Connection::pass`]), so every decision is the same as if
//! each message had been asked about.

use super::Connection;
use super::io::SocketId;
use super::state::{Acceptance, State};
use crate::proto::Instant;
use crate::proto::outbox::MessageId;

/// A message of the app that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassedMessage {
    /// Its id, higher than that of the message before.
    pub id: MessageId,
    /// Its length, as of [`Outgoing`](super::Outgoing).
    pub length: usize,
    /// When it was handed to the socket.
    pub at: Instant,
}

/// What has passed on the lane.
#[derive(Debug, Default)]
pub struct Passed {
    /// How many messages have arrived.
    pub received: u32,
    /// When the last of them has.
    pub heard: Option<Instant>,
    /// How many messages were sent.
    pub sent: u32,
    /// Those of them that may not have arrived, in order: the last [`MAX_DOUBTED`](super::MAX_DOUBTED), of
    /// [`MAX_DOUBTED_BYTES`](super::MAX_DOUBTED_BYTES) together.
    pub doubted: Vec<PassedMessage>,
}

impl Connection {
    /// Returns the socket whose messages nobody has to look at.
    pub(super) fn lane(&self) -> Option<SocketId> {
        let State::Connected { socket, acceptance, .. } = self.serving() else { return None };
        let needs_nobody = *acceptance != Acceptance::Assumed
            && self.config.confirm.is_none()
            && self.outbox.len() == 0
            && !self.reads(*socket);
        needs_nobody.then_some(*socket)
    }

    /// Takes note of what has passed since [`Output::Lane`](super::Output::Lane). The driver tells it before it calls anything else.
    pub fn pass(&mut self, passed: Passed) {
        self.is_lane_offered = false;
        self.stats.received = self.stats.received.saturating_add(passed.received);
        self.stats.sent = self.stats.sent.saturating_add(passed.sent);
        for PassedMessage { id, length, at } in passed.doubted {
            self.outbox.doubt(at, id, length);
        }
        if let Some(at) = passed.heard {
            self.outbox.heard(at);
            self.note_life();
        }
    }
}

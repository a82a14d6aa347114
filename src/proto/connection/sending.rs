//! Messages of the app: handed to a socket, queued, acknowledged, or dropped.
//!
//! A message is handed to one socket, once. There are two exceptions. A server that refused the credential has accepted none of the messages
//! after it, so they are sent again. With `confirm`, a message is resent until it is acknowledged.

use super::Connection;
use super::DeliveryStatus;
use super::io::{Event, Output, Sent, SocketId};
use super::state::{Acceptance, State, Timer};
use crate::error::SendError;
use crate::proto::Millis;
use crate::proto::outbox::{MessageId, OutboxPolicy, Retention};
use crate::proto::{Instant, Json};

/// A message of the app, as the machine sees it. Nothing of it is read if it is sent at once without an acknowledgement.
pub trait Outgoing {
    /// Its length in bytes.
    fn length(&self) -> usize;
    /// The message itself, if it is text.
    fn text(&self) -> Option<String>;
    /// The present time.
    fn instant(&self) -> Instant;
}

impl Connection {
    /// Takes a message of the app: it is sent now, or kept until [`Output::Send`]. [`Event::Message`] reports the status of a message that is
    /// kept. Outputs may follow.
    ///
    /// # Errors
    /// Closed, or the outbox is full; the message stays with the caller.
    ///
    /// # Units
    /// `id`: higher than that of the message before. `ttl`: how long it may wait; without one as the options say.
    pub fn send(&mut self, id: MessageId, message: &impl Outgoing, ttl: Option<Millis>) -> Result<Sent, SendError> {
        self.is_lane_offered = false;
        let (socket, is_assumed) = match self.serving() {
            State::Closed => return Err(SendError::Closed),
            State::Connected { socket, acceptance, .. } => (Some(*socket), *acceptance == Acceptance::Assumed),
            State::Idle
            | State::Preparing { .. }
            | State::Token { .. }
            | State::Ticket { .. }
            | State::Holding { .. }
            | State::Opening { .. }
            | State::Probing { .. }
            | State::Authenticating { .. }
            | State::Waiting
            | State::Suspended(_) => (None, false),
        };
        let (length, instant) = (message.length(), message.instant());
        let confirm = self.config.confirm.as_ref();
        let ack = confirm.and_then(|confirm| confirm.id_of(&message.text()?));
        if let (Some(socket), None) = (socket, &ack) {
            // Beyond the limits of the outbox a message is sent without being kept.
            if !is_assumed || !self.outbox.has_room(length) {
                self.stats.sent += 1;
                self.outbox.doubt(instant, id, length);
                return Ok(Sent::Now(socket));
            }
        }
        let options = self.config.outbox;
        while !self.outbox.has_room(length) {
            match options.policy {
                OutboxPolicy::DropOldest if length <= options.max_bytes => {
                    let Some(oldest) = self.outbox.take_oldest() else { return Err(SendError::QueueFull) };
                    self.report_status(vec![oldest], DeliveryStatus::Dropped);
                }
                OutboxPolicy::DropNewest => {
                    self.stats.dropped += 1;
                    return Ok(Sent::Dropped);
                }
                OutboxPolicy::Error | OutboxPolicy::DropOldest => return Err(SendError::QueueFull),
            }
        }
        let expires = ttl.or(options.ttl).map(|ttl| instant.after(ttl));
        self.outbox.push(id, length, expires, ack);
        if expires.is_some() {
            self.set_expiry();
        }
        let Some(socket) = socket else { return Ok(Sent::Queued) };
        self.stats.sent += 1;
        Ok(match self.outbox.next(instant, Retention::UntilAccepted) {
            Some((_, DeliveryStatus::Unconfirmed)) => Sent::Unconfirmed(socket),
            Some((_, DeliveryStatus::Sent | DeliveryStatus::Confirmed | DeliveryStatus::Dropped)) | None => {
                Sent::Now(socket)
            }
        })
    }

    /// Returns whether a message of the app may have to be read, for its id.
    #[must_use]
    pub const fn confirms(&self) -> bool {
        self.config.confirm.is_some()
    }

    fn set_expiry(&mut self) {
        if let Some(next) = self.outbox.next_expiry() {
            self.timers.set(Timer::Expiry, next);
        }
    }

    /// Drops messages that have waited too long.
    pub(super) fn expire(&mut self, now: Instant) {
        let expired = self.outbox.take_expired(now);
        self.report_status(expired, DeliveryStatus::Dropped);
        self.set_expiry();
    }

    /// Sends all queued messages on a socket that was accepted.
    pub(super) fn flush(&mut self, now: Instant, socket: SocketId, retention: Retention) {
        self.expire(now);
        while let Some((message, status)) = self.outbox.next(now, retention) {
            self.stats.sent += 1;
            self.outputs.push_back(Output::Send { socket, message });
            self.outputs.push_back(Output::Event(Event::Message { message, status }));
        }
    }

    /// Removes outputs of the previous user that the driver has not performed yet: messages are dropped, and nothing is delivered or
    /// authenticated for that user.
    pub(super) fn unsend(&mut self) {
        let mut unsent = Vec::new();
        for output in core::mem::take(&mut self.outputs) {
            match output {
                Output::Send { message, .. } => {
                    self.stats.sent -= 1;
                    self.outbox.never_sent(message);
                    unsent.push(message);
                }
                Output::Deliver { .. } | Output::SendText { .. } => {}
                Output::Event(Event::Message { message, .. }) if unsent.contains(&message) => {}
                Output::AbortFetch { .. }
                | Output::Ask { .. }
                | Output::CloseSocket { .. }
                | Output::Discard { .. }
                | Output::Event(_)
                | Output::Fetch { .. }
                | Output::Lane { .. }
                | Output::Open { .. }
                | Output::CancelTokenRequest
                | Output::RequestToken { .. } => self.outputs.push_back(output),
            }
        }
        self.report_status(unsent, DeliveryStatus::Dropped);
    }

    /// Handles a message of the server that may be an acknowledgement.
    pub(super) fn confirm(&mut self, message: &Json) {
        let ack = self.config.confirm.as_ref().and_then(|confirm| confirm.confirmed_by(message));
        if let Some(ack) = ack {
            let confirmed = self.outbox.take_confirmed(&ack);
            self.report_status(confirmed, DeliveryStatus::Confirmed);
        }
    }

    /// The socket is lost. It may have delivered its messages, so only those without an expected acknowledgement are resent.
    pub(super) fn lose_sent(&mut self) {
        self.outbox.release_kept();
        self.lost = self.outbox.requeue();
    }

    /// Drops all messages and returns their number.
    pub(super) fn discard_outbox(&mut self) -> usize {
        self.outbox.release_kept();
        let mut dropped = Vec::new();
        while let Some(message) = self.outbox.take_oldest() {
            dropped.push(message);
        }
        let count = dropped.len();
        self.report_status(dropped, DeliveryStatus::Dropped);
        count
    }

    fn report_status(&mut self, messages: Vec<MessageId>, status: DeliveryStatus) {
        for message in messages {
            self.stats.dropped += u32::from(status == DeliveryStatus::Dropped);
            self.outputs.push_back(Output::Event(Event::Message { message, status }));
        }
    }
}

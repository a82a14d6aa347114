//! Messages that no socket has taken yet, or that the server has not confirmed: bounded by count and bytes, in order, and gone when
//! their time is over or their user goes. And those that were handed to a socket and may not have arrived.
//!
//! The machine holds ids and lengths; the payloads stay with the driver, which may forget those that are released.

use crate::proto::Millis;
use std::collections::VecDeque;

use super::contract::{numbered, options};
use super::{Instant, Json};
use crate::error::ConfigError;
#[cfg(doc)]
use crate::error::SendError;

/// A message of the app, numbered by the driver: each has a higher number than the one before. The driver keeps the payload under this id
/// until [`Output::Discard`].
///
/// [`Output::Discard`]: super::connection::Output::Discard
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageId(pub u32);

impl MessageId {
    /// Returns the id as a number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

options! {
    /// How much may wait to be sent; beyond it `send` throws QUEUE_FULL.
    #[derive(Copy, PartialEq, Eq)]
    pub struct OutboxOptions = "OutboxOptions" {
        takes {
            /// How many bytes may be queued. Strings count by their UTF-16 units.
            max_bytes: usize = 1 << 20, "maxBytes";
            /// How many messages may be queued.
            max_messages: usize = 1_000, "maxMessages";
            /// What happens when the queue is full: `send` throws QUEUE_FULL, the oldest messages are dropped, or the
            /// new message is dropped.
            policy: OutboxPolicy = OutboxPolicy::Error, "policy";
            /// How long a message may wait, in milliseconds, before it is dropped. With `confirm`, until it is
            /// acknowledged. By default without limit.
            ttl: Option<Millis> = None, "ttl";
        }
    }
}

numbered! {
    /// The delivery status of a message.
    pub enum DeliveryStatus {
        /// Handed to a socket, without an acknowledgement to come. If the server then refuses the credential, it is handed to the next socket and reported again.
        Sent = 0 "sent",
        /// Acknowledged by the server.
        Confirmed = 1 "confirmed",
        /// Dropped: its time is over, the queue was full, its user has left, or the socket was closed.
        Dropped = 2 "dropped",
        /// Handed to a socket, and not acknowledged yet. After each loss until then it is handed to the next socket and reported again.
        Unconfirmed = 3 "unconfirmed",
    }
}

numbered! {
    /// What happens when the queue is full.
    pub enum OutboxPolicy {
        /// It is not taken: [`SendError::QueueFull`].
        Error = 0 "error",
        /// Those that have waited longest go. One that is longer than the whole outbox is not taken.
        DropOldest = 1 "drop-oldest",
        /// It goes itself.
        DropNewest = 2 "drop-newest",
    }
}

options! {
    /// For servers that acknowledge messages. A JSON message with an id is resent after a loss until it is
    /// acknowledged (at least once). The server should ignore an id that it knows. Until then the message takes room
    /// in the queue. The acknowledgement is delivered to the app, too.
    pub struct Confirm = "ConfirmOptions" {
        needs {
            /// Where the id is in a message: a name, or a dotted path.
            id: String, "id";
            /// The acknowledgement, with `"$id"` in the place of the id: `{ type: 'ack', id: '$id' }`.
            ack: Json, "ack";
        }
        takes {}
    }
}

impl Confirm {
    /// Returns the id of a message of ours, if the server is to confirm it.
    pub(crate) fn id_of(&self, message: &str) -> Option<String> {
        Some(Json::parse_exact(message)?.at(&self.id)?.key())
    }

    /// Returns the id that a message of the server confirms.
    pub(crate) fn confirmed_by(&self, message: &Json) -> Option<String> {
        Some(self.ack.captured(message)?.at("id")?.key())
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.ack.unknown_hole(&["id"]).is_some() || self.ack.unknown_hole(&[]).is_none() {
            return Err(ConfigError::option(
                "confirm.ack",
                "\"$id\" is needed where the id is, and no other placeholder",
            ));
        }
        if self.id.split('.').any(str::is_empty) {
            return Err(ConfigError::option("confirm.id", "a name is needed, or names with dots between"));
        }
        Ok(())
    }
}

/// A message that waits, is kept, or may not have arrived.
#[derive(Debug)]
struct OutboxEntry {
    id: MessageId,
    length: usize,
    expires: Option<Instant>,
    /// The id by which the server confirms it.
    ack: Option<String>,
    /// Whether it is here for another socket, if the server refuses the one that it was handed to, or does not confirm.
    is_kept: bool,
    /// Since when it may not have arrived.
    doubted: Option<Instant>,
}

/// How long a message stays in the outbox after it was handed to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retention {
    /// Not at all.
    None,
    /// Until the server has accepted the credential: if it refuses, the message is sent again.
    UntilAccepted,
}

/// The most messages that are remembered as those that may not have arrived. [`MAX_DOUBTED_BYTES`] limits them, too.
pub const MAX_DOUBTED: usize = 1_000;
/// The most bytes of these messages together; in a browser a text counts by its UTF-16 units.
pub const MAX_DOUBTED_BYTES: usize = 1 << 20;
/// How long a message is in doubt: what the server says so much later shows that all was well.
const DOUBT: Millis = Millis::from_secs(5);

/// How many entries there are of a kind, and what they weigh.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    messages: usize,
    bytes: usize,
}

impl Count {
    fn add(&mut self, length: usize) {
        self.messages += 1;
        self.bytes += length;
    }

    fn subtract(&mut self, length: usize) {
        self.messages -= 1;
        self.bytes -= length;
    }
}

#[derive(Debug)]
pub(crate) struct Outbox {
    options: OutboxOptions,
    /// In the order of their ids: first those that were handed to a socket, then those that wait.
    entries: VecDeque<OutboxEntry>,
    waiting: Count,
    kept: Count,
    doubted: Count,
    /// No entry before this one is in doubt.
    trusted: MessageId,
    /// Those that the server is to confirm, in the order of the ids by which it does. One is found without a look at all the others.
    acks: Vec<MessageId>,
    /// How many are kept until the server has confirmed them.
    unconfirmed: usize,
    /// No entry ends before this.
    next_expiry: Option<Instant>,
    /// What the driver may forget.
    released: Vec<MessageId>,
}

impl Outbox {
    pub(crate) fn new(options: OutboxOptions) -> Self {
        Self {
            options,
            entries: VecDeque::new(),
            waiting: Count::default(),
            kept: Count::default(),
            doubted: Count::default(),
            trusted: MessageId(0),
            acks: Vec::new(),
            unconfirmed: 0,
            next_expiry: None,
            released: Vec::new(),
        }
    }

    pub(crate) fn has_room(&self, length: usize) -> bool {
        self.waiting.messages + self.kept.messages < self.options.max_messages
            && self.waiting.bytes.saturating_add(self.kept.bytes).saturating_add(length) <= self.options.max_bytes
    }

    pub(crate) fn push(&mut self, id: MessageId, length: usize, expires: Option<Instant>, ack: Option<String>) {
        if let Some(end) = expires {
            self.next_expiry = Some(self.next_expiry.map_or(end, |next| next.min(end)));
        }
        self.waiting.add(length);
        if let Some(ack) = &ack {
            self.acks.insert(self.place_among_acks(ack, id), id);
        }
        self.entries.push_back(OutboxEntry { id, length, expires, ack, is_kept: false, doubted: None });
    }

    /// Where the first entry stands whose id is not lower.
    fn place_from(&self, id: MessageId) -> usize {
        self.entries.partition_point(|entry| entry.id < id)
    }

    fn place_of(&self, id: MessageId) -> Option<usize> {
        Some(self.place_from(id)).filter(|place| self.entries.get(*place).is_some_and(|entry| entry.id == id))
    }

    /// The id by which the server confirms a message.
    fn ack_of(&self, id: MessageId) -> &str {
        self.entries.get(self.place_from(id)).and_then(|entry| entry.ack.as_deref()).unwrap_or_default()
    }

    /// Where a message stands, or would, among those that are to be confirmed.
    fn place_among_acks(&self, ack: &str, id: MessageId) -> usize {
        self.acks.partition_point(|other| (self.ack_of(*other), *other) < (ack, id))
    }

    fn remove(&mut self, place: usize) {
        let Some(entry) = self.entries.get(place) else { return };
        let id = entry.id;
        if let Some(ack) = &entry.ack {
            self.acks.remove(self.place_among_acks(ack, id));
        }
        self.entries.remove(place);
        self.released.push(id);
    }

    /// Where those begin that wait.
    fn first_waiting(&self) -> usize {
        self.entries.len() - self.waiting.messages
    }

    /// Takes the next message to hand to a socket, and its status from then on: `Unconfirmed` stays here until it is acknowledged.
    pub(crate) fn next(&mut self, now: Instant, retention: Retention) -> Option<(MessageId, DeliveryStatus)> {
        let place = self.first_waiting();
        let entry = self.entries.get_mut(place)?;
        let (id, length, needs_ack) = (entry.id, entry.length, entry.ack.is_some());
        entry.doubted = Some(now);
        let is_kept = needs_ack || retention == Retention::UntilAccepted;
        entry.is_kept = is_kept;
        self.trusted = self.trusted.min(id);
        self.waiting.subtract(length);
        if is_kept {
            self.kept.add(length);
        }
        self.unconfirmed += usize::from(needs_ack);
        self.doubted.add(length);
        self.trust_what_is_too_much();
        Some((id, if needs_ack { DeliveryStatus::Unconfirmed } else { DeliveryStatus::Sent }))
    }

    /// A message was handed to a socket at once, and may not arrive. Nothing waits then.
    pub(crate) fn doubt(&mut self, now: Instant, id: MessageId, length: usize) {
        self.entries.push_back(OutboxEntry {
            id,
            length,
            expires: None,
            ack: None,
            is_kept: false,
            doubted: Some(now),
        });
        self.doubted.add(length);
        self.trust_what_is_too_much();
    }

    fn trust_what_is_too_much(&mut self) {
        while self.doubted.messages > MAX_DOUBTED || self.doubted.bytes > MAX_DOUBTED_BYTES {
            let Some(first) = self.first_doubted() else { return };
            self.trust(first);
        }
    }

    fn first_doubted(&mut self) -> Option<usize> {
        let mut place = self.place_from(self.trusted);
        while self.entries.get(place)?.doubted.is_none() {
            place += 1;
        }
        self.trusted = self.entries.get(place)?.id;
        Some(place)
    }

    /// The server is there, so what was sent a while ago is taken to have arrived. What it says may have crossed what was sent since.
    pub(crate) fn heard(&mut self, now: Instant) {
        while self.doubted.messages > 0
            && let Some(place) = self.first_doubted()
            && self.entries.get(place).is_some_and(|entry| entry.doubted.is_some_and(|at| now.since(at) > DOUBT))
        {
            self.trust(place);
        }
    }

    /// Does something with each entry that is so, which may take it out; returns their ids, in order.
    fn each(&mut self, is_so: &dyn Fn(&OutboxEntry) -> bool, act: fn(&mut Self, usize)) -> Vec<MessageId> {
        let mut ids = Vec::new();
        let mut place = 0;
        while let Some(entry) = self.entries.get(place) {
            let (id, count) = (entry.id, self.entries.len());
            if is_so(entry) {
                ids.push(id);
                act(self, place);
            }
            place += usize::from(self.entries.len() == count);
        }
        ids
    }

    /// A message is not in doubt any more.
    fn trust(&mut self, place: usize) {
        if let Some(entry) = self.entries.get_mut(place)
            && entry.doubted.take().is_some()
        {
            self.doubted.subtract(entry.length);
            self.release(place);
        }
    }

    /// A message is not kept any more.
    fn let_go(&mut self, place: usize) {
        if let Some(entry) = self.entries.get_mut(place)
            && core::mem::take(&mut entry.is_kept)
        {
            self.kept.subtract(entry.length);
            self.unconfirmed -= usize::from(entry.ack.is_some());
            self.release(place);
        }
    }

    /// Neither.
    fn forget(&mut self, place: usize) {
        let count = self.entries.len();
        self.trust(place);
        if self.entries.len() == count {
            self.let_go(place);
        }
    }

    /// Drops a message, whether it waits or is kept.
    fn give_up(&mut self, place: usize) {
        if place < self.first_waiting() {
            return self.let_go(place);
        }
        if let Some(entry) = self.entries.get(place) {
            self.waiting.subtract(entry.length);
            self.remove(place);
        }
    }

    /// Takes a message out that was handed over, is not kept and in no doubt: the driver may forget it.
    fn release(&mut self, place: usize) {
        if self.entries.get(place).is_some_and(|entry| !entry.is_kept && entry.doubted.is_none()) {
            self.remove(place);
        }
    }

    /// Takes what may not have arrived and is not sent again.
    pub(crate) fn take_doubted(&mut self) -> Vec<MessageId> {
        let lost = self.each(&|entry| entry.doubted.is_some() && !entry.is_kept, Self::trust);
        self.each(&|entry| entry.doubted.is_some(), Self::trust);
        lost
    }

    /// What was to be handed to a socket never was.
    pub(crate) fn never_sent(&mut self, id: MessageId) {
        if let Some(place) = self.place_of(id) {
            self.forget(place);
        }
    }

    /// Takes what the driver may forget.
    pub(crate) fn take_released(&mut self) -> Vec<MessageId> {
        core::mem::take(&mut self.released)
    }

    /// Queues the kept messages again, as if they had never been sent. Others are lost with the socket.
    pub(crate) fn requeue(&mut self) -> Vec<MessageId> {
        let lost = self.take_doubted();
        for entry in &mut self.entries {
            if core::mem::take(&mut entry.is_kept) {
                self.waiting.add(entry.length);
            }
        }
        self.kept = Count::default();
        self.unconfirmed = 0;
        lost
    }

    /// Gives up the first of all.
    pub(crate) fn take_oldest(&mut self) -> Option<MessageId> {
        let waiting = self.first_waiting();
        let place = self.entries.iter().position(|entry| entry.is_kept).unwrap_or(waiting);
        let id = self.entries.get(place)?.id;
        self.give_up(place);
        Some(id)
    }

    /// Releases messages that were kept until acceptance, except those with an acknowledgement to come: the server has accepted, or the socket was lost.
    pub(crate) fn release_kept(&mut self) {
        if self.kept.messages > self.unconfirmed {
            self.each(&|entry| entry.is_kept && entry.ack.is_none(), Self::let_go);
        }
    }

    /// Removes and returns the messages that the server acknowledges.
    pub(crate) fn take_confirmed(&mut self, ack: &str) -> Vec<MessageId> {
        let mut confirmed = Vec::new();
        let mut place = self.place_among_acks(ack, MessageId(0));
        while let Some(id) = self.acks.get(place).copied()
            && self.ack_of(id) == ack
        {
            place += 1;
            if self.entries.get(self.place_from(id)).is_some_and(|entry| entry.is_kept) {
                confirmed.push(id);
            }
        }
        for id in &confirmed {
            if let Some(place) = self.place_of(*id) {
                self.forget(place);
            }
        }
        confirmed
    }

    /// Takes those whose time is over. What was sent and needs no confirmation has no time any more.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Vec<MessageId> {
        if self.next_expiry.is_none_or(|next| next > now) {
            return Vec::new();
        }
        // What was sent is kept, or in doubt.
        let can_end =
            |entry: &OutboxEntry| entry.ack.is_some() && entry.is_kept || !entry.is_kept && entry.doubted.is_none();
        let is_over = |entry: &OutboxEntry| can_end(entry) && entry.expires.is_some_and(|end| end <= now);
        let taken = self.each(&is_over, Self::give_up);
        self.next_expiry = self.entries.iter().filter(|entry| can_end(entry)).filter_map(|entry| entry.expires).min();
        taken
    }

    /// Returns when the next may be over.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.next_expiry
    }

    /// How many were sent and are to be confirmed.
    pub(crate) fn unconfirmed(&self) -> usize {
        self.unconfirmed
    }

    /// How many wait to be sent.
    pub(crate) fn len(&self) -> usize {
        self.waiting.messages
    }

    /// How many bytes wait to be sent.
    pub(crate) fn bytes(&self) -> usize {
        self.waiting.bytes
    }
}

#[cfg(test)]
mod tests;

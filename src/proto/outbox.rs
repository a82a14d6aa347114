//! Messages that no socket has taken yet, or that the server has not confirmed: bounded by count and bytes, in order, and gone when
//! their time is over or their user goes.
//!
//! The machine holds ids and lengths; the payloads stay with the driver.

use core::time::Duration;

use super::{Instant, Json};
use crate::error::ConfigError;
#[cfg(doc)]
use crate::error::SendError;

/// A message in the outbox. The driver keeps the payload under this id until [`Output::Send`] or [`Output::Discard`].
///
/// [`Output::Send`]: super::connection::Output::Send
/// [`Output::Discard`]: super::connection::Output::Discard
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageId(pub(crate) u32);

impl MessageId {
    /// Returns the id as a number, unique within one connection machine.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// How much the outbox may hold, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxOptions {
    /// Default 1 MiB (1,048,576 bytes).
    pub max_bytes: usize,
    /// Default 1,000.
    pub max_messages: usize,
    /// What becomes of a message for which there is no room.
    pub policy: OutboxPolicy,
    /// How long a message may wait to be sent, or with [`Confirm`] to be confirmed; then it is dropped. Default: for ever.
    pub ttl: Option<Duration>,
}

/// What becomes of a message for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxPolicy {
    /// It is not taken: [`SendError::QueueFull`].
    Error,
    /// Those that have waited longest go. One that is longer than the whole outbox is not taken.
    DropOldest,
    /// It goes itself.
    DropNewest,
}

impl Default for OutboxOptions {
    fn default() -> Self {
        Self { max_bytes: 1 << 20, max_messages: 1_000, policy: OutboxPolicy::Error, ttl: None }
    }
}

/// How a server confirms messages: they are sent again after a loss until it has, so it should know those that come twice by their id.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// Where in a message its id is: names with dots between. A message that is no JSON, or has none, is sent once and not confirmed.
    pub id: String,
    /// What confirms it, with `"$id"` where the id is.
    pub ack: Json,
}

impl Confirm {
    /// Returns what confirms this message, if anything does.
    pub(crate) fn ack_of(&self, message: &str) -> Option<Json> {
        let id = Json::parse(message)?.at(&self.id)?;
        let values = Json::parse(&["{\"id\":", &id.print(), "}"].concat())?;
        Some(self.ack.filled(&values))
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.ack.unknown_hole(&["id"]).is_some() || self.ack.unknown_hole(&[]).is_none() {
            return Err(ConfigError::option("confirm.ack", "\"$id\" is needed where the id is, and no other hole"));
        }
        if self.id.split('.').any(str::is_empty) {
            return Err(ConfigError::option("confirm.id", "a name is needed, or names with dots between"));
        }
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct Entry {
    id: MessageId,
    length: usize,
    expires: Option<Instant>,
    /// What confirms it.
    ack: Option<Json>,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    options: OutboxOptions,
    waiting: Vec<Entry>,
    /// Handed to a socket, and yet to be handed to another if the server refuses this one, or does not confirm. Before `waiting`.
    lent: Vec<Entry>,
    next_id: u32,
}

impl Outbox {
    pub(crate) fn new(options: OutboxOptions) -> Self {
        Self { options, waiting: Vec::new(), lent: Vec::new(), next_id: 0 }
    }

    pub(crate) fn has_room(&self, length: usize) -> bool {
        let lent: usize = self.lent.iter().map(|entry| entry.length).sum();
        self.waiting.len() + self.lent.len() < self.options.max_messages
            && self.bytes().saturating_add(lent).saturating_add(length) <= self.options.max_bytes
    }

    pub(crate) fn push(&mut self, length: usize, expires: Option<Instant>, ack: Option<Json>) -> MessageId {
        let id = MessageId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        self.waiting.push(Entry { id, length, expires, ack });
        id
    }

    /// Takes the next message to hand to a socket, and whether it is to be confirmed. With `keep`, and if it is, it stays here, too.
    pub(crate) fn next(&mut self, keep: bool) -> Option<(MessageId, bool)> {
        let entry = take_first(&mut self.waiting)?;
        let (id, needs_ack) = (entry.id, entry.ack.is_some());
        if keep || needs_ack {
            self.lent.push(entry);
        }
        Some((id, needs_ack))
    }

    /// What was handed to the socket and is still kept is to be sent, as if it never had been.
    pub(crate) fn take_back(&mut self) {
        let mut all = core::mem::take(&mut self.lent);
        all.append(&mut self.waiting);
        self.waiting = all;
    }

    /// Takes the first of all.
    pub(crate) fn take_oldest(&mut self) -> Option<MessageId> {
        take_first(&mut self.lent).or_else(|| take_first(&mut self.waiting)).map(|entry| entry.id)
    }

    /// Takes those that need not be kept any more: the server has accepted, or the socket was lost.
    pub(crate) fn take_settled(&mut self) -> Vec<MessageId> {
        take(&mut self.lent, &|entry| entry.ack.is_none())
    }

    /// Takes those that a message of the server confirms.
    pub(crate) fn take_confirmed(&mut self, message: &Json) -> Vec<MessageId> {
        take(&mut self.lent, &|entry| entry.ack.as_ref().is_some_and(|ack| ack.matches(message)))
    }

    /// Takes those whose time is over. What was sent and needs no confirmation has no time any more.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Vec<MessageId> {
        let is_over = |entry: &Entry| entry.expires.is_some_and(|end| end <= now);
        let mut taken = take(&mut self.lent, &|entry| is_over(entry) && entry.ack.is_some());
        taken.extend(take(&mut self.waiting, &is_over));
        taken
    }

    /// Returns when the next is over.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        let lent = self.lent.iter().filter(|entry| entry.ack.is_some());
        lent.chain(&self.waiting).filter_map(|entry| entry.expires).min()
    }

    /// Returns whether something is to be confirmed.
    pub(crate) fn awaits_ack(&self) -> bool {
        self.lent.iter().any(|entry| entry.ack.is_some())
    }

    /// How many were sent and are to be confirmed.
    pub(crate) fn unconfirmed(&self) -> usize {
        self.lent.iter().filter(|entry| entry.ack.is_some()).count()
    }

    /// How many wait to be sent.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// How many bytes wait to be sent.
    pub(crate) fn bytes(&self) -> usize {
        self.waiting.iter().map(|entry| entry.length).sum()
    }
}

/// At most some thousands are here, and a `VecDeque` costs the download more than moving them.
fn take_first(queue: &mut Vec<Entry>) -> Option<Entry> {
    (!queue.is_empty()).then(|| queue.remove(0))
}

/// Takes those out of a queue that are so, in order.
fn take(queue: &mut Vec<Entry>, is_so: &dyn Fn(&Entry) -> bool) -> Vec<MessageId> {
    let mut taken = Vec::new();
    queue.retain(|entry| {
        let stays = !is_so(entry);
        if !stays {
            taken.push(entry.id);
        }
        stays
    });
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox() -> Outbox {
        Outbox::new(OutboxOptions::default())
    }

    #[test]
    fn the_outbox_keeps_order_and_counts_bytes() {
        let mut outbox = outbox();
        let ids = [3, 0, 5].map(|length| outbox.push(length, None, None));
        assert_eq!((outbox.len(), outbox.bytes()), (3, 8));
        assert_eq!(ids.map(MessageId::get), [0, 1, 2].map(|more| ids[0].get() + more));
        assert_eq!(
            [(); 4].map(|()| outbox.next(false)),
            [Some((ids[0], false)), Some((ids[1], false)), Some((ids[2], false)), None]
        );
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn what_was_lent_comes_back_in_front_and_in_order() {
        let mut outbox = Outbox::new(OutboxOptions { max_bytes: 100, max_messages: 3, ..OutboxOptions::default() });
        let ids = [1, 2, 3].map(|length| outbox.push(length, None, None));
        assert_eq!([outbox.next(true), outbox.next(true)], [Some((ids[0], false)), Some((ids[1], false))]);
        assert_eq!((outbox.len(), outbox.bytes(), outbox.has_room(1)), (1, 3, false));
        outbox.take_back();
        assert_eq!(outbox.next(true), Some((ids[0], false)));
        assert_eq!(outbox.take_settled(), [ids[0]]);
        assert_eq!(outbox.take_settled(), []);
        assert_eq!((outbox.len(), outbox.bytes()), (2, 5));
    }

    #[test]
    fn case_111_a_full_outbox_has_no_room_and_keeps_what_it_has() {
        let mut outbox = Outbox::new(OutboxOptions { max_bytes: 10, max_messages: 2, ..OutboxOptions::default() });
        assert!(!outbox.has_room(11) && !outbox.has_room(usize::MAX) && outbox.has_room(10));
        outbox.push(10, None, None);
        assert!(!outbox.has_room(1) && outbox.has_room(0));
        outbox.push(0, None, None);
        assert!(!outbox.has_room(0));
        assert_eq!((outbox.len(), outbox.bytes()), (2, 10));
        let none = Outbox::new(OutboxOptions { max_bytes: 0, max_messages: 0, ..OutboxOptions::default() });
        assert!(!none.has_room(0));
    }

    #[test]
    fn only_what_is_to_be_confirmed_is_kept_and_has_an_end_after_it_was_sent() {
        let at = |millis| Some(Instant::from_millis(millis));
        let mut outbox = outbox();
        let plain = outbox.push(1, at(5), None);
        let confirmed = outbox.push(1, at(7), Json::parse("1"));
        assert_eq!(outbox.next_expiry(), at(5));
        assert_eq!([outbox.next(true), outbox.next(false)], [Some((plain, false)), Some((confirmed, true))]);
        assert_eq!((outbox.next_expiry(), outbox.awaits_ack()), (at(7), true));
        assert_eq!(outbox.take_confirmed(&Json::parse("2").unwrap()), []);
        assert_eq!(outbox.take_settled(), [plain]);
        assert_eq!(outbox.take_expired(Instant::from_millis(6)), []);
        assert_eq!(outbox.take_expired(Instant::from_millis(7)), [confirmed]);
        assert!(!outbox.awaits_ack());
    }

    #[test]
    fn an_ack_is_that_of_one_message_whatever_its_id_is() {
        let confirm = Confirm { id: "meta.id".to_owned(), ack: Json::parse(r#"{"ack":"$id"}"#).unwrap() };
        let ack = |message| confirm.ack_of(message).map(|ack| ack.print());
        assert_eq!(ack(r#"{"meta":{"id":7}}"#).as_deref(), Some(r#"{"ack":7}"#));
        assert_eq!(ack(r#"{"meta":{"id":"a\"b$id"}}"#).as_deref(), Some(r#"{"ack":"a\"b$id"}"#));
        assert_eq!([ack(r#"{"meta":{}}"#), ack("no JSON"), ack("")], [None, None, None]);
        assert!(confirm.check().is_ok());
        for id in ["", ".", "a..b", "a."] {
            let confirm = Confirm { id: id.to_owned(), ..confirm.clone() };
            assert_eq!(confirm.check().map_err(|error| error.code()), Err("INVALID_OPTION"), "{id:?}");
        }
        for wrong in [r#"{"ack":"id"}"#, r#"{"ack":"$id","of":"$token"}"#, "1"] {
            let ack = Json::parse(wrong).unwrap();
            assert!(Confirm { id: "id".to_owned(), ack }.check().is_err(), "{wrong}");
        }
    }
}

//! The messages themselves, which the machine knows by number alone: those that are kept, and those that may not have arrived.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use super::socket::Message;
use crate::proto::Instant;
use crate::proto::outbox::MessageId;

/// How much of what may not have arrived is kept for the app: messages, and bytes of them together.
const MAX_UNHEARD: usize = 1_000;
const MAX_UNHEARD_BYTES: usize = 1 << 20;

/// For how long: what a server says so much later shows that all was well.
const DOUBT: Duration = Duration::from_secs(5);

/// What one connection keeps.
#[derive(Debug, Default)]
pub(super) struct Payloads {
    kept: BTreeMap<MessageId, Message>,
    /// What was sent and may not have arrived: its number if it is kept, and when.
    unheard: Recent<(Option<MessageId>, Message, Instant)>,
}

impl Payloads {
    /// Keeps a message until it is sent or dropped.
    pub(super) fn keep(&mut self, id: MessageId, message: Message) {
        self.kept.insert(id, message);
    }

    /// Forgets a message; one that is confirmed is not in doubt either.
    pub(super) fn drop(&mut self, id: MessageId, is_confirmed: bool) {
        self.kept.remove(&id);
        if is_confirmed {
            self.unheard.forget_one(|(other, ..)| *other == Some(id));
        }
    }

    /// A message that is handed to a socket and was not kept before.
    pub(super) fn sent(&mut self, now: Instant, id: Option<MessageId>, message: &Message) {
        self.unheard.push((id, message.clone(), now), message.len());
    }

    /// Returns a message that was kept, to be handed to a socket.
    pub(super) fn send_kept(&mut self, now: Instant, id: MessageId, keep: bool) -> Option<Message> {
        let message = if keep { self.kept.get(&id).cloned() } else { self.kept.remove(&id) };
        if let Some(message) = &message {
            self.sent(now, Some(id), message);
        }
        message
    }

    /// The server is there, so what was sent a while ago is taken to have arrived. What it says may have crossed what was sent since.
    pub(super) fn heard(&mut self, now: Instant) {
        self.unheard.forget_while(|(_, _, sent)| now.since(*sent) > DOUBT);
    }

    /// Takes what was sent and may not have arrived, and is not sent again.
    pub(super) fn take_unconfirmed(&mut self) -> impl Iterator<Item = Message> {
        let is_over = |id: Option<MessageId>| id.is_none_or(|id| !self.kept.contains_key(&id));
        self.unheard.take().filter(move |(id, ..)| is_over(*id)).map(|(_, message, _)| message)
    }
}

/// The last of many: at most 1,000, of 1 MiB together.
#[derive(Debug)]
pub(super) struct Recent<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { items: VecDeque::new(), bytes: 0 }
    }
}

impl<T> Recent<T> {
    pub(super) fn push(&mut self, item: T, length: usize) {
        self.items.push_back((item, length));
        self.bytes += length;
        while self.items.len() > MAX_UNHEARD || self.bytes > MAX_UNHEARD_BYTES {
            self.forget();
        }
    }

    fn forget_while(&mut self, is_over: impl Fn(&T) -> bool) {
        while self.items.front().is_some_and(|(item, _)| is_over(item)) {
            self.forget();
        }
    }

    fn forget_one(&mut self, is_it: impl Fn(&T) -> bool) {
        let place = self.items.iter().position(|(item, _)| is_it(item));
        self.bytes -= place.and_then(|place| self.items.remove(place)).map_or(0, |(_, length)| length);
    }

    /// Forgets the first.
    fn forget(&mut self) {
        self.bytes -= self.items.pop_front().map_or(0, |(_, length)| length);
    }

    pub(super) fn take(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.bytes = 0;
        core::mem::take(&mut self.items).into_iter().map(|(item, _)| item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_heard_a_while_after_a_message_and_not_sooner_shows_that_it_arrived() {
        let mut payloads = Payloads::default();
        let [first, second] = ["first", "second"].map(|text| Message::Text(text.to_owned()));
        payloads.sent(Instant::from_millis(0), None, &first);
        payloads.sent(Instant::from_millis(1_000), None, &second);
        payloads.heard(Instant::from_millis(5_000));
        payloads.heard(Instant::from_millis(5_001));
        assert_eq!(payloads.take_unconfirmed().collect::<Vec<_>>(), [second]);
        assert_eq!(payloads.take_unconfirmed().count(), 0);
    }

    #[test]
    fn only_the_last_are_kept() {
        let mut recent = Recent::default();
        for number in 0..=MAX_UNHEARD {
            recent.push(number, 0);
        }
        assert_eq!(recent.take().collect::<Vec<_>>(), (1..=MAX_UNHEARD).collect::<Vec<_>>());
        for number in 0..4 {
            recent.push(number, MAX_UNHEARD_BYTES / 2);
        }
        assert_eq!(recent.take().collect::<Vec<_>>(), [2, 3]);
        recent.push(5, MAX_UNHEARD_BYTES + 1);
        assert_eq!(recent.take().count(), 0);
        recent.push(6, MAX_UNHEARD_BYTES);
        assert_eq!(recent.take().count(), 1);
    }
}

//! The messages themselves, which the machine knows by number alone: those that are kept, and those that may not have arrived.

use std::collections::{BTreeMap, VecDeque};

use super::socket::Message;
use crate::proto::outbox::MessageId;

/// How much of what may not have arrived is kept for the app: messages, and bytes of them together.
const MAX_UNHEARD: usize = 1_000;
const MAX_UNHEARD_BYTES: usize = 1 << 20;

/// What one connection keeps.
#[derive(Debug, Default)]
pub(super) struct Payloads {
    kept: BTreeMap<MessageId, Message>,
    /// What was sent since the server was last heard, with its number if it is kept.
    unheard: Recent<(Option<MessageId>, Message)>,
}

impl Payloads {
    /// Keeps a message until it is sent or dropped.
    pub(super) fn keep(&mut self, id: MessageId, message: Message) {
        self.kept.insert(id, message);
    }

    pub(super) fn drop(&mut self, id: MessageId) {
        self.kept.remove(&id);
    }

    /// A message that is handed to a socket and was not kept before.
    pub(super) fn sent(&mut self, id: Option<MessageId>, message: &Message) {
        self.unheard.push((id, message.clone()), message.len());
    }

    /// Returns a message that was kept, to be handed to a socket.
    pub(super) fn send_kept(&mut self, id: MessageId, keep: bool) -> Option<Message> {
        let message = if keep { self.kept.get(&id).cloned() } else { self.kept.remove(&id) };
        if let Some(message) = &message {
            self.sent(Some(id), message);
        }
        message
    }

    /// The server is there, so what was sent before is taken to have arrived.
    pub(super) fn heard(&mut self) {
        self.unheard = Recent::default();
    }

    /// Takes what was sent since the server was last heard, and is not sent again.
    pub(super) fn take_unconfirmed(&mut self) -> impl Iterator<Item = Message> {
        let is_over = |id: Option<MessageId>| id.is_none_or(|id| !self.kept.contains_key(&id));
        self.unheard.take().filter(move |(id, _)| is_over(*id)).map(|(_, message)| message)
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
            self.bytes -= self.items.pop_front().map_or(0, |(_, length)| length);
        }
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

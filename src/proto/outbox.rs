//! Messages that no socket has taken yet: bounded by count and bytes, in order, and gone when their user goes.
//!
//! The machine holds ids and lengths; the payloads stay with the driver.

use std::collections::VecDeque;

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

/// How much the outbox may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxOptions {
    /// Default 1 MiB (1,048,576 bytes).
    pub max_bytes: usize,
    /// Default 1,000.
    pub max_messages: usize,
}

impl Default for OutboxOptions {
    fn default() -> Self {
        Self { max_bytes: 1 << 20, max_messages: 1_000 }
    }
}

#[derive(Debug)]
pub(crate) struct Outbox {
    options: OutboxOptions,
    messages: VecDeque<(MessageId, usize)>,
    /// Handed to a socket that the server may yet refuse; they come before `messages`.
    unproven: VecDeque<(MessageId, usize)>,
    /// Of both.
    bytes: usize,
    next_id: u32,
}

impl Outbox {
    pub(crate) fn new(options: OutboxOptions) -> Self {
        Self { options, messages: VecDeque::new(), unproven: VecDeque::new(), bytes: 0, next_id: 0 }
    }

    pub(crate) fn push(&mut self, length: usize) -> Result<MessageId, SendError> {
        let bytes = self.bytes.saturating_add(length);
        if self.messages.len() + self.unproven.len() >= self.options.max_messages || bytes > self.options.max_bytes {
            return Err(SendError::QueueFull);
        }
        let id = MessageId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        self.messages.push_back((id, length));
        self.bytes = bytes;
        Ok(id)
    }

    pub(crate) fn pop(&mut self) -> Option<MessageId> {
        let (id, length) = self.messages.pop_front()?;
        self.bytes -= length;
        Some(id)
    }

    /// Takes the next message to hand to a socket that the server may yet refuse.
    pub(crate) fn lend(&mut self) -> Option<MessageId> {
        let message = self.messages.pop_front()?;
        self.unproven.push_back(message);
        Some(message.0)
    }

    /// The server refused the socket: what was handed to it is to be sent, as if it never had been.
    pub(crate) fn take_back(&mut self) {
        while let Some(message) = self.unproven.pop_back() {
            self.messages.push_front(message);
        }
    }

    /// Takes a message that was lent and need not be kept any more: the server has accepted, or the socket was lost.
    pub(crate) fn settle(&mut self) -> Option<MessageId> {
        let (id, length) = self.unproven.pop_front()?;
        self.bytes -= length;
        Some(id)
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outbox_keeps_order_and_counts_bytes() {
        let mut outbox = Outbox::new(OutboxOptions::default());
        let ids = [3, 0, 5].map(|length| outbox.push(length).unwrap());
        assert_eq!((outbox.len(), outbox.bytes()), (3, 8));
        assert_eq!([(); 4].map(|()| outbox.pop()), [Some(ids[0]), Some(ids[1]), Some(ids[2]), None]);
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn what_was_lent_comes_back_in_front_and_in_order() {
        let mut outbox = Outbox::new(OutboxOptions { max_bytes: 100, max_messages: 3 });
        let ids = [1, 2, 3].map(|length| outbox.push(length).unwrap());
        assert_eq!([outbox.lend(), outbox.lend()], [Some(ids[0]), Some(ids[1])]);
        assert_eq!((outbox.len(), outbox.push(1)), (1, Err(SendError::QueueFull)));
        outbox.take_back();
        assert_eq!(outbox.lend(), Some(ids[0]));
        assert_eq!([outbox.settle(), outbox.settle()], [Some(ids[0]), None]);
        assert_eq!((outbox.len(), outbox.bytes()), (2, 5));
    }

    #[test]
    fn case_111_a_full_outbox_refuses_and_keeps_what_it_has() {
        let mut outbox = Outbox::new(OutboxOptions { max_bytes: 10, max_messages: 2 });
        assert_eq!(outbox.push(11), Err(SendError::QueueFull));
        assert!(outbox.push(10).is_ok());
        assert_eq!(outbox.push(1), Err(SendError::QueueFull));
        assert!(outbox.push(0).is_ok());
        assert_eq!(outbox.push(0), Err(SendError::QueueFull));
        assert_eq!((outbox.len(), outbox.bytes()), (2, 10));
    }

    #[test]
    fn an_outbox_of_size_zero_takes_nothing() {
        assert_eq!(Outbox::new(OutboxOptions { max_bytes: 0, max_messages: 0 }).push(0), Err(SendError::QueueFull));
    }
}

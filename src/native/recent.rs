//! The last of what was handed to sockets and may not have arrived, until the app asks for it.

use std::collections::VecDeque;

/// How much is kept for the app, which may never ask: messages, and bytes of them together.
const MAX: usize = 1_000;
const MAX_BYTES: usize = 1 << 20;

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
        while self.items.len() > MAX || self.bytes > MAX_BYTES {
            self.forget();
        }
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
    fn only_the_last_are_kept() {
        let mut recent = Recent::default();
        (0..1_001).for_each(|number| recent.push(number, 1));
        assert_eq!(recent.take().collect::<Vec<_>>(), (1..1_001).collect::<Vec<_>>());
        for number in 0..3 {
            recent.push(number, 1 << 19);
        }
        assert_eq!(recent.take().collect::<Vec<_>>(), [1, 2]);
        assert_eq!((recent.take().count(), recent.bytes), (0, 0));
    }
}

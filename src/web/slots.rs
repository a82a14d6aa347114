//! A few things by their ids.
//!
//! A vector that is searched from the front: there are never more than a handful, and a tree would cost the download more
//! than the whole machine saves by it.

use std::cell::RefCell;

#[derive(Debug)]
pub(crate) struct Slots<K, V>(RefCell<Vec<(K, V)>>);

impl<K, V> Default for Slots<K, V> {
    fn default() -> Self {
        Self(RefCell::new(Vec::new()))
    }
}

impl<K: PartialEq, V> Slots<K, V> {
    pub(crate) fn put(&self, key: K, value: V) {
        self.0.borrow_mut().push((key, value));
    }

    /// Takes a thing out; dropping it is the caller's, without a borrow.
    pub(crate) fn take(&self, key: &K) -> Option<V> {
        let mut slots = self.0.borrow_mut();
        let index = slots.iter().position(|(known, _)| known == key)?;
        Some(slots.remove(index).1)
    }

    pub(crate) fn retain(&self, keep: impl Fn(&V) -> bool) {
        self.0.borrow_mut().retain(|(_, value)| keep(value));
    }

    pub(crate) fn values<T>(&self, read: impl FnMut(&V) -> Option<T>) -> Vec<T> {
        let mut read = read;
        self.0.borrow().iter().filter_map(|(_, value)| read(value)).collect()
    }
}

impl<K: PartialEq, V: Clone> Slots<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.0.borrow().iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
    }
}

//! Where the server's messages go on after a loss: the last cursor, and what was seen before. As npm/cursors.ts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::Json;
use super::options::Resume;

/// How many texts are remembered, and how many subscriptions that have ended.
const MOST: usize = 1_000;

/// The last cursors, by the keys of their subscriptions; the empty key is that of the socket. They outlast a subscription that ends.
#[derive(Clone, Debug, Default)]
pub struct LastCursors {
    cursors: BTreeMap<String, Json>,
    /// The latest last.
    order: VecDeque<String>,
}

impl LastCursors {
    /// Makes those of another time: keys and cursors.
    #[must_use]
    pub fn of(cursors: Vec<(String, Json)>) -> Self {
        let mut all = Self::default();
        cursors.into_iter().for_each(|(key, cursor)| all.set(&key, cursor));
        all
    }

    /// Returns keys and cursors, the latest last: text and numbers, to be stored. They are the user's own.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.order.iter().filter_map(|key| Some((key.as_str(), self.cursors.get(key)?)))
    }

    pub(super) fn get(&self, key: &str) -> Option<&Json> {
        self.cursors.get(key)
    }

    fn set(&mut self, key: &str, cursor: Json) {
        self.remove(key);
        self.cursors.insert(key.to_owned(), cursor);
        self.order.push_back(key.to_owned());
    }

    /// Of subscriptions that have ended, the last 1,000 are kept.
    pub(super) fn trim(&mut self, is_held: impl Fn(&str) -> bool) {
        if self.order.len() <= MOST {
            return;
        }
        let ended: Vec<_> = self.order.iter().filter(|key| !key.is_empty() && !is_held(key)).cloned().collect();
        for key in ended.iter().take(ended.len().saturating_sub(MOST)) {
            self.remove(key);
        }
    }

    fn remove(&mut self, key: &str) {
        if self.cursors.remove(key).is_some() {
            self.order.retain(|other| other != key);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The cursors of a socket, or of one subscription.
#[derive(Debug)]
pub(super) struct Cursors {
    pub(super) options: Resume,
    key: String,
    seen: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Cursors {
    pub(super) fn new(options: Resume, key: &str) -> Self {
        Self { options, key: key.to_owned(), seen: BTreeSet::new(), order: VecDeque::new() }
    }

    /// The last one.
    pub(super) fn last<'a>(&self, all: &'a LastCursors) -> Option<&'a Json> {
        all.get(&self.key)
    }

    /// The cursor of a message, if it has one.
    pub(super) fn of(&self, message: &Json) -> Option<Json> {
        message.at(&self.options.cursor).filter(|cursor| !cursor.is_null())
    }

    /// Notes the cursor of a message. Returns whether the message is new.
    pub(super) fn takes(&mut self, message: &Json, all: &mut LastCursors) -> bool {
        let Some(cursor) = self.of(message) else { return true };
        let last = self.last(all);
        let (key, number) = (cursor.key(), cursor.as_number());
        let is_seen = match (number, last.and_then(Json::as_number)) {
            (Some(number), Some(last)) => number <= last,
            _ => last.is_some_and(|last| last.key() == key) || self.seen.contains(&key),
        };
        if is_seen {
            return false;
        }
        all.set(&self.key, cursor);
        if number.is_none() {
            self.remember(key);
        }
        true
    }

    fn remember(&mut self, key: String) {
        self.seen.insert(key.clone());
        self.order.push_back(key);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
    }

    /// The server begins anew.
    pub(super) fn forget(&mut self, all: &mut LastCursors) {
        all.remove(&self.key);
        self.seen.clear();
        self.order.clear();
    }
}

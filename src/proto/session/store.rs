//! The store: what it holds, and what happens when another tab has changed it.
//!
//! Rules:
//! 1. A sign-in has an id that its renewals keep. Renewals are counted, so that of two records of one sign-in the newer is known.
//! 2. Of two sign-ins, the last one that was written counts.
//! 3. A renewal and a logout change only the sign-in that they belong to. Another sign-in that a tab has written meanwhile stays.
//! 4. A record that cannot be read changes nothing.
//! 5. The store is read before it is written, because other tabs may have renewed while this one slept.
//! 6. A sign-in that could not be written leaves no earlier one in the store.

use super::Session;
use super::config::TokenStorage;
use super::io::{Output, Record, StoreEnd, Stored, TokenRequirement};
use super::state::{Refresh, SameUser, SignIn, State, Timer, Wish};
use crate::proto::Millis;
use crate::proto::Now;
use crate::proto::time::ServerClock;
use crate::proto::token::{Lifetime, TokenOrigin};

/// How long the holder of the lock waits to see what the last holder has written. Browsers guarantee no order between lock and store
/// (whatwg/html issue 403).
const LOOK_FOR: Millis = Millis::from_secs(5);
/// How often it reads the store meanwhile.
const LOOK_AGAIN: Millis = Millis::from_millis(10);
/// The wait after a failure of the store. It doubles with each failure, up to a minute.
const TRY_AGAIN: Millis = Millis::from_secs(1);

impl Session {
    /// Reads the store.
    pub(super) fn read(&mut self) {
        self.store.reads += 1;
        self.outputs.push_back(Output::Read);
    }

    pub(super) fn on_stored(&mut self, now: Now, stored: Stored, is_behind: bool) {
        self.store.reads = self.store.reads.saturating_sub(1);
        let is_unreadable = matches!(stored, Stored::Unreadable);
        let was_unread = core::mem::replace(&mut self.store.is_unread, is_unreadable);
        let is_left = match &stored {
            Stored::Nothing => false,
            Stored::Tokens(record) => self.left.contains(&record.id),
            Stored::Unreadable => true,
        };
        if !is_left {
            // Another tab has overwritten what this session had left there.
            self.forget_left();
        }
        // The store answers again, so failed changes are tried again.
        let failed = if was_unread && !is_unreadable { self.store.parked.take() } else { None };
        if let Some(wish) = self.store.wish.take().or(failed) {
            self.timers.stop(Timer::Store);
            return self.fulfil(now, wish, stored);
        }
        if let Refresh::Looking { since } = self.renewal {
            if is_behind && now.instant.since(since) < LOOK_FOR {
                return self.timers.set(Timer::Look, now.instant.after(LOOK_AGAIN));
            }
            self.follow(now, stored);
            return self.on_seen(now);
        }
        self.clear_left(&stored);
        self.follow(now, stored);
        // Anything newer ends a renewal.
        if let Refresh::Refused(error) = self.renewal {
            return self.refused(now, error);
        }
        if matches!(self.renewal, Refresh::None) {
            self.ask_again(now);
        }
    }

    /// Removes sign-ins of this session that are over, unless another user is signed in, whose tokens replace them.
    fn clear_left(&mut self, stored: &Stored) {
        if let (Stored::Tokens(record), State::SignedOut) = (stored, &self.state)
            && self.left.contains(&record.id)
            && self.store.writing.is_none()
        {
            self.clear_of(Some(record.id));
        }
    }

    /// Takes over what was read, unless it is older than what is being written. A sign-in that could not be written is not expected there.
    fn follow(&mut self, now: Now, stored: Stored) {
        let (is_news, id) = match &stored {
            Stored::Tokens(record) => (true, Some(record.id)),
            Stored::Nothing => (self.is_kept(), None),
            Stored::Unreadable => (false, None),
        };
        if self.store.writing.is_some() || !is_news {
            return self.adopt(now, Stored::Unreadable);
        }
        self.adopt(now, stored);
        if id == Some(self.sign_in.id) {
            self.store.holds = id;
        }
    }

    /// Whether the present sign-in is in the store.
    fn is_kept(&self) -> bool {
        self.store.holds == Some(self.sign_in.id)
    }

    /// Performs the pending change, now that the content is known.
    fn fulfil(&mut self, now: Now, wish: Wish, there: Stored) {
        let (there_id, is_unreadable) = match &there {
            Stored::Tokens(other) => (Some(other.id), false),
            Stored::Nothing => (None, false),
            Stored::Unreadable => (None, true),
        };
        let is_left = there_id.is_some_and(|id| self.left.contains(&id));
        let is_ours = there_id == Some(self.sign_in.id);
        let (mut wish, mut output) = (wish, None);
        match wish {
            // Another tab has signed out, or somebody else in. A renewal must not undo that.
            Wish::Save if self.is_kept() && !is_ours && !is_unreadable => {}
            Wish::Save => {
                there_id.filter(|_| !is_ours).into_iter().for_each(|other| self.leave_sign_in(other));
                let over = there_id.filter(|_| self.is_kept());
                let ours = self.record(now).filter(|ours| !is_older(ours, &there));
                self.store.saving = self.sign_in.id;
                output = ours.map(|record| Output::Write { record, over });
            }
            // The content is unknown. The store may answer later.
            Wish::Clear(Some(_)) if is_unreadable => self.park(now, wish),
            Wish::Clear(whose) => {
                let is_it = match whose {
                    None => !matches!(there, Stored::Nothing),
                    Some(_) => there_id.is_some() && (is_left || whose == there_id),
                };
                if is_it {
                    there_id.into_iter().for_each(|id| self.leave_sign_in(id));
                    wish = Wish::Clear(there_id);
                    output = Some(Output::Erase { over: there_id });
                }
            }
        }
        if let Some(output) = output {
            self.store.writing = Some(wish);
            return self.outputs.push_back(output);
        }
        if self.store.parked.is_none() {
            self.store.failures = 0;
        }
        self.follow(now, there);
        self.go_on_reading();
        if matches!(self.renewal, Refresh::None) {
            self.ask_again(now);
        }
    }

    pub(super) fn on_written(&mut self, now: Now, end: StoreEnd) {
        let Some(done) = self.store.writing.take() else { return };
        if end == StoreEnd::Done {
            self.store.is_unread = false;
            self.store.failures = 0;
            self.forget_left();
        }
        match (end, done) {
            (StoreEnd::Done, Wish::Clear(_)) => self.store.holds = None,
            (StoreEnd::Done, Wish::Save) => self.store.holds = Some(self.store.saving),
            (StoreEnd::Failed, Wish::Save) => {
                self.store.holds = None;
                // The store holds a sign-in that is over and must not come back. If the content is unknown, it is read again.
                if !self.store.is_unread {
                    self.store.wish.get_or_insert(Wish::Clear(Some(self.sign_in.id)));
                } else if self.store.wish.is_none() {
                    self.park(now, done);
                }
            }
            // The next write replaces what could not be erased.
            (StoreEnd::Failed, Wish::Clear(_)) if self.store.wish.is_none() => self.park(now, done),
            (StoreEnd::Failed, Wish::Clear(_)) => {}
            // The store is read again.
            (StoreEnd::Overtaken, Wish::Clear(_) | Wish::Save) => {
                self.store.wish.get_or_insert(done);
            }
        }
        self.go_on_reading();
    }

    /// Releases the lock, if that was requested and everything is written.
    pub(super) fn unlock(&mut self) {
        if self.store.unlocks && self.store.wish.is_none() && self.store.writing.is_none() {
            self.store.unlocks = false;
            self.outputs.push_back(Output::Unlock);
        }
    }

    /// Tries again later, with growing waits.
    fn park(&mut self, now: Now, wish: Wish) {
        self.store.parked = Some(wish);
        let wait = TRY_AGAIN.times(1 << self.store.failures.min(6));
        self.store.failures += 1;
        self.timers.set(Timer::Store, now.instant.after(wait.min(TRY_AGAIN.times(60))));
    }

    /// Retries the failed change.
    pub(super) fn try_again(&mut self) {
        if let Some(wish) = self.store.parked.take() {
            self.wish(wish);
        }
    }

    /// Nobody is signed in here. A store that could not be read may hold somebody's tokens.
    pub(super) fn clear_unread(&mut self) {
        if self.store.is_unread && self.store.wish.is_none() && self.store.writing.is_none() {
            self.clear_of(None);
        }
    }

    /// Reads the store if the pending change needs its content.
    pub(super) fn go_on_reading(&mut self) {
        let is_looking = matches!(self.renewal, Refresh::Looking { .. }) || matches!(self.renewal, Refresh::Refused(_));
        if (self.store.wish.is_some() || is_looking) && self.store.writing.is_none() && self.store.reads == 0 {
            self.read();
        }
    }

    /// Takes over what another tab has written. The caller answers pending token requests.
    fn adopt(&mut self, now: Now, stored: Stored) {
        let stored = match stored {
            // A sign-in that is over does not come back.
            Stored::Tokens(record) if self.left.contains(&record.id) || !self.is_ours(&record) => Stored::Unreadable,
            Stored::Nothing | Stored::Tokens(_) | Stored::Unreadable => stored,
        };
        match (stored, &self.state) {
            (Stored::Nothing | Stored::Unreadable, State::Loading) if self.restores => self.restore(now),
            (Stored::Nothing | Stored::Unreadable, State::Loading) => {
                self.state = State::SignedOut;
                self.changed(None);
            }
            (Stored::Nothing, State::SignedIn(_)) => self.forget(),
            (Stored::Nothing | Stored::Unreadable, _) => {}
            (Stored::Tokens(record), _) => self.adopt_tokens(now, record),
        }
    }

    /// Whether a record has a token, or none if a cookie is the session.
    fn is_ours(&self, record: &Record) -> bool {
        record.access.expose().is_empty() == self.config.fields.access.is_none()
    }

    fn adopt_tokens(&mut self, now: Now, record: Record) {
        let is_known = matches!(self.state, State::SignedIn(_) | State::Expired { .. }) && record.id == self.sign_in.id;
        if is_known && record.renewals <= self.sign_in.renewals {
            return;
        }
        self.clock = Some(ServerClock::with_skew(record.skew, now));
        let expires_at = record.expires_at.map(|end| end.as_millis() as f64 / 1000.0);
        let lifetime = Lifetime { expires_in: None, expires_at };
        let tokens = self.token_set(now, (record.access, record.refresh), lifetime, TokenOrigin::Earlier);
        let same_user = is_known || self.is_same_user(&tokens, SameUser::OnlyIfKnown);
        // This also counts as a sign-in for suspended connections, and for an expired session that another tab has renewed.
        if !is_known || matches!(self.state, State::Expired { .. }) {
            self.sign_in_count += 1;
        }
        // The renewed token answers pending requests, however short its life is. Otherwise each tab would renew.
        for request in &mut self.token_requests {
            if let TokenRequirement::ValidFor(_) = request.requirement {
                request.requirement = TokenRequirement::VALID;
            }
        }
        self.abort_renewal();
        self.sign_in = SignIn { id: record.id, renewals: record.renewals };
        self.take(now, tokens, same_user);
        self.changed(None);
    }

    /// The old sign-in is not in the store any more. An answer in progress may still contain it.
    fn forget_left(&mut self) {
        if self.store.reads == 0 {
            self.left.clear();
        }
    }

    /// A sign-in is over or replaced. What the store may still hold of it must not come back.
    pub(super) fn leave_sign_in(&mut self, id: u64) {
        if self.config.storage == TokenStorage::Store && !self.left.contains(&id) {
            self.left.push(id);
        }
    }

    /// Another tab has changed its own store. The store of a duplicate follows, and a session of the browser that another tab has found is ours, too.
    pub(super) fn on_twin(&mut self, now: Now, id: Option<u64>, stored: Stored) {
        if id != Some(self.sign_in.id) && !(self.is_restoring() && matches!(stored, Stored::Tokens(_))) {
            return;
        }
        let before = self.sign_in;
        self.adopt(now, stored);
        match self.state {
            State::SignedOut => self.clear_of(id),
            State::SignedIn(_) if self.sign_in != before => self.save(),
            State::Expired { .. } | State::Loading | State::SignedIn(_) => {}
        }
        if matches!(self.renewal, Refresh::None) {
            self.ask_again(now);
        }
    }

    /// Saves the present tokens.
    pub(super) fn save(&mut self) {
        if self.config.storage == TokenStorage::Store {
            self.wish(Wish::Save);
        }
    }

    /// The present tokens, as a record for the store.
    fn record(&self, now: Now) -> Option<Record> {
        let State::SignedIn(tokens) = &self.state else { return None };
        let SignIn { id, renewals } = self.sign_in;
        let (access, refresh) = (tokens.access.clone(), tokens.refresh.clone());
        let skew = self.clock.map_or(0, |clock| clock.skew(now));
        Some(Record { id, renewals, access, refresh, expires_at: tokens.expires_at, skew })
    }

    /// Removes the present tokens from the store, and those that they were to replace.
    pub(super) fn clear(&mut self) {
        // Before the store has answered its content is unknown; it is cleared in any case.
        self.clear_of((!self.store.is_unread).then_some(self.sign_in.id));
    }

    fn clear_of(&mut self, whose: Option<u64>) {
        if self.config.storage == TokenStorage::Store {
            self.wish(Wish::Clear(whose));
        }
    }

    fn wish(&mut self, wish: Wish) {
        // What could not be erased before is erased with this.
        self.timers.stop(Timer::Store);
        self.store.parked = None;
        self.store.wish = Some(wish);
        if self.store.writing.is_none() {
            self.read();
        }
    }
}

/// Whether the store holds a later renewal of the same sign-in.
fn is_older(ours: &Record, there: &Stored) -> bool {
    matches!(there, Stored::Tokens(other) if other.id == ours.id && other.renewals > ours.renewals)
}

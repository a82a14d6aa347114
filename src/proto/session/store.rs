//! What rests in the store, and what becomes of it when another tab has changed it.
//!
//! Rules: a sign-in has an id that its renewals keep, and they are counted, so that of two records of one sign-in the newer is known. Of
//! two sign-ins the store's counts: whoever writes last. A renewal and a logout change nothing but the sign-in that they belong to: what
//! another tab has put in its place meanwhile stays. What cannot be read changes nothing. The store is read before it is written:
//! whoever slept while others renewed has nothing to tell. A sign-in that could not be written leaves no earlier one behind.

use super::Session;
use super::io::{Output, Record, StoreEnd, Stored, TokenRequirement};
use super::state::{Refresh, SameUser, SignIn, State, Timer, Wish};
use crate::proto::Millis;
use crate::proto::Now;
use crate::proto::time::ServerClock;
use crate::proto::token::{Lifetime, TokenOrigin};

/// How long whoever has the lock waits until it sees what the last holder has written: browsers keep no order between the two (whatwg/html
/// issue 403).
const LOOK_FOR: Millis = Millis::from_secs(5);
/// How often it looks.
const LOOK_AGAIN: Millis = Millis::from_millis(10);
/// How soon a store that failed is tried again; it doubles with each failure, up to a minute.
const TRY_AGAIN: Millis = Millis::from_secs(1);

impl Session {
    /// Asks what is in the store.
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
            // Somebody has written over what this session had left there.
            self.forget_left();
        }
        // A store that answers again may also be able to do what it failed at.
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
        // Whatever is newer ends a renewal.
        if let Refresh::Refused(error) = self.renewal {
            return self.refused(now, error);
        }
        if matches!(self.renewal, Refresh::None) {
            self.ask_again(now);
        }
    }

    /// Takes out what this session has left and what got there late, unless somebody else is signed in, whose tokens take its place.
    fn clear_left(&mut self, stored: &Stored) {
        if let (Stored::Tokens(record), State::SignedOut) = (stored, &self.state)
            && self.left.contains(&record.id)
            && self.store.writing.is_none()
        {
            self.clear_of(Some(record.id));
        }
    }

    /// Takes over what was read, unless it is older than what is being written. What could not be written is not missed there.
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

    /// Whether the present sign-in has got into the store.
    fn is_kept(&self) -> bool {
        self.store.holds == Some(self.sign_in.id)
    }

    /// Now that it is known what is there, does what is to be done.
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
            // Another tab has signed out, or somebody else in: a renewal does not undo that.
            Wish::Save if self.is_kept() && !is_ours && !is_unreadable => {}
            Wish::Save => {
                there_id.filter(|_| !is_ours).into_iter().for_each(|other| self.leave_sign_in(other));
                let over = there_id.filter(|_| self.is_kept());
                let ours = self.record(now).filter(|ours| !is_older(ours, &there));
                self.store.saving = self.sign_in.id;
                output = ours.map(|record| Output::Write { record, over });
            }
            // Nobody knows whose it is. A store that does not answer now may do so later.
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
                // What is there is of somebody who is not signed in here any more, and is not to come back. If nobody knows what is there,
                // it takes another try to see.
                if !self.store.is_unread {
                    self.store.wish.get_or_insert(Wish::Clear(Some(self.sign_in.id)));
                } else if self.store.wish.is_none() {
                    self.park(now, done);
                }
            }
            // Whatever is to be written next takes the place of what could not be erased.
            (StoreEnd::Failed, Wish::Clear(_)) if self.store.wish.is_none() => self.park(now, done),
            (StoreEnd::Failed, Wish::Clear(_)) => {}
            // It is looked again what is there.
            (StoreEnd::Overtaken, Wish::Clear(_) | Wish::Save) => {
                self.store.wish.get_or_insert(done);
            }
        }
        self.go_on_reading();
    }

    /// Lets go of the lock, if that was wanted and everything is written.
    pub(super) fn unlock(&mut self) {
        if self.store.unlocks && self.store.wish.is_none() && self.store.writing.is_none() {
            self.store.unlocks = false;
            self.outputs.push_back(Output::Unlock);
        }
    }

    /// Tries later, ever more slowly.
    fn park(&mut self, now: Now, wish: Wish) {
        self.store.parked = Some(wish);
        let wait = TRY_AGAIN.times(1 << self.store.failures.min(6));
        self.store.failures += 1;
        self.timers.set(Timer::Store, now.instant.after(wait.min(TRY_AGAIN.times(60))));
    }

    /// Tries again what the store failed to do.
    pub(super) fn try_again(&mut self) {
        if let Some(wish) = self.store.parked.take() {
            self.wish(wish);
        }
    }

    /// Nobody is signed in, as far as this session knows. What it could not read may be of somebody all the same.
    pub(super) fn clear_unread(&mut self) {
        if self.store.is_unread && self.store.wish.is_none() && self.store.writing.is_none() {
            self.clear_of(None);
        }
    }

    /// Reads what has to be known for what is yet to be done.
    pub(super) fn go_on_reading(&mut self) {
        let is_looking = matches!(self.renewal, Refresh::Looking { .. }) || matches!(self.renewal, Refresh::Refused(_));
        if (self.store.wish.is_some() || is_looking) && self.store.writing.is_none() && self.store.reads == 0 {
            self.read();
        }
    }

    /// Takes over what another tab has put into the store. Who waits is asked again by the caller.
    fn adopt(&mut self, now: Now, stored: Stored) {
        let stored = match stored {
            // Whom this session has left does not come back.
            Stored::Tokens(record) if self.left.contains(&record.id) => Stored::Unreadable,
            Stored::Nothing | Stored::Tokens(_) | Stored::Unreadable => stored,
        };
        match (stored, &self.state) {
            (Stored::Nothing | Stored::Unreadable, State::Loading) => {
                self.state = State::SignedOut;
                self.changed(None);
            }
            (Stored::Nothing, State::SignedIn(_)) => self.forget(),
            (Stored::Nothing | Stored::Unreadable, _) => {}
            (Stored::Tokens(record), _) => self.adopt_tokens(now, record),
        }
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
        // Whoever waits for a sign-in has one; an expired session that is renewed after all, too.
        if !is_known || matches!(self.state, State::Expired { .. }) {
            self.sign_in_count += 1;
        }
        // What has just been renewed serves whoever waited for that, however short its life: else each tab would ask.
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

    /// What was left is not in the store any more; but an answer that is on its way may still tell of it.
    fn forget_left(&mut self) {
        if self.store.reads == 0 {
            self.left.clear();
        }
    }

    /// A sign-in is over, or another takes its place: what the store may yet hold of it is not to come back.
    pub(super) fn leave_sign_in(&mut self, id: u64) {
        if self.config.has_store && !self.left.contains(&id) {
            self.left.push(id);
        }
    }

    /// A twin of this tab has changed its own store; this tab's is to follow.
    pub(super) fn on_twin(&mut self, now: Now, id: u64, stored: Stored) {
        if id != self.sign_in.id {
            return;
        }
        let before = self.sign_in;
        self.adopt(now, stored);
        match self.state {
            State::SignedOut => self.clear_of(Some(id)),
            State::SignedIn(_) if self.sign_in != before => self.save(),
            State::Expired { .. } | State::Loading | State::SignedIn(_) => {}
        }
    }

    /// Puts the present tokens into the store.
    pub(super) fn save(&mut self) {
        if self.config.has_store {
            self.wish(Wish::Save);
        }
    }

    /// The present tokens, as they rest in the store.
    fn record(&self, now: Now) -> Option<Record> {
        let State::SignedIn(tokens) = &self.state else { return None };
        let SignIn { id, renewals } = self.sign_in;
        let (access, refresh) = (tokens.access.clone(), tokens.refresh.clone());
        let skew = self.clock.map_or(0, |clock| clock.skew(now));
        Some(Record { id, renewals, access, refresh, expires_at: tokens.expires_at, skew })
    }

    /// Takes the present tokens out of the store, and those that they were to replace.
    pub(super) fn clear(&mut self) {
        // Before the store has answered nobody knows what is in it, but it is to go.
        self.clear_of((!self.store.is_unread).then_some(self.sign_in.id));
    }

    fn clear_of(&mut self, whose: Option<u64>) {
        if self.config.has_store {
            self.wish(Wish::Clear(whose));
        }
    }

    fn wish(&mut self, wish: Wish) {
        // What could not be erased goes with what is done now: it is of the past.
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

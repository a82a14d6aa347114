//! What rests in the store, and what becomes of it when another tab has changed it.
//!
//! Rules: a sign-in has an id that its renewals keep, and they are counted, so that of two records of one sign-in the newer is known. Of
//! two sign-ins the store's counts: whoever writes last. What cannot be read changes nothing.

use super::io::{Demand, Output};
use super::sign_in::SameUser;
use super::{Session, State};
use crate::proto::time::ServerClock;
use crate::proto::token::{Lifetime, Received};
use crate::proto::{Now, Secret, UnixTime};

/// A token set as it rests in a store. The driver writes it down, with a version.
#[derive(Clone, Debug)]
pub struct Record {
    /// Which sign-in, at most 2⁵³.
    pub id: u64,
    /// How often its tokens have been renewed.
    pub renewals: u32,
    /// The access token.
    pub access: Secret,
    /// The refresh token.
    pub refresh: Option<Secret>,
    /// When the access token ends, by the server's clock.
    pub expires_at: Option<UnixTime>,
    /// By how much the server's clock is ahead of ours, in milliseconds.
    pub skew: i64,
}

/// What is in the store.
#[derive(Clone, Debug)]
pub enum Stored {
    /// Nothing: nobody is signed in.
    Nothing,
    /// Tokens.
    Tokens(Record),
    /// Something that is none of ours, or the store cannot be read.
    Unreadable,
}

/// Which sign-in, and the how many-eth token set of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SignIn {
    pub(super) id: u64,
    pub(super) renewals: u32,
}

impl Session {
    /// Takes over what another tab has put into the store. Who waits is asked again by the caller.
    pub(super) fn adopt(&mut self, now: Now, stored: Stored) {
        match (stored, &self.state) {
            (Stored::Nothing | Stored::Unreadable, State::Loading) => {
                self.state = State::SignedOut;
                self.changed(None);
            }
            (Stored::Nothing, State::SignedIn(_)) => self.forget(),
            (Stored::Nothing | Stored::Unreadable, _) => {}
            (Stored::Tokens(record), state) => {
                let is_known =
                    matches!(state, State::SignedIn(_) | State::Expired { .. }) && record.id == self.sign_in.id;
                if is_known && record.renewals <= self.sign_in.renewals {
                    return;
                }
                self.clock = Some(ServerClock::with_skew(record.skew, now));
                let expires_at = record.expires_at.map(|end| end.as_millis() as f64 / 1000.0);
                let lifetime = Lifetime { expires_in: None, expires_at };
                let tokens = self.token_set(now, (record.access, record.refresh), lifetime, Received::Earlier);
                let same_user = is_known || self.is_same_user(&tokens, SameUser::OnlyIfKnown);
                // Whoever waits for a sign-in has one; an expired session that is renewed after all, too.
                if !is_known || matches!(self.state, State::Expired { .. }) {
                    self.sign_ins += 1;
                }
                // What has just been renewed serves whoever waited for that, however short its life: else each tab would ask.
                for want in &mut self.wants {
                    if let Demand::UsableFor(_) = want.demand {
                        want.demand = Demand::USABLE;
                    }
                }
                self.abort_renewal();
                self.sign_in = SignIn { id: record.id, renewals: record.renewals };
                self.take(now, tokens, same_user);
                self.changed(None);
            }
        }
    }

    /// Puts the present tokens into the store.
    pub(super) fn save(&mut self, now: Now) {
        if let (true, State::SignedIn(tokens)) = (self.config.has_store, &self.state) {
            let SignIn { id, renewals } = self.sign_in;
            let (access, refresh) = (tokens.access.clone(), tokens.refresh.clone());
            let skew = self.clock.map_or(0, |clock| clock.skew(now));
            let record = Record { id, renewals, access, refresh, expires_at: tokens.expires_at, skew };
            self.outputs.push_back(Output::Save(record));
        }
    }

    /// Takes the present tokens out of the store.
    pub(super) fn clear(&mut self) {
        if self.config.has_store {
            // Before the store has answered nobody knows what is in it, but it is to go.
            let id = (!matches!(self.state, State::Loading)).then_some(self.sign_in.id);
            self.outputs.push_back(Output::Clear { id });
        }
    }
}

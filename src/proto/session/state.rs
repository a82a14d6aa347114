//! What a session knows, and what it waits for.

use super::io::RequestId;
use crate::error::TokenError;
use crate::proto::token::TokenSet;
use crate::proto::{Instant, Secret};

/// What a deadline of the session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// When to stop waiting for a renewal.
    Http,
    /// When to stop waiting for the answer to a login.
    Login,
    /// When to look into the store again: what another tab has written is on its way.
    Look,
    /// When to look whether the token should be renewed, or has ended.
    Renew,
    /// When to try again what the store failed to do.
    Store,
}

#[derive(Debug)]
pub(super) enum State {
    /// With the last access token, which nobody is to try again, and whose it was.
    Expired {
        access: Option<Secret>,
        subject: Option<String>,
        /// Why.
        error: TokenError,
    },
    /// The store has not yet answered.
    Loading,
    SignedIn(TokenSet),
    SignedOut,
}

/// How far a renewal of the tokens is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refresh {
    None,
    /// This tab waits for the lock.
    Locking,
    /// This tab has the lock and reads the store.
    Looking {
        since: Instant,
    },
    /// This tab has the lock and decides by what the store holds.
    Holding,
    /// The request to the server, or to the app's own source, is in flight.
    Requested(RequestId),
    /// The server has refused. The store is read again: another tab may have newer tokens.
    Refused(TokenError),
}

/// The server does not want to be asked for a renewal before this.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryNotBefore {
    pub(super) until: Instant,
    pub(super) status: u16,
}

/// Which sign-in, and which token set of it, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SignIn {
    pub(super) id: u64,
    pub(super) renewals: u32,
}

/// How to judge whether new tokens belong to the user that was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SameUser {
    /// A person typed a name: only two JWTs with the same subject prove that it is the same one.
    OnlyIfKnown,
    /// The app renews tokens: the same user unless the JWTs say otherwise.
    UnlessKnownOther,
}

/// What is to become of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// It is to be empty, unless it holds another sign-in than this; without one, whatever it holds.
    Clear(Option<u64>),
    /// It is to hold the present tokens.
    Save,
}

/// What is known of the store.
#[derive(Debug, Default)]
pub(super) struct Store {
    /// What is yet to be done.
    pub(super) wish: Option<Wish>,
    /// What failed, and is done once the store may be able to.
    pub(super) parked: Option<Wish>,
    /// What is being done.
    pub(super) writing: Option<Wish>,
    /// The sign-in whose tokens are being written, or were last.
    pub(super) saving: u64,
    /// How many reads are on their way.
    pub(super) reads: u32,
    /// The sign-in whose latest tokens are known to be there. If it is another than the present one, that could not be written: what is
    /// there is of before.
    pub(super) holds: Option<u64>,
    /// Whether the lock is let go of once all is written.
    pub(super) unlocks: bool,
    /// How often in a row it failed.
    pub(super) failures: u32,
    /// Whether nobody knows what is in it: it has not answered yet, or could not be read when it was last asked.
    pub(super) is_unread: bool,
}

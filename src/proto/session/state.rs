//! The state of a session.

use super::config::TokenEndpoint;
use super::io::{LoginId, RequestId};
use crate::error::TokenError;
use crate::proto::http::Meanings;
use crate::proto::token::TokenSet;
use crate::proto::{Instant, Json, Secret};

/// What a deadline of the session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// When to stop waiting for a renewal.
    Http,
    /// When to stop waiting for the answer to a login.
    Login,
    /// When to read the store again, to see what another tab has written.
    Look,
    /// When to check whether the token should be renewed, or has ended.
    Renew,
    /// When to ask whether the browser holds a session: at the start.
    Restore,
    /// When to retry a change of the store.
    Store,
}

#[derive(Debug)]
pub(super) enum State {
    /// With the last access token, which must not be used again, and its subject.
    Expired {
        access: Option<Secret>,
        subject: Option<String>,
        /// Why.
        error: TokenError,
    },
    /// The store has not answered yet, or the call that restores a session.
    Loading,
    SignedIn(TokenSet),
    SignedOut,
}

/// How far a login is.
#[derive(Debug)]
pub(super) enum Login {
    None,
    /// It waits for the call of a logout, whose answer deletes a cookie: a login before that would lose its own.
    Waiting {
        login: LoginId,
        credentials: Json,
        endpoint: Option<TokenEndpoint>,
    },
    /// The request is in flight.
    Requested {
        login: LoginId,
        request: RequestId,
        /// What the endpoint means by its answers.
        meanings: Meanings,
    },
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

/// `Retry-After` forbids a renewal before this.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryNotBefore {
    pub(super) until: Instant,
    pub(super) status: u16,
}

/// The id of a sign-in, and the number of its token set, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SignIn {
    pub(super) id: u64,
    pub(super) renewals: u32,
}

/// How to decide whether new tokens belong to the previous user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SameUser {
    /// After a login: only two JWTs with the same subject prove that it is the same user.
    OnlyIfKnown,
    /// After `setTokens()`: the same user unless the JWTs say otherwise.
    UnlessKnownOther,
}

/// A pending change of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Clear it, unless it holds another sign-in than this; without one, in any case.
    Clear(Option<u64>),
    /// Save the present tokens.
    Save,
}

/// What is known of the store.
#[derive(Debug, Default)]
pub(super) struct Store {
    /// The next change.
    pub(super) wish: Option<Wish>,
    /// A failed change, which is tried again.
    pub(super) parked: Option<Wish>,
    /// The change in progress.
    pub(super) writing: Option<Wish>,
    /// The sign-in that is being written, or was written last.
    pub(super) saving: u64,
    /// The number of reads in progress.
    pub(super) reads: u32,
    /// The sign-in whose latest tokens are known to be in the store. If it is not the present one, the present one could not be written.
    pub(super) holds: Option<u64>,
    /// Whether the lock is released once all is written.
    pub(super) unlocks: bool,
    /// How often in a row it failed.
    pub(super) failures: u32,
    /// Whether its content is unknown: it has not answered yet, or could not be read last time.
    pub(super) is_unread: bool,
}

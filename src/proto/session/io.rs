//! What the session machine is told and what it asks for.

use super::super::contract::numbered;
use super::super::http::{HttpRequest, HttpResponse, NoAnswer};
use super::super::token::Lifetime;
use super::super::{Instant, Json, Secret, UnixTime};
use crate::error::TokenError;
use crate::proto::Millis;

/// Who asks for a token: a number that the driver gives to each socket, and to each call of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asker(pub u32);

/// One request for a token, unique within its asker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantId(pub(crate) u32);

/// One HTTP request, unique within its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub(crate) u32);

/// One call of `login()`; the driver counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoginId(pub u32);

impl WantId {
    /// A request made by the driver itself, not by a connection.
    #[must_use]
    pub const fn new(id: u32) -> Self {
        Self(id)
    }

    /// Returns the id as a number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl RequestId {
    /// The id that is this number.
    #[must_use]
    pub const fn new(id: u32) -> Self {
        Self(id)
    }

    /// Returns the id as a number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// A request for a token.
#[derive(Clone, Copy, Debug)]
pub struct Want {
    /// Who asks.
    pub asker: Asker,
    /// Which request.
    pub want: WantId,
    /// Which tokens will do.
    pub demand: Demand,
}

/// Which token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Another than this generation, if there can be one: it may be the reason for failed dials. Else this one again.
    NotDoubted(u32),
    /// Another than this generation: a server has refused it.
    NotRejected(u32),
    /// One that is usable for so long from now, if it can be had; zero asks for any that is usable.
    UsableFor(Millis),
}

impl Demand {
    /// Any usable token.
    pub const USABLE: Self = Self::UsableFor(Millis::ZERO);

    /// The generation that must not be handed out again.
    pub(super) fn rejected(self) -> Option<u32> {
        match self {
            Self::NotRejected(generation) => Some(generation),
            Self::NotDoubted(_) | Self::UsableFor(_) => None,
        }
    }
}

/// A token handed out for one attempt.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The value of an `Authorization` header: the prefix, a space, the access token.
    pub authorization: Secret,
    /// Where in it the access token begins.
    pub(crate) start: usize,
    /// Which token set it is.
    pub generation: u32,
    /// Whose.
    pub epoch: u32,
    /// How often somebody had signed in by then.
    pub sign_ins: u32,
    /// Since when the session has this token.
    pub since: Instant,
}

impl Grant {
    /// Returns the access token itself, to hand to the wire.
    pub(crate) fn access(&self) -> &str {
        self.authorization.expose().get(self.start..).unwrap_or_default()
    }

    /// Returns the session as this token knows it.
    pub(crate) fn view(&self) -> SessionView {
        let Self { epoch, sign_ins, generation, .. } = *self;
        SessionView { epoch, sign_ins, generation, is_signed_in: true }
    }
}

/// The session as a connection sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionView {
    /// The user's number: another one is another user.
    pub epoch: u32,
    /// How often somebody has signed in: by login or by tokens that the app brought. A renewal does not count.
    pub sign_ins: u32,
    /// The number of the token set.
    pub generation: u32,
    /// Whether somebody is signed in.
    pub is_signed_in: bool,
}

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

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// An HTTP request was answered, or was not.
    Http {
        /// Which; an unknown one is ignored.
        request: RequestId,
        /// The answer.
        result: Result<HttpResponse, NoAnswer>,
    },
    /// The app signs in with credentials.
    Login {
        /// Which call.
        login: LoginId,
        /// An object such as `{username, password}`.
        credentials: Json,
    },
    /// The lock is ours: the answer to [`Output::Lock`].
    Locked,
    /// The app signs out.
    Logout,
    /// The app's own source has answered [`Output::GetToken`].
    Provided {
        /// Which question; an unknown one is ignored.
        request: RequestId,
        /// The tokens, or why there are none.
        result: Result<Provided, NoToken>,
    },
    /// The app brings tokens of its own.
    SetTokens {
        /// The access token.
        access: Secret,
        /// The refresh token.
        refresh: Option<Secret>,
        /// When the access token ends, if the app knows.
        lifetime: Lifetime,
    },
    /// Somebody else may have changed the store.
    StoreChanged,
    /// The answer to [`Output::Read`].
    Stored {
        /// This is in the store.
        stored: Stored,
        /// Whether it is known that another tab has written something newer, which cannot be seen yet. It matters only to whoever holds
        /// the lock.
        is_behind: bool,
    },
    /// Time has passed.
    Timeout,
    /// A tab that was duplicated from this one, or this one from it, and has a store of its own, has written this there.
    Twin {
        /// [`Record::id`] of what was there before.
        id: u64,
        /// What is there now.
        stored: Stored,
    },
    /// Nobody waits for this asker's token any more.
    Unwant {
        /// Who asked.
        asker: Asker,
    },
    /// A socket or the app needs a token.
    Want(Want),
    /// The answer to [`Output::Write`] and [`Output::Erase`].
    Written(StoreEnd),
}

/// Tokens of the app's own source.
#[derive(Debug)]
pub struct Provided {
    /// The access token.
    pub access: Secret,
    /// When it ends, if the app knows.
    pub lifetime: Lifetime,
}

/// Why the app's own source gave no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoToken {
    /// It failed in a way that may pass.
    Failed,
    /// The person has to sign in.
    SignInRequired,
}

numbered! {
    /// How it went to change the store.
    pub enum StoreEnd {
        /// It is done.
        Done = 0 "done",
        /// The store failed.
        Failed = 1 "failed",
        /// Nothing was done: another tab has changed what was seen there.
        Overtaken = 2 "overtaken",
    }
}

numbered! {
    /// Why a token is asked for.
    pub enum Reason {
        /// The one that is there has ended, or soon will.
        Expired = 0 "expired",
        /// There is none.
        Missing = 1 "missing",
        /// A server has refused the one that is there.
        Rejected = 2 "rejected",
    }
}

/// What to do.
#[derive(Debug)]
pub enum Output {
    /// Stop a request; its answer would be ignored.
    AbortFetch {
        /// Which.
        request: RequestId,
    },
    /// Tell the app and every connection.
    Changed {
        /// The state.
        state: SessionState,
        /// What connections have to know.
        view: SessionView,
        /// Why the session has ended, if it has.
        error: Option<TokenError>,
    },
    /// The token should be renewed: tell the connections.
    Due,
    /// Empty the store, tell the other tabs, and say how that went.
    Erase {
        /// Only if it holds this sign-in still, or nothing; without one, whatever it holds.
        over: Option<u64>,
    },
    /// Make an HTTP request.
    Fetch {
        /// Which.
        request: RequestId,
        /// What.
        http: HttpRequest,
    },
    /// Ask the app's own source for a token.
    GetToken {
        /// Which question. [`Output::AbortFetch`] ends it.
        request: RequestId,
        /// Why.
        reason: Reason,
    },
    /// Wait for the lock that all tabs share, and say when it is ours.
    Lock {
        /// Whoever holds it and shows no sign of life for so long loses it.
        lease: Millis,
    },
    /// Answer a `login()`.
    LoginDone {
        /// Which call.
        login: LoginId,
        /// How it went.
        result: Result<(), LoginError>,
    },
    /// Read the store, and say what is in it. Reads and writes are performed in order.
    Read,
    /// Tell the app: the server has refused to renew the token. The session ends with it.
    RenewalRefused(TokenError),
    /// Answer a [`Want`].
    Token {
        /// Who asked.
        asker: Asker,
        /// Which request.
        want: WantId,
        /// The token.
        result: Result<Grant, TokenError>,
    },
    /// Let go of the lock, or stop waiting for it, once what was to be written is written.
    Unlock,
    /// Put this into the store, tell the other tabs, and say how that went.
    Write {
        /// What.
        record: Record,
        /// Only if the store holds this sign-in still; without one, whatever it holds.
        over: Option<u64>,
    },
}

/// Why a login failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct LoginError {
    /// What it means.
    pub error: TokenError,
    /// The body of an answer with an error status, as the server wrote it: DRF's map of fields to complaints, say. It may
    /// quote what was sent, so it is a secret until the app has looked.
    pub answer: Option<Secret>,
}

impl From<TokenError> for LoginError {
    fn from(error: TokenError) -> Self {
        Self { error, answer: None }
    }
}

numbered! {
    /// The public state of a session.
    pub enum SessionState {
        /// The server no longer accepts the tokens: the person has to sign in again.
        Expired = 0 "expired",
        /// The store has not yet answered.
        Loading = 1 "loading",
        /// Signed in; the token is being renewed.
        Refreshing = 2 "refreshing",
        /// Signed in.
        SignedIn = 3 "signed-in",
        /// Nobody is signed in.
        SignedOut = 4 "signed-out",
    }
}

impl SessionState {
    /// Returns whether somebody is signed in.
    #[must_use]
    pub const fn is_signed_in(self) -> bool {
        match self {
            Self::Refreshing | Self::SignedIn => true,
            Self::Expired | Self::Loading | Self::SignedOut => false,
        }
    }
}

//! The inputs and outputs of the session machine.

use super::super::contract::numbered;
use super::super::http::{HttpRequest, HttpResponse, NoAnswer};
use super::super::token::Lifetime;
use super::super::{Instant, Json, Secret, UnixTime};
use super::config::TokenEndpoint;
use crate::error::TokenError;
use crate::proto::Millis;

/// Who requests a token. The driver gives each socket, and each call of the app, a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequesterId(pub u32);

/// One token request, unique within its requester.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRequestId(pub(crate) u32);

/// One HTTP request, unique within its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub(crate) u32);

/// One call of `login()`; the driver counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoginId(pub u32);

impl TokenRequestId {
    /// The id of a request that the driver itself makes, not a connection.
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

/// A request for an access token.
#[derive(Clone, Copy, Debug)]
pub struct TokenRequest {
    /// Who requests it.
    pub requester: RequesterId,
    /// The id of the request.
    pub id: TokenRequestId,
    /// Which tokens are acceptable.
    pub requirement: TokenRequirement,
}

/// Which access tokens are acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRequirement {
    /// Any other than this generation, which may be the cause of failed dials. If no other can be had, this one again.
    PreferOther(u32),
    /// Any other than this generation, which a server has refused.
    OtherThan(u32),
    /// One that stays valid for this long from now, if it can be had. Zero accepts any valid one.
    ValidFor(Millis),
}

impl TokenRequirement {
    /// Any valid token.
    pub const VALID: Self = Self::ValidFor(Millis::ZERO);

    /// The generation that must not be handed out again.
    pub(super) fn rejected(self) -> Option<u32> {
        match self {
            Self::OtherThan(generation) => Some(generation),
            Self::PreferOther(_) | Self::ValidFor(_) => None,
        }
    }
}

/// An access token, handed out for one attempt.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The value of an `Authorization` header: the prefix, a space, the access token.
    pub authorization: Secret,
    /// Where in it the access token begins.
    pub(crate) start: usize,
    /// The generation of its token set.
    pub generation: u32,
    /// The user that it belongs to: see [`SessionView::user_epoch`].
    pub user_epoch: u32,
    /// [`SessionView::sign_in_count`] when it was issued.
    pub sign_in_count: u32,
    /// Since when the session has this token.
    pub since: Instant,
}

impl AccessToken {
    /// Returns the access token itself, to hand to the wire.
    pub(crate) fn access(&self) -> &str {
        self.authorization.expose().get(self.start..).unwrap_or_default()
    }

    /// Returns the session as this token knows it.
    pub(crate) fn view(&self) -> SessionView {
        let Self { user_epoch, sign_in_count, generation, .. } = *self;
        SessionView { user_epoch, sign_in_count, generation, is_signed_in: true }
    }
}

/// The session as a connection sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionView {
    /// Counts the users: it grows whenever the user changes or leaves.
    pub user_epoch: u32,
    /// Counts the sign-ins, by login or by tokens of the app. A renewal does not count.
    pub sign_in_count: u32,
    /// Counts the token sets.
    pub generation: u32,
    /// Whether somebody is signed in.
    pub is_signed_in: bool,
}

/// A token set as it is kept in a store. The driver adds a version.
#[derive(Clone, Debug)]
pub struct Record {
    /// The id of the sign-in, at most 2⁵³.
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
    /// Something else, or the store cannot be read.
    Unreadable,
}

/// An input.
#[derive(Debug)]
pub enum Input {
    /// An HTTP request has ended.
    Http {
        /// The id of the request; an unknown one is ignored.
        request: RequestId,
        /// The answer.
        result: Result<HttpResponse, NoAnswer>,
    },
    /// The app signs in with credentials.
    Login {
        /// The id of the call.
        login: LoginId,
        /// An object such as `{username, password}`.
        credentials: Json,
        /// Another endpoint than `login`, for the second step of a login.
        endpoint: Option<TokenEndpoint>,
    },
    /// This tab has the lock: the answer to [`Output::Lock`].
    Locked,
    /// The app signs out.
    Logout,
    /// Another tab has signed out, while this one may still ask whether the browser holds a session.
    LoggedOut,
    /// Another tab's call of `restore` has found no session.
    NotRestored {
        /// The status of the answer; 401 for every refusal, and none without an answer.
        status: Option<u16>,
    },
    /// The app's own source has answered [`Output::GetToken`].
    Provided {
        /// The id of the call; an unknown one is ignored.
        request: RequestId,
        /// The tokens, or why there are none.
        result: Result<Provided, NoToken>,
    },
    /// The app signs in with tokens.
    SetTokens {
        /// The access token.
        access: Secret,
        /// The refresh token.
        refresh: Option<Secret>,
        /// When the access token ends, if the app knows.
        lifetime: Lifetime,
    },
    /// Another tab may have changed the store.
    StoreChanged,
    /// The answer to [`Output::Read`].
    Stored {
        /// The content of the store.
        stored: Stored,
        /// Whether another tab has written something newer that cannot be read yet. It matters only to the holder of the lock.
        is_behind: bool,
    },
    /// Time has passed.
    Timeout,
    /// Another tab, which has a store of its own, has changed that store: a duplicate of this tab, or one that has asked for the session of the browser.
    Twin {
        /// [`Record::id`] of its previous content, if it had any.
        id: Option<u64>,
        /// Its new content.
        stored: Stored,
    },
    /// Cancels the token requests of a requester.
    CancelTokenRequest {
        /// Who requested.
        requester: RequesterId,
    },
    /// A socket or the app needs a token.
    RequestToken(TokenRequest),
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

/// Why the app's own source returned no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoToken {
    /// It failed temporarily.
    Failed,
    /// The user has to sign in.
    SignInRequired,
}

numbered! {
    /// The result of a change of the store.
    pub enum StoreEnd {
        /// Done.
        Done = 0 "done",
        /// The store failed.
        Failed = 1 "failed",
        /// Not done: another tab has changed the store meanwhile.
        Overtaken = 2 "overtaken",
    }
}

numbered! {
    /// Why a token is requested.
    pub enum Reason {
        /// The present token has ended, or ends soon.
        Expired = 0 "expired",
        /// There is none.
        Missing = 1 "missing",
        /// A server has refused the present token.
        Rejected = 2 "rejected",
    }
}

/// What the driver has to do.
#[derive(Debug)]
pub enum Output {
    /// Abort a request. Its answer would be ignored.
    AbortFetch {
        /// The id of the request.
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
        /// The id of the request.
        request: RequestId,
        /// The request.
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
        /// A holder that shows no sign of life for this long loses the lock.
        lease: Millis,
    },
    /// Tell the other tabs that this one has signed out: [`Input::LoggedOut`].
    LoggedOut,
    /// Answer a `login()`.
    LoginDone {
        /// The id of the call.
        login: LoginId,
        /// How it went.
        result: Result<(), LoginError>,
    },
    /// Tell the other tabs that the call of `restore` has found no session: [`Input::NotRestored`].
    NotRestored {
        /// The status of the answer; 401 for every refusal, and none without an answer.
        status: Option<u16>,
    },
    /// Read the store, and say what is in it. Reads and writes are performed in order.
    Read,
    /// Tell the app: the server has refused to renew the token. The session ends with it.
    RenewalRefused(TokenError),
    /// Answer a [`TokenRequest`].
    Token {
        /// Who asked.
        requester: RequesterId,
        /// Which request.
        id: TokenRequestId,
        /// The token.
        result: Result<AccessToken, TokenError>,
    },
    /// Let go of the lock, or stop waiting for it, once what was to be written is written.
    Unlock,
    /// Put this into the store, tell the other tabs, and say how that went.
    Write {
        /// The record.
        record: Record,
        /// Only if the store holds this sign-in still; without one, whatever it holds.
        over: Option<u64>,
    },
}

/// A failed login.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct LoginError {
    /// The error.
    pub error: TokenError,
    /// The body of an answer with an error status, such as DRF's map of fields to messages. It may quote the request, so it is a secret.
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
        /// The server does not accept the tokens any more: the user has to sign in again.
        Expired = 0 "expired",
        /// The store has not answered yet.
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

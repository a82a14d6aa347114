//! The session machine, for `session-driver.js`.

use wasm_bindgen::prelude::*;

#[cfg(feature = "js")]
use super::options::trusted_options;
use super::plain::{Given, Plain, answer, known, now};
use crate::proto::contract::{RequirementKind, SessionInput as In, SessionOutput as Out, SourceAnswer};
use crate::proto::session::TokenEndpoint;
use crate::proto::session::{
    Input, LoginError, LoginId, NoToken, Output, Provided, Record, RequestId, RequesterId, Session, SessionConfig,
    Stored, TokenRequest, TokenRequestId, TokenRequirement,
};
#[cfg(feature = "js")]
use crate::proto::session::{TokenProvider, TokenStorage};
use crate::proto::token::Lifetime;
use crate::proto::{Json, Millis, Secret, UnixTime};

/// One session. Times are in milliseconds: `instant` of `performance.now()`, `unix` since 1970.
#[derive(Debug)]
#[wasm_bindgen]
pub struct SessionCore {
    machine: Session,
}

#[cfg(feature = "js")]
#[wasm_bindgen]
impl SessionCore {
    /// Makes a session of its options, each at its place; and whether it has a store, and a source of tokens of the app's.
    #[wasm_bindgen(constructor)]
    pub fn new(options: JsValue, has_store: bool, has_source: bool, seed: f64) -> Self {
        let config = SessionConfig {
            provider: if has_source { TokenProvider::App } else { TokenProvider::Endpoints },
            storage: if has_store { TokenStorage::Store } else { TokenStorage::Memory },
            ..trusted_options(options)
        };
        Self { machine: Session::new(config, seed as u64) }
    }
}

#[wasm_bindgen]
impl SessionCore {
    /// Feeds an input: its number ([`In`]), the id of the request, login or requester, and its data.
    pub fn input(&mut self, instant: f64, unix: f64, what: u32, id: u32, data: JsValue) {
        let (request, given) = (RequestId::new(id), Given(data));
        let input = match known(what) {
            In::Http => Input::Http { request, result: answer(&given) },
            In::Locked => Input::Locked,
            // The credentials, and an endpoint or undefined.
            In::Login => Input::Login {
                login: LoginId(id),
                credentials: Json::from_js(given.at(0).0),
                endpoint: endpoint_of(given.at(1)),
            },
            In::Logout => Input::Logout,
            In::LoggedOut => Input::LoggedOut,
            // Its status, if there was an answer.
            In::NotRestored => Input::NotRestored { status: given.number(0).map(|status| status as u16) },
            // A `SourceAnswer`, the access token, its life and its end.
            In::Provided => Input::Provided {
                request,
                result: match given.choice(0) {
                    SourceAnswer::Token => Ok(Provided { access: given.secret(1), lifetime: lifetime(&given, 2) }),
                    SourceAnswer::Failed => Err(NoToken::Failed),
                    SourceAnswer::SignInRequired => Err(NoToken::SignInRequired),
                },
            },
            // Access token, refresh token or undefined, life and end.
            In::SetTokens => Input::SetTokens {
                access: given.secret(0),
                refresh: given.maybe_text(1).map(Secret::new),
                lifetime: lifetime(&given, 2),
            },
            In::StoreChanged => Input::StoreChanged,
            // The record, and whether another tab has a newer one.
            In::Stored => Input::Stored { stored: stored(&given.at(0)), is_behind: given.flag(1) },
            In::Timeout => Input::Timeout,
            // The sign-in that was there before, and the record.
            In::Twin => Input::Twin {
                id: given.number(0).filter(|id| *id >= 0.0).map(|id| id as u64),
                stored: stored(&given.at(1)),
            },
            In::CancelTokenRequest => Input::CancelTokenRequest { requester: RequesterId(id) },
            // Which question, a `RequirementKind`, and its generation or milliseconds.
            In::RequestToken => {
                let value = given.count(2);
                let requirement = match given.choice(1) {
                    RequirementKind::PreferOther => TokenRequirement::PreferOther(value as u32),
                    RequirementKind::OtherThan => TokenRequirement::OtherThan(value as u32),
                    RequirementKind::ValidFor => TokenRequirement::ValidFor(Millis::from_millis(value as u64)),
                };
                Input::RequestToken(TokenRequest {
                    requester: RequesterId(id),
                    id: TokenRequestId::new(given.count(0) as u32),
                    requirement,
                })
            }
            // A `StoreEnd`.
            In::Written => Input::Written(given.choice(0)),
        };
        self.machine.handle_input(now(instant, unix), input);
    }

    /// Writes down the session as connections see it, if the user is another since this was asked last: they learn of it before anything else is
    /// done. Returns whether that is so.
    #[wasm_bindgen(js_name = userChange)]
    pub fn user_change(&mut self, to: &Plain) -> bool {
        self.machine.poll_user_change().map(|view| to.view(view)).is_some()
    }

    /// Writes down what is to be done next: a [`Out`] and what goes with it. Returns whether there is something.
    pub fn poll(&mut self, to: &Plain) -> bool {
        let Some(output) = self.machine.poll_output() else { return false };
        let begin = |what: Out| to.number(what.number().into());
        match output {
            Output::AbortFetch { request } => {
                begin(Out::AbortFetch);
                to.number(request.get().into());
            }
            Output::Changed { view, error, .. } => {
                begin(Out::Changed);
                to.view(view);
                to.token_error(error);
            }
            Output::Due => begin(Out::Due),
            Output::Erase { over } => {
                begin(Out::Erase);
                to.maybe_number(over.map(|id| id as f64));
            }
            Output::Fetch { request, http } => {
                begin(Out::Fetch);
                to.http(request.get(), &http);
            }
            Output::GetToken { request, reason } => {
                begin(Out::GetToken);
                to.number(request.get().into());
                to.text(reason.name());
            }
            Output::Lock { lease } => {
                begin(Out::Lock);
                to.number(lease.as_millis() as f64);
            }
            // Which, why it failed, and the server's words.
            Output::LoginDone { login, result } => {
                begin(Out::LoginDone);
                to.number(login.0.into());
                to.token_error(result.as_ref().err().map(|failed| failed.error));
                if let Err(LoginError { answer, .. }) = &result {
                    to.maybe_text(answer.as_ref().map(Secret::expose));
                }
            }
            Output::LoggedOut => begin(Out::LoggedOut),
            Output::NotRestored { status } => {
                begin(Out::NotRestored);
                to.maybe_number(status.map(f64::from));
            }
            Output::Read => begin(Out::Read),
            Output::RenewalRefused(error) => {
                begin(Out::RenewalRefused);
                to.token_error(Some(error));
            }
            Output::Token { requester, id, result } => {
                begin(Out::Token);
                to.number(requester.0.into());
                to.number(id.get().into());
                to.token(&result);
            }
            Output::Unlock => begin(Out::Unlock),
            Output::Write { record, over } => {
                begin(Out::Write);
                to.maybe_number(over.map(|id| id as f64));
                write_record(&record, to);
            }
        }
        true
    }

    /// Returns the time of the next timeout of the machine; negative if there is none.
    pub fn deadline(&self) -> f64 {
        self.machine.poll_timeout().map_or(-1.0, |deadline| deadline.as_millis() as f64)
    }

    /// Whether something is yet to be written into the store.
    #[wasm_bindgen(js_name = isStoring)]
    pub fn is_storing(&self) -> bool {
        self.machine.is_storing()
    }

    /// Returns the number of the state.
    pub fn state(&self) -> u8 {
        self.machine.state().number()
    }

    /// Writes down the session as connections see it.
    pub fn view(&self, to: &Plain) {
        to.view(self.machine.view());
    }
}

#[cfg(not(feature = "js"))]
impl SessionCore {
    pub(in crate::web) fn of(config: SessionConfig, seed: u64) -> Self {
        Self { machine: Session::new(config, seed) }
    }
}

/// Seconds of life and end in seconds since 1970; undefined: the token tells.
fn lifetime(given: &Given, place: u32) -> Lifetime {
    Lifetime { expires_in: given.number(place), expires_at: given.number(place + 1) }
}

/// `Tokens` in tabs.js.
fn write_record(record: &Record, to: &Plain) {
    let Record { id, renewals, access, refresh, expires_at, skew } = record;
    to.number(*id as f64);
    to.number((*renewals).into());
    to.text(access.expose());
    to.maybe_text(refresh.as_ref().map(Secret::expose));
    to.maybe_number(expires_at.map(|end| end.as_millis() as f64));
    to.number(*skew as f64);
}

/// `Stored` in tabs.js.
fn stored(given: &Given) -> Stored {
    if given.0.is_undefined() {
        return Stored::Unreadable;
    }
    if given.0.is_null() {
        return Stored::Nothing;
    }
    Stored::Tokens(Record {
        id: given.count(0) as u64,
        renewals: given.count(1) as u32,
        access: given.secret(2),
        refresh: given.maybe_text(3).map(Secret::new),
        expires_at: given.number(4).map(|end| UnixTime::from_millis(end as i64)),
        skew: given.count(5) as i64,
    })
}

/// The endpoint of one login, as the face hands it over.
#[cfg(feature = "js")]
fn endpoint_of(given: Given) -> Option<TokenEndpoint> {
    (!given.0.is_undefined()).then(|| trusted_options(given.0))
}

/// Rust apps have one endpoint for logins.
#[cfg(not(feature = "js"))]
fn endpoint_of(_: Given) -> Option<TokenEndpoint> {
    None
}

//! `Session` for the face.

use crate::proto::Millis;
use js_sys::{Array, Function};
use wasm_bindgen::prelude::*;

use super::connection::SocketCore;
use super::error::token_error;
use super::events::SocketSink;
use super::parts::Parts;
use crate::proto::http::BodyEncoding;
use crate::proto::session::{Demand, LoginError, SessionConfig, TimeUnit, TokenEndpoint, TokenFields};
use crate::proto::token::Lifetime;
use crate::proto::{Json, Secret, UrlKind};
use crate::web::{Session, SessionEvent, Surroundings};

/// The session of one user.
#[derive(Debug)]
#[wasm_bindgen]
pub struct SessionCore {
    session: Session,
}

#[wasm_bindgen]
impl SessionCore {
    /// Makes a session. `on_event(kind, error)`: 0 it has changed (why it has ended, see error.rs, or undefined), 1 the store failed, 2 the
    /// server has refused a renewal. `owner` is told if the machine traps: `Owner` in port.js.
    ///
    /// `parts`: the URLs of login, refresh and logout (empty: none), their bodies, 1 for each that is a form, what they reject with; prefix,
    /// the fields access, refresh (empty: none), expires in and expires at; 1 for milliseconds, leeway and HTTP timeout in ms, 1 to allow insecure
    /// endpoints, 1 for cookies; the store and the app's source of tokens, as `Surroundings` has them, or undefined.
    #[wasm_bindgen(constructor)]
    pub fn new(parts: Array, on_event: Function, owner: JsValue) -> Self {
        let parts = Parts(parts);
        let function = |index| Some(parts.0.get(index)).filter(JsValue::is_function).map(JsCast::unchecked_into);
        let surroundings = Surroundings { store: function(22), source: function(23) };
        let session = Session::trusted(read(&parts), surroundings, &owner);
        // The face's callback dispatches an event and throws nothing.
        session.on_event(move |event| {
            let (kind, data) = match event {
                SessionEvent::Changed { error, .. } => (0.0, error.map_or(JsValue::UNDEFINED, token_error)),
                SessionEvent::StoreFailed(error) => (1.0, error),
                SessionEvent::RenewalRefused(error) => (2.0, token_error(error)),
            };
            drop(on_event.call2(&JsValue::NULL, &kind.into(), &data));
        });
        Self { session }
    }

    /// The place of the state in the face's list.
    #[wasm_bindgen(getter)]
    pub fn state(&self) -> u8 {
        self.session.state() as u8
    }

    /// Takes tokens. `parts`: access, refresh (empty: none), seconds of life, end in seconds since 1970 (0: the token tells).
    #[wasm_bindgen(js_name = setTokens)]
    pub fn set_tokens(&self, parts: Array) {
        let parts = Parts(parts);
        let number = |index| Some(parts.number(index)).filter(|number| *number > 0.0);
        let lifetime = Lifetime { expires_in: number(2), expires_at: number(3) };
        // The face has checked the token.
        self.session.take_tokens(Secret::new(parts.text(0)), parts.optional_text(1).map(Secret::new), lifetime);
    }

    /// Signs in with credentials, an object; `done` is called with an error (see error.rs) and the server's words, or with undefined.
    pub fn login(&self, credentials: JsValue, done: Function) {
        self.session.login(Json::from_js(credentials), move |result| {
            let (error, answer) = match result {
                Ok(()) => (JsValue::UNDEFINED, None),
                Err(LoginError { error, answer }) => (token_error(error), answer),
            };
            let answer = answer.map(|answer| JsValue::from_str(answer.expose()));
            // Settling a promise does not throw.
            drop(done.call2(&JsValue::NULL, &error, &answer.into()));
        });
    }

    /// Hands out a token: one that is usable for so many milliseconds, or another than that of a generation (at least 0), which a server
    /// has refused. `done` is called with an error or undefined, the token and its generation.
    pub fn token(&self, usable_for: f64, refused: f64, done: Function) {
        let demand = if refused < 0.0 {
            Demand::UsableFor(Millis::from_millis(usable_for as u64))
        } else {
            Demand::NotRejected(refused as u32)
        };
        self.session.token(demand, move |result| {
            let (error, token, generation) = match result {
                Ok(grant) => (JsValue::UNDEFINED, grant.access().into(), grant.generation.into()),
                Err(error) => (token_error(error), JsValue::UNDEFINED, JsValue::UNDEFINED),
            };
            // Settling a promise does not throw.
            drop(done.call3(&JsValue::NULL, &error, &token, &generation));
        });
    }

    /// Makes a socket of this session, which waits for `connect()`. `parts`: see `At` in src/js/connection.rs.
    pub fn socket(&self, parts: Array, sink: SocketSink) -> SocketCore {
        SocketCore::make(&Parts(parts), self.session.clone(), sink)
    }

    /// Signs out.
    pub fn logout(&self) {
        self.session.logout();
    }
}

/// The face has checked all of it.
fn read(parts: &Parts) -> SessionConfig {
    let [is_in_millis, leeway, http_timeout, allow_insecure, cookies] = parts.numbers(17);
    let endpoint = |index: u32| {
        let encoding = if parts.number(index + 6) == 0.0 { BodyEncoding::Json } else { BodyEncoding::Form };
        let url = parts.optional_url(index, UrlKind::Http)?;
        Some(TokenEndpoint { url, body: parts.json(index + 3), encoding, reject: parts.json(index + 9) })
    };
    SessionConfig {
        login: endpoint(0),
        refresh: endpoint(1),
        has_source: false,
        has_store: false,
        logout: endpoint(2),
        cookies: cookies != 0.0,
        prefix: parts.text(12),
        fields: TokenFields {
            access: parts.text(13),
            refresh: parts.optional_text(14),
            expires_in: parts.text(15),
            expires_in_unit: if is_in_millis == 0.0 { TimeUnit::Seconds } else { TimeUnit::Millis },
            expires_at: parts.text(16),
        },
        leeway: Millis::from_millis(leeway as u64),
        http_timeout: Millis::from_millis(http_timeout as u64),
        allow_insecure: allow_insecure != 0.0,
    }
}

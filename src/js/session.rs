//! `Session` for the face.

use crate::proto::Millis;
use js_sys::Function;
use wasm_bindgen::prelude::*;

use super::connection::SocketCore;
use super::error::token_error;
use super::events::SocketSink;
use crate::proto::contract::SessionNews as News;
use crate::proto::session::{Demand, LoginError};
use crate::proto::token::Lifetime;
use crate::proto::{Json, Secret};
use crate::web::{Session, SessionEvent, Surroundings, trusted_options};

/// The session of one user.
#[derive(Debug)]
#[wasm_bindgen]
pub struct SessionCore {
    session: Session,
}

#[wasm_bindgen]
impl SessionCore {
    /// Makes a session of its options, as the contract has them, of what opens its store and of the app's source of tokens.
    /// `on_event(news, data)`: see [`SessionNews`](crate::proto::contract::SessionNews). `owner` is told if the machine traps: `Owner` in
    /// port.js.
    #[wasm_bindgen(constructor)]
    pub fn new(
        options: JsValue,
        store: Option<Function>,
        source: Option<Function>,
        on_event: Function,
        owner: JsValue,
    ) -> Self {
        let session = Session::trusted(trusted_options(options), Surroundings { store, source }, &owner);
        // The face's callback dispatches an event and throws nothing.
        session.on_event(move |event| {
            let (news, data) = match event {
                SessionEvent::Changed { error, .. } => (News::Changed, error.map_or(JsValue::UNDEFINED, token_error)),
                SessionEvent::StoreFailed(error) => (News::StoreFailed, error),
                SessionEvent::RenewalRefused(error) => (News::RenewalRefused, token_error(error)),
            };
            drop(on_event.call2(&JsValue::NULL, &news.number().into(), &data));
        });
        Self { session }
    }

    /// The number of the state.
    #[wasm_bindgen(getter)]
    pub fn state(&self) -> u8 {
        self.session.state().number()
    }

    /// Takes tokens, which the face has checked: access, refresh (empty: none), seconds of life, end in seconds since 1970 (0: the token
    /// tells).
    #[wasm_bindgen(js_name = setTokens)]
    pub fn set_tokens(&self, access: String, refresh: String, expires_in: f64, expires_at: f64) {
        let given = |number: f64| Some(number).filter(|number| *number > 0.0);
        let lifetime = Lifetime { expires_in: given(expires_in), expires_at: given(expires_at) };
        let refresh = Some(refresh).filter(|text| !text.is_empty());
        self.session.take_tokens(Secret::new(access), refresh.map(Secret::new), lifetime);
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

    /// Makes a socket of this session of its options, as the contract has them. It waits for `connect()`.
    pub fn socket(&self, options: JsValue, sink: SocketSink) -> SocketCore {
        SocketCore::make(options, self.session.clone(), sink)
    }

    /// Signs out.
    pub fn logout(&self) {
        self.session.logout();
    }
}

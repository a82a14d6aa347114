//! `Session` for the face.

use crate::proto::Millis;
use js_sys::{Array, Function};
use wasm_bindgen::prelude::*;

use super::connection::SocketCore;
use super::error::token_error;
use super::events::SocketSink;
use super::parts::Parts;
use crate::proto::contract::{SessionNews as News, SessionPart as At};
use crate::proto::session::{Demand, LoginError, SessionConfig, TokenEndpoint, TokenFields};
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
    /// Makes a session of parts, see [`SessionPart`](crate::proto::contract::SessionPart). `on_event(news, data)`: see
    /// [`SessionNews`](crate::proto::contract::SessionNews). `owner` is told if the machine traps: `Owner` in port.js.
    #[wasm_bindgen(constructor)]
    pub fn new(parts: Array, on_event: Function, owner: JsValue) -> Self {
        let parts = Parts(parts);
        let surroundings = Surroundings { store: parts.function(At::Store), source: parts.function(At::Source) };
        let session = Session::trusted(read(&parts), surroundings, &owner);
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

    /// Makes a socket of this session, which waits for `connect()`. `parts`: see [`SocketPart`](crate::proto::contract::SocketPart).
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
    let endpoint = |url, body, encoding, reject| {
        let url = parts.optional_url(url, UrlKind::Http)?;
        Some(TokenEndpoint { url, body: parts.json(body), encoding: parts.one(encoding), reject: parts.json(reject) })
    };
    SessionConfig {
        login: endpoint(At::LoginUrl, At::LoginBody, At::LoginEncoding, At::LoginReject),
        refresh: endpoint(At::RefreshUrl, At::RefreshBody, At::RefreshEncoding, At::RefreshReject),
        has_source: false,
        has_store: false,
        logout: endpoint(At::LogoutUrl, At::LogoutBody, At::LogoutEncoding, At::LogoutReject),
        cookies: parts.flag(At::Cookies),
        prefix: parts.text(At::Prefix),
        fields: TokenFields {
            access: parts.text(At::Access),
            refresh: parts.optional_text(At::Refresh),
            expires_in: parts.text(At::ExpiresIn),
            expires_in_unit: parts.one(At::ExpiresInUnit),
            expires_at: parts.text(At::ExpiresAt),
        },
        leeway: parts.millis(At::Leeway),
        http_timeout: parts.millis(At::HttpTimeout),
        allow_insecure: parts.flag(At::AllowInsecure),
    }
}

//! A session for a Rust app, on the driver that the npm package has.

use crate::proto::session::{TokenProvider, TokenStorage};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};

use js_sys::{Array, Function, Object, Promise, Reflect};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::seed;
use super::typed::js_of;
use crate::error::{ConfigError, JsonError, TokenError};
use crate::proto::contract::Numbered as _;
use crate::proto::session::{
    AccessToken, LoginError, SessionConfig, SessionState, SessionView, TokenRequirement, check_header_text,
};
use crate::proto::token::Lifetime;
use crate::proto::{Json, Millis, Secret, Url};
use crate::web::core::{Given, SessionCore, read_token, requirement_parts, token_error, view};

#[wasm_bindgen(module = "/src/web/session-driver.js")]
extern "C" {
    /// As in session-driver.js.
    #[derive(Clone)]
    pub(super) type SessionDriver;
    #[wasm_bindgen(constructor)]
    fn new(core: SessionCore, environment: &Object, owner: &JsValue) -> SessionDriver;
    #[wasm_bindgen(method, js_name = newRequester)]
    fn new_requester(this: &SessionDriver) -> u32;
    #[wasm_bindgen(method)]
    fn token(this: &SessionDriver, requester: u32, kind: u8, value: f64);
    #[wasm_bindgen(method)]
    fn login(this: &SessionDriver, login: u32, credentials: JsValue);
    #[wasm_bindgen(method, js_name = setTokens)]
    fn set_tokens(this: &SessionDriver, tokens: Array);
    #[wasm_bindgen(method)]
    fn logout(this: &SessionDriver);
    #[wasm_bindgen(method)]
    fn state(this: &SessionDriver) -> Option<f64>;
    #[wasm_bindgen(method)]
    fn view(this: &SessionDriver) -> JsValue;
}

#[wasm_bindgen(module = "/src/web/app.js")]
extern "C" {
    #[wasm_bindgen(js_name = ownerOf)]
    fn owner_of(
        changed: &JsValue,
        renewal_refused: &JsValue,
        store_failed: &JsValue,
        logged_in: &JsValue,
        token: &JsValue,
    ) -> JsValue;
    #[wasm_bindgen(js_name = release)]
    fn release(driver: &SessionDriver);
}

/// Who the user is: tokens, login, refresh and logout, shared by all sockets. Clones are the same session.
#[derive(Clone)]
pub struct Session {
    inner: Rc<Inner>,
}

/// An event for the app.
#[derive(Clone, Debug)]
pub enum SessionEvent {
    /// The state is another, or the tokens are.
    Changed {
        /// The state.
        state: SessionState,
        /// Why the session has ended, if it has.
        error: Option<TokenError>,
    },
    /// The server has refused to renew the token, which is still good: the session ends with it.
    RenewalRefused(TokenError),
    /// The store failed, with the error of the browser or of the app's store. The session continues in memory.
    StoreFailed(JsValue),
}

/// The store and the source of tokens, if not memory and the refresh endpoint.
#[derive(Clone, Debug, Default)]
pub struct SessionEnvironment {
    /// The store, made by [`store`](super::store()). It is read first.
    pub store: Option<Function>,
    /// Asks the app for a token: `source(reason, done)`, with one of [`Reason`](crate::proto::session::Reason)'s names. It calls `done` later,
    /// once: with 0 and an array of the access token, its life in seconds and its end in seconds since 1970 (the last two may be missing), with
    /// 1 if it failed temporarily, or with 2 if the user has to sign in. It returns a function that ends the request.
    pub source: Option<Function>,
    /// Who gets the token of [`Session::fetch`], besides the origins of the endpoints.
    pub fetch_origins: Vec<Url>,
}

/// Why somebody could not sign in.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SignInError {
    /// The credentials cannot be written as JSON.
    #[error("{0}")]
    Credentials(#[from] JsonError),
    /// The server has refused them, or was not there.
    #[error("{0}")]
    Login(#[from] LoginError),
}

type LoginDone = Box<dyn FnOnce(Result<(), LoginError>)>;
type TokenDone = Box<dyn FnOnce(Result<AccessToken, TokenError>)>;
type StoreAnswered = Box<dyn FnOnce(())>;
type EventListener = Rc<dyn Fn(SessionEvent)>;

struct Inner {
    driver: SessionDriver,
    listeners: Rc<Listeners>,
    next_login: Cell<u32>,
    /// The origins that get the token of [`Session::fetch`], and the login and refresh endpoints.
    fetch_origins: Vec<String>,
    token_urls: Vec<String>,
    _callbacks: DriverCallbacks,
}

/// What the driver calls: changed, a renewal was refused, the store failed, logged in, a token.
type DriverCallbacks = (
    Closure<dyn Fn(JsValue)>,
    Closure<dyn Fn(JsValue)>,
    Closure<dyn Fn(JsValue)>,
    Closure<dyn Fn(u32, JsValue, Option<String>)>,
    Closure<dyn Fn(u32, JsValue)>,
);

/// Who waits for what the session says.
#[derive(Default)]
struct Listeners {
    session: RefCell<Weak<Inner>>,
    logins: RefCell<BTreeMap<u32, LoginDone>>,
    tokens: RefCell<BTreeMap<u32, TokenDone>>,
    /// Those who wait for the store.
    waiting: RefCell<Vec<StoreAnswered>>,
    on_event: RefCell<Option<EventListener>>,
}

/// Waits for an answer that comes by a call, once.
async fn answered<T: 'static>(ask: impl FnOnce(Box<dyn FnOnce(T)>)) -> T {
    let answer = Rc::new(RefCell::new(None));
    let mut ask = Some(ask);
    let promise = Promise::new(&mut |resolve: Function, _| {
        let answer = Rc::clone(&answer);
        let done = move |given: T| {
            *answer.borrow_mut() = Some(given);
            drop(resolve.call0(&JsValue::UNDEFINED));
        };
        if let Some(ask) = ask.take() {
            ask(Box::new(done));
        }
    });
    loop {
        // It never fails, and is not done before there is an answer.
        drop(JsFuture::from(promise.clone()).await);
        if let Some(answer) = answer.borrow_mut().take() {
            return answer;
        }
    }
}

impl Session {
    /// Creates a session without a user, with its tokens in memory.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(config: SessionConfig) -> Result<Self, ConfigError> {
        Self::within(config, SessionEnvironment::default())
    }

    /// Creates a session with a store, or with a source of tokens in the app.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn within(mut config: SessionConfig, environment: SessionEnvironment) -> Result<Self, ConfigError> {
        let SessionEnvironment { store, source, fetch_origins } = environment;
        config.provider = if source.is_some() { TokenProvider::App } else { TokenProvider::Endpoints };
        config.storage = if store.is_some() { TokenStorage::Store } else { TokenStorage::Memory };
        config.check()?;
        let endpoints = [&config.login, &config.refresh, &config.logout].map(|endpoint| endpoint.as_ref());
        let urls = endpoints.into_iter().flatten().map(|endpoint| &endpoint.url).chain(&fetch_origins);
        let fetch_origins = urls.filter_map(|url| Some(web_sys::Url::new(&url.to_text()).ok()?.origin())).collect();
        let urls = endpoints.into_iter().take(2).flatten().map(|endpoint| &endpoint.url);
        let token_urls = urls.filter_map(|url| Some(web_sys::Url::new(&url.to_text()).ok()?.href())).collect();
        let given = Object::new();
        for (name, call) in [("store", store), ("source", source)] {
            if let Some(call) = call {
                // A new object takes every member.
                drop(Reflect::set(&given, &name.into(), &call));
            }
        }
        let listeners = Rc::new(Listeners::default());
        let callbacks = Listeners::callbacks(&listeners);
        let owner = owner_of(
            callbacks.0.as_ref(),
            callbacks.1.as_ref(),
            callbacks.2.as_ref(),
            callbacks.3.as_ref(),
            callbacks.4.as_ref(),
        );
        let driver = SessionDriver::new(SessionCore::of(config, seed()), &given, &owner);
        let next_login = Cell::new(0);
        let for_inner = Rc::clone(&listeners);
        let inner = Rc::new(Inner {
            driver,
            listeners: for_inner,
            next_login,
            fetch_origins,
            token_urls,
            _callbacks: callbacks,
        });
        *listeners.session.borrow_mut() = Rc::downgrade(&inner);
        Ok(Self { inner })
    }

    /// Calls `listener` after every change, and when the store fails. A later listener takes its place.
    pub fn on_event(&self, listener: impl Fn(SessionEvent) + 'static) {
        *self.inner.listeners.on_event.borrow_mut() = Some(Rc::new(listener));
    }

    /// Returns the state.
    #[must_use]
    pub fn state(&self) -> SessionState {
        self.inner.state()
    }

    /// Takes tokens that the app has from elsewhere.
    ///
    /// # Errors
    /// An access token that is not valid in a header.
    pub fn set_tokens(&self, access: Secret, refresh: Option<Secret>, lifetime: Lifetime) -> Result<(), ConfigError> {
        check_header_text("tokens.access", access.expose())?;
        let tokens = Array::of4(
            &access.expose().into(),
            &refresh.as_ref().map(Secret::expose).into(),
            &lifetime.expires_in.into(),
            &lifetime.expires_at.into(),
        );
        self.inner.driver.set_tokens(tokens);
        Ok(())
    }

    /// Signs in at the login endpoint; `done` is called once.
    pub fn login(&self, credentials: Json, done: impl FnOnce(Result<(), LoginError>) + 'static) {
        let login = self.inner.next_login.replace(self.inner.next_login.get().wrapping_add(1));
        self.inner.listeners.logins.borrow_mut().insert(login, Box::new(done));
        self.inner.driver.login(login, credentials.into_js());
    }

    /// Requests an access token that meets the requirement. It is renewed first if necessary. `done` is called once.
    pub fn token(&self, requirement: TokenRequirement, done: impl FnOnce(Result<AccessToken, TokenError>) + 'static) {
        let requester = self.inner.driver.new_requester();
        self.inner.listeners.tokens.borrow_mut().insert(requester, Box::new(done));
        let (kind, value) = requirement_parts(requirement);
        self.inner.driver.token(requester, kind.number(), value);
    }

    /// Signs in at the login endpoint with credentials of the app's own type. What the server says of a refusal is read by
    /// [`login_details`](super::login_details).
    ///
    /// # Errors
    /// The credentials are no JSON, were refused, or the server was not there.
    pub async fn sign_in<T: Serialize + ?Sized>(&self, credentials: &T) -> Result<(), SignInError> {
        let credentials = Json::from_js(js_of(credentials)?);
        Ok(answered(|done| self.login(credentials, done)).await?)
    }

    /// Hands out an access token that is usable for `min_ttl`, if such a one can be had; it is renewed if need be.
    ///
    /// # Errors
    /// There is none to be had.
    pub async fn access_token(&self, min_ttl: Millis) -> Result<Secret, TokenError> {
        let token = self.request_token(TokenRequirement::ValidFor(min_ttl)).await?;
        Ok(Secret::new(token.access().to_owned()))
    }

    pub(super) async fn request_token(&self, requirement: TokenRequirement) -> Result<AccessToken, TokenError> {
        answered(|done| self.token(requirement, done)).await
    }

    /// Waits until the store has answered, and returns the state: at once where there is none.
    pub async fn ready(&self) -> SessionState {
        while self.state() == SessionState::Loading {
            answered(|done| self.inner.listeners.waiting.borrow_mut().push(Box::new(done))).await;
        }
        self.state()
    }

    /// Whether an address gets the token.
    pub(super) fn may_get(&self, url: &str) -> bool {
        let Ok(url) = web_sys::Url::new(url) else { return false };
        // A fragment is not sent.
        url.set_hash("");
        self.inner.fetch_origins.contains(&url.origin()) && !self.inner.token_urls.contains(&url.href())
    }

    /// Forgets the user and closes their sockets, in every tab that shares the store.
    pub fn logout(&self) {
        self.inner.driver.logout();
    }

    pub(super) fn view(&self) -> SessionView {
        view(&Given(self.inner.driver.view()))
    }

    pub(super) fn driver(&self) -> SessionDriver {
        self.inner.driver.clone()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("state", &self.state()).finish_non_exhaustive()
    }
}

impl Inner {
    fn state(&self) -> SessionState {
        // One that has ended has no user.
        let number = self.driver.state();
        number.and_then(|number| SessionState::from_number(number as u8)).unwrap_or(SessionState::Expired)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        release(&self.driver);
    }
}

impl Listeners {
    /// What the driver calls.
    fn callbacks(listeners: &Rc<Self>) -> DriverCallbacks {
        let [changed, refused, failed, logins, tokens] = [(); 5].map(|()| Rc::clone(listeners));
        (
            Closure::new(move |failure: JsValue| changed.changed(failure)),
            Closure::new(move |failure: JsValue| {
                if let Some(error) = token_error(&Given(failure)) {
                    refused.emit(SessionEvent::RenewalRefused(error));
                }
            }),
            Closure::new(move |error: JsValue| failed.emit(SessionEvent::StoreFailed(error))),
            Closure::new(move |login: u32, failure: JsValue, answer: Option<String>| {
                let done = logins.logins.borrow_mut().remove(&login);
                if let Some(done) = done {
                    let answer = answer.map(Secret::new);
                    done(token_error(&Given(failure)).map_or(Ok(()), |error| Err(LoginError { error, answer })));
                }
            }),
            Closure::new(move |requester: u32, answer: JsValue| {
                let done = tokens.tokens.borrow_mut().remove(&requester);
                if let Some(done) = done {
                    done(read_token(&Given(answer)));
                }
            }),
        )
    }

    fn changed(&self, failure: JsValue) {
        for done in self.waiting.take() {
            done(());
        }
        let session = self.session.borrow().upgrade();
        if let Some(session) = session {
            self.emit(SessionEvent::Changed { state: session.state(), error: token_error(&Given(failure)) });
        }
    }

    fn emit(&self, event: SessionEvent) {
        let listener = self.on_event.borrow().clone();
        if let Some(listener) = listener {
            listener(event);
        }
    }
}

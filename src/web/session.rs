//! The session driver: runs the session machine for all sockets of one user.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use js_sys::Function;
use wasm_bindgen::JsValue;

use super::clock::{now, random_seed};
use super::connection::Inner as Connection;
use super::port::{Heard, Port};
use super::queue::Drain;
use super::slots::Slots;
use crate::error::{ConfigError, TokenError};
use crate::proto::connection;
use crate::proto::session::{
    Asker, Demand, Grant, Input, LoginError, LoginId, Output, RequestId, Session as Machine, SessionConfig,
    SessionState, SessionView, Want, WantId, check_header_text,
};
use crate::proto::token::Lifetime;
use crate::proto::{Json, Secret};

/// Who the user is: tokens, login, refresh and logout, shared by all sockets. Clones are the same session.
#[derive(Clone)]
pub struct Session {
    inner: Rc<Inner>,
}

/// What the app is told.
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
    /// The store failed, as the browser or the app's store said. The session goes on in memory.
    StoreFailed(JsValue),
}

/// Where tokens rest and come from, if not memory and the refresh endpoint.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Where they rest: made by [`store`](super::store()). It is asked for the tokens first.
    pub store: Option<Function>,
    /// Asks the app for a token: `source(reason, done)`, with one of [`Reason`](crate::proto::session::Reason)'s names. It calls `done` later, once: with 0 and
    /// an array of the access token, its life in seconds and its end in seconds since 1970 (the last two may be missing), with 1
    /// if it failed in passing, or with 2 if the person has to sign in. It returns a function that ends the question.
    pub source: Option<Function>,
}

type LoginDone = Box<dyn FnOnce(Result<(), LoginError>)>;
type TokenDone = Box<dyn FnOnce(Result<Grant, TokenError>)>;
type EventListener = Rc<dyn Fn(SessionEvent)>;

struct Inner {
    machine: RefCell<Machine>,
    drain: Drain,
    port: Port,
    /// What connections have to say.
    inbox: RefCell<Vec<Input>>,
    source: Option<Function>,
    logins: Slots<LoginId, LoginDone>,
    tokens: Slots<Asker, TokenDone>,
    connections: Slots<Asker, Weak<Connection>>,
    on_event: RefCell<Option<EventListener>>,
    /// Itself, while something is yet to be written: what is written outlives whoever lets go of the session.
    kept: RefCell<Option<Rc<Self>>>,
    next_asker: Cell<u32>,
    next_login: Cell<u32>,
}

impl Session {
    /// Makes a session without a user, whose tokens rest in memory.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(config: SessionConfig) -> Result<Self, ConfigError> {
        Self::within(config, Surroundings::default())
    }

    /// Makes a session whose tokens rest in a store or come from the app.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn within(mut config: SessionConfig, surroundings: Surroundings) -> Result<Self, ConfigError> {
        config.has_source = surroundings.source.is_some();
        config.check()?;
        Ok(Self::trusted(config, surroundings, &JsValue::UNDEFINED))
    }

    /// Makes a session of settings that were checked. `owner` is told if the machine traps: `Owner` in port.js.
    pub(crate) fn trusted(mut config: SessionConfig, surroundings: Surroundings, owner: &JsValue) -> Self {
        let Surroundings { store, source } = surroundings;
        config.has_store = store.is_some();
        config.has_source = source.is_some();
        let inner = Rc::new_cyclic(|weak: &Weak<Inner>| {
            let weak = weak.clone();
            Inner {
                machine: RefCell::new(Machine::new(config, random_seed())),
                drain: Drain::default(),
                inbox: RefCell::default(),
                port: Port::new(owner, move |id, heard| {
                    if let Some(inner) = weak.upgrade() {
                        inner.heard(id, heard);
                    }
                }),
                source,
                logins: Slots::default(),
                tokens: Slots::default(),
                connections: Slots::default(),
                on_event: RefCell::default(),
                kept: RefCell::default(),
                next_asker: Cell::new(0),
                next_login: Cell::new(0),
            }
        });
        if let Some(store) = store {
            inner.port.share(&store);
        }
        // The first thing that it wants may be to read the store.
        inner.drain();
        Self { inner }
    }

    /// Calls `listener` after every change, and when the store fails. A later listener takes its place.
    pub fn on_event(&self, listener: impl Fn(SessionEvent) + 'static) {
        *self.inner.on_event.borrow_mut() = Some(Rc::new(listener));
    }

    /// Returns the state.
    #[must_use]
    pub fn state(&self) -> SessionState {
        self.inner.machine.borrow().state()
    }

    /// Takes tokens that the app has from elsewhere.
    ///
    /// # Errors
    /// An access token that cannot stand in a header.
    pub fn set_tokens(&self, access: Secret, refresh: Option<Secret>, lifetime: Lifetime) -> Result<(), ConfigError> {
        check_header_text("tokens.access", access.expose())?;
        self.take_tokens(access, refresh, lifetime);
        Ok(())
    }

    /// Takes tokens that were checked.
    pub(crate) fn take_tokens(&self, access: Secret, refresh: Option<Secret>, lifetime: Lifetime) {
        self.inner.input(Input::SetTokens { access, refresh, lifetime });
    }

    /// Signs in at the login endpoint; `done` is called once.
    pub fn login(&self, credentials: Json, done: impl FnOnce(Result<(), LoginError>) + 'static) {
        let login = LoginId(self.inner.next_login.get());
        self.inner.next_login.set(login.0.wrapping_add(1));
        self.inner.logins.put(login, Box::new(done));
        self.inner.input(Input::Login { login, credentials });
    }

    /// Hands out an access token that meets the demand, if such a one can be had; it is renewed if need be. `done` is called once.
    pub fn token(&self, demand: Demand, done: impl FnOnce(Result<Grant, TokenError>) + 'static) {
        let asker = self.new_asker();
        self.inner.tokens.put(asker, Box::new(done));
        self.inner.input(Input::Want(Want { asker, want: WantId::new(0), demand }));
    }

    /// Forgets the user and closes their sockets, in every tab that shares the store.
    pub fn logout(&self) {
        self.inner.input(Input::Logout);
    }

    pub(super) fn view(&self) -> SessionView {
        self.inner.machine.borrow().view()
    }

    pub(super) fn register(&self, connection: &Weak<Connection>) -> Asker {
        let asker = self.new_asker();
        self.inner.connections.retain(|connection| connection.strong_count() > 0);
        self.inner.connections.put(asker, connection.clone());
        asker
    }

    fn new_asker(&self) -> Asker {
        let asker = Asker(self.inner.next_asker.get());
        self.inner.next_asker.set(asker.0.wrapping_add(1));
        asker
    }

    /// A connection says something. Should this machine trap over it, the connection ends with it, and nobody else does.
    pub(super) fn tell(&self, input: Input) {
        self.inner.inbox.borrow_mut().push(input);
        self.inner.port.wake();
    }

    /// A connection's port ends with this session's, if that fails.
    pub(super) fn join(&self, connection: &Port) {
        self.inner.port.join(connection);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("state", &self.state()).finish_non_exhaustive()
    }
}

impl Inner {
    fn input(self: &Rc<Self>, input: Input) {
        let (deadline, user_change) = {
            let mut machine = self.machine.borrow_mut();
            machine.handle_input(now(), input);
            (machine.poll_timeout(), machine.poll_user_change())
        };
        self.port.alarm(deadline);
        if let Some(view) = user_change {
            self.tell_connections(view);
        }
        self.drain();
        let kept = self.machine.borrow().is_storing().then(|| Rc::clone(self));
        // Let go of after the cell is free again.
        drop(self.kept.replace(kept));
    }

    fn drain(self: &Rc<Self>) {
        self.drain.run(|| self.machine.borrow_mut().poll_output(), |output| self.perform(output));
    }

    fn connections(&self) -> Vec<Rc<Connection>> {
        self.connections.values(Weak::upgrade)
    }

    fn tell_connections(&self, view: SessionView) {
        for connection in self.connections() {
            connection.tell(connection::Input::Session(view));
        }
    }

    fn heard(self: &Rc<Self>, id: u32, heard: Heard) {
        let request = RequestId::new(id);
        let input = match heard {
            Heard::Answered(result) => Input::Http { request, result },
            Heard::Locked => Input::Locked,
            Heard::Provided(result) => Input::Provided { request, result },
            Heard::Rang => Input::Timeout,
            Heard::StoreFailed(error) => return self.tell(SessionEvent::StoreFailed(error)),
            Heard::Stored { stored, is_behind } => Input::Stored { stored, is_behind },
            Heard::StoreChanged => Input::StoreChanged,
            Heard::Told => return self.read_inbox(),
            Heard::Twin { id, stored } => Input::Twin { id, stored },
            Heard::Written(is_done) => Input::Written(is_done),
            // A connection's.
            Heard::Message(_)
            | Heard::Opened(_)
            | Heard::Failed
            | Heard::Closed { .. }
            | Heard::Refused
            | Heard::Page(_) => return,
        };
        self.input(input);
    }

    fn read_inbox(self: &Rc<Self>) {
        let inputs = self.inbox.take();
        for input in inputs {
            self.input(input);
        }
    }

    fn tell(&self, event: SessionEvent) {
        let listener = self.on_event.borrow().clone();
        if let Some(listener) = listener {
            listener(event);
        }
    }

    fn perform(self: &Rc<Self>, output: Output) {
        let port = &self.port;
        match output {
            Output::AbortFetch { request } => port.abort(request.get()),
            Output::Changed { state, view, error } => {
                self.tell_connections(view);
                self.tell(SessionEvent::Changed { state, error });
            }
            Output::Due => {
                for connection in self.connections() {
                    connection.tell(connection::Input::TokenDue);
                }
            }
            Output::Erase => port.erase(),
            Output::Fetch { request, http } => port.request(request.get(), &http),
            Output::GetToken { request, reason } => {
                if let Some(source) = &self.source {
                    port.ask(request.get(), reason.name(), source);
                }
            }
            Output::Lock { lease } => port.lock(lease.as_millis() as f64),
            Output::LoginDone { login, result } => {
                if let Some(done) = self.logins.take(&login) {
                    done(result);
                }
            }
            Output::Read => port.read(),
            Output::RenewalRefused(error) => self.tell(SessionEvent::RenewalRefused(error)),
            Output::Token { asker, want, result } => {
                if let Some(done) = self.tokens.take(&asker) {
                    done(result);
                } else if let Some(connection) =
                    self.connections.get(&asker).and_then(|connection| connection.upgrade())
                {
                    connection.tell(connection::Input::Token { want, result });
                }
            }
            Output::Unlock => port.unlock(),
            Output::Write(record) => port.write(&record),
        }
    }
}

//! The session driver: runs the session machine for all sockets of one user.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use super::clock::{Alarm, now};
use super::connection::Inner as Connection;
use super::fetch::Fetch;
use super::queue::Drain;
use super::slots::Slots;
use crate::error::ConfigError;
use crate::proto::session::{
    Asker, Input, LoginError, LoginId, Output, RequestId, Session as Machine, SessionConfig, SessionState, SessionView,
    check_header_text,
};
use crate::proto::token::Lifetime;
use crate::proto::{Json, Secret};

/// Who the user is: tokens, login, refresh and logout, shared by all sockets. Clones are the same session.
#[derive(Clone)]
pub struct Session {
    inner: Rc<Inner>,
}

type LoginDone = Box<dyn FnOnce(Result<(), LoginError>)>;
type ChangeListener = Rc<dyn Fn(SessionState)>;

struct Inner {
    machine: RefCell<Machine>,
    drain: Drain,
    alarm: Alarm,
    fetches: Slots<RequestId, Fetch>,
    logins: Slots<LoginId, LoginDone>,
    connections: Slots<Asker, Weak<Connection>>,
    on_change: RefCell<Option<ChangeListener>>,
    next_asker: Cell<u32>,
    next_login: Cell<u32>,
}

impl Session {
    /// Makes a session without a user.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(config: SessionConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let inner = Rc::new_cyclic(|weak: &Weak<Inner>| {
            let weak = weak.clone();
            Inner {
                machine: RefCell::new(Machine::new(config)),
                drain: Drain::default(),
                alarm: Alarm::new(move || {
                    if let Some(inner) = weak.upgrade() {
                        inner.alarm.rang();
                        inner.input(Input::Timeout);
                    }
                }),
                fetches: Slots::default(),
                logins: Slots::default(),
                connections: Slots::default(),
                on_change: RefCell::default(),
                next_asker: Cell::new(0),
                next_login: Cell::new(0),
            }
        });
        Ok(Self { inner })
    }

    /// Calls `listener` after every change of state. A later listener takes its place.
    pub fn on_change(&self, listener: impl Fn(SessionState) + 'static) {
        *self.inner.on_change.borrow_mut() = Some(Rc::new(listener));
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
        self.inner.input(Input::SetTokens { access, refresh, lifetime });
        Ok(())
    }

    /// Signs in at the login endpoint; `done` is called once.
    pub fn login(&self, credentials: Json, done: impl FnOnce(Result<(), LoginError>) + 'static) {
        let login = LoginId(self.inner.next_login.get());
        self.inner.next_login.set(login.0.wrapping_add(1));
        self.inner.logins.put(login, Box::new(done));
        self.inner.input(Input::Login { login, credentials });
    }

    /// Forgets the user and closes their sockets.
    pub fn logout(&self) {
        self.inner.input(Input::Logout);
    }

    pub(super) fn view(&self) -> SessionView {
        self.inner.machine.borrow().view()
    }

    pub(super) fn register(&self, connection: &Weak<Connection>) -> Asker {
        let asker = Asker(self.inner.next_asker.get());
        self.inner.next_asker.set(asker.0.wrapping_add(1));
        self.inner.connections.retain(|connection| connection.strong_count() > 0);
        self.inner.connections.put(asker, connection.clone());
        asker
    }

    pub(super) fn input(&self, input: Input) {
        self.inner.input(input);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("state", &self.state()).finish_non_exhaustive()
    }
}

impl Inner {
    fn input(self: &Rc<Self>, input: Input) {
        let (deadline, before, after) = {
            let mut machine = self.machine.borrow_mut();
            let before = machine.view();
            machine.handle_input(now(), input);
            (machine.poll_timeout(), before, machine.view())
        };
        self.alarm.set(deadline);
        // Nothing of a user who is gone may be sent, so sockets hear of it before whatever still waits in the queue.
        if before.epoch != after.epoch {
            self.tell_connections(after);
        }
        self.drain.run(|| self.machine.borrow_mut().poll_output(), |output| self.perform(output));
    }

    fn tell_connections(&self, view: SessionView) {
        for connection in self.connections.values(Weak::upgrade) {
            connection.session_changed(view);
        }
    }

    fn perform(self: &Rc<Self>, output: Output) {
        match output {
            Output::AbortFetch { request } => {
                drop(self.fetches.take(&request));
            }
            Output::Changed { state, view } => {
                self.tell_connections(view);
                let listener = self.on_change.borrow().clone();
                if let Some(listener) = listener {
                    listener(state);
                }
            }
            Output::Fetch { request, http } => {
                let weak = Rc::downgrade(self);
                let fetch = Fetch::start(&http, move |result| {
                    if let Some(inner) = weak.upgrade() {
                        drop(inner.fetches.take(&request));
                        inner.input(Input::Http { request, result });
                    }
                });
                self.fetches.put(request, fetch);
            }
            Output::LoginDone { login, result } => {
                if let Some(done) = self.logins.take(&login) {
                    done(result);
                }
            }
            Output::Token { asker, want, result } => {
                if let Some(connection) = self.connections.get(&asker).and_then(|connection| connection.upgrade()) {
                    connection.token_answered(want, result);
                }
            }
        }
    }
}

//! The session driver: a task that runs the session machine for all sockets of one user.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use super::clock::{now, random_seed, until};
use super::http::Http;
use super::inbox::{Order, Told};
use crate::error::{ConfigError, TokenError};
use crate::proto::connection;
use crate::proto::session::{
    Asker, Demand, Input, LoginError, LoginId, Output, RequestId, Session as Machine, SessionConfig, SessionState,
    SessionView, Want, WantId, check_header_text,
};
use crate::proto::token::Lifetime;
use crate::proto::{Json, Secret};

/// Who the user is: tokens, login, renewal and logout, shared by all sockets. Clones are the same session; it ends with the last.
#[derive(Clone)]
pub struct Session {
    orders: mpsc::UnboundedSender<Order>,
    present: watch::Receiver<(SessionState, SessionView)>,
    pub(super) http: Http,
}

impl Session {
    /// Makes a session. Needs a tokio runtime.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(config: SessionConfig) -> Result<Self, ConfigError> {
        config.check()?;
        if config.has_store || config.has_source {
            return Err(ConfigError::option(
                "store",
                "this driver keeps its tokens in memory and renews them at an endpoint",
            ));
        }
        let machine = Machine::new(config, random_seed());
        let (orders, inbox) = mpsc::unbounded_channel();
        let (sender, present) = watch::channel((machine.state(), machine.view()));
        let http = Http::new();
        let task = Task {
            machine,
            present: sender,
            http: http.clone(),
            orders: orders.downgrade(),
            logins: BTreeMap::new(),
            next_login: 0,
            tokens: BTreeMap::new(),
            connections: BTreeMap::new(),
            next_asker: 0,
            requests: BTreeMap::new(),
        };
        tokio::spawn(task.run(inbox));
        Ok(Self { orders, present, http })
    }

    /// Returns the state.
    #[must_use]
    pub fn state(&self) -> SessionState {
        self.present.borrow().0
    }

    /// Signs in at the login endpoint.
    ///
    /// # Errors
    /// The credentials are refused, or there is no answer; a later call or a logout takes its place.
    pub async fn login(&self, credentials: Json) -> Result<(), LoginError> {
        let (done, is_done) = oneshot::channel();
        self.orders.send(Order::Login(credentials, done)).ok();
        is_done.await.unwrap_or_else(|_| Err(TokenError::Superseded.into()))
    }

    /// Takes tokens that the app has from elsewhere.
    ///
    /// # Errors
    /// An access token that cannot stand in a header.
    pub async fn set_tokens(
        &self,
        access: Secret,
        refresh: Option<Secret>,
        lifetime: Lifetime,
    ) -> Result<(), ConfigError> {
        check_header_text("tokens.access", access.expose())?;
        self.perform(Input::SetTokens { access, refresh, lifetime }).await;
        Ok(())
    }

    /// Returns an access token that is usable for `min_ttl` from now, if such a one can be had; it is renewed if need be.
    ///
    /// # Errors
    /// Nobody is signed in, or the session has ended or cannot be renewed now.
    pub async fn access_token(&self, min_ttl: Duration) -> Result<Secret, TokenError> {
        let (done, is_done) = oneshot::channel();
        self.orders.send(Order::Token(Demand::UsableFor(min_ttl.into()), done)).ok();
        is_done.await.unwrap_or(Err(TokenError::Missing))
    }

    /// Forgets the user. When it returns, every socket of this session has been told.
    pub async fn logout(&self) {
        self.perform(Input::Logout).await;
    }

    async fn perform(&self, input: Input) {
        let (done, is_done) = oneshot::channel();
        self.orders.send(Order::Input(input, Some(done))).ok();
        // The task ends with the last handle, and this is one.
        is_done.await.ok();
    }

    pub(super) fn tell(&self, input: Input) {
        self.orders.send(Order::Input(input, None)).ok();
    }

    pub(super) fn view(&self) -> SessionView {
        self.present.borrow().1
    }

    pub(super) async fn register(&self, connection: mpsc::WeakUnboundedSender<Told>) -> Option<Asker> {
        let (done, is_done) = oneshot::channel();
        self.orders.send(Order::Register(connection, done)).ok();
        is_done.await.ok()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("state", &self.state()).finish_non_exhaustive()
    }
}

struct Task {
    machine: Machine,
    present: watch::Sender<(SessionState, SessionView)>,
    http: Http,
    /// For answers; weak, so that the task ends with the last session.
    orders: mpsc::WeakUnboundedSender<Order>,
    logins: BTreeMap<u32, oneshot::Sender<Result<(), LoginError>>>,
    next_login: u32,
    /// Calls of the app that wait for a token.
    tokens: BTreeMap<Asker, oneshot::Sender<Result<Secret, TokenError>>>,
    connections: BTreeMap<Asker, mpsc::WeakUnboundedSender<Told>>,
    next_asker: u32,
    requests: BTreeMap<RequestId, AbortHandle>,
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Order>) {
        loop {
            let deadline = self.machine.poll_timeout();
            let order = tokio::select! {
                order = inbox.recv() => order,
                () = until(deadline) => Some(Order::Input(Input::Timeout, None)),
            };
            match order {
                Some(Order::Input(input, done)) => {
                    self.input(input);
                    // Whoever waited may have stopped waiting.
                    done.map(|done| done.send(()));
                }
                Some(Order::Login(credentials, done)) => {
                    let login = LoginId(self.next_login);
                    self.next_login = self.next_login.wrapping_add(1);
                    self.logins.insert(login.0, done);
                    self.input(Input::Login { login, credentials });
                }
                Some(Order::Token(demand, done)) => {
                    let asker = self.new_asker();
                    self.tokens.insert(asker, done);
                    self.input(Input::Want(Want { asker, want: WantId::new(0), demand }));
                }
                Some(Order::Register(connection, done)) => {
                    let asker = self.new_asker();
                    self.connections.retain(|_, connection| connection.strong_count() > 0);
                    self.connections.insert(asker, connection);
                    done.send(asker).ok();
                }
                None => return,
            }
        }
    }

    fn input(&mut self, input: Input) {
        self.machine.handle_input(now(), input);
        if let Some(view) = self.machine.poll_user_change() {
            self.tell_connections(view);
        }
        self.present.send_replace((self.machine.state(), self.machine.view()));
        while let Some(output) = self.machine.poll_output() {
            self.perform(output);
        }
    }

    fn new_asker(&mut self) -> Asker {
        let asker = Asker(self.next_asker);
        self.next_asker = self.next_asker.wrapping_add(1);
        asker
    }

    fn connections(&self) -> impl Iterator<Item = mpsc::UnboundedSender<Told>> {
        self.connections.values().filter_map(mpsc::WeakUnboundedSender::upgrade)
    }

    fn tell_connections(&self, view: SessionView) {
        for connection in self.connections() {
            connection.send(Told::Session(view)).ok();
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::AbortFetch { request } => {
                if let Some(task) = self.requests.remove(&request) {
                    task.abort();
                }
            }
            Output::Changed { view, .. } => self.tell_connections(view),
            Output::Due => self.connections().for_each(|connection| {
                connection.send(Told::Input(connection::Input::TokenDue)).ok();
            }),
            // Without a store and a source of the app's nobody asks for these.
            Output::Erase { .. }
            | Output::GetToken { .. }
            | Output::Lock { .. }
            | Output::Read
            | Output::Unlock
            | Output::Write { .. } => {}
            // The state tells it, when the token has ended.
            Output::RenewalRefused(_) => {}
            Output::Fetch { request, http } => {
                let (client, orders) = (self.http.clone(), self.orders.clone());
                let task = tokio::spawn(async move {
                    let result = client.ask(http).await;
                    if let Some(orders) = orders.upgrade() {
                        orders.send(Order::Input(Input::Http { request, result }, None)).ok();
                    }
                });
                self.requests.retain(|_, task| !task.is_finished());
                self.requests.insert(request, task.abort_handle());
            }
            Output::LoginDone { login, result } => {
                if let Some(done) = self.logins.remove(&login.0) {
                    done.send(result).ok();
                }
            }
            Output::Token { asker, want, result } => {
                if let Some(done) = self.tokens.remove(&asker) {
                    done.send(result.map(|grant| Secret::new(grant.access().to_owned()))).ok();
                } else if let Some(connection) =
                    self.connections.get(&asker).and_then(mpsc::WeakUnboundedSender::upgrade)
                {
                    connection.send(Told::Token { want, result }).ok();
                }
            }
        }
    }
}

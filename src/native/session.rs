//! The session driver: a task that runs the session machine for all sockets of one user.

use crate::proto::session::{TokenProvider, TokenStorage};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use super::clock::{now, random_seed, until};
use super::http::Http;
use super::inbox::{ConnectionCommand, SessionCommand};
use crate::error::{ConfigError, TokenError};
use crate::proto::connection;
use crate::proto::session::{
    Input, LoginError, LoginId, Output, RequestId, RequesterId, Session as Machine, SessionConfig, SessionState,
    SessionView, TokenRequest, TokenRequestId, TokenRequirement, check_header_text,
};
use crate::proto::token::Lifetime;
use crate::proto::{Json, Secret};

/// Why somebody could not sign in.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SignInError {
    /// The credentials cannot be written as JSON. The text of serde may quote them.
    #[error("the credentials cannot be written as JSON")]
    Credentials,
    /// The server has refused them, or was not there.
    #[error("{0}")]
    Login(#[from] LoginError),
}

/// Who the user is: tokens, login, renewal and logout, shared by all sockets. Clones are the same session; it ends with the last.
#[derive(Clone)]
pub struct Session {
    commands: mpsc::UnboundedSender<SessionCommand>,
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
        if config.storage == TokenStorage::Store || config.provider == TokenProvider::App {
            return Err(ConfigError::option(
                "store",
                "this driver keeps its tokens in memory and renews them at an endpoint",
            ));
        }
        let machine = Machine::new(config, random_seed());
        let (commands, inbox) = mpsc::unbounded_channel();
        let (sender, present) = watch::channel((machine.state(), machine.view()));
        let http = Http::new();
        let task = Task {
            machine,
            present: sender,
            http: http.clone(),
            commands: commands.downgrade(),
            logins: BTreeMap::new(),
            next_login: 0,
            tokens: BTreeMap::new(),
            connections: BTreeMap::new(),
            next_asker: 0,
            requests: BTreeMap::new(),
        };
        tokio::spawn(task.run(inbox));
        Ok(Self { commands, present, http })
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
        self.commands.send(SessionCommand::Login(credentials, done)).ok();
        is_done.await.unwrap_or_else(|_| Err(TokenError::Superseded.into()))
    }

    /// Signs in at the login endpoint with credentials of the app's own type, which serde writes as JSON.
    ///
    /// # Errors
    /// The credentials are no JSON, or as [`Session::login`].
    pub async fn sign_in<T: Serialize + ?Sized>(&self, credentials: &T) -> Result<(), SignInError> {
        let text = serde_json::to_string(credentials).map_err(|_| SignInError::Credentials)?;
        let credentials = Json::parse(&text).ok_or(SignInError::Credentials)?;
        Ok(self.login(credentials).await?)
    }

    /// Takes tokens that the app has from elsewhere.
    ///
    /// # Errors
    /// An access token that is not valid in a header.
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
        self.commands.send(SessionCommand::Token(TokenRequirement::ValidFor(min_ttl.into()), done)).ok();
        is_done.await.unwrap_or(Err(TokenError::Missing))
    }

    /// Signs the user out. When it returns, every socket of this session knows.
    pub async fn logout(&self) {
        self.perform(Input::Logout).await;
    }

    async fn perform(&self, input: Input) {
        let (done, is_done) = oneshot::channel();
        self.commands.send(SessionCommand::Input(input, Some(done))).ok();
        // The task ends with the last handle, and this is one.
        is_done.await.ok();
    }

    pub(super) fn input(&self, input: Input) {
        self.commands.send(SessionCommand::Input(input, None)).ok();
    }

    pub(super) fn view(&self) -> SessionView {
        self.present.borrow().1
    }

    pub(super) async fn register(
        &self,
        connection: mpsc::WeakUnboundedSender<ConnectionCommand>,
    ) -> Option<RequesterId> {
        let (done, is_done) = oneshot::channel();
        self.commands.send(SessionCommand::Register(connection, done)).ok();
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
    commands: mpsc::WeakUnboundedSender<SessionCommand>,
    logins: BTreeMap<u32, oneshot::Sender<Result<(), LoginError>>>,
    next_login: u32,
    /// Calls of the app that wait for a token.
    tokens: BTreeMap<RequesterId, oneshot::Sender<Result<Secret, TokenError>>>,
    connections: BTreeMap<RequesterId, mpsc::WeakUnboundedSender<ConnectionCommand>>,
    next_asker: u32,
    requests: BTreeMap<RequestId, AbortHandle>,
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<SessionCommand>) {
        loop {
            let deadline = self.machine.poll_timeout();
            let order = tokio::select! {
                order = inbox.recv() => order,
                () = until(deadline) => Some(SessionCommand::Input(Input::Timeout, None)),
            };
            match order {
                Some(SessionCommand::Input(input, done)) => {
                    self.input(input);
                    // The caller may have dropped the future.
                    done.map(|done| done.send(()));
                }
                Some(SessionCommand::Login(credentials, done)) => {
                    let login = LoginId(self.next_login);
                    self.next_login = self.next_login.wrapping_add(1);
                    self.logins.insert(login.0, done);
                    self.input(Input::Login { login, credentials, endpoint: None });
                }
                Some(SessionCommand::Token(requirement, done)) => {
                    let requester = self.new_asker();
                    self.tokens.insert(requester, done);
                    self.input(Input::RequestToken(TokenRequest {
                        requester,
                        id: TokenRequestId::new(0),
                        requirement,
                    }));
                }
                Some(SessionCommand::Register(connection, done)) => {
                    let requester = self.new_asker();
                    self.connections.retain(|_, connection| connection.strong_count() > 0);
                    self.connections.insert(requester, connection);
                    done.send(requester).ok();
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

    fn new_asker(&mut self) -> RequesterId {
        let requester = RequesterId(self.next_asker);
        self.next_asker = self.next_asker.wrapping_add(1);
        requester
    }

    fn connections(&self) -> impl Iterator<Item = mpsc::UnboundedSender<ConnectionCommand>> {
        self.connections.values().filter_map(mpsc::WeakUnboundedSender::upgrade)
    }

    fn tell_connections(&self, view: SessionView) {
        for connection in self.connections() {
            connection.send(ConnectionCommand::Session(view)).ok();
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
                connection.send(ConnectionCommand::Input(connection::Input::TokenDue)).ok();
            }),
            // Without a store and a source of the app, these outputs do not occur.
            Output::Erase { .. }
            | Output::GetToken { .. }
            | Output::Lock { .. }
            | Output::LoggedOut
            | Output::NotRestored { .. }
            | Output::Read
            | Output::Unlock
            | Output::Write { .. } => {}
            // The state tells it, when the token has ended.
            Output::RenewalRefused(_) => {}
            Output::Fetch { request, http } => {
                let (client, commands) = (self.http.clone(), self.commands.clone());
                let task = tokio::spawn(async move {
                    let result = client.ask(http).await;
                    if let Some(commands) = commands.upgrade() {
                        commands.send(SessionCommand::Input(Input::Http { request, result }, None)).ok();
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
            Output::Token { requester, id, result } => {
                if let Some(done) = self.tokens.remove(&requester) {
                    done.send(result.map(|token| Secret::new(token.access().to_owned()))).ok();
                } else if let Some(connection) =
                    self.connections.get(&requester).and_then(mpsc::WeakUnboundedSender::upgrade)
                {
                    connection.send(ConnectionCommand::Token { id, result }).ok();
                }
            }
        }
    }
}

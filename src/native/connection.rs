//! The connection driver: a task that runs one connection machine on tokio's sockets.

use core::future::{Future, ready};
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use super::clock::{now, random_seed, until};
use super::http::{Http, choose_provider};
use super::inbox::{ConnectionCommand, SocketCommand};
use super::message::Message;
use super::recent::Recent;
use super::session::Session;
use super::socket;
use crate::conversation::{Command, Desk};
use crate::error::{ConfigError, Disposition, NotReady, Problem, SendError};
use crate::proto::Handshake;
use crate::proto::connection::Outgoing as _;
use crate::proto::connection::{
    Connection as Machine, ConnectionConfig, ConnectionState, Event, Inbound, Input, Output, Sent, SocketId, Stats,
    check_close_code,
};
use crate::proto::conversation::Input as Talk;
use crate::proto::outbox::MessageId;
use crate::proto::scheme::Scheme;
use crate::proto::session::{self, RequestId, RequesterId, TokenRequest};
use crate::proto::{Framing, Millis};

/// How many messages the app may be behind before nothing more is read from the network.
const ROOM: usize = 256;

/// The longest message, in bytes, unless [`ConnectionConfig::max_message`] is longer: a frame can claim 2^63.
const LARGEST: usize = 64 << 20;

/// A WebSocket that authenticates itself and stays connected. It closes with its value.
pub struct AuthSocket {
    pub(super) commands: mpsc::UnboundedSender<ConnectionCommand>,
    messages: mpsc::UnboundedReceiver<Message>,
    events: mpsc::UnboundedReceiver<Event>,
    present: watch::Receiver<Present>,
    unconfirmed: Arc<Mutex<Recent<Message>>>,
    room: Arc<Semaphore>,
    /// How many commands to connect or close were sent.
    asked: AtomicU32,
}

/// What can be read at any time.
#[derive(Clone, Debug)]
struct Present {
    state: ConnectionState,
    stats: Stats,
    problem: Option<Problem>,
    /// How many of these are done: the state may be older than the last call.
    taken: u32,
}

impl AuthSocket {
    /// Makes a socket that waits for [`AuthSocket::connect`]. Needs a tokio runtime.
    ///
    /// # Errors
    /// What is wrong with the settings, or a scheme with a credential and no session.
    pub fn new(config: ConnectionConfig, session: Option<&Session>) -> Result<Self, ConfigError> {
        Self::with_desk(config, session, None)
    }

    /// The same with a conversation, which gets messages and events.
    pub(super) fn with_desk(
        mut config: ConnectionConfig,
        session: Option<&Session>,
        desk: Option<Desk>,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        config.has_session = session.is_some();
        if session.is_none() && config.needs_session() {
            return Err(ConfigError::option("session", "this scheme sends a credential, so it needs a session"));
        }
        choose_provider();
        let (commands, inbox) = mpsc::unbounded_channel();
        let (message_sender, messages) = mpsc::unbounded_channel();
        let (event_sender, events) = mpsc::unbounded_channel();
        let sends_cookies = matches!(config.scheme, Scheme::Cookie(_));
        let largest = if config.max_message == usize::MAX { LARGEST } else { config.max_message.max(LARGEST) };
        let user = session.map(Session::view).unwrap_or_default();
        let machine = Machine::new(config, user, random_seed());
        let start = Present { state: machine.state(), stats: machine.stats(), problem: None, taken: 0 };
        let unconfirmed = Arc::default();
        let (present_sender, present) = watch::channel(start);
        let room = Arc::new(Semaphore::new(ROOM));
        let task = Task {
            machine,
            desk,
            gone: Vec::new(),
            commands: commands.downgrade(),
            session: None,
            http: session.map(|session| session.http.clone()),
            sends_cookies,
            largest,
            sockets: BTreeMap::new(),
            request: None,
            payloads: BTreeMap::new(),
            next_message: 0,
            inspected: None,
            unconfirmed: Arc::clone(&unconfirmed),
            messages: message_sender,
            events: event_sender,
            present: present_sender,
            room: Arc::clone(&room),
        };
        tokio::spawn(task.run(inbox, session.cloned()));
        Ok(Self { commands, messages, events, present, unconfirmed, room, asked: AtomicU32::new(0) })
    }

    /// Connects: starts, skips a wait, or replaces the present socket.
    pub fn connect(&self) {
        self.ask(Input::Connect);
    }

    /// Closes permanently.
    ///
    /// # Errors
    /// A code that a page may not send either.
    pub fn close(&self, code: u16, reason: &str) -> Result<(), ConfigError> {
        check_close_code(code)?;
        self.ask(Input::Close { code, reason: reason.to_owned() });
        Ok(())
    }

    /// Sends a message: now if connected, else as soon as it is. [`Event::Message`] reports the status of a message that is kept.
    ///
    /// # Errors
    /// Closed, or the outbox is full: the message was not taken.
    pub async fn send(&self, message: impl Into<Message>) -> Result<Sent, SendError> {
        self.send_within(message, None).await
    }

    /// The same for a message that may not wait longer than `ttl`; without one as the options say.
    ///
    /// # Errors
    /// Closed, or the outbox is full: the message was not taken.
    pub async fn send_within(&self, message: impl Into<Message>, ttl: Option<Duration>) -> Result<Sent, SendError> {
        let (done, is_done) = oneshot::channel();
        self.commands.send(ConnectionCommand::Send(message.into(), ttl, done)).ok();
        is_done.await.unwrap_or(Err(SendError::Closed))
    }

    /// Waits for the next message, over reconnects. `None` after the end.
    pub async fn next(&mut self) -> Option<Message> {
        let asked = self.asked.load(Ordering::Relaxed);
        let is_over = |present: &Present| present.taken == asked && present.state == ConnectionState::Closed;
        let message = tokio::select! {
            biased;
            message = self.messages.recv() => message,
            _ = self.present.wait_for(is_over) => self.messages.try_recv().ok(),
        };
        if message.is_some() {
            self.room.add_permits(1);
        }
        message
    }

    /// Waits for the next event. `None` after the end of the runtime.
    pub async fn next_event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Waits until connected.
    ///
    /// # Errors
    /// What ended the connection, or asks for sign-in.
    pub async fn ready(&self) -> Result<(), NotReady> {
        let mut present = self.present.clone();
        let asked = self.asked.load(Ordering::Relaxed);
        let settled = present.wait_for(|present| match present.state {
            _ if present.taken != asked => false,
            ConnectionState::Closed | ConnectionState::Connected => true,
            // Without a network it continues by itself.
            ConnectionState::Suspended => {
                present.problem.as_ref().is_some_and(|problem| problem.disposition == Disposition::SignIn)
            }
            ConnectionState::Connecting | ConnectionState::Idle | ConnectionState::Waiting => false,
        });
        match settled.await {
            Ok(present) if present.state == ConnectionState::Connected => Ok(()),
            Ok(present) => Err(present.problem.map_or(NotReady::Closed, NotReady::Failed)),
            Err(_) => Err(NotReady::Closed),
        }
    }

    /// Takes the messages that were handed to sockets which were then lost, that may not have arrived, and that are not sent again: all of
    /// which nothing was heard 5 s after it or later. Those of a loss are there before its [`Event::StateChanged`]. At most the last 1,000,
    /// of 1 MiB together.
    #[must_use]
    pub fn take_unconfirmed(&self) -> Vec<Message> {
        self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner).take().collect()
    }

    /// Returns the state.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.present.borrow().state
    }

    /// Returns the counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.present.borrow().stats
    }

    pub(super) fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.events.poll_recv(context)
    }

    pub(super) fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Option<Message>> {
        let message = self.messages.poll_recv(context);
        if matches!(message, Poll::Ready(Some(_))) {
            self.room.add_permits(1);
        }
        message
    }

    /// Puts a message into the outbox, once there is room.
    pub(super) fn take(&self, message: Message) -> impl Future<Output = Result<(), SendError>> + Send + use<> {
        let (commands, mut present) = (self.commands.clone(), self.present.clone());
        async move {
            loop {
                let (done, is_done) = oneshot::channel();
                // What changes from here on is looked at again.
                present.mark_unchanged();
                commands.send(ConnectionCommand::Send(message.clone(), None, done)).ok();
                match is_done.await.unwrap_or(Err(SendError::Closed)) {
                    Ok(_) => return Ok(()),
                    Err(SendError::Closed) => return Err(SendError::Closed),
                    Err(SendError::QueueFull) => present.changed().await.map_err(|_| SendError::Closed)?,
                }
            }
        }
    }

    /// Waits until nothing waits in the outbox.
    pub(super) fn emptied(&self) -> impl Future<Output = Result<(), SendError>> + Send + use<> {
        let mut present = self.present.clone();
        async move {
            let is_over = |present: &Present| present.stats.queued == 0 || present.state == ConnectionState::Closed;
            let present = present.wait_for(is_over).await.map_err(|_| SendError::Closed)?;
            if present.stats.queued == 0 { Ok(()) } else { Err(SendError::Closed) }
        }
    }

    fn ask(&self, input: Input<'static>) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        // The task ends with this value.
        self.commands.send(ConnectionCommand::FromApp(input)).ok();
    }
}

impl fmt::Debug for AuthSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthSocket").field("state", &self.state()).finish_non_exhaustive()
    }
}

pub(super) struct Task {
    machine: Machine,
    /// Of a conversation.
    pub(super) desk: Option<Desk>,
    /// Sockets that have ended since the desk was told.
    gone: Vec<SocketId>,
    /// For answers; weak, so that the task ends with the socket.
    commands: mpsc::WeakUnboundedSender<ConnectionCommand>,
    session: Option<(Session, RequesterId)>,
    /// The session's, or one of its own once it is needed: each reads all root certificates.
    http: Option<Http>,
    sends_cookies: bool,
    /// The longest message a socket makes room for, in bytes.
    largest: usize,
    /// One, and at a handover two.
    sockets: BTreeMap<SocketId, mpsc::UnboundedSender<SocketCommand>>,
    request: Option<(RequestId, AbortHandle)>,
    /// What the machine knows by number alone.
    payloads: BTreeMap<MessageId, Message>,
    next_message: u32,
    /// A message that is being read by the machine.
    inspected: Option<Message>,
    unconfirmed: Arc<Mutex<Recent<Message>>>,
    messages: mpsc::UnboundedSender<Message>,
    events: mpsc::UnboundedSender<Event>,
    present: watch::Sender<Present>,
    room: Arc<Semaphore>,
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<ConnectionCommand>, session: Option<Session>) {
        if let Some(session) = session {
            // A session's task lives as long as any handle, so it answers.
            self.session = session.register(self.commands.clone()).await.map(|requester| (session.clone(), requester));
            self.input(Input::Session(session.view()));
        }
        loop {
            let deadline = self.machine.poll_timeout();
            let desk_deadline = self.desk.as_ref().and_then(Desk::poll_timeout);
            let needs_sweep = self.desk.as_ref().is_some_and(|desk| desk.needs_sweep);
            let command = tokio::select! {
                command = inbox.recv() => command,
                // Whoever subscribes at once in the place of who has left was heard before.
                () = ready(()), if needs_sweep && inbox.is_empty() => {
                    Some(ConnectionCommand::Conversation(Command::Input(Talk::Sweep)))
                }
                () = until(deadline) => Some(ConnectionCommand::Input(Input::Timeout)),
                () = until(desk_deadline) => Some(ConnectionCommand::Conversation(Command::Input(Talk::Timeout))),
            };
            match command {
                Some(ConnectionCommand::Conversation(command)) => {
                    self.converse(|desk| desk.command(now().instant, command));
                }
                Some(ConnectionCommand::FromApp(input)) => {
                    self.input(input);
                    self.present.send_modify(|present| present.taken = present.taken.wrapping_add(1));
                }
                Some(ConnectionCommand::Received { socket, message }) => self.received(socket, message),
                Some(ConnectionCommand::Input(input)) => {
                    if let Input::SocketClosed { socket, .. } | Input::HandshakeAnswered { socket, .. } = &input {
                        self.sockets.remove(socket);
                        self.gone.push(*socket);
                    }
                    self.input(input);
                }
                Some(ConnectionCommand::Send(message, ttl, done)) => {
                    // The caller may have dropped the future.
                    done.send(self.send(message, ttl).1).ok();
                }
                Some(ConnectionCommand::Session(view)) => self.input(Input::Session(view)),
                Some(ConnectionCommand::Token { id, result }) => self.input(Input::Token { id, result }),
                None => return self.input(Input::Close { code: 1000, reason: String::new() }),
            }
        }
    }

    fn input(&mut self, input: Input<'_>) {
        self.machine.handle_input(now(), input);
        self.go_on();
    }

    /// Performs the outputs of the machine.
    fn go_on(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            self.perform(output);
        }
        self.note();
        // Why a socket has ended was told before: a closed one and another user end more than a loss does.
        while let Some(socket) = self.gone.pop() {
            self.converse(|desk| desk.input(now().instant, Talk::Gone(socket)));
        }
    }

    /// Shows what can be read from outside.
    fn note(&self) {
        let (state, stats) = (self.machine.state(), self.machine.stats());
        self.present.send_modify(|present| (present.state, present.stats) = (state, stats));
    }

    pub(super) fn send(&mut self, message: Message, ttl: Option<Duration>) -> (MessageId, Result<Sent, SendError>) {
        let id = MessageId(self.next_message);
        self.next_message = self.next_message.wrapping_add(1);
        let result = self.machine.send(id, &message, ttl.map(Millis::from));
        match result {
            Ok(Sent::Now(socket) | Sent::Unconfirmed(socket)) => {
                self.payloads.insert(id, message.clone());
                self.send_on(socket, message);
            }
            Ok(Sent::Queued) => {
                self.payloads.insert(id, message);
            }
            Ok(Sent::Dropped) => {}
            Err(_) => return (id, result),
        }
        self.go_on();
        (id, result)
    }

    fn received(&mut self, socket: SocketId, message: Message) {
        match self.machine.on_message(socket, now().instant, message.len()) {
            Inbound::Deliver => self.deliver(socket, message),
            // What the app does not get takes no room.
            Inbound::Ignore => self.room.add_permits(1),
            Inbound::Inspect => {
                let text = match &message {
                    Message::Text(text) => Some(text.clone()),
                    Message::Binary(bytes) => core::str::from_utf8(bytes).ok().map(str::to_owned),
                };
                self.inspected = Some(message);
                self.input(Input::Inspected { socket, text: text.as_deref() });
                if self.inspected.take().is_some() {
                    self.room.add_permits(1);
                }
            }
            Inbound::TooLong { length } => {
                self.room.add_permits(1);
                self.input(Input::TooLong { socket, length });
            }
        }
        self.note();
    }

    fn deliver(&mut self, socket: SocketId, message: Message) {
        if self.desk.is_some() {
            // It is kept for whoever it belongs to: a request inside of a loop would wait for ever if nothing were read meanwhile.
            self.room.add_permits(1);
            self.converse(|desk| desk.received(now().instant, socket, message.text().as_deref()));
        } else if self.messages.send(message).is_err() {
            self.room.add_permits(1);
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::AbortFetch { request } => {
                if let Some((_, task)) = self.request.take_if(|(present, _)| *present == request) {
                    task.abort();
                }
            }
            // Without a conversation nothing is asked.
            Output::Ask { request, question, socket, token, said: _ } => {
                let answer = self.answer(question, socket, token.as_ref());
                self.input(Input::Answered { request, answer });
            }
            Output::CloseSocket { socket, code, reason } => {
                self.gone.push(socket);
                if let Some(commands) = self.sockets.remove(&socket) {
                    commands.send(SocketCommand::Close { code, reason }).ok();
                }
            }
            Output::Deliver { socket } => {
                if let Some(message) = self.inspected.take() {
                    self.deliver(socket, message);
                }
            }
            Output::Discard { messages } => {
                for message in messages {
                    self.payloads.remove(&message);
                }
            }
            Output::Event(event) => {
                if let Event::StateChanged(change) = &event {
                    let (state, problem) = (change.state, change.problem);
                    let unconfirmed = change.unconfirmed.iter().filter_map(|id| self.payloads.get(id));
                    let mut all = self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner);
                    unconfirmed.for_each(|message| all.push(message.clone(), message.len()));
                    drop(all);
                    self.present.send_modify(|present| (present.state, present.problem) = (state, problem));
                }
                if self.desk.is_some() {
                    self.converse(|desk| desk.event(now().instant, event));
                } else {
                    self.events.send(event).ok();
                }
            }
            Output::Fetch { request, http } => {
                let (client, commands) = (self.http.get_or_insert_with(Http::new).clone(), self.commands.clone());
                let task = tokio::spawn(async move {
                    let result = client.ask(http).await;
                    if let Some(commands) = commands.upgrade() {
                        commands.send(ConnectionCommand::Input(Input::Http { request, result })).ok();
                    }
                });
                self.request = Some((request, task.abort_handle()));
            }
            // The machine is a function call away, so it may as well be asked about each message.
            Output::Lane { .. } => {}
            Output::Open { socket, handshake } => self.open(socket, handshake),
            Output::Send { socket, message } => {
                if let Some(payload) = self.payloads.get(&message) {
                    self.send_on(socket, payload.clone());
                }
            }
            Output::SendText { socket, text, framing: Framing::Binary } => {
                self.send_on(socket, Message::Binary(text.expose().as_bytes().to_vec()));
            }
            Output::SendText { socket, text, framing: Framing::Json | Framing::Text } => {
                self.send_on(socket, Message::Text(text.expose().to_owned()));
            }
            Output::CancelTokenRequest => {
                if let Some((session, requester)) = &self.session {
                    session.input(session::Input::CancelTokenRequest { requester: *requester });
                }
            }
            Output::RequestToken { id, requirement } => {
                if let Some((session, requester)) = &self.session {
                    session.input(session::Input::RequestToken(TokenRequest {
                        requester: *requester,
                        id,
                        requirement,
                    }));
                }
            }
        }
    }

    fn open(&mut self, id: SocketId, handshake: Handshake) {
        let http = self.http.as_ref().filter(|_| self.sends_cookies);
        let cookies = http.and_then(|http| http.cookies_for(handshake.url.expose()));
        let (commands, inbox) = mpsc::unbounded_channel();
        self.sockets.insert(id, commands);
        tokio::spawn(socket::run(
            id,
            handshake,
            cookies,
            self.largest,
            inbox,
            self.commands.clone(),
            Arc::clone(&self.room),
        ));
    }

    pub(super) fn send_on(&self, id: SocketId, message: Message) {
        if let Some(commands) = self.sockets.get(&id) {
            commands.send(SocketCommand::Send(message)).ok();
        }
    }
}

//! Between the rules, the app and a driver: who waits for what, and which message of the socket is a request's.

use std::collections::{BTreeMap, VecDeque};

use futures_channel::mpsc::UnboundedSender;
use futures_channel::oneshot;

use super::Heard;
use crate::error::{JsonError, SendError};
use crate::proto::connection::{ConnectionConfig, ConnectionState, DeliveryStatus, Event, Question, Sent, SocketId};
use crate::proto::conversation::{
    Conversation as Machine, ConversationConfig, Handed, HolderId, Input, Output, RequestFailure, RequestId,
    RequestOptions, SubscribeOptions, SubscriptionFailure,
};
use crate::proto::outbox::MessageId;
use crate::proto::scheme::Scheme;
use crate::proto::{Instant, Json};

type Answer = Result<Json, RequestFailure>;

/// What the app wants.
pub(crate) enum Command {
    Cursors(oneshot::Sender<Vec<(String, Json)>>),
    Input(Input),
    Listen(UnboundedSender<Heard<Json>>),
    Request { request: RequestId, message: Json, options: Box<RequestOptions>, sender: oneshot::Sender<Answer> },
    Subscribe { holder: HolderId, message: Json, options: Box<SubscribeOptions>, sender: UnboundedSender<News> },
}

/// What a holder of a subscription is told.
pub(crate) enum News {
    Ended(Option<SubscriptionFailure>),
    Joined,
    Message(Json),
}

/// What the driver has to do.
pub(crate) enum Job {
    /// Send a text on this connection, now or never.
    Say { socket: SocketId, text: String },
    /// Send a text as any message of the app, and call [`Desk::handed`].
    Send { request: RequestId, text: String },
}

pub(crate) struct Desk {
    machine: Machine,
    holders: BTreeMap<HolderId, UnboundedSender<News>>,
    requests: BTreeMap<RequestId, oneshot::Sender<Answer>>,
    listeners: Vec<UnboundedSender<Heard<Json>>>,
    /// Messages of requests whose status may still change.
    sent: BTreeMap<MessageId, RequestId>,
    /// The first messages, where they hold a cursor.
    first_messages: Option<Vec<Json>>,
    state: ConnectionState,
    /// Whether somebody has left.
    pub(crate) needs_sweep: bool,
    jobs: VecDeque<Job>,
}

impl Desk {
    /// Takes over what a connection asks its app.
    pub(super) fn new(config: &mut ConnectionConfig, options: ConversationConfig) -> Self {
        let has_cursor = options.resume.is_some();
        let machine = Machine::new(options);
        let first_messages = has_cursor.then(|| take_first_messages(config)).flatten();
        config.asks.push(Question::Connected);
        if first_messages.is_some() {
            config.asks.push(Question::FirstMessage);
        }
        Self {
            machine,
            holders: BTreeMap::new(),
            requests: BTreeMap::new(),
            listeners: Vec::new(),
            sent: BTreeMap::new(),
            first_messages,
            state: ConnectionState::Idle,
            needs_sweep: false,
            jobs: VecDeque::new(),
        }
    }

    /// Does what the app wants.
    pub(crate) fn command(&mut self, now: Instant, command: Command) {
        let is_closed = self.state == ConnectionState::Closed;
        match command {
            Command::Cursors(sender) => {
                let cursors = self.machine.cursors().iter().map(|(key, cursor)| (key.to_owned(), cursor.clone()));
                // Nobody may wait any more: here, and wherever something is told.
                sender.send(cursors.collect()).ok();
            }
            Command::Input(input) => {
                self.needs_sweep |= matches!(input, Input::Leave(_));
                self.input(now, input);
            }
            Command::Listen(sender) => {
                self.listeners.retain(|listener| !listener.is_closed());
                self.listeners.push(sender);
            }
            Command::Request { sender, .. } if is_closed => {
                sender.send(Err(RequestFailure::Send(SendError::Closed))).ok();
            }
            Command::Request { request, message, options, sender } => {
                self.requests.insert(request, sender);
                self.input(now, Input::Request { request, message, options });
            }
            Command::Subscribe { sender, .. } if is_closed => {
                sender.unbounded_send(News::Ended(None)).ok();
            }
            Command::Subscribe { holder, message, options, sender } => {
                self.holders.insert(holder, sender);
                self.input(now, Input::Subscribe { holder, message, options });
            }
        }
    }

    /// Feeds the rules, and tells the app what comes of it.
    pub(crate) fn input(&mut self, now: Instant, input: Input) {
        match &input {
            Input::Abort(request) => drop(self.requests.remove(request)),
            Input::Leave(holder) => drop(self.holders.remove(holder)),
            Input::Sweep => self.needs_sweep = false,
            Input::Joining(_)
            | Input::Connected
            | Input::Lost
            | Input::Gone(_)
            | Input::UserChanged
            | Input::Closed(_)
            | Input::Received { .. }
            | Input::Subscribe { .. }
            | Input::Request { .. }
            | Input::Handed { .. }
            | Input::Timeout => {}
        }
        self.machine.handle_input(now, input);
        while let Some(output) = self.machine.poll_output() {
            self.perform(output);
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Say { socket, message } => self.jobs.push_back(Job::Say { socket, text: message.print() }),
            Output::Send { request, message } => self.jobs.push_back(Job::Send { request, text: message.print() }),
            Output::Deliver { message, holders } if holders.is_empty() => self.tell(&Heard::Message(message)),
            Output::Deliver { message, holders } => {
                for holder in holders {
                    self.tell_holder(holder, News::Message(message.clone()));
                }
            }
            Output::Joined(holder) => self.tell_holder(holder, News::Joined),
            Output::Ended { holder, error } => {
                self.tell_holder(holder, News::Ended(error));
                self.holders.remove(&holder);
            }
            Output::Answered { request, result } => {
                if let Some(sender) = self.requests.remove(&request) {
                    sender.send(result).ok();
                }
            }
            Output::Resumed { is_whole: true, message, key } => self.tell(&Heard::Resumed { message, key }),
            Output::Resumed { is_whole: false, message, key } => self.tell(&Heard::Gap { message, key }),
        }
    }

    fn tell_holder(&self, holder: HolderId, news: News) {
        if let Some(sender) = self.holders.get(&holder) {
            sender.unbounded_send(news).ok();
        }
    }

    fn tell(&mut self, heard: &Heard<Json>) {
        self.listeners.retain(|listener| listener.unbounded_send(heard.clone()).is_ok());
    }

    /// Returns what the driver has to do next.
    pub(crate) fn poll(&mut self) -> Option<Job> {
        self.jobs.pop_front()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.machine.poll_timeout()
    }

    /// A message of a request was handed to the socket.
    pub(crate) fn handed(
        &mut self,
        now: Instant,
        request: RequestId,
        message: MessageId,
        result: Result<Sent, SendError>,
    ) {
        let result = result.map(|sent| match sent {
            Sent::Now(_) => Handed::Sent,
            Sent::Unconfirmed(_) => Handed::Unconfirmed,
            Sent::Queued => Handed::Queued,
            Sent::Dropped => Handed::Dropped,
        });
        if matches!(result, Ok(Handed::Queued | Handed::Unconfirmed)) {
            self.sent.insert(message, request);
        }
        self.input(now, Input::Handed { request, result });
    }

    /// A message has arrived that the app may read.
    pub(crate) fn received(&mut self, now: Instant, socket: SocketId, text: Option<&str>) {
        match text.and_then(Json::parse) {
            Some(message) => self.input(now, Input::Received { socket, message }),
            None => self.tell(&Heard::Misfit(JsonError::Decode("it is no JSON".to_owned()))),
        }
    }

    /// Something happened to the socket.
    pub(crate) fn event(&mut self, now: Instant, event: Event) {
        match &event {
            Event::StateChanged(change) => {
                self.state = change.state;
                if change.user_changed {
                    self.input(now, Input::UserChanged);
                }
                match change.state {
                    ConnectionState::Connected => self.input(now, Input::Connected),
                    ConnectionState::Closed => self.input(now, Input::Closed(change.problem)),
                    ConnectionState::Connecting
                    | ConnectionState::Idle
                    | ConnectionState::Suspended
                    | ConnectionState::Waiting => {
                        if change.previous == ConnectionState::Connected {
                            self.input(now, Input::Lost);
                        }
                    }
                }
            }
            Event::HandedOver => self.input(now, Input::Connected),
            Event::Message { message, status } => {
                let handed = match status {
                    DeliveryStatus::Unconfirmed => Handed::Unconfirmed,
                    DeliveryStatus::Sent | DeliveryStatus::Confirmed => Handed::Sent,
                    DeliveryStatus::Dropped => Handed::Dropped,
                };
                let request = self.sent.get(message).copied();
                if handed != Handed::Unconfirmed {
                    self.sent.remove(message);
                }
                if let Some(request) = request {
                    self.input(now, Input::Handed { request, result: Ok(handed) });
                }
            }
            Event::Closed { .. } | Event::Opened => {}
        }
        self.tell(&Heard::Event(event));
    }

    /// Returns the first messages with their cursor: an array. `credential`: the token alone, and as `Authorization`.
    pub(crate) fn first_messages(&self, credential: Option<(&str, &str)>) -> Json {
        let credential = credential.map(|(token, whole)| [("token", token), ("authorization", whole)]);
        let texts = credential.into_iter().flatten().map(|(name, text)| (name.to_owned(), Json::text(text)));
        let cursor = self.machine.cursor().map(|cursor| ("cursor".to_owned(), cursor.clone()));
        let values = Json::of_members(texts.chain(cursor).collect());
        let messages = self.first_messages.iter().flatten().map(|template| template.filled(&values));
        Json::array(messages.filter(|message| !message.is_null()).collect())
    }
}

/// Takes the first messages that hold a cursor out of the scheme, and leaves them without it.
fn take_first_messages(config: &mut ConnectionConfig) -> Option<Vec<Json>> {
    let Scheme::FirstMessage(scheme) = &mut config.scheme else { return None };
    let more = scheme.more.as_ref().and_then(Json::items).unwrap_or_default();
    let all: Vec<_> = scheme.message.iter().cloned().chain(more).collect();
    if !all.iter().any(Machine::has_cursor) {
        return None;
    }
    let mut without = all.iter().map(Machine::without_cursor);
    scheme.message = without.next();
    if scheme.more.is_some() {
        scheme.more = Some(Json::array(without.collect()));
    }
    Some(all)
}

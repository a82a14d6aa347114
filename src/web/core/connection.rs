//! The connection machine, for `connection-driver.js`.

use wasm_bindgen::prelude::*;

#[cfg(not(feature = "js"))]
use super::event_log::EventLog;
#[cfg(feature = "js")]
use super::options::trusted_options;
use super::plain::{Given, Plain, Told, answer, instant, known, now, read_token, requirement_parts, view};
use crate::error::SendError;
use crate::proto::connection::{
    Connection, ConnectionConfig, Event, Inbound, Input, Outgoing, Output, Passed, PassedMessage, Sent, SocketId,
    StateChange,
};
use crate::proto::contract::{
    ChangePart, ConnectionInput as In, ConnectionOutput as Out, ReceiveAnswer, SendAnswer, StatPart,
};
use crate::proto::outbox::MessageId;
use crate::proto::session::{AccessToken, RequestId, SessionView, TokenRequestId};
use crate::proto::{Instant, Json, Millis, Secret};

/// One connection. Times are in milliseconds: `instant` of `performance.now()`, `unix` since 1970.
#[derive(Debug)]
#[wasm_bindgen]
pub struct ConnectionCore {
    machine: Connection,
    #[cfg(not(feature = "js"))]
    event_log: EventLog,
}

#[cfg(feature = "js")]
#[wasm_bindgen]
impl ConnectionCore {
    /// Makes a connection of its options, each at its place; of the numbers of the questions that the app answers; and of the session as it is,
    /// if there is one.
    #[wasm_bindgen(constructor)]
    pub fn new(options: JsValue, asks: JsValue, user: JsValue, seed: f64) -> Self {
        let mut config: ConnectionConfig = trusted_options(options);
        let asks = Given(asks);
        config.asks = (0..asks.array().length()).map(|place| asks.choice(place)).collect();
        config.has_session = !user.is_undefined();
        let user = if config.has_session { view(&Given(user)) } else { SessionView::default() };
        Self { machine: Connection::new(config, user, seed as u64) }
    }
}

#[cfg(not(feature = "js"))]
impl ConnectionCore {
    pub(in crate::web) fn of(config: ConnectionConfig, user: SessionView, seed: u64, event_log: &EventLog) -> Self {
        let machine = Connection::new(config, user, seed);
        event_log.note(&machine);
        Self { machine, event_log: event_log.clone() }
    }
}

#[wasm_bindgen]
impl ConnectionCore {
    /// Feeds an input: its number ([`In`]), the id of the socket or request, and its data.
    pub fn input(&mut self, instant: f64, unix: f64, what: u32, id: u32, data: JsValue) {
        let socket = SocketId::new(id);
        let text;
        let given = Given(data);
        let input = match known(what) {
            // The answer as JSON, or undefined.
            In::Answered => Input::Answered {
                request: RequestId::new(id),
                answer: (!given.0.is_undefined()).then(|| Json::from_js(given.0.clone())),
            },
            // Code and reason.
            In::Close => Input::Close { code: given.count(0) as u16, reason: given.text(1) },
            In::Connect => Input::Connect,
            In::Http => Input::Http { request: RequestId::new(id), result: answer(&given) },
            // The text, or undefined.
            In::Inspected => {
                text = given.0.as_string();
                Input::Inspected { socket, text: text.as_deref() }
            }
            In::Page => Input::Page(known(id)),
            In::Session => Input::Session(view(&given)),
            // Code, reason, and whether it was clean.
            In::SocketClosed => Input::SocketClosed {
                socket,
                code: given.count(0) as u16,
                reason: given.text(1),
                was_clean: given.flag(2),
            },
            In::SocketError => Input::SocketError { socket },
            // The subprotocol.
            In::SocketOpened => Input::SocketOpened { socket, protocol: given.0.as_string().unwrap_or_default() },
            // Whether there is a WebSocket.
            In::SocketRefused => Input::SocketRefused { socket, is_supported: given.0.is_truthy() },
            In::Timeout => Input::Timeout,
            In::Token => Input::Token { id: TokenRequestId::new(id), result: read_token(&given) },
            In::TokenDue => Input::TokenDue,
            // The length.
            In::TooLong => Input::TooLong { socket, length: given.0.as_f64().unwrap_or_default() as usize },
        };
        self.machine.handle_input(now(instant, unix), input);
        #[cfg(not(feature = "js"))]
        self.event_log.note(&self.machine);
    }

    /// Writes down what is to be done next: a [`Out`] and what goes with it. Returns whether there is something.
    pub fn poll(&mut self, to: &Plain) -> bool {
        let Some(output) = self.machine.poll_output() else { return false };
        let begin = |what: Out| to.number(what.number().into());
        match output {
            Output::AbortFetch { request } => {
                begin(Out::AbortFetch);
                to.number(request.get().into());
            }
            // Its number, a `Question`, the socket, the token alone and as `Authorization`, and what the server has said, as JSON text.
            Output::Ask { request, question, socket, token, said } => {
                begin(Out::Ask);
                to.number(request.get().into());
                to.number(question.number().into());
                to.maybe_number(socket.map(|socket| socket.get().into()));
                to.maybe_text(token.as_ref().map(AccessToken::access));
                to.maybe_text(token.as_ref().map(|token| token.authorization.expose()));
                to.maybe_text(said.map(|said| said.print()).as_deref());
            }
            Output::CloseSocket { socket, code, reason } => {
                begin(Out::CloseSocket);
                to.number(socket.get().into());
                to.number(code.into());
                to.text(&reason);
            }
            Output::Deliver { .. } => begin(Out::Deliver),
            Output::Discard { messages } => {
                begin(Out::Discard);
                to.row(&numbers(&messages));
            }
            Output::Event(event) => self.tell(event, to),
            Output::Fetch { request, http } => {
                begin(Out::Fetch);
                to.http(request.get(), &http);
            }
            Output::Lane { socket, longest } => {
                begin(Out::Lane);
                to.number(socket.get().into());
                to.number(longest as f64);
            }
            // URL and subprotocols.
            Output::Open { socket, handshake } => {
                begin(Out::Open);
                to.number(socket.get().into());
                to.text(handshake.url.expose());
                let protocols = Plain::new();
                handshake.protocols.iter().map(Secret::expose).for_each(|protocol| protocols.text(protocol));
                to.row(&protocols);
            }
            Output::Send { socket, message } => {
                begin(Out::Send);
                to.number(socket.get().into());
                to.number(message.get().into());
            }
            // The text, and its framing.
            Output::SendText { socket, text, framing } => {
                begin(Out::SendText);
                to.number(socket.get().into());
                to.text(text.expose());
                to.number(framing.number().into());
            }
            Output::CancelTokenRequest => begin(Out::CancelTokenRequest),
            // A requirement, and its generation or milliseconds.
            Output::RequestToken { id, requirement } => {
                let (kind, value) = requirement_parts(requirement);
                begin(Out::RequestToken);
                to.number(id.get().into());
                to.number(kind.number().into());
                to.number(value);
            }
        }
        true
    }

    /// Returns the time of the next timeout of the machine; negative if there is none.
    pub fn deadline(&self) -> f64 {
        self.machine.poll_timeout().map_or(-1.0, |deadline| deadline.as_millis() as f64)
    }

    /// Takes a message of the app by its number and its length; `text`, where messages are to be confirmed; and how long it may wait. Returns
    /// a [`SendAnswer`].
    pub fn send(&mut self, instant: f64, message: u32, length: f64, text: Option<String>, ttl: Option<f64>) -> u8 {
        let instant = self::instant(instant);
        let outgoing = Message { length: length as usize, text, instant };
        let ttl = ttl.map(|millis| Millis::from_millis(millis as u64));
        let answer = match self.machine.send(MessageId(message), &outgoing, ttl) {
            Ok(Sent::Now(_)) => SendAnswer::Now,
            Ok(Sent::Unconfirmed(_)) => SendAnswer::Unconfirmed,
            Ok(Sent::Queued) => SendAnswer::Queued,
            Ok(Sent::Dropped) => SendAnswer::Dropped,
            Err(SendError::Closed) => SendAnswer::Closed,
            Err(SendError::QueueFull) => SendAnswer::QueueFull,
        };
        answer.number()
    }

    /// A message of so many bytes or UTF-16 units has arrived on a socket. Returns a [`ReceiveAnswer`].
    pub fn received(&mut self, instant: f64, socket: u32, length: f64) -> u8 {
        let instant = self::instant(instant);
        let answer = match self.machine.on_message(SocketId::new(socket), instant, length as usize) {
            Inbound::Deliver => ReceiveAnswer::Deliver,
            Inbound::Ignore => ReceiveAnswer::Ignore,
            Inbound::Inspect => ReceiveAnswer::Inspect,
            Inbound::TooLong { .. } => ReceiveAnswer::TooLong,
        };
        answer.number()
    }

    /// Takes note of what has passed on the lane: how many messages have arrived, when the last of them has (negative: none), how many were sent,
    /// and of those that may not have arrived number, length and time, one behind the other.
    pub fn pass(&mut self, received: u32, heard: f64, sent: u32, doubted: JsValue) {
        let doubted = Given(doubted);
        let message = |place: usize| PassedMessage {
            id: MessageId(doubted.count(place as u32) as u32),
            length: doubted.count(place as u32 + 1) as usize,
            at: instant(doubted.count(place as u32 + 2)),
        };
        let doubted = (0..doubted.array().length() as usize).step_by(3).map(message).collect();
        self.machine.pass(Passed { received, heard: (heard >= 0.0).then(|| instant(heard)), sent, doubted });
    }

    /// Returns the number of the present socket.
    pub fn socket(&self) -> Option<u32> {
        self.machine.socket().map(SocketId::get)
    }

    /// Whether messages that arrive may have to be read.
    pub fn reads(&self) -> bool {
        self.machine.may_read()
    }

    /// Whether messages that are sent may have to be read.
    pub fn confirms(&self) -> bool {
        self.machine.confirms()
    }

    /// Writes down the counters: [`StatPart`].
    pub fn stats(&self, to: &Plain) {
        let stats = self.machine.stats();
        to.parts(|row, part| {
            row.number(match part {
                StatPart::Attempts => stats.attempts.into(),
                StatPart::Connections => stats.connections.into(),
                StatPart::Sent => stats.sent.into(),
                StatPart::Received => stats.received.into(),
                StatPart::Dropped => stats.dropped.into(),
                StatPart::Queued => stats.queued as f64,
                StatPart::QueuedBytes => stats.queued_bytes as f64,
                StatPart::Unacknowledged => stats.unacknowledged as f64,
            });
        });
    }
}

impl ConnectionCore {
    #[cfg(not(feature = "js"))]
    fn tell(&self, event: Event, to: &Plain) {
        write_event(&event, to);
        self.event_log.push(event);
    }

    #[cfg(feature = "js")]
    #[expect(clippy::unused_self, reason = "as for a Rust app")]
    fn tell(&self, event: Event, to: &Plain) {
        write_event(&event, to);
    }
}

fn write_event(event: &Event, to: &Plain) {
    let begin = |what: Out| to.number(what.number().into());
    match event {
        Event::Closed { code, reason, was_clean } => {
            begin(Out::Closed);
            to.number((*code).into());
            to.text(reason);
            to.flag(*was_clean);
        }
        Event::HandedOver => begin(Out::HandedOver),
        // Which, and a status.
        Event::Message { message, status } => {
            begin(Out::Message);
            to.number(message.get().into());
            to.number(status.number().into());
        }
        Event::Opened => begin(Out::Opened),
        // The parts, and the numbers of what may not have arrived.
        Event::StateChanged(change) => {
            begin(Out::StateChanged);
            write_change(change, to);
            to.row(&numbers(&change.unconfirmed));
        }
    }
}

fn write_change(change: &StateChange, to: &Plain) {
    to.parts(|row, part| match part {
        ChangePart::State => row.number(change.state.number().into()),
        ChangePart::Phase => row.maybe_number(change.phase.map(|phase| phase.number().into())),
        ChangePart::Previous => row.number(change.previous.number().into()),
        ChangePart::Code => row.maybe_number(change.code.map(f64::from)),
        ChangePart::Reason => row.maybe_text(change.reason.as_deref()),
        ChangePart::Attempt => row.number(change.attempt.into()),
        ChangePart::RetryAt => row.maybe_number(change.retry_at.map(|time| time.as_millis() as f64)),
        ChangePart::Dropped => row.number(change.dropped as f64),
        ChangePart::Failure => row.failure(change.problem.as_ref().map(|problem| {
            let of = &problem.failure;
            Told {
                sentence: of.number(),
                disposition: problem.disposition,
                status: of.status(),
                close_code: of.close_code(),
                length: of.length(),
            }
        })),
        ChangePart::UserChanged => row.flag(change.user_changed),
        ChangePart::FiresError => row.flag(change.fires_error),
        ChangePart::SuspendedFor => row.maybe_number(change.suspended_for.map(|reason| reason.number().into())),
    });
}

/// A message, as far as the machine asks.
struct Message {
    length: usize,
    text: Option<String>,
    instant: Instant,
}

impl Outgoing for Message {
    fn length(&self) -> usize {
        self.length
    }

    fn text(&self) -> Option<String> {
        self.text.clone()
    }

    fn instant(&self) -> Instant {
        self.instant
    }
}

fn numbers(messages: &[MessageId]) -> Plain {
    let row = Plain::new();
    messages.iter().for_each(|message| row.number(message.get().into()));
    row
}

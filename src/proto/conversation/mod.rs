//! The rules of a conversation: what is sent on which connection, whose a message is, and what was seen before. For Rust apps.
//!
//! The npm package has the same rules in TypeScript (npm/rules.ts, npm/request-rules.ts): its values, matchers and callbacks are JavaScript's, and in the
//! wasm they would cost every app more. `tests/npm/rules.test.mjs` runs 20,000 schedules on those, and this machine has to do the same at every step.
//!
//! It is driven as the other machines are ([`proto`](super)), by a driver that has a connection: `handle_input`, `poll_output` until there is none,
//! `poll_timeout`. Connections are known by their sockets, whose numbers grow. A handover has two at once.

mod cursors;
mod io;
mod matching;
mod options;
mod requests;
mod rooms;

use std::collections::{BTreeSet, VecDeque};

use super::connection::SocketId;
use super::{Instant, Json};
use crate::error::Problem;
use cursors::Cursors;
use matching::fits;
use requests::{End, Ids, NextId, Requests};
use rooms::{RoomId, Rooms};

pub use cursors::LastCursors;
pub use io::{Fate, Handed, HolderId, Input, Output, RequestFailure, RequestId, SubscriptionFailure};
pub use matching::{Id, IdType, Matcher, MatcherFunction};
pub use options::{ConversationConfig, RequestOptions, Resume, SubscribeOptions};

/// A machine for one socket.
#[derive(Debug)]
pub struct Conversation {
    requests: Requests,
    rooms: Rooms,
    /// Those of the socket.
    cursors: Option<Cursors>,
    last_cursors: LastCursors,
    next_id: NextId,
    /// The connection that serves.
    present: Option<SocketId>,
    /// The one that has been told what it needs, and does not serve yet.
    next: Option<SocketId>,
    /// Those that were told and live, the oldest first: at a handover it is followed.
    live: VecDeque<SocketId>,
    /// Of those, the ones that have ended since, after an older one.
    ended: BTreeSet<SocketId>,
    /// What has arrived by the others meanwhile.
    held: Vec<(Json, SocketId)>,
    outputs: VecDeque<Output>,
}

impl Conversation {
    /// Makes a machine. Its options were checked ([`ConversationConfig::check`]).
    #[must_use]
    pub fn new(config: ConversationConfig) -> Self {
        Self {
            requests: Requests::new(config.max_requests),
            rooms: Rooms::default(),
            cursors: config.resume.map(|resume| Cursors::new(resume, "")),
            last_cursors: config.cursors,
            next_id: NextId(1),
            present: None,
            next: None,
            live: VecDeque::new(),
            ended: BTreeSet::new(),
            held: Vec::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes an input.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Joining(socket) => self.joining(socket),
            Input::Connected => self.connected(now),
            Input::Lost => {
                self.present = None;
                self.requests.lost();
            }
            Input::Gone(socket) => self.gone(now, socket),
            Input::UserChanged => {
                self.last_cursors.clear();
                if let Some(cursors) = &mut self.cursors {
                    cursors.forget(&mut self.last_cursors);
                }
                self.end(now, End::UserChanged);
            }
            Input::Closed(problem) => self.end(now, End::Closed(problem)),
            Input::Received { socket, message } => self.received(now, message, socket),
            Input::Subscribe { holder, message, options } => {
                let room = self.rooms.subscribe(holder, message, *options, &mut self.outputs);
                for socket in [self.present, self.next].into_iter().flatten() {
                    if !self.rooms.is_on(room, socket) {
                        self.join(room, socket);
                    }
                }
            }
            Input::Leave(holder) => self.rooms.leave(holder),
            Input::Sweep => {
                let mut ids = Ids { next: &mut self.next_id, requests: &self.requests };
                self.rooms.sweep(now, &mut ids, &mut self.outputs);
            }
            Input::Request { request, message, options } => {
                let is_of_room = |id: &Id| self.rooms.has_id(id);
                self.requests.add(request, message, *options, &mut self.next_id, is_of_room);
            }
            Input::Abort(request) => self.requests.abort(request),
            Input::Handed { request, result } => self.requests.handed(now, request, result),
            Input::Timeout => self.requests.timeout(now),
        }
        self.outputs.append(&mut self.requests.outputs);
        self.rooms.trim(&mut self.last_cursors);
    }

    /// Returns what is to be done next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when [`Input::Timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.requests.poll_timeout()
    }

    /// Returns the last cursors.
    #[must_use]
    pub const fn cursors(&self) -> &LastCursors {
        &self.last_cursors
    }

    /// Returns the last cursor of the socket.
    #[must_use]
    pub fn cursor(&self) -> Option<&Json> {
        self.last_cursors.get("")
    }

    /// Returns whether `"$cursor"` stands in a template.
    #[must_use]
    pub fn has_cursor(template: &Json) -> bool {
        // By text, because in a browser two objects are never equal.
        Self::without_cursor(template).print() != template.print()
    }

    /// Returns a template without the member that `"$cursor"` stands in, as it is before there is one.
    #[must_use]
    pub fn without_cursor(template: &Json) -> Json {
        matching::filled(template, "$cursor", None).unwrap_or_else(Json::null)
    }

    fn joining(&mut self, socket: SocketId) {
        self.next = Some(socket);
        self.live.push_back(socket);
        for room in self.rooms.held() {
            self.join(room, socket);
        }
    }

    fn join(&mut self, room: RoomId, socket: SocketId) {
        let mut ids = Ids { next: &mut self.next_id, requests: &self.requests };
        self.rooms.join(room, socket, self.cursors.as_ref(), &self.last_cursors, &mut ids, &mut self.outputs);
    }

    fn connected(&mut self, now: Instant) {
        let Some(next) = self.next.take() else { return };
        self.present = Some(next);
        self.requests.connected(now, next, &mut self.next_id);
    }

    fn gone(&mut self, now: Instant, socket: SocketId) {
        if self.next == Some(socket) {
            // It never served: the older one has all that it had.
            self.next = None;
            self.held.retain(|(_, from)| *from != socket);
            self.live.retain(|live| *live != socket);
            self.rooms.leave_socket(socket);
        }
        if self.present == Some(socket) {
            self.present = None;
        }
        self.requests.gone(socket, &mut self.next_id);
        self.outputs.append(&mut self.requests.outputs);
        if self.live.contains(&socket) {
            self.ended.insert(socket);
        }
        self.release(now);
    }

    /// An older connection may have ended: what has come by the next one meanwhile follows.
    fn release(&mut self, now: Instant) {
        while let Some(oldest) = self.live.front().copied() {
            for (message, from) in self.held.extract_if(.., |(_, from)| *from == oldest).collect::<Vec<_>>() {
                self.hand(now, message, from);
            }
            if !self.ended.remove(&oldest) {
                return;
            }
            self.live.pop_front();
            self.rooms.leave_socket(oldest);
        }
        self.ended.clear();
    }

    fn end(&mut self, now: Instant, end: End) {
        (self.present, self.next) = (None, None);
        self.live.clear();
        self.ended.clear();
        self.held.clear();
        let failure = match end {
            End::UserChanged => Some(SubscriptionFailure::UserChanged),
            End::Closed(problem) => problem.map(|problem: Problem| SubscriptionFailure::Closed(problem)),
        };
        self.rooms.end_all(now, failure.as_ref(), &mut self.outputs);
        self.requests.end(end);
    }

    fn received(&mut self, now: Instant, message: Json, from: SocketId) {
        if self.requests.answers(&message, from) {
            return;
        }
        let mut is_taken = false;
        if let Some(cursors) = &mut self.cursors {
            is_taken = hears(cursors, &mut self.last_cursors, &message, None, None, &mut self.outputs);
        }
        is_taken |= match self.rooms.hear(now, &message, from, &mut self.last_cursors, &mut self.outputs) {
            rooms::Heard::End => return,
            rooms::Heard::Taken => true,
            rooms::Heard::Other => false,
        };
        if is_taken {
            return;
        }
        // The oldest first, so that nothing overtakes.
        let is_first = self.live.front().is_none_or(|oldest| from <= *oldest);
        if is_first || !self.is_shared(&message, from) {
            self.hand(now, message, from);
        } else {
            self.held.push((message, from));
        }
    }

    /// Whether both connections of a handover deliver it.
    fn is_shared(&self, message: &Json, from: SocketId) -> bool {
        self.cursors.as_ref().is_some_and(|cursors| cursors.of(message).is_some())
            || !self.rooms.of(message, from).is_empty()
    }

    /// Hands a message to those that it belongs to, unless it was seen before.
    fn hand(&mut self, now: Instant, message: Json, from: SocketId) {
        let rooms = self.rooms.of(&message, from);
        if self.cursors.as_mut().is_some_and(|cursors| !cursors.takes(&message, &mut self.last_cursors)) {
            return;
        }
        let holders = self.rooms.takers(&rooms, &message, from, &mut self.last_cursors);
        let is_for_all = rooms.is_empty() && !self.rooms.was_left(now, &message, from);
        if is_for_all || !holders.is_empty() {
            self.outputs.push_back(Output::Deliver { message, holders });
        }
    }
}

/// What the server says of where it goes on.
fn hears(
    cursors: &mut Cursors,
    all: &mut LastCursors,
    message: &Json,
    id: Option<&Id>,
    key: Option<&str>,
    outputs: &mut VecDeque<Output>,
) -> bool {
    let is_too_old = fits(cursors.options.too_old.as_ref(), message, id);
    if is_too_old {
        cursors.forget(all);
    }
    if !is_too_old && !fits(cursors.options.resumed.as_ref(), message, id) {
        return false;
    }
    cursors.takes(message, all);
    let key = key.map(str::to_owned);
    outputs.push_back(Output::Resumed { is_whole: !is_too_old, message: message.clone(), key });
    true
}

//! Subscriptions: who holds them, which connections have them, and which messages are theirs. As npm/rules.ts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::connection::SocketId;
use super::super::{Instant, Json, Millis};
use super::cursors::{Cursors, LastCursors};
use super::hears;
use super::io::{HolderId, Output, SubscriptionFailure};
use super::matching::{Id, Matcher, filled, fits, likeness_of, with_id};
use super::options::SubscribeOptions;
use super::requests::Ids;

/// How many subscriptions that have ended are remembered, and how long.
const MAX_LEFT: usize = 100;
const LEFT: Millis = Millis::from_secs(10);

/// A subscription, in the order in which they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RoomId(u64);

/// A subscription that all holders of its key share.
#[derive(Debug)]
struct Room {
    key: String,
    message: Json,
    options: SubscribeOptions,
    holders: Vec<HolderId>,
    cursors: Option<Cursors>,
    /// The connections that have it, and its id there.
    on: BTreeMap<SocketId, Option<Id>>,
    /// Those of them that were told no cursor: where it begins, the server says in its answer.
    begun: BTreeSet<SocketId>,
    /// By connection: what earlier ones have delivered since it was told, and it has not yet, and how often.
    heard: BTreeMap<SocketId, BTreeMap<String, usize>>,
    is_ready: bool,
}

impl Room {
    fn id(&self, from: SocketId) -> Option<&Id> {
        self.on.get(&from)?.as_ref()
    }

    fn has(&self, message: &Json, from: SocketId) -> bool {
        self.on.contains_key(&from) && self.options.matcher.fits(message, self.id(from))
    }

    /// Whether an earlier connection has delivered it.
    fn is_repeated(&mut self, message: &Json, from: SocketId) -> bool {
        if self.heard.is_empty() {
            return false;
        }
        let path = self.options.id.as_deref();
        let likeness = likeness_of(message, self.id(from), &self.options.matcher, path);
        if let Some(count) = self.heard.get_mut(&from).and_then(|counts| counts.get_mut(&likeness))
            && *count > 0
        {
            *count -= 1;
            return true;
        }
        // What only this one has is later than all that the earlier one had.
        self.heard.remove(&from);
        for (_, counts) in self.heard.iter_mut().filter(|(socket, _)| **socket > from) {
            *counts.entry(likeness.clone()).or_default() += 1;
        }
        false
    }

    fn ready(&mut self, outputs: &mut VecDeque<Output>) {
        self.is_ready = true;
        outputs.extend(self.holders.iter().copied().map(Output::Joined));
    }

    /// Whether a message is this one's in any way.
    fn knows(&self, message: &Json, from: SocketId) -> bool {
        let SubscribeOptions { matcher, reply, error, end, resume, .. } = &self.options;
        let resume = resume.as_ref();
        let (too_old, resumed) =
            (resume.and_then(|resume| resume.too_old.as_ref()), resume.and_then(|resume| resume.resumed.as_ref()));
        let all: [Option<&Matcher>; 6] =
            [Some(matcher), reply.as_ref(), error.as_ref(), end.as_ref(), too_old, resumed];
        self.on.contains_key(&from) && all.into_iter().any(|matcher| fits(matcher, message, self.id(from)))
    }
}

/// What a message meant to the subscriptions.
pub(super) enum Heard {
    /// One has ended by it.
    End,
    /// It was an answer.
    Taken,
    /// It is a message, or none of theirs.
    Other,
}

#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: BTreeMap<RoomId, Room>,
    next: u64,
    /// Subscriptions that have ended lately: what still arrives of them is dropped.
    left: VecDeque<(Room, Instant)>,
}

impl Rooms {
    pub(super) fn is_on(&self, room: RoomId, socket: SocketId) -> bool {
        // What has ended is joined nowhere.
        self.rooms.get(&room).is_none_or(|room| room.on.contains_key(&socket))
    }

    /// Those that somebody holds.
    pub(super) fn held(&self) -> Vec<RoomId> {
        self.rooms.iter().filter(|(_, room)| !room.holders.is_empty()).map(|(id, _)| *id).collect()
    }

    pub(super) fn subscribe(
        &mut self,
        holder: HolderId,
        message: Json,
        options: SubscribeOptions,
        outputs: &mut VecDeque<Output>,
    ) -> RoomId {
        let key = options.key.clone().unwrap_or_else(|| message.print());
        let present = self.rooms.iter().find(|(_, room)| room.key == key).map(|(id, _)| *id);
        let id = present.unwrap_or(RoomId(self.next));
        if present.is_none() {
            self.next += 1;
            let (holders, on, begun, heard) = (Vec::new(), BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
            let (key, message, options) = (key.clone(), message.clone(), options.clone());
            let room = Room { key, message, options, holders, cursors: None, on, begun, heard, is_ready: false };
            self.rooms.insert(id, room);
        }
        if let Some(room) = self.rooms.get_mut(&id) {
            // Who was the last holder has no say any more.
            if room.holders.is_empty() {
                room.cursors = options.resume.clone().map(|resume| Cursors::new(resume, &key));
                (room.message, room.options) = (message, options);
            }
            room.holders.push(holder);
            if room.is_ready {
                outputs.push_back(Output::Joined(holder));
            }
        }
        id
    }

    /// Whether a request with this id would get what is a subscription's.
    pub(super) fn has_id(&self, id: &Id) -> bool {
        self.rooms.values().flat_map(|room| room.on.values()).flatten().any(|other| other.is_like(id))
    }

    /// Keeps the cursors of those that are there, and of the last that have ended.
    pub(super) fn trim(&self, all: &mut LastCursors) {
        all.trim(|key| self.rooms.values().any(|room| room.key == key));
    }

    pub(super) fn leave(&mut self, holder: HolderId) {
        for room in self.rooms.values_mut() {
            room.holders.retain(|other| *other != holder);
        }
    }

    pub(super) fn sweep(&mut self, now: Instant, ids: &mut Ids<'_>, outputs: &mut VecDeque<Output>) {
        let empty: Vec<_> = self.rooms.iter().filter(|(_, room)| room.holders.is_empty()).map(|(id, _)| *id).collect();
        for id in empty {
            let Some(room) = self.rooms.remove(&id) else { continue };
            if let Some(leave) = &room.options.leave {
                for (socket, id) in &room.on {
                    outputs.extend(
                        left(leave, id.as_ref(), &room.options, ids)
                            .map(|message| Output::Say { socket: *socket, message }),
                    );
                }
            }
            self.remember(now, room);
        }
    }

    pub(super) fn join(
        &mut self,
        room: RoomId,
        socket: SocketId,
        cursors: Option<&Cursors>,
        all: &LastCursors,
        ids: &mut Ids<'_>,
        outputs: &mut VecDeque<Output>,
    ) {
        let Some(room) = self.rooms.get_mut(&room) else { return };
        let cursors = room.cursors.as_ref().or(cursors);
        let last = cursors.and_then(|cursors| cursors.last(all));
        let message = match cursors {
            Some(_) => filled(&room.message, "$cursor", last).unwrap_or_else(Json::null),
            None => room.message.clone(),
        };
        let (message, id) = numbered(message, &room.options, ids);
        room.on.insert(socket, id);
        if last.is_none() {
            room.begun.insert(socket);
        }
        if room.on.len() > 1
            && let Some((newest, _)) = room.on.last_key_value()
        {
            room.heard.insert(*newest, BTreeMap::new());
        }
        outputs.push_back(Output::Say { socket, message });
        if room.options.reply.is_none() {
            room.ready(outputs);
        }
    }

    /// A connection has ended.
    pub(super) fn leave_socket(&mut self, socket: SocketId) {
        for room in self.rooms.values_mut() {
            room.on.remove(&socket);
            room.heard.remove(&socket);
            room.begun.remove(&socket);
            if room.on.is_empty() {
                room.is_ready = false;
            }
        }
        self.left.retain_mut(|(room, _)| room.on.remove(&socket).is_none() || !room.on.is_empty());
    }

    fn remember(&mut self, now: Instant, room: Room) {
        if !room.on.is_empty() {
            self.left.push_back((room, now.after(LEFT)));
        }
        if self.left.len() > MAX_LEFT {
            self.left.pop_front();
        }
    }

    fn end(&mut self, now: Instant, id: RoomId, error: Option<&SubscriptionFailure>, outputs: &mut VecDeque<Output>) {
        let Some(room) = self.rooms.remove(&id) else { return };
        outputs.extend(room.holders.iter().map(|holder| Output::Ended { holder: *holder, error: error.cloned() }));
        self.remember(now, room);
    }

    pub(super) fn end_all(
        &mut self,
        now: Instant,
        error: Option<&SubscriptionFailure>,
        outputs: &mut VecDeque<Output>,
    ) {
        self.left.clear();
        for id in self.rooms.keys().copied().collect::<Vec<_>>() {
            self.end(now, id, error, outputs);
        }
    }

    /// What is said of subscriptions: a refusal, a last word, an answer, where it goes on.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        message: &Json,
        from: SocketId,
        all: &mut LastCursors,
        outputs: &mut VecDeque<Output>,
    ) -> Heard {
        let mut heard = Heard::Other;
        for number in self.rooms.keys().copied().collect::<Vec<_>>() {
            let Some(room) = self.rooms.get_mut(&number).filter(|room| room.on.contains_key(&from)) else { continue };
            let id = room.id(from).cloned();
            let SubscribeOptions { error, end, reply, .. } = &room.options;
            if fits(error.as_ref(), message, id.as_ref()) {
                self.end(now, number, Some(&SubscriptionFailure::Refused(message.clone())), outputs);
                return Heard::End;
            }
            if fits(end.as_ref(), message, id.as_ref()) {
                self.end(now, number, None, outputs);
                return Heard::End;
            }
            if fits(reply.as_ref(), message, id.as_ref()) {
                room.ready(outputs);
                // Where the server is now; what was missed follows if there is something to go on from.
                if let Some(cursors) = &mut room.cursors
                    && room.begun.contains(&from)
                    && cursors.last(all).is_none()
                {
                    cursors.takes(message, all);
                }
                heard = Heard::Taken;
            }
            if let Some(cursors) = &mut room.cursors
                && hears(cursors, all, message, id.as_ref(), Some(&room.key), outputs)
            {
                heard = Heard::Taken;
            }
        }
        heard
    }

    /// Those that a message belongs to.
    pub(super) fn of(&self, message: &Json, from: SocketId) -> Vec<RoomId> {
        self.rooms.iter().filter(|(_, room)| room.has(message, from)).map(|(id, _)| *id).collect()
    }

    /// The holders of those rooms who have not seen it yet.
    pub(super) fn takers(
        &mut self,
        rooms: &[RoomId],
        message: &Json,
        from: SocketId,
        all: &mut LastCursors,
    ) -> Vec<HolderId> {
        let mut takers = Vec::new();
        for id in rooms {
            let Some(room) = self.rooms.get_mut(id) else { continue };
            if !room.is_repeated(message, from)
                && room.cursors.as_mut().is_none_or(|cursors| cursors.takes(message, all))
            {
                takers.extend(&room.holders);
            }
        }
        takers
    }

    /// Whether it belongs to a subscription that has ended.
    pub(super) fn was_left(&mut self, now: Instant, message: &Json, from: SocketId) -> bool {
        self.left.retain(|(_, until)| *until >= now);
        self.left.iter().any(|(room, _)| room.knows(message, from))
    }
}

/// A message with an id, if it is to have one, and that.
fn numbered(message: Json, options: &SubscribeOptions, ids: &mut Ids<'_>) -> (Json, Option<Id>) {
    let Some(path) = &options.id else { return (message, None) };
    let id = ids.take(options.id_type);
    (with_id(Some(&message), path, &id.json()), Some(id))
}

/// The message that leaves, of a subscription with this id.
fn left(leave: &Json, id: Option<&Id>, options: &SubscribeOptions, ids: &mut Ids<'_>) -> Option<Json> {
    let message = match id {
        Some(id) => filled(leave, "$id", Some(&id.json()))?,
        None => leave.clone(),
    };
    let has_id = options.id.as_ref().is_none_or(|path| message.at(path).is_some());
    Some(if has_id { message } else { numbered(message, options, ids).0 })
}

//! Rooms, on the socket `/ws/rooms/`: whoever joins one hears its news, and what it has missed as far as the log goes back.
//!
//! | the client says | the server answers |
//! |---|---|
//! | `{"type": "join", "room", "since"?, "id"?}` | `{"type": "joined", "room", "seq"}`, and all news after `since`; before them `{"type": "gap", "room"}` if the log does not go back so far, or has begun anew. The room `secret`: `{"type": "refused", "room"}` |
//! | `{"type": "leave", "room"}` | `{"type": "left", "room"}` |
//! | `{"type": "say", "room", "text", "id"?}` | to all members `{"type": "news", "room", "seq", "text", "from"}`; with an `id` also `{"type": "said", "room", "seq"}`. The text may be any JSON |
//! | `{"type": "ask", "id", "what", "after"?, "refuse"?}` | after so many milliseconds `{"type": "answer", "id", "what"}`, or `{"type": "no", "id", "what"}` |
//!
//! What answers a message with an `id` has the same `id`, and so have the news of a room that was joined with one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use crate::state::{Inner, SocketOrder};

/// The socket that has rooms.
pub(crate) const PATH: &str = "/ws/rooms/";

/// The room that nobody may enter.
const SECRET: &str = "secret";

/// A message with its number.
type News = (u64, Value);

#[derive(Debug, Default)]
pub(crate) struct Rooms {
    rooms: BTreeMap<String, Room>,
    /// How many answers of `ask` are lost.
    pub(crate) losses: u32,
    /// How many news and answers come twice.
    pub(crate) repeats: u32,
}

#[derive(Debug, Default)]
struct Room {
    /// The number of the last news.
    seq: u64,
    log: VecDeque<News>,
    /// The sockets in it, and the id that each has joined with.
    members: BTreeMap<u64, Value>,
}

impl Rooms {
    /// The log is lost, as in a server that has it in memory. Members stay.
    pub(crate) fn forget_logs(&mut self) {
        for room in self.rooms.values_mut() {
            room.log.clear();
        }
    }

    /// A socket has ended.
    pub(crate) fn leave_all(&mut self, socket: u64) {
        for room in self.rooms.values_mut() {
            room.members.remove(&socket);
        }
    }

    fn room(&mut self, name: &str) -> &mut Room {
        self.rooms.entry(name.to_owned()).or_default()
    }

    /// Whether the next message comes twice.
    fn times(&mut self) -> usize {
        let is_repeated = self.repeats > 0;
        self.repeats = self.repeats.saturating_sub(1);
        1 + usize::from(is_repeated)
    }
}

impl Inner {
    /// Says something in a room.
    pub(crate) fn publish(&mut self, name: &str, text: &Value, from: Option<&str>) {
        let bound = self.settings.log_length;
        let times = self.rooms.times();
        let room = self.rooms.room(name);
        room.seq += 1;
        let news = json!({"type": "news", "room": name, "seq": room.seq, "text": text, "from": from});
        room.log.push_back((room.seq, news.clone()));
        while room.log.len() > bound {
            room.log.pop_front();
        }
        let members = room.members.clone();
        for (socket, id) in members {
            for _ in 0..times {
                self.tell(socket, &news, &id);
            }
        }
    }

    /// Answers a message of a socket. Returns whether it is one for rooms.
    pub(crate) fn converse(&mut self, socket: u64, message: &Value) -> bool {
        let (Some(kind), id) = (message["type"].as_str(), &message["id"]) else { return false };
        let name = message["room"].as_str();
        match (kind, name) {
            ("join", Some(SECRET)) => self.tell(socket, &json!({"type": "refused", "room": SECRET}), id),
            ("join", Some(name)) => self.join(socket, name, message["since"].as_u64(), id),
            ("leave", Some(name)) => {
                self.rooms.room(name).members.remove(&socket);
                self.tell(socket, &json!({"type": "left", "room": name}), id);
            }
            ("say", Some(name)) => {
                let from = self.sockets.get(&socket).and_then(|socket| socket.user.clone());
                self.publish(name, &message["text"], from.as_deref());
                if !id.is_null() {
                    let seq = self.rooms.room(name).seq;
                    self.tell(socket, &json!({"type": "said", "room": name, "seq": seq}), id);
                }
            }
            ("ask", _) => self.answer(socket, message),
            _ => return false,
        }
        true
    }

    fn join(&mut self, socket: u64, name: &str, since: Option<u64>, id: &Value) {
        let room = self.rooms.room(name);
        room.members.insert(socket, id.clone());
        let joined = json!({"type": "joined", "room": name, "seq": room.seq});
        let oldest = room.log.front().map_or(room.seq, |(seq, _)| seq - 1);
        let is_gap = since.is_some_and(|since| since < oldest || since > room.seq);
        let missed: Vec<_> = match since {
            Some(since) => room.log.iter().filter(|(seq, _)| *seq > since).map(|(_, news)| news.clone()).collect(),
            None => Vec::new(),
        };
        self.tell(socket, &joined, id);
        if is_gap {
            self.tell(socket, &json!({"type": "gap", "room": name}), id);
        }
        for news in &missed {
            self.tell(socket, news, id);
        }
    }

    fn answer(&mut self, socket: u64, message: &Value) {
        if self.rooms.losses > 0 {
            self.rooms.losses -= 1;
            return;
        }
        let kind = if message["refuse"] == true { "no" } else { "answer" };
        let answer = with_id(&json!({"type": kind, "what": message["what"]}), &message["id"]);
        let times = self.rooms.times();
        let Some(orders) = self.sockets.get(&socket).map(|socket| socket.orders.clone()) else { return };
        let send = move || {
            for _ in 0..times {
                // A socket that has ended takes no orders.
                orders.send(SocketOrder::Text(answer.clone())).ok();
            }
        };
        match message["after"].as_u64() {
            None | Some(0) => send(),
            Some(after) => {
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(after)).await;
                    send();
                });
            }
        }
    }

    fn tell(&self, socket: u64, message: &Value, id: &Value) {
        if let Some(socket) = self.sockets.get(&socket) {
            socket.orders.send(SocketOrder::Text(with_id(message, id))).ok();
        }
    }
}

fn with_id(message: &Value, id: &Value) -> String {
    let mut message = message.clone();
    if !id.is_null() {
        message["id"] = id.clone();
    }
    message.to_string()
}

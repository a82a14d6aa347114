//! The outbox: queue, time limits, size limits and acknowledgements, beside a simple model of the same.

use gatepass::proto::Millis;
use std::collections::BTreeMap;

use gatepass::proto::connection::{
    Connection, ConnectionConfig, ConnectionState, DeliveryStatus, Event, Input, Outgoing, Output, Sent, SocketId,
};
use gatepass::proto::outbox::{Confirm, MessageId, OutboxOptions, OutboxPolicy};
use gatepass::proto::scheme::Scheme;
use gatepass::proto::session::SessionView;
use gatepass::proto::{Instant, Now, UnixTime, Url, UrlKind};

use super::{MINUTE, connected};
use crate::codec::json;
use crate::world::{KINDS, Kind, Outgo, World};

fn confirm() -> Confirm {
    Confirm { id: "id".to_owned(), ack: json(r#"{"ack":"$id"}"#) }
}

fn confirming(kind: Kind) -> World {
    let mut world = World::with(1, &[kind], |config| config.confirm = Some(confirm()));
    world.sign_in("maggie");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    world
}

#[test]
fn a_message_whose_time_is_over_is_dropped_and_told_and_the_others_are_sent() {
    for kind in KINDS {
        let mut world = World::with(1, &[kind], |config| config.outbox.ttl = Some(Millis::from_secs(60)));
        world.sign_in("maggie");
        world.send_within(0, Some(Millis::from_secs(1)));
        world.send(0);
        world.run_for(1_000);
        assert_eq!(world.lines[0].fates, BTreeMap::from([(1, vec![DeliveryStatus::Dropped])]), "{kind:?}");
        world.connect(0);
        world.run_for(5_000);
        assert_eq!(world.lines[0].received_by_server, ["2"], "{kind:?}");
        assert_eq!(world.lines[0].fates[&2], [DeliveryStatus::Sent], "{kind:?}");
        world.run_for(2 * MINUTE);
        assert_eq!(world.lines[0].fates[&2], [DeliveryStatus::Sent], "what was sent has no time any more");
    }
}

#[test]
fn a_message_that_expired_while_a_timer_was_late_is_not_sent() {
    let mut world = World::new(1, &[Kind::Anonymous]);
    world.send_within(0, Some(Millis::from_secs(5)));
    world.freeze(0, 10_000, false);
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    world.run_for(1_000);
    assert_eq!(world.lines[0].received_by_server, Vec::<String>::new());
    assert_eq!(world.lines[0].fates[&1], [DeliveryStatus::Dropped]);
}

#[test]
fn a_full_outbox_refuses_or_drops_the_oldest_or_the_newest_and_says_which() {
    let rows = [
        (OutboxPolicy::Error, [true, true, false], ["1", "2"]),
        (OutboxPolicy::DropOldest, [true, true, true], ["2", "3"]),
        (OutboxPolicy::DropNewest, [true, true, true], ["1", "2"]),
    ];
    for (policy, taken, arrived) in rows {
        let outbox = OutboxOptions { max_messages: 2, policy, ..OutboxOptions::default() };
        let mut world = World::with(1, &[Kind::Ticket], |config| config.outbox = outbox);
        world.sign_in("maggie");
        assert_eq!([(); 3].map(|()| world.send(0)), taken, "{policy:?}");
        world.connect(0);
        world.run_for(5_000);
        assert_eq!(world.lines[0].received_by_server, arrived, "{policy:?}");
        let dropped = world.lines[0].fates.values().filter(|fates| fates[..] == [DeliveryStatus::Dropped]).count();
        assert_eq!(dropped, usize::from(policy == OutboxPolicy::DropOldest), "{policy:?}");
        let dropped = world.lines[0].machine.stats().dropped;
        assert_eq!(dropped, u32::from(policy != OutboxPolicy::Error), "{policy:?}");
    }
}

#[test]
fn what_is_longer_than_the_whole_outbox_drops_nothing_else() {
    let outbox = OutboxOptions { max_bytes: 1, policy: OutboxPolicy::DropOldest, ..OutboxOptions::default() };
    let mut world = World::with(1, &[Kind::Anonymous], |config| config.outbox = outbox);
    assert!((0..9).all(|_| world.send(0)));
    assert!(!world.send(0), "two bytes do not fit");
    assert_eq!(world.lines[0].queued(), 1);
}

#[test]
fn a_confirmed_message_is_sent_once_and_an_unconfirmed_one_again_after_every_loss() {
    for kind in KINDS {
        let mut world = confirming(kind);
        world.send(0);
        world.run_for(1_000);
        assert_eq!(world.lines[0].fates[&1].last(), Some(&DeliveryStatus::Confirmed), "{kind:?}");
        // The server has received both, and goes away before it acknowledges them.
        world.server.withholds_acks = true;
        world.send(0);
        world.send(0);
        assert!(world.run_until(MINUTE, |world| world.lines[0].received_by_server.len() == 3));
        world.server.withholds_acks = false;
        world.drop_sockets(1006);
        assert!(world.run_until(5 * MINUTE, |world| world.lines[0].opened == 2 && connected(world)), "{kind:?}");
        world.run_for(10_000);
        assert_eq!(world.lines[0].received_by_server, ["1", "2", "3"], "{kind:?}: in order, each once");
        assert_eq!(world.server.log.repeated, 2, "{kind:?}");
        for number in 1..=3 {
            assert_eq!(world.lines[0].fates[&number].last(), Some(&DeliveryStatus::Confirmed), "{kind:?}");
        }
        world.drop_sockets(1006);
        world.run_for(MINUTE);
        assert_eq!(world.server.log.repeated, 2, "{kind:?}: what is confirmed is not sent again");
    }
}

#[test]
fn what_nobody_confirms_takes_room_until_its_time_is_over() {
    let outbox = OutboxOptions { max_messages: 1, ttl: Some(Millis::from_secs(30)), ..OutboxOptions::default() };
    let mut world = World::with(1, &[Kind::Anonymous], |config| {
        config.confirm = Some(confirm());
        config.outbox = outbox;
    });
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    world.server.is_silent = true;
    assert!(world.send(0));
    assert!(!world.send(0), "the first is not confirmed yet");
    world.run_for(30_000);
    assert_eq!(world.lines[0].fates[&1], [DeliveryStatus::Dropped]);
    assert!(world.send(0));
}

#[test]
fn a_logout_drops_what_the_server_has_not_confirmed() {
    let mut world = confirming(Kind::Ticket);
    world.server.is_silent = true;
    world.send(0);
    world.run_for(1_000);
    world.logout();
    assert_eq!(world.lines[0].fates[&1], [DeliveryStatus::Dropped]);
    world.server.is_silent = false;
    world.sign_in("bob");
    world.run_for(MINUTE);
    assert_eq!(world.lines[0].received_by_server, Vec::<String>::new());
}

#[test]
fn an_ack_on_the_old_socket_of_a_handover_counts() {
    let mut world = World::with(1, &[Kind::Ticket], |config| {
        config.confirm = Some(confirm());
        config.handover = true;
    });
    world.login("maggie", "SECRET-password");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    world.ask_token(0, 60 * MINUTE);
    for _ in 0..500 {
        world.send(0);
        world.run_for(2);
    }
    assert_eq!(world.lines[0].machine.stats().connections, 2);
    world.run_for(10_000);
    assert!(world.lines[0].fates.values().all(|fates| fates.last() == Some(&DeliveryStatus::Confirmed)));
    assert_eq!(world.server.log.repeated, 0, "nothing was sent twice");
}

/// A message in the model, with everything that happened to it.
#[derive(Debug)]
struct Remembered {
    id: MessageId,
    number: u64,
    length: usize,
    ends: Option<u64>,
    needs_ack: bool,
    /// The socket that it was sent on, if any.
    on: Option<SocketId>,
    is_over: bool,
}

/// A simple outbox: a list of all messages, searched at every call.
struct Twin {
    options: OutboxOptions,
    all: Vec<Remembered>,
}

impl Twin {
    fn kept(&self) -> impl Iterator<Item = &Remembered> {
        self.all.iter().filter(|message| !message.is_over)
    }

    fn fits(&self, length: usize) -> bool {
        let bytes: usize = self.kept().map(|message| message.length).sum();
        self.kept().count() < self.options.max_messages && bytes + length <= self.options.max_bytes
    }

    /// Messages that have expired, in the order in which they are reported.
    fn expire(&mut self, now: u64) -> Vec<MessageId> {
        let mut over = Vec::new();
        for is_sent in [true, false] {
            for message in self.all.iter_mut().filter(|message| !message.is_over && message.on.is_some() == is_sent) {
                if message.ends.is_some_and(|ends| ends <= now) {
                    message.is_over = true;
                    over.push(message.id);
                }
            }
        }
        over
    }
}

#[test]
fn the_outbox_does_what_a_slow_and_simple_twin_does() {
    for seed in 0..300 {
        run_twins(seed);
    }
}

/// Everything that can happen to the messages of one anonymous connection, applied to both.
fn run_twins(seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let policies = [OutboxPolicy::Error, OutboxPolicy::DropOldest, OutboxPolicy::DropNewest];
    let options = OutboxOptions {
        max_bytes: dice.usize(20..200),
        max_messages: dice.usize(1..8),
        policy: policies[dice.usize(0..3)],
        ttl: dice.bool().then(|| Millis::from_millis(dice.u64(1..20_000))),
    };
    let url = Url::parse("url", "wss://api.test/", UrlKind::WebSocket).expect("an address");
    let mut config = ConnectionConfig::new(url, Scheme::Anonymous);
    config.outbox = options;
    config.confirm = dice.bool().then(confirm);
    let confirms = config.confirm.is_some();
    let mut machine = Connection::new(config, SessionView::default(), seed);
    let mut twin = Twin { options, all: Vec::new() };
    let (mut millis, mut number, mut dialled) = (0, 0_u64, None);
    let at = |millis| Now { instant: Instant::from_millis(millis), unix: UnixTime::from_millis(millis as i64) };
    machine.handle_input(at(0), Input::Connect);
    for _ in 0..200 {
        let mut expected = Vec::new();
        match dice.u8(0..8) {
            0..=3 => {
                number += 1;
                let text = match dice.u8(0..3) {
                    0 => "x".repeat(dice.usize(0..60)),
                    _ => format!(r#"{{"id":{number}}}"#),
                };
                let needs_ack = confirms && text.starts_with('{');
                let ttl = (dice.u8(0..4) == 0).then(|| Millis::from_millis(dice.u64(1..5_000)));
                let message = Outgo { text, instant: at(millis).instant };
                let id = MessageId(number as u32);
                let sent = machine.send(id, &message, ttl);
                let socket = (machine.state() == ConnectionState::Connected).then(|| machine.socket()).flatten();
                let length = message.length();
                if let (Some(socket), false) = (socket, needs_ack) {
                    assert_eq!(sent, Ok(Sent::Now(socket)), "seed {seed}");
                } else {
                    while !twin.fits(length)
                        && options.policy == OutboxPolicy::DropOldest
                        && length <= options.max_bytes
                    {
                        let oldest = twin.all.iter_mut().find(|message| !message.is_over).expect("one that goes");
                        oldest.is_over = true;
                        expected.push((oldest.id, DeliveryStatus::Dropped));
                    }
                    match (sent, twin.fits(length), options.policy) {
                        (Ok(Sent::Queued | Sent::Unconfirmed(_)), true, _) => {
                            let ends = ttl.or(options.ttl).map(|ttl| millis + ttl.as_millis());
                            twin.all.push(Remembered {
                                id,
                                number,
                                length,
                                ends,
                                needs_ack,
                                on: socket,
                                is_over: false,
                            });
                        }
                        (Ok(Sent::Dropped), false, OutboxPolicy::DropNewest) => {}
                        (Err(_), false, OutboxPolicy::Error | OutboxPolicy::DropOldest) => {}
                        (sent, fits, policy) => panic!("seed {seed}: {sent:?}, though fits is {fits} ({policy:?})"),
                    }
                }
            }
            4 => {
                millis += dice.u64(0..4_000);
                expected.extend(twin.expire(millis).into_iter().map(|id| (id, DeliveryStatus::Dropped)));
                machine.handle_input(at(millis), Input::Timeout);
            }
            5 => {
                if let Some(socket) = dialled.take() {
                    machine.handle_input(at(millis), Input::SocketOpened { socket, protocol: String::new() });
                    if machine.socket() == Some(socket) {
                        for message in twin.all.iter_mut().filter(|message| !message.is_over) {
                            message.on = Some(socket);
                            message.is_over = !message.needs_ack;
                            let status =
                                if message.needs_ack { DeliveryStatus::Unconfirmed } else { DeliveryStatus::Sent };
                            expected.push((message.id, status));
                        }
                    }
                }
            }
            6 => {
                if let Some(socket) = machine.socket() {
                    let input = Input::SocketClosed { socket, code: 1006, reason: String::new(), was_clean: false };
                    machine.handle_input(at(millis), input);
                    twin.all.iter_mut().for_each(|message| message.on = None);
                }
            }
            _ => {
                let waiting: Vec<_> =
                    twin.all.iter_mut().filter(|message| !message.is_over && message.on.is_some()).collect();
                if let (Some(socket), false) = (machine.socket(), waiting.is_empty()) {
                    let place = dice.usize(0..waiting.len());
                    let message = waiting.into_iter().nth(place).expect("one");
                    message.is_over = true;
                    expected.push((message.id, DeliveryStatus::Confirmed));
                    let ack = format!(r#"{{"ack":{}}}"#, message.number);
                    machine.handle_input(at(millis), Input::Inspected { socket, text: Some(&ack) });
                }
            }
        }
        let mut told = Vec::new();
        while let Some(output) = machine.poll_output() {
            if let Output::Event(Event::Message { message, status }) = output {
                told.push((message, status));
            } else if let Output::Open { socket, .. } = output {
                dialled = Some(socket);
            }
        }
        assert_eq!(told, expected, "seed {seed} at {millis}");
        let waiting = twin.kept().filter(|message| message.on.is_none());
        let (count, bytes) = waiting.fold((0, 0), |(count, bytes), message| (count + 1, bytes + message.length));
        assert_eq!((machine.stats().queued, machine.stats().queued_bytes), (count, bytes), "seed {seed}");
        let unconfirmed = twin.kept().filter(|message| message.on.is_some()).count();
        assert_eq!(machine.stats().unacknowledged, unconfirmed, "seed {seed}");
    }
}

//! Random schedules: everything that can happen to a session, in any order. Then all faults end, and everything must recover.

use gatepass::proto::Instant;
use gatepass::proto::Millis;
use gatepass::proto::connection::{ConnectionState, DeliveryStatus, PageEvent, Question, WhenHidden, WhenSignedOut};
use gatepass::proto::outbox::{Confirm, OutboxOptions, OutboxPolicy};

use crate::codec::json;
use crate::server::{BadToken, Fault};
use crate::world::{KINDS, Kind, Net, World};

const CODES: [u16; 16] =
    [1000, 1001, 1005, 1006, 1006, 1006, 1008, 1011, 1012, 1013, 1014, 3000, 4001, 4401, 4403, 4999];

/// Runs one random schedule. Invariants are asserted by the world as it goes.
pub fn run(seed: u64) -> World {
    run_by_lane(seed, seed % 2 == 1)
}

/// The same, with drivers that let messages pass where the machine offers it, or ask about each of them.
pub fn run_by_lane(seed: u64, takes_lane: bool) -> World {
    let mut dice = fastrand::Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let most = if dice.u8(0..100) == 0 { 50 } else { 3 };
    let kinds: Vec<Kind> = (0..dice.usize(1..=most)).map(|_| KINDS[dice.usize(0..KINDS.len())]).collect();
    let handover = [false, false, true][dice.usize(0..3)];
    let beats = dice.bool();
    let hides = dice.u8(0..4) == 0;
    let confirms = dice.u8(0..3) == 0;
    let asks: Vec<_> = [Question::Address, Question::Connected].into_iter().filter(|_| dice.u8(0..4) == 0).collect();
    let lets_visitors = dice.u8(0..4) == 0;
    let outbox = OutboxOptions {
        max_messages: [1_000, 3][dice.usize(0..2)],
        policy: [OutboxPolicy::Error, OutboxPolicy::DropOldest, OutboxPolicy::DropNewest][dice.usize(0..3)],
        ttl: [None, Some(Millis::from_secs(20))][dice.usize(0..2)],
        ..OutboxOptions::default()
    };
    let mut world = World::with(seed, &kinds, |config| {
        config.handover = handover;
        if beats {
            config.heartbeat.ping = Some(json(r#"{"type":"ping"}"#));
            config.heartbeat.pong = Some(json(r#"{"type":"pong"}"#));
        }
        config.outbox = outbox;
        config.asks.clone_from(&asks);
        if lets_visitors {
            config.when_signed_out = WhenSignedOut::Connect;
        }
        if confirms {
            config.confirm = Some(Confirm { id: "id".to_owned(), ack: json(r#"{"ack":"$id"}"#) });
        }
        if hides {
            config.when_hidden = WhenHidden::CloseAfter;
            config.hidden_timeout = Millis::from_secs(20);
        }
    });
    world.lines.iter_mut().for_each(|line| line.takes_lane = takes_lane);
    world.net = Net { min_ms: dice.u64(0..20), max_ms: dice.u64(20..3000), loss: dice.u8(0..25) };
    world.app_fails = [0, 20][dice.usize(0..2)];
    world.calls_back = [0, 0, 5][dice.usize(0..3)];
    world.server.rotates = dice.bool();
    world.server.has_refresh = dice.u8(0..4) > 0;
    world.server.access_life_ms = dice.i64(5_000..600_000);
    world.server.ticket_life_ms = dice.i64(1_000..60_000);
    world.server.bad_token = [BadToken::CloseNormal, BadToken::Close4401, BadToken::RejectMessage][dice.usize(0..3)];
    if dice.u8(0..4) > 0 {
        world.sign_in("maggie");
    }
    for line in 0..kinds.len() {
        world.connect(line);
    }
    for _ in 0..dice.usize(5..40) {
        let line = dice.usize(0..kinds.len());
        act(&mut world, &mut dice, line);
        let pause = [0, 1, 50, 500, 5_000, 40_000][dice.usize(0..6)];
        world.run_for(dice.u64(0..=pause));
    }
    calm(&mut world);
    world
}

fn act(world: &mut World, dice: &mut fastrand::Rng, line: usize) {
    match dice.u8(0..30) {
        0..=5 => {
            world.send(line);
        }
        6 => world.drop_sockets(CODES[dice.usize(0..CODES.len())]),
        7 => world.restart_server([1006, 1011, 1012][dice.usize(0..3)]),
        8 => world.server.is_up = !world.server.is_up,
        9 => world.server.revoke_access(),
        10 => world.server.revoke_refresh(),
        11 => world.logout(),
        12 => world.sign_in(["maggie", "bob"][dice.usize(0..2)]),
        13 => world.login("maggie", "SECRET-password"),
        14 => world.login("maggie", "SECRET-wrong"),
        15 => world.connect(line),
        16 => world.close(line),
        17 => world.server.refuse_handshakes = dice.u32(0..6),
        18 => world.server.is_silent = !world.server.is_silent,
        19 | 20 => {
            let endpoint = ["ticket", "refresh", "login"][dice.usize(0..3)];
            let fault = match dice.u8(0..9) {
                0 => Fault::Status(401, None),
                1 => Fault::Status(403, None),
                2 => Fault::Status(429, Some("7")),
                3 => Fault::Status(503, None),
                4 => Fault::Status(500, None),
                5 => Fault::Status(404, None),
                6 => Fault::Answer(200, "<html>"),
                7 => Fault::Answer(200, "{}"),
                _ => Fault::Lost,
            };
            world.server.faults.entry(endpoint).or_default().push_back(fault);
        }
        21..=24 => {
            const EVENTS: [PageEvent; 7] = [
                PageEvent::Frozen,
                PageEvent::Resumed,
                PageEvent::Hidden,
                PageEvent::Visible,
                PageEvent::Offline,
                PageEvent::Online,
                PageEvent::Leaving,
            ];
            world.page(EVENTS[dice.usize(0..EVENTS.len())]);
        }
        25 => world.freeze(0, dice.u64(0..400_000), dice.bool()),
        26 => world.set_timer_grain([1, 60_000][dice.usize(0..2)]),
        27 => world.cut_sockets(),
        28 => {
            world.server.hint = ["", r#","spread":20"#, r#","retry_after":3"#][dice.usize(0..3)];
            world.server.goodbye = ["", r#"{"retry_after":5,"spread":40}"#, "bye"][dice.usize(0..3)];
            world.server.pongs = dice.u32(0..3);
        }
        _ => world.broadcast("news"),
    }
}

/// After all faults have ended, signing in brings every connection back, and what is queued then arrives.
fn calm(world: &mut World) {
    world.app_fails = 0;
    world.calls_back = 0;
    world.server.is_up = true;
    world.server.is_silent = false;
    world.server.refuse_handshakes = 0;
    world.server.faults.clear();
    world.server.pongs = 1;
    world.set_timer_grain(1);
    world.end_cut_sockets();
    world.page(PageEvent::Resumed);
    world.page(PageEvent::Visible);
    world.page(PageEvent::Online);
    world.server.has_refresh = true;
    world.server.access_life_ms = 3_600_000;
    world.server.ticket_life_ms = 60_000;
    world.net = Net { min_ms: 1, max_ms: 20, loss: 0 };
    // Sleeping tabs wake, and everything in flight arrives or times out.
    world.run_for(600_000);
    world.logout();
    world.sign_in("maggie");
    for line in 0..world.lines.len() {
        // Messages that a silent server has missed on a live socket are sent again on the next.
        let is_over = matches!(world.lines[line].state(), ConnectionState::Closed | ConnectionState::Idle);
        if is_over || world.lines[line].confirms {
            world.connect(line);
        }
        world.send(line);
    }
    let is_well =
        |world: &World| world.lines.iter().all(|line| line.state() == ConnectionState::Connected && line.queued() == 0);
    let recovered = world.run_until(900_000, is_well);
    assert!(recovered, "not connected after the calm: {:?}", states(world));
    world.run_for(20_000);
    assert!(is_well(world), "a connection did not last in the calm: {:?}", states(world));
    assert_eq!(world.server.log.reused_tickets, 0);
    world.hear_of_the_server();
    for index in 0..world.lines.len() {
        let kept = world.payloads_kept(index);
        let line = &world.lines[index];
        // It may have expired, which is reported.
        let is_dropped =
            line.fates.last_key_value().is_some_and(|(_, fates)| fates.last() == Some(&DeliveryStatus::Dropped));
        assert!(is_dropped || !line.received_by_server.is_empty(), "a message sent in the calm did not arrive");
        for (number, fates) in &line.fates {
            let is_over = matches!(fates.last(), Some(DeliveryStatus::Confirmed | DeliveryStatus::Dropped));
            assert!(is_over || !line.confirms, "in the end {number} is {fates:?}");
        }
        // Nothing expires while the clock of a tab is stopped.
        let stands_still = world.now_in(line.tab).instant < Instant::from_millis(20_000);
        assert!(stands_still || kept == 0, "a message is kept for nothing");
    }
}

fn states(world: &World) -> Vec<(Kind, ConnectionState, Vec<&'static str>)> {
    let last = |codes: &[(&'static str, _)]| codes.iter().rev().take(5).map(|(code, _)| *code).collect();
    world.lines.iter().map(|line| (line.kind, line.state(), last(&line.failures))).collect()
}

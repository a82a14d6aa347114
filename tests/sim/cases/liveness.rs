//! Liveness: heartbeat, sleep, the page's lifecycle, the computer's network, and hints of servers.

use gatepass::error::Disposition;
use gatepass::proto::Millis;
use gatepass::proto::connection::{ConnectionConfig, ConnectionState, Heartbeat, PageEvent, WhenHidden};
use gatepass::proto::scheme::Scheme;
use gatepass::proto::{Url, UrlKind};

use super::{MINUTE, connect, connected};
use crate::codec::json;
use crate::world::{KINDS, Kind, World};

const HOUR: u64 = 60 * MINUTE;

fn beats(config: &mut ConnectionConfig) {
    config.heartbeat = Heartbeat {
        ping: Some(json(r#"{"type":"ping"}"#)),
        pong: Some(json(r#"{"type":"pong"}"#)),
        ..Heartbeat::default()
    };
}

fn beating(kind: Kind) -> World {
    let mut world = World::with(1, &[kind], beats);
    world.sign_in("maggie");
    world.server.access_life_ms = 100 * HOUR as i64;
    world.sign_in("maggie");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    world
}

#[test]
fn a_ping_goes_out_every_interval_and_the_app_gets_no_pong() {
    for kind in KINDS {
        let mut world = beating(kind);
        world.run_for(10 * MINUTE + 1_000);
        assert_eq!(world.server.log.pings, 24, "{kind:?}");
        assert_eq!(world.lines[0].delivered, Vec::<String>::new(), "{kind:?}");
        assert_eq!(world.lines[0].failures, [], "{kind:?}");
    }
}

#[test]
fn case_114_a_server_that_falls_silent_is_left_within_interval_and_timeout() {
    for kind in KINDS {
        let mut world = beating(kind);
        world.run_for(6_000);
        world.cut_sockets();
        world.run_for(36_000);
        assert_eq!(world.lines[0].failures, [("CONNECTION_SILENT", Disposition::RETRY)], "{kind:?}");
        assert!(world.run_until(MINUTE, |world| world.lines[0].opened == 2), "{kind:?}");
        assert_eq!(world.lines[0].hung_up, [(3008, String::new())]);
    }
}

#[test]
fn any_frame_is_a_sign_of_life_and_is_the_apps() {
    let mut world = beating(Kind::Ticket);
    world.server.pongs = 0;
    for _ in 0..20 {
        world.run_for(9_000);
        world.broadcast("news");
    }
    world.run_for(100);
    assert_eq!(world.lines[0].failures, []);
    assert_eq!(world.lines[0].delivered.len(), 20);
    world.run_for(MINUTE);
    assert_eq!(world.lines[0].codes(), ["CONNECTION_SILENT"]);
}

#[test]
fn case_114_a_second_pong_harms_nobody_and_a_pong_behind_other_frames_is_still_no_message() {
    let mut world = beating(Kind::Ticket);
    world.server.pongs = 2;
    world.run_for(26_000);
    assert_eq!(world.lines[0].delivered, [r#"{"type":"pong"}"#], "what was not asked for is a message like others");

    let mut late = beating(Kind::Ticket);
    late.server.pongs = 0;
    assert!(late.run_until(MINUTE, |world| world.server.log.pings == 1));
    late.broadcast("news");
    late.broadcast(r#"{"type":"pong"}"#);
    late.run_for(1_000);
    assert_eq!(late.lines[0].delivered, ["news"]);
}

#[test]
fn without_a_matcher_every_frame_is_the_apps() {
    let mut world = World::with(1, &[Kind::Anonymous], |config| {
        config.heartbeat.ping = Some(json(r#"{"type":"ping"}"#));
    });
    world.connect(0);
    world.run_for(26_000);
    assert_eq!(world.lines[0].delivered, [r#"{"type":"pong"}"#]);
}

#[test]
fn an_interval_shorter_than_the_timeout_still_finds_the_silence() {
    let mut world = World::with(1, &[Kind::Anonymous], |config| {
        beats(config);
        config.heartbeat.interval = Millis::from_secs(3);
    });
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    world.run_for(6_000);
    world.cut_sockets();
    world.run_for(14_000);
    assert_eq!(world.lines[0].codes(), ["CONNECTION_SILENT"]);
}

#[test]
fn case_114_timers_that_ring_once_a_minute_kill_no_living_socket_and_keep_no_dead_one() {
    for kind in KINDS {
        let mut world = beating(kind);
        world.set_timer_grain(MINUTE);
        world.run_for(HOUR);
        assert_eq!(world.lines[0].failures, [], "{kind:?}");
        world.cut_sockets();
        world.run_for(4 * MINUTE);
        assert_eq!(world.lines[0].codes(), ["CONNECTION_SILENT"], "{kind:?}");
    }
}

#[test]
fn a_computer_that_slept_asks_at_once_and_replaces_what_does_not_answer() {
    for stops_clock in [false, true] {
        let mut world = beating(Kind::Ticket);
        world.run_for(6_000);
        world.freeze(0, 8 * HOUR, stops_clock);
        world.cut_sockets();
        world.run_for(8 * HOUR);
        // The next timer wakes the machine at the latest.
        assert!(world.run_until(2 * MINUTE, |world| world.lines[0].opened == 2), "{stops_clock}");
        assert_eq!(world.lines[0].codes(), ["CONNECTION_SILENT"]);
        let wait = world.lines[0].waits[0];
        assert!(wait <= 500, "a loss of one's own is tried again at once, not after {wait} ms");

        let mut alive = beating(Kind::Ticket);
        alive.freeze(0, 10 * MINUTE, stops_clock);
        alive.run_for(20 * MINUTE);
        assert_eq!(alive.lines[0].failures, [], "{stops_clock}: a socket that answers stays");
    }
}

#[test]
fn a_computer_that_slept_replaces_what_it_cannot_ask() {
    for kind in KINDS {
        let mut world = World::new(1, &[kind]);
        world.server.access_life_ms = 100 * HOUR as i64;
        world.sign_in("maggie");
        world.connect(0);
        assert!(world.run_until(MINUTE, connected));
        world.set_timer_grain(MINUTE);
        world.run_for(HOUR);
        assert_eq!(world.lines[0].failures, [], "{kind:?}: a hidden page is not asleep");
        world.freeze(0, HOUR, true);
        world.run_for(HOUR + 5 * MINUTE);
        assert_eq!(world.lines[0].codes(), ["CONNECTION_SILENT"], "{kind:?}");
        assert!(world.lines[0].is_connected(), "{kind:?}");
    }
}

#[test]
fn case_109_a_page_that_is_put_aside_lets_go_and_comes_back_with_a_fresh_ticket() {
    for kind in KINDS {
        let mut world = connect(kind);
        let minted = world.server.log.minted;
        world.page(PageEvent::Frozen);
        assert_eq!(world.lines[0].state(), ConnectionState::Suspended, "{kind:?}");
        assert_eq!(world.lines[0].closed_events, [1000]);
        assert_eq!(world.open_sockets(0), 0);
        assert!(world.send(0), "what is sent meanwhile waits");
        world.run_for(MINUTE);
        assert_eq!(world.lines[0].opened, 1, "{kind:?}");
        world.page(PageEvent::Resumed);
        assert!(world.run_until(2_000, |world| world.lines[0].opened == 2), "{kind:?}");
        world.run_for(1_000);
        assert_eq!(world.server.log.minted, 2 * minted);
        assert_eq!(world.lines[0].received_by_server, ["1"]);
        assert_eq!(world.lines[0].failures, [], "{kind:?}: nothing has failed");
    }
}

#[test]
fn a_page_that_is_put_aside_in_any_phase_leaves_nothing_behind_and_comes_back() {
    for kind in KINDS {
        for pause in [0, 3, 20, 60, 200, 11_000] {
            let mut world = World::signed_in(kind);
            world.run_for(pause);
            world.page(PageEvent::Frozen);
            world.page(PageEvent::Frozen);
            assert_eq!(world.lines[0].machine.poll_timeout(), None, "{kind:?} after {pause} ms: a timer is left");
            world.page(PageEvent::Resumed);
            assert!(world.run_until(MINUTE, connected), "{kind:?} after {pause} ms");
        }
    }
}

#[test]
fn neither_the_page_nor_the_network_wakes_what_waits_for_somebody_else() {
    let events = [
        PageEvent::Frozen,
        PageEvent::Resumed,
        PageEvent::Hidden,
        PageEvent::Visible,
        PageEvent::Offline,
        PageEvent::Online,
    ];
    for event in events {
        let mut idle = World::new(1, &[Kind::Ticket]);
        idle.page(event);
        idle.run_for(MINUTE);
        assert_eq!(idle.lines[0].state(), ConnectionState::Idle, "{event:?}");
        idle.connect(0);
        idle.run_for(MINUTE);
        idle.page(event);
        idle.run_for(MINUTE);
        assert_eq!(idle.lines[0].state(), ConnectionState::Suspended, "{event:?}");
        assert_eq!(idle.lines[0].failures, [], "nobody has ever signed in: {event:?}");
        let mut closed = connect(Kind::Ticket);
        closed.close(0);
        closed.page(event);
        closed.run_for(MINUTE);
        assert_eq!((closed.lines[0].state(), closed.lines[0].opened), (ConnectionState::Closed, 1), "{event:?}");
    }
}

#[test]
fn a_page_that_nobody_looks_at_keeps_its_socket_unless_it_is_told_otherwise() {
    let mut keeps = connect(Kind::Anonymous);
    keeps.page(PageEvent::Hidden);
    keeps.run_for(HOUR);
    assert!(keeps.lines[0].is_connected());

    let closing = |config: &mut ConnectionConfig| {
        config.when_hidden = WhenHidden::CloseAfter;
        config.hidden_timeout = Millis::from_secs(300);
    };
    let mut world = World::with(1, &[Kind::Anonymous], closing);
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    world.page(PageEvent::Hidden);
    world.run_for(299_000);
    world.page(PageEvent::Visible);
    world.run_for(MINUTE);
    assert!(world.lines[0].is_connected(), "looked at in time");
    world.page(PageEvent::Hidden);
    // A loss in between restarts nothing.
    world.run_for(200_000);
    world.drop_sockets(1006);
    world.run_for(101_000);
    assert_eq!(world.lines[0].state(), ConnectionState::Suspended);
    world.run_for(HOUR);
    assert_eq!(world.lines[0].opened, 2);
    world.page(PageEvent::Visible);
    assert!(world.run_until(1_000, |world| world.lines[0].opened == 3));
}

#[test]
fn case_108_without_a_network_it_tries_slowly_and_with_one_at_once() {
    for seed in 0..20 {
        let mut world = World::new(seed, &[Kind::Ticket]);
        world.sign_in("maggie");
        world.connect(0);
        assert!(world.run_until(MINUTE, connected));
        world.run_for(6_000);
        world.page(PageEvent::Offline);
        assert!(world.lines[0].is_connected(), "a hint is no loss");
        world.server.is_up = false;
        world.drop_sockets(1006);
        world.run_for(5 * MINUTE);
        assert!(world.run_until(MINUTE, |world| world.lines[0].state() == ConnectionState::Suspended));
        let waits = &world.lines[0].waits;
        assert!(waits.len() >= 7, "it goes on trying: {waits:?}");
        assert!(waits.iter().all(|wait| (15_000..=30_000).contains(wait)), "{waits:?}");
        world.server.is_up = true;
        world.page(PageEvent::Online);
        assert!(world.run_until(3_000, connected));
    }
}

#[test]
fn case_108_a_network_that_comes_and_goes_makes_one_try_a_second() {
    let mut world = connect(Kind::Anonymous);
    world.server.is_up = false;
    world.drop_sockets(1006);
    world.run_for(1_000);
    let dials = world.lines[0].machine.stats().attempts;
    for _ in 0..200 {
        world.page(PageEvent::Offline);
        world.page(PageEvent::Online);
        world.connect(0);
        world.run_for(50);
    }
    let tries = world.lines[0].machine.stats().attempts - dials;
    assert!((5..=12).contains(&tries), "{tries} tries in ten seconds");
}

#[test]
fn case_108_a_waiting_connection_that_hears_of_the_network_goes_at_once() {
    let mut world = connect(Kind::Anonymous);
    world.run_for(6_000);
    world.server.goodbye = r#"{"retry_after":100}"#;
    world.drop_sockets(1012);
    world.run_for(2_000);
    assert_eq!(world.lines[0].state(), ConnectionState::Waiting);
    world.page(PageEvent::Offline);
    assert_eq!(world.lines[0].state(), ConnectionState::Suspended);
    world.page(PageEvent::Online);
    assert!(world.run_until(500, connected));
}

#[test]
fn a_connection_that_outlived_a_long_time_without_a_network_is_replaced_unless_it_answers() {
    for (minutes, opened) in [(2, 1), (4, 2)] {
        let mut world = connect(Kind::Anonymous);
        world.page(PageEvent::Offline);
        world.run_for(minutes * MINUTE);
        world.page(PageEvent::Online);
        world.run_for(5_000);
        assert_eq!(world.lines[0].opened, opened, "{minutes} minutes");
    }
    let mut asked = beating(Kind::Anonymous);
    let pings = asked.server.log.pings;
    asked.page(PageEvent::Offline);
    asked.run_for(1_000);
    assert_eq!(asked.server.log.pings, pings + 1, "the hint is followed by a question");
    asked.page(PageEvent::Online);
    asked.run_for(5 * MINUTE);
    assert_eq!(asked.lines[0].opened, 1);
}

#[test]
fn a_loss_right_after_the_network_is_back_is_its_own_and_later_the_servers() {
    let longest = |after: u64| {
        let wait = |seed| {
            let mut world = World::new(seed, &[Kind::Anonymous]);
            world.connect(0);
            assert!(world.run_until(MINUTE, connected));
            world.run_for(6_000);
            world.page(PageEvent::Offline);
            world.page(PageEvent::Online);
            world.run_for(after);
            world.drop_sockets(1006);
            world.run_for(100);
            world.lines[0].waits[0]
        };
        (0..30).map(wait).max()
    };
    assert!(longest(1_000) <= Some(500));
    assert!((Some(3_000)..=Some(5_000)).contains(&longest(31_000)));
}

#[test]
fn a_server_says_in_its_goodbye_when_to_come_back_and_how_spread() {
    let waits = |goodbye: &'static str, code: u16| {
        let wait = |seed| {
            let mut world = World::new(seed, &[Kind::Anonymous]);
            world.connect(0);
            assert!(world.run_until(MINUTE, connected));
            world.run_for(6_000);
            world.server.goodbye = goodbye;
            world.drop_sockets(code);
            world.run_for(100);
            world.lines[0].waits.first().copied()
        };
        let all: Option<Vec<u64>> = (0..60).map(wait).collect();
        all.map(|all| (*all.iter().min().expect("waits"), *all.iter().max().expect("waits")))
    };
    let within = |(least, most): (u64, u64), from, to| {
        assert!((from..=to).contains(&least) && (from..=to).contains(&most), "{least}..{most}");
        assert!(least - from < (to - from) / 5 && to - most < (to - from) / 5, "{least}..{most} fills {from}..{to}");
    };
    within(waits(r#"{"retry_after":20,"spread":60}"#, 1012).expect("a wait"), 20_000, 80_000);
    within(waits(r#"{"spread":60}"#, 1001).expect("a wait"), 0, 60_000);
    within(waits(r#"{"spread":2}"#, 1011).expect("a wait"), 0, 2_000);
    within(waits(r#"{"retry_after":20}"#, 1013).expect("a wait"), 20_000, 25_000);
    within(waits(r#"{"retry_after":1}"#, 1013).expect("a wait"), 15_000, 20_000);
    within(waits("see you", 1012).expect("a wait"), 0, 5_000);
    assert_eq!(waits(r#"{"reconnect":false}"#, 1012), None);
    assert_eq!(waits(r#"{"reconnect":false}"#, 1000), None);
}

#[test]
fn a_server_that_forbids_to_come_back_ends_the_connection_by_name() {
    let mut world = connect(Kind::Ticket);
    world.server.goodbye = r#"{"reconnect":false}"#;
    world.drop_sockets(1012);
    world.run_for(100);
    assert_eq!(world.lines[0].failures, [("CLOSED_BY_SERVER", Disposition::GiveUp)]);
    assert_eq!(world.lines[0].state(), ConnectionState::Closed);
}

#[test]
fn what_a_ticket_or_an_ack_says_stands_for_the_next_loss_and_for_that_alone() {
    for kind in [Kind::Ticket, Kind::FirstMessageAck, Kind::FirstMessageHello] {
        let mut longest = [0; 2];
        for seed in 0..40 {
            let mut world = World::new(seed, &[kind]);
            world.server.hint = r#","retry_after":10,"spread":30"#;
            world.sign_in("maggie");
            world.connect(0);
            assert!(world.run_until(MINUTE, connected));
            world.server.hint = "";
            world.run_for(6_000);
            for (index, longest) in longest.iter_mut().enumerate() {
                world.drop_sockets(1006);
                assert!(world.run_until(2 * MINUTE, |world| world.lines[0].opened == index as u32 + 2));
                world.run_for(6_000);
                *longest = (*longest).max(world.lines[0].waits[index]);
            }
            assert!(world.lines[0].waits[0] >= 10_000, "{kind:?}");
        }
        assert!((30_000..=40_000).contains(&longest[0]) && longest[1] <= 5_000, "{kind:?}: {longest:?}");
    }
}

#[test]
fn the_ticket_for_the_next_try_is_there_when_the_wait_ends() {
    for seed in 0..40 {
        let mut world = World::new(seed, &[Kind::Ticket]);
        world.net = crate::world::Net { min_ms: 200, max_ms: 200, loss: 0 };
        world.sign_in("maggie");
        world.connect(0);
        assert!(world.run_until(MINUTE, connected));
        world.run_for(6_000);
        world.drop_sockets(1006);
        assert!(world.run_until(MINUTE, |world| !world.lines[0].waits.is_empty()));
        let wait = world.lines[0].waits[0];
        let told_at = world.elapsed();
        assert!(world.run_until(MINUTE, |world| world.server.log.dials == 2));
        // Latency is 200 ms. A wait that is shorter than a ticket request waits for the ticket.
        let dialled_after = world.elapsed() - told_at - 200;
        assert_eq!(dialled_after, wait.max(400), "a wait of {wait} ms");
        assert_eq!(world.server.log.minted, 2);
    }
}

#[test]
fn whoever_cannot_wait_for_a_ticket_fetched_ahead_gets_it_at_once() {
    let mut world = World::new(7, &[Kind::Ticket]);
    world.net = crate::world::Net { min_ms: 500, max_ms: 500, loss: 0 };
    world.sign_in("maggie");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    world.run_for(6_000);
    // The next tickets arrive at once, long before the wait is over.
    world.net = crate::world::Net { min_ms: 10, max_ms: 10, loss: 0 };
    world.server.goodbye = r#"{"retry_after":5,"spread":0}"#;
    world.drop_sockets(1012);
    assert!(world.run_until(MINUTE, |world| world.server.log.minted == 2));
    world.run_for(20);
    assert_eq!(world.server.log.dials, 1);
    world.connect(0);
    world.run_for(30);
    assert_eq!((world.server.log.minted, world.server.log.dials), (2, 2));
    world.run_for(MINUTE);
    assert!(world.lines[0].is_connected());
    assert_eq!(world.server.log.minted, 2);
}

#[test]
fn a_ticket_that_waited_for_a_clock_that_was_late_is_not_sent() {
    let mut world = World::new(7, &[Kind::Ticket]);
    world.net = crate::world::Net { min_ms: 500, max_ms: 500, loss: 0 };
    world.sign_in("maggie");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    world.run_for(6_000);
    world.net = crate::world::Net { min_ms: 10, max_ms: 10, loss: 0 };
    world.server.goodbye = r#"{"retry_after":5,"spread":0}"#;
    world.drop_sockets(1012);
    assert!(world.run_until(MINUTE, |world| world.server.log.minted == 2));
    world.run_for(20);
    world.freeze(0, MINUTE, false);
    assert!(world.run_until(2 * MINUTE, connected));
    assert_eq!((world.server.log.minted, world.server.log.dials), (3, 2));
}

#[test]
fn a_heartbeat_without_time_is_refused_by_name() {
    for (interval, timeout, option) in [(0, 1, "heartbeat.interval"), (1, 0, "heartbeat.timeout")] {
        let url = Url::parse("url", "wss://api.test/", UrlKind::WebSocket).expect("an address");
        let mut config = ConnectionConfig::new(url, Scheme::Anonymous);
        config.heartbeat.interval = Millis::from_millis(interval);
        config.heartbeat.timeout = Millis::from_millis(timeout);
        let error = config.check().expect_err("no time");
        assert!(error.to_string().contains(option), "{error}");
    }
}

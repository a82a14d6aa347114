//! Reconnecting: waits, close codes, stale events, closing.

use gatepass::error::Disposition;
use gatepass::proto::Millis;
use gatepass::proto::connection::{ConnectionState, PageEvent};

use super::{MINUTE, connect, connected, fault};
use crate::server::Fault;
use crate::world::{KINDS, Kind, World};

#[test]
fn case_99_a_stale_answer_changes_nothing() {
    let mut world = World::new(1, &[Kind::Ticket]);
    world.net = crate::world::Net { min_ms: 500, max_ms: 500, loss: 0 };
    world.sign_in("maggie");
    world.connect(0);
    assert!(world.run_until(MINUTE, |world| world.server.log.minted == 1));
    world.close(0);
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    assert_eq!((world.server.log.minted, world.server.log.dials), (2, 1));
}

#[test]
fn case_102_a_server_that_accepts_and_drops_meets_growing_waits() {
    for kind in [Kind::Ticket, Kind::FirstMessageAck, Kind::Anonymous] {
        let mut longest = 0;
        let mut total_of_late = 0;
        for seed in 0..20 {
            let mut world = World::new(seed, &[kind]);
            world.sign_in("maggie");
            world.connect(0);
            for flap in 0..10 {
                assert!(world.run_until(2 * MINUTE, |world| world.lines[0].opened == flap + 1));
                world.drop_sockets(1006);
                world.run_for(100);
            }
            let waits = &world.lines[0].waits;
            for (index, wait) in waits.iter().enumerate() {
                assert!(*wait <= (500_u64 << index).min(30_000), "wait {index} of {waits:?}");
            }
            longest = longest.max(waits[9]);
            total_of_late += waits[6..].iter().sum::<u64>();
        }
        assert!(longest > 20_000, "{kind:?}: the window never grew: {longest}");
        assert!(total_of_late / 80 > 8_000, "{kind:?}: late waits are short: {}", total_of_late / 80);
    }
}

/// The attempts in ten minutes at a server that accepts, and drops each connection after so many milliseconds.
fn dials_in_ten_minutes(uptime: u64) -> u32 {
    let mut dials = 0;
    for seed in 0..20 {
        let mut world = World::new(seed, &[Kind::Ticket]);
        world.server.access_life_ms = 100 * i64::from(u32::MAX);
        world.sign_in("maggie");
        world.connect(0);
        let end = world.elapsed() + 10 * MINUTE;
        let mut opened = 0;
        while world.elapsed() < end {
            opened += 1;
            let left = end - world.elapsed();
            world.run_until(left, |world| world.lines[0].opened == opened);
            world.run_for(uptime);
            world.drop_sockets(1006);
            world.run_for(50);
        }
        dials += world.server.log.dials;
    }
    dials / 20
}

#[test]
fn a_server_that_drops_every_connection_after_some_seconds_is_dialled_no_more_often_than_one_that_does_so_at_once() {
    let flapping = dials_in_ten_minutes(0);
    for seconds in [1, 2, 3, 5, 6, 8, 10, 12, 15, 20, 29, 30, 31, 45, 60] {
        let dials = dials_in_ten_minutes(seconds * 1_000);
        assert!(dials <= flapping, "{dials} dials of a server that drops after {seconds} s, {flapping} at once");
    }
}

#[test]
fn only_the_minimum_uptime_resets_the_backoff() {
    let mut world = World::with(1, &[Kind::Ticket], |config| config.min_uptime = Millis::from_secs(60));
    world.sign_in("maggie");
    world.connect(0);
    for flap in 0..8 {
        assert!(world.run_until(2 * MINUTE, |world| world.lines[0].opened == flap + 1));
        world.run_for(50_000);
        world.broadcast("news");
        world.run_for(1_000);
        world.drop_sockets(1006);
        world.run_for(100);
    }
    assert!(world.lines[0].waits[4..].iter().any(|wait| *wait > 4_000), "{:?}", world.lines[0].waits);
    assert!(world.run_until(2 * MINUTE, |world| world.lines[0].opened == 9));
    world.run_for(61_000);
    world.drop_sockets(1006);
    world.run_for(100);
    let after_stable = *world.lines[0].waits.last().expect("a wait");
    assert!(after_stable <= 5_000, "spread over 5 s, not {after_stable}");
}

#[test]
fn case_103_close_codes_do_what_the_table_says() {
    let rows = [
        (1000, ConnectionState::Waiting),
        (1013, ConnectionState::Waiting),
        (4429, ConnectionState::Waiting),
        (4401, ConnectionState::Waiting),
        (999, ConnectionState::Waiting),
        (65535, ConnectionState::Waiting),
        (1002, ConnectionState::Closed),
        (1009, ConnectionState::Closed),
        (4403, ConnectionState::Closed),
        (3003, ConnectionState::Closed),
    ];
    for (code, state) in rows {
        let mut world = connect(Kind::Ticket);
        world.net.max_ms = 5;
        world.run_for(6_000);
        world.drop_sockets(code);
        assert!(world.run_until(100, |world| !world.lines[0].failures.is_empty()), "{code}");
        assert_eq!(world.lines[0].state(), state, "{code}");
        assert_eq!(world.lines[0].closed_events, [code]);
    }
}

#[test]
fn try_again_later_is_not_tried_soon() {
    for code in [1013, 3008, 4008, 4408, 4429] {
        let mut world = connect(Kind::Ticket);
        world.run_for(6_000);
        world.drop_sockets(code);
        world.run_for(100);
        assert!(world.lines[0].waits[0] >= 15_000, "{code}");
    }
}

#[test]
fn case_106_a_socket_that_never_closes_is_left_behind_and_its_late_events_are_ignored() {
    let mut world = World::signed_in(Kind::Ticket);
    world.server.is_silent = true;
    world.run_for(15_000);
    world.server.is_silent = false;
    assert!(world.run_until(MINUTE, connected));
    let opened = world.lines[0].opened;
    world.replay_stale_socket_events(0);
    assert!(world.lines[0].is_connected());
    assert_eq!(world.lines[0].opened, opened);
}

#[test]
fn case_107_connecting_twice_makes_one_socket_and_closing_stops_everything() {
    for kind in KINDS {
        for pause in [0, 3, 20, 60, 200, 11_000] {
            let mut world = World::signed_in(kind);
            world.connect(0);
            world.connect(0);
            world.server.refuse_handshakes = u32::MAX;
            world.run_for(pause);
            world.close(0);
            world.close(0);
            assert_eq!(world.lines[0].machine.poll_timeout(), None, "{kind:?} after {pause} ms: a timer is left");
            let dials = world.server.log.dials;
            world.run_for(10 * MINUTE);
            assert!(world.server.log.dials <= dials + 1, "{kind:?}: at most what was on its way arrives");
            assert_eq!(world.lines[0].state(), ConnectionState::Closed);
            assert_eq!(world.lines[0].closed_events, [1000]);
        }
    }
}

#[test]
fn reconnect_skips_a_wait_and_replaces_a_live_socket() {
    let mut world = connect(Kind::Ticket);
    world.connect(0);
    assert!(world.run_until(2_000, |world| world.lines[0].opened == 2));
    assert_eq!(world.lines[0].closed_events, [1000]);
    world.server.is_up = false;
    world.drop_sockets(1006);
    world.run_for(60_000);
    world.server.is_up = true;
    world.run_until(MINUTE, |world| world.lines[0].state() == ConnectionState::Waiting);
    world.connect(0);
    assert!(world.run_until(1_000, connected));
}

#[test]
fn case_110_a_close_reason_is_cut_on_a_characters_boundary() {
    let rows = [
        ("a".repeat(123), 123),
        ("a".repeat(124), 123),
        (format!("{}é", "a".repeat(122)), 122),
        ("é".repeat(100), 122),
    ];
    for (reason, length) in rows {
        let mut world = connect(Kind::Anonymous);
        world.close_with(0, &reason);
        assert_eq!(world.lines[0].hung_up[0].1.len(), length);
        assert!(reason.starts_with(&world.lines[0].hung_up[0].1));
    }
}

#[test]
fn case_110_a_page_may_close_with_1000_and_3000_to_4999_only() {
    use gatepass::proto::connection::check_close_code;
    for code in 0..=u16::MAX {
        assert_eq!(check_close_code(code).is_ok(), code == 1000 || (3000..5000).contains(&code), "{code}");
    }
}

#[test]
fn whoever_hears_of_a_failure_or_an_end_sees_the_state_it_led_to() {
    let mut world = connect(Kind::Ticket);
    world.run_for(6_000);
    world.lines[0].order.clear();
    world.drop_sockets(1006);
    world.run_for(100);
    assert_eq!(world.lines[0].order[..2], ["state waiting", "closed"]);
}

#[test]
fn the_first_try_after_a_lasting_connection_is_spread_and_counts_as_the_first() {
    let mut longest = 0;
    for seed in 0..20 {
        let mut world = World::new(seed, &[Kind::Ticket]);
        world.sign_in("maggie");
        world.server.refuse_handshakes = 2;
        world.connect(0);
        assert!(world.run_until(MINUTE, connected));
        assert_eq!(world.lines[0].attempts.last(), Some(&3));
        world.run_for(31_000);
        world.drop_sockets(1006);
        assert!(world.run_until(MINUTE, |world| world.lines[0].opened == 2));
        assert_eq!(world.lines[0].attempts.last(), Some(&1));
        longest = longest.max(*world.lines[0].waits.last().expect("a wait"));
    }
    assert!((2_500..=5_000).contains(&longest), "{longest} of 5,000 ms");
}

#[test]
fn another_user_begins_with_a_clean_slate() {
    let mut world = World::signed_in(Kind::Query);
    world.server.refuse_handshakes = 2;
    assert!(world.run_until(MINUTE, |world| world.server.refuse_handshakes == 0));
    world.run_for(60);
    world.logout();
    world.server.refuse_handshakes = 1;
    world.sign_in("bob");
    assert!(world.run_until(MINUTE, connected));
    assert!(!world.lines[0].codes().contains(&"HANDSHAKE_REFUSED"), "{:?}", world.lines[0].codes());
    assert_eq!(world.lines[0].attempts.last(), Some(&2));

    let mut doubted = World::signed_in(Kind::Ticket);
    fault(&mut doubted, "ticket", &[Fault::Status(401, None)]);
    assert!(doubted.run_until(MINUTE, |world| !world.lines[0].failures.is_empty()));
    doubted.logout();
    doubted.sign_in("bob");
    fault(&mut doubted, "ticket", &[Fault::Status(401, None)]);
    assert!(doubted.run_until(MINUTE, connected));
    assert_eq!(doubted.lines[0].failures.last(), Some(&("TICKET_UNAUTHORIZED", Disposition::RefreshToken)));
}

#[test]
fn whoever_signs_in_after_a_second_refusal_has_a_ladder_of_his_own() {
    let mut world = World::signed_in(Kind::Ticket);
    fault(&mut world, "ticket", &vec![Fault::Status(401, None); 2]);
    world.run_for(MINUTE);
    assert_eq!(world.lines[0].state(), ConnectionState::Suspended);
    fault(&mut world, "ticket", &[Fault::Status(401, None)]);
    world.sign_in("maggie");
    assert!(world.run_until(MINUTE, connected));
    let dispositions: Vec<_> = world.lines[0].failures.iter().map(|(_, disposition)| *disposition).collect();
    assert_eq!(dispositions, [Disposition::RefreshToken, Disposition::SignIn, Disposition::RefreshToken]);
}

#[test]
fn case_104_and_105_a_restart_looks_different_behind_each_server_and_leads_to_the_same() {
    // How daphne, uvicorn and hypercorn close when a consumer raises, and when the server stops.
    for code in [1006, 1011, 1012] {
        let mut buckets = [0_u32; 50];
        for seed in 0..100 {
            let mut world = World::new(seed, &[Kind::Ticket]);
            world.sign_in("maggie");
            world.connect(0);
            assert!(world.run_until(MINUTE, connected));
            world.run_for(6_000);
            world.drop_sockets(code);
            assert!(world.run_until(MINUTE, |world| world.lines[0].opened == 2), "after {code}");
            assert_eq!(world.lines[0].failures.len(), 1);
            assert_eq!(world.lines[0].failures[0].1, Disposition::RETRY, "after {code}");
            buckets[world.lines[0].waits[0] as usize / 100] += 1;
        }
        let most = buckets.iter().max().copied().unwrap_or_default();
        assert!(most <= 12, "{most} of a hundred clients come back within the same 100 ms of five seconds");
    }
}

#[test]
fn one_connection_and_no_more_ends_with_what_ends_it() {
    let world = |kind| {
        let mut world = World::with(1, &[kind], |config| config.reconnects = false);
        world.sign_in("maggie");
        world.connect(0);
        world
    };
    for kind in KINDS {
        let mut lost = world(kind);
        assert!(lost.run_until(MINUTE, connected), "{kind:?}");
        lost.drop_sockets(1006);
        lost.run_for(10 * MINUTE);
        assert_eq!((lost.lines[0].state(), lost.lines[0].opened), (ConnectionState::Closed, 1), "{kind:?}");
        assert_eq!(lost.lines[0].closed_events, [1006], "{kind:?}");
        assert_eq!(lost.lines[0].failures, [("CONNECTION_LOST", Disposition::GiveUp)], "{kind:?}");

        let mut refused = world(kind);
        refused.server.refuse_handshakes = 1;
        refused.run_for(10 * MINUTE);
        assert_eq!((refused.lines[0].state(), refused.server.log.dials), (ConnectionState::Closed, 1), "{kind:?}");
        assert_eq!(refused.lines[0].closed_events, [1006], "{kind:?}");

        let mut frozen = world(kind);
        assert!(frozen.run_until(MINUTE, connected), "{kind:?}");
        frozen.page(PageEvent::Frozen);
        frozen.page(PageEvent::Resumed);
        frozen.run_for(MINUTE);
        assert_eq!((frozen.lines[0].state(), frozen.lines[0].opened), (ConnectionState::Closed, 1), "{kind:?}");
    }
    // A token that had already expired is no failure of the connection. The connection waits for the next user.
    let mut renewed = world(Kind::Ticket);
    fault(&mut renewed, "ticket", &[Fault::Status(401, None)]);
    assert!(renewed.run_until(MINUTE, connected), "{:?}", renewed.lines[0].failures);
    renewed.drop_sockets(4401);
    renewed.run_for(10 * MINUTE);
    assert_eq!((renewed.lines[0].state(), renewed.lines[0].opened), (ConnectionState::Closed, 1));
    let mut late = World::with(1, &[Kind::FirstMessageAck], |config| config.reconnects = false);
    late.connect(0);
    late.run_for(MINUTE);
    assert_eq!(late.lines[0].state(), ConnectionState::Suspended);
    late.sign_in("maggie");
    assert!(late.run_until(MINUTE, connected));
    late.logout();
    late.sign_in("bob");
    late.run_for(MINUTE);
    assert_eq!((late.lines[0].state(), late.lines[0].closed_events.clone()), (ConnectionState::Closed, vec![1006]));
    let mut unwanted = world(Kind::Ticket);
    fault(&mut unwanted, "ticket", &vec![Fault::Status(401, None); 9]);
    unwanted.run_for(MINUTE);
    assert_eq!(unwanted.lines[0].state(), ConnectionState::Closed);
    assert_eq!(unwanted.lines[0].closed_events, [1006]);
}

#[test]
fn a_socket_that_the_browser_closes_for_a_followed_link_is_no_failure_and_is_dialled_once_the_page_would_be_gone() {
    let mut world = connect(Kind::Query);
    world.page(PageEvent::Leaving);
    world.drop_sockets(1001);
    world.run_for(1_500);
    let line = &world.lines[0];
    assert_eq!((line.codes(), line.error_events, world.server.log.dials), (vec!["CONNECTION_LOST"], 0, 1));
    // The page is still there: it was a download.
    world.run_for(1_500);
    assert_eq!((world.lines[0].state(), world.server.log.dials), (ConnectionState::Connected, 2));
    // Later, and with another code, it is the server again.
    world.run_for(10_000);
    world.drop_sockets(1001);
    world.run_for(100);
    assert_eq!(world.lines[0].codes(), ["CONNECTION_LOST", "CLOSED_BY_SERVER"]);
}

#[test]
fn a_long_dial_that_fails_is_blamed_on_its_length_and_a_missing_websocket_on_nothing_else() {
    let mut world = World::with(1, &[Kind::Query], |config| {
        config.url = config.url.with_plain_param("cart", &"a".repeat(4_000));
    });
    world.sign_in("maggie");
    world.server.refuse_handshakes = 4;
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    assert_eq!(world.lines[0].codes(), ["HANDSHAKE_TOO_LONG"; 4]);
    let length = world.lines[0].last_length;
    assert!(length.is_some_and(|length| length > 4_000), "{length:?}");

    let mut none = World::signed_in(Kind::Query);
    none.run_for(20);
    none.socket_refused(0, false);
    none.run_for(MINUTE);
    assert_eq!((none.lines[0].codes(), none.lines[0].state()), (vec!["UNSUPPORTED"], ConnectionState::Closed));
}

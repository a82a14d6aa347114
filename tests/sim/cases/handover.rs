//! Handover: a socket with the renewed token is connected before the present one closes.

use std::collections::BTreeSet;

use gatepass::proto::scheme::Scheme;

use super::tokens::renewing;
use super::{MINUTE, connected};
use crate::world::{Kind, World};

const HOUR: u64 = 60 * MINUTE;

fn handing_over(kind: Kind) -> World {
    renewing(kind, true)
}

#[test]
fn a_handover_loses_no_message_and_sends_none_twice_and_the_app_notices_nothing() {
    for kind in [Kind::Ticket, Kind::Query, Kind::FirstMessage, Kind::FirstMessageAck, Kind::FirstMessageHello] {
        let mut world = handing_over(kind);
        world.run_for(1_000);
        world.server.answers = true;
        let (told, first, mut sent) = (world.lines[0].order.len(), world.lines[0].machine.socket(), 0);
        for round in 0..3_600 {
            world.broadcast(&format!("news {round}"));
            for _ in 0..4 {
                sent += u32::from(world.send(0));
                world.run_for(250);
            }
        }
        world.run_for(5_000);
        let line = &mut world.lines[0];
        let mut received: Vec<u64> = line.received_by_server.iter().map(|text| text.parse().unwrap()).collect();
        received.sort_unstable();
        assert_eq!(received, (1..=u64::from(sent)).collect::<Vec<_>>(), "{kind:?}: what was sent");
        let news = (0..3_600).map(|round| format!("news {round}"));
        let all = news.chain((1..=sent).map(|number| format!("answer to {number}")));
        let delivered: BTreeSet<_> = line.delivered.iter().collect();
        assert_eq!(all.filter(|text| !delivered.contains(text)).collect::<Vec<_>>(), [""; 0], "{kind:?}");
        assert_ne!(line.machine.socket(), first, "{kind:?}: it was never handed over");
        assert_eq!(line.stats().received as usize, line.delivered.len(), "{kind:?}");
        assert_eq!(line.order.len(), told, "{kind:?}: {:?}", &line.order[told..]);
        assert!(world.server.log.refreshed >= 12 && world.server.log.dials >= 13, "{kind:?}: {:?}", world.server.log);
        assert!(line.is_connected() && line.failures.is_empty());
    }
}

#[test]
fn a_handover_that_fails_leaves_the_socket_as_it_is() {
    let mut world = handing_over(Kind::Ticket);
    world.server.refuse_handshakes = 1;
    world.ask_token(0, HOUR);
    world.run_for(5_000);
    assert_eq!((world.lines[0].opened, world.lines[0].failures.len(), world.server.log.dials), (1, 0, 2));
    assert!(world.send(0));
    world.run_for(1_000);
    assert_eq!(world.lines[0].received_by_server, ["1"]);
    world.ask_token(0, HOUR);
    world.run_for(5_000);
    assert_eq!((world.lines[0].failures.len(), world.server.log.dials), (0, 3), "the next renewal tries again");
    world.drop_sockets(1006);
    world.run_for(100);
    assert!(world.run_until(MINUTE, connected));
}

#[test]
fn whoever_closes_or_signs_out_in_the_middle_of_a_handover_closes_both_sockets() {
    for is_logout in [false, true] {
        for millis in 0..120 {
            let mut world = handing_over(Kind::Ticket);
            world.ask_token(0, HOUR);
            world.run_for(millis);
            if is_logout {
                world.logout()
            } else {
                world.close(0)
            }
            world.run_for(5_000);
            world.broadcast("for nobody");
            world.run_for(1_000);
            assert_eq!(world.open_sockets(0), 0, "{is_logout} {millis}");
            assert!(!world.lines[0].delivered.contains(&"for nobody".to_owned()));
        }
    }
}

#[test]
fn a_socket_lost_in_the_middle_of_its_handover_is_connected_again_once() {
    for (is_reconnect, kind) in [(false, Kind::Ticket), (true, Kind::Ticket), (false, Kind::FirstMessageAck)] {
        for millis in 0..120 {
            let mut world = handing_over(kind);
            world.ask_token(0, HOUR);
            world.run_for(millis);
            if is_reconnect {
                world.connect(0);
            } else {
                world.drop_sockets(1006);
            }
            world.run_for(100);
            assert!(world.run_until(MINUTE, connected), "{kind:?} {millis}");
            world.run_for(10_000);
            assert!(world.send(0));
            world.run_for(1_000);
            let line = &world.lines[0];
            assert_eq!((world.open_sockets(0), line.opened), (1, 2), "{kind:?} {is_reconnect} {millis}");
            assert_eq!(line.received_by_server, ["1"]);
        }
    }
}

/// A world with a heartbeat. Its server falls silent, and its next token starts a handover.
fn beating() -> World {
    let mut world = World::with(1, &[Kind::Ticket], |config| {
        config.handover = true;
        config.heartbeat.ping = Some(crate::codec::json(r#"{"type":"ping"}"#));
        config.heartbeat.pong = Some(crate::codec::json(r#"{"type":"pong"}"#));
    });
    signed_in(&mut world);
    world
}

/// Signed in by a login, so that the token can be renewed and a handover begins.
fn signed_in(world: &mut World) {
    world.server.rotates = true;
    world.login("maggie", "SECRET-password");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
}

#[test]
fn a_silent_server_is_noticed_within_interval_and_timeout_whatever_becomes_of_a_handover() {
    for millis in (0..40_000).step_by(500) {
        let mut world = beating();
        world.run_for(6_000);
        world.cut_sockets();
        let silent = world.elapsed();
        world.run_for(millis);
        let failures = world.lines[0].failures.len();
        world.server.refuse_handshakes = 1;
        world.ask_token(0, HOUR);
        let noticed = |world: &World| world.lines[0].codes().contains(&"CONNECTION_SILENT");
        assert!(world.run_until(MINUTE, noticed), "{millis}: {:?}", world.lines[0].codes());
        assert!(failures > 0 || world.elapsed() - silent <= 36_000, "{millis}: {}", world.elapsed() - silent);
        assert!(failures > 0 || world.server.log.refreshed > 0, "{millis}: no handover began");
    }
}

#[test]
fn a_pong_is_not_the_apps_while_a_handover_is_under_way_and_after_it() {
    for millis in 24_900..25_300 {
        let mut world = beating();
        world.run_for(millis.min(24_950));
        world.ask_token(0, HOUR);
        world.run_for(millis - millis.min(24_950) + 10_000);
        assert_eq!(world.lines[0].delivered, [""; 0], "{millis}");
        assert_eq!(world.lines[0].failures, [], "{millis}");
        assert_eq!(world.server.log.dials, 2, "{millis}: no handover began");
    }
}

#[test]
fn a_server_that_refuses_the_old_socket_during_a_handover_is_heard() {
    let mut world = World::with(1, &[Kind::FirstMessageAck], |config| {
        config.handover = true;
        if let Scheme::FirstMessage(scheme) = &mut config.scheme {
            scheme.expired = Some(crate::codec::json(r#"{"type":"expired"}"#));
        }
    });
    signed_in(&mut world);
    world.server.is_silent = true;
    world.ask_token(0, HOUR);
    world.run_for(150);
    assert_eq!(world.server.log.dials, 2, "the handover is under way");
    world.server.is_silent = false;
    world.broadcast(r#"{"type":"auth_invalid"}"#);
    world.run_for(100);
    assert_eq!(world.lines[0].codes(), ["AUTH_REJECTED"]);
    assert!(world.run_until(MINUTE, connected));
}

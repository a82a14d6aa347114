//! The invariants of the design, each with a test of its name. The world asserts most of them at every step of every
//! schedule. Here each is tested in the situation that is most likely to break it.

use gatepass::proto::connection::ConnectionState;

use super::{MINUTE, connect, connected, fault};
use crate::server::Fault;
use crate::world::{KINDS, Kind, Net, World};

/// Everything that starts an attempt, during another one.
fn hammer(seed: u64, kind: Kind) -> World {
    let mut world = World::new(seed, &[kind; 3]);
    world.net = Net { min_ms: 1, max_ms: 400, loss: 5 };
    world.server.rotates = true;
    for round in 0..30 {
        match round % 6 {
            0 => world.sign_in("maggie"),
            1 => (0..3).for_each(|line| world.connect(line)),
            2 => world.drop_sockets([1006, 4401, 1012][round / 6 % 3]),
            3 => world.server.revoke_access(),
            4 => (0..3).for_each(|line| world.connect(line)),
            _ => world.close(round / 6 % 3),
        }
        world.run_for([0, 30, 700, 5_500][round % 4]);
    }
    world
}

#[test]
fn at_most_one_socket_one_ticket_request_and_one_refresh_are_in_flight() {
    let mut refreshed = 0;
    for seed in 0..50 {
        for kind in [Kind::Ticket, Kind::FirstMessageAck] {
            let world = hammer(seed, kind);
            for line in &world.lines {
                assert!(line.most_sockets == 1 && line.most_requests <= 1, "{kind:?}, seed {seed}");
            }
            assert!(world.most_refreshes <= 1, "{kind:?}, seed {seed}");
            refreshed += world.server.log.refreshed;
        }
    }
    assert!(refreshed > 50, "the tokens were hardly ever renewed: {refreshed}");
}

#[test]
fn a_ticket_is_used_at_most_once() {
    for seed in 0..50 {
        let world = hammer(seed, Kind::Ticket);
        let log = &world.server.log;
        assert!(log.dials > 3 && log.dials <= log.minted, "{} dials with {} tickets", log.dials, log.minted);
        assert_eq!(log.reused_tickets, 0);
    }
}

#[test]
fn connected_means_accepted() {
    for kind in [Kind::FirstMessageAck, Kind::FirstMessageHello] {
        let mut world = World::signed_in(kind);
        world.send(0);
        let phase = |world: &World| world.lines[0].machine.phase().map(|phase| phase.name());
        assert!(world.run_until(MINUTE, |world| phase(world) == Some("authenticating")));
        world.server.is_silent = true;
        world.run_for(8_000);
        assert_eq!((world.lines[0].opened, world.lines[0].queued()), (0, 1), "{kind:?}: open is not connected");
        world.server.is_silent = false;
        assert!(world.run_until(2 * MINUTE, connected), "{kind:?}");
        world.run_for(1_000);
        assert_eq!(world.lines[0].received_by_server, ["1"], "{kind:?}");
    }
}

#[test]
fn every_path_to_a_socket_goes_through_the_session() {
    for kind in KINDS.into_iter().filter(|kind| *kind != Kind::Anonymous) {
        for seed in 0..20 {
            let world = hammer(seed, kind);
            let (dials, answers) = (world.server.log.dials, world.tokens_answered);
            assert!(dials > 3 && dials <= answers, "{kind:?}: {dials} dials with {answers} tokens");
        }
    }
}

#[test]
fn after_logout_nothing_of_the_old_user_is_sent_or_delivered() {
    for kind in KINDS.into_iter().filter(|kind| *kind != Kind::Anonymous) {
        let mut world = connect(kind);
        world.run_for(6_000);
        world.net = Net { min_ms: 200, max_ms: 200, loss: 0 };
        world.broadcast("maggie's news");
        world.send(0);
        world.logout();
        world.run_for(1_000);
        assert_eq!(world.lines[0].delivered, Vec::<String>::new(), "{kind:?}: news for who is gone");

        world.sign_in("maggie");
        world.server.is_up = false;
        world.send(0);
        world.run_for(1_000);
        world.logout();
        world.server.is_up = true;
        world.sign_in("bob");
        assert!(world.run_until(2 * MINUTE, connected), "{kind:?}");
        world.send(0);
        world.run_for(10_000);
        assert_eq!(world.lines[0].dropped, 1, "{kind:?}");
        let received = &world.lines[0].received_by_server;
        assert!(!received.contains(&"2".to_owned()) && received.last().is_some_and(|last| last == "3"), "{received:?}");
    }
}

#[test]
fn a_credential_never_appears_in_an_event_or_an_error() {
    for kind in KINDS {
        let mut world = World::signed_in(kind);
        fault(&mut world, "ticket", &[Fault::Status(401, None), Fault::Answer(200, "<html>")]);
        fault(&mut world, "refresh", &[Fault::Status(500, None), Fault::Lost]);
        for code in [1006, 4401, 1000, 4403] {
            world.run_for(MINUTE);
            world.drop_sockets(code);
        }
        world.login("maggie", "SECRET-wrong");
        world.run_for(MINUTE);
        // The world has printed and searched each of them.
        assert!(world.lines[0].order.len() > 8, "{kind:?}: {:?}", world.lines[0].order);
        assert_eq!(world.lines[0].state(), ConnectionState::Closed, "{kind:?}");
    }
}

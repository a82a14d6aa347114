//! Functions of the app that a try waits for: the address, the first messages, and what is sent at every connection.

use gatepass::error::Disposition;
use gatepass::proto::Millis;
use gatepass::proto::connection::{ConnectionState, DeliveryStatus, Question, SuspendReason, WhenSignedOut};

use super::{MINUTE, connected};
use crate::world::{KINDS, Kind, World};

fn asking(kind: Kind, asks: &[Question]) -> World {
    let mut world = World::with(1, &[kind], |config| config.asks = asks.to_vec());
    world.sign_in("maggie");
    world
}

#[test]
fn what_the_app_says_at_every_connection_goes_before_what_waits() {
    for kind in KINDS {
        let mut world = asking(kind, &[Question::Connected]);
        assert!(world.send(0));
        world.connect(0);
        assert!(world.run_until(MINUTE, connected), "{kind:?}");
        world.run_for(1_000);
        world.drop_sockets(1006);
        world.run_for(60);
        assert!(world.send(0));
        assert!(world.run_until(MINUTE, connected), "{kind:?}");
        world.run_for(1_000);
        // The world asserts the order for each message.
        assert_eq!(world.lines[0].received_by_server, ["1", "2"], "{kind:?}");
    }
}

#[test]
fn a_function_that_fails_is_told_and_tried_again() {
    for (question, kind) in [
        (Question::Address, Kind::Query),
        (Question::Connected, Kind::Ticket),
        (Question::FirstMessage, Kind::FirstMessageAck),
    ] {
        let mut world = asking(kind, &[question]);
        world.app_fails = 100;
        world.connect(0);
        world.run_for(5_000);
        assert_eq!(world.lines[0].codes().first(), Some(&"CALLBACK_FAILED"), "{question:?}");
        assert_eq!((world.lines[0].opened, world.open_sockets(0)), (0, 0), "{question:?}");
        world.app_fails = 0;
        assert!(world.run_until(5 * MINUTE, connected), "{question:?}: {:?}", world.lines[0].failures);
    }
}

#[test]
fn a_function_that_never_ends_is_given_up_with_the_try() {
    for question in [Question::Address, Question::Connected] {
        let mut world = World::with(1, &[Kind::Query], |config| {
            config.asks = vec![question];
            config.connect_timeout = Millis::from_secs(7);
            config.http_timeout = Millis::from_secs(7);
        });
        world.sign_in("maggie");
        world.net.max_ms = 50;
        world.app_hangs = true;
        world.connect(0);
        world.run_for(7_500);
        assert_eq!(world.lines[0].codes(), ["CALLBACK_FAILED"], "{question:?}");
        world.app_hangs = false;
        assert!(world.run_until(MINUTE, connected), "{question:?}");
    }
}

#[test]
fn what_arrives_while_the_app_speaks_is_delivered() {
    let mut world = asking(Kind::Query, &[Question::Connected]);
    world.app_hangs = true;
    world.connect(0);
    world.run_for(500);
    world.broadcast("joined");
    world.run_for(500);
    assert_eq!(world.lines[0].delivered, ["joined"]);
    assert_eq!((world.lines[0].state(), world.lines[0].opened), (ConnectionState::Connecting, 0));
}

#[test]
fn at_a_handover_the_app_speaks_on_the_new_socket_before_it_takes_over() {
    let mut world = World::with(1, &[Kind::Ticket], |config| {
        config.asks = vec![Question::Address, Question::Connected];
        config.handover = true;
    });
    world.login("maggie", "SECRET-password");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    for _ in 0..60 {
        world.send(0);
        world.run_for(MINUTE);
    }
    let line = &world.lines[0];
    assert!(line.handovers >= 5, "{} handovers", line.handovers);
    assert_eq!((line.received_by_server.len(), line.opened, line.failures.len()), (60, 1, 0));
}

#[test]
fn a_visitor_is_connected_becomes_the_user_at_login_and_nobody_at_logout() {
    for kind in [Kind::Query, Kind::Ticket] {
        let mut world = World::with(1, &[kind], |config| config.when_signed_out = WhenSignedOut::Connect);
        world.connect(0);
        assert!(world.run_until(MINUTE, connected), "{kind:?}");
        assert!(world.user_of_line(0).is_none());
        world.sign_in("maggie");
        let is_maggie = |world: &World| connected(world) && world.user_of_line(0).as_deref() == Some("maggie");
        assert!(world.run_until(MINUTE, is_maggie), "{kind:?}: {:?}", world.lines[0].order);
        world.logout();
        let is_nobody = |world: &World| connected(world) && world.user_of_line(0).is_none();
        assert!(world.run_until(MINUTE, is_nobody), "{kind:?}: {:?}", world.lines[0].order);
        assert_eq!(world.lines[0].failures, [], "{kind:?}: a change of user is no failure");
        assert_eq!(world.lines[0].closed_events, [1000, 1000], "{kind:?}");
    }
}

#[test]
fn a_visitor_whom_the_server_refuses_waits_for_a_sign_in() {
    let mut world = World::with(1, &[Kind::Query], |config| config.when_signed_out = WhenSignedOut::Connect);
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    world.drop_sockets(4401);
    world.run_for(MINUTE);
    assert_eq!(world.lines[0].suspended_for, Some(SuspendReason::SignIn));
    world.sign_in("maggie");
    assert!(world.run_until(MINUTE, connected));
}

#[test]
fn what_waits_of_a_user_whose_session_has_ended_does_not_go_out_as_nobody() {
    for kind in [Kind::Query, Kind::Ticket] {
        let mut world = World::with(1, &[kind], |config| config.when_signed_out = WhenSignedOut::Connect);
        world.sign_in("maggie");
        world.connect(0);
        assert!(world.run_until(MINUTE, connected), "{kind:?}");
        world.server.revoke_access();
        world.server.revoke_refresh();
        world.drop_sockets(4401);
        assert!(world.run_until(MINUTE, |world| !connected(world)), "{kind:?}");
        assert!(world.send(0));
        let is_nobody = |world: &World| connected(world) && world.user_of_line(0).is_none();
        assert!(world.run_until(MINUTE, is_nobody), "{kind:?}: {:?}", world.lines[0].order);
        assert!(world.send(0));
        world.run_for(MINUTE);
        let line = &world.lines[0];
        assert_eq!((line.received_by_server.len(), line.dropped), (1, 1), "{kind:?}: {:?}", line.order);
        assert_eq!(line.fates[&1], [DeliveryStatus::Dropped], "{kind:?}");
        assert_eq!(line.failures.last().map(|failure| failure.1), Some(Disposition::SignIn), "{kind:?}");
    }
}

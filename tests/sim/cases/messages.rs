//! Messages: order, queue, limits, and their users.

use gatepass::error::Disposition;
use gatepass::proto::connection::ConnectionState;

use super::{MINUTE, connect, connected, fault};
use crate::server::{BadToken, Fault};
use crate::world::{KINDS, Kind, World};

#[test]
fn every_scheme_connects_and_carries_messages_both_ways() {
    for kind in KINDS {
        let mut world = connect(kind);
        world.send(0);
        world.run_for(1_000);
        world.broadcast("news");
        world.run_for(1_000);
        assert_eq!(world.lines[0].received_by_server, ["1"], "{kind:?}");
        assert_eq!(world.lines[0].delivered, ["news"], "{kind:?}");
        assert_eq!(world.lines[0].opened, 1, "{kind:?}");
        let stats = world.lines[0].stats();
        assert_eq!((stats.sent, stats.received, stats.connections, stats.attempts), (1, 1, 1, 1), "{kind:?}");
    }
}

#[test]
fn case_111_messages_sent_before_the_connection_arrive_in_order_and_after_close_none_is_taken() {
    for kind in KINDS {
        let mut world = World::new(1, &[kind]);
        for _ in 0..3 {
            assert!(world.send(0));
        }
        world.connect(0);
        world.send(0);
        world.run_for(1_000);
        if kind != Kind::Anonymous {
            assert_eq!(world.lines[0].failures, [], "nobody has ever signed in: {kind:?}");
            assert_eq!(world.lines[0].queued(), 4, "{kind:?}");
        }
        world.sign_in("maggie");
        assert!(world.run_until(MINUTE, connected));
        world.send(0);
        world.run_for(1_000);
        assert_eq!(world.lines[0].received_by_server, ["1", "2", "3", "4", "5"], "{kind:?}");
        world.close(0);
        assert!(!world.send(0), "{kind:?}");
    }
}

#[test]
fn closing_tells_how_many_queued_messages_are_given_up() {
    let mut world = World::new(1, &[Kind::Ticket]);
    world.send(0);
    world.send(0);
    world.close(0);
    assert_eq!((world.lines[0].dropped, world.lines[0].queued()), (2, 0));
}

#[test]
fn case_112_a_message_beyond_the_limit_ends_the_connection_with_a_name() {
    let mut world = World::with(1, &[Kind::Anonymous], |config| config.max_message = 16);
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    world.broadcast("just sixteen b..");
    world.run_for(100);
    assert_eq!(world.lines[0].delivered.len(), 1);
    world.broadcast("seventeen bytes..");
    world.run_for(100);
    assert_eq!(world.lines[0].failures, [("MESSAGE_TOO_BIG", Disposition::GiveUp)]);

    let mut refused = connect(Kind::Anonymous);
    refused.drop_sockets(1009);
    refused.run_for(100);
    assert_eq!(refused.lines[0].failures, [("MESSAGE_TOO_BIG", Disposition::GiveUp)]);
}

#[test]
fn logout_closes_the_socket_and_drops_what_was_queued() {
    let mut world = connect(Kind::Ticket);
    world.logout();
    assert_eq!(world.lines[0].hung_up, [(1000, "signed out".to_owned())]);
    assert_eq!(world.lines[0].state(), ConnectionState::Suspended);
    world.sign_in("bob");
    world.send(0);
    world.logout();
    assert_eq!(world.lines[0].dropped, 1);
    world.sign_in("maggie");
    assert!(world.run_until(MINUTE, connected));
    world.run_for(1_000);
    assert_eq!(world.lines[0].received_by_server, Vec::<String>::new());
}

#[test]
fn closing_what_a_failure_has_closed_gives_up_its_queue() {
    let mut world = World::signed_in(Kind::Ticket);
    fault(&mut world, "ticket", &[Fault::Status(403, None)]);
    world.send(0);
    world.run_for(MINUTE);
    assert_eq!(world.lines[0].queued(), 1);
    world.close(0);
    assert_eq!((world.lines[0].queued(), world.lines[0].dropped), (0, 1));
    assert_eq!(world.lines[0].closed_events.len(), 1, "the end is told once");
}

#[test]
fn messages_that_follow_a_refused_first_message_arrive_once_after_the_refresh() {
    for bad_token in [BadToken::CloseNormal, BadToken::Close4401, BadToken::RejectMessage] {
        let mut world = World::new(1, &[Kind::FirstMessage]);
        world.server.bad_token = bad_token;
        world.sign_in("maggie");
        world.server.revoke_access();
        world.send(0);
        world.send(0);
        world.connect(0);
        assert!(world.run_until(MINUTE, connected));
        world.send(0);
        assert!(world.run_until(MINUTE, |world| world.lines[0].opened == 2), "{bad_token:?}");
        world.send(0);
        world.run_for(10_000);
        world.hear_of_the_server();
        assert_eq!(world.lines[0].received_by_server, ["1", "2", "3", "4"], "{bad_token:?}");
        assert_eq!(world.payloads_kept(0), 0, "{bad_token:?}");
    }
}

#[test]
fn messages_on_a_socket_that_is_lost_are_not_sent_twice() {
    let mut world = connect(Kind::FirstMessage);
    world.send(0);
    world.run_for(100);
    world.drop_sockets(1006);
    assert!(world.run_until(MINUTE, |world| world.lines[0].opened == 2));
    world.send(0);
    world.run_for(10_000);
    world.hear_of_the_server();
    assert_eq!(world.lines[0].received_by_server, ["1", "2"]);
    assert_eq!(world.lines[0].unconfirmed, [1]);
    assert_eq!(world.payloads_kept(0), 0);
}

#[test]
fn what_the_server_has_answered_is_neither_kept_nor_sent_again_by_a_reconnect() {
    let mut world = connect(Kind::FirstMessage);
    world.send(0);
    assert_eq!(world.payloads_kept(0), 1, "the server may yet refuse");
    world.run_for(6_000);
    world.hear_of_the_server();
    assert_eq!(world.payloads_kept(0), 0);

    let mut replaced = connect(Kind::FirstMessage);
    replaced.send(0);
    replaced.run_for(100);
    replaced.connect(0);
    assert!(replaced.run_until(MINUTE, |world| world.lines[0].opened == 2));
    replaced.run_for(10_000);
    assert_eq!(replaced.lines[0].received_by_server, ["1"]);
}

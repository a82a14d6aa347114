//! Sockets that do not open: refused, hung, blocked, and what that says about the token.

use gatepass::error::Disposition;
use gatepass::proto::connection::ConnectionState;
use gatepass::proto::session::SessionState;

use super::{MINUTE, connect, connected, fault};
use crate::server::Fault;
use crate::world::{Kind, World};

#[test]
fn case_47_after_three_refused_handshakes_the_state_says_so_and_the_token_is_refreshed_ever_more_rarely() {
    let mut world = World::new(1, &[Kind::Query]);
    world.server.access_life_ms = 3_600_000;
    world.sign_in("maggie");
    world.connect(0);
    world.server.refuse_handshakes = u32::MAX;
    world.run_for(20 * MINUTE);
    assert_eq!(
        world.lines[0].codes()[..4],
        ["CONNECT_FAILED", "CONNECT_FAILED", "HANDSHAKE_REFUSED", "HANDSHAKE_REFUSED"]
    );
    assert!(world.lines[0].failures.iter().all(|(_, disposition)| *disposition == Disposition::RETRY));
    // After the 3rd, 6th, 12th, 24th and 48th refusal.
    assert_eq!(world.server.log.refreshed, 5);
    let tries = world.lines[0].failures.len();
    assert!((48..96).contains(&tries), "{tries} tries in 20 minutes: about one in 15 s");
    world.server.refuse_handshakes = 0;
    assert!(world.run_until(MINUTE, connected));
}

#[test]
fn case_47_an_expired_token_in_the_query_is_renewed_after_the_third_refusal() {
    let mut world = World::new(1, &[Kind::Query]);
    world.sign_in("maggie");
    world.server.revoke_access();
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    assert_eq!((world.server.log.dials, world.server.log.refreshed), (4, 1));
}

#[test]
fn case_47_refused_handshakes_never_sign_out_a_user_whose_token_cannot_be_renewed() {
    let mut world = World::new(1, &[Kind::Query]);
    world.server.has_refresh = false;
    world.sign_in("maggie");
    world.server.refuse_handshakes = 10;
    world.connect(0);
    assert!(world.run_until(10 * MINUTE, connected));
    assert_eq!(world.session().state(), SessionState::SignedIn);
}

#[test]
fn case_48_a_hung_handshake_is_left_behind_and_the_next_try_proceeds() {
    let mut world = World::signed_in(Kind::Ticket);
    world.server.is_silent = true;
    world.run_until(MINUTE, |world| !world.lines[0].failures.is_empty());
    assert_eq!(world.lines[0].codes(), ["CONNECT_TIMED_OUT"]);
    assert_eq!(world.lines[0].hung_up, [(3008, String::new())]);
    world.server.is_silent = false;
    assert!(world.run_until(MINUTE, connected));
}

#[test]
fn case_49_a_server_that_drops_the_handshake_is_tried_again() {
    let mut world = World::new(1, &[Kind::FirstMessage]);
    world.sign_in("maggie");
    world.server.is_up = false;
    world.connect(0);
    world.run_for(5_000);
    assert!(world.lines[0].codes().contains(&"CONNECT_FAILED"));
    world.server.is_up = true;
    assert!(world.run_until(2 * MINUTE, connected));
}

#[test]
fn case_55_a_socket_that_the_browser_will_not_make_ends_the_connection() {
    let mut world = World::signed_in(Kind::Query);
    world.socket_refused(0, true);
    assert_eq!(world.lines[0].state(), ConnectionState::Closed);
    assert_eq!(world.lines[0].failures, [("BLOCKED", Disposition::GiveUp)]);
}

#[test]
fn case_56_two_errors_without_a_close_in_a_row_count_as_blocked_and_one_does_not() {
    let err = |world: &mut World| {
        let is_opening = |world: &World| world.lines[0].machine.phase().is_some_and(|phase| phase.name() == "opening");
        assert!(world.run_until(MINUTE, is_opening));
        world.socket_error(0);
        world.run_for(1_900);
        assert_eq!(world.lines[0].state(), ConnectionState::Connecting);
        world.run_for(110);
    };
    let mut world = World::signed_in(Kind::Query);
    world.server.is_silent = true;
    err(&mut world);
    assert_eq!(world.lines[0].failures, [("CONNECT_FAILED", Disposition::RETRY)]);
    // One slow attempt does not mean that the browser blocks.
    world.server.is_silent = false;
    assert!(world.run_until(MINUTE, connected));

    let mut blocked = World::signed_in(Kind::Query);
    blocked.server.is_silent = true;
    err(&mut blocked);
    err(&mut blocked);
    assert_eq!(blocked.lines[0].failures[1], ("BLOCKED", Disposition::GiveUp));
    assert_eq!(blocked.lines[0].state(), ConnectionState::Closed);

    // A new start after that counts from zero.
    blocked.connect(0);
    err(&mut blocked);
    assert_eq!(blocked.lines[0].state(), ConnectionState::Waiting);
    err(&mut blocked);
    assert_eq!(blocked.lines[0].codes(), ["CONNECT_FAILED", "BLOCKED", "CONNECT_FAILED", "BLOCKED"]);

    // So does an attempt that opens, closes or times out in between.
    world.server.is_silent = true;
    world.drop_sockets(1006);
    err(&mut world);
    world.run_for(15_000);
    assert!(world.lines[0].codes().contains(&"CONNECT_TIMED_OUT"), "{:?}", world.lines[0].codes());
    err(&mut world);
    assert!(!world.lines[0].codes().contains(&"BLOCKED"), "{:?}", world.lines[0].codes());
    let mut slow = World::signed_in(Kind::Query);
    for _ in 0..3 {
        slow.server.is_silent = true;
        err(&mut slow);
        slow.server.is_silent = false;
        slow.server.refuse_handshakes = 1;
        assert!(slow.run_until(MINUTE, |world| world.server.refuse_handshakes == 0));
        slow.run_for(100);
    }
    assert!(slow.lines[0].codes().iter().all(|code| *code != "BLOCKED"), "{:?}", slow.lines[0].codes());
}

#[test]
fn a_doubted_token_is_kept_when_it_cannot_be_renewed() {
    for bad in [Fault::Status(500, None), Fault::Status(401, None), Fault::Lost] {
        let mut world = World::new(1, &[Kind::Query]);
        world.server.access_life_ms = 86_400_000;
        world.sign_in("maggie");
        world.server.refuse_handshakes = 3;
        fault(&mut world, "refresh", &vec![bad.clone(); 50]);
        world.connect(0);
        assert!(world.run_until(2 * MINUTE, connected), "{bad:?}: {:?}", world.lines[0].failures);
        assert_eq!(world.session().state(), SessionState::SignedIn, "{bad:?}");
    }
}

#[test]
fn an_error_without_a_close_on_an_open_socket_is_a_loss() {
    let mut world = connect(Kind::Ticket);
    world.socket_error(0);
    world.run_for(2_100);
    assert_eq!(world.lines[0].failures, [("CONNECTION_LOST", Disposition::RETRY)]);
    assert!(world.run_until(MINUTE, connected));
}

#[test]
fn a_token_that_ends_during_an_outage_is_renewed_although_it_was_doubted_before() {
    let mut world = World::new(1, &[Kind::Query]);
    world.server.access_life_ms = 86_400_000;
    world.sign_in("maggie");
    world.server.refuse_handshakes = 10;
    world.connect(0);
    assert!(world.run_until(10 * MINUTE, |world| world.server.refuse_handshakes == 0));
    world.server.revoke_access();
    assert!(world.run_until(30 * MINUTE, connected), "{} dials", world.server.log.dials);
}

#[test]
fn case_50_a_server_that_chooses_no_offered_subprotocol_is_left_for_good() {
    for (chosen, is_fit) in [("chat.v2", true), ("", false), ("chat.v3", false)] {
        let mut world = World::with(1, &[Kind::Anonymous], |config| {
            config.protocols = vec!["chat.v1".to_owned(), "chat.v2".to_owned()];
        });
        world.server.subprotocol = chosen;
        world.connect(0);
        world.run_for(MINUTE);
        let line = &world.lines[0];
        if is_fit {
            assert!(line.is_connected() && line.failures.is_empty());
        } else {
            assert_eq!(line.failures, [("SUBPROTOCOL_MISMATCH", Disposition::GiveUp)], "{chosen:?}");
            assert_eq!((line.state(), &line.hung_up[..]), (ConnectionState::Closed, &[(4406, String::new())][..]));
            assert_eq!(line.opened, 0);
        }
    }
}

#[test]
fn a_socket_that_opens_ends_a_row_of_refusals() {
    let mut world = World::signed_in(Kind::Query);
    for round in 1..4 {
        world.server.refuse_handshakes = 2;
        world.drop_sockets(1006);
        assert!(world.run_until(5 * MINUTE, |world| world.lines[0].opened == round));
    }
    assert!(!world.lines[0].codes().contains(&"HANDSHAKE_REFUSED"), "{:?}", world.lines[0].codes());
}

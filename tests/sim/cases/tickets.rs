//! Tickets: a new one for each attempt, never used late.

use gatepass::error::Disposition;
use gatepass::proto::connection::ConnectionState;
use gatepass::proto::scheme::Scheme;

use super::{MINUTE, connect, connected, fault};
use crate::server::Fault;
use crate::world::{Kind, World};

#[test]
fn case_33_an_expired_ticket_costs_one_try_and_a_new_ticket() {
    let mut world = World::signed_in(Kind::Ticket);
    world.server.refuse_handshakes = 1;
    assert!(world.run_until(MINUTE, connected));
    assert_eq!(world.server.log.minted, 2);
    assert_eq!(world.lines[0].codes(), ["CONNECT_FAILED"]);
}

#[test]
fn case_34_every_try_fetches_its_own_ticket() {
    let mut world = connect(Kind::Ticket);
    for drop in 0..5 {
        world.run_for(6_000);
        world.drop_sockets(1006);
        world.run_for(10);
        assert!(world.run_until(MINUTE, |world| world.lines[0].opened == drop + 2));
    }
    assert_eq!((world.server.log.minted, world.server.log.dials), (6, 6));
    assert_eq!(world.server.log.used_tickets.len(), 6);
}

#[test]
fn case_35_a_ticket_endpoint_that_answers_401_is_asked_once_more_with_a_new_token() {
    let mut world = World::signed_in(Kind::Ticket);
    fault(&mut world, "ticket", &[Fault::Status(401, None)]);
    assert!(world.run_until(MINUTE, connected));
    assert_eq!(world.server.log.refreshed, 1);
    assert_eq!(world.lines[0].failures, [("TICKET_UNAUTHORIZED", Disposition::RefreshToken)]);
    assert!(world.lines[0].waits.is_empty(), "nothing was dialled, so nothing is waited for");
}

#[test]
fn case_35_a_second_401_asks_for_sign_in_and_dials_nothing() {
    let mut world = World::signed_in(Kind::Ticket);
    fault(&mut world, "ticket", &[Fault::Status(401, None), Fault::Status(401, None)]);
    world.send(0);
    world.run_for(10 * MINUTE);
    assert_eq!(world.lines[0].state(), ConnectionState::Suspended);
    assert_eq!(world.lines[0].failures[1], ("TICKET_UNAUTHORIZED", Disposition::SignIn));
    assert_eq!((world.server.log.dials, world.server.log.refreshed), (0, 1));
    assert_eq!(world.lines[0].queued(), 1, "nothing is lost");

    world.sign_in("maggie");
    assert!(world.run_until(MINUTE, connected), "signing in brings it back");
    world.run_for(1_000);
    assert_eq!(world.lines[0].received_by_server, ["1"]);
}

#[test]
fn case_36_a_ticket_endpoint_that_fails_is_asked_again_with_backoff() {
    for bad in [
        Fault::Status(503, None),
        Fault::Status(500, None),
        Fault::Status(408, None),
        Fault::Status(429, None),
        Fault::Lost,
        Fault::Answer(200, "<html>sign in to the hotel network</html>"),
        Fault::Answer(200, r#"{"ticket":""}"#),
        Fault::Answer(200, r#"{"ticket":7}"#),
    ] {
        let mut world = World::signed_in(Kind::Ticket);
        fault(&mut world, "ticket", &[bad.clone(), bad.clone()]);
        world.send(0);
        assert!(world.run_until(2 * MINUTE, connected), "{bad:?}");
        assert_eq!(world.lines[0].waits.len(), 2, "{bad:?}");
        assert_eq!(world.lines[0].codes().len(), 2, "{bad:?}");
        world.run_for(1_000);
        assert_eq!(world.lines[0].received_by_server, ["1"], "{bad:?}");
    }
}

#[test]
fn every_bad_answer_of_the_ticket_endpoint_has_a_name_of_its_own() {
    let rows = [
        (Fault::Status(401, None), "TICKET_UNAUTHORIZED"),
        (Fault::Status(403, None), "TICKET_FORBIDDEN"),
        (Fault::Status(429, Some("7")), "TICKET_REJECTED"),
        (Fault::Status(500, None), "TICKET_REJECTED"),
        (Fault::Lost, "TICKET_TIMED_OUT"),
        (Fault::Answer(200, "<html>"), "TICKET_MALFORMED"),
        (Fault::Answer(200, "{}"), "TICKET_MALFORMED"),
    ];
    for (bad, code) in rows {
        let mut world = World::signed_in(Kind::Ticket);
        fault(&mut world, "ticket", std::slice::from_ref(&bad));
        world.run_until(MINUTE, |world| !world.lines[0].failures.is_empty());
        assert_eq!(world.lines[0].codes(), [code], "{bad:?}");
    }
}

#[test]
fn retry_after_of_the_ticket_endpoint_is_the_least_wait() {
    let mut world = World::signed_in(Kind::Ticket);
    fault(&mut world, "ticket", &[Fault::Status(429, Some("7")), Fault::Status(503, Some("40"))]);
    assert!(world.run_until(2 * MINUTE, connected));
    assert!(world.lines[0].waits[0] >= 7_000 && world.lines[0].waits[1] >= 40_000, "{:?}", world.lines[0].waits);
}

#[test]
fn a_forbidden_ticket_ends_the_connection_and_keeps_the_queue() {
    let mut world = World::signed_in(Kind::Ticket);
    fault(&mut world, "ticket", &[Fault::Status(403, None)]);
    world.send(0);
    world.run_for(10 * MINUTE);
    assert_eq!(world.lines[0].state(), ConnectionState::Closed);
    assert_eq!(world.lines[0].failures, [("TICKET_FORBIDDEN", Disposition::GiveUp)]);
    assert_eq!(world.lines[0].queued(), 1);
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    world.run_for(100);
    assert_eq!(world.lines[0].received_by_server, ["1"]);
}

#[test]
fn case_37_a_ticket_that_took_longer_than_its_life_is_never_dialled() {
    let mut world = World::signed_in(Kind::Ticket);
    world.server.ticket_life_ms = 1_000;
    world.net.min_ms = 2_000;
    world.net.max_ms = 2_500;
    world.run_until(MINUTE, |world| !world.lines[0].failures.is_empty());
    assert_eq!(world.lines[0].codes(), ["TICKET_EXPIRED"]);
    assert_eq!(world.server.log.dials, 0);

    world.net = crate::world::Net { min_ms: 1, max_ms: 50, loss: 0 };
    assert!(world.run_until(MINUTE, connected));
}

#[test]
fn case_37_a_life_in_seconds_counts_and_one_that_makes_no_sense_does_not() {
    let rows = [
        (r#"{"ticket":"SECRET-t","expires_in":1}"#, 0),
        (r#"{"ticket":"SECRET-t","expires_in":600}"#, 1),
        (r#"{"ticket":"SECRET-t","expires_in":0}"#, 1),
        (r#"{"ticket":"SECRET-t","expires_in":-1}"#, 1),
        (r#"{"ticket":"SECRET-t","expires_in":"1"}"#, 0),
        (r#"{"ticket":"SECRET-t","expires_in":"soon"}"#, 1),
        (r#"{"ticket":"SECRET-t"}"#, 1),
    ];
    for (answer, dials) in rows {
        let mut world = World::signed_in(Kind::Ticket);
        fault(&mut world, "ticket", &[Fault::Answer(200, answer)]);
        world.net = crate::world::Net { min_ms: 2_000, max_ms: 2_000, loss: 0 };
        assert!(world.run_until(MINUTE, |world| !world.lines[0].failures.is_empty()));
        let expected = if dials == 0 { "TICKET_EXPIRED" } else { "CONNECT_FAILED" };
        assert_eq!((world.lines[0].codes()[0], world.server.log.dials), (expected, dials), "{answer}");
    }
}

#[test]
fn case_39_logout_between_ticket_and_dial_dials_nothing() {
    let mut world = World::signed_in(Kind::Ticket);
    assert!(world.run_until(MINUTE, |world| world.server.log.minted == 1));
    world.logout();
    world.run_for(10 * MINUTE);
    assert_eq!(world.server.log.dials, 0);
    assert_eq!(world.lines[0].state(), ConnectionState::Suspended);
}

#[test]
fn case_44_closing_while_a_ticket_is_on_its_way_dials_nothing() {
    let mut world = World::signed_in(Kind::Ticket);
    assert!(world.run_until(MINUTE, |world| world.server.log.minted == 1));
    world.close(0);
    world.run_for(10 * MINUTE);
    assert_eq!((world.server.log.dials, world.server.log.minted), (0, 1));
    assert_eq!(world.lines[0].state(), ConnectionState::Closed);
    assert_eq!(world.lines[0].closed_events, [1000]);
}

#[test]
fn two_refusals_of_the_ticket_endpoint_with_an_acceptance_between_them_never_sign_out() {
    let mut world = World::signed_in(Kind::Ticket);
    fault(&mut world, "ticket", &[Fault::Status(401, None)]);
    world.server.refuse_handshakes = u32::MAX;
    world.run_for(MINUTE);
    world.server.revoke_access();
    world.run_for(2 * MINUTE);
    world.server.refuse_handshakes = 0;
    assert!(world.run_until(2 * MINUTE, connected), "{:?}", world.lines[0].failures);
    assert!(world.lines[0].failures.iter().all(|(_, disposition)| *disposition != Disposition::SignIn));
}

#[test]
fn case_44_without_a_network_tickets_are_asked_for_ever_more_rarely_and_none_is_left_over() {
    let mut world = World::signed_in(Kind::Ticket);
    world.server.is_up = false;
    world.send(0);
    world.run_for(20 * MINUTE);
    let tries = world.lines[0].failures.len();
    assert!((48..120).contains(&tries), "{tries} tries in 20 minutes: about one in 15 s");
    assert!(world.lines[0].failures.iter().all(|(_, disposition)| *disposition == Disposition::RETRY));
    world.server.is_up = true;
    assert!(world.run_until(MINUTE, connected));
    world.run_for(1_000);
    assert_eq!((world.server.log.minted, world.server.log.dials), (1, 1));
    assert_eq!(world.lines[0].received_by_server, ["1"]);
}

#[test]
fn case_44_a_hidden_page_whose_timers_ring_once_a_minute_asks_for_a_ticket_once_a_minute_at_most() {
    for is_up in [false, true] {
        let mut world = World::signed_in(Kind::Ticket);
        world.set_timer_grain(MINUTE);
        world.server.is_up = is_up;
        fault(&mut world, "ticket", &vec![Fault::Status(503, None); 100]);
        world.run_for(20 * MINUTE);
        let attempts = world.lines[0].machine.stats().attempts;
        assert!((10..=21).contains(&attempts), "{attempts} tries in 20 minutes");
        world.server.is_up = true;
        world.server.faults.clear();
        assert!(world.run_until(2 * MINUTE, connected));
        assert_eq!((world.server.log.minted, world.server.log.dials), (1, 1));
    }
}

#[test]
fn case_26_a_server_that_says_403_where_others_say_401_asks_for_another_token_if_it_is_told_so() {
    let world = |unauthorized: u16| {
        let mut world = World::with(1, &[Kind::Ticket], |config| {
            if let Scheme::Ticket(ticket) = &mut config.scheme {
                ticket.unauthorized = vec![unauthorized];
            }
        });
        world.sign_in("maggie");
        fault(&mut world, "ticket", &[Fault::Status(403, None)]);
        world.connect(0);
        world.run_for(MINUTE);
        world
    };
    let told = world(403);
    assert!(connected(&told));
    assert_eq!(told.lines[0].failures, [("TICKET_UNAUTHORIZED", Disposition::RefreshToken)]);
    let untold = world(401);
    assert_eq!(untold.lines[0].failures, [("TICKET_FORBIDDEN", Disposition::GiveUp)]);
}

//! The probe: an HTTP request explains a failed handshake that the browser does not explain.

use gatepass::error::Disposition;
use gatepass::proto::Millis;
use gatepass::proto::connection::ConnectionState;
use gatepass::proto::session::SessionState;

use super::{MINUTE, connected, fault};
use crate::server::Fault;
use crate::world::{Kind, World};

fn refused_with(fault_of_probe: Fault) -> World {
    let mut world = World::signed_in(Kind::QueryProbed);
    world.server.refuse_handshakes = 1;
    fault(&mut world, "probe", &[fault_of_probe]);
    world.run_until(MINUTE, |world| !world.lines[0].failures.is_empty());
    world
}

#[test]
fn case_46_a_refused_token_is_told_by_the_probe_and_renewed_at_once() {
    let mut world = World::new(1, &[Kind::QueryProbed]);
    world.sign_in("maggie");
    world.server.revoke_access();
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    assert_eq!(world.lines[0].failures, [("HANDSHAKE_UNAUTHORIZED", Disposition::RefreshToken)]);
    assert_eq!((world.server.log.dials, world.server.log.probes, world.server.log.refreshed), (2, 1, 1));
}

#[test]
fn case_46_a_token_that_is_refused_again_after_its_renewal_asks_for_sign_in() {
    let mut world = World::signed_in(Kind::QueryProbed);
    world.server.refuse_handshakes = 2;
    fault(&mut world, "probe", &[Fault::Status(401, None), Fault::Status(401, None)]);
    world.run_for(MINUTE);
    let unauthorized = "HANDSHAKE_UNAUTHORIZED";
    assert_eq!(
        world.lines[0].failures,
        [(unauthorized, Disposition::RefreshToken), (unauthorized, Disposition::SignIn)]
    );
    assert_eq!(world.lines[0].state(), ConnectionState::Suspended);
}

#[test]
fn case_46_what_is_forbidden_is_not_tried_again() {
    let world = refused_with(Fault::Status(403, None));
    assert_eq!(world.lines[0].failures, [("HANDSHAKE_FORBIDDEN", Disposition::GiveUp)]);
    assert_eq!(world.lines[0].state(), ConnectionState::Closed);
    assert_eq!(world.session().state(), SessionState::SignedIn);
}

#[test]
fn case_46_a_busy_server_is_tried_again_not_before_it_asks_for() {
    let mut world = refused_with(Fault::Status(503, Some("40")));
    let after = Disposition::Retry { after: Some(Millis::from_secs(40)) };
    assert_eq!(world.lines[0].failures, [("SERVER_UNAVAILABLE", after)]);
    assert!(world.lines[0].waits[0] >= 40_000, "{:?}", world.lines[0].waits);
    assert!(world.run_until(2 * MINUTE, connected));
}

#[test]
fn case_46_a_server_that_is_not_there_is_the_network_and_nobody_doubts_the_token() {
    let mut world = World::new(1, &[Kind::QueryProbed]);
    world.sign_in("maggie");
    world.server.is_up = false;
    world.connect(0);
    world.run_for(5 * MINUTE);
    assert!(world.lines[0].codes().iter().all(|code| *code == "SERVER_UNREACHABLE"), "{:?}", world.lines[0].codes());
    assert_eq!(world.server.log.refreshed, 0);
    world.server.is_up = true;
    assert!(world.run_until(2 * MINUTE, connected));
}

#[test]
fn case_46_a_server_that_refuses_the_handshake_alone_is_named_at_the_first_refusal() {
    let mut world = World::signed_in(Kind::QueryProbed);
    world.server.refuse_handshakes = 1;
    assert!(world.run_until(MINUTE, connected));
    assert_eq!(world.lines[0].failures, [("HANDSHAKE_REFUSED", Disposition::RETRY)]);
    assert_eq!(world.server.log.probes, 1);
}

#[test]
fn a_probe_that_gets_no_answer_in_time_is_a_server_that_is_not_there() {
    let world = refused_with(Fault::Lost);
    assert_eq!(world.lines[0].failures, [("SERVER_UNREACHABLE", Disposition::RETRY)]);
}

#[test]
fn whoever_closes_or_signs_out_during_a_probe_hears_nothing_of_its_answer() {
    for signs_out in [true, false] {
        let mut world = World::signed_in(Kind::QueryProbed);
        world.server.refuse_handshakes = 1;
        world.run_until(MINUTE, |world| world.server.log.probes == 1);
        if signs_out {
            world.logout();
        } else {
            world.close(0);
        }
        world.run_for(MINUTE);
        let (state, codes): (_, &[&str]) =
            if signs_out { (ConnectionState::Suspended, &["TOKEN_MISSING"]) } else { (ConnectionState::Closed, &[]) };
        assert_eq!((world.lines[0].state(), world.lines[0].codes().as_slice()), (state, codes));
        assert_eq!(world.server.log.dials, 1);
    }
}

//! The session: login, renewal, expiry, change of user.

use gatepass::error::{Disposition, TokenError};
use gatepass::proto::Secret;
use gatepass::proto::connection::ConnectionState;
use gatepass::proto::session::SessionState;

use super::{MINUTE, connect, connected, fault};
use crate::server::Fault;
use crate::world::{Kind, World};

#[test]
fn a_wrong_password_is_a_typed_error_and_changes_nothing() {
    let mut world = connect(Kind::Ticket);
    world.login("maggie", "SECRET-wrong");
    world.run_for(1_000);
    assert_eq!(world.logins, [Err(TokenError::InvalidCredentials { status: 401 })]);
    assert_eq!(world.session().state(), SessionState::SignedIn);
    assert!(world.lines[0].is_connected());
}

#[test]
fn a_login_that_is_overtaken_says_so() {
    let mut world = World::new(1, &[Kind::Ticket]);
    world.login("maggie", "SECRET-password");
    world.login("bob", "SECRET-password");
    world.run_for(1_000);
    assert_eq!(world.logins, [Err(TokenError::Superseded), Ok(())]);
    world.login("bob", "SECRET-password");
    world.logout();
    world.run_for(1_000);
    assert_eq!(world.logins[2], Err(TokenError::Superseded));
    assert_eq!(world.session().state(), SessionState::SignedOut);
}

#[test]
fn a_login_that_hangs_times_out_and_may_be_tried_again() {
    let mut world = World::new(1, &[]);
    fault(&mut world, "login", &[Fault::Lost]);
    world.login("maggie", "SECRET-password");
    world.run_for(11_000);
    world.login("maggie", "SECRET-password");
    world.run_for(1_000);
    assert_eq!(world.logins, [Err(TokenError::Login(gatepass::error::HttpError::TimedOut)), Ok(())]);
}

#[test]
fn a_connection_made_during_a_login_waits_for_it() {
    let mut world = World::new(1, &[Kind::Ticket]);
    world.login("maggie", "SECRET-password");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    assert_eq!(world.lines[0].failures, []);
    assert_eq!(world.session_states(), [SessionState::SignedIn]);
}

#[test]
fn ten_connections_with_one_expired_token_make_one_refresh() {
    let mut world = World::new(1, &[Kind::FirstMessageAck; 10]);
    world.server.rotates = true;
    world.sign_in("maggie");
    (0..10).for_each(|line| world.connect(line));
    assert!(world.run_until(MINUTE, connected));
    world.run_for(6_000);
    world.server.revoke_access();
    world.drop_sockets(4401);
    world.run_for(100);
    assert!(world.run_until(2 * MINUTE, connected));
    assert_eq!(world.server.log.refreshed, 1);
}

#[test]
fn case_4_and_5_a_refresh_keeps_the_old_refresh_token_or_takes_the_new_one() {
    for rotates in [false, true] {
        let mut world = World::new(1, &[Kind::Ticket]);
        world.server.rotates = rotates;
        world.sign_in("maggie");
        world.connect(0);
        for round in 1..4 {
            assert!(world.run_until(MINUTE, connected));
            world.run_for(6_000);
            world.server.revoke_access();
            world.drop_sockets(4401);
            world.run_for(2_000);
            assert!(world.run_until(MINUTE, connected), "rotates: {rotates}, round {round}");
            assert_eq!(world.server.log.refreshed, round);
        }
    }
}

#[test]
fn case_12_a_refresh_that_fails_in_passing_never_signs_out() {
    for bad in [
        Fault::Status(500, None),
        Fault::Status(502, None),
        Fault::Status(429, Some("3")),
        Fault::Lost,
        Fault::Answer(200, "<html>"),
    ] {
        let mut world = connect(Kind::Ticket);
        world.server.revoke_access();
        world.run_for(6_000);
        fault(&mut world, "refresh", &[bad.clone(), bad.clone()]);
        world.drop_sockets(1006);
        world.run_for(100);
        assert!(world.run_until(5 * MINUTE, connected), "{bad:?}: {:?}", world.lines[0].failures);
        assert!(!world.session_states().contains(&SessionState::Expired), "{bad:?}");
    }
}

#[test]
fn a_refused_refresh_token_ends_the_session_and_the_queue_survives() {
    let mut world = connect(Kind::Ticket);
    world.run_for(6_000);
    world.server.revoke_access();
    world.server.revoke_refresh();
    world.drop_sockets(4401);
    world.run_for(50);
    world.send(0);
    world.run_for(MINUTE);
    assert_eq!(world.session().state(), SessionState::Expired);
    assert_eq!(world.lines[0].state(), ConnectionState::Suspended);
    assert_eq!(world.lines[0].failures.last(), Some(&("REFRESH_REJECTED", Disposition::SignIn)));
    assert_eq!(world.lines[0].queued(), 1);
}

/// A token that the app had kept for too long.
fn ended() -> String {
    let exp = (crate::world::DAY_ONE / 1000) - 60;
    crate::codec::jwt(&format!(r#"{{"exp":{exp}}}"#))
}

#[test]
fn a_token_that_is_known_to_have_ended_is_not_sent() {
    let mut world = World::new(1, &[Kind::Query]);
    world.server.has_refresh = false;
    // The answer to a login tells the server's time.
    world.login("maggie", "SECRET-password");
    world.run_for(1_000);
    world.set_tokens(&ended(), None);
    world.connect(0);
    world.run_for(1_000);
    assert_eq!(world.lines[0].failures, [("TOKEN_EXPIRED", Disposition::SignIn)]);
    assert_eq!(world.server.log.dials, 0);
}

#[test]
fn case_21_a_token_that_has_ended_by_our_clock_alone_is_for_the_server_to_judge() {
    let mut world = World::new(1, &[Kind::Ticket]);
    world.set_tokens(&ended(), None);
    world.connect(0);
    world.run_for(MINUTE);
    let refused = [Disposition::RefreshToken, Disposition::SignIn].map(|move_on| ("TICKET_UNAUTHORIZED", move_on));
    assert_eq!(world.lines[0].failures, refused);

    // If the server gives no reason, three refusals and an expired token by the clock are enough.
    let mut world = World::new(1, &[Kind::Query]);
    world.set_tokens(&ended(), None);
    world.connect(0);
    world.run_for(MINUTE);
    assert_eq!(world.lines[0].failures.last(), Some(&("TOKEN_EXPIRED", Disposition::SignIn)));
    assert_eq!(world.server.log.dials, 3);
}

#[test]
fn another_users_token_is_another_user() {
    let mut world = World::new(1, &[Kind::FirstMessage]);
    let jwt = |user: &str| crate::codec::jwt(&format!(r#"{{"sub":"{user}"}}"#));
    world.set_tokens(&jwt("maggie"), None);
    world.send(0);
    world.set_tokens(&jwt("maggie"), None);
    assert_eq!(world.lines[0].queued(), 1, "the same user with a new token");
    world.set_tokens(&jwt("bob"), None);
    assert_eq!(world.lines[0].queued(), 0, "nothing of maggie's goes out as bob's");
}

#[test]
fn a_refused_refresh_is_named_whatever_the_status() {
    for status in [400, 401, 403] {
        let mut world = connect(Kind::Ticket);
        world.server.revoke_access();
        fault(&mut world, "refresh", &[Fault::Status(status, None)]);
        world.drop_sockets(4401);
        world.run_for(MINUTE);
        assert_eq!(world.lines[0].failures.last(), Some(&("REFRESH_REJECTED", Disposition::SignIn)), "{status}");
        assert_eq!(world.session().state(), SessionState::Expired, "{status}");
    }
}

#[test]
fn a_refresh_that_gives_back_the_refused_token_is_not_tried_again() {
    let mut world = connect(Kind::Query);
    fault(&mut world, "refresh", &[Fault::Answer(200, r#"{"access":"SECRET-access-1"}"#)]);
    world.drop_sockets(4401);
    world.run_for(10 * MINUTE);
    assert_eq!(world.lines[0].failures.last(), Some(&("CLOSED_BY_SERVER", Disposition::SignIn)));
    assert_eq!(world.session().state(), SessionState::Expired);
    assert_eq!(world.server.log.dials, 1);
}

#[test]
fn a_renewal_to_a_token_that_names_nobody_leaves_the_user_who_he_was() {
    for (user, is_other) in [("maggie", 0), ("bob", 1)] {
        let mut world = World::new(1, &[Kind::Ticket]);
        let jwt = |user: &str| crate::codec::jwt(&format!(r#"{{"sub":"{user}"}}"#));
        let refresh = Secret::new(world.server.new_refresh("maggie"));
        world.set_tokens(&jwt("maggie"), Some(refresh));
        world.connect(0);
        assert!(world.run_until(MINUTE, connected), "renewed by an opaque token");
        assert_eq!(world.server.log.refreshed, 1);
        world.server.is_up = false;
        world.drop_sockets(1006);
        world.run_for(100);
        world.send(0);
        world.set_tokens(&jwt(user), None);
        assert_eq!((world.lines[0].queued(), world.lines[0].dropped), (1 - is_other, is_other), "{user}");
    }
}

#[test]
fn an_expired_session_remembers_whose_it_was() {
    for (user, is_other) in [("maggie", 0), ("bob", 1)] {
        let mut world = World::new(1, &[Kind::FirstMessage]);
        let jwt = |user: &str, exp: i64| crate::codec::jwt(&format!(r#"{{"sub":"{user}","exp":{exp}}}"#));
        world.set_tokens(&jwt("maggie", crate::world::DAY_ONE / 1000 - 60), None);
        world.connect(0);
        world.send(0);
        world.run_for(1_000);
        assert_eq!(world.session().state(), SessionState::Expired);
        world.set_tokens(&jwt(user, crate::world::DAY_ONE / 1000 + 600), None);
        assert_eq!(world.lines[0].dropped, is_other, "{user}");
    }
}

#[test]
fn a_login_that_cannot_be_seen_to_be_of_the_same_user_is_another_user() {
    let mut world = connect(Kind::Ticket);
    world.server.is_up = false;
    world.drop_sockets(1006);
    world.run_for(100);
    world.send(0);
    world.server.is_up = true;
    world.login("bob", "SECRET-password");
    assert!(world.run_until(MINUTE, |world| !world.logins.is_empty()));
    assert_eq!((world.lines[0].queued(), world.lines[0].dropped), (0, 1), "nothing of maggie's goes out as bob's");
}

#[test]
fn a_login_wakes_a_connection_that_waits_for_a_user_and_keeps_its_queue() {
    let mut world = World::new(1, &[Kind::Ticket]);
    world.send(0);
    world.connect(0);
    assert_eq!(world.lines[0].state(), ConnectionState::Suspended);
    world.login("maggie", "SECRET-password");
    assert!(world.run_until(MINUTE, connected));
    world.run_for(1_000);
    assert_eq!(world.lines[0].received_by_server, ["1"]);
}

#[test]
fn a_connection_made_while_an_expired_session_logs_in_waits_for_it() {
    let mut world = connect(Kind::Ticket);
    world.server.revoke_access();
    world.server.revoke_refresh();
    world.drop_sockets(4401);
    world.run_for(MINUTE);
    assert_eq!(world.session().state(), SessionState::Expired);
    let told = world.lines[0].failures.len();
    world.login("maggie", "SECRET-password");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    assert_eq!(world.lines[0].failures.len(), told);
}

#[test]
fn a_refused_refresh_token_is_not_presented_again() {
    let mut world = World::new(1, &[Kind::Query]);
    world.server.access_life_ms = 86_400_000;
    world.sign_in("maggie");
    world.server.refuse_handshakes = 30;
    fault(&mut world, "refresh", &[Fault::Status(401, None)]);
    world.connect(0);
    assert!(world.run_until(30 * MINUTE, connected));
    assert_eq!(world.server.log.refreshes_asked, 1);
    assert_eq!(world.session_states().last(), Some(&SessionState::SignedIn), "whoever listens hears that it is over");
}

#[test]
fn whoever_listens_hears_of_a_renewal_that_came_to_nothing() {
    let mut world = connect(Kind::Ticket);
    world.server.revoke_access();
    fault(&mut world, "refresh", &[Fault::Status(500, None)]);
    world.tabs[0].states.clear();
    world.drop_sockets(4401);
    assert!(world.run_until(MINUTE, |world| world.session_states().len() == 2));
    assert_eq!(world.session_states(), [SessionState::Refreshing, SessionState::SignedIn]);
}

#[test]
fn a_token_that_ended_while_its_renewal_failed_is_not_handed_out() {
    let mut world = World::new(1, &[Kind::Query]);
    world.server.access_life_ms = 20_000;
    world.login("maggie", "SECRET-password");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    fault(&mut world, "refresh", &vec![Fault::Status(500, None); 1_000]);
    world.run_for(30_000);
    world.drop_sockets(1006);
    world.run_for(MINUTE);
    let codes = world.lines[0].codes();
    assert_eq!(codes[0], "CONNECTION_LOST");
    assert!(codes.len() > 2 && codes[1..].iter().all(|code| *code == "REFRESH_FAILED"), "{codes:?}");
    assert_eq!(world.server.log.dials, 1);
    world.server.faults.clear();
    assert!(world.run_until(2 * MINUTE, |world| world.lines[0].opened == 2));
    assert_eq!(world.server.log.dials, 2);
}

/// The only timer is the token's expiry.
fn rests(world: &World) -> bool {
    let now = world.now_in(0).instant;
    world.session().poll_timeout().is_none_or(|deadline| deadline.since(now).as_millis() > 50_000)
}

#[test]
fn an_answered_or_abandoned_request_leaves_no_timer_behind() {
    let mut world = World::new(1, &[Kind::Ticket]);
    world.login("maggie", "SECRET-password");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    assert!(rests(&world), "after a login");
    let is_refreshing = |world: &World| world.session().state() == SessionState::Refreshing;
    for ends_early in [false, true] {
        world.run_for(6_000);
        world.server.revoke_access();
        world.drop_sockets(4401);
        assert!(world.run_until(MINUTE, is_refreshing));
        if ends_early {
            world.sign_in("maggie");
        } else {
            assert!(world.run_until(MINUTE, |world| !is_refreshing(world)));
        }
        assert!(rests(&world), "after a refresh");
        assert!(world.run_until(MINUTE, connected));
    }
    world.login("maggie", "SECRET-password");
    world.logout();
    assert!(rests(&world), "after a login that was overtaken");
}

#[test]
fn a_token_that_cannot_stand_in_a_header_is_no_token() {
    let mut world = World::new(1, &[]);
    fault(
        &mut world,
        "login",
        &[Fault::Answer(200, "{\"access\":\"tok\u{20ac}n\"}"), Fault::Answer(200, r#"{"access":"a\nb"}"#)],
    );
    for _ in 0..2 {
        world.login("maggie", "SECRET-password");
        world.run_for(1_000);
    }
    let malformed = gatepass::error::HttpError::Malformed(gatepass::error::Malformed::MissingField);
    assert_eq!(world.logins, vec![Err(TokenError::Login(malformed)); 2]);
}

#[test]
fn a_token_from_a_login_lives_by_its_span_although_this_clock_is_wrong() {
    let mut world = World::new(1, &[Kind::Ticket]);
    let issued = crate::world::DAY_ONE / 1000 - 7_200;
    let body =
        format!(r#"{{"access":"{}"}}"#, crate::codec::jwt(&format!(r#"{{"iat":{issued},"exp":{}}}"#, issued + 300)));
    fault(&mut world, "login", &[Fault::Answer(200, body.leak())]);
    world.login("maggie", "SECRET-password");
    world.run_for(1_000);
    world.connect(0);
    world.run_for(1_000);
    assert_eq!(world.lines[0].codes()[0], "TICKET_UNAUTHORIZED", "it was sent; this server does not know it");
}

#[test]
fn a_connection_that_was_closed_is_given_no_token() {
    let mut world = connect(Kind::Ticket);
    world.server.revoke_access();
    world.drop_sockets(4401);
    let is_refreshing = |world: &World| world.session().state() == SessionState::Refreshing;
    assert!(world.run_until(MINUTE, is_refreshing));
    let answered = world.tokens_answered;
    world.close(0);
    world.run_for(MINUTE);
    assert_eq!(world.session().state(), SessionState::SignedIn, "the refresh is of use to others");
    assert_eq!(world.tokens_answered, answered);
}

#[test]
fn signing_out_when_nobody_is_signed_in_does_nothing() {
    let mut world = connect(Kind::Ticket);
    world.logout();
    let told = (world.session_states().len(), world.lines[0].order.len());
    world.logout();
    assert_eq!((world.session_states().len(), world.lines[0].order.len()), told);
    world.login("maggie", "SECRET-password");
    world.logout();
    assert_eq!(world.logins, [Err(TokenError::Superseded)], "a login under way is somebody");
}

#[test]
fn case_28_the_answer_to_a_renewal_that_comes_after_a_logout_signs_nobody_in() {
    let mut world = connect(Kind::Query);
    world.server.revoke_access();
    world.server.is_silent = false;
    world.drop_sockets(4401);
    assert!(world.run_until(MINUTE, |world| world.session().state() == SessionState::Refreshing));
    world.logout();
    world.run_for(MINUTE);
    assert_eq!(world.session().state(), SessionState::SignedOut);
    assert_eq!((world.lines[0].state(), world.server.log.dials), (ConnectionState::Suspended, 1));
}

#[test]
fn case_90_who_is_forbidden_is_not_helped_by_another_token() {
    for code in [4403, 3003] {
        let mut world = connect(Kind::Query);
        world.run_for(6_000);
        world.drop_sockets(code);
        world.run_for(10 * MINUTE);
        assert_eq!(world.lines[0].failures, [("CLOSED_BY_SERVER", Disposition::GiveUp)], "{code}");
        assert_eq!(world.lines[0].state(), ConnectionState::Closed);
        assert_eq!((world.server.log.refreshes_asked, world.server.log.dials), (0, 1), "{code}");
        assert_eq!(world.session().state(), SessionState::SignedIn, "{code}: others may still come in");
    }
}

#[test]
fn case_100_a_logout_closes_the_socket_at_once_and_nothing_queued_goes_out() {
    for is_connected in [true, false] {
        let mut world = connect(Kind::FirstMessageAck);
        if !is_connected {
            world.server.is_up = false;
            world.drop_sockets(1006);
            world.run_for(100);
            assert!(world.send(0));
        }
        let (was_sent, hung_up) = (world.lines[0].received_by_server.len(), world.lines[0].hung_up.len());
        world.logout();
        assert_eq!((world.open_sockets(0), world.lines[0].queued(), world.payloads_kept(0)), (0, 0, 0));
        assert_eq!(world.lines[0].hung_up.len() - hung_up, usize::from(is_connected), "closed, and not waited for");
        assert_eq!(world.lines[0].dropped, usize::from(!is_connected), "what is dropped is told");
        world.server.is_up = true;
        world.login("bob", "SECRET-password");
        assert!(world.run_until(5 * MINUTE, connected));
        world.run_for(MINUTE);
        assert_eq!(world.lines[0].received_by_server.len(), was_sent, "bob says nothing of maggie's");
    }
}

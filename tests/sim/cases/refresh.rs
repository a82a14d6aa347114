//! Answers of a refresh endpoint, and their effect on the session.

use gatepass::error::TokenError;
use gatepass::proto::connection::ConnectionConfig;
use gatepass::proto::http::Credentials;
use gatepass::proto::preset::session_of;
use gatepass::proto::scheme::Scheme;
use gatepass::proto::session::{SessionConfig, SessionState};

use super::{MINUTE, connect, connected, fault};
use crate::codec::{json, jwt};
use crate::server::{Fault, Replay};
use crate::world::{DAY_ONE, Kind, World};

const HOUR: u64 = 60 * MINUTE;

/// The server refuses the token of one socket, which needs a new one.
fn refuse_token(world: &mut World) {
    world.run_for(6_000);
    world.server.revoke_access();
    world.drop_sockets(4401);
    world.run_for(60);
}

#[test]
fn cases_6_and_10_a_refresh_token_that_is_used_up_ends_the_session_once() {
    for (status, body) in [(401, r#"{"code":"token_not_valid"}"#), (400, r#"{"error":"invalid_grant"}"#)] {
        let mut world = connect(Kind::Ticket);
        world.tabs[0].states.clear();
        fault(&mut world, "refresh", &[Fault::Answer(status, body)]);
        refuse_token(&mut world);
        world.run_for(10 * MINUTE);
        assert_eq!(world.tabs[0].errors, [TokenError::RefreshRejected { status }]);
        assert_eq!(world.session_states(), [SessionState::Refreshing, SessionState::Expired], "{status}");
        assert_eq!(world.server.log.refreshes_asked, 1, "{status}");
    }
}

#[test]
fn case_8_a_server_that_takes_a_refresh_token_twice_signs_nobody_out() {
    for replay in [Replay::Exchanged, Replay::Repeated] {
        let mut world = connect(Kind::Ticket);
        (world.server.rotates, world.server.replay) = (true, replay);
        fault(&mut world, "refresh", &[Fault::Lost]);
        refuse_token(&mut world);
        assert!(world.run_until(MINUTE, connected), "{replay:?}: {:?}", world.lines[0].failures);
        assert_eq!((world.tabs[0].errors.len(), world.server.log.refreshes_asked), (0, 2), "{replay:?}");
    }
}

#[test]
fn case_9_two_refreshes_at_once_that_both_succeed_harm_nobody() {
    let mut world = World::with_tabs(1, 2, &[Kind::FirstMessageAck]);
    (world.server.rotates, world.server.replay) = (true, Replay::Exchanged);
    world.login("maggie", "SECRET-password");
    (0..2).for_each(|line| world.connect(line));
    assert!(world.run_until(MINUTE, connected));
    world.run_for(6_000);
    world.shared.has_no_lock = true;
    (0..2).for_each(|tab| world.ask_token(tab, HOUR));
    world.run_for(1_000);
    assert_eq!((world.most_refreshes, world.server.log.refreshed), (2, 2), "the test means what it says");
    world.shared.has_no_lock = false;
    world.run_for(HOUR);
    assert!(world.tabs.iter().all(|tab| tab.errors.is_empty() && tab.session.state() == SessionState::SignedIn));
    assert!(world.lines.iter().all(|line| line.is_connected() && line.opened == 1));
    let tokens = world.present_tokens(&[0, 1]);
    assert_eq!(tokens[0], tokens[1]);
}

#[test]
fn case_11_the_same_token_again_is_neither_an_error_nor_a_loop() {
    let day_one = DAY_ONE / 1000;
    let access = jwt(&format!(r#"{{"iat":{day_one},"exp":{}}}"#, day_one + 120));
    let mut world = World::new(1, &[Kind::FirstMessageHello]);
    world.server.knows(&access, "maggie");
    let answer: &str = format!(r#"{{"access":"{access}","refresh":"SECRET-refresh"}}"#).leak();
    fault(&mut world, "login", &[Fault::Answer(200, answer)]);
    fault(&mut world, "refresh", &vec![Fault::Answer(200, answer); 100_000]);
    world.login("maggie", "SECRET-password");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    for minutes in [2, 10, 60] {
        let asked = world.server.log.refreshes_asked;
        world.run_for(minutes * MINUTE);
        let asked = world.server.log.refreshes_asked - asked;
        assert!((1..=minutes as u32 * 2).contains(&asked), "{asked} in {minutes} minutes");
    }
    assert_eq!((world.tabs[0].errors.len(), world.lines[0].failures.len()), (0, 0), "only the server ends a socket");
}

#[test]
fn case_14_a_429_that_does_not_say_when_is_met_with_our_own_waits() {
    let mut world = connect(Kind::Ticket);
    fault(&mut world, "refresh", &vec![Fault::Status(429, None); 5]);
    refuse_token(&mut world);
    assert!(world.run_until(5 * MINUTE, connected), "{:?}", world.lines[0].failures);
    assert_eq!((world.tabs[0].errors.len(), world.server.log.refreshes_asked), (0, 6));
    let waits = world.lines[0].waits.clone();
    assert!(waits.len() >= 5 && waits.iter().all(|wait| *wait <= 40_000), "{waits:?}");
}

#[test]
fn case_15_a_success_that_cannot_be_read_is_a_failure_in_passing() {
    for body in
        ["<html>", "", r#"{"access":"SEC"#, "{}", r#"{"access":7}"#, r#"{"access":""}"#, r#"{"access":null}"#, "[]"]
    {
        let mut world = connect(Kind::Ticket);
        fault(&mut world, "refresh", &vec![Fault::Answer(200, body); 3]);
        refuse_token(&mut world);
        assert!(world.run_until(5 * MINUTE, connected), "{body}: {:?}", world.lines[0].failures);
        let failed = world.lines[0].codes().iter().filter(|code| **code == "REFRESH_FAILED").count();
        assert_eq!((world.tabs[0].errors.len(), failed, world.server.log.refreshes_asked), (0, 3, 4), "{body}");
    }
}

#[test]
fn case_16_a_refresh_token_in_a_cookie_is_left_there_and_used_from_there() {
    for (cookies, rounds) in [(true, 3), (false, 0)] {
        let mut world = World::with_sessions(
            1,
            1,
            |config| config.credentials = if cookies { Credentials::Include } else { Credentials::Omit },
            &[Kind::Ticket],
            |_| {},
        );
        (world.server.rotates, world.server.uses_cookie) = (true, true);
        world.login("maggie", "SECRET-password");
        world.connect(0);
        assert!(world.run_until(MINUTE, connected));
        for round in 1..=rounds {
            refuse_token(&mut world);
            assert!(world.run_until(MINUTE, connected), "round {round}");
        }
        assert_eq!((world.tabs[0].errors.len(), world.server.log.refreshed), (0, rounds));
        if !cookies {
            refuse_token(&mut world);
            world.run_for(MINUTE);
            assert_eq!(world.tabs[0].errors, [TokenError::Expired], "nothing renews it");
        }
    }
}

#[test]
fn case_22_a_login_is_answered_with_201_and_a_renewal_that_comes_too_late_with_400() {
    let mut world = World::new(1, &[Kind::Query]);
    let access = world.server.new_access("maggie");
    let body = format!(r#"{{"access":"{access}","refresh":"{access}"}}"#);
    fault(&mut world, "login", &[Fault::Answer(201, body.leak())]);
    fault(&mut world, "refresh", &[Fault::Answer(400, r#"{"non_field_errors":["Token has expired."]}"#)]);
    world.login("maggie", "SECRET-password");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    assert_eq!(world.logins, [Ok(())]);
    refuse_token(&mut world);
    world.run_for(MINUTE);
    assert_eq!(world.tabs[0].errors, [TokenError::RefreshRejected { status: 400 }]);
}

#[test]
fn a_network_that_is_gone_asks_nobody_to_sign_in() {
    let mut world = connect(Kind::Ticket);
    world.server.is_up = false;
    refuse_token(&mut world);
    world.run_for(HOUR);
    assert_eq!((world.tabs[0].errors.len(), connected(&world)), (0, false));
    world.server.is_up = true;
    assert!(world.run_until(2 * MINUTE, connected));
}

#[test]
fn case_17_a_stale_cookie_is_no_wrong_password() {
    for (cookies, error) in [(true, TokenError::StaleCookie), (false, TokenError::InvalidCredentials { status: 401 })] {
        let mut world = World::with_sessions(
            1,
            1,
            |config| config.credentials = if cookies { Credentials::Include } else { Credentials::Omit },
            &[],
            |_| {},
        );
        fault(&mut world, "login", &[Fault::Answer(401, r#"{"detail":"…","code":"token_not_valid","messages":[]}"#)]);
        for _ in 0..2 {
            world.login("maggie", "SECRET-password");
            world.run_for(1_000);
        }
        assert_eq!(world.logins, [Err(error), Ok(())]);
    }
    let mut world = World::with_sessions(1, 1, |config| config.credentials = Credentials::Include, &[], |_| {});
    world.login("maggie", "SECRET-wrong");
    world.run_for(1_000);
    assert_eq!(world.logins, [Err(TokenError::InvalidCredentials { status: 401 })]);
}

#[test]
fn case_19_an_end_in_milliseconds_or_as_a_date_is_the_right_instant() {
    let life = |row: &'static str, body: &'static str| {
        let row = json(row);
        let change = |config: &mut SessionConfig| {
            config.fields = session_of(&row, "https://api.test").expect("a row").fields;
        };
        let mut world = World::with_sessions(1, 1, change, &[Kind::FirstMessageHello], |_| {});
        world.server.knows("SECRET-access", "maggie");
        fault(&mut world, "login", &[Fault::Answer(200, body)]);
        world.login("maggie", "SECRET-password");
        world.connect(0);
        assert!(world.run_until(MINUTE, connected), "{body}");
        let start = world.now_in(0).instant;
        assert!(world.run_until(1_000 * HOUR, |world| world.server.log.refreshes_asked > 0), "{body}");
        world.now_in(0).instant.since(start).as_millis() / 1_000
    };
    // The simulation starts at 2027-01-15T08:00:00Z.
    let directus = r#"{"fields":{"access":"data.access_token","refresh":"data.refresh_token","expiresIn":"data.expires","expiresInUnit":"ms"}}"#;
    let knox = r#"{"fields":{"access":"token","refresh":"token","expiresAt":"expiry"}}"#;
    for (row, body, seconds) in [
        (directus, r#"{"data":{"access_token":"SECRET-access","refresh_token":"SECRET-r","expires":900000}}"#, 900),
        (knox, r#"{"token":"SECRET-access","expiry":"2027-01-15T12:00:00-06:00"}"#, 10 * 3_600),
        (knox, r#"{"token":"SECRET-access","expiry":"2027-01-15T18:00:00.123456Z"}"#, 10 * 3_600),
    ] {
        let renewed = life(row, body);
        assert!((seconds - 32..=seconds).contains(&renewed), "{renewed} s: {body}");
    }
}

#[test]
fn case_30_a_refusal_that_is_a_success_by_its_status_is_told_by_a_matcher() {
    let no = || Some(json(r#"{"ok":false}"#));
    let change = |config: &mut SessionConfig| {
        for endpoint in [&mut config.login, &mut config.refresh].into_iter().flatten() {
            endpoint.reject = no();
        }
    };
    let refusal = Fault::Answer(200, r#"{"ok":false,"error":"invalid_auth"}"#);
    let change_line = |config: &mut ConnectionConfig| {
        if let Scheme::Ticket(ticket) = &mut config.scheme {
            ticket.reject = no();
        }
    };
    let mut world = World::with_sessions(1, 1, change, &[Kind::Ticket], change_line);
    fault(&mut world, "login", std::slice::from_ref(&refusal));
    world.login("maggie", "SECRET-password");
    world.run_for(1_000);
    world.login("maggie", "SECRET-password");
    world.run_for(1_000);
    assert_eq!(world.logins, [Err(TokenError::InvalidCredentials { status: 200 }), Ok(())]);
    // A refused ticket requests another token, once.
    fault(&mut world, "ticket", std::slice::from_ref(&refusal));
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    assert_eq!((world.lines[0].codes(), world.server.log.refreshed), (vec!["TICKET_UNAUTHORIZED"], 1));
    world.server.may_lose = true;
    fault(&mut world, "refresh", &[refusal]);
    refuse_token(&mut world);
    world.run_for(MINUTE);
    assert_eq!(world.tabs[0].errors, [TokenError::RefreshRejected { status: 200 }]);
}

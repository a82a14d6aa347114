//! The life of a token: renewal before expiry, wrong clocks, sleep, the app's own source, and tabs.

use gatepass::error::{Disposition, TokenError};
use gatepass::proto::Secret;
use gatepass::proto::connection::ConnectionState;
use gatepass::proto::scheme::Scheme;
use gatepass::proto::session::TokenProvider;
use gatepass::proto::session::{NoToken, Provided, Reason, SessionState};

use super::{MINUTE, connected, fault};
use crate::server::Fault;
use crate::world::{Kind, World};

const HOUR: u64 = 60 * MINUTE;

fn signed_in_by_login(kind: Kind) -> World {
    renewing(kind, false)
}

pub(super) fn renewing(kind: Kind, handover: bool) -> World {
    let mut world = World::with(1, &[kind], |config| config.handover = handover);
    world.server.rotates = true;
    world.login("maggie", "SECRET-password");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    world
}

#[test]
fn case_86_a_token_is_renewed_before_it_ends_and_nobody_notices() {
    for kind in [Kind::Ticket, Kind::Query, Kind::FirstMessageAck] {
        let mut world = signed_in_by_login(kind);
        world.run_for(HOUR);
        // Every 270 s of 300 s, and up to 15 s later.
        assert!((12..=13).contains(&world.server.log.refreshed), "{kind:?}: {}", world.server.log.refreshed);
        assert_eq!((world.lines[0].opened, world.lines[0].failures.len()), (1, 0), "{kind:?}");
    }
}

#[test]
fn without_anybody_who_needs_it_nothing_is_renewed() {
    let mut world = signed_in_by_login(Kind::Ticket);
    world.close(0);
    world.run_for(HOUR);
    assert_eq!(world.server.log.refreshes_asked, 0);
    world.ask_token(0, 0);
    world.run_for(1_000);
    assert_eq!((world.server.log.refreshes_asked, world.tabs[0].answers.len()), (1, 1), "but whoever asks gets one");
}

#[test]
fn a_renewal_that_fails_in_passing_is_tried_again_and_the_socket_stays() {
    let mut world = signed_in_by_login(Kind::Ticket);
    fault(&mut world, "refresh", &vec![Fault::Status(503, None); 4]);
    world.run_for(HOUR);
    assert_eq!((world.lines[0].opened, world.lines[0].failures.len()), (1, 0));
    assert!(world.server.log.refreshed >= 10 && world.server.log.refreshes_asked >= 14);
}

#[test]
fn case_13_a_server_that_says_when_is_not_asked_before() {
    for (header, least) in [("7", 7_000), ("99999999999", 300_000), ("x", 0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0)] {
        let mut world = signed_in_by_login(Kind::Ticket);
        fault(&mut world, "refresh", &[Fault::Status(429, Some(header))]);
        world.ask_token(0, HOUR);
        assert!(world.run_until(MINUTE, |world| !world.tabs[0].answers.is_empty()));
        assert!(world.tabs[0].answers[0].is_ok(), "what is good is handed out");
        let start = world.now_in(0).instant;
        while world.server.log.refreshes_asked == 1 {
            world.ask_token(0, HOUR);
            world.run_for(500);
        }
        let waited = world.now_in(0).instant.since(start).as_millis();
        assert!(waited >= least && waited <= least + 40_000, "{header}: {waited} ms");
    }
}

#[test]
fn case_87_after_sleep_there_is_one_refresh_and_one_reconnect() {
    for stops_clock in [false, true] {
        let mut world = signed_in_by_login(Kind::Ticket);
        world.run_for(10_000);
        world.freeze(0, 8 * HOUR, stops_clock);
        world.run_for(MINUTE);
        world.drop_sockets(1006);
        world.run_for(8 * HOUR);
        assert!(world.run_until(2 * MINUTE, connected), "{stops_clock}: {:?}", world.lines[0].codes());
        world.run_for(2 * MINUTE);
        assert_eq!((world.server.log.refreshed, world.lines[0].opened), (1, 2), "{stops_clock}");
    }
}

#[test]
fn case_21_a_clock_that_is_wrong_or_set_neither_loops_nor_ends_the_session() {
    for wrong_by in [0, 7_200_000, -7_200_000, 86_400_000] {
        for set_to in [None, Some(0), Some(7_200_000), Some(-7_200_000)] {
            let mut world = World::new(1, &[Kind::Ticket]);
            world.server.rotates = true;
            world.wall_offset = wrong_by;
            world.login("maggie", "SECRET-password");
            world.connect(0);
            assert!(world.run_until(MINUTE, connected));
            if let Some(set_to) = set_to {
                world.run_for(10_000);
                world.wall_offset = set_to;
            }
            world.run_for(HOUR);
            let refreshed = world.server.log.refreshed;
            // A clock set forward looks like sleep: one more renewal, and a new socket.
            assert!((12..=14).contains(&refreshed), "{wrong_by} {set_to:?}: {refreshed} refreshes");
            let replaced = set_to.is_some_and(|set_to| set_to > wrong_by);
            let failures: &[&str] = if replaced { &["CONNECTION_SILENT"] } else { &[] };
            assert_eq!(world.lines[0].codes(), failures, "{wrong_by} {set_to:?}");
            assert!(world.lines[0].is_connected());
            assert_eq!(world.session().state(), SessionState::SignedIn);
        }
    }
}

#[test]
fn case_88_a_token_that_lives_for_months_is_renewed_at_its_time() {
    let mut world = World::new(1, &[Kind::Query]);
    world.server.access_life_ms = 60 * 24 * HOUR as i64;
    world.login("maggie", "SECRET-password");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    world.run_for(59 * 24 * HOUR);
    assert_eq!(world.server.log.refreshed, 0);
    world.run_for(24 * HOUR);
    assert_eq!(world.server.log.refreshed, 1);
}

#[test]
fn a_first_message_is_sent_again_with_each_new_token_where_the_server_takes_it() {
    let renewing = |config: &mut gatepass::proto::connection::ConnectionConfig| {
        let Scheme::FirstMessage(scheme) = &mut config.scheme else { panic!("the kind has a first message") };
        scheme.reauth = true;
    };
    let mut world = World::with(1, &[Kind::FirstMessageAck], renewing);
    world.server.takes_again = true;
    world.login("maggie", "SECRET-password");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    world.run_for(HOUR);
    assert!((12..=13).contains(&world.server.log.authenticated_again), "{}", world.server.log.authenticated_again);
    assert_eq!((world.lines[0].opened, world.lines[0].failures.len()), (1, 0));
    // Another tab renews it.
    world.ask_token(0, 2 * HOUR);
    world.run_for(1_000);
    assert!((13..=14).contains(&world.server.log.authenticated_again));
}

#[test]
fn a_token_that_was_there_before_the_refusal_is_no_second_refusal() {
    let mut world = signed_in_by_login(Kind::Ticket);
    world.run_for(6_000);
    // The socket has the first token, the session has the second. Then both expire.
    world.ask_token(0, HOUR);
    world.run_for(1_000);
    world.server.revoke_access();
    world.drop_sockets(4401);
    world.run_for(1_000);
    assert!(world.run_until(MINUTE, connected), "{:?}", world.lines[0].failures);
    assert_eq!(world.server.log.refreshed, 2);
    assert!(world.lines[0].failures.iter().all(|(_, move_on)| *move_on == Disposition::RefreshToken));
}

#[test]
fn case_91_a_renewed_token_that_is_refused_again_ends_the_tries() {
    let mut world = signed_in_by_login(Kind::FirstMessageAck);
    world.run_for(6_000);
    world.server.refuses_all = true;
    world.drop_sockets(4401);
    world.run_for(10 * MINUTE);
    assert_eq!(world.lines[0].failures.last().map(|(_, move_on)| *move_on), Some(Disposition::SignIn));
    let dials = world.server.log.dials;
    assert!(dials <= 3 && world.server.log.refreshed == 1, "{:?}", world.server.log);
    // A renewal by another tab is no sign-in.
    world.ask_token(0, HOUR);
    world.run_for(MINUTE);
    assert_eq!((world.server.log.refreshed, world.server.log.dials), (2, dials));
    assert_eq!(world.lines[0].state(), ConnectionState::Suspended);
}

#[test]
fn case_97_a_lost_answer_of_a_server_that_rotates_ends_in_a_state_of_its_own() {
    for (rotates, error) in [(true, Some(TokenError::RefreshLost { status: 401 })), (false, None)] {
        let mut world = signed_in_by_login(Kind::Ticket);
        world.server.rotates = rotates;
        fault(&mut world, "refresh", &[Fault::Lost]);
        world.server.revoke_access();
        world.drop_sockets(4401);
        world.run_for(MINUTE);
        assert_eq!(world.tabs[0].errors, error.into_iter().collect::<Vec<_>>(), "rotates: {rotates}");
        assert_eq!(connected(&world), error.is_none());
    }
}

fn with_source() -> World {
    let change = |config: &mut gatepass::proto::session::SessionConfig| {
        (config.refresh, config.login, config.provider) = (None, None, TokenProvider::App);
    };
    let mut world = World::with_sessions(1, 1, change, &[Kind::FirstMessageAck, Kind::Ticket], |_| {});
    (0..2).for_each(|line| world.connect(line));
    world
}

fn provide(world: &mut World) -> String {
    let access = world.server.new_access("maggie");
    world.provide(0, Ok(Provided { access: Secret::new(access.clone()), lifetime: Default::default() }));
    access
}

#[test]
fn the_apps_own_source_is_asked_once_for_all_and_told_why() {
    let mut world = with_source();
    assert_eq!(world.tabs[0].source_reasons, [Reason::Missing]);
    provide(&mut world);
    assert!(world.run_until(MINUTE, connected));
    world.run_for(6_000);
    world.server.revoke_access();
    world.drop_sockets(4401);
    world.run_for(2_000);
    assert_eq!(world.tabs[0].source_reasons, [Reason::Missing, Reason::Rejected]);
    world.provide(0, Err(NoToken::Failed));
    assert!(
        world.run_until(MINUTE, |world| world.tabs[0].source_reasons.len() == 3),
        "what fails in passing is tried again"
    );
    provide(&mut world);
    assert!(world.run_until(MINUTE, connected));
    assert_eq!(world.session().state(), SessionState::SignedIn);
}

#[test]
fn case_28_a_logout_while_the_source_is_asked_is_not_undone_by_its_answer() {
    let mut world = with_source();
    world.logout();
    assert!(world.lines.iter().all(|line| !line.is_connected()));
    world.run_for(10 * MINUTE);
    assert_eq!(world.session().state(), SessionState::SignedOut);
    assert_eq!(world.tabs[0].source_reasons, [Reason::Missing], "and nobody asks again by itself");
    assert_eq!(world.server.log.dials, 0);
}

#[test]
fn a_token_of_the_source_that_no_header_carries_is_none() {
    let mut world = with_source();
    world.provide(0, Ok(Provided { access: Secret::new("tok\nen".to_owned()), lifetime: Default::default() }));
    assert_eq!((world.session().state(), world.server.log.dials), (SessionState::SignedOut, 0));
    assert_eq!(world.lines[0].codes(), ["REFRESH_FAILED"]);
}

#[test]
fn the_same_token_after_a_rejection_is_not_tried_again() {
    let mut world = with_source();
    let access = provide(&mut world);
    assert!(world.run_until(MINUTE, connected));
    world.run_for(6_000);
    let dials = world.server.log.dials;
    world.server.revoke_access();
    world.drop_sockets(4401);
    world.run_for(2_000);
    world.provide(0, Ok(Provided { access: Secret::new(access.clone()), lifetime: Default::default() }));
    world.run_for(10 * MINUTE);
    assert_eq!(world.tabs[0].errors, [TokenError::Expired]);
    assert_eq!((world.server.log.dials, world.tabs[0].source_reasons.len()), (dials, 2));
    // Nor for a later request, although the session has no token any more.
    world.connect(0);
    world.provide(0, Ok(Provided { access: Secret::new(access), lifetime: Default::default() }));
    world.run_for(10 * MINUTE);
    assert_eq!((world.server.log.dials, world.session().state()), (dials, SessionState::Expired));
}

#[test]
fn a_source_that_asks_for_sign_in_is_left_alone_until_somebody_needs_a_token() {
    let mut world = with_source();
    world.provide(0, Err(NoToken::SignInRequired));
    world.run_for(HOUR);
    assert_eq!(world.tabs[0].source_reasons, [Reason::Missing]);
    assert!(world.lines.iter().all(|line| line.failures == [("REFRESH_REJECTED", Disposition::SignIn)]));
    world.connect(0);
    assert_eq!(world.tabs[0].source_reasons, [Reason::Missing; 2]);
    provide(&mut world);
    assert!(world.run_until(MINUTE, connected), "a sign-in wakes the others, too");
}

#[test]
fn case_92_ten_tabs_that_wake_together_make_one_refresh() {
    let mut world = World::with_tabs(1, 10, &[Kind::FirstMessageAck]);
    world.server.rotates = true;
    world.login("maggie", "SECRET-password");
    (0..10).for_each(|line| world.connect(line));
    assert!(world.run_until(MINUTE, connected));
    world.run_for(6_000);
    (0..10).for_each(|tab| world.freeze(tab, HOUR, tab % 2 == 0));
    world.run_for(MINUTE);
    world.drop_sockets(1006);
    world.run_for(HOUR);
    assert!(world.run_until(2 * MINUTE, connected));
    assert_eq!(world.server.log.refreshes_asked, 1);
    let tabs: Vec<_> = (0..10).collect();
    let tokens = world.present_tokens(&tabs);
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    world.logout_at(7);
    world.run_for(1_000);
    assert!(world.tabs.iter().all(|tab| tab.session.state() == SessionState::SignedOut));
    assert!(world.lines.iter().all(|line| !line.is_connected()));
}

#[test]
fn case_98_a_family_that_is_revoked_ends_every_tab_once() {
    let mut world = World::with_tabs(1, 5, &[Kind::FirstMessageAck]);
    world.login("maggie", "SECRET-password");
    (0..5).for_each(|line| world.connect(line));
    assert!(world.run_until(MINUTE, connected));
    world.run_for(6_000);
    world.server.revoke_access();
    world.server.revoke_refresh();
    world.drop_sockets(4401);
    world.run_for(10 * MINUTE);
    assert_eq!(world.server.log.refreshes_asked, 1, "one asks, the others hear of it");
    for (index, tab) in world.tabs.iter().enumerate() {
        assert!(!tab.session.state().is_signed_in(), "tab {index}");
        let ends = tab.states.iter().filter(|state| matches!(state, SessionState::Expired | SessionState::SignedOut));
        assert_eq!(
            ends.count(),
            if tab.states[0] == SessionState::SignedOut { 2 } else { 1 },
            "tab {index}: {:?}",
            tab.states
        );
    }
}

#[test]
fn a_refresh_token_that_was_refused_in_one_tab_is_sent_by_no_other() {
    let mut world = World::with_tabs(1, 3, &[Kind::Ticket]);
    world.login("maggie", "SECRET-password");
    world.run_for(1_000);
    world.server.revoke_refresh();
    for tab in 0..3 {
        world.ask_token(tab, HOUR);
        world.run_for(MINUTE);
    }
    assert_eq!(world.server.log.refreshes_asked, 1);
    // A valid token is handed out until it expires.
    assert!(world.tabs.iter().all(|tab| tab.session.state() == SessionState::SignedIn));
}

#[test]
fn what_a_slow_store_says_of_an_earlier_renewal_is_past() {
    let mut world = World::with_tabs(1, 1, &[Kind::FirstMessageAck]);
    world.login("maggie", "SECRET-password");
    world.run_for(1_000);
    let earlier = world.shared.record.clone().unwrap();
    world.ask_token(0, HOUR);
    world.run_for(MINUTE);
    let tokens = world.present_tokens(&[0]);
    world.read(0, earlier);
    assert_eq!(world.present_tokens(&[0]), tokens);
}

#[test]
fn a_store_that_cannot_be_read_is_no_reason_to_forget_anybody() {
    let mut world = World::with_tabs(1, 2, &[Kind::Ticket]);
    world.login("maggie", "SECRET-password");
    (0..2).for_each(|line| world.connect(line));
    assert!(world.run_until(MINUTE, connected));
    world.shared.is_unreadable = true;
    world.ask_token(0, HOUR);
    world.run_for(HOUR);
    assert!(world.tabs.iter().all(|tab| tab.session.state() == SessionState::SignedIn));
    assert!(world.tabs[0].answers[0].is_ok());
}

/// A session whose renewals are refused from now on. Its token is valid for some seconds more.
fn refused(kind: Kind) -> World {
    let mut world = World::new(1, &[kind]);
    world.server.access_life_ms = 60_000;
    world.login("maggie", "SECRET-password");
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    world.server.revoke_refresh();
    world.ask_token(0, HOUR);
    world.run_for(500);
    world
}

#[test]
fn a_renewal_that_is_refused_while_the_token_is_good_is_told_at_once_and_ends_the_session_with_the_token() {
    let mut world = refused(Kind::Ticket);
    let rejected = TokenError::RefreshRejected { status: 401 };
    assert_eq!(world.tabs[0].refusals, [rejected]);
    assert_eq!((world.session().state(), world.tabs[0].errors.len()), (SessionState::SignedIn, 0));
    let asked = world.server.log.refreshes_asked;
    world.run_for(2 * MINUTE);
    assert_eq!(world.session().state(), SessionState::Expired);
    assert_eq!(world.tabs[0].errors, [rejected]);
    assert_eq!(world.server.log.refreshes_asked, asked, "nobody asks again for what was refused");
    world.drop_sockets(1006);
    world.run_for(MINUTE);
    assert_eq!(world.lines[0].failures.last(), Some(&("REFRESH_REJECTED", Disposition::SignIn)));
}

#[test]
fn a_token_that_is_refused_after_its_renewal_was_asks_for_sign_in_by_the_code_of_that() {
    let mut world = refused(Kind::Query);
    world.server.revoke_access();
    world.drop_sockets(4401);
    world.run_for(5_000);
    assert_eq!(world.lines[0].failures.last(), Some(&("REFRESH_REJECTED", Disposition::SignIn)));
    assert_eq!(world.session().state(), SessionState::Expired);
}

#[test]
fn a_refused_token_that_nothing_can_renew_asks_for_sign_in_by_the_code_of_its_refusal() {
    for (kind, code) in [
        (Kind::Ticket, "TICKET_UNAUTHORIZED"),
        (Kind::FirstMessageAck, "AUTH_REJECTED"),
        (Kind::QueryProbed, "HANDSHAKE_UNAUTHORIZED"),
    ] {
        let mut world = World::new(1, &[kind]);
        world.server.has_refresh = false;
        world.sign_in("maggie");
        world.server.revoke_access();
        world.connect(0);
        world.run_for(MINUTE);
        let refused = [Disposition::RefreshToken, Disposition::SignIn].map(|move_on| (code, move_on));
        assert_eq!(world.lines[0].failures, refused, "{kind:?}");
    }
}

#[test]
fn a_socket_that_waits_has_its_token_renewed_before_that_ends() {
    for kind in [Kind::Ticket, Kind::Query, Kind::FirstMessageAck] {
        let mut world = World::new(1, &[kind]);
        world.server.access_life_ms = 120_000;
        world.login("maggie", "SECRET-password");
        world.connect(0);
        assert!(world.run_until(MINUTE, connected));
        world.server.goodbye = r#"{"retry_after":290}"#;
        world.drop_sockets(1012);
        world.run_for(250_000);
        assert!(world.server.log.refreshed >= 2, "{kind:?}: {:?}", world.server.log);
        assert!(world.run_until(2 * MINUTE, connected), "{kind:?}");
        assert_eq!(world.lines[0].codes(), ["CLOSED_BY_SERVER"], "{kind:?}");
    }
}

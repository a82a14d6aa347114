//! One behaviour per test, in the simulated world. `case_N` is a row of the product's checklist.

use core::time::Duration;

use gatepass::error::{Disposition, TokenError};
use gatepass::proto::connection::ConnectionState;
use gatepass::proto::session::SessionState;

use crate::server::{BadToken, Fault};
use crate::world::{KINDS, Kind, World};

const MINUTE: u64 = 60_000;

fn connected(world: &World) -> bool {
    world.lines.iter().all(crate::world::Line::is_connected)
}

fn connect(kind: Kind) -> World {
    let mut world = World::signed_in(kind);
    assert!(world.run_until(MINUTE, connected), "{kind:?}: {:?}", world.lines[0].failures);
    world
}

fn fault(world: &mut World, endpoint: &'static str, faults: &[Fault]) {
    world.server.faults.entry(endpoint).or_default().extend(faults.iter().cloned());
}

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
    }
}

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
        Fault::Body("<html>sign in to the hotel network</html>"),
        Fault::Body(r#"{"ticket":""}"#),
        Fault::Body(r#"{"ticket":7}"#),
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
        (Fault::Body("<html>"), "TICKET_MALFORMED"),
        (Fault::Body("{}"), "TICKET_MALFORMED"),
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
    assert_eq!(world.session.state(), SessionState::SignedIn);
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
    world.socket_refused(0);
    assert_eq!(world.lines[0].state(), ConnectionState::Closed);
    assert_eq!(world.lines[0].failures, [("BLOCKED", Disposition::GiveUp)]);
}

#[test]
fn case_56_an_error_without_a_close_counts_as_blocked_after_a_moment() {
    let mut world = World::signed_in(Kind::Query);
    world.server.is_silent = true;
    world.run_for(1_000);
    world.socket_error(0);
    assert_eq!(world.lines[0].state(), ConnectionState::Connecting);
    world.run_for(2_100);
    assert_eq!(world.lines[0].state(), ConnectionState::Closed);
    assert_eq!(world.lines[0].failures, [("BLOCKED", Disposition::GiveUp)]);
}

#[test]
fn case_67_a_hello_or_an_ack_that_never_comes_is_a_loss() {
    for kind in [Kind::FirstMessageHello, Kind::FirstMessageAck] {
        let mut world = World::signed_in(kind);
        world.run_until(MINUTE, |world| world.lines[0].machine.phase().is_some_and(|phase| phase.name() == "opening"));
        world.run_for(60);
        world.server.is_silent = true;
        world.run_for(30_000);
        assert!(world.lines[0].codes().contains(&"AUTH_TIMED_OUT") || world.lines[0].opened == 1, "{kind:?}");
        world.server.is_silent = false;
        assert!(world.run_until(2 * MINUTE, connected), "{kind:?}");
    }
}

#[test]
fn case_67_the_client_says_timeout_when_the_ack_stays_away() {
    let mut world = World::signed_in(Kind::FirstMessageAck);
    world.net = crate::world::Net { min_ms: 10, max_ms: 10, loss: 0 };
    world.run_until(MINUTE, |world| {
        world.lines[0].machine.phase().is_some_and(|phase| phase.name() == "authenticating")
    });
    world.server.is_silent = true;
    world.run_until(MINUTE, |world| !world.lines[0].failures.is_empty());
    assert_eq!(world.lines[0].failures, [("AUTH_TIMED_OUT", Disposition::RETRY)]);
    assert_eq!(world.lines[0].hung_up, [(3008, String::new())]);
}

#[test]
fn case_69_a_message_before_the_ack_is_never_delivered() {
    let mut world = World::signed_in(Kind::FirstMessageAck);
    world.run_until(MINUTE, |world| {
        world.lines[0].machine.phase().is_some_and(|phase| phase.name() == "authenticating")
    });
    world.whisper(0, r#"{"type":"secret news"}"#);
    world.whisper(0, "no JSON");
    assert!(world.run_until(MINUTE, connected));
    world.run_for(1_000);
    assert_eq!(world.lines[0].delivered, Vec::<String>::new());
    assert_eq!(world.lines[0].failures, []);
}

#[test]
fn case_85_the_first_message_is_sent_again_on_the_next_socket_with_the_present_token() {
    let mut world = connect(Kind::FirstMessageAck);
    world.run_for(6_000);
    world.server.revoke_access();
    world.sign_in("maggie");
    world.drop_sockets(1006);
    assert!(world.run_until(MINUTE, |world| world.lines[0].opened == 2), "{:?}", world.lines[0].failures);
    assert_eq!(world.lines[0].codes(), ["CONNECTION_LOST"], "the new token was sent, so nothing was refused");
}

#[test]
fn case_91_a_credential_refused_after_a_refresh_asks_for_sign_in_and_never_loops() {
    for (kind, bad_token) in [
        (Kind::FirstMessage, BadToken::CloseNormal),
        (Kind::FirstMessage, BadToken::Close4401),
        (Kind::FirstMessage, BadToken::RejectMessage),
        (Kind::FirstMessageAck, BadToken::CloseNormal),
        (Kind::FirstMessageAck, BadToken::RejectMessage),
        (Kind::FirstMessageHello, BadToken::Close4401),
    ] {
        let mut world = World::new(1, &[kind]);
        world.server.bad_token = bad_token;
        world.server.access_life_ms = 0;
        let refresh = Some(gatepass::proto::Secret::new(world.server.new_refresh("maggie")));
        world.set_tokens("SECRET-garbage", refresh);
        world.connect(0);
        world.send(0);
        world.run_for(10 * MINUTE);
        let line = &world.lines[0];
        assert_eq!(line.state(), ConnectionState::Suspended, "{kind:?} {bad_token:?}: {:?}", line.failures);
        let dispositions: Vec<_> = line.failures.iter().map(|(_, disposition)| *disposition).collect();
        assert_eq!(dispositions, [Disposition::RefreshToken, Disposition::SignIn], "{kind:?} {bad_token:?}");
        assert_eq!((world.server.log.dials, world.server.log.refreshed), (2, 1), "{kind:?} {bad_token:?}");
    }
}

#[test]
fn a_deliberate_close_right_after_the_first_message_is_a_refused_credential() {
    for code in [1000, 1005, 4401, 1008, 3000, 4001] {
        let mut world = connect(Kind::FirstMessage);
        world.drop_sockets(code);
        world.run_for(100);
        assert_eq!(world.lines[0].failures[0], ("AUTH_REJECTED", Disposition::RefreshToken), "{code}");
        assert!(world.run_until(MINUTE, connected));
        assert_eq!(world.server.log.refreshed, 1, "{code}");
    }
}

#[test]
fn a_loss_right_after_the_first_message_stays_a_loss_however_often() {
    for code in [1001, 1006, 1011, 1012, 1013, 1014] {
        let mut world = connect(Kind::FirstMessage);
        for opened in 2..14 {
            world.drop_sockets(code);
            world.run_for(100);
            assert!(world.run_until(2 * MINUTE, |world| world.lines[0].opened == opened), "{code}");
        }
        let is_loss = |failure: &(&str, Disposition)| matches!(failure.1, Disposition::Retry { .. });
        assert!(world.lines[0].failures.iter().all(is_loss), "{code}: {:?}", world.lines[0].failures);
        assert_eq!(world.server.log.refreshed, 0, "{code}");
        assert_eq!(world.session.state(), SessionState::SignedIn);
    }
}

#[test]
fn a_deliberate_close_after_a_message_of_the_server_or_after_the_minimum_uptime_is_no_refusal() {
    let mut spoken = connect(Kind::FirstMessage);
    spoken.run_for(100);
    spoken.broadcast("news");
    spoken.run_for(100);
    let mut lasting = connect(Kind::FirstMessage);
    lasting.run_for(6_000);
    for mut world in [spoken, lasting] {
        world.drop_sockets(1000);
        world.run_for(100);
        assert_eq!(world.lines[0].failures, [("CLOSED_BY_SERVER", Disposition::RETRY)]);
    }
}

#[test]
fn case_99_an_answer_to_an_earlier_question_changes_nothing() {
    let mut world = World::new(1, &[Kind::Ticket]);
    world.net = crate::world::Net { min_ms: 500, max_ms: 500, loss: 0 };
    world.sign_in("maggie");
    world.connect(0);
    assert!(world.run_until(MINUTE, |world| world.server.log.minted == 1));
    world.close(0);
    world.connect(0);
    assert!(world.run_until(MINUTE, connected));
    assert_eq!((world.server.log.minted, world.server.log.dials), (2, 1));
}

#[test]
fn case_102_a_server_that_accepts_and_drops_meets_growing_waits() {
    for kind in [Kind::Ticket, Kind::FirstMessageAck, Kind::Anonymous] {
        let mut longest = 0;
        let mut total_of_late = 0;
        for seed in 0..20 {
            let mut world = World::new(seed, &[kind]);
            world.sign_in("maggie");
            world.connect(0);
            for flap in 0..10 {
                assert!(world.run_until(2 * MINUTE, |world| world.lines[0].opened == flap + 1));
                world.drop_sockets(1006);
                world.run_for(100);
            }
            let waits = &world.lines[0].waits;
            for (index, wait) in waits.iter().enumerate() {
                assert!(*wait <= (500_u64 << index).min(30_000), "wait {index} of {waits:?}");
            }
            longest = longest.max(waits[9]);
            total_of_late += waits[6..].iter().sum::<u64>();
        }
        assert!(longest > 20_000, "{kind:?}: the window never grew: {longest}");
        assert!(total_of_late / 80 > 8_000, "{kind:?}: late waits are short: {}", total_of_late / 80);
    }
}

#[test]
fn only_the_minimum_uptime_resets_the_backoff() {
    let mut world = World::with(1, &[Kind::Ticket], |config| config.min_uptime = Duration::from_secs(60));
    world.sign_in("maggie");
    world.connect(0);
    for flap in 0..8 {
        assert!(world.run_until(2 * MINUTE, |world| world.lines[0].opened == flap + 1));
        world.run_for(50_000);
        world.broadcast("news");
        world.run_for(1_000);
        world.drop_sockets(1006);
        world.run_for(100);
    }
    assert!(world.lines[0].waits[4..].iter().any(|wait| *wait > 4_000), "{:?}", world.lines[0].waits);
    assert!(world.run_until(2 * MINUTE, |world| world.lines[0].opened == 9));
    world.run_for(61_000);
    world.drop_sockets(1006);
    world.run_for(100);
    let after_stable = *world.lines[0].waits.last().expect("a wait");
    assert!(after_stable <= 5_000, "spread over 5 s, not {after_stable}");
}

#[test]
fn case_103_close_codes_do_what_the_table_says() {
    let rows = [
        (1000, ConnectionState::Waiting),
        (1013, ConnectionState::Waiting),
        (4429, ConnectionState::Waiting),
        (4401, ConnectionState::Waiting),
        (999, ConnectionState::Waiting),
        (65535, ConnectionState::Waiting),
        (1002, ConnectionState::Closed),
        (1009, ConnectionState::Closed),
        (4403, ConnectionState::Closed),
        (3003, ConnectionState::Closed),
    ];
    for (code, state) in rows {
        let mut world = connect(Kind::Ticket);
        world.net.max_ms = 5;
        world.run_for(6_000);
        world.drop_sockets(code);
        assert!(world.run_until(100, |world| !world.lines[0].failures.is_empty()), "{code}");
        assert_eq!(world.lines[0].state(), state, "{code}");
        assert_eq!(world.lines[0].closed_events, [code]);
    }
}

#[test]
fn try_again_later_is_not_tried_soon() {
    for code in [1013, 3008, 4008, 4408, 4429] {
        let mut world = connect(Kind::Ticket);
        world.run_for(6_000);
        world.drop_sockets(code);
        world.run_for(100);
        assert!(world.lines[0].waits[0] >= 15_000, "{code}");
    }
}

#[test]
fn case_106_a_socket_that_never_closes_is_left_behind_and_its_late_events_are_ignored() {
    let mut world = World::signed_in(Kind::Ticket);
    world.server.is_silent = true;
    world.run_for(15_000);
    world.server.is_silent = false;
    assert!(world.run_until(MINUTE, connected));
    let opened = world.lines[0].opened;
    world.replay_stale_socket_events(0);
    assert!(world.lines[0].is_connected());
    assert_eq!(world.lines[0].opened, opened);
}

#[test]
fn case_107_connecting_twice_makes_one_socket_and_closing_stops_everything() {
    for kind in KINDS {
        for pause in [0, 3, 20, 60, 200, 11_000] {
            let mut world = World::signed_in(kind);
            world.connect(0);
            world.connect(0);
            world.server.refuse_handshakes = u32::MAX;
            world.run_for(pause);
            world.close(0);
            world.close(0);
            assert_eq!(world.lines[0].machine.poll_timeout(), None, "{kind:?} after {pause} ms: a timer is left");
            let dials = world.server.log.dials;
            world.run_for(10 * MINUTE);
            assert!(world.server.log.dials <= dials + 1, "{kind:?}: at most what was on its way arrives");
            assert_eq!(world.lines[0].state(), ConnectionState::Closed);
            assert_eq!(world.lines[0].closed_events, [1000]);
        }
    }
}

#[test]
fn reconnect_skips_a_wait_and_replaces_a_live_socket() {
    let mut world = connect(Kind::Ticket);
    world.connect(0);
    assert!(world.run_until(1_000, |world| world.lines[0].opened == 2));
    assert_eq!(world.lines[0].closed_events, [1000]);
    world.server.is_up = false;
    world.drop_sockets(1006);
    world.run_for(60_000);
    world.server.is_up = true;
    world.run_until(MINUTE, |world| world.lines[0].state() == ConnectionState::Waiting);
    world.connect(0);
    assert!(world.run_until(1_000, connected));
}

#[test]
fn case_110_a_close_reason_is_cut_on_a_characters_boundary() {
    let rows = [
        ("a".repeat(123), 123),
        ("a".repeat(124), 123),
        (format!("{}é", "a".repeat(122)), 122),
        ("é".repeat(100), 122),
    ];
    for (reason, length) in rows {
        let mut world = connect(Kind::Anonymous);
        world.close_with(0, &reason);
        assert_eq!(world.lines[0].hung_up[0].1.len(), length);
        assert!(reason.starts_with(&world.lines[0].hung_up[0].1));
    }
}

#[test]
fn case_110_a_page_may_close_with_1000_and_3000_to_4999_only() {
    use gatepass::proto::connection::check_close_code;
    for code in 0..=u16::MAX {
        assert_eq!(check_close_code(code).is_ok(), code == 1000 || (3000..5000).contains(&code), "{code}");
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
            assert_eq!(world.lines[0].failures, [("TOKEN_MISSING", Disposition::SignIn)], "{kind:?}");
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
    assert_eq!((world.lines[0].discarded, world.lines[0].queued()), (2, 0));
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
    assert_eq!(world.lines[0].discarded, 1);
    world.sign_in("maggie");
    assert!(world.run_until(MINUTE, connected));
    world.run_for(1_000);
    assert_eq!(world.lines[0].received_by_server, Vec::<String>::new());
}

#[test]
fn a_wrong_password_is_a_typed_error_and_changes_nothing() {
    let mut world = connect(Kind::Ticket);
    world.login("maggie", "SECRET-wrong");
    world.run_for(1_000);
    assert_eq!(world.logins, [Err(TokenError::InvalidCredentials { status: 401 })]);
    assert_eq!(world.session.state(), SessionState::SignedIn);
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
    assert_eq!(world.session.state(), SessionState::SignedOut);
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
    assert_eq!(world.session_states, [SessionState::SignedIn]);
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
        Fault::Body("<html>"),
    ] {
        let mut world = connect(Kind::Ticket);
        world.server.revoke_access();
        world.run_for(6_000);
        fault(&mut world, "refresh", &[bad.clone(), bad.clone()]);
        world.drop_sockets(1006);
        world.run_for(100);
        assert!(world.run_until(5 * MINUTE, connected), "{bad:?}: {:?}", world.lines[0].failures);
        assert!(!world.session_states.contains(&SessionState::Expired), "{bad:?}");
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
    assert_eq!(world.session.state(), SessionState::Expired);
    assert_eq!(world.lines[0].state(), ConnectionState::Suspended);
    assert_eq!(world.lines[0].failures.last(), Some(&("REFRESH_REJECTED", Disposition::SignIn)));
    assert_eq!(world.lines[0].queued(), 1);
}

#[test]
fn a_token_that_is_known_to_be_expired_is_not_sent() {
    let mut world = World::new(1, &[Kind::Query]);
    world.server.has_refresh = false;
    let exp = (crate::world::DAY_ONE / 1000) - 60;
    world.set_tokens(&crate::codec::jwt(&format!(r#"{{"exp":{exp}}}"#)), None);
    world.connect(0);
    world.run_for(1_000);
    assert_eq!(world.lines[0].failures, [("TOKEN_EXPIRED", Disposition::SignIn)]);
    assert_eq!(world.server.log.dials, 0);
}

#[test]
fn connections_that_are_refused_again_and_again_do_not_wake_each_other() {
    for kind in [Kind::Ticket, Kind::FirstMessageAck] {
        let mut world = World::new(1, &[kind; 6]);
        world.sign_in("maggie");
        world.server.access_life_ms = 0;
        world.server.revoke_access();
        for line in 0..6 {
            world.connect(line);
            world.run_for(400);
        }
        world.run_for(10 * MINUTE);
        assert!(world.lines.iter().all(|line| line.state() == ConnectionState::Suspended), "{kind:?}");
        assert!(world.server.log.refreshed <= 12, "{kind:?}: {} refreshes", world.server.log.refreshed);
    }
}

#[test]
fn whoever_hears_of_a_failure_or_an_end_sees_the_state_it_led_to() {
    let mut world = connect(Kind::Ticket);
    world.run_for(6_000);
    world.lines[0].order.clear();
    world.drop_sockets(1006);
    world.run_for(100);
    assert_eq!(world.lines[0].order[..3], ["state waiting", "failed", "closed"]);
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
        assert_eq!(world.session.state(), SessionState::SignedIn, "{bad:?}");
    }
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
fn whoever_signs_in_while_a_try_is_under_way_is_not_signed_out_by_it() {
    let mut world = World::new(1, &[Kind::FirstMessageAck]);
    world.server.access_life_ms = 0;
    let refresh = Some(gatepass::proto::Secret::new(world.server.new_refresh("maggie")));
    world.set_tokens("SECRET-garbage", refresh);
    world.connect(0);
    assert!(world.run_until(MINUTE, |world| world.server.log.dials == 2));
    world.server.access_life_ms = 300_000;
    world.sign_in("maggie");
    assert!(world.run_until(MINUTE, connected), "{:?}", world.lines[0].failures);
}

#[test]
fn a_close_before_the_hello_refuses_nothing() {
    let mut world = World::signed_in(Kind::FirstMessageHello);
    world.server.withholds_hello = true;
    for _ in 0..3 {
        let phase = |world: &World| world.lines[0].machine.phase().map(|phase| phase.name());
        assert!(world.run_until(MINUTE, |world| phase(world) == Some("authenticating")));
        world.drop_sockets(1000);
        world.run_for(100);
    }
    world.server.withholds_hello = false;
    assert!(world.run_until(MINUTE, connected));
    assert!(world.lines[0].failures.iter().all(|(code, _)| *code != "AUTH_REJECTED"), "{:?}", world.lines[0].failures);
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
fn closing_what_a_failure_has_closed_gives_up_its_queue() {
    let mut world = World::signed_in(Kind::Ticket);
    fault(&mut world, "ticket", &[Fault::Status(403, None)]);
    world.send(0);
    world.run_for(MINUTE);
    assert_eq!(world.lines[0].queued(), 1);
    world.close(0);
    assert_eq!((world.lines[0].queued(), world.lines[0].discarded), (0, 1));
    assert_eq!(world.lines[0].closed_events.len(), 1, "the end is told once");
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
        assert_eq!(world.lines[0].received_by_server, ["1", "2", "3", "4"], "{bad_token:?}");
        assert_eq!(world.lines[0].payloads_kept(), 0, "{bad_token:?}");
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
    assert_eq!(world.lines[0].received_by_server, ["1", "2"]);
    assert_eq!(world.lines[0].payloads_kept(), 0);
}

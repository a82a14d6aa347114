//! The first message: hello, ack, refusal, and the meaning of a close in between.

use gatepass::error::Disposition;
use gatepass::proto::Millis;
use gatepass::proto::connection::ConnectionState;
use gatepass::proto::scheme::Scheme;
use gatepass::proto::session::SessionState;

use super::{MINUTE, connect, connected};
use crate::server::BadToken;
use crate::world::{Kind, World};

#[test]
fn case_67_a_hello_that_never_comes_is_a_loss() {
    let mut world = World::signed_in(Kind::FirstMessageHello);
    world.server.withholds_hello = true;
    assert!(world.run_until(MINUTE, |world| !world.lines[0].failures.is_empty()));
    assert_eq!(world.lines[0].failures, [("AUTH_TIMED_OUT", Disposition::RETRY)]);
    world.server.withholds_hello = false;
    assert!(world.run_until(2 * MINUTE, connected));
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
fn case_67_hello_and_ack_have_a_time_of_their_own_within_that_of_the_whole_connection() {
    let seconds = Millis::from_secs;
    let until_given_up = |kind, is_withheld, connect, ack| {
        let mut world = World::with(1, &[kind], |config| {
            config.connect_timeout = seconds(connect);
            if let Scheme::FirstMessage(scheme) = &mut config.scheme {
                scheme.ack_timeout = seconds(ack);
            }
        });
        world.net = crate::world::Net { min_ms: 10, max_ms: 10, loss: 0 };
        world.server.withholds_hello = is_withheld;
        world.sign_in("maggie");
        world.connect(0);
        let phase = |world: &World| world.lines[0].machine.phase().map(|phase| phase.name());
        assert!(world.run_until(MINUTE, |world| phase(world) == Some("authenticating")));
        world.server.is_silent = true;
        let asked = world.now_in(0).instant;
        assert!(world.run_until(2 * MINUTE, |world| !world.lines[0].failures.is_empty()));
        assert_eq!(world.lines[0].failures, [("AUTH_TIMED_OUT", Disposition::RETRY)]);
        world.now_in(0).instant.since(asked)
    };
    for (kind, is_withheld) in [(Kind::FirstMessageAck, false), (Kind::FirstMessageHello, true)] {
        assert_eq!(until_given_up(kind, is_withheld, 60, 3), seconds(3), "{kind:?}");
        let whole = until_given_up(kind, is_withheld, 3, 60);
        assert!(whole < seconds(3) && whole > Millis::from_millis(2_900), "{kind:?}: counted from the dial: {whole:?}");
    }
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
        assert_eq!(world.session().state(), SessionState::SignedIn);
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
fn a_refusal_instead_of_the_hello_is_a_refusal() {
    let mut world = World::signed_in(Kind::FirstMessageHello);
    world.server.withholds_hello = true;
    let phase = |world: &World| world.lines[0].machine.phase().map(|phase| phase.name());
    assert!(world.run_until(MINUTE, |world| phase(world) == Some("authenticating")));
    world.whisper(0, r#"{"type":"auth_invalid"}"#);
    world.run_for(100);
    assert_eq!(world.lines[0].failures, [("AUTH_REJECTED", Disposition::RefreshToken)]);
}

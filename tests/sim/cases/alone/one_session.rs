//! How one session reacts to each input.

use gatepass::error::TokenError;
use gatepass::proto::Secret;
use gatepass::proto::http::HttpResponse;
use gatepass::proto::session::TokenStorage;
use gatepass::proto::session::{
    Input, LoginId, Output, Record, RequestId, RequesterId, Session, SessionConfig, SessionState, StoreEnd, Stored,
    TokenRequest, TokenRequestId, TokenRequirement,
};
use gatepass::proto::token::Lifetime;

use super::{at, endpoint, outputs, record, signed_in};
use crate::codec::json;

fn request_token(requirement: TokenRequirement) -> Input {
    Input::RequestToken(TokenRequest { requester: RequesterId(1), id: TokenRequestId::new(1), requirement })
}

fn request_of(outputs: &[Output]) -> Option<RequestId> {
    outputs.iter().find_map(|output| if let Output::Fetch { request, .. } = output { Some(*request) } else { None })
}

fn with_refresh() -> SessionConfig {
    SessionConfig { refresh: endpoint("https://api.test/refresh"), ..SessionConfig::new() }
}

#[test]
fn a_login_that_another_takes_the_place_of_is_ended_and_told() {
    let config = SessionConfig { login: endpoint("https://api.test/login"), ..SessionConfig::new() };
    let mut session = Session::new(config, 1);
    let login = |number| Input::Login { login: LoginId(number), credentials: json("{}"), endpoint: None };
    session.handle_input(at(0), login(1));
    let first = request_of(&outputs(&mut session)).expect("a call");
    session.handle_input(at(1), login(2));
    let after = outputs(&mut session);
    assert!(after.iter().any(|output| matches!(output, Output::AbortFetch { request } if *request == first)));
    let told = after.iter().find_map(|output| {
        if let Output::LoginDone { login, result } = output { Some((login.0, result.is_err())) } else { None }
    });
    assert_eq!(told, Some((1, true)));
    assert!(request_of(&after).is_some_and(|second| second != first));
}

#[test]
fn how_long_a_server_wants_to_be_left_alone_is_no_matter_of_whoever_signs_in_next() {
    let mut session = signed_in(with_refresh(), 1, Lifetime::default());
    outputs(&mut session);
    let refused = TokenRequirement::OtherThan(session.view().generation);
    session.handle_input(at(0), request_token(refused));
    let request = request_of(&outputs(&mut session)).expect("a renewal");
    let (retry_after, body) = (Some("60".to_owned()), Secret::new(String::new()));
    let result = Ok(HttpResponse { status: 429, retry_after, date: None, body });
    session.handle_input(at(10), Input::Http { request, result });
    outputs(&mut session);
    session.handle_input(at(20), request_token(refused));
    assert_eq!(request_of(&outputs(&mut session)), None, "it is left alone");
    let (access, refresh) = (Secret::new("another".to_owned()), Some(Secret::new("another".to_owned())));
    session.handle_input(at(30), Input::SetTokens { access, refresh, lifetime: Lifetime::default() });
    outputs(&mut session);
    session.handle_input(at(40), request_token(TokenRequirement::OtherThan(session.view().generation)));
    assert!(request_of(&outputs(&mut session)).is_some(), "its token was never refused");
}

#[test]
fn a_session_that_has_ended_says_so_to_whoever_asks() {
    let mut session = signed_in(SessionConfig::new(), 1, Lifetime::default());
    outputs(&mut session);
    session.handle_input(at(0), request_token(TokenRequirement::OtherThan(session.view().generation)));
    let mut answers = Vec::new();
    for output in outputs(&mut session) {
        if let Output::Token { result, .. } = output {
            answers.push(result.err());
        }
    }
    assert_eq!(answers, [Some(TokenError::Expired)]);
}

/// A session with a store in which somebody is signed in.
fn stored(config: SessionConfig) -> Session {
    let mut session = Session::new(SessionConfig { storage: TokenStorage::Store, ..config }, 1);
    outputs(&mut session);
    session.handle_input(at(0), there(Stored::Tokens(of(7, 0))));
    outputs(&mut session);
    session
}

fn there(stored: Stored) -> Input {
    Input::Stored { stored, is_behind: false }
}

/// A record with a refresh token.
fn of(id: u64, renewals: u32) -> Record {
    Record { renewals, refresh: Some(Secret::new("refresh".to_owned())), ..record(id) }
}

fn signs_in(access: &str) -> Input {
    let (access, refresh) = (Secret::new(access.to_owned()), Some(Secret::new("refresh".to_owned())));
    Input::SetTokens { access, refresh, lifetime: Lifetime::default() }
}

fn written(outputs: &[Output]) -> Option<u64> {
    outputs.iter().find_map(|output| if let Output::Write { record, .. } = output { Some(record.id) } else { None })
}

fn is(outputs: &[Output], what: fn(&Output) -> bool) -> bool {
    outputs.iter().any(what)
}

#[test]
fn whom_a_sign_in_has_written_over_does_not_come_back_by_an_answer_that_was_on_its_way() {
    let mut session = stored(SessionConfig::new());
    session.handle_input(at(1), signs_in("another"));
    // Another user has signed in meanwhile, in another tab.
    session.handle_input(at(2), there(Stored::Tokens(of(9, 0))));
    let ours = written(&outputs(&mut session)).expect("ours is written");
    session.handle_input(at(3), Input::StoreChanged);
    session.handle_input(at(4), Input::Written(StoreEnd::Done));
    session.handle_input(at(5), there(Stored::Tokens(of(9, 0))));
    session.handle_input(at(6), Input::StoreChanged);
    session.handle_input(at(7), there(Stored::Tokens(of(ours, 0))));
    let view = session.view();
    assert_eq!(
        (session.state(), view.sign_in_count),
        (SessionState::SignedIn, 2),
        "the first, and the one that was written"
    );
}

#[test]
fn what_could_not_be_written_leaves_nobody_else_in_the_store() {
    let mut session = stored(SessionConfig::new());
    session.handle_input(at(1), signs_in("another"));
    session.handle_input(at(2), there(Stored::Tokens(of(7, 0))));
    assert!(written(&outputs(&mut session)).is_some());
    session.handle_input(at(3), Input::Written(StoreEnd::Failed));
    assert!(is(&outputs(&mut session), |output| matches!(output, Output::Read)));
    session.handle_input(at(4), there(Stored::Tokens(of(7, 0))));
    assert!(is(&outputs(&mut session), |output| matches!(output, Output::Erase { .. })));
    // The user stays signed in although the store is empty, until it can be written.
    session.handle_input(at(5), Input::Written(StoreEnd::Done));
    session.handle_input(at(6), Input::StoreChanged);
    session.handle_input(at(7), there(Stored::Nothing));
    assert_eq!(session.state(), SessionState::SignedIn);
    session.handle_input(at(8), signs_in("another"));
    session.handle_input(at(9), there(Stored::Nothing));
    assert!(written(&outputs(&mut session)).is_some());
    session.handle_input(at(10), Input::Written(StoreEnd::Done));
    session.handle_input(at(11), Input::StoreChanged);
    session.handle_input(at(12), there(Stored::Nothing));
    assert_eq!(session.state(), SessionState::SignedOut);
}

/// A renewal that the server has answered. Its tokens are not written yet.
fn renewed() -> Session {
    let mut session = stored(with_refresh());
    session.handle_input(at(1), request_token(TokenRequirement::OtherThan(session.view().generation)));
    assert!(is(&outputs(&mut session), |output| matches!(output, Output::Lock { .. })));
    session.handle_input(at(2), Input::Locked);
    session.handle_input(at(3), there(Stored::Tokens(of(7, 0))));
    let request = request_of(&outputs(&mut session)).expect("a renewal");
    let body = Secret::new(r#"{"access":"newer"}"#.to_owned());
    let result = Ok(HttpResponse { status: 200, retry_after: None, date: None, body });
    session.handle_input(at(4), Input::Http { request, result });
    session
}

#[test]
fn the_lock_is_held_until_what_was_renewed_is_written() {
    let unlocks = |session: &mut Session| is(&outputs(session), |output| matches!(output, Output::Unlock));
    let mut session = renewed();
    assert!(!unlocks(&mut session), "it is to be read what is there");
    session.handle_input(at(5), there(Stored::Tokens(of(7, 0))));
    let asked = outputs(&mut session);
    assert!(written(&asked) == Some(7) && !is(&asked, |output| matches!(output, Output::Unlock)), "{asked:?}");
    session.handle_input(at(6), Input::Written(StoreEnd::Done));
    assert!(unlocks(&mut session));
}

#[test]
fn the_lock_is_held_until_what_was_renewed_is_written_although_the_next_renewal_fails_before() {
    let unlocks = |outputs: &[Output]| is(outputs, |output| matches!(output, Output::Unlock));
    let mut session = renewed();
    session.handle_input(at(5), there(Stored::Tokens(of(7, 0))));
    assert_eq!(written(&outputs(&mut session)), Some(7));
    session.handle_input(at(6), request_token(TokenRequirement::OtherThan(session.view().generation)));
    session.handle_input(at(6), Input::StoreChanged);
    session.handle_input(at(7), there(Stored::Tokens(of(7, 0))));
    let asked = outputs(&mut session);
    let request = request_of(&asked).expect("the lock is still there");
    let (retry_after, date, body) = (None, None, Secret::new(String::new()));
    let result = Ok(HttpResponse { status: 503, retry_after, date, body });
    session.handle_input(at(8), Input::Http { request, result });
    assert!(!unlocks(&asked) && !unlocks(&outputs(&mut session)));
    session.handle_input(at(9), Input::Written(StoreEnd::Done));
    assert!(unlocks(&outputs(&mut session)));
}

#[test]
fn a_later_renewal_in_the_store_is_not_written_over() {
    let mut session = renewed();
    outputs(&mut session);
    let generation = session.view().generation;
    session.handle_input(at(5), there(Stored::Tokens(of(7, 5))));
    let asked = outputs(&mut session);
    assert!(written(&asked).is_none() && is(&asked, |output| matches!(output, Output::Unlock)), "{asked:?}");
    assert!(session.view().generation > generation, "it is taken over");
}

#[test]
fn a_lock_that_nobody_needs_any_more_is_let_go_of_when_it_comes() {
    let mut session = stored(with_refresh());
    session.handle_input(at(1), request_token(TokenRequirement::OtherThan(session.view().generation)));
    session.handle_input(at(2), Input::Logout);
    outputs(&mut session);
    session.handle_input(at(3), Input::Locked);
    assert!(is(&outputs(&mut session), |output| matches!(output, Output::Unlock)));
}

#[test]
fn an_expired_session_does_not_come_back_by_its_own_tokens() {
    let mut session = stored(SessionConfig::new());
    session.handle_input(at(1), request_token(TokenRequirement::OtherThan(session.view().generation)));
    assert_eq!(session.state(), SessionState::Expired);
    session.handle_input(at(1), there(Stored::Tokens(of(7, 0))));
    assert!(is(&outputs(&mut session), |output| matches!(output, Output::Erase { .. })));
    session.handle_input(at(1), Input::Written(StoreEnd::Done));
    for (renewals, state) in [(0, SessionState::Expired), (1, SessionState::SignedIn)] {
        session.handle_input(at(2), Input::StoreChanged);
        session.handle_input(at(3), there(Stored::Tokens(of(7, renewals))));
        assert_eq!(session.state(), state, "{renewals} renewals");
    }
}

/// Step by step.
type Way<'a> = &'a [&'a dyn Fn(&mut Session)];

#[test]
fn a_logout_before_the_store_has_answered_holds_for_whoever_is_found_there_whoever_signed_in_meanwhile() {
    let config = || SessionConfig {
        storage: TokenStorage::Store,
        login: endpoint("https://api.test/login"),
        ..SessionConfig::new()
    };
    let logs_in = |session: &mut Session| {
        session.handle_input(at(1), Input::Login { login: LoginId(1), credentials: json("{}"), endpoint: None });
        let request = request_of(&outputs(session)).expect("a call");
        let body = Secret::new(r#"{"access":"access"}"#.to_owned());
        let result = Ok(HttpResponse { status: 200, retry_after: None, date: None, body });
        session.handle_input(at(2), Input::Http { request, result });
    };
    let set_tokens = |session: &mut Session| session.handle_input(at(3), signs_in("another"));
    let logout = |session: &mut Session| session.handle_input(at(4), Input::Logout);
    let ways: [Way<'_>; 5] = [
        &[&logout],
        &[&set_tokens, &logout],
        &[&logs_in, &logout],
        &[&logout, &set_tokens, &logout],
        &[&set_tokens, &logs_in, &logout],
    ];
    for (number, way) in ways.into_iter().enumerate() {
        for unreadable in 0..2 {
            let mut session = Session::new(config(), 1);
            for step in way {
                step(&mut session);
            }
            assert_eq!(session.state(), SessionState::SignedOut);
            // The store answers that somebody is signed in, until it is erased.
            let (mut is_there, mut unread, mut now) = (true, unreadable, 10);
            outputs(&mut session);
            for _ in 0..20 {
                let stored = match (unread > 0, is_there) {
                    (true, _) => Stored::Unreadable,
                    (false, true) => Stored::Tokens(of(7, 0)),
                    (false, false) => Stored::Nothing,
                };
                session.handle_input(at(now), there(stored));
                if is(&outputs(&mut session), |output| matches!(output, Output::Erase { .. })) {
                    is_there &= unread > 0;
                    session.handle_input(
                        at(now),
                        Input::Written(if unread == 0 { StoreEnd::Done } else { StoreEnd::Failed }),
                    );
                }
                unread -= i32::from(unread > 0);
                now = session.poll_timeout().map_or(now, gatepass::proto::Instant::as_millis);
                session.handle_input(at(now), Input::Timeout);
            }
            assert_eq!((session.state(), is_there), (SessionState::SignedOut, false), "way {number}, {unreadable}");
        }
    }
}

#[test]
fn a_renewal_is_written_over_what_cannot_be_read() {
    let mut session = renewed();
    session.handle_input(at(5), there(Stored::Unreadable));
    assert_eq!(written(&outputs(&mut session)), Some(7));
}

#[test]
fn what_another_tab_was_quicker_with_is_looked_at_again() {
    let mut session = renewed();
    session.handle_input(at(5), there(Stored::Tokens(of(7, 0))));
    assert!(is(&outputs(&mut session), |output| matches!(output, Output::Write { over: Some(7), .. })));
    session.handle_input(at(6), Input::Written(StoreEnd::Overtaken));
    assert!(is(&outputs(&mut session), |output| matches!(output, Output::Read)));
    session.handle_input(at(7), there(Stored::Tokens(of(9, 0))));
    let asked = outputs(&mut session);
    assert!(written(&asked).is_none() && is(&asked, |output| matches!(output, Output::Unlock)), "{asked:?}");
    // The same for a sign-out.
    session.handle_input(at(8), Input::Logout);
    session.handle_input(at(9), there(Stored::Tokens(of(9, 0))));
    assert!(is(&outputs(&mut session), |output| matches!(output, Output::Erase { over: Some(9) })));
    session.handle_input(at(10), Input::Written(StoreEnd::Overtaken));
    assert!(is(&outputs(&mut session), |output| matches!(output, Output::Read)));
    session.handle_input(at(11), there(Stored::Tokens(of(11, 0))));
    assert_eq!(session.state(), SessionState::SignedIn, "somebody else is");
    assert!(!is(&outputs(&mut session), |output| matches!(output, Output::Erase { .. })));
}

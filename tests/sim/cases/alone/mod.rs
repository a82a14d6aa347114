//! One machine alone, input by input: situations that the simulated world passes too quickly.

mod one_connection;
mod one_session;
mod restore;

use gatepass::error::TokenError;
use gatepass::proto::connection::{
    Connection, ConnectionConfig, DeliveryStatus, Event, Inbound, Input, MAX_READ, Outgoing, Output, SocketId,
};
use gatepass::proto::http::HttpResponse;
use gatepass::proto::outbox::MessageId;
use gatepass::proto::scheme::{FirstMessage, Query, Scheme};
use gatepass::proto::session::TokenStorage;
use gatepass::proto::session::{
    self, Session, SessionConfig, SessionState, SessionView, StoreEnd, Stored, TokenEndpoint,
};
use gatepass::proto::token::Lifetime;
use gatepass::proto::{Instant, Millis, Now, Secret, UnixTime, Url, UrlKind};

use crate::codec::{json, jwt};

const YEAR_2027: i64 = 1_800_000_000_000;

fn at(millis: u64) -> Now {
    Now {
        instant: Instant::from_millis(millis),
        unix: UnixTime::from_millis(YEAR_2027).after(Millis::from_millis(millis)),
    }
}

fn url(text: &str, kind: UrlKind) -> Url {
    Url::parse("url", text, kind).expect("an address")
}

/// A message of one byte.
struct Byte;

impl Outgoing for Byte {
    fn length(&self) -> usize {
        1
    }

    fn text(&self) -> Option<String> {
        None
    }

    fn instant(&self) -> Instant {
        Instant::from_millis(0)
    }
}

const fn user(user_epoch: u32) -> SessionView {
    SessionView { user_epoch, sign_in_count: user_epoch, generation: user_epoch, is_signed_in: true }
}

/// A machine of the first user that is opening a socket.
fn connecting(scheme: Scheme, seed: u64) -> (Connection, SocketId) {
    let mut machine =
        Connection::new(ConnectionConfig::new(url("wss://api.test/", UrlKind::WebSocket), scheme), user(1), seed);
    machine.handle_input(at(0), Input::Connect);
    let socket = dialled(&mut machine, 0, 1).expect("a dial");
    (machine, socket)
}

/// The socket that is opening now, with a token of that user.
fn dialled(machine: &mut Connection, now: u64, user_epoch: u32) -> Option<SocketId> {
    let mut dialled = None;
    while let Some(output) = machine.poll_output() {
        if let Output::Open { socket, .. } = output {
            dialled = Some(socket);
        } else if let Output::RequestToken { id, .. } = output {
            machine.handle_input(at(now), Input::Token { id, result: Ok(token(user_epoch)) });
        }
    }
    dialled
}

fn query() -> Scheme {
    Scheme::Query(Query::default())
}

/// The token that a session hands out.
fn token(user_epoch: u32) -> session::AccessToken {
    let mut session = signed_in(SessionConfig::new(), 1, Lifetime::default());
    let (requester, id, requirement) =
        (session::RequesterId(1), session::TokenRequestId::new(1), session::TokenRequirement::VALID);
    session.handle_input(at(0), session::Input::RequestToken(session::TokenRequest { requester, id, requirement }));
    let granted = outputs(&mut session).into_iter().find_map(|output| {
        if let session::Output::Token { result: Ok(token), .. } = output { Some(token) } else { None }
    });
    let mut token = granted.expect("a token");
    (token.user_epoch, token.sign_in_count, token.generation) = (user_epoch, user_epoch, user_epoch);
    token
}

#[test]
fn what_waits_to_be_performed_is_not_sent_when_the_user_goes() {
    let (mut machine, socket) = connecting(query(), 1);
    for number in 0..3 {
        machine.send(MessageId(number), &Byte, None).expect("there is room");
    }
    machine.handle_input(at(100), Input::SocketOpened { socket, protocol: String::new() });
    machine.handle_input(at(100), Input::Session(user(2)));
    let mut dropped = Vec::new();
    while let Some(output) = machine.poll_output() {
        assert!(!matches!(output, Output::Send { .. }), "{output:?}");
        if let Output::Event(Event::Message { message, status }) = output {
            dropped.push((message.0, status));
        }
    }
    assert_eq!(dropped, [(0, DeliveryStatus::Dropped), (1, DeliveryStatus::Dropped), (2, DeliveryStatus::Dropped)]);
    assert_eq!(machine.stats().sent, 0);
}

#[test]
fn what_one_user_has_met_is_not_the_next_ones() {
    for seed in 0..50 {
        let (mut machine, mut socket) = connecting(query(), seed);
        let mut now = 0;
        let fail = |machine: &mut Connection, socket: SocketId, now: u64| {
            let (code, reason, was_clean) = (1006, String::new(), false);
            machine.handle_input(at(now), Input::SocketClosed { socket, code, reason, was_clean });
            let outputs = core::iter::from_fn(|| machine.poll_output());
            let waits = outputs.filter_map(|output| {
                if let Output::Event(Event::StateChanged(change)) = output { change.retry_in } else { None }
            });
            waits.last().expect("a wait")
        };
        for _ in 0..8 {
            now += fail(&mut machine, socket, now).as_millis();
            machine.handle_input(at(now), Input::Timeout);
            socket = dialled(&mut machine, now, 1).expect("a dial");
        }
        machine.handle_input(at(now), Input::Session(user(2)));
        let socket = dialled(&mut machine, now, 2).expect("a dial for the next user");
        let wait = fail(&mut machine, socket, now);
        assert!(wait <= Millis::from_millis(1_000), "seed {seed}: {} ms", wait.as_millis());
    }
}

#[test]
fn a_message_of_the_handshake_is_read_up_to_its_bound() {
    let mut scheme = FirstMessage::new(json(r#"{"token":"$token"}"#));
    scheme.message = None;
    scheme.ack = Some(json(r#"{"type":"ok"}"#));
    let (mut machine, socket) = connecting(Scheme::FirstMessage(scheme), 1);
    machine.handle_input(at(0), Input::SocketOpened { socket, protocol: String::new() });
    let now = Instant::from_millis(10);
    assert_eq!(machine.on_message(socket, now, MAX_READ), Inbound::Inspect);
    assert_eq!(machine.on_message(socket, now, MAX_READ + 1), Inbound::Ignore);
}

fn endpoint(text: &str) -> Option<TokenEndpoint> {
    Some(TokenEndpoint::new(url(text, UrlKind::Http)))
}

fn signed_in(config: SessionConfig, seed: u64, lifetime: Lifetime) -> Session {
    let mut session = Session::new(config, seed);
    let (access, refresh) = (Secret::new("access".to_owned()), Some(Secret::new("refresh".to_owned())));
    session.handle_input(at(0), session::Input::SetTokens { access, refresh, lifetime });
    session
}

/// The record of a sign-in in the store.
fn record(id: u64) -> session::Record {
    let access = Secret::new("access".to_owned());
    session::Record { id, renewals: 0, access, refresh: None, expires_at: None, skew: 0 }
}

fn outputs(session: &mut Session) -> Vec<session::Output> {
    core::iter::from_fn(|| session.poll_output()).collect()
}

#[test]
fn what_waits_to_be_performed_for_a_user_is_not_done_when_they_have_gone() {
    let config = SessionConfig { refresh: endpoint("https://api.test/refresh"), ..SessionConfig::new() };
    let mut session = signed_in(config, 1, Lifetime::default());
    outputs(&mut session);
    let request_token = |number, requirement| {
        let (requester, id) = (session::RequesterId(1), session::TokenRequestId::new(number));
        session::Input::RequestToken(session::TokenRequest { requester, id, requirement })
    };
    // One is granted, one needs a renewal. Neither is performed if a listener signs out.
    session.handle_input(at(1), request_token(1, session::TokenRequirement::VALID));
    session.handle_input(at(1), request_token(2, session::TokenRequirement::OtherThan(session.view().generation)));
    session.handle_input(at(1), session::Input::Logout);
    let mut results = Vec::new();
    for output in outputs(&mut session) {
        assert!(!matches!(output, session::Output::Fetch { .. }), "{output:?}");
        if let session::Output::Token { result, .. } = output {
            results.push(result.err());
        }
    }
    assert_eq!(results, [Some(TokenError::Missing); 2]);
}

#[test]
fn a_request_of_one_user_gets_no_token_of_another() {
    let config = SessionConfig { refresh: endpoint("https://api.test/refresh"), ..SessionConfig::new() };
    let mut session = signed_in(config, 1, Lifetime::default());
    outputs(&mut session);
    let generation = session.view().generation;
    let request_token = |number, requirement| {
        let (requester, id) = (session::RequesterId(number), session::TokenRequestId::new(number));
        session::Input::RequestToken(session::TokenRequest { requester, id, requirement })
    };
    let refused = session::TokenRequirement::OtherThan(generation);
    let sign_in = |access: &str| session::Input::SetTokens {
        access: Secret::new(jwt(&format!(r#"{{"sub": "{access}"}}"#))),
        refresh: Some(Secret::new("refresh".to_owned())),
        lifetime: Lifetime::default(),
    };
    let answers = |session: &mut Session| -> Vec<_> {
        outputs(session)
            .into_iter()
            .filter_map(|output| {
                if let session::Output::Token { id, result, .. } = output { Some((id, result.err())) } else { None }
            })
            .collect()
    };
    session.handle_input(at(1), sign_in("maggie"));
    // One is granted and not delivered yet, one waits for a renewal.
    session.handle_input(at(1), request_token(1, session::TokenRequirement::VALID));
    session.handle_input(at(1), request_token(2, session::TokenRequirement::OtherThan(session.view().generation)));
    let refused_later = session::TokenRequirement::OtherThan(session.view().generation);
    session.handle_input(at(2), sign_in("bob"));
    // These were sent with a token of maggie, and refused.
    session.handle_input(at(3), request_token(3, refused));
    session.handle_input(at(3), request_token(4, refused_later));
    let superseded = Some(TokenError::Superseded);
    let id = session::TokenRequestId::new;
    assert_eq!(
        answers(&mut session),
        [(id(1), superseded), (id(2), superseded), (id(3), superseded), (id(4), superseded)]
    );
    session.handle_input(at(4), request_token(5, session::TokenRequirement::VALID));
    assert_eq!(answers(&mut session), [(id(5), None)]);
}

#[test]
fn the_call_of_a_logout_outlives_the_page_and_no_other_does() {
    let config = SessionConfig {
        login: endpoint("https://api.test/login"),
        logout: endpoint("https://api.test/logout"),
        ..SessionConfig::new()
    };
    let mut session = signed_in(config, 1, Lifetime::default());
    outputs(&mut session);
    let calls = |session: &mut Session| -> Vec<(String, bool)> {
        let fetches = outputs(session).into_iter().filter_map(|output| {
            if let session::Output::Fetch { http, .. } = output { Some((http.url, http.keepalive)) } else { None }
        });
        fetches.collect()
    };
    session.handle_input(at(1), session::Input::Logout);
    assert_eq!(calls(&mut session), [("https://api.test/logout".to_owned(), true)]);
    let login = session::LoginId(1);
    session.handle_input(at(2), session::Input::Login { login, credentials: json("{}"), endpoint: None });
    assert_eq!(calls(&mut session), [("https://api.test/login".to_owned(), false)]);
}

#[test]
fn a_renewal_is_due_by_chance_in_the_half_of_the_leeway_before_its_middle() {
    let mut dues = Vec::new();
    for seed in 0..200 {
        let config = SessionConfig { refresh: endpoint("https://api.test/refresh"), ..SessionConfig::new() };
        let mut session = signed_in(config, seed, Lifetime { expires_in: Some(1_000.0), expires_at: None });
        outputs(&mut session);
        let due = loop {
            let now = session.poll_timeout().expect("it watches the token").as_millis();
            session.handle_input(at(now), session::Input::Timeout);
            if outputs(&mut session).iter().any(|output| matches!(output, session::Output::Due)) {
                break now;
            }
        };
        dues.push(due);
    }
    // 30 s before the end, and up to 15 s later.
    assert!(dues.iter().all(|due| (970_000..=985_000).contains(due)), "{dues:?}");
    let (first, last) = (dues.iter().min().expect("200"), dues.iter().max().expect("200"));
    assert!(last - first > 10_000, "{first} to {last}");
}

#[test]
fn a_twin_of_another_sign_in_changes_nothing() {
    let config = SessionConfig {
        storage: TokenStorage::Store,
        refresh: endpoint("https://api.test/refresh"),
        ..SessionConfig::new()
    };
    let mut session = Session::new(config, 1);
    outputs(&mut session);
    session.handle_input(at(0), session::Input::Stored { stored: Stored::Tokens(record(7)), is_behind: false });
    let view = session.view();
    for stored in [Stored::Nothing, Stored::Tokens(record(8))] {
        session.handle_input(at(1), session::Input::Twin { id: Some(8), stored });
        assert_eq!((session.state(), session.view()), (SessionState::SignedIn, view));
    }
    session.handle_input(at(2), session::Input::Twin { id: Some(7), stored: Stored::Nothing });
    assert_eq!(session.state(), SessionState::SignedOut);
}

#[test]
fn a_token_that_a_twin_has_renewed_answers_those_who_wait_for_this_tab_s_renewal() {
    let config = SessionConfig {
        storage: TokenStorage::Store,
        refresh: endpoint("https://api.test/refresh"),
        ..SessionConfig::new()
    };
    let kept = || session::Record { refresh: Some(Secret::new("refresh".to_owned())), ..record(7) };
    let mut session = Session::new(config, 1);
    outputs(&mut session);
    session.handle_input(at(0), session::Input::Stored { stored: Stored::Tokens(kept()), is_behind: false });
    let request = session::TokenRequest {
        requester: session::RequesterId(1),
        id: session::TokenRequestId::new(1),
        requirement: session::TokenRequirement::OtherThan(session.view().generation),
    };
    session.handle_input(at(1), session::Input::RequestToken(request));
    let told = outputs(&mut session);
    assert!(told.iter().any(|output| matches!(output, session::Output::Lock { .. })), "{told:?}");
    let renewed = session::Record { renewals: 1, access: Secret::new("renewed".to_owned()), ..kept() };
    session.handle_input(at(2), session::Input::Twin { id: Some(7), stored: Stored::Tokens(renewed) });
    let told = outputs(&mut session);
    let answers = told.iter().filter(|output| matches!(output, session::Output::Token { result: Ok(_), .. })).count();
    assert_eq!(answers, 1, "{told:?}");
}

/// Answers each read with this until there are no more. Returns whether the store is then erased.
fn reads(session: &mut Session, now: u64, stored: &Stored) -> bool {
    let mut erases = false;
    loop {
        let outputs = outputs(session);
        erases |= outputs.iter().any(|output| matches!(output, session::Output::Erase { .. }));
        if !outputs.iter().any(|output| matches!(output, session::Output::Read)) {
            return erases;
        }
        session.handle_input(at(now), session::Input::Stored { stored: stored.clone(), is_behind: false });
    }
}

#[test]
fn a_logout_holds_although_the_store_does_not_answer_when_it_is_made() {
    let there = Stored::Tokens(record(7));
    // Somebody is signed in; or the session could not read the store and assumes that nobody is.
    for at_first in [there.clone(), Stored::Unreadable] {
        let mut session = Session::new(SessionConfig { storage: TokenStorage::Store, ..SessionConfig::new() }, 1);
        assert!(!reads(&mut session, 0, &at_first));
        session.handle_input(at(1), session::Input::Logout);
        assert_eq!(session.state(), SessionState::SignedOut);
        if reads(&mut session, 1, &Stored::Unreadable) {
            session.handle_input(at(1), session::Input::Written(StoreEnd::Failed));
        }
        let again = session.poll_timeout().expect("it tries again").as_millis();
        session.handle_input(at(again), session::Input::Timeout);
        assert!(reads(&mut session, again, &there), "{at_first:?}");
        session.handle_input(at(again), session::Input::Written(StoreEnd::Done));
        assert_eq!((session.state(), session.poll_timeout()), (SessionState::SignedOut, None));
        // Then nothing is left to do.
        session.handle_input(at(again), session::Input::Logout);
        assert!(!reads(&mut session, again, &Stored::Nothing));
    }
}

#[test]
fn what_could_not_be_erased_is_tried_again_ever_more_slowly_up_to_a_minute() {
    let config = SessionConfig { storage: TokenStorage::Store, ..SessionConfig::new() };
    let mut session = Session::new(config, 1);
    let stored = || session::Input::Stored { stored: Stored::Tokens(record(7)), is_behind: false };
    outputs(&mut session);
    session.handle_input(at(0), stored());
    session.handle_input(at(0), session::Input::Logout);
    let (mut now, mut gaps) = (0, Vec::new());
    for _ in 0..8 {
        session.handle_input(at(now), stored());
        let asked = outputs(&mut session);
        assert!(asked.iter().any(|output| matches!(output, session::Output::Erase { .. })), "{asked:?}");
        session.handle_input(at(now), session::Input::Written(StoreEnd::Failed));
        let next = session.poll_timeout().expect("another try").as_millis();
        gaps.push((next - now) / 1_000);
        now = next;
        session.handle_input(at(now), session::Input::Timeout);
    }
    assert_eq!(gaps, [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(session.state(), SessionState::SignedOut);
}

#[test]
fn a_renewal_that_was_answered_with_a_failure_is_tried_again_after_a_second_and_is_not_lost() {
    for seed in 0..100 {
        let config = SessionConfig { refresh: endpoint("https://api.test/refresh"), ..SessionConfig::new() };
        let mut session = signed_in(config, seed, Lifetime::default());
        outputs(&mut session);
        let requirement = session::TokenRequirement::OtherThan(session.view().generation);
        let (requester, id) = (session::RequesterId(1), session::TokenRequestId::new(1));
        session.handle_input(at(0), session::Input::RequestToken(session::TokenRequest { requester, id, requirement }));
        let mut now = 0;
        for (status, code) in [(503, "REFRESH_FAILED"), (401, "REFRESH_REJECTED")] {
            let request = outputs(&mut session).into_iter().find_map(|output| {
                if let session::Output::Fetch { request, .. } = output { Some(request) } else { None }
            });
            let request = request.expect("a renewal");
            let (retry_after, date, body) = (None, None, Secret::new(String::new()));
            let result = Ok(HttpResponse { status, retry_after, date, body });
            session.handle_input(at(now), session::Input::Http { request, result });
            let told = outputs(&mut session).into_iter().find_map(|output| {
                if let session::Output::Token { result: Err(error), .. } = output { Some(error) } else { None }
            });
            assert_eq!(told.map(|error| error.code()), Some(code), "seed {seed}");
            if status == 503 {
                session.handle_input(
                    at(now),
                    session::Input::RequestToken(session::TokenRequest { requester, id, requirement }),
                );
                let next = session.poll_timeout().expect("another try").as_millis();
                assert!(next >= 1_000, "seed {seed}: after {next} ms");
                now = next;
                session.handle_input(at(now), session::Input::Timeout);
            }
        }
    }
}

#[test]
fn a_login_waits_for_the_answer_to_a_logout_that_deletes_a_cookie() {
    use gatepass::proto::http::Credentials;
    let config = || SessionConfig {
        login: endpoint("https://api.test/login"),
        logout: endpoint("https://api.test/logout"),
        credentials: Credentials::Include,
        ..SessionConfig::new()
    };
    let calls = |session: &mut Session| -> Vec<(String, session::RequestId)> {
        let fetches = outputs(session).into_iter().filter_map(|output| {
            if let session::Output::Fetch { http, request } = output { Some((http.url, request)) } else { None }
        });
        fetches.collect()
    };
    let log_in = |number| session::Input::Login {
        login: session::LoginId(number),
        credentials: json(&format!(r#"{{"number": {number}}}"#)),
        endpoint: None,
    };
    let answer = || HttpResponse { status: 204, retry_after: None, date: None, body: Secret::new(String::new()) };
    // The logout is answered; or its answer never comes.
    for is_answered in [true, false] {
        let mut session = signed_in(config(), 1, Lifetime::default());
        outputs(&mut session);
        session.handle_input(at(1), session::Input::Logout);
        let [(url, logout)] = calls(&mut session).try_into().expect("one call");
        assert_eq!(url, "https://api.test/logout");
        session.handle_input(at(2), log_in(1));
        session.handle_input(at(3), log_in(2));
        let told = outputs(&mut session);
        assert!(
            matches!(told.as_slice(), [session::Output::LoginDone { login: session::LoginId(1), result: Err(_) }]),
            "the first is superseded, the second waits: {told:?}"
        );
        if is_answered {
            session.handle_input(at(4), session::Input::Http { request: logout, result: Ok(answer()) });
        } else {
            let timeout = session.poll_timeout().expect("it does not wait for ever");
            session.handle_input(at(timeout.as_millis()), session::Input::Timeout);
        }
        let calls = calls(&mut session);
        assert_eq!(calls.len(), 1, "{calls:?}");
        assert_eq!(calls[0].0, "https://api.test/login");
    }
}

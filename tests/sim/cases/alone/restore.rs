//! What a session asks at the start, when the browser may hold a session that no script sees.

use gatepass::error::{HttpError, TokenError};
use gatepass::proto::http::{HttpResponse, NoAnswer};
use gatepass::proto::session::{
    Input, LoginId, Output, RequestId, RequesterId, Session, SessionConfig, SessionState, StoreEnd, Stored,
    TokenRequest, TokenRequestId, TokenRequirement, TokenStorage,
};
use gatepass::proto::{Instant, Secret};

use super::{at, endpoint, outputs, record};
use crate::codec::json;

const RESTORE: &str = "https://api.test/me";

fn restoring(storage: TokenStorage) -> Session {
    let login = endpoint("https://api.test/login");
    Session::new(SessionConfig { login, restore: endpoint(RESTORE), storage, ..SessionConfig::new() }, 1)
}

/// The calls among outputs.
fn calls(outputs: &[Output]) -> Vec<(String, RequestId)> {
    let call = |output: &Output| {
        if let Output::Fetch { http, request } = output { Some((http.url.clone(), *request)) } else { None }
    };
    outputs.iter().filter_map(call).collect()
}

fn started(session: &mut Session) -> RequestId {
    assert_eq!(session.state(), SessionState::Loading);
    assert_eq!(session.poll_timeout(), Some(Instant::from_millis(0)), "it asks at once");
    session.handle_input(at(1), Input::Timeout);
    let [(url, request)] = calls(&outputs(session)).try_into().expect("one call");
    assert_eq!(url, RESTORE);
    request
}

fn answer(status: u16, body: &str) -> Result<HttpResponse, NoAnswer> {
    Ok(HttpResponse { status, retry_after: None, date: None, body: Secret::new(body.to_owned()) })
}

fn refused(told: &[Output]) -> Vec<TokenError> {
    let error = |output: &Output| if let Output::RenewalRefused(error) = output { Some(*error) } else { None };
    told.iter().filter_map(error).collect()
}

#[test]
fn a_session_that_the_browser_holds_is_a_sign_in_and_none_is_no_error() {
    let mut session = restoring(TokenStorage::Memory);
    let request = started(&mut session);
    session.handle_input(at(2), Input::Http { request, result: answer(200, r#"{"access":"a"}"#) });
    assert_eq!((session.state(), session.view().sign_in_count), (SessionState::SignedIn, 1));

    for status in [400, 401, 403] {
        let mut session = restoring(TokenStorage::Memory);
        let request = started(&mut session);
        session.handle_input(at(2), Input::Http { request, result: answer(status, "") });
        let told = outputs(&mut session);
        assert_eq!((session.state(), refused(&told)), (SessionState::SignedOut, vec![]), "{status}");
        assert!(told.iter().all(|output| matches!(output, Output::Changed { error: None, .. })), "{told:?}");
    }
}

#[test]
fn a_call_without_an_answer_is_told_and_made_again_when_a_token_is_needed() {
    let mut session = restoring(TokenStorage::Memory);
    let request = started(&mut session);
    session.handle_input(at(2), Input::Http { request, result: Err(NoAnswer::Failed) });
    let told = outputs(&mut session);
    assert_eq!(session.state(), SessionState::SignedOut);
    assert_eq!(refused(&told), [TokenError::Refresh(HttpError::Network)]);
    let request =
        TokenRequest { requester: RequesterId(1), id: TokenRequestId::new(1), requirement: TokenRequirement::VALID };
    session.handle_input(at(3), Input::RequestToken(request));
    let [(_, again)] = calls(&outputs(&mut session)).try_into().expect("one call");
    session.handle_input(at(4), Input::Http { request: again, result: answer(401, "") });
    let told = outputs(&mut session);
    let given =
        told.iter().find_map(|output| if let Output::Token { result, .. } = output { Some(result) } else { None });
    assert_eq!(given.and_then(|result| result.as_ref().err()), Some(&TokenError::Missing));
    // Now it is known that nobody is there.
    session.handle_input(at(5), Input::RequestToken(request));
    assert_eq!(calls(&outputs(&mut session)).len(), 0);
}

#[test]
fn a_login_takes_the_place_of_the_question_unless_it_fails() {
    for status in [200, 401] {
        let mut session = restoring(TokenStorage::Memory);
        session.handle_input(at(0), Input::Login { login: LoginId(1), credentials: json("{}"), endpoint: None });
        session.handle_input(at(1), Input::Timeout);
        let [(url, login)] = calls(&outputs(&mut session)).try_into().expect("one call");
        assert_eq!(url, "https://api.test/login");
        session.handle_input(at(2), Input::Http { request: login, result: answer(status, r#"{"access":"a"}"#) });
        let urls: Vec<_> = calls(&outputs(&mut session)).into_iter().map(|(url, _)| url).collect();
        let expected: &[&str] = if status == 200 { &[] } else { &[RESTORE] };
        assert_eq!(urls, expected, "{status}");
    }
}

/// A session whose tab waits for the lock.
fn waiting() -> Session {
    let mut session = restoring(TokenStorage::Store);
    outputs(&mut session);
    session.handle_input(at(1), Input::Stored { stored: Stored::Nothing, is_behind: false });
    let told = outputs(&mut session);
    assert!(matches!(told.as_slice(), [Output::Lock { .. }]), "{told:?}");
    session
}

/// A session whose tab has the lock and makes the call.
fn asking() -> (Session, RequestId) {
    let mut session = waiting();
    session.handle_input(at(1), Input::Locked);
    outputs(&mut session);
    session.handle_input(at(1), Input::Stored { stored: Stored::Nothing, is_behind: false });
    let [(url, request)] = calls(&outputs(&mut session)).try_into().expect("one call");
    assert_eq!(url, RESTORE);
    (session, request)
}

/// Reads of the store that were asked for, as long as there are any.
fn read_nothing(session: &mut Session) -> Vec<Output> {
    let mut all = outputs(session);
    while all.iter().any(|output| matches!(output, Output::Read)) {
        all.retain(|output| !matches!(output, Output::Read));
        session.handle_input(at(3), Input::Stored { stored: Stored::Nothing, is_behind: false });
        all.extend(outputs(session));
    }
    all
}

#[test]
fn what_a_tab_does_not_find_no_other_tab_asks_for() {
    for (result, tells, errors) in [
        (answer(401, ""), Some(401), vec![]),
        (answer(503, ""), Some(503), vec![TokenError::Refresh(HttpError::Status { status: 503, retry_after: None })]),
        (Err(NoAnswer::Failed), None, vec![TokenError::Refresh(HttpError::Network)]),
    ] {
        let (mut first, request) = asking();
        first.handle_input(at(2), Input::Http { request, result });
        let told = read_nothing(&mut first);
        let status = told
            .iter()
            .find_map(|output| if let Output::NotRestored { status } = output { Some(*status) } else { None });
        assert_eq!(status, Some(tells), "{told:?}");

        let locked = || {
            let mut session = waiting();
            session.handle_input(at(1), Input::Locked);
            session
        };
        for (mut other, how) in [(waiting(), "waiting"), (locked(), "just locked")] {
            other.handle_input(at(3), Input::NotRestored { status: tells });
            let told = read_nothing(&mut other);
            assert_eq!((other.state(), calls(&told)), (SessionState::SignedOut, vec![]), "{how}");
            assert_eq!(refused(&told), errors, "{how}");
            assert!(told.iter().any(|output| matches!(output, Output::Unlock)), "{how}: {told:?}");
            assert!(!told.iter().any(|output| matches!(output, Output::NotRestored { .. })), "{how}: an echo");
        }
    }
}

#[test]
fn what_another_tab_does_not_find_says_nothing_about_a_call_in_flight_or_a_user() {
    let (mut session, request) = asking();
    session.handle_input(at(2), Input::NotRestored { status: Some(401) });
    assert!(outputs(&mut session).is_empty());
    session.handle_input(at(3), Input::Http { request, result: answer(200, r#"{"access":"a"}"#) });
    assert!(session.state().is_signed_in());
    outputs(&mut session);
    session.handle_input(at(4), Input::NotRestored { status: Some(401) });
    assert!(session.state().is_signed_in());
    // The tokens came with a cookie that is gone.
    session.handle_input(at(5), Input::LoggedOut);
    assert_eq!(session.state(), SessionState::SignedOut);
}

#[test]
fn a_logout_in_another_tab_ends_the_question_and_its_late_answer_brings_nobody_back() {
    const LOGOUT: &str = "https://api.test/logout";
    let (mut first, _) = asking();
    first.handle_input(at(2), Input::Logout);
    assert!(outputs(&mut first).iter().any(|output| matches!(output, Output::LoggedOut)));

    let mut other = waiting();
    other.handle_input(at(2), Input::LoggedOut);
    let told = outputs(&mut other);
    assert_eq!((other.state(), calls(&told)), (SessionState::SignedOut, vec![]));

    let config = SessionConfig {
        restore: endpoint(RESTORE),
        logout: endpoint(LOGOUT),
        login: endpoint("https://api.test/login"),
        ..SessionConfig::new()
    };
    let mut other = Session::new(config, 1);
    let request = started(&mut other);
    other.handle_input(at(2), Input::LoggedOut);
    let told = outputs(&mut other);
    // The answer in flight may have set a cookie.
    let [(url, _)] = calls(&told).try_into().expect("one call");
    assert_eq!(url, LOGOUT);
    other.handle_input(at(3), Input::Http { request, result: answer(200, r#"{"access":"a"}"#) });
    assert_eq!(other.state(), SessionState::SignedOut);
}

#[test]
fn tabs_that_keep_their_tokens_to_themselves_share_the_session_that_one_of_them_has_found() {
    let mut other = waiting();
    other.handle_input(at(2), Input::Twin { id: None, stored: Stored::Tokens(record(7)) });
    let told = read_nothing(&mut other);
    assert_eq!((other.state(), calls(&told)), (SessionState::SignedIn, vec![]));
    assert!(told.iter().any(|output| matches!(output, Output::Write { record, .. } if record.id == 7)), "{told:?}");
    // From now on it is a duplicate: a logout there is one here.
    other.handle_input(at(3), Input::Written(StoreEnd::Done));
    other.handle_input(at(4), Input::Twin { id: Some(7), stored: Stored::Nothing });
    assert_eq!(other.state(), SessionState::SignedOut);

    let mut signed_out = waiting();
    signed_out.handle_input(at(2), Input::LoggedOut);
    signed_out.handle_input(at(3), Input::Twin { id: None, stored: Stored::Tokens(record(7)) });
    assert_eq!(signed_out.state(), SessionState::SignedOut, "only a tab that asks");
}

#[test]
fn of_tabs_with_one_store_the_holder_of_the_lock_asks_and_the_others_read_what_it_has_written() {
    let stored = |session: &mut Session, stored: &Stored| {
        session.handle_input(at(1), Input::Stored { stored: stored.clone(), is_behind: false });
        outputs(session)
    };
    let waiting = || {
        let mut session = restoring(TokenStorage::Store);
        assert!(matches!(outputs(&mut session).as_slice(), [Output::Read]));
        let told = stored(&mut session, &Stored::Nothing);
        assert!(matches!(told.as_slice(), [Output::Lock { .. }]), "{told:?}");
        assert_eq!(session.state(), SessionState::Loading);
        session.handle_input(at(1), Input::Locked);
        assert!(matches!(outputs(&mut session).as_slice(), [Output::Read]));
        session
    };
    let mut first = waiting();
    let [(url, request)] = calls(&stored(&mut first, &Stored::Nothing)).try_into().expect("one call");
    assert_eq!(url, RESTORE);
    first.handle_input(at(2), Input::Http { request, result: answer(200, r#"{"access":"a"}"#) });
    assert!(outputs(&mut first).iter().any(|output| matches!(output, Output::Read)));
    let written = stored(&mut first, &Stored::Nothing);
    assert!(written.iter().any(|output| matches!(output, Output::Write { .. })), "{written:?}");
    first.handle_input(at(3), Input::Written(StoreEnd::Done));
    assert!(outputs(&mut first).iter().any(|output| matches!(output, Output::Unlock)));

    let mut second = waiting();
    let told = stored(&mut second, &Stored::Tokens(record(7)));
    assert_eq!((second.state(), calls(&told).len()), (SessionState::SignedIn, 0));
    assert!(told.iter().any(|output| matches!(output, Output::Unlock)), "{told:?}");
}

#[test]
fn a_logout_ends_the_session_that_the_browser_may_hold_and_the_question_for_it() {
    const LOGOUT: &str = "https://api.test/logout";
    let (restore, logout) = (endpoint(RESTORE), endpoint(LOGOUT));
    let config = SessionConfig { restore, logout, login: endpoint("https://api.test/login"), ..SessionConfig::new() };
    for when in ["before the call", "during the call", "after a call that failed"] {
        let mut session = Session::new(config.clone(), 1);
        let request = (when != "before the call").then(|| started(&mut session));
        if let (Some(request), "after a call that failed") = (request, when) {
            session.handle_input(at(2), Input::Http { request, result: Err(NoAnswer::Failed) });
            outputs(&mut session);
        }
        session.handle_input(at(3), Input::Logout);
        let told = outputs(&mut session);
        let [(url, _)] = calls(&told).try_into().expect("one call");
        assert_eq!((url.as_str(), session.state()), (LOGOUT, SessionState::SignedOut), "{when}");
        if let Some(request) = request {
            session.handle_input(at(4), Input::Http { request, result: answer(200, r#"{"access":"a"}"#) });
        }
        let id = TokenRequestId::new(1);
        let token = TokenRequest { requester: RequesterId(1), id, requirement: TokenRequirement::VALID };
        session.handle_input(at(5), Input::RequestToken(token));
        session.handle_input(at(9), Input::Timeout);
        session.handle_input(at(9), Input::Logout);
        assert_eq!((calls(&outputs(&mut session)), session.state()), (vec![], SessionState::SignedOut), "{when}");
    }
}

//! What one session does about each thing that happens to it.

use gatepass::error::TokenError;
use gatepass::proto::Secret;
use gatepass::proto::http::HttpResponse;
use gatepass::proto::session::{
    Asker, Demand, Input, LoginId, Output, RequestId, Session, SessionConfig, Want, WantId,
};
use gatepass::proto::token::Lifetime;

use super::{at, endpoint, outputs, signed_in};
use crate::codec::json;

fn want(demand: Demand) -> Input {
    Input::Want(Want { asker: Asker(1), want: WantId::new(1), demand })
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
    let login = |number| Input::Login { login: LoginId(number), credentials: json("{}") };
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
    let refused = Demand::NotRejected(session.view().generation);
    session.handle_input(at(0), want(refused));
    let request = request_of(&outputs(&mut session)).expect("a renewal");
    let (retry_after, body) = (Some("60".to_owned()), Secret::new(String::new()));
    let result = Ok(HttpResponse { status: 429, retry_after, date: None, body });
    session.handle_input(at(10), Input::Http { request, result });
    outputs(&mut session);
    session.handle_input(at(20), want(refused));
    assert_eq!(request_of(&outputs(&mut session)), None, "it is left alone");
    let (access, refresh) = (Secret::new("another".to_owned()), Some(Secret::new("another".to_owned())));
    session.handle_input(at(30), Input::SetTokens { access, refresh, lifetime: Lifetime::default() });
    outputs(&mut session);
    session.handle_input(at(40), want(Demand::NotRejected(session.view().generation)));
    assert!(request_of(&outputs(&mut session)).is_some(), "its token was never refused");
}

#[test]
fn a_session_that_has_ended_says_so_to_whoever_asks() {
    let mut session = signed_in(SessionConfig::new(), 1, Lifetime::default());
    outputs(&mut session);
    session.handle_input(at(0), want(Demand::NotRejected(session.view().generation)));
    let mut answers = Vec::new();
    for output in outputs(&mut session) {
        if let Output::Token { result, .. } = output {
            answers.push(result.err());
        }
    }
    assert_eq!(answers, [Some(TokenError::Expired)]);
}

//! Sessions: login, refresh and logout of each preset.

use gatepass::proto::http::{HttpRequest, HttpResponse, Method};
use gatepass::proto::session::{
    Input, LoginError, LoginId, Output, RequesterId, Session, SessionState, TokenRequest, TokenRequestId,
    TokenRequirement,
};
use gatepass::proto::token::Lifetime;
use gatepass::proto::{Json, Secret, preset};

use super::{fixture, items, now, number, print, text};

/// Feeds an input, answers its one request as the file says, and returns the outcome.
fn call(session: &mut Session, input: Input, call: &Json) -> Result<Option<String>, &'static str> {
    let mut outcome = Ok(None);
    let mut requests = 0;
    session.handle_input(now(), input);
    while let Some(output) = session.poll_output() {
        match output {
            Output::Fetch { request, http } => {
                requests += 1;
                check(&http, &call.at("request").unwrap());
                let body = Secret::new(call.at("answer.body").map_or_else(String::new, |body| body.print()));
                let status = number(call, "answer.status");
                let result = Ok(HttpResponse { status, retry_after: None, date: None, body });
                session.handle_input(now(), Input::Http { request, result });
            }
            Output::LoginDone { result: Err(LoginError { error, answer }), .. } => {
                // The app gets the server's answer: DRF's map of fields.
                assert_eq!(
                    answer.as_ref().map(Secret::expose),
                    call.at("answer.body").map(|body| body.print()).as_deref()
                );
                outcome = Err(error.code());
            }
            Output::Token { result: Err(error), .. } => outcome = Err(error.code()),
            Output::Token { result: Ok(token), .. } => outcome = Ok(Some(token.authorization.expose().to_owned())),
            Output::LoginDone { result: Ok(()), .. } | Output::AbortFetch { .. } | Output::Changed { .. } => {}
            Output::Erase { .. }
            | Output::Due
            | Output::GetToken { .. }
            | Output::Lock { .. }
            | Output::LoggedOut
            | Output::NotRestored { .. }
            | Output::Read
            | Output::RenewalRefused(_)
            | Output::Unlock
            | Output::Write { .. } => panic!("{output:?} without a store"),
        }
    }
    assert_eq!(requests, 1, "one request for {}", print(call));
    outcome
}

fn check(http: &HttpRequest, wanted: &Json) {
    assert_eq!(http.method, Method::Post);
    assert_eq!(http.url, text(wanted, "url"));
    assert_eq!(http.cookies, wanted.at("cookies").is_some_and(|cookies| cookies.print() == "true"));
    let header = http.authorization.as_ref().map(Secret::expose);
    assert_eq!(header, wanted.text_at("authorization").as_deref());
    let body = http.body.as_ref().unwrap();
    assert_eq!(body.encoding.media_type(), text(wanted, "type"));
    match wanted.text_at("form") {
        Some(form) => assert_eq!(body.text.expose(), form),
        None => assert_eq!(body.text.expose(), print(&wanted.at("body").unwrap())),
    }
}

fn request_token(rejected: Option<u32>) -> Input {
    let requirement = rejected.map_or(TokenRequirement::VALID, TokenRequirement::OtherThan);
    Input::RequestToken(TokenRequest { requester: RequesterId(0), id: TokenRequestId::new(1), requirement })
}

/// The header of the present token, without a request.
fn present(session: &mut Session) -> Option<(String, u32)> {
    session.handle_input(now(), request_token(None));
    let mut header = None;
    while let Some(output) = session.poll_output() {
        if let Output::Token { result: Ok(token), .. } = output {
            header = Some((token.authorization.expose().to_owned(), token.generation));
        }
    }
    header
}

fn play(name: &str) {
    let fixture = fixture(name);
    let mut session = Session::new(preset::session(name, &text(&fixture, "base")).unwrap(), 1);
    if let Some(tokens) = fixture.at("tokens") {
        let access = Secret::new(text(&tokens, "access"));
        let refresh = Some(Secret::new(text(&tokens, "refresh")));
        session.handle_input(now(), Input::SetTokens { access, refresh, lifetime: Lifetime::default() });
        while session.poll_output().is_some() {}
    }
    for (index, row) in items(&fixture, "calls").iter().enumerate() {
        println!("{name}: {}", print(row));
        let outcome = if let Some(credentials) = row.at("login") {
            let login = LoginId(index as u32);
            call(&mut session, Input::Login { login, credentials, endpoint: None }, row)
        } else if row.at("restore").is_some() {
            // It asks by itself, as soon as it has a clock.
            let outcome = call(&mut session, Input::Timeout, row);
            assert_eq!(session.state(), SessionState::SignedOut, "nobody is no error");
            outcome
        } else if row.at("logout").is_some() {
            let outcome = call(&mut session, Input::Logout, row);
            assert_eq!(session.state(), SessionState::SignedOut);
            outcome
        } else {
            let rejected = present(&mut session).map(|(_, generation)| generation);
            call(&mut session, request_token(rejected), row)
        };
        match row.text_at("failure") {
            Some(code) => assert_eq!(outcome, Err(code.as_str())),
            None => assert_eq!(outcome.err(), None),
        }
        if let Some(header) = row.text_at("authorization") {
            assert_eq!(present(&mut session).map(|(header, _)| header), Some(header));
        }
    }
}

/// Also of a preset that no test below names.
#[test]
fn every_session_preset_does_what_its_fixture_says() {
    let [sessions, _] = preset::names();
    sessions.iter().for_each(|name| play(name));
}

#[test]
fn cases_1_to_3_simplejwt() {
    play("simpleJwt");
}

#[test]
fn case_25_djoser_ends_the_token_at_logout() {
    play("djoser");
    play("djoserJwt");
}

#[test]
fn case_27_every_prefix_is_sent_exactly_as_configured() {
    play("drfToken");
    play("ticketServer");
}

#[test]
fn drf_jwt_keeps_its_token_in_a_cookie_and_renews_it_by_itself() {
    play("drfJwt");
}

#[test]
fn case_16_dj_rest_auth_keeps_its_refresh_token_in_a_cookie() {
    play("djRestAuth");
}

#[test]
fn case_19_knox_tells_a_date_and_directus_milliseconds() {
    play("knox");
    play("directusSession");
}

#[test]
fn cases_23_and_24_oauth_2_is_form_encoded_and_keeps_a_refresh_token_that_is_not_replaced() {
    play("oauth2");
}

#[test]
fn case_25_a_logout_that_the_server_does_not_know_has_ended_the_session_all_the_same() {
    let mut session = Session::new(preset::session("djoser", "https://api.example/auth").unwrap(), 1);
    let access = Secret::new("9944".to_owned());
    session.handle_input(now(), Input::SetTokens { access, refresh: None, lifetime: Lifetime::default() });
    session.handle_input(now(), Input::Logout);
    session.handle_input(now(), Input::Login { login: LoginId(1), credentials: Json::object(&[]), endpoint: None });
    let mut requests = Vec::new();
    while let Some(output) = session.poll_output() {
        if let Output::Fetch { request, .. } = output {
            requests.push(request);
        }
    }
    for (status, body) in [(401, r#"{"detail":"Invalid token."}"#), (200, "<html>")] {
        let response = HttpResponse { status, retry_after: None, date: None, body: Secret::new(body.to_owned()) };
        session.handle_input(now(), Input::Http { request: requests[0], result: Ok(response) });
        assert!(session.poll_output().is_none(), "nobody waits for it");
        assert_eq!(session.state(), SessionState::SignedOut);
    }
    assert_ne!(requests[0], requests[1], "the answer to a logout is none to the login that follows");
}

#[test]
fn a_logout_says_no_more_of_the_tokens_than_its_template_asks_for() {
    let row = |body: &str| {
        let row = format!(r#"{{"logout":{{"url":"/revoke","encoding":"form"{body}}}}}"#);
        let config = preset::session_of(&super::json(&row), "https://id.example").unwrap();
        let mut session = Session::new(config, 1);
        let (access, refresh) = (Secret::new("a1".to_owned()), Some(Secret::new("r1".to_owned())));
        session.handle_input(now(), Input::SetTokens { access, refresh, lifetime: Lifetime::default() });
        session.handle_input(now(), Input::Logout);
        let mut sent = Vec::new();
        while let Some(output) = session.poll_output() {
            if let Output::Fetch { http, .. } = output {
                sent.push(http.body.unwrap().text.expose().to_owned());
            }
        }
        sent
    };
    assert_eq!(row(""), [""]);
    assert_eq!(row(r#","body":{"token":"$refresh"}"#), ["token=r1"]);
}

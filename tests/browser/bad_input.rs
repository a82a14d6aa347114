//! Every bad input gives a typed error and loses nothing.

use gatepass::error::{ConfigError, HttpError, TokenError, UrlProblem};
use gatepass::proto::Millis;
use gatepass::proto::connection::{ConnectionConfig, ConnectionState};
use gatepass::proto::scheme::Scheme;
use gatepass::proto::session::SessionState;
use gatepass::proto::{Url, UrlKind};
use gatepass::web::AuthSocket;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::{
    Client, Recorder, access_token, control, count, fresh, jwt_session, login, new_ticket, open_and_close, plain,
    query, quick, set_token, signed_in, ticket, with_ack, with_hello,
};

#[wasm_bindgen_test]
async fn a_wrong_password_is_named() {
    fresh().await;
    let session = jwt_session();
    assert_eq!(login(&session, "maggie", "wrong").await, Err(TokenError::InvalidCredentials { status: 401 }));
    assert_eq!(session.state(), SessionState::SignedOut);
    control(r#"{"do": "answer", "endpoint": "login", "status": 200, "body": "<html>"}"#).await;
    let malformed = login(&session, "maggie", "secret").await;
    assert!(matches!(malformed, Err(TokenError::Login(HttpError::Malformed(_)))), "{malformed:?}");
    control(r#"{"do": "answer", "endpoint": "login", "status": 503, "retryAfter": "7"}"#).await;
    let busy = Err(TokenError::Login(HttpError::Status { status: 503, retry_after: Some(Millis::from_secs(7)) }));
    assert_eq!(login(&session, "maggie", "secret").await, busy, "Retry-After is exposed to other origins");
    assert_eq!(login(&session, "maggie", "secret").await, Ok(()));
}

#[wasm_bindgen_test]
async fn case_35_a_garbage_token_asks_for_sign_in_before_anything_is_dialled() {
    fresh().await;
    let session = jwt_session();
    set_token(&session, "garbage");
    let client = Client::new(quick("/channel/", ticket()), Some(&session));
    client.send("kept");
    client.failed(&[("TICKET_UNAUTHORIZED", "refreshToken"), ("TICKET_UNAUTHORIZED", "signIn")]).await;
    client.state(ConnectionState::Suspended).await;
    assert_eq!(count("handshakes").await, 0.0);
    login(&session, "maggie", "secret").await.unwrap();
    client.connected().await;
    client.read(|seen| assert!(!seen.printed.contains("garbage")));
}

#[wasm_bindgen_test]
async fn an_expired_token_is_renewed_before_the_ticket() {
    fresh().await;
    let session = signed_in().await;
    control(r#"{"do": "expireTokens"}"#).await;
    let client = Client::new(quick("/channel/", ticket()), Some(&session));
    client.connected().await;
    client.failed(&[("TICKET_UNAUTHORIZED", "refreshToken")]).await;
    assert_eq!((count("refreshes").await, count("handshakes").await), (1.0, 1.0));
}

#[wasm_bindgen_test]
async fn a_token_past_its_time_is_not_sent_at_all() {
    fresh().await;
    let session = jwt_session();
    // The answer to a login tells the server's time. Without it, only the server can judge a token that looks expired.
    login(&session, "maggie", "secret").await.unwrap();
    // {"exp": 1}
    set_token(&session, "e30.eyJleHAiOjF9.c2ln");
    let client = Client::new(quick("/ws/jwt/", query()), Some(&session));
    client.failed(&[("TOKEN_EXPIRED", "signIn")]).await;
    assert_eq!(count("handshakes").await, 0.0);
}

#[wasm_bindgen_test]
async fn case_33_an_expired_ticket_costs_one_try() {
    fresh().await;
    let session = signed_in().await;
    control(r#"{"do": "setSettings", "settings": {"ticketLifeMs": 0}}"#).await;
    let client = Client::new(quick("/channel/", ticket()), Some(&session));
    client.until("a failure", |seen| !seen.failures.is_empty()).await;
    control(r#"{"do": "setSettings", "settings": {}}"#).await;
    client.connected().await;
    // Milliseconds decide whether the client notices it or the server refuses it.
    let is_named = |(code, move_on)| matches!(code, "TICKET_EXPIRED" | "CONNECT_FAILED") && move_on == "retry";
    client.read(|seen| assert!(seen.failures.iter().copied().all(is_named), "{:?}", seen.failures));
    assert!(count("tickets").await >= 2.0);
}

#[wasm_bindgen_test]
async fn case_31_a_ticket_that_was_used_before_costs_one_try() {
    fresh().await;
    let session = signed_in().await;
    let ticket_text = new_ticket(&access_token("maggie", "secret").await).await;
    open_and_close(&format!("/channel/?ticket={ticket_text}")).await;
    let used = format!(r#"{{\"ticket\": \"{ticket_text}\"}}"#);
    control(&format!(r#"{{"do": "answer", "endpoint": "ticket", "status": 200, "body": "{used}"}}"#)).await;
    let client = Client::new(quick("/channel/", ticket()), Some(&session));
    client.send("kept");
    client.failed(&[("CONNECT_FAILED", "retry")]).await;
    client.heard(&["kept"]).await;
    assert_eq!(client.read(|seen| seen.opened), 1);
    client.read(|seen| assert!(!seen.printed.contains(&ticket_text)));
}

#[wasm_bindgen_test]
async fn bad_answers_of_the_ticket_endpoint_are_named_and_tried_again() {
    fresh().await;
    let session = signed_in().await;
    for (answer, code) in [
        (r#""status": 429, "retryAfter": "0""#, "TICKET_REJECTED"),
        (r#""status": 500"#, "TICKET_REJECTED"),
        (r#""status": 200, "body": "<html>""#, "TICKET_MALFORMED"),
        (r#""status": 200, "body": "{}""#, "TICKET_MALFORMED"),
    ] {
        control(&format!(r#"{{"do": "answer", "endpoint": "ticket", {answer}}}"#)).await;
        let client = Client::new(quick("/channel/", ticket()), Some(&session));
        client.send("kept");
        client.failed(&[(code, "retry")]).await;
        client.connected().await;
        client.heard(&["kept"]).await;
    }
}

#[wasm_bindgen_test]
async fn a_forbidden_ticket_ends_the_connection() {
    fresh().await;
    let session = signed_in().await;
    control(r#"{"do": "answer", "endpoint": "ticket", "status": 403}"#).await;
    let client = Client::new(quick("/channel/", ticket()), Some(&session));
    client.failed(&[("TICKET_FORBIDDEN", "giveUp")]).await;
    client.state(ConnectionState::Closed).await;
    client.socket.connect();
    client.connected().await;
}

#[wasm_bindgen_test]
async fn a_hanging_ticket_endpoint_is_left_after_its_time() {
    fresh().await;
    let session = signed_in().await;
    control(r#"{"do": "delay", "endpoint": "ticket", "ms": 600000}"#).await;
    let config = ConnectionConfig { http_timeout: Millis::from_millis(200), ..quick("/channel/", ticket()) };
    let client = Client::new(config, Some(&session));
    client.failed(&[("TICKET_TIMED_OUT", "retry")]).await;
    control(r#"{"do": "delay", "endpoint": "ticket", "ms": 0}"#).await;
    client.connected().await;
}

#[wasm_bindgen_test]
async fn case_46_a_refused_handshake_and_a_refused_connection_look_alike_and_are_tried_again() {
    fresh().await;
    let session = signed_in().await;
    for status in [401, 403, 404, 429, 500, 302] {
        control(&format!(r#"{{"do": "refuseHandshakes", "status": {status}}}"#)).await;
        let client = Client::new(quick("/channel/", ticket()), Some(&session));
        client.failed(&[("CONNECT_FAILED", "retry")]).await;
        client.connected().await;
    }
    let client = Client::new(quick("/ws/anonymous/", Scheme::Anonymous), None);
    client.connected().await;
    control(r#"{"do": "stop"}"#).await;
    client.failed(&[("CONNECTION_LOST", "retry"), ("CONNECT_FAILED", "retry")]).await;
    control(r#"{"do": "start"}"#).await;
    client.connected_times(2).await;
}

#[wasm_bindgen_test]
async fn close_codes_end_or_renew() {
    fresh().await;
    let session = signed_in().await;
    for (code, failure) in [
        (4403, ("CLOSED_BY_SERVER", "giveUp")),
        (4401, ("CLOSED_BY_SERVER", "refreshToken")),
        (1008, ("CLOSED_BY_SERVER", "refreshToken")),
        (1011, ("CLOSED_BY_SERVER", "retry")),
    ] {
        let client = Client::new(quick("/channel/", ticket()), Some(&session));
        client.connected().await;
        control(&format!(r#"{{"do": "dropSockets", "how": {{"close": {{"code": {code}}}}}}}"#)).await;
        client.failed(&[failure]).await;
        assert_eq!(client.read(|seen| seen.closed.clone()), [code]);
    }
}

#[wasm_bindgen_test]
async fn a_bad_token_in_the_first_message_is_refused_and_never_loops() {
    fresh().await;
    for (path, scheme) in
        [("/ws/first/", plain()), ("/ws/4401/", plain()), ("/ws/ack/", with_ack()), ("/ws/hello/", with_hello())]
    {
        let session = jwt_session();
        set_token(&session, "garbage");
        let client = Client::new(quick(path, scheme), Some(&session));
        client.send("kept");
        client.failed(&[("AUTH_REJECTED", "refreshToken"), ("AUTH_REJECTED", "signIn")]).await;
        client.state(ConnectionState::Suspended).await;
        assert_eq!(session.state(), SessionState::Expired);
        client.read(|seen| assert!(!seen.printed.contains("garbage")));
        set_token(&session, &access_token("maggie", "secret").await);
        client.heard(&["kept"]).await;
    }
    assert_eq!(count("handshakes").await, 8.0);
}

#[wasm_bindgen_test]
async fn case_67_a_server_that_stays_silent_is_left_after_its_time() {
    fresh().await;
    let session = signed_in().await;
    // This path never answers a good first message.
    let client = Client::new(quick("/ws/first/", with_ack()), Some(&session));
    client.failed(&[("AUTH_TIMED_OUT", "retry")]).await;
}

#[wasm_bindgen_test]
async fn case_48_and_106_a_hung_handshake_is_left_and_the_next_proceeds() {
    fresh().await;
    control(r#"{"do": "silence", "on": true}"#).await;
    let config =
        ConnectionConfig { connect_timeout: Millis::from_millis(300), ..quick("/ws/anonymous/", Scheme::Anonymous) };
    let client = Client::new(config, None);
    client.failed(&[("CONNECT_TIMED_OUT", "retry")]).await;
    control(r#"{"do": "silence", "on": false}"#).await;
    client.connected().await;
}

#[wasm_bindgen_test]
fn addresses_that_cannot_work_are_refused_at_construction() {
    let parse = |text: &str| Url::parse("url", text, UrlKind::WebSocket).map(|url| url.to_text());
    let problem = |problem| Err(ConfigError::InvalidUrl { option: "url", problem });
    assert_eq!(parse("ftp://h/"), problem(UrlProblem::Scheme));
    assert_eq!(parse("ws://h/#x"), problem(UrlProblem::Fragment));
    assert_eq!(parse("wss://maggie:secret@h/"), problem(UrlProblem::UserInfo));
    assert_eq!(parse("ws://h:99999/"), problem(UrlProblem::Unreadable));
    assert_eq!(parse("WSS://EXAMPLE.com/a b"), problem(UrlProblem::ControlCharacter));
    assert_eq!(parse("WSS://EXAMPLE.com"), Ok("wss://example.com/".to_owned()));
    assert!(
        parse("/ws/chat/").is_ok_and(|text| text.starts_with("ws://127.0.0.1:") && text.ends_with("/ws/chat/")),
        "case_58"
    );
    let foreign = Url::parse("url", "ws://example.com/", UrlKind::WebSocket).unwrap();
    let config = ConnectionConfig::new(foreign, query());
    let refused = AuthSocket::new(config, Some(jwt_session()), Recorder::default()).unwrap_err();
    assert_eq!(refused, ConfigError::InsecureUrl { option: "url", host: "example.com".to_owned() });
}

#[wasm_bindgen_test]
fn a_scheme_with_a_credential_needs_a_session() {
    let refused = AuthSocket::new(quick("/channel/", ticket()), None, Recorder::default()).unwrap_err();
    assert_eq!(refused.code(), "INVALID_OPTION");
}

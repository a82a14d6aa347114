//! The native driver against the running mock server: every authentication scheme, and what only a native client can send.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod conversation;
mod django;
mod frames;
mod handshakes;
mod schemes;

use std::time::Duration;

use gatepass::error::NotReady;
use gatepass::native::{AuthSocket, Message, Session};
use gatepass::proto::backoff::BackoffOptions;
use gatepass::proto::connection::{ConnectionConfig, ConnectionState, Event};
use gatepass::proto::http::Credentials;
use gatepass::proto::outbox::Confirm;
use gatepass::proto::scheme::{Query, Scheme, Ticket};
use gatepass::proto::session::{SessionConfig, SessionState, TokenEndpoint, TokenFields};
use gatepass::proto::token::Lifetime;
use gatepass::proto::{Json, Millis, Secret, Url, UrlKind, preset};
use gatepass_mock_server::{Command, Drop, MockServer, Recorded};

const WHOAMI: &str = r#"{"type":"whoami"}"#;
const MAGGIE: &str = r#"{"type":"whoami","user":"maggie"}"#;

fn url(server: &MockServer, path: &str, kind: UrlKind) -> Url {
    Url::parse("url", &format!("{}{path}", server.url()), kind).unwrap()
}

/// Settings that try again quickly.
fn quick(server: &MockServer, path: &str, scheme: Scheme) -> ConnectionConfig {
    with_quick_retries(ConnectionConfig::new(url(server, path, UrlKind::WebSocket), scheme))
}

fn with_quick_retries(config: ConnectionConfig) -> ConnectionConfig {
    let millis = Millis::from_millis;
    ConnectionConfig { backoff: BackoffOptions { base: millis(5), cap: millis(50), spread: millis(10) }, ..config }
}

fn query() -> Scheme {
    Scheme::Query(Query::default())
}

async fn session(server: &MockServer, name: &str, base: &str) -> Session {
    let session = Session::new(preset::session(name, &format!("{}{base}", server.url())).unwrap()).unwrap();
    login(&session, "maggie", "secret").await.unwrap();
    session
}

async fn login(session: &Session, user: &str, password: &str) -> Result<(), &'static str> {
    let credentials = Json::object(&[("username", user), ("password", password)]);
    session.login(credentials).await.map_err(|failed| failed.error.code())
}

async fn session_with_token(token: &str) -> Session {
    let session = Session::new(SessionConfig::new()).unwrap();
    session.set_tokens(Secret::new(token.to_owned()), None, Lifetime::default()).await.unwrap();
    session
}

fn text(text: &str) -> Message {
    Message::Text(text.to_owned())
}

async fn connected(config: ConnectionConfig, session: Option<&Session>) -> AuthSocket {
    let socket = AuthSocket::new(config, session).unwrap();
    socket.connect();
    socket.ready().await.unwrap_or_else(|problem| panic!("{problem:?}"));
    socket
}

/// The codes and dispositions of the first failures.
async fn failures(socket: &mut AuthSocket, count: usize) -> Vec<(&'static str, &'static str)> {
    let mut failures = Vec::new();
    while failures.len() < count {
        if let Event::StateChanged(change) = socket.next_event().await.unwrap()
            && let Some(problem) = change.problem
        {
            failures.push((problem.failure.code(), problem.disposition.name()));
        }
    }
    failures
}

#[tokio::test]
async fn a_lost_socket_comes_back_with_the_same_user_and_messages_keep_their_order() {
    let server = MockServer::start().await;
    let session = session(&server, "simpleJwt", "/api").await;
    let mut socket = connected(quick(&server, "/ws/jwt/", query()), Some(&session)).await;
    socket.send(text("1")).await.unwrap();
    assert_eq!(socket.next().await, Some(text("1")));
    server.control(Command::DropSockets { how: Drop::Reset }).await;
    for number in ["2", "3", "4"] {
        server.wait_for(|counts| counts.accepted >= 1).await;
        socket.send(text(number)).await.unwrap();
    }
    server.wait_for(|counts| counts.accepted == 2).await;
    socket.send(Message::Binary(vec![5, 0])).await.unwrap();
    // Messages handed to the lost socket are not sent again. The rest arrives in order.
    let mut heard = Vec::new();
    loop {
        match socket.next().await.unwrap() {
            Message::Text(text) => heard.push(text),
            Message::Binary(bytes) => break assert_eq!(bytes, [5, 0]),
        }
    }
    assert!(heard.is_sorted(), "{heard:?}");
}

#[tokio::test]
async fn with_handover_a_socket_goes_along_with_its_token_each_message_arrives_once_and_nobody_notices() {
    let server = MockServer::start().await;
    let session = session(&server, "simpleJwt", "/api").await;
    let config = quick(&server, "/ws/jwt/", query());
    let config = ConnectionConfig { handover: true, min_uptime: Millis::from_millis(20), ..config };
    let mut socket = connected(config, Some(&session)).await;
    for number in 0.. {
        let stats = socket.stats();
        if stats.connections == 3 {
            break;
        }
        // More than any token has left, so it is renewed.
        if stats.attempts == stats.connections {
            session.access_token(Duration::from_secs(86_400)).await.unwrap();
        }
        let message = text(&number.to_string());
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await, Some(message));
    }
    server.wait_for(|counts| counts.open == 1).await;
    assert_eq!(socket.state(), ConnectionState::Connected);
    socket.close(1000, "").unwrap();
    let mut told = Vec::new();
    while let Some(event) = socket.next_event().await {
        match event {
            Event::HandedOver => told.push("handover"),
            Event::Opened => told.push("open"),
            Event::StateChanged(change) if change.state == ConnectionState::Closed => break,
            Event::StateChanged(change) if change.state == change.previous => {}
            Event::StateChanged(change) => told.push(change.state.name()),
            Event::Closed { .. } => told.push("close"),
            Event::Message { .. } => {}
        }
    }
    assert_eq!(told, ["connecting", "connected", "open", "handover", "handover"]);
}

#[tokio::test]
async fn what_was_on_its_way_on_a_lost_socket_can_be_taken_once_unless_it_is_sent_again() {
    for confirm in [None, Some(Confirm { id: "id".to_owned(), ack: Json::parse(r#"{"id":"$id"}"#).unwrap() })] {
        let server = MockServer::start().await;
        let is_sent_again = confirm.is_some();
        let config = ConnectionConfig { confirm, ..quick(&server, "/ws/anonymous/", Scheme::Anonymous) };
        let mut socket = connected(config, None).await;
        for message in ["heard of", r#"{"id":0}"#] {
            socket.send(text(message)).await.unwrap();
            assert_eq!(socket.next().await, Some(text(message)));
        }
        server.control(Command::Silence { on: true }).await;
        for message in ["plain", r#"{"id":1}"#] {
            socket.send(text(message)).await.unwrap();
        }
        server.control(Command::DropSockets { how: Drop::Reset }).await;
        server.control(Command::Silence { on: false }).await;
        failures(&mut socket, 1).await;
        // A message of the server may have crossed what was just sent, unless it acknowledges exactly that.
        let expected: &[_] =
            if is_sent_again { &["heard of", "plain"] } else { &["heard of", r#"{"id":0}"#, "plain", r#"{"id":1}"#] };
        let again: &[_] = if is_sent_again { &[text(r#"{"id":1}"#)] } else { &[] };
        assert_eq!(socket.take_unconfirmed(), expected.iter().copied().map(text).collect::<Vec<_>>());
        socket.ready().await.unwrap();
        for message in again {
            assert_eq!(socket.next().await.as_ref(), Some(message));
        }
        assert_eq!(socket.take_unconfirmed(), []);
    }
}

#[tokio::test]
async fn when_a_logout_returns_nothing_of_the_user_can_be_sent_any_more() {
    let server = MockServer::start().await;
    let session = session(&server, "djoser", "/auth").await;
    let socket = connected(quick(&server, "/ws/jwt/", query()), Some(&session)).await;
    session.logout().await;
    assert_eq!(session.state(), SessionState::SignedOut);
    socket.send(text("of the next user")).await.unwrap();
    server.wait_for(|counts| counts.open == 0 && counts.logouts == 1).await;
    assert_eq!(socket.state(), ConnectionState::Suspended);
    assert_eq!(server.counts().messages, 0);
    assert_eq!(login(&session, "bob", "wrong").await, Err("INVALID_CREDENTIALS"));
    login(&session, "bob", "hunter2").await.unwrap();
    server.wait_for(|counts| counts.messages == 1).await;
    let received = server.received();
    let messages: Vec<_> = received.iter().filter_map(Recorded::as_message).collect();
    assert_eq!(messages, [(Some("bob"), "of the next user")]);
}

#[tokio::test]
async fn an_app_that_does_not_read_slows_the_server_down_and_loses_nothing() {
    let server = MockServer::start().await;
    let mut socket = connected(quick(&server, "/ws/anonymous/", Scheme::Anonymous), None).await;
    for number in 0..2_000 {
        socket.send(text(&number.to_string())).await.unwrap();
    }
    for number in 0..2_000 {
        assert_eq!(socket.next().await, Some(text(&number.to_string())));
    }
}

#[tokio::test]
async fn two_peers_that_both_write_much_do_not_wait_for_each_other() {
    let server = MockServer::start().await;
    let mut socket = connected(quick(&server, "/ws/anonymous/", Scheme::Anonymous), None).await;
    let large = Message::Binary(vec![7; 500_000]);
    for _ in 0..100 {
        socket.send(large.clone()).await.unwrap();
    }
    for _ in 0..100 {
        assert_eq!(socket.next().await.as_ref(), Some(&large));
    }
    // Nothing reads these, and it can still be closed.
    for _ in 0..100 {
        socket.send(large.clone()).await.unwrap();
    }
    drop(socket);
    server.wait_for(|counts| counts.open == 0).await;
}

#[tokio::test]
async fn what_is_waited_for_is_what_was_asked_last() {
    let server = MockServer::start().await;
    let mut socket = connected(quick(&server, "/ws/anonymous/", Scheme::Anonymous), None).await;
    socket.close(1000, "").unwrap();
    assert_eq!(socket.ready().await, Err(NotReady::Closed), "not the connection that is being left");
    socket.connect();
    assert_eq!(socket.ready().await, Ok(()), "not the end before");
    socket.close(1000, "").unwrap();
    socket.connect();
    socket.send(text("hello")).await.unwrap();
    assert_eq!(socket.next().await, Some(text("hello")));
}

#[tokio::test]
async fn a_token_that_no_header_can_carry_is_refused_and_not_left_out() {
    let session = Session::new(SessionConfig::new()).unwrap();
    let token = Secret::new("abc\n".to_owned());
    let refused = session.set_tokens(token, None, Lifetime::default()).await;
    assert_eq!(refused.map_err(|error| error.code()), Err("INVALID_OPTION"));
}

/// A server that redirects every request, and the requests that it received.
async fn leads_to(location: String) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (reached, asked) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            reached.send(line).unwrap();
            let answer = format!(
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, asked)
}

#[tokio::test]
async fn no_request_with_a_credential_follows_where_a_server_leads_it() {
    let (stranger, mut reached) = leads_to("/".to_owned()).await;
    let (server, mut asked) = leads_to(stranger).await;
    let mut config = preset::session("simpleJwt", &format!("{server}/api")).unwrap();
    config.http_timeout = Millis::from_secs(5);
    let session = Session::new(config).unwrap();
    assert_eq!(login(&session, "maggie", "secret").await, Err("REDIRECTED"));
    let access = Secret::new("access".to_owned());
    session.set_tokens(access, Some(Secret::new("refresh".to_owned())), Lifetime::default()).await.unwrap();
    let ticket = Ticket::new(Url::parse("url", &format!("{server}/ticket"), UrlKind::Http).unwrap());
    let address = Url::parse("url", &server.replace("http", "ws"), UrlKind::WebSocket).unwrap();
    let config = with_quick_retries(ConnectionConfig::new(address, Scheme::Ticket(ticket)));
    let mut socket = AuthSocket::new(config, Some(&session)).unwrap();
    socket.connect();
    assert_eq!(failures(&mut socket, 1).await[0].0, "REDIRECTED");
    for path in ["/api/token/", "/ticket"] {
        assert!(asked.recv().await.unwrap().contains(path), "{path}");
    }
    assert!(reached.try_recv().is_err(), "nobody else was asked");
}

#[tokio::test]
async fn a_socket_ends_with_its_value_and_a_session_with_its_last_handle() {
    let server = MockServer::start().await;
    let session = session(&server, "simpleJwt", "/api").await;
    let socket = connected(quick(&server, "/ws/jwt/", query()), Some(&session)).await;
    drop(session);
    server.control(Command::DropSockets { how: Drop::Reset }).await;
    server.wait_for(|counts| counts.accepted == 2).await;
    drop(socket);
    server.wait_for(|counts| counts.open == 0).await;
}

#[tokio::test]
async fn the_end_is_told_to_whoever_reads_or_waits() {
    let server = MockServer::start().await;
    let mut socket = connected(quick(&server, "/ws/anonymous/", Scheme::Anonymous), None).await;
    assert_eq!(socket.close(1001, "").map_err(|error| error.code()), Err("INVALID_OPTION"));
    socket.close(4000, "done").unwrap();
    assert_eq!(socket.next().await, None);
    assert_eq!(socket.ready().await, Err(NotReady::Closed));
    assert_eq!(socket.send(text("late")).await.map_err(|error| error.code()), Err("CLOSED"));
    let closed = Recorded::Closed { user: None, code: Some(4000) };
    server.wait_for(|counts| counts.open == 0).await;
    assert!(server.received().contains(&closed), "{:?}", server.received());
}

#[tokio::test]
async fn debug_forms_show_no_credential() {
    let session = session_with_token("SECRET").await;
    let socket = AuthSocket::new(
        ConnectionConfig::new(Url::parse("url", "wss://h/", UrlKind::WebSocket).unwrap(), query()),
        Some(&session),
    );
    assert_eq!(format!("{session:?} {socket:?}"), "Session { state: SignedIn, .. } Ok(AuthSocket { state: Idle, .. })");
}

//! What the server answers to a handshake, and a socket as a stream.

use std::collections::BTreeMap;

use futures_util::{SinkExt, StreamExt};
use gatepass::error::{Disposition, Failure, HttpError, NotReady, Problem, SendError};
use gatepass::native::{AuthSocket, Incoming, Message, Session, SignInError, SocketStream};
use gatepass::proto::connection::{ConnectionState, Event};
use gatepass::proto::outbox::OutboxOptions;
use gatepass::proto::preset;
use gatepass::proto::scheme::Scheme;
use gatepass_mock_server::{Command, MockServer, Options};

use super::{MAGGIE, WHOAMI, query, quick, session};

async fn native_server() -> MockServer {
    MockServer::start_with(Options { allow_absent_origin: true, ..Options::default() }).await.unwrap()
}

/// The problem of the first change that has one.
async fn problem(socket: &mut AuthSocket) -> Problem {
    loop {
        if let Some(Event::StateChanged(change)) = socket.next_event().await
            && let Some(problem) = change.problem
        {
            return problem;
        }
    }
}

#[tokio::test]
async fn a_refused_handshake_is_told_by_its_status() {
    let server = native_server().await;
    for (status, code, disposition) in [
        (401, "HANDSHAKE_UNAUTHORIZED", Disposition::RefreshToken),
        (403, "HANDSHAKE_FORBIDDEN", Disposition::GiveUp),
        (404, "SERVER_UNAVAILABLE", Disposition::GiveUp),
        (503, "SERVER_UNAVAILABLE", Disposition::RETRY),
    ] {
        server.control(Command::RefuseHandshakes { times: 1, status }).await;
        let session = session(&server, "simpleJwt", "/api").await;
        let mut socket = AuthSocket::new(quick(&server, "/ws/jwt/", query()), Some(&session)).unwrap();
        socket.connect();
        let told = problem(&mut socket).await;
        assert_eq!((told.failure.code(), told.failure.status(), told.disposition), (code, Some(status), disposition));
        let shown = told.to_string();
        assert!(shown.ends_with(&format!("(HTTP {status})")), "{shown}");
        if disposition == Disposition::GiveUp {
            assert_eq!(socket.ready().await, Err(NotReady::Failed(told)));
            assert_eq!(socket.state(), ConnectionState::Closed);
        } else {
            // The token is renewed, or the server is asked again.
            socket.ready().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_client_without_an_origin_is_told_that_it_is_forbidden() {
    let server = MockServer::start_with(Options::default()).await.unwrap();
    let socket = AuthSocket::new(quick(&server, "/ws/anonymous/", Scheme::Anonymous), None).unwrap();
    socket.connect();
    let error: Box<dyn std::error::Error> = Box::new(socket.ready().await.unwrap_err());
    assert!(error.to_string().starts_with("HANDSHAKE_FORBIDDEN: "), "{error}");
    let NotReady::Failed(Problem { failure: Failure::Probe(HttpError::Forbidden { status }), .. }) =
        socket.ready().await.unwrap_err()
    else {
        panic!("{error}");
    };
    assert_eq!(status, 403);
}

#[tokio::test]
async fn credentials_of_an_own_type_sign_in_and_texts_and_bytes_are_messages() {
    let server = native_server().await;
    let session = Session::new(preset::session("simpleJwt", &format!("{}/api", server.url())).unwrap()).unwrap();
    let wrong = session.sign_in(&BTreeMap::from([("username", "maggie"), ("password", "wrong")])).await;
    assert!(matches!(wrong, Err(SignInError::Login(error)) if error.error.code() == "INVALID_CREDENTIALS"));
    // No JSON object has numbers for names of this kind.
    assert!(matches!(session.sign_in(&BTreeMap::from([(vec![1], 1)])).await, Err(SignInError::Credentials)));
    session.sign_in(&BTreeMap::from([("username", "maggie"), ("password", "secret")])).await.unwrap();
    let mut socket = AuthSocket::new(quick(&server, "/ws/jwt/", query()), Some(&session)).unwrap();
    socket.connect();
    socket.ready().await.unwrap();
    for message in [Message::from("text"), "own".to_owned().into(), vec![1, 2].into(), [3_u8, 4].as_slice().into()] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await, Some(message));
    }
}

#[tokio::test]
async fn a_socket_is_a_stream_of_messages_and_events_and_a_sink_that_waits_for_room() {
    let server = native_server().await;
    let session = session(&server, "simpleJwt", "/api").await;
    let mut config = quick(&server, "/ws/jwt/", query());
    config.outbox = OutboxOptions { max_messages: 2, ..config.outbox };
    server.control(Command::RefuseHandshakes { times: 1, status: 503 }).await;
    let mut stream = SocketStream::connect(config, Some(&session)).unwrap();
    // More than the outbox holds while nothing is connected yet.
    for _ in 0..5 {
        stream.send(WHOAMI.into()).await.unwrap();
    }
    let (mut messages, mut opened) = (0, 0);
    while messages < 5 {
        match stream.next().await.unwrap() {
            Incoming::Message(message) => {
                assert_eq!(message, Message::from(MAGGIE));
                messages += 1;
            }
            Incoming::Event(Event::Opened) => opened += 1,
            Incoming::Event(_) => {}
        }
    }
    assert_eq!(opened, 1);
    stream.close().await.unwrap();
    while stream.next().await.is_some() {}
    assert_eq!(stream.socket().state(), ConnectionState::Closed);
    assert_eq!(stream.send("late".into()).await, Err(SendError::Closed));
}

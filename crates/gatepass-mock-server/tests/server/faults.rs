//! What the control API does to living connections, in Rust and over HTTP.

use gatepass_mock_server::{Command, Drop, MockServer};
use serde_json::{Value, json};

use crate::client::{dial, hear, post, say, ticket_of};

async fn control(server: &MockServer, command: Value) -> (u16, String) {
    let response = reqwest::Client::new().post(server.control_url()).body(command.to_string()).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn sockets_can_be_dropped_by_code_and_by_reset() {
    let server = MockServer::start().await;
    for (how, heard) in [
        (Drop::Close { code: 4401, reason: "expired".into() }, "close 4401"),
        (Drop::Close { code: 1005, reason: String::new() }, "close 1005"),
        (Drop::Reset, "lost"),
    ] {
        let mut socket = dial(&server, "/ws/anonymous/", &[]).await.unwrap();
        server.control(Command::DropSockets { how: how.clone() }).await;
        assert_eq!(hear(&mut socket).await, heard, "{how:?}");
        drop(socket);
        server.wait_for(|counts| counts.open == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_client_holds_for_open_is_dropped_with_the_rest() {
    let server = MockServer::start().await;
    for _ in 0..1_000 {
        let mut socket = dial(&server, "/ws/anonymous/", &[]).await.unwrap();
        assert_eq!(server.counts().open, 1);
        server.control(Command::DropSockets { how: Drop::Close { code: 4401, reason: String::new() } }).await;
        assert_eq!(hear(&mut socket).await, "close 4401");
        drop(socket);
        server.wait_for(|counts| counts.open == 0).await;
    }
}

#[tokio::test]
async fn case_46_handshakes_can_be_refused_with_any_status() {
    let server = MockServer::start().await;
    for status in [401, 403, 404, 429, 500, 302] {
        server.control(Command::RefuseHandshakes { times: 2, status }).await;
        for _ in 0..2 {
            assert_eq!(dial(&server, "/ws/anonymous/", &[]).await.unwrap_err(), status);
        }
        assert!(dial(&server, "/ws/anonymous/", &[]).await.is_ok());
    }
}

#[tokio::test]
async fn a_stopped_server_refuses_and_a_restarted_one_has_its_port_and_its_tokens() {
    let server = MockServer::start().await;
    let (_, body) = post(&server, "/auth", json!({"user": "maggie", "pwd": "secret"}), &[]).await;
    let token = body["token"].as_str().unwrap().to_owned();
    let mut socket = dial(&server, "/ws/anonymous/", &[]).await.unwrap();
    server.control(Command::Stop).await;
    assert_eq!(hear(&mut socket).await, "lost");
    assert_eq!(dial(&server, "/ws/anonymous/", &[]).await.unwrap_err(), 0);
    assert_eq!(control(&server, json!({"do": "start"})).await.0, 204, "the control server goes on");
    assert!(dial(&server, &format!("/ws/jwt/?token={token}"), &[]).await.is_ok());
    server.control(Command::Restart).await;
    assert!(dial(&server, &format!("/ws/jwt/?token={token}"), &[]).await.is_ok());
}

#[tokio::test]
async fn a_silent_server_keeps_its_sockets_and_says_nothing_until_it_speaks_again() {
    let server = MockServer::start().await;
    let mut socket = dial(&server, "/ws/anonymous/", &[]).await.unwrap();
    server.wait_for(|counts| counts.open == 1).await;
    server.control(Command::Silence { on: true }).await;
    say(&mut socket, "are you there?").await;
    server.control(Command::Push { text: "news".into() }).await;
    let pending = dial(&server, "/ws/anonymous/", &[]);
    tokio::pin!(pending);
    let speaks = tokio::select! {
        text = hear(&mut socket) => Some(text),
        _ = &mut pending => Some("a handshake was answered".to_owned()),
        // As many round trips as a server that is not silent would need for its answers, many times over.
        () = async { for _ in 0..50 { control(&server, json!({"do": "silence", "on": true})).await; } } => None,
    };
    assert_eq!(speaks, None, "a silent server spoke");
    server.control(Command::Silence { on: false }).await;
    let mut heard = [hear(&mut socket).await, hear(&mut socket).await];
    heard.sort();
    assert_eq!(heard, ["are you there?", "news"]);
    assert!(pending.await.is_ok());
}

#[tokio::test]
async fn a_silent_server_can_still_reset() {
    let server = MockServer::start().await;
    let mut socket = dial(&server, "/ws/anonymous/", &[]).await.unwrap();
    server.wait_for(|counts| counts.open == 1).await;
    server.control(Command::Silence { on: true }).await;
    server.control(Command::DropSockets { how: Drop::Reset }).await;
    assert_eq!(hear(&mut socket).await, "lost");
}

#[tokio::test]
async fn every_command_can_be_said_over_http_and_a_bad_one_is_named() {
    let server = MockServer::start().await;
    for command in [
        json!({"do": "answer", "endpoint": "ticket", "status": 503, "retryAfter": "1"}),
        json!({"do": "delay", "endpoint": "ticket", "ms": 1}),
        json!({"do": "dropSockets", "how": "reset"}),
        json!({"do": "dropSockets", "how": {"close": {"code": 4401}}}),
        json!({"do": "expireTokens"}),
        json!({"do": "push", "text": "news"}),
        json!({"do": "refuseHandshakes", "status": 403}),
        json!({"do": "setSettings", "settings": {"ticketLifeMs": 1}}),
        json!({"do": "setTicketStore", "isDown": true}),
        json!({"do": "setUserActive", "user": "bob", "active": false}),
        json!({"do": "silence", "on": true}),
        json!({"do": "stop"}),
        json!({"do": "start"}),
        json!({"do": "restart"}),
        json!({"do": "reset"}),
    ] {
        assert_eq!(control(&server, command.clone()).await, (204, String::new()), "{command}");
    }
    assert!(dial(&server, "/ws/anonymous/", &[]).await.is_ok(), "a reset ends every fault");
    for (bad, named) in [
        (json!({"do": "explode"}), "explode"),
        (json!({}), "do"),
        (json!({"do": "delay", "endpoint": "tea", "ms": 1}), "tea"),
        (json!({"do": "push", "text": "x", "loud": true}), "loud"),
        (json!("no object"), "command"),
        (json!({"do": "refuseHandshakes", "status": 403, "times": 4_294_967_295_u32}), "times"),
        (json!({"do": "refuseHandshakes", "status": 101}), "status"),
        (json!({"do": "dropSockets", "how": {"close": {"code": 1000, "reason": "x".repeat(124)}}}), "reason"),
    ] {
        let (status, body) = control(&server, bad.clone()).await;
        assert_eq!(status, 400, "{bad}");
        assert!(body.contains(named), "{bad}: {body}");
    }
}

#[tokio::test]
async fn a_reset_ends_every_fault_and_forgets_what_was_issued_counted_and_received() {
    let server = MockServer::start().await;
    let log_in = async |user: &str, pwd: &str| post(&server, "/auth", json!({"user": user, "pwd": pwd}), &[]).await;
    let (_, body) = log_in("maggie", "secret").await;
    let old = body["token"].as_str().unwrap().to_owned();
    let old_ticket = ticket_of(&server, &old).await;
    for endpoint in ["login", "ticket", "refresh", "probe"] {
        control(&server, json!({"do": "answer", "endpoint": endpoint, "status": 503, "times": 9})).await;
        control(&server, json!({"do": "loseAnswers", "endpoint": endpoint, "times": 9})).await;
        control(&server, json!({"do": "delay", "endpoint": endpoint, "ms": 3_600_000})).await;
    }
    for fault in [
        json!({"do": "refuseHandshakes", "status": 403, "times": 9}),
        json!({"do": "setSettings", "settings": {"accessLifeMs": 0, "ticketLifeMs": 0, "clockSkewMs": -9_000_000}}),
        json!({"do": "setTicketStore", "isDown": true, "suffix": "&"}),
        json!({"do": "setUserActive", "user": "bob", "active": false}),
        json!({"do": "silence", "on": true}),
        json!({"do": "reset"}),
    ] {
        assert_eq!(control(&server, fault).await.0, 204);
    }

    assert_eq!((server.counts().logins, server.received().len()), (0, 0));
    let (status, body) = log_in("bob", "hunter2").await;
    let token = body["token"].as_str().unwrap().to_owned();
    let ticket = ticket_of(&server, &token).await;
    assert_eq!((status, ticket.contains('&')), (200, false));
    assert!(dial(&server, &format!("/ws/jwt/?token={token}"), &[]).await.is_ok());
    assert!(dial(&server, &format!("/ws/jwt/?token={old}"), &[]).await.is_err(), "an old token is nobody's");
    assert!(dial(&server, &format!("/channel/?ticket={old_ticket}"), &[]).await.is_err(), "and so is an old ticket");
    assert!(dial(&server, &format!("/channel/?ticket={ticket}"), &[]).await.is_ok());
    assert_eq!((server.counts().logins, server.counts().tickets), (1, 1));
}

#[tokio::test]
async fn the_control_api_tells_what_was_received() {
    let server = MockServer::start().await;
    let mut socket = dial(&server, "/ws/anonymous/", &[]).await.unwrap();
    say(&mut socket, "hello").await;
    hear(&mut socket).await;
    let get = |what: &str| reqwest::get(format!("{}/{what}", server.control_url()));
    let received: Value = get("received").await.unwrap().json().await.unwrap();
    assert_eq!(received[1], json!({"type": "message", "user": null, "text": "hello"}));
    let counts: Value = get("counts").await.unwrap().json().await.unwrap();
    assert_eq!((&counts["messages"], &counts["open"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn a_reset_is_a_tcp_reset() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = MockServer::start().await;
    let address = server.url().replace("http://", "");
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let request = format!(
        "GET /ws/anonymous/ HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    server.wait_for(|counts| counts.open == 1).await;
    let mut answer = vec![0; 1024];
    assert!(stream.read(&mut answer).await.unwrap() > 0);
    server.control(Command::DropSockets { how: Drop::Reset }).await;
    let end = stream.read(&mut answer).await;
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_server_ends_with_its_value() {
    let server = MockServer::start().await;
    let address = server.url().replace("http://", "");
    let mut socket = dial(&server, "/ws/anonymous/", &[]).await.unwrap();
    drop(server);
    assert_eq!(hear(&mut socket).await, "lost");
    // The listening socket is closed by a task of its own, at its next turn.
    while tokio::net::TcpStream::connect(&address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_accepted_first_message_is_told_to_those_who_wait() {
    let server = MockServer::start().await;
    let (_, body) = post(&server, "/api-token-auth/", json!({"username": "maggie", "password": "secret"}), &[]).await;
    let mut socket = dial(&server, "/ws/first/", &[]).await.unwrap();
    say(&mut socket, &json!({"token": body["token"]}).to_string()).await;
    server.wait_for(|counts| counts.accepted == 1).await;
}

#[tokio::test]
async fn the_faults_that_wait_are_listed_and_can_be_forgotten() {
    let server = MockServer::start().await;
    let faults = async || {
        let text = reqwest::get(format!("{}/faults", server.control_url())).await.unwrap().text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let mut socket = dial(&server, "/ws/anonymous/", &[]).await.unwrap();
    assert_eq!(faults().await, json!({}));
    for command in [
        json!({"do": "refuseHandshakes", "times": 2, "status": 403}),
        json!({"do": "answer", "endpoint": "ticket", "status": 429}),
        json!({"do": "delay", "endpoint": "refresh", "ms": 3_000}),
        json!({"do": "loseAnswers", "endpoint": "login"}),
        json!({"do": "silence", "on": true}),
    ] {
        assert_eq!(control(&server, command).await.0, 204);
    }
    let expected = json!({
        "refuseHandshakes": [403, 403], "answers": {"ticket": [429]}, "delays": {"refresh": 3_000}, "losses": {"login": 1}, "silence": true,
    });
    assert_eq!(faults().await, expected);
    assert_eq!(control(&server, json!({"do": "clearFaults"})).await.0, 204);
    assert_eq!(faults().await, json!({}));
    say(&mut socket, "still here").await;
    assert_eq!(hear(&mut socket).await, "still here");
    assert!(dial(&server, "/ws/anonymous/", &[]).await.is_ok());
}

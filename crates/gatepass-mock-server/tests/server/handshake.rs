//! Handshakes that are none: each has an answer in bounded time, and the server lives on.

use std::time::Duration;

use gatepass_mock_server::{MockServer, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::dial;

/// Sends bytes and returns what comes back until the end, or until the answer has a head.
async fn answer(server: &MockServer, request: &[u8]) -> String {
    let address = server.url().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has heard enough may close while we write.
    stream.write_all(request).await.ok();
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        heard.extend_from_slice(&buffer[..length]);
        if heard.windows(4).any(|window| window == b"\r\n\r\n") {
            break;
        }
    }
    String::from_utf8_lossy(&heard).into_owned()
}

fn request(line: &str, headers: &[&str]) -> Vec<u8> {
    format!("{line}\r\nHost: 127.0.0.1\r\n{}\r\n\r\n", headers.join("\r\n")).into_bytes()
}

const GET: &str = "GET /ws/anonymous/ HTTP/1.1";
const GOOD: [&str; 4] = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

#[tokio::test]
async fn case_59_the_handshake_of_rfc_6455_is_accepted_and_what_is_none_is_refused() {
    let server = MockServer::start().await;
    let accepted = answer(&server, &request(GET, &GOOD)).await.to_ascii_lowercase();
    assert!(accepted.starts_with("http/1.1 101"), "{accepted}");
    assert!(accepted.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "RFC 6455 §1.3: {accepted}");
    let without = |name: &str| GOOD.into_iter().filter(|header| !header.starts_with(name)).collect::<Vec<_>>();
    let with = |header| [without("Sec-WebSocket-Key"), vec![header]].concat();
    let version = [without("Sec-WebSocket-Version"), vec!["Sec-WebSocket-Version: 12"]].concat();
    let rows = [
        (GET, without("Upgrade"), "4"),
        (GET, without("Connection"), "4"),
        (GET, without("Sec-WebSocket-Key"), "4"),
        (GET, with("Sec-WebSocket-Key: c2hvcnQ="), "4"),
        (GET, with("Sec-WebSocket-Key: !!"), "4"),
        (GET, version, "4"),
        ("POST /ws/anonymous/ HTTP/1.1", GOOD.to_vec(), "4"),
        ("GET /ws/nothing/ HTTP/1.1", GOOD.to_vec(), "404"),
    ];
    for (line, headers, status) in rows {
        let answer = answer(&server, &request(line, &headers)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{line} {headers:?}: {answer}");
    }
    assert_eq!(server.counts().accepted, 1);
}

#[tokio::test]
async fn case_64_huge_and_odd_headers_are_refused_in_bounded_time() {
    let server = MockServer::start().await;
    let huge = format!("X-Huge: {}", "a".repeat(1 << 20));
    let many: Vec<String> = (0..2_000).map(|number| format!("X-{number}: a")).collect();
    let backtracking = format!("Sec-WebSocket-Protocol: b{}x", " ".repeat(32_000));
    let with = |more: &[&str]| request(GET, &[&GOOD[..], more].concat());
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for bytes in [with(&[&huge]), with(&many)] {
        let answer = answer(&server, &bytes).await;
        assert!(answer.starts_with("HTTP/1.1 4") || answer.is_empty(), "{answer}");
    }
    // Odd, but of a bounded size: no answer is wrong, but none may take the server along.
    let mut odd = with(&["Sec-WebSocket-Protocol: a, X", &backtracking]);
    let place = odd.iter().position(|byte| *byte == b'X').unwrap();
    odd[place] = 0xff;
    assert!(answer(&server, &odd).await.starts_with("HTTP/1.1 "));
    dial(&server, "/ws/anonymous/", &[]).await.unwrap();
}

#[tokio::test]
async fn half_a_request_is_ended_and_no_other() {
    let options =
        Options { allow_absent_origin: true, request_timeout: Duration::from_millis(50), ..Options::default() };
    let server = MockServer::start_with(options).await.unwrap();
    let body = "POST /auth HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nContent-Type: application/json\r\n\r\n{";
    let address = |url: &str| url.split('/').nth(2).unwrap().to_owned();
    let mut socket = TcpStream::connect(address(&server.url())).await.unwrap();
    socket.write_all(&request(GET, &GOOD)).await.unwrap();
    for (to, sent) in [(server.url(), ""), (server.url(), GET), (server.url(), body), (server.control_url(), GET)] {
        let mut stream = TcpStream::connect(address(&to)).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A reset is an end, too.
        stream.read_to_end(&mut answer).await.ok();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{sent}: {answer}");
    }
    // More than that time has passed; a socket has no such time.
    socket.write_all(&[0x89, 0x80, 0, 0, 0, 0]).await.unwrap();
    let mut heard = Vec::new();
    while !heard.ends_with(&[0x8a, 0]) {
        heard.push(socket.read_u8().await.unwrap());
    }
}

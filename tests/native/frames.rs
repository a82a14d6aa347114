//! Broken frames of servers and proxies: none causes a panic, unbounded memory or a dead connection.

use gatepass::proto::connection::Heartbeat;

use super::*;

/// Bytes that RFC 6455 forbids, by the section that does.
const FORBIDDEN: [(&str, &str); 13] = [
    ("a reserved bit (§5.2)", "c10161"),
    ("a masked frame of a server (§5.1)", "81810000000061"),
    ("a reserved opcode (§5.2)", "8300"),
    ("a text that is no UTF-8 (§8.1)", "8102c328"),
    ("a fragmented ping (§5.5)", "0900"),
    ("a ping of 126 bytes (§5.5)", "897e007e"),
    ("a close frame with one byte (§5.5.1)", "880103"),
    ("a continuation of nothing (§5.4)", "8000"),
    ("a message within a message (§5.4)", "010161810162"),
    ("a length of 2^63 (§5.2)", "827f8000000000000000"),
    ("a length of 2^62, which nobody has room for", "827f4000000000000000"),
    ("HTTP after the handshake", "485454502f312e31203530302045"),
    ("a close frame with a reason that is no UTF-8 (§8.1)", "880403e8c328"),
];

#[tokio::test]
async fn case_113_after_a_forbidden_frame_there_is_another_connection() {
    for (name, hex) in FORBIDDEN {
        let server = MockServer::start().await;
        let mut socket = connected(quick(&server, "/ws/anonymous/", Scheme::Anonymous), None).await;
        // Followed by enough bytes that each frame is complete, whatever its length field says.
        server.control(Command::SendRaw { hex: format!("{hex}{}", "00".repeat(126)) }).await;
        let [(_, disposition)] = failures(&mut socket, 1).await[..] else { panic!("{name}") };
        // After a protocol error of the server, the client reconnects.
        assert_eq!(disposition, "retry", "{name}");
        socket.ready().await.unwrap_or_else(|problem| panic!("{name}: {problem:?}"));
        assert_eq!(socket.stats().connections, 2, "{name}");
        socket.send(text("after")).await.unwrap();
        while socket.next().await != Some(text("after")) {}
    }
}

#[tokio::test]
async fn case_113_a_frame_that_never_ends_is_left_by_the_heartbeat_and_takes_no_memory() {
    // A truncated text, a text of 32 MiB of which one byte arrives, and a fragment without its end.
    for hex in ["810561", "817f000000000200000061", "010161"] {
        let server = MockServer::start().await;
        let mut config = quick(&server, "/ws/anonymous/", Scheme::Anonymous);
        config.heartbeat = Heartbeat {
            ping: Some(Json::text("ping")),
            interval: Millis::from_millis(100),
            timeout: Millis::from_millis(100),
            ..Heartbeat::default()
        };
        let mut socket = connected(config, None).await;
        server.control(Command::SendRaw { hex: hex.to_owned() }).await;
        server.control(Command::Silence { on: true }).await;
        let [(code, _)] = failures(&mut socket, 1).await[..] else { panic!("{hex}") };
        assert_eq!(code, "CONNECTION_SILENT", "{hex}");
        server.control(Command::Silence { on: false }).await;
        socket.ready().await.unwrap();
    }
}

#[tokio::test]
async fn case_113_what_is_odd_but_allowed_is_heard() {
    let server = MockServer::start().await;
    let mut socket = connected(quick(&server, "/ws/anonymous/", Scheme::Anonymous), None).await;
    // A message in two fragments with a ping between them; an empty one; a length in more bytes than it needs.
    server.control(Command::SendRaw { hex: "010161890080016281008100817e000163".to_owned() }).await;
    for expected in ["ab", "", "", "c"] {
        assert_eq!(socket.next().await, Some(text(expected)));
    }
    assert_eq!(socket.stats().connections, 1);
}

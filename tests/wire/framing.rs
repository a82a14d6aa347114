//! Servers without a preset: options written by hand, for frames that hold more than one JSON value.

use gatepass::proto::connection::Input;
use gatepass::proto::{Json, preset};

use super::codec::json;
use super::print;
use super::socket::Client;

/// A client of a server without a preset, with options as an app would write them. Its socket is open.
fn client_of(row: &str, protocol: &str) -> Client {
    let config = preset::connection_of(&json(row), "wss://h.example/ws", "").unwrap();
    let mut client = Client::with(config, json(r#"{"url":"wss://h.example/ws","token":"t"}"#));
    let socket = client.socket.unwrap();
    client.input(Input::SocketOpened { socket, protocol: protocol.to_owned() });
    client
}

fn outcome(client: &Client) -> Option<(&'static str, &'static str)> {
    client.failure.map(|(code, disposition)| (code, disposition.name()))
}

const REFRESHED: Option<(&str, &str)> = Some(("AUTH_REJECTED", "refreshToken"));

#[test]
fn case_76_nats_says_info_and_is_ready_when_it_answers_the_ping() {
    let row = r#"{"scheme":{"type":"firstMessage","frames":"binary","hello":["INFO ",{}],
        "message":["CONNECT ",{"auth_token":"$token","verbose":false},"\r\nPING\r\n"],
        "ack":"PONG","reject":"-ERR 'Authorization Violation'"}}"#;
    let connect = "CONNECT {\"auth_token\":\"t\",\"verbose\":false}\r\nPING\r\n";
    let greeted = || {
        let mut client = client_of(row, "");
        // A long INFO comes in frames of 4 KiB.
        assert!(!client.hear_frame("INFO {\"server_id\":\"N\",\"auth_req"));
        assert!(client.sent.is_empty());
        assert!(!client.hear_frame("uired\":true} \r\n"));
        assert_eq!(client.sent.remove(0).as_text().as_deref(), Some(connect));
        client
    };
    let mut client = greeted();
    client.hear_frame("PONG\r");
    client.hear_frame("\n");
    assert!(client.has_opened);
    assert!(client.hear_frame("PING\r\n"), "the app speaks with the server from here on");
    let mut client = greeted();
    client.hear_frame("-ERR 'Authorization Violation'\r\n");
    assert_eq!(outcome(&client), REFRESHED);
}

#[test]
fn case_78_centrifugo_puts_several_replies_into_a_frame_and_closes_with_codes_of_its_own() {
    let row = r#"{"closeCodes":{"3500":"giveUp","3005":"retry","3008":"retry"},"scheme":{"type":"firstMessage","frames":"text",
        "message":{"id":1,"connect":{"token":"$token"}},"ack":{"id":1,"connect":{}},"reject":{"id":1,"error":{"code":109}}}}"#;
    let asked = || {
        let mut client = client_of(row, "");
        let sent = json(&client.sent.remove(0).as_text().unwrap());
        assert_eq!(print(&sent), r#"{"connect":{"token":"t"},"id":1}"#);
        client
    };
    let mut client = asked();
    let frame = "{\"id\":1,\"connect\":{\"client\":\"c\",\"ttl\":60}}\n{\"push\":{\"channel\":\"news\"}}";
    assert!(client.hear_frame(frame), "what comes with the ack is the app's");
    assert!(client.has_opened);
    assert_eq!(client.machine.stats().received, 1);
    let mut client = asked();
    client.hear_frame("{}\n{\"id\":1,\"error\":{\"code\":109,\"message\":\"token expired\"}}");
    assert_eq!(outcome(&client), REFRESHED);
    for (code, disposition) in [(3500, "giveUp"), (3005, "retry"), (3008, "retry")] {
        let mut client = asked();
        client.hear_frame(frame);
        client.follow(&json(&format!(r#"{{"close":{code}}}"#)));
        assert_eq!(outcome(&client), Some(("CLOSED_BY_SERVER", disposition)), "{code}");
    }
}

#[test]
fn case_79_action_cable_needs_no_message_and_says_when_to_stop() {
    let row = r#"{"protocols":["actioncable-v1-json"],"scheme":{"type":"firstMessage","ack":{"type":"welcome"},
        "reject":{"type":"disconnect","reconnect":false}}}"#;
    let open = || client_of(row, "actioncable-v1-json");
    let refusal = r#"{"type":"disconnect","reason":"unauthorized","reconnect":false}"#;
    let mut client = open();
    client.hear_frame(refusal);
    assert_eq!(outcome(&client), REFRESHED, "once, and then sign-in");
    let mut client = open();
    client.hear_frame(r#"{"type":"welcome"}"#);
    assert!(client.has_opened && client.sent.is_empty());
    assert!(client.hear_frame(r#"{"type":"ping","message":1}"#));
    client.hear_frame(r#"{"type":"disconnect","reason":"server_restart","reconnect":true}"#);
    client.follow(&json(r#"{"close":1000}"#));
    assert_eq!(outcome(&client), Some(("CLOSED_BY_SERVER", "retry")));
    let mut client = open();
    client.hear_frame(r#"{"type":"welcome"}"#);
    client.hear_frame(refusal);
    assert_eq!(outcome(&client), REFRESHED, "also later");
    let unsupported = client_of(row, "actioncable-unsupported");
    assert_eq!(outcome(&unsupported), Some(("SUBPROTOCOL_MISMATCH", "giveUp")));
}

#[test]
fn case_81_socket_io_answers_with_numbers_before_json() {
    let row = r#"{"scheme":{"type":"firstMessage","frames":"text","hello":["0",{}],"message":["40",{"token":"$token"}],
        "ack":["40",{}],"reject":["44",{}]}}"#;
    let greeted = || {
        let mut client = client_of(row, "");
        client.hear_frame(r#"0{"sid":"a","pingInterval":25000}"#);
        assert_eq!(client.sent.remove(0).as_text().as_deref(), Some(r#"40{"token":"t"}"#));
        client
    };
    let mut client = greeted();
    assert!(client.hear_frame(r#"40{"sid":"b"}"#));
    assert!(client.has_opened);
    assert!(client.hear_frame("2"), "the app answers with 3");
    let mut client = greeted();
    client.hear_frame(r#"44{"message":"invalid credentials"}"#);
    assert_eq!(outcome(&client), REFRESHED);
}

#[test]
fn a_first_message_that_is_none_needs_an_ack() {
    let row = json(r#"{"scheme":{"type":"firstMessage"}}"#);
    let error = preset::connection_of(&row, "wss://h.example/ws", "").unwrap_err();
    assert!(error.to_string().starts_with("scheme.ack: "), "{error}");
}

#[test]
fn what_stands_behind_a_hello_is_no_sign_that_the_token_was_taken() {
    let row =
        r#"{"scheme":{"type":"firstMessage","frames":"text","hello":["INFO ",{}],"message":"$token","reject":"-ERR"}}"#;
    for hello in ["INFO {}", "INFO {}\r\n", "INFO {}\r\nMOTD\r\n"] {
        let mut client = client_of(row, "");
        assert!(!client.hear_frame(hello), "the app gets nothing of the handshake");
        client.follow(&json(r#"{"close":1000}"#));
        assert_eq!(outcome(&client), REFRESHED, "{hello:?}: a close right after the token refuses it");
    }
}

#[test]
fn texts_without_an_end_are_whole_and_stay_out_of_the_next_frame() {
    let row =
        r#"{"scheme":{"type":"firstMessage","frames":"text","hello":"o","message":["$token"],"ack":["a",["ok"]]}}"#;
    let mut client = client_of(row, "");
    client.hear_frame("o");
    assert_eq!(client.sent.remove(0).as_text().as_deref(), Some("t"));
    client.hear_frame(r#"a["ok"]"#);
    assert!(client.has_opened);
}

#[test]
fn a_server_that_finds_every_token_expired_is_asked_twice_and_not_for_ever() {
    let row = r#"{"scheme":{"type":"firstMessage","message":{"auth":"$token"},"ack":{"ok":true},"expired":{"expired":true}}}"#;
    let mut client = client_of(row, "");
    client.hear_frame(r#"{"ok":true}"#);
    client.hear_frame(r#"{"expired":true}"#);
    client.follow(&json(r#"{"token":"t2"}"#));
    for _ in 0..3 {
        client.hear_frame(r#"{"expired":true}"#);
    }
    assert_eq!(client.sent.len(), 2, "what was said before it read the new token is past");
    assert_eq!(outcome(&client), None);
    client.hear_frame(r#"{"ok":true}"#);
    client.hear_frame(r#"{"expired":true}"#);
    assert_eq!(outcome(&client), REFRESHED);
}

#[test]
fn what_looks_unfinished_once_connected_hides_nothing_that_comes_after_it() {
    let row = r#"{"scheme":{"type":"firstMessage","frames":"text","message":"$token","ack":"ok","expired":{"expired":true}}}"#;
    let mut client = client_of(row, "");
    client.hear_frame("ok");
    assert!(client.hear_frame("smile :-{"));
    client.hear_frame(r#"{"expired":true}"#);
    client.follow(&json(r#"{"token":"t2"}"#));
    assert_eq!(client.sent.last().and_then(Json::as_text).as_deref(), Some("t2"));
}

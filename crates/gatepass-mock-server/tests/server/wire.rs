//! The golden files of `tests/fixtures/wire` from the server's side: a plain client says what they have, and the server answers
//! as they have it.

use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding};
use gatepass_mock_server::{Command, MockServer};
use serde_json::{Value, json};

use crate::client::{dial_offering, hear, post, say};

const TOKEN: &str = "/api/token/";

fn fixture(name: &str) -> Value {
    let path = format!("{}/../../tests/fixtures/wire/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

async fn new_token(server: &MockServer) -> String {
    let (_, body) = post(server, TOKEN, json!({"username": "maggie", "password": "secret"}), &[]).await;
    body["access"].as_str().unwrap().to_owned()
}

/// Puts another token in the place of the file's, however it is written.
fn with_token(text: &str, old: &str, new: &str) -> String {
    let encodings: [fn(&[u8]) -> String; 2] = [Base64UrlUnpadded::encode_string, Base64Unpadded::encode_string];
    let percent = |text: &str| text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let mut replaced = text.replace(old, new).replace(&percent(old), new);
    for encode in encodings {
        replaced = replaced.replace(&encode(old.as_bytes()), &encode(new.as_bytes()));
    }
    replaced
}

/// Whether a message has the same members, and the same words in those that decide.
fn is_alike(message: &Value, wanted: &Value) -> bool {
    let decides = ["type", "status", "id", "code"];
    let (Some(members), Some(wanted_members)) = (message.as_object(), wanted.as_object()) else {
        return message == wanted;
    };
    wanted_members.iter().all(|(name, value)| match members.get(name) {
        Some(found) if value.is_object() => is_alike(found, value),
        Some(found) => !decides.contains(&name.as_str()) || found == value,
        None => false,
    })
}

async fn expect(socket: &mut crate::client::Socket, wanted: &Value) {
    let heard = hear(socket).await;
    let message: Value = serde_json::from_str(&heard).unwrap_or_else(|_| panic!("{heard}, not {wanted}"));
    assert!(is_alike(&message, wanted), "{message}, not {wanted}");
}

/// Plays one path of a file with the server: with a good token, or with one that it does not know.
async fn play(name: &str, path: &str, is_good: bool) {
    let (server, fixture) = (MockServer::start().await, fixture(name));
    let old = fixture["token"].as_str().unwrap();
    let token = if is_good { new_token(&server).await } else { "unknown-token".to_owned() };
    let dialled = with_token(fixture["dial"]["url"].as_str().unwrap(), old, &token);
    let from_path = dialled.strip_prefix("wss://").and_then(|rest| rest.find('/').map(|at| &rest[at..])).unwrap();
    let offered = fixture["dial"]["protocols"].as_array().unwrap().iter();
    let offered: Vec<_> = offered.map(|entry| with_token(entry.as_str().unwrap(), old, &token)).collect();
    let (mut socket, chosen) = dial_offering(&server, from_path, &offered).await.unwrap();
    assert_eq!(chosen, fixture["chosen"].as_str().unwrap(), "the subprotocol of {name}");
    let steps = fixture["paths"][path].as_array().unwrap_or_else(|| panic!("{name} has no path {path}"));
    for step in steps {
        if let Some(message) = step.get("server") {
            expect(&mut socket, message).await;
        } else if let Some(message) = step.get("client") {
            say(&mut socket, &with_token(&message.to_string(), old, &token).replace("new", &token)).await;
        } else if let Some(code) = step.get("close") {
            assert_eq!(hear(&mut socket).await, format!("close {code}"));
        } else if let Some(message) = step.get("app").filter(|message| message["type"] == "auth") {
            if message["status"] == "error" {
                server.control(Command::ExpireTokens).await;
            }
            expect(&mut socket, message).await;
        } else if step == "connected" {
            say(&mut socket, r#"{"type":"whoami"}"#).await;
            if is_good {
                expect(&mut socket, &json!({"type": "whoami", "user": "maggie"})).await;
            }
        } else if step.get("token").is_some() {
            return renewed(&server, &mut socket).await;
        }
    }
    if !is_good {
        assert_eq!(server.counts().open, 0, "nobody was let in");
    }
}

/// The second half of Directus' path: a new token on the same socket.
async fn renewed(server: &MockServer, socket: &mut crate::client::Socket) {
    let token = new_token(server).await;
    say(socket, &json!({"type": "auth", "access_token": token}).to_string()).await;
    expect(socket, &json!({"type": "auth", "status": "ok"})).await;
    say(socket, r#"{"type":"whoami"}"#).await;
    expect(socket, &json!({"type": "whoami", "user": "maggie"})).await;
    assert_eq!((server.counts().accepted, server.counts().open), (1, 1), "one socket all the time");
}

#[tokio::test]
async fn cases_65_and_66_home_assistant() {
    play("homeAssistant", "accepted", true).await;
    play("homeAssistant", "rejected", false).await;
}

#[tokio::test]
async fn case_70_and_71_graphql_transport_ws_and_the_legacy_protocol() {
    let server = MockServer::start().await;
    let offered = ["graphql-transport-ws".to_owned()];
    let rows = [
        (vec![r#"{"type":"subscribe","id":"1","payload":{}}"#.to_owned()], "close 4401"),
        (vec!["{".to_owned()], "close 4400"),
        (vec![r#"{"type":"connection_init","payload":{"Authorization":"Bearer garbage"}}"#.to_owned()], "close 4403"),
    ];
    for (messages, answer) in rows {
        let (mut socket, chosen) = dial_offering(&server, "/graphql", &offered).await.unwrap();
        assert_eq!(chosen, "graphql-transport-ws");
        for message in &messages {
            say(&mut socket, message).await;
        }
        assert_eq!(hear(&mut socket).await, answer, "{messages:?}");
    }
    let (mut socket, _) = dial_offering(&server, "/graphql", &offered).await.unwrap();
    let init = json!({"type": "connection_init", "payload": {"Authorization": format!("Bearer {}", new_token(&server).await)}});
    say(&mut socket, &init.to_string()).await;
    assert_eq!(hear(&mut socket).await, r#"{"type":"connection_ack"}"#);
    say(&mut socket, &init.to_string()).await;
    assert_eq!(hear(&mut socket).await, "close 4429");
    // The legacy protocol is not spoken: nothing comes in by it without authentication (case 71).
    let (mut socket, chosen) = dial_offering(&server, "/graphql", &["graphql-ws".to_owned()]).await.unwrap();
    assert_eq!(chosen, "");
    say(&mut socket, r#"{"type":"start","id":"1","payload":{}}"#).await;
    assert_eq!(hear(&mut socket).await, "close 4401");
}

#[tokio::test]
async fn graphql_transport_ws_from_the_file() {
    play("graphqlTransportWs", "rejected", false).await;
}

#[tokio::test]
async fn cases_73_and_74_directus() {
    play("directus", "accepted and renewed", true).await;
    play("directus", "rejected", false).await;
    // A failed second authentication takes away what the first one gave.
    let server = MockServer::start().await;
    let (mut socket, _) = dial_offering(&server, "/websocket", &[]).await.unwrap();
    say(&mut socket, &json!({"type": "auth", "access_token": new_token(&server).await}).to_string()).await;
    expect(&mut socket, &json!({"type": "auth", "status": "ok"})).await;
    say(&mut socket, r#"{"type":"auth","access_token":"garbage"}"#).await;
    expect(&mut socket, &json!({"type": "auth", "status": "error"})).await;
    assert_eq!(hear(&mut socket).await, "close 1005");
    assert_eq!(server.counts().open, 0);
}

#[tokio::test]
async fn case_75_trpc() {
    play("trpc", "accepted", true).await;
    let server = MockServer::start().await;
    let (mut socket, _) = dial_offering(&server, "/trpc?connectionParams=1", &[]).await.unwrap();
    say(&mut socket, r#"{"method":"connectionParams","data":{"token":"garbage"}}"#).await;
    expect(&mut socket, &json!({"id": null, "error": {}})).await;
    assert_eq!(hear(&mut socket).await, "close 1005");
    assert_eq!(dial_offering(&server, "/trpc", &[]).await.err(), Some(400));
}

#[tokio::test]
async fn tokens_in_the_handshake_of_jupyter_kubernetes_and_phoenix() {
    for name in ["jupyter", "kubernetes", "phoenix"] {
        play(name, "accepted", true).await;
    }
    play("phoenix", "a channel refuses, the socket stays", true).await;
    let server = MockServer::start().await;
    let offer = |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>();
    let exec = "/api/v1/namespaces/d/pods/p/exec";
    let good = Base64UrlUnpadded::encode_string(new_token(&server).await.as_bytes());
    let good = format!("base64url.bearer.authorization.k8s.io.{good}");
    let bad = "base64url.bearer.authorization.k8s.io.bXl0b2tlbg";
    let rows = [
        ("/api/kernels/1/channels?token=garbage", vec![], 403),
        ("/api/kernels/1/channels", vec![], 403),
        (exec, offer(&["v4.channel.k8s.io", bad]), 401),
        (exec, offer(&[&good]), 401),
        (exec, offer(&["v4.channel.k8s.io", &good, bad]), 401),
        (exec, offer(&["v4.channel.k8s.io", "base64url.bearer.authorization.k8s.io.!!"]), 401),
        (exec, offer(&["v4.channel.k8s.io"]), 401),
        ("/socket/websocket", offer(&["phoenix", "base64url.bearer.phx.bXl0b2tlbg"]), 403),
        ("/socket/websocket", offer(&["phoenix", "base64url.bearer.phx.a"]), 500),
        ("/socket/websocket", offer(&["phoenix"]), 403),
    ];
    for (path, offered, status) in rows {
        assert_eq!(dial_offering(&server, path, &offered).await.err(), Some(status), "{path} {}", offered.len());
    }
    let mut room =
        dial_offering(&server, "/socket/websocket", &offer(&["phoenix", &phoenix(&server).await])).await.unwrap().0;
    for (topic, status) in [("room:secret", "error"), ("room:lobby", "ok")] {
        say(&mut room, &json!(["1", "1", topic, "phx_join", {}]).to_string()).await;
        let answer: Value = serde_json::from_str(&hear(&mut room).await).unwrap();
        assert_eq!((&answer[3], &answer[4]["status"]), (&json!("phx_reply"), &json!(status)));
    }
}

async fn phoenix(server: &MockServer) -> String {
    format!("base64url.bearer.phx.{}", Base64Unpadded::encode_string(new_token(server).await.as_bytes()))
}

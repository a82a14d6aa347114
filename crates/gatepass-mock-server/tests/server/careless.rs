//! What a server has to look at, by a client that may misbehave. Each check has a control beside it, and is seen to find its fault: a server
//! that is careless about this alone does not pass it, and a proper one does.

use gatepass_mock_server::{Careless, Command, MockServer, Options, Settings};
use serde_json::{Value, json};

use crate::client::{Socket, dial, dial_offering, hear, post, say, ticket_of, token_of};

const WHOAMI: &str = r#"{"type":"whoami"}"#;
const PAGE: &str = "http://localhost:4200";

async fn server() -> MockServer {
    let origins = vec!["http://localhost:*".to_owned()];
    let settings = Settings { max_message_bytes: 1_000, first_message_ms: 300, ..Settings::default() };
    MockServer::start_with(Options { origins, settings, allow_absent_origin: true, ..Options::default() })
        .await
        .unwrap()
}

/// The status of a handshake; 101 for a socket.
async fn status(server: &MockServer, path: &str, headers: &[(&'static str, &str)]) -> u16 {
    dial(server, path, headers).await.map_or_else(|status| status, |_| 101)
}

async fn jwt(server: &MockServer) -> (String, String) {
    let (_, body) = post(server, "/api/token/", json!({"username": "maggie", "password": "secret"}), &[]).await;
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("access"), text("refresh"))
}

async fn first_message(server: &MockServer, token: &str) -> Socket {
    let mut socket = dial(server, "/ws/first/", &[]).await.unwrap();
    say(&mut socket, &json!({"token": token}).to_string()).await;
    say(&mut socket, WHOAMI).await;
    assert!(hear(&mut socket).await.contains("maggie"), "the control");
    socket
}

/// Whether a server has the fault that this carelessness makes.
async fn has_fault(server: &MockServer, about: Careless) -> bool {
    let (access, refresh) = jwt(server).await;
    let by = |token: &str| format!("/ws/jwt/?token={token}");
    match about {
        Careless::AnyOrigin => {
            assert_eq!(status(server, &by(&access), &[("origin", PAGE)]).await, 101, "the control");
            let foreign = status(server, &by(&access), &[("origin", "https://evil.example")]).await;
            foreign == 101 || status(server, &by(&access), &[("origin", "null")]).await == 101
        }
        Careless::AcceptsFirst => {
            assert_eq!(status(server, &by(&access), &[]).await, 101, "the control");
            status(server, &by("garbage"), &[]).await == 101
        }
        Careless::AnySize => {
            let mut socket = dial(server, &by(&access), &[]).await.unwrap();
            let (short, long) = ("a".repeat(1_000), "a".repeat(1_500));
            say(&mut socket, &short).await;
            assert_eq!(hear(&mut socket).await, short, "the control");
            say(&mut socket, &long).await;
            hear(&mut socket).await == long
        }
        Careless::AnyToken => {
            assert_eq!(status(server, &by(&access), &[]).await, 101, "the control");
            status(server, &by("garbage"), &[]).await == 101 || status(server, "/ws/jwt/", &[]).await == 101
        }
        Careless::ForeignGroup => {
            assert_eq!(status(server, &format!("/ws/app_1/?token={access}"), &[]).await, 101, "the control");
            status(server, &format!("/ws/app_99/?token={access}"), &[]).await == 101
        }
        Careless::HearsBefore => {
            let mut listener = first_message(server, &access).await;
            let mut stranger = dial(server, "/ws/first/", &[]).await.unwrap();
            server.control(Command::Push { text: "news".to_owned() }).await;
            assert_eq!(hear(&mut listener).await, "news", "the control");
            // It is closed without a word otherwise, after a while.
            hear(&mut stranger).await == "news"
        }
        Careless::HiddenHeaders => !exposes(server, &access).await.1,
        Careless::MalformedResets => {
            let mut socket = dial(server, "/ws/4401/", &[]).await.unwrap();
            say(&mut socket, "{").await;
            first_message(server, &access).await;
            hear(&mut socket).await == "lost"
        }
        Careless::OthersId => {
            assert_eq!(status(server, &by(&access), &[]).await, 101, "the control");
            status(server, "/ws/user-id/?1", &[]).await == 101
        }
        Careless::RefreshAsAccess => {
            assert_eq!(status(server, &by(&access), &[]).await, 101, "the control");
            status(server, &by(&refresh), &[]).await == 101
        }
        Careless::SpeaksBefore => {
            let mut socket = dial(server, "/ws/4401/", &[]).await.unwrap();
            say(&mut socket, "hello?").await;
            first_message(server, &access).await;
            hear(&mut socket).await == "hello?"
        }
        Careless::SilentForever => {
            let mut silent = dial(server, "/ws/first/", &[]).await.unwrap();
            let mut speaking = first_message(server, &access).await;
            let closed = tokio::time::timeout(std::time::Duration::from_secs(2), hear(&mut silent)).await;
            say(&mut speaking, WHOAMI).await;
            assert!(hear(&mut speaking).await.contains("maggie"), "the control");
            closed.is_err()
        }
        Careless::SocketForever => {
            let mut hers = dial(server, &by(&access), &[]).await.unwrap();
            let his = token_of(server, "bob", "hunter2").await;
            let mut his = dial(server, &by(&his), &[]).await.unwrap();
            server.control(Command::Revoke { user: "maggie".to_owned() }).await;
            say(&mut his, WHOAMI).await;
            assert!(hear(&mut his).await.contains("bob"), "the control");
            say(&mut hers, WHOAMI).await;
            hear(&mut hers).await.contains("maggie")
        }
        Careless::StoredTickets => !exposes(server, &access).await.0,
        Careless::TellsWhy => {
            let control = refusal(server, &by("garbage")).await;
            assert_eq!(control.0, 403, "the control");
            server.control(Command::ExpireTokens).await;
            refusal(server, &by(&access)).await != control
        }
        Careless::SlowRefusals => {
            let refused = refusal(server, "/ws/jwt/?token=garbage");
            let path = by(&access);
            let good = async {
                for _ in 0..20 {
                    assert_eq!(status(server, &path, &[]).await, 101, "the control");
                }
            };
            tokio::select! {
                biased;
                _ = refused => false,
                () = good => true,
            }
        }
        Careless::TicketAfterLogout => {
            let (before, control) = (ticket_of(server, &access).await, ticket_of(server, &access).await);
            assert_eq!(status(server, &format!("/channel/?ticket={control}"), &[]).await, 101, "the control");
            let authorization = format!("Bearer {access}");
            assert_eq!(post(server, "/logout", Value::Null, &[("authorization", &authorization)]).await.0, 204);
            status(server, &format!("/channel/?ticket={before}"), &[]).await == 101
        }
        Careless::TicketAnywhere => {
            let authorization = format!("Bearer {access}");
            let headers = [("authorization", authorization.as_str()), ("origin", PAGE)];
            let mut found = Vec::new();
            for origin in [PAGE, "http://localhost:4300"] {
                let (_, body) = post(server, "/ws_ticket", json!({}), &headers).await;
                let path = format!("/channel/?ticket={}", body["ticket"].as_str().unwrap());
                found.push(status(server, &path, &[("origin", origin)]).await);
            }
            assert_eq!(found[0], 101, "the control");
            found[1] == 101
        }
        Careless::TicketForever => {
            let control = ticket_of(server, &access).await;
            assert_eq!(status(server, &format!("/channel/?ticket={control}"), &[]).await, 101, "the control");
            let settings = Settings { ticket_life_ms: 0, ..Settings::default() };
            server.control(Command::SetSettings { settings }).await;
            let ended = ticket_of(server, &access).await;
            status(server, &format!("/channel/?ticket={ended}"), &[]).await == 101
        }
        Careless::TicketTwice => {
            let path = format!("/channel/?ticket={}", ticket_of(server, &access).await);
            assert_eq!(status(server, &path, &[]).await, 101, "the control");
            status(server, &path, &[]).await == 101
        }
        Careless::UnknownProtocol => {
            let known = format!("base64url.bearer.phx.{}", base64(&access));
            let offered = ["phoenix".to_owned(), known];
            let (_, chosen) = dial_offering(server, "/socket/websocket", &offered).await.unwrap();
            if chosen != "phoenix" {
                return true;
            }
            let (_, chosen) = dial_offering(server, &by(&access), &["made-up".to_owned()]).await.unwrap();
            chosen == "made-up"
        }
    }
}

/// How the refusal of a handshake looks: its status and body.
async fn refusal(server: &MockServer, path: &str) -> (u16, String) {
    let request = reqwest::Client::new().get(format!("{}{path}", server.url()));
    let request = request.header("connection", "Upgrade").header("upgrade", "websocket");
    let request = request.header("sec-websocket-version", "13").header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==");
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn base64(text: &str) -> String {
    use base64ct::{Base64Unpadded, Encoding as _};
    Base64Unpadded::encode_string(text.as_bytes())
}

/// Whether an answer with a ticket may not be stored, and whether a page can read how long to wait and what time it is.
async fn exposes(server: &MockServer, access: &str) -> (bool, bool) {
    let request = reqwest::Client::new().post(format!("{}/ws_ticket", server.url()));
    let request = request.header("authorization", format!("Bearer {access}")).header("origin", PAGE);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "the control");
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_ascii_lowercase());
    let exposed = header("access-control-expose-headers").unwrap_or_default();
    let is_exposed = exposed.contains("retry-after") && exposed.contains("date");
    (header("cache-control").as_deref() == Some("no-store"), is_exposed)
}

const ALL: [Careless; 21] = [
    Careless::AnyOrigin,
    Careless::AcceptsFirst,
    Careless::AnySize,
    Careless::AnyToken,
    Careless::ForeignGroup,
    Careless::HearsBefore,
    Careless::HiddenHeaders,
    Careless::MalformedResets,
    Careless::OthersId,
    Careless::RefreshAsAccess,
    Careless::SpeaksBefore,
    Careless::SilentForever,
    Careless::SocketForever,
    Careless::StoredTickets,
    Careless::TellsWhy,
    Careless::SlowRefusals,
    Careless::TicketAfterLogout,
    Careless::TicketAnywhere,
    Careless::TicketForever,
    Careless::TicketTwice,
    Careless::UnknownProtocol,
];

#[tokio::test]
async fn each_check_passes_a_proper_server_and_finds_the_fault_of_one_that_is_careless_about_this_alone() {
    for about in ALL {
        let proper = server().await;
        assert!(!has_fault(&proper, about).await, "{about:?}: a proper server has no such fault");
        let careless = server().await;
        careless.control(Command::BeCareless { about: vec![about] }).await;
        assert!(has_fault(&careless, about).await, "{about:?}: the fault was not found");
    }
}

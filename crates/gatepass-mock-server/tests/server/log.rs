//! The program's own log, read line by line at its most talkative.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Every form in which a credential could stand in a log.
fn forms(secret: &str) -> [String; 3] {
    use base64ct::{Base64, Encoding};
    let percent = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    [secret.to_owned(), percent, Base64::encode_string(secret.as_bytes())]
}

#[test]
fn case_115_the_programs_log_holds_no_credential() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_gatepass-mock-server"))
        .arg("--allow-absent-origin")
        .env("RUST_LOG", "gatepass_mock_server=trace,tower_http=trace,axum=trace")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let url = lines.next().unwrap().unwrap();
    let secrets = tokio::runtime::Runtime::new().unwrap().block_on(use_every_way_in(&url));
    program.kill().unwrap();
    let mut log = String::new();
    program.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    program.wait().unwrap();

    assert!(log.contains("/ws_ticket") && log.contains("/channel/"), "the log names what was asked for: {log}");
    for secret in secrets {
        for form in forms(&secret) {
            assert!(!log.contains(&form), "a credential in the log");
        }
    }
}

/// Logs in, refreshes, fetches a ticket and dials with each credential; returns all that must stay secret.
async fn use_every_way_in(url: &str) -> Vec<String> {
    let client = reqwest::Client::new();
    let post = async |path: &str, body: Value, token: &str| -> Value {
        let request =
            client.post(format!("{url}{path}")).json(&body).header("authorization", format!("Bearer {token}"));
        request.send().await.unwrap().json().await.unwrap()
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let tokens = post("/api/token/", json!({"username": "bob", "password": "hunter2"}), "").await;
    let (access, refresh) = (text(&tokens["access"]), text(&tokens["refresh"]));
    let renewed = text(&post("/api/token/refresh/", json!({"refresh": refresh}), "").await["access"]);
    post("/auth", json!({"user": "bob", "pwd": "wrong-pass-word"}), "").await;
    let ticket = text(&post("/ws_ticket", json!({}), &access).await["ticket"]);
    let ws = url.replace("http", "ws");
    for path in [format!("/channel/?ticket={ticket}"), format!("/ws/jwt/?token={access}"), "/ws/ack/".to_owned()] {
        let (mut socket, _) = tokio_tungstenite::connect_async(format!("{ws}{path}")).await.unwrap();
        crate::client::say(&mut socket, &json!({"token": renewed}).to_string()).await;
        crate::client::hear(&mut socket).await;
    }
    // A used ticket and a bad token are refused, which must not be told in full either.
    assert!(tokio_tungstenite::connect_async(format!("{ws}/channel/?ticket={ticket}")).await.is_err());
    vec![access, refresh, renewed, ticket, "hunter2".to_owned(), "wrong-pass-word".to_owned()]
}

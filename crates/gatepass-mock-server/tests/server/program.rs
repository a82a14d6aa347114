//! The command: what it prints, serves, and when it ends.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Starts the command with a pipe to its standard input; returns it, and the first line that it prints.
fn start(more: &[&str]) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gatepass-mock-server"))
        .args(more)
        .env("RUST_LOG", "error")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line)
}

#[test]
fn it_ends_when_its_parent_s_pipe_does() {
    let (mut child, _) = start(&["--end-with-stdin"]);
    assert!(child.try_wait().unwrap().is_none());
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn it_prints_its_addresses_as_json_and_only_they_give_commands() {
    let (mut child, line) = start(&["--end-with-stdin", "--format", "json"]);
    let told: Value = serde_json::from_str(&line).unwrap();
    let address = |name: &str| told[name].as_str().unwrap().to_owned();
    assert!(address("wsUrl").starts_with("ws://127.0.0.1:"));
    assert_eq!(reqwest::get(format!("{}/auth", address("url"))).await.unwrap().status(), 400);
    let counts = |url: String| async move { reqwest::get(format!("{url}/counts")).await.unwrap().status() };
    assert_eq!(counts(address("controlUrl")).await, 200);
    let host = address("controlUrl").split('/').take(3).collect::<Vec<_>>().join("/");
    for guessed in [format!("{host}/control"), format!("{host}/guess/control")] {
        assert_eq!(counts(guessed).await, 404);
    }
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[tokio::test]
async fn the_routes_of_a_single_page_app_are_its_page_and_missing_files_are_missing() {
    let folder = std::env::temp_dir().join(format!("gatepass-spa-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("index.html"), "<title>app</title>").unwrap();
    let ask = |url: String, accept: &'static str| async move {
        let response = reqwest::Client::new().get(url).header("accept", accept).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    for (more, route) in [(vec![], 404), (vec!["--spa"], 200)] {
        let mut given = vec!["--end-with-stdin", "--files", folder.to_str().unwrap()];
        given.extend(more);
        let (mut child, line) = start(&given);
        let url = line.trim();
        assert_eq!(ask(format!("{url}/orders/5"), "text/html,*/*").await.0, route);
        assert_eq!(ask(format!("{url}/missing.js"), "*/*").await.0, 404);
        assert_eq!(ask(format!("{url}/"), "text/html").await, (200, "<title>app</title>".to_owned()));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

//! The command: what it prints, serves, and when it ends.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Starts the command with a pipe to its standard input; returns it, and the first line that it prints.
fn start(more: &[&str]) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepass-mock-server"));
    spawn(command.args(more).env("RUST_LOG", "error"))
}

fn spawn(command: &mut Command) -> (Child, String) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
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

#[cfg(unix)]
#[tokio::test]
async fn more_connections_than_the_machine_allows_are_survived_without_a_flood_of_words() {
    let program = env!("CARGO_BIN_EXE_gatepass-mock-server");
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n 48; exec {program} --end-with-stdin")]).env("RUST_LOG", "warn");
    let (mut child, line) = spawn(command.stderr(Stdio::piped()));
    let mut words = BufReader::new(child.stderr.take().unwrap());
    let address = line.trim().trim_start_matches("http://").to_owned();
    let many: Vec<_> = (0..100).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let mut first = String::new();
    words.read_line(&mut first).unwrap();
    assert!(first.contains("accept failed"), "{first}");
    drop(many);
    assert_eq!(reqwest::get(format!("{}/auth", line.trim())).await.unwrap().status(), 400);
    drop(child.stdin.take());
    child.wait().unwrap();
    assert!(words.lines().count() < 20);
}

#[cfg(unix)]
#[tokio::test]
async fn links_that_lead_out_of_the_folder_are_not_followed() {
    let base = std::env::temp_dir().join(format!("gatepass-links-{}", std::process::id()));
    let (app, outside) = (base.join("app"), base.join("outside"));
    for folder in [&app, &outside] {
        std::fs::create_dir_all(folder).unwrap();
    }
    for file in [app.join("page.html"), outside.join("index.html")] {
        std::fs::write(file, "text").unwrap();
    }
    symlink(outside.join("index.html"), app.join("file out.html")).unwrap();
    symlink(&outside, app.join("folder")).unwrap();
    symlink(app.join("page.html"), app.join("within.html")).unwrap();
    symlink(&app, base.join("link")).unwrap();
    std::fs::create_dir(app.join("sub")).unwrap();
    symlink(outside.join("index.html"), app.join("sub/index.html")).unwrap();
    let (mut child, line) = start(&["--end-with-stdin", "--files", base.join("link").to_str().unwrap()]);
    let paths =
        ["page.html", "within.html", "file%20out.html", "folder/index.html", "folder/", "sub/", "sub/index.html"];
    let mut statuses = Vec::new();
    for path in paths {
        statuses.push(reqwest::get(format!("{}/{path}", line.trim())).await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 404, 404, 404, 404, 404], "{paths:?}");
    drop(child.stdin.take());
    child.wait().unwrap();
    std::fs::remove_dir_all(&base).unwrap();
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

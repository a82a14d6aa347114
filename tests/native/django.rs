//! The native driver against the real Django of `examples/django`, which `cargo xtask test interop` starts.

use gatepass::proto::scheme::Ticket;

use super::*;

fn django(path: &str) -> String {
    let server = std::env::var("GATEPASS_TEST_DJANGO");
    format!("{}{path}", server.expect("run by `cargo xtask test interop`: it starts Django"))
}

fn at(path: &str, scheme: Scheme) -> ConnectionConfig {
    let url = Url::parse("url", &django(path), UrlKind::WebSocket).unwrap();
    with_quick_retries(ConnectionConfig::new(url, scheme))
}

async fn user_by(preset: &str, base: &str, config: ConnectionConfig) -> String {
    let session = Session::new(preset::session(preset, &django(base)).unwrap()).unwrap();
    login(&session, "maggie", "secret").await.unwrap();
    // Django checks the Origin on every path but the one of the header scheme.
    let mut socket = connected(config, Some(&session)).await;
    socket.send(text(WHOAMI)).await.unwrap();
    match socket.next().await.unwrap() {
        Message::Text(text) => Json::parse(&text).unwrap().text_at("user").unwrap_or_else(|| "nobody".to_owned()),
        Message::Binary(_) => panic!("bytes"),
    }
}

#[tokio::test]
#[ignore = "needs the running Django example"]
async fn django_s7_the_authorization_header_names_its_user() {
    assert_eq!(user_by("drfToken", "", at("/ws/header/", Scheme::Header)).await, "maggie");
    let session = session_with_token("garbage").await;
    let mut socket = AuthSocket::new(at("/ws/header/", Scheme::Header), Some(&session)).unwrap();
    socket.connect();
    assert_eq!(failures(&mut socket, 1).await, [("HANDSHAKE_FORBIDDEN", "giveUp")], "it refuses before it accepts");
}

#[tokio::test]
#[ignore = "needs the running Django example"]
async fn django_refuses_a_native_client_without_an_origin_where_browsers_come_in() {
    let ticket = Ticket::new(Url::parse("url", &django("/ws_ticket"), UrlKind::Http).unwrap());
    let session = Session::new(preset::session("ticketServer", &django("")).unwrap()).unwrap();
    login(&session, "maggie", "secret").await.unwrap();
    let mut socket = AuthSocket::new(at("/channel/", Scheme::Ticket(ticket)), Some(&session)).unwrap();
    socket.connect();
    assert_eq!(failures(&mut socket, 1).await, [("HANDSHAKE_FORBIDDEN", "giveUp")]);
}

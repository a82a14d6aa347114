//! A plain HTTP and WebSocket client: what any program would do, nothing of the SDK.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use gatepass_mock_server::MockServer;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub async fn post(server: &MockServer, path: &str, body: Value, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut request = reqwest::Client::new().post(format!("{}{path}", server.url())).json(&body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
}

pub async fn token_of(server: &MockServer, user: &str, password: &str) -> String {
    let (status, body) = post(server, "/auth", json!({"user": user, "pwd": password}), &[]).await;
    assert_eq!(status, 200);
    body["token"].as_str().unwrap().to_owned()
}

pub async fn ticket_of(server: &MockServer, token: &str) -> String {
    let (status, body) = post(server, "/ws_ticket", json!({}), &[("authorization", &format!("Bearer {token}"))]).await;
    assert_eq!(status, 200);
    body["ticket"].as_str().unwrap().to_owned()
}

/// Dials; the error is the HTTP status of a refusal, or 0 for none at all.
pub async fn dial(server: &MockServer, path: &str, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
    let mut request = format!("{}{path}", server.ws_url()).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(_) => Err(0),
    }
}

/// Dials with subprotocols; returns the socket and the chosen one, or the HTTP status of the refusal.
pub async fn dial_offering(server: &MockServer, path: &str, offered: &[String]) -> Result<(Socket, String), u16> {
    let mut request = format!("{}{path}", server.ws_url()).into_client_request().unwrap();
    if !offered.is_empty() {
        request.headers_mut().insert("sec-websocket-protocol", offered.join(", ").parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, response)) => {
            let chosen =
                response.headers().get("sec-websocket-protocol").map(|value| value.to_str().unwrap().to_owned());
            Ok((socket, chosen.unwrap_or_default()))
        }
        // tungstenite refuses a server that chooses nothing of what was offered; here that is an answer, too.
        Err(Error::Protocol(_)) if !offered.is_empty() => {
            dial(server, path, &[]).await.map(|socket| (socket, String::new()))
        }
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{path}: {error}"),
    }
}

pub async fn say(socket: &mut Socket, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
}

/// Returns the next text, or the close code, or "lost".
pub async fn hear(socket: &mut Socket) -> String {
    match tokio::time::timeout(Duration::from_secs(20), socket.next()).await.expect("nothing was heard") {
        Some(Ok(Message::Text(text))) => text.to_string(),
        Some(Ok(Message::Close(frame))) => {
            format!("close {}", frame.map_or(1005, |frame| u16::from(frame.code)))
        }
        Some(Ok(other)) => format!("{other:?}"),
        Some(Err(_)) | None => "lost".to_owned(),
    }
}

pub async fn hang_up(socket: &mut Socket, code: u16) {
    let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame { code: CloseCode::from(code), reason: "".into() };
    socket.close(Some(frame)).await.unwrap();
}

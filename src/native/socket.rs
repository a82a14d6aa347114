//! One physical WebSocket: a task that connects, writes commands and reports messages.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use reqwest::header::{AUTHORIZATION, COOKIE, DATE, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{Error, UrlError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, http};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::http::sensitive;
use super::inbox::{ConnectionCommand, SocketCommand};
use super::message::Message;
use crate::proto::connection::{Input, SocketId};
use crate::proto::http::HttpResponse;
use crate::proto::{Handshake, Secret};

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Dials and serves until the end. `largest` bounds a message, in bytes; `room` how many messages the app may be behind.
pub(super) async fn run(
    id: SocketId,
    handshake: Handshake,
    cookies: Option<HeaderValue>,
    largest: usize,
    mut commands: mpsc::UnboundedReceiver<SocketCommand>,
    connection: mpsc::WeakUnboundedSender<ConnectionCommand>,
    room: Arc<Semaphore>,
) {
    let report = |command: ConnectionCommand| {
        if let Some(connection) = connection.upgrade() {
            // The task may have ended in this moment.
            connection.send(command).ok();
        }
    };
    let closed = |code: u16, reason: String, was_clean| {
        report(ConnectionCommand::Input(Input::SocketClosed { socket: id, code, reason, was_clean }));
    };
    let dialled = tokio::select! {
        dialled = dial(&handshake, cookies, largest) => dialled,
        // Left before it opened.
        _ = commands.recv() => return,
    };
    let (protocol, stream) = match dialled {
        Ok(opened) => opened,
        Err(Error::Http(answer)) => {
            let response = response_of(&answer);
            return report(ConnectionCommand::Input(Input::HandshakeAnswered { socket: id, response }));
        }
        // What else goes wrong may quote the request.
        Err(_) => return closed(1006, String::new(), false),
    };
    report(ConnectionCommand::Input(Input::SocketOpened { socket: id, protocol }));
    let (writer, reader) = stream.split();
    let received = |message| report(ConnectionCommand::Received { socket: id, message });
    let (code, reason, was_clean) = serve(writer, reader, commands, received, &room).await;
    closed(code, reason, was_clean);
}

async fn dial(handshake: &Handshake, cookies: Option<HeaderValue>, largest: usize) -> Result<(String, Stream), Error> {
    let mut request = handshake.url.expose().into_client_request()?;
    let headers = request.headers_mut();
    if !handshake.protocols.is_empty() {
        let list = handshake.protocols.iter().map(|entry| entry.expose()).collect::<Vec<_>>().join(", ");
        let mut value = HeaderValue::from_str(&list).map_err(http::Error::from)?;
        value.set_sensitive(true);
        headers.insert(SEC_WEBSOCKET_PROTOCOL, value);
    }
    if let Some(value) = &handshake.authorization {
        // Without it the server would treat this client as anonymous.
        let value = sensitive(value).ok_or(Error::Url(UrlError::UnableToConnect("[redacted]".to_owned())))?;
        headers.insert(AUTHORIZATION, value);
    }
    if let Some(cookies) = cookies {
        headers.insert(COOKIE, cookies);
    }
    // By default each socket would take 256 KiB; larger messages make room for themselves.
    let buffers = WebSocketConfig::default().read_buffer_size(8 << 10).write_buffer_size(8 << 10);
    // Room is made for as much as a frame's header says. What is shorter and still too long, the machine finds, and has a name for.
    let limits = buffers.max_message_size(Some(largest)).max_frame_size(Some(largest));
    let (stream, response) = connect_async_with_config(request, Some(limits), false).await?;
    let chosen = response.headers().get(SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
    Ok((chosen.unwrap_or_default().to_owned(), stream))
}

/// What the machine reads of an answer.
fn response_of(answer: &http::Response<Option<Vec<u8>>>) -> HttpResponse {
    let header = |name| answer.headers().get(name)?.to_str().ok().map(str::to_owned);
    HttpResponse {
        status: answer.status().as_u16(),
        retry_after: header(RETRY_AFTER),
        date: header(DATE),
        body: Secret::new(String::new()),
    }
}

/// What the writer is given.
enum Out {
    Flush,
    Send(tungstenite::Message),
}

/// How long to wait at the end for a peer that does not read.
const LAST_WRITE: Duration = Duration::from_secs(2);

async fn serve(
    writer: SplitSink<Stream, tungstenite::Message>,
    mut reader: SplitStream<Stream>,
    mut commands: mpsc::UnboundedReceiver<SocketCommand>,
    received: impl Fn(Message),
    room: &Semaphore,
) -> (u16, String, bool) {
    let lost = (1006, String::new(), false);
    // Separate from reading and from commands: two peers that both wait to write would deadlock, and could not be closed.
    let (out, to_write) = mpsc::unbounded_channel();
    let mut writing = pin!(write(writer, to_write));
    // Sent to `writing`, which is polled here: it lives as long.
    let send = |message| out.send(Out::Send(message)).is_ok();
    let end = loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(SocketCommand::Send(Message::Binary(bytes))) => {
                    send(tungstenite::Message::Binary(bytes.into()));
                }
                Some(SocketCommand::Send(Message::Text(text))) => {
                    send(tungstenite::Message::Text(text.into()));
                }
                Some(SocketCommand::Close { code, reason }) => {
                    send(tungstenite::Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() })));
                    break lost;
                }
                None => break lost,
            },
            next = next(&mut reader, room) => match next {
                Some((Ok(tungstenite::Message::Text(text)), permit)) => {
                    permit.forget();
                    received(Message::Text(text.to_string()));
                }
                Some((Ok(tungstenite::Message::Binary(bytes)), permit)) => {
                    permit.forget();
                    received(Message::Binary(bytes.to_vec()));
                }
                Some((Ok(tungstenite::Message::Close(frame)), _)) => {
                    // The answer to it is sent by flushing.
                    out.send(Out::Flush).ok();
                    break match frame {
                        Some(frame) => (frame.code.into(), frame.reason.to_string(), true),
                        None => (1005, String::new(), true),
                    };
                }
                Some((Ok(
                    tungstenite::Message::Ping(_) | tungstenite::Message::Pong(_) | tungstenite::Message::Frame(_),
                ), _)) => {}
                Some((Err(_), _)) | None => return lost,
            },
            () = &mut writing => return lost,
        }
    };
    drop(out);
    tokio::time::timeout(LAST_WRITE, writing).await.ok();
    end
}

/// Writes messages until there are no more, or a write fails.
async fn write(mut writer: SplitSink<Stream, tungstenite::Message>, mut out: mpsc::UnboundedReceiver<Out>) {
    while let Some(next) = out.recv().await {
        let written = match next {
            Out::Flush => writer.flush().await,
            Out::Send(message) => writer.send(message).await,
        };
        if written.is_err() {
            return;
        }
    }
}

/// The next message, once there is room for it: a slow app slows the server down, and fills no memory.
async fn next<'a>(
    reader: &mut SplitStream<Stream>,
    room: &'a Semaphore,
) -> Option<(Result<tungstenite::Message, Error>, SemaphorePermit<'a>)> {
    // Never closed.
    let permit = room.acquire().await.ok()?;
    Some((reader.next().await?, permit))
}

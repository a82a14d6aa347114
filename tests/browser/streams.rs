//! The socket as `Stream` and `Sink`.

use std::pin::pin;

use futures_util::future::{Either, ready, select};
use futures_util::{SinkExt, StreamExt};
use gatepass::error::SendError;
use gatepass::proto::connection::{ConnectionState, Event};
use gatepass::proto::scheme::Scheme;
use gatepass::web::{Incoming, SocketStream};
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::{control, count, fresh, login, quick, signed_in, ticket};

async fn connected(stream: &mut SocketStream) {
    while let Some(incoming) = stream.next().await {
        if matches!(incoming, Incoming::Event(Event::Opened)) {
            return;
        }
    }
    panic!("closed before it was open");
}

async fn message(stream: &mut SocketStream) -> JsValue {
    loop {
        match stream.next().await.expect("a message") {
            Incoming::Message(data) => return data,
            Incoming::Event(_) => {}
        }
    }
}

#[wasm_bindgen_test]
async fn a_stream_carries_messages_over_a_loss_and_ends_with_the_socket() {
    fresh().await;
    let session = signed_in().await;
    let mut stream = SocketStream::connect(quick("/channel/", ticket()), Some(session)).unwrap();
    stream.send("one".into()).await.unwrap();
    assert_eq!(message(&mut stream).await, "one");
    control(r#"{"do": "dropSockets", "how": "reset"}"#).await;
    connected(&mut stream).await;
    stream.send(Uint8Array::from(&[1, 2][..]).into()).await.unwrap();
    assert_eq!(Uint8Array::new(&message(&mut stream).await).to_vec(), [1, 2], "bytes are an ArrayBuffer");
    stream.close().await.unwrap();
    let rest: Vec<_> = stream.by_ref().collect().await;
    assert!(
        rest.iter().any(|incoming| matches!(incoming, Incoming::Event(Event::StateChanged(change)) if change.state == ConnectionState::Closed))
    );
    assert_eq!(stream.send("late".into()).await, Err(SendError::Closed));
}

#[wasm_bindgen_test]
async fn what_a_user_has_not_read_is_gone_with_them() {
    fresh().await;
    let session = signed_in().await;
    let mut stream = SocketStream::connect(quick("/channel/", ticket()), Some(session.clone())).unwrap();
    stream.send("secret".into()).await.unwrap();
    control(r#"{"do": "push", "text": "to maggie"}"#).await;
    while stream.socket().stats().received < 2 {
        // One turn of the page's event loop.
        count("open").await;
    }
    session.logout();
    login(&session, "bob", "hunter2").await.unwrap();
    stream.send("mine".into()).await.unwrap();
    assert_eq!(message(&mut stream).await, "mine");
}

#[wasm_bindgen_test]
async fn a_message_waits_for_room_and_nothing_is_lost_meanwhile() {
    fresh().await;
    let mut config = quick("/ws/anonymous/", Scheme::Anonymous);
    config.outbox.max_messages = 2;
    control(r#"{"do": "stop"}"#).await;
    let mut stream = SocketStream::connect(config, None).unwrap();
    for text in ["one", "two", "three"] {
        stream.feed(text.into()).await.unwrap();
    }
    // The third was accepted and waits outside of the outbox, so there is no room for a fourth.
    let fourth = pin!(stream.feed("four".into()));
    assert!(matches!(select(fourth, ready(())).await, Either::Right(_)), "there is room for two");
    control(r#"{"do": "start"}"#).await;
    stream.feed("four".into()).await.unwrap();
    stream.flush().await.unwrap();
    for text in ["one", "two", "three", "four"] {
        assert_eq!(message(&mut stream).await, text);
    }
}

//! Every scheme connects, carries messages, and comes back after a loss.

use gatepass::proto::connection::ConnectionState;
use gatepass::proto::scheme::Scheme;
use js_sys::Uint8Array;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::{
    Client, control, count, fresh, jwt_session, login, plain, query, quick, signed_in, ticket, ticket_session,
    with_ack, with_hello,
};

const WHOAMI: &str = r#"{"type":"whoami"}"#;
const MAGGIE: &str = r#"{"type":"whoami","user":"maggie"}"#;

#[wasm_bindgen_test]
async fn the_ticket_protocol_connects_a_user_who_logs_in() {
    fresh().await;
    let session = ticket_session();
    login(&session, "maggie", "secret").await.unwrap();
    let client = Client::new(quick("/channel/", ticket()), Some(&session));
    client.connected().await;
    client.send(WHOAMI);
    client.heard(&[MAGGIE]).await;
    assert_eq!(client.read(|seen| seen.failures.clone()), []);
    let phases: Vec<_> =
        client.read(|seen| seen.states.iter().filter_map(|change| change.phase).map(|phase| phase.name()).collect());
    assert_eq!(phases, ["token", "ticket", "opening"]);
}

#[wasm_bindgen_test]
async fn every_other_scheme_connects_its_user() {
    fresh().await;
    let session = signed_in().await;
    for (path, scheme) in
        [("/ws/jwt/", query()), ("/ws/first/", plain()), ("/ws/ack/", with_ack()), ("/ws/hello/", with_hello())]
    {
        let client = Client::new(quick(path, scheme), Some(&session));
        client.connected().await;
        client.send(WHOAMI);
        client.heard(&[MAGGIE]).await;
    }
    let anonymous = Client::new(quick("/ws/anonymous/", Scheme::Anonymous), None);
    anonymous.connected().await;
    anonymous.send("hello");
    anonymous.heard(&["hello"]).await;
}

#[wasm_bindgen_test]
async fn case_34_and_85_after_a_loss_a_socket_comes_back_with_a_new_credential() {
    fresh().await;
    let session = signed_in().await;
    let by_ticket = Client::new(quick("/channel/", ticket()), Some(&session));
    let by_message = Client::new(quick("/ws/ack/", with_ack()), Some(&session));
    by_ticket.connected().await;
    by_message.connected().await;
    control(r#"{"do": "dropSockets", "how": "reset"}"#).await;
    by_ticket.connected_times(2).await;
    by_message.connected_times(2).await;
    assert_eq!(count("tickets").await, 2.0);
    assert_eq!(by_ticket.read(|seen| seen.closed.clone()), [1006]);
    by_ticket.send(WHOAMI);
    by_ticket.heard(&[MAGGIE]).await;
}

#[wasm_bindgen_test]
async fn case_68_a_hello_that_arrives_with_the_handshake_is_not_lost() {
    fresh().await;
    let session = signed_in().await;
    for _ in 0..10 {
        let client = Client::new(quick("/ws/hello/", with_hello()), Some(&session));
        client.connected().await;
        assert_eq!(client.read(|seen| seen.failures.clone()), []);
    }
}

#[wasm_bindgen_test]
async fn binary_messages_pass_as_they_are() {
    fresh().await;
    let client = Client::new(quick("/ws/anonymous/", Scheme::Anonymous), None);
    client.connected().await;
    client.socket.send(&Uint8Array::from(&[1, 2, 3][..])).unwrap();
    client.socket.send(&Uint8Array::from(&[4][..]).buffer()).unwrap();
    client.send("text");
    client.heard(&["binary", "binary", "text"]).await;
}

#[wasm_bindgen_test]
async fn case_111_messages_sent_before_the_connection_arrive_in_order_and_none_is_taken_after_close() {
    fresh().await;
    let session = jwt_session();
    let client = Client::new(quick("/channel/", ticket()), Some(&session));
    client.send("one");
    client.send("two");
    client.state(ConnectionState::Suspended).await;
    client.send("three");
    login(&session, "maggie", "secret").await.unwrap();
    client.connected().await;
    client.send("four");
    client.heard(&["one", "two", "three", "four"]).await;
    client.socket.close(1000, "bye").unwrap();
    assert!(client.socket.send(&"five".into()).is_err());
    assert_eq!(client.read(|seen| seen.closed.clone()), [1000]);
}

#[wasm_bindgen_test]
async fn a_revoked_token_is_renewed_once_and_the_socket_comes_back() {
    fresh().await;
    let session = signed_in().await;
    let client = Client::new(quick("/ws/ack/", with_ack()), Some(&session));
    client.connected().await;
    control(r#"{"do": "expireTokens"}"#).await;
    control(r#"{"do": "dropSockets", "how": {"close": {"code": 4401, "reason": "expired"}}}"#).await;
    client.connected_times(2).await;
    assert_eq!(client.read(|seen| seen.failures.clone()), [("CLOSED_BY_SERVER", "refreshToken")]);
    assert_eq!(count("refreshes").await, 1.0);
}

#[wasm_bindgen_test]
async fn logout_closes_the_socket_and_another_user_gets_one_of_their_own() {
    fresh().await;
    let session = signed_in().await;
    let client = Client::new(quick("/channel/", ticket()), Some(&session));
    client.connected().await;
    session.logout();
    client.state(ConnectionState::Suspended).await;
    assert_eq!(client.read(|seen| seen.closed.clone()), [1000]);
    login(&session, "bob", "hunter2").await.unwrap();
    client.connected_times(2).await;
    client.send(WHOAMI);
    client.heard(&[r#"{"type":"whoami","user":"bob"}"#]).await;
}

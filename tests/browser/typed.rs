//! Messages, credentials and calls of an app's own types.

use std::collections::BTreeMap;

use futures_util::{SinkExt, StreamExt};
use gatepass::error::TokenError;
use gatepass::proto::scheme::Scheme;
use gatepass::proto::session::SessionState;
use gatepass::proto::{Millis, UrlKind};
use gatepass::web::{
    JsonError, JsonStream, Session, SessionEnvironment, SignInError, SocketStream, login_details, store,
};
use gloo_net::http::Request;
use js_sys::Uint8Array;
use serde::{Deserialize, Serialize};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::{SERVER, control, count, fresh, jwt_config, jwt_session, quick};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    text: String,
    about: Option<Vec<u32>>,
}

fn note(text: &str) -> Note {
    Note { text: text.to_owned(), about: Some(vec![1, 2]) }
}

#[derive(Serialize)]
struct Credentials<'a> {
    username: &'a str,
    password: &'a str,
}

const MAGGIE: Credentials<'_> = Credentials { username: "maggie", password: "secret" };

fn notes() -> JsonStream<Note, Note> {
    SocketStream::connect(quick("/ws/anonymous/", Scheme::Anonymous), None).unwrap().json()
}

#[wasm_bindgen_test]
async fn values_pass_as_json_and_what_does_not_fit_is_an_error_in_its_place() {
    fresh().await;
    let mut notes = notes();
    notes.send(note("one")).await.unwrap();
    assert_eq!(notes.next().await, Some(Ok(note("one"))));
    for text in ["no json", r#"{\"text\": 7}"#, r#"{\"text\": \"two\", \"about\": null, \"more\": 1}"#] {
        control(&format!(r#"{{"do": "push", "text": "{text}"}}"#)).await;
    }
    // The mock server echoes: here a text as bytes.
    let bytes = Uint8Array::from(&br#"{"text":"three"}"#[..]);
    notes.socket().send(&bytes).unwrap();
    let [first, second] = [notes.next().await.unwrap(), notes.next().await.unwrap()];
    assert!(matches!(first, Err(JsonError::Decode(_))), "{first:?}");
    assert!(matches!(second, Err(JsonError::Decode(ref why)) if why.contains("string")), "{second:?}");
    assert_eq!(notes.next().await, Some(Ok(Note { text: "two".to_owned(), about: None })));
    assert_eq!(notes.next().await, Some(Ok(Note { text: "three".to_owned(), about: None })));
    notes.close().await.unwrap();
    assert_eq!(notes.next().await, None);
}

#[wasm_bindgen_test]
async fn what_json_does_not_have_is_not_sent() {
    fresh().await;
    let notes = notes();
    let names = BTreeMap::from([("a", 1), ("b", 2)]);
    assert!(notes.socket().send_json(&names).is_ok());
    for refused in [notes.socket().send_json(&(1_u64 << 60)), notes.socket().send_json(&BTreeMap::from([((1, 2), 3)]))]
    {
        assert!(matches!(refused, Err(JsonError::Encode(_))), "{refused:?}");
    }
}

#[wasm_bindgen_test]
async fn a_refused_login_says_why_in_the_apps_own_type() {
    fresh().await;
    let session = jwt_session();
    assert_eq!(session.ready().await, SessionState::SignedOut);
    let wrong = Credentials { password: "wrong", ..MAGGIE };
    let Err(SignInError::Login(refused)) = session.sign_in(&wrong).await else { panic!("it is refused") };
    let details: BTreeMap<String, String> = login_details(&refused).unwrap().unwrap();
    assert!(details["detail"].contains("No active account"), "{details:?}");
    assert!(matches!(session.sign_in(&(1_u64 << 60)).await, Err(SignInError::Credentials(_))));
    assert_eq!(session.access_token(Millis::ZERO).await.err(), Some(TokenError::Missing));
    session.sign_in(&MAGGIE).await.unwrap();
    let token = session.access_token(Millis::ZERO).await.unwrap();
    assert_ne!(session.access_token(Millis::from_secs(86_400)).await.unwrap().expose(), token.expose());
}

#[wasm_bindgen_test]
async fn whoever_waits_for_the_store_is_told_when_it_has_answered() {
    fresh().await;
    let within = |name: &str| {
        let store = Some(store(name, &"localStorage".into()));
        Session::within(jwt_config(), SessionEnvironment { store, ..SessionEnvironment::default() }).unwrap()
    };
    let session = within("typed");
    assert_eq!((session.state(), session.ready().await), (SessionState::Loading, SessionState::SignedOut));
    session.sign_in(&MAGGIE).await.unwrap();
    while js_sys::eval("localStorage.getItem('typed')").unwrap().is_null() {
        // One turn of the page's event loop.
        count("open").await;
    }
    assert_eq!(within("typed").ready().await, SessionState::SignedIn);
    session.logout();
}

#[wasm_bindgen_test]
async fn a_call_has_the_token_at_the_sessions_origins_alone_and_renews_it_once() {
    fresh().await;
    // The same server under another host name.
    let elsewhere = SERVER.replace("127.0.0.1", "localhost");
    let session = jwt_session();
    session.sign_in(&MAGGIE).await.unwrap();
    let status = async |session: &Session, address: &str| {
        session.fetch(Request::get(address).build().unwrap()).await.unwrap().status()
    };
    let protected = |origin: &str| format!("{origin}/protected");
    assert_eq!(status(&session, &protected(SERVER)).await, 200);
    assert_eq!(status(&session, &protected(&elsewhere)).await, 401, "it has no token");
    control(r#"{"do": "expireTokens"}"#).await;
    assert_eq!(status(&session, &protected(SERVER)).await, 200, "it was renewed");
    let friends = vec![gatepass::proto::Url::parse("url", &elsewhere, UrlKind::Http).unwrap()];
    let friendly = SessionEnvironment { fetch_origins: friends, ..SessionEnvironment::default() };
    let session = Session::within(jwt_config(), friendly).unwrap();
    session.sign_in(&MAGGIE).await.unwrap();
    assert_eq!(status(&session, &protected(&elsewhere)).await, 200);
    let own = Request::get(&protected(SERVER)).header("authorization", "Bearer garbage").build().unwrap();
    assert_eq!(session.fetch(own).await.unwrap().status(), 401, "it goes as it is");
    session.logout();
    assert!(session.fetch(Request::get(&protected(SERVER)).build().unwrap()).await.is_err());
}

//! A session with an environment: tokens in a store, shared by tabs, or from the app.

use gatepass::proto::Millis;
use std::cell::RefCell;
use std::rc::Rc;

use gatepass::error::TokenError;
use gatepass::proto::connection::ConnectionState;
use gatepass::proto::session::{SessionConfig, SessionState, TokenRequirement};
use gatepass::web::{Session, SessionEnvironment, SessionEvent, store};
use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::{Client, access_token, control, count, fresh, jwt_config, login, plain, quick, within_limit};

/// The session of a tab. Two in one page share the store, locks and channels of the browser, as two tabs do.
fn tab(name: &str, place: &JsValue) -> Session {
    let surroundings = SessionEnvironment { store: Some(store(name, place)), ..SessionEnvironment::default() };
    Session::within(jwt_config(), surroundings).unwrap()
}

/// Waits until the session is in a state.
async fn state(session: &Session, wanted: SessionState) {
    told(
        session,
        move |event| matches!(event, SessionEvent::Changed { state, .. } if *state == wanted),
        || session.state() == wanted,
    )
    .await;
}

/// Waits until the session reports something, unless it is true already.
async fn told(session: &Session, is: impl Fn(&SessionEvent) -> bool + 'static, is_so: impl Fn() -> bool) {
    let is = Rc::new(is);
    let promise = Promise::new(&mut |resolve, _| {
        let is = Rc::clone(&is);
        session.on_event(move |event| {
            if is(&event) {
                resolve.call0(&JsValue::NULL).unwrap();
            }
        });
    });
    if !is_so() {
        assert!(within_limit(&promise).await, "waited in vain for a word of the session");
    }
}

/// Asks for a token.
async fn token(session: &Session, demand: TokenRequirement) -> Result<String, TokenError> {
    let outcome = Rc::new(RefCell::new(None));
    let promise = Promise::new(&mut |resolve, _| {
        let outcome = Rc::clone(&outcome);
        session.token(demand, move |result| {
            *outcome.borrow_mut() = Some(result.map(|grant| grant.authorization.expose().to_owned()));
            resolve.call0(&JsValue::NULL).unwrap();
        });
    });
    JsFuture::from(promise).await.unwrap();
    outcome.take().unwrap()
}

/// Longer than the life of any token of the server, so it has to be renewed.
const ANEW: TokenRequirement = TokenRequirement::ValidFor(Millis::from_secs(86_400));

fn script(body: &str) -> JsValue {
    Function::new_no_args(body).call0(&JsValue::NULL).unwrap()
}

#[wasm_bindgen_test]
async fn case_92_tabs_share_who_is_signed_in_make_one_refresh_and_end_together() {
    tabs_renew_once_and_end_together("shared").await;
}

#[wasm_bindgen_test]
async fn where_there_are_no_web_locks_tabs_make_one_refresh_too() {
    script("Object.defineProperty(navigator, 'locks', { value: undefined, configurable: true })");
    tabs_renew_once_and_end_together("without locks").await;
    script("delete navigator.locks");
}

async fn tabs_renew_once_and_end_together(name: &str) {
    fresh().await;
    control(r#"{"do": "setSettings", "settings": {"rotateRefreshTokens": true}}"#).await;
    let tabs: Vec<Session> = (0..4).map(|_| tab(name, &"localStorage".into())).collect();
    for tab in &tabs {
        state(tab, SessionState::SignedOut).await;
    }
    login(&tabs[0], "maggie", "secret").await.unwrap();
    for tab in &tabs {
        state(tab, SessionState::SignedIn).await;
    }
    let first = token(&tabs[0], TokenRequirement::VALID).await;
    let clients: Vec<Client> = tabs.iter().map(|tab| Client::new(quick("/ws/4401/", plain()), Some(tab))).collect();
    for client in &clients {
        client.connected().await;
    }
    // Every token expires, and every socket closes, as after sleep.
    control(r#"{"do": "expireTokens"}"#).await;
    control(r#"{"do": "dropSockets", "how": {"close": {"code": 4401}}}"#).await;
    for client in &clients {
        client.connected_times(2).await;
    }
    assert_eq!((count("refreshes").await, count("reusedRefreshTokens").await), (1.0, 0.0));
    let renewed = token(&tabs[0], TokenRequirement::VALID).await;
    assert_ne!(renewed, first);
    for tab in &tabs {
        assert_eq!(token(tab, TokenRequirement::VALID).await, renewed);
    }
    tabs[1].logout();
    for (tab, client) in tabs.iter().zip(&clients) {
        state(tab, SessionState::SignedOut).await;
        client.state(ConnectionState::Suspended).await;
        assert_eq!(token(tab, TokenRequirement::VALID).await, Err(TokenError::Missing));
    }
    state(&tab(name, &"localStorage".into()), SessionState::SignedOut).await;
}

#[wasm_bindgen_test]
async fn a_session_outlives_the_page_in_its_store() {
    fresh().await;
    for place in ["localStorage", "sessionStorage"] {
        let before = tab(place, &place.into());
        login(&before, "maggie", "secret").await.unwrap();
        let access = token(&before, ANEW).await;
        drop(before);
        let after = tab(place, &place.into());
        assert_eq!(after.state(), SessionState::Loading);
        state(&after, SessionState::SignedIn).await;
        // The renewal may not have been written to the store yet.
        while token(&after, TokenRequirement::VALID).await != access {
            told(&after, |event| matches!(event, SessionEvent::Changed { .. }), || false).await;
        }
        after.logout();
        state(&tab(place, &place.into()), SessionState::SignedOut).await;
    }
}

#[wasm_bindgen_test]
async fn case_95_a_store_that_fails_is_told_of_and_the_session_goes_on_in_memory() {
    fresh().await;
    for (name, fails) in
        [("throws", "throw new Error('no disk')"), ("rejects", "return Promise.reject(new Error('no disk'))")]
    {
        let place =
            script(&format!("const fail = () => {{ {fails}; }}; return {{ load: fail, save: fail, clear: fail }}"));
        let session = tab(name, &place);
        let said = Rc::new(RefCell::new(String::new()));
        let heard = Rc::clone(&said);
        let is_failure = move |event: &SessionEvent| match event {
            SessionEvent::StoreFailed(cause) => {
                *heard.borrow_mut() = format!("{cause:?}");
                true
            }
            SessionEvent::Changed { .. } | SessionEvent::RenewalRefused(_) => false,
        };
        told(&session, is_failure, || false).await;
        assert!(said.borrow().contains("no disk"), "{}", said.borrow());
        login(&session, "maggie", "secret").await.unwrap();
        assert!(token(&session, ANEW).await.is_ok());
    }
}

#[wasm_bindgen_test]
async fn tokens_come_from_the_app_until_it_says_that_the_person_has_to_sign_in() {
    fresh().await;
    let source = Function::new_with_args(
        "reason, done",
        "(globalThis.reasons ??= []).push(reason); Promise.resolve().then(() => done(...globalThis.answers.shift())); return () => {};",
    );
    let access = access_token("maggie", "secret").await;
    script(&format!("globalThis.answers = [[0, ['{access}']], [1], [2]]"));
    let session = Session::within(
        SessionConfig::new(),
        SessionEnvironment { source: Some(source), ..SessionEnvironment::default() },
    )
    .unwrap();
    let client = Client::new(quick("/ws/4401/", plain()), Some(&session));
    client.connected().await;
    control(r#"{"do": "expireTokens"}"#).await;
    control(r#"{"do": "dropSockets", "how": {"close": {"code": 4401}}}"#).await;
    // The first answer was a temporary failure.
    state(&session, SessionState::Expired).await;
    let reasons = script("return globalThis.reasons.join()").as_string().unwrap();
    assert_eq!(reasons, "missing,rejected,rejected");
}

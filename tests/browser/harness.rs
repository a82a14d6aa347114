//! Shared by all browser tests: control of the server, a session, and a socket whose events can be awaited.

use gatepass::proto::Millis;
use std::cell::RefCell;
use std::rc::Rc;

use gatepass::error::TokenError;
use gatepass::proto::backoff::BackoffOptions;
use gatepass::proto::connection::{ConnectionConfig, ConnectionState, Event, StateChange};
use gatepass::proto::http::Method;
use gatepass::proto::scheme::{FirstMessage, Query, Scheme, Ticket};
use gatepass::proto::session::{SessionConfig, TokenEndpoint, TokenFields};
use gatepass::proto::token::Lifetime;
use gatepass::proto::{Json, Secret, Url, UrlKind};
use gatepass::web::{AuthSocket, Session, Sink};
use gloo_net::http::Request;
use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// The address of the mock server, set at compile time by `cargo xtask test browser`.
pub const SERVER: &str = match option_env!("GATEPASS_TEST_SERVER") {
    Some(url) => url,
    None => "http://run-these-tests-by-cargo-xtask-test-browser.invalid",
};
const CONTROL: &str = match option_env!("GATEPASS_TEST_CONTROL") {
    Some(url) => url,
    None => "http://run-these-tests-by-cargo-xtask-test-browser.invalid",
};

/// Sends a command to the server.
pub async fn control(command: &str) {
    let response = Request::post(CONTROL).body(command).unwrap().send().await.expect("the control server answers");
    assert_eq!(response.status(), 204, "{command}: {:?}", response.text().await);
}

/// Begins a test with a reset server.
pub async fn fresh() {
    control(r#"{"do": "reset"}"#).await;
}

/// Asks the control server: `counts` or `received`.
pub async fn ask(what: &str) -> Json {
    let response = Request::get(&format!("{CONTROL}/{what}")).send().await.expect("the control server answers");
    json(&response.text().await.unwrap())
}

pub async fn count(name: &str) -> f64 {
    ask("counts").await.at(name).and_then(|value| value.as_number()).expect(name)
}

pub fn json(text: &str) -> Json {
    Json::parse(text).unwrap_or_else(|| panic!("no JSON: {text}"))
}

pub fn url(path: &str, kind: UrlKind) -> Url {
    Url::parse("url", &format!("{SERVER}{path}"), kind).unwrap_or_else(|error| panic!("{error}"))
}

fn endpoint(path: &str, body: Option<&str>) -> TokenEndpoint {
    TokenEndpoint { body: body.map(json), ..TokenEndpoint::new(url(path, UrlKind::Http)) }
}

/// A session of the ticket protocol (S4): login by `/auth`, no refresh.
pub fn ticket_session() -> Session {
    let fields = TokenFields { access: Some("token".to_owned()), refresh: None, ..TokenFields::default() };
    let login = endpoint("/auth", Some(r#"{"user": "$username", "pwd": "$password"}"#));
    Session::new(SessionConfig { login: Some(login), fields, ..SessionConfig::new() }).unwrap()
}

/// Settings for simplejwt (S1), with refresh.
pub fn jwt_config() -> SessionConfig {
    let (login, refresh) = (endpoint("/api/token/", None), endpoint("/api/token/refresh/", None));
    SessionConfig { login: Some(login), refresh: Some(refresh), ..SessionConfig::new() }
}

/// A session of simplejwt.
pub fn jwt_session() -> Session {
    Session::new(jwt_config()).unwrap()
}

pub async fn login(session: &Session, user: &str, password: &str) -> Result<(), TokenError> {
    let outcome = Rc::new(RefCell::new(None));
    let credentials = json(&format!(r#"{{"username": "{user}", "password": "{password}"}}"#));
    let promise = Promise::new(&mut |resolve: Function, _| {
        let outcome = Rc::clone(&outcome);
        session.login(credentials.clone(), move |result| {
            let result = result.map_err(|failed| failed.error);
            *outcome.borrow_mut() = Some(result);
            resolve.call0(&JsValue::NULL).unwrap();
        });
    });
    JsFuture::from(promise).await.unwrap();
    outcome.take().unwrap()
}

pub async fn signed_in() -> Session {
    let session = jwt_session();
    login(&session, "maggie", "secret").await.unwrap();
    session
}

/// Asks the server for a token as the app's own code would.
pub async fn access_token(user: &str, password: &str) -> String {
    let body = format!(r#"{{"username": "{user}", "password": "{password}"}}"#);
    let request = Request::post(&format!("{SERVER}/api/token/")).body(body).unwrap();
    let answer = json(&request.send().await.unwrap().text().await.unwrap());
    answer.text_at("access").unwrap()
}

/// Fetches a ticket as the app's own code would.
pub async fn new_ticket(access_token: &str) -> String {
    let request =
        Request::get(&format!("{SERVER}/ws_ticket")).header("authorization", &format!("Bearer {access_token}"));
    let answer = json(&request.send().await.unwrap().text().await.unwrap());
    answer.text_at("ticket").unwrap()
}

/// Opens a WebSocket of the browser's own and closes it.
pub async fn open_and_close(path: &str) {
    let socket = web_sys::WebSocket::new(&url(path, UrlKind::WebSocket).to_text()).unwrap();
    let opened = Promise::new(&mut |resolve, _| socket.set_onopen(Some(&resolve)));
    JsFuture::from(opened).await.unwrap();
    socket.close().unwrap();
}

pub fn set_token(session: &Session, token: &str) {
    session.set_tokens(Secret::new(token.to_owned()), None, Lifetime::default()).unwrap();
}

/// A session with a token that nothing can renew.
pub fn session_with_token(token: &str) -> Session {
    let session = Session::new(SessionConfig::new()).unwrap();
    set_token(&session, token);
    session
}

pub fn ticket() -> Scheme {
    Scheme::Ticket(Ticket { method: Method::Get, ..Ticket::new(url("/ws_ticket", UrlKind::Http)) })
}

pub fn query() -> Scheme {
    Scheme::Query(Query::default())
}

pub fn first_message(message: &str, hello: Option<&str>, ack: Option<&str>) -> Scheme {
    Scheme::FirstMessage(FirstMessage {
        hello: hello.map(json),
        ack: ack.map(json),
        reject: ack.map(|_| json(r#"{"type": "auth_invalid"}"#)),
        ack_timeout: Millis::from_millis(500),
        ..FirstMessage::new(json(message))
    })
}

/// The first message of S5, without an answer.
pub fn plain() -> Scheme {
    first_message(r#"{"token": "$token"}"#, None, None)
}

/// A first message with an answer.
pub fn with_ack() -> Scheme {
    first_message(r#"{"token": "$token"}"#, None, Some(r#"{"type": "auth_ok"}"#))
}

/// Hello, first message, answer.
pub fn with_hello() -> Scheme {
    first_message(
        r#"{"type": "auth", "access_token": "$token"}"#,
        Some(r#"{"type": "auth_required"}"#),
        Some(r#"{"type": "auth_ok"}"#),
    )
}

/// Settings with short waits between attempts. The connect timeout keeps its default:
/// after many failed attempts Chromium delays the next for up to 5 s.
pub fn quick(path: &str, scheme: Scheme) -> ConnectionConfig {
    let millis = Millis::from_millis;
    ConnectionConfig {
        backoff: BackoffOptions { base: millis(10), cap: millis(100), spread: millis(20) },
        ..ConnectionConfig::new(url(path, UrlKind::WebSocket), scheme)
    }
}

/// All events of a socket.
#[derive(Default)]
pub struct Seen {
    pub states: Vec<StateChange>,
    pub failures: Vec<(&'static str, &'static str)>,
    pub opened: usize,
    pub closed: Vec<u16>,
    pub messages: Vec<String>,
    pub printed: String,
    waiting: Option<Function>,
}

#[derive(Clone, Default)]
pub struct Recorder(Rc<RefCell<Seen>>);

impl Recorder {
    fn note(&self, change: impl FnOnce(&mut Seen)) {
        let waiting = {
            let mut seen = self.0.borrow_mut();
            change(&mut seen);
            seen.waiting.take()
        };
        if let Some(resolve) = waiting {
            resolve.call0(&JsValue::NULL).unwrap();
        }
    }
}

impl Sink for Recorder {
    fn event(&self, event: Event) {
        self.note(|seen| {
            seen.printed.push_str(&format!("{event:?}\n"));
            match event {
                Event::Closed { code, .. } => seen.closed.push(code),
                Event::HandedOver | Event::Message { .. } => {}
                Event::Opened => seen.opened += 1,
                Event::StateChanged(change) => {
                    if let Some(problem) = &change.problem {
                        seen.failures.push((problem.failure.code(), problem.disposition.name()));
                    }
                    seen.states.push(change);
                }
            }
        });
    }

    fn takes_buffers(&self) -> bool {
        true
    }

    fn message(&self, data: &JsValue) {
        let text = data.as_string().unwrap_or_else(|| "binary".to_owned());
        self.note(|seen| seen.messages.push(text));
    }
}

/// A socket and its events.
pub struct Client {
    pub socket: AuthSocket,
    pub recorder: Recorder,
}

impl Client {
    pub fn new(config: ConnectionConfig, session: Option<&Session>) -> Self {
        let recorder = Recorder::default();
        let socket =
            AuthSocket::new(config, session.cloned(), recorder.clone()).unwrap_or_else(|error| panic!("{error}"));
        socket.connect();
        Self { socket, recorder }
    }

    pub fn read<T>(&self, read: impl FnOnce(&Seen) -> T) -> T {
        read(&self.recorder.0.borrow())
    }

    /// Waits for an event after which the condition holds.
    pub async fn until(&self, what: &str, condition: impl Fn(&Seen) -> bool) {
        while !self.read(&condition) {
            let promise = Promise::new(&mut |resolve, _| self.recorder.0.borrow_mut().waiting = Some(resolve));
            let in_time = within_limit(&promise).await;
            assert!(in_time, "waited in vain for: {what}; failures {:?}", self.read(|seen| seen.failures.clone()));
        }
    }

    pub async fn connected(&self) {
        self.connected_times(1).await;
    }

    pub async fn connected_times(&self, times: usize) {
        self.until(&format!("opening number {times}"), |seen| seen.opened >= times).await;
    }

    pub async fn state(&self, state: ConnectionState) {
        self.until(state.name(), |seen| seen.states.last().is_some_and(|change| change.state == state)).await;
    }

    pub async fn failed(&self, failures: &[(&'static str, &'static str)]) {
        self.until(&format!("{failures:?}"), |seen| seen.failures.len() >= failures.len()).await;
        assert_eq!(self.read(|seen| seen.failures[..failures.len()].to_vec()), failures);
    }

    pub fn send(&self, text: &str) {
        self.socket.send(&text.into()).unwrap_or_else(|error| panic!("{error}"));
    }

    pub async fn heard(&self, texts: &[&str]) {
        self.until(&format!("{texts:?}"), |seen| seen.messages.len() >= texts.len()).await;
        assert_eq!(self.read(|seen| seen.messages.clone()), texts);
    }
}

/// Whether a promise settles within a test's patience.
pub async fn within_limit(promise: &Promise) -> bool {
    let limit = Promise::new(&mut |resolve, _| {
        set_timeout(&resolve, 30_000, true);
    });
    let race = Promise::race(&js_sys::Array::of2(promise, &limit));
    JsFuture::from(race).await.unwrap().as_bool() != Some(true)
}

#[wasm_bindgen::prelude::wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, millis: i32, argument: bool) -> JsValue;
}

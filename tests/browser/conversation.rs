//! Conversations of a Rust app in a browser: the rules are those of the native driver, and here is what carries them.

use gatepass::conversation::{Heard, RequestError, Subscription, SubscriptionError};
use gatepass::proto::Millis;
use gatepass::proto::connection::{ConnectionState, Event};
use gatepass::proto::conversation::{
    ConversationConfig, Fate, Matcher, RequestFailure, RequestOptions, Resume, SubscribeOptions, SubscriptionFailure,
};
use gatepass::proto::scheme::{FirstMessage, Scheme};
use gatepass::web::{Conversation, Session};
use serde::{Deserialize, Serialize};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::*;

#[derive(Debug, Deserialize, PartialEq)]
struct News {
    seq: u64,
    text: String,
}

#[derive(Serialize)]
struct Join<'a> {
    r#type: &'a str,
    room: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<&'a str>,
}

const fn join(room: &str) -> Join<'_> {
    Join { r#type: "join", room, since: None }
}

const fn join_since(room: &str) -> Join<'_> {
    Join { r#type: "join", room, since: Some("$cursor") }
}

#[derive(Serialize)]
struct Ask<'a> {
    r#type: &'a str,
    what: &'a str,
    after: u32,
    refuse: bool,
}

const fn ask(what: &str) -> Ask<'_> {
    Ask { r#type: "ask", what, after: 0, refuse: false }
}

#[derive(Debug, Deserialize, PartialEq)]
struct Answer {
    what: String,
}

fn matcher(text: &str) -> Option<Matcher> {
    Some(json(text).into())
}

fn lobby() -> SubscribeOptions {
    SubscribeOptions {
        leave: Some(json(r#"{"type": "leave", "room": "lobby"}"#)),
        reply: matcher(r#"{"type": "joined", "room": "lobby"}"#),
        error: matcher(r#"{"type": "refused"}"#),
        ..SubscribeOptions::new(json(r#"{"type": "news", "room": "lobby"}"#))
    }
}

fn resumed() -> SubscribeOptions {
    SubscribeOptions { resume: Some(Resume::new("seq")), ..lobby() }
}

fn with_requests() -> ConversationConfig {
    let requests = RequestOptions {
        reply: matcher(r#"{"type": "answer", "id": "$id"}"#),
        error: matcher(r#"{"type": "no", "id": "$id"}"#),
        ..RequestOptions::default()
    };
    ConversationConfig { requests, ..ConversationConfig::default() }
}

fn open(scheme: Scheme, session: Option<&Session>, options: ConversationConfig) -> Conversation {
    let conversation = Conversation::new(quick("/ws/rooms/", scheme), session, options).unwrap();
    conversation.socket().connect();
    conversation
}

async fn publish(text: &str) {
    control(&format!(r#"{{"do": "publish", "room": "lobby", "text": "{text}"}}"#)).await;
}

async fn drop_sockets() {
    control(r#"{"do": "dropSockets", "how": "reset"}"#).await;
}

async fn text(subscription: &mut Subscription<News>) -> String {
    subscription.next().await.unwrap().unwrap().text
}

#[wasm_bindgen_test]
async fn a_subscription_survives_a_loss_and_with_a_cursor_nothing_is_missed() {
    fresh().await;
    let conversation = open(Scheme::Anonymous, None, ConversationConfig::default());
    let mut news = conversation.subscribe::<News>(&join_since("lobby"), resumed()).unwrap();
    news.ready().await.unwrap();
    for number in 0..9 {
        publish(&number.to_string()).await;
        if number % 3 == 1 {
            drop_sockets().await;
        }
    }
    for number in 0..9 {
        assert_eq!(text(&mut news).await, number.to_string());
    }
}

#[wasm_bindgen_test]
async fn the_last_holder_leaves_and_whoever_comes_in_its_place_takes_over() {
    fresh().await;
    let conversation = open(Scheme::Anonymous, None, with_requests());
    let mut one = conversation.subscribe::<News>(&join("lobby"), lobby()).unwrap();
    one.ready().await.unwrap();
    drop(one);
    let mut two = conversation.subscribe::<News>(&join("lobby"), lobby()).unwrap();
    two.ready().await.unwrap();
    publish("hello").await;
    assert_eq!(text(&mut two).await, "hello");
    drop(two);
    // An answer that comes after it.
    let _: Answer = conversation.request(&ask("first")).await.unwrap();
    let _: Answer = conversation.request(&ask("second")).await.unwrap();
    let received = ask_server("received").await;
    let of = |kind: &str| received.matches(&format!(r#"{{\"type\":\"{kind}\""#)).count();
    assert_eq!((of("join"), of("leave")), (1, 1), "{received}");
}

async fn ask_server(what: &str) -> String {
    crate::harness::ask(what).await.print()
}

#[wasm_bindgen_test]
async fn a_refusal_ends_one_subscription_with_the_words_of_the_server() {
    fresh().await;
    let conversation = open(Scheme::Anonymous, None, ConversationConfig::default());
    let mut secret = conversation.subscribe::<News>(&join("secret"), lobby()).unwrap();
    assert_eq!(secret.ready().await.unwrap_err().code(), "SUBSCRIPTION_REFUSED");
    let refused = secret.next().await.unwrap().unwrap_err();
    let SubscriptionError::Failed(SubscriptionFailure::Refused(words)) = refused else { panic!("{refused}") };
    assert_eq!(words.text_at("room").as_deref(), Some("secret"));
    assert!(secret.next().await.is_none());
}

#[wasm_bindgen_test]
async fn a_request_ends_with_its_answer_a_refusal_its_time_or_a_loss() {
    fresh().await;
    let conversation = open(Scheme::Anonymous, None, with_requests());
    let slow = conversation.request::<_, Answer>(&Ask { after: 30, ..ask("slow") });
    let quick = conversation.request::<_, Answer>(&ask("quick"));
    assert_eq!(quick.await, Ok(Answer { what: "quick".to_owned() }));
    assert_eq!(slow.await, Ok(Answer { what: "slow".to_owned() }));
    let refused = conversation.request::<_, Answer>(&Ask { refuse: true, ..ask("it") }).await.unwrap_err();
    assert_eq!(refused.code(), "REQUEST_REFUSED");
    assert!(matches!(conversation.request::<_, u32>(&ask("a number")).await, Err(RequestError::Json(_))));

    control(r#"{"do": "loseReplies", "times": 1}"#).await;
    let short = RequestOptions { timeout: Some(Millis::from_millis(30)), ..with_requests().requests };
    let late = conversation.request_with::<_, Answer>(&ask("late"), short).await;
    assert_eq!(late, Err(RequestFailure::TimedOut(Millis::from_millis(30)).into()));

    let lost = conversation.request::<_, Answer>(&Ask { after: 60_000, ..ask("lost") });
    let again = RequestOptions { resend: true, ..with_requests().requests };
    control(r#"{"do": "loseReplies", "times": 2}"#).await;
    let again = conversation.request_with::<_, Answer>(&ask("again"), again);
    drop(conversation.request::<_, Answer>(&ask("given up")));
    // All have arrived.
    let _: Answer = conversation.request(&ask("here")).await.unwrap();
    drop_sockets().await;
    assert_eq!(lost.await, Err(RequestFailure::Lost(Fate::MaybeArrived).into()));
    assert_eq!(again.await, Ok(Answer { what: "again".to_owned() }));
}

#[wasm_bindgen_test]
async fn what_belongs_to_nobody_is_heard_with_the_events_and_misfits_are_told() {
    fresh().await;
    let conversation = open(Scheme::Anonymous, None, ConversationConfig::default());
    let mut heard = conversation.messages::<News>();
    conversation.socket().connect();
    let mut news = conversation.subscribe::<News>(&join("lobby"), lobby()).unwrap();
    news.ready().await.unwrap();
    for text in [r#"{\"seq\": 1, \"text\": \"for all\"}"#, "no JSON", r#"{\"seq\": \"one\"}"#] {
        control(&format!(r#"{{"do": "push", "text": "{text}"}}"#)).await;
    }
    let mut seen = Vec::new();
    while seen.len() < 3 {
        match heard.next().await.unwrap() {
            Heard::Message(news) => seen.push(news.text),
            Heard::Misfit(_) => seen.push("misfit".to_owned()),
            Heard::Event(_) => {}
            Heard::Gap { .. } | Heard::Resumed { .. } => panic!("nothing is missed"),
        }
    }
    assert_eq!(seen, ["for all", "misfit", "misfit"]);
}

#[wasm_bindgen_test]
async fn another_user_ends_what_the_former_one_has_and_keeps_nothing_of_it() {
    fresh().await;
    let session = signed_in().await;
    let conversation = open(query(), Some(&session), with_requests());
    let mut news = conversation.subscribe::<News>(&join_since("lobby"), resumed()).unwrap();
    news.ready().await.unwrap();
    publish("for maggie").await;
    let asked = conversation.request::<_, Answer>(&Ask { after: 60_000, ..ask("slow") });
    let _: Answer = conversation.request(&ask("here")).await.unwrap();
    login(&session, "bob", "hunter2").await.unwrap();
    assert_eq!(asked.await, Err(RequestFailure::UserChanged(Fate::MaybeArrived).into()));
    // What was not read is nobody's.
    assert_eq!(news.next().await, Some(Err(SubscriptionFailure::UserChanged.into())));
    assert_eq!(news.next().await, None);
    assert_eq!(conversation.cursors().await, Some(Vec::new()));
}

#[wasm_bindgen_test]
async fn the_cursor_of_the_socket_stands_in_its_first_message_beside_the_token() {
    fresh().await;
    let session = signed_in().await;
    let message = json(r#"{"type": "join", "room": "lobby", "since": "$cursor", "token": "$token"}"#);
    let ack = Some(json(r#"{"type": "joined"}"#));
    let scheme = Scheme::FirstMessage(FirstMessage { ack, ..FirstMessage::new(message) });
    let options = ConversationConfig { resume: Some(Resume::new("seq")), ..ConversationConfig::default() };
    let conversation = open(scheme, Some(&session), options);
    let mut heard = conversation.messages::<News>();
    conversation.socket().connect();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        match heard.next().await.unwrap() {
            Heard::Message(news) if news.text == "two" => break,
            Heard::Message(news) => {
                seen.push(news.text);
                drop_sockets().await;
                publish("two").await;
            }
            Heard::Event(Event::StateChanged(change))
                if change.state == ConnectionState::Connected && seen.is_empty() =>
            {
                publish("one").await;
            }
            Heard::Event(_) => {}
            Heard::Misfit(_) | Heard::Gap { .. } | Heard::Resumed { .. } => panic!("nothing else is said"),
        }
    }
    assert_eq!(seen, ["one"]);
}

#[wasm_bindgen_test]
async fn a_dropped_conversation_ends_what_waits() {
    fresh().await;
    let conversation = open(Scheme::Anonymous, None, with_requests());
    let mut news = conversation.subscribe::<News>(&join("lobby"), lobby()).unwrap();
    let mut heard = conversation.messages::<News>();
    news.ready().await.unwrap();
    let asked = conversation.request::<_, Answer>(&Ask { after: 60_000, ..ask("slow") });
    drop(conversation);
    assert_eq!(news.next().await, None);
    assert!(asked.await.is_err());
    while heard.next().await.is_some() {}
}

#[wasm_bindgen_test]
async fn a_closed_one_takes_no_more_until_it_connects_again() {
    fresh().await;
    let conversation = open(Scheme::Anonymous, None, with_requests());
    conversation.socket().connect();
    let mut news = conversation.subscribe::<News>(&join("lobby"), lobby()).unwrap();
    news.ready().await.unwrap();
    conversation.socket().close(1000, "").unwrap();
    assert_eq!(news.next().await, None);
    assert!(conversation.request::<_, Answer>(&ask("anything")).await.is_err());
    assert_eq!(
        conversation.subscribe::<News>(&join("lobby"), lobby()).unwrap().ready().await,
        Err(SubscriptionError::Ended)
    );
    conversation.socket().connect();
    let mut again = conversation.subscribe::<News>(&join("lobby"), lobby()).unwrap();
    again.ready().await.unwrap();
}

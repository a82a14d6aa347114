//! Conversations over the native driver: what the machine promises, against the mock server's rooms.

use gatepass::conversation::{Heard, RequestError, Subscription, SubscriptionError};
use gatepass::native::Conversation;
use gatepass::proto::connection::{ConnectionConfig, ConnectionState, Event};
use gatepass::proto::conversation::{
    ConversationConfig, Fate, LastCursors, Matcher, RequestFailure, RequestOptions, Resume, SubscribeOptions,
    SubscriptionFailure,
};
use gatepass::proto::scheme::{FirstMessage, Scheme};
use gatepass::proto::{Json, Millis};
use gatepass_mock_server::{Command, Drop, MockServer};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{login, query, quick, session};

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
    refuse: bool,
}

const fn ask(what: &str) -> Ask<'_> {
    Ask { r#type: "ask", what, refuse: false }
}

#[derive(Debug, Deserialize, PartialEq)]
struct Answer {
    what: String,
}

fn of(value: serde_json::Value) -> Json {
    Json::of(&value).unwrap()
}

fn matcher(value: serde_json::Value) -> Option<Matcher> {
    Some(of(value).into())
}

fn room(name: &str) -> SubscribeOptions {
    SubscribeOptions {
        leave: Some(of(json!({"type": "leave", "room": name}))),
        reply: matcher(json!({"type": "joined", "room": name})),
        error: matcher(json!({"type": "refused", "room": name})),
        ..SubscribeOptions::new(of(json!({"type": "news", "room": name})))
    }
}

fn resumed(name: &str) -> SubscribeOptions {
    let resume = Resume { too_old: matcher(json!({"type": "gap", "room": name})), ..Resume::new("seq") };
    SubscribeOptions { resume: Some(resume), ..room(name) }
}

fn requests() -> RequestOptions {
    RequestOptions {
        reply: matcher(json!({"type": "answer", "id": "$id"})),
        error: matcher(json!({"type": "no", "id": "$id"})),
        ..RequestOptions::default()
    }
}

fn open(server: &MockServer, options: ConversationConfig) -> Conversation {
    let conversation = Conversation::new(quick(server, "/ws/rooms/", Scheme::Anonymous), None, options).unwrap();
    conversation.socket().connect();
    conversation
}

async fn publish(server: &MockServer, room: &str, text: &str) {
    server.control(Command::Publish { room: room.to_owned(), text: text.into() }).await;
}

async fn drop_sockets(server: &MockServer) {
    server.control(Command::DropSockets { how: Drop::Reset }).await;
}

async fn text(subscription: &mut Subscription<News>) -> String {
    subscription.next().await.unwrap().unwrap().text
}

/// How often a message of this type has arrived, of a room.
fn heard(server: &MockServer, kind: &str) -> usize {
    let is_of_kind = |text: &str| Json::parse(text).is_some_and(|json| json.text_at("type").as_deref() == Some(kind));
    let received = server.received();
    received.iter().filter_map(|recorded| recorded.as_message()).filter(|(_, text)| is_of_kind(text)).count()
}

#[tokio::test]
async fn a_subscription_survives_a_loss_and_with_a_cursor_nothing_is_missed() {
    let server = MockServer::start().await;
    let conversation = open(&server, ConversationConfig::default());
    let mut news = conversation.subscribe::<News>(&join_since("lobby"), resumed("lobby")).unwrap();
    news.ready().await.unwrap();
    for number in 0..20 {
        publish(&server, "lobby", &number.to_string()).await;
        if number % 4 == 1 {
            drop_sockets(&server).await;
        }
    }
    for number in 0..20 {
        assert_eq!(text(&mut news).await, number.to_string());
    }
}

#[tokio::test]
async fn what_lies_beyond_the_log_is_told_as_a_gap() {
    let server = MockServer::start().await;
    let conversation = open(&server, ConversationConfig::default());
    let mut heard = conversation.messages::<serde_json::Value>();
    let mut news = conversation.subscribe::<News>(&join_since("lobby"), resumed("lobby")).unwrap();
    news.ready().await.unwrap();
    publish(&server, "lobby", "seen").await;
    assert_eq!(text(&mut news).await, "seen");
    drop_sockets(&server).await;
    publish(&server, "lobby", "lost").await;
    server.control(Command::ForgetLogs).await;
    loop {
        if let Heard::Gap { key, .. } = heard.next().await.unwrap() {
            break assert!(key.unwrap().contains("lobby"));
        }
    }
    publish(&server, "lobby", "new").await;
    assert_eq!(text(&mut news).await, "new");
}

#[tokio::test]
async fn those_with_the_same_message_share_one_subscription_and_the_last_one_leaves() {
    let server = MockServer::start().await;
    let conversation = open(&server, ConversationConfig::default());
    let mut one = conversation.subscribe::<News>(&join("lobby"), room("lobby")).unwrap();
    let mut two = conversation.subscribe::<News>(&join("lobby"), room("lobby")).unwrap();
    one.ready().await.unwrap();
    two.ready().await.unwrap();
    publish(&server, "lobby", "hello").await;
    assert_eq!((text(&mut one).await, text(&mut two).await), ("hello".to_owned(), "hello".to_owned()));
    drop(one);
    publish(&server, "lobby", "still there").await;
    assert_eq!(text(&mut two).await, "still there");
    assert_eq!((heard(&server, "join"), heard(&server, "leave")), (1, 0));
    drop(two);
    // An answer that comes after it.
    conversation.request_with::<_, Answer>(&ask("anything"), requests()).await.unwrap();
    assert_eq!((heard(&server, "join"), heard(&server, "leave")), (1, 1));
}

#[tokio::test]
async fn a_refusal_ends_one_subscription_alone_with_the_words_of_the_server() {
    let server = MockServer::start().await;
    let conversation = open(&server, ConversationConfig::default());
    let mut lobby = conversation.subscribe::<News>(&join("lobby"), room("lobby")).unwrap();
    let mut secret = conversation.subscribe::<News>(&join("secret"), room("secret")).unwrap();
    let refused = secret.ready().await.unwrap_err();
    assert_eq!(refused.code(), "SUBSCRIPTION_REFUSED");
    let SubscriptionError::Failed(SubscriptionFailure::Refused(words)) = secret.next().await.unwrap().unwrap_err()
    else {
        panic!("{refused}")
    };
    assert_eq!(words.text_at("room").as_deref(), Some("secret"));
    assert!(secret.next().await.is_none());
    lobby.ready().await.unwrap();
    publish(&server, "lobby", "hello").await;
    assert_eq!(text(&mut lobby).await, "hello");
}

#[tokio::test]
async fn a_request_gets_its_answer_as_a_type_and_a_refusal_is_an_error() {
    let server = MockServer::start().await;
    let conversation = open(&server, ConversationConfig { requests: requests(), ..ConversationConfig::default() });
    let answers = tokio::join!(
        conversation.request::<_, Answer>(&json!({"type": "ask", "what": "slow", "after": 50})),
        conversation.request::<_, Answer>(&ask("quick")),
    );
    assert_eq!(answers, (Ok(Answer { what: "slow".to_owned() }), Ok(Answer { what: "quick".to_owned() })));
    let refused = conversation.request::<_, Answer>(&Ask { refuse: true, ..ask("it") }).await.unwrap_err();
    let RequestError::Failed(RequestFailure::Refused(words)) = refused else { panic!("{refused}") };
    assert_eq!(words.to::<Answer>().unwrap(), Answer { what: "it".to_owned() });
    // What does not fit the type.
    let misfit = conversation.request::<_, u32>(&ask("a number")).await.unwrap_err();
    assert!(matches!(misfit, RequestError::Json(_)), "{misfit}");
    let no_object = conversation.request::<_, Answer>("text").await.unwrap_err();
    assert_eq!(no_object, RequestError::Failed(RequestFailure::Id));
}

#[tokio::test]
async fn a_request_ends_with_a_loss_unless_it_may_be_sent_again_and_with_its_time() {
    let server = MockServer::start().await;
    let conversation = open(&server, ConversationConfig { requests: requests(), ..ConversationConfig::default() });
    conversation.request::<_, Answer>(&ask("first")).await.unwrap();
    server.control(Command::LoseReplies { times: 2 }).await;
    let again = RequestOptions { resend: true, ..requests() };
    let (once, twice, ()) = tokio::join!(
        conversation.request::<_, Answer>(&ask("once")),
        conversation.request_with::<_, Answer>(&ask("twice"), again),
        async {
            server.wait_for(|counts| counts.messages == 3).await;
            drop_sockets(&server).await;
        }
    );
    assert_eq!(once, Err(RequestFailure::Lost(Fate::MaybeArrived).into()));
    assert_eq!(twice, Ok(Answer { what: "twice".to_owned() }));
    server.control(Command::LoseReplies { times: 1 }).await;
    let short = RequestOptions { timeout: Some(Millis::from_millis(20)), ..requests() };
    let late = conversation.request_with::<_, Answer>(&ask("late"), short).await;
    assert_eq!(late, Err(RequestFailure::TimedOut(Millis::from_millis(20)).into()));
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_leaves_nothing_behind() {
    let server = MockServer::start().await;
    let options = ConversationConfig { requests: requests(), max_requests: 1, ..ConversationConfig::default() };
    let conversation = open(&server, options);
    conversation.socket().ready().await.unwrap();
    let mut heard = conversation.messages::<serde_json::Value>();
    {
        let dropped = conversation.request::<_, Answer>(&json!({"type": "ask", "what": "slow", "after": 50}));
        tokio::select! {
            answer = dropped => panic!("{answer:?}"),
            () = server.wait_for(|counts| counts.messages == 1) => {}
        }
    }
    // There is room for another, and its answer comes after that of the first.
    let second = json!({"type": "ask", "what": "second", "after": 100});
    let full = RequestError::Failed(RequestFailure::TooMany);
    let (second, third) =
        tokio::join!(conversation.request::<_, Answer>(&second), conversation.request::<_, Answer>(&ask("third")),);
    assert_eq!((second, third), (Ok(Answer { what: "second".to_owned() }), Err(full)));
    conversation.socket().close(1000, "").unwrap();
    while let Some(heard) = heard.next().await {
        match heard {
            Heard::Event(Event::StateChanged(change)) if change.state == ConnectionState::Closed => break,
            Heard::Event(_) => {}
            Heard::Message(answer) => panic!("the late answer is nobody's: {answer}"),
            Heard::Misfit(_) | Heard::Gap { .. } | Heard::Resumed { .. } => panic!("nothing else is said"),
        }
    }
}

#[tokio::test]
async fn what_belongs_to_nobody_is_heard_with_the_events_and_misfits_are_told() {
    let server = MockServer::start().await;
    let conversation = open(&server, ConversationConfig::default());
    let mut heard = conversation.messages::<News>();
    let _lobby = conversation.subscribe::<News>(&join("lobby"), room("lobby")).unwrap();
    conversation.socket().ready().await.unwrap();
    for text in [r#"{"seq": 1, "text": "for all"}"#, "no JSON", r#"{"seq": "one"}"#] {
        server.control(Command::Push { text: text.to_owned() }).await;
    }
    let mut seen = Vec::new();
    while seen.len() < 4 {
        match heard.next().await.unwrap() {
            Heard::Message(news) => seen.push(news.text),
            Heard::Misfit(_) => seen.push("misfit".to_owned()),
            Heard::Event(Event::Opened) => seen.push("opened".to_owned()),
            Heard::Event(_) => {}
            Heard::Gap { .. } | Heard::Resumed { .. } => panic!("nothing is missed"),
        }
    }
    assert_eq!(seen, ["opened", "for all", "misfit", "misfit"]);
}

#[tokio::test]
async fn a_message_that_does_not_fit_is_an_error_in_its_place() {
    let server = MockServer::start().await;
    let conversation = open(&server, ConversationConfig::default());
    let mut numbers = conversation.subscribe::<u32>(&join("lobby"), room("lobby")).unwrap();
    numbers.ready().await.unwrap();
    publish(&server, "lobby", "no number").await;
    let misfit = numbers.next().await.unwrap().unwrap_err();
    assert_eq!(misfit.code(), "MESSAGE_INVALID");
}

#[tokio::test]
async fn another_user_ends_what_the_former_one_has_and_keeps_nothing_of_it() {
    let server = MockServer::start().await;
    let session = session(&server, "simpleJwt", "/api").await;
    let config = quick(&server, "/ws/rooms/", query());
    let conversation = Conversation::new(config, Some(&session), ConversationConfig::default()).unwrap();
    conversation.socket().connect();
    let mut news = conversation.subscribe::<News>(&join_since("lobby"), resumed("lobby")).unwrap();
    news.ready().await.unwrap();
    publish(&server, "lobby", "for maggie").await;
    server.wait_for(|counts| counts.messages == 1).await;
    let asked = async {
        let slow = json!({"type": "ask", "what": "slow", "after": 60_000});
        conversation.request_with::<_, Answer>(&slow, requests()).await
    };
    let (asked, ()) = tokio::join!(asked, async {
        server.wait_for(|counts| counts.messages == 2).await;
        login(&session, "bob", "hunter2").await.unwrap();
    });
    assert_eq!(asked, Err(RequestFailure::UserChanged(Fate::MaybeArrived).into()));
    // What was not read is nobody's.
    assert_eq!(news.next().await, Some(Err(SubscriptionFailure::UserChanged.into())));
    assert_eq!(news.next().await, None);
    assert_eq!(conversation.cursors().await, Some(Vec::new()));
}

#[tokio::test]
async fn with_handover_a_subscription_goes_along_and_each_message_arrives_once() {
    let server = MockServer::start().await;
    let session = session(&server, "simpleJwt", "/api").await;
    let config = quick(&server, "/ws/rooms/", query());
    let config = ConnectionConfig { handover: true, min_uptime: Millis::from_millis(20), ..config };
    let conversation = Conversation::new(config, Some(&session), ConversationConfig::default()).unwrap();
    conversation.socket().connect();
    let mut news = conversation.subscribe::<News>(&join("lobby"), room("lobby")).unwrap();
    news.ready().await.unwrap();
    let mut published = 0;
    for connections in 2..5 {
        // More than any token has left, so it is renewed.
        session.access_token(std::time::Duration::from_secs(86_400)).await.unwrap();
        // Until the old one has been left.
        while conversation.socket().stats().connections < connections || server.counts().open > 1 {
            publish(&server, "lobby", &published.to_string()).await;
            published += 1;
        }
    }
    for number in 0..published {
        assert_eq!(text(&mut news).await, number.to_string());
    }
}

#[tokio::test]
async fn a_closed_conversation_ends_what_waits_and_takes_no_more_until_it_connects_again() {
    let server = MockServer::start().await;
    let conversation = open(&server, ConversationConfig { requests: requests(), ..ConversationConfig::default() });
    let mut news = conversation.subscribe::<News>(&join("lobby"), room("lobby")).unwrap();
    news.ready().await.unwrap();
    conversation.socket().close(1000, "").unwrap();
    assert_eq!(news.next().await, None);
    let closed = conversation.request::<_, Answer>(&ask("anything")).await.unwrap_err();
    assert!(closed.to_string().contains("the socket is closed"), "{closed}");
    let mut late = conversation.subscribe::<News>(&join("lobby"), room("lobby")).unwrap();
    assert_eq!(late.ready().await, Err(SubscriptionError::Ended));
    conversation.socket().connect();
    let mut again = conversation.subscribe::<News>(&join("lobby"), room("lobby")).unwrap();
    again.ready().await.unwrap();
    // It ends with its value, whoever holds a subscription.
    drop(conversation);
    assert_eq!(again.next().await, None);
    server.wait_for(|counts| counts.open == 0).await;
}

#[tokio::test]
async fn the_cursor_of_the_socket_stands_in_its_first_message_and_may_be_of_another_time() {
    let server = MockServer::start().await;
    let message = of(json!({"type": "join", "room": "lobby", "since": "$cursor"}));
    let ack = Some(of(json!({"type": "joined"})));
    let scheme = || Scheme::FirstMessage(FirstMessage { ack: ack.clone(), ..FirstMessage::new(message.clone()) });
    let config = || quick(&server, "/ws/rooms/", scheme());
    let options = |cursors| ConversationConfig {
        resume: Some(Resume::new("seq")),
        cursors: LastCursors::of(cursors),
        ..ConversationConfig::default()
    };
    let conversation = Conversation::new(config(), None, options(Vec::new())).unwrap();
    let mut heard = conversation.messages::<News>();
    conversation.socket().connect();
    conversation.socket().ready().await.unwrap();
    publish(&server, "lobby", "one").await;
    let next = async |heard: &mut gatepass::conversation::Messages<News>| loop {
        if let Heard::Message(news) = heard.next().await.unwrap() {
            break news.text;
        }
    };
    assert_eq!(next(&mut heard).await, "one");
    drop_sockets(&server).await;
    publish(&server, "lobby", "two").await;
    assert_eq!(next(&mut heard).await, "two");
    let cursors = conversation.cursors().await.unwrap();
    assert_eq!(
        cursors.iter().map(|(key, cursor)| (key.as_str(), cursor.as_number())).collect::<Vec<_>>(),
        [("", Some(2.0))]
    );
    drop(conversation);
    publish(&server, "lobby", "three").await;
    let another = Conversation::new(config(), None, options(cursors)).unwrap();
    let mut heard = another.messages::<News>();
    another.socket().connect();
    assert_eq!(next(&mut heard).await, "three");
}

#[tokio::test]
async fn an_option_that_cannot_work_is_told_at_once() {
    let server = MockServer::start().await;
    let conversation = open(&server, ConversationConfig::default());
    let with = |change: fn(&mut SubscribeOptions)| {
        let mut options = room("lobby");
        change(&mut options);
        conversation.subscribe::<News>(&join("lobby"), options).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(with(|options| options.key = Some(String::new())), Err("key: it is empty".to_owned()));
    let path = Err("id: a name is needed, or names with dots between".to_owned());
    assert_eq!(with(|options| options.id = Some("a..b".to_owned())), path);
    let hole = "match: this is no placeholder here; `$$` is a plain `$`: $id";
    assert_eq!(with(|options| options.matcher = of(json!({"id": "$id"})).into()), Err(hole.to_owned()));
    let cursor = conversation.subscribe::<News>(&join_since("lobby"), room("lobby")).unwrap_err();
    assert_eq!(cursor.to_string(), "resume: `$cursor` in the message needs it");
    let null = conversation.subscribe::<News>(&(), room("lobby")).unwrap_err();
    assert_eq!(null.to_string(), "message: it is needed");
    let options = RequestOptions { id: String::new(), ..requests() };
    let refused = conversation.request_with::<_, Answer>(&ask("it"), options).await.unwrap_err();
    assert!(refused.to_string().starts_with("INVALID_OPTION: id: "), "{refused}");
}

#[tokio::test]
async fn a_matcher_that_panics_matches_nothing_and_ends_nothing() {
    let server = MockServer::start().await;
    let conversation = open(&server, ConversationConfig { requests: requests(), ..ConversationConfig::default() });
    let matcher =
        Matcher::function(|message, _| message.text_at("text").is_some_and(|text| text.parse::<u8>().unwrap() > 0));
    let mut numbers =
        conversation.subscribe::<News>(&join("lobby"), SubscribeOptions { matcher, ..room("lobby") }).unwrap();
    numbers.ready().await.unwrap();
    for text in ["no number", "7"] {
        publish(&server, "lobby", text).await;
    }
    assert_eq!(text(&mut numbers).await, "7");
    let _: Answer = conversation.request(&ask("anything")).await.unwrap();
}

#[tokio::test]
async fn a_cursor_that_looks_like_a_placeholder_is_sent_as_it_is() {
    let server = MockServer::start().await;
    let message = of(json!({"since": "$cursor"}));
    let config = quick(&server, "/ws/rooms/", Scheme::FirstMessage(FirstMessage::new(message)));
    let options = ConversationConfig { resume: Some(Resume::new("seq")), ..ConversationConfig::default() };
    let conversation = Conversation::new(config, None, options).unwrap();
    let mut heard = conversation.messages::<serde_json::Value>();
    conversation.socket().connect();
    conversation.socket().ready().await.unwrap();
    let mut expected = Vec::new();
    for cursor in ["$token", "$$abc", "$cursor"] {
        server.control(Command::Push { text: json!({ "seq": cursor }).to_string() }).await;
        // The first message comes back, too.
        while !matches!(heard.next().await.unwrap(), Heard::Message(message) if message["seq"] == cursor) {}
        drop_sockets(&server).await;
        while !matches!(heard.next().await.unwrap(), Heard::Event(Event::Opened)) {}
        expected.push(json!({ "since": cursor }).to_string());
    }
    server.wait_for(|counts| counts.messages == 4).await;
    let received = server.received();
    let texts: Vec<_> = received.iter().filter_map(|recorded| recorded.as_message()).map(|(_, text)| text).collect();
    assert_eq!(texts[1..], expected);
}

#[test]
fn what_was_asked_when_the_runtime_ends_may_have_arrived() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let server = second.block_on(MockServer::start());
    let (_conversation, asked) = first.block_on(async {
        let conversation = open(&server, ConversationConfig { requests: requests(), ..ConversationConfig::default() });
        let asked = conversation.request::<_, Answer>(&json!({"type": "ask", "what": "slow", "after": 60_000}));
        server.wait_for(|counts| counts.messages == 1).await;
        (conversation, asked)
    });
    first.shutdown_background();
    let error = second.block_on(asked).unwrap_err();
    assert_eq!((error.code(), error.fate()), ("CLOSED", Some(Fate::MaybeArrived)));
}

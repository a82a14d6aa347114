//! Rooms, their logs, and answers to requests.

use gatepass_mock_server::{Command, MockServer, Settings};
use serde_json::{Value, json};

use crate::client::{Socket, dial, hear, say};

async fn tell(socket: &mut Socket, message: Value) {
    say(socket, &message.to_string()).await;
}

async fn told(socket: &mut Socket) -> Value {
    serde_json::from_str(&hear(socket).await).unwrap()
}

async fn rooms() -> (MockServer, Socket) {
    let server = MockServer::start().await;
    let socket = dial(&server, "/ws/rooms/", &[]).await.unwrap();
    (server, socket)
}

#[tokio::test]
async fn who_joins_a_room_hears_its_news_until_leaving_it() {
    let (server, mut socket) = rooms().await;
    let mut other = dial(&server, "/ws/rooms/", &[]).await.unwrap();
    tell(&mut socket, json!({"type": "join", "room": "a", "id": 7})).await;
    assert_eq!(told(&mut socket).await, json!({"type": "joined", "room": "a", "seq": 0, "id": 7}));
    tell(&mut other, json!({"type": "say", "room": "a", "text": "hello"})).await;
    let news = json!({"type": "news", "room": "a", "seq": 1, "text": "hello", "from": null, "id": 7});
    assert_eq!(told(&mut socket).await, news);
    tell(&mut socket, json!({"type": "leave", "room": "a"})).await;
    assert_eq!(told(&mut socket).await, json!({"type": "left", "room": "a"}));
    server.control(Command::Publish { room: "a".to_owned(), text: "unheard".into() }).await;
    tell(&mut socket, json!({"type": "join", "room": "secret"})).await;
    assert_eq!(told(&mut socket).await, json!({"type": "refused", "room": "secret"}));
    // Any JSON may be said, and an id is answered once all have heard it.
    tell(&mut other, json!({"type": "join", "room": "a"})).await;
    assert_eq!(told(&mut other).await, json!({"type": "joined", "room": "a", "seq": 2}));
    tell(&mut other, json!({"type": "say", "room": "a", "text": {"side": "buy"}, "id": 8})).await;
    let news = json!({"type": "news", "room": "a", "seq": 3, "text": {"side": "buy"}, "from": null});
    assert_eq!(told(&mut other).await, news);
    assert_eq!(told(&mut other).await, json!({"type": "said", "room": "a", "seq": 3, "id": 8}));
    // What is not for rooms comes back, as on every socket.
    tell(&mut socket, json!({"type": "join"})).await;
    assert_eq!(told(&mut socket).await, json!({"type": "join"}));
}

#[tokio::test]
async fn the_log_of_a_room_has_a_bound_and_says_when_it_does_not_reach() {
    let (server, mut socket) = rooms().await;
    server.control(Command::SetSettings { settings: Settings { log_length: 2, ..Settings::default() } }).await;
    for text in ["one", "two", "three"] {
        server.control(Command::Publish { room: "a".to_owned(), text: text.into() }).await;
    }
    let texts = async |socket: &mut Socket, since: u64, count: usize| {
        tell(socket, json!({"type": "join", "room": "a", "since": since})).await;
        let mut all = Vec::new();
        for _ in 0..count {
            let message = told(socket).await;
            all.push(message["text"].as_str().unwrap_or_else(|| message["type"].as_str().unwrap()).to_owned());
        }
        all
    };
    assert_eq!(texts(&mut socket, 2, 2).await, ["joined", "three"]);
    assert_eq!(texts(&mut socket, 1, 3).await, ["joined", "two", "three"]);
    assert_eq!(texts(&mut socket, 0, 4).await, ["joined", "gap", "two", "three"]);
    server.control(Command::ForgetLogs).await;
    assert_eq!(texts(&mut socket, 3, 1).await, ["joined"], "nothing was missed");
    assert_eq!(texts(&mut socket, 2, 2).await, ["joined", "gap"]);
    assert_eq!(
        texts(&mut socket, 9, 2).await,
        ["joined", "gap"],
        "the client knows more than the log, which has begun anew"
    );
}

#[tokio::test]
async fn requests_are_answered_late_twice_or_never() {
    let (server, mut socket) = rooms().await;
    tell(&mut socket, json!({"type": "ask", "id": 1, "what": "slow", "after": 50})).await;
    tell(&mut socket, json!({"type": "ask", "id": 2, "what": "fast"})).await;
    assert_eq!(told(&mut socket).await, json!({"type": "answer", "id": 2, "what": "fast"}));
    assert_eq!(told(&mut socket).await["what"], "slow");
    server.control(Command::LoseReplies { times: 1 }).await;
    server.control(Command::Repeat { times: 1 }).await;
    for (id, what) in [(3, "lost"), (4, "twice")] {
        tell(&mut socket, json!({"type": "ask", "id": id, "what": what})).await;
    }
    tell(&mut socket, json!({"type": "ask", "id": 5, "what": "no", "refuse": true})).await;
    for (kind, what) in [("answer", "twice"), ("answer", "twice"), ("no", "no")] {
        let message = told(&mut socket).await;
        assert_eq!((message["type"].as_str(), message["what"].as_str()), (Some(kind), Some(what)));
    }
    // Faults are seen, and forgotten.
    server.control(Command::LoseReplies { times: 2 }).await;
    let faults = async || {
        let url = format!("{}/faults", server.control_url());
        reqwest::get(url).await.unwrap().json::<Value>().await.unwrap()
    };
    assert_eq!(faults().await, json!({"loseReplies": 2}));
    server.control(Command::ClearFaults).await;
    assert_eq!(faults().await, json!({}));
}

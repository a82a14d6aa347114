//! Who is let in, by what, and what they can do then.

use gatepass_mock_server::{Command, Endpoint, MockServer, Options, Recorded, Settings};
use serde_json::json;

use crate::client::{dial, hang_up, hear, post, say, ticket_of, token_of};

#[tokio::test]
async fn the_ticket_protocol_lets_a_user_in() {
    let server = MockServer::start().await;
    let ticket = ticket_of(&server, &token_of(&server, "maggie", "secret").await).await;
    assert!(ticket.len() >= 43, "256 bits in base64url");

    let mut socket = dial(&server, &format!("/channel/?ticket={ticket}"), &[]).await.unwrap();
    say(&mut socket, "hello").await;
    assert_eq!(hear(&mut socket).await, "hello");
    say(&mut socket, r#"{"type":"whoami"}"#).await;
    assert_eq!(hear(&mut socket).await, r#"{"type":"whoami","user":"maggie"}"#);
    hang_up(&mut socket, 4000).await;
    assert_eq!(hear(&mut socket).await, "close 4000", "a close frame is answered (RFC 6455 §5.5.1)");
    server.wait_for(|counts| counts.open == 0).await;

    let received = server.received();
    let expected =
        Recorded::Handshake { path: "/channel/".into(), params: vec!["ticket".into()], origin: None, status: 101 };
    assert_eq!(received[2], expected);
    assert_eq!(received[3].as_message(), Some((Some("maggie"), "hello")));
    assert_eq!(received[5], Recorded::Closed { user: Some("maggie".into()), code: Some(4000) });
    assert!(!format!("{received:?} {:?}", server).contains(&ticket), "case_115: the recording holds no credential");
}

#[tokio::test]
async fn a_browser_cannot_send_a_get_with_a_body_but_others_can() {
    let server = MockServer::start().await;
    let request =
        reqwest::Client::new().get(format!("{}/auth", server.url())).body(r#"{"user":"bob","pwd":"hunter2"}"#);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn bad_credentials_are_refused_as_the_frameworks_do() {
    let server = MockServer::start().await;
    let rows = [
        ("/auth", json!({"user": "maggie", "pwd": "wrong"}), 401),
        ("/auth", json!({"user": "maggie"}), 400),
        ("/api/token/", json!({"username": "maggie", "password": "wrong"}), 401),
        ("/api/token/", json!({"username": "maggie"}), 400),
        ("/api/token/", json!([]), 400),
        ("/api/token/refresh/", json!({"refresh": "garbage"}), 401),
        ("/api/token/refresh/", json!({}), 400),
        ("/api-token-auth/", json!({"username": "maggie", "password": "wrong"}), 400),
        ("/ws_ticket", json!({}), 401),
    ];
    for (path, body, expected) in rows {
        assert_eq!(post(&server, path, body.clone(), &[]).await.0, expected, "{path} {body}");
    }
    for header in ["garbage", "Bearer", "Bearer ", "Bearer garbage", "bearer x", "Token x"] {
        assert_eq!(post(&server, "/ws_ticket", json!({}), &[("authorization", header)]).await.0, 401, "{header}");
    }
}

#[tokio::test]
async fn case_31_and_33_a_ticket_opens_one_socket_in_its_time() {
    let server = MockServer::start().await;
    let token = token_of(&server, "maggie", "secret").await;
    let path = format!("/channel/?ticket={}", ticket_of(&server, &token).await);
    assert!(dial(&server, &path, &[]).await.is_ok());
    assert_eq!(dial(&server, &path, &[]).await.unwrap_err(), 403);

    let settings = Settings { ticket_life_ms: 0, ..Settings::default() };
    server.control(Command::SetSettings { settings }).await;
    let expired = ticket_of(&server, &token).await;
    assert_eq!(dial(&server, &format!("/channel/?ticket={expired}"), &[]).await.unwrap_err(), 403);
    for path in ["/channel/", "/channel/?ticket=", "/channel/?ticket=garbage"] {
        assert_eq!(dial(&server, path, &[]).await.unwrap_err(), 403, "{path}");
    }
}

#[tokio::test]
async fn case_32_of_fifty_that_race_with_one_ticket_one_gets_in() {
    let server = MockServer::start().await;
    let path = format!("/channel/?ticket={}", ticket_of(&server, &token_of(&server, "maggie", "secret").await).await);
    let dials = (0..50).map(|_| dial(&server, &path, &[]));
    let results = futures_util::future::join_all(dials).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().filter_map(|result| result.as_ref().err()).all(|status| *status == 403));
}

#[tokio::test]
async fn case_40_a_ticket_with_odd_characters_arrives_as_it_was() {
    let server = MockServer::start().await;
    server.control(Command::SetTicketStore { is_down: false, suffix: "+/=&#% é".into() }).await;
    let ticket = ticket_of(&server, &token_of(&server, "maggie", "secret").await).await;
    assert!(ticket.ends_with("+/=&#% é"));
    let raw = format!("/channel/?ticket={}", ticket.replace(['#', ' ', 'é'], ""));
    assert_eq!(dial(&server, &raw, &[]).await.unwrap_err(), 403);
    let encoded: String = ticket.bytes().map(|byte| format!("%{byte:02X}")).collect();
    assert!(dial(&server, &format!("/channel/?ticket={encoded}"), &[]).await.is_ok());
}

#[tokio::test]
async fn case_38_a_ticket_that_a_page_asked_for_is_good_for_that_page() {
    let origins = vec!["http://localhost:4200".into(), "http://localhost:4300".into()];
    let server = MockServer::start_with(Options { origins, ..Options::default() }).await.unwrap();
    let token = token_of(&server, "maggie", "secret").await;
    let authorization = format!("Bearer {token}");
    let page = [("authorization", authorization.as_str()), ("origin", "http://localhost:4200")];
    for (origin, expected) in [("http://localhost:4300", Some(403)), ("http://localhost:4200", None)] {
        let (_, body) = post(&server, "/ws_ticket", json!({}), &page).await;
        let path = format!("/channel/?ticket={}", body["ticket"].as_str().unwrap());
        assert_eq!(dial(&server, &path, &[("origin", origin)]).await.err(), expected, "{origin}");
    }
}

#[tokio::test]
async fn case_39_logout_ends_outstanding_tickets() {
    let server = MockServer::start().await;
    let token = token_of(&server, "maggie", "secret").await;
    let ticket = ticket_of(&server, &token).await;
    assert_eq!(post(&server, "/logout", json!({}), &[("authorization", &format!("Bearer {token}"))]).await.0, 204);
    assert_eq!(dial(&server, &format!("/channel/?ticket={ticket}"), &[]).await.unwrap_err(), 403);
}

#[tokio::test]
async fn case_42_a_ticket_store_that_is_down_fails_closed() {
    let server = MockServer::start().await;
    let token = token_of(&server, "maggie", "secret").await;
    let ticket = ticket_of(&server, &token).await;
    server.control(Command::SetTicketStore { is_down: true, suffix: String::new() }).await;
    assert_eq!(post(&server, "/ws_ticket", json!({}), &[("authorization", &format!("Bearer {token}"))]).await.0, 503);
    assert_eq!(dial(&server, &format!("/channel/?ticket={ticket}"), &[]).await.unwrap_err(), 403);
}

#[tokio::test]
async fn a_jwt_in_the_query_lets_its_user_in_and_a_refresh_token_does_not() {
    let server = MockServer::start().await;
    let (_, body) = post(&server, "/api/token/", json!({"username": "bob", "password": "hunter2"}), &[]).await;
    let (access, refresh) = (body["access"].as_str().unwrap(), body["refresh"].as_str().unwrap());
    assert!(dial(&server, &format!("/ws/jwt/?token={access}"), &[]).await.is_ok());
    for bad in [refresh, "garbage", ""] {
        assert_eq!(dial(&server, &format!("/ws/jwt/?token={bad}"), &[]).await.unwrap_err(), 403);
    }
    assert_eq!(dial(&server, "/ws/jwt/", &[]).await.unwrap_err(), 403);

    let (status, renewed) = post(&server, "/api/token/refresh/", json!({"refresh": refresh}), &[]).await;
    assert_eq!((status, renewed["refresh"].as_str()), (200, None));
    server.control(Command::ExpireTokens).await;
    assert_eq!(dial(&server, &format!("/ws/jwt/?token={access}"), &[]).await.unwrap_err(), 403);
}

#[tokio::test]
async fn a_rotated_refresh_token_is_good_once() {
    let settings = Settings { rotate_refresh_tokens: true, ..Settings::default() };
    let options = Options { settings, allow_absent_origin: true, ..Options::default() };
    let server = MockServer::start_with(options).await.unwrap();
    let (_, body) = post(&server, "/api/token/", json!({"username": "bob", "password": "hunter2"}), &[]).await;
    let (status, renewed) = post(&server, "/api/token/refresh/", json!({"refresh": body["refresh"]}), &[]).await;
    assert_eq!(status, 200);
    assert!(renewed["refresh"].is_string());
    let (status, refusal) = post(&server, "/api/token/refresh/", json!({"refresh": body["refresh"]}), &[]).await;
    assert_eq!((status, refusal["code"].as_str()), (401, Some("token_not_valid")));
}

#[tokio::test]
async fn first_messages_are_judged_as_each_path_says() {
    let server = MockServer::start().await;
    let (_, body) = post(&server, "/api-token-auth/", json!({"username": "maggie", "password": "secret"}), &[]).await;
    let token = body["token"].as_str().unwrap();
    assert_eq!(token.len(), 40);
    let good = json!({"token": token}).to_string();
    for (path, good, answers) in [
        ("/ws/first/", good.clone(), vec![]),
        ("/ws/4401/", good.clone(), vec![]),
        ("/ws/ack/", good, vec![r#"{"type":"auth_ok"}"#]),
        (
            "/ws/hello/",
            json!({"type": "auth", "access_token": token}).to_string(),
            vec![r#"{"type":"auth_required"}"#, r#"{"type":"auth_ok"}"#],
        ),
    ] {
        let mut socket = dial(&server, path, &[]).await.unwrap();
        say(&mut socket, &good).await;
        for answer in answers {
            assert_eq!(hear(&mut socket).await, answer, "{path}");
        }
        say(&mut socket, r#"{"type":"whoami"}"#).await;
        assert_eq!(hear(&mut socket).await, r#"{"type":"whoami","user":"maggie"}"#, "{path}");
    }
    for (path, answers) in [
        ("/ws/first/", vec!["close 1000"]),
        ("/ws/4401/", vec!["close 4401"]),
        ("/ws/ack/", vec![r#"{"message":"Invalid access token","type":"auth_invalid"}"#, "close 1005"]),
    ] {
        for bad in [r#"{"token":"garbage"}"#, "no JSON", "{}", r#"{"token":null}"#, "[]"] {
            let mut socket = dial(&server, path, &[]).await.unwrap();
            say(&mut socket, bad).await;
            for answer in &answers {
                assert_eq!(hear(&mut socket).await, *answer, "{path} {bad}");
            }
        }
    }
}

#[tokio::test]
async fn an_inactive_user_is_not_let_in() {
    let server = MockServer::start().await;
    let token = token_of(&server, "maggie", "secret").await;
    server.control(Command::SetUserActive { user: "maggie".into(), active: false }).await;
    let mut socket = dial(&server, "/ws/first/", &[]).await.unwrap();
    say(&mut socket, &json!({"token": token}).to_string()).await;
    assert_eq!(hear(&mut socket).await, "close 1000");
    assert_eq!(dial(&server, &format!("/ws/jwt/?token={token}"), &[]).await.unwrap_err(), 403);
}

#[tokio::test]
async fn case_84_a_socket_without_authentication_hears_no_broadcast_and_is_closed_in_time() {
    let settings = Settings { first_message_ms: 50, ..Settings::default() };
    let options = Options { settings, allow_absent_origin: true, ..Options::default() };
    let server = MockServer::start_with(options).await.unwrap();
    let mut silent = dial(&server, "/ws/first/", &[]).await.unwrap();
    server.control(Command::Push { text: "for members".into() }).await;
    assert_eq!(hear(&mut silent).await, "close 4408");
}

#[tokio::test]
async fn a_broadcast_reaches_the_group_and_nobody_else() {
    let server = MockServer::start().await;
    let mut sockets = Vec::new();
    for (user, password) in [("maggie", "secret"), ("bob", "hunter2")] {
        let ticket = ticket_of(&server, &token_of(&server, user, password).await).await;
        sockets.push(dial(&server, &format!("/channel/?ticket={ticket}"), &[]).await.unwrap());
    }
    let mut stranger = dial(&server, "/ws/anonymous/", &[]).await.unwrap();
    server.wait_for(|counts| counts.open == 3).await;
    say(&mut sockets[0], r#"{"type":"broadcast","text":"hi"}"#).await;
    for socket in &mut sockets {
        assert_eq!(hear(socket).await, r#"{"from":"maggie","text":"hi","type":"broadcast"}"#);
    }
    say(&mut stranger, "anything").await;
    assert_eq!(hear(&mut stranger).await, "anything");
}

#[tokio::test]
async fn case_60_a_foreign_or_missing_origin_is_refused_before_accept() {
    let server = MockServer::start_with(Options::default()).await.unwrap();
    let own = server.url();
    for (origin, expected) in [
        (Some(own.as_str()), None),
        (Some("http://evil.example"), Some(403)),
        (Some("null"), Some(403)),
        (Some(own.replace("http:", "https:").as_str()), Some(403)),
        (None, Some(403)),
    ] {
        let headers: Vec<_> = origin.iter().map(|origin| ("origin", *origin)).collect();
        assert_eq!(dial(&server, "/ws/anonymous/", &headers).await.err(), expected, "{origin:?}");
    }
}

#[tokio::test]
async fn case_61_a_foreign_host_is_refused() {
    let server = MockServer::start().await;
    assert_eq!(dial(&server, "/ws/anonymous/", &[("host", "evil.example")]).await.unwrap_err(), 403);
    for url in [format!("{}/auth", server.url()), format!("{}/counts", server.control_url())] {
        let response = reqwest::Client::new().get(url).header("host", "evil.example:80").send().await.unwrap();
        assert_eq!(response.status(), 403);
    }
}

#[tokio::test]
async fn case_121_the_server_listens_on_loopback_on_a_free_port_and_nowhere_else_unasked() {
    let [one, two] = [MockServer::start().await, MockServer::start().await];
    assert_ne!(one.url(), two.url());
    assert!(one.url().starts_with("http://127.0.0.1:") && one.control_url().starts_with("http://127.0.0.1:"));
    let options = Options { host: [0, 0, 0, 0].into(), ..Options::default() };
    assert!(MockServer::start_with(options).await.unwrap_err().contains("--allow-non-loopback"));

    let page = |origin: &'static str| {
        let url = format!("{}/auth", one.url());
        async move { reqwest::Client::new().post(url).header("origin", origin).send().await.unwrap() }
    };
    let foreign = page("http://evil.example").await;
    assert_eq!(foreign.headers().get("access-control-allow-origin"), None);
    let own =
        reqwest::Client::new().post(format!("{}/auth", one.url())).header("origin", one.url()).send().await.unwrap();
    assert_eq!(own.headers()["access-control-allow-origin"], one.url().as_str());
    // Cookies go to a page of a known origin, never to any.
    assert_eq!(own.headers()["access-control-allow-credentials"], "true");
}

#[tokio::test]
async fn canned_answers_come_first_and_then_the_proper_one() {
    let server = MockServer::start().await;
    let command = Command::Answer {
        endpoint: Endpoint::Login,
        status: 429,
        times: 1,
        retry_after: Some("7".into()),
        body: Some("slow down".into()),
    };
    server.control(command).await;
    let ask = || {
        reqwest::Client::new().post(format!("{}/auth", server.url())).body(r#"{"user":"bob","pwd":"hunter2"}"#).send()
    };
    let first = ask().await.unwrap();
    assert_eq!((first.status().as_u16(), first.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    assert_eq!(ask().await.unwrap().status(), 200);
}

#[tokio::test]
async fn case_112_a_message_beyond_the_servers_limit_is_answered_with_1009() {
    let server = MockServer::start().await;
    for limit in [1 << 20, 16 << 20] {
        let settings = Settings { max_message_bytes: limit, ..Settings::default() };
        server.control(Command::SetSettings { settings }).await;
        let mut socket = dial(&server, "/ws/anonymous/", &[]).await.unwrap();
        let longest = "x".repeat(limit);
        say(&mut socket, &longest).await;
        assert_eq!(hear(&mut socket).await.len(), limit);
        say(&mut socket, &format!("{longest}y")).await;
        assert_eq!(hear(&mut socket).await, "close 1009");
    }
}

//! The authentication schemes beside tickets and first messages: groups, cookies, session keys, headers, and the one that is none.

use gatepass_mock_server::{Command, MockServer, Options, Settings};
use serde_json::{Value, json};

use crate::client::{dial, dial_offering, hear, post, say};

const WHOAMI: &str = r#"{"type":"whoami"}"#;

async fn opaque(server: &MockServer, user: &str, password: &str) -> String {
    let (status, body) = post(server, "/api-token-auth/", json!({"username": user, "password": password}), &[]).await;
    assert_eq!(status, 200);
    body["token"].as_str().unwrap().to_owned()
}

async fn user_at(server: &MockServer, path: &str, headers: &[(&'static str, &str)]) -> Result<Value, u16> {
    let mut socket = dial(server, path, headers).await?;
    say(&mut socket, WHOAMI).await;
    let answer: Value = serde_json::from_str(&hear(&mut socket).await).unwrap();
    Ok(answer["user"].clone())
}

#[tokio::test]
async fn s2_a_group_lets_its_members_in_and_broadcasts_to_them() {
    let server = MockServer::start().await;
    let [maggie, bob] = [opaque(&server, "maggie", "secret").await, opaque(&server, "bob", "hunter2").await];
    let enter = |group: &'static str, token: &str| {
        let (server, path) = (&server, format!("/ws/app_{group}/?token={token}"));
        async move { dial(server, &path, &[]).await }
    };
    assert_eq!(enter("1234", &bob).await.err(), Some(403), "not his group");
    assert_eq!(enter("nowhere", &maggie).await.err(), Some(403));
    assert_eq!(enter("1", "garbage").await.err(), Some(403));
    let mut both = [enter("1", &maggie).await.unwrap(), enter("1", &bob).await.unwrap()];
    let mut elsewhere = enter("1234", &maggie).await.unwrap();
    say(&mut both[1], r#"{"type":"broadcast","text":"hi"}"#).await;
    for socket in &mut both {
        assert_eq!(
            hear(socket).await,
            r#"{"from":"bob","text":"hi","type":"broadcast"}"#,
            "the user is kept for later"
        );
    }
    say(&mut elsewhere, WHOAMI).await;
    assert_eq!(hear(&mut elsewhere).await, r#"{"type":"whoami","user":"maggie"}"#, "the other group heard nothing");
}

#[tokio::test]
async fn s3_the_cookie_of_the_login_lets_its_user_in() {
    let server = MockServer::start().await;
    let login = reqwest::Client::new()
        .post(format!("{}/drf-jwt/api-token-auth/", server.url()))
        .json(&json!({"username": "maggie", "password": "secret"}))
        .send()
        .await
        .unwrap();
    assert_eq!(login.status(), 201);
    let cookie = login.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{part}");
    }
    let pair = format!("a=1; {}; b=2", cookie.split(';').next().unwrap());
    assert_eq!(user_at(&server, "/ws/cookie/", &[("cookie", &pair)]).await, Ok(json!("maggie")));
    for bad in ["JWT=garbage", "a=1", ""] {
        assert_eq!(user_at(&server, "/ws/cookie/", &[("cookie", bad)]).await, Err(403), "{bad}");
        let anonymous = user_at(&server, "/ws/cookie-or-anonymous/", &[("cookie", bad)]).await;
        assert_eq!(anonymous, Ok(Value::Null), "{bad}");
    }
    let token = login.json::<Value>().await.unwrap()["token"].clone();
    let (status, body) = post(&server, "/drf-jwt/api-token-refresh/", json!({"token": token}), &[]).await;
    assert_eq!((status, body["token"].is_string()), (201, true));
    server.control(Command::ExpireTokens).await;
    assert_eq!(user_at(&server, "/ws/cookie/", &[("cookie", &pair)]).await, Err(403));
    let (status, body) = post(&server, "/drf-jwt/api-token-refresh/", json!({"token": token}), &[]).await;
    assert_eq!((status, &body["non_field_errors"][0]), (400, &json!("Token has expired.")));
}

#[tokio::test]
async fn s6_a_session_key_opens_sockets_for_its_two_minutes() {
    let settings = Settings { session_key_life_ms: 0, ..Settings::default() };
    let short = MockServer::start_with(Options { allow_absent_origin: true, settings, ..Options::default() });
    for (server, expected) in [(MockServer::start().await, Ok(json!("maggie"))), (short.await.unwrap(), Err(403))] {
        let authorization = format!("Token {}", opaque(&server, "maggie", "secret").await);
        let (_, body) = post(&server, "/ws_session_key", json!({}), &[("authorization", &authorization)]).await;
        let path = format!("/ws/session/?session_key={}", body["session_key"].as_str().unwrap());
        for _ in 0..2 {
            assert_eq!(user_at(&server, &path, &[]).await, expected);
        }
        assert_eq!(user_at(&server, "/ws/session/?session_key=garbage", &[]).await, Err(403));
        assert_eq!(post(&server, "/ws_session_key", json!({}), &[]).await.0, 401);
    }
}

#[tokio::test]
async fn s7_the_header_of_a_native_client_names_its_user_and_an_unknown_one_nobody() {
    let server = MockServer::start().await;
    let token = opaque(&server, "maggie", "secret").await;
    let rows = [
        (format!("Token {token}"), json!("maggie")),
        (format!("token {token}"), json!("maggie")),
        (format!("Bearer {token}"), Value::Null),
        (token, Value::Null),
        ("Token garbage".to_owned(), Value::Null),
    ];
    for (header, user) in rows {
        assert_eq!(user_at(&server, "/ws/header/", &[("authorization", &header)]).await, Ok(user), "{header}");
    }
}

#[tokio::test]
async fn s8_a_user_id_that_was_never_proven_gets_no_one_in() {
    let server = MockServer::start().await;
    for query in ["?1", "?maggie", "?user_id=1", ""] {
        assert_eq!(user_at(&server, &format!("/ws/user-id/{query}"), &[]).await, Err(403), "{query}");
    }
}

#[tokio::test]
async fn case_45_a_ticket_among_the_subprotocols_is_taken_and_never_echoed() {
    let server = MockServer::start().await;
    let authorization = format!("Token {}", opaque(&server, "maggie", "secret").await);
    let (_, body) = post(&server, "/ws_ticket", json!({}), &[("authorization", &authorization)]).await;
    let offered = ["circle-match.v1".to_owned(), format!("ticket.{}", body["ticket"].as_str().unwrap())];
    let (mut socket, chosen) = dial_offering(&server, "/ws/ticket-protocol/", &offered).await.unwrap();
    assert_eq!(chosen, "circle-match.v1");
    say(&mut socket, WHOAMI).await;
    assert_eq!(hear(&mut socket).await, r#"{"type":"whoami","user":"maggie"}"#);
    assert_eq!(dial_offering(&server, "/ws/ticket-protocol/", &offered).await.err(), Some(401), "used up");
}

#[tokio::test]
async fn case_27_each_prefix_is_taken_where_its_backend_takes_it() {
    let server = MockServer::start().await;
    let opaque = opaque(&server, "maggie", "secret").await;
    let (_, body) = post(&server, "/api/token/", json!({"username": "maggie", "password": "secret"}), &[]).await;
    let jwt = body["access"].as_str().unwrap();
    let rows = [
        (format!("Bearer {jwt}"), 200),
        (format!("bearer {jwt}"), 401),
        (format!("JWT {jwt}"), 200),
        (format!("Token {jwt}"), 401),
        (format!("Token {opaque}"), 200),
        (format!("JWT {opaque}"), 401),
        ("Token".to_owned(), 401),
        (String::new(), 401),
    ];
    for (header, status) in rows {
        let request =
            reqwest::Client::new().get(format!("{}/protected", server.url())).header("authorization", &header);
        let found = request.send().await.unwrap().status().as_u16();
        assert_eq!(found, status, "{}", header.split(' ').next().unwrap());
    }
    assert_eq!(server.counts().probes, 8);
}

#[tokio::test]
async fn case_25_djoser_ends_a_token_at_logout_once() {
    let server = MockServer::start().await;
    let credentials = json!({"username": "maggie", "password": "secret"});
    let (_, body) = post(&server, "/auth/token/login/", credentials.clone(), &[]).await;
    let header = format!("Token {}", body["auth_token"].as_str().unwrap());
    for status in [204, 401] {
        assert_eq!(post(&server, "/auth/token/logout/", json!({}), &[("authorization", &header)]).await.0, status);
    }
    let (status, body) = post(&server, "/auth/token/login/", json!({"username": "maggie"}), &[]).await;
    assert_eq!((status, body["non_field_errors"].is_array()), (400, true));
    let (_, pair) = post(&server, "/auth/jwt/create/", credentials, &[]).await;
    let (status, body) = post(&server, "/auth/jwt/refresh/", json!({"refresh": pair["refresh"]}), &[]).await;
    assert_eq!((status, body["access"].is_string()), (200, true));
}

#[tokio::test]
async fn case_23_oauth_2_takes_forms_only() {
    let server = MockServer::start().await;
    server
        .control(Command::SetSettings { settings: Settings { rotate_refresh_tokens: true, ..Settings::default() } })
        .await;
    let (_, pair) = post(&server, "/api/token/", json!({"username": "maggie", "password": "secret"}), &[]).await;
    let refresh = pair["refresh"].as_str().unwrap().to_owned();
    let (status, body) =
        post(&server, "/o/token/", json!({"grant_type": "refresh_token", "refresh_token": refresh}), &[]).await;
    assert_eq!((status, body), (400, json!({"error": "unsupported_grant_type"})));
    let ask = || {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        let request = reqwest::Client::new().post(format!("{}/o/token/", server.url())).form(&form).send();
        async move { request.await.unwrap().json::<Value>().await.unwrap() }
    };
    let answer = ask().await;
    assert!(answer["access_token"].is_string() && answer["refresh_token"].is_string());
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(300)));
    assert_eq!(ask().await, json!({"error": "invalid_grant"}), "rotated: good once");
}

#[tokio::test]
async fn a_login_of_two_steps_gives_tokens_for_the_code_once() {
    let server = MockServer::start().await;
    let first = post(&server, "/mfa/login/", json!({"username": "maggie", "password": "secret"}), &[]).await;
    assert_eq!(first.0, 202);
    let step = |code: &str| json!({"ephemeral_token": first.1["ephemeral_token"], "code": code});
    assert_eq!(post(&server, "/mfa/login/code/", step("000000"), &[]).await.0, 401);
    assert_eq!(post(&server, "/mfa/login/code/", step("123456"), &[]).await.0, 401, "it was used up");
    let again = post(&server, "/mfa/login/", json!({"username": "maggie", "password": "secret"}), &[]).await;
    let step = json!({"ephemeral_token": again.1["ephemeral_token"], "code": "123456"});
    let (status, tokens) = post(&server, "/mfa/login/code/", step, &[]).await;
    assert!(status == 200 && tokens["access"].is_string() && tokens["refresh"].is_string());
    assert_eq!(post(&server, "/mfa/login/", json!({"username": "maggie", "password": "wrong"}), &[]).await.0, 401);
}

#[tokio::test]
async fn a_session_that_is_a_cookie_has_no_token_in_any_answer() {
    let server = MockServer::start().await;
    let client = reqwest::Client::new();
    let at = |path: &str| format!("{}{path}", server.url());
    let wrong = json!({"username": "maggie", "password": "wrong"});
    assert_eq!(post(&server, "/session/login/", wrong, &[]).await.0, 401);
    let credentials = json!({"username": "maggie", "password": "secret"});
    let login = client.post(at("/session/login/")).json(&credentials).send().await.unwrap();
    let cookie = login.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!((login.status().as_u16(), login.text().await.unwrap().as_str()), (204, ""));
    let me = |cookie: &str| client.get(at("/session/me/")).header("cookie", cookie).send();
    assert_eq!(me(&cookie).await.unwrap().text().await.unwrap(), r#"{"user":"maggie"}"#);
    assert_eq!(me("JWT=made-up").await.unwrap().status().as_u16(), 401);
    assert_eq!(post(&server, "/session/ws_ticket", json!({}), &[]).await.0, 401);
    let (_, ticket) = post(&server, "/session/ws_ticket", json!({}), &[("cookie", &cookie)]).await;
    let path = format!("/channel/?ticket={}", ticket["ticket"].as_str().unwrap());
    assert_eq!(user_at(&server, &path, &[]).await, Ok("maggie".into()));
    let logout = client.post(at("/session/logout/")).send().await.unwrap();
    assert!(logout.headers()["set-cookie"].to_str().unwrap().starts_with("JWT=;"));
}

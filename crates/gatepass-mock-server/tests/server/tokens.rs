//! What becomes of tokens: lost answers, wrong clocks, revocation, and sockets that end with them.

use std::time::{Duration, SystemTime};

use gatepass_mock_server::{Command, Endpoint, MockServer, Options, Settings, USERS};
use serde_json::{Value, json};

use crate::client::{dial, hear, post, say, ticket_of, token_of};

async fn server(settings: Settings) -> MockServer {
    MockServer::start_with(Options { settings, allow_absent_origin: true, ..Options::default() }).await.unwrap()
}

async fn signed_in(server: &MockServer) -> Value {
    let (status, body) = post(server, "/api/token/", json!({"username": "maggie", "password": "secret"}), &[]).await;
    assert_eq!(status, 200);
    body
}

#[tokio::test]
async fn a_lost_answer_has_used_up_the_refresh_token_and_each_use_is_counted() {
    let server = server(Settings { rotate_refresh_tokens: true, ..Settings::default() }).await;
    let tokens = signed_in(&server).await;
    server.control(Command::LoseAnswers { endpoint: Endpoint::Refresh, times: 1 }).await;
    let lost = post(&server, "/api/token/refresh/", json!({"refresh": tokens["refresh"]}), &[]);
    tokio::select! {
        _ = lost => panic!("an answer came"),
        () = server.wait_for(|counts| counts.refreshes == 1) => {}
    }
    let (status, refusal) = post(&server, "/api/token/refresh/", json!({"refresh": tokens["refresh"]}), &[]).await;
    assert_eq!((status, refusal["code"].as_str()), (401, Some("token_not_valid")));
    let counts = server.counts();
    assert_eq!((counts.refreshes, counts.reused_refresh_tokens), (1, 1));
    assert_eq!((counts.calls[&Endpoint::Refresh], counts.calls[&Endpoint::Login]), (2, 1));
}

#[tokio::test]
async fn case_21_a_server_whose_clock_is_wrong_is_at_one_with_itself() {
    for skew in [7_200_000, -7_200_000] {
        let server = server(Settings { clock_skew_ms: skew, ..Settings::default() }).await;
        let tokens = signed_in(&server).await;
        let access = tokens["access"].as_str().unwrap();
        let response = reqwest::Client::new()
            .get(format!("{}/protected", server.url()))
            .header("authorization", format!("Bearer {access}"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{skew}");
        let date = httpdate::parse_http_date(response.headers()["date"].to_str().unwrap()).unwrap();
        let now = SystemTime::now();
        let ahead = if skew > 0 { date.duration_since(now) } else { now.duration_since(date) };
        let hours = ahead.unwrap() + Duration::from_secs(60);
        assert_eq!(hours.as_secs() / 3600, 2, "{skew}");
    }
}

#[tokio::test]
async fn case_89_a_revoked_users_sockets_are_closed_and_their_tokens_good_no_more() {
    let server = server(Settings::default()).await;
    let tokens = signed_in(&server).await;
    let access = tokens["access"].as_str().unwrap();
    let mut socket = dial(&server, &format!("/ws/jwt/?token={access}"), &[]).await.unwrap();
    server.wait_for(|counts| counts.open == 1).await;
    server.control(Command::Revoke { user: "maggie".into() }).await;
    assert_eq!(hear(&mut socket).await, "close 4401");
    assert_eq!(dial(&server, &format!("/ws/jwt/?token={access}"), &[]).await.unwrap_err(), 403);
    let (status, _) = post(&server, "/api/token/refresh/", json!({"refresh": tokens["refresh"]}), &[]).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn what_was_issued_to_a_revoked_user_opens_no_socket() {
    let server = server(Settings::default()).await;
    let mut paths = Vec::new();
    for (user, password) in USERS {
        let token = token_of(&server, user, password).await;
        let authorization = format!("Bearer {token}");
        let (_, key) = post(&server, "/ws_session_key", json!({}), &[("authorization", &authorization)]).await;
        paths.push(format!("/channel/?ticket={}", ticket_of(&server, &token).await));
        paths.push(format!("/ws/session/?session_key={}", key["session_key"].as_str().unwrap()));
    }
    server.control(Command::Revoke { user: "maggie".into() }).await;
    let mut statuses = Vec::new();
    for path in paths {
        statuses.push(dial(&server, &path, &[]).await.err());
    }
    assert_eq!(statuses, [Some(403), Some(403), None, None]);
}

#[tokio::test]
async fn a_socket_can_end_with_its_token() {
    let server = server(Settings { close_at_expiry: true, access_life_ms: 1_000, ..Settings::default() }).await;
    let access = signed_in(&server).await["access"].as_str().unwrap().to_owned();
    let mut socket = dial(&server, "/ws/first/", &[]).await.unwrap();
    say(&mut socket, &json!({"token": access}).to_string()).await;
    assert_eq!(hear(&mut socket).await, "close 4401");
}

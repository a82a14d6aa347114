//! Every authentication scheme, row by row (S1 to S9, X1 to X9), by the native driver.

use gatepass::proto::connection::{Probe, WhenSignedOut};
use gatepass::proto::scheme::{Cookie, Query, Ticket, Welcome};

use super::*;

const REFUSED: &[(&str, &str)] = &[("AUTH_REJECTED", "refreshToken"), ("AUTH_REJECTED", "signIn")];
const UNAUTHORIZED: &[(&str, &str)] =
    &[("HANDSHAKE_UNAUTHORIZED", "refreshToken"), ("HANDSHAKE_UNAUTHORIZED", "signIn")];

fn preset(server: &MockServer, name: &str, path: &str) -> ConnectionConfig {
    let config = preset::connection(name, &format!("{}{path}", server.url()), &server.url()).unwrap();
    probed(server, with_quick_retries(config))
}

fn probed(server: &MockServer, config: ConnectionConfig) -> ConnectionConfig {
    ConnectionConfig { probe: Some(Probe::new(url(server, "/protected", UrlKind::Http))), ..config }
}

async fn lets_maggie_in(config: ConnectionConfig, session: &Session) {
    let mut socket = connected(config, Some(session)).await;
    socket.send(text(WHOAMI)).await.unwrap();
    assert_eq!(socket.next().await, Some(text(MAGGIE)));
}

async fn refuses(server: &MockServer, config: ConnectionConfig, wanted: &[(&str, &str)]) {
    let session = session_with_token("garbage").await;
    let mut socket = AuthSocket::new(config, Some(&session)).unwrap();
    socket.connect();
    assert_eq!(failures(&mut socket, wanted.len()).await, wanted);
    server.wait_for(|counts| counts.open == 0).await;
}

#[tokio::test]
async fn s1_a_jwt_in_the_query() {
    let server = MockServer::start().await;
    let session = session(&server, "simpleJwt", "/api").await;
    let config = || probed(&server, quick(&server, "/ws/jwt/", query()));
    lets_maggie_in(config(), &session).await;
    refuses(&server, config(), UNAUTHORIZED).await;
}

#[tokio::test]
async fn s2_a_group_in_the_path_and_a_drf_token_in_the_query() {
    let server = MockServer::start().await;
    let session = session(&server, "drfToken", "").await;
    let config = || probed(&server, quick(&server, "/ws/app_1234/", query()));
    lets_maggie_in(config(), &session).await;
    refuses(&server, config(), UNAUTHORIZED).await;
}

#[tokio::test]
async fn s3_a_cookie_that_the_login_has_set() {
    let server = MockServer::start().await;
    let session = session(&server, "drfJwt", "/drf-jwt").await;
    lets_maggie_in(quick(&server, "/ws/cookie/", Scheme::Cookie(Cookie::default())), &session).await;
    refuses(&server, probed(&server, quick(&server, "/ws/cookie/", Scheme::Cookie(Cookie::default()))), UNAUTHORIZED)
        .await;
}

#[tokio::test]
async fn s4_the_ticket_protocol() {
    let server = MockServer::start().await;
    let session = session(&server, "ticketServer", "").await;
    lets_maggie_in(preset(&server, "ticketServerSocket", "/channel/"), &session).await;
    let wanted = [("TICKET_UNAUTHORIZED", "refreshToken"), ("TICKET_UNAUTHORIZED", "signIn")];
    refuses(&server, preset(&server, "ticketServerSocket", "/channel/"), &wanted).await;
}

#[tokio::test]
async fn s5_a_first_message_without_an_answer() {
    let server = MockServer::start().await;
    let session = session(&server, "drfToken", "").await;
    lets_maggie_in(preset(&server, "channelsFirstMessage", "/ws/first/"), &session).await;
    refuses(&server, preset(&server, "channelsFirstMessage", "/ws/4401/"), REFUSED).await;
}

#[tokio::test]
async fn s6_a_session_key_of_two_minutes() {
    let server = MockServer::start().await;
    let session = session(&server, "drfToken", "").await;
    let key = "session_key".to_owned();
    let ticket =
        Ticket { param: key.clone(), field: key, ..Ticket::new(url(&server, "/ws_session_key", UrlKind::Http)) };
    lets_maggie_in(quick(&server, "/ws/session/", Scheme::Ticket(ticket)), &session).await;
}

#[tokio::test]
async fn s7_the_authorization_header_of_a_native_client() {
    let server = MockServer::start().await;
    let session = session(&server, "drfToken", "").await;
    lets_maggie_in(quick(&server, "/ws/header/", Scheme::Header), &session).await;
    // The middleware accepts an unknown token as an anonymous user.
    let unknown = session_with_token("garbage").await;
    let mut socket = connected(quick(&server, "/ws/header/", Scheme::Header), Some(&unknown)).await;
    socket.send(text(WHOAMI)).await.unwrap();
    assert_eq!(socket.next().await, Some(text(r#"{"type":"whoami","user":null}"#)));
}

#[tokio::test]
async fn s8_a_user_id_in_the_query_gets_no_one_in() {
    let server = MockServer::start().await;
    let mut socket = AuthSocket::new(quick(&server, "/ws/user-id/?1", Scheme::Anonymous), None).unwrap();
    socket.connect();
    assert_eq!(failures(&mut socket, 1).await, [("HANDSHAKE_FORBIDDEN", "giveUp")]);
    assert_eq!(server.counts().accepted, 0);
}

#[tokio::test]
async fn s9_a_session_that_is_a_cookie_has_tickets_and_no_token() {
    let server = MockServer::start().await;
    let endpoint = |path: &str| TokenEndpoint::new(url(&server, path, UrlKind::Http));
    let config = SessionConfig {
        login: Some(endpoint("/session/login/")),
        fields: TokenFields { access: None, ..TokenFields::default() },
        credentials: Credentials::Include,
        ..SessionConfig::new()
    };
    let without_cookies = SessionConfig { credentials: Credentials::Omit, ..config.clone() };
    assert_eq!(Session::new(without_cookies).map(|_| ()).map_err(|error| error.code()), Err("INVALID_OPTION"));
    let session = Session::new(config).unwrap();
    assert_eq!(login(&session, "maggie", "wrong").await, Err("INVALID_CREDENTIALS"));
    login(&session, "maggie", "secret").await.unwrap();
    let ticket = Ticket::new(url(&server, "/session/ws_ticket", UrlKind::Http));
    let config = ConnectionConfig {
        credentials: Some(Credentials::Include),
        ..quick(&server, "/channel/", Scheme::Ticket(ticket))
    };
    let mut socket = connected(config, Some(&session)).await;
    socket.send(text(WHOAMI)).await.unwrap();
    assert_eq!(socket.next().await, Some(text(MAGGIE)));
}

async fn first_message(name: &str, path: &str) {
    let server = MockServer::start().await;
    let session = session(&server, "simpleJwt", "/api").await;
    lets_maggie_in(preset(&server, name, path), &session).await;
    refuses(&server, preset(&server, name, path), REFUSED).await;
}

async fn in_the_handshake(name: &str, path: &str, session_name: &str, base: &str) {
    let server = MockServer::start().await;
    let session = session(&server, session_name, base).await;
    lets_maggie_in(preset(&server, name, path), &session).await;
    refuses(&server, preset(&server, name, path), UNAUTHORIZED).await;
}

#[tokio::test]
async fn x1_home_assistant() {
    first_message("homeAssistant", "/api/websocket").await;
}

#[tokio::test]
async fn x2_graphql_transport_ws() {
    first_message("graphqlTransportWs", "/graphql").await;
}

#[tokio::test]
async fn x3_directus() {
    first_message("directus", "/websocket").await;
}

#[tokio::test]
async fn x4_trpc() {
    first_message("trpc", "/trpc").await;
}

#[tokio::test]
async fn x5_jupyter() {
    in_the_handshake("jupyter", "/api/kernels/1/channels", "simpleJwt", "/api").await;
}

#[tokio::test]
async fn x6_kubernetes() {
    in_the_handshake("kubernetes", "/api/v1/namespaces/d/pods/p/exec?command=sh", "simpleJwt", "/api").await;
}

#[tokio::test]
async fn x7_phoenix() {
    in_the_handshake("phoenix", "/socket/websocket", "drfToken", "").await;
}

#[tokio::test]
async fn x8_a_visitor_who_becomes_somebody_at_login_and_nobody_at_logout() {
    let server = MockServer::start().await;
    let session = Session::new(preset::session("simpleJwt", &format!("{}/api", server.url())).unwrap()).unwrap();
    let config = ConnectionConfig { when_signed_out: WhenSignedOut::Connect, ..quick(&server, "/ws/public/", query()) };
    let mut socket = connected(config, Some(&session)).await;
    let nobody = r#"{"type":"whoami","user":null}"#;
    for (step, user) in [nobody, MAGGIE, nobody].into_iter().enumerate() {
        match step {
            1 => login(&session, "maggie", "secret").await.unwrap(),
            2 => session.logout().await,
            _ => {}
        }
        socket.ready().await.unwrap();
        socket.send(text(WHOAMI)).await.unwrap();
        assert_eq!(socket.next().await, Some(text(user)), "{step}");
    }
    let mut alone = ConnectionConfig { when_signed_out: WhenSignedOut::Wait, ..quick(&server, "/ws/public/", query()) };
    assert!(AuthSocket::new(alone.clone(), None).is_err(), "a token needs a session");
    alone.when_signed_out = WhenSignedOut::Connect;
    connected(alone, None).await;
}

#[tokio::test]
async fn x9_a_server_that_says_on_the_open_socket_what_it_thinks_of_the_credential() {
    let server = MockServer::start().await;
    let session = session(&server, "simpleJwt", "/api").await;
    let config = || {
        let json = |text: &str| Json::parse(text);
        let welcome =
            Welcome { ack: json(r#"{"type":"welcome"}"#), reject: json(r#"{"type":"denied"}"#), ..Welcome::default() };
        quick(&server, "/ws/welcome/", Scheme::Query(Query { welcome, ..Query::default() }))
    };
    lets_maggie_in(config(), &session).await;
    refuses(&server, config(), REFUSED).await;
}

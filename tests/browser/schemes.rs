//! Every authentication scheme, row by row (S1 to S10, X1 to X9): the preset connects, and a bad credential has the expected outcome.
//!
//! S7 is a header, which a page cannot set: `tests/native` has it.

use gatepass::proto::connection::{ConnectionConfig, ConnectionState, Probe, WhenSignedOut};
use gatepass::proto::http::{Credentials, Method};
use gatepass::proto::scheme::{Cookie, ProtocolEntry, Query, Scheme, Ticket, Welcome};
use gatepass::proto::session::{SessionConfig, TokenEndpoint, TokenFields};
use gatepass::proto::{Json, UrlKind, preset};
use gatepass::web::Session;
use gloo_net::http::Request;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::RequestCredentials;

use crate::harness::{Client, SERVER, control, count, fresh, login, query, quick, session_with_token, signed_in, url};

const WHOAMI: &str = r#"{"type":"whoami"}"#;
const MAGGIE: &str = r#"{"type":"whoami","user":"maggie"}"#;
const REFUSED: &[(&str, &str)] = &[("AUTH_REJECTED", "refreshToken"), ("AUTH_REJECTED", "signIn")];
const UNAUTHORIZED: &[(&str, &str)] =
    &[("HANDSHAKE_UNAUTHORIZED", "refreshToken"), ("HANDSHAKE_UNAUTHORIZED", "signIn")];

/// A session of a preset, in which maggie has logged in.
async fn session(name: &str, base: &str) -> Session {
    let config = preset::session(name, &format!("{SERVER}{base}")).unwrap();
    let session = Session::new(config).unwrap();
    login(&session, "maggie", "secret").await.unwrap();
    session
}

/// The settings of a preset, with quick retries and an endpoint to probe.
fn preset(name: &str, path: &str) -> ConnectionConfig {
    let config = preset::connection(name, &format!("{SERVER}{path}"), SERVER).unwrap();
    probed(ConnectionConfig { backoff: quick(path, Scheme::Anonymous).backoff, ..config })
}

fn probed(config: ConnectionConfig) -> ConnectionConfig {
    ConnectionConfig { probe: Some(Probe::new(url("/protected", UrlKind::Http))), ..config }
}

async fn lets_maggie_in(config: ConnectionConfig, session: &Session) {
    let client = Client::new(config, Some(session));
    client.connected().await;
    client.send(WHOAMI);
    client.heard(&[MAGGIE]).await;
    assert_eq!(client.read(|seen| seen.failures.clone()), []);
}

/// A token that the server does not know has the expected outcome, and does not connect.
async fn refuses(config: ConnectionConfig, failures: &[(&'static str, &'static str)]) {
    let session = session_with_token("garbage");
    let client = Client::new(config, Some(&session));
    client.failed(failures).await;
    client.state(ConnectionState::Suspended).await;
    assert_eq!(count("open").await, 0.0);
}

#[wasm_bindgen_test]
async fn s1_a_jwt_in_the_query() {
    fresh().await;
    let session = session("simpleJwt", "/api").await;
    lets_maggie_in(probed(quick("/ws/jwt/", query())), &session).await;
    refuses(probed(quick("/ws/jwt/", query())), UNAUTHORIZED).await;
}

#[wasm_bindgen_test]
async fn s2_a_group_in_the_path_and_a_drf_token_in_the_query() {
    fresh().await;
    let session = session("drfToken", "").await;
    lets_maggie_in(probed(quick("/ws/app_1234/", query())), &session).await;
    refuses(probed(quick("/ws/app_1234/", query())), UNAUTHORIZED).await;
    // The token is valid, but the user may not join the group. The probe cannot see that.
    let elsewhere = Client::new(probed(quick("/ws/app_9/", query())), Some(&session));
    elsewhere.failed(&[("HANDSHAKE_REFUSED", "retry"), ("HANDSHAKE_REFUSED", "retry")]).await;
}

#[wasm_bindgen_test]
async fn s3_a_cookie_that_the_login_has_set() {
    fresh().await;
    let session = session("drfJwt", "/drf-jwt").await;
    lets_maggie_in(probed(quick("/ws/cookie/", Scheme::Cookie(Cookie::default()))), &session).await;
    let alone = Client::new(quick("/ws/cookie/", Scheme::Anonymous), None);
    alone.connected().await;
    let gone = Request::post(&format!("{SERVER}/drf-jwt/logout/")).credentials(RequestCredentials::Include);
    assert_eq!(gone.send().await.unwrap().status(), 204);
    let refused = Client::new(probed(quick("/ws/cookie/", Scheme::Cookie(Cookie::default()))), Some(&session));
    refused.failed(&[("HANDSHAKE_REFUSED", "retry")]).await;
}

#[wasm_bindgen_test]
async fn s4_the_ticket_protocol() {
    fresh().await;
    let session = session("ticketServer", "").await;
    lets_maggie_in(preset("ticketServerSocket", "/channel/"), &session).await;
    refuses(
        preset("ticketServerSocket", "/channel/"),
        &[("TICKET_UNAUTHORIZED", "refreshToken"), ("TICKET_UNAUTHORIZED", "signIn")],
    )
    .await;
}

#[wasm_bindgen_test]
async fn s5_a_first_message_without_an_answer() {
    fresh().await;
    let session = session("drfToken", "").await;
    lets_maggie_in(preset("channelsFirstMessage", "/ws/first/"), &session).await;
    refuses(preset("channelsFirstMessage", "/ws/4401/"), REFUSED).await;
}

#[wasm_bindgen_test]
async fn s6_a_session_key_of_two_minutes() {
    fresh().await;
    let session = session("drfToken", "").await;
    let by_key = || {
        let key = "session_key".to_owned();
        Scheme::Ticket(Ticket { param: key.clone(), field: key, ..Ticket::new(url("/ws_session_key", UrlKind::Http)) })
    };
    lets_maggie_in(quick("/ws/session/", by_key()), &session).await;
    // A key that has expired before the attempt is replaced.
    control(r#"{"do": "setSettings", "settings": {"sessionKeyLifeMs": 0}}"#).await;
    let late = Client::new(quick("/ws/session/", by_key()), Some(&session));
    late.failed(&[("CONNECT_FAILED", "retry")]).await;
    control(r#"{"do": "setSettings", "settings": {}}"#).await;
    late.connected().await;
}

#[wasm_bindgen_test]
async fn s8_a_user_id_in_the_query_gets_no_one_in() {
    fresh().await;
    let client = Client::new(quick("/ws/user-id/?1", Scheme::Anonymous), None);
    let refused = ("CONNECT_FAILED", "retry");
    client.failed(&[refused, refused, ("HANDSHAKE_REFUSED", "retry")]).await;
    assert_eq!(count("accepted").await, 0.0);
}

#[wasm_bindgen_test]
async fn x1_home_assistant() {
    fresh().await;
    lets_maggie_in(preset("homeAssistant", "/api/websocket"), &signed_in().await).await;
    refuses(preset("homeAssistant", "/api/websocket"), REFUSED).await;
}

#[wasm_bindgen_test]
async fn x2_graphql_transport_ws() {
    fresh().await;
    lets_maggie_in(preset("graphqlTransportWs", "/graphql"), &signed_in().await).await;
    refuses(preset("graphqlTransportWs", "/graphql"), REFUSED).await;
}

#[wasm_bindgen_test]
async fn x3_directus_is_authenticated_again_on_the_same_socket() {
    fresh().await;
    let session = signed_in().await;
    let client = Client::new(preset("directus", "/websocket"), Some(&session));
    client.connected().await;
    control(r#"{"do": "expireTokens"}"#).await;
    client.until("the answer to the new token", |seen| seen.messages.len() == 2).await;
    client.send(WHOAMI);
    client.until("the user", |seen| seen.messages.last().is_some_and(|text| text == MAGGIE)).await;
    assert_eq!((count("accepted").await, count("refreshes").await), (1.0, 1.0));
    assert_eq!(client.read(|seen| seen.failures.clone()), []);
    drop(client);
    refuses(preset("directus", "/websocket"), REFUSED).await;
}

#[wasm_bindgen_test]
async fn x4_trpc() {
    fresh().await;
    lets_maggie_in(preset("trpc", "/trpc"), &signed_in().await).await;
    refuses(preset("trpc", "/trpc"), REFUSED).await;
}

#[wasm_bindgen_test]
async fn x5_jupyter() {
    fresh().await;
    lets_maggie_in(preset("jupyter", "/api/kernels/1/channels"), &signed_in().await).await;
    refuses(preset("jupyter", "/api/kernels/1/channels"), UNAUTHORIZED).await;
}

#[wasm_bindgen_test]
async fn x6_kubernetes() {
    fresh().await;
    let exec = "/api/v1/namespaces/default/pods/web/exec?command=sh";
    lets_maggie_in(preset("kubernetes", exec), &signed_in().await).await;
    refuses(preset("kubernetes", exec), UNAUTHORIZED).await;
}

#[wasm_bindgen_test]
async fn x7_phoenix_where_a_channel_that_refuses_leaves_the_socket_alone() {
    fresh().await;
    // Phoenix.Token writes base64url, which has no character whose base64 needs a slash; a DRF token has none either.
    let session = session("drfToken", "").await;
    let client = Client::new(preset("phoenix", "/socket/websocket"), Some(&session));
    client.connected().await;
    client.send(r#"["1","1","room:secret","phx_join",{}]"#);
    client.send(r#"["1","2","room:lobby","access_token",{"access_token":"t"}]"#);
    client
        .heard(&[
            r#"["1","1","room:secret","phx_reply",{"response":{"reason":"unauthorized"},"status":"error"}]"#,
            r#"["1","2","room:lobby","phx_reply",{"response":{},"status":"ok"}]"#,
        ])
        .await;
    assert_eq!(client.socket.state(), ConnectionState::Connected);
    drop(client);
    refuses(preset("phoenix", "/socket/websocket"), UNAUTHORIZED).await;
}

#[wasm_bindgen_test]
async fn case_45_a_ticket_goes_among_the_subprotocols() {
    fresh().await;
    let session = session("ticketServer", "").await;
    let subprotocol = Some(ProtocolEntry { prefix: "ticket.".to_owned(), ..ProtocolEntry::default() });
    let ticket = Ticket { method: Method::Get, subprotocol, ..Ticket::new(url("/ws_ticket", UrlKind::Http)) };
    let config = ConnectionConfig {
        protocols: vec!["circle-match.v1".to_owned()],
        ..quick("/ws/ticket-protocol/", Scheme::Ticket(ticket))
    };
    lets_maggie_in(config, &session).await;
}

#[wasm_bindgen_test]
async fn case_46_a_refusal_and_a_server_that_is_not_there_are_told_apart_by_the_probe() {
    fresh().await;
    let session = signed_in().await;
    let client = Client::new(probed(quick("/ws/jwt/", query())), Some(&session));
    client.connected().await;
    control(r#"{"do": "stop"}"#).await;
    client.failed(&[("CONNECTION_LOST", "retry"), ("SERVER_UNREACHABLE", "retry")]).await;
    control(r#"{"do": "start"}"#).await;
    client.connected_times(2).await;
    control(r#"{"do": "answer", "endpoint": "probe", "status": 403}"#).await;
    control(r#"{"do": "refuseHandshakes", "status": 403}"#).await;
    control(r#"{"do": "dropSockets", "how": "reset"}"#).await;
    client.state(ConnectionState::Closed).await;
    assert_eq!(client.read(|seen| seen.failures.last().copied()), Some(("HANDSHAKE_FORBIDDEN", "giveUp")));
}

fn endpoint(path: &str) -> TokenEndpoint {
    TokenEndpoint::new(url(path, UrlKind::Http))
}

fn by_cookie() -> SessionConfig {
    SessionConfig {
        login: Some(endpoint("/session/login/")),
        restore: Some(TokenEndpoint { method: Method::Get, ..endpoint("/session/me/") }),
        fields: TokenFields { access: None, ..TokenFields::default() },
        credentials: Credentials::Include,
        ..SessionConfig::new()
    }
}

#[wasm_bindgen_test]
async fn s9_a_session_that_is_a_cookie_and_is_found_again() {
    fresh().await;
    let session = Session::new(by_cookie()).unwrap();
    login(&session, "maggie", "secret").await.unwrap();
    lets_maggie_in(quick("/ws/cookie/", Scheme::Cookie(Cookie::default())), &session).await;
    // As after a reload.
    let again = Session::new(by_cookie()).unwrap();
    lets_maggie_in(quick("/ws/cookie/", Scheme::Cookie(Cookie::default())), &again).await;
    let gone = Request::post(&format!("{SERVER}/session/logout/")).credentials(RequestCredentials::Include);
    assert_eq!(gone.send().await.unwrap().status(), 204);
    let nobody = Session::new(by_cookie()).unwrap();
    let client = Client::new(quick("/ws/cookie/", Scheme::Cookie(Cookie::default())), Some(&nobody));
    client.state(ConnectionState::Suspended).await;
    assert_eq!(client.read(|seen| seen.failures.clone()), [], "nobody is no error");
}

#[wasm_bindgen_test]
async fn s10_a_refresh_token_that_no_script_sees() {
    fresh().await;
    let config = || preset::session("djRestAuth", &format!("{SERVER}/hidden")).unwrap();
    let session = Session::new(config()).unwrap();
    login(&session, "maggie", "secret").await.unwrap();
    let again = Session::new(config()).unwrap();
    lets_maggie_in(quick("/ws/jwt/", query()), &again).await;
    let gone = Request::post(&format!("{SERVER}/hidden/logout/")).credentials(RequestCredentials::Include);
    assert_eq!(gone.send().await.unwrap().status(), 204);
}

#[wasm_bindgen_test]
async fn x8_a_visitor_who_becomes_somebody_at_login_and_nobody_at_logout() {
    fresh().await;
    let session = Session::new(preset::session("simpleJwt", &format!("{SERVER}/api")).unwrap()).unwrap();
    let config = ConnectionConfig { when_signed_out: WhenSignedOut::Connect, ..quick("/ws/public/", query()) };
    let client = Client::new(config, Some(&session));
    client.connected().await;
    let nobody = r#"{"type":"whoami","user":null}"#;
    client.send(WHOAMI);
    client.heard(&[nobody]).await;
    login(&session, "maggie", "secret").await.unwrap();
    client.connected().await;
    client.send(WHOAMI);
    client.heard(&[nobody, MAGGIE]).await;
    session.logout();
    client.connected().await;
    client.send(WHOAMI);
    client.heard(&[nobody, MAGGIE, nobody]).await;
    assert_eq!(client.read(|seen| seen.failures.clone()), []);
}

#[wasm_bindgen_test]
async fn x9_a_server_that_says_on_the_open_socket_what_it_thinks_of_the_credential() {
    fresh().await;
    let config = || {
        let json = |text: &str| Json::parse(text);
        let (ack, reject) = (json(r#"{"type":"welcome"}"#), json(r#"{"type":"denied"}"#));
        let welcome = Welcome { ack, reject, ..Welcome::default() };
        quick("/ws/welcome/", Scheme::Query(Query { welcome, ..Query::default() }))
    };
    lets_maggie_in(config(), &session("simpleJwt", "/api").await).await;
    refuses(config(), REFUSED).await;
}

//! Sockets: the handshake, the messages and the outcomes of each preset.

use gatepass::error::Disposition;
use gatepass::proto::connection::{Connection, ConnectionConfig, Event, Inbound, Input, Output, SocketId};
use gatepass::proto::http::{HttpResponse, Method};
use gatepass::proto::session::{
    self, RequesterId, Session, SessionConfig, TokenRequest, TokenRequestId, TokenRequirement,
};
use gatepass::proto::token::Lifetime;
use gatepass::proto::{Framing, Json, Secret, preset};

use super::codec::json;
use super::{fixture, items, now, number, print, text};

/// A session and a connection with a world that does what a fixture says.
pub(super) struct Client {
    session: Session,
    pub(super) machine: Connection,
    pub(super) socket: Option<SocketId>,
    dialled: Vec<String>,
    authorization: Option<String>,
    pub(super) sent: Vec<Json>,
    wanted: Option<TokenRequestId>,
    pub(super) has_opened: bool,
    has_delivered: bool,
    pub(super) failure: Option<(&'static str, Disposition)>,
    fixture: Json,
}

impl Client {
    fn new(preset: &str, fixture: Json) -> Self {
        let base = fixture.text_at("base").unwrap_or_default();
        let config = preset::connection(preset, &text(&fixture, "url"), &base).unwrap();
        Self::with(config, fixture)
    }

    pub(super) fn with(config: ConnectionConfig, fixture: Json) -> Self {
        let mut session = Session::new(SessionConfig::new(), 1);
        set_token(&mut session, &text(&fixture, "token"));
        let machine = Connection::new(config, session.view(), 1);
        let mut client = Self {
            session,
            machine,
            socket: None,
            dialled: Vec::new(),
            authorization: None,
            sent: Vec::new(),
            wanted: None,
            has_opened: false,
            has_delivered: false,
            failure: None,
            fixture,
        };
        client.input(Input::Connect);
        client.answer_want();
        client
    }

    pub(super) fn input(&mut self, input: Input<'_>) {
        self.machine.handle_input(now(), input);
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Deliver { .. } => self.has_delivered = true,
                Output::Open { socket, handshake } => {
                    self.socket = Some(socket);
                    self.dialled = vec![handshake.url.expose().to_owned()];
                    self.dialled.extend(handshake.protocols.iter().map(|entry| entry.expose().to_owned()));
                    self.authorization = handshake.authorization.map(|header| header.expose().to_owned());
                }
                Output::SendText { text, framing, .. } => self.sent.push(match framing {
                    Framing::Json => json(text.expose()),
                    Framing::Text | Framing::Binary => Json::text(text.expose()),
                }),
                Output::RequestToken { id, .. } => self.wanted = Some(id),
                Output::Fetch { request, http } => {
                    let ticket = self.fixture.at("ticket").expect("a preset that fetches has a ticket in its file");
                    let method = if http.method == Method::Get { "GET" } else { "POST" };
                    assert_eq!(method, text(&ticket, "request.method"));
                    assert_eq!(http.url, text(&ticket, "request.url"));
                    assert_eq!(http.authorization.unwrap().expose(), text(&ticket, "request.authorization"));
                    let body = Secret::new(print(&ticket.at("answer").unwrap()));
                    let result = Ok(HttpResponse { status: 200, retry_after: None, date: None, body });
                    self.input(Input::Http { request, result });
                }
                Output::Event(Event::Opened) => self.has_opened = true,
                Output::Event(Event::StateChanged(change)) => {
                    if let Some(problem) = change.problem {
                        self.failure = Some((problem.failure.code(), problem.disposition));
                    }
                }
                Output::AbortFetch { .. }
                | Output::Ask { .. }
                | Output::CloseSocket { .. }
                | Output::Discard { .. }
                | Output::Lane { .. }
                | Output::Event(Event::Closed { .. } | Event::HandedOver | Event::Message { .. })
                | Output::Send { .. }
                | Output::CancelTokenRequest => {}
            }
        }
    }

    /// Lets the session answer a token request with its present token.
    fn answer_want(&mut self) {
        let Some(id) = self.wanted.take() else { panic!("no token was asked for") };
        let input = TokenRequest { requester: RequesterId(0), id, requirement: TokenRequirement::VALID };
        self.session.handle_input(now(), session::Input::RequestToken(input));
        while let Some(output) = self.session.poll_output() {
            if let session::Output::Token { id, result, .. } = output {
                self.input(Input::Token { id, result });
            }
        }
    }

    /// A message of the server; returns whether the app gets it.
    fn hear(&mut self, message: &Json) -> bool {
        self.hear_frame(&print(message))
    }

    pub(super) fn hear_frame(&mut self, message: &str) -> bool {
        let socket = self.socket.unwrap();
        match self.machine.on_message(socket, now().instant, message.len()) {
            Inbound::Deliver => true,
            Inbound::Inspect => {
                self.has_delivered = false;
                self.input(Input::Inspected { socket, text: Some(message) });
                self.has_delivered
            }
            Inbound::Ignore | Inbound::TooLong { .. } => false,
        }
    }

    pub(super) fn follow(&mut self, step: &Json) {
        let socket = self.socket.unwrap();
        if step.as_text().as_deref() == Some("connected") {
            assert!(self.has_opened, "not accepted yet");
        } else if let Some(message) = step.at("server") {
            let delivered = self.hear(&message);
            assert!(!delivered, "the app got {}", print(&message));
        } else if let Some(message) = step.at("app") {
            assert!(self.hear(&message), "the app did not get {}", print(&message));
        } else if let Some(message) = step.at("client") {
            assert!(!self.sent.is_empty(), "nothing was sent, not {}", print(&message));
            assert_eq!(print(&self.sent.remove(0)), print(&message));
        } else if step.at("close").is_some() {
            let (code, reason) = (number(step, "close"), String::new());
            self.input(Input::SocketClosed { socket, code, reason, was_clean: true });
        } else if let Some(token) = step.text_at("token") {
            set_token(&mut self.session, &token);
            self.answer_want();
        } else {
            let (code, disposition) = self.failure.take().expect("nothing has failed");
            assert_eq!(
                (code, disposition.name()),
                (text(step, "failure").as_str(), text(step, "disposition").as_str())
            );
        }
    }
}

fn set_token(session: &mut Session, token: &str) {
    let access = Secret::new(token.to_owned());
    session.handle_input(now(), session::Input::SetTokens { access, refresh: None, lifetime: Lifetime::default() });
    while session.poll_output().is_some() {}
}

fn play(preset: &str) {
    let fixture = fixture(preset);
    let paths = fixture.at("paths").expect("no paths");
    for (path, steps) in paths.members() {
        println!("{preset}: {path}");
        let mut client = Client::new(preset, fixture.clone());
        let mut wanted = vec![text(&fixture, "dial.url")];
        wanted.extend(items(&fixture, "dial.protocols").iter().map(|entry| entry.as_text().unwrap()));
        assert_eq!(client.dialled, wanted);
        assert_eq!(client.authorization, None, "no browser could send it");
        let protocol = fixture.text_at("chosen").unwrap_or_default();
        let socket = client.socket.unwrap();
        client.input(Input::SocketOpened { socket, protocol });
        steps.items().unwrap().iter().for_each(|step| client.follow(step));
        assert!(client.sent.is_empty(), "more was sent than the file has");
        assert_eq!(client.failure, None, "more has failed than the file has");
    }
}

/// Also of a preset that no test below names.
#[test]
fn every_socket_preset_does_what_its_fixture_says() {
    let [_, sockets] = preset::names();
    sockets.iter().for_each(|name| play(name));
}

#[test]
fn cases_65_and_66_home_assistant() {
    play("homeAssistant");
}

#[test]
fn cases_70_and_72_graphql_transport_ws_and_hasura() {
    play("graphqlTransportWs");
}

#[test]
fn cases_73_and_74_directus_authenticates_again_on_the_same_socket() {
    play("directus");
}

#[test]
fn case_75_trpc() {
    play("trpc");
}

#[test]
fn jupyter_takes_the_token_from_the_query() {
    play("jupyter");
}

#[test]
fn case_52_kubernetes_takes_the_token_from_the_subprotocols() {
    play("kubernetes");
}

#[test]
fn cases_53_and_80_phoenix_takes_standard_base64_and_its_channels_fail_by_themselves() {
    play("phoenix");
}

#[test]
fn channels_first_message() {
    play("channelsFirstMessage");
}

#[test]
fn the_ticket_server() {
    play("ticketServerSocket");
}

#[test]
fn case_53_a_token_that_no_subprotocol_can_carry_is_told_before_the_dial() {
    let with_token = |preset, token: &str| {
        let mut fixture: serde_json::Value = serde_json::from_str(&print(&fixture(preset))).unwrap();
        fixture["token"] = token.into();
        Client::new(preset, json(&fixture.to_string()))
    };
    // At this offset `>?` is `Pj8=` in base64. At others, `?` gives a slash.
    let unfit = with_token("phoenix", "abc???");
    assert_eq!(unfit.failure, Some(("TOKEN_UNFIT", Disposition::GiveUp)));
    assert_eq!(unfit.socket, None);
    let too_long = with_token("kubernetes", &"a".repeat(9_000));
    assert_eq!(too_long.failure, Some(("TOKEN_UNFIT", Disposition::GiveUp)));
}

#[test]
fn case_51_a_server_that_echoes_the_credential_is_a_mismatch() {
    let mut client = Client::new("kubernetes", fixture("kubernetes"));
    let (socket, protocol) = (client.socket.unwrap(), client.dialled[3].clone());
    client.input(Input::SocketOpened { socket, protocol });
    assert_eq!(client.failure, Some(("SUBPROTOCOL_MISMATCH", Disposition::GiveUp)));
}

#[test]
fn case_77_an_answer_is_told_by_its_id() {
    let row = json(
        r#"{"protocols":["json"],"scheme":{"type":"firstMessage","message":{"id":3,"method":"authenticate","params":["$token"]},
            "ack":{"id":3,"result":null},"reject":{"id":3,"error":{}}}}"#,
    );
    let fixture = json(r#"{"url":"wss://db.example/rpc","token":"t"}"#);
    for (messages, outcome) in [
        (vec![r#"{"id":1,"result":null}"#, r#"{"id":3,"result":null}"#], None),
        (vec![r#"{"id":2,"error":{"code":-32000}}"#, r#"{"id":3,"error":{"code":-32000}}"#], Some("AUTH_REJECTED")),
    ] {
        let config = preset::connection_of(&row, "wss://db.example/rpc", "").unwrap();
        let mut client = Client::with(config, fixture.clone());
        let socket = client.socket.unwrap();
        client.input(Input::SocketOpened { socket, protocol: "json".to_owned() });
        assert_eq!(print(&client.sent.remove(0)), r#"{"id":3,"method":"authenticate","params":["t"]}"#);
        client.hear(&json(messages[0]));
        assert!(!client.has_opened && client.failure.is_none(), "another call's answer decides nothing");
        client.hear(&json(messages[1]));
        assert_eq!((client.has_opened, client.failure.map(|(code, _)| code)), (outcome.is_none(), outcome));
    }
}

#[test]
fn case_83_odd_answers_decide_nothing() {
    let mut client = Client::new("homeAssistant", fixture("homeAssistant"));
    let socket = client.socket.unwrap();
    client.input(Input::SocketOpened { socket, protocol: String::new() });
    for odd in [
        "",
        "{",
        "null",
        "[]",
        r#""auth_required""#,
        r#"{"type":null}"#,
        r#"{"type":["auth_required"]}"#,
        r#"{"type":{}}"#,
    ] {
        assert_eq!(client.machine.on_message(socket, now().instant, odd.len()), Inbound::Inspect);
        client.input(Input::Inspected { socket, text: Some(odd) });
    }
    client.input(Input::Inspected { socket, text: None });
    assert!(client.sent.is_empty() && client.failure.is_none());
    client.hear(&json(r#"{"type":"auth_required"}"#));
    assert_eq!(client.sent.len(), 1);
}

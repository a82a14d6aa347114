//! How one connection reacts to each input.

use gatepass::proto::connection::{
    Connection, ConnectionConfig, ConnectionState, DeliveryStatus, Event, Inbound, Input, Outgoing, Output, PageEvent,
    SocketId, StateChange, WhenHidden,
};
use gatepass::proto::http::{HttpResponse, NoAnswer};
use gatepass::proto::outbox::{Confirm, MessageId};
use gatepass::proto::scheme::{FirstMessage, Scheme, Ticket};
use gatepass::proto::session::{RequestId, SessionView};
use gatepass::proto::{Framing, Instant, Millis, Secret, UrlKind};

use super::{Byte, at, connecting, query, token, url, user};
use crate::codec::json;

fn drain(machine: &mut Connection) -> Vec<Output> {
    core::iter::from_fn(|| machine.poll_output()).collect()
}

fn changes(outputs: Vec<Output>) -> Vec<StateChange> {
    let changes = outputs
        .into_iter()
        .filter_map(|output| if let Output::Event(Event::StateChanged(change)) = output { Some(change) } else { None });
    changes.collect()
}

/// Hands out tokens of that user, and returns the request that is made then.
fn asked(machine: &mut Connection, now: u64, user_epoch: u32) -> RequestId {
    for _ in 0..8 {
        for output in drain(machine) {
            if let Output::RequestToken { id, .. } = output {
                machine.handle_input(at(now), Input::Token { id, result: Ok(token(user_epoch)) });
            } else if let Output::Fetch { request, .. } = output {
                return request;
            }
        }
    }
    panic!("no request")
}

fn answer(body: &str) -> Result<HttpResponse, NoAnswer> {
    Ok(HttpResponse { status: 200, retry_after: None, date: None, body: Secret::new(body.to_owned()) })
}

fn with_tickets(seed: u64) -> Connection {
    let scheme = Scheme::Ticket(Ticket::new(url("https://api.test/ticket", UrlKind::Http)));
    let mut machine =
        Connection::new(ConnectionConfig::new(url("wss://api.test/", UrlKind::WebSocket), scheme), user(1), seed);
    machine.handle_input(at(0), Input::Connect);
    machine
}

fn opened(machine: &mut Connection, now: u64) -> SocketId {
    let socket = drain(machine)
        .into_iter()
        .find_map(|output| if let Output::Open { socket, .. } = output { Some(socket) } else { None });
    let socket = socket.expect("a dial");
    machine.handle_input(at(now), Input::SocketOpened { socket, protocol: String::new() });
    socket
}

fn close(machine: &mut Connection, socket: SocketId, now: u64) {
    let (code, reason, was_clean) = (1006, String::new(), false);
    machine.handle_input(at(now), Input::SocketClosed { socket, code, reason, was_clean });
}

#[test]
fn a_ticket_is_asked_for_two_seconds_ahead_at_most_however_slow_its_server_is() {
    let mut seen = 0;
    for seed in 0..50 {
        let mut machine = with_tickets(seed);
        let request = asked(&mut machine, 0, 1);
        machine.handle_input(at(8_000), Input::Http { request, result: answer(r#"{"ticket":"t"}"#) });
        let socket = opened(&mut machine, 8_100);
        machine.handle_input(at(60_000), Input::Timeout);
        drain(&mut machine);
        close(&mut machine, socket, 60_000);
        let wait = changes(drain(&mut machine)).last().and_then(|change| change.retry_in).expect("a wait");
        let begins = machine.poll_timeout().expect("it will try").as_millis() - 60_000;
        assert_eq!(begins, wait.as_millis().saturating_sub(2_000), "seed {seed}");
        seen += u32::from(wait > Millis::from_millis(2_000));
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn what_a_server_asked_of_one_user_it_has_not_asked_of_the_next() {
    for seed in 0..50 {
        let mut machine = with_tickets(seed);
        let request = asked(&mut machine, 0, 1);
        let result = answer(r#"{"ticket":"t","retry_after":20}"#);
        machine.handle_input(at(8_000), Input::Http { request, result });
        opened(&mut machine, 8_100);
        machine.handle_input(at(9_000), Input::Session(user(2)));
        let request = asked(&mut machine, 9_000, 2);
        machine.handle_input(at(9_000), Input::Http { request, result: Err(NoAnswer::Failed) });
        let wait = changes(drain(&mut machine)).last().and_then(|change| change.retry_in).expect("a wait");
        assert!(wait <= Millis::from_millis(500), "seed {seed}: {wait:?}, as the server asked of the first");
        let begins = machine.poll_timeout().expect("it will try").as_millis() - 9_000;
        assert_eq!(begins, wait.as_millis(), "seed {seed}: no ticket of theirs was slow");
    }
}

#[test]
fn what_a_listener_has_made_pointless_is_not_done() {
    let (config, view) =
        (ConnectionConfig::new(url("wss://api.test/", UrlKind::WebSocket), Scheme::Anonymous), user(1));
    let mut machine = Connection::new(config, view, 1);
    machine.handle_input(at(0), Input::Connect);
    machine.handle_input(at(0), Input::Close { code: 1000, reason: String::new() });
    assert!(!drain(&mut machine).iter().any(|output| matches!(output, Output::Open { .. })));
    let mut machine = with_tickets(1);
    let id = drain(&mut machine)
        .into_iter()
        .find_map(|output| if let Output::RequestToken { id, .. } = output { Some(id) } else { None });
    machine.handle_input(at(0), Input::Token { id: id.expect("a token is asked for"), result: Ok(token(1)) });
    machine.handle_input(at(0), Input::Close { code: 1000, reason: String::new() });
    assert!(!drain(&mut machine).iter().any(|output| matches!(output, Output::Fetch { .. })));
}

#[test]
fn a_message_is_handed_over_before_it_is_told() {
    let (mut machine, socket) = connecting(query(), 1);
    machine.send(MessageId(1), &Byte, None).expect("there is room");
    machine.handle_input(at(1), Input::SocketOpened { socket, protocol: String::new() });
    let outputs = drain(&mut machine);
    let place = |is_it: fn(&Output) -> bool| outputs.iter().position(is_it).expect("an output");
    let handed = place(|output| matches!(output, Output::Send { .. }));
    let told = place(|output| matches!(output, Output::Event(Event::Message { status: DeliveryStatus::Sent, .. })));
    assert!(handed < told, "{outputs:?}");
}

/// A connection of the first user during a handover, with a socket of the first token.
fn handing_over() -> (Connection, SocketId) {
    let mut config = ConnectionConfig::new(url("wss://api.test/", UrlKind::WebSocket), query());
    config.handover = true;
    let mut machine = Connection::new(config, user(1), 1);
    machine.handle_input(at(0), Input::Connect);
    let socket = super::dialled(&mut machine, 0, 1).expect("a dial");
    machine.handle_input(at(0), Input::SocketOpened { socket, protocol: String::new() });
    drain(&mut machine);
    (machine, socket)
}

/// The session has a new token. Returns the socket that opens with it.
fn renewed(machine: &mut Connection, now: u64, generation: u32) -> SocketId {
    machine.handle_input(at(now), Input::Session(SessionView { generation, ..user(1) }));
    let id = drain(machine)
        .into_iter()
        .find_map(|output| if let Output::RequestToken { id, .. } = output { Some(id) } else { None });
    let mut token = token(1);
    token.generation = generation;
    machine.handle_input(at(now), Input::Token { id: id.expect("a token is asked for"), result: Ok(token) });
    let socket = drain(machine)
        .into_iter()
        .find_map(|output| if let Output::Open { socket, .. } = output { Some(socket) } else { None });
    socket.expect("a dial")
}

#[test]
fn a_socket_that_was_taken_over_from_is_closed_when_the_next_is() {
    let (mut machine, first) = handing_over();
    let second = renewed(&mut machine, 1_000, 2);
    machine.handle_input(at(1_100), Input::SocketOpened { socket: second, protocol: String::new() });
    drain(&mut machine);
    let third = renewed(&mut machine, 2_000, 3);
    machine.handle_input(at(2_100), Input::SocketOpened { socket: third, protocol: String::new() });
    let closed: Vec<_> = drain(&mut machine)
        .into_iter()
        .filter_map(|output| if let Output::CloseSocket { socket, .. } = output { Some(socket) } else { None })
        .collect();
    assert_eq!(closed, [first]);
    assert_eq!((machine.socket(), machine.state()), (Some(third), ConnectionState::Connected));
}

#[test]
fn a_token_that_is_due_is_not_asked_for_in_the_middle_of_a_handover() {
    let (mut machine, _) = handing_over();
    renewed(&mut machine, 1_000, 2);
    machine.handle_input(at(1_010), Input::TokenDue);
    let outputs = drain(&mut machine);
    assert!(!outputs.iter().any(|output| matches!(output, Output::RequestToken { .. })), "{outputs:?}");
}

#[test]
fn a_pong_that_is_looked_for_late_is_asked_for_once_more() {
    let mut config = ConnectionConfig::new(url("wss://api.test/", UrlKind::WebSocket), Scheme::Anonymous);
    config.heartbeat.ping = Some(json(r#"{"type":"ping"}"#));
    let mut machine = Connection::new(config, user(1), 1);
    machine.handle_input(at(0), Input::Connect);
    let socket = opened(&mut machine, 0);
    let pings = |machine: &mut Connection| {
        drain(machine).iter().filter(|output| matches!(output, Output::SendText { .. })).count()
    };
    pings(&mut machine);
    machine.handle_input(at(25_000), Input::Timeout);
    assert_eq!(pings(&mut machine), 1);
    // The timer fired 20 s late: an answer may be queued behind it.
    machine.handle_input(at(55_000), Input::Timeout);
    assert_eq!((pings(&mut machine), machine.socket()), (1, Some(socket)));
    machine.handle_input(at(65_001), Input::Timeout);
    assert_eq!(pings(&mut machine), 0);
    assert_eq!(machine.state(), ConnectionState::Waiting);
}

/// A first message in text frames, with an answer.
fn in_text(ack: bool) -> FirstMessage {
    let mut scheme = FirstMessage::new(json(r#"{"token":"$token"}"#));
    scheme.framing = Framing::Text;
    scheme.ack = ack.then(|| json(r#"{"type":"ok"}"#));
    scheme
}

fn hear(machine: &mut Connection, socket: SocketId, now: u64, text: &str) {
    if machine.on_message(socket, Instant::from_millis(now), text.len()) == Inbound::Inspect {
        machine.handle_input(at(now), Input::Inspected { socket, text: Some(text) });
    }
}

#[test]
fn an_answer_may_go_over_sixteen_frames_and_no_more() {
    for (more, state) in [(16, ConnectionState::Connected), (17, ConnectionState::Connecting)] {
        let (mut machine, socket) = connecting(Scheme::FirstMessage(in_text(true)), 1);
        machine.handle_input(at(0), Input::SocketOpened { socket, protocol: String::new() });
        drain(&mut machine);
        hear(&mut machine, socket, 1, r#"{"type":"#);
        for _ in 1..more {
            hear(&mut machine, socket, 1, " ");
        }
        hear(&mut machine, socket, 1, r#""ok"}"#);
        assert_eq!(machine.state(), state, "{more} frames before the last");
    }
}

#[test]
fn half_an_answer_of_one_socket_is_not_finished_by_the_next() {
    let (mut machine, socket) = connecting(Scheme::FirstMessage(in_text(true)), 1);
    machine.handle_input(at(0), Input::SocketOpened { socket, protocol: String::new() });
    drain(&mut machine);
    hear(&mut machine, socket, 1, r#"{"type":"#);
    close(&mut machine, socket, 2);
    drain(&mut machine);
    let now = machine.poll_timeout().expect("it tries again").as_millis();
    machine.handle_input(at(now), Input::Timeout);
    let socket = super::dialled(&mut machine, now, 1).expect("a dial");
    machine.handle_input(at(now), Input::SocketOpened { socket, protocol: String::new() });
    drain(&mut machine);
    hear(&mut machine, socket, now, r#""ok"}"#);
    assert_eq!(machine.state(), ConnectionState::Connecting);
    hear(&mut machine, socket, now, r#"{"type":"ok"}"#);
    assert_eq!(machine.state(), ConnectionState::Connected);
}

#[test]
fn an_expired_token_is_a_refusal_while_the_answer_is_awaited_and_a_question_afterwards() {
    let scheme = || {
        let mut scheme = in_text(true);
        scheme.reject = Some(json(r#"{"type":"no"}"#));
        scheme.expired = Some(json(r#"{"type":"no","why":"expired"}"#));
        Scheme::FirstMessage(scheme)
    };
    let expired = r#"{"type":"no","why":"expired"}"#;
    let (mut machine, socket) = connecting(scheme(), 1);
    machine.handle_input(at(0), Input::SocketOpened { socket, protocol: String::new() });
    drain(&mut machine);
    hear(&mut machine, socket, 1, expired);
    let outputs = drain(&mut machine);
    assert!(outputs.iter().any(|output| matches!(output, Output::CloseSocket { .. })), "{outputs:?}");

    let (mut machine, socket) = connecting(scheme(), 1);
    machine.handle_input(at(0), Input::SocketOpened { socket, protocol: String::new() });
    hear(&mut machine, socket, 1, r#"{"type":"ok"}"#);
    drain(&mut machine);
    hear(&mut machine, socket, 2, expired);
    let outputs = drain(&mut machine);
    assert!(outputs.iter().any(|output| matches!(output, Output::RequestToken { .. })), "{outputs:?}");
    assert_eq!(machine.state(), ConnectionState::Connected);
}

#[test]
fn a_frozen_page_goes_on_when_it_is_resumed_and_a_hidden_one_when_somebody_looks() {
    use PageEvent::{Frozen, Hidden, Resumed, Visible};
    for (pause, other, own) in [(Frozen, Visible, Resumed), (Hidden, Resumed, Visible)] {
        let mut config = ConnectionConfig::new(url("wss://api.test/", UrlKind::WebSocket), Scheme::Anonymous);
        config.when_hidden = WhenHidden::CloseAfter;
        let mut machine = Connection::new(config, user(1), 1);
        machine.handle_input(at(0), Input::Connect);
        opened(&mut machine, 0);
        machine.handle_input(at(10_000), Input::Page(pause));
        while pause == Hidden && machine.state() != ConnectionState::Suspended {
            let now = machine.poll_timeout().expect("it is let go of").as_millis();
            machine.handle_input(at(now), Input::Timeout);
        }
        assert_eq!(machine.state(), ConnectionState::Suspended);
        machine.handle_input(at(9_000_000), Input::Page(other));
        assert_eq!(machine.state(), ConnectionState::Suspended, "{pause:?}, {other:?}");
        machine.handle_input(at(9_000_000), Input::Page(own));
        assert_eq!(machine.state(), ConnectionState::Connecting, "{pause:?}, {own:?}");
    }
}

#[test]
fn a_socket_that_was_taken_over_from_is_closed_when_the_next_has_lasted() {
    let (mut machine, first) = handing_over();
    let second = renewed(&mut machine, 1_000, 2);
    machine.handle_input(at(1_100), Input::SocketOpened { socket: second, protocol: String::new() });
    let closes = |machine: &mut Connection| {
        let outputs = drain(machine);
        outputs.iter().any(|output| matches!(output, Output::CloseSocket { socket, .. } if *socket == first))
    };
    assert!(!closes(&mut machine), "what is on its way still arrives");
    machine.handle_input(at(1_100 + 5_000), Input::Timeout);
    assert!(closes(&mut machine));
    assert_eq!((machine.socket(), machine.state()), (Some(second), ConnectionState::Connected));
}

#[test]
fn what_the_session_said_before_it_said_something_newer_changes_nothing() {
    let (mut machine, socket) = connecting(query(), 1);
    machine.handle_input(at(0), Input::SocketOpened { socket, protocol: String::new() });
    machine.handle_input(at(1), Input::Session(user(2)));
    let socket = super::dialled(&mut machine, 1, 2).expect("a dial for the second");
    machine.handle_input(at(2), Input::Session(user(1)));
    let outputs = drain(&mut machine);
    assert!(
        !outputs.iter().any(|output| matches!(output, Output::CloseSocket { .. } | Output::RequestToken { .. })),
        "{outputs:?}"
    );
    assert_eq!((machine.socket(), machine.user_epoch()), (Some(socket), 2));
}

/// A text with an id.
struct Numbered;

impl Outgoing for Numbered {
    fn length(&self) -> usize {
        10
    }

    fn text(&self) -> Option<String> {
        Some(r#"{"id":"a"}"#.to_owned())
    }

    fn instant(&self) -> Instant {
        Instant::from_millis(500)
    }
}

#[test]
fn a_socket_that_was_taken_over_from_still_confirms_what_was_sent_on_it() {
    let mut config = ConnectionConfig::new(url("wss://api.test/", UrlKind::WebSocket), query());
    config.handover = true;
    config.confirm = Some(Confirm::new("id".to_owned(), json(r#"{"ack":"$id"}"#)));
    let mut machine = Connection::new(config, user(1), 1);
    machine.handle_input(at(0), Input::Connect);
    let first = super::dialled(&mut machine, 0, 1).expect("a dial");
    machine.handle_input(at(0), Input::SocketOpened { socket: first, protocol: String::new() });
    drain(&mut machine);
    machine.send(MessageId(1), &Numbered, None).expect("there is room");
    let second = renewed(&mut machine, 1_000, 2);
    machine.handle_input(at(1_100), Input::SocketOpened { socket: second, protocol: String::new() });
    drain(&mut machine);
    hear(&mut machine, first, 1_200, r#"{"ack":"a"}"#);
    let outputs = drain(&mut machine);
    let is_confirmed =
        |output: &Output| matches!(output, Output::Event(Event::Message { status: DeliveryStatus::Confirmed, .. }));
    assert!(outputs.iter().any(is_confirmed), "{outputs:?}");
    assert_eq!(machine.stats().unacknowledged, 0);
}

#[test]
fn what_the_old_socket_says_is_no_proof_that_the_new_one_was_accepted() {
    let mut config =
        ConnectionConfig::new(url("wss://api.test/", UrlKind::WebSocket), Scheme::FirstMessage(in_text(false)));
    config.handover = true;
    let mut machine = Connection::new(config, user(1), 1);
    machine.handle_input(at(0), Input::Connect);
    let first = super::dialled(&mut machine, 0, 1).expect("a dial");
    machine.handle_input(at(0), Input::SocketOpened { socket: first, protocol: String::new() });
    drain(&mut machine);
    hear(&mut machine, first, 10, "welcome");
    let second = renewed(&mut machine, 1_000, 2);
    machine.handle_input(at(1_100), Input::SocketOpened { socket: second, protocol: String::new() });
    machine.send(MessageId(1), &Byte, None).expect("there is room");
    drain(&mut machine);
    hear(&mut machine, first, 1_200, "news");
    // The server refuses the token of the new socket, so it has taken none of the messages that followed.
    let (code, reason, was_clean) = (4401, String::new(), true);
    machine.handle_input(at(1_300), Input::SocketClosed { socket: second, code, reason, was_clean });
    drain(&mut machine);
    assert_eq!(machine.stats().queued, 1, "it is sent again");
}

#[test]
fn an_error_event_goes_with_every_failure_but_the_end_of_a_token_on_an_open_socket() {
    for (is_open, code, fires) in [(true, 4401, false), (true, 1006, true), (false, 4401, true), (false, 1006, true)] {
        let (mut machine, socket) = connecting(query(), 1);
        if is_open {
            machine.handle_input(at(10), Input::SocketOpened { socket, protocol: String::new() });
        }
        drain(&mut machine);
        machine.handle_input(at(9_000), Input::SocketClosed { socket, code, reason: String::new(), was_clean: true });
        let told: Vec<_> = changes(drain(&mut machine)).iter().map(|change| change.fires_error).collect();
        assert_eq!(told, [fires], "open: {is_open}, {code}");
    }
}

#[test]
fn one_that_never_comes_back_is_closed_as_a_websocket_is_before_it_is_open_and_after() {
    for (reconnects, is_open, code) in [(false, false, 1006), (false, true, 3000), (true, false, 3000)] {
        let mut config = ConnectionConfig::new(url("wss://api.test/", UrlKind::WebSocket), Scheme::Anonymous);
        config.reconnects = reconnects;
        let mut machine = Connection::new(config, SessionView::default(), 1);
        machine.handle_input(at(0), Input::Connect);
        if is_open {
            opened(&mut machine, 10);
        }
        drain(&mut machine);
        machine.handle_input(at(20), Input::Close { code: 3000, reason: "done".to_owned() });
        let codes: Vec<_> = drain(&mut machine)
            .into_iter()
            .filter_map(|output| if let Output::Event(Event::Closed { code, .. }) = output { Some(code) } else { None })
            .collect();
        assert_eq!(codes, [code], "comes back: {reconnects}, open: {is_open}");
    }
}

#[test]
fn a_closed_socket_reports_a_change_of_user_and_stays_closed() {
    let (mut machine, _) = connecting(query(), 1);
    machine.handle_input(at(1), Input::Close { code: 1000, reason: String::new() });
    drain(&mut machine);
    machine.handle_input(at(2), Input::Session(user(2)));
    let changes = changes(drain(&mut machine));
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].state, ConnectionState::Closed);
    assert!(changes[0].user_changed && !changes[0].fires_error);
}

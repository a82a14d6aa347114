//! What one connection does about each thing that happens to it.

use gatepass::proto::connection::{
    Connection, ConnectionConfig, ConnectionState, Event, Fate, Input, Output, SocketId, StateChange,
};
use gatepass::proto::http::{HttpResponse, NoAnswer};
use gatepass::proto::outbox::MessageId;
use gatepass::proto::scheme::{Scheme, Ticket};
use gatepass::proto::session::{RequestId, SessionView};
use gatepass::proto::{Millis, Secret, UrlKind};

use super::{Byte, at, connecting, grant, query, url, user};
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
fn asked(machine: &mut Connection, now: u64, epoch: u32) -> RequestId {
    for _ in 0..8 {
        for output in drain(machine) {
            if let Output::Want { want, .. } = output {
                machine.handle_input(at(now), Input::Token { want, result: Ok(grant(epoch)) });
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
    let want = drain(&mut machine)
        .into_iter()
        .find_map(|output| if let Output::Want { want, .. } = output { Some(want) } else { None });
    machine.handle_input(at(0), Input::Token { want: want.expect("a token is asked for"), result: Ok(grant(1)) });
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
    let told = place(|output| matches!(output, Output::Event(Event::Message { fate: Fate::Sent, .. })));
    assert!(handed < told, "{outputs:?}");
}

/// A connection of the first user's that hands over, with a socket of the first token.
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

/// The session has another token: the socket that is dialled with it.
fn renewed(machine: &mut Connection, now: u64, generation: u32) -> SocketId {
    machine.handle_input(at(now), Input::Session(SessionView { generation, ..user(1) }));
    let want = drain(machine)
        .into_iter()
        .find_map(|output| if let Output::Want { want, .. } = output { Some(want) } else { None });
    let mut token = grant(1);
    token.generation = generation;
    machine.handle_input(at(now), Input::Token { want: want.expect("a token is asked for"), result: Ok(token) });
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
    assert!(!outputs.iter().any(|output| matches!(output, Output::Want { .. })), "{outputs:?}");
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
    // The timer rang 20 s late: an answer may be waiting behind it.
    machine.handle_input(at(55_000), Input::Timeout);
    assert_eq!((pings(&mut machine), machine.socket()), (1, Some(socket)));
    machine.handle_input(at(65_001), Input::Timeout);
    assert_eq!(pings(&mut machine), 0);
    assert_eq!(machine.state(), ConnectionState::Waiting);
}

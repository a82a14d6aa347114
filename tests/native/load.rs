//! Many native sockets against one server that restarts twice: every message is acknowledged once, in order. `cargo xtask load` runs
//! it, and says how to use it.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that measures time, prints what it found, and has failed if it cannot go on"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gatepass::native::{AuthSocket, Message};
use gatepass::proto::connection::{ConnectionConfig, DeliveryStatus, Event};
use gatepass::proto::outbox::Confirm;
use gatepass::proto::scheme::Scheme;
use gatepass::proto::{Json, Url, UrlKind};
use tokio::sync::Barrier;

/// Messages of each socket: before the first restart, in the middle of it, and in the middle of the second.
const ROUNDS: usize = 3;
const PER_ROUND: usize = 5;

#[derive(Default)]
struct Counts {
    confirmed: AtomicU64,
    twice: AtomicU64,
    dropped: AtomicU64,
    connections: AtomicU64,
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, control, sockets] = arguments.as_slice() else { panic!("run this by `cargo xtask load`") };
    let sockets: usize = sockets.parse().unwrap();
    let began = Instant::now();
    let (counts, barrier) = (Arc::new(Counts::default()), Arc::new(Barrier::new(sockets + 1)));
    let before = memory();
    let tasks: Vec<_> = (0..sockets)
        .map(|number| {
            let socket = AuthSocket::new(config(server), None).unwrap();
            tokio::spawn(run(socket, number, Arc::clone(&counts), Arc::clone(&barrier)))
        })
        .collect();
    barrier.wait().await;
    let per_socket = memory().saturating_sub(before) / sockets;
    println!("{sockets} sockets connected after {:.1} s, {per_socket} bytes each here", began.elapsed().as_secs_f64());
    for restart in 1..ROUNDS {
        barrier.wait().await;
        // Every socket has just sent, without waiting for the answer.
        post(control, r#"{"do": "restart"}"#).await;
        println!("restart {restart} after {:.1} s", began.elapsed().as_secs_f64());
    }
    barrier.wait().await;
    for task in tasks {
        task.await.unwrap();
    }
    println!("all confirmed after {:.1} s", began.elapsed().as_secs_f64());
    report(&counts, control, sockets).await;
}

fn config(server: &str) -> ConnectionConfig {
    let url = Url::parse("url", &format!("{server}/ws/anonymous/"), UrlKind::WebSocket).unwrap();
    let mut config = ConnectionConfig::new(url, Scheme::Anonymous);
    // This server echoes.
    config.confirm = Some(Confirm { id: "id".to_owned(), ack: Json::parse(r#"{"id": "$id"}"#).unwrap() });
    config
}

async fn run(mut socket: AuthSocket, number: usize, counts: Arc<Counts>, barrier: Arc<Barrier>) {
    socket.connect();
    socket.ready().await.unwrap();
    barrier.wait().await;
    let (mut sent, mut confirmed) = (BTreeMap::new(), 0);
    for round in 0..ROUNDS {
        for place in 0..PER_ROUND {
            let order = round * PER_ROUND + place;
            let text = format!(r#"{{"id": "{number}/{order}"}}"#);
            socket.send(Message::Text(text)).await.unwrap();
        }
        barrier.wait().await;
        // The rest comes with the next rounds, so that a restart happens while messages are in flight.
        let until = if round + 1 == ROUNDS { ROUNDS * PER_ROUND } else { round * PER_ROUND };
        while confirmed < until {
            match socket.next_event().await.expect("an open socket") {
                Event::Message { message, status: DeliveryStatus::Confirmed } => {
                    confirmed += 1;
                    counts.confirmed.fetch_add(1, Ordering::Relaxed);
                    let times = sent.entry(message).or_insert(0_u32);
                    *times += 1;
                    counts.twice.fetch_add(u64::from(*times > 1), Ordering::Relaxed);
                }
                Event::Message { status: DeliveryStatus::Dropped, .. } => {
                    counts.dropped.fetch_add(1, Ordering::Relaxed);
                }
                Event::Message { status: DeliveryStatus::Sent | DeliveryStatus::Unconfirmed, .. }
                | Event::Closed { .. }
                | Event::HandedOver
                | Event::Opened
                | Event::StateChanged(_) => {}
            }
        }
    }
    counts.connections.fetch_add(u64::from(socket.stats().connections), Ordering::Relaxed);
    socket.close(1000, "").unwrap();
}

/// Compares the acknowledged messages with those that the server received.
async fn report(counts: &Counts, control: &str, sockets: usize) {
    let received = reqwest::get(format!("{control}/received")).await.unwrap().text().await.unwrap();
    let received: serde_json::Value = serde_json::from_str(&received).unwrap();
    let mut first: Vec<Vec<usize>> = vec![Vec::new(); sockets];
    let mut resent = 0;
    for text in received.as_array().unwrap().iter().filter_map(|entry| entry.get("text")?.as_str()) {
        let message: serde_json::Value = serde_json::from_str(text).unwrap();
        let (number, order) = message["id"].as_str().unwrap().split_once('/').unwrap();
        let (number, order): (usize, usize) = (number.parse().unwrap(), order.parse().unwrap());
        if first[number].contains(&order) {
            resent += 1;
        } else {
            first[number].push(order);
        }
    }
    let lost: usize = first.iter().map(|orders| ROUNDS * PER_ROUND - orders.len()).sum();
    let reordered = first.iter().filter(|orders| !orders.is_sorted()).count();
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!(
        "messages: {} confirmed, {lost} lost, {} confirmed twice, {} dropped; {reordered} sockets out of order",
        read(&counts.confirmed),
        read(&counts.twice),
        read(&counts.dropped)
    );
    println!("{resent} came to the server once more before they were confirmed, with the same id");
    println!("{} connections in all; {} bytes resident here", read(&counts.connections), memory());
    assert_eq!((lost, reordered, read(&counts.twice), read(&counts.dropped)), (0, 0, 0, 0));
}

async fn post(control: &str, command: &'static str) {
    let client = reqwest::Client::new();
    let response = client.post(control).body(command).timeout(Duration::from_secs(60)).send().await.unwrap();
    assert_eq!(response.status(), 204);
}

/// The resident set in bytes; 0 where that cannot be read.
fn memory() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or_default() * 1024
}

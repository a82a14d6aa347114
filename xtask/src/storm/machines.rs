//! gatepass's own machine, one for each client.

use anyhow::{Context, Result};
use gatepass::proto::connection::{Connection, ConnectionConfig, ConnectionState, Input, Output, SocketId};
use gatepass::proto::scheme::Scheme;
use gatepass::proto::session::SessionView;
use gatepass::proto::{Instant, Now, UnixTime, Url, UrlKind};

use super::server::{Crowd, Storm};

/// How long everybody had been connected before the loss, in milliseconds.
const UPTIME: u64 = 60_000;

pub(super) struct Machines {
    machines: Vec<Connection>,
    /// Over how many seconds the server asks to spread, if it says anything.
    spread: Option<f64>,
}

impl Machines {
    /// Machines that have been connected for a while.
    pub(super) fn connected(clients: u32, seed: u64, spread: Option<f64>) -> Result<Self> {
        let url = Url::parse("url", "wss://api.example.com/feed/", UrlKind::WebSocket).context("the address")?;
        let config = ConnectionConfig::new(url, Scheme::Anonymous);
        let machine = |client: u32| {
            let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(u64::from(client));
            let mut machine = Connection::new(config.clone(), SessionView::default(), seed);
            machine.handle_input(at(0), Input::Connect);
            if let Some(socket) = dialled(&mut machine) {
                machine.handle_input(at(0), Input::SocketOpened { socket, protocol: String::new() });
            }
            machine.handle_input(at(UPTIME), Input::Timeout);
            while machine.poll_output().is_some() {}
            machine
        };
        Ok(Self { machines: (0..clients).map(machine).collect(), spread })
    }

    /// A client that is not connected waits.
    fn wait(&mut self, client: usize, storm: &mut Storm) {
        let machine = &mut self.machines[client];
        while machine.poll_output().is_some() {}
        if machine.state() != ConnectionState::Connected
            && let Some(due) = machine.poll_timeout()
        {
            storm.expect(client as u32, due.as_millis().saturating_sub(UPTIME));
        }
    }
}

impl Crowd for Machines {
    fn lose(&mut self, storm: &mut Storm) {
        let (code, reason) =
            self.spread.map_or((1006, String::new()), |spread| (1012, format!(r#"{{"spread": {spread}}}"#)));
        for client in 0..self.machines.len() {
            let machine = &mut self.machines[client];
            let Some(socket) = machine.socket() else { continue };
            let input = Input::SocketClosed { socket, code, reason: reason.clone(), was_clean: code != 1006 };
            machine.handle_input(at(UPTIME), input);
            self.wait(client, storm);
        }
    }

    fn try_again(&mut self, client: u32, now: u64, storm: &mut Storm) {
        let client = client as usize;
        let machine = &mut self.machines[client];
        machine.handle_input(at(UPTIME + now), Input::Timeout);
        if let Some(socket) = dialled(machine) {
            let answer = if storm.admits(now) {
                Input::SocketOpened { socket, protocol: String::new() }
            } else {
                Input::SocketClosed { socket, code: 1006, reason: String::new(), was_clean: false }
            };
            machine.handle_input(at(UPTIME + now), answer);
        }
        self.wait(client, storm);
    }
}

fn dialled(machine: &mut Connection) -> Option<SocketId> {
    let mut dialled = None;
    while let Some(output) = machine.poll_output() {
        if let Output::Open { socket, .. } = output {
            dialled = Some(socket);
        }
    }
    dialled
}

fn at(millis: u64) -> Now {
    Now { instant: Instant::from_millis(millis), unix: UnixTime::from_millis(millis as i64) }
}

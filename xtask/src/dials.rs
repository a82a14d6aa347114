//! How often a server is dialled that takes every connection and drops it after some seconds, as a proxy or a backend with a read timeout
//! does. The real machine in virtual time.

use anyhow::{Result, bail};
use gatepass::proto::connection::{Connection, ConnectionConfig, Input, Output, SocketId};
use gatepass::proto::scheme::Scheme;
use gatepass::proto::session::SessionView;
use gatepass::proto::{Instant, Millis, Now, UnixTime, Url, UrlKind};

/// What a server lives through that is dialled, in milliseconds.
const TEN_MINUTES: u64 = 600_000;
const SEEDS: u64 = 200;
/// How long the server keeps a connection, in seconds.
const KEPT: [u64; 14] = [0, 1, 2, 3, 5, 6, 8, 10, 15, 20, 30, 31, 45, 60];

/// Prints the figures; fails if a server that drops later is dialled more often than one that drops at once.
pub(crate) fn run() -> Result<()> {
    println!("Dials in ten minutes of a server that drops every connection ({SEEDS} seeds)\n");
    println!("{:>14}{:>8}{:>8}", "dropped after", "mean", "most");
    let mut flapping = None;
    for seconds in KEPT {
        let dials = (0..SEEDS).map(|seed| dials(seed, seconds * 1_000)).collect::<Result<Vec<u64>>>()?;
        let (mean, most) =
            (dials.iter().sum::<u64>() as f64 / SEEDS as f64, dials.iter().max().copied().unwrap_or_default());
        println!("{:>14}{mean:>8.1}{most:>8}", format!("{seconds} s"));
        if mean > *flapping.get_or_insert(mean) {
            bail!("a server that drops after {seconds} s is dialled more often than one that drops at once");
        }
    }
    Ok(())
}

fn dials(seed: u64, kept: u64) -> Result<u64> {
    let url = Url::parse("url", "wss://api.example.com/", UrlKind::WebSocket)?;
    let mut machine = Connection::new(ConnectionConfig::new(url, Scheme::Anonymous), SessionView::default(), seed);
    let at = |millis: u64| Now {
        instant: Instant::from_millis(millis),
        unix: UnixTime::from_millis(1_800_000_000_000).after(Millis::from_millis(millis)),
    };
    let (mut now, mut dials) = (0, 0);
    let mut open: Option<(SocketId, u64)> = None;
    machine.handle_input(at(now), Input::Connect);
    while now < TEN_MINUTES {
        while let Some(output) = machine.poll_output() {
            if let Output::Open { socket, .. } = output {
                dials += 1;
                open = Some((socket, now + kept));
                machine.handle_input(at(now), Input::SocketOpened { socket, protocol: String::new() });
            }
        }
        let deadline = machine.poll_timeout().map_or(u64::MAX, Instant::as_millis);
        match open {
            Some((socket, until)) if until <= deadline => {
                now = now.max(until);
                open = None;
                let (code, reason, was_clean) = (1006, String::new(), false);
                machine.handle_input(at(now), Input::SocketClosed { socket, code, reason, was_clean });
            }
            Some(_) | None => {
                now = now.max(deadline);
                machine.handle_input(at(now), Input::Timeout);
            }
        }
    }
    Ok(dials)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_server_that_drops_every_connection_later_is_dialled_no_more_often() {
        super::run().unwrap();
    }
}

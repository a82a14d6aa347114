//! The default formulas of others, as their sources have them in 2026.

use super::server::{Crowd, Storm};

/// How long until the next try.
pub(super) struct Formula {
    pub(super) name: &'static str,
    /// The delay in milliseconds before the try of that number, counted from 0; none if it has given up. `own` is drawn once per
    /// client, from 0 to 1.
    delay: fn(tries: u32, own: f64, rng: &mut fastrand::Rng) -> Option<f64>,
}

pub(super) const FORMULAS: [Formula; 10] = [
    Formula { name: "full jitter from 500 ms", delay: |tries, _, rng| Some(full_jitter(tries, rng)) },
    Formula {
        name: "the same, first spread over 5 s",
        delay: |tries, _, rng| Some(if tries == 0 { rng.f64() * 5_000.0 } else { full_jitter(tries, rng) }),
    },
    // min + U(0, 500·2^n), at most 20 s.
    Formula {
        name: "centrifuge",
        delay: |tries, _, rng| Some((500.0 + rng.f64() * doubled(500.0, tries).min(20_000.0)).min(20_000.0)),
    },
    // 1 s·2^n up to 16 s, ±50 %.
    Formula { name: "convex", delay: |tries, _, rng| Some(doubled(1_000.0, tries).min(16_000.0) * (0.5 + rng.f64())) },
    // 1 to 5 s, chosen once for each page, ·1.3^n up to 10 s.
    Formula {
        name: "reconnecting-websocket",
        delay: |tries, own, _| Some(((1_000.0 + own * 4_000.0) * grown(tries)).min(10_000.0)),
    },
    // 1 s·2^n ±50 %, then cut to 5 s.
    Formula {
        name: "socket.io",
        delay: |tries, _, rng| Some((doubled(1_000.0, tries) * (0.5 + rng.f64())).min(5_000.0)),
    },
    Formula {
        name: "phoenix",
        delay: |tries, _, _| {
            let steps = [10.0, 50.0, 100.0, 150.0, 200.0, 250.0, 500.0, 1_000.0, 2_000.0];
            Some(steps.get(tries as usize).copied().unwrap_or(5_000.0))
        },
    },
    Formula { name: "home-assistant", delay: |tries, _, _| Some(f64::from(tries.min(5)) * 1_000.0) },
    // 3 s·1.3^n up to 10 s.
    Formula { name: "partysocket", delay: |tries, _, _| Some((3_000.0 * grown(tries)).min(10_000.0)) },
    // With automatic reconnect, which has to be asked for.
    Formula { name: "SignalR", delay: |tries, _, _| [0.0, 2_000.0, 10_000.0, 30_000.0].get(tries as usize).copied() },
];

fn doubled(base: f64, tries: u32) -> f64 {
    base * 2_f64.powi(tries.min(31) as i32)
}

fn grown(tries: u32) -> f64 {
    1.3_f64.powi(tries.min(100) as i32)
}

fn full_jitter(tries: u32, rng: &mut fastrand::Rng) -> f64 {
    rng.f64() * doubled(500.0, tries).min(30_000.0)
}

pub(super) struct Peers<'a> {
    formula: &'a Formula,
    clients: Vec<(u32, f64)>,
    rng: fastrand::Rng,
}

impl<'a> Peers<'a> {
    pub(super) fn new(formula: &'a Formula, clients: u32, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        Self { formula, clients: (0..clients).map(|_| (0, rng.f64())).collect(), rng }
    }

    fn wait(&mut self, client: u32, now: u64, storm: &mut Storm) {
        let (tries, own) = &mut self.clients[client as usize];
        if let Some(delay) = (self.formula.delay)(*tries, *own, &mut self.rng) {
            storm.expect(client, now + delay as u64);
        }
        *tries += 1;
    }
}

impl Crowd for Peers<'_> {
    fn lose(&mut self, storm: &mut Storm) {
        for client in 0..self.clients.len() as u32 {
            self.wait(client, 0, storm);
        }
    }

    fn try_again(&mut self, client: u32, now: u64, storm: &mut Storm) {
        if !storm.admits(now) {
            self.wait(client, now, storm);
        }
    }
}

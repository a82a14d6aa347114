//! The server of a storm, and virtual time: who tries when, who is admitted, and what was counted.

use std::collections::BTreeMap;

/// Nobody is waited for any longer.
const HOUR: u64 = 3_600_000;
/// The worst is looked for in steps of this.
pub(super) const STEP: u64 = 100;

/// One server after it was lost, and those who try to come back. Times in milliseconds since the loss.
pub(crate) struct Storm {
    clients: u32,
    capacity: u32,
    /// What may be admitted at once: what a tenth of a second has saved.
    room: f64,
    counted_at: u64,
    /// Who tries when.
    due: BTreeMap<u64, Vec<u32>>,
    /// How many tried in each step.
    arrivals: Vec<u32>,
    tries: u64,
    back: u32,
    last_back_at: u64,
}

impl Storm {
    fn new(clients: u32, capacity: u32) -> Self {
        Self {
            clients,
            capacity,
            room: f64::from(capacity) / 10.0,
            counted_at: 0,
            due: BTreeMap::new(),
            arrivals: Vec::new(),
            tries: 0,
            back: 0,
            last_back_at: 0,
        }
    }

    /// A client will try then.
    pub(super) fn expect(&mut self, client: u32, at: u64) {
        self.due.entry(at).or_default().push(client);
    }

    /// A client tries: returns whether it is admitted.
    pub(super) fn admits(&mut self, now: u64) -> bool {
        let step = (now / STEP) as usize;
        if self.arrivals.len() <= step {
            self.arrivals.resize(step + 1, 0);
        }
        self.arrivals[step] += 1;
        self.tries += 1;
        let capacity = f64::from(self.capacity);
        self.room = (self.room + capacity * (now - self.counted_at) as f64 / 1000.0).min(capacity / 10.0);
        self.counted_at = now;
        if self.room < 1.0 {
            return false;
        }
        self.room -= 1.0;
        self.back += 1;
        self.last_back_at = now;
        true
    }

    pub(super) fn ideal(&self) -> f64 {
        f64::from(self.clients) / f64::from(self.capacity)
    }

    pub(super) fn all_back_at(&self) -> Option<u64> {
        (self.back == self.clients).then_some(self.last_back_at)
    }

    pub(super) fn share_back(&self) -> f64 {
        f64::from(self.back) / f64::from(self.clients)
    }

    /// The most that arrived in a step, against what is admitted in one.
    pub(super) fn worst(&self) -> f64 {
        let most = self.arrivals.iter().max().copied().unwrap_or_default();
        f64::from(most) / (f64::from(self.capacity) / 10.0)
    }

    pub(super) fn tries_each(&self) -> f64 {
        self.tries as f64 / f64::from(self.clients)
    }

    /// Arrivals against the capacity, step by step.
    pub(super) fn curve(&self) -> impl Iterator<Item = f64> {
        let room = f64::from(self.capacity) / 10.0;
        self.arrivals.iter().map(move |arrived| f64::from(*arrived) / room)
    }
}

/// What comes back: clients of one kind.
pub(super) trait Crowd {
    /// All of them lose the server.
    fn lose(&mut self, storm: &mut Storm);
    /// A client's wait is over.
    fn try_again(&mut self, client: u32, now: u64, storm: &mut Storm);
}

/// Lets all clients lose the server, and time pass until all are connected, none tries any more, or an hour is over.
pub(super) fn pass(crowd: &mut impl Crowd, clients: u32, capacity: u32) -> Storm {
    let mut storm = Storm::new(clients, capacity);
    crowd.lose(&mut storm);
    while let Some((at, clients)) = storm.due.pop_first().filter(|(at, _)| *at <= HOUR) {
        for client in clients {
            crowd.try_again(client, at, &mut storm);
        }
    }
    storm
}

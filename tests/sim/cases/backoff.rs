//! The backoff beside a model that remembers all attempts, and computes the next window from all of them.

use gatepass::proto::Millis;
use gatepass::proto::backoff::BackoffOptions;
use gatepass::proto::connection::{
    Connection, ConnectionConfig, ConnectionState, Event, Input, Output, PageEvent, SocketId,
};
use gatepass::proto::scheme::Scheme;
use gatepass::proto::session::SessionView;
use gatepass::proto::{Instant, Now, UnixTime, Url, UrlKind};

const MIN_UPTIME: u64 = 5_000;
/// How long a loss counts as this computer's own, after its network is back.
const OWN_LOSS: u64 = 30_000;
/// Close reasons of a server, with their least wait and spread.
const REASONS: [(&str, u64, Option<u64>); 4] = [
    ("", 0, None),
    (r#"{"retry_after":7}"#, 7_000, None),
    (r#"{"spread":60}"#, 0, Some(60_000)),
    (r#"{"retry_after":90,"spread":0.2}"#, 90_000, Some(200)),
];

/// An attempt that has ended.
#[derive(Debug)]
struct Try {
    /// For the minimum uptime.
    lasted: bool,
    /// Long enough to forget earlier attempts: the minimum uptime plus the longest wait.
    forgets: bool,
    without_network: bool,
    own_network: bool,
    retry_after: u64,
    spread: Option<u64>,
}

/// Returns the shortest wait after the last attempt, and the most that may be added, in milliseconds.
fn window(options: BackoffOptions, tries: &[Try]) -> (u64, u64) {
    let [base, cap, spread] = [options.base, options.cap, options.spread].map(|span| span.as_millis());
    let last = tries.last().expect("a try that has ended");
    if last.without_network {
        return (cap / 2, cap / 2);
    }
    let since = tries.iter().rposition(|one| one.forgets).map_or(tries, |place| &tries[place..]);
    let failures: Vec<_> = since.iter().filter(|one| !one.without_network).collect();
    if failures.len() == 1 && last.lasted && !last.own_network {
        return (last.retry_after, last.spread.unwrap_or(spread));
    }
    let mut grown = base;
    for _ in &failures[1..] {
        grown = (grown * 2).min(cap);
    }
    let fell_with_others = failures[0].lasted && !failures[0].own_network;
    let least = if fell_with_others { spread } else { 0 };
    let (retry_after, hinted) =
        if last.lasted && last.own_network { (0, 0) } else { (last.retry_after, last.spread.unwrap_or(0)) };
    (retry_after, grown.max(least).min(cap).max(hinted))
}

/// One connection and its clock.
struct Life {
    machine: Connection,
    now: u64,
    dialled: Option<SocketId>,
    told: Option<Millis>,
}

impl Life {
    fn give(&mut self, input: Input<'_>) {
        let now = Now { instant: Instant::from_millis(self.now), unix: UnixTime::from_millis(self.now as i64) };
        self.machine.handle_input(now, input);
        while let Some(output) = self.machine.poll_output() {
            if let Output::Open { socket, .. } = output {
                self.dialled = Some(socket);
            } else if let Output::Event(Event::StateChanged(change)) = output {
                self.told = change.retry_in;
            }
        }
    }

    fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        while let Some(timer) = self.machine.poll_timeout().filter(|timer| *timer <= Instant::from_millis(end)) {
            self.now = timer.since(Instant::from_millis(0)).as_millis();
            self.give(Input::Timeout);
        }
        self.now = end;
    }
}

/// Runs random attempts and returns every wait as a fraction: 0 is the shortest, 1 the longest.
fn live(seed: u64, places: &mut Vec<f64>) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut span = |range| Millis::from_millis(dice.u64(range));
    let options = BackoffOptions { base: span(1..2_000), cap: span(5_000..60_000), spread: span(0..20_000) };
    let mut config = ConnectionConfig::new(
        Url::parse("url", "wss://api.test/", UrlKind::WebSocket).expect("an address"),
        Scheme::Anonymous,
    );
    config.backoff = options;
    let mut life =
        Life { machine: Connection::new(config, SessionView::default(), seed), now: 0, dialled: None, told: None };
    let (mut tries, mut offline, mut back) = (Vec::new(), false, None);
    life.give(Input::Connect);
    for _ in 0..60 {
        let socket = life.dialled.take().expect("a try");
        let opens = dice.bool();
        let opened = life.now;
        if opens {
            life.give(Input::SocketOpened { socket, protocol: String::new() });
            let uptime = [0, 4_999, 5_000, 20_000, 50_000][dice.usize(0..5)];
            life.pass(uptime);
        }
        if dice.u8(0..4) == 0 {
            offline = !offline;
            back = (!offline).then_some(life.now);
            life.give(Input::Page(if offline { PageEvent::Offline } else { PageEvent::Online }));
        }
        // A socket from before a long time offline has been given up by now.
        let is_there = life.machine.socket() == Some(socket);
        let code = if is_there { [1006, 1001, 1012, 1013][dice.usize(0..4)] } else { 1006 };
        let (reason, asked, spread) = if is_there && opens { REASONS[dice.usize(0..4)] } else { REASONS[0] };
        if is_there {
            life.pass(dice.u64(0..=1) * 100);
            let was_clean = code != 1006;
            life.give(Input::SocketClosed { socket, code, reason: reason.to_owned(), was_clean });
        }
        let at_least = if opens && code == 1013 { 15_000 } else { 0 };
        tries.push(Try {
            lasted: opens && life.now - opened >= MIN_UPTIME,
            forgets: opens && life.now - opened >= MIN_UPTIME.max(options.cap.as_millis()),
            without_network: offline,
            own_network: back.is_some_and(|back| life.now - back < OWN_LOSS),
            retry_after: asked.max(at_least),
            spread,
        });
        let (least, more) = window(options, &tries);
        let wait = life.told.expect("a wait").as_millis();
        assert!(
            (least..=least + more).contains(&wait),
            "seed {seed}: {wait} in {least}+{more} of {options:?} after {tries:?}"
        );
        if more > 0 {
            places.push((wait - least) as f64 / more as f64);
        }
        let expected = if offline { ConnectionState::Suspended } else { ConnectionState::Waiting };
        assert_eq!(life.machine.state(), expected, "seed {seed}");
        life.pass(wait);
    }
}

#[test]
fn case_101_the_backoff_does_what_a_slow_and_simple_twin_does() {
    let mut places = Vec::new();
    for seed in 0..500 {
        live(seed, &mut places);
    }
    // Waits are uniform in their window, at every attempt.
    let mut tenths = [0_usize; 10];
    for place in &places {
        tenths[((place * 10.0) as usize).min(9)] += 1;
    }
    for count in tenths {
        assert!(count * 100 > places.len() * 9 && count * 100 < places.len() * 11, "{tenths:?}");
    }
}

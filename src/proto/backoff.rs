//! How long to wait before the next try.
//!
//! Full jitter: a random time in [0, min(cap, base·2ⁿ)], so that clients that fell together do not return together. The
//! first try after the loss of a stable connection is spread over a range of its own. Until the next connection no range is shorter, so that
//! refused clients do not collide with clients that have not tried yet.
//!
//! Source: <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>

use super::contract::options;
use super::hint::Hint;
use crate::proto::Millis;

options! {
    /// The wait between tries, full jitter, in milliseconds.
    #[derive(Copy, PartialEq, Eq)]
    pub struct BackoffOptions = "BackoffOptions" {
        takes {
            /// The longest first wait. It doubles with every failure.
            base: Millis = Millis::from_millis(500), "base";
            /// The limit to which the wait doubles. `spread`, and waits that the server asks for, may be longer. A
            /// try with a renewed token waits for at most 1 s.
            cap: Millis = Millis::from_secs(30), "cap";
            /// The longest wait before the first try after a stable connection was lost. Until it is connected again,
            /// every wait is drawn from at least this range.
            spread: Millis = Millis::from_secs(5), "spread";
        }
    }
}

/// Counts failures in a row and draws delays.
#[derive(Debug)]
pub(crate) struct Backoff {
    options: BackoffOptions,
    failures: u32,
    /// The least range.
    floor: Millis,
    rng: fastrand::Rng,
}

impl Backoff {
    pub(crate) fn new(options: BackoffOptions, seed: u64) -> Self {
        Self { options, failures: 0, floor: Millis::ZERO, rng: fastrand::Rng::with_seed(seed) }
    }

    /// Resets it: the connection was stable.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
        self.floor = Millis::ZERO;
    }

    /// Returns the wait after a failure. The minimum of the server's `hint` is added, and its spread is the least range.
    pub(crate) fn after_failure(&mut self, hint: Hint) -> Millis {
        let window = self.window(self.failures);
        self.failures = self.failures.saturating_add(1);
        self.draw(window.max(hint.spread.unwrap_or_default())) + hint.retry_after.unwrap_or_default()
    }

    /// Returns the wait after a stable connection was lost. It counts as a failure.
    pub(crate) fn after_loss(&mut self, hint: Hint) -> Millis {
        if self.failures > 0 {
            return self.after_failure(hint);
        }
        self.failures = 1;
        self.floor = self.options.spread;
        self.draw(hint.spread.unwrap_or(self.options.spread)) + hint.retry_after.unwrap_or_default()
    }

    /// Returns the wait without a network: in the upper half of the longest wait.
    pub(crate) fn slow(&mut self) -> Millis {
        self.draw(self.options.cap.half()) + self.options.cap.half()
    }

    /// Returns a random time of at most `window`.
    pub(crate) fn draw(&mut self, window: Millis) -> Millis {
        // Milliseconds fit into an f64, and a 64-bit division would make the wasm larger.
        Millis::from_millis((self.rng.f64() * ((window).as_millis() as f64 + 1.0)) as u64)
    }

    fn window(&self, failures: u32) -> Millis {
        let factor = 1_u64.checked_shl(failures).unwrap_or(u64::MAX);
        let grown = (self.options.base).as_millis().saturating_mul(factor).max((self.floor).as_millis());
        Millis::from_millis(grown.min((self.options.cap).as_millis()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::hint::RETRY_AFTER_CAP;

    fn asked(retry_after: Millis) -> Hint {
        Hint { retry_after: Some(retry_after), spread: None }
    }

    fn seconds(seconds: u64) -> Millis {
        Millis::from_secs(seconds)
    }

    #[test]
    fn case_101_every_delay_lies_in_its_window_and_the_windows_double_up_to_the_cap() {
        let windows = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000];
        let mut longest = [0; 9];
        for seed in 0..2_000 {
            let mut backoff = Backoff::new(BackoffOptions::default(), seed);
            for (failure, window) in windows.into_iter().enumerate() {
                let delay = backoff.after_failure(Hint::default()).as_millis();
                assert!(delay <= window, "failure {failure}, seed {seed}: {delay} ms");
                longest[failure] = longest[failure].max(delay);
            }
        }
        for (failure, window) in windows.into_iter().enumerate() {
            assert!(longest[failure] * 10 > window * 9, "failure {failure} never came near its window");
        }
    }

    #[test]
    fn case_101_a_thousand_failures_do_not_overflow() {
        let mut backoff = Backoff::new(BackoffOptions::default(), 1);
        for _ in 0..1_000 {
            assert!(backoff.after_failure(Hint::default()) <= seconds(30));
        }
        backoff.failures = u32::MAX;
        assert!(backoff.after_failure(asked(RETRY_AFTER_CAP)) <= seconds(30) + RETRY_AFTER_CAP);
    }

    #[test]
    fn case_101_the_same_seed_draws_the_same_delays() {
        let draw = |seed| {
            let mut backoff = Backoff::new(BackoffOptions::default(), seed);
            [(); 20].map(|()| backoff.after_failure(Hint::default()))
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn retry_after_is_a_minimum() {
        for seed in 0..100 {
            let delay = Backoff::new(BackoffOptions::default(), seed).after_failure(asked(seconds(7)));
            assert!(delay >= seconds(7) && delay <= seconds(7) + Millis::from_millis(500));
        }
    }

    #[test]
    fn the_tries_after_a_loss_are_spread_until_the_windows_are_wider_or_there_is_a_connection() {
        let windows = [5_000, 5_000, 5_000, 5_000, 8_000, 16_000, 30_000, 30_000];
        let mut longest = [0; 8];
        for seed in 0..2_000 {
            let mut backoff = Backoff::new(BackoffOptions::default(), seed);
            for (try_, window) in windows.into_iter().enumerate() {
                let delay = backoff.after_loss(Hint::default()).as_millis();
                assert!(delay <= window, "try {try_}, seed {seed}: {delay} ms");
                longest[try_] = longest[try_].max(delay);
            }
            backoff.reset();
            assert!(backoff.after_failure(Hint::default()) <= Millis::from_millis(500));
        }
        for (try_, window) in windows.into_iter().enumerate() {
            assert!(longest[try_] * 10 > window * 9, "try {try_} never came near its window");
        }
    }

    #[test]
    fn no_window_is_wider_than_the_cap_but_that_of_the_first_try() {
        for seed in 0..500 {
            let options = BackoffOptions { cap: seconds(1), ..BackoffOptions::default() };
            let mut backoff = Backoff::new(options, seed);
            assert!(backoff.after_loss(Hint::default()) <= seconds(5));
            assert!(backoff.after_loss(Hint::default()) <= seconds(1));
        }
    }

    #[test]
    fn both_ends_of_a_window_can_be_drawn() {
        let mut backoff = Backoff::new(BackoffOptions::default(), 5);
        let drawn: std::collections::BTreeSet<_> =
            (0..100).map(|_| backoff.draw(Millis::from_millis(2)).as_millis()).collect();
        assert_eq!(drawn, [0, 1, 2].into());
    }

    #[test]
    fn windows_of_zero_wait_not_at_all() {
        let zero = BackoffOptions { base: Millis::ZERO, cap: Millis::ZERO, spread: Millis::ZERO };
        let mut backoff = Backoff::new(zero, 3);
        assert_eq!(backoff.after_loss(Hint::default()), Millis::ZERO);
        assert_eq!(backoff.after_failure(Hint::default()), Millis::ZERO);
    }
}

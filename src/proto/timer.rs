//! Every timer of the machines, named and explained, and the table that holds their deadlines.

use super::Instant;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// When to stop waiting for the server's hello or its answer to the first message
    Authenticate,
    /// When to try again after a failure
    Backoff,
    /// When to give up a dial that is neither accepted nor refused
    Connect,
    /// When to believe that `close` will not follow an `error` (a socket blocked by CSP in Chromium)
    ErrorWithoutClose,
    /// When to stop waiting for a ticket or a refresh
    Http,
    /// When to stop waiting for the answer to a login
    Login,
    /// When a connection has lasted long enough to forget earlier failures
    Stable,
}

const COUNT: usize = 7;

/// The deadlines that are set; at most one for each timer.
#[derive(Debug, Default)]
pub(crate) struct Timers([Option<Instant>; COUNT]);

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, deadline: Instant) {
        self.0[timer as usize] = Some(deadline);
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(crate) fn stop_all(&mut self) {
        *self = Self::default();
    }

    /// Returns the next deadline of all.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes a timer that is due; the boundary itself is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        const ALL: [Timer; COUNT] = [
            Timer::Authenticate,
            Timer::Backoff,
            Timer::Connect,
            Timer::ErrorWithoutClose,
            Timer::Http,
            Timer::Login,
            Timer::Stable,
        ];
        let due = ALL
            .into_iter()
            .filter_map(|timer| self.0[timer as usize].map(|deadline| (deadline, timer)))
            .filter(|(deadline, _)| *deadline <= now)
            .min_by_key(|(deadline, _)| *deadline)
            .map(|(_, timer)| timer)?;
        self.stop(due);
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_wake_takes_everything_due_in_order() {
        let mut timers = Timers::default();
        timers.set(Timer::Stable, Instant::from_millis(30));
        timers.set(Timer::Backoff, Instant::from_millis(20));
        timers.set(Timer::Connect, Instant::from_millis(31));

        assert_eq!(timers.next(), Some(Instant::from_millis(20)));
        assert_eq!(timers.take_due(Instant::from_millis(19)), None);
        assert_eq!(timers.take_due(Instant::from_millis(30)), Some(Timer::Backoff));
        assert_eq!(timers.take_due(Instant::from_millis(30)), Some(Timer::Stable));
        assert_eq!(timers.take_due(Instant::from_millis(30)), None);
        assert_eq!(timers.next(), Some(Instant::from_millis(31)));
    }
}

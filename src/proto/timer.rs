//! Every timer of the machines, named and explained, and the table that holds their deadlines.

use super::Instant;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// When to stop waiting for the server's hello or its answer to the first message
    Authenticate,
    /// When to try again after a failure
    Backoff,
    /// When to send the next ping, and to look whether the computer slept
    Beat,
    /// When to give up a dial that is neither accepted nor refused
    Connect,
    /// When to dial with a ticket that was fetched ahead
    Dial,
    /// When to believe that `close` will not follow an `error` (a socket blocked by CSP in Chromium)
    ErrorWithoutClose,
    /// When the next message has waited for too long
    Expiry,
    /// When a page that nobody looks at lets go of its socket
    Hidden,
    /// When to stop waiting for a ticket or a refresh
    Http,
    /// When to stop waiting for the answer to a login
    Login,
    /// When to stop waiting for any frame after a ping
    Pong,
    /// When to look whether the token should be renewed
    Renew,
    /// When a connection has lasted long enough to forget earlier failures
    Stable,
}

/// The deadlines that are set; at most one for each timer.
#[derive(Debug, Default)]
pub(crate) struct Timers(Vec<(Instant, Timer)>);

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, deadline: Instant) {
        self.stop(timer);
        self.0.push((deadline, timer));
    }

    #[inline(never)]
    pub(crate) fn stop(&mut self, timer: Timer) {
        self.0.retain(|(_, set)| *set != timer);
    }

    /// Stops all that belong to a state; how long nobody has looked goes on, and so do the lives of messages.
    pub(crate) fn stop_all(&mut self) {
        self.0.retain(|(_, set)| matches!(set, Timer::Hidden | Timer::Expiry));
    }

    /// Returns the next deadline of all.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.iter().map(|(deadline, _)| *deadline).min()
    }

    /// Takes a timer that is due; the boundary itself is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<(Instant, Timer)> {
        let next = self.next().filter(|next| *next <= now)?;
        let index = self.0.iter().position(|(deadline, _)| *deadline == next)?;
        Some(self.0.remove(index))
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
        assert_eq!(timers.take_due(Instant::from_millis(30)), Some((Instant::from_millis(20), Timer::Backoff)));
        assert_eq!(timers.take_due(Instant::from_millis(30)), Some((Instant::from_millis(30), Timer::Stable)));
        assert_eq!(timers.take_due(Instant::from_millis(30)), None);
        assert_eq!(timers.next(), Some(Instant::from_millis(31)));
        timers.set(Timer::Connect, Instant::from_millis(40));
        assert_eq!(timers.next(), Some(Instant::from_millis(40)), "a timer has one deadline, the last that was set");
    }
}

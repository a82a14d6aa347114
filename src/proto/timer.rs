//! The table of deadlines of a machine.

use super::Instant;

/// The deadlines that are set, at most one for each timer. Each machine has an enum of its own.
#[derive(Debug)]
pub(crate) struct Timers<T>(Vec<(Instant, T)>);

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + PartialEq> Timers<T> {
    pub(crate) fn set(&mut self, timer: T, deadline: Instant) {
        self.stop(timer);
        self.0.push((deadline, timer));
    }

    #[inline(never)]
    pub(crate) fn stop(&mut self, timer: T) {
        self.0.retain(|(_, set)| *set != timer);
    }

    /// Stops the timers for which the predicate holds.
    pub(crate) fn stop_where(&mut self, is_so: impl Fn(T) -> bool) {
        self.0.retain(|(_, set)| !is_so(*set));
    }

    /// Returns the earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.iter().map(|(deadline, _)| *deadline).min()
    }

    /// Removes and returns a timer that is due. A deadline of exactly now is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<(Instant, T)> {
        let next = self.next().filter(|next| *next <= now)?;
        let index = self.0.iter().position(|(deadline, _)| *deadline == next)?;
        Some(self.0.remove(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Timer {
        Backoff,
        Connect,
        Stable,
    }

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

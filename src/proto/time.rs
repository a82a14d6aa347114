//! The two clocks: one for deadlines, one for token expiry.
//!
//! They never convert into each other: the monotonic clock can stop in sleep, the wall clock can be set.

/// A span of time in whole milliseconds: what a timer can tell apart. The nanoseconds of [`core::time::Duration`], which converts into it, would
/// be a fortieth of the download.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(u64);

impl Millis {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// Returns a span of so many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Returns a span of so many seconds, at most the end of time.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Returns the milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the seconds.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1_000.0
    }

    /// Returns whether this is no time at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Returns half of this span.
    #[must_use]
    pub const fn half(self) -> Self {
        Self(self.0 / 2)
    }

    /// Returns so many times this span, at most the end of time.
    #[must_use]
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl core::fmt::Debug for Millis {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

impl core::ops::Add for Millis {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl core::ops::Sub for Millis {
    type Output = Self;

    /// At least nothing.
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<core::time::Duration> for Millis {
    fn from(duration: core::time::Duration) -> Self {
        Self(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

impl From<Millis> for core::time::Duration {
    fn from(span: Millis) -> Self {
        Self::from_millis(span.0)
    }
}

/// A point on the monotonic clock, from which deadlines are counted.
///
/// # Units
/// Milliseconds since an origin that only the driver knows (`performance.now()`, process start).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(u64);

impl Instant {
    /// Returns the instant that many milliseconds after the driver's origin.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the driver's origin.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the instant `delay` later, at most the end of time.
    #[must_use]
    #[inline(never)]
    pub fn after(self, delay: Millis) -> Self {
        Self(self.0.saturating_add(delay.0))
    }

    /// Returns the time since `earlier`, or zero if `earlier` is later.
    #[must_use]
    #[inline(never)]
    pub fn since(self, earlier: Self) -> Millis {
        Millis::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// A point on the wall clock, by which tokens expire.
///
/// # Units
/// Milliseconds since 1970-01-01T00:00:00Z. JWT's NumericDate (RFC 7519 §2) is in seconds: see [`UnixTime::from_seconds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(i64);

impl UnixTime {
    /// Returns the time that many milliseconds after 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the time that many seconds after 1970; what is no number or out of range has no time.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        // 8.64e15 ms is the last instant that a JavaScript Date can name.
        let millis = seconds * 1000.0;
        (millis.abs() <= 8.64e15).then_some(Self(millis as i64))
    }

    /// Returns the milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns the time `delay` later.
    #[must_use]
    #[inline(never)]
    pub fn after(self, delay: Millis) -> Self {
        Self(self.0.saturating_add_unsigned(delay.0))
    }

    /// Returns the time `delay` earlier.
    #[must_use]
    #[inline(never)]
    pub fn before(self, delay: Millis) -> Self {
        Self(self.0.saturating_sub_unsigned(delay.0))
    }

    /// Returns the time since `earlier`, or zero if `earlier` is later.
    #[must_use]
    #[inline(never)]
    pub fn since(self, earlier: Self) -> Millis {
        Millis::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// What is known of the server's clock: what it showed at a moment of ours.
///
/// How much time has passed since, nobody can say for sure: the monotonic clock stops in sleep on some systems, and the wall
/// clock can be set. So there are two readings. They differ after sleep and after the clock was set forward; one that was set back
/// counts for nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerClock {
    pub(crate) server: UnixTime,
    pub(crate) at: Now,
}

impl ServerClock {
    /// Returns the latest possible time there. After it a token is not used any more: a needless renewal does no harm.
    pub(crate) fn latest(&self, now: Now) -> UnixTime {
        self.server.after(now.instant.since(self.at.instant).max(now.unix.since(self.at.unix)))
    }

    /// Returns the earliest possible time there. After it a token is given up: until then the server decides.
    pub(crate) fn earliest(&self, now: Now) -> UnixTime {
        self.server.after(now.instant.since(self.at.instant))
    }

    /// Returns by how much the server's clock is ahead of ours, in milliseconds.
    pub(crate) fn skew(&self, now: Now) -> i64 {
        self.latest(now).0.saturating_sub(now.unix.0)
    }

    /// Returns the clock of a server that is ahead by so many milliseconds.
    pub(crate) fn with_skew(skew: i64, now: Now) -> Self {
        Self { server: UnixTime(now.unix.0.saturating_add(skew)), at: now }
    }
}

/// Both clocks, read once by the driver for one input.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For deadlines.
    pub instant: Instant,
    /// For token expiry.
    pub unix: UnixTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(instant: u64, unix: i64) -> Now {
        Now { instant: Instant::from_millis(instant), unix: UnixTime::from_millis(unix) }
    }

    #[test]
    fn case_21_the_servers_time_is_told_apart_from_a_clock_that_is_wrong_sleeps_or_is_set() {
        const H: i64 = 3_600_000;
        // The server showed 0; then so much has passed by the monotonic and by the wall clock.
        let rows = [
            // both go on
            (0, 0, 0, 0),
            (1, 1, 1, 1),
            (5_000, 5_000, 5_000, 5_000),
            (H, H, H, H),
            (25 * 24 * H, 25 * 24 * H, 25 * 24 * H, 25 * 24 * H),
            // asleep, and the monotonic clock with us
            (0, 8 * H, 0, 8 * H),
            (1_000, 8 * H, 1_000, 8 * H),
            (H, 9 * H, H, 9 * H),
            // set forward while running: as far as we can see, the same
            (60_000, 60_000 + 2 * H, 60_000, 60_000 + 2 * H),
            // set back, by seconds, hours, years
            (60_000, 59_000, 60_000, 60_000),
            (60_000, 0, 60_000, 60_000),
            (60_000, -2 * H, 60_000, 60_000),
            (H, -10_000 * H, H, H),
            // asleep, and set back as far
            (1_000, 0, 1_000, 1_000),
            // clocks that drift
            (100_000, 100_010, 100_000, 100_010),
            (100_010, 100_000, 100_010, 100_010),
        ];
        for wrong_by in [0, 2 * H, -2 * H, 7, -10_000 * H] {
            let at = now(500, wrong_by);
            let clock = ServerClock { server: UnixTime::from_millis(0), at };
            for (monotonic, wall, earliest, latest) in rows {
                let then = now(500 + monotonic as u64, wrong_by + wall);
                let found = (clock.earliest(then).as_millis(), clock.latest(then).as_millis());
                assert_eq!(found, (earliest, latest), "{wrong_by}: {monotonic} {wall}");
                let told = ServerClock::with_skew(clock.skew(then), then);
                assert_eq!(told.latest(then), clock.latest(then), "another tab is told the same");
            }
        }
    }

    #[test]
    fn no_time_overflows() {
        let far = now(u64::MAX, i64::MAX);
        for clock in [
            ServerClock { server: UnixTime::from_millis(i64::MAX), at: now(0, i64::MIN) },
            ServerClock { server: UnixTime::from_millis(i64::MIN), at: far },
        ] {
            let _ = (clock.latest(far), clock.earliest(far), clock.skew(far));
        }
        let _ = ServerClock::with_skew(i64::MAX, far);
    }
}

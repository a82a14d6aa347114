//! The two clocks: one for deadlines, one for token expiry.
//!
//! They never convert into each other: the monotonic clock can stop in sleep, the wall clock can be set.

use core::time::Duration;

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
    pub fn after(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(millis(delay)))
    }

    /// Returns the time since `earlier`, or zero if `earlier` is later.
    #[must_use]
    #[inline(never)]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
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
    pub fn after(self, delay: Duration) -> Self {
        Self(self.0.saturating_add_unsigned(millis(delay)))
    }

    /// Returns the time `delay` earlier.
    #[must_use]
    #[inline(never)]
    pub fn before(self, delay: Duration) -> Self {
        Self(self.0.saturating_sub_unsigned(millis(delay)))
    }

    /// Returns the time since `earlier`, or zero if `earlier` is later.
    #[must_use]
    #[inline(never)]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
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

/// A duration in whole milliseconds, at most the end of time.
#[inline(never)]
pub(crate) fn millis(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1000).saturating_add(u64::from(duration.subsec_millis()))
}

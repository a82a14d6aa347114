//! The clocks and the source of seeds: the only places that ask the operating system for them.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::proto::{Instant, Now, UnixTime};

/// From when the monotonic clock counts.
#[expect(clippy::disallowed_methods, reason = "the one place that commands for the time")]
static ORIGIN: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);

/// Reads both clocks.
#[expect(clippy::disallowed_methods, reason = "the one place that commands for the time")]
pub(super) fn now() -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now {
        instant: Instant::from_millis(ORIGIN.elapsed().as_millis() as u64),
        unix: UnixTime::from_millis(unix.as_millis() as i64),
    }
}

/// Waits until a deadline has passed; without one, for ever.
pub(super) async fn until(deadline: Option<Instant>) {
    match deadline {
        // Whoever waits anew after each of many messages would wait for ever if this slept at all.
        Some(deadline) if deadline <= now().instant => {}
        // The clock is cut to whole milliseconds, so one more makes sure that the deadline has passed.
        Some(deadline) => {
            tokio::time::sleep(Duration::from(deadline.since(now().instant)) + Duration::from_millis(1)).await
        }
        None => std::future::pending().await,
    }
}

/// Returns a seed for the jitter; it guards no secret.
pub(super) fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

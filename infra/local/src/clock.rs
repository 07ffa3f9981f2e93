//! The clock of this crate, read in one place.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The current time.
#[expect(clippy::disallowed_methods, reason = "the one place this crate reads the clock")]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// `time` since the epoch; a time before it counts as the epoch itself.
pub fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

//! The clock of this crate, read in one place.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The current time.
#[expect(clippy::disallowed_methods, reason = "the one place this crate reads the clock")]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// `time` since the epoch; a time before it counts as the epoch itself.
pub fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Where a double takes the time from.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// This machine's.
    #[default]
    System,
    /// A test's own: nothing expires while a test looks elsewhere.
    Set(SetClock),
}

/// A clock that stands still until it is set. Clones are one clock.
#[derive(Debug, Clone)]
pub struct SetClock(Arc<Mutex<SystemTime>>);

impl Clock {
    pub fn now(&self) -> SystemTime {
        match self {
            Self::System => now(),
            Self::Set(clock) => clock.now(),
        }
    }
}

impl SetClock {
    pub fn new(time: SystemTime) -> Self {
        Self(Arc::new(Mutex::new(time)))
    }

    pub fn now(&self) -> SystemTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Backwards as well: a test may look at what was.
    pub fn set(&self, time: SystemTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }
}

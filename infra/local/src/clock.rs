//! The clock of this crate, which is read only here.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The current time.
#[expect(clippy::disallowed_methods, reason = "the only place in this crate that reads the clock")]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// `time` since the epoch; a time before it counts as the epoch itself.
pub fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The source of a double's time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// This machine's.
    #[default]
    System,
    /// A clock that a test controls, so that nothing expires unexpectedly.
    Set(SetClock),
}

/// A clock that changes only when it is set. Clones share their time.
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

    /// Also backwards, so that a test can look at the past.
    pub fn set(&self, time: SystemTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }
}

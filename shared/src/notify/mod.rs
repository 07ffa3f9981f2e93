//! Telling the person, through SNS.

mod sns;

pub use sns::{Notifier, NotifyError};

//! Telling the person, through SNS.

mod push;
mod sns;

pub use sns::{Notifier, NotifyError};

//! Telling the person, through SNS; the queue in which telling a client waits; and others, through EventBridge.

mod event_bus;
mod push;
mod queue;
mod sns;

pub use event_bus::{Entry, EventBus, NotTaken};
pub use queue::{DeliveryQueue, Letter, QueueError};
pub use sns::{Notifier, NotifyError};

//! Messages to people through SNS, the queue of notifications to clients, and events through EventBridge.

mod event_bus;
mod push;
mod queue;
mod sns;

pub use event_bus::{Entry, EventBus, NotTaken};
pub use queue::{DeliveryQueue, Letter, QueueError};
pub use sns::{Notifier, NotifyError};

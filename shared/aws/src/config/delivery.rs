//! Where telling a client waits.

use crate::config::{ConfigError, Environment};

/// Where telling a client waits.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// The URL of the queue of deliveries.
    pub queue: String,
    /// The URL of the queue of those that were given up.
    pub dead_letters: String,
}

impl DeliverySettings {
    /// | setting | what |
    /// |---|---|
    /// | `DELIVERY_QUEUE_URL` | the queue of deliveries; required |
    /// | `DEAD_LETTER_QUEUE_URL` | the queue of those that were given up; required |
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            queue: env.required("DELIVERY_QUEUE_URL")?.to_owned(),
            dead_letters: env.required("DEAD_LETTER_QUEUE_URL")?.to_owned(),
        })
    }
}

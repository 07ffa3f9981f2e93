//! Where telling a client waits.

use crate::config::{ConfigError, Environment, setting};

/// Where telling a client waits.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// The URL of the queue of deliveries.
    pub queue: String,
    /// The URL of the queue of those that were given up.
    pub dead_letters: String,
}

impl DeliverySettings {
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            queue: setting::DELIVERY_QUEUE_URL.required(env)?.to_owned(),
            dead_letters: setting::DEAD_LETTER_QUEUE_URL.required(env)?.to_owned(),
        })
    }
}

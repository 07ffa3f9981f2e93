//! The queues of notifications to ping and push clients.

use crate::config::{ConfigError, Environment, setting};

/// The queues of notifications to ping and push clients.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// The URL of the queue of deliveries.
    pub queue: String,
    /// The URL of the queue of deliveries that were given up.
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

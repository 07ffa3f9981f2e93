//! Notifications to ping and push clients: the queues, and the namespace of metrics.

use crate::config::{ConfigError, Environment, setting};

/// The queues of notifications to ping and push clients, and the namespace of the metrics.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// The URL of the queue of deliveries.
    pub queue: String,
    /// The URL of the queue of deliveries that were given up.
    pub dead_letters: String,
    pub metric_namespace: String,
}

impl DeliverySettings {
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            queue: setting::DELIVERY_QUEUE_URL.required(env)?.to_owned(),
            dead_letters: setting::DEAD_LETTER_QUEUE_URL.required(env)?.to_owned(),
            metric_namespace: setting::METRIC_NAMESPACE.get(env).unwrap_or_default().to_owned(),
        })
    }
}

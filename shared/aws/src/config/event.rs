//! The event bus and the namespace of metrics.

use crate::config::{ConfigError, Environment, setting};

/// The event bus (name or ARN), and the namespace of the metrics.
#[derive(Clone, Debug)]
pub struct EventSettings {
    pub bus: String,
    pub metric_namespace: String,
}

impl EventSettings {
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            bus: setting::EVENT_BUS.required(env)?.to_owned(),
            metric_namespace: setting::METRIC_NAMESPACE.get(env).unwrap_or_default().to_owned(),
        })
    }
}

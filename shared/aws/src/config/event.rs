//! Where events go.

use crate::config::{ConfigError, Environment};

/// Where events go.
#[derive(Clone, Debug)]
pub struct EventSettings {
    pub bus: String,
    pub metric_namespace: String,
}

impl EventSettings {
    /// | setting | what | default |
    /// |---|---|---|
    /// | `EVENT_BUS` | the bus of EventBridge, by name or ARN | required |
    /// | `METRIC_NAMESPACE` | what the metrics stand under in CloudWatch | `ciba` |
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            bus: env.required("EVENT_BUS")?.to_owned(),
            metric_namespace: env.get("METRIC_NAMESPACE").unwrap_or("ciba").to_owned(),
        })
    }
}

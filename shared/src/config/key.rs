//! How keys are made.

use std::time::Duration;

use crate::config::{ConfigError, Environment};

/// How keys are made.
#[derive(Clone, Debug)]
pub struct KeySettings {
    pub kms_key: String,
    pub rotate_every: Duration,
}

impl KeySettings {
    /// | setting | what | range | default |
    /// |---|---|---|---|
    /// | `KMS_KEY_ID` | the KMS key that encrypts the data key | | required |
    /// | `SIGNING_KEY_ROTATION_DAYS` | days until a successor signs | 1–365 | 90 |
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            kms_key: env.required("KMS_KEY_ID")?.to_owned(),
            rotate_every: env.days("SIGNING_KEY_ROTATION_DAYS", 90, 1..=365)?,
        })
    }
}

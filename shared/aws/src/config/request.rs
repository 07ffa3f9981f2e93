//! Limits of authentication requests, and how old their hints may be.

use std::time::Duration;

use crate::config::decision::evidence_retention;
use crate::config::{ConfigError, Environment, setting};
use ciba_core::domain::person::asks::AskLimits;
use ciba_core::domain::request::lifetime::LifetimeSettings;

/// The limits of authentication requests.
#[derive(Clone, Debug)]
pub struct RequestSettings {
    pub lifetime: LifetimeSettings,
    pub limits: AskLimits,
    /// How long the evidence of a signed request is kept.
    pub evidence_retention: Duration,
}

impl RequestSettings {
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        let default_expiry = setting::REQUEST_EXPIRY_SECONDS.time(env)?;
        Ok(Self {
            lifetime: LifetimeSettings {
                default_expiry,
                max_expiry: setting::MAX_REQUEST_EXPIRY_SECONDS.time_from(env, default_expiry)?,
                interval: setting::POLL_INTERVAL_SECONDS.time(env)?,
            },
            limits: AskLimits {
                per_ten_minutes: setting::ASKS_PER_TEN_MINUTES.count(env)?,
                per_day: setting::ASKS_PER_DAY.count(env)?,
            },
            evidence_retention: evidence_retention(env)?,
        })
    }
}

/// The rules by which hints are accepted.
#[derive(Clone, Copy, Debug)]
pub struct HintSettings {
    pub id_token_hint_max_age: Duration,
}

impl HintSettings {
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self { id_token_hint_max_age: setting::ID_TOKEN_HINT_MAX_AGE_DAYS.time(env)? })
    }
}

//! What a decision rests on.

use std::time::Duration;

use crate::config::{ConfigError, Environment};

/// What a decision rests on, and how long its evidence is kept.
#[derive(Clone, Copy, Debug)]
pub struct DecisionSettings {
    pub login_max_age: Duration,
    pub evidence_retention: Duration,
}

impl DecisionSettings {
    /// | setting | unit | range | default |
    /// |---|---|---|---|
    /// | `LOGIN_MAX_AGE_SECONDS` | s | 30–3600 | 300 |
    /// | `EVIDENCE_RETENTION_DAYS` | days | 1–3650 | 400 |
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            login_max_age: env.seconds("LOGIN_MAX_AGE_SECONDS", 300, 30..=3600)?,
            evidence_retention: evidence_retention(env)?,
        })
    }
}

/// Setting `EVIDENCE_RETENTION_DAYS`, for what is asked and what is decided alike.
pub(super) fn evidence_retention(env: &Environment) -> Result<Duration, ConfigError> {
    env.days("EVIDENCE_RETENTION_DAYS", 400, 1..=3650)
}

//! Settings of decisions: the login behind them and their evidence.

use std::time::Duration;

use crate::config::{ConfigError, Environment, setting};

/// How old the login behind a decision may be, and how long its evidence is kept.
#[derive(Clone, Copy, Debug)]
pub struct DecisionSettings {
    pub login_max_age: Duration,
    pub evidence_retention: Duration,
}

impl DecisionSettings {
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self { login_max_age: login_max_age(env)?, evidence_retention: evidence_retention(env)? })
    }
}

/// Setting `LOGIN_MAX_AGE_SECONDS`, for the login behind a decision and for sessions.
pub fn login_max_age(env: &Environment) -> Result<Duration, ConfigError> {
    setting::LOGIN_MAX_AGE_SECONDS.time(env)
}

/// Setting `EVIDENCE_RETENTION_DAYS`, for the evidence of signed requests and of decisions.
pub(super) fn evidence_retention(env: &Environment) -> Result<Duration, ConfigError> {
    setting::EVIDENCE_RETENTION_DAYS.time(env)
}

//! What an authentication request may be like, and how its hint is judged.

use std::time::Duration;

use crate::config::decision::evidence_retention;
use crate::config::{ConfigError, Environment};
use ciba_core::domain::person::asks::{AskLimits, MAX_REMEMBERED};
use ciba_core::domain::request::lifetime::{LifetimeSettings, MIN_EXPIRY};

/// What an authentication request may be like.
#[derive(Clone, Debug)]
pub struct RequestSettings {
    pub lifetime: LifetimeSettings,
    pub limits: AskLimits,
    /// How long what a client signed is kept.
    pub evidence_retention: Duration,
}

impl RequestSettings {
    /// | setting | unit | range | default |
    /// |---|---|---|---|
    /// | `REQUEST_EXPIRY_SECONDS` | s | 10–600 | 120 |
    /// | `MAX_REQUEST_EXPIRY_SECONDS` | s | the former–600 | 600 |
    /// | `POLL_INTERVAL_SECONDS` | s | 1–60 | 5 |
    /// | `ASKS_PER_TEN_MINUTES` | requests per person | 1–16 | 3 |
    /// | `ASKS_PER_DAY` | requests per person | 1–16 | 10 |
    /// | `EVIDENCE_RETENTION_DAYS` | days | 1–3650 | 400 |
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        let default_expiry = env.seconds("REQUEST_EXPIRY_SECONDS", 120, MIN_EXPIRY.as_secs()..=600)?;
        let limit = |name, default| {
            env.number(name, default, 1..=MAX_REMEMBERED as u64).map(|n| usize::try_from(n).unwrap_or(1))
        };
        Ok(Self {
            lifetime: LifetimeSettings {
                default_expiry,
                max_expiry: env.seconds("MAX_REQUEST_EXPIRY_SECONDS", 600, default_expiry.as_secs()..=600)?,
                interval: env.seconds("POLL_INTERVAL_SECONDS", 5, 1..=60)?,
            },
            limits: AskLimits {
                per_ten_minutes: limit("ASKS_PER_TEN_MINUTES", 3)?,
                per_day: limit("ASKS_PER_DAY", 10)?,
            },
            evidence_retention: evidence_retention(env)?,
        })
    }
}

/// How hints are judged.
#[derive(Clone, Copy, Debug)]
pub struct HintSettings {
    pub id_token_hint_max_age: Duration,
}

impl HintSettings {
    /// | setting | what | unit | range | default |
    /// |---|---|---|---|---|
    /// | `ID_TOKEN_HINT_MAX_AGE_DAYS` | how long after its issue an ID token is accepted as a hint | days | 1–400 | 90 |
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self { id_token_hint_max_age: env.days("ID_TOKEN_HINT_MAX_AGE_DAYS", 90, 1..=400)? })
    }
}

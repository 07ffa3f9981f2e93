//! What tokens are like.

use std::time::Duration;

use crate::config::{ConfigError, Environment};
use ciba_core::domain::request::grant::RefreshLifetime;

/// What tokens are like.
#[derive(Clone, Copy, Debug)]
pub struct TokenSettings {
    pub id_token_lifetime: Duration,
    pub access_token_lifetime: Duration,
    pub refresh: RefreshLifetime,
}

impl TokenSettings {
    /// | setting | unit | range | default |
    /// |---|---|---|---|
    /// | `ID_TOKEN_LIFETIME_SECONDS` | s | 60–3600 | 300 |
    /// | `ACCESS_TOKEN_LIFETIME_SECONDS` | s | 60–3600 | 600 |
    /// | `REFRESH_TOKEN_LIFETIME_DAYS` | days | 1–365 | 90 |
    /// | `REFRESH_TOKEN_IDLE_DAYS` | days | 1–365 | 14 |
    /// | `REFRESH_TOKEN_GRACE_SECONDS` | s | 0–60 | 20 |
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            id_token_lifetime: env.seconds("ID_TOKEN_LIFETIME_SECONDS", 300, 60..=3600)?,
            access_token_lifetime: env.seconds("ACCESS_TOKEN_LIFETIME_SECONDS", 600, 60..=3600)?,
            refresh: RefreshLifetime {
                lifetime: env.days("REFRESH_TOKEN_LIFETIME_DAYS", 90, 1..=365)?,
                idle: env.days("REFRESH_TOKEN_IDLE_DAYS", 14, 1..=365)?,
                grace: env.seconds("REFRESH_TOKEN_GRACE_SECONDS", 20, 0..=60)?,
            },
        })
    }
}

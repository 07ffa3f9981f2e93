//! Lifetimes of tokens.

use std::time::Duration;

use crate::config::{ConfigError, Environment, setting};
use ciba_core::domain::request::grant::RefreshLifetime;

/// How long tokens and grants last.
#[derive(Clone, Copy, Debug)]
pub struct TokenSettings {
    pub id_token_lifetime: Duration,
    pub access_token_lifetime: Duration,
    pub refresh: RefreshLifetime,
}

impl TokenSettings {
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            id_token_lifetime: setting::ID_TOKEN_LIFETIME_SECONDS.time(env)?,
            access_token_lifetime: setting::ACCESS_TOKEN_LIFETIME_SECONDS.time(env)?,
            refresh: RefreshLifetime {
                lifetime: setting::REFRESH_TOKEN_LIFETIME_DAYS.time(env)?,
                idle: setting::REFRESH_TOKEN_IDLE_DAYS.time(env)?,
                grace: setting::REFRESH_TOKEN_GRACE_SECONDS.time(env)?,
            },
        })
    }
}

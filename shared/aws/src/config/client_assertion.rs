//! The longest lifetime of a client assertion.

use std::time::Duration;

use crate::config::{ConfigError, Environment, setting};

/// How far `exp` of a client assertion may be ahead (RFC 7523 §3).
///
pub fn client_assertion_lifetime(env: &Environment) -> Result<Duration, ConfigError> {
    setting::CLIENT_ASSERTION_LIFETIME_SECONDS.time(env)
}

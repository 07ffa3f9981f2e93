//! The longest lifetime of a client assertion.

use std::time::Duration;

use crate::config::{ConfigError, Environment, setting};

/// Setting `CLIENT_ASSERTION_LIFETIME_SECONDS`: how far in the future the `exp` of a client assertion may be
/// (RFC 7523 §3).
pub fn client_assertion_lifetime(env: &Environment) -> Result<Duration, ConfigError> {
    setting::CLIENT_ASSERTION_LIFETIME_SECONDS.time(env)
}

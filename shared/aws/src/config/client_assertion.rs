//! How long a client's assertion may be good for.

use std::time::Duration;

use crate::config::{ConfigError, Environment};

/// How far `exp` of a client assertion may be ahead (RFC 7523 §3).
///
/// | setting | unit | range | default |
/// |---|---|---|---|
/// | `CLIENT_ASSERTION_LIFETIME_SECONDS` | s | 60–3600 | 600 |
pub fn client_assertion_lifetime(env: &Environment) -> Result<Duration, ConfigError> {
    env.seconds("CLIENT_ASSERTION_LIFETIME_SECONDS", 600, 60..=3600)
}

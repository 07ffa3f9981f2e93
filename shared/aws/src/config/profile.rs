//! What all clients are held to.

use crate::config::{ConfigError, Environment, setting};
use ciba_core::domain::base::profile::Profile;

/// Setting `PROFILE`: `plain` or `fapi-ciba`. Default: `plain`. A client may be held to more than its deployment, never to
/// less.
pub fn profile(env: &Environment) -> Result<Profile, ConfigError> {
    Ok(Profile::parse(setting::PROFILE.read(env)?).unwrap_or(Profile::Plain))
}

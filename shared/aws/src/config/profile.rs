//! The profile that all clients have to meet.

use crate::config::{ConfigError, Environment, setting};
use ciba_core::domain::base::profile::Profile;

/// Setting `PROFILE`: `plain` or `fapi-ciba`. Default: `plain`. A client may be registered for a stricter profile
/// than the deployment's, never for a weaker one.
pub fn profile(env: &Environment) -> Result<Profile, ConfigError> {
    Ok(Profile::parse(setting::PROFILE.read(env)?).unwrap_or(Profile::Plain))
}

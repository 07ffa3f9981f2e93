//! What all clients are held to.

use crate::config::{ConfigError, Environment, refuse};
use ciba_core::domain::base::profile::Profile;

/// Setting `PROFILE`: `plain` or `fapi-ciba`. Default: `plain`. A client may be held to more than its deployment, never to
/// less.
pub fn profile(env: &Environment) -> Result<Profile, ConfigError> {
    match Profile::parse(env.get("PROFILE").unwrap_or(Profile::Plain.as_str())) {
        Some(profile) => Ok(profile),
        None => refuse("PROFILE", "is neither plain nor fapi-ciba"),
    }
}

//! Settings of proofs of possession (DPoP, RFC 9449).

use std::time::Duration;

use crate::config::{ConfigError, Environment, setting};
use ciba_core::domain::base::profile::Profile;

/// The rules for proofs of possession (DPoP, RFC 9449).
#[derive(Clone, Copy, Debug)]
pub struct DpopSettings {
    pub proof_lifetime: Duration,
    pub nonce_lifetime: Duration,
    nonce_required: bool,
}

impl DpopSettings {
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            proof_lifetime: setting::DPOP_PROOF_LIFETIME_SECONDS.time(env)?,
            nonce_lifetime: setting::DPOP_NONCE_LIFETIME_SECONDS.time(env)?,
            nonce_required: setting::DPOP_NONCE_REQUIRED.is(env, "true")?,
        })
    }

    /// Whether a client of this profile must use this provider's nonces, so that its proofs cannot be made in
    /// advance.
    pub const fn requires_nonce(&self, profile: Profile) -> bool {
        match profile {
            Profile::Plain => self.nonce_required,
            Profile::FapiCiba => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TOK-4-09
    #[test]
    fn a_nonce_is_required_of_fapi_clients_and_of_all_if_so_set() {
        let requires = |value: &str| {
            let settings = DpopSettings::read(&Environment::of([("DPOP_NONCE_REQUIRED", value)])).unwrap();
            Profile::ALL.map(|profile| settings.requires_nonce(profile))
        };
        assert_eq!(requires(""), [false, true]);
        assert_eq!(requires("false"), [false, true]);
        assert_eq!(requires("true"), [true, true]);
    }
}

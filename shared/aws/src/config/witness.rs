//! Which keys of KMS are witnesses of what is in the table.

use crate::config::{ConfigError, Environment, setting};

/// The keys of KMS that are witnesses. Absent ones witness nothing.
pub struct WitnessSettings;

impl WitnessSettings {
    /// The names are those of KMS: an ARN, a key id or an alias. A key is an asymmetric one for ES256 (`ECC_NIST_P256`).
    pub fn evidence_key(env: &Environment) -> Option<&str> {
        setting::EVIDENCE_KEY_ID.get(env)
    }

    pub fn enrollment_key(env: &Environment) -> Option<&str> {
        setting::ENROLLMENT_KEY_ID.get(env)
    }

    /// Without `ENROLLMENT_KEY_ID` there is nothing to tell them by, and every passkey is accepted.
    ///
    /// # Security
    /// While they are accepted, whoever writes the table can insert a passkey. It is meant for the time in which people enrol
    /// anew, after the key has come to a deployment that had passkeys before.
    pub fn accepts_unsigned_passkeys(env: &Environment) -> Result<bool, ConfigError> {
        setting::UNSIGNED_PASSKEYS.is(env, "accepted")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ATK-7-05
    #[test]
    fn passkeys_without_a_signed_enrollment_are_refused_by_default() {
        let read = |settings: &[(&str, &str)]| {
            WitnessSettings::accepts_unsigned_passkeys(&Environment::of(settings.iter().copied()))
        };
        assert_eq!(read(&[]), Ok(false));
        assert_eq!(read(&[("UNSIGNED_PASSKEYS", "")]), Ok(false));
        assert_eq!(read(&[("UNSIGNED_PASSKEYS", "refused")]), Ok(false));
        assert_eq!(read(&[("UNSIGNED_PASSKEYS", "accepted")]), Ok(true));
        assert!(read(&[("UNSIGNED_PASSKEYS", "yes")]).is_err());
    }
}

//! The KMS keys that sign evidence and enrollments (witness keys).

use crate::config::{ConfigError, Environment, setting};

/// The witness keys in KMS. Without a key, the documents are not signed.
pub struct WitnessSettings;

impl WitnessSettings {
    /// The key's ARN, id or alias in KMS. It is an asymmetric key for ES256 (`ECC_NIST_P256`).
    pub fn evidence_key(env: &Environment) -> Option<&str> {
        setting::EVIDENCE_KEY_ID.get(env)
    }

    pub fn enrollment_key(env: &Environment) -> Option<&str> {
        setting::ENROLLMENT_KEY_ID.get(env)
    }

    /// Whether a passkey without a signed enrollment is accepted. Without `ENROLLMENT_KEY_ID`, signed and
    /// unsigned enrollments cannot be told apart, and every passkey is accepted.
    ///
    /// # Security
    /// While unsigned passkeys are accepted, anybody with write access to the table can insert a passkey. This is
    /// meant for a transition: a deployment that already has passkeys gets the key, and people enroll again.
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

//! Which keys of KMS are witnesses of what is in the table.

use crate::config::{ConfigError, Environment, refuse};

/// The keys of KMS that are witnesses. Absent ones witness nothing.
pub struct WitnessSettings;

impl WitnessSettings {
    /// | setting | what | default |
    /// |---|---|---|
    /// | `EVIDENCE_KEY_ID` | the KMS key by which evidence is signed | none: evidence has no witness |
    ///
    /// The names are those of KMS: an ARN, a key id or an alias. A key is an asymmetric one for ES256 (`ECC_NIST_P256`).
    pub fn evidence_key(env: &Environment) -> Option<&str> {
        env.get("EVIDENCE_KEY_ID")
    }

    /// | setting | what | default |
    /// |---|---|---|
    /// | `ENROLLMENT_KEY_ID` | the KMS key by which enrollments are signed | none: passkeys are taken as the table has them |
    pub fn enrollment_key(env: &Environment) -> Option<&str> {
        env.get("ENROLLMENT_KEY_ID")
    }

    /// | setting | what | values | default |
    /// |---|---|---|---|
    /// | `UNSIGNED_PASSKEYS` | whether a passkey without a signed enrollment is accepted | `refused`, `accepted` | `refused` |
    ///
    /// Without `ENROLLMENT_KEY_ID` there is nothing to tell them by, and every passkey is accepted.
    ///
    /// # Security
    /// While they are accepted, whoever writes the table can insert a passkey. It is meant for the time in which people enrol
    /// anew, after the key has come to a deployment that had passkeys before.
    pub fn accepts_unsigned_passkeys(env: &Environment) -> Result<bool, ConfigError> {
        match env.get("UNSIGNED_PASSKEYS") {
            None | Some("refused") => Ok(false),
            Some("accepted") => Ok(true),
            Some(_) => refuse("UNSIGNED_PASSKEYS", "is neither refused nor accepted"),
        }
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

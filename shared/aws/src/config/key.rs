//! Settings of keys: their creation and rotation.

use std::time::Duration;

use crate::config::{ConfigError, Environment, setting};

/// The settings for creating and rotating keys.
#[derive(Clone, Debug)]
pub struct KeySettings {
    pub kms_key: String,
    pub rotate_every: Duration,
    pub signing: SigningKeys,
}

/// Where new signing keys are kept. Existing keys stay where they are until they are rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningKeys {
    /// In the table, sealed under the data key.
    Table,
    /// In KMS, which they never leave. `tag` is the value of their tag [`SigningKeys::TAG`], which the functions'
    /// permissions refer to.
    Kms { tag: String },
}

impl SigningKeys {
    pub const SETTING: &str = "SIGNING";
    /// The name of the tag on signing keys in KMS.
    pub const TAG: &str = "ciba-signing";
}

impl KeySettings {
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        let tag = setting::SIGNING_KEY_TAG.get(env).map(str::to_owned);
        let signing = match (setting::SIGNING.is(env, "kms")?, tag) {
            (false, _) => SigningKeys::Table,
            (true, Some(tag)) => SigningKeys::Kms { tag },
            (true, None) => setting::SIGNING_KEY_TAG.refuse("is missing")?,
        };
        Ok(Self {
            kms_key: setting::KMS_KEY_ID.required(env)?.to_owned(),
            rotate_every: setting::SIGNING_KEY_ROTATION_DAYS.time(env)?,
            signing,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<SigningKeys, ConfigError> {
        let env = Environment::of([("KMS_KEY_ID", "alias/ciba")].iter().chain(settings).copied());
        KeySettings::read(&env).map(|settings| settings.signing)
    }

    /// TOK-12-05
    #[test]
    fn signing_keys_are_in_the_table_unless_set_to_kms() {
        let kms = SigningKeys::Kms { tag: "stack".to_owned() };
        assert_eq!(read(&[]), Ok(SigningKeys::Table));
        assert_eq!(read(&[("SIGNING", "table"), ("SIGNING_KEY_TAG", "stack")]), Ok(SigningKeys::Table));
        assert_eq!(read(&[("SIGNING", "kms"), ("SIGNING_KEY_TAG", "stack")]), Ok(kms));
        for settings in [&[("SIGNING", "kms")][..], &[("SIGNING", "KMS"), ("SIGNING_KEY_TAG", "stack")]] {
            assert!(read(settings).is_err(), "{settings:?}");
        }
    }
}

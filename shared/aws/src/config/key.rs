//! How keys are made.

use std::time::Duration;

use crate::config::{ConfigError, Environment, refuse};

/// How keys are made.
#[derive(Clone, Debug)]
pub struct KeySettings {
    pub kms_key: String,
    pub rotate_every: Duration,
    pub signing: SigningKeys,
}

/// Where new signing keys are kept. Those that are there stay where they are, until their time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningKeys {
    /// In the table, sealed under the data key.
    Table,
    /// In KMS, which they never leave. `tag` is the value of their tag [`SigningKeys::TAG`], by which the functions'
    /// permissions know them.
    Kms { tag: String },
}

impl SigningKeys {
    pub const SETTING: &str = "SIGNING";
    /// The tag of a signing key in KMS.
    pub const TAG: &str = "ciba-signing";
}

impl KeySettings {
    /// | setting | what | range | default |
    /// |---|---|---|---|
    /// | `KMS_KEY_ID` | the KMS key that encrypts the data key | | required |
    /// | `SIGNING_KEY_ROTATION_DAYS` | days until a successor signs | 1–365 | 90 |
    /// | `SIGNING` | where new signing keys are kept: `table` or `kms` | | `table` |
    /// | `SIGNING_KEY_TAG` | the tag `ciba-signing` of those in KMS | | required with `kms` |
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        let tag = env.get("SIGNING_KEY_TAG").map(str::to_owned);
        let signing = match env.get(SigningKeys::SETTING) {
            None | Some("table") => SigningKeys::Table,
            Some("kms") => match tag {
                Some(tag) => SigningKeys::Kms { tag },
                None => refuse("SIGNING_KEY_TAG", "is missing")?,
            },
            Some(_) => refuse(SigningKeys::SETTING, "is neither table nor kms")?,
        };
        Ok(Self {
            kms_key: env.required("KMS_KEY_ID")?.to_owned(),
            rotate_every: env.days("SIGNING_KEY_ROTATION_DAYS", 90, 1..=365)?,
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
    fn signing_keys_are_in_the_table_unless_it_is_said_that_they_are_in_kms() {
        let kms = SigningKeys::Kms { tag: "stack".to_owned() };
        assert_eq!(read(&[]), Ok(SigningKeys::Table));
        assert_eq!(read(&[("SIGNING", "table"), ("SIGNING_KEY_TAG", "stack")]), Ok(SigningKeys::Table));
        assert_eq!(read(&[("SIGNING", "kms"), ("SIGNING_KEY_TAG", "stack")]), Ok(kms));
        for settings in [&[("SIGNING", "kms")][..], &[("SIGNING", "KMS"), ("SIGNING_KEY_TAG", "stack")]] {
            assert!(read(settings).is_err(), "{settings:?}");
        }
    }
}

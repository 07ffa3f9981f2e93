//! The format of people's entries in the directory.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::domain::base::secret::Secret;
use crate::domain::person::channel::WrittenChannel;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonEntry {
    /// This provider's identifier for the person, never reassigned.
    pub sub: String,
    /// A login issuer's identifier for the person. Default: the person is known only to this directory.
    pub login: Option<LoginName>,
    #[serde(default)]
    pub hints: HintEntries,
    /// In the order in which they are tried.
    pub channels: Vec<ChannelEntry>,
    /// Default: true.
    #[serde(default = "yes")]
    pub active: bool,
    /// The code that clients registered for `user_code` have to send before this person is asked: 4 to 64
    /// characters, and not the person's password (CIBA §7.1.2). Only its hash is stored. Default: none.
    pub user_code: Option<Secret>,
    /// Profile claims, by their OIDC names.
    #[serde(default)]
    pub claims: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginName {
    pub iss: String,
    /// The value of that issuer's person claim.
    pub value: String,
}

/// Values for `login_hint`; `sub:` needs no entry.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HintEntries {
    pub plain: Vec<String>,
    pub email: Vec<String>,
    pub tel: Vec<String>,
}

#[derive(Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum ChannelEntry {
    /// A phone number in E.164 form, in a country that `SMS_COUNTRIES` allows.
    Sms(String),
    /// The ARN of an SNS platform endpoint for APNS, APNS_SANDBOX or GCM.
    Push(String),
    /// The ARN of a standard SNS topic.
    Topic(String),
    /// A channel that the operator's notifier delivers to.
    #[serde(deserialize_with = "custom")]
    Custom(CustomEntry),
}

/// A derived type would also read an array, as its members in order.
fn custom<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CustomEntry, D::Error> {
    let members = Map::deserialize(deserializer)?;
    CustomEntry::deserialize(Value::Object(members)).map_err(serde::de::Error::custom)
}

#[derive(Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomEntry {
    /// The operator's name for channels of this kind, such as `email`. It is in logs and events.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 32), regex(pattern = "^[a-z0-9-]+$")))]
    pub name: String,
    /// What the notifier reaches the person by: 1 to 255 bytes without control characters. White space around it is
    /// removed.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub address: String,
}

impl ChannelEntry {
    pub fn written(&self) -> WrittenChannel<'_> {
        match self {
            Self::Sms(number) => WrittenChannel::Sms(number),
            Self::Push(arn) => WrittenChannel::Push(arn),
            Self::Topic(arn) => WrittenChannel::Topic(arn),
            Self::Custom(CustomEntry { name, address }) => WrittenChannel::Custom { name, address },
        }
    }
}

fn yes() -> bool {
    true
}

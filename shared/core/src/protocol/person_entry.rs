//! The format of people's entries in the directory.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::base::secret::Secret;

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
}

impl ChannelEntry {
    /// The kind of the channel, and its address.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Sms(number) => ("sms", number),
            Self::Push(arn) => ("push", arn),
            Self::Topic(arn) => ("topic", arn),
        }
    }
}

fn yes() -> bool {
    true
}

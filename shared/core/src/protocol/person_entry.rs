//! How people are written down for the directory.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::base::secret::Secret;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonEntry {
    /// This provider's name for the person, never reassigned.
    pub sub: String,
    /// What a login issuer calls the person. Default: known to this directory alone.
    pub login: Option<LoginName>,
    #[serde(default)]
    pub hints: HintEntries,
    /// In the order in which they are tried.
    pub channels: Vec<ChannelEntry>,
    /// Default: true.
    #[serde(default = "yes")]
    pub active: bool,
    /// What clients that are registered for `user_code` have to send before this person is asked: 4 to 64 characters, and
    /// not the person's password. Stored as a hash only. Default: none.
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

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum ChannelEntry {
    /// A phone number, E.164, in a country that `SMS_COUNTRIES` allows.
    Sms(String),
    /// The ARN of a platform endpoint of SNS, on APNS, APNS_SANDBOX or GCM.
    Push(String),
    /// The ARN of a standard topic of SNS.
    Topic(String),
}

fn yes() -> bool {
    true
}

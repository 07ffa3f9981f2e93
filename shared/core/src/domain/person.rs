//! The End-User: the person who is asked.

pub mod app;
pub mod asks;
pub mod channel;
pub mod enrollment_record;
pub mod new_person;
pub mod passkey;
pub mod passkey_origin;
pub mod person_claims;
pub mod resolved;
pub mod resolver;
pub mod sms;
pub mod ticket;
pub mod user_code;
pub mod weakening;
pub mod witnessed;
pub mod wrong_codes;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::domain::base::language::Language;
use crate::domain::base::person_key::PersonKey;
use crate::domain::hint::DirectoryHint;
use crate::domain::person::channel::Channel;
use crate::domain::person::resolved::Resolved;
use crate::domain::person::user_code::UserCodeHash;

/// `sub`: this provider's identifier for the person, 1 to 255 ASCII characters, never reassigned (OIDC Core §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|b| matches!(b, 0x21..=0x7e));
        fits.then(|| Self(text.to_owned()))
    }

    /// A new one: 22 characters. `random` comes from the operating system's random source.
    pub fn new(random: [u8; 16]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A person in the directory.
#[derive(Clone)]
pub struct Person {
    pub key: PersonKey,
    pub sub: Subject,
    pub active: bool,
    /// The hints that find this person.
    pub hints: Vec<DirectoryHint>,
    /// In the order in which they are tried.
    pub channels: Vec<Channel>,
    /// Profile claims, by their OIDC names.
    pub claims: Map<String, Value>,
    /// The code that clients registered for `user_code` have to send. A person without one is asked without a
    /// code.
    pub user_code: Option<UserCodeHash>,
    /// Present if the operator's resolver described this person; otherwise the entry is the directory's own.
    pub resolved: Option<Resolved>,
}

impl Person {
    /// The language of messages to this person: that of the claim `locale`, or else English.
    pub fn language(&self) -> Language {
        let locale = self.claims.get("locale").and_then(Value::as_str);
        locale.and_then(Language::of_locale).unwrap_or_default()
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({}, active: {})", self.key.as_str(), self.active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CIBA-15-02
    #[test]
    fn debug_output_shows_nothing_personal() {
        let person = Person {
            key: PersonKey::new("i", "v"),
            sub: Subject::parse("alice").unwrap(),
            active: true,
            hints: vec![],
            channels: vec![Channel::parse("sms", "+15555550100").unwrap()],
            claims: Map::new(),
            user_code: None,
            resolved: None,
        };
        let text = format!("{person:?} {:?}", person.channels);
        assert!(!text.contains("alice") && !text.contains("555"), "{text}");
    }
}

//! The End-User: who is asked.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::domain::hint::DirectoryHint;

/// A person's name in the table: 22 characters of base64url.
///
/// Computed from the issuer and that issuer's name for the person, so a login token gives the key without
/// a read. People known to the directory alone have this provider as issuer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PersonKey(String);

impl PersonKey {
    pub fn new(issuer: &str, value: &str) -> Self {
        let mut context = Context::new(&SHA256);
        // The length keeps (ab, c) and (a, bc) apart.
        context.update(&(issuer.len() as u64).to_be_bytes());
        context.update(issuer.as_bytes());
        context.update(value.as_bytes());
        let mut text = URL_SAFE_NO_PAD.encode(context.finish());
        text.truncate(22);
        Self(text)
    }

    /// A key as read back from the table.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A phone number in E.164 form: `+` and 7 to 15 digits, the first of them not 0.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Accepts the separators people write (space, `-`, `.`, `(`, `)`), so that one number has one form.
    pub fn parse(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
        let digits = text.strip_prefix('+')?;
        let fits = (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        fits.then_some(Self(text))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(…)")
    }
}

/// Where a person can be told. Enrolled beforehand, never taken from a request (`ATK-7-01`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    Sms(PhoneNumber),
}

/// `sub`: this provider's name for the person, 1 to 255 ASCII characters, never reassigned (OIDC Core §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|b| matches!(b, 0x21..=0x7e));
        fits.then(|| Self(text.to_owned()))
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
    /// The hints that lead here.
    pub hints: Vec<DirectoryHint>,
    /// In the order in which they are tried.
    pub channels: Vec<Channel>,
    /// Profile claims, by their OIDC names.
    pub claims: Map<String, Value>,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({}, active: {})", self.key.as_str(), self.active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_key_depends_on_where_the_issuer_ends() {
        assert_eq!(PersonKey::new("https://login.example", "7").as_str().len(), 22);
        assert_ne!(PersonKey::new("ab", "c"), PersonKey::new("a", "bc"));
    }

    /// ATK-3-04
    #[test]
    fn a_phone_number_has_one_form_whatever_its_separators() {
        assert_eq!(PhoneNumber::parse("+1 (555) 555-0100"), PhoneNumber::parse("+15555550100"));
        for text in ["15555550100", "+0155555501", "+123456", "+1234567890123456", "+1555555O100"] {
            assert_eq!(PhoneNumber::parse(text), None, "{text}");
        }
    }

    /// CIBA-15-02
    #[test]
    fn debug_output_shows_nothing_personal() {
        let person = Person {
            key: PersonKey::new("i", "v"),
            sub: Subject::parse("alice").unwrap(),
            active: true,
            hints: vec![],
            channels: vec![Channel::Sms(PhoneNumber::parse("+15555550100").unwrap())],
            claims: Map::new(),
        };
        let text = format!("{person:?} {:?}", person.channels);
        assert!(!text.contains("alice") && !text.contains("555"), "{text}");
    }
}

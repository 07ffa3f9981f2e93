//! `PersonKey`: the key of a person's entry in the table.

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The key of a person's entry in the table: 22 characters of base64url.
///
/// It is computed from an issuer and that issuer's identifier for the person, so a login token yields the key
/// without a read. For people who are known only to the directory, the issuer is this provider.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PersonKey(String);

impl PersonKey {
    pub fn new(issuer: &str, value: &str) -> Self {
        let mut context = Context::new(&SHA256);
        // The length distinguishes (ab, c) from (a, bc).
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

    /// A name for events. It shows which events concern the same person, but is not a key of the table. It can be
    /// computed from the issuer's identifier for the person, so it is a pseudonym and not anonymous.
    pub fn correlation(&self) -> String {
        URL_SAFE_NO_PAD.encode(&digest(&SHA256, self.0.as_bytes()).as_ref()[..9])
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
}

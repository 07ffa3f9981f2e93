//! Scope: a set of case-sensitive values (RFC 6749 §3.3).

use std::collections::HashSet;

/// Scope values in the given order, without duplicates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope(Vec<String>);

impl Scope {
    pub const OPENID: &str = "openid";
    /// The values that have a meaning at this provider itself (OIDC Core §5.4, §11), even if a resource uses them
    /// too.
    pub const OWN: [&str; 6] = [Self::OPENID, "profile", "email", "address", "phone", Self::OFFLINE_ACCESS];
    /// Asks for a refresh token (OIDC Core §11).
    pub const OFFLINE_ACCESS: &str = "offline_access";

    /// The longest text that is accepted, checked before it is parsed. Unit: bytes.
    pub const MAX_SENT: usize = 1024;

    /// Parses the space-separated form. `None` if a value has a character outside `%x21 / %x23-5B / %x5D-7E`, or
    /// if there is no value at all.
    pub fn parse(text: &str) -> Option<Self> {
        let mut values: Vec<String> = Vec::new();
        let mut seen = HashSet::new();
        for value in text.split(' ').filter(|value| !value.is_empty()) {
            if !value.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
                return None;
            }
            if seen.insert(value) {
                values.push(value.to_owned());
            }
        }
        (!values.is_empty()).then_some(Self(values))
    }

    pub fn contains(&self, value: &str) -> bool {
        self.0.iter().any(|v| v == value)
    }

    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.0.iter().all(|value| other.contains(value))
    }

    /// The first value that is not in `other`.
    pub fn first_beyond(&self, other: &Self) -> Option<&str> {
        self.values().find(|value| !other.contains(value))
    }

    /// The values for which `keep` returns true. `None` if there are none.
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Option<Self> {
        let kept: Vec<_> = self.0.iter().filter(|value| keep(value)).cloned().collect();
        (!kept.is_empty()).then_some(Self(kept))
    }

    /// Whether both have the same values, in any order (CIBA §7.1: the order does not matter).
    pub fn same_as(&self, other: &Self) -> bool {
        self.is_subset_of(other) && other.is_subset_of(self)
    }

    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub fn encode(&self) -> String {
        self.0.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    /// CIBA-7.1-05
    #[test]
    fn order_and_repetition_do_not_matter_but_case_does() {
        assert!(scope("openid profile openid").same_as(&scope("profile  openid")));
        assert!(!scope("openid").same_as(&scope("OpenID")));
    }

    #[test]
    fn quotes_backslashes_and_control_characters_are_no_scope() {
        for text in ["open\"id", "open\\id", "open\tid", "öpenid", "", "   "] {
            assert_eq!(Scope::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_subset_has_nothing_more() {
        assert!(scope("openid").is_subset_of(&scope("profile openid")));
        assert!(!scope("openid email").is_subset_of(&scope("profile openid")));
    }
}

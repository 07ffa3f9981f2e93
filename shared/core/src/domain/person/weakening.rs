//! The protections of a person that would be lost if their entry is overwritten.

use crate::domain::client::weakening::named;
use crate::domain::person::Person;

/// The protections of `old` that `new` does not have, by the names of their members. Passkeys, blocks and denials
/// are not part of the entry, so overwriting it does not change them.
pub fn lost(old: &Person, new: &Person) -> Vec<&'static str> {
    let Person { key: _, sub: _, active, hints: _, channels: _, claims: _, user_code, resolved } = old;
    named([
        ("active", !active && new.active),
        ("user_code", user_code.is_some() && new.user_code.is_none()),
        // From then on the operator's resolver is not asked about them.
        ("resolver", resolved.is_some() && new.resolved.is_none()),
    ])
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::domain::base::person_key::PersonKey;
    use crate::domain::base::time::Timestamp;
    use crate::domain::person::Subject;
    use crate::domain::person::resolved::Resolved;

    /// Else an import would turn them into people of the directory without a word.
    #[test]
    fn a_person_of_the_resolver_is_not_taken_from_it_silently() {
        let resolved = Resolved { issuer: None, subject: "7".to_owned(), at: Timestamp::from_seconds(1) };
        let described = Person {
            key: PersonKey::new("i", "v"),
            sub: Subject::parse("carol").unwrap(),
            active: true,
            hints: vec![],
            channels: vec![],
            claims: Map::new(),
            user_code: None,
            resolved: Some(resolved),
        };
        let entered = Person { resolved: None, ..described.clone() };
        assert_eq!(lost(&described, &entered), ["resolver"]);
        assert!(lost(&entered, &described).is_empty() && lost(&described, &described).is_empty());
    }
}

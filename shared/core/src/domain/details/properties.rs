//! The properties of a request: what the operator's policy wants the later hooks to know about it.
//!
//! They are the operator's own. No client, person, log or event ever gets them.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::base::json_value;

/// The longest properties, as JSON without spaces. Unit: bytes.
pub const MAX_PROPERTIES: usize = 2 * 1024;

/// An object of at most 2 KiB, boxed because it is part of every request and rarely there.
#[derive(Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Properties(Box<Map<String, Value>>);

impl PartialEq for Properties {
    fn eq(&self, other: &Self) -> bool {
        json_value::same_members(&self.0, &other.0)
    }
}

impl Eq for Properties {}

impl Properties {
    /// `None` if they are too long.
    pub fn of(members: Map<String, Value>) -> Option<Self> {
        let properties = Self(Box::new(members));
        (properties.encode().len() <= MAX_PROPERTIES).then_some(properties)
    }

    /// From the stored text, which was checked before it was stored.
    pub fn from_stored(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(|members| Self(Box::new(members)))
    }

    pub fn encode(&self) -> String {
        Value::Object(self.members().clone()).to_string()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// Redacted: they may be about a person.
impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Properties({} …)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(value: &Value) -> Option<Properties> {
        Properties::of(value.as_object().unwrap().clone())
    }

    /// HOOK-3-03
    #[test]
    fn properties_have_at_most_two_kibibytes() {
        // With the name, the quotes and the braces.
        let fits = "x".repeat(MAX_PROPERTIES - r#"{"note":""}"#.len());
        let longest = of(&json!({ "note": fits })).unwrap();
        assert_eq!(longest.encode().len(), MAX_PROPERTIES);
        assert_eq!(of(&json!({ "note": format!("{fits}x") })), None);
        assert_eq!(of(&json!({ "note": "\u{1}".repeat(400) })), None, "as it is escaped");
        assert!(of(&json!({})).unwrap().is_empty());
    }

    #[test]
    fn properties_are_stored_as_they_were_answered() {
        let text = r#"{"limit":100.00,"tenant":{"id":"7"},"tags":["a",null,true]}"#;
        let properties = Properties::from_stored(text).unwrap();
        assert_eq!(Properties::from_stored(&properties.encode()), Some(properties.clone()));
        assert!(properties.encode().contains("100.00"));
        assert_eq!(Properties::from_stored("[]"), None);
        assert_eq!(format!("{properties:?}"), "Properties(3 …)");
    }
}

//! EventBridge's pattern language, as far as the template uses it to filter in a function's trigger.
//!
//! A pattern says for each field which values it may have, and an event matches if all fields do. An unsupported
//! pattern is an error when it is read: treated as one that never matches, it would go unnoticed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Error;

/// A pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern(BTreeMap<String, Field>);

#[derive(Debug, Clone, PartialEq)]
enum Field {
    Inside(Pattern),
    /// One of these has to match.
    Leaf(Vec<Wanted>),
}

#[derive(Debug, Clone, PartialEq)]
enum Wanted {
    Is(Value),
    Prefix(String),
    Exists(bool),
    AnythingBut(Vec<Value>),
    NotPrefix(String),
}

/// Whether `event` matches `pattern`, for patterns in tests.
///
/// # Panics
/// If [`Pattern::read`] refuses the pattern.
pub fn matches(pattern: &Value, event: &Value) -> bool {
    Pattern::read(pattern).expect("a pattern").matches(event)
}

impl Pattern {
    /// Reads a pattern in the form that a template has: JSON text.
    ///
    /// # Errors
    /// If it is not JSON, or has an unsupported operator.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::read(&serde_json::from_str(text)?)
    }

    /// Reads a pattern.
    ///
    /// # Errors
    /// If it has an unsupported operator, or is malformed.
    pub fn read(pattern: &Value) -> Result<Self, Error> {
        let fields = pattern.as_object().filter(|fields| !fields.is_empty());
        let fields = fields.ok_or_else(|| format!("{pattern} is not a pattern: an object with fields"))?;
        let read = |(name, value): (&String, &Value)| {
            // `$or`
            if name.starts_with('$') {
                return Err(format!("the operator {name} is not supported here").into());
            }
            Ok((name.clone(), Field::read(value)?))
        };
        fields.iter().map(read).collect::<Result<_, Error>>().map(Self)
    }

    pub fn matches(&self, event: &Value) -> bool {
        self.0.iter().all(|(name, field)| field.matches(event.get(name)))
    }
}

impl Field {
    fn read(value: &Value) -> Result<Self, Error> {
        match value.as_array() {
            Some(wanted) if !wanted.is_empty() => {
                Ok(Self::Leaf(wanted.iter().map(Wanted::read).collect::<Result<_, _>>()?))
            }
            Some(_) => Err("an empty list in a pattern matches nothing".into()),
            None => Ok(Self::Inside(Pattern::read(value)?)),
        }
    }

    fn matches(&self, found: Option<&Value>) -> bool {
        match (self, found) {
            (Self::Inside(pattern), Some(Value::Array(items))) => {
                items.iter().any(|item| pattern.matches(item))
            }
            // Without the object, its fields do not exist, which may be what the pattern requires.
            (Self::Inside(pattern), found) => pattern.matches(found.unwrap_or(&Value::Null)),
            (Self::Leaf(wanted), found) => {
                let values = values(found);
                wanted.iter().any(|wanted| wanted.matches(&values))
            }
        }
    }
}

/// The values of a field to compare. An object has none: for a pattern only values exist, not their containers,
/// so `exists` of an image is always false.
fn values(found: Option<&Value>) -> Vec<&Value> {
    let compared = |value: &&Value| !value.is_object() && !value.is_array();
    match found {
        Some(Value::Array(items)) => items.iter().filter(compared).collect(),
        found => found.into_iter().filter(compared).collect(),
    }
}

impl Wanted {
    fn read(value: &Value) -> Result<Self, Error> {
        let Some(operator) = value.as_object() else { return Ok(Self::Is(value.clone())) };
        let unknown = || Error::from(format!("the operator {value} is not supported here"));
        let mut members = operator.iter();
        let (Some((name, operand)), None) = (members.next(), members.next()) else { return Err(unknown()) };
        match name.as_str() {
            "prefix" => operand.as_str().map(|it| Self::Prefix(it.to_owned())),
            "exists" => operand.as_bool().map(Self::Exists),
            "anything-but" => Self::anything_but(operand),
            _ => None,
        }
        .ok_or_else(unknown)
    }

    fn anything_but(operand: &Value) -> Option<Self> {
        if let Some(inner) = operand.as_object() {
            let prefix = inner.get("prefix").filter(|_| inner.len() == 1)?;
            return Some(Self::NotPrefix(prefix.as_str()?.to_owned()));
        }
        let excluded = operand.as_array().cloned().unwrap_or_else(|| vec![operand.clone()]);
        let plain = excluded.iter().all(|it| it.is_string() || it.is_number());
        plain.then_some(Self::AnythingBut(excluded))
    }

    fn matches(&self, values: &[&Value]) -> bool {
        let any = |is: &dyn Fn(&Value) -> bool| values.iter().any(|value| is(value));
        let begins = |value: &Value, with: &str| value.as_str().is_some_and(|it| it.starts_with(with));
        match self {
            Self::Is(wanted) => any(&|value| value == wanted),
            Self::Prefix(prefix) => any(&|value| begins(value, prefix)),
            Self::Exists(exists) => values.is_empty() != *exists,
            Self::AnythingBut(excluded) => any(&|value| !excluded.contains(value)),
            Self::NotPrefix(prefix) => any(&|value| !begins(value, prefix)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(event: &str, old: Option<&str>, new: &str, mode: &str) -> Value {
        let mut record = json!({"eventName": event, "dynamodb": {
            "Keys": {"pk": {"S": "request#a"}, "sk": {"S": "request"}},
            "NewImage": {"state": {"S": new}, "mode": {"S": mode}, "attempts": {"N": "3"}},
        }});
        if let Some(old) = old {
            record["dynamodb"]["OldImage"] = json!({"state": {"S": old}});
        }
        record
    }

    fn decided() -> Pattern {
        Pattern::read(&json!({"eventName": ["MODIFY"], "dynamodb": {
            "OldImage": {"state": {"S": ["pending"]}},
            "NewImage": {"state": {"S": ["approved", "denied"]}, "mode": {"S": ["ping", "push"]}},
        }}))
        .unwrap()
    }

    #[test]
    fn every_field_has_to_match_and_of_its_values_one() {
        assert!(decided().matches(&record("MODIFY", Some("pending"), "approved", "ping")));
        assert!(decided().matches(&record("MODIFY", Some("pending"), "denied", "push")));
        assert!(!decided().matches(&record("MODIFY", Some("pending"), "pending", "ping")));
        assert!(!decided().matches(&record("MODIFY", Some("pending"), "approved", "poll")));
        assert!(!decided().matches(&record("INSERT", None, "approved", "ping")));
    }

    #[test]
    fn a_prefix_is_of_text() {
        let pattern = json!({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "request#"}]}}}});
        assert!(matches(&pattern, &record("INSERT", None, "pending", "poll")));
        let pattern = json!({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "client#"}]}}}});
        assert!(!matches(&pattern, &record("INSERT", None, "pending", "poll")));
    }

    #[test]
    fn anything_but_is_what_is_there_and_another() {
        let but = |excluded: Value| json!({"dynamodb": {"NewImage": {"mode": {"S": [{"anything-but": excluded}]}}}});
        let poll = record("INSERT", None, "pending", "poll");
        assert!(matches(&but(json!(["ping", "push"])), &poll));
        assert!(!matches(&but(json!("poll")), &poll));
        assert!(!matches(&but(json!({"prefix": "po"})), &poll));
        assert!(matches(&but(json!({"prefix": "pu"})), &poll));
        assert!(!matches(&but(json!("poll")), &json!({"dynamodb": {}})), "what is absent is nothing else");
    }

    #[test]
    fn values_exist_and_what_they_are_in_does_not() {
        let exists = |it: bool| json!({"dynamodb": {"OldImage": {"state": {"S": [{"exists": it}]}}}});
        let (inserted, modified) =
            (record("INSERT", None, "pending", "poll"), record("MODIFY", Some("a"), "b", "poll"));
        assert!(matches(&exists(false), &inserted) && matches(&exists(true), &modified));
        assert!(!matches(&exists(true), &inserted) && !matches(&exists(false), &modified));
        // As on AWS, and a trap: the image exists, but not for a pattern.
        assert!(matches(&json!({"dynamodb": {"OldImage": [{"exists": false}]}}), &modified));
    }

    #[test]
    fn of_a_list_one_value_is_enough() {
        let event = json!({"scopes": ["openid", "profile"], "items": [{"a": 1}, {"a": 2}]});
        assert!(matches(&json!({"scopes": ["profile"]}), &event));
        assert!(!matches(&json!({"scopes": ["email"]}), &event));
        assert!(matches(&json!({"items": {"a": [2]}}), &event));
    }

    /// Not a pattern that never matches.
    #[test]
    fn an_unknown_operator_is_an_error() {
        for pattern in [
            json!({"a": [{"numeric": [">", 1]}]}),
            json!({"a": [{"suffix": "x"}]}),
            json!({"a": [{"prefix": "x", "exists": true}]}),
            json!({"a": [{"anything-but": {"suffix": "x"}}]}),
            json!({"$or": [{"a": [1]}]}),
            json!({"a": "text"}),
            json!({"a": []}),
            json!({}),
        ] {
            assert!(Pattern::read(&pattern).is_err(), "{pattern}");
        }
    }
}

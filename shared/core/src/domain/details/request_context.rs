//! `request_context`: the client's information about the origin of a request (FAPI-CIBA §5.3), for fraud
//! detection.
//!
//! It is unverified. It is kept as it was sent, and those parts of it that are short plain text are shown as the
//! client's words.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::base::plain_text::{self, Kind};
use crate::domain::base::{json_value, strict_json};
use crate::domain::details::row::Row;

/// The longest context, as JSON. Unit: bytes.
pub const MAX_CONTEXT: usize = 2 * 1024;
/// The most rows that are shown. Unit: rows.
const MAX_ROWS: usize = 12;
/// The longest name or value that is shown. Unit: characters.
const MAX_SHOWN: usize = 64;

/// An object of at most 2 KiB.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestContext(Map<String, Value>);

impl PartialEq for RequestContext {
    fn eq(&self, other: &Self) -> bool {
        json_value::same_members(&self.0, &other.0)
    }
}

impl Eq for RequestContext {}

impl RequestContext {
    /// The value of the form parameter.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_CONTEXT {
            return Err("request_context is longer than 2 KiB");
        }
        match strict_json::parse(text.as_bytes()) {
            Some(Value::Object(members)) => Ok(Self(members)),
            Some(_) | None => Err("request_context is not a JSON object, or has a duplicate member"),
        }
    }

    /// From members that have been checked.
    pub fn of(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// From the stored text, which was checked before it was stored.
    pub fn from_stored(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    pub fn encode(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    pub fn into_members(self) -> Map<String, Value> {
        self.0
    }

    /// The rows that the person sees, one for each member. Text that reads as an address, a phone number or
    /// markup is left out, because it could send the person to an attacker. Text that is too long for a row is
    /// left out as well.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        flatten(&self.0, "", &mut rows);
        rows.truncate(MAX_ROWS);
        rows
    }
}

fn flatten(members: &Map<String, Value>, prefix: &str, rows: &mut Vec<Row>) {
    for (name, value) in members {
        let label = if prefix.is_empty() { name.clone() } else { format!("{prefix} / {name}") };
        let value = match value {
            Value::Object(inner) => {
                flatten(inner, &label, rows);
                continue;
            }
            Value::String(text) => text.clone(),
            Value::Number(number) => match json_value::in_full(number) {
                Some(digits) => digits,
                None => continue,
            },
            Value::Bool(truth) => truth.to_string(),
            Value::Array(_) | Value::Null => continue,
        };
        let is_fit =
            |text: &str| text.chars().count() <= MAX_SHOWN && plain_text::check(text, Kind::Text).is_ok();
        if is_fit(&label) && is_fit(&value) {
            rows.push(Row { label, value });
        }
    }
}

/// Redacted, so that no log contains it, because it may reveal where a person is.
impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestContext(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(String, String)> {
        let rows = RequestContext::parse(text).unwrap().rows();
        rows.into_iter().map(|row| (row.label, row.value)).collect()
    }

    /// FCIBA-12: it has no duplicate member.
    #[test]
    fn a_context_is_an_object_of_at_most_two_kibibytes() {
        assert!(RequestContext::parse(r#"{"location": {"country": "DE"}}"#).is_ok());
        let long = format!(r#"{{"a": "{}"}}"#, "x".repeat(MAX_CONTEXT));
        for text in ["", "[]", "\"text\"", "{\"a\": 1, \"a\": 2}", "{", &long] {
            assert!(RequestContext::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn its_members_are_read_by_their_names_at_any_depth() {
        let text = r#"{"location": {"country": "DE", "point": {"lat": 52.50, "far": 1e999999999}}, "branch": true, "floor": 1e1,
            "list": [1], "none": null}"#;
        let expected = [
            ("branch", "true"),
            ("floor", "10"),
            ("location / country", "DE"),
            ("location / point / lat", "52.50"),
        ];
        assert_eq!(rows(text), expected.map(|(label, value)| (label.to_owned(), value.to_owned())));
    }

    /// ATK-2-05
    #[test]
    fn what_reads_like_an_instruction_or_is_not_plain_is_not_shown() {
        let long = "x".repeat(65);
        for text in [
            "call +44 20 7946 0958",
            "see evil.example",
            "me@home",
            "<b>",
            "a\u{202e}b",
            "two\nlines",
            "",
            &long,
        ] {
            let as_value = Value::from(Map::from_iter([("note".to_owned(), text.into())]));
            assert_eq!(rows(&as_value.to_string()), [], "{text}");
            let as_name = Value::from(Map::from_iter([(text.to_owned(), "x".into())]));
            assert_eq!(rows(&as_name.to_string()), [], "{text}");
        }
        let many = Value::from(Map::from_iter((0..40).map(|n| (format!("m{n}"), n.into()))));
        assert_eq!(rows(&many.to_string()).len(), MAX_ROWS);
    }
}

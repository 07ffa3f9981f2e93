//! Reads the claims of a JWT (RFC 7519). The caller decides what they mean.

use serde_json::{Map, Value};

use crate::domain::base::time::Timestamp;

/// The claims of a token whose signature was verified.
#[derive(Clone, Copy)]
pub struct Claims<'c>(pub &'c Map<String, Value>);

impl<'c> Claims<'c> {
    pub fn get(self, claim: &str) -> Option<&'c Value> {
        self.0.get(claim)
    }

    pub fn text(self, claim: &str) -> Option<&'c str> {
        self.get(claim).and_then(Value::as_str)
    }

    /// `NumericDate` (RFC 7519 §2): a JSON number in the range from 1970 to the year 9999.
    pub fn date(self, claim: &str) -> Option<Timestamp> {
        let seconds = self.get(claim)?.as_f64().filter(|s| (0.0..=253_402_300_800.0).contains(s))?;
        Some(Timestamp::from_millis((seconds * 1000.0) as i64))
    }

    /// A claim that is a string or a list of strings.
    pub fn texts(self, claim: &str) -> Vec<&'c str> {
        match self.get(claim) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => vec![],
        }
    }
}

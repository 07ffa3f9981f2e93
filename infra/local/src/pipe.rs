//! The transformation of a record by an EventBridge pipe.

use serde_json::Value;

use crate::Error;

/// An `InputTemplate`: text with placeholders such as `<$.dynamodb.Keys.pk.S>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputTemplate(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The names of the members on the path to a value.
    Place(Vec<String>),
}

impl InputTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// If a placeholder is not of the form `<$.a.b>`: a pipe's own variables and list indexes are not supported
    /// here.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('<') {
            let unknown = || format!("{text}: a placeholder has the form <$.a.b>");
            let (place, after) = after.split_once('>').ok_or_else(unknown)?;
            let path = place.strip_prefix("$.").ok_or_else(unknown)?;
            let names: Vec<_> = path.split('.').map(str::to_owned).collect();
            if names.iter().any(|name| name.is_empty() || name.contains(['[', ' '])) {
                return Err(unknown().into());
            }
            parts.extend([Part::Text(before.to_owned()), Part::Place(names)]);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The text for `record`. The placeholders are in quotes, so the values have to be text, and are escaped as in
    /// JSON.
    ///
    /// # Errors
    /// If there is no text for a placeholder.
    pub fn fill(&self, record: &Value) -> Result<String, Error> {
        let part = |part: &Part| match part {
            Part::Text(text) => Ok(text.clone()),
            Part::Place(names) => {
                let found = names.iter().fold(record, |value, name| &value[name]).as_str();
                let found = found.ok_or_else(|| format!("the record has no text at {}", names.join(".")))?;
                let quoted = Value::from(found).to_string();
                Ok(quoted[1..quoted.len() - 1].to_owned())
            }
        };
        self.0.iter().map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_is_filled_from_the_record_and_nothing_else_gets_in() {
        let template = InputTemplate::parse(r#"{"request": "<$.dynamodb.Keys.pk.S>"}"#).unwrap();
        let record =
            json!({"dynamodb": {"Keys": {"pk": {"S": "request#a"}}, "NewImage": {"secret": {"S": "s"}}}});
        assert_eq!(template.fill(&record).unwrap(), r#"{"request": "request#a"}"#);
        let record = json!({"dynamodb": {"Keys": {"pk": {"S": "a\", \"b"}}}});
        let filled: Value = serde_json::from_str(&template.fill(&record).unwrap()).unwrap();
        assert_eq!(filled, json!({"request": "a\", \"b"}));
    }

    #[test]
    fn a_record_without_the_value_is_an_error() {
        let template = InputTemplate::parse(r#""<$.a.b>""#).unwrap();
        assert!(template.fill(&json!({"a": {}})).is_err());
        assert!(template.fill(&json!({"a": {"b": {}}})).is_err());
    }

    #[test]
    fn what_is_no_path_is_an_error() {
        for text in ["<aws.pipes.event.json>", "<$.a[0]>", "<$.a", "<$.>"] {
            assert!(InputTemplate::parse(text).is_err(), "{text}");
        }
    }
}

//! The parameters of a request, from a query or a form.

use std::collections::{BTreeMap, BTreeSet};

use url::form_urlencoded;

/// An empty parameter counts as absent, and a repeated one has no value (RFC 6749 §3.1, §3.2).
#[derive(Debug, Default)]
pub(super) struct Parameters {
    values: BTreeMap<String, String>,
    repeated: BTreeSet<String>,
}

impl Parameters {
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut found = Self::default();
        for (name, value) in form_urlencoded::parse(text).into_owned() {
            if value.is_empty() || found.repeated.contains(&name) {
                continue;
            }
            if found.values.remove(&name).is_some() {
                found.repeated.insert(name);
            } else {
                found.values.insert(name, value);
            }
        }
        found
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub(super) fn has_repeated(&self) -> bool {
        !self.repeated.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_parameter_is_absent_and_a_repeated_one_has_no_value() {
        let parameters = Parameters::parse(b"a=1&b=&c=2&c=3&c=4&d=x%20y");
        assert_eq!(parameters.iter().collect::<Vec<_>>(), [("a", "1"), ("d", "x y")]);
        assert_eq!((parameters.get("b"), parameters.get("c")), (None, None));
        assert!(parameters.has_repeated());
        assert!(!Parameters::parse(b"a=1&b=&b=").has_repeated());
    }
}

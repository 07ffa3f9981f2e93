//! Log lines: one JSON object each, so that nothing a client sends can begin a line of its own (`HYG-5-04`).

use serde_json::{Map, Value};

/// Writes one line. Values are codes, counts and hashes; never secrets, hints or messages (`HYG-5-01`).
pub(super) fn line(level: &str, event: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) {
    let mut all = Map::from_iter([("level".to_owned(), level.into()), ("event".to_owned(), event.into())]);
    all.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
    println!("{}", Value::Object(all));
}

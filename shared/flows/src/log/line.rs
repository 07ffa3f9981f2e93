//! Writes lines of the log as one JSON object each, so that no client input can inject a line of its own.

use std::sync::OnceLock;

use serde::Serialize;
use serde_json::{Map, Value, json};

use ciba_core::domain::base::time::Timestamp;

/// The observer of all lines, if any.
static OBSERVER: OnceLock<fn(&str)> = OnceLock::new();

/// Passes every later line to `observer` as well. Only the first observer is kept. Tests use it to search the log
/// for data that it must not contain.
pub fn observe(observer: fn(&str)) {
    let _ = OBSERVER.set(observer);
}

/// Writes one line. Values are codes, counts and hashes; never secrets, hints or messages, which a log would leak.
pub(super) fn line(level: &str, event: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) {
    let mut all = Map::from_iter([("level".to_owned(), level.into()), ("event".to_owned(), event.into())]);
    all.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
    print(&Value::Object(all));
}

/// A metric's values at one moment. Several values form a distribution.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    /// `Count` or `Milliseconds`.
    pub(super) unit: &'static str,
    pub(super) values: Vec<i64>,
}

/// The maximum number of values of a metric in one line.
const MOST_VALUES: usize = 100;

/// One line from which CloudWatch Logs extracts metrics (embedded metric format). It costs no call, and no metric
/// is lost unless its log line is. It has no dimensions: one metric for the whole stack.
pub(super) fn metrics(namespace: &str, at: Timestamp, metrics: &[Metric]) {
    measured(namespace, at, [("level", "info".into()), ("event", "metrics".into())], metrics);
}

/// The same, with fields that are no metrics.
pub(super) fn measured(
    namespace: &str,
    at: Timestamp,
    fields: impl IntoIterator<Item = (&'static str, Value)>,
    metrics: &[Metric],
) {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Definition {
        name: &'static str,
        unit: &'static str,
    }
    let definitions: Vec<_> = metrics.iter().map(|it| Definition { name: it.name, unit: it.unit }).collect();
    let directive = json!({"Namespace": namespace, "Dimensions": [[]], "Metrics": definitions});
    let metadata = json!({"Timestamp": at.millis(), "CloudWatchMetrics": [directive]});
    let mut all = Map::from_iter([("_aws".to_owned(), metadata)]);
    all.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
    all.extend(metrics.iter().map(|Metric { name, values, .. }| {
        let value = match values.as_slice() {
            [one] => (*one).into(),
            several => several.iter().copied().take(MOST_VALUES).collect::<Vec<_>>().into(),
        };
        ((*name).to_owned(), value)
    }));
    print(&Value::Object(all));
}

fn print(line: &Value) {
    let line = line.to_string();
    println!("{line}");
    if let Some(observer) = OBSERVER.get() {
        observer(&line);
    }
}

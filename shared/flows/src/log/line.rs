//! Writes lines of the log as one JSON object each, so that no client input can inject a line of its own.
//!
//! Each has `timestamp` and `level`, by which Lambda filters lines: it takes a line that lacks one of them, or has a
//! `timestamp` that is not of RFC 3339, for one of the level INFO, whatever it says.

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

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Info,
    Warn,
    Error,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Writes one line. `at` is the time of its invocation. Values are codes, counts and hashes; never secrets, hints or
/// messages, which a log would leak.
pub(super) fn line(
    level: Level,
    event: &str,
    fields: impl IntoIterator<Item = (&'static str, Value)>,
    at: Timestamp,
) {
    print(&Value::Object(members(level, event, fields, at)));
}

fn members(
    level: Level,
    event: &str,
    fields: impl IntoIterator<Item = (&'static str, Value)>,
    at: Timestamp,
) -> Map<String, Value> {
    let common =
        [("timestamp", at.date_time().into()), ("level", level.as_str().into()), ("event", event.into())];
    let all = common.into_iter().chain(fields);
    all.map(|(name, value)| (name.to_owned(), value)).collect()
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
pub(super) fn metrics(namespace: &str, metrics: &[Metric], at: Timestamp) {
    measured(namespace, Level::Info, "metrics", [], metrics, at);
}

/// The same, with fields that are no metrics.
pub(super) fn measured(
    namespace: &str,
    level: Level,
    event: &str,
    fields: impl IntoIterator<Item = (&'static str, Value)>,
    metrics: &[Metric],
    at: Timestamp,
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
    let mut all = members(level, event, fields, at);
    all.insert("_aws".to_owned(), metadata);
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

//! How a line of the log is written: one JSON object, so that nothing a client sends can begin a line of its own (`HYG-5-04`).

use std::sync::OnceLock;

use serde::Serialize;
use serde_json::{Map, Value, json};

use ciba_core::domain::base::time::Timestamp;

/// Who reads along, if anybody.
static OBSERVER: OnceLock<fn(&str)> = OnceLock::new();

/// From now on `observer` gets every line, too. The first one stays: tests look for what must not be in a log.
pub fn observe(observer: fn(&str)) {
    let _ = OBSERVER.set(observer);
}

/// Writes one line. Values are codes, counts and hashes; never secrets, hints or messages (`HYG-5-01`).
pub(super) fn line(level: &str, event: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) {
    let mut all = Map::from_iter([("level".to_owned(), level.into()), ("event".to_owned(), event.into())]);
    all.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
    print(&Value::Object(all));
}

/// A metric's values at one moment. More than one make a distribution.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    /// `Count` or `Milliseconds`.
    pub(super) unit: &'static str,
    pub(super) values: Vec<i64>,
}

/// The most values that one line may have of a metric.
const MOST_VALUES: usize = 100;

/// One line that CloudWatch Logs makes metrics of (embedded metric format). It costs no call, and none is lost that the log
/// has. Without dimensions: one metric for the whole stack.
pub(super) fn metrics(namespace: &str, at: Timestamp, metrics: &[Metric]) {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Definition {
        name: &'static str,
        unit: &'static str,
    }
    let definitions: Vec<_> = metrics.iter().map(|it| Definition { name: it.name, unit: it.unit }).collect();
    let directive = json!({"Namespace": namespace, "Dimensions": [[]], "Metrics": definitions});
    let metadata = json!({"Timestamp": at.millis(), "CloudWatchMetrics": [directive]});
    let mut all = Map::from_iter([
        ("level".to_owned(), "info".into()),
        ("event".to_owned(), "metrics".into()),
        ("_aws".to_owned(), metadata),
    ]);
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

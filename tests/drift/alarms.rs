//! An alarm that looks at nothing is as silent as one that is content: CloudWatch takes any name of a metric.

use ciba::domain::request::event::EventName;
use ciba::flows::log;
use serde_json::{Value, json};

use crate::{DOCUMENT, TEMPLATE, read, resources};

/// One metric that an alarm looks at.
struct Metric {
    alarm: &'static str,
    namespace: &'static Value,
    name: &'static str,
    dimensions: &'static Value,
}

impl Metric {
    fn of(alarm: &'static str, said_by: &'static Value) -> Self {
        Self {
            alarm,
            namespace: &said_by["Namespace"],
            name: said_by["MetricName"].as_str().unwrap_or_else(|| panic!("{alarm}: no MetricName")),
            dimensions: &said_by["Dimensions"],
        }
    }

    fn dimension(&self, name: &str) -> Option<&'static Value> {
        let all = self.dimensions.as_array()?;
        all.iter().find(|it| it["Name"] == name).map(|it| &it["Value"])
    }
}

/// The metrics of every alarm: the one it names, or those of its expression.
fn metrics() -> Vec<Metric> {
    let mut metrics = Vec::new();
    for (alarm, resource) in resources("AWS::CloudWatch::Alarm") {
        let properties = &resource["Properties"];
        match properties["Metrics"].as_array() {
            None => metrics.push(Metric::of(alarm, properties)),
            Some(several) => {
                let found = several.iter().map(|it| &it["MetricStat"]["Metric"]).filter(|it| !it.is_null());
                metrics.extend(found.map(|it| Metric::of(alarm, it)));
            }
        }
    }
    metrics
}

#[test]
fn every_function_has_an_alarm_at_the_api_or_its_own() {
    let metrics = metrics();
    let api = metrics.iter().find(|it| it.namespace == "AWS/ApiGateway" && it.name == "5xx");
    assert_eq!(api.and_then(|it| it.dimension("ApiId")), Some(&json!({"Ref": "Api"})), "no alarm on 5xx");
    for function in &TEMPLATE.functions {
        let itself = json!({"Ref": function.logical_id});
        let own = metrics.iter().any(|it| {
            it.namespace == "AWS/Lambda"
                && it.name == "Errors"
                && it.dimension("FunctionName") == Some(&itself)
        });
        assert!(own || !function.routes.is_empty(), "{} fails and nobody is told", function.logical_id);
    }
}

/// Lambda's pollers try again when a function is throttled, and nothing fails: for those that they start, only this metric
/// and the age of a stream's records show it.
#[test]
fn a_function_that_is_polled_has_an_alarm_on_throttling() {
    let metrics = metrics();
    let mut polled = 0;
    for function in &TEMPLATE.functions {
        let itself = json!({"Ref": function.logical_id});
        let watched = |name: &str| {
            let mut of_lambda = metrics.iter().filter(|it| it.namespace == "AWS/Lambda" && it.name == name);
            of_lambda.any(|it| it.dimension("FunctionName") == Some(&itself))
        };
        let by_a_queue = !function.triggers.queues.is_empty();
        let by_the_stream = !function.triggers.streams.is_empty();
        polled += usize::from(by_a_queue || by_the_stream);
        assert_eq!(watched("Throttles"), by_a_queue || by_the_stream, "{}", function.logical_id);
        assert_eq!(watched("IteratorAge"), by_the_stream, "{}", function.logical_id);
    }
    assert_eq!(polled, 2, "a rule over nothing would hold");
}

/// A queue that was idle has no metrics, and those that count messages come late: an expression that fills them in with
/// zeros can miss them. What lies in the queue stays visible.
#[test]
fn no_alarm_fills_in_metrics_or_counts_what_was_sent() {
    for (alarm, resource) in resources("AWS::CloudWatch::Alarm") {
        assert!(!resource.to_string().contains("FILL("), "{alarm}");
    }
    let metrics = metrics();
    let of_queues: Vec<_> = metrics.iter().filter(|it| it.namespace == "AWS/SQS").collect();
    assert_eq!(of_queues.len(), 2, "each queue of dead letters");
    for metric in of_queues {
        let alarm = &DOCUMENT["Resources"][metric.alarm]["Properties"];
        assert_eq!(
            (metric.name, &alarm["Statistic"]),
            ("ApproximateNumberOfMessagesVisible", &json!("Maximum"))
        );
    }
}

#[test]
fn every_alarm_tells_the_topic() {
    let topic = json!([{"Ref": "AlarmTopic"}]);
    for (alarm, resource) in resources("AWS::CloudWatch::Alarm") {
        assert_eq!(resource["Properties"]["AlarmActions"], topic, "{alarm}");
    }
}

#[test]
fn template_and_deployment_guide_say_how_many_metrics_cost() {
    let always = |it: &Metric| DOCUMENT["Resources"][it.alarm]["Condition"].is_null();
    let metrics = metrics().into_iter().filter(always).count();
    let template = format!("These alarms watch {metrics} metrics.");
    assert!(read("template.yaml").contains(&template), "template.yaml does not say: {template}");
    let guide = format!("{metrics} metrics with an alarm");
    assert!(read("docs/deploying.md").contains(&guide), "docs/deploying.md does not say: {guide}");
}

/// By a filter on a log, or by the lines of functions: that of events, whose metrics have the names of the events, and
/// that of deliveries.
#[test]
fn a_metric_of_our_own_is_made_from_the_logs() {
    let ours: Vec<_> = metrics().into_iter().filter(|it| it.namespace.is_object()).collect();
    assert!(!ours.is_empty(), "a rule over nothing would hold");
    let mut made: Vec<_> = resources("AWS::Logs::MetricFilter")
        .flat_map(|(_, it)| it["Properties"]["MetricTransformations"].as_array().into_iter().flatten())
        .map(|it| (&it["MetricNamespace"], it["MetricName"].as_str()))
        .collect();
    let filtered = made.len();
    let namespace = &DOCUMENT["Resources"]["EventsFunction"]["Properties"]["Environment"]["Variables"]["METRIC_NAMESPACE"];
    let all =
        resources("AWS::Serverless::Function").map(|(_, it)| &it["Properties"]["Environment"]["Variables"]);
    assert!(all.map(|it| &it["METRIC_NAMESPACE"]).all(|it| it.is_null() || it == namespace), "one namespace");
    made.extend(EventName::ALL.map(|name| (namespace, Some(name.as_str()))));
    made.push((namespace, Some(log::UNREADABLE)));
    for metric in ours {
        let wanted = (metric.namespace, Some(metric.name));
        assert!(made.contains(&wanted), "{}: nobody makes {}", metric.alarm, metric.name);
    }
    let (by_filter, by_function) = made.split_at(filtered);
    let twice: Vec<_> = by_filter.iter().filter(|it| by_function.contains(it)).collect();
    assert!(twice.is_empty(), "counted twice: {twice:?}");
}

#[test]
fn the_filter_on_the_access_log_names_a_member_of_its_format() {
    let format = DOCUMENT["Resources"]["ApiStage"]["Properties"]["AccessLogSettings"]["Format"].as_str();
    let format: Value = serde_json::from_str(format.expect("a format")).expect("the format is JSON");
    let filters = resources("AWS::Logs::MetricFilter");
    for (id, filter) in
        filters.filter(|(_, it)| it["Properties"]["LogGroupName"] == json!({"Ref": "ApiLogs"}))
    {
        let pattern = filter["Properties"]["FilterPattern"].as_str().expect("a pattern");
        let member = pattern.trim_start_matches("{ $.").split(' ').next().unwrap_or_default();
        assert!(format[member].is_string(), "{id}: the access log has no {member}");
    }
}

#[test]
fn an_alarm_on_an_index_names_the_tables() {
    let indexes: Vec<_> = TEMPLATE.table.indexes.iter().map(|it| it.name.as_str()).collect();
    let metrics = metrics();
    let named: Vec<_> =
        metrics.iter().filter_map(|it| it.dimension("GlobalSecondaryIndexName")?.as_str()).collect();
    assert_eq!(named, indexes);
}

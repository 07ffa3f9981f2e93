//! Events are said in the code, filtered for in template.yaml, and described in docs/events.md.

use std::collections::BTreeSet;

use ciba::domain::request::event::EventName;
use ciba::flows::log::{DECIDED_AFTER, DELIVERED_AFTER, HOOK_FAILED, HOOK_TIME, UNREADABLE};
use ciba::protocol::event::{Detail, SOURCE};
use serde_json::{Value, json};

use crate::{DOCUMENT, PRODUCT, TEMPLATE, deployed, read, resources, sources};

/// The first cells of the table under a heading, without their marks.
fn first_cells(document: &str, heading: &str) -> BTreeSet<String> {
    let (_, section) = document.split_once(&format!("\n## {heading}\n")).expect(heading);
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.flat_map(|row| row.split(" |").next().unwrap_or_default().split(", "));
    cells.map(|cell| cell.trim_matches('`').to_owned()).collect()
}

fn names() -> BTreeSet<String> {
    EventName::ALL.iter().map(|name| name.as_str().to_owned()).collect()
}

#[test]
fn every_event_is_described_and_no_other() {
    assert_eq!(first_cells(&read("docs/events.md"), "The events"), names());
}

#[test]
fn every_member_of_a_detail_is_described_and_no_other() {
    let full = Detail {
        mode: Some("poll"),
        person: Some(String::new()),
        after: Some(0),
        scope: Some(String::new()),
        acr: Some(String::new()),
        expires_at: Some(0),
        channel: Some(String::new()),
        cancelled_by: Some("client"),
        rotated: Some(true),
        attempts: Some(1),
        failure: Some(String::new()),
        ..Detail::default()
    };
    let members: Value = serde_json::from_str(&full.encode()).expect("an object");
    let members = members.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(first_cells(&read("docs/events.md"), "The detail"), members);
    assert!(read("docs/events.md").contains(&format!("`source` is `{SOURCE}`")));
}

#[test]
fn every_metric_is_described_and_no_other() {
    let mut metrics = names();
    metrics.extend([UNREADABLE, DECIDED_AFTER, DELIVERED_AFTER, HOOK_TIME, HOOK_FAILED].map(str::to_owned));
    let mut described = first_cells(&read("docs/events.md"), "Metrics");
    described.extend(names());
    assert_eq!(described, metrics);
}

/// The names that stand after `event` in the calls that log.
fn logged() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, text) in PRODUCT.into_iter().flat_map(sources) {
        let calls =
            ["log::step(\"", "log::decision(\"", "log::delivery(\"", "log::passkey(\"", "log::outcome(\""];
        for (at, call) in calls.iter().flat_map(|call| text.match_indices(call)) {
            found.extend(text[at + call.len()..].split('"').next().map(str::to_owned));
        }
        if path.ends_with("flows/src/log.rs") {
            let named = text.split("line(").skip(1).filter_map(|call| call.split(',').nth(1));
            // Where it is not one of the caller's.
            let named = named.filter_map(|event| event.trim().strip_prefix('"')?.strip_suffix('"'));
            found.extend(named.map(str::to_owned));
        }
    }
    found
}

/// HYG-5-01, HYG-5-04
#[test]
fn every_line_of_a_log_is_described() {
    let described = first_cells(&read("docs/events.md"), "Log lines");
    let logged = logged();
    assert!(logged.contains("requested") && logged.contains("refused"), "{logged:?}");
    let missing: Vec<_> = logged.difference(&described).collect();
    assert!(missing.is_empty(), "docs/events.md does not describe {missing:?}");
}

/// Lambda writes no lines of its own about an invocation. A higher level for ours would drop what is read from the log:
/// metrics, the heads of evidence, and the one event without a write.
#[test]
fn logs_are_json_of_level_info_without_lambdas_own_lines() {
    let mut functions = 0;
    for (id, function) in deployed("AWS::Lambda::Function") {
        let mut config = function["Properties"]["LoggingConfig"].clone();
        let group = config.as_object_mut().and_then(|it| it.remove("LogGroup"));
        assert!(group.is_some_and(|it| it["Ref"].is_string()), "{id}");
        let expected = json!({"LogFormat": "JSON", "SystemLogLevel": "WARN", "ApplicationLogLevel": "INFO"});
        assert_eq!(config, expected, "{id}");
        functions += 1;
    }
    assert_eq!(functions, TEMPLATE.functions.len());
}

/// Everything that reads our lines names a member of the JSON that we write.
#[test]
fn filters_on_the_functions_logs_name_a_member_of_our_lines() {
    let filters = resources("AWS::Logs::SubscriptionFilter").chain(resources("AWS::Logs::MetricFilter"));
    let ours = filters.filter(|(_, it)| it["Properties"]["LogGroupName"] != json!({"Ref": "ApiLogs"}));
    let patterns: BTreeSet<_> =
        ours.map(|(_, it)| it["Properties"]["FilterPattern"].as_str().expect("a pattern")).collect();
    let notified = EventName::Notified.as_str();
    assert_eq!(
        patterns,
        BTreeSet::from([&*format!("{{ $.event = \"{notified}\" }}"), "{ $.event = \"evidence\" }"])
    );
    let logged = logged();
    assert!(logged.contains(notified) && logged.contains("evidence"), "{logged:?}");
}

#[test]
fn the_log_subscription_finds_the_one_event_without_a_write() {
    let properties = &DOCUMENT["Resources"]["NotifiedSubscription"]["Properties"];
    let pattern = format!("{{ $.event = \"{}\" }}", EventName::Notified.as_str());
    assert_eq!(properties["FilterPattern"], pattern);
    assert_eq!(properties["LogGroupName"], json!({"Ref": "BackchannelAuthenticationLogs"}));
    assert_eq!(properties["DestinationArn"], json!({"Ref": "EventsFunction.Alias"}));
    assert_eq!(DOCUMENT["Resources"]["NotifiedSubscription"]["DependsOn"], "NotifiedPermission");
}

/// A decision is neither given up nor skipped while the stream keeps it, and no record holds up those of other lanes. It
/// comes again only if the queue cannot be reached.
#[test]
fn the_trigger_of_deliveries_never_gives_up() {
    let trigger = &DOCUMENT["Resources"]["ClientNotificationFunctionDecisions"]["Properties"];
    assert_eq!(trigger["FunctionName"], json!({"Ref": "ClientNotificationFunction.Alias"}));
    assert_eq!(trigger["EventSourceArn"], json!({"Fn::GetAtt": "Table.StreamArn"}));
    assert_eq!(trigger["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    assert_eq!(trigger["BisectBatchOnFunctionError"], true);
    assert_eq!(
        (&trigger["MaximumRetryAttempts"], &trigger["MaximumRecordAgeInSeconds"]),
        (&json!(-1), &json!(-1))
    );
    assert_eq!(
        (&trigger["ParallelizationFactor"], &trigger["StartingPosition"]),
        (&json!(10), &json!("TRIM_HORIZON"))
    );
    assert_eq!(trigger["DestinationConfig"], Value::Null);
    assert_eq!(trigger["MaximumBatchingWindowInSeconds"], Value::Null, "nothing waits for a batch to fill");
}

/// More than two readers of a shard are throttled, which would delay deliveries.
#[test]
fn the_stream_has_two_readers_and_no_pipe() {
    let sources =
        resources("AWS::Lambda::EventSourceMapping").map(|(_, it)| &it["Properties"]["EventSourceArn"]);
    let of_the_stream = sources.filter(|it| **it == json!({"Fn::GetAtt": "Table.StreamArn"})).count();
    assert_eq!(of_the_stream, 2);
    assert_eq!(resources("AWS::Pipes::Pipe").count(), 0);
}

/// What comes again is bounded, nothing that is given up is silent, and a poison record holds nothing up for ever.
#[test]
fn the_trigger_gives_up_after_a_time_and_says_so() {
    let trigger = &DOCUMENT["Resources"]["EventsFunctionChanges"]["Properties"];
    assert_eq!(trigger["FunctionName"], json!({"Ref": "EventsFunction.Alias"}));
    assert_eq!(trigger["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    assert_eq!(trigger["BisectBatchOnFunctionError"], true);
    assert!(trigger["MaximumRetryAttempts"].as_i64().is_some_and(|it| it > 0));
    assert!(trigger["MaximumRecordAgeInSeconds"].as_i64().is_some_and(|it| it > 0));
    let queue = json!({"Destination": {"Fn::GetAtt": "EventsDeadLetters.Arn"}});
    assert_eq!(trigger["DestinationConfig"]["OnFailure"], queue);
    let filters = trigger["FilterCriteria"]["Filters"].as_array().expect("filters");
    assert!(filters.len() <= 5, "Lambda takes five");
    for filter in filters {
        let pattern = filter["Pattern"].as_str().expect("a pattern");
        serde_json::from_str::<Value>(pattern).expect(pattern);
    }
}

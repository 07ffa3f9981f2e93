//! Events: what the writes of a test are said to be, on the bus, as metrics and in the log.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ciba::domain::base::request_key::RequestKey;
use ciba_local::sns::Failure;
use ciba_tests::{Provider, SECRET, START, at, basic, form, form_request};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::signed_request::Stand;

/// What the bus has taken: name and detail, in the order in which it took them.
async fn emitted(provider: &Provider) -> Vec<(String, Value)> {
    provider.emit(at(1000.0)).await;
    let events = provider.eventbridge.events();
    provider.eventbridge.clear();
    events.into_iter().map(|it| (it.detail_type, it.detail)).collect()
}

fn names(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(name, _)| name.as_str()).collect()
}

/// What CloudWatch Logs hands the function of these lines.
fn subscription(lines: &[Value]) -> Value {
    let events: Vec<_> = lines
        .iter()
        .enumerate()
        .map(|(n, line)| json!({"id": format!("line-{n}"), "timestamp": 1, "message": format!("{line}\n")}))
        .collect();
    let delivery = json!({"messageType": "DATA_MESSAGE", "owner": "123456789012",
        "logGroup": "/ciba/backchannel-authentication", "logStream": "s", "subscriptionFilters": ["f"], "logEvents": events});
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut packer, delivery.to_string().as_bytes()).unwrap();
    json!({"awslogs": {"data": STANDARD.encode(packer.finish().unwrap())}})
}

fn correlation(request: &str) -> String {
    RequestKey::parse(request).unwrap().correlation()
}

/// HYG-5-03: each step is told, and the person has one name, too.
#[tokio::test]
async fn a_whole_flow_is_told_under_one_name_for_the_request() {
    let provider = Provider::start().await;
    let refreshing = json!({"client_id": "kiosk", "scope": "openid profile offline_access",
        "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"]});
    provider.register(refreshing).await.unwrap();
    let scope = ("scope", "openid profile offline_access");
    let (id, request) = provider.asked(&[scope, ("binding_message", "K7-2931")], at(0.0)).await;
    provider.poll(&id, at(5.0)).await;
    provider.poll(&id, at(6.0)).await;
    provider.approve(&request, at(7.5)).await;
    let tokens = provider.poll(&id, at(16.0)).await;
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.text("refresh_token"))];
    let refresh = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(&refresh));
    let refreshed = provider.call(&provider.token, &refresh, at(20.0)).await;
    let body = form(&[("token", refreshed.text("access_token"))]);
    let revoke = form_request("/oauth/revoke", Some(&basic("kiosk", SECRET)), &body);
    provider.call(&provider.revocation, &revoke, at(21.0)).await;
    provider.call(&provider.revocation, &revoke, at(22.0)).await;

    // Both polls and the second revocation are writes as well; the trigger lets only the latter through.
    assert_eq!(provider.emit(at(30.0)).await, 6, "no poll costs an invocation");
    let events = emitted(&provider).await;
    let expected = ["requested", "approved", "redeemed", "refreshed", "revoked"];
    assert_eq!(names(&events), expected, "no poll, and twice is once");
    let times: Vec<_> = events.iter().map(|(_, detail)| detail["at"].as_i64().unwrap()).collect();
    assert_eq!(times, [0.0, 7.5, 16.0, 20.0, 21.0].map(|seconds| at(seconds).millis()));
    let person = provider.person("alice").correlation();
    for (_, detail) in &events {
        assert_eq!(detail["request"], correlation(&request));
        assert_eq!((&detail["client_id"], &detail["mode"]), (&json!("kiosk"), &json!("poll")));
        assert_eq!((&detail["person"], &detail["issuer"]), (&json!(person), &json!(Provider::ISSUER)));
    }
    let member = |n: usize, name: &str| events[n].1[name].clone();
    assert_eq!(member(0, "scope"), scope.1);
    assert_eq!(member(0, "expires_at"), at(120.0).millis());
    assert_eq!((member(1, "scope"), member(1, "after")), (json!(scope.1), json!(7500)));
    assert_eq!(member(2, "scope"), scope.1);
    assert_eq!(member(3, "rotated"), true);
}

/// HYG-5-03: every other end of a request.
#[tokio::test]
async fn every_other_end_of_a_request_is_told_with_who_ended_it() {
    let provider = Provider::with(&[("ASKS_PER_TEN_MINUTES", "16")]).await;
    let (_, denied) = provider.asked(&[("login_hint", "bob")], at(0.0)).await;
    provider.decide("bob", &denied, json!({"decision": "deny"}), at(3.0)).await;
    let (_, superseded) = provider.asked(&[], at(4.0)).await;
    let (id, by_client) = provider.asked(&[], at(5.0)).await;
    assert_eq!(provider.cancel_as("kiosk", &id, at(6.0)).await.status, 200);
    let (_, by_operator) = provider.asked(&[], at(7.0)).await;
    crate::operator::done(&provider, &["request", "cancel", &by_operator], at(8.0)).await;
    provider.sns.fail_next(Failure::OptedOut);
    assert_eq!(provider.ask(&[], at(9.0)).await.status, 403);

    let mut ends = emitted(&provider).await;
    let asked: Vec<_> = ends.extract_if(.., |(name, _)| name == "requested").collect();
    assert_eq!(asked.len(), 5);
    assert_eq!(names(&ends), ["denied", "superseded", "cancelled", "cancelled", "withdrawn"]);
    let members = |name: &str| ends.iter().map(|(_, it)| it[name].clone()).collect::<Vec<_>>();
    assert_eq!(members("after"), [json!(3000), json!(1000), json!(1000), json!(1000), Value::Null]);
    assert_eq!(
        members("cancelled_by"),
        [json!(null), json!(null), json!("client"), json!("operator"), json!(null)]
    );
    let requests = [&denied, &superseded, &by_client, &by_operator].map(|it| json!(correlation(it)));
    assert_eq!(members("request")[..4], requests);
}

/// ATK-1-10: a report is told, of what is pending and of what is decided.
#[tokio::test]
async fn a_report_is_told_and_of_a_pending_request_the_denial_too() {
    let provider = Provider::start().await;
    for (sub, approves) in [("alice", false), ("bob", true)] {
        let (_, request) = provider.asked(&[("login_hint", sub)], at(0.0)).await;
        let decide = async |word: &str, seconds| {
            let answer = provider.decide(sub, &request, json!({ "decision": word }), at(seconds)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        };
        if approves {
            decide("approve", 1.0).await;
        }
        decide("report", 2.0).await;
        let mut events = emitted(&provider).await;
        // In the order of their keys, as far as there is one.
        events.sort_by_key(|(name, detail)| (detail["at"].as_i64(), name.clone()));
        let decided = if approves { "approved" } else { "denied" };
        assert_eq!(names(&events), ["requested", decided, "reported"]);
        let report = &events[2].1;
        assert_eq!((&report["client_id"], &report["at"]), (&json!("kiosk"), &json!(at(2.0).millis())));
        assert_eq!(report["request"], correlation(&request));
        assert_eq!(report["person"], provider.person(sub).correlation());
    }
}

/// What a write does not say: the log line of the accepted message becomes the event.
#[tokio::test]
async fn that_the_person_was_told_is_an_event_made_of_the_log_line() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    provider.sns.fail_next(Failure::OptedOut);
    assert_eq!(provider.ask(&[("login_hint", "bob")], at(1.0)).await.status, 403);
    let lines = provider.eavesdropper.lines("notified");
    assert_eq!(lines.len(), 1, "nobody was told of the other one");
    let handed = subscription(&lines);
    assert_eq!(provider.run_events(handed.clone(), at(2.0)).await.unwrap(), json!({}));
    let events = provider.eventbridge.events();
    let [event] = &events[..] else { panic!("{events:?}") };
    let expected = json!({"id": "line-0.notified", "issuer": Provider::ISSUER, "request": correlation(&request),
        "client_id": "kiosk", "mode": "poll", "person": provider.person("alice").correlation(),
        "at": at(0.0).millis(), "channel": "sms"});
    assert_eq!((event.detail_type.as_str(), &event.detail), ("notified", &expected));
    assert_eq!((event.source.as_str(), event.bus.as_str()), ("ciba", "ciba"));

    // Lambda invokes again with the same.
    provider.eventbridge.refuse_entries(1);
    assert!(provider.run_events(handed, at(3.0)).await.is_err());
}

/// At least once: what the bus did not take comes again, with all that follows it, and under the same ids.
#[tokio::test]
async fn what_the_bus_does_not_take_comes_again_under_the_same_id() {
    for whole_call in [false, true] {
        let provider = Provider::start().await;
        let (id, request) = provider.asked(&[], at(0.0)).await;
        provider.approve(&request, at(2.0)).await;
        assert_eq!(provider.poll(&id, at(5.0)).await.status, 200);
        if whole_call {
            provider.eventbridge.fail_calls(3)
        } else {
            provider.eventbridge.refuse_entries(1)
        }
        provider.emit(at(6.0)).await;
        assert_eq!(provider.eavesdropper.lines("metrics").len(), 0, "the first of them has to come again");
        assert_eq!(provider.eavesdropper.lines("trouble").len(), 1);
        provider.emit(at(7.0)).await;
        let taken = provider.eventbridge.events();
        let ids: BTreeSet<_> = taken.iter().map(|it| it.detail["id"].to_string()).collect();
        let names: BTreeSet<_> = taken.iter().map(|it| it.detail_type.clone()).collect();
        assert_eq!(names, ["approved", "redeemed", "requested"].map(str::to_owned).into());
        assert_eq!(ids.len(), 3, "{taken:?}");
        let metrics = provider.eavesdropper.lines("metrics");
        let count = |name: &str| metrics.iter().filter_map(|line| line[name].as_i64()).sum::<i64>();
        assert_eq!(["requested", "approved", "redeemed"].map(count), [1, 1, 1], "each is counted once");
    }
}

/// A record that nobody can read holds nothing up, and is not silent.
#[tokio::test]
async fn a_record_that_cannot_be_read_is_passed_over_and_counted() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    provider.set_attribute(&format!("request#{request}"), "request", "state", "unheard-of").await;
    let (_, bobs) = provider.asked(&[("login_hint", "bob")], at(1.0)).await;
    let events = emitted(&provider).await;
    assert_eq!(names(&events), ["requested", "requested"]);
    assert_eq!(events[1].1["request"], correlation(&bobs));
    let trouble = provider.eavesdropper.lines("trouble");
    assert_eq!(trouble.len(), 1);
    assert_eq!(trouble[0]["detail"], "table corrupt: attribute state");
    assert_eq!(provider.eavesdropper.lines("metrics")[0]["unreadable"], 1);
}

/// CIBA-7.1.1-19: what the client signed is kept under the request's own sort key, in another place, and is no event.
#[tokio::test]
async fn a_signed_request_is_told_once() {
    let stand = Stand::new().await;
    let provider = &stand.provider;
    assert_eq!(stand.ask(&stand.request(json!({})), at(1.0)).await.status, 200);
    assert_eq!(provider.emit(at(2.0)).await, 1, "the trigger lets the request through, and nothing else");
    assert_eq!(names(&emitted(provider).await), ["requested"]);

    // Were the trigger wider, too.
    let key = json!({"pk": {"S": "evidence#q83vEjRWeJCrze8SNFZ4kA"}, "sk": {"S": "request"}});
    let record = json!({"eventID": "1", "eventName": "INSERT", "dynamodb": {"Keys": key, "SequenceNumber": "1",
        "ApproximateCreationDateTime": 1.0, "NewImage": {"document": {"S": "{}"}}}});
    provider.run_events(json!({ "Records": [record] }), at(3.0)).await.unwrap();
    assert_eq!(provider.eavesdropper.lines("trouble"), [] as [Value; 0]);
}

#[tokio::test]
async fn an_invocation_by_nobody_known_fails() {
    let provider = Provider::start().await;
    for event in [json!({}), json!({"Records": [{"body": "x"}]}), json!({"awslogs": {"data": "x"}})] {
        assert!(provider.run_events(event.clone(), at(0.0)).await.is_err(), "{event}");
    }
    assert_eq!(
        provider.run_events(json!({"Records": []}), at(0.0)).await.unwrap(),
        json!({"batchItemFailures": []})
    );
}

/// The embedded metric format: a metric of each event's name, and how long the person took.
#[tokio::test]
async fn one_line_has_the_metrics_of_an_invocation() {
    let provider = Provider::start().await;
    for (sub, decision, seconds) in [("alice", "approve", 1.5), ("bob", "deny", 2.0)] {
        let (_, request) = provider.asked(&[("login_hint", sub)], at(0.0)).await;
        provider.decide(sub, &request, json!({ "decision": decision }), at(seconds)).await;
    }
    provider.emit(at(9.0)).await;
    let metrics = provider.eavesdropper.lines("metrics");
    let [line] = &metrics[..] else { panic!("{metrics:?}") };
    let metric = |name: &str, unit: &str| json!({"Name": name, "Unit": unit});
    let directive = json!({"Namespace": "ciba", "Dimensions": [[]], "Metrics": [
        metric("requested", "Count"), metric("approved", "Count"), metric("denied", "Count"),
        metric("decided_after_ms", "Milliseconds")]});
    let expected = json!({"timestamp": at(9.0).date_time(), "level": "info", "event": "metrics",
        "_aws": {"Timestamp": at(9.0).millis(), "CloudWatchMetrics": [directive]},
        "requested": 2, "approved": 1, "denied": 1, "decided_after_ms": [1500, 2000]});
    assert_eq!(*line, expected);
}

/// Speed: the requests themselves pay nothing for it, and the function reads no table.
#[tokio::test]
async fn emitting_costs_no_call_of_the_table() {
    let provider = Provider::start().await;
    provider.asked(&[], at(0.0)).await;
    provider.proxy.clear();
    assert_eq!(names(&emitted(&provider).await), ["requested"]);
    assert_eq!(provider.proxy.calls(), []);
}

/// More than one call of the bus takes.
#[tokio::test]
async fn many_events_go_ten_at_a_time() {
    let provider = Provider::with(&[("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")]).await;
    for seconds in 0..12 {
        let (id, _) = provider.asked(&[], at(f64::from(seconds))).await;
        provider.cancel_as("kiosk", &id, at(f64::from(seconds) + 0.5)).await;
    }
    provider.emit(START).await;
    assert_eq!(provider.eventbridge.events().len(), 24);
    let ids: BTreeSet<_> =
        provider.eventbridge.events().iter().map(|it| it.detail["id"].to_string()).collect();
    assert_eq!(ids.len(), 24);
}

/// HYG-5-01, CIBA-15-02, FCIBA-32: the scan that every test ends with finds what it is to find.
#[tokio::test]
async fn a_secret_that_is_logged_or_emitted_is_found() {
    let provider = Provider::start().await;
    let hint = "a-hint-that-leads-to-nobody";
    provider.ask(&[("login_hint", hint), ("binding_message", "K7-2931")], at(0.0)).await;
    let (id, request) = provider.asked(&[("binding_message", "K7-2931")], at(1.0)).await;
    provider.emit(at(2.0)).await;
    assert_eq!(provider.eavesdropper.leaks(), []);
    let secrets = [SECRET, hint, "K7-2931", &*id, &*request];
    let heard = provider.eavesdropper.clone();
    heard.messages(&provider.sns.inbox());
    for secret in secrets {
        // As if a function logged it, in a call like any other.
        heard
            .during(async { ciba::flows::log::outcome("planted", &format!("because of {secret}!"), at(3.0)) })
            .await;
        assert!(heard.leaks().iter().any(|leak| leak.text.contains(secret)), "{secret}");
        heard.forget("planted");
        heard.emitted("an event", json!({"detail": secret}).to_string());
        assert!(heard.leaks().iter().any(|leak| leak.text.contains(secret)), "{secret}");
        heard.forget("an event");
        heard.emitted("a queue", secret.to_owned());
        assert_eq!(
            heard.leaks().is_empty(),
            *secret == request,
            "a queue's messages name requests: {secret}"
        );
        heard.forget("a queue");
    }
    assert_eq!(provider.eavesdropper.leaks(), []);
}

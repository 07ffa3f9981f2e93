//! What becomes of a delivery is told to others, too (docs/events.md).

use ciba_tests::{Provider, Reaction, START, at};
use serde_json::{Value, json};

use super::{asked, deliver_until, provider_in};

/// What was emitted of one request, by name.
async fn emitted(provider: &Provider) -> Vec<(String, Value)> {
    provider.emit(at(1000.0)).await;
    let mut events: Vec<_> =
        provider.eventbridge.events().into_iter().map(|it| (it.detail_type, it.detail)).collect();
    events.sort_by_key(|(name, detail)| (detail["at"].as_i64(), name.clone()));
    events
}

fn names(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn a_ping_that_arrives_at_the_second_attempt_is_delivered_once() {
    let (provider, receiver) = provider_in("ping").await;
    let (_, request) = asked(&provider, START).await;
    provider.approve(&request, at(2.0)).await;
    receiver.react([Reaction::Status(503)]);
    deliver_until(&provider, 3, 10).await;
    let events = emitted(&provider).await;
    assert_eq!(names(&events), ["requested", "approved", "delivered"], "an attempt that failed is none");
    let delivered = &events[2].1;
    let later = delivered["at"].as_i64().unwrap() - at(2.0).millis();
    assert_eq!((&delivered["attempts"], &delivered["after"]), (&json!(2), &json!(later)));
    assert!((1000..9000).contains(&later), "{later} ms");
    assert_eq!((&delivered["mode"], &delivered["person"]), (&json!("ping"), &Value::Null));
    assert_eq!(delivered["request"], events[0].1["request"]);
    let metrics = provider.eavesdropper.lines("metrics");
    assert_eq!(metrics[0]["delivered_after_ms"], later);
}

/// CIBA-10.3-09: so is the end of its tokens.
#[tokio::test]
async fn a_push_refused_for_good_is_an_event_with_its_code() {
    let (provider, receiver) = provider_in("push").await;
    receiver.always(Reaction::Status(401));
    let (_, request) = asked(&provider, START).await;
    provider.approve(&request, at(2.0)).await;
    deliver_until(&provider, 3, 5).await;
    let events = emitted(&provider).await;
    let mut found = names(&events);
    found.sort_unstable();
    assert_eq!(found, ["approved", "delivery_failed", "redeemed", "requested", "revoked"]);
    let failed = events.iter().find(|(name, _)| name == "delivery_failed").map(|(_, detail)| detail).unwrap();
    assert_eq!((&failed["failure"], &failed["attempts"]), (&json!("http_401"), &json!(1)));
}

/// What is not needed any more was not delivered.
#[tokio::test]
async fn a_ping_for_what_was_collected_is_no_event() {
    let (provider, _receiver) = provider_in("ping").await;
    let (id, request) = asked(&provider, START).await;
    provider.approve(&request, at(2.0)).await;
    assert_eq!(provider.poll(&id, at(3.0)).await.status, 200);
    provider.deliver(at(4.0)).await;
    assert_eq!(names(&emitted(&provider).await), ["requested", "approved", "redeemed"]);
}

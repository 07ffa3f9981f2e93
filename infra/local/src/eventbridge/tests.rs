use reqwest::header::AUTHORIZATION;

use super::*;
use crate::server::listen;

async fn start() -> EventBridge {
    EventBridge::start(listen(0).await.unwrap()).unwrap()
}

fn entry(detail: &str) -> Value {
    json!({"Source": "ciba", "DetailType": "approved", "Detail": detail, "EventBusName": "events"})
}

async fn put(events: &EventBridge, entries: Vec<Value>) -> (u16, Value) {
    let signed = "AWS4-HMAC-SHA256 Credential=EVENTS/20260101/us-east-1/events/aws4_request, Signature=0";
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(events.url()).header("x-amz-target", "AWSEvents.PutEvents");
    let request = request.header(AUTHORIZATION, signed).body(json!({ "Entries": entries }).to_string());
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn what_is_put_is_remembered_with_its_caller() {
    let events = start().await;
    let (status, answer) = put(&events, vec![entry(r#"{"request":"a"}"#)]).await;
    assert_eq!((status, &answer["FailedEntryCount"]), (200, &json!(0)));
    let event = events.events().remove(0);
    assert_eq!(answer["Entries"][0]["EventId"].as_str(), event.id.as_deref());
    assert_eq!(
        (event.source.as_str(), event.detail_type.as_str(), event.bus.as_str()),
        ("ciba", "approved", "events")
    );
    assert_eq!((event.detail["request"].as_str(), event.caller.as_deref()), (Some("a"), Some("EVENTS")));
    events.clear();
    assert_eq!(events.events(), []);
}

#[tokio::test]
async fn an_entry_that_is_refused_keeps_no_other_out() {
    let events = start().await;
    events.refuse_entries(1);
    let (status, answer) =
        put(&events, vec![entry(r#"{"n":1}"#), entry(r#"{"n":2}"#), entry("no JSON")]).await;
    assert_eq!((status, &answer["FailedEntryCount"]), (200, &json!(2)));
    assert_eq!(answer["Entries"][0]["ErrorCode"], "ThrottlingException");
    assert!(answer["Entries"][1]["EventId"].is_string());
    assert_eq!(answer["Entries"][2]["ErrorCode"], "MalformedDetail");
    let accepted: Vec<_> = events.events().into_iter().map(|event| event.detail["n"].clone()).collect();
    assert_eq!(accepted, [2]);
    assert_eq!(events.attempts().len(), 3);
}

#[tokio::test]
async fn a_call_can_fail_as_a_whole_and_is_remembered_all_the_same() {
    let events = start().await;
    events.fail_calls(1);
    assert_eq!(put(&events, vec![entry("{}")]).await.0, 500);
    assert_eq!(put(&events, vec![entry("{}")]).await.0, 200);
    assert_eq!((events.attempts().len(), events.events().len()), (2, 1));
}

#[tokio::test]
async fn what_aws_refuses_is_refused() {
    let events = start().await;
    assert_eq!(put(&events, vec![]).await.0, 400);
    assert_eq!(put(&events, vec![entry("{}"); 11]).await.0, 400);
    assert_eq!(put(&events, vec![entry(&format!("{{\"a\":\"{}\"}}", "x".repeat(256 * 1024)))]).await.0, 400);
    for (name, value) in
        [("Source", ""), ("DetailType", ""), ("Detail", ""), ("Detail", "[]"), ("Source", "aws.sqs")]
    {
        let mut wrong = entry("{}");
        wrong[name] = value.into();
        assert_eq!(put(&events, vec![wrong]).await.1["FailedEntryCount"], 1, "{name} {value}");
    }
    assert_eq!(events.events(), []);
}

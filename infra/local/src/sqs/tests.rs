use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::json;

use super::*;
use crate::{
    clock::SetClock,
    server::listen,
    template::{Queue, Redrive},
};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000 + seconds)
}

fn queues() -> Vec<Queue> {
    let redrive = Redrive { queue: "DeadLetters".into(), max_receive_count: 2 };
    let queue = |name: &str, redrive| Queue {
        logical_id: name.into(),
        visibility_timeout: 90,
        retention: 345_600,
        redrive,
    };
    vec![queue("Deliveries", Some(redrive)), queue("DeadLetters", None)]
}

async fn start() -> (Sqs, SetClock) {
    let clock = SetClock::new(at(0));
    (Sqs::start(listen(0).await.unwrap(), &queues(), Clock::Set(clock.clone())).unwrap(), clock)
}

async fn call(sqs: &Sqs, operation: &str, mut input: Value) -> (u16, Value) {
    if input["QueueUrl"].is_null() {
        input["QueueUrl"] = sqs.queue_url("Deliveries").into();
    }
    let signed = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/sqs/aws4_request, Signature=0";
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(sqs.url()).header("x-amz-target", format!("AmazonSQS.{operation}"));
    let request = request.header(AUTHORIZATION, signed).header(CONTENT_TYPE, "application/x-amz-json-1.0");
    let answer = request.body(input.to_string()).send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

async fn receive_one(sqs: &Sqs) -> Value {
    let (status, answer) = call(sqs, "ReceiveMessage", json!({"AttributeNames": ["All"]})).await;
    assert_eq!(status, 200, "{answer}");
    answer["Messages"][0].clone()
}

#[tokio::test]
async fn a_message_goes_from_sending_to_its_deletion() {
    let (sqs, clock) = start().await;
    let (status, sent) = call(&sqs, "SendMessage", json!({"MessageBody": "hello"})).await;
    assert_eq!((status, &sent["MD5OfMessageBody"]), (200, &json!("5d41402abc4b2a76b9719d911017c592")));
    let message = receive_one(&sqs).await;
    assert_eq!((&message["MessageId"], &message["Body"]), (&sent["MessageId"], &json!("hello")));
    assert_eq!(
        message["Attributes"],
        json!({"ApproximateReceiveCount": "1", "SentTimestamp": "1800000000000", "SenderId": "AKID",
            "ApproximateFirstReceiveTimestamp": "1800000000000"})
    );
    assert_eq!(call(&sqs, "ReceiveMessage", json!({})).await, (200, json!({})));
    let handle = json!({"ReceiptHandle": message["ReceiptHandle"]});
    assert_eq!(call(&sqs, "DeleteMessage", handle).await, (200, json!({})));
    clock.set(at(100));
    assert_eq!(call(&sqs, "ReceiveMessage", json!({})).await, (200, json!({})));
}

#[tokio::test]
async fn a_message_received_too_often_goes_to_the_dead_letters() {
    let (sqs, clock) = start().await;
    call(&sqs, "SendMessage", json!({"MessageBody": "hello"})).await;
    for round in 0..2 {
        assert_eq!(receive_one(&sqs).await["Body"], "hello");
        clock.set(at(90 * (round + 1)));
    }
    assert_eq!(receive_one(&sqs).await, Value::Null);
    assert_eq!((sqs.bodies("Deliveries").len(), sqs.bodies("DeadLetters")), (0, vec!["hello".to_owned()]));
    let url = sqs.queue_url("DeadLetters");
    let (_, answer) = call(&sqs, "ReceiveMessage", json!({"QueueUrl": url})).await;
    assert_eq!(answer["Messages"][0]["Body"], "hello");
}

#[tokio::test]
async fn a_changed_visibility_is_kept_over_http() {
    let (sqs, clock) = start().await;
    call(&sqs, "SendMessage", json!({"MessageBody": "hello"})).await;
    let handle = receive_one(&sqs).await["ReceiptHandle"].clone();
    let change = |seconds: u64| json!({"ReceiptHandle": handle, "VisibilityTimeout": seconds});
    assert_eq!(call(&sqs, "ChangeMessageVisibility", change(43_200)).await, (200, json!({})));
    clock.set(at(1));
    for (seconds, said) in [(43_200, "beyond the limit"), (43_201, "Out of range")] {
        let (status, answer) = call(&sqs, "ChangeMessageVisibility", change(seconds)).await;
        assert_eq!((status, &answer["__type"]), (400, &json!("com.amazonaws.sqs#InvalidParameterValue")));
        assert!(answer["message"].as_str().unwrap().contains(said), "{answer}");
    }
    clock.set(at(43_200));
    assert_eq!(receive_one(&sqs).await["Attributes"]["ApproximateReceiveCount"], "2");
}

#[tokio::test]
async fn of_a_batch_each_entry_has_its_own_end() {
    let (sqs, _) = start().await;
    let entries = json!({"Entries": [{"Id": "a", "MessageBody": "x"}, {"Id": "b", "MessageBody": ""}]});
    let (status, answer) = call(&sqs, "SendMessageBatch", entries).await;
    assert_eq!((status, &answer["Successful"][0]["Id"]), (200, &json!("a")));
    assert_eq!(
        (&answer["Failed"][0]["Id"], &answer["Failed"][0]["Code"]),
        (&json!("b"), &json!("MissingParameter"))
    );
    let handle = receive_one(&sqs).await["ReceiptHandle"].clone();
    let entries =
        json!({"Entries": [{"Id": "a", "ReceiptHandle": handle}, {"Id": "b", "ReceiptHandle": "x"}]});
    let (_, answer) = call(&sqs, "DeleteMessageBatch", entries).await;
    assert_eq!(
        (answer["Successful"].as_array().unwrap().len(), &answer["Failed"][0]["Id"]),
        (1, &json!("b"))
    );
    assert!(sqs.bodies("Deliveries").is_empty());
}

#[tokio::test]
async fn what_aws_refuses_is_refused_by_its_name() {
    let (sqs, _) = start().await;
    let same: Vec<_> = (0..2).map(|_| json!({"Id": "a", "MessageBody": "x"})).collect();
    let many: Vec<_> = (0..11).map(|id| json!({"Id": id.to_string(), "MessageBody": "x"})).collect();
    for (operation, input, code) in [
        ("SendMessage", json!({"QueueUrl": sqs.queue_url("Other"), "MessageBody": "x"}), "QueueDoesNotExist"),
        ("SendMessage", json!({"MessageBody": ""}), "MissingParameter"),
        ("SendMessage", json!({"MessageBody": "x", "DelaySeconds": 901}), "InvalidParameterValue"),
        ("SendMessageBatch", json!({"Entries": same}), "BatchEntryIdsNotDistinct"),
        ("SendMessageBatch", json!({"Entries": many}), "TooManyEntriesInBatchRequest"),
        ("SendMessageBatch", json!({"Entries": []}), "EmptyBatchRequest"),
        ("ReceiveMessage", json!({"MaxNumberOfMessages": 11}), "InvalidParameterValue"),
        ("DeleteMessage", json!({"ReceiptHandle": "x"}), "ReceiptHandleIsInvalid"),
        ("ListQueues", json!({}), "UnsupportedOperation"),
    ] {
        let (status, answer) = call(&sqs, operation, input).await;
        assert_eq!((status, &answer["__type"]), (400, &json!(format!("com.amazonaws.sqs#{code}"))));
    }
}

#[tokio::test]
async fn the_attributes_say_what_lies_where() {
    let (sqs, _) = start().await;
    for body in ["a", "b"] {
        call(&sqs, "SendMessage", json!({"MessageBody": body})).await;
    }
    receive_one(&sqs).await;
    let (_, answer) = call(&sqs, "GetQueueAttributes", json!({"AttributeNames": ["All"]})).await;
    let attributes = &answer["Attributes"];
    assert_eq!(attributes["ApproximateNumberOfMessages"], "1");
    assert_eq!(attributes["ApproximateNumberOfMessagesNotVisible"], "1");
    assert_eq!(attributes["QueueArn"], "arn:aws:sqs:us-east-1:123456789012:Deliveries");
    let (_, answer) = call(&sqs, "GetQueueUrl", json!({"QueueName": "Deliveries"})).await;
    assert_eq!(answer["QueueUrl"], sqs.queue_url("Deliveries"));
}

/// Tests that check everything that was sent rely on this.
#[tokio::test]
async fn every_call_even_a_failed_one_is_recorded_with_its_caller() {
    let (sqs, _) = start().await;
    sqs.fail_next("SendMessage", Failure::InternalError);
    assert_eq!(call(&sqs, "ReceiveMessage", json!({})).await.0, 200);
    assert_eq!(call(&sqs, "SendMessage", json!({"MessageBody": "x"})).await.0, 500);
    assert_eq!(call(&sqs, "SendMessage", json!({"MessageBody": "y"})).await.0, 200);
    let calls = sqs.calls();
    assert_eq!(calls.len(), 3);
    assert_eq!((calls[1].caller.as_deref(), calls[1].queue.as_deref()), (Some("AKID"), Some("Deliveries")));
    assert_eq!(calls[1].input["MessageBody"], "x");
    assert_eq!(sqs.sent(), ["y"]);
    sqs.clear();
    assert_eq!((sqs.calls().len(), sqs.sent().len()), (0, 1));
}

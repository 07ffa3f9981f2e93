//! The stream's records are the decisions: what is due is told by their own invocation, and nothing holds the stream up.

use std::time::{Duration, Instant};

use ciba::domain::base::request_key::RequestKey;
use ciba_local::proxy::Refusal;
use ciba_local::sqs::Failure;
use ciba_tests::{Provider, Reaction, Receiver, START, at};
use serde_json::{Value, json};

use super::{TOKEN, asked, kept, provider_in, register};

/// A record as Lambda hands it over; its position is `number`.
fn record(request: &str, number: &str) -> Value {
    json!({"eventID": number, "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1", "dynamodb": {"SequenceNumber": number, "StreamViewType": "NEW_AND_OLD_IMAGES",
        "Keys": {"pk": {"S": format!("request#{request}")}, "sk": {"S": "request"}}}})
}

fn message(request: &str) -> Value {
    let body = json!({ "request": format!("request#{request}") }).to_string();
    json!({"messageId": "m", "receiptHandle": "m.1", "eventSource": "aws:sqs", "body": body})
}

/// What the function answers to an event.
async fn run(provider: &Provider, event: &Value, seconds: f64) -> Value {
    let invocation = provider.invocation(at(seconds));
    provider.eavesdropper.during(provider.client_notification.run(event, &invocation)).await
}

/// The operations of the queues, and of each the delay of its message.
fn queue_calls(provider: &Provider) -> Vec<(String, Value)> {
    let calls = provider.sqs.calls().into_iter();
    calls.map(|call| (call.operation, call.input["DelaySeconds"].clone())).collect()
}

/// Asks as `client` for somebody of their own, who approves: the person's name of the request.
async fn approved(provider: &Provider, client: &str, person: usize) -> String {
    let sub = format!("{client}-{person}");
    let number = format!("+155555{:02}{person:03}", 60 + client.len());
    provider.enroll(&sub, json!({"channels": [{"sms": number}]})).await.expect("a person");
    let parameters = [("login_hint", sub.as_str()), ("client_notification_token", TOKEN)];
    assert_eq!(provider.ask_as(client, &parameters, at(0.0)).await.status, 200);
    let message = provider.sns.messages().pop().expect("a message");
    let request = message.text.rsplit('/').next().expect("a link").to_owned();
    let body = json!({"client_id": client, "decision": "approve"});
    assert_eq!(provider.decide(&sub, &request, body, at(1.0)).await.status, 200);
    request
}

#[tokio::test]
async fn a_decision_that_is_told_at_once_takes_no_queue() {
    for mode in ["ping", "push"] {
        let (provider, receiver) = provider_in(mode).await;
        let (_, request) = asked(&provider, START).await;
        provider.deliver(at(1.0)).await;
        provider.sqs.clear();
        provider.approve(&request, at(2.0)).await;
        provider.deliver(at(2.0)).await;
        assert_eq!(receiver.delivered().len(), 1, "{mode}");
        assert_eq!(queue_calls(&provider), [], "{mode}");
    }
}

/// The end of a push request, and the next attempt after a failure; each comes when it is due.
#[tokio::test]
async fn what_has_to_wait_lies_in_the_queue_until_it_is_due() {
    let (provider, _receiver) = provider_in("push").await;
    asked(&provider, START).await;
    provider.deliver(START).await;
    assert_eq!(queue_calls(&provider), [("SendMessage".to_owned(), json!(120))]);
    assert_eq!(provider.deliver(at(119.0)).await, 0);
    assert_eq!(provider.deliver(at(120.0)).await, 1);

    let (provider, receiver) = provider_in("ping").await;
    let (_, request) = asked(&provider, START).await;
    receiver.react([Reaction::RetryAfter(30)]);
    provider.approve(&request, at(2.0)).await;
    provider.deliver(at(2.0)).await;
    assert_eq!(queue_calls(&provider), [("SendMessage".to_owned(), json!(30))]);
    assert_eq!(provider.eavesdropper.lines("delivery_postponed").len(), 1);
    assert_eq!(provider.deliver(at(31.0)).await, 0);
    assert_eq!((provider.deliver(at(32.0)).await, receiver.delivered().len()), (1, 1));
}

/// SQS refuses a longer one. What has to wait longer is hidden for the rest when it comes.
#[tokio::test]
async fn a_message_is_delayed_as_long_as_the_queue_can() {
    let provider = Provider::start().await;
    let (queue, _) = provider.queues();
    let request = RequestKey::from_bytes([7; 16]);
    for (wait, delay) in [(1, 1), (1000, 1), (1001, 2), (900_000, 900), (3_600_000, 900)] {
        queue.send_after(&request, Duration::from_millis(wait)).await.expect("the queue");
        assert_eq!(queue_calls(&provider).pop(), Some(("SendMessage".to_owned(), json!(delay))), "{wait} ms");
    }
}

/// ATK-6-04: the records behind it go on, and it gets the time that all clients have from the queue.
#[tokio::test]
async fn a_slow_client_holds_up_no_record_and_gets_its_time_later() {
    let provider = Provider::start().await;
    let (slow, quick) = (Receiver::start().await, Receiver::start().await);
    register(&provider, "slow", "ping", &slow.url(), json!({})).await;
    register(&provider, "quick", "ping", &quick.url(), json!({})).await;
    slow.react([Reaction::Silence]);
    let (first, second) = (approved(&provider, "slow", 0).await, approved(&provider, "quick", 0).await);
    let event = json!({"Records": [record(&first, "1"), record(&second, "2")]});
    let began = Instant::now();
    let answer = run(&provider, &event, 1.0).await;
    let took = began.elapsed();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert!((Duration::from_secs(2)..Duration::from_secs(4)).contains(&took), "{took:?}");
    assert_eq!(quick.delivered().len(), 1);
    assert_eq!((slow.calls().len(), provider.sqs.bodies(Provider::DELIVERY_QUEUE).len()), (1, 1));

    // The next one is not called by the stream at all.
    let third = approved(&provider, "slow", 1).await;
    let event = json!({"Records": [record(&third, "3")]});
    assert_eq!(run(&provider, &event, 12.0).await, json!({"batchItemFailures": []}));
    assert_eq!(slow.calls().len(), 1);
    assert_eq!(queue_calls(&provider).last(), Some(&("SendMessage".to_owned(), json!(0))));
    assert_eq!(provider.deliver_from_the_queue(at(12.0)).await, 2);
    assert_eq!(slow.delivered().len(), 2);
}

/// Only then, and from the first that the queue did not take.
#[tokio::test]
async fn a_batch_fails_only_from_what_the_queue_does_not_take() {
    let provider = Provider::start().await;
    let (well, ill) = (Receiver::start().await, Receiver::start().await);
    register(&provider, "well", "ping", &well.url(), json!({})).await;
    register(&provider, "broken", "ping", &ill.url(), json!({})).await;
    ill.always(Reaction::Status(503));
    let mut records = Vec::new();
    for (number, client) in ["well", "broken", "well", "broken"].into_iter().enumerate() {
        records.push(record(&approved(&provider, client, number).await, &number.to_string()));
    }
    for _ in 0..6 {
        provider.sqs.fail_next("SendMessage", Failure::InternalError);
    }
    let answer = run(&provider, &json!({ "Records": records }), 1.0).await;
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "1"}]}));
    assert_eq!((well.delivered().len(), ill.calls().len()), (2, 2));
    assert_eq!(provider.eavesdropper.lines("delivery_not_queued").len(), 2);

    // Lambda hands over the record and all later ones again: nothing is told twice.
    let again = json!({ "Records": records[1..] });
    assert_eq!(run(&provider, &again, 1.5).await, json!({"batchItemFailures": []}));
    assert_eq!((well.delivered().len(), ill.calls().len()), (2, 2));
    assert_eq!(provider.sqs.bodies(Provider::DELIVERY_QUEUE).len(), 2);
}

/// Whatever is out of order on our side; but for the queue, the stream goes on.
#[tokio::test]
async fn trouble_with_the_table_leaves_the_decision_to_the_queue() {
    let (provider, receiver) = provider_in("ping").await;
    let (_, request) = asked(&provider, START).await;
    provider.approve(&request, at(1.0)).await;
    for _ in 0..3 {
        provider.proxy.fail_before("BatchGetItem", 1, Refusal::InternalServerError);
    }
    let event = json!({"Records": [record(&request, "1")]});
    assert_eq!(run(&provider, &event, 1.0).await, json!({"batchItemFailures": []}));
    assert_eq!(provider.eavesdropper.lines("delivery_not_tried").len(), 1);
    provider.set_clock(at(6.0));
    assert_eq!(provider.deliver_from_the_queue(at(6.0)).await, 1);
    assert_eq!(receiver.delivered().len(), 1);
}

/// Before Lambda ends it, the invocation leaves to the queue what has not come to its end: here its dead letter is not
/// taken. The attempt has begun, and excludes others for a while.
#[tokio::test]
async fn an_invocation_without_time_leaves_its_records_to_the_queue() {
    let (provider, receiver) = provider_in("ping").await;
    receiver.always(Reaction::Status(401));
    let (_, request) = asked(&provider, START).await;
    provider.approve(&request, at(1.0)).await;
    provider.set_clock(at(1.0));
    provider.sqs.fail_next("SendMessage", Failure::Hang(Duration::from_secs(600)));
    let mut invocation = provider.invocation(at(1.0));
    invocation.deadline = tokio::time::Instant::now() + Duration::from_millis(7500);
    let event = json!({"Records": [record(&request, "1")]});
    let began = Instant::now();
    let answer = provider.eavesdropper.during(provider.client_notification.run(&event, &invocation)).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
    assert_eq!(queue_calls(&provider).last(), Some(&("SendMessage".to_owned(), json!(20))));
    assert_eq!(provider.deliver_from_the_queue(at(20.0)).await, 0);
    assert_eq!(provider.deliver_from_the_queue(at(21.0)).await, 1);
    assert_eq!((receiver.calls().len(), provider.dead_letters().len()), (2, 1));
}

/// The example of AWS's documentation for events of DynamoDB: three records, of a table that is not ours. Each is counted,
/// and none comes again, or a record that nobody can read would hold up all decisions.
#[tokio::test]
async fn a_record_that_names_no_request_is_counted_and_passed() {
    let provider = Provider::start().await;
    let documented = |id: &str, name: &str, number: &str| {
        json!({"eventID": id, "eventVersion": "1.0", "awsRegion": "us-west-2", "eventName": name,
            "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/images", "eventSource": "aws:dynamodb",
            "dynamodb": {"Keys": {"Id": {"N": "101"}}, "SequenceNumber": number, "SizeBytes": 26,
                "StreamViewType": "NEW_AND_OLD_IMAGES"}})
    };
    let records = [("1", "INSERT", "111"), ("2", "MODIFY", "222"), ("3", "REMOVE", "333")];
    let records = records.map(|(id, name, number)| documented(id, name, number));
    assert_eq!(run(&provider, &json!({ "Records": records }), 1.0).await, json!({"batchItemFailures": []}));
    assert_eq!(provider.eavesdropper.lines("trouble").len(), 3);
    let metrics = provider.eavesdropper.lines("metrics");
    assert_eq!((metrics.len(), &metrics[0]["unreadable"]), (1, &json!(3)));
    assert_eq!(metrics[0]["_aws"]["CloudWatchMetrics"][0]["Namespace"], "ciba");
}

/// The same example with our keys, beside a record that cannot be read.
#[tokio::test]
async fn an_unreadable_record_does_not_hold_up_the_others() {
    let (provider, receiver) = provider_in("ping").await;
    let (_, request) = asked(&provider, START).await;
    provider.approve(&request, at(1.0)).await;
    let mut broken = record("not-a-request", "110");
    broken["dynamodb"]["Keys"]["pk"]["S"] = json!("request#short");
    let event = json!({"Records": [broken, record(&request, "111")]});
    assert_eq!(run(&provider, &event, 1.0).await, json!({"batchItemFailures": []}));
    assert_eq!(receiver.delivered().len(), 1);
    assert_eq!(provider.eavesdropper.lines("metrics")[0]["unreadable"], 1);
}

/// CIBA-10.2-11, CIBA-10.3-08: stream and queue ask for the same delivery at the same time, each in an instance of its own.
#[tokio::test]
async fn stream_and_queue_at_once_make_one_call() {
    for mode in ["ping", "push"] {
        let (provider, receiver) = provider_in(mode).await;
        receiver.always(Reaction::Late(204));
        let (_, request) = asked(&provider, START).await;
        provider.approve(&request, at(2.0)).await;
        let other = provider.client_notification_with(&[]);
        let of_stream = json!({"Records": [record(&request, "1"), record(&request, "2")]});
        let of_queue = json!({"Records": [message(&request)]});
        let invocations = [(); 4].map(|()| provider.invocation(at(2.0)));
        let (here, there) = (&provider.client_notification, &other);
        let answers = tokio::join!(
            here.run(&of_stream, &invocations[0]),
            there.run(&of_queue, &invocations[1]),
            there.run(&of_stream, &invocations[2]),
            here.run(&of_queue, &invocations[3]),
        );
        assert_eq!(receiver.calls().len(), 1, "{mode}: {answers:?}");
        assert_eq!(kept(&provider).await["delivery_state"], "delivered", "{mode}");
        // What the others left to the queue changes nothing.
        for seconds in [3.0, 4.0, 5.0, 30.0] {
            provider.deliver_from_the_queue(at(seconds)).await;
        }
        assert_eq!(receiver.calls().len(), 1, "{mode}");
        assert!(provider.sqs.bodies(Provider::DELIVERY_QUEUE).is_empty(), "{mode}");
    }
}

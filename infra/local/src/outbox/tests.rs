use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use serde_json::json;

use super::*;
use crate::{
    clock::{Clock, SetClock},
    dynamodb::DynamoDb,
    server::listen,
};

const TEMPLATE: &str = r#"
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}, {AttributeName: sk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 90
      RedrivePolicy: {deadLetterTargetArn: !GetAtt DeadLetters.Arn, maxReceiveCount: 2}
  DeadLetters: {Type: AWS::SQS::Queue, Properties: {}}
  Notification:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: notification}}
  Decisions:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref Notification.Alias
      EventSourceArn: !GetAtt Table.StreamArn
      StartingPosition: TRIM_HORIZON
      BatchSize: 3
      ParallelizationFactor: 4
      BisectBatchOnFunctionError: true
      MaximumRetryAttempts: -1
      FunctionResponseTypes: [ReportBatchItemFailures]
      FilterCriteria:
        Filters:
          - Pattern: '{"dynamodb":{"OldImage":{"state":{"S":["pending"]}},"NewImage":{"state":{"S":["approved"]}}}}'
  Deliveries:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref Notification.Alias
      EventSourceArn: !GetAtt Queue.Arn
      BatchSize: 10
      FunctionResponseTypes: [ReportBatchItemFailures]
  Events:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: events}}
  Changes:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref Events.Alias
      EventSourceArn: !GetAtt Table.StreamArn
      StartingPosition: TRIM_HORIZON
      BatchSize: 4
      BisectBatchOnFunctionError: true
      MaximumRetryAttempts: 1
      FunctionResponseTypes: [ReportBatchItemFailures]
      FilterCriteria: {Filters: [{Pattern: '{"eventName":["INSERT"]}'}]}
      DestinationConfig: {OnFailure: {Destination: !GetAtt DeadLetters.Arn}}
"#;

struct Surroundings {
    dynamodb: DynamoDb,
    sqs: Sqs,
    clock: SetClock,
    outbox: Outbox,
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

async fn start_with(template: &str) -> Surroundings {
    let template = Template::parse(template).unwrap();
    let dynamodb = DynamoDb::start(listen(0).await.unwrap()).unwrap();
    dynamodb.create_table("ciba", &template.table).await.unwrap();
    let clock = SetClock::new(at(0));
    let sqs = Sqs::start(listen(0).await.unwrap(), &template.queues, Clock::Set(clock.clone())).unwrap();
    let outbox = Outbox::new(&template, &dynamodb.url(), "ciba", &sqs).unwrap();
    Surroundings { dynamodb, sqs, clock, outbox }
}

async fn start() -> Surroundings {
    start_with(TEMPLATE).await
}

async fn set(client: &Client, name: &str, state: &str) {
    let text = |it: &str| AttributeValue::S(it.to_owned());
    let put = client.put_item().table_name("ciba").item("pk", text(name)).item("sk", text("request"));
    put.item("state", text(state)).item("secret", text("s3cret")).send().await.unwrap();
}

impl Surroundings {
    /// Creates and approves this number of requests.
    async fn approve(&self, count: usize) {
        let client = self.dynamodb.client();
        for number in 0..count {
            set(&client, &format!("request#{number}"), "pending").await;
            set(&client, &format!("request#{number}"), "approved").await;
        }
    }

    /// Sends a message about each of so many requests.
    fn send(&self, count: usize) {
        for number in 0..count {
            let body = json!({"request": format!("request#{number}")}).to_string();
            self.sqs.queues().send("Queue", &body, "sender", Duration::ZERO).unwrap();
        }
    }

    /// Passes decisions to a function that fails the chosen records, and returns the requests of each invocation.
    async fn decide(&self, fails: impl Fn(&Value) -> bool) -> Vec<Vec<String>> {
        let seen = RefCell::new(Vec::new());
        let invoke = async |event: Value| {
            let records = event["Records"].as_array().unwrap();
            let name = |it: &Value| it["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().to_owned();
            seen.borrow_mut().push(records.iter().map(name).collect());
            let failed = records.iter().filter(|record| fails(record));
            let number = |it: &Value| json!({"itemIdentifier": it["dynamodb"]["SequenceNumber"]});
            Ok(json!({"batchItemFailures": failed.map(number).collect::<Vec<_>>()}))
        };
        self.outbox.changes("notification", invoke).await.unwrap();
        seen.into_inner()
    }

    /// Delivers to a function that fails the chosen messages, and returns what it received.
    async fn deliver(&self, fails: impl Fn(&Value) -> bool) -> Vec<Value> {
        let seen = RefCell::new(Vec::new());
        let invoke = async |event: Value| {
            let records = event["Records"].as_array().unwrap();
            seen.borrow_mut().extend(records.iter().cloned());
            let failed = records.iter().filter(|record| fails(record));
            let failed: Vec<_> = failed.map(|it| json!({"itemIdentifier": it["messageId"]})).collect();
            Ok(json!({"batchItemFailures": failed}))
        };
        let count = self.outbox.deliver(invoke).await;
        let seen = seen.into_inner();
        assert_eq!(count, seen.len());
        seen
    }

    /// Delivers to a function with this response.
    async fn answered(&self, answer: impl Fn() -> Result<Value, Error>) -> usize {
        self.outbox.deliver(async |_| answer()).await
    }

    fn waiting(&self) -> usize {
        self.sqs.bodies("Queue").len()
    }
}

#[tokio::test]
async fn each_function_on_the_stream_reads_all_of_it_by_itself() {
    let around = start().await;
    around.approve(2).await;
    let all = |batches: Vec<Vec<String>>| batches.into_iter().flatten().collect::<BTreeSet<_>>();
    let both = BTreeSet::from(["request#0", "request#1"].map(str::to_owned));
    assert_eq!(all(around.decide(|_| false).await), both);
    assert_eq!(all(around.decide(|_| false).await), BTreeSet::new(), "once");
    assert_eq!(around.outbox.changes("events", async |_| Ok(Value::Null)).await.unwrap(), 2);
}

#[tokio::test]
async fn a_record_that_fails_holds_up_only_what_shares_its_lane() {
    let around = start().await;
    around.approve(12).await;
    let is_one = |record: &Value| record["dynamodb"]["Keys"]["pk"]["S"] == "request#1";
    let first = around.decide(is_one).await;
    let lane = first.iter().find(|batch| batch.contains(&"request#1".to_owned())).unwrap();
    let from = lane.iter().position(|it| it == "request#1").unwrap();
    // It comes again for ever, with what follows it in its lane, and nothing else does.
    for _ in 0..5 {
        let again: Vec<_> = around.decide(is_one).await.into_iter().flatten().collect();
        assert_eq!(again[0], "request#1");
        assert_eq!(again[..lane.len() - from], lane[from..]);
    }
    let rest: Vec<_> = around.decide(|_| false).await.into_iter().flatten().collect();
    assert_eq!(rest[0], "request#1");
    let all: BTreeSet<_> = first.into_iter().flatten().chain(rest).collect();
    assert_eq!(all.len(), 12, "{all:?}");
}

/// Several batches are under way at a time, with different requests.
#[tokio::test]
async fn lanes_go_on_side_by_side_and_an_items_records_do_not() {
    let around = start().await;
    let client = around.dynamodb.client();
    for _ in 0..2 {
        around.approve(9).await;
    }
    set(&client, "request#9", "pending").await;
    let (under_way, most) = (RefCell::new(Vec::<String>::new()), Cell::new(0));
    let invoke = async |event: Value| {
        let records = event["Records"].as_array().unwrap().iter();
        let names: BTreeSet<_> =
            records.map(|it| it["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().to_owned()).collect();
        assert!(under_way.borrow().iter().all(|it| !names.contains(it)), "{names:?}");
        under_way.borrow_mut().extend(names.clone());
        most.set(most.get().max(under_way.borrow().len()));
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        under_way.borrow_mut().retain(|it| !names.contains(it));
        Ok(Value::Null)
    };
    assert_eq!(around.outbox.changes("notification", invoke).await.unwrap(), 18);
    assert!(most.get() > 3, "more than the three of one batch: {}", most.get());
}

#[tokio::test]
async fn a_message_is_handed_over_as_lambda_does() {
    let around = start().await;
    around.send(1);
    let handed = around.deliver(|_| false).await;
    assert_eq!(handed[0]["body"], r#"{"request":"request#0"}"#);
    assert_eq!(handed[0]["attributes"]["ApproximateReceiveCount"], "1");
    assert_eq!(handed[0]["eventSource"], "aws:sqs");
    assert_eq!(handed[0]["eventSourceARN"], "arn:aws:sqs:us-east-1:123456789012:Queue");
    assert_eq!(around.waiting(), 0);
}

#[tokio::test]
async fn batches_are_as_large_as_the_trigger_says() {
    let around = start().await;
    around.send(23);
    let sizes = RefCell::new(Vec::new());
    let invoke = async |event: Value| {
        sizes.borrow_mut().push(event["Records"].as_array().unwrap().len());
        Ok(Value::Null)
    };
    assert_eq!(around.outbox.deliver(invoke).await, 23);
    assert_eq!((sizes.into_inner(), around.waiting()), (vec![10, 10, 3], 0));
}

#[tokio::test]
async fn what_is_not_reported_is_deleted_and_what_is_comes_again() {
    let around = start().await;
    around.send(3);
    let is_one = |record: &Value| record["body"].as_str().unwrap().contains("request#1");
    assert_eq!(around.deliver(is_one).await.len(), 3);
    assert_eq!(around.waiting(), 1);
    around.clock.set(at(89));
    assert_eq!(around.deliver(|_| false).await.len(), 0);
    around.clock.set(at(90));
    let again = around.deliver(|_| false).await;
    assert_eq!((again.len(), is_one(&again[0])), (1, true));
    assert_eq!(again[0]["attributes"]["ApproximateReceiveCount"], "2");
    assert_eq!(around.waiting(), 0);
}

/// How a function waits: it sets the visibility timeout, and reports the message.
#[tokio::test]
async fn a_reported_message_keeps_the_visibility_it_was_given() {
    let around = start().await;
    around.send(1);
    let queue_url = around.sqs.queue_url("Queue");
    let invoke = async |event: Value| {
        let record = &event["Records"][0];
        let input = json!({"QueueUrl": queue_url, "ReceiptHandle": record["receiptHandle"], "VisibilityTimeout": 600});
        let http = reqwest::Client::builder().no_proxy().build()?;
        let request = http.post(around.sqs.url()).header("x-amz-target", "AmazonSQS.ChangeMessageVisibility");
        let answer = request.body(input.to_string()).send().await?;
        assert_eq!(answer.status(), 200);
        Ok(json!({"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}))
    };
    assert_eq!(around.outbox.deliver(invoke).await, 1);
    around.clock.set(at(599));
    assert_eq!(around.deliver(|_| false).await.len(), 0);
    around.clock.set(at(600));
    assert_eq!(around.deliver(|_| false).await.len(), 1);
}

/// The response of a function, or its error.
type Answer = fn() -> Result<Value, Error>;

#[tokio::test]
async fn a_failed_or_unreadable_invocation_deletes_nothing() {
    let answers: [(Answer, usize); 6] = [
        (|| Err("it timed out".into()), 2),
        (|| Ok(json!("done")), 2),
        (|| Ok(json!({"batchItemFailures": [{"itemIdentifier": ""}]})), 2),
        (|| Ok(json!({"batchItemFailures": [{"id": "a"}]})), 2),
        // A message that is not in the batch.
        (|| Ok(json!({"batchItemFailures": [{"itemIdentifier": "a"}]})), 2),
        (|| Ok(json!({"batchItemFailures": null})), 0),
    ];
    for (answer, left) in answers {
        let around = start().await;
        around.send(2);
        assert_eq!((around.answered(answer).await, around.waiting()), (2, left), "{:?}", answer());
    }
}

#[tokio::test]
async fn what_fails_too_often_ends_as_a_dead_letter() {
    let around = start().await;
    around.send(1);
    for round in 0..2 {
        around.clock.set(at(round * 90));
        assert_eq!(around.deliver(|_| true).await.len(), 1, "{round}");
    }
    around.clock.set(at(180));
    assert_eq!(around.deliver(|_| true).await.len(), 0);
    assert_eq!(around.sqs.bodies("DeadLetters"), [r#"{"request":"request#0"}"#]);
    assert_eq!(around.waiting(), 0);
}

#[tokio::test]
async fn disorder_doubles_and_mixes_and_loses_nothing() {
    let around = start().await;
    around.outbox.disturb(Disorder::full(5)).await;
    around.approve(10).await;
    let changes: Vec<_> = around.decide(|_| false).await.into_iter().flatten().collect();
    around.send(10);
    let messages = around.deliver(|_| false).await;
    let messages: Vec<_> = messages.iter().map(|it| it["body"].as_str().unwrap().to_owned()).collect();
    for found in [changes, messages] {
        let mut sorted = found.clone();
        sorted.sort();
        assert_ne!(found, sorted);
        sorted.dedup();
        assert_eq!((found.len(), sorted.len()), (20, 10));
    }
    assert_eq!(around.waiting(), 0);
}

/// Only inserts, four at a time, in their order.
#[tokio::test]
async fn a_function_on_the_stream_gets_filtered_records_in_order() {
    let around = start().await;
    around.approve(6).await;
    let seen = RefCell::new(Vec::new());
    let invoke = async |event: Value| {
        let keys = event["Records"].as_array().unwrap().iter();
        seen.borrow_mut().push(keys.map(|it| it["dynamodb"]["Keys"]["pk"]["S"].clone()).collect::<Vec<_>>());
        Ok(json!({"batchItemFailures": []}))
    };
    assert_eq!(around.outbox.changes("events", invoke).await.unwrap(), 6);
    assert_eq!(around.outbox.changes("events", invoke).await.unwrap(), 0);
    let seen: Vec<Vec<Value>> = seen.into_inner();
    assert_eq!(seen[0], ["request#0", "request#1", "request#2", "request#3"]);
    assert_eq!(seen[1], ["request#4", "request#5"]);
}

#[tokio::test]
async fn from_the_lowest_reported_record_on_all_come_again() {
    let around = start().await;
    around.approve(4).await;
    let seen = RefCell::new(Vec::new());
    let invoke = async |event: Value| {
        let records = event["Records"].as_array().unwrap();
        let number = |index: usize| records[index]["dynamodb"]["SequenceNumber"].clone();
        seen.borrow_mut().push(records.len());
        Ok(if seen.borrow().len() == 1 {
            json!({"batchItemFailures": [{"itemIdentifier": number(3)}, {"itemIdentifier": number(1)}]})
        } else {
            Value::Null
        })
    };
    assert_eq!(around.outbox.changes("events", invoke).await.unwrap(), 1);
    assert_eq!(around.outbox.changes("events", invoke).await.unwrap(), 3);
    assert_eq!(seen.into_inner(), [4, 3]);
}

#[tokio::test]
async fn a_record_that_always_fails_is_found_by_halving_and_given_up() {
    let around = start().await;
    around.approve(5).await;
    let done = RefCell::new(Vec::new());
    let invoke = async |event: Value| {
        let records = event["Records"].as_array().unwrap();
        let keys: Vec<_> = records.iter().map(|it| it["dynamodb"]["Keys"]["pk"]["S"].clone()).collect();
        if keys.contains(&json!("request#1")) {
            return Err("that one".into());
        }
        done.borrow_mut().extend(keys);
        Ok(Value::Null)
    };
    assert_eq!(around.outbox.changes("events", invoke).await.unwrap(), 1, "up to the one");
    assert_eq!(around.outbox.changes("events", invoke).await.unwrap(), 4, "once again, and then without it");
    assert_eq!(*done.borrow(), ["request#0", "request#2", "request#3", "request#4"]);
    let told: Value = serde_json::from_str(&around.sqs.bodies("DeadLetters")[0]).unwrap();
    assert_eq!(told["DDBStreamBatchInfo"]["batchSize"], 1);
    assert!(!told.to_string().contains("s3cret"));
}

#[tokio::test]
async fn without_such_functions_messages_wait_and_nothing_fails() {
    let functions = TEMPLATE.find("  Notification:").unwrap();
    let around = start_with(&TEMPLATE[..functions]).await;
    around.approve(1).await;
    around.send(1);
    assert_eq!(around.answered(|| Ok(Value::Null)).await, 0);
    assert_eq!(around.outbox.changes("events", async |_| Ok(Value::Null)).await.unwrap(), 0);
    assert_eq!(around.waiting(), 1);
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_an_error() {
    let broken = TEMPLATE.replace("EventSourceArn: !GetAtt Queue.Arn", "EventSourceArn: !GetAtt Other.Arn");
    let template = Template::parse(&broken).unwrap();
    let sqs = Sqs::start(listen(0).await.unwrap(), &template.queues, Clock::System).unwrap();
    let refused = Outbox::new(&template, "http://127.0.0.1:1", "ciba", &sqs);
    assert!(refused.is_err_and(|error| error.to_string().contains("Other")));
}

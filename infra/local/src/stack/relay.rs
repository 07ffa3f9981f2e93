//! Does in background loops what AWS does between a write and the functions that it triggers.

use std::{sync::Arc, time::Duration};

use reqwest::StatusCode;
use serde_json::Value;
use tokio::{
    sync::Semaphore,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

use crate::{
    Error,
    outbox::Outbox,
    template::{Function, Template},
};

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The delay before a batch of a stream is retried, which Lambda does not specify.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Additional time for the start of a function, which Lambda does not count as part of an invocation.
const START: Duration = Duration::from_secs(120);

/// The running loops. Dropping it stops them.
pub(super) struct Relay(Vec<JoinHandle<()>>);

impl Relay {
    /// Starts the loops. Messages of a queue without a function stay in it.
    pub(super) fn start(outbox: Outbox, template: &Template, invoke_base: &str) -> Result<Self, Error> {
        let http = crate::server::loopback_client()?;
        let invoked = |function: &Function| Invoked {
            http: http.clone(),
            url: format!("{invoke_base}/2015-03-31/functions/{}/invocations", function.binary),
            timeout: START + function.timeout,
        };
        let outbox = Arc::new(outbox);
        let mut loops = Vec::new();
        for function in &template.functions {
            if !function.triggers.queues.is_empty() {
                loops.push(tokio::spawn(deliver(Arc::clone(&outbox), invoked(function))));
            }
            if !function.triggers.streams.is_empty() {
                let changes = changes(Arc::clone(&outbox), function.binary.clone(), invoked(function));
                loops.push(tokio::spawn(changes));
            }
        }
        Ok(Self(loops))
    }

    /// Stops the loops before the functions end; otherwise their calls would fail.
    pub(super) fn stop(&self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A function behind Lambda's invoke API.
#[derive(Clone)]
struct Invoked {
    http: reqwest::Client,
    url: String,
    timeout: Duration,
}

impl Invoked {
    async fn invoke(&self, event: &Value) -> Result<Value, Error> {
        let answer = self.http.post(&self.url).json(event).timeout(self.timeout).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        let payload: Value = if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? };
        // A function that fails reports it in the payload of a successful invocation.
        if status != StatusCode::OK || payload.get("errorType").is_some() {
            return Err(format!("{status} {text}").into());
        }
        Ok(payload)
    }
}

/// Several invocations run concurrently, as many as the template allows: one slow client delays only its own batch.
async fn deliver(outbox: Arc<Outbox>, function: Invoked) {
    let Some(deliveries) = outbox.deliveries() else { return };
    let slots = Arc::new(Semaphore::new(deliveries.concurrency()));
    let mut under_way = JoinSet::new();
    loop {
        while under_way.try_join_next().is_some() {}
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        // Received messages are invisible from then on, so they are received only when an invocation can take them.
        let Some(batch) = deliveries.receive() else {
            sleep(LOOK_EVERY).await;
            continue;
        };
        let (deliveries, function) = (deliveries.clone(), function.clone());
        under_way.spawn(async move {
            let answer = function.invoke(&batch.event()).await;
            deliveries.settle(&batch, answer);
            drop(slot);
        });
    }
}

async fn changes(outbox: Arc<Outbox>, binary: String, function: Invoked) {
    // A future that borrowed the function could not move between threads.
    let invoke = move |event: Value| {
        let function = function.clone();
        async move { function.invoke(&event).await }
    };
    loop {
        if let Err(error) = outbox.changes(&binary, invoke.clone()).await {
            eprintln!("the stream: {error}");
            sleep(TRY_AGAIN).await;
        }
        sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aws_sdk_dynamodb::types::AttributeValue;
    use axum::{
        Json, Router,
        extract::{Path, State},
        routing::post,
    };
    use serde_json::json;
    use tokio::sync::mpsc;

    use super::*;
    use crate::{clock::Clock, dynamodb::DynamoDb, server::listen, sqs::Sqs};

    type Invocations = mpsc::UnboundedSender<Value>;

    async fn invoked(answer: Value) -> (Invoked, crate::server::Server, mpsc::UnboundedReceiver<Value>) {
        let (invocations, seen) = mpsc::unbounded_channel();
        let reply = move |State(seen): State<Invocations>, Json(event): Json<Value>| async move {
            let _ = seen.send(event);
            Json(answer)
        };
        let router = Router::new().route("/", post(reply)).with_state(invocations);
        let server = crate::server::Server::start(crate::server::listen(0).await.unwrap(), router).unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let function = Invoked { http, url: server.url(), timeout: Duration::from_secs(5) };
        (function, server, seen)
    }

    #[tokio::test]
    async fn an_invocation_is_the_event_and_its_answer() {
        let (function, _server, mut seen) = invoked(json!({"batchItemFailures": []})).await;
        let answer = function.invoke(&json!({"Records": []})).await.unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}));
        assert_eq!(seen.recv().await.unwrap(), json!({"Records": []}));
    }

    const TEMPLATE: &str = r#"
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}, {AttributeName: sk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
  Queue: {Type: AWS::SQS::Queue, Properties: {}}
  Notification:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: notification}}
  Decisions:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      {FunctionName: !Ref Notification.Alias, EventSourceArn: !GetAtt Table.StreamArn, StartingPosition: TRIM_HORIZON}
  Deliveries:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref Notification.Alias, EventSourceArn: !GetAtt Queue.Arn}
  Events:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: events}}
  Changes:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      {FunctionName: !Ref Events.Alias, EventSourceArn: !GetAtt Table.StreamArn, StartingPosition: TRIM_HORIZON}
"#;

    /// A function may have both the stream and the queue.
    #[tokio::test]
    async fn writes_and_messages_reach_each_function_that_has_them() {
        let template = Template::parse(TEMPLATE).unwrap();
        let dynamodb = DynamoDb::start(listen(0).await.unwrap()).unwrap();
        dynamodb.create_table("ciba", &template.table).await.unwrap();
        let sqs = Sqs::start(listen(0).await.unwrap(), &template.queues, Clock::System).unwrap();
        let outbox = Outbox::new(&template, &dynamodb.url(), "ciba", &sqs).unwrap();

        let (invocations, mut seen) = mpsc::unbounded_channel();
        let reply = |Path(function): Path<String>,
                     State(seen): State<mpsc::UnboundedSender<_>>,
                     Json(event): Json<Value>| async move {
            let _ = seen.send((function, event["Records"][0]["eventSource"].clone()));
            Json(json!({"batchItemFailures": []}))
        };
        let path = "/2015-03-31/functions/{function}/invocations";
        let router = Router::new().route(path, post(reply)).with_state(invocations);
        let server = crate::server::Server::start(listen(0).await.unwrap(), router).unwrap();
        let _relay = Relay::start(outbox, &template, &server.url()).unwrap();

        let text = |it: &str| AttributeValue::S(it.to_owned());
        let put = dynamodb.client().put_item().table_name("ciba").item("pk", text("a")).item("sk", text("b"));
        put.send().await.unwrap();
        sqs.queues().send("Queue", "{}", "sender", Duration::ZERO).unwrap();
        let mut found = BTreeSet::new();
        while found.len() < 3 {
            let (function, source) = seen.recv().await.unwrap();
            found.insert(format!("{function} {}", source.as_str().unwrap()));
        }
        let expected = ["events aws:dynamodb", "notification aws:dynamodb", "notification aws:sqs"];
        assert_eq!(found, expected.map(str::to_owned).into());
    }

    #[tokio::test]
    async fn a_failed_function_is_an_error_even_if_invoking_worked() {
        let (function, _server, _seen) = invoked(json!({"errorType": "panic", "errorMessage": "no"})).await;
        assert!(function.invoke(&json!({})).await.is_err());
    }
}

//! Lambda's poller of a stream: batches in the order of the writes, each only after the previous one has been
//! processed.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::pump::any;
use crate::{Error, sqs::Queues, stream::Stream, template::StreamTrigger};

/// The access key id with which Lambda signs its calls.
const SENDER: &str = "LAMBDA";

pub(super) struct Events {
    trigger: StreamTrigger,
    dynamodb_url: String,
    table: String,
    stream: Option<Stream>,
    queues: Arc<Queues>,
    /// The records that match the filters and that the function has not processed yet.
    waiting: VecDeque<Value>,
    /// The maximum size of the next batch, after one has failed.
    halved: Option<usize>,
    /// How often the batch that begins with the first of `waiting` has failed.
    failures: u64,
}

/// The outcome of a batch.
enum Outcome {
    Done,
    /// It has to be retried from this record on.
    FailedFrom(usize),
    Failed,
}

impl Events {
    pub(super) fn new(trigger: &StreamTrigger, dynamodb_url: &str, table: &str, queues: Arc<Queues>) -> Self {
        Self {
            trigger: trigger.clone(),
            dynamodb_url: dynamodb_url.to_owned(),
            table: table.to_owned(),
            stream: None,
            queues,
            waiting: VecDeque::new(),
            halved: None,
            failures: 0,
        }
    }

    pub(super) async fn run(
        &mut self,
        invoke: impl AsyncFn(Value) -> Result<Value, Error>,
    ) -> Result<usize, Error> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(Stream::open(&self.dynamodb_url, &self.table).await?),
        };
        let records = stream.records().await?;
        self.waiting.extend(records.into_iter().filter(|record| any(&self.trigger.filters, record)));
        let mut done_with = 0;
        while !self.waiting.is_empty() {
            let most = self.halved.unwrap_or(self.trigger.batch_size);
            let batch: Vec<Value> = self.waiting.iter().take(most).cloned().collect();
            let answer = invoke(json!({"Records": batch})).await;
            match self.outcome(&batch, answer) {
                Outcome::Done => {
                    self.waiting.drain(..batch.len());
                    done_with += batch.len();
                    (self.halved, self.failures) = (None, 0);
                }
                Outcome::FailedFrom(first) if first > 0 => {
                    self.waiting.drain(..first);
                    done_with += first;
                    // This was the first attempt of the record that failed.
                    (self.halved, self.failures) = (None, 1);
                    let rest = batch.len() - first;
                    if !self.give_up(rest) {
                        return Ok(done_with);
                    }
                    done_with += rest;
                }
                // Halving does not count as a retry of the same batch.
                Outcome::Failed if self.trigger.bisects && batch.len() > 1 => {
                    self.halved = Some(batch.len() / 2);
                }
                Outcome::FailedFrom(_) | Outcome::Failed => {
                    self.failures += 1;
                    if !self.give_up(batch.len()) {
                        return Ok(done_with);
                    }
                    done_with += batch.len();
                }
            }
        }
        Ok(done_with)
    }

    fn outcome(&self, batch: &[Value], answer: Result<Value, Error>) -> Outcome {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                eprintln!("events were not accepted: {error}");
                return Outcome::Failed;
            }
        };
        let reported = answer["batchItemFailures"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !self.trigger.reports_failures || reported.is_empty() {
            return Outcome::Done;
        }
        let place = |failure: &Value| {
            let sequence_number = failure["itemIdentifier"].as_str()?;
            batch.iter().position(|record| record["dynamodb"]["SequenceNumber"] == sequence_number)
        };
        let places: Option<Vec<_>> = reported.iter().map(place).collect();
        // Everything from the lowest on is retried, reported or not.
        places.and_then(|places| places.into_iter().min()).map_or(Outcome::Failed, Outcome::FailedFrom)
    }

    /// Gives up the first `count` records after the maximum number of retries, and reports that to the queue for it.
    fn give_up(&mut self, count: usize) -> bool {
        if self.trigger.retries.is_none_or(|retries| self.failures <= retries) {
            return false;
        }
        let given_up: Vec<Value> = self.waiting.drain(..count).collect();
        (self.halved, self.failures) = (None, 0);
        let number = |record: Option<&Value>| record.map(|it| it["dynamodb"]["SequenceNumber"].clone());
        if let Some(queue) = &self.trigger.on_failure {
            // As on AWS, their position and not their content.
            let body = json!({
                "version": "1.0",
                "requestContext": {"condition": "RetryAttemptsExhausted"},
                "DDBStreamBatchInfo": {
                    "startSequenceNumber": number(given_up.first()),
                    "endSequenceNumber": number(given_up.last()),
                    "batchSize": given_up.len(),
                    "streamArn": given_up.first().map(|record| record["eventSourceARN"].clone()),
                },
            });
            self.queues.send(queue, &body.to_string(), SENDER, Duration::ZERO);
        }
        true
    }
}

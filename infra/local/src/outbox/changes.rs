//! Lambda's poller of a stream: batches in the order of the writes, each only after the previous one has been
//! processed. With a parallelization factor that holds for each item: a shard's records are spread over as many lanes, by
//! their partition keys.

use std::{
    collections::{BTreeMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    Error,
    disorder::{Disorder, Random},
    pattern::Pattern,
    sqs::Queues,
    stream::Stream,
    template::StreamTrigger,
};

/// The access key id with which Lambda signs its calls.
const SENDER: &str = "LAMBDA";

pub(super) struct Changes {
    trigger: StreamTrigger,
    dynamodb_url: String,
    table: String,
    stream: Option<Stream>,
    queues: Arc<Queues>,
    lanes: Vec<Lane>,
    disorder: Disorder,
    random: Random,
}

/// Records whose batches follow each other.
#[derive(Default)]
struct Lane {
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

impl Changes {
    pub(super) fn new(trigger: &StreamTrigger, dynamodb_url: &str, table: &str, queues: Arc<Queues>) -> Self {
        Self {
            trigger: trigger.clone(),
            dynamodb_url: dynamodb_url.to_owned(),
            table: table.to_owned(),
            stream: None,
            queues,
            lanes: (0..trigger.parallel).map(|_| Lane::default()).collect(),
            disorder: Disorder::default(),
            random: Random::default(),
        }
    }

    pub(super) fn disturb(&mut self, disorder: Disorder) {
        self.disorder = disorder;
        self.random = Random::new(disorder.seed);
    }

    pub(super) async fn run(
        &mut self,
        invoke: impl AsyncFn(Value) -> Result<Value, Error>,
    ) -> Result<usize, Error> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(Stream::open(&self.dynamodb_url, &self.table).await?),
        };
        let mut records = stream.records().await?;
        records.retain(|record| any(&self.trigger.filters, record));
        if self.disorder.reorder {
            records = interleave(records, &mut self.random);
        }
        let copies = if self.disorder.duplicates { 2 } else { 1 };
        let lanes = self.lanes.len();
        for record in records {
            let lane = &mut self.lanes[lane_of(&record, lanes)];
            lane.waiting.extend(std::iter::repeat_n(record, copies));
        }
        let (trigger, queues, invoke) = (&self.trigger, &*self.queues, &invoke);
        let done_with = join_all(self.lanes.iter_mut().map(|lane| lane.run(trigger, queues, invoke))).await;
        Ok(done_with.into_iter().sum())
    }
}

impl Lane {
    async fn run(
        &mut self,
        trigger: &StreamTrigger,
        queues: &Queues,
        invoke: &impl AsyncFn(Value) -> Result<Value, Error>,
    ) -> usize {
        let mut done_with = 0;
        while !self.waiting.is_empty() {
            let most = self.halved.unwrap_or(trigger.batch_size);
            let batch: Vec<Value> = self.waiting.iter().take(most).cloned().collect();
            let answer = invoke(json!({"Records": batch})).await;
            match outcome(trigger, &batch, answer) {
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
                    if !self.give_up(trigger, queues, rest) {
                        return done_with;
                    }
                    done_with += rest;
                }
                // Halving does not count as a retry of the same batch.
                Outcome::Failed if trigger.bisects && batch.len() > 1 => {
                    self.halved = Some(batch.len() / 2);
                }
                Outcome::FailedFrom(_) | Outcome::Failed => {
                    self.failures += 1;
                    if !self.give_up(trigger, queues, batch.len()) {
                        return done_with;
                    }
                    done_with += batch.len();
                }
            }
        }
        done_with
    }

    /// Gives up the first `count` records after the maximum number of retries, and reports that to the queue for it.
    fn give_up(&mut self, trigger: &StreamTrigger, queues: &Queues, count: usize) -> bool {
        if trigger.retries.is_none_or(|retries| self.failures <= retries) {
            return false;
        }
        let given_up: Vec<Value> = self.waiting.drain(..count).collect();
        (self.halved, self.failures) = (None, 0);
        let number = |record: Option<&Value>| record.map(|it| it["dynamodb"]["SequenceNumber"].clone());
        if let Some(queue) = &trigger.on_failure {
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
            queues.send(queue, &body.to_string(), SENDER, Duration::ZERO);
        }
        true
    }
}

fn outcome(trigger: &StreamTrigger, batch: &[Value], answer: Result<Value, Error>) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            eprintln!("changes were not accepted: {error}");
            return Outcome::Failed;
        }
    };
    let reported = answer["batchItemFailures"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !trigger.reports_failures || reported.is_empty() {
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

/// Whether a record matches a filter, or there are no filters.
fn any(filters: &[Pattern], record: &Value) -> bool {
    filters.is_empty() || filters.iter().any(|filter| filter.matches(record))
}

/// Of so many lanes, that of the record's partition key.
fn lane_of(record: &Value, lanes: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    record["dynamodb"]["Keys"]["pk"].to_string().hash(&mut hasher);
    usize::try_from(hasher.finish() % lanes as u64).unwrap_or(0)
}

/// Another order, in which each item's own records keep their order.
fn interleave(records: Vec<Value>, random: &mut Random) -> Vec<Value> {
    let mut of_items: BTreeMap<String, VecDeque<Value>> = BTreeMap::new();
    for record in records {
        of_items.entry(record["dynamodb"]["Keys"].to_string()).or_default().push_back(record);
    }
    let mut of_items: Vec<_> = of_items.into_values().collect();
    let mut order = Vec::new();
    while !of_items.is_empty() {
        let chosen = random.below(of_items.len());
        order.extend(of_items[chosen].pop_front());
        of_items.retain(|records| !records.is_empty());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_change_their_order_and_the_records_of_one_do_not() {
        let record =
            |item: u32, version: u32| json!({"dynamodb": {"Keys": {"pk": item}}, "version": version});
        let records: Vec<_> = (0..10).flat_map(|item| (0..3).map(move |it| record(item, it))).collect();
        let order = interleave(records.clone(), &mut Random::new(7));
        assert_ne!(order, records);
        assert_eq!(order.len(), records.len());
        for item in 0..10 {
            let of_item = order.iter().filter(|it| it["dynamodb"]["Keys"]["pk"] == item);
            assert!(of_item.map(|it| it["version"].clone()).eq([0, 1, 2]), "{item}");
        }
    }
}

//! EventBridge Pipes: read the stream, filter, transform, send.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;

use crate::{
    Error,
    disorder::{Disorder, Random},
    sqs::Queues,
    stream::Stream,
    template::Pipe,
};

/// The access key id with which a pipe signs its calls.
const SENDER: &str = "PIPE";

pub(super) struct Pump {
    pipes: Vec<Pipe>,
    dynamodb_url: String,
    table: String,
    stream: Option<Stream>,
    queues: Arc<Queues>,
    disorder: Disorder,
    random: Random,
}

impl Pump {
    pub(super) fn new(pipes: &[Pipe], dynamodb_url: &str, table: &str, queues: Arc<Queues>) -> Self {
        Self {
            pipes: pipes.to_vec(),
            dynamodb_url: dynamodb_url.to_owned(),
            table: table.to_owned(),
            stream: None,
            queues,
            disorder: Disorder::default(),
            random: Random::default(),
        }
    }

    pub(super) fn disturb(&mut self, disorder: Disorder) {
        self.disorder = disorder;
        self.random = Random::new(disorder.seed);
        self.queues.disturb(disorder);
    }

    pub(super) async fn run(&mut self) -> Result<usize, Error> {
        if self.pipes.is_empty() {
            return Ok(0);
        }
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(Stream::open(&self.dynamodb_url, &self.table).await?),
        };
        let mut records = stream.records().await?;
        if self.disorder.reorder {
            records = interleave(records, &mut self.random);
        }
        let copies = if self.disorder.duplicates { 2 } else { 1 };
        let mut sent = 0;
        for pipe in &self.pipes {
            for record in records.iter().filter(|record| any(&pipe.filters, record)) {
                let body = pipe.input.fill(record)?;
                for _ in 0..copies {
                    self.queues.send(&pipe.queue, &body, SENDER, Duration::ZERO);
                    sent += 1;
                }
            }
        }
        Ok(sent)
    }
}

/// Whether a record matches a filter, or there are no filters.
pub(super) fn any(filters: &[crate::pattern::Pattern], record: &Value) -> bool {
    filters.is_empty() || filters.iter().any(|filter| filter.matches(record))
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
    use serde_json::json;

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

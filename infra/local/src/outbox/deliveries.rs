//! Lambda's poller of a queue: passes batches to the function, and applies its response to each message.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use crate::{
    Error, REGION,
    sqs::{Message, Queues, arn},
    template::QueueTrigger,
};

/// A queue and the function that has it.
#[derive(Debug, Clone)]
pub struct Deliveries {
    trigger: QueueTrigger,
    queues: Arc<Queues>,
}

/// The messages of one invocation.
#[derive(Debug)]
pub struct Batch {
    queue: String,
    messages: Vec<Message>,
}

impl Deliveries {
    pub(super) fn new(trigger: &QueueTrigger, queues: Arc<Queues>) -> Self {
        Self { trigger: trigger.clone(), queues }
    }

    /// The maximum number of concurrent invocations.
    pub fn concurrency(&self) -> usize {
        self.trigger.concurrency
    }

    /// Receives a batch; `None` if nothing is due.
    pub fn receive(&self) -> Option<Batch> {
        let queue = self.trigger.queue.clone();
        let mut messages = Vec::new();
        // Lambda fills a larger batch with several calls.
        while messages.len() < self.trigger.batch_size {
            let more = self.queues.receive(&queue, self.trigger.batch_size - messages.len(), None);
            if more.is_empty() {
                break;
            }
            messages.extend(more);
        }
        (!messages.is_empty()).then_some(Batch { queue, messages })
    }

    /// Deletes the messages that did not fail. Those that failed keep their visibility, set by the function or the
    /// queue.
    ///
    /// An invocation that failed or timed out deletes nothing, and neither does one with a malformed response.
    pub fn settle(&self, batch: &Batch, answer: Result<Value, Error>) {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return eprintln!("a delivery failed: {error}"),
        };
        let failed =
            if self.trigger.reports_failures { batch.failed(&answer) } else { Some(BTreeSet::new()) };
        let Some(failed) = failed else {
            return eprintln!(
                "a delivery failed: its response does not name messages of the batch: {answer}"
            );
        };
        for message in batch.messages.iter().filter(|message| !failed.contains(message.id.as_str())) {
            self.queues.delete(&batch.queue, &message.receipt_handle);
        }
    }
}

impl Batch {
    #[expect(clippy::len_without_is_empty, reason = "a batch has a message")]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Lambda's event.
    pub fn event(&self) -> Value {
        let record = |message: &Message| {
            json!({
                "messageId": message.id,
                "receiptHandle": message.receipt_handle,
                "body": message.body,
                "attributes": message.attributes(),
                "messageAttributes": {},
                "md5OfBody": format!("{:x}", md5::compute(&message.body)),
                "eventSource": "aws:sqs",
                "eventSourceARN": arn(&self.queue),
                "awsRegion": REGION,
            })
        };
        json!({"Records": self.messages.iter().map(record).collect::<Vec<_>>()})
    }

    /// The messages that the response reports; `None` if it cannot be trusted, so that all count as failed.
    fn failed<'a>(&self, answer: &'a Value) -> Option<BTreeSet<&'a str>> {
        let list = match answer {
            Value::Null => return Some(BTreeSet::new()),
            Value::Object(answer) => answer.get("batchItemFailures").unwrap_or(&Value::Null),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => return None,
        };
        if list.is_null() {
            return Some(BTreeSet::new());
        }
        let known: BTreeSet<_> = self.messages.iter().map(|message| message.id.as_str()).collect();
        list.as_array()?
            .iter()
            .map(|failure| failure["itemIdentifier"].as_str().filter(|id| known.contains(id)))
            .collect()
    }
}

//! The path from a write to the functions that notify others of it, as the template defines it: from the table's stream
//! and from a queue to functions.
//!
//! It does what Lambda's pollers do, in steps that a test takes one by one, and the running stack in loops:
//!
//! 1. [`Outbox::changes`]: records that match the filters of a function's trigger go to it, in the order of the writes.
//! 2. [`Outbox::deliver`]: due messages of a queue go to its function, in batches.

mod changes;
mod deliveries;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use tokio::sync::Mutex;

pub use deliveries::{Batch, Deliveries};

use crate::{
    Error,
    disorder::Disorder,
    sqs::{Queues, Sqs},
    template::Template,
};
use changes::Changes;

/// The queue and the triggers of one stack.
pub struct Outbox {
    deliveries: Option<Deliveries>,
    /// By the function's binary.
    changes: BTreeMap<String, Mutex<Changes>>,
    queues: Arc<Queues>,
}

impl Outbox {
    /// Connects what `template` defines. The stream is opened at its first read, and each of its readers begins at its
    /// beginning.
    ///
    /// # Errors
    /// If more than one function has a queue, if a function has the stream twice, or if something names a queue that
    /// does not exist.
    pub fn new(template: &Template, dynamodb_url: &str, table: &str, sqs: &Sqs) -> Result<Self, Error> {
        let known = |name: &str| {
            let found = template.queues.iter().any(|queue| queue.logical_id == name);
            if found { Ok(()) } else { Err(Error::from(format!("the template has no queue {name}"))) }
        };
        let from_queues: Vec<_> = template.functions.iter().flat_map(|it| &it.triggers.queues).collect();
        from_queues.iter().try_for_each(|trigger| known(&trigger.queue))?;
        if from_queues.len() > 1 {
            return Err("more than one function has a queue: that is not supported here".into());
        }
        let mut changes = BTreeMap::new();
        for function in &template.functions {
            for trigger in &function.triggers.streams {
                trigger.on_failure.iter().try_for_each(|queue| known(queue))?;
                let reader = Changes::new(trigger, dynamodb_url, table, sqs.queues());
                if changes.insert(function.binary.clone(), Mutex::new(reader)).is_some() {
                    let twice =
                        format!("{} has the stream twice, which is not supported here", function.binary);
                    return Err(twice.into());
                }
            }
        }
        let deliveries = from_queues.first().map(|trigger| Deliveries::new(trigger, sqs.queues()));
        Ok(Self { deliveries, changes, queues: sqs.queues() })
    }

    /// Passes what has been written to the function of this binary, until there is no more or it fails, and returns the
    /// number of records that it has processed. That is none if the function does not have the stream.
    ///
    /// # Errors
    /// If the stream cannot be read.
    pub async fn changes(
        &self,
        function: &str,
        invoke: impl AsyncFn(Value) -> Result<Value, Error>,
    ) -> Result<usize, Error> {
        match self.changes.get(function) {
            Some(changes) => changes.lock().await.run(invoke).await,
            None => Ok(0),
        }
    }

    /// Passes the due messages to the function that has the queue, and returns their number. Each batch is passed on
    /// once; messages that fail are due again after their visibility timeout.
    pub async fn deliver(&self, invoke: impl AsyncFn(Value) -> Result<Value, Error>) -> usize {
        let Some(deliveries) = &self.deliveries else { return 0 };
        // All are received before the first is passed on: what a function makes visible at once is for the next
        // call.
        let batches: Vec<_> = std::iter::from_fn(|| deliveries.receive()).collect();
        let mut handed_over = 0;
        for batch in batches {
            handed_over += batch.len();
            let answer = invoke(batch.event()).await;
            deliveries.settle(&batch, answer);
        }
        handed_over
    }

    /// The queue and its function, for callers that pass on batches themselves; `None` if no function has a queue.
    pub fn deliveries(&self) -> Option<&Deliveries> {
        self.deliveries.as_ref()
    }

    /// Creates disorder from now on, in every reader of the stream and in every queue.
    pub async fn disturb(&self, disorder: Disorder) {
        for changes in self.changes.values() {
            changes.lock().await.disturb(disorder);
        }
        self.queues.disturb(disorder);
    }
}

#[cfg(test)]
mod tests;

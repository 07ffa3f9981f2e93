//! The path from a write to the functions that notify others of it, as the template defines it: from the table's
//! stream through a pipe into a queue, and from stream and queue to functions.
//!
//! It does what EventBridge Pipes and Lambda's pollers do, in steps that a test takes one by one, and the running
//! stack in loops:
//!
//! 1. [`Outbox::pump`]: records that match the pipe's filters go into its queue.
//! 2. [`Outbox::deliver`]: due messages of a queue go to its function, in batches.
//! 3. [`Outbox::events`]: records that match a function's own trigger go to it, in the order of the writes.

mod deliveries;
mod events;
mod pump;

use serde_json::Value;
use tokio::sync::Mutex;

pub use deliveries::{Batch, Deliveries};

use crate::{Error, disorder::Disorder, sqs::Sqs, template::Template};
use events::Events;
use pump::Pump;

/// The pipe, the queue and the triggers of one stack.
pub struct Outbox {
    pump: Mutex<Pump>,
    deliveries: Option<Deliveries>,
    events: Option<Mutex<Events>>,
}

impl Outbox {
    /// Connects what `template` defines. The stream is opened at its first read, and read from its beginning.
    ///
    /// # Errors
    /// If more than one function has a queue, or the stream, or something names a queue that does not exist.
    pub fn new(template: &Template, dynamodb_url: &str, table: &str, sqs: &Sqs) -> Result<Self, Error> {
        let queues = sqs.queues();
        let known = |name: &str| {
            let found = template.queues.iter().any(|queue| queue.logical_id == name);
            if found { Ok(()) } else { Err(Error::from(format!("the template has no queue {name}"))) }
        };
        template.pipes.iter().try_for_each(|pipe| known(&pipe.queue))?;
        let from_queues: Vec<_> = template.functions.iter().flat_map(|it| &it.triggers.queues).collect();
        from_queues.iter().try_for_each(|trigger| known(&trigger.queue))?;
        let from_streams: Vec<_> = template.functions.iter().flat_map(|it| &it.triggers.streams).collect();
        if from_queues.len() > 1 || from_streams.len() > 1 {
            return Err(
                "more than one function has a queue, or the stream: that is not supported here".into()
            );
        }
        Ok(Self {
            pump: Mutex::new(Pump::new(&template.pipes, dynamodb_url, table, sqs.queues())),
            deliveries: from_queues.first().map(|trigger| Deliveries::new(trigger, sqs.queues())),
            events: from_streams
                .first()
                .map(|trigger| Mutex::new(Events::new(trigger, dynamodb_url, table, queues))),
        })
    }

    /// Moves what has been written since the last call through the pipe, and returns the number of messages sent.
    ///
    /// # Errors
    /// If the stream cannot be read, or a record lacks what the pipe takes from it.
    pub async fn pump(&self) -> Result<usize, Error> {
        self.pump.lock().await.run().await
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

    /// Passes what has been written to the function that has the stream, until there is no more or it fails, and
    /// returns the number of records that it has processed.
    ///
    /// # Errors
    /// If the stream cannot be read.
    pub async fn events(&self, invoke: impl AsyncFn(Value) -> Result<Value, Error>) -> Result<usize, Error> {
        match &self.events {
            Some(events) => events.lock().await.run(invoke).await,
            None => Ok(0),
        }
    }

    /// Creates disorder from now on, in the pipe and in every queue.
    pub async fn disturb(&self, disorder: Disorder) {
        self.pump.lock().await.disturb(disorder);
    }
}

#[cfg(test)]
mod tests;

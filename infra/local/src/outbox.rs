//! The way from a write to the function that tells others of it, as the template lays it: from the table's stream
//! through a pipe into a queue, and from stream and queue into functions.
//!
//! What EventBridge Pipes and Lambda's pollers do, in steps that a test takes one by one, and the running stack in
//! loops:
//!
//! 1. [`Outbox::pump`]: what the pipe lets through goes into its queue.
//! 2. [`Outbox::deliver`]: what is due in a queue goes to its function, in batches.
//! 3. [`Outbox::events`]: what a function's own trigger lets through goes to it, in the order of the writes.

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
    /// Joins what `template` defines. The stream is opened when it is first read, from its beginning on.
    ///
    /// # Errors
    /// When more than one function has a queue, or the stream, or something names a queue that is not there.
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
            return Err("more than one function has a queue, or the stream: that is not known here".into());
        }
        Ok(Self {
            pump: Mutex::new(Pump::new(&template.pipes, dynamodb_url, table, sqs.queues())),
            deliveries: from_queues.first().map(|trigger| Deliveries::new(trigger, sqs.queues())),
            events: from_streams
                .first()
                .map(|trigger| Mutex::new(Events::new(trigger, dynamodb_url, table, queues))),
        })
    }

    /// Moves what has been written since the last time through the pipe, and says how many messages it made.
    ///
    /// # Errors
    /// When the stream cannot be read, or a record lacks what the pipe takes from it.
    pub async fn pump(&self) -> Result<usize, Error> {
        self.pump.lock().await.run().await
    }

    /// Hands what is due to the function that has the queue, and says how many messages that were. Each batch is
    /// handed over once; what fails is due again when its visibility says so.
    pub async fn deliver(&self, invoke: impl AsyncFn(Value) -> Result<Value, Error>) -> usize {
        let Some(deliveries) = &self.deliveries else { return 0 };
        // Received before the first is handed over: what a function makes visible at once is for the next time.
        let batches: Vec<_> = std::iter::from_fn(|| deliveries.receive()).collect();
        let mut handed_over = 0;
        for batch in batches {
            handed_over += batch.len();
            let answer = invoke(batch.event()).await;
            deliveries.settle(&batch, answer);
        }
        handed_over
    }

    /// The queue and its function, for who hands batches over by itself; nothing if no function has a queue.
    pub fn deliveries(&self) -> Option<&Deliveries> {
        self.deliveries.as_ref()
    }

    /// Hands what has been written to the function that has the stream, until there is no more or it fails, and
    /// says how many records it is done with.
    ///
    /// # Errors
    /// When the stream cannot be read.
    pub async fn events(&self, invoke: impl AsyncFn(Value) -> Result<Value, Error>) -> Result<usize, Error> {
        match &self.events {
            Some(events) => events.lock().await.run(invoke).await,
            None => Ok(0),
        }
    }

    /// Makes disorder from now on, in the pipe and in every queue.
    pub async fn disturb(&self, disorder: Disorder) {
        self.pump.lock().await.disturb(disorder);
    }
}

#[cfg(test)]
mod tests;

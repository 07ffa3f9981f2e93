//! A double of Amazon SQS: JSON 1.0 over HTTP, standard queues as the template defines them, and a record of every
//! call.
//!
//! It delivers at least once and in no particular order, and with [`Disorder`] it repeats and reorders deliberately.

mod call;
mod operations;
mod queue;
mod queues;
mod wire;

use std::{io, sync::Arc};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, response::Response};
use serde_json::Value;
use tokio::net::TcpListener;

pub use call::{Call, Failure};
pub use queue::Message;
pub use queues::Queues;
pub(crate) use queues::arn;

use crate::{caller, clock::Clock, disorder::Disorder, server::Server, template};

/// A running double; dropping it closes the port and loses the messages.
#[derive(Debug)]
pub struct Sqs {
    server: Server,
    queues: Arc<Queues>,
}

impl Sqs {
    /// Starts the double on `listener`, with the queues of a template.
    ///
    /// # Errors
    /// If the listener has no local address.
    pub fn start(listener: TcpListener, queues: &[template::Queue], clock: Clock) -> io::Result<Self> {
        let url = format!("http://{}", listener.local_addr()?);
        let queues = Arc::new(Queues::new(url, queues, clock));
        // Some SDKs call the queue's own URL, others the service's.
        let router = Router::new().fallback(receive).with_state(Arc::clone(&queues));
        Ok(Self { server: Server::start(listener, router)?, queues })
    }

    /// The value for `AWS_ENDPOINT_URL_SQS`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The URL of a queue, for settings. `name` is the queue's logical id in the template.
    pub fn queue_url(&self, name: &str) -> String {
        self.queues.queue_url(name)
    }

    /// The queues themselves, for code that takes the place of Lambda.
    pub fn queues(&self) -> Arc<Queues> {
        Arc::clone(&self.queues)
    }

    /// The bodies of all messages in a queue, received or not.
    pub fn bodies(&self, name: &str) -> Vec<String> {
        self.queues.bodies(name)
    }

    /// The bodies of all messages ever sent, to any queue.
    pub fn sent(&self) -> Vec<String> {
        self.queues.sent()
    }

    /// Every call over HTTP, including failed ones, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.queues.calls()
    }

    /// Forgets the calls. Messages and scripted failures remain.
    pub fn clear(&self) {
        self.queues.forget_calls();
    }

    /// Makes the next call of an operation fail. Several failures are used up one by one.
    pub fn fail_next(&self, operation: &str, failure: Failure) {
        self.queues.fail_next(operation, failure);
    }

    /// Creates disorder from now on, in every queue.
    pub fn disturb(&self, disorder: Disorder) {
        self.queues.disturb(disorder);
    }
}

async fn receive(State(queues): State<Arc<Queues>>, headers: HeaderMap, body: Bytes) -> Response {
    let operation = wire::operation(&headers);
    let input: Value = serde_json::from_slice(&body).unwrap_or_default();
    let caller = caller::access_key_id(&headers);
    let queue = input["QueueUrl"].as_str().and_then(|url| queues.named_by(url));
    let sender = caller.clone().unwrap_or_default();
    // Recorded before anything can hang: a caller that gives up has still made the call.
    queues.record(Call { operation: operation.clone(), caller, queue, input: input.clone() });
    if let Some(failure) = queues.next_failure(&operation)
        && let Err(refusal) = call::meet(failure).await
    {
        return refusal.response();
    }
    match operations::perform(&queues, &operation, &input, &sender).await {
        Ok(output) => wire::answer(&output),
        Err(refusal) => refusal.response(),
    }
}

#[cfg(test)]
mod tests;

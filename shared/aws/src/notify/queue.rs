//! SQS: the queue of deliveries that have to wait, which serves as a timer, and the dead-letter queue. The
//! deliveries themselves are stored in the table.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use serde_json::{Value, json};

use crate::aws::{self, Aws};
use ciba_core::domain::base::request_key::RequestKey;

/// Timeouts for one attempt, and for a call including its retries.
const ATTEMPT: Duration = Duration::from_secs(2);
const CALL: Duration = Duration::from_secs(4);
/// The longest visibility timeout of SQS.
const LONGEST_WAIT: Duration = Duration::from_secs(12 * 60 * 60);
/// The longest delay of a new message. What has to wait longer is hidden for the rest when it is received.
const LONGEST_DELAY: Duration = Duration::from_secs(15 * 60);

/// A call to SQS failed. The text is for the log.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct QueueError(pub String);

/// A queue of requests whose clients are to be notified.
#[derive(Clone, Debug)]
pub struct DeliveryQueue {
    client: Client,
    url: String,
}

/// A received message. It becomes visible again unless it is deleted.
#[derive(Clone, Debug)]
pub struct Letter {
    pub request: Option<RequestKey>,
    pub receipt: String,
    /// How often it was received, including this time.
    pub received: u32,
}

impl DeliveryQueue {
    pub fn connect(aws: &Aws, url: &str) -> Self {
        let mut config =
            aws_sdk_sqs::config::Builder::from(&aws.sdk).timeout_config(aws::timeouts(ATTEMPT, CALL));
        config.set_endpoint_url(aws.sqs_endpoint.clone());
        Self { client: Client::from_conf(config.build()), url: url.to_owned() }
    }

    /// The body of a message: the key of a request and nothing else.
    fn body(request: &RequestKey) -> String {
        json!({ "request": format!("request#{}", request.encode()) }).to_string()
    }

    /// The request that a message refers to.
    pub fn read(body: &str) -> Option<RequestKey> {
        let body: Value = serde_json::from_str(body).ok()?;
        RequestKey::parse(body["request"].as_str()?.strip_prefix("request#")?)
    }

    pub async fn send(&self, request: &RequestKey) -> Result<(), QueueError> {
        self.send_after(request, Duration::ZERO).await
    }

    /// Sends a message that is received after `wait` at the earliest.
    pub async fn send_after(&self, request: &RequestKey, wait: Duration) -> Result<(), QueueError> {
        let sent = self.client.send_message().queue_url(&self.url).message_body(Self::body(request));
        let sent = sent.delay_seconds(seconds(wait.min(LONGEST_DELAY))).send();
        sent.await.map(drop).map_err(|error| QueueError(aws::failure("SendMessage", &error)))
    }

    /// Hides a received message for `wait` from now.
    pub async fn hide(&self, receipt: &str, wait: Duration) -> Result<(), QueueError> {
        let hidden = self.client.change_message_visibility().queue_url(&self.url).receipt_handle(receipt);
        let hidden = hidden.visibility_timeout(seconds(wait.min(LONGEST_WAIT))).send();
        hidden.await.map(drop).map_err(|error| QueueError(aws::failure("ChangeMessageVisibility", &error)))
    }

    /// Receives up to ten messages, which become visible again after `hide`.
    pub async fn receive(&self, hide: Duration) -> Result<Vec<Letter>, QueueError> {
        let seconds = i32::try_from(hide.as_secs()).unwrap_or(i32::MAX);
        let taken = self.client.receive_message().queue_url(&self.url).max_number_of_messages(10);
        let taken = taken.visibility_timeout(seconds);
        let taken = taken.message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
        let taken = taken.send().await.map_err(|error| QueueError(aws::failure("ReceiveMessage", &error)))?;
        let letters = taken.messages.unwrap_or_default().into_iter().map(|message| {
            let received = message.attributes.as_ref();
            let received =
                received.and_then(|all| all.get(&MessageSystemAttributeName::ApproximateReceiveCount));
            Letter {
                request: message.body.as_deref().and_then(Self::read),
                receipt: message.receipt_handle.unwrap_or_default(),
                received: received.and_then(|text| text.parse().ok()).unwrap_or(1),
            }
        });
        Ok(letters.collect())
    }

    pub async fn delete(&self, receipt: &str) -> Result<(), QueueError> {
        let deleted = self.client.delete_message().queue_url(&self.url).receipt_handle(receipt).send();
        deleted.await.map(drop).map_err(|error| QueueError(aws::failure("DeleteMessage", &error)))
    }
}

/// Whole seconds, rounded up: a message must not come before it is due.
fn seconds(wait: Duration) -> i32 {
    i32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_a_request_and_nothing_else() {
        let key = RequestKey::from_bytes([7; 16]);
        assert_eq!(DeliveryQueue::read(&DeliveryQueue::body(&key)), Some(key));
        for body in
            ["", "{}", "[]", r#"{"request":7}"#, r#"{"request":"user#x"}"#, r#"{"request":"request#x"}"#]
        {
            assert_eq!(DeliveryQueue::read(body), None, "{body}");
        }
    }
}

//! Tells ping and push clients what was decided (CIBA §10.2, §10.3, §12). Invoked by the delivery queue, never
//! over HTTP.

use ciba::aws::Aws;
use ciba::config::{ConfigError, DeliverySettings, Environment, Issuer, TokenSettings};
use ciba::domain::base::request_key::RequestKey;
use ciba::flows::telling::notify_client::{NotTold, NotifyClient, Told};
use ciba::flows::{Invocation, log};
use ciba::keys::{KeyRings, Kms};
use ciba::notify::DeliveryQueue;
use ciba::outbound::{Caller, Lanes};
use ciba::store::Table;
use serde_json::{Value, json};

pub struct ClientNotification {
    issuer: Issuer,
    settings: TokenSettings,
    table: Table,
    keys: KeyRings,
    caller: Caller,
    lanes: Lanes,
    queue: DeliveryQueue,
    dead_letters: DeliveryQueue,
}

/// A message of the SQS event.
struct Message<'e> {
    id: &'e str,
    receipt: &'e str,
    request: RequestKey,
}

impl ClientNotification {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        let issuer = Issuer::read(environment)?;
        let aws = Aws::read(environment)?;
        let table = Table::connect(&aws);
        let queues = DeliverySettings::read(environment)?;
        Ok(Self {
            settings: TokenSettings::read(environment)?,
            keys: KeyRings::new(table.clone(), Kms::connect(&aws)),
            table,
            caller: Caller::new(issuer.is_local()).map_err(|error| ConfigError::of("outbound", &error.0))?,
            lanes: Lanes::default(),
            queue: DeliveryQueue::connect(&aws, &queues.queue),
            dead_letters: DeliveryQueue::connect(&aws, &queues.dead_letters),
            issuer,
        })
    }

    /// Opens the first connections and loads the keys during initialization, when Lambda grants full CPU.
    pub async fn warm_up(&self, invocation: &Invocation) {
        let _ = self.keys.get(invocation.now).await;
    }

    /// Handles the SQS event, and returns the messages to be redelivered: `{"batchItemFailures": […]}`.
    ///
    /// 1. Read the request that each message names. A message that names no request is dropped: a retry would not
    ///    help.
    /// 2. Notify all clients concurrently.
    /// 3. Hide each message whose next attempt is due later until that time, when the queue redelivers it.
    pub async fn run(&self, event: &Value, invocation: &Invocation) -> Value {
        let messages = messages(event);
        let told = self.tell(&messages, invocation).await;
        let mut again = Vec::new();
        for (message, told) in messages.iter().zip(told) {
            match told {
                Ok(Told::Wait(until, why)) => {
                    if let Some(why) = why {
                        log::delivery("delivery_postponed", &message.request, Some(&why));
                    }
                    let hidden = self.queue.hide(message.receipt, until.since(invocation.now)).await;
                    if let Err(error) = hidden {
                        // The message is then redelivered after the queue's own visibility timeout. That costs
                        // time only.
                        log::delivery("delivery_not_hidden", &message.request, Some(&error.0));
                    }
                    again.push(json!({ "itemIdentifier": message.id }));
                }
                Ok(Told::Delivered) => log::delivery("delivered", &message.request, None),
                Ok(Told::Failed(why)) => {
                    log::delivery("delivery_failed", &message.request, Some(&why));
                }
                Ok(Told::Unneeded | Told::Over) => {}
                Err(error) => {
                    log::delivery("delivery_not_tried", &message.request, Some(&error.detail()));
                    again.push(json!({ "itemIdentifier": message.id }));
                }
            }
        }
        json!({ "batchItemFailures": again })
    }

    /// Without keys no client can be notified, so every message is retried.
    async fn tell(&self, messages: &[Message<'_>], invocation: &Invocation) -> Vec<Result<Told, NotTold>> {
        let keys = match self.keys.get(invocation.now).await {
            Ok(keys) => keys,
            Err(error) => return messages.iter().map(|_| Err(NotTold::Keys(error.clone()))).collect(),
        };
        let flow = NotifyClient {
            table: &self.table,
            rings: &self.keys,
            keys: &keys,
            issuer: &self.issuer,
            settings: &self.settings,
            caller: &self.caller,
            lanes: &self.lanes,
            dead_letters: &self.dead_letters,
            invocation,
        };
        let requests: Vec<_> = messages.iter().map(|message| message.request).collect();
        flow.tell_all(&requests).await
    }
}

fn messages(event: &Value) -> Vec<Message<'_>> {
    let records = event["Records"].as_array().into_iter().flatten();
    records
        .filter_map(|record| {
            Some(Message {
                id: record["messageId"].as_str()?,
                receipt: record["receiptHandle"].as_str()?,
                request: DeliveryQueue::read(record["body"].as_str()?)?,
            })
        })
        .collect()
}

//! Tells ping and push clients what was decided (CIBA §10.2, §10.3, §12). Invoked by the table's stream, whose records
//! are the decisions themselves, and by the queue of those deliveries that have to wait; never over HTTP.

use std::time::Duration;

use ciba::aws::Aws;
use ciba::config::{ConfigError, DeliverySettings, Environment, Issuer, TokenSettings};
use ciba::domain::base::request_key::RequestKey;
use ciba::domain::base::time::Timestamp;
use ciba::flows::telling::notify_client::{AskedBy, NotTold, NotifyClient, Told};
use ciba::flows::telling::put_off::put_off;
use ciba::flows::{Invocation, log};
use ciba::keys::{KeyRings, Kms};
use ciba::notify::DeliveryQueue;
use ciba::outbound::{Caller, Lanes};
use ciba::store::{ChangedRequest, Table};
use serde_json::{Value, json};

/// How long the queue keeps back what the stream could not attempt, because of trouble on our side.
const AFTER_TROUBLE: Duration = Duration::from_secs(5);

pub struct ClientNotification {
    issuer: Issuer,
    settings: TokenSettings,
    queues: DeliverySettings,
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

/// When a delivery has to be tried again.
enum Again {
    At(Timestamp),
    /// No attempt could be made.
    AfterTrouble,
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
            queues,
            issuer,
        })
    }

    /// Opens the first connections and loads the keys during initialization, when Lambda grants full CPU.
    pub async fn warm_up(&self, invocation: &Invocation) {
        let _ = self.keys.get(invocation.now).await;
    }

    /// Handles an event of the stream or of the queue, and returns what is to be redelivered:
    /// `{"batchItemFailures": […]}`.
    pub async fn run(&self, event: &Value, invocation: &Invocation) -> Value {
        let records = event["Records"].as_array().map(Vec::as_slice).unwrap_or_default();
        let again = if records.first().is_some_and(ChangedRequest::is_change) {
            self.changes(records, invocation).await.into_iter().collect()
        } else {
            self.messages(records, invocation).await
        };
        let again: Vec<_> = again.into_iter().map(|id| json!({ "itemIdentifier": id })).collect();
        json!({ "batchItemFailures": again })
    }

    /// Handles records of the stream, and returns the first to be redelivered, if any: Lambda redelivers the later ones
    /// with it.
    ///
    /// 1. Read the request that each record names. A record that cannot be read is counted and passed: a retry would
    ///    not help, and all later ones would wait for it.
    /// 2. Notify all clients concurrently.
    /// 3. Leave to the queue what has to wait or failed. Only what the queue does not take is redelivered, because
    ///    later decisions wait for it.
    async fn changes<'e>(&self, records: &'e [Value], invocation: &Invocation) -> Option<&'e str> {
        let (mut changes, mut unreadable) = (Vec::new(), Vec::new());
        for record in records {
            match ChangedRequest::read(record) {
                Ok(change) => changes.push(change),
                Err(error) => unreadable.push(error.detail()),
            }
        }
        if !unreadable.is_empty() {
            log::unreadable_records(&self.queues.metric_namespace, &unreadable, invocation.now);
        }
        let requests: Vec<_> = changes.iter().map(|change| change.request).collect();
        let told = self.tell(AskedBy::Stream, &requests, invocation).await;
        let later = changes.iter().zip(told).filter_map(|(change, told)| {
            let wait = match again(&change.request, told, invocation.now)? {
                Again::At(until) => until.since(invocation.now),
                Again::AfterTrouble => AFTER_TROUBLE,
            };
            Some((change, wait))
        });
        let later: Vec<_> = later.collect();
        let sent = put_off(&self.queue, later.iter().map(|(change, wait)| (change.request, *wait))).await;
        let refused = later.iter().zip(sent).filter_map(|((change, _), sent)| Some((change, sent.err()?)));
        let refused: Vec<_> = refused.collect();
        for (change, why) in &refused {
            log::delivery("delivery_not_queued", &change.request, Some(&why.0), invocation.now);
        }
        refused.first().map(|(change, _)| change.sequence_number)
    }

    /// Handles messages of the queue, and returns those to be redelivered.
    ///
    /// 1. Read the request that each message names. A message that names no request is dropped: a retry would not
    ///    help.
    /// 2. Notify all clients concurrently.
    /// 3. Hide each message whose next attempt is due later until that time, when the queue redelivers it.
    async fn messages<'e>(&self, records: &'e [Value], invocation: &Invocation) -> Vec<&'e str> {
        let messages: Vec<_> = records.iter().filter_map(message).collect();
        let requests: Vec<_> = messages.iter().map(|message| message.request).collect();
        let told = self.tell(AskedBy::Queue, &requests, invocation).await;
        let (now, mut redelivered) = (invocation.now, Vec::new());
        for (message, told) in messages.iter().zip(told) {
            match again(&message.request, told, now) {
                None => continue,
                Some(Again::AfterTrouble) => {}
                Some(Again::At(until)) => {
                    let hidden = self.queue.hide(message.receipt, until.since(now)).await;
                    if let Err(error) = hidden {
                        // The message is then redelivered after the queue's own visibility timeout. That costs
                        // time only.
                        log::delivery("delivery_not_hidden", &message.request, Some(&error.0), now);
                    }
                }
            }
            redelivered.push(message.id);
        }
        redelivered
    }

    /// Without keys no client can be notified, so everything is retried.
    async fn tell(
        &self,
        asked_by: AskedBy,
        requests: &[RequestKey],
        invocation: &Invocation,
    ) -> Vec<Result<Told, NotTold>> {
        let keys = match self.keys.get(invocation.now).await {
            Ok(keys) => keys,
            Err(error) => return requests.iter().map(|_| Err(NotTold::Keys(error.clone()))).collect(),
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
            asked_by,
            invocation,
        };
        flow.tell_all(requests).await
    }
}

/// Logs the outcome of a delivery, and returns when it has to be tried again, if it has to be.
fn again(request: &RequestKey, told: Result<Told, NotTold>, now: Timestamp) -> Option<Again> {
    match told {
        Ok(Told::Wait(until, why)) => {
            if let Some(why) = why {
                log::delivery("delivery_postponed", request, Some(&why), now);
            }
            return Some(Again::At(until));
        }
        Ok(Told::Delivered) => log::delivery("delivered", request, None, now),
        Ok(Told::Failed(why)) => log::delivery("delivery_failed", request, Some(&why), now),
        Ok(Told::Unneeded | Told::Over) => {}
        Err(error) => {
            log::delivery("delivery_not_tried", request, Some(&error.detail()), now);
            return Some(Again::AfterTrouble);
        }
    }
    None
}

fn message(record: &Value) -> Option<Message<'_>> {
    Some(Message {
        id: record["messageId"].as_str()?,
        receipt: record["receiptHandle"].as_str()?,
        request: DeliveryQueue::read(record["body"].as_str()?)?,
    })
}

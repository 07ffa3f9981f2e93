//! Publishes what happened to requests to the stack's event bus and as metrics.
//!
//! Invoked by the table's stream, whose records are the writes themselves: no request waits for its events to be
//! published, and no write can be missed. Also invoked by the log of the function that notifies people, for the
//! one event that no write records. This function reads nothing but its input.

use ciba::aws::Aws;
use ciba::config::{ConfigError, Environment, EventSettings, Issuer};
use ciba::flows::telling::emit::{Emit, Source};
use ciba::flows::{Invocation, log};
use ciba::notify::EventBus;
use ciba::protocol::log_subscription;
use ciba::store::StreamRecord;
use serde_json::{Value, json};

pub struct Events {
    issuer: Issuer,
    settings: EventSettings,
    bus: EventBus,
}

/// The invocation failed, and Lambda retries it with the same input. The text is for the log.
#[derive(Debug, PartialEq, Eq)]
pub struct NotEmitted(pub String);

impl Events {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        let settings = EventSettings::read(environment)?;
        let aws = Aws::without_table(environment)?;
        Ok(Self { issuer: Issuer::read(environment)?, bus: EventBus::connect(&aws, &settings), settings })
    }

    /// Determines the source, derives its events, puts them on the bus, counts them, and reports what has to be
    /// retried.
    ///
    /// # Errors
    /// If log lines have to be retried, or the invocation is of an unknown kind. For records, the result names the
    /// first one to retry.
    pub async fn run(&self, event: Value, invocation: &Invocation) -> Result<Value, NotEmitted> {
        match (event["Records"].as_array(), log_subscription::lines(&event)) {
            (Some(records), _) => self.records(records, invocation).await,
            (None, Some(lines)) => {
                let sources = lines.iter().map(Source::of_line).collect();
                match self.emit(sources, invocation).await {
                    None => Ok(json!({})),
                    Some(_) => Err(NotEmitted("the event bus did not accept every event".to_owned())),
                }
            }
            (None, None) => Err(NotEmitted("neither stream records nor log lines".to_owned())),
        }
    }

    async fn records(&self, records: &[Value], invocation: &Invocation) -> Result<Value, NotEmitted> {
        let records: Result<Vec<_>, _> = records.iter().map(StreamRecord::read).collect();
        let records = records.map_err(|error| NotEmitted(error.detail()))?;
        let sources = records.iter().map(Source::of_record).collect();
        let again = self.emit(sources, invocation).await.map(|nth| &records[nth].sequence_number);
        let again: Vec<_> = again.iter().map(|it| json!({ "itemIdentifier": it })).collect();
        Ok(json!({ "batchItemFailures": again }))
    }

    /// The first source that has to be retried, if any. The retry repeats every later source; subscribers drop
    /// duplicates by their ids.
    async fn emit(&self, sources: Vec<Source>, invocation: &Invocation) -> Option<usize> {
        let emitter = Emit { bus: &self.bus, issuer: &self.issuer };
        let emitted = emitter.emit(sources, invocation).await;
        for why in &emitted.unreadable {
            log::trouble(why, invocation.now);
        }
        if let Some((_, why)) = &emitted.first_failure {
            log::trouble(why, invocation.now);
        }
        log::metrics(&self.settings.metric_namespace, &emitted, invocation.now);
        emitted.first_failure.map(|(nth, _)| nth)
    }
}

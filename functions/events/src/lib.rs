//! Events: what happened to requests, said to the stack's event bus and as metrics.
//!
//! Invoked by the table's stream, whose records are the writes themselves, so no request waits for this and none has to
//! remember it; and by the log of the function that tells people, for the one event that no write stands for. It reads
//! nothing but what it is handed.

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

/// Lambda invokes again with the same. The text is for the log.
#[derive(Debug, PartialEq, Eq)]
pub struct NotEmitted(pub String);

impl Events {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        let settings = EventSettings::read(environment)?;
        let aws = Aws::without_table(environment)?;
        Ok(Self { issuer: Issuer::read(environment)?, bus: EventBus::connect(&aws, &settings), settings })
    }

    /// What is it by → which events → the bus → metrics → what has to come again.
    ///
    /// # Errors
    /// When lines of the log have to come again, or the invocation is none that this function knows. Of records the
    /// answer says which one is the first to come again.
    pub async fn run(&self, event: Value, invocation: &Invocation) -> Result<Value, NotEmitted> {
        match (event["Records"].as_array(), log_subscription::lines(&event)) {
            (Some(records), _) => self.records(records, invocation).await,
            (None, Some(lines)) => {
                let sources = lines.iter().map(Source::of_line).collect();
                match self.emit(sources, invocation).await {
                    None => Ok(json!({})),
                    Some(_) => Err(NotEmitted("the bus did not take every event".to_owned())),
                }
            }
            (None, None) => Err(NotEmitted("neither records of a stream nor lines of a log".to_owned())),
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

    /// The first source that has to come again, if any. What comes again brings all that follows it: subscribers drop
    /// what they have by its id.
    async fn emit(&self, sources: Vec<Source>, invocation: &Invocation) -> Option<usize> {
        let emitter = Emit { bus: &self.bus, issuer: &self.issuer };
        let emitted = emitter.emit(sources, invocation).await;
        for why in &emitted.unreadable {
            log::trouble(why);
        }
        if let Some((_, why)) = &emitted.first_failure {
            log::trouble(why);
        }
        log::metrics(&self.settings.metric_namespace, &emitted, invocation.now);
        emitted.first_failure.map(|(nth, _)| nth)
    }
}

//! The event bus: puts events on EventBridge, up to ten per call.

use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use tokio::time::Instant;

use crate::aws::{self, Aws};
use crate::config::EventSettings;
use ciba_core::domain::request::event::EventName;
use ciba_core::protocol::event::{Detail, SOURCE};

/// Timeouts for one attempt, and for a call including its retries.
const ATTEMPT: Duration = Duration::from_secs(2);
const CALL: Duration = Duration::from_secs(5);
/// The most entries in one call.
const AT_ONCE: usize = 10;

/// One event as it is put on the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: EventName,
    pub detail: Detail,
}

/// The bus did not accept an entry. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTaken(pub String);

#[derive(Clone, Debug)]
pub struct EventBus {
    client: Client,
    name: String,
}

impl EventBus {
    pub fn connect(aws: &Aws, settings: &EventSettings) -> Self {
        let mut config =
            aws_sdk_eventbridge::config::Builder::from(&aws.sdk).timeout_config(aws::timeouts(ATTEMPT, CALL));
        config.set_endpoint_url(aws.eventbridge_endpoint.clone());
        Self { client: Client::from_conf(config.build()), name: settings.bus.clone() }
    }

    /// Puts all entries, and returns for each, in order, whether the bus accepted it. After a failed call the
    /// remaining entries are not attempted, nor are calls that might not be answered before `deadline`.
    pub async fn put(&self, entries: &[Entry], deadline: Instant) -> Vec<Result<(), NotTaken>> {
        let mut outcomes = Vec::with_capacity(entries.len());
        for some in entries.chunks(AT_ONCE) {
            match self.put_some(some, deadline).await {
                Ok(some) => outcomes.extend(some),
                Err(why) => {
                    outcomes.resize(entries.len(), Err(why));
                    break;
                }
            }
        }
        outcomes
    }

    async fn put_some(
        &self,
        entries: &[Entry],
        deadline: Instant,
    ) -> Result<Vec<Result<(), NotTaken>>, NotTaken> {
        if Instant::now() + CALL > deadline {
            return Err(NotTaken("PutEvents: no time left".to_owned()));
        }
        let put =
            self.client.put_events().set_entries(Some(entries.iter().map(|it| self.entry(it)).collect()));
        let answer = put.send().await.map_err(|error| NotTaken(aws::failure("PutEvents", &error)))?;
        let results = answer.entries();
        if results.len() != entries.len() {
            return Err(NotTaken("PutEvents: the response does not match the entries".to_owned()));
        }
        // Only the error code is kept: the service's message may repeat the entry.
        let outcomes = results.iter().map(|it| match it.error_code() {
            None => Ok(()),
            Some(code) => Err(NotTaken(format!("PutEvents: {code}"))),
        });
        Ok(outcomes.collect())
    }

    fn entry(&self, entry: &Entry) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(entry.name.as_str())
            .detail(entry.detail.encode())
            .time(DateTime::from_millis(entry.detail.at))
            .build()
    }
}

//! Emits events: they are sent to the event bus, and counted.

use crate::Invocation;
use ciba_aws::config::Issuer;
use ciba_aws::notify::{Entry, EventBus};
use ciba_aws::store::StreamRecord;
use ciba_core::domain::request::event::{Event, EventName, events};
use ciba_core::protocol::event::{Detail, NotifiedLine};
use ciba_core::protocol::log_subscription::LogEvent;

/// The source of events: a record of the stream, or a line of the log.
pub struct Source {
    /// The same for every delivery of the source.
    id: String,
    /// The events, or why the source cannot be read, for the log.
    events: Result<Vec<Event>, String>,
}

impl Source {
    pub fn of_record(record: &StreamRecord) -> Self {
        let events = match &record.change {
            Ok(change) => Ok(events(change, record.recorded_at)),
            Err(error) => Err(error.detail()),
        };
        Self { id: record.id.clone(), events }
    }

    pub fn of_line(line: &LogEvent) -> Self {
        let event = NotifiedLine::read(&line.message).ok_or("a malformed log line");
        Self { id: line.id.clone(), events: event.map(|it| vec![it]).map_err(str::to_owned) }
    }
}

/// The dependencies of this flow.
pub struct Emit<'a> {
    pub bus: &'a EventBus,
    pub issuer: &'a Issuer,
}

/// The result of emitting.
#[derive(Debug, Default)]
pub struct Emitted {
    pub events: Vec<Event>,
    /// Why sources could not be read. A retry would not help.
    pub unreadable: Vec<String>,
    /// The first source with an event that the bus did not accept, and why.
    pub first_failure: Option<(usize, String)>,
}

impl Emit<'_> {
    /// 1. Create an entry for each event. An unreadable source does not block the others.
    /// 2. Put the entries on the bus, until the deadline.
    /// 3. Count the events that the bus accepted, up to the first source that has to be retried. Later ones are
    ///    retried with it, and counted then.
    pub async fn emit(&self, sources: Vec<Source>, invocation: &Invocation) -> Emitted {
        let mut emitted = Emitted::default();
        let mut all = Vec::new();
        for (nth, source) in sources.into_iter().enumerate() {
            match source.events {
                Ok(events) => all.extend(events.into_iter().map(|event| {
                    let detail = Detail::of(&event, &source.id, self.issuer.as_str());
                    (nth, Entry { name: event.what.name(), detail }, event)
                })),
                Err(why) => emitted.unreadable.push(why),
            }
        }
        let entries: Vec<_> = all.iter().map(|(_, entry, _)| entry.clone()).collect();
        let outcomes = self.bus.put(&entries, invocation.deadline).await;
        let failed = all.iter().zip(outcomes).find_map(|((nth, ..), outcome)| Some((*nth, outcome.err()?.0)));
        let again_from = failed.as_ref().map_or(usize::MAX, |(nth, _)| *nth);
        emitted.events =
            all.into_iter().filter(|(nth, ..)| *nth < again_from).map(|(.., event)| event).collect();
        emitted.first_failure = failed;
        emitted
    }
}

impl Emitted {
    /// How many times the event was emitted.
    pub fn count(&self, name: EventName) -> usize {
        self.events.iter().filter(|event| event.what.name() == name).count()
    }
}

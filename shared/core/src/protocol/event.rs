//! An event on the event bus: its detail, and how `notified` is read from a log line. docs/events.md has the
//! schema.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::base::time::{Timestamp, millis};
use crate::domain::client::{ClientId, DeliveryMode};
use crate::domain::request::authentication_request::AuthenticationRequest;
use crate::domain::request::event::{About, Event, EventName, What};

/// The source of this provider's entries.
pub const SOURCE: &str = "ciba";

/// The detail of an event. Times are in milliseconds since the epoch, durations in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// The same in each copy of an event.
    pub id: String,
    pub issuer: String,
    pub request: String,
    pub client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    pub at: i64,
    /// The time since the request, or for a delivery since the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Detail {
    /// `source` identifies the write or the log line of the event.
    pub fn of(event: &Event, source: &str, issuer: &str) -> Self {
        let Event { about, at, what } = event;
        let detail = Self {
            id: format!("{source}.{}", what.name().as_str()),
            issuer: issuer.to_owned(),
            request: about.request.clone(),
            client_id: about.client.as_str().to_owned(),
            mode: about.mode.map(DeliveryMode::as_str),
            person: about.person.clone(),
            at: at.millis(),
            ..Self::default()
        };
        match what {
            What::Withdrawn | What::Reported | What::Revoked => detail,
            What::Requested { scope, expires_at } => {
                Self { scope: Some(scope.encode()), expires_at: Some(expires_at.millis()), ..detail }
            }
            What::Notified { channel } => Self { channel: Some(channel.clone()), ..detail },
            What::Approved { scope, acr, after } => {
                Self { scope: Some(scope.encode()), acr: acr.clone(), after: Some(millis(*after)), ..detail }
            }
            What::Denied { after } | What::Superseded { after } => {
                Self { after: Some(millis(*after)), ..detail }
            }
            What::Cancelled { by, after } => {
                Self { cancelled_by: Some(by.as_str()), after: Some(millis(*after)), ..detail }
            }
            What::Redeemed { scope, ends_at } => {
                Self { scope: Some(scope.encode()), expires_at: Some(ends_at.millis()), ..detail }
            }
            What::Refreshed { rotated } => Self { rotated: Some(*rotated), ..detail },
            What::Delivered { attempts, after } => {
                Self { attempts: Some(*attempts), after: after.map(millis), ..detail }
            }
            What::DeliveryFailed { attempts, failure } => {
                Self { attempts: Some(*attempts), failure: Some(failure.clone()), ..detail }
            }
        }
    }

    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }
}

/// The log line for an accepted message to the person: the only event without a write.
#[derive(Deserialize)]
pub struct NotifiedLine {
    event: String,
    request: String,
    client_id: String,
    mode: String,
    person: String,
    channel: String,
    at: i64,
}

impl NotifiedLine {
    /// Its fields, without the name of the event.
    pub fn fields(
        request: &AuthenticationRequest,
        channel: &str,
        at: Timestamp,
    ) -> [(&'static str, Value); 6] {
        [
            ("request", request.key.correlation().into()),
            ("client_id", request.client.as_str().into()),
            ("mode", request.mode.as_str().into()),
            ("person", request.person.correlation().into()),
            ("channel", channel.into()),
            ("at", at.millis().into()),
        ]
    }

    /// The event of such a line. `None` for any other line.
    pub fn read(line: &str) -> Option<Event> {
        let line: Self = serde_json::from_str(line).ok()?;
        if line.event != EventName::Notified.as_str() {
            return None;
        }
        let about = About {
            request: line.request,
            client: ClientId::parse(&line.client_id)?,
            mode: Some(DeliveryMode::parse(&line.mode)?),
            person: Some(line.person),
        };
        let what = What::Notified { channel: line.channel };
        Some(Event { about, at: Timestamp::from_millis(line.at), what })
    }
}

#[cfg(test)]
mod tests;

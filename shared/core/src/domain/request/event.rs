//! Events: they tell subscribers that are not involved in a request what happened to it.
//!
//! Each event is a change of state in the table, so it is derived from the item before and after the write. The
//! only exception is `notified`, for which there is no write.
//!
//! # Security
//! Events leave this provider. They identify request and person by hashes, and contain no message, hint, token or
//! handle.

use std::time::Duration;

use crate::domain::base::request_key::RequestKey;
use crate::domain::base::scope::Scope;
use crate::domain::base::time::Timestamp;
use crate::domain::client::{ClientId, DeliveryMode};
use crate::domain::request::authentication_request::{AuthenticationRequest, CancelledBy, State};
use crate::domain::request::delivery::DeliveryState;

/// The name of an event and of its metric. Subscribers filter events by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventName {
    Requested,
    Notified,
    Withdrawn,
    Approved,
    Denied,
    Reported,
    Cancelled,
    Superseded,
    Redeemed,
    Refreshed,
    Revoked,
    Delivered,
    DeliveryFailed,
}

impl EventName {
    pub const ALL: [Self; 13] = [
        Self::Requested,
        Self::Notified,
        Self::Withdrawn,
        Self::Approved,
        Self::Denied,
        Self::Reported,
        Self::Cancelled,
        Self::Superseded,
        Self::Redeemed,
        Self::Refreshed,
        Self::Revoked,
        Self::Delivered,
        Self::DeliveryFailed,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Notified => "notified",
            Self::Withdrawn => "withdrawn",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Reported => "reported",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
            Self::Redeemed => "redeemed",
            Self::Refreshed => "refreshed",
            Self::Revoked => "revoked",
            Self::Delivered => "delivered",
            Self::DeliveryFailed => "delivery_failed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub about: About,
    pub at: Timestamp,
    pub what: What,
}

/// The request that an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// [`RequestKey::correlation`]: the same hash as in the logs.
    pub request: String,
    pub client: ClientId,
    /// Unknown for a report, because its request may have been deleted.
    pub mode: Option<DeliveryMode>,
    /// [`PersonKey::correlation`](crate::domain::base::person_key::PersonKey::correlation). Unknown for a
    /// delivery.
    pub person: Option<String>,
}

impl About {
    pub fn of(request: &AuthenticationRequest) -> Self {
        Self {
            request: request.key.correlation(),
            client: request.client.clone(),
            mode: Some(request.mode),
            person: Some(request.person.correlation()),
        }
    }
}

/// What happened, with its details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Requested {
        scope: Scope,
        expires_at: Timestamp,
    },
    /// SNS has accepted the message to the person.
    Notified {
        channel: String,
    },
    /// The person could not be notified, so the request was deleted and the client got an error.
    Withdrawn,
    /// `after` is the time since the request was made, here and in the variants below up to `Superseded`.
    Approved {
        scope: Scope,
        acr: Option<String>,
        after: Duration,
    },
    Denied {
        after: Duration,
    },
    /// The person reports that they did not start the request. If it was pending, it is also denied, which is a
    /// separate event.
    Reported,
    Cancelled {
        by: CancelledBy,
        after: Duration,
    },
    Superseded {
        after: Duration,
    },
    Redeemed {
        scope: Scope,
        /// When the last token that can be issued for the grant expires.
        ends_at: Timestamp,
    },
    Refreshed {
        /// Whether the refresh token was replaced.
        rotated: bool,
    },
    Revoked,
    /// The client has accepted the ping or the push. `after` is the time since the decision.
    Delivered {
        attempts: u32,
        after: Option<Duration>,
    },
    DeliveryFailed {
        attempts: u32,
        /// A code, such as `http_401`.
        failure: String,
    },
}

impl What {
    pub const fn name(&self) -> EventName {
        match self {
            Self::Requested { .. } => EventName::Requested,
            Self::Notified { .. } => EventName::Notified,
            Self::Withdrawn => EventName::Withdrawn,
            Self::Approved { .. } => EventName::Approved,
            Self::Denied { .. } => EventName::Denied,
            Self::Reported => EventName::Reported,
            Self::Cancelled { .. } => EventName::Cancelled,
            Self::Superseded { .. } => EventName::Superseded,
            Self::Redeemed { .. } => EventName::Redeemed,
            Self::Refreshed { .. } => EventName::Refreshed,
            Self::Revoked => EventName::Revoked,
            Self::Delivered { .. } => EventName::Delivered,
            Self::DeliveryFailed { .. } => EventName::DeliveryFailed,
        }
    }

    /// How long the person took to decide.
    pub const fn decided_after(&self) -> Option<Duration> {
        match self {
            Self::Approved { after, .. } | Self::Denied { after } => Some(*after),
            Self::Requested { .. }
            | Self::Notified { .. }
            | Self::Withdrawn
            | Self::Reported
            | Self::Cancelled { .. }
            | Self::Superseded { .. }
            | Self::Redeemed { .. }
            | Self::Refreshed { .. }
            | Self::Revoked
            | Self::Delivered { .. }
            | Self::DeliveryFailed { .. } => None,
        }
    }

    /// How long it took until the client was notified of the decision.
    pub const fn delivered_after(&self) -> Option<Duration> {
        match self {
            Self::Delivered { after, .. } => *after,
            Self::Requested { .. }
            | Self::Notified { .. }
            | Self::Withdrawn
            | Self::Approved { .. }
            | Self::Denied { .. }
            | Self::Reported
            | Self::Cancelled { .. }
            | Self::Superseded { .. }
            | Self::Redeemed { .. }
            | Self::Refreshed { .. }
            | Self::Revoked
            | Self::DeliveryFailed { .. } => None,
        }
    }
}

/// One write, as in the table's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Requested(Box<AuthenticationRequest>),
    /// The request before and after the write.
    Moved(Box<AuthenticationRequest>, Box<AuthenticationRequest>),
    /// Deleted by a function, not by DynamoDB's TTL.
    Withdrawn(Box<AuthenticationRequest>),
    Reported {
        request: RequestKey,
        client: ClientId,
        person: String,
        at: Timestamp,
    },
    Delivery(Box<DeliveryRecord>, Box<DeliveryRecord>),
    /// A change without events.
    Other,
}

/// The parts of a delivery's record that events need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    pub request: RequestKey,
    pub client: ClientId,
    pub mode: DeliveryMode,
    pub attempts: u32,
    pub state: DeliveryState,
    /// A code, if it has failed.
    pub failure: Option<String>,
    pub decided_at: Option<Timestamp>,
    /// When it was delivered or given up.
    pub settled_at: Option<Timestamp>,
}

/// The events of one write. `recorded_at` is when the table recorded it; it is used for events without a time of
/// their own.
pub fn events(change: &Change, recorded_at: Timestamp) -> Vec<Event> {
    match change {
        Change::Requested(request) => {
            let (scope, lifetime) = (request.scope.clone(), request.lifetime);
            let what = What::Requested { scope, expires_at: lifetime.expires_at };
            vec![Event { about: About::of(request), at: lifetime.created_at, what }]
        }
        Change::Moved(old, new) => moved(old, new, recorded_at),
        // A decided request is never withdrawn.
        Change::Withdrawn(request) => match request.state {
            State::Pending => {
                vec![Event { about: About::of(request), at: recorded_at, what: What::Withdrawn }]
            }
            State::Approved(_) | State::Denied { .. } | State::Cancelled { .. } | State::Redeemed(_) => {
                vec![]
            }
        },
        Change::Reported { request, client, person, at } => {
            let about = About {
                request: request.correlation(),
                client: client.clone(),
                mode: None,
                person: Some(person.clone()),
            };
            vec![Event { about, at: *at, what: What::Reported }]
        }
        Change::Delivery(old, new) => delivered(old, new, recorded_at),
        Change::Other => vec![],
    }
}

fn moved(old: &AuthenticationRequest, new: &AuthenticationRequest, recorded_at: Timestamp) -> Vec<Event> {
    let event = |at, what| Event { about: About::of(new), at, what };
    let after = |at: Timestamp| at.since(new.lifetime.created_at);
    match (&old.state, &new.state) {
        (State::Pending, State::Approved(approval)) => {
            let acr = approval.authentication.acr.clone();
            let (scope, after) = (approval.scope.clone(), after(approval.at));
            vec![event(approval.at, What::Approved { scope, acr, after })]
        }
        (State::Pending, State::Denied { at }) => vec![event(*at, What::Denied { after: after(*at) })],
        (State::Pending, State::Cancelled { at, by }) => vec![event(
            *at,
            match by {
                CancelledBy::Superseded => What::Superseded { after: after(*at) },
                CancelledBy::Operator | CancelledBy::Client | CancelledBy::Person => {
                    What::Cancelled { by: *by, after: after(*at) }
                }
            },
        )],
        // Taken back by the person.
        (State::Approved(_), State::Cancelled { at, by: by @ CancelledBy::Person }) => {
            vec![event(*at, What::Cancelled { by: *by, after: after(*at) })]
        }
        (State::Approved(_), State::Redeemed(grant)) => {
            let (scope, ends_at) = (grant.approval.scope.clone(), grant.ends_at);
            let redeemed = event(grant.redeemed_at, What::Redeemed { scope, ends_at });
            let revoked = grant.revoked_at.map(|at| event(at, What::Revoked));
            std::iter::once(redeemed).chain(revoked).collect()
        }
        (State::Redeemed(before), State::Redeemed(grant)) => {
            let mut events = Vec::new();
            if let (Some(before), Some(refresh)) = (before.refresh, grant.refresh)
                && before != refresh
            {
                let rotated = before.counter != refresh.counter;
                let at = if rotated { refresh.rotated_at } else { recorded_at };
                events.push(event(at, What::Refreshed { rotated }));
            }
            if let (None, Some(at)) = (before.revoked_at, grant.revoked_at) {
                events.push(event(at, What::Revoked));
            }
            events
        }
        // A poll, and transitions that do not occur.
        (State::Pending, State::Pending | State::Redeemed(_))
        | (
            State::Approved(_),
            State::Pending | State::Approved(_) | State::Denied { .. } | State::Cancelled { .. },
        )
        | (
            State::Redeemed(_),
            State::Pending | State::Approved(_) | State::Denied { .. } | State::Cancelled { .. },
        )
        | (State::Denied { .. } | State::Cancelled { .. }, _) => vec![],
    }
}

fn delivered(old: &DeliveryRecord, new: &DeliveryRecord, recorded_at: Timestamp) -> Vec<Event> {
    let attempts = new.attempts;
    let at = new.settled_at.unwrap_or(recorded_at);
    let what = match (old.state, new.state) {
        // A success counts even after another attempt's failure.
        (DeliveryState::Waiting | DeliveryState::Failed, DeliveryState::Delivered) => {
            What::Delivered { attempts, after: new.decided_at.map(|decided_at| at.since(decided_at)) }
        }
        (DeliveryState::Waiting, DeliveryState::Failed) => {
            What::DeliveryFailed { attempts, failure: new.failure.clone().unwrap_or_default() }
        }
        (DeliveryState::Waiting, DeliveryState::Waiting)
        | (DeliveryState::Failed, DeliveryState::Waiting | DeliveryState::Failed)
        | (_, DeliveryState::Unneeded)
        | (DeliveryState::Delivered | DeliveryState::Unneeded, _) => return vec![],
    };
    let about = About {
        request: new.request.correlation(),
        client: new.client.clone(),
        mode: Some(new.mode),
        person: None,
    };
    vec![Event { about, at, what }]
}

#[cfg(test)]
mod tests;

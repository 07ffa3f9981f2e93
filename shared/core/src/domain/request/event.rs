//! Events: what became of a request, as those may know it who were not part of it.
//!
//! Each stands for one change of state that was written, so it is derived from the item before and after the write. The
//! one exception is `notified`, which no write stands for.
//!
//! # Security
//! Events leave this provider. They name request and person by hashes, and have no message, hint, token or handle.

use std::time::Duration;

use crate::domain::base::request_key::RequestKey;
use crate::domain::base::scope::Scope;
use crate::domain::base::time::Timestamp;
use crate::domain::client::{ClientId, DeliveryMode};
use crate::domain::request::authentication_request::{AuthenticationRequest, CancelledBy, State};
use crate::domain::request::delivery::DeliveryState;

/// The name of an event: what subscribers filter by, and the name of its metric.
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

/// Which request, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// [`RequestKey::correlation`]: the same hash as in the logs.
    pub request: String,
    pub client: ClientId,
    /// Not known of a report, whose request may be gone.
    pub mode: Option<DeliveryMode>,
    /// [`PersonKey::correlation`](crate::domain::base::person_key::PersonKey::correlation). Not known of a delivery.
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

/// What happened, and what is worth knowing of it.
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
    /// Nobody could be told, so the request is gone, and its client was refused.
    Withdrawn,
    /// `after`: since it was requested; of all that decide.
    Approved {
        scope: Scope,
        acr: Option<String>,
        after: Duration,
    },
    Denied {
        after: Duration,
    },
    /// The person says that they started nothing. A pending request is denied with it, which is an event of its own.
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
        /// When the last token that can be issued under it ends.
        ends_at: Timestamp,
    },
    Refreshed {
        /// The refresh token was replaced.
        rotated: bool,
    },
    Revoked,
    /// The client has accepted the ping or the push. `after`: since it was decided.
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

    /// How long it took until the client knew of the decision.
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

/// One write, as the table's stream has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Requested(Box<AuthenticationRequest>),
    /// From the one to the other.
    Moved(Box<AuthenticationRequest>, Box<AuthenticationRequest>),
    /// Deleted by a function; not what DynamoDB swept by its time.
    Withdrawn(Box<AuthenticationRequest>),
    Reported {
        request: RequestKey,
        client: ClientId,
        person: String,
        at: Timestamp,
    },
    Delivery(Box<DeliveryRecord>, Box<DeliveryRecord>),
    /// Nothing that anybody is told of.
    Other,
}

/// What is kept of the delivery of a ping or a push, as far as anybody is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    pub request: RequestKey,
    pub client: ClientId,
    pub mode: DeliveryMode,
    pub attempts: u32,
    pub state: DeliveryState,
    /// A code, once it has failed.
    pub failure: Option<String>,
    pub decided_at: Option<Timestamp>,
    /// When it was delivered or given up.
    pub settled_at: Option<Timestamp>,
}

/// The events of one write. `recorded_at` is when the table recorded it, for what has no time of its own.
pub fn events(change: &Change, recorded_at: Timestamp) -> Vec<Event> {
    match change {
        Change::Requested(request) => {
            let (scope, lifetime) = (request.scope.clone(), request.lifetime);
            let what = What::Requested { scope, expires_at: lifetime.expires_at };
            vec![Event { about: About::of(request), at: lifetime.created_at, what }]
        }
        Change::Moved(old, new) => moved(old, new, recorded_at),
        // What was decided is never withdrawn.
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
                CancelledBy::Operator | CancelledBy::Client => What::Cancelled { by: *by, after: after(*at) },
            },
        )],
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
        // A poll; and what no write does.
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
        // A success stands, also after another attempt's failure.
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

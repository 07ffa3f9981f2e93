//! The authentication request: its states and their transitions.
//!
//! `Pending → Approved | Denied | Cancelled`, `Approved → Redeemed | Cancelled`. Expiry is computed, never stored
//! ([`Lifetime::has_expired`], and for decisions [`Lifetime::is_decidable`]). Each state
//! owns its data, and `Denied`, `Cancelled` and `Redeemed` are final; a redeemed grant can be revoked.
//!
//! These functions determine what is allowed. The store makes each transition a conditional write on the state
//! that it was computed from, so two callers cannot both succeed.

use std::time::Duration;

use crate::domain::base::person_key::PersonKey;
use crate::domain::base::request_key::RequestKey;
use crate::domain::base::scope::Scope;
use crate::domain::base::time::Timestamp;
use crate::domain::client::resource::ResourceId;
use crate::domain::client::{ClientId, DeliveryMode};
use crate::domain::details::authorization_details::AuthorizationDetails;
use crate::domain::details::properties::Properties;
use crate::domain::request::binding_message::BindingMessage;
use crate::domain::request::decision::{Approval, Decision, DecisionRefused};
use crate::domain::request::grant::{Grant, RefreshLifetime, Refreshing};
use crate::domain::request::lifetime::{Lifetime, MAX_INTERVAL, POLL_TOLERANCE, SLOW_DOWN_STEP};
use crate::domain::request::statement::Nonce;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationRequest {
    pub key: RequestKey,
    pub client: ClientId,
    pub person: PersonKey,
    /// Copied from the client at creation, so that a later change of the client does not affect how tokens are
    /// delivered.
    pub mode: DeliveryMode,
    pub scope: Scope,
    /// The values of `resource`; without any, the tokens are for the client's default audience.
    pub resources: Vec<ResourceId>,
    /// `acr_values` as sent: authentication classes in order of preference (CIBA §7.1).
    pub acr_values: Option<String>,
    pub binding_message: Option<BindingMessage>,
    pub lifetime: Lifetime,
    pub polling: Polling,
    /// The handle key under which `auth_req_id` was sealed.
    pub handle_generation: u32,
    pub nonce: Nonce,
    /// Whether it has a [`RequestDetail`](crate::domain::details::authorization_details::RequestDetail).
    pub has_detail: bool,
    pub state: State,
}

/// When the client may poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polling {
    pub interval: Duration,
    pub next_poll_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Pending,
    Approved(Approval),
    Denied { at: Timestamp },
    Cancelled { at: Timestamp, by: CancelledBy },
    Redeemed(Grant),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelledBy {
    /// A newer request of the same client to the same person.
    Superseded,
    /// An operator, with the admin tool.
    Operator,
    /// The client itself, because its user is no longer waiting.
    Client,
    /// The person, who had approved it by mistake.
    Person,
}

impl CancelledBy {
    pub const ALL: [Self; 4] = [Self::Superseded, Self::Operator, Self::Client, Self::Person];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Operator => "operator",
            Self::Client => "client",
            Self::Person => "person",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.as_str() == text)
    }
}

/// The party that wants a request cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canceller<'c> {
    /// May cancel any request.
    Operator,
    /// May cancel only its own requests.
    Client(&'c ClientId),
}

impl Canceller<'_> {
    pub const fn cancelled_by(self) -> CancelledBy {
        match self {
            Self::Operator => CancelledBy::Operator,
            Self::Client(_) => CancelledBy::Client,
        }
    }
}

/// The result of a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollFinding<'r> {
    /// Unknown, another client's, or a push client's. The client cannot tell these apart.
    NotYours,
    AlreadyRedeemed,
    Expired,
    /// Denied, cancelled or superseded.
    Refused,
    Approved(&'r Approval),
    /// Polled before the next poll was due ([`Polling::is_due`]): `slow_down`.
    TooSoon,
    Pending,
}

/// The result of an attempt to cancel a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelFinding {
    /// The request is unknown or not the canceller's. The canceller cannot tell these apart.
    NotYours,
    /// It can be cancelled.
    Pending,
    /// The request was already cancelled, by this party at this time.
    Already { by: CancelledBy, at: Timestamp },
    /// The person has already decided, and only they can take that back.
    Decided(StateName),
    /// The request expired undecided, so there is nothing to cancel.
    Expired,
}

impl State {
    pub const fn name(&self) -> StateName {
        match self {
            Self::Pending => StateName::Pending,
            Self::Approved(_) => StateName::Approved,
            Self::Denied { .. } => StateName::Denied,
            Self::Cancelled { .. } => StateName::Cancelled,
            Self::Redeemed(_) => StateName::Redeemed,
        }
    }
}

/// A state without its data, as in the table's `state` attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateName {
    Pending,
    Approved,
    Denied,
    Cancelled,
    Redeemed,
}

impl StateName {
    pub const ALL: [Self; 5] = [Self::Pending, Self::Approved, Self::Denied, Self::Cancelled, Self::Redeemed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Cancelled => "cancelled",
            Self::Redeemed => "redeemed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }
}

/// The result of `client`'s poll at `now`, in order of precedence.
///
/// The client gets `invalid_grant` (CIBA §11) for a request that is unknown, another client's or already
/// redeemed, and for a request of a push client. A decision takes precedence over polling too early, so a client
/// that polls right after the decision gets the result.
pub fn poll<'r>(
    request: Option<&'r AuthenticationRequest>,
    client: &ClientId,
    now: Timestamp,
) -> PollFinding<'r> {
    // A request that is delivered by push cannot be polled (CIBA §5), even if its client has another mode in the
    // meantime.
    let collected =
        |request: &&AuthenticationRequest| request.client == *client && request.mode != DeliveryMode::Push;
    let Some(request) = request.filter(collected) else { return PollFinding::NotYours };
    match &request.state {
        State::Redeemed(_) => PollFinding::AlreadyRedeemed,
        _ if request.is_expired(now) => PollFinding::Expired,
        State::Denied { .. } | State::Cancelled { .. } => PollFinding::Refused,
        State::Approved(approval) => PollFinding::Approved(approval),
        // The conditional update in ciba-aws (store/authentication_request/polling.rs) states the same rule for
        // the common case.
        State::Pending if request.polling.is_due(now) => PollFinding::Pending,
        State::Pending => PollFinding::TooSoon,
    }
}

/// The result of an attempt by `canceller` to cancel the request at `now`.
pub fn cancel(
    request: Option<&AuthenticationRequest>,
    canceller: Canceller<'_>,
    now: Timestamp,
) -> CancelFinding {
    let may = |request: &&AuthenticationRequest| match canceller {
        Canceller::Operator => true,
        Canceller::Client(client) => request.client == *client,
    };
    let Some(request) = request.filter(may) else { return CancelFinding::NotYours };
    match request.state {
        State::Cancelled { at, by } => CancelFinding::Already { by, at },
        State::Approved(_) | State::Denied { .. } | State::Redeemed(_) => {
            CancelFinding::Decided(request.state.name())
        }
        State::Pending if request.is_expired(now) => CancelFinding::Expired,
        State::Pending => CancelFinding::Pending,
    }
}

impl Polling {
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.next_poll_at <= now.plus(POLL_TOLERANCE)
    }

    /// The state after `slow_down` (CIBA §11): the interval grows and the next poll moves by the same step, up to
    /// the longest interval. The step counts from when the poll was due, not from now, so that a client that is
    /// always slightly early still gets a result.
    pub fn slowed_down(&self) -> Self {
        let step = SLOW_DOWN_STEP.min(MAX_INTERVAL.saturating_sub(self.interval));
        Self { interval: self.interval + step, next_poll_at: self.next_poll_at.plus(step) }
    }
}

impl AuthenticationRequest {
    /// The grant, if it was redeemed.
    pub fn grant(&self) -> Option<&Grant> {
        match &self.state {
            State::Redeemed(grant) => Some(grant),
            State::Pending | State::Approved(_) | State::Denied { .. } | State::Cancelled { .. } => None,
        }
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.lifetime.has_expired(now)
    }

    /// When the request left `Pending`. A request that expires undecided never leaves it.
    pub fn decided_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Pending => None,
            State::Approved(approval) | State::Redeemed(Grant { approval, .. }) => Some(approval.at),
            State::Denied { at } | State::Cancelled { at, .. } => Some(*at),
        }
    }

    /// Whether the request is pending and can still be decided. [`Self::decide`] checks who may decide it.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state == State::Pending && self.lifetime.is_decidable(now)
    }

    /// Checks that `scope` is part of the requested scope and includes `openid`.
    pub fn check_selection(&self, scope: &Scope) -> Result<(), DecisionRefused> {
        if !scope.is_subset_of(&self.scope) {
            return Err(DecisionRefused::ScopeNotAsked);
        }
        if !scope.contains(Scope::OPENID) {
            return Err(DecisionRefused::OpenidMissing);
        }
        Ok(())
    }

    /// The transition for `decision` by `person`.
    ///
    /// The first decision is final, unless the person [takes it back](Self::take_back). Repeating it succeeds and changes nothing, so that a retry after a lost
    /// response is safe.
    ///
    /// # Errors
    /// The decision is not accepted.
    pub fn decide(
        &self,
        person: &PersonKey,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<Transition, DecisionRefused> {
        if self.person != *person {
            return Err(DecisionRefused::NotYours);
        }
        match (&self.state, decision) {
            (
                State::Approved(done) | State::Redeemed(Grant { approval: done, .. }),
                Decision::Approve(new),
            ) if done.scope.same_as(&new.scope) => Ok(Transition::Already),
            (State::Denied { .. }, Decision::Deny) => Ok(Transition::Already),
            (State::Pending, _) if !self.lifetime.is_decidable(now) => Err(DecisionRefused::TooLate),
            (State::Pending, Decision::Approve(approval)) => {
                self.check_selection(&approval.scope)?;
                Ok(Transition::Now(State::Approved(approval.clone())))
            }
            (State::Pending, Decision::Deny) => Ok(Transition::Now(State::Denied { at: now })),
            (State::Approved(_) | State::Denied { .. } | State::Redeemed(_), _) => {
                Err(DecisionRefused::DecidedOtherwise)
            }
            (State::Cancelled { .. }, _) => Err(DecisionRefused::Cancelled),
        }
    }

    /// The transition if `person` takes their answer back. The client has not collected an approval: it ends, and the
    /// client gets `access_denied`. It has: the grant is revoked.
    ///
    /// Taking back twice succeeds and changes nothing. A denial stays as it is, because nothing follows from it here
    /// ([`crate::domain::request::consequence`]).
    ///
    /// # Errors
    /// There is no answer of this person, or nothing left of it.
    pub fn take_back(&self, person: &PersonKey, now: Timestamp) -> Result<Transition, DecisionRefused> {
        if self.person != *person {
            return Err(DecisionRefused::NotYours);
        }
        match &self.state {
            State::Cancelled { by: CancelledBy::Person, .. } => Ok(Transition::Already),
            State::Redeemed(Grant { revoked_at: Some(_), .. }) => Ok(Transition::Already),
            State::Redeemed(grant) if now < grant.ends_at => {
                Ok(Transition::Now(State::Redeemed(Grant { revoked_at: Some(now), ..grant.clone() })))
            }
            State::Approved(_) if !self.is_expired(now) => {
                Ok(Transition::Now(State::Cancelled { at: now, by: CancelledBy::Person }))
            }
            State::Denied { .. } if !self.is_expired(now) => Ok(Transition::Already),
            State::Approved(_) | State::Denied { .. } | State::Redeemed(_) => Err(DecisionRefused::TooLate),
            State::Pending => Err(DecisionRefused::NotAnswered),
            State::Cancelled { .. } => Err(DecisionRefused::Cancelled),
        }
    }

    /// The grant, if `client` may redeem the request at `now`. `tokens_end_at` is when the access token expires.
    /// The grant has refresh tokens if the client `may_refresh` and the person approved `offline_access`
    /// (OIDC Core §11).
    pub fn redeem(
        &self,
        client: &ClientId,
        now: Timestamp,
        tokens_end_at: Timestamp,
        may_refresh: Option<&RefreshLifetime>,
    ) -> Option<Grant> {
        let approval = match &self.state {
            State::Approved(approval) if self.client == *client && !self.is_expired(now) => approval,
            State::Pending
            | State::Approved(_)
            | State::Denied { .. }
            | State::Cancelled { .. }
            | State::Redeemed(_) => return None,
        };
        let refresh = may_refresh
            .filter(|_| approval.scope.contains(Scope::OFFLINE_ACCESS))
            .map(|settings| Refreshing::first(now, settings));
        Some(Grant {
            approval: approval.clone(),
            redeemed_at: now,
            // The last access token can be issued just before the last refresh token expires.
            ends_at: refresh.map_or(tokens_end_at, |refresh| refresh.ends_at.plus(tokens_end_at.since(now))),
            refresh,
            details: AuthorizationDetails::default(),
            properties: Properties::default(),
            revoked_at: None,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    /// The request changes to this state.
    Now(State),
    /// The same decision was already made.
    Already,
}

#[cfg(test)]
mod tests;

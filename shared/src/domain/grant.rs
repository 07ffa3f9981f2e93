//! The grant: what a redeemed request has become, and what its refresh tokens may still do.

use std::time::Duration;

use crate::domain::authentication_request::{AuthenticationRequest, State};
use crate::domain::authorization_details::AuthorizationDetails;
use crate::domain::client::ClientId;
use crate::domain::decision::Approval;
use crate::domain::time::Timestamp;

/// The record of what was granted. Every token leads back to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub approval: Approval,
    pub redeemed_at: Timestamp,
    /// When the last token that can be issued under it ends.
    pub ends_at: Timestamp,
    /// Where `offline_access` was approved and the client may refresh.
    pub refresh: Option<Refreshing>,
    /// What was approved of `authorization_details`: all that was shown (`ATK-8-05`).
    pub details: AuthorizationDetails,
    pub revoked_at: Option<Timestamp>,
}

/// Which refresh token of a grant is good. The token itself is not kept: it is computed from its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refreshing {
    /// The number of the current refresh token, from 0.
    pub counter: u32,
    /// When the current one replaced its predecessor.
    pub rotated_at: Timestamp,
    /// Unless it is used before, it ends then; never after the end of all of them.
    pub idle_until: Timestamp,
    /// The end of all of them.
    pub ends_at: Timestamp,
}

/// The operator's settings for refresh tokens.
#[derive(Clone, Copy, Debug)]
pub struct RefreshLifetime {
    /// More than the lifetime is as good as the lifetime. Unit: days. Range: 1–365. Default: 14.
    pub idle: Duration,
    /// Unit: days. Range: 1–365. Default: 90.
    pub lifetime: Duration,
    /// How long the replaced token is answered with the one that replaced it, because the first answer may have been
    /// lost. Unit: seconds. Range: 0–60. Default: 20.
    pub grace: Duration,
}

/// What a refresh token's use finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshFinding<'r> {
    /// No grant, or another client's; the two look alike.
    NotYours,
    Revoked,
    /// Unused for too long, or too old.
    Expired,
    /// It was replaced, and not just now: two hold it (`TOK-3-07`).
    Reused,
    /// Its successor was made a moment ago, and is the current one.
    JustReplaced(&'r Grant, Refreshing),
    Current(&'r Grant, Refreshing),
}

impl Refreshing {
    pub fn first(now: Timestamp, settings: &RefreshLifetime) -> Self {
        let ends_at = now.plus(settings.lifetime);
        Self { counter: 0, rotated_at: now, idle_until: now.plus(settings.idle).min(ends_at), ends_at }
    }

    /// What using the current token makes of it. `rotate`: the token is replaced.
    pub fn used(&self, now: Timestamp, rotate: bool, settings: &RefreshLifetime) -> Self {
        let idle_until = now.plus(settings.idle).min(self.ends_at);
        match rotate {
            true => Self { counter: self.counter + 1, rotated_at: now, idle_until, ..*self },
            false => Self { idle_until, ..*self },
        }
    }
}

impl Grant {
    /// The grant with the details that were shown and approved.
    pub fn with_details(self, details: AuthorizationDetails) -> Self {
        Self { details, ..self }
    }

    /// Whether its access tokens still count. Each has an end of its own, too.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.ends_at
    }
}

impl AuthenticationRequest {
    /// What became of it, if it was redeemed.
    pub fn grant(&self) -> Option<&Grant> {
        match &self.state {
            State::Redeemed(grant) => Some(grant),
            State::Pending | State::Approved(_) | State::Denied { .. } | State::Cancelled { .. } => None,
        }
    }
}

/// What `client`'s use of refresh token number `counter` finds.
pub fn refresh<'r>(
    request: Option<&'r AuthenticationRequest>,
    client: &ClientId,
    counter: u32,
    now: Timestamp,
    grace: Duration,
) -> RefreshFinding<'r> {
    let grant = request.filter(|request| request.client == *client).and_then(AuthenticationRequest::grant);
    let Some((grant, refreshing)) = grant.and_then(|grant| Some((grant, grant.refresh?))) else {
        return RefreshFinding::NotYours;
    };
    if grant.revoked_at.is_some() {
        return RefreshFinding::Revoked;
    }
    if now >= refreshing.idle_until {
        return RefreshFinding::Expired;
    }
    if counter == refreshing.counter {
        return RefreshFinding::Current(grant, refreshing);
    }
    if counter.checked_add(1) == Some(refreshing.counter) && now < refreshing.rotated_at.plus(grace) {
        return RefreshFinding::JustReplaced(grant, refreshing);
    }
    RefreshFinding::Reused
}

#[cfg(test)]
#[path = "grant_tests.rs"]
mod tests;

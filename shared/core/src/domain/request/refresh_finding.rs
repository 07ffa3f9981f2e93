//! What using a refresh token finds.

use std::time::Duration;

use crate::domain::base::time::Timestamp;
use crate::domain::client::ClientId;
use crate::domain::request::authentication_request::AuthenticationRequest;
use crate::domain::request::grant::{Grant, Refreshing};

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
mod tests;

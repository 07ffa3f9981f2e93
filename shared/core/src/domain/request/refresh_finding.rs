//! The result of using a refresh token.

use std::time::Duration;

use crate::domain::base::time::Timestamp;
use crate::domain::client::ClientId;
use crate::domain::request::authentication_request::AuthenticationRequest;
use crate::domain::request::grant::{Grant, Refreshing};

/// The result of using a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshFinding<'r> {
    /// There is no grant, or it is another client's. The client cannot tell these apart.
    NotYours,
    Revoked,
    /// The token was unused for too long, or is too old.
    Expired,
    /// The token was replaced some time ago, so a copy of it may have been stolen (RFC 9700 §4.14.2: reuse
    /// revokes the grant).
    Reused,
    /// The token was replaced a moment ago, and its successor is the current one.
    JustReplaced(&'r Grant, Refreshing),
    Current(&'r Grant, Refreshing),
}

/// The result if `client` uses the refresh token with the number `counter`.
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

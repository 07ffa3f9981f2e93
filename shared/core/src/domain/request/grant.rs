//! The grant: what a redeemed request has become, and what its refresh tokens may still do.

use std::time::Duration;

use crate::domain::base::time::Timestamp;
use crate::domain::details::authorization_details::AuthorizationDetails;
use crate::domain::request::decision::Approval;

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

impl Refreshing {
    pub fn first(now: Timestamp, settings: &RefreshLifetime) -> Self {
        let ends_at = now.plus(settings.lifetime);
        Self { counter: 0, rotated_at: now, idle_until: now.plus(settings.idle).min(ends_at), ends_at }
    }

    /// What using the current token makes of it. `rotate`: the token is replaced.
    pub fn used(&self, now: Timestamp, rotate: bool, settings: &RefreshLifetime) -> Self {
        let idle_until = now.plus(settings.idle).min(self.ends_at);
        if rotate {
            Self { counter: self.counter + 1, rotated_at: now, idle_until, ..*self }
        } else {
            Self { idle_until, ..*self }
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

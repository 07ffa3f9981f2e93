//! The grant: the record of a redeemed request and of its refresh tokens.

use std::time::Duration;

use crate::domain::base::time::Timestamp;
use crate::domain::details::authorization_details::{AuthorizationDetails, RequestDetail};
use crate::domain::details::properties::Properties;
use crate::domain::request::decision::Approval;

/// The record of what was granted. Every token refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub approval: Approval,
    pub redeemed_at: Timestamp,
    /// When the last token that can be issued for it expires.
    pub ends_at: Timestamp,
    /// Present if `offline_access` was approved and the client may refresh.
    pub refresh: Option<Refreshing>,
    /// The approved `authorization_details`: exactly those that were shown.
    pub details: AuthorizationDetails,
    /// What the operator's policy said of the request, for the hooks at each issuance.
    pub properties: Properties,
    pub revoked_at: Option<Timestamp>,
}

/// The current refresh token of a grant. The token itself is not stored: it is computed from its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refreshing {
    /// The number of the current refresh token, from 0.
    pub counter: u32,
    /// When the current one replaced its predecessor.
    pub rotated_at: Timestamp,
    /// When it expires if it is not used; never after `ends_at`.
    pub idle_until: Timestamp,
    /// When all refresh tokens of the grant expire.
    pub ends_at: Timestamp,
}

/// The operator's settings for refresh tokens.
#[derive(Clone, Copy, Debug)]
pub struct RefreshLifetime {
    /// Values above `lifetime` have the effect of `lifetime`. Unit: days. Range: 1–365. Default: 14.
    pub idle: Duration,
    /// How long all refresh tokens of a grant are valid. Unit: days. Range: 1–365. Default: 90.
    pub lifetime: Duration,
    /// How long a replaced token still returns its successor, because the first response may have been lost. Unit:
    /// seconds. Range: 0–60. Default: 20.
    pub grace: Duration,
}

impl Refreshing {
    pub fn first(now: Timestamp, settings: &RefreshLifetime) -> Self {
        let ends_at = now.plus(settings.lifetime);
        Self { counter: 0, rotated_at: now, idle_until: now.plus(settings.idle).min(ends_at), ends_at }
    }

    /// The state after the current token has been used. `rotate` is whether the token is replaced.
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
    /// The grant with the details that were shown and approved, and the properties of the request.
    pub fn with_detail(self, detail: RequestDetail) -> Self {
        Self { details: detail.details, properties: detail.properties, ..self }
    }

    /// Whether the grant's access tokens are still valid. Each of them also has its own expiration.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.ends_at
    }
}

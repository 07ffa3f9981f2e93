//! The person's decision, and its authentication.

use serde::Deserialize;

use crate::domain::base::authentication::Authentication;
use crate::domain::base::scope::Scope;
use crate::domain::base::time::Timestamp;

/// The person's choice, as it is sent and signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionWord {
    Approve,
    Deny,
    /// "This wasn't me": denies the request, blocks the client for this person and ends all its access. It lets a
    /// person stop an attacker who keeps sending requests.
    Report,
    /// "This was a mistake": ends an approval, or the wait that a denial imposed on the client.
    TakeBack,
}

impl DecisionWord {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Report => "report",
            Self::TakeBack => "take_back",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Approve(Approval),
    Deny,
}

/// An approval, as it is stored. Tokens are issued for the approval, never for the original request, so they
/// contain only what was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub at: Timestamp,
    /// All or part of the requested scope, always with `openid`.
    pub scope: Scope,
    pub authentication: Authentication,
}

/// Why a decision is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionRefused {
    /// The request is for another person.
    NotYours,
    /// `decide_until` has passed.
    TooLate,
    DecidedOtherwise,
    /// There is no answer to take back.
    NotAnswered,
    Cancelled,
    ScopeNotAsked,
    OpenidMissing,
    /// An entry of `authorization_details` belongs to a scope value that was deselected: the two are approved
    /// together.
    ScopeOfDetailsMissing,
}

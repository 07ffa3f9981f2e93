//! What the person decides, and on what proof.

use serde::Deserialize;

use crate::domain::base::authentication::Authentication;
use crate::domain::base::scope::Scope;
use crate::domain::base::time::Timestamp;

/// What the person chooses, as it is sent and signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecisionWord {
    Approve,
    Deny,
    /// "This wasn't me": denies, and ends whatever this client has of this person (`ATK-1-04`).
    Report,
}

impl DecisionWord {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Report => "report",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Approve(Approval),
    Deny,
}

/// An approval, as it is kept: tokens are made of this, never of the original request (`ATK-8-05`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub at: Timestamp,
    /// All or some of the scope asked for; `openid` always.
    pub scope: Scope,
    pub authentication: Authentication,
}

/// Why a decision is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionRefused {
    /// Somebody else was asked.
    NotYours,
    /// `decide_until` has passed.
    TooLate,
    DecidedOtherwise,
    Cancelled,
    ScopeNotAsked,
    OpenidMissing,
    /// What is asked for beyond the scope belongs to a value that was left out: the two are one choice.
    ScopeOfDetailsMissing,
}

//! The consent API: what a first-party app reads and sends (CIBA §8 leaves this to the provider).

use serde::{Deserialize, Serialize};

use crate::protocol::error::ProtocolError;

/// A request, as the person asked may see it. Fixed while the request is pending.
#[derive(Serialize)]
pub struct RequestView {
    /// The request's name on the person's side; also the last part of the link in the message.
    pub request: String,
    /// `pending`, `approved`, `denied`, `cancelled`, `redeemed` or `expired`.
    pub state: &'static str,
    pub client: ClientView,
    /// The client's words. Show them unmodified, marked as the client's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding_message: Option<String>,
    pub scope: String,
    /// The APIs that the tokens will be for. Absent: the client's default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr_values: Option<String>,
    /// Unit: seconds since the epoch.
    pub created_at: i64,
    /// Time left to decide. Unit: seconds; 0 when it cannot be decided any more.
    pub decide_in: u64,
}

#[derive(Serialize)]
pub struct ClientView {
    pub client_id: String,
    pub client_name: String,
}

/// `GET /consent`: everything that waits for this person, oldest end first, none preselected (`ATK-1-12`).
#[derive(Serialize)]
pub struct PendingRequests {
    pub requests: Vec<RequestView>,
}

/// `POST /consent/{request}/decision`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionBody {
    /// The client that was on the screen. A decision about another one is refused.
    pub client_id: String,
    pub decision: DecisionWord,
    /// What is approved, out of the scope asked for. Default: all of it. `openid` must be in it.
    pub scope: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecisionWord {
    Approve,
    Deny,
}

/// The recorded decision.
#[derive(Serialize)]
pub struct DecisionView {
    pub request: String,
    /// `approved` or `denied`.
    pub decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// Errors of the consent API: RFC 6750 §3 for the login token, RFC 9470 §3 for its freshness, and its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentError {
    InvalidRequest(&'static str),
    InvalidScope(&'static str),
    /// No login token at all: no code belongs in the challenge then (RFC 6750 §3.1).
    TokenMissing,
    InvalidToken,
    /// `max_age`: how long ago the login may be. Unit: seconds.
    InsufficientUserAuthentication {
        max_age: u64,
    },
    InsufficientScope,
    /// The token names the client that asks: a client must not approve itself.
    AccessDenied,
    /// Unknown, swept, or somebody else's; they look alike.
    NotFound,
    MethodNotAllowed {
        allow: &'static str,
    },
    /// Decided otherwise, cancelled, or too late.
    NotOpen(&'static str),
    TemporarilyUnavailable,
    ServerError,
}

impl ProtocolError for ConsentError {
    const TEMPORARILY_UNAVAILABLE: Self = Self::TemporarilyUnavailable;
    const SERVER_ERROR: Self = Self::ServerError;

    fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) | Self::MethodNotAllowed { .. } => "invalid_request",
            Self::InvalidScope(_) => "invalid_scope",
            Self::TokenMissing | Self::InvalidToken => "invalid_token",
            Self::InsufficientUserAuthentication { .. } => "insufficient_user_authentication",
            Self::InsufficientScope => "insufficient_scope",
            Self::AccessDenied => "access_denied",
            Self::NotFound => "not_found",
            Self::NotOpen(_) => "not_open",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::InvalidRequest(_) | Self::InvalidScope(_) => 400,
            Self::TokenMissing | Self::InvalidToken | Self::InsufficientUserAuthentication { .. } => 401,
            Self::InsufficientScope | Self::AccessDenied => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed { .. } => 405,
            Self::NotOpen(_) => 409,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::InvalidRequest(why) | Self::InvalidScope(why) | Self::NotOpen(why) => why,
            Self::TokenMissing => "send a login token: Authorization: Bearer",
            Self::InvalidToken => "the login token is not accepted",
            Self::InsufficientUserAuthentication { .. } => "the login is too long ago; log in again",
            Self::InsufficientScope => "the login token lacks the scope for decisions",
            Self::AccessDenied => "the login token belongs to the client that asks",
            Self::NotFound => "there is no such request for this person",
            Self::MethodNotAllowed { .. } => "the path does not take this method; see Allow",
            Self::TemporarilyUnavailable => "try again after the time in Retry-After",
            Self::ServerError => "an unexpected fault; nothing was done",
        }
    }

    fn allow(self) -> Option<&'static str> {
        match self {
            Self::MethodNotAllowed { allow } => Some(allow),
            Self::InvalidRequest(_)
            | Self::InvalidScope(_)
            | Self::TokenMissing
            | Self::InvalidToken
            | Self::InsufficientUserAuthentication { .. }
            | Self::InsufficientScope
            | Self::AccessDenied
            | Self::NotFound
            | Self::NotOpen(_)
            | Self::TemporarilyUnavailable
            | Self::ServerError => None,
        }
    }

    fn challenge(self) -> Option<String> {
        let realm = r#"Bearer realm="consent""#;
        match self {
            Self::TokenMissing => Some(realm.to_owned()),
            Self::InvalidToken | Self::InsufficientScope => {
                Some(format!(r#"{realm}, error="{}""#, self.code()))
            }
            Self::InsufficientUserAuthentication { max_age } => {
                Some(format!(r#"{realm}, error="{}", max_age="{max_age}""#, self.code()))
            }
            Self::InvalidRequest(_)
            | Self::InvalidScope(_)
            | Self::AccessDenied
            | Self::NotFound
            | Self::MethodNotAllowed { .. }
            | Self::NotOpen(_)
            | Self::TemporarilyUnavailable
            | Self::ServerError => None,
        }
    }
}

//! The token endpoint (CIBA §10.1, §11; RFC 6749 §5).

use serde::Serialize;

use crate::protocol::error::{CLIENT_CHALLENGE, ClientFacingError, ProtocolError};
use crate::protocol::parameters::Parameters;

/// Unit: bytes.
const MAX_AUTH_REQ_ID: usize = 128;

/// `grant_type` values this endpoint takes; the metadata lists the same ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantType {
    Ciba,
}

impl GrantType {
    pub const ALL: [Self; 1] = [Self::Ciba];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ciba => "urn:openid:params:grant-type:ciba",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == text)
    }
}

/// CIBA §11 and RFC 6749 §5.2, and what HTTP itself needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    AuthorizationPending,
    SlowDown,
    ExpiredToken,
    AccessDenied,
    InvalidRequest(&'static str),
    InvalidClient,
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    MethodNotAllowed,
    TemporarilyUnavailable,
    ServerError,
}

impl ProtocolError for TokenError {
    const TEMPORARILY_UNAVAILABLE: Self = Self::TemporarilyUnavailable;
    const SERVER_ERROR: Self = Self::ServerError;

    fn code(self) -> &'static str {
        match self {
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::AccessDenied => "access_denied",
            Self::InvalidRequest(_) | Self::MethodNotAllowed => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::AuthorizationPending
            | Self::SlowDown
            | Self::ExpiredToken
            | Self::AccessDenied
            | Self::InvalidRequest(_)
            | Self::InvalidGrant
            | Self::UnauthorizedClient
            | Self::UnsupportedGrantType => 400,
            Self::InvalidClient => 401,
            Self::MethodNotAllowed => 405,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::AuthorizationPending => "the person has not decided yet",
            Self::SlowDown => "polled too early; poll less often, and not before the time in Retry-After",
            Self::ExpiredToken => "auth_req_id has expired; start a new authentication request",
            Self::AccessDenied => "the request was denied or withdrawn",
            Self::InvalidRequest(why) => why,
            Self::InvalidClient => "client authentication failed",
            Self::InvalidGrant => "auth_req_id is unknown, was redeemed, or belongs to another client",
            Self::UnauthorizedClient => "the client may not use this grant",
            Self::UnsupportedGrantType => "grant_type is not supported",
            Self::MethodNotAllowed => "the endpoint takes POST only",
            Self::TemporarilyUnavailable => "try again after the time in Retry-After",
            Self::ServerError => "an unexpected fault; nothing was done",
        }
    }

    fn allow(self) -> Option<&'static str> {
        (self == Self::MethodNotAllowed).then_some("POST")
    }

    fn challenge(self) -> Option<String> {
        (self == Self::InvalidClient).then(|| CLIENT_CHALLENGE.to_owned())
    }
}

impl ClientFacingError for TokenError {
    const INVALID_CLIENT: Self = Self::InvalidClient;
    const METHOD_NOT_ALLOWED: Self = Self::MethodNotAllowed;

    fn invalid_request(why: &'static str) -> Self {
        Self::InvalidRequest(why)
    }
}

/// A validated token request: `auth_req_id`, as sent.
pub fn parse(form: &Parameters) -> Result<&str, TokenError> {
    let grant_type = form.get("grant_type").ok_or(TokenError::InvalidRequest("grant_type is missing"))?;
    match GrantType::parse(grant_type).ok_or(TokenError::UnsupportedGrantType)? {
        GrantType::Ciba => {
            let id = form.get("auth_req_id").ok_or(TokenError::InvalidRequest("auth_req_id is missing"))?;
            if id.len() > MAX_AUTH_REQ_ID {
                return Err(TokenError::InvalidRequest("auth_req_id is longer than 128 bytes"));
            }
            Ok(id)
        }
    }
}

/// The successful response (CIBA §10.1.1).
#[derive(Serialize)]
pub struct TokenResponse {
    pub access_token: String,
    pub token_type: &'static str,
    /// Unit: seconds.
    pub expires_in: u64,
    pub id_token: String,
    /// Where the person approved less than was asked (RFC 6749 §5.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

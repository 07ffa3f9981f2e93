//! The token endpoint (CIBA §10.1, §11; RFC 6749 §5).

use serde::Serialize;

use crate::domain::base::scope::Scope;
use crate::domain::client::resource::ResourceId;
use crate::domain::details::authorization_details::AuthorizationDetails;
use crate::protocol::dpop::{NONCE_NEEDED, ProofError};
use crate::protocol::error::{CLIENT_CHALLENGE, ClientFacingError, ProtocolError};
use crate::protocol::parameters::Parameters;
use crate::protocol::{auth_req_id, resource};

/// Unit: bytes.
const MAX_REFRESH_TOKEN: usize = 128;

/// `grant_type` values this endpoint takes; the metadata lists the same ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantType {
    Ciba,
    RefreshToken,
}

impl GrantType {
    pub const ALL: [Self; 2] = [Self::Ciba, Self::RefreshToken];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ciba => "urn:openid:params:grant-type:ciba",
            Self::RefreshToken => "refresh_token",
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
    InvalidScope(&'static str),
    /// RFC 8707 §2.
    InvalidTarget(&'static str),
    /// RFC 9449 §5.
    InvalidDpopProof(&'static str),
    /// RFC 9449 §8.
    UseDpopNonce,
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
            Self::InvalidScope(_) => "invalid_scope",
            Self::InvalidTarget(_) => "invalid_target",
            Self::InvalidDpopProof(_) => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
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
            | Self::UnsupportedGrantType
            | Self::InvalidScope(_)
            | Self::InvalidTarget(_)
            | Self::InvalidDpopProof(_)
            | Self::UseDpopNonce => 400,
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
            Self::InvalidRequest(why)
            | Self::InvalidScope(why)
            | Self::InvalidTarget(why)
            | Self::InvalidDpopProof(why) => why,
            Self::UseDpopNonce => NONCE_NEEDED,
            Self::InvalidClient => "client authentication failed",
            Self::InvalidGrant => {
                "auth_req_id or refresh_token is unknown, has ended, was used before, or belongs to another client"
            }
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

impl ProofError for TokenError {
    const USE_DPOP_NONCE: Self = Self::UseDpopNonce;

    fn invalid_dpop_proof(why: &'static str) -> Self {
        Self::InvalidDpopProof(why)
    }
}

impl ClientFacingError for TokenError {
    const INVALID_CLIENT: Self = Self::InvalidClient;
    const METHOD_NOT_ALLOWED: Self = Self::MethodNotAllowed;

    fn invalid_request(why: &'static str) -> Self {
        Self::InvalidRequest(why)
    }
}

/// A validated token request.
pub struct TokenRequest<'f> {
    pub grant: PresentedGrant<'f>,
    /// Narrows what was granted (RFC 8707 §2.2).
    pub resources: Vec<ResourceId>,
}

/// What is to become tokens.
pub enum PresentedGrant<'f> {
    /// CIBA §10.1.
    AuthReqId(&'f str),
    /// RFC 6749 §6.
    RefreshToken {
        token: &'f str,
        /// Narrows what was granted.
        scope: Option<Scope>,
    },
}

/// Checks the parameters; whether they mean anything is for the flows to say.
pub fn parse(form: &Parameters) -> Result<TokenRequest<'_>, TokenError> {
    let grant_type = form.get("grant_type").ok_or(TokenError::InvalidRequest("grant_type is missing"))?;
    let grant = match GrantType::parse(grant_type).ok_or(TokenError::UnsupportedGrantType)? {
        GrantType::Ciba => {
            PresentedGrant::AuthReqId(auth_req_id::parse(form).map_err(TokenError::InvalidRequest)?)
        }
        GrantType::RefreshToken => {
            let token =
                form.get("refresh_token").ok_or(TokenError::InvalidRequest("refresh_token is missing"))?;
            if token.len() > MAX_REFRESH_TOKEN {
                return Err(TokenError::InvalidRequest("refresh_token is longer than 128 bytes"));
            }
            let scope = form.get("scope").map(scope).transpose()?;
            PresentedGrant::RefreshToken { token, scope }
        }
    };
    // What was approved is not chosen from here; ignored, the client would take less for granted than there is.
    if form.contains("authorization_details") {
        return Err(TokenError::InvalidRequest("authorization_details belong in the authentication request"));
    }
    Ok(TokenRequest { grant, resources: resource::parse(form).map_err(TokenError::InvalidTarget)? })
}

fn scope(text: &str) -> Result<Scope, TokenError> {
    if text.len() > Scope::MAX_SENT {
        return Err(TokenError::InvalidRequest("scope is longer than 1024 bytes"));
    }
    Scope::parse(text).ok_or(TokenError::InvalidScope("scope has characters that no scope has"))
}

/// The successful response (CIBA §10.1.1).
#[derive(Serialize)]
pub struct TokenResponse {
    pub access_token: String,
    pub token_type: &'static str,
    /// Unit: seconds.
    pub expires_in: u64,
    /// Where `openid` is in the scope; a refresh may leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Where the access token's scope is not what was asked for: less was approved, or less belongs to its resource
    /// (RFC 6749 §5.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Where some were asked for: those of the access token (RFC 9396 §7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_details: Option<AuthorizationDetails>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HYG-1-06: looked at before it is parsed.
    #[test]
    fn a_scope_of_more_than_1024_bytes_is_not_parsed() {
        let read = |scope: String| {
            let mut form = Parameters::default();
            for (name, value) in [("grant_type", "refresh_token"), ("refresh_token", "x"), ("scope", &*scope)]
            {
                form.insert(name.to_owned(), value.to_owned());
            }
            parse(&form).map(|_| ())
        };
        assert_eq!(read("a".repeat(1024)), Ok(()));
        for scope in ["a".repeat(1025), "\"".repeat(1025), "a ".repeat(16_000)] {
            assert_eq!(read(scope), Err(TokenError::InvalidRequest("scope is longer than 1024 bytes")));
        }
        assert!(matches!(read("\"".to_owned()), Err(TokenError::InvalidScope(_))));
    }
}

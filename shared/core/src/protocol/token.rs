//! The token endpoint (CIBA §10.1, §11; RFC 6749 §5).

use derive_more::From;
use serde::Serialize;

use crate::domain::base::scope::Scope;
use crate::domain::client::resource::ResourceId;
use crate::domain::details::authorization_details::AuthorizationDetails;
use crate::domain::request::auth_req_id::AuthReqId;
use crate::protocol::dpop::ProofError;
use crate::protocol::error::{Answer, Common, ProtocolError, answer};
use crate::protocol::parameters::Parameters;
use crate::protocol::{auth_req_id, resource};

/// The longest refresh token that is accepted. Unit: bytes.
const MAX_REFRESH_TOKEN: usize = 128;

/// The supported values of `grant_type`; the metadata lists the same ones.
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

/// The errors of CIBA §11 and RFC 6749 §5.2, and those of HTTP itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, From)]
pub enum TokenError {
    AuthorizationPending,
    SlowDown,
    ExpiredToken,
    AccessDenied,
    #[from]
    Common(Common),
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    InvalidScope(&'static str),
    /// RFC 8707 §2.
    InvalidTarget(&'static str),
    /// RFC 9449 §5, §8.
    #[from]
    Proof(ProofError),
}

impl ProtocolError for TokenError {
    fn answer(self) -> Answer {
        match self {
            Self::Common(it) => it.answer(),
            Self::AuthorizationPending => {
                answer(400, "authorization_pending", "the person has not decided yet")
            }
            Self::SlowDown => answer(
                400,
                "slow_down",
                "polled too early; poll less often, and not before the time in Retry-After",
            ),
            Self::ExpiredToken => {
                answer(400, "expired_token", "auth_req_id has expired; start a new authentication request")
            }
            Self::AccessDenied => answer(400, "access_denied", "the request was denied or withdrawn"),
            Self::InvalidGrant => answer(
                400,
                "invalid_grant",
                "auth_req_id or refresh_token is unknown, expired, already used, or belongs to another client",
            ),
            Self::UnauthorizedClient => {
                answer(400, "unauthorized_client", "the client may not use this grant")
            }
            Self::UnsupportedGrantType => {
                answer(400, "unsupported_grant_type", "grant_type is not supported")
            }
            Self::InvalidScope(why) => answer(400, "invalid_scope", why),
            Self::InvalidTarget(why) => answer(400, "invalid_target", why),
            Self::Proof(error) => error.answer(400),
        }
    }
}

/// A validated token request.
pub struct TokenRequest<'f> {
    pub grant: PresentedGrant<'f>,
    /// Narrows the granted resources (RFC 8707 §2.2).
    pub resources: Vec<ResourceId>,
}

/// The grant to be exchanged for tokens.
pub enum PresentedGrant<'f> {
    /// CIBA §10.1.
    AuthReqId(AuthReqId),
    /// RFC 6749 §6.
    RefreshToken {
        token: &'f str,
        /// Narrows the granted scope.
        scope: Option<Scope>,
    },
}

/// Checks the syntax of the parameters. The flows check the grant and the resources that they refer to.
pub fn parse(form: &Parameters) -> Result<TokenRequest<'_>, TokenError> {
    let grant_type = form.get("grant_type").ok_or(Common::InvalidRequest("grant_type is missing"))?;
    let grant = match GrantType::parse(grant_type).ok_or(TokenError::UnsupportedGrantType)? {
        GrantType::Ciba => {
            PresentedGrant::AuthReqId(auth_req_id::parse(form).map_err(Common::InvalidRequest)?)
        }
        GrantType::RefreshToken => {
            let token =
                form.get("refresh_token").ok_or(Common::InvalidRequest("refresh_token is missing"))?;
            if token.len() > MAX_REFRESH_TOKEN {
                return Err(Common::InvalidRequest("refresh_token is longer than 128 bytes").into());
            }
            let scope = form.get("scope").map(scope).transpose()?;
            PresentedGrant::RefreshToken { token, scope }
        }
    };
    // `authorization_details` cannot be narrowed here. If they were ignored, the client would assume that its
    // token has fewer than it does.
    if form.contains("authorization_details") {
        return Err(
            Common::InvalidRequest("authorization_details belongs in the authentication request").into()
        );
    }
    Ok(TokenRequest { grant, resources: resource::parse(form).map_err(TokenError::InvalidTarget)? })
}

fn scope(text: &str) -> Result<Scope, TokenError> {
    if text.len() > Scope::MAX_SENT {
        return Err(Common::InvalidRequest("scope is longer than 1024 bytes").into());
    }
    Scope::parse(text).ok_or(TokenError::InvalidScope("scope has characters that are not allowed"))
}

/// The successful response (CIBA §10.1.1).
#[derive(Serialize)]
pub struct TokenResponse {
    pub access_token: String,
    pub token_type: &'static str,
    /// Unit: seconds.
    pub expires_in: u64,
    /// Present if `openid` is in the scope; a refresh may leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Present if the access token's scope differs from the requested one, because less was approved or less
    /// belongs to its resource (RFC 6749 §5.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Present if some were requested: those of the access token (RFC 9396 §7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_details: Option<AuthorizationDetails>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HYG-1-06: its length is checked before it is parsed.
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
            assert_eq!(read(scope), Err(Common::InvalidRequest("scope is longer than 1024 bytes").into()));
        }
        assert!(matches!(read("\"".to_owned()), Err(TokenError::InvalidScope(_))));
    }
}

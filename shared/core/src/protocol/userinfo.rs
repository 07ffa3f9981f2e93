//! The userinfo endpoint (OIDC Core §5.3); its errors are those of RFC 6750 §3 and RFC 9449 §7.1.

use crate::protocol::access_token::Scheme;
use crate::protocol::dpop::{NONCE_NEEDED, ProofError, algorithm_names};
use crate::protocol::error::ProtocolError;

/// `Allow`.
pub const METHODS: &str = "GET, HEAD, POST, OPTIONS";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserinfoError {
    InvalidRequest(&'static str),
    /// No token at all: no code belongs in the challenge then (RFC 6750 §3.1).
    TokenMissing,
    /// Expired, revoked, of another kind, not ours, or bound to what was not shown; they look alike.
    InvalidToken(Scheme),
    InsufficientScope(Scheme),
    InvalidDpopProof(&'static str),
    UseDpopNonce,
    MethodNotAllowed,
    TemporarilyUnavailable,
    ServerError,
}

impl ProtocolError for UserinfoError {
    const TEMPORARILY_UNAVAILABLE: Self = Self::TemporarilyUnavailable;
    const SERVER_ERROR: Self = Self::ServerError;

    fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) | Self::MethodNotAllowed => "invalid_request",
            Self::TokenMissing | Self::InvalidToken(_) => "invalid_token",
            Self::InsufficientScope(_) => "insufficient_scope",
            Self::InvalidDpopProof(_) => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::InvalidRequest(_) => 400,
            Self::TokenMissing | Self::InvalidToken(_) | Self::InvalidDpopProof(_) | Self::UseDpopNonce => {
                401
            }
            Self::InsufficientScope(_) => 403,
            Self::MethodNotAllowed => 405,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::InvalidRequest(why) | Self::InvalidDpopProof(why) => why,
            Self::TokenMissing => "send an access token: Authorization: Bearer, or DPoP with a proof",
            Self::InvalidToken(_) => "the access token is not accepted so, or not any more",
            Self::UseDpopNonce => NONCE_NEEDED,
            Self::InsufficientScope(_) => "the access token lacks the scope openid",
            Self::MethodNotAllowed => "the endpoint takes GET and POST",
            Self::TemporarilyUnavailable => "try again after the time in Retry-After",
            Self::ServerError => "an unexpected fault",
        }
    }

    fn allow(self) -> Option<&'static str> {
        (self == Self::MethodNotAllowed).then_some(METHODS)
    }

    fn challenge(self) -> Option<String> {
        let (code, algorithms) = (self.code(), algorithm_names().join(" "));
        let bearer = r#"Bearer realm="userinfo""#;
        let dpop = format!(r#"DPoP realm="userinfo", algs="{algorithms}""#);
        match self {
            Self::TokenMissing => Some(format!("{bearer}, {dpop}")),
            // Perhaps it is bound to a key, and would be taken with a proof.
            Self::InvalidToken(Scheme::Bearer) => Some(format!(r#"{bearer}, error="{code}", {dpop}"#)),
            Self::InvalidToken(Scheme::Dpop) | Self::InvalidDpopProof(_) | Self::UseDpopNonce => {
                Some(format!(r#"{dpop}, error="{code}""#))
            }
            Self::InsufficientScope(Scheme::Bearer) => {
                Some(format!(r#"{bearer}, error="{code}", scope="openid""#))
            }
            Self::InsufficientScope(Scheme::Dpop) => {
                Some(format!(r#"{dpop}, error="{code}", scope="openid""#))
            }
            Self::InvalidRequest(_)
            | Self::MethodNotAllowed
            | Self::TemporarilyUnavailable
            | Self::ServerError => None,
        }
    }
}

impl ProofError for UserinfoError {
    const USE_DPOP_NONCE: Self = Self::UseDpopNonce;

    fn invalid_dpop_proof(why: &'static str) -> Self {
        Self::InvalidDpopProof(why)
    }
}

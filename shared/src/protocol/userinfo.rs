//! The userinfo endpoint (OIDC Core §5.3); its errors are those of RFC 6750 §3.

use crate::protocol::error::ProtocolError;

/// `Allow`.
pub const METHODS: &str = "GET, POST, OPTIONS";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserinfoError {
    InvalidRequest(&'static str),
    /// No token at all: no code belongs in the challenge then (RFC 6750 §3.1).
    TokenMissing,
    /// Expired, revoked, of another kind, or not ours; they look alike.
    InvalidToken,
    InsufficientScope,
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
            Self::TokenMissing | Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::InvalidRequest(_) => 400,
            Self::TokenMissing | Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
            Self::MethodNotAllowed => 405,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::InvalidRequest(why) => why,
            Self::TokenMissing => "send an access token: Authorization: Bearer",
            Self::InvalidToken => "the access token is not accepted, or not any more",
            Self::InsufficientScope => "the access token lacks the scope openid",
            Self::MethodNotAllowed => "the endpoint takes GET and POST",
            Self::TemporarilyUnavailable => "try again after the time in Retry-After",
            Self::ServerError => "an unexpected fault",
        }
    }

    fn allow(self) -> Option<&'static str> {
        (self == Self::MethodNotAllowed).then_some(METHODS)
    }

    fn challenge(self) -> Option<String> {
        let realm = r#"Bearer realm="userinfo""#;
        match self {
            Self::TokenMissing => Some(realm.to_owned()),
            Self::InvalidToken => Some(format!(r#"{realm}, error="{}""#, self.code())),
            Self::InsufficientScope => Some(format!(r#"{realm}, error="{}", scope="openid""#, self.code())),
            Self::InvalidRequest(_)
            | Self::MethodNotAllowed
            | Self::TemporarilyUnavailable
            | Self::ServerError => None,
        }
    }
}

//! Introspection (RFC 7662) and revocation (RFC 7009): a client presents a token to either, and both have the same
//! errors.

use derive_more::From;
use serde::Serialize;

use crate::domain::base::confirmation::Confirmation;
use crate::domain::details::authorization_details::AuthorizationDetails;
use crate::protocol::access_token;
use crate::protocol::error::{Answer, Common, ProtocolError};
use crate::protocol::parameters::Parameters;

/// The longest token that is accepted. Unit: bytes.
const MAX_TOKEN: usize = 8 * 1024;
// Every token of this provider can be introspected and revoked.
const _: () = assert!(access_token::MAX_LENGTH <= MAX_TOKEN);

/// The errors of RFC 6749 §5.2, as adopted by RFC 7662 §2.3 and RFC 7009 §2.2.1. `unsupported_token_type` is not
/// needed, because every type of token can be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, From)]
pub enum TokenManagementError {
    #[from]
    Common(Common),
}

impl ProtocolError for TokenManagementError {
    fn answer(self) -> Answer {
        match self {
            Self::Common(it) => it.answer(),
        }
    }
}

pub fn parse(form: &Parameters) -> Result<&str, Common> {
    let token = form.get("token").ok_or(Common::InvalidRequest("token is missing"))?;
    match token.len() {
        0..=MAX_TOKEN => Ok(token),
        _ => Err(Common::InvalidRequest("token is longer than 8 KiB")),
    }
}

/// The introspection response (RFC 7662 §2.2): all members of an active token, or only that it is not active.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Introspection {
    Active(Box<ActiveToken>),
    Inactive { active: bool },
}

impl Introspection {
    pub const INACTIVE: Self = Self::Inactive { active: false };
}

/// An active token. Times are seconds since the epoch.
#[derive(Serialize)]
pub struct ActiveToken {
    pub active: bool,
    pub iss: String,
    pub client_id: String,
    pub sub: String,
    pub scope: String,
    pub iat: i64,
    pub exp: i64,
    pub auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The entries for the resource server that asks (RFC 9396 §9.2).
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub authorization_details: AuthorizationDetails,
    /// Only for an access token.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub access: Option<ActiveAccessToken>,
}

#[derive(Serialize)]
pub struct ActiveAccessToken {
    pub token_type: &'static str,
    pub aud: Vec<String>,
    pub jti: String,
    /// The keys that the resource server has to compare with those of the caller: introspection does not check the
    /// DPoP proof itself (RFC 9449 §6.2).
    #[serde(skip_serializing_if = "Confirmation::is_nothing")]
    pub cnf: Confirmation,
}

//! The access token: a JWT (RFC 9068).

use serde::{Serialize, Serializer};

use crate::domain::base::confirmation::Confirmation;
use crate::domain::details::authorization_details::AuthorizationDetails;
use crate::protocol::dpop::MAX_PROOF;

/// `typ` of its header, so that no other JWT is mistaken for it (RFC 9068 §2.1).
pub const TYP: &str = "at+jwt";

/// API Gateway's limit on request line and headers together (HTTP APIs). A token that exceeds it could not be
/// presented. Other gateways have a lower limit for a single header: 8 KiB.
///
/// Unit: bytes.
pub const MAX_HEADERS: usize = 10_240;
/// The space reserved for the request line and all headers except the token and its proof. Unit: bytes.
pub const OTHER_HEADERS: usize = 1024;
/// The longest access token. A longer one could not be sent together with the longest proof. Unit: bytes.
pub const MAX_LENGTH: usize = MAX_HEADERS - OTHER_HEADERS - MAX_PROOF;

/// The scheme with which an access token is presented (RFC 6750 §2.1, RFC 9449 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Bearer,
    Dpop,
}

impl Scheme {
    /// Parses the scheme, ignoring case (RFC 9110 §11.1).
    pub fn parse(text: &str) -> Option<Self> {
        let is = |name: &str| text.eq_ignore_ascii_case(name);
        match text {
            _ if is("Bearer") => Some(Self::Bearer),
            _ if is("DPoP") => Some(Self::Dpop),
            _ => None,
        }
    }
}

/// `aud`: a string if there is only one (RFC 7519 §4.1.3).
pub struct Audience<'a>(pub Vec<&'a str>);

impl Serialize for Audience<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [only] => serializer.serialize_str(only),
            several => serializer.collect_seq(several),
        }
    }
}

#[derive(Serialize)]
pub struct AccessTokenClaims<'a> {
    pub iss: &'a str,
    pub sub: &'a str,
    /// One resource, the client's audience or the issuer; a list if several resources were requested.
    pub aud: Audience<'a>,
    pub client_id: &'a str,
    /// Unit: seconds since the epoch, as for all times here.
    pub iat: i64,
    pub exp: i64,
    /// The sealed request key and 16 random bytes: only this provider can find the grant with it.
    pub jti: &'a str,
    pub scope: &'a str,
    pub auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub amr: &'a [String],
    /// RFC 7800.
    #[serde(skip_serializing_if = "Confirmation::is_nothing")]
    pub cnf: Confirmation,
    /// The entries for its audience (RFC 9396 §9.1).
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub authorization_details: AuthorizationDetails,
}

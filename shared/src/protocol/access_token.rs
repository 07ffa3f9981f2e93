//! The access token: a JWT of RFC 9068.

use serde::Serialize;

/// `typ` of its header, so that no other JWT passes for it.
pub const TYP: &str = "at+jwt";

#[derive(Serialize)]
pub struct AccessTokenClaims<'a> {
    pub iss: &'a str,
    pub sub: &'a str,
    /// The client's configured audience, else the issuer.
    pub aud: &'a str,
    pub client_id: &'a str,
    /// Unit: seconds since the epoch, as for all times here.
    pub iat: i64,
    pub exp: i64,
    /// The request's key, sealed, and 16 random bytes: it leads this provider to the grant, and nobody else anywhere.
    pub jti: &'a str,
    pub scope: &'a str,
    pub auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub amr: &'a [String],
}

//! Authenticates the person who decides, by a login token of a configured login issuer.

use std::time::Duration;

use crate::Invocation;
use ciba_aws::config::LoginIssuers;
use ciba_aws::outbound::{JwksCache, NotVerified};
use ciba_core::domain::issuer::login_issuer::{LoginProof, LoginRefused};
use ciba_core::protocol::access_token;
use ciba_core::verify::jws::{NotAJws, UnverifiedJws};

/// Why the person is not authenticated. The texts are for the log.
#[derive(Clone, Debug)]
pub enum LoginNotProven {
    Invalid(String),
    NotFresh,
    ScopeMissing,
    /// The login issuer's keys cannot be fetched.
    Unavailable(String),
}

impl From<LoginRefused> for LoginNotProven {
    fn from(refused: LoginRefused) -> Self {
        match refused {
            LoginRefused::Invalid(why) => Self::Invalid(why.to_owned()),
            LoginRefused::ScopeMissing => Self::ScopeMissing,
            LoginRefused::NotFresh => Self::NotFresh,
        }
    }
}

impl From<NotVerified> for LoginNotProven {
    fn from(error: NotVerified) -> Self {
        match error {
            NotVerified::Invalid(why) => Self::Invalid(why.to_owned()),
            NotVerified::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

/// 1. Parse the compact form and its header, and check that it can be a login token.
/// 2. Find the login issuer that it names.
/// 3. Verify the signature with that issuer's keys.
/// 4. Check the claims.
pub async fn prove(
    token: &str,
    issuers: &LoginIssuers,
    jwks: &JwksCache,
    max_age: Duration,
    invocation: &Invocation,
) -> Result<LoginProof, LoginNotProven> {
    let invalid = |why: &str| LoginNotProven::Invalid(why.to_owned());
    let jws = UnverifiedJws::parse(token).map_err(|error| match error {
        NotAJws::Encrypted => invalid("the token is encrypted"),
        NotAJws::Malformed(why) => invalid(why),
    })?;
    if !jws.typ().is_none_or(|typ| is_accepted(&typ)) {
        return Err(invalid("the token has the wrong type"));
    }
    let issuer = jws.issuer().and_then(|iss| issuers.find(iss));
    let issuer = issuer.ok_or(invalid("iss is not a login issuer"))?;
    let (now, write) = (invocation.now, &invocation.write_id);
    let claims = jwks.verify(&jws, &issuer.jwks_uri, &issuer.algorithms, now, write).await?;
    Ok(issuer.judge(&claims, now, max_age)?)
}

/// The types of login tokens. An ID token of this provider is not accepted, because this provider is not a login
/// issuer.
fn is_accepted(typ: &str) -> bool {
    ["jwt", access_token::TYP].contains(&typ)
}

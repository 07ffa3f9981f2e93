//! Who is deciding: a login token of a configured login issuer is verified.
//!
//! Unverified text and verified claims are different types: only [`verify`] makes the latter, and nothing of
//! the former is used but the names by which the key is looked up (`HYG-3-17`).

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::config::LoginIssuers;
use crate::domain::login_issuer::{LoginAlgorithm, LoginProof, LoginRefused};
use crate::domain::time::Timestamp;
use crate::outbound::{JwksCache, JwksError};

/// Why nobody is proven. The texts are for the log.
#[derive(Clone, Debug)]
pub enum NotProven {
    Invalid(String),
    NotFresh,
    ScopeMissing,
    /// The login issuer's keys cannot be fetched.
    Unavailable(String),
}

impl From<LoginRefused> for NotProven {
    fn from(refused: LoginRefused) -> Self {
        match refused {
            LoginRefused::Invalid(why) => Self::Invalid(why.to_owned()),
            LoginRefused::ScopeMissing => Self::ScopeMissing,
            LoginRefused::NotFresh => Self::NotFresh,
        }
    }
}

/// What the header of a login token may say. Key sources in it (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
#[derive(Deserialize)]
struct Header {
    alg: LoginAlgorithm,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// The one claim that is looked at before the signature: whose keys to verify with.
#[derive(Deserialize)]
struct Unverified {
    iss: String,
}

/// Claims, none of them twice: two readers of a doubled one could read two things (`HYG-3-13`).
struct Claims(Map<String, Value>);

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;

        impl<'de> Visitor<'de> for Once {
            type Value = Claims;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object without repeated members")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Claims, A::Error> {
                let mut claims = Map::new();
                while let Some((name, value)) = members.next_entry::<String, Value>()? {
                    if claims.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member is repeated"));
                    }
                }
                Ok(Claims(claims))
            }
        }

        deserializer.deserialize_map(Once)
    }
}

/// 1. Split the compact form, and read header and `iss`.
/// 2. Find the login issuer, and check the algorithm against its list.
/// 3. Fetch the key, and verify the signature.
/// 4. Judge the claims.
pub async fn prove(
    token: &str,
    issuers: &LoginIssuers,
    jwks: &JwksCache,
    max_age: Duration,
    now: Timestamp,
) -> Result<LoginProof, NotProven> {
    let invalid = |why: &str| NotProven::Invalid(why.to_owned());
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(invalid("not a compact JWS"));
    };
    let header: Header = decode(header).ok_or(invalid("the header is not accepted"))?;
    if header.crit.is_some() {
        return Err(invalid("the header has critical extensions"));
    }
    if !header.typ.as_deref().is_none_or(is_accepted_typ) {
        return Err(invalid("the token is of another type"));
    }
    let Unverified { iss } = decode(payload).ok_or(invalid("the payload has no iss"))?;
    let issuer = issuers.find(&iss).ok_or(invalid("iss is not a login issuer"))?;
    if !issuer.algorithms.contains(&header.alg) {
        return Err(invalid("the algorithm is not accepted from this issuer"));
    }
    let jwk =
        jwks.key(&issuer.jwks_uri, header.kid.as_deref(), header.alg, now).await.map_err(
            |error| match error {
                JwksError::UnknownKey => invalid("the key is unknown"),
                JwksError::Unavailable(why) => NotProven::Unavailable(why),
            },
        )?;
    let key = DecodingKey::from_jwk(&jwk).map_err(|_| invalid("the key is malformed"))?;
    let claims = verify(token, header.alg, &key).ok_or(invalid("the signature is wrong"))?;
    Ok(issuer.judge(&claims, now, max_age)?)
}

/// The claims, if the signature is right. Their rules are [`crate::domain::login_issuer`]'s, which takes the time as a parameter.
fn verify(token: &str, algorithm: LoginAlgorithm, key: &DecodingKey) -> Option<Map<String, Value>> {
    let mut signature_only = Validation::new(match algorithm {
        LoginAlgorithm::ES256 => Algorithm::ES256,
        LoginAlgorithm::RS256 => Algorithm::RS256,
        LoginAlgorithm::PS256 => Algorithm::PS256,
        LoginAlgorithm::EdDSA => Algorithm::EdDSA,
    });
    signature_only.required_spec_claims.clear();
    (signature_only.validate_exp, signature_only.validate_nbf, signature_only.validate_aud) =
        (false, false, false);
    jsonwebtoken::decode::<Claims>(token, key, &signature_only).ok().map(|token| token.claims.0)
}

/// What login issuers call their tokens. An ID token of ours is none of them: this provider is no login issuer.
fn is_accepted_typ(typ: &str) -> bool {
    ["JWT", "at+jwt", "application/at+jwt"].iter().any(|known| known.eq_ignore_ascii_case(typ))
}

fn decode<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

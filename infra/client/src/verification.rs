//! Step 4: verify the tokens against the OP's keys and against the request.

use std::fmt;

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::discovery::Metadata;
use crate::failure::Failure;
use crate::http::Http;
use crate::secret::Secret;
use crate::token::Tokens;

/// The tolerated difference between this machine's clock and the OP's. Unit: seconds. Range: 0–60.
const LEEWAY: u64 = 30;
/// Spec: CIBA §10.3.1; optional if tokens are fetched, but correct if present.
const AUTH_REQ_ID: &str = "urn:openid:params:jwt:claim:auth_req_id";
const RT_HASH: &str = "urn:openid:params:jwt:claim:rt_hash";

/// The values that the tokens of this request must have.
#[derive(Debug)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub auth_req_id: &'a Secret,
    /// The tokens were pushed: only the ID token binds them to each other and to the request.
    pub pushed: bool,
    /// Advertised by the OP, and asymmetric.
    pub algorithms: &'a [Algorithm],
    /// Unit: seconds since 1970-01-01 UTC.
    pub requested_at: u64,
    /// Unit: seconds since 1970-01-01 UTC.
    pub now: u64,
}

/// The tokens, decoded after all checks.
#[derive(Debug)]
pub struct Verified {
    pub id_token: Jwt,
    pub access_token: Jwt,
}

/// A JWT whose signature is valid, and the claims that were found to be correct.
#[derive(Debug)]
pub struct Jwt {
    pub header: Header,
    pub claims: Map<String, Value>,
    pub checked: Vec<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    Id,
    Access,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Unverified {
    pub token: Token,
    pub defect: Defect,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Defect {
    /// Not a compact JWS with a readable header and claims, or one with critical extensions.
    Malformed,
    /// `alg` is not advertised, or cannot be verified with a public key.
    Algorithm,
    /// `typ` is that of another kind of token.
    Type,
    /// No key in the JWKS has this `kid`, use and algorithm.
    Key,
    Signature,
    /// Missing although required, or not the expected value.
    Claim(&'static str),
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = match self.token {
            Token::Id => "ID token",
            Token::Access => "access token",
        };
        match self.defect {
            Defect::Malformed => write!(f, "the {token} is not a signed JWT that this client understands"),
            Defect::Algorithm => {
                write!(f, "the {token} is signed with an algorithm that the OP does not advertise")
            }
            Defect::Type => write!(f, "the typ of the {token} is that of something else"),
            Defect::Key => write!(f, "the {token} names a key that is not in the JWKS"),
            Defect::Signature => write!(f, "the signature of the {token} is invalid"),
            Defect::Claim(claim) => write!(f, "the {claim} of the {token} is missing or wrong"),
        }
    }
}

/// The OP's public keys, fetched now, so that they include keys from a recent rotation.
///
/// # Errors
/// `Failure::Unavailable` without a response, `Failure::Protocol` if it is not a JWK set.
pub async fn fetch_keys(http: &Http, metadata: &Metadata) -> Result<Vec<Jwk>, Failure> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = http.get_json(&metadata.jwks_uri).await?;
    // Keys of unknown types are ignored (RFC 7517 §5).
    Ok(set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
}

/// Checks both tokens. A client normally treats its access token as opaque; this one checks it,
/// because it demonstrates the whole flow.
///
/// # Errors
/// The first defect found.
pub fn verify(tokens: &Tokens, keys: &[Jwk], expected: &Expected<'_>) -> Result<Verified, Unverified> {
    let id_token =
        id_token(tokens, keys, expected).map_err(|defect| Unverified { token: Token::Id, defect })?;
    let access_token = access_token(tokens, keys, expected, &id_token)
        .map_err(|defect| Unverified { token: Token::Access, defect })?;
    Ok(Verified { id_token, access_token })
}

/// Spec: OpenID Connect Core §3.1.3.7, §3.1.3.8; CIBA §10.3.1, which with `pushed` requires claims that are
/// otherwise optional.
fn id_token(tokens: &Tokens, keys: &[Jwk], expected: &Expected<'_>) -> Result<Jwt, Defect> {
    let mut jwt = signed(&tokens.id_token, keys, expected.algorithms)?;
    // `typ` is optional in an ID token; an access token is never accepted as one.
    if jwt.header.typ.as_deref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(Defect::Type);
    }
    jwt.require("iss", |iss| iss == expected.issuer)?;
    jwt.require("sub", |sub| sub.as_str().is_some_and(|sub| (1..=255).contains(&sub.len())))?;
    // No other audience is trusted, so none is accepted in addition to this client.
    jwt.require("aud", |aud| {
        *aud == expected.client_id || aud.as_array().is_some_and(|aud| *aud == [expected.client_id])
    })?;
    jwt.check_if_present("azp", |azp| azp == expected.client_id)?;
    jwt.require("exp", |exp| is_in_future(exp, expected.now))?;
    let since_request = expected.requested_at.saturating_sub(LEEWAY)..=expected.now + LEEWAY;
    jwt.require("iat", |iat| iat.as_u64().is_some_and(|iat| since_request.contains(&iat)))?;
    // The person may have signed in shortly before the request was made.
    jwt.check_if_present("auth_time", |time| {
        time.as_u64().is_some_and(|time| time <= expected.now + LEEWAY)
    })?;
    let algorithm = jwt.header.alg;
    jwt.check(expected.pushed, "at_hash", |hash| is_hash(hash, algorithm, &tokens.access_token))?;
    jwt.check(expected.pushed && tokens.refresh_token.is_some(), RT_HASH, |hash| {
        tokens.refresh_token.as_ref().is_some_and(|token| is_hash(hash, algorithm, token))
    })?;
    jwt.check(expected.pushed, AUTH_REQ_ID, |id| id == expected.auth_req_id.expose())?;
    Ok(jwt)
}

/// Spec: RFC 9068 §2.2, §4.
fn access_token(
    tokens: &Tokens,
    keys: &[Jwk],
    expected: &Expected<'_>,
    id_token: &Jwt,
) -> Result<Jwt, Defect> {
    let mut jwt = signed(&tokens.access_token, keys, expected.algorithms)?;
    let typ = jwt.header.typ.as_deref().unwrap_or_default().to_ascii_lowercase();
    if typ != "at+jwt" && typ != "application/at+jwt" {
        return Err(Defect::Type);
    }
    jwt.checked.push("typ");
    jwt.require("iss", |iss| iss == expected.issuer)?;
    jwt.require("sub", |sub| Some(sub) == id_token.claims.get("sub"))?;
    jwt.require("client_id", |client_id| client_id == expected.client_id)?;
    jwt.require("exp", |exp| is_in_future(exp, expected.now))?;
    Ok(jwt)
}

/// Verifies the signature with the key named in the header, before any claim is read.
fn signed(token: &Secret, keys: &[Jwk], algorithms: &[Algorithm]) -> Result<Jwt, Defect> {
    let header = decode_header(token.expose()).map_err(|_| Defect::Malformed)?;
    if header.crit.is_some() {
        return Err(Defect::Malformed);
    }
    if !algorithms.contains(&header.alg) {
        return Err(Defect::Algorithm);
    }
    let key = keys.iter().find(|key| is_for(key, &header)).ok_or(Defect::Key)?;
    let key = DecodingKey::from_jwk(key).map_err(|_| Defect::Key)?;
    if key.family() != header.alg.family() {
        return Err(Defect::Key);
    }
    // The library's own claim checks read the clock; ours take the time as a parameter.
    let mut signature_only = Validation::new(header.alg);
    signature_only.required_spec_claims.clear();
    signature_only.validate_exp = false;
    signature_only.validate_aud = false;
    let jwt = decode(token.expose(), &key, &signature_only).map_err(|_| Defect::Signature)?;
    Ok(Jwt { header: jwt.header, claims: jwt.claims, checked: vec!["signature"] })
}

/// Spec: RFC 7517 §4. A key without `kid` never matches: after a rotation it could not be told from the next one.
fn is_for(key: &Jwk, header: &Header) -> bool {
    let common = &key.common;
    let algorithm = common.key_algorithm.as_ref().map(|name| name.to_string());
    common.key_id.is_some()
        && common.key_id == header.kid
        && common.public_key_use.as_ref().is_none_or(|key_use| *key_use == PublicKeyUse::Signature)
        && algorithm.is_none_or(|name| name.parse() == Ok(header.alg))
}

impl Jwt {
    fn require(&mut self, claim: &'static str, is_right: impl FnOnce(&Value) -> bool) -> Result<(), Defect> {
        if !self.claims.get(claim).is_some_and(is_right) {
            return Err(Defect::Claim(claim));
        }
        self.checked.push(claim);
        Ok(())
    }

    fn check_if_present(
        &mut self,
        claim: &'static str,
        is_right: impl FnOnce(&Value) -> bool,
    ) -> Result<(), Defect> {
        self.check(false, claim, is_right)
    }

    fn check(
        &mut self,
        required: bool,
        claim: &'static str,
        is_right: impl FnOnce(&Value) -> bool,
    ) -> Result<(), Defect> {
        if required || self.claims.contains_key(claim) { self.require(claim, is_right) } else { Ok(()) }
    }
}

fn is_in_future(exp: &Value, now: u64) -> bool {
    exp.as_u64().is_some_and(|exp| exp.saturating_add(LEEWAY) > now)
}

fn is_hash(claim: &Value, algorithm: Algorithm, token: &Secret) -> bool {
    claim.as_str().is_some_and(|claim| half_hash(algorithm, token.expose()).as_deref() == Some(claim))
}

/// The value of `at_hash` and similar claims: the left half of the token's hash, with the hash of the signature
/// algorithm.
///
/// Spec: OpenID Connect Core §3.1.3.6.
pub fn half_hash(algorithm: Algorithm, token: &str) -> Option<String> {
    let hash = match algorithm {
        Algorithm::HS256 | Algorithm::ES256 | Algorithm::RS256 | Algorithm::PS256 => &SHA256,
        Algorithm::HS384 | Algorithm::ES384 | Algorithm::RS384 | Algorithm::PS384 => &SHA384,
        // Ed25519, the only curve of EdDSA here.
        Algorithm::HS512 | Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => &SHA512,
        // The library may add algorithms whose hash is not known here.
        _ => return None,
    };
    let digest = digest(hash, token.as_bytes());
    Some(URL_SAFE_NO_PAD.encode(&digest.as_ref()[..digest.as_ref().len() / 2]))
}

#[cfg(test)]
mod tests;

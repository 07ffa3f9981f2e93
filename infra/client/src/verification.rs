//! Step 4: hold the tokens against the OP's keys and against what was asked.

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

/// How far this machine's clock and the OP's may be apart. Unit: seconds. Range: 0–60.
const LEEWAY: u64 = 30;
/// Spec: CIBA §10.3.1; optional in poll mode, but never wrong.
const AUTH_REQ_ID: &str = "urn:openid:params:jwt:claim:auth_req_id";
const RT_HASH: &str = "urn:openid:params:jwt:claim:rt_hash";

/// What the tokens of this request must say.
#[derive(Debug)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub auth_req_id: &'a Secret,
    /// Advertised by the OP, and asymmetric.
    pub algorithms: &'a [Algorithm],
    /// Unit: seconds since 1970-01-01 UTC.
    pub requested_at: u64,
    /// Unit: seconds since 1970-01-01 UTC.
    pub now: u64,
}

/// The tokens, decoded after everything about them was checked.
#[derive(Debug)]
pub struct Verified {
    pub id_token: Jwt,
    pub access_token: Jwt,
}

/// A JWT whose signature is good, and the claims that were found to be right.
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
    /// `typ` is another kind's.
    Type,
    /// No key of the JWKS has this `kid`, use and algorithm.
    Key,
    Signature,
    /// Missing where required, or not what it has to be.
    Claim(&'static str),
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = match self.token {
            Token::Id => "ID token",
            Token::Access => "access token",
        };
        match self.defect {
            Defect::Malformed => write!(f, "the {token} is not a signed JWT this client understands"),
            Defect::Algorithm => write!(f, "the {token} is signed by an algorithm the OP does not advertise"),
            Defect::Type => write!(f, "the {token} says in its typ that it is something else"),
            Defect::Key => write!(f, "the {token} names a key that is not in the JWKS"),
            Defect::Signature => write!(f, "the signature of the {token} is wrong"),
            Defect::Claim(claim) => write!(f, "the {claim} of the {token} is missing or wrong"),
        }
    }
}

/// The OP's public keys, fetched now, so that a key that came by rotation is among them.
///
/// # Errors
/// `Failure::Unavailable` without an answer, `Failure::Protocol` for what is no JWK set.
pub async fn fetch_keys(http: &Http, metadata: &Metadata) -> Result<Vec<Jwk>, Failure> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = http.get_json(&metadata.jwks_uri).await?;
    // Keys of kinds unknown here are not for us (RFC 7517 §5).
    Ok(set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
}

/// Checks both tokens. A client that only passes its access token on treats it as opaque; this one looks,
/// because it has a whole flow to prove.
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

/// Spec: OpenID Connect Core §3.1.3.7, §3.1.3.8; CIBA §10.3.1 for what a poll client may find as well.
fn id_token(tokens: &Tokens, keys: &[Jwk], expected: &Expected<'_>) -> Result<Jwt, Defect> {
    let mut jwt = signed(&tokens.id_token, keys, expected.algorithms)?;
    // `typ` is optional in an ID token; an access token is never taken for one.
    if jwt.header.typ.as_deref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(Defect::Type);
    }
    jwt.require("iss", |iss| iss == expected.issuer)?;
    jwt.require("sub", |sub| sub.as_str().is_some_and(|sub| (1..=255).contains(&sub.len())))?;
    // No other audience is trusted, so none is accepted beside this client.
    jwt.require("aud", |aud| {
        *aud == expected.client_id || aud.as_array().is_some_and(|aud| *aud == [expected.client_id])
    })?;
    jwt.check_if_present("azp", |azp| azp == expected.client_id)?;
    jwt.require("exp", |exp| is_in_future(exp, expected.now))?;
    let since_request = expected.requested_at.saturating_sub(LEEWAY)..=expected.now + LEEWAY;
    jwt.require("iat", |iat| iat.as_u64().is_some_and(|iat| since_request.contains(&iat)))?;
    // A device that signed the person in shortly before the request was made is right to say so.
    jwt.check_if_present("auth_time", |time| {
        time.as_u64().is_some_and(|time| time <= expected.now + LEEWAY)
    })?;
    let algorithm = jwt.header.alg;
    jwt.check_if_present("at_hash", |hash| is_hash(hash, algorithm, &tokens.access_token))?;
    jwt.check_if_present(RT_HASH, |hash| {
        tokens.refresh_token.as_ref().is_some_and(|token| is_hash(hash, algorithm, token))
    })?;
    jwt.check_if_present(AUTH_REQ_ID, |id| id == expected.auth_req_id.expose())?;
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

/// The signature by the key named in the header, before any claim is looked at.
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
    // The library's own checks of claims read the clock; ours take it as a parameter.
    let mut signature_only = Validation::new(header.alg);
    signature_only.required_spec_claims.clear();
    signature_only.validate_exp = false;
    signature_only.validate_aud = false;
    let jwt = decode(token.expose(), &key, &signature_only).map_err(|_| Defect::Signature)?;
    Ok(Jwt { header: jwt.header, claims: jwt.claims, checked: vec!["signature"] })
}

/// Spec: RFC 7517 §4. A key without `kid` is nobody's: with rotation it could not be told from the next one.
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
        if self.claims.contains_key(claim) { self.require(claim, is_right) } else { Ok(()) }
    }
}

fn is_in_future(exp: &Value, now: u64) -> bool {
    exp.as_u64().is_some_and(|exp| exp.saturating_add(LEEWAY) > now)
}

fn is_hash(claim: &Value, algorithm: Algorithm, token: &Secret) -> bool {
    claim.as_str().is_some_and(|claim| half_hash(algorithm, token.expose()).as_deref() == Some(claim))
}

/// The value of `at_hash` and its kin: the left half of the token's hash, by the hash the signature uses.
///
/// Spec: OpenID Connect Core §3.1.3.6.
pub fn half_hash(algorithm: Algorithm, token: &str) -> Option<String> {
    let hash = match algorithm {
        Algorithm::HS256 | Algorithm::ES256 | Algorithm::RS256 | Algorithm::PS256 => &SHA256,
        Algorithm::HS384 | Algorithm::ES384 | Algorithm::RS384 | Algorithm::PS384 => &SHA384,
        // Ed25519, the only curve of EdDSA here.
        Algorithm::HS512 | Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => &SHA512,
        // The library may learn new ones; what they hash with is not known here.
        _ => return None,
    };
    let digest = digest(hash, token.as_bytes());
    Some(URL_SAFE_NO_PAD.encode(&digest.as_ref()[..digest.as_ref().len() / 2]))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
    };
    use base64::engine::general_purpose::STANDARD;
    use jsonwebtoken::{AlgorithmFamily, EncodingKey, encode};
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://op.example";
    const NOW: u64 = 1_800_000_000;

    /// A good pair of tokens; a test changes one thing and looks at the verdict.
    struct Case {
        id_header: Header,
        id_claims: Value,
        access_header: Header,
        access_claims: Value,
        key: Value,
        id_by_another_key: bool,
    }

    fn case() -> Case {
        let header = |typ: &str| {
            let mut header = Header::new(Algorithm::ES256);
            (header.typ, header.kid) = (Some(typ.to_owned()), Some("k1".to_owned()));
            header
        };
        Case {
            id_header: header("JWT"),
            id_claims: json!({
                "iss": ISSUER, "sub": "alice", "aud": "kiosk", "iat": NOW, "exp": NOW + 300,
                "auth_time": NOW - 5, AUTH_REQ_ID: "the-request",
            }),
            access_header: header("at+jwt"),
            access_claims: json!({
                "iss": ISSUER, "sub": "alice", "aud": ISSUER, "client_id": "kiosk",
                "iat": NOW, "exp": NOW + 300, "jti": "1",
            }),
            key: json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "k1"}),
            id_by_another_key: false,
        }
    }

    impl Case {
        fn verdict(self) -> Result<Verified, Unverified> {
            let (keys, others) = (new_key(), new_key());
            let signing = |keys: &EcdsaKeyPair| EncodingKey::from_ec_der(keys.to_pkcs8v1().unwrap().as_ref());
            let id_key = signing(if self.id_by_another_key { &others } else { &keys });
            let access_token = encode(&self.access_header, &self.access_claims, &signing(&keys)).unwrap();
            let mut id_claims = self.id_claims;
            if id_claims.get("at_hash").is_none() {
                id_claims["at_hash"] = json!(half_hash(Algorithm::ES256, &access_token));
            }
            let tokens = json!({
                "access_token": access_token, "token_type": "Bearer",
                "id_token": encode(&self.id_header, &id_claims, &id_key).unwrap(),
            });
            let mut jwk = self.key;
            let point = keys.public_key().as_ref();
            jwk["x"] = json!(URL_SAFE_NO_PAD.encode(&point[1..33]));
            jwk["y"] = json!(URL_SAFE_NO_PAD.encode(&point[33..]));
            let expected = Expected {
                issuer: ISSUER,
                client_id: "kiosk",
                auth_req_id: &Secret::from("the-request"),
                algorithms: &[Algorithm::ES256],
                requested_at: NOW - 20,
                now: NOW + 1,
            };
            verify(
                &serde_json::from_value(tokens).unwrap(),
                &[serde_json::from_value(jwk).unwrap()],
                &expected,
            )
        }
    }

    fn new_key() -> EcdsaKeyPair {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
    }

    fn defect(change: impl FnOnce(&mut Case)) -> (Token, Defect) {
        let mut case = case();
        change(&mut case);
        let Unverified { token, defect } = case.verdict().unwrap_err();
        (token, defect)
    }

    /// OpenID Connect Core 1.0, appendix A.3: its `code` and `c_hash`, computed as an `at_hash` is.
    #[test]
    fn the_hash_is_the_one_of_the_specifications_example() {
        let code = "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk";
        assert_eq!(half_hash(Algorithm::RS256, code).as_deref(), Some("LDktKdoQak3Pk0cnXxCltA"));
    }

    /// TOK-1-11
    #[test]
    fn the_hash_follows_the_signatures_algorithm() {
        let length = |algorithm| half_hash(algorithm, "token").map(|hash| hash.len());
        assert_eq!(length(Algorithm::ES256), Some(22));
        assert_eq!(length(Algorithm::ES384), Some(32));
        assert_eq!(length(Algorithm::PS512), Some(43));
        assert_eq!(length(Algorithm::EdDSA), Some(43));
    }

    #[test]
    fn good_tokens_are_verified_and_what_was_checked_is_named() {
        let verified = case().verdict().unwrap();
        assert_eq!(
            verified.id_token.checked,
            ["signature", "iss", "sub", "aud", "exp", "iat", "auth_time", "at_hash", AUTH_REQ_ID]
        );
        assert_eq!(verified.access_token.checked, ["signature", "typ", "iss", "sub", "client_id", "exp"]);
    }

    #[test]
    fn every_claim_of_the_id_token_is_checked() {
        for (claim, wrong) in [
            ("iss", json!("https://op.example/")),
            ("sub", json!("")),
            ("aud", json!("another")),
            ("aud", json!(["kiosk", "another"])),
            ("azp", json!("another")),
            ("exp", json!(NOW - LEEWAY)),
            ("exp", json!("tomorrow")),
            ("iat", json!(NOW - 20 - LEEWAY - 1)),
            ("iat", json!(NOW + 1 + LEEWAY + 1)),
            ("auth_time", json!(NOW + 1 + LEEWAY + 1)),
            ("at_hash", json!("LDktKdoQak3Pk0cnXxCltA")),
            (RT_HASH, json!("LDktKdoQak3Pk0cnXxCltA")),
            (AUTH_REQ_ID, json!("another")),
        ] {
            let found = defect(|case| case.id_claims[claim] = wrong.clone());
            assert_eq!(found, (Token::Id, Defect::Claim(claim)), "{claim} {wrong}");
        }
    }

    #[test]
    fn every_claim_of_the_access_token_is_checked() {
        for (claim, wrong) in [
            ("iss", json!("https://another.example")),
            ("sub", json!("bob")),
            ("client_id", json!("another")),
            ("exp", json!(NOW - LEEWAY)),
        ] {
            let found = defect(|case| case.access_claims[claim] = wrong.clone());
            assert_eq!(found, (Token::Access, Defect::Claim(claim)), "{claim} {wrong}");
        }
    }

    #[test]
    fn a_missing_claim_is_a_wrong_claim() {
        let found = defect(|case| _ = case.id_claims.as_object_mut().unwrap().remove("exp"));
        assert_eq!(found, (Token::Id, Defect::Claim("exp")));
    }

    #[test]
    fn an_audience_of_one_may_be_an_array() {
        let mut case = case();
        case.id_claims["aud"] = json!(["kiosk"]);
        assert!(case.verdict().is_ok());
    }

    #[test]
    fn a_token_signed_by_another_key_is_refused() {
        assert_eq!(defect(|case| case.id_by_another_key = true), (Token::Id, Defect::Signature));
    }

    #[test]
    fn a_key_with_another_kid_use_or_algorithm_is_not_used() {
        for (member, value) in [("kid", "k2"), ("use", "enc"), ("alg", "ES384")] {
            assert_eq!(defect(|case| case.key[member] = json!(value)), (Token::Id, Defect::Key), "{member}");
        }
    }

    #[test]
    fn a_token_without_kid_is_refused() {
        assert_eq!(defect(|case| case.id_header.kid = None), (Token::Id, Defect::Key));
    }

    /// A new private key for `algorithm`.
    fn signing_key(algorithm: Algorithm) -> EncodingKey {
        match algorithm.family() {
            AlgorithmFamily::Hmac => panic!("a secret, not a key pair"),
            AlgorithmFamily::Ec => EncodingKey::from_ec_der(new_key().to_pkcs8v1().unwrap().as_ref()),
            AlgorithmFamily::Ed => {
                EncodingKey::from_ed_der(Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap().as_ref())
            }
            AlgorithmFamily::Rsa => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
                let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
                let der = STANDARD.encode(der.as_ref());
                let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
                EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
            }
        }
    }

    /// TOK-12-07, HYG-3-02: all keys have one name here, so that the algorithm has to tell them apart.
    #[test]
    fn of_several_keys_the_one_of_the_tokens_algorithm_is_taken_if_it_is_advertised() {
        let algorithms = [Algorithm::RS256, Algorithm::PS256, Algorithm::EdDSA, Algorithm::ES256];
        let pairs = algorithms.map(|algorithm| (algorithm, signing_key(algorithm)));
        let published = |(algorithm, key): &(Algorithm, EncodingKey)| {
            let mut key = Jwk::from_encoding_key(key, *algorithm).unwrap();
            key.common.key_id = Some("k1".to_owned());
            key
        };
        let keys: Vec<_> = pairs.iter().map(published).collect();
        for (algorithm, key) in &pairs {
            let header = Header { kid: Some("k1".to_owned()), ..Header::new(*algorithm) };
            let token = Secret::from(encode(&header, &json!({"sub": "alice"}), key).unwrap());
            let jwt = signed(&token, &keys, &algorithms).unwrap();
            assert_eq!((jwt.header.alg, &jwt.claims["sub"]), (*algorithm, &json!("alice")));
            let others: Vec<_> = algorithms.into_iter().filter(|other| other != algorithm).collect();
            assert_eq!(signed(&token, &keys, &others).unwrap_err(), Defect::Algorithm, "{algorithm:?}");
            let others: Vec<_> =
                pairs.iter().filter(|(other, _)| other != algorithm).map(published).collect();
            assert_eq!(signed(&token, &others, &algorithms).unwrap_err(), Defect::Key, "{algorithm:?}");
        }
    }

    /// HYG-3-04
    #[test]
    fn a_critical_extension_is_refused() {
        let found = defect(|case| case.id_header.crit = Some(vec!["b64".to_owned()]));
        assert_eq!(found, (Token::Id, Defect::Malformed));
    }

    /// TOK-2-08
    #[test]
    fn an_id_token_and_an_access_token_do_not_stand_in_for_each_other() {
        let at_jwt = || Some("at+jwt".to_owned());
        assert_eq!(defect(|case| case.id_header.typ = at_jwt()), (Token::Id, Defect::Type));
        let jwt = || Some("JWT".to_owned());
        assert_eq!(defect(|case| case.access_header.typ = jwt()), (Token::Access, Defect::Type));
        assert_eq!(defect(|case| case.access_header.typ = None), (Token::Access, Defect::Type));
    }

    #[test]
    fn an_algorithm_that_is_not_advertised_or_is_none_is_refused() {
        let keys = [];
        let token = |header: &str| Secret::from(format!("{}.e30.", URL_SAFE_NO_PAD.encode(header)));
        let refused = |header: &str| signed(&token(header), &keys, &[Algorithm::ES256]).unwrap_err();
        assert_eq!(refused(r#"{"alg":"RS256","kid":"k1"}"#), Defect::Algorithm);
        assert_eq!(refused(r#"{"alg":"HS256","kid":"k1"}"#), Defect::Algorithm);
        assert_eq!(refused(r#"{"alg":"none"}"#), Defect::Malformed);
    }

    #[test]
    fn what_is_not_a_compact_jws_is_refused() {
        for token in ["", "opaque", "a.b", "a.b.c.d", "a.b.c.d.e"] {
            assert_eq!(
                signed(&Secret::from(token), &[], &[Algorithm::ES256]).unwrap_err(),
                Defect::Malformed
            );
        }
    }
}

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

/// A valid pair of tokens; each test changes one thing and checks the verdict.
struct Case {
    id_header: Header,
    id_claims: Value,
    access_header: Header,
    access_claims: Value,
    key: Value,
    id_by_another_key: bool,
    refresh_token: Option<&'static str>,
    pushed: bool,
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
        refresh_token: None,
        pushed: false,
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
        id_claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let tokens = json!({
            "access_token": access_token, "token_type": "Bearer", "refresh_token": self.refresh_token,
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
            pushed: self.pushed,
            algorithms: &[Algorithm::ES256],
            requested_at: NOW - 20,
            now: NOW + 1,
        };
        verify(&serde_json::from_value(tokens).unwrap(), &[serde_json::from_value(jwk).unwrap()], &expected)
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

/// OpenID Connect Core 1.0, appendix A.3: its `code` and `c_hash`, which is computed like an `at_hash`.
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

/// CIBA §10.3.1: nothing else binds pushed tokens to the request and to each other.
#[test]
fn pushed_tokens_are_bound_to_the_request_and_each_other() {
    let pushed = |change: &dyn Fn(&mut Value)| {
        let mut case = Case { pushed: true, refresh_token: Some("a-refresh-token"), ..case() };
        case.id_claims[RT_HASH] = json!(half_hash(Algorithm::ES256, "a-refresh-token"));
        change(&mut case.id_claims);
        case.verdict().map(|verified| verified.id_token.checked)
    };
    let checked = pushed(&|_| ()).unwrap();
    for claim in ["at_hash", RT_HASH, AUTH_REQ_ID] {
        assert!(checked.contains(&claim), "{claim}");
        for value in [Value::Null, json!("another")] {
            let found = pushed(&|claims| claims[claim] = value.clone()).unwrap_err();
            assert_eq!((found.token, found.defect), (Token::Id, Defect::Claim(claim)), "{claim} {value}");
        }
    }
    let polled = Case { refresh_token: Some("a-refresh-token"), ..case() };
    assert!(polled.verdict().is_ok(), "a client that polls may miss them");
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
fn the_advertised_key_of_the_tokens_algorithm_is_chosen() {
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
        let others: Vec<_> = pairs.iter().filter(|(other, _)| other != algorithm).map(published).collect();
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
fn an_id_token_and_an_access_token_are_not_interchangeable() {
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
        assert_eq!(signed(&Secret::from(token), &[], &[Algorithm::ES256]).unwrap_err(), Defect::Malformed);
    }
}

//! Tokens of others. An input is a whole token, or a header and a payload in two lines, which are then signed with a key
//! that is known: so what is behind the signature is reached as well.

use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba::domain::base::jws_algorithm::JwsAlgorithm;
use ciba::domain::base::profile::Profile;
use ciba::domain::base::time::Timestamp;
use ciba::domain::client::ClientId;
use ciba::domain::client::client_assertion::AssertionRules;
use ciba::domain::client::client_authentication::AssertionAudience;
use ciba::domain::token::dpop::{Call, judge};
use ciba::protocol::request_object;
use ciba::verify::jws::{SelfKeyedJws, UnverifiedJws};
use ciba::verify::verification_key::VerificationKey;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use url::Url;

use crate::distinct::has_repeated_member;
use crate::{lines, text};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const LIFETIME: Duration = Duration::from_secs(60);
const ENDPOINT: &str = "https://op.example/oauth/token";

/// The key that signs.
struct Signer {
    pair: EcdsaKeyPair,
    jwk: Value,
    key: VerificationKey,
}

static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)});
    let known = serde_json::from_value(jwk.clone()).expect("a JWK");
    let key = VerificationKey::new(&known, JwsAlgorithm::ES256).expect("it fits");
    Signer { pair, jwk, key }
});

/// A token is refused, or its claims are those that were signed. With another signature it is never right.
pub fn jwt(input: &[u8]) {
    if let Some(token) = text(input)
        && let Ok(jws) = UnverifiedJws::parse(token)
    {
        assert!(jws.verify(&SIGNER.key).is_none(), "nobody has signed {token}");
    }
    let Some((header, payload)) = lines(input) else { return };
    let token = signed(header, payload);
    let Ok(jws) = UnverifiedJws::parse(&token) else { return };
    let _ = (jws.kid(), jws.typ(), jws.issuer());
    let Some(claims) = jws.verify(&SIGNER.key) else {
        assert_ne!(jws.algorithm(), JwsAlgorithm::ES256, "the signature is right: {header}");
        return;
    };
    let sent: Value = serde_json::from_str(payload).expect("it was read");
    assert_eq!(Value::Object(claims.clone()), sent, "other claims than were signed");
    plain(header, payload);
    let client = ClientId::parse("client").expect("an id");
    let rules = AssertionRules {
        client: &client,
        issuer: "https://op.example",
        endpoints: &[ENDPOINT.to_owned()],
        audience: AssertionAudience::Endpoints,
        profile: Profile::Plain,
        lifetime: LIFETIME,
    };
    if rules.judge(&claims, NOW).is_ok() {
        assert!(sent["iss"] == "client" && sent["sub"] == "client", "another client: {sent}");
        let expires_in = sent["exp"].as_f64().expect("a date") - NOW.seconds() as f64;
        assert!((-30.0..120.0).contains(&expires_in), "{expires_in} seconds left");
        let audience = sent["aud"].as_array().cloned().unwrap_or_else(|| vec![sent["aud"].clone()]);
        assert!(audience.iter().any(|it| it == ENDPOINT || it == "https://op.example"), "{sent}");
    }
    if let Ok(parameters) = request_object::parameters(&claims) {
        assert!(parameters.names().all(|name| parameters.get(name).is_some_and(|it| !it.is_empty())));
    }
    let other = format!("{}AAAA", &token[..token.len() - 4]);
    if other != token {
        assert!(UnverifiedJws::parse(&other).is_ok_and(|jws| jws.verify(&SIGNER.key).is_none()), "forged");
    }
}

/// What no token may have: a member twice, or an extension that changes what is signed.
fn plain(header: &str, payload: &str) {
    assert!(!has_repeated_member(header) && !has_repeated_member(payload), "{header} {payload}");
    let header: Value = serde_json::from_str(header).expect("it was read");
    assert!(header.get("crit").is_none() && header.get("b64").is_none(), "{header}");
}

/// A proof is refused, or it is for this call, of now, and its key is the one that signed. `"jwk":"own"` in the header stands
/// for that key.
pub fn dpop_proof(input: &[u8]) {
    if let Some(token) = text(input)
        && let Ok(jws) = SelfKeyedJws::parse(token)
    {
        let _ = jws.verify();
    }
    let Some((header, payload)) = lines(input) else { return };
    let header = match serde_json::from_str::<Value>(header) {
        Ok(mut header) if header["jwk"] == "own" => {
            header["jwk"] = SIGNER.jwk.clone();
            header.to_string()
        }
        Ok(_) | Err(_) => header.to_owned(),
    };
    let token = signed(&header, payload);
    let Ok(jws) = SelfKeyedJws::parse(&token) else { return };
    plain(&header, payload);
    let sent: Value = serde_json::from_str(&header).expect("it was read");
    let is_private = ["d", "p", "q", "k"].iter().any(|member| sent["jwk"].get(member).is_some());
    assert!(!is_private, "a private key: {sent}");
    let Some((claims, key)) = jws.verify() else { return };
    let call = Call { method: "POST", urls: &[ENDPOINT.to_owned()], access_token: None };
    let Ok(proof) = judge(&claims, key, &call, LIFETIME, NOW) else { return };
    let sent: Value = serde_json::from_str(payload).expect("it was read");
    assert_eq!(sent["htm"], "POST", "another method");
    let url = sent["htu"].as_str().and_then(|text| Url::parse(text).ok()).expect("a URL");
    let path = percent_decode_str(url.path()).decode_utf8_lossy();
    let place = (url.scheme(), url.host_str(), url.port(), &*path);
    assert_eq!(place, ("https", Some("op.example"), None, "/oauth/token"), "another URL");
    assert!(sent["jti"].as_str().is_some_and(|jti| !jti.is_empty()), "no jti");
    let age = NOW.seconds() as f64 - sent["iat"].as_f64().expect("a date");
    assert!((-120.0..180.0).contains(&age), "{age} seconds old");
    assert_eq!(proof.nonce.as_deref(), sent["nonce"].as_str(), "another nonce");
    assert_eq!(proof.key, key, "another key");
}

fn signed(header: &str, payload: &str) -> String {
    let message = format!("{}.{}", encode(header.as_bytes()), encode(payload.as_bytes()));
    let signature = SIGNER.pair.sign(&SystemRandom::new(), message.as_bytes()).expect("a signature");
    format!("{message}.{}", encode(signature.as_ref()))
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

//! JWTs from others (RFC 7515, RFC 7519), before and after their signature is verified.
//!
//! These are different types, so that claims cannot be used before the signature is verified: an [`UnverifiedJws`]
//! exposes only what is needed to look up a key, and [`VerifiedClaims`] come only from [`UnverifiedJws::verify`].
//! A token that contains its own key is a third type, [`SelfKeyedJws`], so that such a key is not trusted by
//! mistake.

use std::ops::Deref;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::base::confirmation::Thumbprint;
use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::strict_json;
use crate::verify::verification_key::{self, PRIVATE_MEMBERS, VerificationKey};

/// Why a text is refused as a JWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAJws {
    /// It has five parts, so it is a JWE. The client can decrypt it and send the signed token inside (CIBA §7.1).
    Encrypted,
    Malformed(&'static str),
}

impl NotAJws {
    /// The reason, for the log.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Encrypted => "the token is encrypted",
            Self::Malformed(why) => why,
        }
    }
}

/// The unverified `iss` of a refused token, so that the log can name its sender. It must not be used for anything
/// else.
pub fn claimed_issuer(text: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(text.split('.').nth(1)?).ok()?;
    Some(strict_json::parse(&payload)?.get("iss")?.as_str()?.to_owned())
}

/// The header parameters that are used. Key sources in the header (`jwk`, `jku`, `x5c`, `x5u`) are ignored,
/// because an attacker chooses them (RFC 8725 §3.10).
#[derive(Deserialize)]
struct Header {
    alg: JwsAlgorithm,
    kid: Option<String>,
    typ: Option<String>,
}

/// A JWT in compact form with an acceptable header.
pub struct UnverifiedJws<'t> {
    /// Header and payload as they were signed.
    message: &'t str,
    signature: &'t str,
    header: Header,
    claims: Map<String, Value>,
}

/// The claims of a JWT with a valid signature.
#[derive(Debug)]
pub struct VerifiedClaims {
    claims: Map<String, Value>,
    key: Jwk,
}

impl VerifiedClaims {
    /// The public key that verified them, as a JWK without certificates, for verifying them again later.
    pub fn key(&self) -> Value {
        let mut key = serde_json::to_value(&self.key).unwrap_or_default();
        if let Some(members) = key.as_object_mut() {
            members.retain(|name, _| !name.starts_with("x5"));
        }
        key
    }
}

impl Deref for VerifiedClaims {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.claims
    }
}

impl<'t> UnverifiedJws<'t> {
    /// Parses a compact JWS: three parts of base64url (RFC 7515 §7.1), an asymmetric algorithm, no critical
    /// extension (RFC 7515 §4.1.11), no duplicate member (RFC 7515 §4).
    pub fn parse(text: &'t str) -> Result<Self, NotAJws> {
        Self::read(text).map(|(jws, _)| jws)
    }

    /// The token and its whole header.
    fn read(text: &'t str) -> Result<(Self, Map<String, Value>), NotAJws> {
        use NotAJws::{Encrypted, Malformed};
        let parts: Vec<_> = text.split('.').take(6).collect();
        let (header, payload, signature) = match parts[..] {
            [header, payload, signature] => (header, payload, signature),
            [_, _, _, _, _] => return Err(Encrypted),
            _ => return Err(Malformed("the token is not a compact JWS")),
        };
        let object = |part: &str| match strict_json::parse(&URL_SAFE_NO_PAD.decode(part).ok()?) {
            Some(Value::Object(members)) => Some(members),
            Some(_) | None => None,
        };
        let header = object(header).ok_or(Malformed("the header of the token is not an object"))?;
        // `b64` changes the signing input, and must be marked as critical if it is used (RFC 7797 §6).
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(Malformed("the token has critical extensions"));
        }
        let known = Header::deserialize(&header);
        let known = known
            .map_err(|_| Malformed("alg of the token is not supported, or its kid or typ is not a string"))?;
        let claims = object(payload).ok_or(Malformed("the payload of the token is not an object"))?;
        let message = &text[..text.len() - signature.len() - 1];
        Ok((Self { message, signature, header: known, claims }, header))
    }

    pub fn algorithm(&self) -> JwsAlgorithm {
        self.header.alg
    }

    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The declared type of the token, in lower case and without `application/` (RFC 7515 §4.1.9).
    pub fn typ(&self) -> Option<String> {
        let typ = self.header.typ.as_ref()?.to_ascii_lowercase();
        Some(typ.strip_prefix("application/").unwrap_or(&typ).to_owned())
    }

    /// The issuer whose keys are used for verification. It is the only claim that is read before the signature is
    /// verified.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// The claims, if the signature was made with this key and the header has the key's algorithm. The caller
    /// checks the claims.
    pub fn verify(&self, key: &VerificationKey) -> Option<VerifiedClaims> {
        let is_right = self.header.alg == key.algorithm() && key.verifies(self.message, self.signature);
        is_right.then(|| VerifiedClaims { claims: self.claims.clone(), key: key.jwk().clone() })
    }
}

/// A JWT that contains the key it is signed with (`jwk`). Only a DPoP proof does so (RFC 9449 §4.2), and no other
/// token is parsed as one. A valid signature proves that the sender has the key, but not the sender's identity.
pub struct SelfKeyedJws<'t> {
    jws: UnverifiedJws<'t>,
    key: VerificationKey,
    thumbprint: Thumbprint,
}

impl<'t> SelfKeyedJws<'t> {
    /// Like [`UnverifiedJws::parse`], with a public key that fits the algorithm and has no private members
    /// (RFC 9449 §4.3).
    pub fn parse(text: &'t str) -> Result<Self, NotAJws> {
        use NotAJws::Malformed;
        let (jws, mut header) = UnverifiedJws::read(text)?;
        let Some(Value::Object(members)) = header.remove("jwk") else {
            return Err(Malformed("the header of the token has no key"));
        };
        if PRIVATE_MEMBERS.iter().any(|member| members.contains_key(*member)) {
            return Err(Malformed("the token contains a private key"));
        }
        let unfit = Malformed("the key in the header of the token does not fit its algorithm");
        let jwk = verification_key::parse(Value::Object(members)).ok_or(unfit)?;
        let key = VerificationKey::new(&jwk, jws.header.alg).ok_or(unfit)?;
        let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).ok();
        let thumbprint = thumbprint.as_deref().and_then(Thumbprint::parse).ok_or(unfit)?;
        Ok(Self { jws, key, thumbprint })
    }

    pub fn algorithm(&self) -> JwsAlgorithm {
        self.jws.algorithm()
    }

    pub fn typ(&self) -> Option<String> {
        self.jws.typ()
    }

    /// The claims and the key with which they were signed, if the signature is valid.
    pub fn verify(&self) -> Option<(VerifiedClaims, Thumbprint)> {
        self.jws.verify(&self.key).map(|claims| (claims, self.thumbprint))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    fn encode(text: &str) -> String {
        URL_SAFE_NO_PAD.encode(text)
    }

    fn refused(text: &str) -> NotAJws {
        UnverifiedJws::parse(text).err().unwrap_or_else(|| panic!("accepted: {text}"))
    }

    /// HYG-3-10, HYG-3-11
    #[test]
    fn a_jws_has_three_parts_and_five_are_an_encrypted_token() {
        let (header, payload) = (encode(r#"{"alg":"ES256"}"#), encode("{}"));
        assert!(UnverifiedJws::parse(&format!("{header}.{payload}.c2ln")).is_ok());
        assert_eq!(refused(&format!("{header}.{payload}.x.x.x")), NotAJws::Encrypted);
        for text in ["", ".", "..", "a.b.c.d", "a.b.c.d.e.f", &format!("{header}.{payload}")] {
            assert!(matches!(refused(text), NotAJws::Malformed(_)), "{text}");
        }
    }

    /// HYG-3-03, HYG-3-04, HYG-3-13: an ambiguous token could be read in two ways.
    #[test]
    fn an_ambiguous_header_or_payload_is_refused() {
        let good = (r#"{"alg":"ES256"}"#, r#"{"iss":"a"}"#);
        for (header, payload) in [
            (r#"{"alg":"none"}"#, good.1),
            (r#"{"alg":"HS256"}"#, good.1),
            (r#"{"alg":"ES256","alg":"ES256"}"#, good.1),
            (r#"{"alg":"ES256","crit":["exp"]}"#, good.1),
            (r#"{"alg":"ES256","crit":[]}"#, good.1),
            (r#"{"alg":"ES256","crit":null}"#, good.1),
            (r#"{"alg":"ES256","b64":false}"#, good.1),
            (r#"{"alg":"ES256","jku":"a","jku":"b"}"#, good.1),
            ("[]", good.1),
            (good.0, "[]"),
            (good.0, r#"{"iss":"a","iss":"b"}"#),
            (good.0, r#"{"sub_id":{"format":"email","format":"opaque"}}"#),
        ] {
            let text = format!("{}.{}.c2ln", encode(header), encode(payload));
            assert!(matches!(refused(&text), NotAJws::Malformed(_)), "{header} {payload}");
        }
    }

    /// RFC 7515 §4.1.9
    #[test]
    fn a_type_is_the_same_in_each_of_its_spellings() {
        let typ = |typ: &str| {
            let text =
                format!("{}.{}.c2ln", encode(&json!({"alg": "ES256", "typ": typ}).to_string()), encode("{}"));
            UnverifiedJws::parse(&text).unwrap().typ().unwrap()
        };
        for spelling in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"] {
            assert_eq!(typ(spelling), "at+jwt");
        }
        assert_eq!(typ("text/at+jwt"), "text/at+jwt");
    }

    /// TOK-4-02, RFC 7638: the thumbprint is that of the key in RFC 9449 §4.1, as in §6.1. A key with a private
    /// member is refused.
    #[test]
    fn a_token_with_its_key_is_verified_by_it() {
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"});
        let token =
            |header: serde_json::Value| format!("{}.{}.c2ln", encode(&header.to_string()), encode("{}"));
        let good = token(json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}));
        let shown = SelfKeyedJws::parse(&good).unwrap();
        assert_eq!(shown.thumbprint.encode(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
        assert!(shown.verify().is_none(), "its signature is another");

        let with = |member: &str, value: &str| {
            let mut jwk = jwk.clone();
            jwk[member] = value.into();
            jwk
        };
        let mut refused = vec![json!({"alg": "ES256"}), json!({"alg": "ES256", "jwk": [jwk]})];
        refused.extend(PRIVATE_MEMBERS.map(|it| json!({"alg": "ES256", "jwk": with(it, "AQAB")})));
        refused.extend([
            json!({"alg": "EdDSA", "jwk": jwk}),
            json!({"alg": "ES256", "jwk": with("use", "enc")}),
            json!({"alg": "ES256", "jwk": with("alg", "RS256")}),
            json!({"alg": "ES256", "jwk": with("crv", "P-384")}),
            json!({"alg": "ES256", "jwk": with("x", "not base64url!")}),
            json!({"alg": "ES256", "jwk": {"kty": "oct"}}),
        ]);
        for header in refused {
            let text = token(header.clone());
            assert!(matches!(SelfKeyedJws::parse(&text), Err(NotAJws::Malformed(_))), "{header}");
        }
    }

    /// HYG-3-02, HYG-3-17: the key determines its algorithm, regardless of the header.
    #[test]
    fn claims_come_out_only_under_the_algorithm_of_the_key() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let jwk = serde_json::from_value(json!({"kty": "EC", "crv": "P-256", "x": x, "y": y})).unwrap();
        let key = VerificationKey::new(&jwk, JwsAlgorithm::ES256).unwrap();
        assert!(VerificationKey::new(&jwk, JwsAlgorithm::EdDSA).is_none());
        let signed = |alg: &str| {
            let message =
                format!("{}.{}", encode(&json!({ "alg": alg }).to_string()), encode(r#"{"iss":"a"}"#));
            let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
        };
        let (right, other) = (signed("ES256"), signed("EdDSA"));
        let claims = UnverifiedJws::parse(&right).unwrap().verify(&key).unwrap();
        assert_eq!(claims.get("iss"), Some(&json!("a")));
        assert!(UnverifiedJws::parse(&other).unwrap().verify(&key).is_none());
        let changed = right.replace(&encode(r#"{"iss":"a"}"#), &encode(r#"{"iss":"b"}"#));
        assert!(UnverifiedJws::parse(&changed).unwrap().verify(&key).is_none());
    }
}

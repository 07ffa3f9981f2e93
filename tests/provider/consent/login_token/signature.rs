//! Form, header and signature: what is checked before a claim means anything.

use ciba_tests::at;
use serde_json::json;

use super::super::login_issuer::LoginIssuer;
use super::Stand;
use crate::foreign_issuer::{Document, Key, encode};

/// HYG-3-10
#[tokio::test]
async fn what_is_no_compact_jws_is_no_login_token() {
    let stand = Stand::new().await;
    let token = stand.login.token(at(1.0), json!({}));
    stand.assert_accepted("the token itself", &token).await;
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        unreachable!("a JWS")
    };
    for (what, token) in [
        ("no JWS", "garbage".to_owned()),
        ("dots alone", "..".to_owned()),
        ("two parts", format!("{header}.{payload}")),
        ("four parts", format!("{token}.{signature}")),
        ("five parts, like a JWE", format!("{header}.{payload}.{signature}.{payload}.{signature}")),
        ("a dot too many", format!("{token}.")),
        ("no signature", format!("{header}.{payload}.")),
        ("no payload", format!("{header}..{signature}")),
        ("a padded signature", format!("{token}==")),
        ("a padded header", format!("{header}=.{payload}.{signature}")),
        ("standard base64", format!("{header}.{payload}.+/{}", &signature[2..])),
        ("a header that is no JSON", format!("{}.{payload}.{signature}", encode(b"alg: ES256"))),
        ("a header that is no object", format!("{}.{payload}.{signature}", encode(b"[]"))),
        ("claims that are no object", stand.login.key.sign(&stand.login.key.header().to_string(), "[]")),
        ("claims that are no JSON", stand.login.key.sign(&stand.login.key.header().to_string(), "sub")),
    ] {
        stand.assert_invalid(what, &token).await;
    }
}

/// HYG-3-13
#[tokio::test]
async fn claims_with_a_member_twice_are_refused() {
    let stand = Stand::new().await;
    let claims = stand.login.claims(at(1.0), json!({})).to_string();
    let key = &stand.login.key;
    for twice in [
        r#"{"aud":"kiosk","#,
        r#"{"sub":"alice","#,
        r#"{"auth_time":1,"#,
        r#"{"iss":"https://other.example","#,
    ] {
        let claims = claims.replacen('{', twice, 1);
        stand.assert_invalid(twice, &key.sign(&key.header().to_string(), &claims)).await;
    }
    let header = key.header().to_string().replacen('{', r#"{"alg":"none","#, 1);
    stand.assert_invalid("alg twice", &key.sign(&header, &claims)).await;
}

/// HYG-3-01, HYG-3-03, HYG-3-14
#[tokio::test]
async fn an_unlisted_algorithm_is_refused_whatever_the_signature() {
    let stand = Stand::new().await;
    let (rsa, der) = (Key::rs256("rsa"), Key::es256_der("der"));
    stand.login.publish(Document::of([&stand.login.key, &rsa, &der]));
    let public = &stand.login.key.public;
    let jwk = stand.login.key.jwk.to_string();
    let claims = || stand.login.claims(at(1.0), json!({}));
    for (what, key) in [
        ("none", Key::none("one", "none")),
        ("None", Key::none("one", "None")),
        ("nOnE", Key::none("one", "nOnE")),
        ("no algorithm", Key::none("one", "")),
        ("HS256 with the public key as its secret", Key::hs256("one", public)),
        ("HS256 with the public JWK as its secret", Key::hs256("one", jwk.as_bytes())),
        ("RS256, published but not accepted", rsa),
        ("a signature in DER", der),
    ] {
        stand.assert_invalid(what, &stand.login.signed_by(&key, claims())).await;
    }
    for alg in ["es256", "ES256 ", "ES384", "RS256", "EdDSA"] {
        stand.assert_invalid(alg, &stand.with_header(&stand.login.key, json!({"alg": alg}))).await;
    }
}

/// HYG-3-06, HYG-3-07, HYG-3-17
#[tokio::test]
async fn a_token_that_no_key_of_the_issuer_signed_is_refused() {
    let stand = Stand::new().await;
    let encryption = {
        let mut key = Key::es256("encryption");
        key.jwk["use"] = "enc".into();
        key
    };
    stand.login.publish(Document::of([&stand.login.key, &encryption]));
    let claims = || stand.login.claims(at(1.0), json!({}));
    for (what, token) in [
        ("another key under the right name", stand.login.signed_by(&Key::es256("one"), claims())),
        ("a name nobody published", stand.login.signed_by(&Key::es256("two"), claims())),
        ("the right key under another name", stand.with_header(&stand.login.key, json!({"kid": "two"}))),
        ("a very long name", stand.with_header(&stand.login.key, json!({"kid": "x".repeat(4000)}))),
        ("a key for encryption", stand.login.signed_by(&encryption, claims())),
    ] {
        stand.assert_invalid(what, &token).await;
    }
    let token = stand.login.token(at(1.0), json!({}));
    let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else { unreachable!("a JWS") };
    let other = stand.login.claims(at(1.0), json!({"sub": "alice"})).to_string();
    stand.assert_invalid("other claims", &format!("{header}.{}.{signature}", encode(other.as_bytes()))).await;
    let other = stand.login.key.header().to_string().replace("JWT", "at+jwt");
    let [_, payload, _] = token.split('.').collect::<Vec<_>>()[..] else { unreachable!("a JWS") };
    stand
        .assert_invalid("another header", &format!("{}.{payload}.{signature}", encode(other.as_bytes())))
        .await;
}

/// HYG-3-05
#[tokio::test]
async fn a_key_that_the_token_brings_along_is_not_used() {
    let stand = Stand::new().await;
    let attacker = LoginIssuer::start().await;
    let key = Key::es256("one");
    attacker.publish(Document::of([&key]));
    let uri = format!("{}/jwks", attacker.issuer);
    for header in [
        json!({"jwk": key.jwk}),
        json!({"jku": uri}),
        json!({"x5u": uri}),
        json!({"x5c": [encode(&key.public)]}),
        json!({"x5t#S256": key.thumbprint()}),
        json!({"kid": uri, "jku": uri}),
    ] {
        stand.assert_invalid(&header.to_string(), &stand.with_header(&key, header.clone())).await;
    }
    assert_eq!(attacker.fetches(), 0);
}

/// HYG-3-04
#[tokio::test]
async fn critical_extensions_are_refused() {
    let stand = Stand::new().await;
    for header in [
        json!({"crit": ["exp"], "exp": at(300.0).seconds()}),
        json!({"crit": ["b64"], "b64": false}),
        json!({"crit": []}),
        json!({"crit": "exp"}),
    ] {
        stand.assert_invalid(&header.to_string(), &stand.with_header(&stand.login.key, header.clone())).await;
    }
}

/// HYG-3-08, HYG-3-09
#[tokio::test]
async fn a_token_of_another_type_is_refused() {
    let stand = Stand::new().await;
    for typ in
        ["dpop+jwt", "logout+jwt", "secevent+jwt", "token-introspection+jwt", "jwt-at", "JOSE+JSON", ""]
    {
        stand.assert_invalid(typ, &stand.with_header(&stand.login.key, json!({"typ": typ}))).await;
    }
    for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt", "AT+JWT"] {
        stand.assert_accepted(typ, &stand.with_header(&stand.login.key, json!({"typ": typ}))).await;
    }
}

#[tokio::test]
async fn each_algorithm_on_the_list_is_verified() {
    let keys = [Key::es256("a"), Key::rs256("b"), Key::ps256("c"), Key::ed_dsa("d")];
    let stand = Stand::with(json!({"algorithms": ["ES256", "RS256", "PS256", "EdDSA"]}), &[]).await;
    stand.login.publish(Document::of(&keys));
    let claims = || stand.login.claims(at(1.0), json!({}));
    for key in &keys {
        stand.assert_accepted(key.alg, &stand.login.signed_by(key, claims())).await;
    }
    for forged in [Key::es256("a"), Key::rs256("b"), Key::ps256("c"), Key::ed_dsa("d")] {
        stand.assert_invalid(forged.alg, &stand.login.signed_by(&forged, claims())).await;
    }
}

/// HYG-3-01: RFC 9864 gave EdDSA with the curve Ed25519 a second name.
#[tokio::test]
async fn ed25519_counts_under_both_names_in_login_tokens() {
    for configured in ["EdDSA", "Ed25519"] {
        let stand = Stand::with(json!({"algorithms": [configured]}), &[]).await;
        let keys = [("Ed25519", "Ed25519"), ("EdDSA", "Ed25519"), ("Ed25519", "EdDSA")]
            .map(|(in_key, in_header)| Key::ed25519(&format!("{in_key} {in_header}"), in_key, in_header));
        stand.login.publish(Document::of(&keys));
        for key in &keys {
            let claims = stand.login.claims(at(1.0), json!({}));
            stand.assert_accepted(&key.kid, &stand.login.signed_by(key, claims)).await;
        }
    }
}

/// HYG-3-02: an RSA key says for which of the two algorithms it is.
#[tokio::test]
async fn a_key_is_used_for_the_algorithm_that_it_names_only() {
    let stand = Stand::with(json!({"algorithms": ["RS256", "PS256"]}), &[]).await;
    let mut key = Key::ps256("one");
    key.jwk["alg"] = "RS256".into();
    stand.login.publish(Document::of([&key]));
    let claims = stand.login.claims(at(1.0), json!({}));
    stand.assert_invalid("PS256 by a key for RS256", &stand.login.signed_by(&key, claims)).await;
}

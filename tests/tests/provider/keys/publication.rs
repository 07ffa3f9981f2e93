//! The JWKS endpoint: public halves alone, as long as something they verify may be valid.

use std::collections::BTreeSet;

use ciba_tests::{Provider, at, request};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::{DAILY, DAY, NOTICE, header, jwks, published, rotate, tokens};

/// TOK-12-01, TOK-12-02
#[tokio::test]
async fn each_key_is_published_with_its_public_members_its_name_its_use_and_its_algorithm() {
    let provider = Provider::with(&[DAILY]).await;
    rotate(&provider, DAY).await;
    let answer = jwks(&provider, DAY).await;
    let keys = answer.body["keys"].as_array().unwrap();
    assert_eq!(answer.body.as_object().unwrap().len(), 1);
    assert_eq!(keys.len(), 2);
    for key in keys {
        let members: BTreeSet<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, BTreeSet::from(["alg", "crv", "kid", "kty", "use", "x", "y"]));
        assert_eq!((&key["kty"], &key["crv"]), (&Value::from("EC"), &Value::from("P-256")));
        assert_eq!((&key["alg"], &key["use"]), (&Value::from("ES256"), &Value::from("sig")));
    }
    assert_ne!(keys[0]["kid"], keys[1]["kid"]);
    assert_ne!(keys[0]["x"], keys[1]["x"]);
}

/// TOK-1-01, TOK-1-03, TOK-2-04, TOK-12-01
#[tokio::test]
async fn both_tokens_verify_under_the_published_key_that_they_name() {
    let provider = Provider::start().await;
    let tokens = tokens(&provider, 0.0).await;
    let set: JwkSet = serde_json::from_value(jwks(&provider, 6.0).await.body).unwrap();
    for (name, audience, typ) in [("id_token", "kiosk", "JWT"), ("access_token", Provider::ISSUER, "at+jwt")]
    {
        let token = tokens.text(name);
        let header = header(token);
        assert_eq!((&header["alg"], &header["typ"]), (&Value::from("ES256"), &Value::from(typ)));
        let key = set.find(header["kid"].as_str().unwrap()).expect("published");
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[audience]);
        validation.set_issuer(&[Provider::ISSUER]);
        (validation.validate_exp, validation.validate_nbf) = (false, false);
        let key = DecodingKey::from_jwk(key).unwrap();
        jsonwebtoken::decode::<Value>(token, &key, &validation).expect(name);
    }
}

/// TOK-12-03
#[tokio::test]
async fn a_retired_key_is_published_until_all_it_signed_has_ended() {
    let provider = Provider::with(&[DAILY]).await;
    let first = published(&provider, 0.0).await;
    rotate(&provider, DAY - NOTICE).await;
    for now in [DAY - NOTICE, DAY, 2.0 * DAY, 3.0 * DAY - 1.0] {
        assert!(published(&provider, now).await.contains(&first[0]), "at {now}");
    }
    let later = published(&provider, 3.0 * DAY).await;
    assert_eq!(later.len(), 1);
    assert_ne!(later, first);
}

/// Late is better than down: without a successor a key signs on, and so it has to be known.
#[tokio::test]
async fn a_key_without_successor_stays_published_and_signs_on() {
    let provider = Provider::with(&[DAILY]).await;
    let first = published(&provider, 0.0).await;
    assert_eq!(published(&provider, 100.0 * DAY).await, first);
    assert_eq!(super::kid(&tokens(&provider, 100.0 * DAY).await), first[0]);
    rotate(&provider, 101.0 * DAY).await;
    assert_eq!(published(&provider, 102.0 * DAY).await.len(), 2, "what it signed lately may still be valid");
}

/// TOK-11-08, HYG-1-11
#[tokio::test]
async fn the_key_set_may_be_kept_for_five_minutes_and_read_by_every_page() {
    let provider = Provider::start().await;
    let answer = jwks(&provider, 0.0).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(answer.header("pragma"), None);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

/// HYG-1-16
#[tokio::test]
async fn the_key_set_is_only_ever_got() {
    let provider = Provider::start().await;
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let answer =
            provider.call(&provider.jwks, &request(method, "/.well-known/jwks.json", &[], ""), at(0.0)).await;
        assert_eq!(answer.refusal(), (405, "invalid_request"), "{method}");
        assert_eq!(answer.header("allow"), Some("GET"), "{method}");
    }
}

/// An empty set would be cached by verifiers, and make every later token look forged.
#[tokio::test]
async fn without_keys_there_is_no_key_set_to_be_cached() {
    let provider = Provider::empty(&[]).await;
    let answer = jwks(&provider, 0.0).await;
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable"));
    assert!(answer.retry_after() >= 1);
    rotate(&provider, 1.0).await;
    assert_eq!(published(&provider, 1.0).await.len(), 1);
}

/// TOK-12-05
#[tokio::test]
async fn publishing_and_describing_take_no_private_key() {
    let provider = Provider::start().await;
    provider.kms.clear();
    provider.jwks.warm_up().await;
    jwks(&provider, 0.0).await;
    provider.consent("alice", "GET", "/consent", "", at(0.0)).await;
    let discovery = request("GET", "/.well-known/openid-configuration", &[], "");
    provider.call(&provider.discovery, &discovery, at(0.0)).await;
    assert_eq!(provider.kms.calls(), []);
}

//! The JWKS endpoint: public halves alone, as long as something they verify may be valid.

use std::collections::BTreeSet;

use ciba::aws::Aws;
use ciba::domain::base::jws_algorithm::JwsAlgorithm;
use ciba::keys::{KeyRings, Kms};
use ciba_tests::{Provider, at, request};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::{DAILY, DAY, NOTICE, header, jwks, published, remove_first, rotate, tokens};

/// TOK-12-01, TOK-12-02: its members are public, and it has a name.
#[tokio::test]
async fn each_key_is_published_with_its_members_use_and_algorithm() {
    let provider = Provider::with(&[DAILY]).await;
    rotate(&provider, DAY).await;
    let answer = jwks(&provider, DAY).await;
    let keys = answer.body["keys"].as_array().unwrap();
    assert_eq!(answer.body.as_object().unwrap().len(), 1);
    assert_eq!(keys.len(), 2 * JwsAlgorithm::ALL.len());
    for (alg, kind) in [
        ("ES256", json!({"kty": "EC", "crv": "P-256", "x": null, "y": null})),
        ("RS256", json!({"kty": "RSA", "e": "AQAB", "n": null})),
        ("PS256", json!({"kty": "RSA", "e": "AQAB", "n": null})),
        ("EdDSA", json!({"kty": "OKP", "crv": "Ed25519", "x": null})),
    ] {
        let of_algorithm: Vec<_> = keys.iter().filter(|key| key["alg"] == alg).collect();
        assert_eq!(of_algorithm.len(), 2, "{alg}");
        let mut expected = json!({"use": "sig", "alg": alg, "kid": null});
        expected.as_object_mut().unwrap().extend(kind.as_object().unwrap().clone());
        for key in of_algorithm {
            let mut key = key.clone();
            for value in ["kid", "n", "x", "y"] {
                let value = key.get_mut(value).map(Value::take);
                assert!(value.is_none_or(|value| value.as_str().is_some_and(|text| text.len() >= 43)));
            }
            assert_eq!(key, expected);
        }
    }
    for value in ["kid", "n", "x"] {
        let values: Vec<_> = keys.iter().filter_map(|key| key[value].as_str()).collect();
        assert_eq!(BTreeSet::from_iter(&values).len(), values.len(), "no two keys have the same {value}");
    }
}

/// TOK-12-01, TOK-12-02, TOK-12-03
#[tokio::test]
async fn each_algorithms_key_signs_what_its_published_key_verifies() {
    let provider = Provider::with(&[DAILY]).await;
    rotate(&provider, DAY - NOTICE).await;
    let rings = KeyRings::new(
        provider.table.clone(),
        Kms::connect(&Aws::read(&provider.environment()).expect("settings")),
    );
    let mut signers = BTreeSet::new();
    for now in [DAY - 1.0, DAY] {
        let set: JwkSet = serde_json::from_value(jwks(&provider, now).await.body).expect("a JWKS");
        let ring = rings.get(at(now)).await.expect("keys");
        for algorithm in JwsAlgorithm::ALL {
            let key = ring.signing_key(algorithm, at(now)).expect("a key");
            let token = key.sign("JWT", &json!({"sub": "alice"})).await.expect("a token");
            let header = header(&token);
            assert_eq!(header["alg"], algorithm.as_str());
            let kid = header["kid"].as_str().expect("a kid");
            let jwk = set.find(kid).expect("published");
            assert_eq!(
                jwk.common.key_algorithm.map(|it| it.to_string()).as_deref(),
                Some(algorithm.as_str())
            );
            let mut signature_only = Validation::new(algorithm.as_str().parse().expect("an algorithm"));
            (signature_only.validate_exp, signature_only.validate_aud) = (false, false);
            signature_only.required_spec_claims.clear();
            let key = DecodingKey::from_jwk(jwk).expect("a key");
            let verified = jsonwebtoken::decode::<Value>(&token, &key, &signature_only);
            assert!(verified.is_ok(), "{algorithm:?}: {verified:?}");
            assert!(signers.insert(kid.to_owned()), "each signs for its time only");
        }
    }
}

/// A table from before there were other algorithms, or half-way through a first rotation. They sign, and are published.
#[tokio::test]
async fn an_algorithm_without_a_key_does_not_stop_the_others() {
    let provider = Provider::start().await;
    for algorithm in [JwsAlgorithm::RS256, JwsAlgorithm::PS256, JwsAlgorithm::EdDSA] {
        remove_first(&provider, algorithm).await;
    }
    assert_eq!(jwks(&provider, 0.0).await.body["keys"].as_array().expect("keys").len(), 1);
    tokens(&provider, 0.0).await;
    assert_eq!(rotate(&provider, 60.0).await, ["signing-RS256#1", "signing-PS256#1", "signing-EdDSA#1"]);
    assert_eq!(jwks(&provider, 60.0).await.body["keys"].as_array().expect("keys").len(), 4);
}

/// The key set is there.
#[tokio::test]
async fn without_a_default_algorithm_key_there_is_no_token() {
    let provider = Provider::start().await;
    remove_first(&provider, JwsAlgorithm::DEFAULT).await;
    assert_eq!(jwks(&provider, 0.0).await.body["keys"].as_array().expect("keys").len(), 3);
    let answer = provider.ask(&[], at(0.0)).await;
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable"));
    assert!(provider.items_under("request#").await.is_empty());
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
    let mut first = Vec::new();
    for algorithm in JwsAlgorithm::ALL {
        first.extend(published(&provider, algorithm, 0.0).await);
    }
    assert_eq!(first.len(), JwsAlgorithm::ALL.len());
    rotate(&provider, DAY - NOTICE).await;
    for (algorithm, first) in JwsAlgorithm::ALL.into_iter().zip(&first) {
        for now in [DAY - NOTICE, DAY, 2.0 * DAY, 3.0 * DAY - 1.0] {
            assert!(published(&provider, algorithm, now).await.contains(first), "{algorithm:?} at {now}");
        }
        let later = published(&provider, algorithm, 3.0 * DAY).await;
        assert!(later.len() == 1 && later[0] != *first, "{algorithm:?}");
    }
}

/// Late is better than down: without a successor a key signs on, and so it has to be known.
#[tokio::test]
async fn a_key_without_successor_stays_published_and_signs_on() {
    let provider = Provider::with(&[DAILY]).await;
    let first = published(&provider, JwsAlgorithm::DEFAULT, 0.0).await;
    for algorithm in JwsAlgorithm::ALL {
        let at_first = published(&provider, algorithm, 0.0).await;
        assert_eq!(published(&provider, algorithm, 100.0 * DAY).await, at_first, "{algorithm:?}");
    }
    assert_eq!(super::kid(&tokens(&provider, 100.0 * DAY).await), first[0]);
    rotate(&provider, 101.0 * DAY).await;
    for algorithm in JwsAlgorithm::ALL {
        let keys = published(&provider, algorithm, 102.0 * DAY).await;
        assert_eq!(keys.len(), 2, "{algorithm:?}: what it signed lately may still be valid");
    }
}

/// TOK-11-08, HYG-1-11
#[tokio::test]
async fn the_key_set_is_cacheable_for_five_minutes_with_open_cors() {
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
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let answer =
            provider.call(&provider.jwks, &request(method, "/.well-known/jwks.json", &[], ""), at(0.0)).await;
        assert_eq!(answer.refusal(), (405, "invalid_request"), "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"), "{method}");
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
    assert_eq!(published(&provider, JwsAlgorithm::DEFAULT, 1.0).await.len(), 1);
}

/// TOK-12-05
#[tokio::test]
async fn publishing_and_describing_take_no_private_key() {
    let provider = Provider::start().await;
    provider.kms.clear();
    provider.jwks.warm_up(&provider.invocation(at(0.0))).await;
    jwks(&provider, 0.0).await;
    provider.consent("alice", "GET", "/consent", "", at(0.0)).await;
    let discovery = request("GET", "/.well-known/openid-configuration", &[], "");
    provider.call(&provider.discovery, &discovery, at(0.0)).await;
    assert_eq!(provider.kms.calls(), []);
}

//! Signing keys that never leave KMS.

use std::collections::BTreeSet;
use std::time::Duration;

use ciba::aws::Aws;
use ciba::domain::base::jws_algorithm::JwsAlgorithm;
use ciba::keys::{KeyRings, Kms};
use ciba_local::kms::{EVIDENCE_KEY_ALIAS, Failure};
use ciba_tests::{Provider, at};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use key_rotation::KeyRotation;
use serde_json::{Value, json};

use super::{DAILY, DAY, IN_KMS, NOTICE, SECOND, SIGNING, jwks, replace_leaked, rotate, tokens};

/// TOK-12-01, TOK-12-05, HYG-3-14: as a library that knows nothing of ours sees it. This holds for each algorithm.
#[tokio::test]
async fn tokens_signed_in_kms_verify_under_the_published_key() {
    let provider = Provider::with(&IN_KMS).await;
    let aws = Aws::read(&provider.environment()).expect("settings");
    let rings = KeyRings::new(provider.table.clone(), Kms::connect(&aws));
    let ring = rings.get(at(0.0)).await.expect("keys");
    let set: JwkSet = serde_json::from_value(jwks(&provider, 0.0).await.body).expect("a JWKS");
    for algorithm in JwsAlgorithm::ALL {
        let name = algorithm.as_str();
        // Halves of a signature that begin with zeros are shorter in DER: with so many, some are.
        for nth in 0..if algorithm == JwsAlgorithm::ES256 { 200 } else { 2 } {
            let key = ring.signing_key(algorithm, at(0.0)).expect("a key");
            let token = key.sign("JWT", &json!({"sub": "alice", "nth": nth})).await.expect("a token");
            let jwk = set.find(super::header(&token)["kid"].as_str().expect("a kid")).expect("published");
            let mut signature_only = Validation::new(name.parse().expect("an algorithm"));
            (signature_only.validate_exp, signature_only.validate_aud) = (false, false);
            signature_only.required_spec_claims.clear();
            let key = DecodingKey::from_jwk(jwk).expect("a key");
            let verified = jsonwebtoken::decode::<Value>(&token, &key, &signature_only);
            assert!(verified.is_ok(), "{name}: {verified:?}");
        }
    }
    let signed = provider.kms.calls().into_iter().filter(|call| call.operation == "Sign").count();
    assert_eq!(signed, 200 + 3 * 2);
}

/// TOK-12-05
#[tokio::test]
async fn the_table_has_only_the_name_of_a_key_in_kms() {
    let provider = Provider::with(&IN_KMS).await;
    let records = provider.table.list_keys().await.expect("keys");
    let names: BTreeSet<_> = records.iter().filter_map(|record| record.kms_key_id.clone()).collect();
    assert_eq!(names, provider.kms.signing_keys().into_iter().collect());
    for record in &records {
        let in_kms = record.key_use.algorithm().is_some();
        assert_eq!(record.kms_key_id.is_some(), in_kms, "{:?}", record.key_use);
        assert_eq!(record.sealed.is_empty(), in_kms, "{:?}", record.key_use);
    }
}

/// No outage in either direction: the key at hand signs until its time, and its successor is of the other kind.
#[tokio::test]
async fn a_change_of_the_setting_comes_with_the_next_successor() {
    for (before, after) in [(&[DAILY][..], &IN_KMS[..]), (&IN_KMS, &[DAILY])] {
        let with = |settings: &[(&'static str, &'static str)]| {
            let mut all = vec![DAILY];
            all.extend(settings.iter().filter(|it| **it != DAILY));
            all
        };
        let mut provider = Provider::with(&with(before)).await;
        tokens(&provider, 0.0).await;
        let others = ["SIGNING", "SIGNING_KEY_TAG"];
        let mut environment = provider.environment_list();
        environment.retain(|(name, _)| !others.contains(&name.as_str()));
        let changed = with(after).into_iter().filter(|(name, _)| others.contains(name));
        environment.extend(changed.map(|(name, value)| (name.to_owned(), value.to_owned())));
        provider.key_rotation = KeyRotation::new(&provider.patient(environment)).expect("settings");

        assert!(rotate(&provider, 3600.0).await.is_empty(), "no successor before its time");
        assert_eq!(rotate(&provider, DAY - NOTICE).await, SECOND);
        let records = provider.table.list_keys().await.expect("keys");
        for record in records.iter().filter(|record| record.key_use.algorithm().is_some()) {
            let in_kms = (record.generation == 1) == (before == IN_KMS);
            assert_eq!(record.kms_key_id.is_some(), in_kms, "{:?} {}", record.key_use, record.generation);
        }
        for now in [DAY - NOTICE + 60.0, DAY - 60.0, DAY, DAY + 60.0] {
            let tokens = tokens(&provider, now).await;
            let set = jwks(&provider, now + 5.0).await.body;
            let published =
                |kid: &str| set["keys"].as_array().expect("keys").iter().any(|key| key["kid"] == kid);
            assert!(published(&super::kid(&tokens)));
        }
    }
}

#[tokio::test]
async fn a_client_whose_token_kms_did_not_sign_gets_it_on_retry() {
    let provider = Provider::with(&IN_KMS).await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    provider.token.warm_up(&provider.invocation(at(2.0))).await;
    let before = provider.traces().await;
    provider.kms.fail_next(Failure::Disabled);
    let answer = provider.poll(&auth_req_id, at(5.0)).await;
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable"));
    assert!(answer.retry_after() >= 1);
    assert_eq!(provider.traces().await, before, "the approval stands");
    assert_eq!(provider.poll(&auth_req_id, at(10.0)).await.status, 200);
}

/// A signature that does not come is waited for a second, and two in all.
#[tokio::test]
async fn kms_is_not_waited_for_longer_than_the_function_has() {
    let provider = Provider::with(&IN_KMS).await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    provider.token.warm_up(&provider.invocation(at(2.0))).await;
    for _ in 0..3 {
        provider.kms.fail_next(Failure::Silence(provider.proxy.patience()));
    }
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.refusal(), (503, "temporarily_unavailable"));
    assert_eq!(provider.proxy.patience().waited(), Duration::from_secs(2));
}

/// KMS may not know at once what it has just made.
#[tokio::test]
async fn a_key_that_kms_does_not_know_yet_is_asked_for_again() {
    let provider = Provider::empty(&IN_KMS).await;
    // The data key and the first signing key are made.
    for _ in 0..2 {
        provider.kms.fail_next(Failure::Hang(Duration::ZERO));
    }
    for _ in 0..2 {
        provider.kms.fail_next(Failure::Error { code: "NotFoundException".to_owned() });
    }
    assert_eq!(rotate(&provider, 0.0).await, super::FIRST);
    assert_eq!(provider.kms.signing_keys().len(), JwsAlgorithm::ALL.len(), "and no second one is made");
}

/// A lost answer would otherwise leave a key behind at each repeat.
#[tokio::test]
async fn making_a_key_in_kms_is_not_repeated() {
    let provider = Provider::empty(&IN_KMS).await;
    provider.kms.fail_next(Failure::Hang(Duration::ZERO));
    provider.kms.fail_next(Failure::InternalError);
    provider.key_rotation.run(&provider.invocation(at(0.0))).await.expect_err("KMS made no key");
    let made = provider.kms.calls().into_iter().filter(|call| call.operation == "CreateKey").count();
    assert_eq!(made, JwsAlgorithm::ALL.len());
    assert_eq!(rotate(&provider, 60.0).await, ["signing-ES256#1"], "the next completes it");
}

/// A Region whose KMS has no Ed25519, for example: the others are rotated, and its current key signs on.
#[tokio::test]
async fn a_kind_of_key_that_kms_refuses_is_named_and_stops_no_other() {
    let provider = Provider::with(&[&IN_KMS[..], &[DAILY]].concat()).await;
    // What is asked of KMS first is the data key.
    provider.kms.fail_next(Failure::Hang(Duration::ZERO));
    provider.kms.fail_next(Failure::Error { code: "UnsupportedOperationException".to_owned() });
    let answer = provider.key_rotation.run(&provider.invocation(at(DAY))).await.expect("a rotation");
    assert_eq!(answer["not_made"]["signing-ES256#2"], "CreateKey: UnsupportedOperationException");
    let others: Vec<_> = SECOND.into_iter().filter(|name| *name != "signing-ES256#2").collect();
    assert_eq!(answer["made"], json!(others));
    tokens(&provider, DAY + NOTICE).await;
    assert_eq!(rotate(&provider, DAY + 3600.0).await, ["signing-ES256#2"], "an hour later it goes on");
}

/// Both make keys in KMS, where nothing is made only once; of each generation one is used, and the other one is told.
#[tokio::test]
async fn simultaneous_rotations_are_one_and_name_unused_keys() {
    let provider = Provider::with(&[&IN_KMS[..], &[DAILY]].concat()).await;
    let other = KeyRotation::new(&provider.environment()).expect("settings");
    let invocations = [provider.invocation(at(DAY)), provider.invocation(at(DAY))];
    let (one, two) = tokio::join!(provider.key_rotation.run(&invocations[0]), other.run(&invocations[1]));
    let answers = [one.expect("a rotation"), two.expect("a rotation")];
    let told = |name: &str| {
        let lists = answers.iter().flat_map(|answer| answer[name].as_array().cloned().unwrap_or_default());
        lists.map(|it| it.as_str().expect("a text").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(told("made").len(), SECOND.len());
    let records = provider.table.list_keys().await.expect("keys").into_iter();
    let mut known: Vec<_> = records.filter_map(|record| record.kms_key_id).collect();
    assert_eq!(known.len(), 2 * JwsAlgorithm::ALL.len());
    known.extend(told("unused_in_kms"));
    known.sort();
    let mut in_kms = provider.kms.signing_keys();
    in_kms.sort();
    assert_eq!(known, in_kms);
}

/// TOK-12-05
#[tokio::test]
async fn a_withdrawn_key_in_kms_signs_nothing_more_though_kms_would() {
    let provider = Provider::with(&IN_KMS).await;
    tokens(&provider, 0.0).await;
    let old = provider.kms.signing_keys();
    replace_leaked(&provider, &[SIGNING], 10.0).await.expect("an emergency");
    provider.kms.clear();
    tokens(&provider, 11.0).await;
    let calls = provider.kms.calls().into_iter().filter(|call| call.operation == "Sign");
    // Beside the witness of what was decided.
    let signers: Vec<_> =
        calls.filter_map(|call| call.key_id).filter(|key| key != EVIDENCE_KEY_ALIAS).collect();
    assert!(signers.len() == 2 && signers.iter().all(|key| !old.contains(key)), "{signers:?}");
}

//! Keys as they lie in the table, and opening them: by KMS alone, once per cold start.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba::aws::Aws;
use ciba::domain::base::jws_algorithm::JwsAlgorithm;
use ciba::domain::base::time::Timestamp;
use ciba::keys::{DataKey, HandleKey, Kms, sealing_label};
use ciba::protocol::jwks::PublicKey;
use ciba::store::{KeyRecord, KeyUse};
use ciba_local::kms::Failure;
use ciba_local::proxy::Refusal;
use ciba_tests::{Answer, Provider, SECRET, at, basic, form, form_request};
use serde_json::json;
use token::Token;

use crate::operator::{done, refused};

use super::{DAILY, DAY, FIRST, NOTICE, populate, rotate, tokens, version};

async fn record(provider: &Provider, key_use: KeyUse) -> KeyRecord {
    let records = provider.table.list_keys().await.unwrap();
    records.into_iter().find(|record| record.key_use == key_use).unwrap()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn decrypts(provider: &Provider) -> usize {
    provider.kms.calls().iter().filter(|call| call.operation == "Decrypt").count()
}

fn queries(provider: &Provider) -> usize {
    provider.proxy.calls().iter().filter(|call| call.operation == "Query").count()
}

/// A poll with a token function of the test's own.
async fn poll(provider: &Provider, token: &Token, auth_req_id: &str, now: Timestamp) -> Answer {
    let parameters = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", auth_req_id)];
    let request = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(&parameters));
    provider.call(token, &request, now).await
}

/// TOK-12-05, HYG-5-05
#[tokio::test]
async fn no_key_lies_in_the_table_in_clear() {
    let provider = Provider::start().await;
    let records = provider.table.list_keys().await.unwrap();
    assert_eq!(records.len(), FIRST.len());
    let kms = Kms::connect(&Aws::read(&provider.environment()).unwrap());
    let plain = kms.decrypt(&record(&provider, KeyUse::Data).await.sealed).await.expect("KMS opens it");
    let data_key = DataKey::new(&plain).unwrap();

    let mut secrets = Vec::new();
    for algorithm in JwsAlgorithm::ALL {
        let key_use = KeyUse::Signing(algorithm);
        let signing = record(&provider, key_use).await;
        let pkcs8 = data_key.open(&sealing_label(key_use, 1), &signing.sealed).expect("a signing key");
        let secret = match signing.public.expect("a public half").key {
            PublicKey::Ec { x, .. } => {
                let pair =
                    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).expect("PKCS#8");
                let point = pair.public_key().as_ref();
                assert_eq!(URL_SAFE_NO_PAD.encode(&point[1..33]), x, "it is the key that is published");
                // RFC 5915: 04 20 and the scalar.
                let scalar = pkcs8.windows(2).position(|at| at == [0x04, 0x20]).expect("a scalar");
                pkcs8[scalar + 2..scalar + 34].to_vec()
            }
            // The end of the private key: of the last CRT parameter (RFC 8017), and the seed (RFC 8410).
            PublicKey::Rsa { .. } | PublicKey::Okp { .. } => pkcs8[pkcs8.len() - 32..].to_vec(),
        };
        secrets.push(secret);
    }
    let handle = record(&provider, KeyUse::Handle).await;
    let handle_key = data_key.open(&sealing_label(KeyUse::Handle, 1), &handle.sealed).expect("a handle key");
    assert_eq!(handle_key.len(), HandleKey::BYTES);

    secrets.extend([plain, handle_key]);
    let scan = provider.dynamodb.client().scan().table_name(&provider.dynamodb.table).send().await.unwrap();
    for (name, value) in scan.items().iter().flatten() {
        let bytes = match (value.as_b(), value.as_s()) {
            (Ok(bytes), _) => bytes.as_ref(),
            (_, Ok(text)) => text.as_bytes(),
            _ => continue,
        };
        for secret in &secrets {
            assert!(!contains(bytes, secret), "{name}");
            assert!(!contains(bytes, URL_SAFE_NO_PAD.encode(secret).as_bytes()), "{name}");
        }
    }
}

/// TOK-12-05: one KMS key may serve several deployments.
#[tokio::test]
async fn a_data_key_of_another_table_opens_nothing_here() {
    let provider = Provider::start().await;
    let (auth_req_id, _) = provider.asked(&[], at(0.0)).await;
    let made = Provider::empty(&[]).await;
    rotate(&made, 0.0).await;
    let table = made.dynamodb.table.clone();
    let call = made.kms.calls().into_iter().find(|call| call.operation == "GenerateDataKey").expect("a call");
    assert_eq!(
        call.context,
        [("purpose", "ciba-keys"), ("table", &*table)].map(|(n, v)| (n.into(), v.into())).into()
    );

    provider.reencrypt_data_key(&[("purpose", "ciba-keys"), ("table", "another")]).await;
    let cold = Token::new(&provider.environment()).unwrap();
    assert_eq!(
        poll(&provider, &cold, &auth_req_id, at(5.0)).await.refusal(),
        (503, "temporarily_unavailable")
    );
    provider.key_rotation.run(&provider.invocation(at(5.0))).await.expect_err("it opens nothing");
}

/// TOK-12-05: nothing in it shows for which table it was made.
#[tokio::test]
async fn a_data_key_that_names_no_table_opens_nothing() {
    let provider = Provider::start().await;
    let (auth_req_id, _) = provider.asked(&[], at(0.0)).await;
    provider.reencrypt_data_key(&[("purpose", "ciba-keys")]).await;
    provider.kms.clear();
    let cold = Token::new(&provider.environment()).unwrap();
    let answer = poll(&provider, &cold, &auth_req_id, at(5.0)).await;
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable"));
    let contexts: Vec<_> = provider.kms.calls().iter().map(|call| call.context.len()).collect();
    assert!(!contexts.is_empty() && contexts.iter().all(|names| *names == 2), "{contexts:?}");
    provider.key_rotation.run(&provider.invocation(at(5.0))).await.expect_err("it opens nothing");
}

/// TOK-12-05: an operator binds it once, and everything that it sealed opens again.
#[tokio::test]
async fn a_data_key_that_names_no_table_is_bound_by_the_operator() {
    let provider = Provider::start().await;
    let (auth_req_id, _) = provider.asked(&[], at(0.0)).await;
    provider.reencrypt_data_key(&[("purpose", "ciba-keys")]).await;
    let output = done(&provider, &["key", "bind"], at(1.0)).await;
    assert_eq!(output.json, json!({ "bound": [1] }));
    let cold = Token::new(&provider.environment()).unwrap();
    assert_eq!(poll(&provider, &cold, &auth_req_id, at(5.0)).await.refusal(), (400, "authorization_pending"));

    let bound = record(&provider, KeyUse::Data).await.sealed;
    assert_eq!(done(&provider, &["key", "bind"], at(2.0)).await.json, json!({ "bound": [] }));
    assert_eq!(record(&provider, KeyUse::Data).await.sealed, bound, "it was bound already");
}

/// TOK-12-05: a data key without a table's name was put into this table from another one.
#[tokio::test]
async fn a_data_key_of_another_table_is_never_bound() {
    let provider = Provider::start().await;
    let other = Provider::empty(&[]).await;
    rotate(&other, 0.0).await;
    other.reencrypt_data_key(&[("purpose", "ciba-keys")]).await;
    let foreign = record(&other, KeyUse::Data).await.sealed;
    provider.set_data_key(foreign.clone()).await;
    let why = refused(&provider, &["key", "bind"], at(1.0)).await;
    assert_eq!(why, "data key 1 does not open the keys that name it, so it is another table's");
    assert_eq!(record(&provider, KeyUse::Data).await.sealed, foreign, "nothing is written");
}

/// A key that is moved to another place in the table opens as nothing.
#[tokio::test]
async fn a_sealed_key_opens_for_its_own_use_and_generation_only() {
    let provider = Provider::start().await;
    let kms = Kms::connect(&Aws::read(&provider.environment()).unwrap());
    let plain = kms.decrypt(&record(&provider, KeyUse::Data).await.sealed).await.unwrap();
    let data_key = DataKey::new(&plain).unwrap();
    let handle = record(&provider, KeyUse::Handle).await.sealed;
    let signing = KeyUse::Signing(JwsAlgorithm::ES256);
    for (key_use, generation) in [(signing, 1), (KeyUse::Handle, 2), (KeyUse::Data, 1)] {
        assert!(data_key.open(&sealing_label(key_use, generation), &handle).is_err());
    }
    let rs256 = record(&provider, KeyUse::Signing(JwsAlgorithm::RS256)).await.sealed;
    let ps256 = sealing_label(KeyUse::Signing(JwsAlgorithm::PS256), 1);
    assert!(data_key.open(&ps256, &rs256).is_err(), "one RSA key, one algorithm");
    assert!(kms.decrypt(&handle).await.is_err(), "KMS made the data key alone");
}

#[tokio::test]
async fn the_configured_key_makes_a_data_key_for_each_purpose() {
    let provider = Provider::empty(&[]).await;
    rotate(&provider, 0.0).await;
    let calls = provider.kms.calls();
    let made: Vec<_> =
        calls.iter().map(|call| (call.operation.as_str(), call.context["purpose"].as_str())).collect();
    // The function that creates a page key or a login key never sees it.
    let expected = [
        ("GenerateDataKey", "ciba-keys"),
        ("GenerateDataKeyWithoutPlaintext", "ciba-pages"),
        ("GenerateDataKeyPairWithoutPlaintext", "ciba-login-keys"),
    ];
    assert_eq!(made, expected);
    assert!(calls.iter().all(|call| call.key_id.as_deref() == Some("alias/ciba")), "{calls:?}");
    provider.kms.clear();
    provider.backchannel_authentication.warm_up(&provider.invocation(at(0.0))).await;
    assert_eq!(provider.kms.calls()[0].context, calls[0].context);
}

/// Speed: KMS is asked to open keys once per cold start, whatever a function does then and however long it lives.
#[tokio::test]
async fn a_function_asks_kms_once_in_its_life() {
    let provider = Provider::with(&[DAILY]).await;
    provider.kms.clear();
    provider.backchannel_authentication.warm_up(&provider.invocation(at(0.0))).await;
    assert_eq!(decrypts(&provider), 1, "backchannel-authentication");
    provider.token.warm_up(&provider.invocation(at(0.0))).await;
    assert_eq!(decrypts(&provider), 2, "token");
    provider.consent.warm_up(&provider.invocation(at(0.0))).await.expect("consent");
    assert_eq!(decrypts(&provider), 3, "consent");
    provider.kms.clear();
    // A decision's evidence is signed by its witness, each time.
    let others = || {
        let calls = provider.kms.calls().into_iter().filter(|call| call.operation != "Sign");
        calls.map(|call| call.operation).collect::<Vec<_>>()
    };
    tokens(&provider, 0.0).await;
    assert_eq!(others(), [] as [&str; 0], "warmed up");
    rotate(&provider, DAY - NOTICE).await;
    provider.kms.clear();
    for now in [DAY - NOTICE + 1.0, DAY, 2.0 * DAY] {
        tokens(&provider, now).await;
    }
    assert_eq!(others(), [] as [&str; 0], "new keys under a known data key");
}

#[tokio::test]
async fn a_function_that_could_not_reach_kms_answers_503_and_recovers() {
    let provider = Provider::start().await;
    provider.kms.fail_next(Failure::Disabled);
    let answer = provider.ask(&[], at(0.0)).await;
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable"));
    assert!(answer.retry_after() >= 1);
    assert!(provider.items_under("request#").await.is_empty());
    assert!(provider.sns.attempts().is_empty());

    let (auth_req_id, request) = provider.asked(&[], at(1.0)).await;
    provider.approve(&request, at(2.0)).await;
    let before = provider.items_under("request#").await;
    provider.kms.fail_next(Failure::Disabled);
    let answer = provider.poll(&auth_req_id, at(6.0)).await;
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable"));
    assert!(answer.retry_after() >= 1);
    assert_eq!(provider.items_under("request#").await, before, "the approval is still there");
    assert_eq!(provider.poll(&auth_req_id, at(11.0)).await.status, 200);
}

#[tokio::test]
async fn a_function_started_without_keys_works_once_there_are_some() {
    let provider = Provider::empty(&[]).await;
    populate(&provider).await;
    provider.backchannel_authentication.warm_up(&provider.invocation(at(0.0))).await;
    provider.token.warm_up(&provider.invocation(at(0.0))).await;
    assert_eq!(provider.ask(&[], at(0.0)).await.refusal(), (503, "temporarily_unavailable"));
    assert!(provider.items_under("request#").await.is_empty());
    let handle = "A".repeat(44);
    assert_eq!(provider.poll(&handle, at(0.0)).await.refusal().0, 503, "nobody can say what it is");
    rotate(&provider, 10.0).await;
    tokens(&provider, 11.0).await;
}

#[tokio::test]
async fn a_warm_function_serves_on_when_keys_cannot_be_reread() {
    let provider = Provider::start().await;
    tokens(&provider, 0.0).await;
    let (auth_req_id, request) = provider.asked(&[], at(250.0)).await;
    provider.approve(&request, at(251.0)).await;
    for nth in 1..=3 {
        provider.proxy.fail_before("Query", nth, Refusal::InternalServerError);
    }
    assert_eq!(provider.poll(&auth_req_id, at(310.0)).await.status, 200);
}

/// A version nobody knows may be a new one, or a guess; a guess costs one read a minute.
#[tokio::test]
async fn an_unknown_key_version_rereads_keys_at_most_once_a_minute() {
    let provider = Provider::start().await;
    let (auth_req_id, _) = provider.asked(&[], at(0.0)).await;
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.refusal(), (400, "authorization_pending"));
    let mut bytes = URL_SAFE_NO_PAD.decode(&auth_req_id).unwrap();
    bytes[0] = 2;
    let unknown = URL_SAFE_NO_PAD.encode(bytes);
    let mut reads = Vec::new();
    for now in [6.0, 64.9, 65.0, 66.0, 124.9, 125.0] {
        provider.proxy.clear();
        assert_eq!(provider.poll(&unknown, at(now)).await.refusal(), (400, "invalid_grant"), "at {now}");
        reads.push(queries(&provider));
        let touched = provider.proxy.calls().iter().any(|call| call.operation == "UpdateItem");
        assert!(!touched, "a forged handle costs no write");
    }
    assert_eq!(reads, [1, 0, 0, 1, 0, 0]);
}

#[tokio::test]
async fn a_warm_function_reads_a_missed_version_on_meeting_it() {
    let provider = Provider::with(&[DAILY]).await;
    let token = Token::new(&provider.environment()).unwrap();
    token.warm_up(&provider.invocation(at(DAY - NOTICE - 1.0))).await;
    rotate(&provider, DAY - NOTICE).await;
    let (auth_req_id, _) = provider.asked(&[], at(DAY)).await;
    assert_eq!(version(&auth_req_id), 2);
    // Its reload fails for good, so it has the first generation only.
    for nth in 1..=3 {
        provider.proxy.fail_before("Query", nth, Refusal::InternalServerError);
    }
    let answer = poll(&provider, &token, &auth_req_id, at(DAY + 5.0)).await;
    assert_eq!(answer.refusal(), (400, "authorization_pending"));
}

//! What is withdrawn is in equal copies, so that no item is read by everybody; without its copy nobody uses a key.

use aws_sdk_dynamodb::types::AttributeValue;
use ciba::domain::base::jws_algorithm::JwsAlgorithm;
use ciba::store::KeyUse;
use ciba_tests::{Answer, Provider, SECRET, at, basic, form, form_request, request};
use jwks::Jwks;
use serde_json::Value;
use token::Token;

use super::{DAILY, DAY, NOTICE, SIGNING, jwks, published, replace_leaked, rotate};

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

async fn delete(provider: &Provider, pk: &str, sk: &str) {
    let delete = provider.dynamodb.client().delete_item().table_name(&provider.dynamodb.table);
    delete.key("pk", text(pk)).key("sk", text(sk)).send().await.expect("a deletion");
}

/// Where the copies are, and what each withdraws.
async fn copies(provider: &Provider) -> Vec<(String, Value)> {
    let items = provider.items().await.into_iter();
    let is_copy = |item: &Value| matches!(item["sk"].as_str(), Some("withdrawn" | "emergency"));
    let mut copies: Vec<_> = items
        .filter(is_copy)
        .map(|mut item| {
            let pk = item["pk"].as_str().expect("a text").to_owned();
            for name in ["pk", "sk", "write_id"] {
                item.as_object_mut().expect("an item").remove(name);
            }
            (pk, item)
        })
        .collect();
    copies.sort_by(|(one, _), (other, _)| one.cmp(other));
    copies
}

fn reads(provider: &Provider) -> Vec<String> {
    provider.proxy.calls().into_iter().map(|call| call.operation).collect()
}

async fn key_set(provider: &Provider, function: &Jwks, known: &str, now: f64) -> Answer {
    let request = request("GET", "/.well-known/jwks.json", &[("if-none-match", known)], "");
    provider.call(function, &request, at(now)).await
}

#[tokio::test]
async fn a_withdrawal_changes_all_copies() {
    let provider = Provider::start().await;
    assert_eq!(copies(&provider).await.len(), 18);
    replace_leaked(&provider, &[SIGNING, KeyUse::Handle], 10.0).await.expect("an emergency");
    let copies = copies(&provider).await;
    assert_eq!(copies.len(), 18);
    for (pk, withdrawn) in &copies {
        assert_eq!(withdrawn, &copies[0].1, "{pk}");
        let uses: Vec<_> = withdrawn.as_object().expect("an item").keys().collect();
        assert_eq!(uses, ["handle", "signing-ES256"], "{pk}");
    }
}

/// Anybody may ask for the key set at any rate, and takes nothing from those who sign in.
#[tokio::test]
async fn a_known_key_set_costs_one_read_of_its_own_item() {
    let provider = Provider::with(&[DAILY]).await;
    jwks(&provider, 0.0).await;
    provider.proxy.clear();
    jwks(&provider, 299.0).await;
    assert_eq!(reads(&provider), ["GetItem"]);
    let [call] = &provider.proxy.calls()[..] else { panic!("one call") };
    assert_eq!(call.leading_keys(), ["key-set"]);
    jwks(&provider, 300.0).await;
    assert_eq!(reads(&provider), ["GetItem", "GetItem", "Query"]);
}

/// TOK-12-03, TOK-12-05: by a function that has just read it.
#[tokio::test]
async fn a_new_key_and_a_withdrawal_change_the_key_set_at_once() {
    let provider = Provider::with(&[DAILY]).await;
    let now = DAY - NOTICE;
    let first = published(&provider, JwsAlgorithm::DEFAULT, now - 1.0).await;
    rotate(&provider, now).await;
    let both = published(&provider, JwsAlgorithm::DEFAULT, now).await;
    assert!(both.len() == 2 && both.contains(&first[0]));
    replace_leaked(&provider, &[SIGNING], now + 1.0).await.expect("an emergency");
    let [successor] = &published(&provider, JwsAlgorithm::DEFAULT, now + 1.0).await[..] else {
        panic!("one key")
    };
    assert!(!both.contains(successor));
}

/// TOK-12-05: a hand in the table that removes a withdrawal brings no key back.
#[tokio::test]
async fn without_its_copy_no_function_uses_a_key() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    replace_leaked(&provider, &[SIGNING], 2.0).await.expect("an emergency");
    for nth in 0..16 {
        delete(&provider, &format!("withdrawn#{nth}"), "withdrawn").await;
    }
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.refusal(), (503, "temporarily_unavailable"));
    assert_eq!(provider.ask(&[], at(6.0)).await.refusal(), (503, "temporarily_unavailable"));
    assert_eq!(jwks(&provider, 6.0).await.status, 200);
    delete(&provider, "key-set", "withdrawn").await;
    assert_eq!(jwks(&provider, 7.0).await.refusal(), (503, "temporarily_unavailable"));

    // The last one has what the others had.
    let before = copies(&provider).await;
    rotate(&provider, 8.0).await;
    let after = copies(&provider).await;
    assert_eq!((before.len(), after.len()), (1, 18));
    assert!(after.iter().all(|(_, withdrawn)| *withdrawn == before[0].1), "{after:?}");
    let tokens = provider.poll(&auth_req_id, at(11.0)).await;
    assert!(published(&provider, JwsAlgorithm::DEFAULT, 11.0).await.contains(&super::kid(&tokens)));
}

/// TOK-12-05: the keys are read together with a copy, which those who sign compare with another one.
#[tokio::test]
async fn a_removed_withdrawal_beside_the_keys_is_noticed() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    replace_leaked(&provider, &[SIGNING], 2.0).await.expect("an emergency");
    let fresh = || Token::new(&provider.environment()).expect("token");
    let remove = provider.dynamodb.client().update_item().table_name(&provider.dynamodb.table);
    let remove = remove.key("pk", text("keys")).key("sk", text("emergency"));
    let remove = remove.update_expression("REMOVE #use").expression_attribute_names("#use", SIGNING.as_str());
    remove.send().await.expect("a removal");
    let parameters =
        [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", auth_req_id.as_str())];
    let poll = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(&parameters));
    let answer = provider.call(&fresh(), &poll, at(5.0)).await;
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable"), "it is there, and signs nothing");
    delete(&provider, "keys", "emergency").await;
    let answer = provider.call(&fresh(), &poll, at(10.0)).await;
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable"), "it is missing");
    rotate(&provider, 14.0).await;
    let tokens = provider.call(&fresh(), &poll, at(15.0)).await;
    assert!(published(&provider, JwsAlgorithm::DEFAULT, 15.0).await.contains(&super::kid(&tokens)));
}

/// RFC 9110 §13.1.2
#[tokio::test]
async fn a_key_set_that_the_caller_has_is_not_sent_again() {
    let provider = Provider::start().await;
    let [one, other] = [(); 2].map(|()| Jwks::new(&provider.environment()).expect("settings"));
    let first = key_set(&provider, &one, "", 0.0).await;
    let tag = first.header("etag").expect("a tag").to_owned();
    assert!(first.status == 200 && tag.starts_with('"') && tag.ends_with('"') && tag.len() == 24, "{tag}");
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let answer = key_set(&provider, &other, &known, 1.0).await;
        assert_eq!((answer.status, answer.html.as_str()), (304, ""), "{known}");
        assert_eq!(answer.header("etag"), Some(tag.as_str()));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("content-type"), None);
    }
    assert_eq!(key_set(&provider, &one, "\"x\"", 1.0).await.body, first.body);
    replace_leaked(&provider, &[SIGNING], 2.0).await.expect("an emergency");
    let changed = key_set(&provider, &one, &tag, 2.0).await;
    assert!(changed.status == 200 && changed.header("etag") != Some(tag.as_str()));
}

//! What was signed is kept beside the request, and read a year later.

use aws_lc_rs::digest::{SHA256, digest};
use ciba_local::proxy::Loss;
use ciba_local::sns::Failure;
use ciba_tests::{Provider, at};
use serde_json::{Value, json};

use super::Stand;
use crate::foreign_issuer::{Key, encode};

const DAY: i64 = 86_400;

async fn items(provider: &Provider) -> Vec<Value> {
    provider.items_under("evidence#").await
}

/// The person's side's name of what was asked last.
fn asked(provider: &Provider) -> String {
    let message = provider.sns.messages().pop().expect("a message");
    message.text.rsplit('/').next().expect("a link").to_owned()
}

/// CIBA-7.1.1-19
#[tokio::test]
async fn the_raw_request_is_kept_with_the_key_that_verified_it() {
    let stand = Stand::with(Key::es256("one"), json!({}), &[("EVIDENCE_RETENTION_DAYS", "30")]).await;
    let request = stand.request(json!({}));
    assert_eq!(stand.ask(&request, at(1.0)).await.status, 200);
    let name = asked(&stand.provider);
    let items = items(&stand.provider).await;
    assert_eq!(items.len(), 1);
    assert_eq!((&items[0]["pk"], &items[0]["sk"]), (&json!(format!("evidence#{name}")), &json!("request")));
    assert_eq!(items[0]["ttl"], (at(1.0).seconds() + 30 * DAY).to_string());
    let text = items[0]["document"].as_str().expect("a document");
    assert_eq!(items[0]["digest"], encode(digest(&SHA256, text.as_bytes()).as_ref()));
    let document: Value = serde_json::from_str(text).expect("JSON");
    let person = stand.provider.items_under("request#").await[0]["person"].clone();
    let expected = json!({"request": name, "client_id": "kiosk", "person": person, "at": at(1.0).millis(),
        "kept_until": at(1.0).seconds() + 30 * DAY, "signed": request, "key": stand.key.jwk});
    assert_eq!(document, expected);
    let lines = stand.provider.eavesdropper.lines("requested");
    assert_eq!(lines[0]["evidence"], items[0]["digest"], "the log is a second witness");
}

/// CIBA-7.1.1-19: certificates are not in it, and an unsigned request leaves none.
#[tokio::test]
async fn nothing_but_the_key_is_kept_of_the_key_set() {
    let stand = Stand::new().await;
    let mut key = stand.key.jwk.clone();
    key["x5c"] = json!(["AAAA"]);
    super::register(&stand.provider, &[&stand.key], json!({"jwks": {"keys": [key]}})).await;
    assert_eq!(stand.ask(&stand.request(json!({})), at(1.0)).await.status, 200);
    let document = items(&stand.provider).await[0]["document"].clone();
    let document: Value = serde_json::from_str(document.as_str().expect("a text")).expect("JSON");
    assert_eq!(document["key"], stand.key.jwk);
    let provider = Provider::start().await;
    provider.asked(&[], at(1.0)).await;
    assert_eq!(items(&provider).await.len(), 0);
}

/// CIBA-7.1.1-19: what was signed was asked, also where nobody could be told of it.
#[tokio::test]
async fn evidence_outlives_a_request_that_is_withdrawn_or_swept() {
    let stand = Stand::new().await;
    stand.provider.sns.fail_next(Failure::OptedOut);
    assert_eq!(stand.ask(&stand.request(json!({})), at(1.0)).await.status, 403);
    assert_eq!(stand.provider.items_under("request#").await.len(), 0);
    assert_eq!(items(&stand.provider).await.len(), 1);
    stand.provider.sweep(at(399.0 * 86_400.0)).await;
    assert_eq!(items(&stand.provider).await.len(), 1);
    stand.provider.sweep(at(402.0 * 86_400.0)).await;
    assert_eq!(items(&stand.provider).await.len(), 0);
}

/// A request that is written again after a lost response is one, with one evidence.
#[tokio::test]
async fn a_lost_response_leaves_one_request_and_one_evidence() {
    let stand = Stand::new().await;
    stand.provider.proxy.lose_response("TransactWriteItems", 1, Loss::Connection);
    assert_eq!(stand.ask(&stand.request(json!({})), at(1.0)).await.status, 200);
    assert_eq!(items(&stand.provider).await.len(), 1);
    assert_eq!(stand.provider.items_under("request#").await.len(), 1);
}

/// A decision is kept beside it.
#[tokio::test]
async fn request_and_decision_are_two_items_of_one_request() {
    let stand = Stand::new().await;
    assert_eq!(stand.ask(&stand.request(json!({})), at(1.0)).await.status, 200);
    let name = asked(&stand.provider);
    stand.provider.approve(&name, at(3.0)).await;
    let mut kinds: Vec<_> = items(&stand.provider).await.iter().map(|item| item["sk"].clone()).collect();
    kinds.sort_by_key(ToString::to_string);
    assert_eq!(kinds, ["decision", "request"]);
}

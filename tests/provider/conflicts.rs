//! A write that meets a transaction on its item. DynamoDB refuses one of the two; no engine on one machine does, so
//! the proxy refuses. A write of one item is repeated, a transaction is read for and tried again. What lasts longer is
//! a 503 with `Retry-After`, and nothing is half done.

use ciba::domain::base::person_key::PersonKey;
use ciba_local::proxy::{Loss, Refusal};
use ciba_local::sns::Failure;
use ciba_tests::{Answer, Provider, at};
use serde_json::{Value, json};

/// How often the SDK sends a call, and the flow of a decision a transaction.
const TRIES: usize = 3;
/// How often the flow of a request sends its transaction.
const INSERTIONS: usize = 5;

/// The next `times` calls of `operation`, after `after` others, meet a transaction at the item `at`.
fn conflict(provider: &Provider, operation: &str, after: usize, times: usize, at: usize) {
    for nth in after + 1..=after + times {
        provider.proxy.fail_before(operation, nth, Refusal::TransactionConflict { at });
    }
}

/// How often `operation` was called since the last `clear`.
fn calls(provider: &Provider, operation: &str) -> usize {
    provider.proxy.calls().iter().filter(|call| call.operation == operation).count()
}

#[track_caller]
fn is_unavailable(answer: &Answer) {
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable"));
    assert!(answer.retry_after() >= 1);
}

/// Everything in the table, in a fixed order.
async fn all(provider: &Provider) -> Vec<Value> {
    let mut items = provider.items().await;
    items.sort_by_key(ToString::to_string);
    items
}

#[tokio::test]
async fn of_a_poll_is_over_in_a_moment() {
    let provider = Provider::start().await;
    let (auth_req_id, _) = provider.asked(&[], at(0.0)).await;
    provider.proxy.clear();
    conflict(&provider, "UpdateItem", 0, TRIES - 1, 0);
    let answer = provider.poll(&auth_req_id, at(5.0)).await;
    assert_eq!((answer.refusal(), answer.retry_after()), ((400, "authorization_pending"), 5));
    assert_eq!(calls(&provider, "UpdateItem"), TRIES);
}

#[tokio::test]
async fn of_a_poll_that_lasts_is_unavailable_and_moves_no_next_poll() {
    let provider = Provider::start().await;
    let (auth_req_id, _) = provider.asked(&[], at(0.0)).await;
    let before = all(&provider).await;
    conflict(&provider, "UpdateItem", 0, TRIES, 0);
    is_unavailable(&provider.poll(&auth_req_id, at(5.0)).await);
    assert_eq!(all(&provider).await, before);
    // Who comes back at once is not too early.
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.refusal(), (400, "authorization_pending"));
}

#[tokio::test]
async fn of_a_slow_down_lengthens_the_interval_once() {
    let provider = Provider::start().await;
    let (auth_req_id, _) = provider.asked(&[], at(0.0)).await;
    // The first update finds that it is too soon; the others lengthen the interval.
    conflict(&provider, "UpdateItem", 1, TRIES - 1, 0);
    let answer = provider.poll(&auth_req_id, at(1.0)).await;
    assert_eq!((answer.refusal(), answer.retry_after()), ((400, "slow_down"), 9));
    let answer = provider.poll(&auth_req_id, at(10.0)).await;
    assert_eq!((answer.refusal(), answer.retry_after()), ((400, "authorization_pending"), 10));
}

/// The interval is not lengthened.
#[tokio::test]
async fn a_lasting_conflict_in_a_slow_down_is_unavailable() {
    let provider = Provider::start().await;
    let (auth_req_id, _) = provider.asked(&[], at(0.0)).await;
    let before = all(&provider).await;
    conflict(&provider, "UpdateItem", 1, TRIES, 0);
    is_unavailable(&provider.poll(&auth_req_id, at(1.0)).await);
    assert_eq!(all(&provider).await, before);
    let answer = provider.poll(&auth_req_id, at(5.0)).await;
    assert_eq!((answer.refusal(), answer.retry_after()), ((400, "authorization_pending"), 5));
}

/// ATK-4-04
#[tokio::test]
async fn of_a_redemption_brings_the_tokens_once() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(2.0)).await;
    // The first update finds the approval; the others redeem it.
    conflict(&provider, "UpdateItem", 1, TRIES - 1, 0);
    let tokens = provider.poll(&auth_req_id, at(5.0)).await;
    assert!(!tokens.text("access_token").is_empty());
    assert_eq!(provider.poll(&auth_req_id, at(10.0)).await.refusal(), (400, "invalid_grant"));
}

/// ATK-4-04: what was carried out before the conflict is recognised after it.
#[tokio::test]
async fn a_conflict_after_a_lost_redemption_issues_tokens_once() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(2.0)).await;
    provider.proxy.lose_response("UpdateItem", 2, Loss::Connection);
    conflict(&provider, "UpdateItem", 2, 1, 0);
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 200);
    assert_eq!(provider.poll(&auth_req_id, at(10.0)).await.refusal(), (400, "invalid_grant"));
}

/// CIBA-11-08: the approval stands.
#[tokio::test]
async fn a_lasting_conflict_in_a_redemption_is_unavailable() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(2.0)).await;
    let before = all(&provider).await;
    conflict(&provider, "UpdateItem", 1, TRIES, 0);
    is_unavailable(&provider.poll(&auth_req_id, at(5.0)).await);
    assert_eq!(all(&provider).await, before);
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 200);
}

/// CIBA-7.2-09
#[tokio::test]
async fn of_a_withdrawal_leaves_no_request() {
    let provider = Provider::start().await;
    provider.sns.fail_next(Failure::OptedOut);
    conflict(&provider, "DeleteItem", 0, TRIES - 1, 0);
    assert_eq!(provider.ask(&[], at(0.0)).await.refusal(), (403, "access_denied"));
    assert_eq!(calls(&provider, "DeleteItem"), TRIES);
    assert_eq!(provider.items_under("request#").await.len(), 0);
}

/// CIBA-7.2-09 says that nothing is left; divergences.md says where something is. It ends by itself. Nobody can redeem
/// the request that is left.
#[tokio::test]
async fn a_lasting_conflict_in_a_withdrawal_is_unavailable() {
    let provider = Provider::start().await;
    provider.sns.fail_next(Failure::OptedOut);
    conflict(&provider, "DeleteItem", 0, TRIES, 0);
    let answer = provider.ask(&[], at(0.0)).await;
    is_unavailable(&answer);
    assert!(answer.body["auth_req_id"].is_null());
    assert_eq!(provider.items_under("request#").await.len(), 1);
    // The next one supersedes it.
    provider.asked(&[], at(5.0)).await;
    let requests = provider.items_under("request#").await;
    assert_eq!(requests.iter().filter(|request| request["state"] == "pending").count(), 1);
}

/// ATK-4-10, for each part: the request, the asks, the older request.
#[tokio::test]
async fn of_an_insertion_leaves_one_request_and_one_ask() {
    for part in 0..3 {
        let provider = Provider::start().await;
        let (older, _) = provider.asked(&[], at(0.0)).await;
        conflict(&provider, "TransactWriteItems", 0, INSERTIONS - 1, part);
        let (newer, _) = provider.asked(&[], at(1.0)).await;
        assert_eq!(provider.poll(&older, at(6.0)).await.refusal(), (400, "access_denied"), "{part}");
        assert_eq!(provider.poll(&newer, at(6.0)).await.refusal(), (400, "authorization_pending"), "{part}");
        assert_eq!(provider.items_under("request#").await.len(), 2);
        // One more fits into the limit of three.
        assert_eq!(provider.ask(&[], at(7.0)).await.status, 200, "{part}");
        assert_eq!(provider.ask(&[], at(8.0)).await.refusal(), (403, "access_denied"), "{part}");
    }
}

/// ATK-4-10, CIBA-7.2-09: nothing changes.
#[tokio::test]
async fn a_lasting_conflict_in_an_insertion_is_unavailable() {
    for part in 0..3 {
        let provider = Provider::start().await;
        let (older, _) = provider.asked(&[], at(0.0)).await;
        let (before, messages) = (all(&provider).await, provider.sns.attempts().len());
        conflict(&provider, "TransactWriteItems", 0, INSERTIONS, part);
        is_unavailable(&provider.ask(&[], at(1.0)).await);
        assert_eq!((all(&provider).await, provider.sns.attempts().len()), (before, messages), "{part}");
        assert_eq!(provider.poll(&older, at(6.0)).await.refusal(), (400, "authorization_pending"), "{part}");
    }
}

/// ATK-4-10: the transaction is tried again after reading anew, and what was decided meanwhile is not superseded.
#[tokio::test]
async fn of_an_insertion_with_a_decision_leaves_both() {
    let provider = Provider::start().await;
    let (older, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    conflict(&provider, "TransactWriteItems", 0, 1, 2);
    let (newer, _) = provider.asked(&[], at(2.0)).await;
    assert_eq!(provider.poll(&older, at(5.0)).await.status, 200);
    assert_eq!(provider.poll(&newer, at(7.0)).await.refusal(), (400, "authorization_pending"));
}

/// ATK-4-10, for each part: the request, the evidence.
#[tokio::test]
async fn of_a_decision_leaves_one_decision_with_its_evidence() {
    for part in 0..2 {
        let provider = Provider::start().await;
        let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
        conflict(&provider, "TransactWriteItems", 0, TRIES - 1, part);
        provider.approve(&request, at(1.0)).await;
        assert_eq!(provider.items_under("evidence#").await.len(), 1);
        assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 200);
    }
}

/// ATK-4-10
#[tokio::test]
async fn of_a_decision_that_lasts_is_unavailable_and_records_nothing() {
    for part in 0..2 {
        let provider = Provider::start().await;
        let (_, request) = provider.asked(&[], at(0.0)).await;
        let before = all(&provider).await;
        conflict(&provider, "TransactWriteItems", 0, TRIES, part);
        is_unavailable(&provider.decide("alice", &request, json!({"decision": "approve"}), at(1.0)).await);
        assert_eq!(all(&provider).await, before, "{part}");
        provider.approve(&request, at(2.0)).await;
    }
}

#[tokio::test]
async fn of_an_operators_write_is_over_in_a_moment() {
    let provider = Provider::start().await;
    let alice = PersonKey::new(provider.login.issuer(), "alice");
    conflict(&provider, "UpdateItem", 0, TRIES - 1, 0);
    assert!(provider.table.set_person_active(&alice, false).await.unwrap());
    assert_eq!(provider.ask(&[], at(0.0)).await.refusal(), (400, "unknown_user_id"));
    conflict(&provider, "UpdateItem", 0, TRIES, 0);
    provider.table.set_person_active(&alice, true).await.expect_err("it lasts");
    assert_eq!(provider.ask(&[], at(1.0)).await.refusal(), (400, "unknown_user_id"));
}

/// The first transaction creates the copies of what is withdrawn, the next one the data key with the key set's version.
#[tokio::test]
async fn of_a_new_key_leaves_one_generation() {
    let provider = Provider::empty(&[]).await;
    conflict(&provider, "TransactWriteItems", 0, 2, 0);
    conflict(&provider, "TransactWriteItems", 3, 2, 1);
    let made = provider.key_rotation.run(&provider.invocation(at(0.0))).await.unwrap();
    assert_eq!(
        made,
        json!({"made": ["data#1", "handle#1", "signing-ES256#1", "signing-RS256#1", "signing-PS256#1", "signing-EdDSA#1", "page#1", "login#1"]})
    );
    assert_eq!(provider.key_items().await.len(), 8);
}

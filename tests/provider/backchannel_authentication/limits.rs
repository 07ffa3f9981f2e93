//! How often a person is asked (requirements F.1), what supersedes what, and what there is without keys.

use ciba_local::sns::Failure;
use ciba_tests::{Provider, SECRET, at};
use serde_json::json;

use super::{
    VALID, patient_provider, pending, posted_by, provider, reached_at, refused, refused_ask, refused_at,
};

const LIMITED: (u16, &str) = (403, "access_denied");

async fn with_teller(settings: ciba_tests::Settings<'_>) -> Provider {
    let provider = Provider::with(settings).await;
    provider.register(json!({"client_id": "teller"})).await.expect("teller");
    provider
}

/// ATK-1-05, ATK-1-06: the requests of all clients count together.
#[tokio::test]
async fn a_person_is_asked_at_most_three_times_in_ten_minutes() {
    let provider = with_teller(&[]).await;
    assert_eq!(provider.ask(&[], at(0.0)).await.status, 200);
    assert_eq!(provider.ask_as("teller", &[], at(100.0)).await.status, 200);
    assert_eq!(provider.ask(&[], at(200.0)).await.status, 200);

    refused_at(&provider, &[], at(201.0), LIMITED).await;
    let before = provider.traces().await;
    assert_eq!(provider.ask_as("teller", &[], at(201.0)).await.refusal(), LIMITED);
    assert_eq!(provider.traces().await, before);
    refused(&provider, &posted_by("call-centre", SECRET, &VALID), LIMITED).await;

    assert_eq!(provider.ask(&[("login_hint", "bob")], at(201.0)).await.status, 200, "bob was not asked");
    refused_at(&provider, &[], at(599.999), LIMITED).await;
    assert_eq!(provider.ask(&[], at(600.0)).await.status, 200, "the first is ten minutes old");
    refused_at(&provider, &[], at(600.0), LIMITED).await;
}

/// ATK-1-05
#[tokio::test]
async fn a_person_is_asked_ten_times_a_day() {
    let provider = Provider::start().await;
    for n in 0..10 {
        assert_eq!(provider.ask(&[], at(f64::from(n) * 600.0)).await.status, 200, "{n}");
    }
    let day = 24.0 * 60.0 * 60.0;
    refused_at(&provider, &[], at(6000.0), LIMITED).await;
    refused_at(&provider, &[], at(day - 0.001), LIMITED).await;
    assert_eq!(provider.ask(&[], at(day)).await.status, 200);
    refused_at(&provider, &[], at(day + 1.0), LIMITED).await;
}

/// ATK-1-05
#[tokio::test]
async fn the_limits_are_settings() {
    for (settings, most) in [
        ([("ASKS_PER_TEN_MINUTES", "1"), ("ASKS_PER_DAY", "9")], 1),
        ([("ASKS_PER_TEN_MINUTES", "9"), ("ASKS_PER_DAY", "4")], 4),
    ] {
        let provider = Provider::with(&settings).await;
        for _ in 0..most {
            assert_eq!(provider.ask(&[], at(0.0)).await.status, 200, "{settings:?}");
        }
        refused_at(&provider, &[], at(1.0), LIMITED).await;
    }
}

/// ATK-1-06: no prompt, and no word about why.
#[tokio::test]
async fn a_reached_limit_looks_like_a_person_who_cannot_be_told() {
    let provider = Provider::with(&[("ASKS_PER_TEN_MINUTES", "1")]).await;
    provider.asked(&[], at(0.0)).await;
    let limited = refused_at(&provider, &[], at(1.0), LIMITED).await;
    provider.sns.fail_for("+15555550101", Failure::OptedOut);
    let unreachable = provider.ask(&[("login_hint", "bob")], at(1.0)).await;
    assert_eq!((limited.body, limited.headers), (unreachable.body, unreachable.headers));
    assert_eq!(limited.status, unreachable.status);
}

/// ATK-1-05: who makes mistakes does not use up what the person can be asked.
#[tokio::test]
async fn refused_requests_are_not_counted() {
    let provider = Provider::start().await;
    for _ in 0..5 {
        refused_ask(&provider, &[("scope", "openid payments")], (400, "invalid_scope")).await;
        refused_ask(&provider, &[("binding_message", "<b>")], (400, "invalid_binding_message")).await;
        refused(&provider, &posted_by("call-centre", "wrong", &VALID), (401, "invalid_client")).await;
    }
    for _ in 0..3 {
        assert_eq!(provider.ask(&[], at(2.0)).await.status, 200);
    }
    refused_at(&provider, &[], at(3.0), LIMITED).await;
}

/// ATK-1-05: the message may have left.
#[tokio::test]
async fn requests_that_were_withdrawn_stay_counted() {
    let provider = Provider::start().await;
    provider.sns.fail_for("+15555550100", Failure::OptedOut);
    for _ in 0..3 {
        assert_eq!(provider.ask(&[], at(0.0)).await.refusal(), LIMITED);
    }
    provider.sns.restore("+15555550100");
    refused_at(&provider, &[], at(1.0), LIMITED).await;
    assert_eq!(provider.ask(&[], at(600.0)).await.status, 200);
}

/// ATK-1-05: at most one request per person and client is pending.
#[tokio::test]
async fn a_new_request_supersedes_the_one_before() {
    let provider = Provider::start().await;
    let (older, older_request) = provider.asked(&[], at(0.0)).await;
    let (newer, newer_request) = provider.asked(&[], at(1.0)).await;

    assert_eq!(pending(&provider).await["pk"], format!("request#{newer_request}"));
    assert_eq!(provider.poll(&older, at(5.0)).await.refusal(), (400, "access_denied"));
    let late = provider.decide("alice", &older_request, json!({"decision": "approve"}), at(6.0)).await;
    assert_eq!(late.status, 409, "{late:?}");
    let list = provider.consent("alice", "GET", "/consent", "", at(6.0)).await;
    assert_eq!(list.body["requests"].as_array().map(Vec::len), Some(1), "it is not shown any more");
    assert_eq!(provider.poll(&older, at(10.0)).await.refusal(), (400, "access_denied"));

    provider.approve(&newer_request, at(7.0)).await;
    assert_eq!(provider.poll(&newer, at(8.0)).await.status, 200);
}

/// ATK-1-05, ATK-1-12
#[tokio::test]
async fn requests_of_other_clients_or_people_are_not_superseded() {
    let provider = with_teller(&[]).await;
    let (to_bob, bobs) = provider.asked(&[("login_hint", "bob")], at(0.0)).await;
    let tellers = provider.ask_as("teller", &[], at(0.0)).await;
    provider.asked(&[], at(1.0)).await;
    provider.asked(&[], at(2.0)).await;

    assert_eq!(provider.poll(&to_bob, at(5.0)).await.refusal(), (400, "authorization_pending"));
    let poll = provider.poll_as("teller", tellers.text("auth_req_id"), at(5.0)).await;
    assert_eq!(poll.refusal(), (400, "authorization_pending"));
    let decided = provider.decide("bob", &bobs, json!({"decision": "approve"}), at(6.0)).await;
    assert_eq!(decided.status, 200);
    let list = provider.consent("alice", "GET", "/consent", "", at(6.0)).await;
    assert_eq!(list.body["requests"].as_array().map(Vec::len), Some(2), "one of each client");
}

/// ATK-4-07: what was decided stays decided.
#[tokio::test]
async fn a_new_request_does_not_take_back_what_was_approved() {
    let provider = Provider::start().await;
    let (older, older_request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&older_request, at(1.0)).await;
    let (newer, _) = provider.asked(&[], at(2.0)).await;
    assert_eq!(provider.poll(&older, at(5.0)).await.status, 200);
    assert_eq!(provider.poll(&newer, at(7.0)).await.refusal(), (400, "authorization_pending"));
}

/// ATK-1-05: what is refused supersedes nothing.
#[tokio::test]
async fn a_request_beyond_the_limit_leaves_the_pending_one_pending() {
    let provider = provider().await;
    provider.asked(&[], at(1.0)).await;
    let (last, request) = provider.asked(&[], at(2.0)).await;
    refused_at(&provider, &[], at(3.0), LIMITED).await;
    provider.approve(&request, at(4.0)).await;
    assert_eq!(provider.poll(&last, at(7.0)).await.status, 200);
}

/// CIBA-7.3-02: one request supersedes the other even if the earlier one was withdrawn.
#[tokio::test]
async fn a_request_after_a_withdrawn_one_is_acknowledged() {
    let provider = Provider::start().await;
    provider.sns.fail_next(Failure::OptedOut);
    assert_eq!(provider.ask(&[], at(0.0)).await.status, 403);
    provider.asked(&[], at(1.0)).await;
    pending(&provider).await;
}

/// Design, "Two names for one request": without keys there is nothing to name a request with.
#[tokio::test]
async fn without_keys_the_endpoint_is_unavailable_and_asks_nobody() {
    let provider = Provider::empty(&[]).await;
    provider.register(json!({"client_id": "kiosk"})).await.expect("kiosk");
    provider.enroll("alice", reached_at("+15555550100")).await.expect("alice");
    let answer = refused_ask(&provider, &[], (503, "temporarily_unavailable")).await;
    assert!(answer.retry_after() > 0);

    provider.key_rotation.run(&provider.invocation(at(2.0))).await.expect("keys");
    assert_eq!(provider.ask(&[], at(3.0)).await.status, 200, "as soon as there are some");
}

/// CIBA-13-06: it asks nobody.
#[tokio::test]
async fn without_the_table_the_endpoint_is_unavailable() {
    let provider = patient_provider().await;
    for operation in ["GetItem", "BatchGetItem", "TransactWriteItems"] {
        for _ in 0..3 {
            let broken = ciba_local::proxy::Refusal::InternalServerError;
            provider.proxy.fail_before(operation, 1, broken);
        }
        let answer = refused_ask(&provider, &[], (503, "temporarily_unavailable")).await;
        assert!(answer.retry_after() > 0, "{operation}");
        provider.proxy.clear();
    }
    assert_eq!(provider.ask(&[], at(2.0)).await.status, 200);
}

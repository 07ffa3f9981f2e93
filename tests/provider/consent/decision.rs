//! Deciding: what is recorded, once, and what is refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba_local::proxy::Refusal;
use ciba_tests::{Provider, at};
use serde_json::{Value, json};

use super::{refusal, refused, without_effect};

/// The claims of a token; its signature is others' business.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("claims")
}

#[tokio::test]
async fn an_approval_of_all_is_recorded_and_the_tokens_have_all() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    let answer = provider.decide("alice", &request, json!({"decision": "approve"}), at(1.0)).await;
    assert_eq!(answer.status, 200);
    let expected = json!({"request": request, "decision": "approved", "scope": "openid profile"});
    assert_eq!(answer.body, expected);
    let tokens = provider.poll(&auth_req_id, at(5.0)).await;
    assert_eq!(tokens.body.get("scope"), None, "granted as asked");
    assert_eq!(claims(tokens.text("access_token"))["scope"], "openid profile");
}

/// ATK-8-05
#[tokio::test]
async fn an_approval_of_some_reaches_the_tokens_and_nothing_more_does() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[("scope", "openid profile email")], at(0.0)).await;
    let body = json!({"decision": "approve", "scope": "email openid"});
    let answer = provider.decide("alice", &request, body, at(1.0)).await;
    assert_eq!((answer.status, answer.text("scope")), (200, "email openid"));
    let tokens = provider.poll(&auth_req_id, at(5.0)).await;
    assert_eq!(tokens.text("scope"), "email openid");
    assert_eq!(claims(tokens.text("access_token"))["scope"], "email openid");
}

/// ATK-8-05
#[tokio::test]
async fn a_scope_that_was_not_asked_for_or_lacks_openid_is_refused() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    for scope in
        ["openid email", "openid profile email", "OpenID profile", "profile", "", " ", "openid \"x\""]
    {
        let body = json!({"decision": "approve", "scope": scope});
        let deciding = provider.decide("alice", &request, body, at(1.0));
        assert_eq!(refused(&provider, deciding).await, refusal(400, "invalid_scope"), "{scope:?}");
    }
    provider.approve(&request, at(2.0)).await;
}

#[tokio::test]
async fn a_denial_is_recorded_and_the_client_is_told() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    let answer = provider.decide("alice", &request, json!({"decision": "deny"}), at(1.0)).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({"request": request, "decision": "denied"})));
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.refusal(), (400, "access_denied"));
}

#[tokio::test]
async fn a_denial_of_some_scope_is_refused() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    let deciding =
        provider.decide("alice", &request, json!({"decision": "deny", "scope": "openid"}), at(1.0));
    assert_eq!(refused(&provider, deciding).await, refusal(400, "invalid_request"));
}

/// ATK-4-07
#[tokio::test]
async fn a_repeated_decision_is_answered_alike_and_changes_nothing() {
    for (first, again) in [
        (json!({"decision": "approve"}), json!({"decision": "approve", "scope": "openid profile"})),
        (
            json!({"decision": "approve", "scope": "openid"}),
            json!({"decision": "approve", "scope": "openid"}),
        ),
        (json!({"decision": "deny"}), json!({"decision": "deny"})),
    ] {
        let provider = Provider::start().await;
        let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
        let recorded = provider.decide("alice", &request, first.clone(), at(1.0)).await;
        assert_eq!(recorded.status, 200, "{first}");
        for body in [first, again] {
            let repeating = provider.decide("alice", &request, body.clone(), at(2.0));
            let answer = without_effect(&provider, repeating).await;
            assert_eq!((answer.status, &answer.body), (200, &recorded.body), "{body}");
            provider.poll(&auth_req_id, at(5.0)).await;
            let repeating = provider.decide("alice", &request, body.clone(), at(6.0));
            let answer = without_effect(&provider, repeating).await;
            assert_eq!((answer.status, &answer.body), (200, &recorded.body), "{body}, after the poll");
        }
    }
}

/// What was recorded is told again in its own words, not in those of the repeat.
#[tokio::test]
async fn the_same_scope_in_another_order_is_the_same_decision() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    let recorded = provider.decide("alice", &request, json!({"decision": "approve"}), at(1.0)).await;
    let body = json!({"decision": "approve", "scope": "profile openid"});
    let answer = without_effect(&provider, provider.decide("alice", &request, body, at(2.0))).await;
    assert_eq!((answer.status, &answer.body), (200, &recorded.body));
}

/// ATK-4-07
#[tokio::test]
async fn the_first_decision_stands() {
    let (all, some, deny) = (
        json!({"decision": "approve"}),
        json!({"decision": "approve", "scope": "openid"}),
        json!({"decision": "deny"}),
    );
    for (first, other) in
        [(&all, &deny), (&all, &some), (&some, &all), (&some, &deny), (&deny, &all), (&deny, &some)]
    {
        let provider = Provider::start().await;
        let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
        assert_eq!(provider.decide("alice", &request, first.clone(), at(1.0)).await.status, 200);
        let deciding = provider.decide("alice", &request, other.clone(), at(2.0));
        assert_eq!(refused(&provider, deciding).await, refusal(409, "not_open"), "{first}, then {other}");
        provider.poll(&auth_req_id, at(5.0)).await;
        let deciding = provider.decide("alice", &request, other.clone(), at(6.0));
        assert_eq!(
            refused(&provider, deciding).await,
            refusal(409, "not_open"),
            "{first}, polled, then {other}"
        );
    }
}

/// CIBA-8-05, ATK-4-08
#[tokio::test]
async fn a_late_decision_is_refused_and_the_request_ends_by_itself() {
    for decision in ["approve", "deny"] {
        let provider = Provider::start().await;
        let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
        for late in [113.0, 119.9, 120.0, 500.0] {
            let deciding = provider.decide("alice", &request, json!({"decision": decision}), at(late));
            assert_eq!(refused(&provider, deciding).await, refusal(409, "not_open"), "{decision} at {late}");
        }
        assert_eq!(provider.poll(&auth_req_id, at(119.0)).await.refusal(), (400, "authorization_pending"));
        assert_eq!(provider.poll(&auth_req_id, at(124.0)).await.refusal(), (400, "expired_token"));
    }
}

/// ATK-4-08
#[tokio::test]
async fn what_is_approved_at_the_last_moment_can_still_be_collected() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    assert_eq!(provider.poll(&auth_req_id, at(112.9)).await.refusal(), (400, "authorization_pending"));
    provider.approve(&request, at(112.999)).await;
    assert_eq!(provider.poll(&auth_req_id, at(117.9)).await.status, 200);
}

#[tokio::test]
async fn a_superseded_request_can_be_neither_approved_nor_denied() {
    let provider = Provider::start().await;
    let (_, older) = provider.asked(&[], at(0.0)).await;
    provider.asked(&[], at(1.0)).await;
    for decision in ["approve", "deny"] {
        let deciding = provider.decide("alice", &older, json!({"decision": decision}), at(2.0));
        assert_eq!(refused(&provider, deciding).await, refusal(409, "not_open"), "{decision}");
    }
}

/// CIBA-8-02: what the person saw is what they decide about.
#[tokio::test]
async fn a_decision_that_names_another_client_is_refused() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    for (client_id, decision) in [
        ("call-centre", "approve"),
        ("call-centre", "deny"),
        ("unknown", "approve"),
        ("KIOSK", "approve"),
        ("kiosk ", "approve"),
        ("", "approve"),
    ] {
        let body = json!({"client_id": client_id, "decision": decision});
        let deciding = provider.decide("alice", &request, body, at(1.0));
        assert_eq!(refused(&provider, deciding).await, refusal(400, "invalid_request"), "{client_id:?}");
    }
    provider.approve(&request, at(2.0)).await;
}

/// ATK-8-04: they were disabled after the request.
#[tokio::test]
async fn nothing_is_decided_for_a_disabled_person_or_client() {
    for (disable_person, decision) in [(true, "approve"), (true, "deny"), (false, "approve"), (false, "deny")]
    {
        let provider = Provider::start().await;
        let (_, request) = provider.asked(&[], at(0.0)).await;
        if disable_person {
            provider.enroll("alice", json!({"active": false})).await.unwrap()
        } else {
            provider.register(json!({"client_id": "kiosk", "active": false})).await.unwrap()
        }
        let deciding = provider.decide("alice", &request, json!({"decision": decision}), at(1.0));
        assert_eq!(refused(&provider, deciding).await, refusal(409, "not_open"), "{decision}");
    }
}

/// CIBA-8-03: the person asked can still decide.
#[tokio::test]
async fn another_person_changes_nothing() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    for decision in ["approve", "deny"] {
        let deciding = provider.decide("bob", &request, json!({"decision": decision}), at(1.0));
        assert_eq!(refused(&provider, deciding).await, refusal(404, "not_found"));
    }
    provider.approve(&request, at(2.0)).await;
    let deciding = provider.decide("bob", &request, json!({"decision": "approve"}), at(3.0));
    assert_eq!(refused(&provider, deciding).await, refusal(404, "not_found"), "not even an identical repeat");
}

#[tokio::test]
async fn a_decision_that_meets_a_poll_is_tried_again() {
    let provider = Provider::start().await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    provider.proxy.fail_before("TransactWriteItems", 1, Refusal::TransactionConflict { at: 0 });
    provider.approve(&request, at(1.0)).await;
}

/// It leaves nothing.
#[tokio::test]
async fn a_decision_that_cannot_be_written_is_temporarily_refused() {
    for failure in [Refusal::TransactionConflict { at: 0 }, Refusal::InternalServerError] {
        let provider = Provider::start().await;
        let (_, request) = provider.asked(&[], at(0.0)).await;
        for nth in 1..=3 {
            provider.proxy.fail_before("TransactWriteItems", nth, failure.clone());
        }
        let deciding = provider.decide("alice", &request, json!({"decision": "approve"}), at(1.0));
        let answer = without_effect(&provider, deciding).await;
        assert_eq!(answer.refusal(), (503, "temporarily_unavailable"), "{failure:?}");
        assert!(answer.retry_after() >= 1);
        provider.approve(&request, at(6.0)).await;
    }
}

//! Client and person, changed between approval and redemption (ATK-8-04): nothing is issued, and nothing lost.

use ciba_tests::{Provider, at};
use serde_json::{Value, json};

use super::{record, refused_poll};

async fn approved() -> (Provider, String) {
    let provider = Provider::start().await;
    let (id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    (provider, id)
}

async fn change_client(provider: &Provider, changes: Value) {
    let mut client = json!({"client_id": "kiosk"});
    for (name, value) in changes.as_object().expect("an object") {
        client[name] = value.clone();
    }
    provider.register(client).await.expect("kiosk");
}

/// ATK-8-04: also where the warm function still knows the client as it was.
#[tokio::test]
async fn a_client_that_was_disabled_or_lost_the_grant_redeems_nothing() {
    for change in [json!({"active": false}), json!({"grant_types": []})] {
        for known in [false, true] {
            let (provider, id) = approved().await;
            if known {
                let forged = "A".repeat(44);
                refused_poll(&provider, &forged, at(4.0), (400, "invalid_grant")).await;
            }
            change_client(&provider, change.clone()).await;
            let expected = match (known, change.get("active").is_some()) {
                (false, true) => (401, "invalid_client"),
                (false, false) | (true, _) => (400, "unauthorized_client"),
            };
            refused_poll(&provider, &id, at(5.0), expected).await;
            change_client(&provider, json!({})).await;
            // A warm function keeps what it knows of a client for a minute.
            assert_eq!(provider.poll(&id, at(65.0)).await.status, 200, "{change}: the approval stands");
        }
    }
}

/// CIBA-11-07, CIBA-5-04: neither may a push client.
#[tokio::test]
async fn a_client_without_the_grant_may_not_poll() {
    let (provider, id) = approved().await;
    change_client(&provider, json!({"grant_types": ["authorization_code"]})).await;
    for id in [&*id, &"A".repeat(44)] {
        refused_poll(&provider, id, at(5.0), (400, "unauthorized_client")).await;
    }
    change_client(&provider, json!({})).await;
    let push = json!({"backchannel_token_delivery_mode": "push",
        "backchannel_client_notification_endpoint": "https://client.example/ciba"});
    change_client(&provider, push).await;
    refused_poll(&provider, &id, at(66.0), (400, "unauthorized_client")).await;
}

/// ATK-8-04
#[tokio::test]
async fn nothing_is_issued_for_a_person_who_is_no_longer_active() {
    let (provider, id) = approved().await;
    let alice = |active: bool| json!({"channels": [{"sms": "+15555550100"}], "active": active});
    provider.enroll("alice", alice(false)).await.expect("alice");
    for seconds in [5.0, 5.1] {
        let answer = refused_poll(&provider, &id, at(seconds), (400, "access_denied")).await;
        assert_eq!(answer.body.as_object().map(|body| body.len()), Some(2), "no tokens: {answer:?}");
    }
    provider.enroll("alice", alice(true)).await.expect("alice");
    assert_eq!(provider.poll(&id, at(6.0)).await.status, 200, "the approval stands");
}

/// TOK-2-07, ATK-8-04: the audience is the client's as it is now, not as it was in a warm function.
#[tokio::test]
async fn a_changed_audience_counts_at_once() {
    let (provider, id) = approved().await;
    refused_poll(&provider, &"A".repeat(44), at(4.0), (400, "invalid_grant")).await;
    change_client(&provider, json!({"audience": "https://new.example"})).await;
    let tokens = provider.poll(&id, at(5.0)).await;
    let (_, claims) = super::tokens::verified(&provider, tokens.text("access_token")).await;
    assert_eq!(claims["aud"], "https://new.example");
}

/// HYG-5-01, CIBA-15-02, design step 7: the record becomes the grant.
#[tokio::test]
async fn what_only_the_persons_side_needed_is_gone_after_redemption() {
    let provider = Provider::start().await;
    let parameters = [("binding_message", "K7-2931"), ("acr_values", "urn:a")];
    let (id, request) = provider.asked(&parameters, at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    assert_eq!(provider.poll(&id, at(5.0)).await.status, 200);
    let record = record(&provider, &request).await;
    assert_eq!(record["state"], "redeemed");
    assert!(!record.to_string().contains("K7-2931"), "{record}");
    assert!(!record.to_string().contains("urn:a"), "{record}");
}

//! KMS does not sign: nothing is decided, asked or enrolled that would have no witness.

use ciba::domain::person::ticket::TicketKind;
use ciba_local::kms::Failure;
use ciba_tests::{Authenticator, Provider, at, json_request};
use serde_json::{Value, json};

use crate::consent::person::{Signed, decline, field, open};
use crate::signed_request::Stand;

/// The SDK tries three times.
fn fail(provider: &Provider) {
    for _ in 0..3 {
        provider.kms.fail_next(Failure::InternalError);
    }
}

/// All of the table but keys.
async fn table(provider: &Provider) -> Vec<Value> {
    let mut items = provider.items().await;
    items.retain(|item| item["pk"] != "keys");
    items.sort_by_key(ToString::to_string);
    items
}

/// HYG-5-03
#[tokio::test]
async fn while_kms_does_not_sign_nothing_is_decided() {
    let provider = Provider::start().await;
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    // Warm: keys and public halves are at hand.
    let (_, first) = provider.asked(&[("login_hint", "bob")], at(0.0)).await;
    provider.decide("bob", &first, json!({"decision": "deny"}), at(0.0)).await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    let signed = Signed::on_page(&provider, &request, &mut phone, ("approve", "openid"), at(1.0)).await;
    let page = open(&provider, &request, at(1.0)).await;
    let before = table(&provider).await;
    for word in ["approve", "deny", "report"] {
        fail(&provider);
        let answer = provider.decide("alice", &request, json!({"decision": word}), at(2.0)).await;
        assert_eq!(answer.refusal(), (503, "temporarily_unavailable"), "{word}");
        assert_eq!(table(&provider).await, before, "{word}");
    }
    fail(&provider);
    assert_eq!(signed.send(&provider, &request, at(2.0)).await.status, 503);
    fail(&provider);
    let headers = [("origin", Provider::ISSUER), ("sec-fetch-site", "same-origin")];
    let declined = decline(&provider, &request, &field(&page, "form_token"), &headers, at(2.0)).await;
    assert_eq!(declined.status, 503);
    assert_eq!(table(&provider).await, before);
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.refusal(), (400, "authorization_pending"));
    assert_eq!(signed.send(&provider, &request, at(6.0)).await.status, 200, "as soon as it signs again");
}

/// CIBA-7.1.1-19
#[tokio::test]
async fn while_kms_does_not_sign_no_signed_request_is_taken() {
    let stand = Stand::new().await;
    let provider = &stand.provider;
    assert_eq!(stand.ask(&stand.request(json!({"jti": "1"})), at(0.0)).await.status, 200);
    let requests = provider.items_under("request#").await.len();
    let messages = provider.sns.messages().len();
    fail(provider);
    let answer = stand.ask(&stand.request(json!({"jti": "2"})), at(100.0)).await;
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable"));
    assert_eq!(provider.items_under("request#").await.len(), requests);
    assert_eq!(provider.items_under("evidence#").await.len(), 1);
    assert_eq!(provider.sns.messages().len(), messages);
}

/// ATK-7-05
#[tokio::test]
async fn while_kms_does_not_sign_nobody_enrols_and_the_ticket_stays() {
    let provider = Provider::start().await;
    let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    let page = provider.enrollment_page(&path, at(0.0)).await;
    let registration = Authenticator::new().create(&page.options("data-options").unwrap(), Provider::ISSUER);
    let body = json!({ "registration": registration });
    let before = table(&provider).await;
    fail(&provider);
    assert_eq!(provider.post_enrollment(&path, &body, at(1.0)).await.status, 503);
    assert_eq!(table(&provider).await, before);
    assert_eq!(provider.post_enrollment(&path, &body, at(2.0)).await.status, 200);
}

/// ATK-7-05: a sandbox that never learned the public key cannot tell a passkey from a forgery, and does not try.
#[tokio::test]
async fn a_passkey_that_cannot_be_told_from_a_forgery_is_unavailable() {
    let provider = Provider::start().await;
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    let signed = Signed::on_page(&provider, &request, &mut phone, ("approve", "openid"), at(1.0)).await;
    let body = signed.body.to_string();
    let decide = async || {
        let path = format!("/consent/{request}/decision");
        provider.call(&provider.consent, &json_request("POST", &path, None, &body), at(2.0)).await
    };
    fail(&provider);
    assert_eq!(decide().await.status, 503);
    assert_eq!(decide().await.status, 200);
}

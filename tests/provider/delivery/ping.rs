//! Ping (CIBA §10.2).

use ciba_local::proxy::{Loss, Refusal};
use ciba_local::sns::Failure;
use ciba_tests::{START, at};
use serde_json::json;

use super::{TOKEN, asked, kept, provider_in};

/// CIBA-9-02, CIBA-10.2-01, CIBA-10.2-02, CIBA-10.2-03, CIBA-10.2-04
#[tokio::test]
async fn an_approval_is_pinged_and_can_be_collected_at_once() {
    let (provider, receiver) = provider_in("ping").await;
    let (id, request) = asked(&provider, START).await;
    assert_eq!(provider.deliver(at(1.0)).await, 0, "nothing is decided");
    provider.approve(&request, at(2.0)).await;
    provider.deliver(at(2.0)).await;
    let calls = receiver.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].text, json!({ "auth_req_id": id }).to_string());
    assert!(calls[0].head.starts_with("POST /ciba HTTP/1.1"), "{}", calls[0].head);
    assert_eq!(calls[0].header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    assert_eq!(calls[0].header("content-type"), Some("application/json"));
    // At once, also by a client that has just polled.
    let tokens = provider.poll(&id, at(2.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
}

/// CIBA-10.2-01
#[tokio::test]
async fn a_denial_is_pinged_and_says_nothing_of_it() {
    let (provider, receiver) = provider_in("ping").await;
    let (id, request) = asked(&provider, START).await;
    provider.decide("alice", &request, json!({"decision": "deny"}), at(2.0)).await;
    provider.deliver(at(2.0)).await;
    assert_eq!(receiver.calls()[0].text, json!({ "auth_req_id": id }).to_string());
    assert_eq!(provider.poll(&id, at(2.0)).await.refusal(), (400, "access_denied"));
}

/// CIBA-5-03, CIBA-10.1-10
#[tokio::test]
async fn a_ping_client_may_poll_and_what_it_collected_is_not_pinged() {
    let (provider, receiver) = provider_in("ping").await;
    let (id, request) = asked(&provider, START).await;
    assert_eq!(provider.poll(&id, at(5.0)).await.refusal(), (400, "authorization_pending"));
    assert_eq!(provider.poll(&id, at(6.0)).await.refusal(), (400, "slow_down"));
    provider.approve(&request, at(7.0)).await;
    assert_eq!(provider.poll(&id, at(7.0)).await.status, 200);
    provider.deliver(at(8.0)).await;
    assert!(receiver.calls().is_empty());
    let kept = kept(&provider).await;
    assert_eq!(kept["delivery_state"], "unneeded");
    assert!(kept.get("notification_token").is_none(), "{kept}");
}

/// CIBA-5-02: this includes one that was a ping client before.
#[tokio::test]
async fn a_poll_client_is_never_called() {
    let (provider, receiver) = provider_in("ping").await;
    provider.register(json!({"client_id": "kiosk"})).await.expect("a poll client");
    let (_, request) = provider.asked(&[], START).await;
    provider.approve(&request, at(2.0)).await;
    provider.deliver(at(3.0)).await;
    assert!(receiver.calls().is_empty());
}

/// CIBA-9-03, CIBA-10.2-11
#[tokio::test]
async fn a_ping_that_arrived_is_not_repeated_and_its_token_is_gone() {
    let (provider, receiver) = provider_in("ping").await;
    let (_, request) = asked(&provider, START).await;
    provider.approve(&request, at(2.0)).await;
    let letter = json!({ "request": format!("request#{request}") }).to_string();
    for second in [2.0, 3.0, 40.0] {
        provider.deliver(at(second)).await;
        // The record comes again.
        provider.send_to_deliveries(&letter);
    }
    provider.deliver(at(60.0)).await;
    assert_eq!(receiver.calls().len(), 1);
    let kept = kept(&provider).await;
    assert_eq!(kept["delivery_state"], "delivered");
    assert!(kept.get("notification_token").is_none(), "{kept}");
}

/// ATK-8-03: the mode is the request's own, whatever the client became since.
#[tokio::test]
async fn a_request_in_ping_mode_is_pinged_at_the_current_endpoint() {
    let (provider, receiver) = provider_in("ping").await;
    let (id, request) = asked(&provider, START).await;
    let moved = ciba_tests::Receiver::start().await;
    super::register(&provider, "kiosk", "push", &moved.url(), json!({})).await;
    provider.approve(&request, at(2.0)).await;
    provider.deliver(at(2.0)).await;
    assert!(receiver.calls().is_empty());
    assert_eq!(moved.calls()[0].text, json!({ "auth_req_id": id }).to_string());
}

/// Its own next request ended it; it may have forgotten that it waits for two.
#[tokio::test]
async fn a_superseded_request_is_pinged() {
    let (provider, receiver) = provider_in("ping").await;
    let (first, _) = asked(&provider, START).await;
    asked(&provider, at(1.0)).await;
    provider.deliver(at(1.0)).await;
    assert_eq!(receiver.calls()[0].text, json!({ "auth_req_id": first }).to_string());
    assert_eq!(provider.poll(&first, at(1.0)).await.refusal(), (400, "access_denied"));
}

/// CIBA-7.2-09: the client's token goes with the request that nobody could be told of, whatever happens in between.
#[tokio::test]
async fn a_withdrawal_takes_the_clients_token_along_or_nothing() {
    let ask = [("client_notification_token", TOKEN)];
    for loss in [Loss::Connection, Loss::InternalServerError, Loss::Silence] {
        let (provider, _receiver) = provider_in("ping").await;
        provider.sns.fail_next(Failure::OptedOut);
        provider.proxy.lose_response("TransactWriteItems", 2, loss);
        assert_eq!(provider.ask(&ask, at(0.0)).await.refusal(), (403, "access_denied"));
        assert_eq!(provider.items_under("request#").await.len(), 0, "{loss:?}");
    }
    let (provider, _receiver) = provider_in("ping").await;
    provider.sns.fail_next(Failure::OptedOut);
    for nth in 2..12 {
        provider.proxy.fail_before("TransactWriteItems", nth, Refusal::InternalServerError);
    }
    assert_eq!(provider.ask(&ask, at(0.0)).await.refusal(), (503, "temporarily_unavailable"));
    assert_eq!(provider.items_under("request#").await.len(), 2, "both, until they expire");
}

//! How long and how often a client is called (CIBA §10.2).

use ciba_tests::{Reaction, Receiver, START, at};
use serde_json::json;

use super::{asked, deliver_until, kept, provider_in};

/// CIBA-10.2-09
#[tokio::test]
async fn what_may_pass_is_tried_again_with_growing_pauses() {
    let passing = [
        Reaction::HangUp,
        Reaction::Status(408),
        Reaction::Status(429),
        Reaction::Status(500),
        Reaction::Status(503),
    ];
    let (provider, receiver) = provider_in("ping").await;
    let (_, request) = asked(&provider, START).await;
    receiver.react(passing.clone());
    provider.approve(&request, at(2.0)).await;
    let mut seen = Vec::new();
    for second in 2..=90 {
        provider.deliver(at(f64::from(second))).await;
        if receiver.calls().len() > seen.len() {
            seen.push(second);
        }
    }
    assert_eq!(receiver.calls().len(), passing.len() + 1);
    assert_eq!(receiver.delivered().len(), 1);
    // Half a second to one, one to two, two to four, and so on; a look at the queue each second.
    let pauses: Vec<_> = seen.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (pause, (least, most)) in pauses.iter().zip([(1, 2), (1, 3), (2, 5), (4, 9), (8, 17)]) {
        assert!((least..=most).contains(pause), "{pauses:?}");
    }
}

/// CIBA-10.2-06, CIBA-10.2-07, CIBA-10.2-08
#[tokio::test]
async fn a_refusal_is_final_but_the_request_can_be_collected() {
    let elsewhere = Receiver::start().await;
    for reaction in [
        Reaction::Status(400),
        Reaction::Status(401),
        Reaction::Status(403),
        Reaction::Status(404),
        Reaction::Status(410),
        Reaction::Redirect(elsewhere.url()),
    ] {
        let (provider, receiver) = provider_in("ping").await;
        let (id, request) = asked(&provider, START).await;
        receiver.always(reaction.clone());
        provider.approve(&request, at(2.0)).await;
        deliver_until(&provider, 2, 20).await;
        assert_eq!(receiver.calls().len(), 1, "{reaction:?}");
        assert_eq!(kept(&provider).await["delivery_state"], "failed", "{reaction:?}");
        assert_eq!(provider.dead_letters().len(), 1, "{reaction:?}");
        assert_eq!(provider.poll(&id, at(21.0)).await.status, 200, "{reaction:?}");
    }
    assert!(elsewhere.calls().is_empty());
}

/// Then it is given up.
#[tokio::test]
async fn an_absent_client_is_called_until_its_request_ends() {
    let (provider, receiver) = provider_in("ping").await;
    let (_, request) = asked(&provider, START).await;
    receiver.always(Reaction::Status(503));
    provider.approve(&request, at(2.0)).await;
    deliver_until(&provider, 2, 119).await;
    let calls = receiver.calls().len();
    assert!((6..=12).contains(&calls), "{calls}");
    deliver_until(&provider, 120, 200).await;
    assert!(receiver.calls().len() <= calls + 1, "after the end nobody is helped by it");
    let kept = kept(&provider).await;
    assert_eq!((&kept["delivery_state"], &kept["failure"]), (&json!("failed"), &json!("http_503")));
    assert_eq!(provider.dead_letters().len(), 1);
}

#[tokio::test]
async fn retry_after_is_respected() {
    let (provider, receiver) = provider_in("ping").await;
    let (_, request) = asked(&provider, START).await;
    receiver.react([Reaction::RetryAfter(20)]);
    provider.approve(&request, at(2.0)).await;
    deliver_until(&provider, 2, 21).await;
    assert_eq!(receiver.calls().len(), 1);
    deliver_until(&provider, 22, 23).await;
    assert_eq!(receiver.calls().len(), 2);
}

/// HYG-4-02, ATK-6-01: what was registered where it was allowed is filtered where it is called.
#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_called() {
    let (provider, receiver) = provider_in("ping").await;
    let (_, request) = asked(&provider, START).await;
    provider.approve(&request, at(2.0)).await;
    // The same queue and table, and an issuer that is not on this machine.
    let public = [("ISSUER", "https://op.example"), ("LOGIN_ISSUERS", ""), ("RP_ID", "")];
    let abroad = provider.client_notification_with(&public);
    provider.deliver_to(&abroad, at(2.0)).await;
    assert!(receiver.calls().is_empty());
    let kept = kept(&provider).await;
    assert_eq!((&kept["delivery_state"], &kept["failure"]), (&json!("failed"), &json!("not_public")));
    assert_eq!(provider.dead_letters().len(), 1);
}

/// ATK-8-04
#[tokio::test]
async fn a_client_that_was_disabled_is_not_called() {
    let (provider, receiver) = provider_in("ping").await;
    let (_, request) = asked(&provider, START).await;
    provider.approve(&request, at(2.0)).await;
    super::register(&provider, "kiosk", "ping", &receiver.url(), json!({"active": false})).await;
    provider.deliver(at(3.0)).await;
    assert!(receiver.calls().is_empty());
    assert_eq!(kept(&provider).await["failure"], "client_inactive");
}

/// Without keys, or with a table that does not answer, nothing is lost: the message comes again.
#[tokio::test]
async fn an_outage_on_our_side_is_waited_for() {
    let (provider, receiver) = provider_in("ping").await;
    let (_, request) = asked(&provider, START).await;
    provider.approve(&request, at(2.0)).await;
    for operation in ["BatchGetItem", "GetItem", "UpdateItem"] {
        for _ in 0..3 {
            provider.proxy.fail_before(operation, 1, ciba_local::proxy::Refusal::InternalServerError);
        }
    }
    for second in [2.0, 100.0] {
        provider.deliver(at(second)).await;
    }
    deliver_until(&provider, 101, 115).await;
    provider.deliver(at(210.0)).await;
    provider.deliver(at(310.0)).await;
    assert_eq!(receiver.delivered().len(), 1, "{:?}", receiver.calls());
}

//! What the stream has forgotten is in the table, and the operator's sweep asks for it again.

use ciba_tests::{Provider, Reaction, Receiver, START, at};
use serde_json::{Value, json};

use super::{TOKEN, asked, kept, provider_in, register};
use crate::operator::done;

/// `ciba-admin delivery sweep`, with further arguments: what it prints as JSON.
async fn sweep(provider: &Provider, arguments: &[&str], seconds: f64) -> Value {
    provider.set_clock(at(seconds));
    done(provider, &[&["delivery", "sweep"], arguments].concat(), at(seconds)).await.json
}

/// A decision whose record nobody was handed.
#[tokio::test]
async fn a_forgotten_decision_is_told_after_a_sweep_and_once() {
    for mode in ["ping", "push"] {
        let (provider, receiver) = provider_in(mode).await;
        let (_, request) = asked(&provider, START).await;
        assert_eq!(sweep(&provider, &[], 1.0).await["deliveries"], json!([]), "nothing is decided");
        provider.approve(&request, at(2.0)).await;
        let found = sweep(&provider, &[], 3.0).await;
        let entry = &found["deliveries"][0];
        assert_eq!((&entry["request"], &entry["decision"]), (&json!(request), &json!("approved")));
        assert_eq!((&entry["client_id"], &entry["mode"]), (&json!("kiosk"), &json!(mode)));
        assert_eq!(
            (&found["complete"], found["deliveries"].as_array().map(Vec::len)),
            (&json!(true), Some(1))
        );
        // Once more before anything happened: two messages, and one call.
        sweep(&provider, &[], 3.0).await;
        assert_eq!(provider.deliver_from_the_queue(at(3.0)).await, 2);
        assert_eq!(receiver.delivered().len(), 1, "{mode}");
        assert_eq!(kept(&provider).await["delivery_state"], "delivered");
        assert_eq!(sweep(&provider, &[], 4.0).await["deliveries"], json!([]), "{mode}");
    }
}

/// So is the end of a push request, whose message waits in the queue otherwise.
#[tokio::test]
async fn a_forgotten_end_is_told_after_a_sweep() {
    let (provider, receiver) = provider_in("push").await;
    asked(&provider, START).await;
    assert_eq!(sweep(&provider, &[], 100.0).await["deliveries"], json!([]));
    assert_eq!(sweep(&provider, &[], 121.0).await["deliveries"][0]["decision"], "pending");
    provider.deliver_from_the_queue(at(121.0)).await;
    assert_eq!(receiver.delivered()[0].body["error"], "expired_token");
}

/// What failed is in the dead letters, what is under way has its time, and a poll client is not told.
#[tokio::test]
async fn a_sweep_finds_nothing_that_is_settled_or_under_way() {
    let (provider, receiver) = provider_in("ping").await;
    receiver.react([Reaction::Status(401), Reaction::RetryAfter(30)]);
    register(
        &provider,
        "till",
        "poll",
        &receiver.url(),
        json!({"backchannel_client_notification_endpoint": null}),
    )
    .await;
    for (client, seconds) in [("kiosk", 0.0), ("kiosk", 10.0), ("kiosk", 20.0), ("till", 30.0)] {
        let answer = provider.ask_as(client, &[("client_notification_token", TOKEN)], at(seconds)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let message = provider.sns.messages().pop().expect("a message");
        let request = message.text.rsplit('/').next().expect("a link").to_owned();
        let body = json!({"client_id": client, "decision": "approve"});
        provider.decide("alice", &request, body, at(seconds + 1.0)).await;
        provider.deliver(at(seconds + 1.0)).await;
    }
    assert_eq!((receiver.calls().len(), receiver.delivered().len()), (3, 1));
    assert_eq!(sweep(&provider, &[], 32.0).await["deliveries"], json!([]));
    // The second one's pause is over now; its message comes, and the sweep adds another.
    assert_eq!(sweep(&provider, &[], 42.0).await["deliveries"].as_array().map(Vec::len), Some(1));
    provider.deliver(at(42.0)).await;
    assert_eq!(receiver.delivered().len(), 2);
}

/// It reads no more of the table than it is told to, and says so.
#[tokio::test]
async fn a_sweep_reads_as_many_items_as_it_may() {
    let provider = Provider::start().await;
    let receiver = Receiver::start().await;
    register(&provider, "kiosk", "ping", &receiver.url(), json!({})).await;
    let few = sweep(&provider, &["--items", "3"], 1.0).await;
    assert_eq!((&few["complete"], &few["items"]), (&json!(false), &json!(3)));
    let all = sweep(&provider, &[], 1.0).await;
    assert_eq!(all["complete"], true);
    assert_eq!(all["items"], json!(provider.items().await.len()));
}

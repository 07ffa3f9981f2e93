//! What could not be delivered is kept, shown to the operator, and delivered by a replay.

use ciba::flows::telling::dead_letters::{DeadLetters, Replayed};
use ciba_tests::{Reaction, START, at};
use serde_json::json;

use super::{asked, deliver_until, kept, provider_in};

/// This works after the end of the request, too.
#[tokio::test]
async fn a_dead_letter_is_listed_and_a_replay_delivers_it() {
    let (provider, receiver) = provider_in("ping").await;
    let (id, request) = asked(&provider, START).await;
    receiver.always(Reaction::Status(404));
    provider.approve(&request, at(2.0)).await;
    provider.deliver(at(2.0)).await;

    let (queue, dead_letters) = provider.queues();
    let flow = DeadLetters { table: &provider.table, queue: &queue, dead_letters: &dead_letters };
    for look in 0..2 {
        let found = flow.list().await.expect("a list");
        assert_eq!(found.deliveries.len(), 1, "look {look}: looking takes nothing away");
        let report = &found.deliveries[0];
        assert_eq!(
            (report.request.key.encode(), report.failure.as_deref()),
            (request.clone(), Some("http_404"))
        );
    }

    receiver.always(Reaction::Status(204));
    let now = at(3000.0);
    provider.set_clock(now);
    let replayed = flow.replay(None, &provider.invocation(now)).await.expect("a replay");
    assert_eq!(replayed.iter().map(|(_, it)| *it).collect::<Vec<_>>(), [Replayed::Again]);
    provider.deliver(now).await;
    assert_eq!(receiver.delivered()[0].text, json!({ "auth_req_id": id }).to_string());
    assert_eq!(kept(&provider).await["delivery_state"], "delivered");
    assert!(flow.list().await.expect("a list").deliveries.is_empty());
    assert!(provider.dead_letters().is_empty());
}

/// CIBA-10.3-09: the tokens are gone for good; what is delivered then is that.
#[tokio::test]
async fn a_push_that_failed_is_replayed_as_transaction_failed() {
    let (provider, receiver) = provider_in("push").await;
    let (id, request) = asked(&provider, START).await;
    receiver.react([Reaction::Status(500), Reaction::Status(401)]);
    provider.approve(&request, at(2.0)).await;
    deliver_until(&provider, 2, 10).await;
    assert_eq!(provider.dead_letters().len(), 1);

    let (queue, dead_letters) = provider.queues();
    let flow = DeadLetters { table: &provider.table, queue: &queue, dead_letters: &dead_letters };
    flow.replay(None, &provider.invocation(at(11.0))).await.expect("a replay");
    deliver_until(&provider, 11, 12).await;
    let delivered = receiver.delivered();
    assert_eq!(delivered.len(), 1);
    assert_eq!(
        (&delivered[0].body["error"], &delivered[0].body["auth_req_id"]),
        (&json!("transaction_failed"), &json!(id))
    );
}

/// One that was settled since is removed.
#[tokio::test]
async fn a_replay_of_one_dead_letter_leaves_the_others() {
    let (provider, receiver) = provider_in("ping").await;
    receiver.always(Reaction::Status(410));
    let (_, first) = asked(&provider, START).await;
    provider.decide("alice", &first, json!({"decision": "deny"}), at(1.0)).await;
    provider.enroll("carol", json!({"channels": [{"sms": "+15555550199"}]})).await.expect("carol");
    let parameters = [("login_hint", "carol"), ("client_notification_token", super::TOKEN)];
    let (_, second) = provider.asked(&parameters, at(1.0)).await;
    provider.decide("carol", &second, json!({"decision": "deny"}), at(1.0)).await;
    provider.deliver(at(2.0)).await;
    assert_eq!(provider.dead_letters().len(), 2);

    let (queue, dead_letters) = provider.queues();
    let flow = DeadLetters { table: &provider.table, queue: &queue, dead_letters: &dead_letters };
    let only = ciba::domain::base::request_key::RequestKey::parse(&first).expect("a key");
    let replayed = flow.replay(Some(&only), &provider.invocation(at(3.0))).await.expect("a replay");
    assert_eq!(replayed, [(only, Replayed::Again)]);
    assert_eq!(provider.dead_letters().len(), 1);

    // Delivered by the replay; a second letter about it says nothing any more.
    receiver.always(Reaction::Status(204));
    provider.deliver(at(3.0)).await;
    dead_letters.send(&only).await.expect("a letter");
    let replayed = flow.replay(Some(&only), &provider.invocation(at(4.0))).await.expect("a replay");
    assert_eq!(replayed, [(only, Replayed::Settled)]);
    assert_eq!(receiver.delivered().len(), 1);
}

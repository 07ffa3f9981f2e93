//! One slow client does not hold up another (ATK-6-04).

use std::cell::Cell;
use std::time::Duration;

use ciba_tests::{Provider, Reaction, Receiver, at};
use serde_json::json;

use super::{TOKEN, register};

/// Asks and approves for `client`, each time somebody else.
async fn decided(provider: &Provider, client: &str, person: usize) -> String {
    let sub = format!("person-{client}-{person}");
    let number = format!("+1555556{:04}", person + if client == "slow" { 0 } else { 1000 });
    provider.enroll(&sub, json!({"channels": [{"sms": number}]})).await.expect("a person");
    let parameters = [("login_hint", sub.as_str()), ("client_notification_token", TOKEN)];
    let answer = provider.ask_as(client, &parameters, at(0.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let message = provider.sns.messages().pop().expect("a message");
    let request = message.text.rsplit('/').next().expect("a link").to_owned();
    let body = json!({"client_id": client, "decision": "approve"});
    assert_eq!(provider.decide(&sub, &request, body, at(1.0)).await.status, 200);
    answer.text("auth_req_id").to_owned()
}

/// ATK-6-04: nine decisions of a client that takes the connection and says nothing lie before and beside the other's, in
/// the stream and in the queue.
#[tokio::test]
async fn a_client_that_does_not_answer_delays_nobody_else() {
    for by_the_queue in [false, true] {
        let provider = Provider::start().await;
        let (slow, quick) = (Receiver::start().await, Receiver::start().await);
        slow.always(Reaction::Silence);
        register(&provider, "slow", "ping", &slow.url(), json!({})).await;
        register(&provider, "quick", "ping", &quick.url(), json!({})).await;
        for person in 0..9 {
            decided(&provider, "slow", person).await;
        }
        decided(&provider, "quick", 0).await;
        if by_the_queue {
            for item in provider.items_under("request#").await.iter().filter(|it| it["sk"] == "request") {
                provider.send_to_deliveries(&json!({ "request": item["pk"] }).to_string());
            }
        }

        // What the others look like when the quick client's call arrives: not one of the slow ones has come to its end
        // yet.
        let over = Cell::new(false);
        let arrived = async {
            while quick.calls().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            (over.get(), slow.calls().len())
        };
        let delivery = async {
            if by_the_queue {
                provider.deliver_from_the_queue(at(1.0)).await;
            } else {
                provider.deliver(at(1.0)).await;
            }
            over.set(true);
        };
        let ((), (was_over, in_flight)) = tokio::join!(delivery, arrived);
        assert!(!was_over, "the other's ping waited for those that got no answer");
        assert!(in_flight <= 5, "{in_flight} calls of one client at once");
        // The four that waited in the lane learned from those before, and were not tried.
        assert_eq!(slow.calls().len(), 5);
        let left = provider.sqs.bodies(Provider::DELIVERY_QUEUE).len();
        assert_eq!(left, 9, "by the queue: {by_the_queue}");
    }
}

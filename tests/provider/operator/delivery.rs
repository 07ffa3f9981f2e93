//! `ciba-admin delivery`: what a client could not be told, and telling it again.

use ciba_tests::{Provider, Reaction, Receiver, at};
use serde_json::json;

use super::{done, refused};

const TOKEN: &str = "8d67dc78-7faa-4d41-aabd-67707b374255";

/// It is listed with the client's answer.
#[tokio::test]
async fn a_failed_delivery_is_listed_and_told_again_by_a_replay() {
    let provider = Provider::start().await;
    let receiver = Receiver::start().await;
    let client = json!({"client_id": "kiosk", "backchannel_token_delivery_mode": "ping",
        "backchannel_client_notification_endpoint": receiver.url()});
    provider.register(client).await.expect("kiosk");
    let now = at(5.0);
    let empty = done(&provider, &["delivery", "list"], now).await;
    assert_eq!(
        (&*empty.text, &empty.json),
        ("Every client was notified.\n", &json!({"deliveries": [], "complete": true}))
    );

    let (_, request) = provider.asked(&[("client_notification_token", TOKEN)], at(0.0)).await;
    receiver.react([Reaction::Status(403)]);
    provider.approve(&request, at(1.0)).await;
    provider.deliver(at(1.0)).await;
    let listed = done(&provider, &["delivery", "list"], now).await;
    let entry = &listed.json["deliveries"][0];
    for (member, value) in [
        ("request", json!(request)),
        ("client_id", json!("kiosk")),
        ("mode", json!("ping")),
        ("decision", json!("approved")),
        ("attempts", json!(1)),
        ("failure", json!("http_403")),
        ("state", json!("failed")),
    ] {
        assert_eq!(entry[member], value, "{member}");
    }
    assert!(listed.text.contains("http_403") && listed.text.contains(&request), "{}", listed.text);

    let other = "q83vEjRWeJCrze8SNFZ4kA";
    assert!(
        refused(&provider, &["delivery", "replay", other], now).await.contains("not among the dead letters")
    );
    let replayed = done(&provider, &["delivery", "replay", &request], now).await;
    assert_eq!(replayed.json["deliveries"][0]["outcome"], "replayed");
    provider.deliver(now).await;
    assert_eq!(receiver.delivered().len(), 1);
    let nothing = done(&provider, &["delivery", "replay", "--all"], at(6.0)).await;
    assert_eq!(nothing.text, "There is nothing to replay.\n");
}

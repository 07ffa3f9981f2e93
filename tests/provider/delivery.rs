//! Ping and push: what was decided reaches the client, whatever happens on the way (CIBA §9, §10.2, §10.3, §12).

mod dead_letters;
mod events;
mod faults;
mod interleaved;
mod lanes;
mod ping;
mod push;
mod registration;
mod retries;
mod stream;
mod sweep;

use ciba::domain::base::time::Timestamp;
use ciba_tests::{Provider, Receiver, at};
use serde_json::{Value, json};

/// As long as it has to be.
pub(super) const TOKEN: &str = "8d67dc78-7faa-4d41-aabd-67707b374255";

/// A provider with the client `kiosk` in this mode, and the client's endpoint.
async fn provider_in(mode: &str) -> (Provider, Receiver) {
    provider_with(mode, json!({})).await
}

async fn provider_with(mode: &str, more: Value) -> (Provider, Receiver) {
    let provider = Provider::with(&[("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")]).await;
    let receiver = Receiver::start().await;
    receiver.tell(&provider.eavesdropper);
    register(&provider, "kiosk", mode, &receiver.url(), more).await;
    (provider, receiver)
}

async fn register(provider: &Provider, client: &str, mode: &str, endpoint: &str, more: Value) {
    let mut metadata = json!({
        "client_id": client,
        "backchannel_token_delivery_mode": mode,
        "backchannel_client_notification_endpoint": endpoint,
    });
    for (name, value) in more.as_object().expect("an object") {
        metadata[name] = value.clone();
    }
    provider.register(metadata).await.expect(client);
}

/// `kiosk` asks for alice: the client's handle and the person's.
async fn asked(provider: &Provider, now: Timestamp) -> (String, String) {
    provider.asked(&[("client_notification_token", TOKEN)], now).await
}

/// What the table keeps of the delivery of the only request.
async fn kept(provider: &Provider) -> Value {
    let mut items = provider.items_under("request#").await;
    items.retain(|item| item["sk"] == "delivery");
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0)
}

/// Lets time pass in steps of a second, from `from` to `to` after the beginning, and delivers what is due in each.
async fn deliver_until(provider: &Provider, from: u32, to: u32) {
    for second in from..=to {
        provider.deliver(at(f64::from(second))).await;
    }
}

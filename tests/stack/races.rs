//! Many at once, over HTTP, with four instances of each function.

use std::collections::BTreeMap;
use std::sync::Arc;

use ciba_local::stack::TABLE_NAME;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::Outside;

/// ATK-1-05, ATK-4-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_instances_redeem_once_and_ring_within_the_limits() {
    let outside = Arc::new(Outside::start(|options| options.concurrency = 4).await);

    let (_, acknowledgement) = outside.ask("bob").await;
    let auth_req_id = acknowledgement["auth_req_id"].as_str().expect("an acknowledgement").to_owned();
    assert_eq!(outside.decide(&auth_req_id, "allow").await.0, 200);
    let redemptions = at_once(20, &outside, |outside| {
        let auth_req_id = auth_req_id.clone();
        async move { outside.poll(&auth_req_id).await }
    })
    .await;
    let expected = BTreeMap::from([("200 ok".to_owned(), 1), ("400 invalid_grant".to_owned(), 19)]);
    assert_eq!(redemptions, expected);

    let before = outside.stack.sns.attempts().len();
    let asks = at_once(200, &outside, |outside| async move { outside.ask("alice").await }).await;
    // Who met others at each try is told to come again; nobody else gets anything but a refusal.
    assert_eq!(asks.get("200 ok"), Some(&3), "{asks:?}");
    let refused =
        ["403 access_denied", "503 temporarily_unavailable"].map(|word| asks.get(word).unwrap_or(&0));
    assert_eq!(refused.into_iter().sum::<usize>(), 197, "{asks:?}");
    assert_eq!(outside.stack.sns.attempts().len() - before, 3);
    assert_eq!(states(&outside).await, BTreeMap::from([("cancelled", 2), ("pending", 1), ("redeemed", 1)]));

    Arc::into_inner(outside).expect("no task is left").stack.stop().await;
}

/// Runs `calls` of them at once, and counts each answer.
async fn at_once<F>(
    calls: usize,
    outside: &Arc<Outside>,
    call: impl Fn(Arc<Outside>) -> F,
) -> BTreeMap<String, usize>
where
    F: Future<Output = (u16, Value)> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for _ in 0..calls {
        tasks.spawn(call(Arc::clone(outside)));
    }
    let mut counts = BTreeMap::new();
    for (status, body) in tasks.join_all().await {
        let word = body["error"].as_str().unwrap_or("ok");
        *counts.entry(format!("{status} {word}")).or_default() += 1;
    }
    counts
}

/// How many requests are in each state.
async fn states(outside: &Outside) -> BTreeMap<&'static str, usize> {
    let items = outside.stack.dynamodb.client().scan().table_name(TABLE_NAME).send().await.expect("a scan");
    let mut counts = BTreeMap::new();
    for item in items.items() {
        let state = item.get("state").and_then(|value| value.as_s().ok());
        let known = ["pending", "approved", "denied", "cancelled", "redeemed"];
        if let Some(name) = known.into_iter().find(|name| state.is_some_and(|state| state == name)) {
            *counts.entry(name).or_default() += 1;
        }
    }
    counts
}

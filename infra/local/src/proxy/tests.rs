use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    operation::batch_get_item::BatchGetItemOutput,
    types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem},
};

use super::*;
use crate::{
    dynamodb::{self, DynamoDb},
    server::listen,
};

async fn start() -> (DynamoDb, Proxy, Client) {
    let dynamodb = dynamodb::tests::start().await;
    let proxy = Proxy::start(listen(0).await.unwrap(), &dynamodb.url()).unwrap();
    let client = dynamodb::client(&proxy.url(), "TOKEN");
    (dynamodb, proxy, client)
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.into())
}

async fn put(client: &Client, pk: &str) -> Result<(), String> {
    let put = client.put_item().table_name("ciba").item("pk", text(pk)).item("sk", text("request"));
    put.item("pending_for", text("user#1")).send().await.map(drop).map_err(|error| format!("{error:?}"))
}

async fn exists(dynamodb: &DynamoDb, pk: &str) -> bool {
    let client = dynamodb.client();
    let get = client.get_item().table_name("ciba").key("pk", text(pk)).key("sk", text("request"));
    get.send().await.unwrap().item.is_some()
}

#[tokio::test]
async fn a_call_is_recorded_with_caller_key_and_capacity() {
    let (_dynamodb, proxy, client) = start().await;
    put(&client, "request#1").await.unwrap();
    let calls = proxy.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].operation, "PutItem");
    assert_eq!(calls[0].caller.as_deref(), Some("TOKEN"));
    assert_eq!(calls[0].leading_keys(), ["request#1"]);
    let capacity = calls[0].capacity.clone().unwrap();
    assert_eq!((capacity.total, capacity.table), (2.0, 1.0));
    assert_eq!(capacity.indexes["pending-by-user"], 1.0);
}

/// The caller gets an error.
#[tokio::test]
async fn a_lost_response_leaves_the_item_written() {
    for loss in [Loss::Connection, Loss::InternalServerError] {
        let (dynamodb, proxy, client) = start().await;
        proxy.lose_response("PutItem", 1, loss);
        put(&client, "request#1").await.unwrap_err();
        assert!(exists(&dynamodb, "request#1").await);
        put(&client, "request#2").await.unwrap();
        assert_eq!(proxy.calls().len(), 2);
    }
}

#[tokio::test]
async fn a_refused_call_is_not_executed() {
    let (dynamodb, proxy, client) = start().await;
    proxy.fail_before("PutItem", 1, Refusal::ProvisionedThroughputExceeded);
    let error = put(&client, "request#1").await.unwrap_err();
    assert!(error.contains("ProvisionedThroughputExceededException"), "{error}");
    assert!(!exists(&dynamodb, "request#1").await);
}

#[tokio::test]
async fn a_transaction_conflict_names_the_item() {
    let (_dynamodb, proxy, client) = start().await;
    proxy.fail_before("TransactWriteItems", 1, Refusal::TransactionConflict { at: 1 });
    let part = |pk: &str| {
        let put = Put::builder().table_name("ciba").item("pk", text(pk)).item("sk", text("x"));
        TransactWriteItem::builder().put(put.build().unwrap()).build()
    };
    let write = client.transact_write_items().transact_items(part("a")).transact_items(part("b"));
    let error = write.send().await.unwrap_err().into_service_error();
    assert!(error.is_transaction_canceled_exception());
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        cancelled,
    ) = error
    else {
        panic!("{error:?}")
    };
    let codes: Vec<_> = cancelled.cancellation_reasons().iter().filter_map(|it| it.code()).collect();
    assert_eq!(codes, ["None", "TransactionConflict"]);
}

#[tokio::test]
async fn of_a_batch_the_first_keys_are_read_and_the_others_left_over() {
    let (_dynamodb, proxy, client) = start().await;
    for pk in ["a", "b", "c"] {
        put(&client, pk).await.unwrap();
    }
    let key = |pk: &str| HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text("request"))]);
    let keys =
        KeysAndAttributes::builder().set_keys(Some(["a", "b", "c"].map(key).to_vec())).build().unwrap();
    let batch = client.batch_get_item().request_items("ciba", keys);
    let found = |answer: &BatchGetItemOutput| {
        let read = answer.responses().map_or(0, |tables| tables.values().flatten().count());
        let left =
            answer.unprocessed_keys().map_or(0, |tables| tables.values().flat_map(|it| it.keys()).count());
        (read, left)
    };
    proxy.leave_over(1, 2);
    proxy.fail_before("BatchGetItem", 2, Refusal::AllLeftOver);
    for expected in [(2, 1), (0, 3), (3, 0)] {
        assert_eq!(found(&batch.clone().send().await.unwrap()), expected);
    }
}

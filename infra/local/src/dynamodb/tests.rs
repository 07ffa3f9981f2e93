use std::time::UNIX_EPOCH;

use aws_sdk_dynamodb::types::AttributeValue;

use super::*;
use crate::{
    clock,
    server::listen,
    template::{Attribute, Index, Key, Projection},
};

/// A small version of the real table.
pub(crate) fn table() -> Table {
    let attribute = |name: &str| Attribute { name: name.into(), kind: "S".into() };
    let key = |name: &str, role: &str| Key { attribute: name.into(), role: role.into() };
    Table {
        attributes: ["pk", "sk", "pending_for"].map(attribute).to_vec(),
        keys: vec![key("pk", "HASH"), key("sk", "RANGE")],
        indexes: vec![Index {
            name: "pending-by-user".into(),
            keys: vec![key("pending_for", "HASH")],
            projection: Projection { kind: "INCLUDE".into(), attributes: vec!["client_id".into()] },
        }],
        ttl: Some("ttl".into()),
        stream: Some("NEW_AND_OLD_IMAGES".into()),
    }
}

pub(crate) async fn start() -> DynamoDb {
    let dynamodb = DynamoDb::start(listen(0).await.unwrap()).unwrap();
    dynamodb.create_table("ciba", &table()).await.unwrap();
    dynamodb
}

#[tokio::test]
async fn the_table_is_the_one_the_template_defines() {
    let dynamodb = start().await;
    let described = dynamodb.client().describe_table().table_name("ciba").send().await.unwrap();
    let described = described.table.unwrap();
    let index = &described.global_secondary_indexes()[0];
    assert_eq!(described.key_schema().len(), 2);
    assert_eq!(index.index_name(), Some("pending-by-user"));
    assert_eq!(index.projection().unwrap().non_key_attributes(), ["client_id"]);
}

#[tokio::test]
async fn a_sweep_deletes_what_has_expired() {
    let dynamodb = start().await;
    let client = dynamodb.client();
    let hour_ago = clock::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - 3_600;
    let text = |it: &str| AttributeValue::S(it.into());
    let put = client.put_item().table_name("ciba").item("pk", text("a")).item("sk", text("b"));
    put.item("ttl", AttributeValue::N(hour_ago.to_string())).send().await.unwrap();

    let _sweep = dynamodb.sweep(Duration::from_millis(10));
    let gone = async {
        loop {
            let get = client.get_item().table_name("ciba").key("pk", text("a")).key("sk", text("b"));
            if get.send().await.unwrap().item.is_none() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.unwrap();
}

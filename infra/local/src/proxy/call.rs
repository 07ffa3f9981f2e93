//! The record of a call.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

/// One call of the DynamoDB API.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `UpdateItem`, `TransactWriteItems` …
    pub operation: String,
    /// The access key id that signed the call.
    pub caller: Option<String>,
    /// What it reads or writes, one entry per item; one for a query.
    pub touches: Vec<Touch>,
    /// The status from the engine (or of a refusal), even if the response was then lost.
    pub status: Option<StatusCode>,
    /// The consumed capacity. An error response does not include it.
    pub capacity: Option<Capacity>,
    /// Its position in the order of all events of the doubles of this process: when it was carried out, or refused.
    pub order: u64,
}

/// An item (or a query) as IAM sees it: an action on a table, with its leading key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    /// The action: also `PutItem` for the Put of a transaction.
    pub action: String,
    pub table: String,
    pub index: Option<String>,
    /// The value of the partition key, if it is text.
    pub leading_key: Option<String>,
}

/// Capacity units, in the table and in each index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Capacity {
    pub total: f64,
    pub table: f64,
    pub indexes: BTreeMap<String, f64>,
}

impl Call {
    /// The leading keys it touches, in the order of the request.
    pub fn leading_keys(&self) -> Vec<&str> {
        self.touches.iter().filter_map(|touch| touch.leading_key.as_deref()).collect()
    }
}

impl Touch {
    /// What a request touches.
    pub(super) fn all(operation: &str, input: &Value) -> Vec<Self> {
        match operation {
            "TransactWriteItems" | "TransactGetItems" => list(&input["TransactItems"])
                .filter_map(|item| {
                    let (kind, part) = item.as_object()?.iter().next()?;
                    let action = if kind == "ConditionCheck" { kind.clone() } else { format!("{kind}Item") };
                    Some(Self::one(&action, part))
                })
                .collect(),
            "BatchGetItem" => tables(input)
                .flat_map(|(table, request)| {
                    list(&request["Keys"]).map(|key| Self::item(operation, table, leading_key(key)))
                })
                .collect(),
            "BatchWriteItem" => tables(input)
                .flat_map(|(table, writes)| {
                    list(writes).map(|write| {
                        let key = leading_key(&write["PutRequest"]["Item"])
                            .or_else(|| leading_key(&write["DeleteRequest"]["Key"]));
                        Self::item(operation, table, key)
                    })
                })
                .collect(),
            _ => vec![Self::one(operation, input)],
        }
    }

    fn one(action: &str, part: &Value) -> Self {
        let key =
            leading_key(&part["Key"]).or_else(|| leading_key(&part["Item"])).or_else(|| queried_key(part));
        let index = part["IndexName"].as_str().map(str::to_owned);
        Self { index, ..Self::item(action, part["TableName"].as_str().unwrap_or_default(), key) }
    }

    fn item(action: &str, table: &str, leading_key: Option<String>) -> Self {
        Self { action: action.to_owned(), table: table.to_owned(), index: None, leading_key }
    }
}

impl Capacity {
    /// The sum of the consumed capacity in a response.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        // For one table, or a list of them.
        let consumed = answer.get("ConsumedCapacity")?;
        let parts = consumed.as_array().map_or(std::slice::from_ref(consumed), Vec::as_slice);
        let mut sum = Self::default();
        for part in parts {
            sum.total += units(part);
            sum.table += units(&part["Table"]);
            for (name, index) in part["GlobalSecondaryIndexes"].as_object().into_iter().flatten() {
                *sum.indexes.entry(name.clone()).or_default() += units(index);
            }
        }
        Some(sum)
    }
}

/// `DynamoDB_20120810.PutItem` is `PutItem`.
pub(super) fn operation(headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|it| it.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_owned()
}

/// Whether an operation supports `ReturnConsumedCapacity`.
pub(super) fn reports_capacity(operation: &str) -> bool {
    operation.ends_with("Item") || operation.ends_with("Items") || matches!(operation, "Query" | "Scan")
}

fn units(part: &Value) -> f64 {
    part["CapacityUnits"].as_f64().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn tables(input: &Value) -> impl Iterator<Item = (&String, &Value)> {
    input["RequestItems"].as_object().into_iter().flatten()
}

/// The partition key of an item or a key, by its name in this table.
fn leading_key(attributes: &Value) -> Option<String> {
    attributes["pk"]["S"].as_str().map(str::to_owned)
}

/// The value that the first equality of a key condition compares with: for an index, its own partition key.
fn queried_key(input: &Value) -> Option<String> {
    let (_, after) = input["KeyConditionExpression"].as_str()?.split_once('=')?;
    let name = after.split_whitespace().next()?.trim_end_matches(')');
    input["ExpressionAttributeValues"][name]["S"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_transaction_touches_what_its_parts_touch() {
        let key = |pk: &str| json!({"pk": {"S": pk}, "sk": {"S": "x"}});
        let input = json!({"TransactItems": [
            {"Put": {"TableName": "ciba", "Item": key("request#1")}},
            {"ConditionCheck": {"TableName": "ciba", "Key": key("user#1")}},
        ]});
        let touches = Touch::all("TransactWriteItems", &input);
        let seen: Vec<_> =
            touches.iter().map(|it| (&*it.action, it.leading_key.as_deref().unwrap())).collect();
        assert_eq!(seen, [("PutItem", "request#1"), ("ConditionCheck", "user#1")]);
    }

    #[test]
    fn a_query_touches_the_key_it_asks_for() {
        let input = json!({
            "TableName": "ciba",
            "IndexName": "pending-by-user",
            "KeyConditionExpression": "pending_for = :user AND expires_at > :now",
            "ExpressionAttributeValues": {":user": {"S": "user#1"}, ":now": {"N": "1"}},
        });
        let touches = Touch::all("Query", &input);
        assert_eq!(touches[0].index.as_deref(), Some("pending-by-user"));
        assert_eq!(touches[0].leading_key.as_deref(), Some("user#1"));
    }

    #[test]
    fn the_capacity_of_a_transaction_is_summed() {
        let part = json!({
            "CapacityUnits": 3.0,
            "Table": {"CapacityUnits": 2.0},
            "GlobalSecondaryIndexes": {"pending-by-user": {"CapacityUnits": 1.0}},
        });
        let body = json!({"ConsumedCapacity": [part, part]}).to_string();
        let indexes = BTreeMap::from([("pending-by-user".to_owned(), 2.0)]);
        assert_eq!(Capacity::read(body.as_bytes()), Some(Capacity { total: 6.0, table: 4.0, indexes }));
    }
}

//! A table's stream, read over the engine's own HTTP API from its beginning.
//!
//! It works with both engines: the embedded one, and AWS's DynamoDB Local.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::{Error, REGION};

/// A reader of a table's stream. Each has its own position.
#[derive(Debug)]
pub struct Stream {
    http: reqwest::Client,
    url: String,
    arn: String,
    shards: Vec<Shard>,
}

#[derive(Debug)]
struct Shard {
    id: String,
    /// Where to continue; `None` once the shard has ended.
    iterator: Option<String>,
}

impl Stream {
    /// Opens the stream of `table` at its beginning.
    ///
    /// # Errors
    /// If the engine does not respond, or the table has no stream.
    pub async fn open(dynamodb_url: &str, table: &str) -> Result<Self, Error> {
        let http = crate::server::loopback_client()?;
        let mut stream = Self { http, url: dynamodb_url.to_owned(), arn: String::new(), shards: Vec::new() };
        let listed = stream.call("ListStreams", &json!({"TableName": table})).await?;
        let arn = listed["Streams"][0]["StreamArn"].as_str();
        stream.arn = arn.ok_or_else(|| format!("the table {table} has no stream"))?.to_owned();
        Ok(stream)
    }

    /// What has been written since the last call, in the form that Lambda passes on.
    ///
    /// # Errors
    /// If the engine does not respond correctly.
    pub async fn records(&mut self) -> Result<Vec<Value>, Error> {
        // A shard that has ended has successors.
        if self.shards.iter().all(|shard| shard.iterator.is_none()) {
            self.find_shards().await?;
        }
        let mut all = Vec::new();
        for index in 0..self.shards.len() {
            while let Some(iterator) = self.shards[index].iterator.clone() {
                let page = self.call("GetRecords", &json!({"ShardIterator": iterator})).await?;
                self.shards[index].iterator = page["NextShardIterator"].as_str().map(str::to_owned);
                let records = page["Records"].as_array().cloned().unwrap_or_default();
                if records.is_empty() {
                    break;
                }
                all.extend(records.into_iter().map(|record| self.as_handed_over(record)));
            }
        }
        Ok(all)
    }

    /// Parents come before their children, so reading them in this order keeps each item's records in order.
    async fn find_shards(&mut self) -> Result<(), Error> {
        let described = self.call("DescribeStream", &json!({"StreamArn": self.arn})).await?;
        let shards = described["StreamDescription"]["Shards"].as_array().cloned().unwrap_or_default();
        for id in shards.iter().filter_map(|shard| shard["ShardId"].as_str()) {
            if self.shards.iter().any(|known| known.id == id) {
                continue;
            }
            let from = json!({"StreamArn": self.arn, "ShardId": id, "ShardIteratorType": "TRIM_HORIZON"});
            let given = self.call("GetShardIterator", &from).await?;
            let iterator = given["ShardIterator"].as_str().map(str::to_owned);
            self.shards.push(Shard { id: id.to_owned(), iterator });
        }
        Ok(())
    }

    /// The event differs little from the API: the source of the record, whole seconds, lower case.
    fn as_handed_over(&self, mut record: Value) -> Value {
        let changed = &mut record["dynamodb"]["ApproximateCreationDateTime"];
        if let Some(seconds) = changed.as_f64() {
            *changed = json!(seconds as i64);
        }
        let identity = &record["userIdentity"];
        if identity.is_object() {
            let either =
                |name: &str, other: &str| identity.get(name).or_else(|| identity.get(other)).cloned();
            record["userIdentity"] = json!({
                "type": either("type", "Type"),
                "principalId": either("principalId", "PrincipalId"),
            });
        }
        record["eventSource"] = json!("aws:dynamodb");
        record["eventSourceARN"] = json!(self.arn);
        record
    }

    async fn call(&self, operation: &str, input: &Value) -> Result<Value, Error> {
        // No local engine checks a signature, but some require one.
        let credential = format!("LOCAL/20260101/{REGION}/dynamodb/aws4_request");
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
        let request = self.http.post(&self.url).header(AUTHORIZATION, authorization);
        let request = request.header("x-amz-date", "20260101T000000Z");
        let request = request.header(CONTENT_TYPE, "application/x-amz-json-1.0");
        let request = request.header("x-amz-target", format!("DynamoDBStreams_20120810.{operation}"));
        let answer = request.body(input.to_string()).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            return Err(format!("{operation}: {status} {text}").into());
        }
        Ok(serde_json::from_str(&text)?)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};

    use super::*;
    use crate::dynamodb::tests::start;

    async fn set(client: &aws_sdk_dynamodb::Client, pk: &str, state: &str) {
        let text = |it: &str| AttributeValue::S(it.into());
        let put = client.put_item().table_name("ciba").item("pk", text(pk)).item("sk", text("request"));
        put.item("state", text(state)).send().await.unwrap();
    }

    #[tokio::test]
    async fn a_change_is_shown_with_its_keys_and_both_images_once() {
        let dynamodb = start().await;
        set(&dynamodb.client(), "request#a", "pending").await;
        let mut stream = Stream::open(&dynamodb.url(), "ciba").await.unwrap();
        set(&dynamodb.client(), "request#a", "approved").await;
        let records = stream.records().await.unwrap();
        let names: Vec<_> = records.iter().map(|record| record["eventName"].clone()).collect();
        assert_eq!(names, ["INSERT", "MODIFY"], "from the beginning on");
        let change = &records[1]["dynamodb"];
        assert_eq!(change["Keys"]["pk"]["S"], "request#a");
        assert_eq!(change["OldImage"]["state"]["S"], "pending");
        assert_eq!(change["NewImage"]["state"]["S"], "approved");
        assert!(change["ApproximateCreationDateTime"].is_i64(), "{change}");
        assert!(records[1]["eventSourceARN"].as_str().unwrap().contains("table/ciba/stream/"));

        assert_eq!(stream.records().await.unwrap(), Vec::<Value>::new());
        set(&dynamodb.client(), "request#b", "pending").await;
        assert_eq!(stream.records().await.unwrap().len(), 1);
    }

    /// The engine returns at most a thousand at once.
    #[tokio::test]
    async fn more_than_one_answer_holds_come_completely_and_in_order() {
        let dynamodb = start().await;
        let mut stream = Stream::open(&dynamodb.url(), "ciba").await.unwrap();
        let text = |it: String| AttributeValue::S(it);
        for first in (0..1_025).step_by(25) {
            let put = |number: i32| {
                let put = PutRequest::builder().item("pk", text(number.to_string()));
                let put = put.item("sk", text("request".to_owned())).build().unwrap();
                WriteRequest::builder().put_request(put).build()
            };
            let requests = (first..first + 25).map(put).collect();
            dynamodb.client().batch_write_item().request_items("ciba", requests).send().await.unwrap();
        }
        let records = stream.records().await.unwrap();
        let keys = records.iter().map(|it| it["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap());
        assert!(keys.eq((0..1_025).map(|it| it.to_string())));
    }

    /// With it a filter distinguishes expired items from deleted ones.
    #[tokio::test]
    async fn of_what_was_swept_the_record_says_who_did_it() {
        let dynamodb = start().await;
        let text = |it: &str| AttributeValue::S(it.into());
        let put = dynamodb.client().put_item().table_name("ciba").item("pk", text("a")).item("sk", text("b"));
        put.item("ttl", AttributeValue::N("1700000000".to_owned())).send().await.unwrap();
        let mut stream = Stream::open(&dynamodb.url(), "ciba").await.unwrap();
        assert_eq!(stream.records().await.unwrap().len(), 1);
        let _sweep = dynamodb.sweep(std::time::Duration::from_millis(10));
        let swept = async {
            loop {
                if let Some(record) = stream.records().await.unwrap().pop() {
                    return record;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        let swept = tokio::time::timeout(std::time::Duration::from_secs(5), swept).await.unwrap();
        assert_eq!(swept["eventName"], "REMOVE");
        let by = json!({"type": "Service", "principalId": "dynamodb.amazonaws.com"});
        assert_eq!(swept["userIdentity"], by);
    }

    #[tokio::test]
    async fn a_table_without_a_stream_is_an_error_that_names_it() {
        let dynamodb = start().await;
        let error = Stream::open(&dynamodb.url(), "other").await.unwrap_err();
        assert!(error.to_string().contains("other"), "{error}");
    }
}

//! The DynamoDB engine under a test.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::Client;
use ciba_local::dynamodb::{self, DynamoDb};
use ciba_local::server::listen;
use ciba_local::template::Template;

/// Tables in the shared engine whose tests are over. The next test that starts deletes them, so that it does not have hundreds.
static LEFT: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The embedded engine, a new one for each test. Or the one that `TEST_DYNAMODB_URL` names, which the tests share:
/// there each has a table of its own.
pub struct Engine {
    url: String,
    pub table: String,
    embedded: Option<DynamoDb>,
}

impl Engine {
    /// An engine with the template's table, empty.
    pub async fn start(template: &Template) -> Self {
        static TABLES: AtomicU64 = AtomicU64::new(1);
        let (url, embedded) = match shared() {
            Some(url) => (url, None),
            None => {
                let embedded = DynamoDb::start(listen(0).await.expect("a port")).expect("DynamoDB");
                (embedded.url(), Some(embedded))
            }
        };
        let table = format!("ciba-{}-{}", std::process::id(), TABLES.fetch_add(1, Ordering::Relaxed));
        let engine = Self { url, table, embedded };
        let left = std::mem::take(&mut *LEFT.lock().expect("the tables"));
        for table in left {
            engine.client().delete_table().table_name(table).send().await.expect("the table is there");
        }
        dynamodb::create_table(&engine.client(), &engine.table, &template.table).await.expect("a table");
        engine
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether tests share an engine that is not embedded, and slower.
    pub fn is_shared() -> bool {
        shared().is_some()
    }

    pub fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// An SDK client that goes straight to the engine.
    pub fn client(&self) -> Client {
        dynamodb::client(&self.url, "LOCAL")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if !self.is_embedded() {
            LEFT.lock().expect("the tables").push(std::mem::take(&mut self.table));
        }
    }
}

/// Where `tests/dynamodb-local/run.sh` serves another engine.
#[expect(clippy::disallowed_methods, reason = "the engine under the tests is no setting of a function")]
fn shared() -> Option<String> {
    std::env::var("TEST_DYNAMODB_URL").ok().filter(|url| !url.is_empty())
}

//! What the stack asks of the provider itself: the three places where it needs the crate `ciba`.
//!
//! Everything else in this crate treats the functions as a black box behind HTTP.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::phone::Asked;

/// The provider's own adapters, set up as a function in this stack would set them up.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    /// The environment the functions run with.
    #[expect(dead_code, reason = "what the three calls below are made from")]
    environment: BTreeMap<String, String>,
}

impl Provider {
    pub(crate) fn new(environment: BTreeMap<String, String>) -> Self {
        Self { environment }
    }

    /// Writes a client of `clients.json` into the table.
    pub(crate) async fn register_client(&self, _client: Value) -> Result<(), String> {
        Err("registering clients is not connected yet".to_owned())
    }

    /// Writes a person of `people.json` into the table, with hints and channels.
    pub(crate) async fn enroll_person(&self, _person: Value) -> Result<(), String> {
        Err("enrolling people is not connected yet".to_owned())
    }

    /// Opens an `auth_req_id` and finds whom it asks.
    pub(crate) async fn asked(&self, _auth_req_id: String) -> Option<Asked> {
        None
    }
}

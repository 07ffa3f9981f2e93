//! Evidence of a decision (`evidence#<RequestKey>` / `decision`): only ever put if absent, kept for its own time.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Put};

use crate::domain::client::ClientId;
use crate::domain::person_key::PersonKey;
use crate::domain::request_key::RequestKey;
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::store::item::{Item, key, number, text, time};
use crate::store::{StoreError, Table, WriteId};

/// What an auditor can be shown of a decision. Never the token that proved it.
pub struct DecisionEvidence<'a> {
    pub request: &'a RequestKey,
    pub client: &'a ClientId,
    pub person: &'a PersonKey,
    /// `approved` or `denied`.
    pub decision: &'static str,
    /// The scope approved, or asked for where it was denied.
    pub scope: &'a Scope,
    /// The login token's `iss`, `jti` and `auth_time`.
    pub issuer: &'a str,
    pub jti: Option<&'a str>,
    pub auth_time: Timestamp,
    pub at: Timestamp,
    /// Range: 1–3650 days. Default: 400 days.
    pub keep_for: Duration,
}

impl DecisionEvidence<'_> {
    fn encode(&self) -> Item {
        let mut item = key(format!("evidence#{}", self.request.encode()), "decision");
        item.extend([
            ("client_id".to_owned(), text(self.client.as_str())),
            ("person".to_owned(), text(self.person.as_str())),
            ("decision".to_owned(), text(self.decision)),
            ("scope".to_owned(), text(self.scope.encode())),
            ("proof".to_owned(), text("login_token")),
            ("proof_issuer".to_owned(), text(self.issuer)),
            ("auth_time".to_owned(), time(self.auth_time)),
            ("at".to_owned(), time(self.at)),
            ("ttl".to_owned(), number(self.at.plus(self.keep_for).seconds())),
        ]);
        item.extend(self.jti.map(|jti| ("proof_jti".to_owned(), text(jti))));
        item
    }

    pub(super) fn put(&self, table: &Table, write: &WriteId) -> Result<Put, StoreError> {
        let mut item = self.encode();
        item.insert("write_id".to_owned(), AttributeValue::S(write.as_str().to_owned()));
        Put::builder()
            .table_name(&table.name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(StoreError::incomplete)
    }
}

//! A person's recent asks (`user#<key>` / `asks`).

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure, Update};

use crate::domain::asks::{Ask, Asks};
use crate::domain::client::ClientId;
use crate::domain::person::Person;
use crate::domain::person_key::PersonKey;
use crate::domain::request_key::RequestKey;
use crate::store::batch::with_sk;
use crate::store::item::{Item, Reader, key, number, text, time};
use crate::store::{StoreError, Table, WriteId, person};

const SK: &str = "asks";

fn decode(item: &Item) -> Result<Asks, StoreError> {
    let reader = Reader(item);
    let recent = reader.list("recent")?.iter().map(|ask| {
        let ask = Reader(ask.as_m().map_err(|_| Reader::corrupt("recent"))?);
        Ok(Ask {
            client: ask.parsed("client_id", ClientId::parse)?,
            request: ask.parsed("request", RequestKey::parse)?,
            at: ask.time("at")?,
            expires_at: ask.time("expires_at")?,
        })
    });
    Ok(Asks { version: reader.unsigned("version")?, recent: recent.collect::<Result<_, StoreError>>()? })
}

fn encode(ask: &Ask) -> AttributeValue {
    AttributeValue::M(HashMap::from([
        ("client_id".to_owned(), text(ask.client.as_str())),
        ("request".to_owned(), text(ask.request.encode())),
        ("at".to_owned(), time(ask.at)),
        ("expires_at".to_owned(), time(ask.expires_at)),
    ]))
}

impl Table {
    /// A person, and how often they were asked of late.
    pub async fn find_person_with_asks(
        &self,
        person_key: &PersonKey,
    ) -> Result<Option<(Person, Asks)>, StoreError> {
        let pk = person::pk(person_key);
        let items = self.batch_get(vec![key(pk.clone(), person::SK), key(pk, SK)]).await?;
        let found = with_sk(&items, person::SK).map(person::decode).transpose()?;
        let asks = with_sk(&items, SK).map(decode).transpose()?.unwrap_or_default();
        Ok(found.map(|person| (person, asks)))
    }

    /// Replaces the asks by `next`, if nobody has since `next` was computed.
    pub(super) fn update_asks(
        &self,
        of: &PersonKey,
        next: &Asks,
        write: &WriteId,
    ) -> Result<Update, StoreError> {
        let seen = next.version.saturating_sub(1);
        let update = Update::builder()
            .table_name(&self.name)
            .key("pk", text(person::pk(of)))
            .key("sk", text(SK))
            .update_expression("SET #version = :next, recent = :recent, write_id = :write")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":next", number(next.version as i64))
            .expression_attribute_values(
                ":recent",
                AttributeValue::L(next.recent.iter().map(encode).collect()),
            )
            .expression_attribute_values(":write", text(write.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = if seen == 0 {
            update.condition_expression("attribute_not_exists(#version)")
        } else {
            update
                .condition_expression("#version = :seen")
                .expression_attribute_values(":seen", number(seen as i64))
        };
        update.build().map_err(StoreError::incomplete)
    }
}

//! People and the hints that lead to them (`user#<key>` / `user`, `hint#<kind>#<value>` / `hint`).

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};

use crate::domain::asks::Asks;
use crate::domain::client::{Client, ClientId};
use crate::domain::hint::DirectoryHint;
use crate::domain::person::{Channel, Person, PersonKey, PhoneNumber, Subject};
use crate::store::batch::with_sk;
use crate::store::item::{Item, Reader, key, text};
use crate::store::{StoreError, Table, asks, client};

pub(super) const SK: &str = "user";

pub(super) fn pk(person: &PersonKey) -> String {
    format!("user#{}", person.as_str())
}

fn hint_key(hint: &DirectoryHint) -> Item {
    key(format!("hint#{}#{}", hint.kind().as_str(), hint.value()), "hint")
}

pub(super) fn decode(item: &Item) -> Result<Person, StoreError> {
    let reader = Reader(item);
    let channels = reader.list("channels")?.iter().map(|channel| {
        let number = channel.as_m().ok().and_then(|map| Reader(map).optional_text("sms"));
        number.and_then(PhoneNumber::parse).map(Channel::Sms).ok_or_else(|| Reader::corrupt("channels"))
    });
    Ok(Person {
        key: PersonKey::from_stored(reader.text("user")?),
        sub: reader.parsed("sub", Subject::parse)?,
        active: reader.flag("active")?,
        channels: channels.collect::<Result<_, _>>()?,
        claims: reader.parsed("claims", |json| serde_json::from_str(json).ok())?,
    })
}

fn encode(person: &Person) -> Item {
    let channels = person.channels.iter().map(|Channel::Sms(number)| {
        AttributeValue::M(HashMap::from([("sms".to_owned(), text(number.expose()))]))
    });
    let mut item = key(pk(&person.key), SK);
    item.extend([
        ("user".to_owned(), text(person.key.as_str())),
        ("sub".to_owned(), text(person.sub.as_str())),
        ("active".to_owned(), AttributeValue::Bool(person.active)),
        ("channels".to_owned(), AttributeValue::L(channels.collect())),
        ("claims".to_owned(), text(serde_json::Value::Object(person.claims.clone()).to_string())),
    ]);
    item
}

impl Table {
    /// The person to whom a hint leads.
    pub async fn find_hint(&self, hint: &DirectoryHint) -> Result<Option<PersonKey>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(hint_key(hint)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("GetItem hint", &error))?;
        answer.item.map(|item| Reader(&item).text("user").map(PersonKey::from_stored)).transpose()
    }

    /// A person, and how often they were asked of late.
    pub async fn find_person_with_asks(
        &self,
        person: &PersonKey,
    ) -> Result<Option<(Person, Asks)>, StoreError> {
        let items = self.batch_get(vec![key(pk(person), SK), key(pk(person), asks::SK)]).await?;
        let Some(person) = with_sk(&items, SK).map(decode).transpose()? else { return Ok(None) };
        let asks = with_sk(&items, asks::SK).map(asks::decode).transpose()?.unwrap_or_default();
        Ok(Some((person, asks)))
    }

    /// Person and client as they are now, before something is issued to one in the name of the other.
    pub async fn find_person_and_client(
        &self,
        person: &PersonKey,
        id: &ClientId,
    ) -> Result<(Option<Person>, Option<Client>), StoreError> {
        let items = self.batch_get(vec![key(pk(person), SK), client::client_key(id)]).await?;
        Ok((
            with_sk(&items, SK).map(decode).transpose()?,
            with_sk(&items, client::SK).map(client::decode).transpose()?,
        ))
    }

    /// Writes a person and the hints that lead there, new or changed. `false` if a hint leads to somebody
    /// else already: nothing is written then.
    pub async fn put_person(&self, person: &Person, hints: &[DirectoryHint]) -> Result<bool, StoreError> {
        let put = |item: Item, condition: Option<&str>| {
            let put = Put::builder().table_name(&self.name).set_item(Some(item));
            let put = match condition {
                Some(condition) => put
                    .condition_expression(condition)
                    .expression_attribute_names("#user", "user")
                    .expression_attribute_values(":user", text(person.key.as_str())),
                None => put,
            };
            let put = put.build().map_err(|error| StoreError::unavailable("PutPerson", &error))?;
            Ok::<_, StoreError>(TransactWriteItem::builder().put(put).build())
        };
        let mut writes = vec![put(encode(person), None)?];
        for hint in hints {
            let mut item = hint_key(hint);
            item.insert("user".to_owned(), text(person.key.as_str()));
            writes.push(put(item, Some("attribute_not_exists(pk) OR #user = :user"))?);
        }
        let result = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        match result {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_transaction_canceled_exception()) => {
                Ok(false)
            }
            Err(error) => Err(StoreError::unavailable("TransactWriteItems person", &error)),
        }
    }
}

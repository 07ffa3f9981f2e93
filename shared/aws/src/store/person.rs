//! People, the hints that lead to them, and their push endpoints (`user#<key>` / `user`,
//! `hint#<kind>#<value>` / `hint`, `endpoint#<ARN>` / `endpoint`).

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, Delete, Put, TransactWriteItem};

use crate::store::as_read::{AsRead, Unchanged};
use crate::store::attribute::{
    self, ACTIVE, CHANNELS, CLAIMS, HINTS, PARTITION_KEY, RESOLVED_AT, RESOLVED_ISSUER, RESOLVED_SUBJECT,
    SUB, USER, USER_CODE,
};
use crate::store::item::{Item, Reader, key, text, time};
use crate::store::{StoreError, Table};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::hint::DirectoryHint;
use ciba_core::domain::person::channel::{Channel, CustomChannel, PushEndpoint};
use ciba_core::domain::person::resolved::Resolved;
use ciba_core::domain::person::user_code::UserCodeHash;
use ciba_core::domain::person::{Person, Subject};

pub(super) const SK: &str = "user";

/// The kind of a channel of the operator's notifier in `channels`, and its members.
pub(super) const CUSTOM: &str = "custom";
const NAME: &str = "name";
const ADDRESS: &str = "address";

pub(super) fn pk(person: &PersonKey) -> String {
    format!("user#{}", person.as_str())
}

/// The person with this `pk`.
pub(super) fn from_pk(pk: &str) -> Option<PersonKey> {
    pk.strip_prefix("user#").map(PersonKey::from_stored)
}

fn hint_key(hint: &DirectoryHint) -> Item {
    key(format!("hint#{}", hint.encode()), "hint")
}

/// Each endpoint has at most one item, which binds the device to one person, so that nobody else can receive that
/// person's messages.
fn endpoint_key(endpoint: &PushEndpoint) -> Item {
    key(format!("endpoint#{}", endpoint.expose()), "endpoint")
}

pub(super) fn decode(item: &Item) -> Result<Person, StoreError> {
    let reader = Reader(item);
    let channels = reader.list(CHANNELS)?.iter().map(|channel| {
        let entry = channel.as_m().ok().and_then(|map| map.iter().next());
        let parsed = entry.and_then(|(kind, value)| match value.as_m() {
            Ok(custom) => decode_custom(kind, custom),
            Err(address) => Channel::from_stored(kind, address.as_s().ok()?),
        });
        parsed.ok_or_else(|| Reader::corrupt(CHANNELS))
    });
    let hints = reader.list(HINTS)?.iter().map(|hint| {
        hint.as_s().ok().and_then(|text| DirectoryHint::decode(text)).ok_or_else(|| Reader::corrupt(HINTS))
    });
    Ok(Person {
        key: PersonKey::from_stored(reader.text(USER)?),
        sub: reader.parsed(SUB, Subject::parse)?,
        active: reader.flag(ACTIVE)?,
        hints: hints.collect::<Result<_, _>>()?,
        channels: channels.collect::<Result<_, _>>()?,
        claims: reader.parsed(CLAIMS, |json| serde_json::from_str(json).ok())?,
        user_code: match reader.optional_text(USER_CODE) {
            None => None,
            Some(hash) => Some(UserCodeHash::parse(hash).ok_or_else(|| Reader::corrupt(USER_CODE))?),
        },
        resolved: match reader.optional_time(RESOLVED_AT)? {
            None => None,
            Some(at) => Some(Resolved {
                issuer: reader.optional_text(RESOLVED_ISSUER).map(str::to_owned),
                subject: reader.text(RESOLVED_SUBJECT)?.to_owned(),
                at,
            }),
        },
    })
}

fn encode(person: &Person) -> Item {
    let mut item = key(pk(&person.key), SK);
    item.extend([
        (USER.to_owned(), text(person.key.as_str())),
        (SUB.to_owned(), text(person.sub.as_str())),
        (ACTIVE.to_owned(), AttributeValue::Bool(person.active)),
        (HINTS.to_owned(), encode_hints(&person.hints)),
        (CHANNELS.to_owned(), encode_channels(&person.channels)),
        (CLAIMS.to_owned(), text(serde_json::Value::Object(person.claims.clone()).to_string())),
    ]);
    item.extend(person.user_code.as_ref().map(|hash| (USER_CODE.to_owned(), text(hash.as_str()))));
    if let Some(resolved) = &person.resolved {
        item.insert(RESOLVED_AT.to_owned(), time(resolved.at));
        item.insert(RESOLVED_SUBJECT.to_owned(), text(&resolved.subject));
        item.extend(resolved.issuer.iter().map(|issuer| (RESOLVED_ISSUER.to_owned(), text(issuer))));
    }
    item
}

fn encode_hints(hints: &[DirectoryHint]) -> AttributeValue {
    AttributeValue::L(hints.iter().map(|hint| text(hint.encode())).collect())
}

fn encode_channels(channels: &[Channel]) -> AttributeValue {
    let encode = |channel: &Channel| {
        let value = match channel {
            Channel::Sms(_) | Channel::Push(_) | Channel::Topic(_) => text(channel.expose()),
            Channel::Custom(custom) => AttributeValue::M(HashMap::from([
                (NAME.to_owned(), text(custom.name())),
                (ADDRESS.to_owned(), text(custom.expose())),
            ])),
        };
        AttributeValue::M(HashMap::from([(channel.kind().to_owned(), value)]))
    };
    AttributeValue::L(channels.iter().map(encode).collect())
}

/// A channel of the operator's notifier, which has a name beside its address.
fn decode_custom(kind: &str, custom: &Item) -> Option<Channel> {
    let member = |name: &str| custom.get(name)?.as_s().ok().map(String::as_str);
    let (name, address) = (member(NAME)?, member(ADDRESS)?);
    if kind == CUSTOM { CustomChannel::parse(name, address).ok().map(Channel::Custom) } else { None }
}

/// The keys of the hint and endpoint items of a person.
fn names(hints: &[DirectoryHint], channels: &[Channel]) -> Vec<Item> {
    let endpoints = channels.iter().filter_map(|channel| match channel {
        Channel::Push(endpoint) => Some(endpoint_key(endpoint)),
        Channel::Sms(_) | Channel::Topic(_) | Channel::Custom(_) => None,
    });
    hints.iter().map(hint_key).chain(endpoints).collect()
}

/// The result of writing a person. Unless it is `Done`, nothing was written.
#[derive(Debug, PartialEq, Eq)]
pub enum Enrolled {
    Done,
    /// These hints already lead to other people.
    HintTaken(Vec<DirectoryHint>),
    /// A push endpoint already belongs to another person.
    EndpointTaken,
    /// The entry was changed by another writer after it was read.
    Changed,
}

/// The entry of a person whom the resolver described for a request: it is written in the request's transaction.
#[derive(Clone, Copy)]
pub struct DescribedPerson<'a> {
    pub person: &'a Person,
    /// What the resolver said of them before.
    pub old: Option<&'a Person>,
}

impl DescribedPerson<'_> {
    /// Whether the description may replace this entry: the resolver's own, about the same person, and not disabled.
    pub fn may_replace(&self, entry: &Person) -> bool {
        entry.resolved.is_some() && entry.active && entry.sub == self.person.sub
    }
}

impl Table {
    /// The writes of a described person. The first one is refused if the entry is the directory's, has another `sub`, or
    /// was disabled by an operator; each further one if a name is somebody else's. That `old` is the entry as it is now
    /// is shown by the person's asks, which each of these transactions writes as well.
    pub(super) fn put_described(
        &self,
        DescribedPerson { person, old }: DescribedPerson<'_>,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(encode(person)))
            .condition_expression(format!(
                "attribute_not_exists({PARTITION_KEY}) \
                 OR (attribute_exists({RESOLVED_AT}) AND #sub = :sub AND #active = :active)"
            ))
            .expression_attribute_names("#sub", SUB)
            .expression_attribute_names("#active", ACTIVE)
            .expression_attribute_values(":sub", text(person.sub.as_str()))
            .expression_attribute_values(":active", AttributeValue::Bool(true))
            .build()
            .map_err(StoreError::incomplete)?;
        let mut writes = vec![TransactWriteItem::builder().put(put).build()];
        let now = names(&person.hints, &person.channels);
        let before = old.map(|old| names(&old.hints, &old.channels)).unwrap_or_default();
        for name in now.iter().filter(|name| !before.contains(name)) {
            writes.push(self.give(name.clone(), &person.key)?);
        }
        for name in before.into_iter().filter(|name| !now.contains(name)) {
            writes.push(self.take(name, &person.key)?);
        }
        Ok(writes)
    }

    /// Binds a hint or push endpoint to a person, if it is nobody else's.
    fn give(&self, name: Item, person: &PersonKey) -> Result<TransactWriteItem, StoreError> {
        let mut item = name;
        item.insert(USER.to_owned(), text(person.as_str()));
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression(format!("attribute_not_exists({PARTITION_KEY}) OR #user = :user"))
            .expression_attribute_names("#user", USER)
            .expression_attribute_values(":user", text(person.as_str()))
            .build()
            .map_err(StoreError::incomplete)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Deletes a hint or push endpoint, if it is nobody else's.
    fn take(&self, name: Item, person: &PersonKey) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(name))
            .condition_expression(format!("attribute_not_exists({PARTITION_KEY}) OR #user = :user"))
            .expression_attribute_names("#user", USER)
            .expression_attribute_values(":user", text(person.as_str()))
            .build()
            .map_err(StoreError::incomplete)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// The person that a hint leads to.
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
        answer.item.map(|item| Reader(&item).text(USER).map(PersonKey::from_stored)).transpose()
    }
    /// Those of these people who exist, unordered. `people` must be at most 100 keys without duplicates.
    pub async fn find_people(&self, people: &[PersonKey]) -> Result<Vec<Person>, StoreError> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let items = self.batch_get(people.iter().map(|person| key(pk(person), SK)).collect()).await?;
        items.iter().map(decode).collect()
    }

    /// Enables or disables a person. `false` if there is no such person.
    pub async fn set_person_active(&self, person: &PersonKey, active: bool) -> Result<bool, StoreError> {
        self.set_if_present(key(pk(person), SK), ACTIVE, AttributeValue::Bool(active)).await
    }

    /// A person, for [`Table::replace_person`].
    pub async fn read_person(&self, person: &PersonKey) -> Result<Option<AsRead<Person>>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key(pk(person), SK)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("GetItem person", &error))?;
        answer.item.map(|item| AsRead::decoded(item, decode)).transpose()
    }

    /// Writes a person with hints and push endpoints, in one transaction, if the entry is still `old`; if that is
    /// `None`, if there is still no entry. Hints and endpoints that the new entry does not contain are deleted, and
    /// can then be given to another person.
    pub async fn replace_person(
        &self,
        person: &Person,
        old: Option<&AsRead<Person>>,
    ) -> Result<Enrolled, StoreError> {
        let (hints, channels): (&[_], &[_]) =
            old.map(|old| (&*old.value.hints, &*old.value.channels)).unwrap_or_default();
        let Unchanged { expression, names: attributes, values } =
            Unchanged::since(old, attribute::PERSON_ENTRY);
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(encode(person)))
            .condition_expression(expression)
            .set_expression_attribute_names(Some(attributes))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .build()
            .map_err(StoreError::incomplete)?;
        let mut writes = vec![TransactWriteItem::builder().put(put).build()];
        let wanted = names(&person.hints, &person.channels);
        for name in &wanted {
            writes.push(self.give(name.clone(), &person.key)?);
        }
        for name in names(hints, channels).into_iter().filter(|name| !wanted.contains(name)) {
            writes.push(self.take(name, &person.key)?);
        }
        let Some(reasons) = self.transact("EnrolPerson", writes).await? else { return Ok(Enrolled::Done) };
        let is = |code: &'static str| move |reason: &CancellationReason| reason.code() == Some(code);
        let is_refused = is("ConditionalCheckFailed");
        match reasons.iter().position(is_refused) {
            Some(0) => Ok(Enrolled::Changed),
            Some(at) if at <= person.hints.len() => {
                let hints = person.hints.iter().zip(&reasons[1..]);
                let taken = hints.filter(|(_, reason)| is_refused(reason)).map(|(hint, _)| hint.clone());
                Ok(Enrolled::HintTaken(taken.collect()))
            }
            Some(_) => Ok(Enrolled::EndpointTaken),
            // Somebody else is writing one of these items at this moment.
            None if reasons.iter().any(is("TransactionConflict")) => Ok(Enrolled::Changed),
            None => Err(StoreError::Unavailable("EnrolPerson: the transaction was cancelled".to_owned())),
        }
    }
}

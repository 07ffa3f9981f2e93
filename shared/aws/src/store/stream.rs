//! The table's stream: parses records into the changes that they describe.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::store::attribute::{
    ATTEMPTS, CLIENT_ID, DECIDED_AT, DELIVERY_STATE, DOCUMENT, FAILURE, MODE, PARTITION_KEY, SETTLED_AT,
};
use crate::store::item::{Item, Reader};
use crate::store::{StoreError, authentication_request, delivery, evidence};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::{ClientId, DeliveryMode};
use ciba_core::domain::request::authentication_request::AuthenticationRequest;
use ciba_core::domain::request::delivery::DeliveryState;
use ciba_core::domain::request::event::{Change, DeliveryRecord};
use ciba_core::domain::request::evidence::{Evidence, Outcome};
use ciba_core::domain::request::evidence_document::Document;

/// `eventSource` of the records, as Lambda delivers them.
const SOURCE: &str = "aws:dynamodb";
/// The principal of deletions by TTL.
const SWEEPER: &str = "dynamodb.amazonaws.com";

/// A record, as Lambda delivers it.
#[derive(Clone, Debug)]
pub struct StreamRecord {
    /// The same for each delivery of the record.
    pub id: String,
    /// Its position in the shard.
    pub sequence_number: String,
    /// In whole seconds, as DynamoDB reports it.
    pub recorded_at: Timestamp,
    /// The change, or an error if the record is malformed, which a retry cannot fix.
    pub change: Result<Change, StoreError>,
}

/// A record about a request, of which only the request's key is read: what follows from the change is computed from
/// the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedRequest<'r> {
    /// Its position in the shard.
    pub sequence_number: &'r str,
    pub request: RequestKey,
}

impl<'r> ChangedRequest<'r> {
    /// Whether an invocation's record is one of the stream.
    pub fn is_change(record: &Value) -> bool {
        record["eventSource"] == SOURCE
    }

    /// # Errors
    /// If it is not a stream record about a request.
    pub fn read(record: &'r Value) -> Result<Self, StoreError> {
        let dynamodb = &record["dynamodb"];
        let text = |value: &'r Value, name: &str| value.as_str().ok_or_else(|| Reader::corrupt(name));
        let pk = text(&dynamodb["Keys"][PARTITION_KEY]["S"], PARTITION_KEY)?;
        let request = pk.strip_prefix("request#").and_then(RequestKey::parse);
        Ok(Self {
            sequence_number: text(&dynamodb["SequenceNumber"], "SequenceNumber")?,
            request: request.ok_or_else(|| Reader::corrupt(PARTITION_KEY))?,
        })
    }
}

impl StreamRecord {
    /// # Errors
    /// If it is not a stream record.
    pub fn read(record: &Value) -> Result<Self, StoreError> {
        let text = |value: &Value, name: &str| {
            value[name].as_str().map(str::to_owned).ok_or_else(|| Reader::corrupt(name))
        };
        let dynamodb = &record["dynamodb"];
        let seconds = dynamodb["ApproximateCreationDateTime"].as_f64();
        let seconds = seconds.ok_or_else(|| Reader::corrupt("ApproximateCreationDateTime"))?;
        Ok(Self {
            id: text(record, "eventID")?,
            sequence_number: text(dynamodb, "SequenceNumber")?,
            recorded_at: Timestamp::from_millis((seconds * 1000.0) as i64),
            change: change(record),
        })
    }
}

fn change(record: &Value) -> Result<Change, StoreError> {
    let dynamodb = &record["dynamodb"];
    let image =
        |name: &str| Some(&dynamodb[name]).filter(|it| !it.is_null()).map(|it| item(it, name)).transpose();
    let (old, new) = (image("OldImage")?, image("NewImage")?);
    let sk = dynamodb["Keys"]["sk"]["S"].as_str().ok_or_else(|| Reader::corrupt("Keys"))?;
    let is_evidence = dynamodb["Keys"]["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with(evidence::PREFIX));
    match (sk, old, new) {
        // The evidence of a signed request, which has the same sort key as a request's own item.
        (evidence::REQUEST_EVIDENCE, _, _) if is_evidence => Ok(Change::Other),
        (_, None, Some(new)) if is_evidence => reported(&new),
        (authentication_request::SK, old, new) => {
            let old = old.as_ref().map(decode).transpose()?;
            let new = new.as_ref().map(decode).transpose()?;
            Ok(match (old, new) {
                (None, Some(new)) => Change::Requested(new),
                (Some(old), Some(new)) => Change::Moved(old, new),
                (Some(_), None) if record["userIdentity"]["principalId"] == SWEEPER => Change::Other,
                (Some(old), None) => Change::Withdrawn(old),
                (None, None) => Change::Other,
            })
        }
        (delivery::SK, Some(old), Some(new)) => {
            Ok(Change::Delivery(decode_delivery(&old)?, decode_delivery(&new)?))
        }
        _ => Ok(Change::Other),
    }
}

fn decode(item: &Item) -> Result<Box<AuthenticationRequest>, StoreError> {
    authentication_request::decode(item).map(Box::new)
}

/// The change described by the evidence of a report.
fn reported(item: &Item) -> Result<Change, StoreError> {
    let text = Reader(item).text(DOCUMENT)?;
    let corrupt = || Reader::corrupt(DOCUMENT);
    // Right after an update the stream may still contain documents of version 1.
    let (decision, request, client, person, at) = match (Document::decode(text), Evidence::decode(text)) {
        (Some(it), _) => (it.decision, it.request, it.client_id, it.person, it.at),
        (None, Some(it)) => (Some(it.decision), it.request, it.client_id, it.person, it.at),
        (None, None) => return Err(corrupt()),
    };
    if decision != Some(Outcome::Reported) {
        return Ok(Change::Other);
    }
    Ok(Change::Reported {
        request: RequestKey::parse(&request).ok_or_else(corrupt)?,
        client: ClientId::parse(&client).ok_or_else(corrupt)?,
        person: PersonKey::from_stored(person).correlation(),
        at: Timestamp::from_millis(at),
    })
}

fn decode_delivery(item: &Item) -> Result<Box<DeliveryRecord>, StoreError> {
    let reader = Reader(item);
    Ok(Box::new(DeliveryRecord {
        request: reader.parsed(PARTITION_KEY, |pk| RequestKey::parse(pk.strip_prefix("request#")?))?,
        client: reader.parsed(CLIENT_ID, ClientId::parse)?,
        mode: reader.parsed(MODE, DeliveryMode::parse)?,
        attempts: reader.unsigned(ATTEMPTS)?,
        state: reader.parsed(DELIVERY_STATE, DeliveryState::parse)?,
        failure: reader.optional_text(FAILURE).map(str::to_owned),
        decided_at: reader.optional_time(DECIDED_AT)?,
        settled_at: reader.optional_time(SETTLED_AT)?,
    }))
}

/// An image: attributes in DynamoDB's JSON.
fn item(image: &Value, name: &str) -> Result<Item, StoreError> {
    let attributes = image.as_object().ok_or_else(|| Reader::corrupt(name))?.iter();
    attributes.map(|(name, value)| Ok((name.clone(), attribute(name, value)?))).collect()
}

fn attribute(name: &str, value: &Value) -> Result<AttributeValue, StoreError> {
    let corrupt = || Reader::corrupt(name);
    let (kind, value) = value.as_object().and_then(|it| it.iter().next()).ok_or_else(corrupt)?;
    let text = || value.as_str().map(str::to_owned).ok_or_else(corrupt);
    Ok(match kind.as_str() {
        "S" => AttributeValue::S(text()?),
        "N" => AttributeValue::N(text()?),
        "B" => AttributeValue::B(Blob::new(STANDARD.decode(text()?).map_err(|_| corrupt())?)),
        "BOOL" => AttributeValue::Bool(value.as_bool().ok_or_else(corrupt)?),
        "NULL" => AttributeValue::Null(true),
        "L" => {
            let items = value.as_array().ok_or_else(corrupt)?.iter();
            AttributeValue::L(items.map(|value| attribute(name, value)).collect::<Result<_, _>>()?)
        }
        "M" => AttributeValue::M(item(value, name)?.into_iter().collect::<HashMap<_, _>>()),
        // Sets, which no item contains.
        _ => return Err(corrupt()),
    })
}

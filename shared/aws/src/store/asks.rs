//! A person's recent requests ("asks"), denials, blocks and wrong user codes (`user#<key>` / `asks`).

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure, Update};

use crate::store::attribute::{
    AT, BLOCKS, CLIENT_ID, COUNT, DENIALS, EXPIRES_AT, LAST, LIFTED_AT, RECENT, REQUEST, VERSION, WRITE_ID,
    WRONG_CODES,
};
use crate::store::batch::with_sk;
use crate::store::item::{Item, Reader, key as item_key, number, text, time};
use crate::store::table::is_own;
use crate::store::{StoreError, Table, WriteId, person};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::ClientId;
use ciba_core::domain::person::asks::{Ask, Asks, Block, Denials};
use ciba_core::domain::person::wrong_codes::WrongCodes;

pub(super) const SK: &str = "asks";

pub(super) fn key(of: &PersonKey) -> Item {
    item_key(person::pk(of), SK)
}

/// The asks among the items that were read; a person who was never asked has none.
pub(super) fn among(items: &[Item]) -> Result<Asks, StoreError> {
    Ok(with_sk(items, SK).map(decode).transpose()?.unwrap_or_default())
}

/// Items written before denials, blocks and wrong codes were introduced lack these attributes, and are read as
/// having no entries.
pub(super) fn decode(item: &Item) -> Result<Asks, StoreError> {
    let reader = Reader(item);
    Ok(Asks {
        version: reader.unsigned(VERSION)?,
        recent: entries(reader, RECENT, decode_ask)?,
        denials: entries(reader, DENIALS, decode_denials)?,
        blocks: entries(reader, BLOCKS, decode_block)?,
        wrong_codes: entries(reader, WRONG_CODES, decode_wrong_codes)?,
    })
}

fn entries<T>(
    reader: Reader<'_>,
    name: &str,
    decode: impl Fn(Reader<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let entries = reader.list(name)?.iter();
    entries.map(|entry| decode(Reader(entry.as_m().map_err(|_| Reader::corrupt(name))?))).collect()
}

fn decode_ask(ask: Reader<'_>) -> Result<Ask, StoreError> {
    Ok(Ask {
        client: ask.parsed(CLIENT_ID, ClientId::parse)?,
        request: ask.parsed(REQUEST, RequestKey::parse)?,
        at: ask.time(AT)?,
        expires_at: ask.time(EXPIRES_AT)?,
    })
}

fn decode_denials(run: Reader<'_>) -> Result<Denials, StoreError> {
    Ok(Denials {
        client: run.parsed(CLIENT_ID, ClientId::parse)?,
        count: run.unsigned(COUNT)?,
        last: run.time(LAST)?,
    })
}

fn decode_wrong_codes(wrong: Reader<'_>) -> Result<WrongCodes, StoreError> {
    Ok(WrongCodes {
        client: wrong.parsed(CLIENT_ID, ClientId::parse)?,
        count: wrong.unsigned(COUNT)?,
        last: wrong.time(LAST)?,
    })
}

fn decode_block(block: Reader<'_>) -> Result<Block, StoreError> {
    Ok(Block {
        client: block.parsed(CLIENT_ID, ClientId::parse)?,
        at: block.time(AT)?,
        lifted_at: block.optional_time(LIFTED_AT)?,
    })
}

fn encode_ask(ask: &Ask) -> Item {
    HashMap::from([
        (CLIENT_ID.to_owned(), text(ask.client.as_str())),
        (REQUEST.to_owned(), text(ask.request.encode())),
        (AT.to_owned(), time(ask.at)),
        (EXPIRES_AT.to_owned(), time(ask.expires_at)),
    ])
}

fn encode_denials(run: &Denials) -> Item {
    encode_count(&run.client, run.count, run.last)
}

fn encode_wrong_codes(wrong: &WrongCodes) -> Item {
    encode_count(&wrong.client, wrong.count, wrong.last)
}

fn encode_count(client: &ClientId, count: u32, last: Timestamp) -> Item {
    HashMap::from([
        (CLIENT_ID.to_owned(), text(client.as_str())),
        (COUNT.to_owned(), number(count)),
        (LAST.to_owned(), time(last)),
    ])
}

fn encode_block(block: &Block) -> Item {
    let mut item =
        HashMap::from([(CLIENT_ID.to_owned(), text(block.client.as_str())), (AT.to_owned(), time(block.at))]);
    item.extend(block.lifted_at.map(|at| (LIFTED_AT.to_owned(), time(at))));
    item
}

fn list<T>(entries: &[T], encode: impl Fn(&T) -> Item) -> AttributeValue {
    AttributeValue::L(entries.iter().map(|entry| AttributeValue::M(encode(entry))).collect())
}

impl Table {
    /// Replaces the asks with `next`, if they are unchanged since `next` was computed.
    pub(super) fn update_asks(
        &self,
        of: &PersonKey,
        next: &Asks,
        write: &WriteId,
    ) -> Result<Update, StoreError> {
        let seen = next.version.saturating_sub(1);
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(key(of)))
            .update_expression(format!(
                "SET #version = :next, {RECENT} = :recent, {DENIALS} = :denials, {BLOCKS} = :blocks, \
                 {WRONG_CODES} = :wrong_codes, {WRITE_ID} = :write"
            ))
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":next", number(next.version as i64))
            .expression_attribute_values(":recent", list(&next.recent, encode_ask))
            .expression_attribute_values(":denials", list(&next.denials, encode_denials))
            .expression_attribute_values(":blocks", list(&next.blocks, encode_block))
            .expression_attribute_values(":wrong_codes", list(&next.wrong_codes, encode_wrong_codes))
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

    /// Replaces the asks in the same way, outside a transaction. `false` if they were changed in the meantime;
    /// then the caller has to read them again.
    pub async fn replace_asks(
        &self,
        of: &PersonKey,
        next: &Asks,
        write: &WriteId,
    ) -> Result<bool, StoreError> {
        let update = self.update_asks(of, next, write)?;
        let result = self
            .client
            .update_item()
            .table_name(update.table_name)
            .set_key(Some(update.key))
            .update_expression(update.update_expression)
            .set_condition_expression(update.condition_expression)
            .set_expression_attribute_names(update.expression_attribute_names)
            .set_expression_attribute_values(update.expression_attribute_values)
            .set_return_values_on_condition_check_failure(update.return_values_on_condition_check_failure)
            .send()
            .await;
        let error = match result {
            Ok(_) => return Ok(true),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                Ok(is_own(failed.item(), write))
            }
            Some(_) | None => Err(StoreError::unavailable("UpdateItem asks", &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn client(n: usize) -> ClientId {
        ClientId::parse(&format!("{n:0>128}")).unwrap()
    }

    fn item(asks: &Asks) -> Item {
        let mut item = key(&PersonKey::new("i", "v"));
        item.extend([
            ("version".to_owned(), number(asks.version as i64)),
            ("recent".to_owned(), list(&asks.recent, encode_ask)),
            ("denials".to_owned(), list(&asks.denials, encode_denials)),
            ("blocks".to_owned(), list(&asks.blocks, encode_block)),
            ("wrong_codes".to_owned(), list(&asks.wrong_codes, encode_wrong_codes)),
        ]);
        item
    }

    /// The item's size as DynamoDB counts it, rounded up: a number counts as its digits.
    fn size(value: &AttributeValue) -> usize {
        if let Ok(list) = value.as_l() {
            return 3 + list.iter().map(|value| 1 + size(value)).sum::<usize>();
        }
        if let Ok(map) = value.as_m() {
            return 3 + map.iter().map(|(name, value)| 1 + name.len() + size(value)).sum::<usize>();
        }
        value.as_s().or_else(|_| value.as_n()).expect("text or a number").len()
    }

    #[test]
    fn what_was_written_is_read_again() {
        let asks =
            Asks::default().denied(&client(1), NOW).reported(&client(2), NOW).reported(&client(3), NOW);
        let asks = asks.unblocked(&client(3), NOW).unwrap().code_was_wrong(&client(4), NOW);
        assert_eq!(decode(&item(&asks)).unwrap(), asks);
    }

    /// The item predates these attributes.
    #[test]
    fn an_item_without_denials_blocks_and_codes_is_read() {
        let mut item = item(&Asks { version: 3, ..Asks::default() });
        for name in ["denials", "blocks", "wrong_codes"] {
            item.remove(name).unwrap();
        }
        assert_eq!(decode(&item).unwrap(), Asks { version: 3, ..Asks::default() });
    }

    #[test]
    fn two_thousand_blocks_of_the_longest_names_fit_into_an_item() {
        let block = |n| Block { client: client(n), at: NOW, lifted_at: Some(NOW) };
        let asks = Asks { blocks: (0..2000).map(block).collect(), ..Asks::default() };
        let size = size(&AttributeValue::M(item(&asks)));
        // The remaining space is more than asks, denials and the rest can need.
        assert!(size < 390 * 1024, "{size}");
    }
}

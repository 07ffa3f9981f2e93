//! Withdrawn keys (`keys` / `emergency`): for each use, all keys up to a generation.
//!
//! It is a single item, so that one write withdraws any number of keys, and so that code about to sign can read it
//! together with the items it needs anyway.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::store::attribute::{AT, THROUGH, WRITE_ID};
use crate::store::batch::with_sk;
use crate::store::item::{Item, Reader, key, number, text, time};
use crate::store::key_use::PK;
use crate::store::{KeyUse, StoreError, Table, WriteId};
use ciba_core::domain::base::time::Timestamp;

/// Sorts before the keys: a Query that reads a withdrawal then also reads the successor, which was written earlier.
const SK: &str = "emergency";

/// The withdrawn keys of each use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WithdrawnKeys(BTreeMap<&'static str, Withdrawal>);

/// The withdrawn keys of one use: all up to a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// The newest withdrawn generation.
    pub through: u32,
    pub at: Timestamp,
}

impl WithdrawnKeys {
    /// The time at which a key was withdrawn, if it was.
    pub fn since(&self, key_use: KeyUse, generation: u32) -> Option<Timestamp> {
        let withdrawal = self.0.get(key_use.as_str())?;
        (generation <= withdrawal.through).then_some(withdrawal.at)
    }

    /// Whether these include all of `others`.
    ///
    /// Generations are compared instead of times, because the clocks of writer and reader may differ.
    pub fn include(&self, others: &Self) -> bool {
        let through = |key_use| self.0.get(key_use).map_or(0, |withdrawal: &Withdrawal| withdrawal.through);
        others.0.iter().all(|(key_use, withdrawal)| through(key_use) >= withdrawal.through)
    }
}

pub(super) fn item_key() -> Item {
    key(PK, SK)
}

/// The withdrawals among the items that were read. Without an item, no key is withdrawn.
pub(super) fn among(items: &[Item]) -> Result<WithdrawnKeys, StoreError> {
    let mut withdrawn = WithdrawnKeys::default();
    let Some(item) = with_sk(items, SK) else { return Ok(withdrawn) };
    for key_use in KeyUse::ALL.map(KeyUse::as_str) {
        let Some(value) = item.get(key_use) else { continue };
        let reader = Reader(value.as_m().map_err(|_| Reader::corrupt(key_use))?);
        let withdrawal = Withdrawal { through: reader.unsigned(THROUGH)?, at: reader.time(AT)? };
        withdrawn.0.insert(key_use, withdrawal);
    }
    Ok(withdrawn)
}

impl Table {
    /// Permanently withdraws the keys of `key_use` up to the generation `through`.
    ///
    /// The generation can only increase. A failed condition means that another call, or a retry of this one, has
    /// already withdrawn these keys.
    pub async fn withdraw_keys(
        &self,
        key_use: KeyUse,
        through: u32,
        now: Timestamp,
        write: &WriteId,
    ) -> Result<(), StoreError> {
        let withdrawal = Item::from([(THROUGH.to_owned(), number(through)), (AT.to_owned(), time(now))]);
        let result = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(item_key()))
            .condition_expression("attribute_not_exists(#use) OR #use.#through < :through")
            .update_expression(format!("SET #use = :withdrawal, {WRITE_ID} = :write"))
            .expression_attribute_names("#use", key_use.as_str())
            .expression_attribute_names("#through", THROUGH)
            .expression_attribute_values(":through", number(through))
            .expression_attribute_values(":withdrawal", AttributeValue::M(withdrawal))
            .expression_attribute_values(":write", text(write.as_str()))
            .send()
            .await;
        let Err(error) = result else { return Ok(()) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
            Some(_) | None => Err(StoreError::unavailable("UpdateItem withdrawn keys", &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn through(generations: &[(KeyUse, u32)]) -> WithdrawnKeys {
        let of = |(key_use, through): &(KeyUse, u32)| {
            (key_use.as_str(), Withdrawal { through: *through, at: NOW })
        };
        WithdrawnKeys(generations.iter().map(of).collect())
    }

    /// TOK-12-05
    #[test]
    fn a_withdrawal_reaches_every_older_key_of_its_use_and_no_other() {
        let signing = KeyUse::ALL[2];
        let withdrawn = through(&[(signing, 3)]);
        for (key_use, generation, expected) in
            [(signing, 1, Some(NOW)), (signing, 3, Some(NOW)), (signing, 4, None), (KeyUse::Handle, 1, None)]
        {
            assert_eq!(withdrawn.since(key_use, generation), expected, "{key_use:?} {generation}");
        }
    }

    #[test]
    fn later_withdrawals_of_each_use_include_the_earlier_ones() {
        let [handle, signing] = [KeyUse::Handle, KeyUse::ALL[2]];
        let none = WithdrawnKeys::default();
        let one = through(&[(signing, 1)]);
        let both = through(&[(signing, 1), (handle, 2)]);
        let later = through(&[(signing, 2)]);
        for (knows, others, expected) in [
            (&none, &none, true),
            (&one, &none, true),
            (&none, &one, false),
            (&later, &one, true),
            (&one, &later, false),
            (&both, &one, true),
            (&later, &both, false),
        ] {
            assert_eq!(knows.include(others), expected, "{knows:?} {others:?}");
        }
    }
}

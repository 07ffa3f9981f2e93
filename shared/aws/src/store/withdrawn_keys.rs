//! Withdrawn keys: for each use, all keys up to a generation.
//!
//! Code that is about to sign reads them together with the items that it needs anyway. A partition of the table serves
//! 3,000 reads a second, so there are equal copies of this item, and no item is read by every sign-in:
//!
//! | `pk` | `sk` | read |
//! |---|---|---|
//! | `withdrawn#0` to `withdrawn#15` | `withdrawn` | one of them, by person, at each request, redemption, refresh and so on |
//! | `key-set` | `withdrawn` | at each request for a key set, which is not authenticated and takes nothing from the others |
//! | `keys` | `emergency` | together with the keys |
//!
//! A withdrawal changes all copies in one transaction. A copy that is missing is no permission to use any key: it is an
//! error, until `key-rotation` has created it again.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};

use crate::store::attribute::{AT, PARTITION_KEY, THROUGH, WRITE_ID};
use crate::store::batch::with_sk;
use crate::store::item::{Item, Reader, key, number, text, time};
use crate::store::key_use::PK;
use crate::store::pause::pause;
use crate::store::{KeyUse, StoreError, Table, WriteId};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::time::Timestamp;

/// How many copies flows share.
const SHARED: u8 = 16;
const SK: &str = "withdrawn";
/// Sorts before the keys: a Query that reads a withdrawal then also reads the successor, which was written earlier.
const SK_BESIDE_KEYS: &str = "emergency";
/// The most attempts to change all copies while others change them too.
const TRIES: u32 = 6;

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

    /// These and `others`. Of two withdrawals of a use the one that reaches further counts, of two that reach equally
    /// far the earlier one.
    fn with(mut self, others: &Self) -> Self {
        for (key_use, theirs) in &others.0 {
            let reach = |it: &Withdrawal| (it.through, Reverse(it.at));
            let ours = self.0.entry(key_use).or_insert(*theirs);
            if reach(theirs) > reach(ours) {
                *ours = *theirs;
            }
        }
        self
    }
}

/// The copy that flows about this person read.
pub(super) fn item_key(person: &PersonKey) -> Item {
    let sum = person.as_str().bytes().fold(0_u8, u8::wrapping_add);
    shared(sum % SHARED)
}

fn shared(nth: u8) -> Item {
    key(format!("withdrawn#{nth}"), SK)
}

fn of_key_set() -> Item {
    key("key-set", SK)
}

fn beside_keys() -> Item {
    key(PK, SK_BESIDE_KEYS)
}

fn copies() -> Vec<Item> {
    (0..SHARED).map(shared).chain([of_key_set(), beside_keys()]).collect()
}

pub(super) fn missing() -> StoreError {
    StoreError::Unavailable("there is no item with the withdrawn keys; key-rotation creates it".to_owned())
}

/// The withdrawals among the items that were read, one of which has the key [`item_key`].
pub(super) fn among(items: &[Item]) -> Result<WithdrawnKeys, StoreError> {
    decode(with_sk(items, SK).ok_or_else(missing)?)
}

/// The withdrawals in the copy beside the keys. `None` if there is no such copy.
pub(super) fn among_keys(items: &[Item]) -> Result<Option<WithdrawnKeys>, StoreError> {
    with_sk(items, SK_BESIDE_KEYS).map(decode).transpose()
}

/// The withdrawals in the copy beside the keys, without which no key may be used.
pub(super) fn required(found: Option<WithdrawnKeys>) -> Result<WithdrawnKeys, StoreError> {
    found.ok_or_else(missing)
}

fn decode(item: &Item) -> Result<WithdrawnKeys, StoreError> {
    let mut withdrawn = WithdrawnKeys::default();
    for key_use in KeyUse::ALL.map(KeyUse::as_str) {
        let Some(value) = item.get(key_use) else { continue };
        let reader = Reader(value.as_m().map_err(|_| Reader::corrupt(key_use))?);
        let withdrawal = Withdrawal { through: reader.unsigned(THROUGH)?, at: reader.time(AT)? };
        withdrawn.0.insert(key_use, withdrawal);
    }
    Ok(withdrawn)
}

fn encode(copy: Item, withdrawn: &WithdrawnKeys, write: &WriteId) -> Item {
    let uses = withdrawn.0.iter().map(|(key_use, Withdrawal { through, at })| {
        let withdrawal = Item::from([(THROUGH.to_owned(), number(*through)), (AT.to_owned(), time(*at))]);
        ((*key_use).to_owned(), AttributeValue::M(withdrawal))
    });
    copy.into_iter().chain(uses).chain([(WRITE_ID.to_owned(), text(write.as_str()))]).collect()
}

impl Table {
    /// Permanently withdraws the keys of `key_use` up to the generation `through`. The generation can only increase:
    /// another call, or a retry of this one, may already have withdrawn these keys.
    pub async fn withdraw_keys(
        &self,
        key_use: KeyUse,
        through: u32,
        now: Timestamp,
        write: &WriteId,
    ) -> Result<(), StoreError> {
        let withdrawal = Withdrawal { through, at: now };
        self.settle_withdrawals(&WithdrawnKeys(BTreeMap::from([(key_use.as_str(), withdrawal)])), write).await
    }

    /// Creates the copies that are missing, and makes all of them equal: what one of them withdraws is withdrawn.
    pub async fn complete_withdrawals(&self, write: &WriteId) -> Result<(), StoreError> {
        self.settle_withdrawals(&WithdrawnKeys::default(), write).await
    }

    /// Lets all copies withdraw what any of them withdraws, and `more`. Nothing is written if they do already.
    async fn settle_withdrawals(&self, more: &WithdrawnKeys, write: &WriteId) -> Result<(), StoreError> {
        for attempt in 0..TRIES {
            let found = self.batch_get(copies()).await?;
            let mut wanted = more.clone();
            for copy in &found {
                wanted = wanted.with(&decode(copy)?);
            }
            let mut writes = Vec::new();
            for copy in copies() {
                let stored =
                    found.iter().find(|item| copy.iter().all(|(name, part)| item.get(name) == Some(part)));
                if stored.map(decode).transpose()?.as_ref() != Some(&wanted) {
                    writes.push(self.put_copy(encode(copy, &wanted, write), stored)?);
                }
            }
            if writes.is_empty() || self.transact("WithdrawnKeys", writes).await?.is_none() {
                return Ok(());
            }
            // Another withdrawal, or a new key, was first.
            pause(attempt).await;
        }
        Err(StoreError::Unavailable("WithdrawnKeys: others changed them at each attempt".to_owned()))
    }

    /// The part of a transaction that puts a copy, if it is still as it was read.
    fn put_copy(&self, copy: Item, stored: Option<&Item>) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(&self.name).set_item(Some(copy));
        let put = match stored {
            None => put.condition_expression(format!("attribute_not_exists({PARTITION_KEY})")),
            Some(stored) => put
                .condition_expression(format!("{WRITE_ID} = :was"))
                .expression_attribute_values(":was", text(Reader(stored).text(WRITE_ID)?)),
        };
        Ok(TransactWriteItem::builder().put(put.build().map_err(StoreError::incomplete)?).build())
    }

    /// The part of a transaction that says that the key set has changed.
    pub(super) fn new_key_set_version(&self, write: &WriteId) -> Result<Update, StoreError> {
        Update::builder()
            .table_name(&self.name)
            .set_key(Some(of_key_set()))
            .condition_expression(format!("attribute_exists({PARTITION_KEY})"))
            .update_expression(format!("SET {WRITE_ID} = :write"))
            .expression_attribute_values(":write", text(write.as_str()))
            .build()
            .map_err(StoreError::incomplete)
    }

    /// Changes with each withdrawal and with each new key, so that a cached key set is known to be current.
    pub async fn find_key_set_version(&self) -> Result<String, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(of_key_set()))
            .projection_expression(WRITE_ID)
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("GetItem key set", &error))?;
        Ok(Reader(&answer.item.ok_or_else(missing)?).text(WRITE_ID)?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

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
            let all = knows.clone().with(others);
            assert!(all.include(knows) && all.include(others), "{all:?}");
            assert_eq!(all, others.clone().with(knows));
        }
    }

    /// No copy is read by everybody.
    #[test]
    fn people_share_all_copies_evenly() {
        let mut readers = [0; SHARED as usize];
        for nth in 0..16_000 {
            let copy = item_key(&PersonKey::new("https://login.example", &nth.to_string()));
            let nth = copies().iter().position(|it| *it == copy).expect("a copy");
            readers[nth] += 1;
        }
        assert!(readers.iter().all(|it| (800..1_200).contains(it)), "{readers:?}");
        let copies: HashSet<_> = copies().iter().map(|copy| format!("{copy:?}")).collect();
        assert_eq!(copies.len(), 18);
    }
}

//! The head of a person's evidence chain (`user#<key>` / `evidence`), and the key under which personal data in it
//! is sealed (`user#<key>` / `evidence-key`).
//!
//! They are separate items so that a decision does not wait for a request made at the same moment, and so that
//! erasure deletes a single item.

use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};

use crate::store::attribute::{CHAIN, HEAD, PARTITION_KEY, SEQUENCE, WRAPPED, WRITE_ID};
use crate::store::batch::with_sk;
use crate::store::item::{Item, Reader, bytes, key, number, text};
use crate::store::{StoreError, Table, WriteId, person};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::request::evidence_document::Chain;

const CHAIN_SK: &str = "evidence";
const KEY_SK: &str = "evidence-key";

/// The chain that a person's next document extends, and the key that seals its personal data. A person without
/// evidence has neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvidenceBasis {
    pub chain: Option<Chain>,
    /// The person's wrapped key.
    pub personal_key: Option<Vec<u8>>,
}

pub(super) fn keys(of: &PersonKey) -> [Item; 2] {
    [key(person::pk(of), CHAIN_SK), key(person::pk(of), KEY_SK)]
}

pub(super) fn among(items: &[Item]) -> Result<EvidenceBasis, StoreError> {
    let decode = |item: &Item| {
        let reader = Reader(item);
        Ok(Chain {
            name: reader.text(CHAIN)?.to_owned(),
            sequence: reader.unsigned(SEQUENCE)?,
            head: Some(reader.text(HEAD)?.to_owned()),
        })
    };
    Ok(EvidenceBasis {
        chain: with_sk(items, CHAIN_SK).map(decode).transpose()?,
        personal_key: with_sk(items, KEY_SK)
            .map(|item| Reader(item).bytes(WRAPPED).map(<[u8]>::to_vec))
            .transpose()?,
    })
}

impl Table {
    /// Reads the chain and the key for the next document about a person.
    pub async fn find_evidence_basis(&self, person: &PersonKey) -> Result<EvidenceBasis, StoreError> {
        among(&self.batch_get(keys(person).into()).await?)
    }

    /// The parts of a transaction that extend a person's chain, if it is unchanged since it was read, and store the
    /// person's key, if there is none yet.
    pub(super) fn move_chain(
        &self,
        person: &PersonKey,
        seen: Option<&Chain>,
        next: &Chain,
        new_key: Option<&[u8]>,
        write: &WriteId,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let [chain_key, key_key] = keys(person);
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(chain_key))
            .update_expression(format!(
                "SET #chain = :chain, #sequence = :sequence, {HEAD} = :head, {WRITE_ID} = :write"
            ))
            .expression_attribute_names("#chain", CHAIN)
            .expression_attribute_names("#sequence", SEQUENCE)
            .expression_attribute_values(":chain", text(&next.name))
            .expression_attribute_values(":sequence", number(next.sequence as i64))
            .expression_attribute_values(":head", text(next.head.as_deref().unwrap_or_default()))
            .expression_attribute_values(":write", text(write.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = match seen {
            None => update.condition_expression(format!("attribute_not_exists({PARTITION_KEY})")),
            Some(seen) => update
                .condition_expression(format!(
                    "#chain = :chain AND #sequence = :seen AND {HEAD} = :seen_head"
                ))
                .expression_attribute_values(":seen", number(seen.sequence as i64))
                .expression_attribute_values(":seen_head", text(seen.head.as_deref().unwrap_or_default())),
        };
        let update = update.build().map_err(StoreError::incomplete)?;
        let mut writes = vec![TransactWriteItem::builder().update(update).build()];
        if let Some(wrapped) = new_key {
            let mut item = key_key;
            item.insert(WRAPPED.to_owned(), bytes(wrapped));
            writes.push(TransactWriteItem::builder().put(self.put_new(item)?).build());
        }
        Ok(writes)
    }

    /// Permanently erases the personal data in all evidence about a person. `false` if they have no key.
    pub async fn delete_personal_key(&self, person: &PersonKey) -> Result<bool, StoreError> {
        let [_, key_key] = keys(person);
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(key_key))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("DeleteItem evidence-key", &error))?;
        Ok(deleted.attributes.is_some())
    }
}
